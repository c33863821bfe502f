"""Small scores whose marks were worked out by hand.

The true score: two bars of 4/4 in C, a quarter note on each beat in the right hand (C4 … C5), a half note on each
half bar in the left.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dataset_tools.mv2h import Mv2h, Rates, judge, spans
from dataset_tools.score_file import Bar, WrittenNote, WrittenScore

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
FIFTHS = (0, 2, 4, -1, 1, 3, 5, 0)


def bars(count: int = 2, metre: tuple[int, int] = (4, 4), sharps: int = 0, start: float = 0.0) -> list[Bar]:
    length = 4 * metre[0] / metre[1]
    return [Bar(start + index * length, length, *metre, sharps) for index in range(count)]


def true_score() -> WrittenScore:
    right = [
        WrittenNote(i, 1, pitch, fifths, 0, "r") for i, (pitch, fifths) in enumerate(zip(SCALE, FIFTHS, strict=True))
    ]
    left = [WrittenNote(2 * i, 2, pitch, 0, 1, "l") for i, pitch in enumerate((48, 43, 41, 36))]
    return WrittenScore(sorted([*right, *left], key=lambda note: (note.onset, note.pitch)), bars())


def changed(change: Callable[[WrittenNote], WrittenNote], **score: list[Bar]) -> WrittenScore:
    """The true score with every note changed."""
    return replace(true_score(), notes=[change(note) for note in true_score().notes], **score)


def parts(found: WrittenScore, true: WrittenScore | None = None, *, align: bool = False) -> Mv2h:
    return judge(found, true or true_score(), align=align)[0]


def rates(found: WrittenScore, true: WrittenScore | None = None, *, align: bool = False) -> Rates:
    return judge(found, true or true_score(), align=align)[1]


@pytest.mark.parametrize("align", [False, True])
def test_the_true_score_gets_full_marks(align: bool) -> None:
    assert judge(true_score(), true_score(), align=align) == (Mv2h(1, 1, 1, 1, 1), Rates(1, 1, 1, 1, 1, 1))
    assert parts(true_score(), align=align).mean == 1


def test_a_wrong_pitch_counts_once_as_wrong_and_once_as_missed() -> None:
    wrong = changed(lambda note: replace(note, pitch=61) if note.pitch == 62 else note)
    assert parts(wrong).pitch == pytest.approx(2 * 11 / 24)
    assert parts(wrong).voice == 1  # in both, C4 is followed by E4 among what was matched
    # C4's true successor was not found, so that its length is not looked at
    longer = changed(lambda note: {60: replace(note, length=2), 62: replace(note, pitch=61)}.get(note.pitch, note))
    assert parts(longer).value == 1


def test_an_onset_may_be_a_tenth_of_a_quarter_off() -> None:
    def late(quarters: float) -> WrittenScore:
        return changed(lambda note: replace(note, onset=note.onset + quarters))

    assert parts(late(0.1)).pitch == 1
    assert parts(late(0.11)).pitch == 0


def test_each_true_note_serves_once() -> None:
    twice = replace(true_score(), notes=[*true_score().notes, true_score().notes[-1]])
    assert parts(twice).pitch == pytest.approx(2 * 12 / 25)


def test_bars_of_three_share_beats_and_their_halves() -> None:
    in_three = replace(true_score(), bars=[*bars(2, (3, 4)), Bar(6.0, 2.0, 3, 4, 0)])
    # 8 beats and 16 halves are right; 3 bars stand for 2
    assert parts(in_three).metre == pytest.approx(2 * 24 / (27 + 26))
    # only C4 and the left hand's C3 begin a bar in both; the others come another fraction of the bar later
    assert rates(in_three).place == pytest.approx(2 / 12)
    assert rates(in_three).metre == 0


def test_bar_lines_a_beat_late() -> None:
    shifted = replace(true_score(), bars=[Bar(0.0, 1.0, 4, 4, 0), *bars(1, start=1.0), Bar(5.0, 3.0, 4, 4, 0)])
    # beats and halves are right; of the found bars two count, as the pick-up is none, and neither is right
    assert parts(shifted).metre == pytest.approx(2 * 24 / (26 + 26))
    assert rates(shifted).place == 0
    assert rates(shifted).metre == 1


def test_parts_of_beats_are_thirds_where_beats_are_dotted() -> None:
    bar = bars(1, (6, 8))
    assert sorted(map(tuple, np.diff(spans(bar), axis=1).T)) == [(3.0, 1.5, 1.5, *[0.5] * 6)]


def test_a_pick_up_counts_with_its_beats_and_not_as_a_bar() -> None:
    assert spans([Bar(0.0, 1.0, 4, 4, 0)]).tolist() == [[0, 1], [0, 0.5], [0.5, 1]]


def test_halved_lengths_score_half() -> None:
    halved = changed(lambda note: replace(note, length=note.length / 2))
    found = parts(halved)
    assert found.value == pytest.approx(0.5)
    assert (found.pitch, found.voice, found.metre, found.harmony) == (1, 1, 1, 1)
    assert rates(halved).value == 0
    thrice = changed(lambda note: replace(note, length=3 * note.length) if note.pitch == 72 else note)
    assert parts(thrice).value == pytest.approx(11 / 12)  # 1 - 2/1 is below 0


def test_voices_named_otherwise_are_the_same_voices() -> None:
    swapped = changed(lambda note: replace(note, voice={"r": "l", "l": "r"}[note.voice], staff=1 - note.staff))
    assert parts(swapped).voice == 1
    assert rates(swapped).staff == 0


def test_merged_voices_are_linked_to_too_many() -> None:
    merged = changed(lambda note: replace(note, voice="1"))
    # The right hand's notes on the 1st, 3rd, 5th and 7th beat are linked as is true: 1 link of 1 and 1. Those between,
    # and the left hand's, are linked to both hands' next notes: 1 right of 2 and 1, which weighs 1/1.5. The last have
    # none in either.
    right, links = 4 * 1 + 3 / 1.5 + 3 / 1.5, 4 * 2 + 3 * 3 / 1.5 + 3 * 3 / 1.5
    assert parts(merged).voice == pytest.approx(2 * right / links)


def test_a_chord_weighs_as_much_as_a_note() -> None:
    """A chord of three that is not linked to what follows, and then a note that is."""

    def three(voice: str) -> WrittenScore:
        chord = [WrittenNote(0, 1, pitch, 0, 0, voice) for pitch in (60, 64, 67)]
        line = [WrittenNote(onset, 1, pitch, 0, 0, "1") for onset, pitch in ((1, 72), (2, 74))]
        return WrittenScore([*chord, *line], bars(1))

    # each note of the chord: 0 links of the true 1, weight 1/0.5 for the number and 1/3 for the chord's size
    assert parts(three("2"), three("1")).voice == pytest.approx(2 * 1 / (3 * 1 / 0.5 / 3 + 2))


@pytest.mark.parametrize(
    ("found", "true", "score"),
    [(0, 0, 1.0), (1, 0, 0.5), (-3, -4, 0.5), (0, -3, 0.2), (2, 0, 0.0), (6, -6, 1.0), (-6, 5, 0.5)],
)
def test_keys_by_the_distance_of_their_signatures(found: int, true: int, score: float) -> None:
    one, other = replace(true_score(), bars=bars(sharps=found)), replace(true_score(), bars=bars(sharps=true))
    assert parts(one, other).harmony == pytest.approx(score)
    assert rates(one, other).key == (found == true)


def test_keys_are_averaged_over_time() -> None:
    changing = replace(true_score(), bars=[*bars(1), *bars(1, sharps=1, start=4.0)])
    assert parts(true_score(), changing).harmony == pytest.approx(0.75)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_at_another_tempo_notes_get_full_marks(factor: float) -> None:
    def stretched(note: WrittenNote) -> WrittenNote:
        return replace(note, onset=factor * note.onset, length=factor * note.length)

    other = changed(stretched, bars=bars(round(2 * factor)))
    found = parts(other, align=True)
    assert (found.pitch, found.voice, found.value) == (1, 1, 1)
    assert rates(other, align=True).value == 0
    # written twice as long, the beats are the true halves; written half as long, the halves are the true beats
    shared, spans_found = (16, 4 + 16 + 32) if factor == 2 else (8, 1 + 4 + 8)
    assert found.metre == pytest.approx(2 * shared / (spans_found + 2 + 8 + 16))


def test_what_was_not_played_is_left_out_of_the_alignment() -> None:
    """The true score has two bars more between its bars, as of a repeat that was not taken."""
    late = [replace(note, onset=note.onset + 8) if note.onset >= 4 else note for note in true_score().notes]
    other = [WrittenNote(4 + i, 1, 80 + i, 0, 0, "r") for i in range(8)]
    longer = WrittenScore(sorted([*late, *other], key=lambda note: note.onset), bars(4))
    assert parts(true_score(), longer, align=True).pitch == pytest.approx(2 * 12 / (12 + 20))


def test_wrong_and_missed_notes_do_not_upset_the_alignment() -> None:
    kept = [note for note in true_score().notes if note.pitch not in (62, 43)]
    wrong = [WrittenNote(3.25, 0.5, 90, 0, 0, "r"), WrittenNote(6.75, 0.5, 91, 0, 0, "r")]
    found = WrittenScore(sorted([*kept, *wrong], key=lambda note: note.onset), bars())
    assert parts(found, align=True).pitch == pytest.approx(2 * 10 / 24)
    assert parts(found, align=True).metre == 1


def test_grace_notes_take_part_in_pitch_alone() -> None:
    grace = WrittenNote(1, 0, 61, 0, 0, "r")
    true = replace(true_score(), notes=[grace, *true_score().notes])
    found = parts(true_score(), true)
    assert found.pitch == pytest.approx(24 / 25)
    assert replace(found, pitch=1) == Mv2h(1, 1, 1, 1, 1)
    assert parts(replace(true, notes=[*true_score().notes, replace(grace, length=0.1)]), true) == Mv2h(1, 1, 1, 1, 1)


def test_halves_of_two_two_are_counted_as_quarters_too() -> None:
    two_two = replace(true_score(), bars=bars(2, (2, 2)))
    assert rates(true_score(), two_two).place == 1
    halved = changed(lambda note: replace(note, onset=note.onset / 2, length=note.length / 2), bars=bars(2, (2, 4)))
    assert rates(halved, two_two, align=True).place == 1


def test_the_same_part_of_a_bar_of_other_beats_is_another_place() -> None:
    six = WrittenScore([WrittenNote(0, 1.5, 60, 0, 0, "r"), WrittenNote(1.5, 1.5, 62, 2, 0, "r")], bars(1, (6, 8)))
    assert (
        rates(replace(six, bars=bars(1, (3, 4))), six).place == 0.5
    )  # both begin the bar; half of it is beat 1 or 1.5


def test_spelling() -> None:
    sharp = changed(lambda note: replace(note, fifths=note.fifths + 12) if note.pitch == 72 else note)
    assert rates(sharp).spelling == pytest.approx(11 / 12)


def test_nothing_found() -> None:
    assert parts(WrittenScore([], bars()), align=True) == Mv2h(0, 0, 1, 0, 1)


def test_five_thousand_notes_take_seconds() -> None:
    rng = np.random.default_rng(0)
    pitches = rng.integers(40, 90, 5000)
    notes = [WrittenNote(index // 2 * 0.25, 0.25, int(pitch), 0, 0, "1") for index, pitch in enumerate(pitches)]
    true = WrittenScore(notes, bars(157))
    found = replace(true, notes=[note for note in notes if rng.random() > 0.1])
    assert parts(found, true, align=True).pitch == pytest.approx(
        2 * len(found.notes) / (len(found.notes) + 5000), abs=0.01
    )

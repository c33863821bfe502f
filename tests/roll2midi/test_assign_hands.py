"""Who pressed it: made-up fingertips with known truth go in, hands and fingers come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretty_midi

from pianoroll import Note, PianoRoll, write_csv, write_midi
from pianoroll.keys import KEYS, is_black, key_centre
from roll2midi import assign_hands

FPS = 30
LEFT, RIGHT = 1, 2
RESTING = {RIGHT: np.arange(5) - 2.0, LEFT: 2.0 - np.arange(5)}  # white-key widths, thumb to little finger
DEPTH = np.array([0.9, 0.7, 0.65, 0.68, 0.8])  # across, on white keys
RECORDED = Path(__file__).parents[1] / "data" / "fingertips.npz"


@dataclass(frozen=True)
class Press:
    """A key press of the truth; ``finger`` 1..5."""

    onset: float
    pitch: int
    side: int
    finger: int
    length: float = 0.25

    @property
    def note(self) -> Note:
        return Note(self.onset, self.pitch, self.onset + self.length)

    @property
    def answer(self) -> tuple[str, int]:
        return ("left" if self.side == LEFT else "right"), self.finger


def tips_of(presses: Sequence[Press], side: int, times: np.ndarray, noise: float = 0.1) -> np.ndarray:
    """Fingertips ``(T, 5, 2)`` of one hand: it is over its keys 0.06 s before it strikes them, until they come up."""
    own = [press for press in presses if press.side == side]
    stops, places = [], []
    for onset in sorted({press.onset for press in own}):
        struck = [press for press in own if press.onset == onset]
        shape = RESTING[side] + np.mean([key_centre(p.pitch) - RESTING[side][p.finger - 1] for p in struck])
        place = np.stack([shape, DEPTH], axis=1)
        for press in struck:
            place[press.finger - 1] = key_centre(press.pitch), 0.45 if is_black(press.pitch) else 0.8
        stops += [onset - 0.06, onset + 0.12]
        places += [place, place]
    track = np.array(places)
    tips = np.stack([[np.interp(times, stops, track[:, f, c]) for c in range(2)] for f in range(5)])
    wobble = np.random.default_rng(side).normal(0, noise, (len(times), 5, 2)) * [1.0, 0.15]
    return tips.transpose(2, 0, 1) + wobble


def roll_of(presses: Sequence[Press], noise: float = 0.1) -> PianoRoll:
    """A roll that shows the hands of ``presses``, and no keys."""
    times = np.arange(0, max(press.onset for press in presses) + 1, 1 / FPS)
    sides = sorted({press.side for press in presses})
    return bare_roll(times, np.stack([tips_of(presses, side, times, noise) for side in sides], axis=1), sides)


def bare_roll(times: np.ndarray, tips: np.ndarray | None, sides: Sequence[int] | None) -> PianoRoll:
    blank = np.zeros((len(times), KEYS), np.float32)
    given = None if sides is None else np.array(sides)
    return PianoRoll(times, blank, blank, fingertips=tips, sides=given)


def answers(notes: Sequence[Note]) -> list[tuple[str | None, int | None]]:
    return [(note.hand, note.finger) for note in notes]


def in_turn(pitches: Sequence[int], fingers: Sequence[int], side: int, step: float = 0.25) -> list[Press]:
    pairs = zip(pitches, fingers, strict=True)
    return [Press(1 + step * i, pitch, side, finger, step) for i, (pitch, finger) in enumerate(pairs)]


SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def test_a_scale_passes_the_thumb_under() -> None:
    presses = in_turn(SCALE, [1, 2, 3, 1, 2, 3, 4, 5], RIGHT)
    assert answers(assign_hands([p.note for p in presses], roll_of(presses))) == [p.answer for p in presses]


def test_a_scale_of_the_left_hand_passes_the_third_over() -> None:
    presses = in_turn([pitch - 24 for pitch in SCALE], [5, 4, 3, 2, 1, 3, 2, 1], LEFT)
    assert answers(assign_hands([p.note for p in presses], roll_of(presses))) == [p.answer for p in presses]


def test_black_keys() -> None:
    presses = in_turn([61, 63, 66, 68, 70], [2, 3, 1, 2, 3], RIGHT)
    assert answers(assign_hands([p.note for p in presses], roll_of(presses))) == [p.answer for p in presses]


def test_chords_of_both_hands() -> None:
    chords = [((48, 5), (52, 3), (55, 1)), ((60, 1), (64, 3), (67, 5))]
    later = [((47, 5), (50, 3), (55, 1)), ((59, 1), (65, 4), (67, 5))]
    presses = [
        Press(1.0 + 0.5 * i, pitch, side, finger, 0.45)
        for i, both in enumerate((chords, later, chords))
        for side, chord in zip((LEFT, RIGHT), both, strict=True)
        for pitch, finger in chord
    ]
    notes = assign_hands([p.note for p in presses], roll_of(presses))
    assert answers(notes) == [p.answer for p in sorted(presses, key=lambda p: (p.onset, p.pitch))]


def test_the_fingers_of_a_chord_keep_their_order_where_tips_are_mistaken() -> None:
    presses = [Press(1.0, 60, RIGHT, 1), Press(1.0, 64, RIGHT, 3), Press(1.0, 67, RIGHT, 5)]
    roll = roll_of(presses, noise=0.02)
    assert roll.fingertips is not None
    roll.fingertips[:, 0, 3, 0] = roll.fingertips[:, 0, 0, 0]  # the fourth finger is taken for the thumb
    assert answers(assign_hands([p.note for p in presses], roll)) == [p.answer for p in presses]


def test_a_hand_that_crosses_over_is_told_by_its_tips() -> None:
    low = in_turn([60, 62, 64, 62] * 2, [1, 2, 3, 2] * 2, RIGHT)
    high = [Press(1.1, 79, LEFT, 2), Press(2.1, 81, LEFT, 1), Press(2.6, 48, LEFT, 5)]
    presses = sorted([*low, *high], key=lambda p: (p.onset, p.pitch))
    assert answers(assign_hands([p.note for p in presses], roll_of(presses))) == [p.answer for p in presses]


def test_a_camera_aslant_shifts_all_tips() -> None:
    presses = in_turn(SCALE * 2, [1, 2, 3, 1, 2, 3, 4, 5] * 2, RIGHT)
    roll = roll_of(presses)
    assert roll.fingertips is not None
    roll.fingertips[..., 0] += 0.4
    assert answers(assign_hands([p.note for p in presses], roll)) == [p.answer for p in presses]


def test_a_repeated_key_under_its_pedal() -> None:
    presses = [Press(1 + 0.2 * i, 64, RIGHT, 3, length=3.0) for i in range(6)]
    assert answers(assign_hands([p.note for p in presses], roll_of(presses))) == [p.answer for p in presses]


def test_a_thumb_on_two_keys() -> None:
    presses = [Press(1.0, 60, RIGHT, 1), Press(1.0, 62, RIGHT, 1), Press(1.0, 67, RIGHT, 4)]
    roll = roll_of(presses, noise=0.02)
    assert roll.fingertips is not None
    roll.fingertips[:, 0, 0] = key_centre(60) + 0.5, 0.9
    roll.fingertips[:, 0, 1:3, 0] = key_centre(64) + np.array([0.1, 0.9])
    assert answers(assign_hands([p.note for p in presses], roll)) == [p.answer for p in presses]


def test_two_tips_that_fit_alike_leave_the_finger_open() -> None:
    times = np.arange(0, 2, 1 / FPS)
    away = np.array([[-2.0, 0.9], [-0.4, 0.7], [0.4, 0.7], [1.9, 0.7], [2.8, 0.7]])
    place = away + np.array([key_centre(64), 0])
    [note] = assign_hands([Note(1.0, 64, 1.3)], bare_roll(times, np.tile(place, (len(times), 1, 1, 1)), [RIGHT]))
    assert (note.hand, note.finger) == ("right", None)


def test_without_hands_reach_decides_and_no_finger_is_named() -> None:
    times = np.arange(0, 4, 1 / FPS)
    high = [Note(1 + 0.25 * i, pitch, 1.2 + 0.25 * i, finger=1) for i, pitch in enumerate(SCALE)]
    low = [Note(1 + 0.5 * i, pitch, 1.4 + 0.5 * i) for i, pitch in enumerate((36, 43, 40, 43))]
    unseen = np.full((len(times), 2, 5, 2), np.nan)
    for roll in (bare_roll(times, None, None), bare_roll(times, unseen, [LEFT, RIGHT])):
        notes = assign_hands([*high, *low], roll)
        assert [note.hand for note in notes] == ["left" if note.pitch < 50 else "right" for note in notes]
        assert all(note.finger is None for note in notes)


def test_reach_follows_two_hands_far_up() -> None:
    times = np.arange(0, 6, 1 / FPS)
    notes = [Note(1 + 0.4 * i, p, 1.3 + 0.4 * i) for i in range(8) for p in (67 + i % 3, 84 + i % 4)]
    assigned = assign_hands(notes, bare_roll(times, None, None))
    assert {note.hand for note in assigned if note.pitch < 75} == {"left"}  # both lie above middle C


def test_one_hand_in_view() -> None:
    presses = in_turn(SCALE, [1, 2, 3, 1, 2, 3, 4, 5], RIGHT)
    unseen = [Note(1 + 0.5 * i, 36, 1.4 + 0.5 * i) for i in range(4)]
    notes = assign_hands([*(p.note for p in presses), *unseen], roll_of(presses))
    assert answers([note for note in notes if note.pitch >= 60]) == [p.answer for p in presses]
    assert answers([note for note in notes if note.pitch == 36]) == [("left", None)] * 4


def test_no_finger_while_the_hand_is_lost() -> None:
    presses = in_turn(SCALE, [1, 2, 3, 1, 2, 3, 4, 5], RIGHT)
    roll = roll_of(presses)
    assert roll.fingertips is not None
    roll.fingertips[(roll.times > 1.6) & (roll.times < 2.15)] = np.nan
    notes = assign_hands([p.note for p in presses], roll)
    lost = [1.65 < press.onset < 2.1 for press in presses]
    assert any(lost)
    for note, press, hidden in zip(notes, presses, lost, strict=True):
        assert (note.hand, note.finger) == ("right", None if hidden else press.finger)


def test_no_tip_within_reach_no_finger() -> None:
    times = np.arange(0, 2, 1 / FPS)
    place = np.stack([key_centre(72) + RESTING[RIGHT], DEPTH], axis=1)
    roll = bare_roll(times, np.tile(place, (len(times), 1, 1, 1)), [RIGHT])
    [note] = assign_hands([Note(1.0, 84, 1.3)], roll)
    assert note.finger is None


def test_two_players() -> None:
    low = in_turn([48, 50, 52, 53], [1, 2, 3, 4], RIGHT)
    high = in_turn([76, 77, 79, 81], [2, 3, 4, 5], RIGHT)
    times = np.arange(0, 4, 1 / FPS)
    tips = np.stack([tips_of(low, RIGHT, times), tips_of(high, RIGHT, times)], axis=1)
    notes = assign_hands([p.note for p in (*low, *high)], bare_roll(times, tips, [RIGHT, RIGHT]))
    assert sorted(answers(notes)) == sorted(p.answer for p in (*low, *high))


def test_nothing_to_assign() -> None:
    times = np.arange(0, 1, 1 / FPS)
    assert assign_hands([], bare_roll(times, np.full((len(times), 2, 5, 2), np.nan), [LEFT, RIGHT])) == []
    assert assign_hands([], bare_roll(times[:0], None, None)) == []
    [note] = assign_hands([Note(9.0, 60, 9.5)], bare_roll(times, np.zeros((len(times), 0, 5, 2)), []))
    assert (note.hand is not None, note.finger) == (True, None)


def test_files_tell_hand_and_finger(tmp_path: Path) -> None:
    presses = [*in_turn([60, 62], [1, 2], RIGHT), *in_turn([48, 50], [2, 1], LEFT)]
    notes = assign_hands([p.note for p in presses], roll_of(presses))
    write_midi(notes, tmp_path / "x.mid")
    tracks = {track.name: len(track.notes) for track in pretty_midi.PrettyMIDI(str(tmp_path / "x.mid")).instruments}
    assert tracks == {"right": 2, "left": 2}
    write_csv(notes, tmp_path / "x.csv")
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert lines[1] == "1.000,1.250,48,C3,80,left,2,1.000"


def test_recorded_hands() -> None:
    """Six seconds of a real pianist (phuang1024/pianoray, CC0), fingers labelled by eye where they could be told."""
    with np.load(RECORDED) as file:
        roll = bare_roll(file["times"], file["tips"].astype(np.float32), list(file["sides"]))
        notes = [Note(float(on), int(pitch), float(off)) for on, off, pitch in file["notes"]]
        labels = file["labels"]  # (notes, 2): side, finger; 0 where not labelled
    found = [({"left": LEFT, "right": RIGHT}[note.hand or ""], note.finger or 0) for note in assign_hands(notes, roll)]
    told = [(answer, tuple(label)) for answer, label in zip(found, labels.tolist(), strict=True) if label[1]]
    assert len(told) >= 8
    assert [answer for answer, _ in told] == [label for _, label in told]

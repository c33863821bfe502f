"""Which staff each note stands on, where nobody saw the hands."""

from collections.abc import Sequence
from dataclasses import replace

from pianoroll import Hand, Note
from score.staves import hands_by_staff

QUAVER = 0.25  # seconds


def line(pitches: Sequence[int], hand: Hand, *, length: float = QUAVER, begin: float = 0.0) -> list[Note]:
    """Notes one after the other, none begun where the pitch is 0."""
    places = enumerate(pitches)
    return [Note(begin + i * length, p, begin + (i + 0.95) * length, hand=hand) for i, p in places if p]


def bare(notes: Sequence[Note]) -> list[Note]:
    return [replace(note, hand=None) for note in notes]


def share_right(notes: Sequence[Note], found: Sequence[Note]) -> float:
    """Share of the notes that are in the hand that plays them."""
    assert bare(found) == bare(sorted(notes))
    return sum(a.hand == b.hand for a, b in zip(sorted(notes), found, strict=True)) / len(notes)


TUNE = [72, 74, 76, 77, 79, 77, 76, 74, 72, 71, 72, 74, 76, 74, 72, 67]
ALBERTI = [48, 55, 52, 55, 48, 55, 52, 55, 47, 55, 50, 55, 48, 55, 52, 55]


def test_no_notes_and_one_note() -> None:
    assert hands_by_staff([]) == []
    assert hands_by_staff([Note(0.0, 84, 1.0)])[0].hand == "right"
    assert hands_by_staff([Note(0.0, 31, 1.0)])[0].hand == "left"


def test_alberti_bass_is_the_left_hands() -> None:
    notes = line(TUNE * 2, "right") + line(ALBERTI * 2, "left")
    assert share_right(notes, hands_by_staff(bare(notes))) > 0.98


def test_no_fixed_middle_c() -> None:
    high = [replace(note, pitch=note.pitch + 14) for note in line(TUNE * 2, "right") + line(ALBERTI * 2, "left")]
    low = [replace(note, pitch=note.pitch - 14) for note in line(TUNE * 2, "right") + line(ALBERTI * 2, "left")]
    assert share_right(high, hands_by_staff(bare(high))) > 0.98
    assert share_right(low, hands_by_staff(bare(low))) > 0.98


def test_tune_goes_on_below_middle_c() -> None:
    tune = [76, 74, 72, 71, 69, 67, 65, 64, 62, 60, 59, 57, 55, 57, 59, 60, 62, 64, 65, 67, 69, 71, 72, 74]
    bass = [[36, 43], [38, 45], [40, 43], [36, 43], [35, 43], [36, 43]]
    chords = [
        note for i, pair in enumerate(bass) for p in pair for note in line([p], "left", length=1.0, begin=float(i))
    ]
    notes = line(tune, "right") + chords
    assert share_right(notes, hands_by_staff(bare(notes))) > 0.98


def test_chord_of_both_hands_is_cut_at_the_gap() -> None:
    chords = [([43, 50, 55], [67, 71, 74]), ([41, 48, 53], [65, 69, 72]), ([40, 47, 52], [64, 67, 71])] * 3
    notes = [
        note
        for i, hands in enumerate(chords)
        for hand, pitches in zip(("left", "right"), hands, strict=True)
        for p in pitches
        for note in line([p], hand, length=0.8, begin=0.8 * i)  # type: ignore[arg-type]
    ]
    assert share_right(notes, hands_by_staff(bare(notes))) == 1.0


def test_crossing_hands_that_were_seen() -> None:
    """The left jumps over the right's chord figures, and only the left was seen."""
    left = line([43, 0, 0, 0, 79, 0, 81, 0, 41, 0, 0, 0, 83, 0, 81, 0] * 3, "left")
    right = line([60, 64, 67, 64] * 12, "right")
    assert share_right(left + right, hands_by_staff(left + bare(right))) == 1.0


def test_known_hands_stay() -> None:
    told = [replace(note, hand="left") for note in line(TUNE, "right")]
    assert hands_by_staff(told) == told

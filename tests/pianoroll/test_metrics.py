"""The metrics, on cases small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest

from pianoroll import Note
from pianoroll.metrics import Score, frame_score, inside, note_score

TRUTH = [Note(1.0, 60, 2.0), Note(2.0, 62, 2.5), Note(3.0, 64, 3.2)]


def test_frames_are_counted_key_by_key() -> None:
    true, predicted = np.zeros((2, 4, 88), dtype=bool)
    true[0:3, 10] = True
    predicted[1:4, 10] = True
    predicted[0, 11] = True
    assert frame_score(predicted, true) == Score(true_positives=2, false_positives=2, misses=1)


def test_f1_of_counts() -> None:
    score = Score(6, 2, 4)
    assert (score.precision, score.recall) == (0.75, 0.6)
    assert score.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert Score().f1 == Score().precision == 0.0
    assert Score(1, 2, 3) + Score(10, 20, 30) == Score(11, 22, 33)


def test_the_truth_itself_is_perfect() -> None:
    assert note_score(TRUTH, TRUTH, offsets=True) == Score(3, 0, 0)


@pytest.mark.parametrize(("late", "at_50", "at_100"), [(0.04, 3, 3), (0.08, 0, 3), (0.12, 0, 0)])
def test_onsets_within_the_tolerance_count(late: float, at_50: int, at_100: int) -> None:
    moved = [replace(n, onset=n.onset + late, offset=n.offset + late) for n in TRUTH]
    assert note_score(moved, TRUTH).true_positives == at_50
    assert note_score(moved, TRUTH, onset_tolerance=0.1).true_positives == at_100


def test_wrong_pitches_and_doubled_notes_are_false() -> None:
    wrong = [replace(TRUTH[0], pitch=61), TRUTH[1], replace(TRUTH[1], onset=2.01), TRUTH[2]]
    assert note_score(wrong, TRUTH) == Score(2, 2, 1)


def test_ends_may_miss_by_a_fifth_of_the_length_or_50_ms() -> None:
    ends = [replace(TRUTH[0], offset=2.19), replace(TRUTH[1], offset=2.65), replace(TRUTH[2], offset=3.249)]
    assert note_score(ends, TRUTH) == Score(3, 0, 0)
    assert note_score(ends, TRUTH, offsets=True) == Score(2, 1, 1)


def test_no_notes_at_all() -> None:
    assert note_score([], TRUTH) == Score(0, 0, 3)
    assert note_score(TRUTH, []) == Score(0, 3, 0)
    assert note_score([], []) == Score(0, 0, 0)


def test_inside_takes_notes_by_their_onset() -> None:
    assert inside(TRUTH, 1.0, 3.0) == TRUTH[:2]


def test_rolls_of_different_length_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="shape"):
        frame_score(np.zeros((2, 88), bool), np.zeros((3, 88), bool))

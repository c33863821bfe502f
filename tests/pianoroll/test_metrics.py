"""The metrics, on cases small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest

from pianoroll import Note
from pianoroll.metrics import FrameAverage, Score, frame_average, frame_score, inside, note_score, velocity_score

TRUTH = [Note(1.0, 60, 2.0), Note(2.0, 62, 2.5), Note(3.0, 64, 3.2)]


def test_frames_are_counted_key_by_key() -> None:
    true, predicted = np.zeros((2, 4, 88), dtype=bool)
    true[0:3, 10] = True
    predicted[1:4, 10] = True
    predicted[0, 11] = True
    assert frame_score(predicted, true) == Score(true_positives=2, false_positives=2, misses=1)


def test_each_frame_counts_alike_in_the_average_and_what_cannot_be_asked_counts_one() -> None:
    true, predicted = np.zeros((4, 88), dtype=bool), np.zeros((4, 88), dtype=bool)
    true[0, [10, 20]] = predicted[0, 10] = True  # half of it found
    true[1, 10] = True  # nothing predicted: no precision to be asked
    predicted[2, 10] = True  # nothing down: no recall to be asked
    found = frame_average(predicted, true)  # and the last is empty, and seen as empty
    assert (found.frames, found.empty) == (4, 2)
    assert found.precision == pytest.approx((1 + 1 + 0 + 1) / 4)
    assert found.recall == pytest.approx((1 / 2 + 0 + 1 + 1) / 4)
    assert found.f1 == pytest.approx((2 / 3 + 0 + 0 + 1) / 4)
    assert (found + found).f1 == found.f1
    assert found + FrameAverage() == found
    assert FrameAverage().f1 == 0.0


def test_velocities_are_judged_up_to_a_straight_line() -> None:
    true = [Note(i, 60 + i, i + 0.5, 30 + 10 * i) for i in range(8)]
    assert velocity_score([replace(n, velocity=n.velocity // 2 + 5) for n in true], true) == Score(8, 0, 0)
    one_off = [replace(n, velocity=120 if n.pitch == 60 else n.velocity) for n in true]
    assert velocity_score(one_off, true).f1 < 1
    late_end = [replace(n, offset=n.offset + (0.3 if n.pitch < 64 else 0)) for n in true]
    assert velocity_score(late_end, true) == Score(8, 0, 0)
    assert velocity_score(late_end, true, offsets=True) == Score(4, 4, 4)
    assert velocity_score([], true) == Score(0, 0, 8)
    assert velocity_score(true, [replace(n, velocity=80) for n in true]) is None
    assert velocity_score(true, []) is None


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
    with pytest.raises(ValueError, match="shape"):
        frame_average(np.zeros((2, 88), bool), np.zeros((3, 88), bool))

"""Labels of fingers, recorded landmarks, and the count of who was named right."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools.clips import Clip
from dataset_tools.judge_fingers import LEFT, RIGHT, Label, judge, read_labels, recorded_roll, write_labels
from pianoroll import Note
from video2roll.rectify import Keyboard

LABELS = Path(__file__).parents[1] / "data" / "fingering.csv"
KEYBOARD = Keyboard(np.array([[600.0, 160], [40, 150], [30, 100], [610, 110]]))  # the camera opposite the player


def clip(tmp_path: Path) -> Clip:
    return Clip("x.mp4", tmp_path / "x.mp4", tmp_path / "x.mid", 0.0, 9.0, "dev", KEYBOARD, True)


def in_picture(thumb: float, little: float) -> np.ndarray:
    """Landmarks ``(21, 2)`` in pixels whose tips lie evenly from the thumb to the little finger (along)."""
    points = np.zeros((21, 2))
    tips = np.stack([np.linspace(thumb, little, 5), np.full(5, 0.8)], axis=1)
    points[4::4] = cv2.perspectiveTransform(tips[None], KEYBOARD.to_picture.astype(np.float64))[0]
    return points


def test_recorded_landmarks_are_sorted_by_side(tmp_path: Path) -> None:
    left, right = in_picture(20, 16), in_picture(28, 32)
    points = np.array([[left, right], [right, left], [left, right], [right, right + 1]])
    hands = np.array([[1, 2], [2, 1], [2, 2], [2, 1]])  # swapped, then both named alike, then one found twice
    np.savez(tmp_path / "x.npz", times=[0.0, 0.1, 0.2, 0.3], hand=hands, points=points, score=np.ones((4, 2)))
    roll = recorded_roll(clip(tmp_path), tmp_path / "x.npz")
    assert roll.fingertips is not None
    assert roll.sides is not None
    assert list(roll.sides) == [LEFT, RIGHT]
    assert roll.fingertips[:3, 0, :, 0] == pytest.approx(np.tile([20, 19, 18, 17, 16], (3, 1)), abs=0.01)
    assert roll.fingertips[:, 1, :, 0] == pytest.approx(np.tile([28, 29, 30, 31, 32], (4, 1)), abs=0.01)
    assert np.isnan(roll.fingertips[3, 0]).all()


def test_only_what_was_labelled_is_counted() -> None:
    labels = [
        Label("x", 1.0, 60, "right", 1),
        Label("x", 1.5, 62, "right", 2),
        Label("x", 2.0, 64, "right", None),
        Label("x", 2.5, 48, "left", 5),
        Label("x", 3.0, 50, None, None),
    ]
    notes = [
        Note(1.0, 60, 1.2, hand="right", finger=1),
        Note(1.5, 62, 1.7, hand="right", finger=3),
        Note(2.0, 64, 2.2, hand="left", finger=1),
        Note(2.5, 48, 2.7, hand="left"),
        Note(3.0, 50, 3.2, hand="right", finger=1),
    ]
    wrong: list[str] = []
    score = judge(notes, labels, wrong=wrong)
    assert (score.fingers, score.named, score.right) == (3, 2, 1)
    assert (score.hands, score.same) == (4, 3)
    assert len(wrong) == 3


def test_the_labels_are_enough_and_can_be_written_again(tmp_path: Path) -> None:
    labels = read_labels(LABELS)
    assert sum(label.finger is not None for label in labels) >= 200
    write_labels(labels, tmp_path / "again.csv")
    assert read_labels(tmp_path / "again.csv") == labels

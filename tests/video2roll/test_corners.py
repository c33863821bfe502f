"""Corners given by hand: which keys lie between them, counted in a drawn keyboard, or refused in one sentence."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from app import pipeline
from pianoroll.keys import BLACK_KEY_LENGTH, is_black, key_edges
from video2roll.corners import check_range, count_keys, possible_ranges
from video2roll.rectify import CornersError, Keyboard

CORNERS = np.array([[60, 130], [1190, 150], [1230, 330], [20, 290]])  # seen aslant, in a picture of 1280 x 480


def draw(lowest: int, highest: int, corners: np.ndarray = CORNERS) -> np.ndarray:
    """A gray picture of the keys ``lowest`` to ``highest``, a wooden table around them."""
    keyboard = Keyboard(corners, lowest, highest)
    picture = np.full((480, 1280), 90, np.uint8)
    for black in (False, True):
        for pitch in range(lowest, highest + 1):
            if is_black(pitch) == black:
                left, right = key_edges(pitch)
                depth = BLACK_KEY_LENGTH if black else 1.0
                box = np.array([[[left, 0], [right, 0], [right, depth], [left, depth]]])
                points = cv2.perspectiveTransform(box, keyboard.to_picture.astype(np.float64))[0]
                cv2.fillConvexPoly(picture, points.astype(np.int32), 25 if black else 220)
                cv2.polylines(picture, [points.astype(np.int32)], True, 15)
    return picture


@pytest.mark.parametrize(("lowest", "highest"), [(36, 96), (28, 103), (21, 108), (48, 72), (36, 84), (41, 77)])
def test_the_keys_between_corners_are_counted(lowest: int, highest: int) -> None:
    picture = draw(lowest, highest)
    roughly = CORNERS + np.array([[2, 1], [-3, 0], [1, -2], [-2, 2]])
    assert count_keys(picture, roughly, possible_ranges(lowest, None)) == (lowest, highest)
    assert count_keys(picture, roughly, possible_ranges(None, highest)) == (lowest, highest)


def test_what_is_no_keyboard_is_not_counted() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (480, 1280)).astype(np.uint8)
    assert count_keys(noise, CORNERS, possible_ranges(36, None)) is None
    assert count_keys(np.full((480, 1280), 90, np.uint8), CORNERS, possible_ranges(36, None)) is None


def test_a_keyboard_of_61_keys_needs_only_its_corners_and_lowest_key(tmp_path: Path) -> None:
    picture = tmp_path / "keyboard.png"
    cv2.imwrite(str(picture), draw(36, 96))
    told: list[str] = []
    found = pipeline.find_keyboard(picture, corners=CORNERS, lowest_key=36, warnings=told)
    assert (found.lowest_pitch, found.highest_pitch) == (36, 96)
    assert told == ["61 keys were counted between the corners, C2 to C7; see --highest-key."]
    told.clear()
    found = pipeline.find_keyboard(picture, corners=CORNERS, lowest_key=36, highest_key=101, warnings=told)
    assert (found.highest_pitch, told) == (101, [])
    assert pipeline.find_keyboard(picture, corners=CORNERS).highest_pitch == 108


def test_the_highest_key_settles_the_octave_of_a_found_keyboard(tmp_path: Path) -> None:
    picture = tmp_path / "keyboard.png"
    cv2.imwrite(str(picture), draw(48, 84))
    found = pipeline.find_keyboard(picture, highest_key=96)
    assert (found.lowest_pitch, found.highest_pitch, found.octave_guessed) == (60, 96, False)
    with pytest.raises(CornersError, match="looks like C, not like F5"):
        pipeline.find_keyboard(picture, highest_key=77)
    with pytest.raises(CornersError, match="looks like C6, not like C7"):
        pipeline.find_keyboard(picture, lowest_key=48, highest_key=96)


@pytest.mark.parametrize(
    ("lowest", "highest", "sentence"),
    [
        (37, None, "--lowest-key C#2 is a black key; a keyboard begins and ends with a white one"),
        (None, 97, "--highest-key C#7 is a black key"),
        (60, 48, "--highest-key C3 must lie above --lowest-key C4"),
        (60, 60, "must lie above"),
        (108, None, "leaves no keys"),
        (None, 21, "leaves no keys"),
    ],
)
def test_ranges_that_no_keyboard_has(lowest: int | None, highest: int | None, sentence: str) -> None:
    with pytest.raises(CornersError, match=sentence):
        check_range(lowest, highest)

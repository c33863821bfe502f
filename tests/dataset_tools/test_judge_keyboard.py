"""The judge of the keyboard finder: drawn scenes are repeatable and as promised; variations know where points go."""

import cv2
import numpy as np
import pytest

from dataset_tools.judge_keyboard import VARIATIONS, overlap
from dataset_tools.keyboard_scenes import full_scenes, keys_in_picture, partial_scenes
from dataset_tools.render import scene_keyboard
from pianoroll.keys import key_edges


def test_whole_pianos_are_in_the_picture() -> None:
    scenes = full_scenes(40)
    assert scenes == full_scenes(40)
    for scene in scenes:
        corners = scene_keyboard(scene).corners
        assert np.all((corners > 0) & (corners < [scene.width, scene.height]))
    assert max(scene.tilt for scene in scenes) > 40
    assert max(abs(scene.roll) for scene in scenes) > 90


def test_parts_have_25_to_87_keys_in_view() -> None:
    scenes = partial_scenes(128)
    counts = []
    for scene in scenes:
        lowest, highest = keys_in_picture(scene)
        counts.append(round(key_edges(highest)[1] - key_edges(lowest)[0]))
    assert 13 <= min(counts) <= 16
    assert 40 < max(counts) < 52
    assert sum(scene.mirrored for scene in scenes) == 16


@pytest.mark.parametrize("name", list(VARIATIONS))
def test_variations_know_where_points_go(name: str) -> None:
    image = np.full((180, 640, 3), 40, np.uint8)
    cv2.circle(image, (500, 60), 12, (255, 255, 255), cv2.FILLED)
    varied, matrix = VARIATIONS[name](image)
    bright = varied.max(axis=2) > 0.5 * varied.max()
    y, x = np.nonzero(bright)
    place = cv2.perspectiveTransform(np.array([[[500.0, 60.0]]]), matrix)[0, 0]
    assert np.abs(place - [x.mean(), y.mean()]).max() < 1


def test_overlap_of_squares() -> None:
    square = np.array([[0, 0], [99, 0], [99, 99], [0, 99]], float)
    assert overlap(square, square, 200, 200) == 1
    assert overlap(square, square + np.array([50, 0]), 200, 200) == pytest.approx(1 / 3, abs=0.01)

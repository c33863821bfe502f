"""A keyboard is followed where the camera goes, and stays where it is under hands and pressed keys."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from dataset_tools.render import Scene, random_notes, render_frames, scene_keyboard
from video2roll.follow import Follower, View
from video2roll.rectify import Keyboard
from video2roll.scenes import find_views, watch
from video2roll.video import Frame

SCENE = Scene(seed=3, tilt=25.0, noise=2.0, fill=0.8)
TIMES = np.arange(60) / 15

Motion = Callable[[float], np.ndarray]


def pictures(scene: Scene = SCENE, times: np.ndarray = TIMES, *, hands: bool = True) -> Iterator[np.ndarray]:
    """Gray pictures of somebody playing; nobody and nothing moves without ``hands``."""
    rng = np.random.default_rng(1)
    lowest, highest = scene.lowest_pitch, scene.highest_pitch
    notes = random_notes(rng, times[-1] + 1, lowest_pitch=lowest, highest_pitch=highest) if hands else []
    for image in render_frames(scene, notes, times):
        yield cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def view(scene: Scene = SCENE) -> View:
    return View(scene_keyboard(scene), next(pictures(scene, np.zeros(1), hands=False)))


def moved(image: np.ndarray, motion: np.ndarray) -> np.ndarray:
    return cv2.warpPerspective(image, motion, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def about_the_middle(zoom: float = 1.0, turn: float = 0.0, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """A camera's motion: zoom and turn (degrees) about the middle of a 640x360 picture, and a shift in pixels."""
    motion = np.eye(3)
    motion[:2] = cv2.getRotationMatrix2D((320, 180), turn, zoom)
    motion[:2, 2] += x, y
    return motion


def key_error(found: Keyboard, truth: np.ndarray) -> float:
    """The worst corner's distance from where it truly is, in white-key widths."""
    width = np.linalg.norm(truth[1] - truth[0]) / 52  # of 88 keys; fewer are wider
    return float(np.linalg.norm(found.corners - truth, axis=1).max() / width)


def test_hands_and_pressed_keys_do_not_move_a_keyboard_that_stands_still() -> None:
    follower = Follower(view())
    for image in pictures():
        assert follower(image) is not None
    assert follower.keyboard is follower.view.keyboard


MOTIONS: dict[str, Motion] = {
    "pan": lambda t: about_the_middle(x=25 * np.sin(t), y=12 * np.sin(1.3 * t)),
    "zoom": lambda t: about_the_middle(zoom=1 + 0.04 * t),
    "turn": lambda t: about_the_middle(turn=3 * np.sin(t)),
    "shake": lambda t: about_the_middle(x=3 * np.sin(11 * t), y=3 * np.sin(14 * t)),
}


@pytest.mark.parametrize("kind", MOTIONS)
def test_a_camera_that_moves_is_followed(kind: str) -> None:
    follower = Follower(view())
    corners = follower.keyboard.corners
    for time, image in zip(TIMES, pictures(), strict=True):
        motion = MOTIONS[kind](float(time))
        assert follower(moved(image, motion)) is not None
        assert key_error(follower.keyboard, cv2.perspectiveTransform(corners[None], motion)[0]) < 0.15


def test_light_that_changes_moves_nothing() -> None:
    follower = Follower(view())
    for gain, image in zip(np.linspace(1.0, 0.5, len(TIMES)), pictures(), strict=True):
        assert follower((image * gain).astype(np.uint8)) is not None
    assert follower.keyboard is follower.view.keyboard


def test_a_view_without_any_contrast_stays_where_it_was_said_to_be() -> None:
    follower = Follower(View(scene_keyboard(SCENE), np.full((360, 640), 90, np.uint8)))
    assert follower(np.full((360, 640), 90, np.uint8)) is not None
    assert follower.keyboard is follower.view.keyboard


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_picture_without_the_keyboard_gives_no_strip(shade: int) -> None:
    follower = Follower(view())
    assert follower(np.full((360, 640), shade, np.uint8)) is None
    assert follower(np.random.default_rng(0).integers(0, 255, (360, 640), dtype=np.uint8)) is None
    assert follower.keyboard is follower.view.keyboard


def test_after_a_nudge_it_is_found_again() -> None:
    nudge = about_the_middle(turn=4, x=60, y=-25)
    times = np.arange(40) / 15
    images = [moved(image, nudge) if t > 1 else image for t, image in zip(times, pictures(times=times), strict=True)]
    sights = list(watch([Frame(float(t), image) for t, image in zip(times, images, strict=True)], [view()]))
    truth = cv2.perspectiveTransform(view().keyboard.corners[None], nudge)[0]
    assert [sight.view for sight in sights] == [0] * len(sights)
    lost = [sight.time for sight in sights if sight.strip is None]
    assert lost and lost[-1] - lost[0] < 0.5  # noqa: PT018
    assert key_error(sights[-1].keyboard, truth) < 0.15


def test_a_cut_to_another_camera_and_back() -> None:
    other = Scene(seed=4, tilt=5.0, opposite=True, fill=0.95, lowest_pitch=36, highest_pitch=96)
    title = np.full((360, 640), 30, np.uint8)
    cv2.putText(title, "Waltz", (200, 200), cv2.FONT_HERSHEY_SIMPLEX, 3, 220, 5)
    shots = [title] * 10 + list(pictures())[:20] + list(pictures(other))[:20] + list(pictures())[20:40]
    frames = [Frame(number / 15, image) for number, image in enumerate(shots)]
    sights = list(watch(frames, [view(), view(other)]))
    assert all(sight.strip is None for sight in sights[:10])
    assert all(sight.strip is not None for sight in sights[10:])
    assert [sight.view for sight in sights[10:]] == [0] * 20 + [1] * 20 + [0] * 20


def test_the_views_of_a_video_with_a_cut(tmp_path) -> None:
    other = Scene(seed=4, tilt=5.0, opposite=True, fill=0.95, lowest_pitch=36, highest_pitch=96)
    shots = [np.full((360, 640), 10, np.uint8)] * 15 + list(pictures())[:45] + list(pictures(other))[:30]
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 360))
    for image in shots:
        writer.write(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    writer.release()
    views = find_views(path)
    assert len(views) == 2
    for found, scene in zip(views, (SCENE, other), strict=True):
        assert key_error(found.keyboard, scene_keyboard(scene).corners) < 0.35

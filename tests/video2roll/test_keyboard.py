"""The keyboard is found where it was drawn: from any side, in part, mirrored; and not where there is none."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools.keyboard_scenes import SMALL_SIZES, WHITES
from dataset_tools.render import Scene, render_frames, scene_keyboard
from pianoroll.keys import BLACK_KEY_LENGTH, HIGHEST_PITCH, LOWEST_PITCH, is_black, key_edges
from video2roll.keyboard import find_keyboard
from video2roll.rectify import CornersError, Keyboard, KeyboardError
from video2roll.scenes import find_in_video

SHARED = Path(__file__).parents[3] / "shared" / "data"
SIZE = (960, 540)  # width and height of the drawn pictures

STRAIGHT = [(60, 200), (900, 200), (900, 310), (60, 310)]
OBLIQUE = [(150, 250), (810, 250), (900, 330), (60, 330)]
ROLLED = [(120, 330), (820, 120), (850, 220), (150, 430)]
PLAYER_ABOVE = [(900, 310), (60, 310), (60, 200), (900, 200)]
UPRIGHT = [(500, 20), (500, 520), (430, 520), (430, 20)]


def draw(corners: list[tuple[int, int]], lowest: int = LOWEST_PITCH, highest: int = HIGHEST_PITCH) -> np.ndarray:
    """A picture ``(540, 960, 3)`` of a piano with the keys ``lowest`` to ``highest`` at ``corners``."""
    unit, length, body = 32, 200, 60  # pixels: a white key's width and length, the case around
    left, right = key_edges(lowest)[0], key_edges(highest)[1]
    drawn = np.full((length + 2 * body, round((right - left) * unit) + 2 * body), 35, np.uint8)

    def key(pitch: int, shade: int, end: float, inset: int) -> None:
        low, high = (round((edge - left) * unit) + body for edge in key_edges(pitch))
        drawn[body : body + round(end * length), low + inset : high - inset] = shade

    for pitch in range(lowest, highest + 1):
        if not is_black(pitch):
            key(pitch, 225, 1.0, 1)
    for pitch in range(lowest, highest + 1):
        if is_black(pitch):
            key(pitch, 25, BLACK_KEY_LENGTH, 0)
    height, width = drawn.shape
    box = np.array(
        [[body, body], [width - body, body], [width - body, height - body], [body, height - body]], np.float32
    )
    matrix = cv2.getPerspectiveTransform(box, np.array(corners, np.float32))
    scene = np.full(SIZE[::-1], 90, np.uint8)
    seen = cv2.warpPerspective(drawn, matrix, SIZE, flags=cv2.INTER_AREA)
    scene = np.where(cv2.warpPerspective(np.ones_like(drawn), matrix, SIZE) > 0, seen, scene)
    noise = np.random.default_rng(0).normal(0, 3, scene.shape)
    scene = np.clip(cv2.GaussianBlur(scene, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)
    return cv2.cvtColor(scene, cv2.COLOR_GRAY2BGR)


def worst_key(found: Keyboard, corners: list[tuple[int, int]] | np.ndarray) -> float:
    """The worst distance of a found key's centre from the drawn one's, in white-key widths along the keyboard."""
    truth = Keyboard(np.array(corners), found.lowest_pitch, found.highest_pitch)
    pixels = found.key_centres()[None]
    back = np.linalg.inv(truth.to_picture)
    along = cv2.perspectiveTransform(pixels, back)[0, :, 0]
    return float(np.abs(along - cv2.perspectiveTransform(truth.key_centres()[None], back)[0, :, 0]).max())


@pytest.mark.parametrize("corners", [STRAIGHT, OBLIQUE, ROLLED, PLAYER_ABOVE, UPRIGHT])
def test_a_full_keyboard_is_found_from_any_side(corners: list[tuple[int, int]]) -> None:
    found = find_keyboard([draw(corners)])
    assert (found.lowest_pitch, found.highest_pitch) == (LOWEST_PITCH, HIGHEST_PITCH)
    assert worst_key(found, corners) < 0.2
    assert np.abs(found.corners - corners).max() < 6
    assert found.confidence > 0.7
    assert not found.mirrored
    assert not found.octave_guessed


def test_a_mirrored_picture_is_seen_as_such() -> None:
    found = find_keyboard([draw(OBLIQUE)[:, ::-1].copy()])
    mirrored = np.array([(SIZE[0] - 1 - x, y) for x, y in OBLIQUE])
    assert found.mirrored
    assert worst_key(found, mirrored) < 0.2


def test_hands_that_move_do_no_harm() -> None:
    images = []
    for x in range(100, 800, 60):
        image = draw(STRAIGHT)
        cv2.ellipse(image, (x, 320), (60, 90), 0, 0, 360, (140, 170, 220), cv2.FILLED)
        images.append(image)
    assert worst_key(find_keyboard(images), STRAIGHT) < 0.2


def test_a_small_keyboard_is_known_by_its_size() -> None:
    found = find_keyboard([draw(STRAIGHT, 36, 96)])
    assert (found.lowest_pitch, found.highest_pitch, found.octave_guessed) == (36, 96, True)
    assert np.abs(found.corners - STRAIGHT).max() < 6


def test_keys_cut_by_the_picture_keep_their_pitch_classes() -> None:
    wide = [(-420, 150), (1380, 150), (1380, 390), (-420, 390)]
    found = find_keyboard([draw(wide)])
    assert found.octave_guessed
    assert found.highest_pitch - found.lowest_pitch < 60
    truth = Keyboard(np.array(wide))
    seen = cv2.perspectiveTransform(found.key_centres()[None], np.linalg.inv(truth.to_picture))[0, :, 0]
    keys = Keyboard(found.corners, found.lowest_pitch, found.highest_pitch)
    named = cv2.perspectiveTransform(keys.key_centres()[None], np.linalg.inv(keys.to_picture))[0, :, 0]
    off = (seen - named + 3.5) % 7 - 3.5
    assert np.abs(off).max() < 0.2


def test_the_user_names_the_lowest_key() -> None:
    image = draw(STRAIGHT, 36, 96)
    found = find_keyboard([image], lowest_key=24)
    assert (found.lowest_pitch, found.highest_pitch, found.octave_guessed) == (24, 84, False)
    with pytest.raises(CornersError, match="looks like C"):
        find_keyboard([image], lowest_key=42)


def key_named(found: Keyboard, scene: Scene, pitch: int) -> float:
    """Where ``found`` sees the scene's white key ``pitch``: white-key widths off its own place for that key."""
    place = np.array([[[np.mean(key_edges(pitch)), 0.8]]])
    pixel = cv2.perspectiveTransform(place, scene_keyboard(scene).to_picture.astype(np.float64))
    along = cv2.perspectiveTransform(pixel, np.linalg.inv(found.to_picture).astype(np.float64))[0, 0, 0]
    return float(along - place[0, 0, 0])


def picture(scene: Scene) -> np.ndarray:
    return next(iter(render_frames(scene, [], [0.0])))


@pytest.mark.parametrize("keys", list(SMALL_SIZES))
def test_keyboards_of_all_sizes_are_known(keys: int) -> None:
    lowest, highest = SMALL_SIZES[keys][0]
    scene = Scene(lowest_pitch=lowest, highest_pitch=highest, fill=0.85 if keys > 30 else 0.6, tilt=30, hands=False)
    found = find_keyboard([picture(scene)])
    assert (found.lowest_pitch, found.highest_pitch, found.mirrored) == (lowest, highest, False)
    assert worst_key(found, scene_keyboard(scene).corners) < 0.2


@pytest.mark.parametrize(("lowest", "highest"), [(36, 96), (36, 84), (53, 84)])
def test_mirrored_small_keyboards_are_told_by_their_ends(lowest: int, highest: int) -> None:
    scene = Scene(lowest_pitch=lowest, highest_pitch=highest, fill=0.8, tilt=20, mirrored=True, hands=False)
    found = find_keyboard([picture(scene)])
    assert (found.lowest_pitch, found.highest_pitch, found.mirrored) == (lowest, highest, True)


@pytest.mark.parametrize("start", [-0.8, 7.3, 22.0, 34.8])
def test_a_piano_cut_off_keeps_its_pitch_classes(start: float) -> None:
    scene = Scene(framed=(start, start + 18), fill=1.0, tilt=35, roll=4, hands=False, white=WHITES["yellowed"])
    found = find_keyboard([picture(scene)])
    assert found.octave_guessed
    assert not found.mirrored
    off = (key_named(found, scene, 60 if 12 < start < 30 else 24 if start < 5 else 36 if start < 10 else 96) + 3.5) % 7
    assert abs(off - 3.5) < 0.3


@pytest.mark.parametrize(
    "scene",
    [
        Scene(tilt=43, front_shade=0.9, hands=False),
        Scene(tilt=30, opposite=True, reflection=0.5, hands=False),
        Scene(tilt=15, brightness=0.22, vignette=0.5, hands=False),
        Scene(tilt=25, tint=(0.4, 0.5, 1.0), overlay="score", hands=False),
        Scene(width=720, height=720, roll=130, tilt=30, fill=0.8, hands=False),
        Scene(roll=10, fallboard=(2, 2, 2), desk=(3, 3, 3), hands=False),
        Scene(white=WHITES["wooden"], tilt=20, overlay="falling", hands=False),
    ],
    ids=["low, bright fronts", "mirror in the lacquer", "dim", "red light", "rolled", "all black around", "wooden"],
)
def test_odd_pictures_of_pianos(scene: Scene) -> None:
    found = find_keyboard([picture(scene)])
    truth = scene_keyboard(scene)
    assert (found.lowest_pitch, found.highest_pitch, found.mirrored) == (21, 108, False)
    assert worst_key(found, truth.corners) < 0.25
    across = cv2.perspectiveTransform(truth.corners[None], np.linalg.inv(found.to_picture).astype(np.float64))[0, :, 1]
    assert np.abs(across - [0, 0, 1, 1]).max() < 0.15


def test_a_copy_in_the_corner_is_not_the_keyboard() -> None:
    scene = Scene(framed=(5.0, 33.0), fill=1.0, tilt=30, hands=False, overlay="inset", width=960, height=540)
    found = find_keyboard([picture(scene)])
    assert np.ptp(found.corners[:, 0]) > 0.8 * scene.width
    assert abs((key_named(found, scene, 60) + 3.5) % 7 - 3.5) < 0.3


def _blank() -> np.ndarray:
    return np.full((360, 640, 3), 200, np.uint8)


def _noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (360, 640, 3), dtype=np.uint8)


def _stripes() -> np.ndarray:
    image = _blank()
    for x in range(20, 620, 20):
        image[100:200, x : x + 8] = 20
    return image


def _text() -> np.ndarray:
    image = _blank()
    for y in range(60, 340, 50):
        cv2.putText(image, "Illi filii mille villi illinc ", (10, y), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 3)
    return image


@pytest.mark.parametrize("picture", [_blank, _noise, _stripes, _text])
def test_no_keyboard_where_there_is_none(picture) -> None:
    with pytest.raises(KeyboardError, match="No keyboard was found"):
        find_keyboard([picture()])


@pytest.mark.skipif(not (SHARED / "clavision").exists(), reason="needs ../shared/data/clavision")
@pytest.mark.parametrize("clip", ["p01/1.wmv", "p10/p45_1.wmv", "p05/m45_2.wmv", "p14/2.wmv"])
def test_real_clips_with_the_player_opposite(clip: str) -> None:
    with open(SHARED / "clavision" / "manifest.csv", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["clip"] == clip)
    names = ("back_left", "back_right", "front_right", "front_left")
    corners = np.array([[float(row[f"x_{name}"]), float(row[f"y_{name}"])] for name in names])
    found = find_in_video(SHARED / "clavision" / clip)
    assert (found.lowest_pitch, found.highest_pitch, found.mirrored) == (LOWEST_PITCH, HIGHEST_PITCH, False)
    assert worst_key(found, corners) < 0.35

"""Hands are followed, named and told from what only looks like a player's; real ones are seen in the sample."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pianoroll import read_midi
from pianoroll.keys import CENTRES
from video2roll import Keyboard, transcribe
from video2roll.hand_crops import NARROW, WIDE, crop, search_windows, square_of_hand, turned_round
from video2roll.hand_model import HandModel, HandShape, available, decode_palms
from video2roll.hands import LEFT, RIGHT, Hands, HandWatcher, Track, find_hands, players_hands
from video2roll.video import read_frames

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "furelise.mp4"
KEYBOARD = Keyboard(np.array([[160.7, 316.5], [1202.5, 321.4], [1197.0, 449.7], [164.7, 443.6]]))  # of the sample
# landmarks of the left hand there at 8.33 s, pixels
LEFT_HAND = np.array(
    [[487, 536], [516, 516], [530, 486], [533, 459], [538, 440], [498, 459], [490, 427], [488, 406], [488, 390],
     [478, 461], [465, 427], [460, 404], [457, 386], [463, 468], [450, 437], [444, 416], [441, 399], [453, 478],
     [437, 459], [428, 446], [422, 433]], dtype=np.float64
)  # fmt: skip
RIGHT_HAND = (LEFT_HAND - [485, 0]) * [-1, 1] + [690, 0]
TIMES = np.arange(0, 4, 0.05)
needs_model = pytest.mark.skipif(
    not available(), reason="needs the hand networks: python -m video2roll.hand_model fetches them"
)


def follow(
    hand: np.ndarray,
    moves: np.ndarray,
    times: Sequence[float] | np.ndarray = TIMES,
    *,
    right: float,
    keyboard: Keyboard = KEYBOARD,
) -> Track:
    """A hand seen at ``times``, ``moves (n,)`` pixels to the right of where it is."""
    track = Track()
    for time, move in zip(times, np.broadcast_to(moves, len(times)), strict=True):
        track.add(float(time), hand + np.array([move, 0]), HandShape(hand, 0.9, right), keyboard)
    return track


def sides_at(hands: Hands, row: int) -> list[int]:
    return [int(side) for side, score in zip(hands.side, hands.score[row], strict=True) if score > 0]


# ---- squares ---------------------------------------------------------------------------------------------------------


def test_a_hands_square_turns_and_grows_with_it() -> None:
    square = square_of_hand(LEFT_HAND)
    turn = np.array([[0.0, -2], [2, 0]])  # a quarter turn, twice as large
    turned = square_of_hand(LEFT_HAND @ turn.T)
    np.testing.assert_allclose(turned[:2, :2], turn @ square[:2, :2])
    np.testing.assert_allclose(turned[:2, 2], turn @ square[:2, 2])
    inside = (LEFT_HAND - square[:2, 2]) @ np.linalg.inv(square[:2, :2]).T
    assert inside.min() > 0.1
    assert inside.max() < 0.9
    assert inside[0, 1] > inside[9, 1]  # fingers up


def test_windows_cover_the_keys_with_the_player_at_the_bottom() -> None:
    for corners in (KEYBOARD.corners, [1280, 720] - KEYBOARD.corners):
        keyboard = replace(KEYBOARD, corners=corners)
        places = keyboard.key_centres()
        for width in (WIDE, NARROW):
            windows = search_windows(keyboard, width)
            inside = [(places - window[:2, 2]) @ np.linalg.inv(window[:2, :2]).T for window in windows]
            assert np.all(np.any([np.all((part > 0) & (part < 1), axis=1) for part in inside], axis=0))
        for window in windows:
            assert np.linalg.det(window[:2, :2]) > 0
            assert window[:2, 1] @ (keyboard.corners[3] - keyboard.corners[0]) > 0


def test_a_crop_shows_what_lies_in_its_square_brightened_in_the_dark() -> None:
    picture = np.full((100, 200, 3), 20, np.uint8)
    picture[30:40, 120:130] = 80
    square = np.array([[50.0, 0, 100], [0, 50, 20], [0, 0, 1]])
    part = crop(picture, square, 50)
    bright = np.argwhere(part[..., 0] > part.mean())
    np.testing.assert_allclose(bright.mean(axis=0), [14.5, 24.5], atol=0.6)
    assert part.mean() > 50
    back = crop(picture, turned_round(square), 50)
    np.testing.assert_array_equal(back[::-1, ::-1], part)


# ---- whose hands -----------------------------------------------------------------------------------------------------


def test_left_and_right_by_the_vote_of_all_looks() -> None:
    unsure = np.where(np.arange(len(TIMES)) % 4 == 0, 0.9, 0.2)  # the network is wrong in every fourth look
    left = Track()
    for time, right in zip(TIMES, unsure, strict=True):
        left.add(time, LEFT_HAND, HandShape(LEFT_HAND, 0.9, right), KEYBOARD)
    hands = players_hands([follow(RIGHT_HAND, np.zeros(1), right=0.9), left], TIMES)
    assert hands.side.tolist() == [LEFT, RIGHT]
    np.testing.assert_allclose(hands.points[40], [LEFT_HAND, RIGHT_HAND], atol=1e-3)
    assert hands.tips.shape == (len(TIMES), 2, 5, 2)
    np.testing.assert_allclose(hands.tips[40, 0, 0], [18.9, 0.95], atol=0.1)


def test_in_a_mirror_image_the_players_side_is_kept() -> None:
    mirror = np.array([1280.0, 0])
    keyboard = replace(KEYBOARD, corners=mirror + KEYBOARD.corners * [-1, 1], mirrored=True)
    # what was the left hand looks like a right one there, to the network as well
    track = follow(mirror + LEFT_HAND * [-1, 1], np.zeros(1), right=0.95, keyboard=keyboard)
    assert players_hands([track], TIMES).side.tolist() == [LEFT]


def test_crossed_hands_keep_their_names() -> None:
    over = np.linspace(0, 400, len(TIMES))
    hands = players_hands([follow(LEFT_HAND, over, right=0.1), follow(RIGHT_HAND, -over / 2, right=0.9)], TIMES)
    along = hands.tips[..., 0].mean(axis=2)
    assert hands.side.tolist() == [LEFT, RIGHT]
    assert along[0, 0] < along[0, 1]
    assert along[-1, 0] > along[-1, 1]


def test_reflections_and_page_turners_are_no_players() -> None:
    fallboard = KEYBOARD.corners[:2, 1].mean()
    reflection = LEFT_HAND * [1, -1] + [0, 2 * fallboard + 40]  # upside down, behind the back edge
    page_turner = LEFT_HAND - [0, 200]  # reaches over the keys
    tracks = [follow(hand, np.zeros(1), right=0.1) for hand in (reflection, page_turner)]
    assert len(players_hands(tracks, TIMES).side) == 0
    assert players_hands([*tracks, follow(RIGHT_HAND, np.zeros(1), right=0.9)], TIMES).side.tolist() == [RIGHT]


def test_four_hands() -> None:
    pairs = [follow(LEFT_HAND, np.full(1, x), right=0.05) for x in (0.0, 400)]
    pairs += [follow(RIGHT_HAND, np.full(1, x), right=0.95) for x in (0.0, 400)]
    hands = players_hands(pairs, TIMES)
    assert hands.side.tolist() == [LEFT, LEFT, RIGHT, RIGHT]
    assert np.all(hands.score > 0)


def test_short_gaps_are_bridged_and_long_ones_are_not() -> None:
    parts = [TIMES[TIMES < 1], TIMES[(TIMES > 1.2) & (TIMES < 2)], TIMES[TIMES > 2.6]]
    moving = [follow(LEFT_HAND, 50 * times, times, right=0.1) for times in parts]
    hands = players_hands(moving, TIMES)
    seen = hands.score[:, 0] > 0
    assert hands.side.tolist() == [LEFT]
    assert np.all(seen[TIMES < 1.95])
    assert not np.any(seen[(TIMES > 2.06) & (TIMES < 2.58)])
    assert np.all(np.isnan(hands.tips[~seen]))
    np.testing.assert_allclose(hands.points[TIMES < 1.95, 0, 0, 0], 487 + 50 * TIMES[TIMES < 1.95], atol=0.5)


def test_noise_is_smoothed_and_strokes_are_kept() -> None:
    stroke = 30 * np.clip(np.abs(TIMES - 2) / 0.2, 0, 1)  # pixels away from the place reached at 2 s
    noise = np.random.default_rng(0).normal(0, 1.5, len(TIMES))
    points = players_hands([follow(LEFT_HAND, stroke + noise, right=0.1)], TIMES).points[:, 0, 8, 0]
    still = TIMES < 1.7
    assert np.std(points[still]) < 0.8 * np.std(noise[still])
    assert points[40] - np.median(points[still]) < -20


# ---- real pictures ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> HandModel:
    return HandModel()


@needs_model
def test_the_sample_shows_a_finger_on_each_key_struck(model: HandModel) -> None:
    hands = find_hands(SAMPLE, KEYBOARD, start=8, end=10.5, model=model)
    assert hands.side.tolist() == [LEFT, RIGHT]
    assert (hands.score > 0).mean() > 0.95
    notes = [note for note in read_midi(SAMPLE.with_suffix(".mid")) if 8.1 < note.onset < 10.4]
    rows = np.searchsorted(hands.times, [note.onset for note in notes])
    apart = np.abs(hands.tips[rows, ..., 0].reshape(len(notes), -1) - CENTRES[[note.key for note in notes]][:, None])
    assert len(notes) >= 5
    assert np.all(np.nanmin(apart, axis=1) < 1)


@needs_model
@pytest.mark.parametrize("how", ["turned round", "mirrored"])
def test_any_way_the_camera_stands(model: HandModel, how: str) -> None:
    flip = -1 if how == "turned round" else 1
    matrix = np.array([[-1.0, 0, 1279], [0, flip, 719 if flip < 0 else 0]])
    corners = KEYBOARD.corners @ matrix[:, :2].T + matrix[:, 2]
    keyboard = Keyboard(corners, mirrored=flip > 0)
    watcher = HandWatcher(model)
    for frame in read_frames(SAMPLE, start=8, end=8.6):
        watcher(frame.time, cv2.flip(frame.image, flip), keyboard)
    hands = watcher.finish()
    along = np.nanmedian(hands.tips[..., 0], axis=(0, 2))
    assert hands.side.tolist() == [LEFT, RIGHT]
    np.testing.assert_allclose(along, [15, 27], atol=3)


@needs_model
def test_a_hand_that_comes_back_and_a_keyboard_out_of_view(model: HandModel) -> None:
    watcher = HandWatcher(model)
    for frame in read_frames(SAMPLE, start=8, end=10):
        away = 8.5 < frame.time < 9.2
        picture = frame.image.copy()
        picture[:, :600][330:] = 30 if away else picture[:, :600][330:]  # the left hand's part of the picture
        watcher(frame.time, picture, None if 9.7 < frame.time < 9.8 else KEYBOARD)
    hands = watcher.finish()
    seen = hands.score > 0
    assert hands.side.tolist() == [LEFT, RIGHT]
    assert not seen[(hands.times > 8.8) & (hands.times < 9.1), 0].any()
    assert seen[(hands.times < 8.4) | (hands.times > 9.6), 0].all()
    assert seen[:, 1].all()


@needs_model
def test_hands_found_late_are_followed_back(model: HandModel, monkeypatch: pytest.MonkeyPatch) -> None:
    see, dazzled = model.palms, [True]
    nothing = decode_palms(np.zeros((2016, 18)), np.full(2016, -99.0))
    monkeypatch.setattr(model, "palms", lambda picture: nothing if dazzled else see(picture))
    watcher = HandWatcher(model)
    for frame in read_frames(SAMPLE, start=8, end=9.2):
        if frame.time > 8.6:
            dazzled.clear()
        watcher(frame.time, frame.image, KEYBOARD)
    hands = watcher.finish()
    assert hands.side.tolist() == [LEFT, RIGHT]
    assert (hands.score > 0).all()


@needs_model
def test_a_single_picture_and_pictures_without_hands(model: HandModel) -> None:
    frame = next(read_frames(SAMPLE, start=8.3))
    alone = HandWatcher(model)
    alone(0.0, frame.image, KEYBOARD)
    assert sides_at(alone.finish(), 0) == [LEFT, RIGHT]
    nothing = HandWatcher(model)
    noise = np.random.default_rng(0).integers(0, 255, frame.image.shape, np.uint8)
    for time, picture in enumerate((np.zeros_like(frame.image), np.full_like(frame.image, 255), noise)):
        nothing(float(time), picture, KEYBOARD)
    nothing(4.0, None, None)
    hands = nothing.finish()
    assert hands.points.shape == (4, 0, 21, 2)
    assert HandWatcher(model).finish().tips.shape == (0, 0, 5, 2)


def title_card(keys: np.ndarray) -> np.ndarray:
    card = np.full_like(keys, 20)
    cv2.putText(card, "Nocturne", (300, 400), cv2.FONT_HERSHEY_TRIPLEX, 4, (230, 230, 230), 6)
    return card


def cat(keys: np.ndarray) -> np.ndarray:
    """A ginger cat that lies on the keys, two paws before it."""
    fur = np.random.default_rng(0).normal([60, 110, 180], 25, keys.shape).clip(0, 255).astype(np.uint8)
    shape = np.zeros(keys.shape[:2], np.uint8)
    for middle, axes in (
        ((650, 560), (220, 110)),
        ((480, 450), (75, 65)),
        ((560, 400), (24, 70)),
        ((640, 410), (24, 70)),
    ):
        cv2.ellipse(shape, middle, axes, 0, 0, 360, 255, -1)
    cv2.fillPoly(shape, [np.array([[420, 420], [430, 350], [465, 395], [500, 395], [530, 350], [540, 420]])], 255)
    return np.where(shape[..., None] > 0, fur, keys)


@needs_model
@pytest.mark.parametrize("scene", [title_card, cat, np.copy], ids=["title card", "cat", "player piano"])
def test_where_nobody_plays_no_finger_is_seen(model: HandModel, scene: Callable[[np.ndarray], np.ndarray]) -> None:
    keys = next(read_frames(SAMPLE, start=8)).image.copy()
    keys[:, 400:640], keys[:, 640:860] = keys[:, 160:400], keys[:, 920:1140]  # over the hands
    picture = scene(keys)
    watcher = HandWatcher(model)
    for time in np.arange(0, 1.5, 0.05):
        watcher(float(time), picture, KEYBOARD)
    assert not len(watcher.finish().side)


@needs_model
def test_gloves_have_no_fingers_but_where_they_are(model: HandModel) -> None:
    bare, gloved = HandWatcher(model), HandWatcher(model)
    for frame in read_frames(SAMPLE, start=8, end=9):
        bare(frame.time, frame.image, KEYBOARD)
        gloved(frame.time, frame.image[..., ::-1].copy(), KEYBOARD)  # blue hands
    places, found = bare.finish(), gloved.finish()
    for hand, side in enumerate(found.side):
        true = places.tips[:, places.side.tolist().index(side)]
        assert np.nanmedian(np.abs(found.tips[:, hand, :, 0] - true[..., 0])) < 0.5


@needs_model
def test_a_roll_carries_the_fingertips() -> None:
    roll = transcribe(SAMPLE, keyboard=KEYBOARD, start=8, end=9)
    assert roll.fingertips is not None
    assert roll.sides is not None
    assert roll.sides.tolist() == [LEFT, RIGHT]
    assert roll.fingertips.shape == (len(roll.times), 2, 5, 2)
    assert np.isfinite(roll.fingertips).mean() > 0.95


def test_without_the_networks_all_else_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("video2roll.hand_model.cache_folder", lambda: tmp_path)
    warnings: list[str] = []
    roll = transcribe(SAMPLE, keyboard=KEYBOARD, start=8, end=8.5, warnings=warnings)
    assert roll.fingertips is None
    assert roll.frame.max() > 0.5
    assert len(warnings) == 1
    assert warnings[0].startswith("Hands and fingering are left out")

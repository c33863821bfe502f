"""What is trained on varies, and stays what its labels say."""

import numpy as np
import pytest

from dataset_tools.augment import cut_off, dress, move, relight
from pianoroll.keys import CENTRES
from video2roll.rectify import STRIP_HEIGHT, STRIP_SCALE
from video2roll.rest import OCTAVE, WHITE_LEVEL, black_key_mask, gain

WIDTH = 2 * OCTAVE


def keyboard(white: int, black: int) -> np.ndarray:
    return np.where(black_key_mask(), black, white).astype(np.uint8)


def crop_of(strip: np.ndarray, left: int) -> np.ndarray:
    part = strip[:, left : left + WIDTH].astype(np.float32) * (gain(strip) / 255)
    return np.repeat(part[None], 6, axis=0)


@pytest.mark.parametrize("left", [60, 100, 300])
def test_another_keyboard_is_put_under_the_same_hand(left: int) -> None:
    rng = np.random.default_rng(0)
    crop, look = crop_of(keyboard(200, 20), left), keyboard(120, 60)
    crop[:5, 30:90, 40:70] = 0.45  # a hand
    crop[2, 20:80, 120] *= 0.6  # the shadow line of a key that is down
    dressed = dress(crop, left, look, rng)
    assert dressed.shape == crop.shape
    expected = crop_of(look, left)[0]
    np.testing.assert_allclose(dressed[-1], expected, atol=1e-6)
    away = np.ones((STRIP_HEIGHT, WIDTH), dtype=bool)
    away[20:100, 30:80] = away[:, 115:125] = False
    np.testing.assert_allclose(dressed[0][away], expected[away], atol=1e-5)
    assert np.ptp(dressed[0, 40:80, 45:65]) < 0.02  # the hand hides both keyboards alike
    line = dressed[2, 20:80, 120] / dressed[0, 20:80, 120]
    assert line.max() < 0.8


def test_the_other_keyboard_lies_key_on_key() -> None:
    left = int(CENTRES[40] * STRIP_SCALE) - WIDTH // 2
    crop = crop_of(keyboard(200, 20), left)
    dressed = dress(crop, left, keyboard(180, 40), np.random.default_rng(3))
    assert np.array_equal(dressed[-1] < 0.5, crop[-1] < 0.5)


def test_a_picture_that_ends_on_the_keys_repeats_its_last_row() -> None:
    rng = np.random.default_rng(0)
    crop = rng.random((6, STRIP_HEIGHT, WIDTH)).astype(np.float32)
    for _ in range(20):
        cut = cut_off(crop, rng)
        same = (cut == crop).all(axis=(0, 2))
        assert 0 < same.sum() < STRIP_HEIGHT or same.all()
        assert same[STRIP_HEIGHT // 2]  # the keys themselves stay
        first, last = np.flatnonzero(same)[[0, -1]]
        assert (cut[:, :first] == cut[:, first : first + 1]).all()
        assert (cut[:, last:] == cut[:, last : last + 1]).all()


def test_keys_stay_where_their_centres_say() -> None:
    rng = np.random.default_rng(0)
    crop = np.zeros((6, STRIP_HEIGHT, WIDTH), dtype=np.float32)
    crop[:, 52, 60] = 1
    for _ in range(20):
        moved, centres = move(crop, np.array([60.0]), rng)
        seen = (moved[0].sum(axis=0) * np.arange(WIDTH)).sum() / moved[0].sum()
        assert centres[0] == pytest.approx(seen, abs=4)  # a corner a third of a key wrong is not told


def test_any_light_keeps_the_range_and_the_order_of_bright_and_dark() -> None:
    rng = np.random.default_rng(0)
    strip = keyboard(220, 20)
    crop = crop_of(strip, 0)
    assert crop.max() == pytest.approx(WHITE_LEVEL, abs=0.01)
    black = black_key_mask()[:, :WIDTH]
    for _ in range(20):
        seen = relight(crop, rng)
        assert seen.dtype == np.float32
        assert seen.min() >= 0
        assert seen.max() <= 1.3
        assert seen[2][~black].mean() > seen[2][black].mean()

"""The keyboard at rest is seen through hands that move before it."""

import numpy as np

from video2roll.rectify import KEY_PIXELS, STRIP_BACK, STRIP_WIDTH
from video2roll.rest import WHITE_LEVEL, black_key_mask, gain, rest_strip


def keyboard_strip() -> np.ndarray:
    return np.where(black_key_mask(), 30, 210).astype(np.uint8)


def test_a_hand_that_moves_is_not_in_the_rest() -> None:
    still = keyboard_strip()
    strips = np.repeat(still[None], 40, axis=0)
    for t in range(40):
        strips[t, 30:, 8 * t : 8 * t + 60] = 120
    difference = np.abs(rest_strip(strips).astype(int) - still)
    assert np.quantile(difference, 0.98) <= 2


def test_gain_brings_dim_and_bright_pianos_to_one_level() -> None:
    for light in (0.3, 0.6, 1.0):
        strip = (keyboard_strip() * light).astype(np.uint8)
        white = strip[70, 100] * gain(strip) / 255
        assert abs(white - WHITE_LEVEL) < 0.03


def test_one_strip_is_its_own_rest() -> None:
    still = keyboard_strip()
    assert np.abs(rest_strip(still[None]).astype(int) - still).max() == 0


def test_hands_that_hardly_move_are_not_in_the_rest() -> None:
    """Two hands on and before the keys nine tenths of the time, in uneven light."""
    light = np.linspace(0.7, 1.0, STRIP_WIDTH)
    for level in (20, 220):
        still = keyboard_strip()
        still[STRIP_BACK + KEY_PIXELS :] = level
        still = (still * light).astype(np.uint8)
        strips = np.repeat(still[None], 30, axis=0)
        for place in (200, 400):
            strips[:26, 40:, place : place + 80] = 120
        assert np.quantile(np.abs(rest_strip(strips).astype(int) - still), 0.995) <= 4


def test_where_few_octaves_are_in_view_others_tell_nothing() -> None:
    still = keyboard_strip()
    strips = np.repeat(still[None], 10, axis=0)
    keys = np.zeros(88, dtype=bool)
    keys[30:50] = True
    assert np.abs(rest_strip(strips, keys).astype(int) - still).max() == 0

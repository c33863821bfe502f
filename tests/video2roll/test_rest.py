"""The keyboard at rest is seen through hands that move before it."""

import numpy as np

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

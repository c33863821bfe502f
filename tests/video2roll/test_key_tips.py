"""Each key knows the nearest fingertip."""

import numpy as np

from pianoroll.keys import key_centre
from video2roll.key_tips import key_tips

TIMES = np.arange(20) / 20
C4, E4 = 60 - 21, 64 - 21


def resting() -> np.ndarray:
    """Two hands, a tip on each of ten white keys from the middle of the keyboard, ``(20, 2, 5, 2)``."""
    places = np.stack([key_centre(60) + np.arange(10.0), np.full(10, 0.8)], axis=1)
    return np.tile(places.reshape(2, 5, 2), (20, 1, 1, 1))


def test_nearest_finger_its_depth_and_its_hand() -> None:
    found = key_tips(TIMES, resting())
    assert found.distance.shape == (20, 88)
    assert found.distance[0, C4] == 0
    assert (found.hand[0, C4], found.finger[0, C4]) == (0, 1)
    assert (found.hand[0, 108 - 21], found.finger[0, 108 - 21]) == (1, 5)
    np.testing.assert_allclose(found.depth[:, C4], 0.8)
    np.testing.assert_allclose(found.speed[:, C4], 0, atol=1e-4)
    assert found.at_rest[:, 0].all()
    assert not found.at_rest[:, C4].any()


def test_speed_along_and_across() -> None:
    tips = resting()
    tips[:, 0, :, 0] += 2.0 * TIMES[:, None]
    np.testing.assert_allclose(key_tips(TIMES, tips).speed[0, C4], 2, atol=1e-3)
    tips = resting()
    tips[:, 0, :, 1] -= 0.5 * TIMES[:, None]
    np.testing.assert_allclose(key_tips(TIMES, tips).speed[5, C4], 3.2, atol=1e-3)


def test_a_hand_out_of_view_leaves_no_key_surely_at_rest() -> None:
    tips = resting()
    tips[5:10, 1] = np.nan
    found = key_tips(TIMES, tips)
    assert not found.at_rest[5:10].any()
    assert found.at_rest[4, 0]
    assert not found.known[5:10].any()
    tips[...] = np.nan
    assert np.all(np.isinf(key_tips(TIMES, tips).distance))
    assert np.all(key_tips(TIMES, tips).hand == -1)


def test_a_hand_in_the_lap_is_not_at_the_keys() -> None:
    tips = resting()
    tips[..., 1] = 2.5
    found = key_tips(TIMES, tips)
    assert np.all(np.isinf(found.distance))
    assert found.at_rest.all()


def test_no_hands_and_no_frames() -> None:
    assert key_tips(TIMES, np.zeros((20, 0, 5, 2))).distance.shape == (20, 88)
    assert key_tips(np.zeros(0), np.zeros((0, 2, 5, 2))).hand.shape == (0, 88)

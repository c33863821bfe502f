"""Windows are made by time, so that every frame rate reads alike."""

import numpy as np
import pytest

from video2roll.windows import window_indices


@pytest.mark.parametrize("rate", [20, 24, 25, 30, 50, 60, 120])
def test_neighbours_are_the_nearest_in_time(rate: float) -> None:
    times = np.arange(0, 3, 1 / rate)
    windows = window_indices(times, 5, 0.04)
    middle = len(times) // 2
    assert windows[middle, 2] == middle
    offsets = times[windows[middle]] - times[middle]
    assert np.abs(offsets - np.array([-0.08, -0.04, 0, 0.04, 0.08])).max() <= 0.5 / rate + 1e-9


def test_the_ends_repeat() -> None:
    windows = window_indices(np.arange(10) / 25, 5, 0.04)
    assert windows[0].tolist() == [0, 0, 0, 1, 2]
    assert windows[-1].tolist() == [7, 8, 9, 9, 9]


def test_one_frame() -> None:
    assert window_indices(np.array([0.0]), 5, 0.04).tolist() == [[0] * 5]


def test_dropped_frames() -> None:
    times = np.array([0.0, 0.04, 0.08, 0.4, 0.44])
    assert window_indices(times, 5, 0.04)[2].tolist() == [0, 1, 2, 2, 2]

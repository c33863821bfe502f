"""Which frames a window holds: neighbours by time, not by count, so that any frame rate reads alike."""

import numpy as np


def window_indices(times: np.ndarray, frames: int, spacing: float) -> np.ndarray:
    """For each of ``times (T,)`` the ``(T, frames)`` frames nearest to t + k·spacing; the clip's ends repeat."""
    wanted = times[:, None] + spacing * (np.arange(frames) - frames // 2)[None]
    right = np.clip(np.searchsorted(times, wanted), 1, max(1, len(times) - 1))
    if len(times) == 1:
        return np.zeros(wanted.shape, dtype=int)
    left = right - 1
    return np.where(wanted - times[left] <= times[right] - wanted, left, right)

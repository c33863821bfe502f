"""What fingertips tell about each key: how near the nearest one is, where along the key, how fast, whose it is.

Landmarks alone do not read presses, but a key that no tip is near cannot go down: what glows or shades there is not a
press, and the key shows what it looks like at rest, in this very video and light.
"""

from dataclasses import dataclass

import numpy as np

from pianoroll.keys import CENTRES, KEYS, WHITE_KEY_LENGTH

FAR = 1.5  # white-key widths along the keyboard from which a tip cannot press a key
_ON_KEYS = (-0.25, 1.35)  # across: tips beyond are not at the keys
_SPAN = 0.05  # seconds on both sides over which a speed is taken


@dataclass(frozen=True)
class KeyTips:
    """For each frame and key ``(T, 88)`` the nearest fingertip at the keys.

    ``distance``: white-key widths along the keyboard, inf where there is none. ``depth``: where on the key it is, 0
    back edge … 1 front edge; ``speed``: white-key widths a second, along and across together; NaN where there is none.
    ``hand``: number of the hand, -1 none; ``finger``: 1 thumb … 5, 0 none. ``known (T,)``: all hands that the video
    shows somewhere are in view, so that far from every tip means that the key is at rest.
    """

    distance: np.ndarray
    depth: np.ndarray
    speed: np.ndarray
    hand: np.ndarray
    finger: np.ndarray
    known: np.ndarray

    @property
    def at_rest(self) -> np.ndarray:
        """Bool ``(T, 88)``: no finger can be on the key."""
        return self.known[:, None] & (self.distance > FAR)


def key_tips(times: np.ndarray, tips: np.ndarray) -> KeyTips:
    """The nearest tips of ``tips (T, H, 5, 2)``, in keyboard coordinates, NaN unseen, at ``times (T,)`` seconds."""
    frames, hands = tips.shape[:2]
    flat = tips.reshape(frames, hands * 5, 2).astype(np.float64)
    seen = np.isfinite(flat).all(axis=2)
    inside = seen & (flat[..., 1] > _ON_KEYS[0]) & (flat[..., 1] < _ON_KEYS[1])
    along = np.where(inside, flat[..., 0], np.inf)
    distance = np.full((frames, KEYS), np.inf)
    nearest = np.zeros((frames, KEYS), dtype=np.int64)
    for number in range(hands * 5):  # tip by tip: (T, 88, tips) at once would be large for a long video
        apart = np.abs(along[:, number, None] - CENTRES)
        closer = apart < distance
        distance[closer] = apart[closer]
        nearest[closer] = number
    none = ~np.isfinite(distance)
    rows = np.arange(frames)[:, None]
    nothing = np.full((frames, KEYS), np.nan)
    depth = nothing if hands == 0 else np.where(none, np.nan, flat[rows, nearest, 1])
    speed = nothing if hands == 0 else np.where(none, np.nan, _speeds(times, flat)[rows, nearest])
    return KeyTips(
        distance.astype(np.float32),
        depth.astype(np.float32),
        speed.astype(np.float32),
        np.where(none, -1, nearest // 5).astype(np.int8),
        np.where(none, 0, nearest % 5 + 1).astype(np.int8),
        np.asarray(seen.reshape(frames, hands, 5).any(axis=2)).all(axis=1) & (hands > 0),
    )


def _speeds(times: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Speeds ``(T, n)`` in white-key widths a second, over a tenth of a second; NaN where the tip is seen but once."""
    before = np.searchsorted(times, times - _SPAN - 1e-6)
    after = np.searchsorted(times, times + _SPAN + 1e-6) - 1
    here = np.arange(len(times))
    seen = np.isfinite(places).all(axis=2)
    first = np.where(seen[before], before[:, None], here[:, None])
    last = np.where(seen[after], after[:, None], here[:, None])
    tips = np.arange(places.shape[1])
    moved = (places[last, tips] - places[first, tips]) * [1.0, WHITE_KEY_LENGTH]
    spent = times[last] - times[first]
    return np.where(spent > 0, np.hypot(moved[..., 0], moved[..., 1]) / np.where(spent > 0, spent, 1), np.nan)

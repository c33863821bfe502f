"""Where the white keys begin and end: their back and front edge, and the gaps between them.

What a first alignment finds are mostly the black keys, which stand higher than the white ones. The plane that is wanted
is that of the white keys' tops.
"""

import cv2
import numpy as np

from pianoroll.keys import BLACK_KEY_LENGTH
from video2roll.key_strip import X, Y, drawing, key_strip, white_span


def frontness(gray: np.ndarray, plane: np.ndarray, first: int, last: int) -> float:
    """How bright the white keys stay from between the black keys to their front, at the darkest row; 0..1.

    Read from the wrong side, the seam or the fallboard behind the keys makes a dark row, whatever lies beyond.
    """
    span = white_span(first, last)
    strip, inside = key_strip(gray, plane, span)
    columns = drawing(span)[0] == 1
    rows = inside[:, columns].mean(axis=1) > 0.3
    profile = np.median(strip[:, columns], axis=1)
    across = (np.arange(len(profile)) + 0.5) / Y
    back = rows & (across > 0.1) & (across < 0.5)
    front = rows & (across > 0.55) & (across < 0.88)
    if not back.any() or not front.any():
        return 0.0
    return float(np.clip(profile[front].min() / max(1.0, np.median(profile[back])), 0, 1))


def set_edges(gray: np.ndarray, plane: np.ndarray, span: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Stretch the plane across the keys, so that 0 and 1 fall on the back and the front edge of the white keys.

    The front ends of the black keys are a third line: any two of the three give the other where it is not in view.
    Returns the plane, and where on it (across) the black keys end.
    """
    depth = (-0.5, 1.7)
    strip, inside = key_strip(gray, plane, span, depth)
    shades = drawing(span, (0.3, 0.3 + 1 / Y))[0]
    across = depth[0] + (np.arange(len(strip)) + 0.5) / Y
    searches = ((shades == 1, -0.4, 0.25, 1), (shades == 0, 0.45, 0.8, 1), (shades == 1, 0.75, 1.5, -1))
    places: list[list[tuple[float, float]]] = [[], [], []]
    for window in np.array_split(np.arange(strip.shape[1]), max(4, min(12, strip.shape[1] // (4 * X)))):
        for kind, (wanted, low, high, sign) in enumerate(searches):
            columns = window[wanted[window]]
            if len(columns) < X // 2:
                continue
            visible = inside[:, columns].mean(axis=1) > 0.9
            place = _step(np.median(strip[:, columns], axis=1), across, visible, low, high, sign)
            if place is not None:
                places[kind].append((float(span[0] + (columns.mean() + 0.5) / X), place))
    lines = [_edge_line(edge, span) for edge in places]
    back, middle, front = _three_levels([None if line is None else line[0] for line in lines])
    slope = float(np.mean([line[1] for line in lines if line is not None] or [0.0]))
    # (along, across) on the new plane -> on the old one: affine, so that nothing moves along the keys
    stretch = np.array([[1, 0, 0], [slope, front - back, back - slope * (span[0] + span[1]) / 2], [0, 0, 1]])
    return plane @ stretch, (middle - back) / (front - back)


def _three_levels(seen: list[float | None]) -> tuple[float, float, float]:
    """Across of the white keys' back edge, the black keys' front ends and the white keys' front edge, completed."""
    back, middle, front = seen
    if middle is not None and back is not None and front is not None:
        if 0.52 < (middle - back) / (front - back) < 0.76:
            return back, middle, front
        if abs(back) < abs(front - 1):  # one is no edge: trust the one that is nearer to where it was
            front = None
        else:
            back = None
    middle = BLACK_KEY_LENGTH if middle is None else middle
    if back is None:
        back = 0.0 if front is None else front - (front - middle) / (1 - BLACK_KEY_LENGTH)
    if front is None:
        front = back + (middle - back) / BLACK_KEY_LENGTH
    return back, middle, front


def _step(
    profile: np.ndarray, across: np.ndarray, visible: np.ndarray, low: float, high: float, sign: int
) -> float | None:
    """Where the profile rises (``sign`` 1) or falls (-1) most from ``low`` to ``high``; None where it hardly does."""
    slope = np.zeros_like(profile)
    slope[2:-2] = sign * (profile[3:-1] + profile[4:] - profile[1:-3] - profile[:-4]) / 2
    allowed = (across > low) & (across < high) & visible
    if not allowed.any():
        return None
    white = float(np.median(profile[(across > 0.2) & (across < 0.9)]))
    slope = np.where(allowed, slope, 0)
    best = int(np.argmax(slope))
    if slope[best] < 0.2 * white:
        return None
    return float(across[best])


def _edge_line(places: list[tuple[float, float]], span: tuple[float, float]) -> tuple[float, float] | None:
    """The line through most of the places (along, across): its across in the middle of ``span``, and its slope."""
    if len(places) < 3:
        return None
    x, y = np.array(places).T
    x = x - (span[0] + span[1]) / 2
    first, second = np.triu_indices(len(x), 1)
    slopes = (y[second] - y[first]) / (x[second] - x[first])
    lines = y[first, None] + slopes[:, None] * (x[None] - x[first, None])
    votes = np.where(np.abs(slopes) * (span[1] - span[0]) < 0.25, (np.abs(lines - y) < 0.035).sum(axis=1), 0)
    best = int(np.argmax(votes))
    if votes[best] < max(3, 0.45 * len(x)):
        return None
    good = np.abs(lines[best] - y) < 0.035
    slope, level = np.polyfit(x[good], y[good], 1)
    return float(level), float(slope)


def settle_on_whites(gray: np.ndarray, plane: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Shift and stretch the plane along the keys until the gaps between the white keys fall on whole numbers.

    What was aligned so far are mostly the black keys, whose tops stand higher than the white keys: a camera near by
    sees them moved outwards, at the ends of the keyboard by as much as 0.4 of a white key.
    """
    wide = (span[0] - 2, span[1] + 2)
    darkness = gap_profile(gray, plane, wide)
    half = (span[1] - span[0]) / 2
    gaps = np.arange(-half + 1, half)  # from the middle; the outer edges are no gaps
    shift = np.linspace(-0.3, 0.3, 31)[:, None, None]
    stretch = np.linspace(-0.42, 0.42, 43)[None, :, None] / max(half, 8.0)
    along = gaps * (1 + stretch) + shift + (span[0] + span[1]) / 2
    score = np.interp((along - wide[0]) * X - 0.5, np.arange(len(darkness)), darkness).mean(axis=2)
    best = np.unravel_index(int(np.argmax(score)), score.shape)
    if score[best] < 1.5 * np.median(score):  # no gaps to be seen
        return plane
    a, b = float(shift[best[0], 0, 0]), float(stretch[0, best[1], 0])
    middle = (span[0] + span[1]) / 2
    return plane @ np.array([[1 + b, 0, a - b * middle], [0, 1, 0], [0, 0, 1]])


def gap_profile(gray: np.ndarray, plane: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """How much of a thin dark line runs through the front of the white keys, ``(w,)`` at X pixels a white key."""
    strip, inside = key_strip(gray, plane, span, (0.7, 0.94))
    smooth = cv2.GaussianBlur(strip, (3, 1), 0)
    dark = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8)) - smooth
    profile = np.where(inside, dark / np.maximum(strip, 16), 0).mean(axis=0)
    return np.minimum(profile, 3 * profile.mean())

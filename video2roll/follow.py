"""Follow a keyboard through a video whose camera is nudged, moves, zooms or cuts to another picture.

A frame is rectified where the keyboard was last seen. If the strip still lies on the reference strip (the keyboard as
it was when it was found), nothing moved. If it lies beside it, the difference says where the keyboard went: one step of
the inverse compositional Lucas-Kanade algorithm (Baker & Matthews, IJCV 2004) over homographies. The strip is compared
in blocks, and blocks that look like something else do not count: that is where the hands are. Where nearly all blocks
look like something else, the picture does not show this keyboard there.

Always the same reference is compared with, so that errors do not add up; and steps too small to be told from noise are
not taken, so that a camera at rest gives a keyboard at rest.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from video2roll.rectify import (
    KEY_PIXELS,
    STRIP_BACK,
    STRIP_WIDTH,
    CornersError,
    Keyboard,
    Rectifier,
    strip_to_picture,
)

MOVED = 0.5  # strip pixels (12 a white key): less than that at the strip's corners is noise, not motion
STILL = 0.1  # strip pixels: where the keyboard did move, it is followed that closely
GONE = 0.7  # score below which a strip does not show the keyboard of the reference

# strips are compared at half size, without what lies before the keys: hands
_WIDTH, _HEIGHT = STRIP_WIDTH // 2, (STRIP_BACK + KEY_PIXELS + 8) // 2
_ROWS, _COLUMNS = 2, 26  # blocks of two white keys by half the strip's height
_LEAST_CONTRAST = 4.0  # gray levels: a block more even than that holds nothing to compare
_LEAST_KNOWN = 0.4  # of a block that the picture must show
_ALIKE = 0.5  # correlation of a block from which it counts
_IMPROVED = 0.75  # of the blocks that must look better after a motion: a hand moves few, a camera moves all
_DOUBT = 0.04  # below the usual score: the pattern of the keys repeats, and shifted by a few keys it looks nearly alike
_HABIT = 0.02  # of a frame's score in the usual one
_CLEAR = 0.85  # score below which it is looked farther away
_BLUR = 3.0  # half-size strip pixels, half a white key
_STEPS = 5  # at most, in one frame
_DAMPING = 0.02  # of the mean curvature, so that what blocks do not tell is left as it was


@dataclass(frozen=True)
class View:
    """A keyboard as one scene shows it: where it is, and a gray picture ``(H, W)`` of it there, hands away if possible.

    ``time``: seconds at which the video looks like that, the middle of the scene or of the pictures taken for it.
    """

    keyboard: Keyboard
    picture: np.ndarray
    time: float = 0.0


class Follower:
    """Where a view's keyboard is, frame after frame. ``keyboard`` is its last place; ``score``, -1..1, tells how much
    the last frame looked like the view there, and ``usual`` how much frames do of late."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.score = self.usual = 1.0
        self.place(view.keyboard)
        strip = self._rectify(view.picture)
        inside = self._rectify(np.full(view.picture.shape, 255, np.uint8), outside=0) == 255
        self._sharp, self._blurred = _Reference(strip, inside), _Reference(strip, inside, _BLUR)

    def place(self, keyboard: Keyboard) -> None:
        """Go on from another place."""
        self.keyboard, self._rectify = keyboard, Rectifier(keyboard)

    def __call__(self, image: np.ndarray) -> np.ndarray | None:
        """The strip ``(104, 624)`` of a gray picture ``(H, W)`` with the keyboard where it is now; None where the
        picture does not show it."""
        strip = self._rectify(image)
        motion, self.score = self._register(strip)
        if motion is not None:
            moved = self._moved(motion)
            if moved is not None:
                self.place(moved)
                strip = self._rectify(image)
        if self.score <= GONE:
            return None
        self.usual += _HABIT * (self.score - self.usual)
        return strip

    @property
    def doubtful(self) -> bool:
        """Whether the keyboard looks worse than it used to: a hand, or keys that lie a few keys beside their place."""
        return self.score < self.usual - _DOUBT

    def _register(self, strip: np.ndarray) -> tuple[np.ndarray | None, float]:
        """Where the view's strip lies on ``strip`` (half-size pixels), None where it did not move; and the score."""
        if not len(self._sharp.blocks):  # nothing to hold on to: it is taken to stay where it is
            return None, 1.0
        motion, before, after = self._sharp.register(strip)
        if np.median(after) < _CLEAR and len(self._blurred.blocks):
            rough, _, _ = self._blurred.register(strip)
            if rough is not None:
                again, _, better = self._sharp.register(strip, rough)
                if np.median(better) > np.median(after):
                    motion, after = again, better
        clear = after > _ALIKE
        improved = clear.any() and np.mean((after > before)[clear]) >= _IMPROVED
        if motion is None or not improved or np.median(after) < self.usual - _DOUBT:
            return None, float(np.median(before))
        return motion, float(np.median(after))

    def _moved(self, motion: np.ndarray) -> Keyboard | None:
        """The keyboard after a motion ``(3, 3)`` of half-size strip pixels; None where that makes no keyboard."""
        to_picture = strip_to_picture(self.keyboard, 0.5)
        in_picture = to_picture @ motion @ np.linalg.inv(to_picture)
        try:
            return replace(self.keyboard, corners=cv2.perspectiveTransform(self.keyboard.corners[None], in_picture)[0])
        except CornersError:
            return None


class _Reference:
    """The reference strip, made ready to be compared with: blocks ``(n, pixels)`` of even mean, how each changes with
    the eight parameters of a homography, and the curvature ``(n, 8, 8)``.

    Sharp, it leads from at most a third of a key away; blurred (``blur``: half-size strip pixels) until only the groups
    of two and three black keys are left, from about a key.
    """

    def __init__(self, strip: np.ndarray, inside: np.ndarray, blur: float = 0.0) -> None:
        self.blur = blur
        image = self._ready(strip)
        known = _blocks(_half(inside.astype(np.uint8) * 255)) > 250
        blocks = _blocks(image)
        contrast = np.ma.std(np.ma.array(blocks, mask=~known), axis=1)
        enough = known.mean(axis=1) > _LEAST_KNOWN
        self.used = enough & (np.ma.filled(contrast, 0) > _LEAST_CONTRAST)
        self.known = known[self.used].astype(np.float32)
        self.box = _box(self.used)
        dy, dx = np.gradient(cv2.GaussianBlur(image, (3, 3), 0))
        self.changes = np.stack(
            [self._centred(_blocks(layer)[self.used]) for layer in _descent(dx, dy, self.box)], axis=2
        )
        self.curvature = np.einsum("npi,npj->nij", self.changes, self.changes)
        self.blocks = self._centred(blocks[self.used])
        self.size = np.linalg.norm(self.blocks, axis=1)

    def _ready(self, strip: np.ndarray) -> np.ndarray:
        image = _half(strip)
        return cv2.GaussianBlur(image, (0, 0), self.blur) if self.blur else image

    def _centred(self, blocks: np.ndarray) -> np.ndarray:
        """Blocks less their mean; 0 where the picture of the reference ended."""
        total = np.maximum(self.known.sum(axis=1, keepdims=True), 1)
        return (blocks - (blocks * self.known).sum(axis=1, keepdims=True) / total) * self.known

    def register(
        self, strip: np.ndarray, start: np.ndarray | None = None
    ) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        """The homography ``(3, 3)`` from half-size strip pixels of the reference to those of ``strip``, None where
        nothing moved; and how alike the blocks ``(n,)`` are before and after, correlations -1..1.

        ``start``: a guess at the homography, to begin there.
        """
        image = self._ready(strip)
        motion = np.eye(3) if start is None else start
        step, before = self._step(image)
        after = before
        if start is not None:
            step, after = self._step(_warped(image, motion))
        for count in range(_STEPS):
            if self._reach(step) < (STILL if count or start is not None else MOVED):
                break
            motion = motion @ np.linalg.inv(step)
            step, after = self._step(_warped(image, motion))
        return (None if after is before else motion), before, after

    def _step(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By which homography ``(3, 3)`` the reference would come to lie on a half-size strip, to first order; and how
        alike they are, block by block: correlations ``(n,)``."""
        blocks = self._centred(_blocks(image)[self.used])
        size = np.linalg.norm(blocks, axis=1) + 1e-3
        alike = (blocks * self.blocks).sum(axis=1) / (size * self.size)
        least = max(_ALIKE, float(np.quantile(alike, 0.7)) - 0.2)
        weight = np.clip((alike - least) / (1 - least), 0, 1) ** 2
        if weight.sum() < 0.1 * len(weight):
            return np.eye(3), alike
        rest = weight[:, None] * (blocks * (self.size / size)[:, None] - self.blocks)
        pull = rest.ravel() @ self.changes.reshape(-1, 8)
        curvature = np.tensordot(weight, self.curvature, 1)
        curvature += np.eye(8) * _DAMPING * np.trace(curvature) / 8
        return _homography(np.linalg.solve(curvature, pull), self.box), alike

    def _reach(self, step: np.ndarray) -> float:
        """The farthest that a step moves a corner of what is compared, in pixels of the full-size strip."""
        left, top, right, bottom = self.box
        corners = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]])
        return 2 * float(np.abs(cv2.perspectiveTransform(corners, step) - corners).max())


def _warped(image: np.ndarray, motion: np.ndarray) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(image, motion, (_WIDTH, _HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _half(strip: np.ndarray) -> np.ndarray:
    return cv2.resize(strip[: 2 * _HEIGHT], (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)


def _blocks(image: np.ndarray) -> np.ndarray:
    """The blocks of a half-size strip, ``(n, pixels)``."""
    tall, wide = _HEIGHT // _ROWS, _WIDTH // _COLUMNS
    return image.reshape(_ROWS, tall, _COLUMNS, wide).swapaxes(1, 2).reshape(_ROWS * _COLUMNS, tall * wide)


def _box(used: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the blocks in use, in half-size strip pixels; all of them where none is."""
    rows, columns = np.nonzero((used if used.any() else ~used).reshape(_ROWS, _COLUMNS))
    tall, wide = _HEIGHT / _ROWS, _WIDTH / _COLUMNS
    return columns.min() * wide, rows.min() * tall, (columns.max() + 1) * wide, (rows.max() + 1) * tall


# Places are x, y in -1..1 from the middle of the box in use, and the parameters are pixels of motion at its edges:
# x moves by a x + b y + c - x (g x + h y), y by d x + e y + f - (height / width) y (g x + h y).


def _descent(dx: np.ndarray, dy: np.ndarray, box: tuple[float, float, float, float]) -> list[np.ndarray]:
    """How each pixel of the reference changes with each of the eight parameters, ``(H, W)`` each."""
    left, top, right, bottom = box
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    x, y = (2 * x + 1 - left - right) / (right - left), (2 * y + 1 - top - bottom) / (bottom - top)
    fan = dx * x + dy * y * ((bottom - top) / (right - left))
    return [dx * x, dx * y, dx, dy * x, dy * y, dy, -fan * x, -fan * y]


def _homography(parameters: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The parameters as a homography ``(3, 3)`` of half-size strip pixels."""
    left, top, right, bottom = box
    a, b, c, d, e, f, g, h = parameters
    w, t = (right - left) / 2, (bottom - top) / 2
    matrix = np.array([[1 + a / w, b / w, c / w], [d / t, 1 + e / t, f / t], [g / w, h / w, 1]])
    to_pixels = np.array([[w, 0, (left + right - 1) / 2], [0, t, (top + bottom - 1) / 2], [0, 0, 1]])
    return to_pixels @ matrix @ np.linalg.inv(to_pixels)

"""Falling notes drawn over pictures of a piano, as video editors do it: exact truth for reading them back.

A bar meets the line at the keys at its note's onset and leaves it at its offset. Styles differ in all that the reader
must not mind: colours, widths, corners, glow, sparks, what is behind the bars, and words over it all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pianoroll import Note
from pianoroll.keys import BLACK, CENTRES, WHITE_KEYS, is_black
from video2roll.rectify import Keyboard

Colour = tuple[int, int, int]  # BGR


@dataclass(frozen=True)
class Style:
    """How notes fall.

    ``travel``: seconds from the upper edge of the picture to the line; ``rising``: they rise from the keys as they are
    played instead. ``line``: pixels of the line above the keys. ``right``, ``left``: colours of the hands (parted at C4
    where the hand is not known); black keys' bars have ``dark`` of it. ``white``, ``black``: widths of bars, in white
    keys. ``corner``: radius, pixels; ``gap``: pixels that a bar is shorter; ``least``: pixels that it is high at least.
    ``ground``: what is behind the bars, None for the picture itself; ``cover``: how much of the picture that hides.
    ``glow``: at the line and on the keys; ``sparks`` a note; ``title`` over the first seconds; ``panel``: a score at
    the upper edge.
    """

    travel: float = 3.0
    rising: bool = False
    line: int = 0
    right: Colour = (90, 200, 120)
    left: Colour = (210, 140, 70)
    dark: float = 1.0
    white: float = 0.94
    black: float = 0.55
    corner: int = 0
    gap: float = 2.0
    least: float = 7.0
    ground: Colour | None = (18, 18, 18)
    cover: float = 1.0
    glow: float = 0.0
    sparks: int = 0
    title: str = ""
    panel: bool = False


STYLES = {
    "flat": Style(dark=0.7, gap=1.0),
    "glowing": Style(
        travel=2.2,
        right=(255, 250, 215),
        left=(255, 250, 215),
        corner=4,
        gap=4.0,
        ground=(0, 0, 0),
        glow=1.0,
        sparks=12,
        line=8,
        title="NOCTURNE",
    ),
    "rising": Style(
        travel=3.2, rising=True, right=(220, 90, 200), left=(60, 160, 250), dark=0.6, ground=None, corner=3
    ),
    "light": Style(
        travel=2.8,
        right=(200, 120, 30),
        left=(40, 90, 220),
        white=0.7,
        black=0.5,
        corner=5,
        gap=3.0,
        ground=(244, 240, 236),
        cover=0.92,
        line=3,
        panel=True,
    ),
}


class Overlay:
    """Draws the bars of ``notes`` over pictures of ``keyboard``, which lies level in them, the player below."""

    def __init__(self, keyboard: Keyboard, notes: Sequence[Note], style: Style, *, seed: int = 0) -> None:
        edge = np.stack([np.linspace(0, WHITE_KEYS, 5 * WHITE_KEYS + 1), np.zeros(5 * WHITE_KEYS + 1)], axis=1)
        points = cv2.perspectiveTransform(edge[None].astype(np.float64), keyboard.to_picture.astype(np.float64))[0]
        self._along, self._x = edge[:, 0], points[:, 0]
        self.line = float(points[:, 1].min()) - style.line
        self._notes, self._style, self._seed = sorted(notes), style, seed

    def __call__(self, picture: np.ndarray, time: float) -> np.ndarray:
        """The picture (BGR, uint8) at a second of the notes, drawn over."""
        style, drawn = self._style, picture.copy()
        line = round(self.line)
        if style.ground is not None:
            ground = np.full_like(drawn[:line], style.ground)
            drawn[:line] = cv2.addWeighted(ground, style.cover, drawn[:line], 1 - style.cover, 0)
        canvas = drawn[:line]
        for note in self._notes:
            self._draw(canvas, note, time)
        if style.glow:
            self._shine(drawn, time)
        cv2.line(drawn, (0, line), (drawn.shape[1], line), (60, 60, 60), 1)
        if style.panel:
            _panel(drawn[: line // 5])
        if style.title and time < 3:
            cv2.putText(
                drawn,
                style.title,
                (line // 3, line // 2),
                cv2.FONT_HERSHEY_DUPLEX,
                1.6,
                (235, 235, 235),
                3,
                cv2.LINE_AA,
            )
        return drawn

    def _span(self, note: Note) -> tuple[float, float]:
        half = (self._style.black if BLACK[note.key] else self._style.white) / 2
        ends = np.interp([CENTRES[note.key] - half, CENTRES[note.key] + half], self._along, self._x)
        return float(ends.min()), float(ends.max())

    def _colour(self, note: Note) -> Colour:
        style = self._style
        left = note.hand == "left" or (note.hand is None and note.pitch < 60)
        shade = style.dark if is_black(note.pitch) else 1.0
        blue, green, red = (round(shade * part) for part in (style.left if left else style.right))
        return blue, green, red

    def _draw(self, canvas: np.ndarray, note: Note, time: float) -> None:
        style, speed = self._style, self.line / self._style.travel
        if style.rising:
            top = self.line - (time - note.onset) * speed
            bottom = max(top + style.least, self.line - (time - note.offset) * speed - style.gap)
        else:
            bottom = self.line + (time - note.onset) * speed
            top = min(bottom - style.least, self.line + (time - note.offset) * speed + style.gap)
        if bottom <= 0 or top >= self.line:
            return
        _box(canvas, self._span(note), (top, bottom), self._colour(note), style.corner)

    def _shine(self, drawn: np.ndarray, time: float) -> None:
        """Light where bars meet the keys, on the keys too; and sparks that fly up."""
        light = np.zeros(drawn.shape, np.float32)
        rng = np.random.default_rng([self._seed, round(1000 * time)])
        for note in self._notes:
            if note.onset <= time < note.offset:
                left, right = self._span(note)
                middle = round(_middle((left, right))), round(self.line)
                cv2.ellipse(light, middle, (round(1.2 * (right - left)), 26), 0, 0, 360, (255, 255, 255), -1)
                cv2.rectangle(light, (round(left), middle[1]), (round(right), middle[1] + 60), (120, 120, 120), -1)
            if self._style.sparks and note.onset <= time < note.onset + 1.0:
                for _ in range(self._style.sparks):
                    x = _middle(self._span(note)) + rng.normal(0, 14)
                    y = self.line - abs(rng.normal(0, 160)) * (time - note.onset)
                    cv2.circle(light, (round(x), round(y)), 1, (220, 220, 220), -1)
        shine = self._style.glow * cv2.GaussianBlur(light, (0, 0), 5)
        drawn[:] = np.clip(drawn + shine, 0, 255).astype(np.uint8)


def _middle(span: tuple[float, float]) -> float:
    return (span[0] + span[1]) / 2


def _box(
    canvas: np.ndarray, across: tuple[float, float], down: tuple[float, float], colour: Colour, corner: int
) -> None:
    """A bar with smooth edges, its corners cut round."""
    x0, x1 = int(across[0]) - 1, int(across[1]) + 2
    y0, y1 = max(0, int(down[0]) - 1), min(len(canvas), int(down[1]) + 2)
    x0, x1 = max(0, x0), min(canvas.shape[1], x1)
    if x0 >= x1 or y0 >= y1:
        return
    x, y = np.arange(x0, x1) + 0.5, np.arange(y0, y1)[:, None] + 0.5
    middle, half = (_middle(across), _middle(down)), ((across[1] - across[0]) / 2, (down[1] - down[0]) / 2)
    radius = min(corner, half[0], half[1])
    dx, dy = np.abs(x - middle[0]) - half[0] + radius, np.abs(y - middle[1]) - half[1] + radius
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0) - radius
    cover = np.clip(0.5 - outside, 0, 1)[..., None]
    part = canvas[y0:y1, x0:x1]
    part[:] = np.round(part * (1 - cover) + np.array(colour) * cover).astype(np.uint8)


def _panel(part: np.ndarray) -> None:
    """Two staves, black on white."""
    part[:] = 250
    for staff in (0.3, 0.7):
        for line in range(-2, 3):
            y = round(len(part) * (staff + 0.05 * line))
            cv2.line(part, (20, y), (part.shape[1] - 20, y), (20, 20, 20), 1)
    for x in range(60, part.shape[1] - 40, 45):
        cv2.circle(part, (x, round(len(part) * (0.25 + 0.5 * ((x * 37) % 100) / 100))), 4, (10, 10, 10), -1)

"""A picture of the notes: the keyboard at the left, time to the right, each note a bar in the colour of its hand.

Loud notes are darker, soft ones paler; a bar that is long enough carries the number of its finger, where it is known.
Where the beat is known, its lines stand behind the notes, those of bars stronger.
"""

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageColor, ImageDraw, ImageFont

from pianoroll.files import write_beside
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH, is_black, pitch_name
from pianoroll.metrics import matches
from pianoroll.midi import BeatGrid
from pianoroll.notes import Hand, Note
from pianoroll.vector import VectorDraw

Draw = ImageDraw.ImageDraw | VectorDraw

KEY_HEIGHT = 12  # pixels a semitone
KEYBOARD_WIDTH = 88  # pixels
FINGER_WIDTH = 11  # pixels that a bar must be long to carry its finger
MARGIN = 28  # pixels
TITLE_HEIGHT = 56  # pixels, for the title and the legend
AXIS_HEIGHT = 44  # pixels, for the seconds
MIN_WIDTH, MAX_WIDTH = 1000, 8000  # pixels of the time axis
BEAT_WIDTH = 12  # pixels between beats that are worth a line each
USUAL_VELOCITY = 80
SHADING = 0.6  # how far the loudest and softest notes are from the usual colour
SECOND_WIDTH = 90  # pixels a second, where the piece is short enough for MAX_WIDTH
VERDICTS = {"hit": ("#2f6fb7", "#1d4a80"), "miss": ("#fbfaf7", "#c0392b"), "extra": ("#e0a528", "#96690c")}
"""What a note turned out to be: the colours of its body and its edge."""

_PAPER, _INK, _FAINT_INK = "#fbfaf7", "#22252b", "#7d828c"
_BEAT_LINE, _BAR_LINE = "#d5e0dd", "#93b5ac"
_BLACK_LANE, _OCTAVE_LINE, _TIME_LINE = "#f0eee8", "#cfcbc0", "#e2dfd6"
_COLOURS = {"right": "#2f6fb7", "left": "#d9762b", None: "#2e8b7a"}
_EDGES = {"right": "#1d4a80", "left": "#99501a", None: "#1d5f53"}
_PLURALS = {"hit": "hits", "miss": "misses", "extra": "extras"}
_LABELS = {"right": "right hand", "left": "left hand", None: "hand unknown"}


@dataclass(frozen=True)
class _Layout:
    """Where a pitch and a second stand in the picture, pixels. ``low`` and ``high``: the pitches shown."""

    low: int
    high: int
    start: float
    end: float
    scale: float  # pixels a second

    @property
    def left(self) -> int:
        return MARGIN + KEYBOARD_WIDTH

    @property
    def right(self) -> int:
        return self.left + round((self.end - self.start) * self.scale)

    @property
    def top(self) -> int:
        return MARGIN + TITLE_HEIGHT

    @property
    def bottom(self) -> int:
        return self.top + (self.high - self.low + 1) * KEY_HEIGHT

    @property
    def size(self) -> tuple[int, int]:
        return self.right + MARGIN, self.bottom + AXIS_HEIGHT + MARGIN // 2

    def x(self, seconds: float) -> float:
        return self.left + (seconds - self.start) * self.scale

    def y(self, pitch: int) -> int:
        """Upper edge of the pitch's lane."""
        return self.top + (self.high - pitch) * KEY_HEIGHT


def plot_notes(
    notes: Sequence[Note],
    *,
    title: str = "",
    start: float | None = None,
    end: float | None = None,
    beats: BeatGrid | None = None,
) -> Image.Image:
    """Draw notes between ``start`` and ``end`` seconds (default: all of them). No notes give an empty page."""
    layout = _lay_out(notes, start, end)
    page = Image.new("RGB", layout.size, _PAPER)
    _draw_notes(ImageDraw.Draw(page), layout, notes, _drawable(title), beats)
    return page


def _draw_notes(draw: Draw, layout: _Layout, notes: Sequence[Note], title: str, beats: BeatGrid | None) -> None:
    _draw_lanes(draw, layout)
    _draw_seconds(draw, layout)
    if beats is not None:
        _draw_beats(draw, layout, beats)
    for note in sorted(notes):
        _draw_note(draw, layout, note, (_shade(note), _EDGES[note.hand]))
    _draw_frame(draw, layout)
    _draw_title(draw, layout, notes, title)


def _draw_frame(draw: Draw, layout: _Layout) -> None:
    """The keyboard, over what began before the left edge."""
    draw.rectangle((0, layout.top, layout.left - 1, layout.bottom), fill=_PAPER)
    _draw_keyboard(draw, layout)


def plot_comparison(
    found: Sequence[Note],
    true: Sequence[Note],
    *,
    title: str = "",
    start: float | None = None,
    end: float | None = None,
) -> Image.Image:
    """Draw what was found against the truth: hits (a note of that pitch begins within 50 ms), misses and extras, each
    in a colour of its own; misses are hollow."""
    layout = _lay_out([*found, *true], start, end)
    page = Image.new("RGB", layout.size, _PAPER)
    _draw_comparison(ImageDraw.Draw(page), layout, found, true, title)
    return page


def comparison_svg(found: Sequence[Note], true: Sequence[Note], *, title: str = "", **span: float | None) -> str:
    """``plot_comparison`` as an SVG document; ``span``: its ``start`` and ``end``."""
    layout = _lay_out([*found, *true], span.get("start"), span.get("end"))
    draw = VectorDraw(layout.size, _PAPER)
    _draw_comparison(draw, layout, found, true, title)
    return draw.svg


def _draw_comparison(draw: Draw, layout: _Layout, found: Sequence[Note], true: Sequence[Note], title: str) -> None:
    pairs = matches(found, true)
    kinds = {
        "hit": [found[guess] for guess, _ in pairs],
        "miss": _without(true, {truth for _, truth in pairs}),
        "extra": _without(found, {guess for guess, _ in pairs}),
    }
    _draw_lanes(draw, layout)
    _draw_seconds(draw, layout)
    for kind in ("miss", "hit", "extra"):
        for note in sorted(kinds[kind]):
            _draw_note(draw, layout, note, VERDICTS[kind], hollow=kind == "miss")
    _draw_frame(draw, layout)
    draw.text((MARGIN, MARGIN), title, font=_font(24), fill=_INK, anchor="lt")
    labels = {kind: f"{len(kinds[kind])} {_PLURALS[kind]}" for kind in ("extra", "miss", "hit")}
    _draw_legend(draw, layout, [(labels[kind], VERDICTS[kind]) for kind in labels])


def write_comparison(
    found: Sequence[Note], true: Sequence[Note], path: str | os.PathLike[str], *, title: str = "", **span: float | None
) -> None:
    """Write ``plot_comparison`` as PNG; ``span``: its ``start`` and ``end``. Raises FileError."""
    page = plot_comparison(found, true, title=title, **span)
    with write_beside(path) as temporary:
        page.save(temporary, format="PNG", optimize=True)


def _without(notes: Sequence[Note], left_out: set[int]) -> list[Note]:
    return [note for index, note in enumerate(notes) if index not in left_out]


def write_plot(
    notes: Sequence[Note],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    start: float | None = None,
    end: float | None = None,
    beats: BeatGrid | None = None,
) -> None:
    """Write ``plot_notes`` as PNG, or as SVG where the path ends so. Raises FileError where that cannot be done."""
    with write_beside(path) as temporary:
        if temporary.suffix.lower() == ".svg":
            layout = _lay_out(notes, start, end)
            draw = VectorDraw(layout.size, _PAPER)
            _draw_notes(draw, layout, notes, title, beats)
            temporary.write_text(draw.svg, encoding="utf-8")
        else:
            page = plot_notes(notes, title=title, start=start, end=end, beats=beats)
            page.save(temporary, format="PNG", optimize=True)


def _lay_out(notes: Sequence[Note], start: float | None, end: float | None) -> _Layout:
    """Whole octaves from C to B around the notes, three at least; seconds so that the page stays of a useful width."""
    lowest = min((n.pitch for n in notes), default=60)
    highest = max((n.pitch for n in notes), default=71)
    low, high = lowest - lowest % 12, highest - highest % 12 + 11
    while high - low < 35:
        low, high = (low - 12, high) if (low + high) / 2 > 65 else (low, high + 12)
    low, high = max(low, LOWEST_PITCH), min(high, HIGHEST_PITCH)
    first = start if start is not None else 0.0
    last = end if end is not None else max((n.offset for n in notes), default=first) + 0.25
    duration = max(last - first, 1.0)
    width = min(max(duration * SECOND_WIDTH, MIN_WIDTH), MAX_WIDTH)
    return _Layout(low, high, first, first + duration, width / duration)


def _draw_lanes(draw: Draw, layout: _Layout) -> None:
    for pitch in range(layout.low, layout.high + 1):
        y = layout.y(pitch)
        if is_black(pitch):
            draw.rectangle((layout.left, y, layout.right, y + KEY_HEIGHT - 1), fill=_BLACK_LANE)
        if pitch % 12 in (0, 5):  # below C and below F, where two white keys meet
            colour = _OCTAVE_LINE if pitch % 12 == 0 else _TIME_LINE
            draw.line((layout.left, y + KEY_HEIGHT, layout.right, y + KEY_HEIGHT), fill=colour)


def _draw_seconds(draw: Draw, layout: _Layout) -> None:
    """A line and a number every 1, 2, 5, … seconds: at least 70 pixels apart."""
    step = next(s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 10**6) if s * layout.scale >= 70)
    font = _font(15)
    second = -(-int(layout.start) // step) * step
    while second <= layout.end:
        x = layout.x(second)
        if x >= layout.left:
            draw.line((x, layout.top, x, layout.bottom + 5), fill=_TIME_LINE)
            draw.text((x, layout.bottom + 10), f"{second}", font=font, fill=_FAINT_INK, anchor="mt")
        second += step
    draw.line((layout.left, layout.bottom, layout.right, layout.bottom), fill=_OCTAVE_LINE)
    draw.text((layout.left - 12, layout.bottom + 10), "seconds", font=font, fill=_FAINT_INK, anchor="rt")


def _draw_beats(draw: Draw, layout: _Layout, beats: BeatGrid) -> None:
    """A line at each bar; at each beat too, where there is room."""
    room = layout.scale * (beats.times[-1] - beats.times[0]) / max(1, len(beats.times) - 1) >= BEAT_WIDTH
    for times, colour in ((beats.times if room else (), _BEAT_LINE), (beats.downbeats, _BAR_LINE)):
        for x in (layout.x(time) for time in times if layout.start <= time <= layout.end):
            draw.line((x, layout.top, x, layout.bottom), fill=colour)


def _shade(note: Note) -> tuple[int, int, int]:
    """The colour of the hand, darker for louder notes than the usual, paler for softer ones."""
    louder = max(-1.0, (note.velocity - USUAL_VELOCITY) / (127 - USUAL_VELOCITY))
    other = _EDGES[note.hand] if louder > 0 else _PAPER
    colours = zip(ImageColor.getrgb(_COLOURS[note.hand]), ImageColor.getrgb(other), strict=False)
    red, green, blue = (round(own + SHADING * abs(louder) * (far - own)) for own, far in colours)
    return red, green, blue


def _draw_note(
    draw: Draw,
    layout: _Layout,
    note: Note,
    colours: tuple[str | tuple[int, int, int], str],
    *,
    hollow: bool = False,
) -> None:
    """A bar; ``colours``: of its body and its edge."""
    if not layout.low <= note.pitch <= layout.high or note.offset < layout.start or note.onset > layout.end:
        return
    x, y = layout.x(note.onset), layout.y(note.pitch)
    end = max(min(layout.x(note.offset), layout.right), x + 3)
    box = (x, y + 1, end, y + KEY_HEIGHT - 2)
    body, edge = colours
    draw.rounded_rectangle(box, radius=min(3, (end - x) / 2), fill=None if hollow else body, outline=edge)
    draw.rectangle((x, y + 2, x + 2, y + KEY_HEIGHT - 3), fill=edge)
    if note.finger is not None and end - x >= FINGER_WIDTH:
        place = (x + 2 + FINGER_WIDTH / 2, y + KEY_HEIGHT / 2)
        draw.text(place, str(note.finger), font=_font(11), fill=_PAPER, anchor="mm")


def _draw_keyboard(draw: Draw, layout: _Layout) -> None:
    """The keys, seen from the right side of the page: black ones short, every C named."""
    right = layout.left - 6
    left, black_left = right - 64, right - 64
    draw.rectangle((left, layout.top, right, layout.bottom), fill="#ffffff", outline=_FAINT_INK)
    for pitch in range(layout.low, layout.high + 1):
        y = layout.y(pitch)
        if is_black(pitch):
            draw.line((left, y + KEY_HEIGHT / 2, right, y + KEY_HEIGHT / 2), fill=_OCTAVE_LINE)
            draw.rectangle((black_left, y + 1, black_left + 38, y + KEY_HEIGHT - 2), fill=_INK)
        elif pitch % 12 in (0, 5):
            draw.line((left, y + KEY_HEIGHT, right, y + KEY_HEIGHT), fill=_FAINT_INK)
        if pitch % 12 == 0:
            place = (right - 4, y + KEY_HEIGHT // 2)
            draw.text(place, pitch_name(pitch), font=_font(12), fill=_INK, anchor="rm")


def _draw_title(draw: Draw, layout: _Layout, notes: Sequence[Note], title: str) -> None:
    draw.text((MARGIN, MARGIN), title, font=_font(24), fill=_INK, anchor="lt")
    x, y = layout.right, MARGIN + 12
    present = {note.hand for note in notes}
    if present <= {None}:
        draw.text(
            (x, y), f"{len(notes)} note{'' if len(notes) == 1 else 's'}", font=_font(15), fill=_FAINT_INK, anchor="rm"
        )
        return
    hands: tuple[Hand | None, ...] = (None, "right", "left")
    _draw_legend(draw, layout, [(_LABELS[h], (_COLOURS[h], _EDGES[h])) for h in hands if h in present])


def _draw_legend(draw: Draw, layout: _Layout, entries: Sequence[tuple[str, tuple[str, str]]]) -> None:
    """Words and colours at the upper right, from right to left."""
    x, y = layout.right, MARGIN + 12
    for words, (body, edge) in entries:
        x -= round(draw.textlength(words, font=_font(15)))
        draw.text((x, y), words, font=_font(15), fill=_INK, anchor="lm")
        x -= 22
        draw.rounded_rectangle((x, y - 7, x + 14, y + 7), radius=3, fill=body, outline=edge)
        x -= 24


def _drawable(text: str) -> str:
    """Words in the letters that Pillow's own font has: without accents, and without what no such letter stands for."""
    apart = unicodedata.normalize("NFKD", text.translate(str.maketrans("–—‘’“”ß", "--''\"\"s")))
    return " ".join(apart.encode("ascii", "ignore").decode("ascii").split())


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, so that the picture looks the same everywhere."""
    return ImageFont.load_default(size)

"""MusicXML -> pages: Verovio draws SVG, Typst binds the SVG pages into one PDF. Both are plain wheels."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any
from xml.etree import ElementTree

import typst
import verovio

from score.errors import ScoreError

PAGE = (2100, 2970)  # A4 in tenths of a millimetre, Verovio's unit
MARGIN = 140
STAFF_UNIT = 8  # half the distance of two staff lines: a staff 6.4 mm high
MUSIC_FONT = "Leipzig"
EM = 1000  # units of the music font to its size
GLYPH_GAP = 80  # of them between the outlines of a tempo mark
TITLE = 1.5  # size of the title to that of other words above the music
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SEED = 1  # of the names that Verovio gives to what it draws: the same score is drawn the same
PAGE_NUMBER = (-300, 320)  # place above the music, and size, in Verovio's units
LETTER_WIDTH = 0.55  # mean width of a letter to its size, at most

_VEROVIO = Lock()  # those names, and what it logs, are the program's, not a thread's
_HEADER_TEXT = re.compile(r'<text font-size="0px">(.*?)</text>', re.DOTALL)
_TEMPO_TEXT = re.compile(r'(class="tempo">\s*)<text x="(\d+)" y="(-?\d+)"[^>]*>(.*?)</text>', re.DOTALL)
_PLACE = re.compile(r'<tspan [^>]*?(x="\d+" y="\d+" text-anchor="\w+")[^>]*>')
_GLYPHS = re.compile(rf'<tspan font-family="{MUSIC_FONT}" font-size="(\d+)px">([^<]*)</tspan>')
_IS_TITLE = 'text-anchor="middle"'
_SIZE = re.compile(r'font-size="(\d+)px"')
_PAGE = re.compile(r'<g class="page-margin"[^>]*>')
_TAG = re.compile(r"<title.*?</title>|<[^>]*>", re.DOTALL)


@dataclass(frozen=True)
class DrawnNote:
    """``id`` of a note in the SVG, and when it begins and ends in quarter notes from the first bar. ``tied``: it goes
    on a note begun before."""

    id: str
    pitch: int
    start: float
    end: float
    tied: bool = False


@dataclass(frozen=True)
class Drawing:
    """A4 ``pages`` of a score, each an SVG document. ``moments``: of Verovio's timemap."""

    pages: list[str]
    musicxml: str
    moments: list[dict[str, Any]]

    @cached_property
    def notes(self) -> list[DrawnNote]:
        """The notes on the pages."""
        return _drawn_notes(self.musicxml, self.moments)


def draw(musicxml: str) -> Drawing:
    """Draw a score. Raises ScoreError where Verovio cannot read the MusicXML."""
    with _VEROVIO:
        return _draw(musicxml)


def _draw(musicxml: str) -> Drawing:
    verovio.enableLog(verovio.LOG_OFF)
    verovio.setDefaultResourcePath(str(_resources()))  # Verovio keeps it by thread
    toolkit = verovio.toolkit()
    toolkit.resetXmlIdSeed(SEED)
    toolkit.setOptions(
        {
            "pageWidth": PAGE[0],
            "pageHeight": PAGE[1],
            "pageMarginLeft": MARGIN,
            "pageMarginRight": MARGIN,
            "pageMarginTop": MARGIN,
            "pageMarginBottom": MARGIN,
            "unit": STAFF_UNIT,
            "scale": 100,
            "header": "encoded",  # the credits; page numbers are drawn below
            "footer": "none",
            "breaks": "auto",
            "svgViewBox": True,
            "font": MUSIC_FONT,
            "smuflTextFont": "none",
        }
    )
    if not toolkit.loadData(musicxml):
        raise ScoreError("The score could not be drawn: Verovio did not read its MusicXML. Please report the piece.")
    pages = [_numbered(_portable(toolkit.renderToSVG(page)), page) for page in range(1, toolkit.getPageCount() + 1)]
    return Drawing(pages, musicxml, toolkit.renderToTimemap({}))


def _drawn_notes(musicxml: str, moments: Sequence[Mapping[str, Any]]) -> list[DrawnNote]:
    """The notes in Verovio's timemap: a list of moments, each with the ids that begin and end there."""
    starts: dict[str, float] = {}
    ends: dict[str, float] = {}
    for moment in moments:
        starts |= dict.fromkeys(moment.get("on", ()), moment["qstamp"])
        ends |= dict.fromkeys(moment.get("off", ()), moment["qstamp"])
    drawn = []
    for note in ElementTree.fromstring(musicxml).iter("note"):
        id, pitch = note.get("id", ""), note.find("pitch")
        if id in starts and pitch is not None:
            tied = any(tie.get("type") == "stop" for tie in note.iter("tie"))
            drawn.append(DrawnNote(id, _midi(pitch), starts[id], ends.get(id, starts[id]), tied))
    return drawn


def _midi(pitch: ElementTree.Element) -> int:
    octave, alter = int(pitch.findtext("octave", "4")), float(pitch.findtext("alter", "0"))
    return 12 * (octave + 1) + STEPS[pitch.findtext("step", "C")] + round(alter)


def to_pdf(svg_pages: Sequence[str], title: str | None) -> bytes:
    """One A4 PDF of SVG pages, as vectors, with its title. Raises ScoreError where Typst cannot draw one."""
    names = [f"page-{number}.svg" for number in range(1, len(svg_pages) + 1)]
    images = "\n#pagebreak()\n".join(f'#image("{name}", width: 100%)' for name in names)
    with tempfile.TemporaryDirectory(prefix="silentkeys-") as folder:
        for name, page in zip(names, svg_pages, strict=True):
            (Path(folder) / name).write_text(page, encoding="utf-8")
        main = Path(folder) / "main.typ"
        heading = "#set document(title: sys.inputs.title)"
        main.write_text(f'{heading}\n#set page(paper: "a4", margin: 0mm)\n{images}\n', encoding="utf-8")
        try:
            return typst.compile(main, format="pdf", sys_inputs={"title": title or ""})
        except RuntimeError as error:
            raise ScoreError(f"The PDF could not be made: {error}") from error


def _resources() -> Path:
    return Path(str(files("verovio") / "data"))


def _portable(svg: str) -> str:
    """The page without what only some viewers draw: text in the music font, and texts that begin at size 0."""
    return _TEMPO_TEXT.sub(_outline_tempo, _HEADER_TEXT.sub(_place_header, svg))


def _numbered(svg: str, page: int) -> str:
    """The page with its number above the music, but for the first."""
    if page == 1:
        return svg
    middle = 10 * (PAGE[0] - 2 * MARGIN) // 2
    number = _words(f'x="{middle}" y="{PAGE_NUMBER[0]}" text-anchor="middle"', f"– {page} –", PAGE_NUMBER[1])
    return _PAGE.sub(lambda match: match[0] + number, svg, count=1)


def _place_header(match: re.Match[str]) -> str:
    """A text each for the header's placed spans; what stands at the top is the title."""
    _, *parts = _PLACE.split(match[1])
    placed = zip(parts[::2], parts[1::2], strict=True)
    return "".join(_text(place, spans, TITLE if _IS_TITLE in place else 1.0) for place, spans in placed)


def _outline_tempo(match: re.Match[str]) -> str:
    """The tempo mark's note as an outline, and the rest of its text to the right of it."""
    opening, x, y, content = match.groups()
    at, outlines = float(x), []
    for size, glyphs in _GLYPHS.findall(content):
        scale = int(size) / EM
        for glyph in "".join(glyphs.split()):
            outline, advance = _glyph(f"{ord(glyph):04X}")
            outlines.append(f'<path transform="translate({at:.0f} {y}) scale({scale} -{scale})" d="{outline}" />')
            at += (advance + GLYPH_GAP) * scale
    place = f'x="{at:.0f}" y="{y}"'
    return f"{opening}{''.join(outlines)}{_text(place, _GLYPHS.sub('', content))}"


def _text(place: str, spans: str, larger: float = 1.0) -> str:
    """One plain text of nested spans, in the size of the first that has one; smaller where the page is too narrow."""
    words = " ".join(_TAG.sub("", spans).split())
    size = _SIZE.search(spans)
    return _words(place, words, larger * (int(size[1]) if size else 0))


def _words(place: str, words: str, size: float) -> str:
    widest = 10 * (PAGE[0] - 2 * MARGIN) / (LETTER_WIDTH * max(1, len(words)))
    return f'<text {place} font-size="{min(int(size), int(widest))}px">{words}</text>'


@cache
def _glyph(code: str) -> tuple[str, float]:
    """Outline (an SVG path, upwards) and width of a glyph of the music font, in 1 / ``EM`` of its size."""
    outline = re.search(r' d="([^"]*)"', (_resources() / MUSIC_FONT / f"{code}.xml").read_text(encoding="utf-8"))
    widths = (_resources() / f"{MUSIC_FONT}.xml").read_text(encoding="utf-8")
    width = re.search(rf'c="{code}"[^>]* h-a-x="([\d.]+)"', widths)
    return (outline[1] if outline else ""), (float(width[1]) if width else 0.0)

"""MusicXML -> pages: Verovio draws SVG, Typst binds the SVG pages into one PDF. Both are plain wheels."""

import typst
import verovio

from score.errors import ScoreError

PAGE = (2100, 2970)  # A4 in tenths of a millimetre, Verovio's unit
MARGIN = 140
STAFF_UNIT = 8  # half the distance of two staff lines: a staff 6.4 mm high


def draw(musicxml: str) -> list[str]:
    """A4 pages, each an SVG document. Raises ScoreError where Verovio cannot read the MusicXML."""
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
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
            "header": "auto",
            "footer": "none",
            "breaks": "auto",
            "svgViewBox": True,
            "smuflTextFont": "none",
        }
    )
    if not toolkit.loadData(musicxml):
        raise ScoreError("The score could not be drawn: Verovio did not read its MusicXML. Please report the piece.")
    return [toolkit.renderToSVG(number) for number in range(1, toolkit.getPageCount() + 1)]


def to_pdf(svg_pages: list[str], title: str | None) -> bytes:
    """One A4 PDF of SVG pages, as vectors. Raises ScoreError where Typst cannot draw one."""
    sources: dict[str, bytes] = {f"page-{n}.svg": page.encode() for n, page in enumerate(svg_pages, start=1)}
    images = "\n#pagebreak()\n".join(f'#image("{name}", width: 100%)' for name in sources)
    sources["main.typ"] = f'#set page(paper: "a4", margin: 0mm)\n{images}\n'.encode()
    try:
        return bytes(typst.compile(sources, format="pdf"))
    except (typst.TypstError, RuntimeError) as error:
        raise ScoreError(f"The PDF could not be made: {error}") from error

"""Drawing as Pillow's ``ImageDraw`` does it, but into an SVG document: lines stay sharp however far one looks in."""

from html import escape

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = str | tuple[int, int, int] | None
_ANCHORS = {"l": "start", "m": "middle", "r": "end"}
_BASELINES = {"t": "hanging", "m": "central"}


class VectorDraw:
    """The methods of ``ImageDraw`` that pictures of rolls need, with its conventions: boxes hold their last pixel."""

    def __init__(self, size: tuple[int, int], ground: str) -> None:
        self._size = size
        self._parts = [f'<rect width="{size[0]}" height="{size[1]}" fill="{ground}"/>']
        self._measure = ImageDraw.Draw(Image.new("L", (1, 1)))

    def rectangle(
        self, box: tuple[float, float, float, float], fill: Colour = None, outline: Colour = None, radius: float = 0
    ) -> None:
        x0, y0, x1, y1 = box
        inset = 0.5 if outline else 0  # a line of one pixel lies on both sides of its path
        place = f'x="{x0 + inset:.5g}" y="{y0 + inset:.5g}"'
        size = f'width="{max(0, x1 - x0 + 1 - 2 * inset):.5g}" height="{max(0, y1 - y0 + 1 - 2 * inset):.5g}"'
        corners = f' rx="{radius:.3g}"' if radius else ""
        self._parts.append(f'<rect {place} {size}{corners} fill="{_css(fill)}" stroke="{_css(outline)}"/>')

    def rounded_rectangle(
        self,
        box: tuple[float, float, float, float],
        radius: float = 0,
        fill: Colour = None,
        outline: Colour = None,
    ) -> None:
        self.rectangle(box, fill, outline, radius)

    def line(self, ends: tuple[float, float, float, float], fill: Colour = None) -> None:
        x0, y0, x1, y1 = (end + 0.5 for end in ends)
        self._parts.append(f'<path d="M{x0:.6g} {y0:.5g}L{x1:.6g} {y1:.5g}" stroke="{_css(fill)}"/>')

    def text(
        self, place: tuple[float, float], text: str, font: Font | None = None, fill: Colour = None, anchor: str = "lt"
    ) -> None:
        across, down = _ANCHORS[anchor[0]], _BASELINES[anchor[1]]
        size = font.size if isinstance(font, ImageFont.FreeTypeFont) else 11
        style = f'font-size="{size:g}" fill="{_css(fill)}" text-anchor="{across}" dominant-baseline="{down}"'
        self._parts.append(f'<text x="{place[0]:.6g}" y="{place[1]:.5g}" {style}>{escape(text)}</text>')

    def textlength(self, text: str, font: Font) -> float:
        """Width of a text, pixels."""
        return self._measure.textlength(text, font=font)

    @property
    def svg(self) -> str:
        """The document."""
        width, height = self._size
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        parts = "\n".join(self._parts)
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">\n{parts}\n</svg>\n'


def _css(colour: Colour) -> str:
    if colour is None:
        return "none"
    return colour if isinstance(colour, str) else f"rgb{colour}".replace(" ", "")

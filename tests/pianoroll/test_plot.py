"""The picture of a piano roll."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from pianoroll import Note
from pianoroll.midi import BeatGrid
from pianoroll.plot import (
    MAX_WIDTH,
    VERDICTS,
    _lay_out,
    comparison_svg,
    plot_comparison,
    plot_notes,
    write_comparison,
    write_plot,
)

BLUE, ORANGE = (47, 111, 183), (217, 118, 43)  # right and left hand


def pixels_of(image: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    """Where the picture has a colour: ``(n, 2)``, rows and columns."""
    return np.argwhere((np.asarray(image) == colour).all(axis=2))


def test_each_hand_has_its_colour_high_notes_stand_above_and_later_ones_to_the_right() -> None:
    image = plot_notes([Note(1.0, 72, 1.5, hand="right"), Note(3.0, 48, 4.0, hand="left")])
    right, left = pixels_of(image, BLUE), pixels_of(image, ORANGE)
    legend = image.height // 8  # the legend above has the colours too
    right, left = right[right[:, 0] > legend], left[left[:, 0] > legend]
    assert right[:, 0].max() < left[:, 0].min()
    assert right[:, 1].max() < left[:, 1].min()
    assert np.ptp(left[:, 1]) > 1.8 * np.ptp(right[:, 1])


def test_a_bar_carries_its_finger_where_it_is_long_enough() -> None:
    def ink(finger: int | None, end: float) -> int:
        image = plot_notes([Note(0.0, 60, end, hand="right", finger=finger), Note(1.0, 62, 20.0, hand="left")])
        return len(pixels_of(image, BLUE))

    assert ink(3, 0.5) < ink(None, 0.5)
    assert ink(1, 0.5) != ink(3, 0.5)
    assert ink(3, 0.05) == ink(None, 0.05)


def test_long_pieces_stay_of_a_useful_width_and_no_notes_give_an_empty_page(tmp_path: Path) -> None:
    assert plot_notes([Note(float(t), 60, t + 0.5) for t in range(3000)]).width < MAX_WIDTH + 300
    write_plot([], tmp_path / "empty.png", title="nothing", start=0.0, end=0.0)
    with Image.open(tmp_path / "empty.png") as image:
        assert image.format == "PNG"


def test_only_the_part_asked_for_is_shown() -> None:
    image = plot_notes([Note(0.0, 60, 1.0, hand="left"), Note(5.0, 60, 6.0, hand="right")], start=4.0, end=8.0)
    assert len(pixels_of(image, ORANGE)) < 200  # its legend alone
    assert len(pixels_of(image, BLUE)) > 200


def test_a_comparison_shows_hits_misses_and_extras(tmp_path: Path) -> None:
    true = [Note(1.0, 60, 2.0), Note(3.0, 64, 4.0)]
    found = [Note(1.02, 60, 2.0), Note(3.2, 64, 4.0), Note(5.0, 67, 6.0)]
    write_comparison(found, true, tmp_path / "a.png", title="waltz")
    with Image.open(tmp_path / "a.png") as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    assert {(0x2F, 0x6F, 0xB7), (0xC0, 0x39, 0x2B), (0xE0, 0xA5, 0x28)} <= colours
    perfect = plot_comparison(true, true)
    colours = {colour for _, colour in perfect.crop((150, 90, 900, 400)).getcolors(1 << 24)}
    assert (0x2F, 0x6F, 0xB7) in colours
    assert not {(0xC0, 0x39, 0x2B), (0xE0, 0xA5, 0x28)} & colours


def test_loud_notes_are_darker_and_bars_have_lines() -> None:
    grid = BeatGrid((0.0, 0.5, 1.0, 1.5, 2.0), 2, 4, 2)
    notes = [Note(0.2, 60, 0.9, 20), Note(1.1, 64, 1.9, 120)]
    page, plain = plot_notes(notes, beats=grid), plot_notes(notes)
    soft, loud = (brightness_at(page, note) for note in notes)
    assert soft > loud + 60
    stronger, fainter = (pixels_of(page, colour) for colour in ((147, 181, 172), (213, 224, 221)))
    assert len(set(stronger[:, 1])) == 3  # bars
    assert len(set(fainter[:, 1])) == 2  # the beats between
    assert not len(pixels_of(plain, (147, 181, 172)))


def brightness_at(page: Image.Image, note: Note) -> int:
    """Of the middle of a bar."""
    whole = _lay_out([Note(0.2, 60, 0.9), Note(1.1, 64, 1.9)], None, None)
    place = (round(whole.x((note.onset + note.offset) / 2)), whole.y(note.pitch) + 6)
    return sum(page.convert("RGB").getpixel(place))


def test_the_same_picture_as_svg(tmp_path: Path) -> None:
    notes = [Note(1.0, 72, 1.5, hand="right", finger=3), Note(3.0, 48, 4.0, hand="left")]
    write_plot(notes, tmp_path / "roll.svg", title="A & <B>")
    root = ElementTree.parse(tmp_path / "roll.svg").getroot()
    picture = plot_notes(notes, title="A & <B>")
    assert (int(root.get("width", 0)), int(root.get("height", 0))) == picture.size
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A & <B>", "3", "C4", "right hand", "seconds"} <= set(words)
    bars = [bar for bar in root.iter("{http://www.w3.org/2000/svg}rect") if bar.get("fill") == "rgb(47,111,183)"]
    drawn = pixels_of(picture, BLUE)
    drawn = drawn[drawn[:, 0] > picture.height // 8]
    (bar,) = bars  # the legend names its colour in words
    assert float(bar.get("x", 0)) == pytest.approx(drawn[:, 1].min() - 3, abs=3)
    assert float(bar.get("width", 0)) == pytest.approx(np.ptp(drawn[:, 1]), abs=6)


def test_a_comparison_as_svg_holds_the_same_bars() -> None:
    true = [Note(0.5, 60, 1.0), Note(1.5, 62, 2.0), Note(2.5, 64, 3.0)]
    found = [Note(0.51, 60, 1.0), Note(2.0, 70, 2.2)]
    page = ElementTree.fromstring(comparison_svg(found, true, start=0.0, end=4.0))
    edges = [each.get("stroke") for each in page.iter("{http://www.w3.org/2000/svg}rect")]
    legend = 1  # of each kind
    assert [edges.count(VERDICTS[kind][1]) - legend for kind in ("hit", "miss", "extra")] == [1, 2, 1]


def test_a_title_is_drawn_without_what_the_font_lacks() -> None:
    drawn = [np.asarray(plot_notes([Note(0.0, 60, 1.0)], title=title)) for title in ("Für Élise – 1", "Fur Elise - 1")]
    np.testing.assert_array_equal(*drawn)

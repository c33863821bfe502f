"""The report that is handed on: every table in it, in one file, with pictures of where it went wrong."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import roll2midi
from dataset_tools.evaluate import Evaluation, evaluate
from dataset_tools.judge_report import LABELS, write_report
from pianoroll import FileError, Note, PianoRoll, write_midi
from pianoroll.roll import notes_to_frames

TRUE = [Note(0.2 + 0.2 * i, 48 + i, 0.4 + 0.2 * i, 40 + 5 * i) for i in range(15)]
FOUND = [note for note in TRUE if note.pitch not in (55, 56)] + [Note(3.4, 80, 3.7)]
CORNERS = [[20, 100], [1020, 100], [1020, 220], [20, 220]]


class Page(HTMLParser):
    """What a page holds: its pictures, what it leads to, the cells of its tables; every tag must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[bytes] = []
        self.kinds: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.ids += [given["id"]] if "id" in given else []
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            address = given.get(name, "#")
            if address.startswith("data:image/"):
                kind, data = address.removeprefix("data:image/").split(";base64,")
                self.kinds.append(kind)
                self.images.append(base64.b64decode(data))
            elif address.startswith("#"):
                self.links += [address[1:]] if name in given else []
            elif address != "data:,":
                self.outside.append(address)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("meta", "link", "img", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data


@pytest.fixture
def folders(tmp_path: Path, make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two predictions: a roll that was read from a video, and MIDI of which no video is known."""
    found, true = tmp_path / "found", tmp_path / "true"
    found.mkdir()
    true.mkdir()
    monkeypatch.setattr(roll2midi, "decode", lambda roll, *, model=None: FOUND, raising=False)
    times = np.arange(100) / 25
    down = notes_to_frames(FOUND, times)
    seen = {"source": "film of a.mp4", "corners": CORNERS, "lowest_pitch": 21, "highest_pitch": 108}
    PianoRoll(times, down, down, metadata=seen).save(found / "a.roll.npz")
    make_video("true/film of a.mp4", frames=100, size=(1040, 320))
    write_midi(TRUE, true / "a.mid")
    write_midi(TRUE, found / "<b|b>.mid")
    write_midi([replace(note, velocity=64) for note in TRUE], true / "<b|b>.mid")
    return found, true


@pytest.fixture
def evaluation(folders: tuple[Path, Path]) -> Evaluation:
    return evaluate(*folders)


def test_the_page_holds_all_it_needs_and_pictures_of_the_worst(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(evaluation, tmp_path / "report.html", title="mine & <theirs>")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.outside == []
    assert not re.search(r"(?:https?:)?//|@import|url\(", re.sub(r"base64,[\w+/=]+", "", text))
    assert "<h1>mine &amp; &lt;theirs&gt;</h1>" in text
    assert "<b|b>" not in text
    assert page.links
    assert set(page.links) <= set(page.ids)
    assert page.kinds.count("svg+xml") == 2  # a roll of each file
    thumbnails = [data for kind, data in zip(page.kinds, page.images, strict=True) if kind == "jpeg"]
    assert len(thumbnails) == 2  # of a: G3 and G#3 missed, and an extra note; nothing is wrong in b
    for data in thumbnails:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape[1] == 720
        assert np.ptp(picture.astype(int), axis=2).max() > 60  # the video is gray: what is coloured are marks
    assert "2 missed</span> G3, G#3" in text
    assert "1 extra</span> G#5" in text
    assert "No note was missed or invented" in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_and_the_markdown_tell_the_same_numbers(evaluation: Evaluation, tmp_path: Path) -> None:
    for ending in ("md", "html"):
        write_report(evaluation, tmp_path / f"report.{ending}", title="mine")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    cells = [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in lines if line.startswith("| ")]
    rows = [[cell.replace("\\|", "|") for cell in row] for row in cells if not row[-1].startswith(("--", ":--"))]
    assert [row[-1] for row in rows] == [row[-1] for row in page.rows]
    told = {row[0]: row[1:] for row in page.rows}
    for metric, label in LABELS.items():
        score = evaluation.pooled[metric]
        assert told[label][:3] == [f"{each:.3f}" for each in (score.precision, score.recall, score.f1)]
    low, high = evaluation.pooled_intervals["onset_50ms"]
    assert told["onset ±50 ms"][3] == f"{low:.3f}–{high:.3f}"
    assert told["onset + velocity"][3] == "–"  # judged in one file only
    assert told["C4–B4"][-1] == f"{evaluation.keys['C4-B4'].f1:.3f}"
    assert told["black"][-1] == f"{evaluation.keys['black'].f1:.3f}"
    assert told["unseen"][0] == "2"
    assert any(row[0] == "<b|b>" and row[3] == "1.000" for row in page.rows)
    assert any("Judged in 1 of 2 files" in line for line in lines)


def test_without_a_video_the_moments_are_told_in_words(folders: tuple[Path, Path], tmp_path: Path) -> None:
    film = folders[1] / "film of a.mp4"
    videos = tmp_path / "videos"
    videos.mkdir()
    film.rename(videos / "a.mp4")
    for given, pictures in ((None, 0), (videos, 2)):
        write_report(evaluate(*folders, videos=given), tmp_path / "report.html", title="mine")
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "2 missed</span> G3, G#3" in text
        assert text.count("data:image/jpeg") == pictures
        assert ("No video of it is at hand" in text) == (given is None)
    (videos / "a.mp4").write_bytes(b"no film")
    write_report(evaluate(*folders, videos=videos), tmp_path / "report.html", title="mine")
    assert "is not a video that can be read" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_film_whose_keyboard_nobody_knows_is_shown_unmarked(
    folders: tuple[Path, Path], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    found, true = folders
    (found / "a.roll.npz").unlink()
    write_midi(FOUND, found / "a.mid")
    make_video("true/a.mp4", frames=100, size=(320, 240))
    write_report(evaluate(found, true, videos=true), tmp_path / "report.html", title="mine")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count("data:image/jpeg") == 2
    assert "its keys are not marked" in text


def test_one_file_has_no_intervals_and_no_table_of_files(folders: tuple[Path, Path], tmp_path: Path) -> None:
    found, true = folders
    write_report(evaluate(found / "a.roll.npz", true / "a.mid"), tmp_path / "report.md", title="mine")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "95 % of F1" not in text
    assert "each file" not in text
    assert "1 file, 4.0 s judged; 15 true notes, 14 found." in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_and_offline_all_is_shown(browser: Any, evaluation: Evaluation, tmp_path: Path, scheme: str) -> None:
    write_report(evaluation, tmp_path / "report.html", title="mine")
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme, offline=True)
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda line: told.append(line.text))
    page.goto((tmp_path / "report.html").as_uri())
    for picture in page.locator("img").all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth)")
    assert page.evaluate("document.documentElement.scrollWidth") == 390  # only tables and rolls scroll sideways
    ink, paper = page.evaluate(
        "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
    )
    darkness = [sum(int(part) for part in re.findall(r"\d+", colour)) for colour in (ink, paper)]
    assert abs(darkness[0] - darkness[1]) > 500
    assert (darkness[0] > darkness[1]) == (scheme == "dark")
    context.close()
    assert told == []


def test_a_report_is_markdown_or_html(evaluation: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"\.md or \.html"):
        write_report(evaluation, tmp_path / "report.pdf", title="mine")
    assert not (tmp_path / "report.pdf").exists()

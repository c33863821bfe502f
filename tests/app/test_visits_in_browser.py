"""Visits of the page in a real browser: a video goes in and its score and sound come out; also when things go wrong.

Needs Chromium (or Chrome) on this computer, and the package playwright to drive it.
"""

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pypdfium2
import pytest

from pianoroll import read_midi

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "furelise.mp4"
PATIENCE = 90_000  # milliseconds


@pytest.fixture(scope="module")
def waltz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's first two seconds."""
    return cut(tmp_path_factory.mktemp("clips") / "waltz.mp4", 2.0)


@pytest.fixture
def visitor(browser: Any, address: str) -> Iterator[Any]:
    """A page of its own, as a visitor opens it."""
    page = open_page(browser, address)
    yield page
    page.context.close()


def cut(path: Path, seconds: float) -> Path:
    """The sample up to a second, its packets as they are."""
    with av.open(str(SAMPLE)) as whole, av.open(str(path), "w") as part:
        stream = whole.streams.video[0]
        out = part.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.dts is not None and packet.pts * stream.time_base < seconds:
                packet.stream = out
                part.mux(packet)
    return path


def open_page(browser: Any, address: str) -> Any:
    page = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    return page


def give(page: Any, video: Path) -> None:
    """Upload a video, and wait until its keyboard is found."""
    page.locator("input[type=file]").set_input_files(video)
    page.get_by_text("Found: A0 to C8").wait_for()


def transcribe(page: Any) -> None:
    page.get_by_role("button", name="Transcribe").click()


def downloaded(page: Any, name: str) -> bytes:
    """What a download button gives."""
    page.get_by_role("tab", name="Downloads").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(waiting.value.path()).read_bytes()


def files(served: Path) -> list[Path]:
    """What lies in the visitors' folders."""
    return [path for path in served.glob("silentkeys-page-*/visit-*/**/*") if path.is_file() and path.name != ".used"]


def test_a_video_goes_in_and_its_score_and_sound_come_out(visitor: Any, waltz: Path) -> None:
    give(visitor, waltz)
    transcribe(visitor)
    visitor.get_by_role("heading", name="waltz").wait_for()
    page = visitor.get_by_role("tabpanel").locator("img").first
    page.wait_for()
    assert page.bounding_box()["height"] > 300  # a page of music
    visitor.locator("video").wait_for()
    with wave.open(io.BytesIO(downloaded(visitor, "waltz.wav"))) as sound:
        heard = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        assert sound.getnframes() / sound.getframerate() == pytest.approx(2, abs=0.2)
    assert np.abs(heard).max() > 1000
    pdf = pypdfium2.PdfDocument(downloaded(visitor, "waltz.pdf"))
    assert len(pdf) == 1
    assert "waltz" in pdf[0].get_textpage().get_text_range()


def test_reading_can_be_called_off_and_begun_again(visitor: Any, served: Path) -> None:
    give(visitor, SAMPLE)
    before = files(served)
    transcribe(visitor)
    visitor.get_by_text("Reading the keys").wait_for()
    visitor.get_by_role("button", name="Cancel").click()
    visitor.get_by_role("button", name="Cancel").wait_for(state="detached")
    assert files(served) == before
    transcribe(visitor)
    visitor.get_by_text("Reading the keys").wait_for()
    visitor.get_by_role("button", name="Cancel").click()


def test_two_browsers_at_once_get_each_their_own(browser: Any, address: str, tmp_path: Path, served: Path) -> None:
    pages = [open_page(browser, address) for _ in range(2)]
    for page, name, seconds in zip(pages, ("minuet", "polka"), (2.0, 3.0), strict=True):
        give(page, cut(tmp_path / f"{name}.mp4", seconds))
    for page in pages:
        transcribe(page)
    found = []
    for page, name in zip(pages, ("minuet", "polka"), strict=True):
        page.get_by_role("heading", name=name).wait_for()
        page.locator("video").wait_for()
        (tmp_path / f"{name}.mid").write_bytes(downloaded(page, f"{name}.mid"))
        found.append(read_midi(tmp_path / f"{name}.mid"))
        assert b"read from " + name.encode() in (tmp_path / f"{name}.mid").read_bytes()
    assert len(found[0]) < len(found[1])
    assert len({path.relative_to(served).parts[1] for path in files(served)}) >= 2
    for page in pages:
        page.context.close()


def test_a_broken_file_is_a_sentence_and_the_next_one_is_read(visitor: Any, waltz: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(waltz.read_bytes()[:5000])
    visitor.locator("input[type=file]").set_input_files(broken)
    told = visitor.get_by_test_id("stAlert")
    told.wait_for()
    assert "broken" in told.inner_text()
    assert "/" not in told.inner_text()
    assert visitor.get_by_role("button", name="Transcribe").is_disabled()
    give(visitor, waltz)
    assert visitor.get_by_role("button", name="Transcribe").is_enabled()

"""The listening page: one file, in step with itself; in a real browser where there is one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import score
from app import pipeline
from app.listening_page import write_listening_page
from midi_synth import render
from pianoroll import Note, write_midi

TITLE = "Minuet <b>& </script>"
TUNE = [60, 64, 67, 72, 71, 67, 65, 62]
PLAYED = [Note(0.4 + 0.5 * i, TUNE[i % 8], 0.8 + 0.5 * i, hand="right", finger=1 + i % 5) for i in range(64)]
PLAYED += [Note(0.4 + 2.0 * i, 48 - i % 3, 2.2 + 2.0 * i, hand="left") for i in range(16)]
LENGTH = 34.0  # seconds


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("listen") / "minuet.html"
    engraved = score.engrave(PLAYED, title=TITLE)
    sound = render(PLAYED, length=LENGTH)
    write_listening_page(path, PLAYED, engraved, sound, title=TITLE, beats=score.find_beats(PLAYED))
    return path


def test_it_needs_nothing_but_itself_and_no_title_breaks_it(file: Path) -> None:
    page = file.read_text(encoding="utf-8")
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+[\w./-]*", re.sub(r"base64,[\w+/=]+", "", page)))
    assert {address for address in addresses if "www.w3.org" not in address} == set()
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "<b>&" not in page
    assert page.count("</script>") == 2
    assert "<title>Minuet &lt;b&gt;&amp; &lt;/script&gt;</title>" in page


def test_a_page_of_a_midi_file_and_of_no_notes(tmp_path: Path) -> None:
    write_midi(PLAYED, tmp_path / "a.mid")
    write_midi([], tmp_path / "nothing.mid")
    for name in ("a", "nothing"):
        report = pipeline.score(tmp_path / f"{name}.mid", tmp_path, outputs=("html",))
        assert report.files == {"html": str(tmp_path / f"{name}.html")}
        assert not report.missing


@pytest.fixture
def page(browser: Any, file: Path) -> Iterator[Any]:
    """The page, in a small window, without a network; a mistake in its script fails the test."""
    context = browser.new_context(viewport={"width": 700, "height": 500})
    context.set_offline(True)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.set_default_timeout(20_000)
    page.goto(file.as_uri())
    page.wait_for_function("audio.readyState >= 3")
    yield page
    context.close()
    assert wrong == []


def heard(page: Any) -> float:
    """The second at which the sound stands."""
    return float(page.evaluate("audio.currentTime"))


def test_the_sound_is_as_long_as_the_video(page: Any) -> None:
    assert page.evaluate("audio.duration") == pytest.approx(LENGTH, abs=0.05)
    assert page.evaluate("document.title") == TITLE


def test_a_clicked_note_of_the_score_is_heard_and_lit(page: Any) -> None:
    starts = page.evaluate("piece.steps.map((step) => step.start)")
    assert np.abs(np.subtract.outer(starts, [note.onset for note in PLAYED])).min(axis=1).max() < 1e-6
    chosen = page.evaluate("piece.steps[20]")
    page.evaluate("audio.play = () => {}")  # stay there
    page.locator(f"#{chosen['id']} .notehead").click()
    assert heard(page) == pytest.approx(chosen["start"], abs=0.002)
    assert chosen["id"] in page.evaluate("[...document.querySelectorAll('.lit')].map((note) => note.id)")


def test_a_clicked_bar_of_the_roll_is_heard(page: Any) -> None:
    page.evaluate("seek(10)")
    note = PLAYED[24]
    x, y, lane = page.evaluate(f"[roll.x({note.onset + 0.2}), roll.y({note.pitch}), roll.lane]")
    page.locator("#roll").hover(position={"x": x, "y": y + lane / 2})
    assert page.locator("#roll").get_attribute("title") == "C4, 12.40 s, right hand, finger 5, sure 100 %"
    page.locator("#roll").click(position={"x": x, "y": y + lane / 2})
    assert heard(page) == pytest.approx(note.onset, abs=0.002)


def test_what_sounds_is_coloured_on_the_keys_of_the_roll(page: Any) -> None:
    def key(pitch: int) -> list[int]:
        place = f"[4, roll.y({pitch}) + roll.lane / 2]"
        return list(page.evaluate(f"[...roll.pen.getImageData(...{place}, 1, 1).data]"))[:3]

    page.evaluate("seek(0.1)")
    assert (key(60), key(48)) == ([255, 255, 255], [255, 255, 255])
    page.evaluate("seek(0.6)")
    assert (key(60), key(48)) == ([47, 111, 183], [217, 118, 43])  # right hand, left hand


def test_the_score_scrolls_along_while_it_plays(page: Any) -> None:
    assert page.evaluate("score.scrollTop") == 0
    page.evaluate("audio.muted = true; seek(31)")
    page.locator("body").press("Space")
    page.wait_for_function("audio.currentTime > 31.5 && document.querySelector('.lit')")
    page.wait_for_function("score.scrollTop > 0")
    page.wait_for_timeout(800)  # it scrolls smoothly
    line, view = page.evaluate(
        "[document.querySelector('.lit').closest('.system'), score].map((e) => e.getBoundingClientRect().toJSON())"
    )
    assert view["top"] <= line["top"] < view["bottom"]
    page.locator("body").press("Space")
    assert page.evaluate("audio.paused")


def test_arrow_keys_go_bar_by_bar_and_speed_changes_the_speed(page: Any) -> None:
    bars = page.evaluate("piece.bars")
    assert len(bars) > 8
    page.evaluate(f"seek({bars[3] + 0.5})")
    page.locator("body").press("ArrowRight")
    assert heard(page) == pytest.approx(bars[4], abs=0.002)
    page.locator("body").press("ArrowLeft")
    assert heard(page) == pytest.approx(bars[3], abs=0.002)
    page.get_by_label("Speed").select_option("0.5")
    assert page.evaluate("audio.playbackRate") == 0.5

"""The step “Part of the video” in a real browser: handles are dragged and moved by keys, times are typed.

Needs Chromium (or Chrome) on this computer, and the package playwright to drive it.
"""

import itertools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.words import TIMELINE as WORDS
from pianoroll import PianoRoll

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "furelise.mp4"  # of 20 seconds
PATIENCE = 60_000  # milliseconds
BEGIN, END = WORDS["beginHandle"], WORDS["endHandle"]


@pytest.fixture(scope="module")
def sent() -> list[bytes]:
    """What the page sends to its server."""
    return []


@pytest.fixture(scope="module")
def opened(browser: Any, address: str, sent: list[bytes]) -> Iterator[Any]:
    """The page with the sample video chosen, and a corner of its keyboard set by hand: it is not looked for again."""
    context = browser.new_context(viewport={"width": 1280, "height": 1200}, has_touch=True, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(bytes(frame))))
    page.goto(address)
    page.locator("input[type=file]").set_input_files(SAMPLE)
    page.get_by_text("Found: A0 to C8").wait_for()
    page.locator(".editor .handle").nth(3).press("ArrowDown")
    page.get_by_text("Your keyboard is used").wait_for()
    yield page
    context.close()


@pytest.fixture
def page(opened: Any) -> Any:
    """With all of the video chosen."""
    opened.set_viewport_size({"width": 1280, "height": 1200})
    whole = opened.get_by_role("button", name="Whole video")
    if not whole.is_visible():  # folded away for the results of another test
        opened.get_by_text("Part of the video").click()
    if whole.is_enabled():
        whole.click()
    opened.get_by_text("The whole video: 20 seconds").wait_for()
    opened.locator(".track").scroll_into_view_if_needed()
    return opened


def slider(page: Any, name: str) -> Any:
    return page.get_by_role("slider", name=name)


def times(page: Any) -> list[float]:
    """Begin and end as the handles say, seconds."""
    return [float(slider(page, name).get_attribute("aria-valuenow")) for name in (BEGIN, END)]


def fields(page: Any) -> list[str]:
    """What stands in the two fields."""
    return [page.get_by_role("textbox", name=name).input_value() for name in ("Begin", "End")]


def middle(thing: Any) -> tuple[float, float]:
    box = thing.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def across(page: Any, seconds: float) -> float:
    """So many pixels are so many seconds."""
    return seconds / 20 * page.locator(".track").bounding_box()["width"]


def type_time(page: Any, name: str, text: str) -> None:
    field = page.get_by_role("textbox", name=name)
    field.fill(text)
    field.press("Enter")


def pictures(page: Any) -> int:
    """How many tiles show one."""
    loaded = "tiles => tiles.filter(tile => tile.naturalWidth === 160).length"
    return page.locator(".tiles img").evaluate_all(loaded)


def parts(sent: list[bytes]) -> list[list[float]]:
    """Begin and end as the server heard of them, each change once; a message holds all that was set before, too."""
    told = re.findall(rb'"start":([0-9.]+),"end":([0-9.]+)', b"".join(sent))
    return [[float(second) for second in part] for part, _ in itertools.groupby(told)]


def test_a_dragged_handle_changes_what_is_read(page: Any, sent: list[bytes], tmp_path: Path) -> None:
    assert pictures(page) >= 6
    x, y = middle(slider(page, END))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - across(page, 17.9), y + 30, steps=4)
    assert times(page)[1] == pytest.approx(2.1, abs=0.15)
    page.wait_for_timeout(500)
    assert parts(sent) == []  # the page hears of it when it is let go
    page.mouse.up()
    page.wait_for_timeout(500)
    part = times(page)
    assert part[1] < 3
    assert parts(sent) == [part]
    assert fields(page)[0] == "0:00"
    page.get_by_role("button", name="Transcribe").click()
    page.get_by_role("heading", name="furelise").wait_for()
    page.get_by_text("set by hand").wait_for()
    page.get_by_role("tab", name="Downloads").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="furelise.roll.npz", exact=True).click()
    waiting.value.save_as(tmp_path / "read.npz")
    assert zipfile.is_zipfile(tmp_path / "read.npz")
    read = PianoRoll.load(tmp_path / "read.npz").times
    assert read[0] == 0.0
    assert read[-1] == pytest.approx(part[1], abs=0.05)


def test_the_keyboard_alone_does_it(page: Any, sent: list[bytes]) -> None:
    slider(page, BEGIN).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert times(page) == [10.0, 20.0]
    assert slider(page, BEGIN).get_attribute("aria-valuetext") == "0:10"
    page.keyboard.press("End")
    assert times(page) == [19.0, 20.0]  # a second is left
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    assert times(page) == [1.0, 2.0]
    page.keyboard.press("PageUp")
    assert times(page) == [1.0, 12.0]
    page.get_by_text("11 seconds of 20 seconds").wait_for()
    before = parts(sent)
    page.wait_for_timeout(1000)
    assert parts(sent)[len(before) :] == [[1.0, 12.0]]  # once, without another key
    assert fields(page) == ["0:01", "0:12"]


def test_handles_never_cross(page: Any) -> None:
    type_time(page, "End", "6")
    x, y = middle(slider(page, BEGIN))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across(page, 15), y, steps=3)
    page.mouse.up()
    assert times(page) == [5.0, 6.0]


def test_the_part_is_moved_as_a_whole_by_dragging_and_by_pressing_a_tile(page: Any) -> None:
    type_time(page, "Begin", "2")
    type_time(page, "End", "6")
    box = page.locator(".track").bounding_box()
    y = box["y"] + box["height"] / 2

    def at(seconds: float) -> float:
        return box["x"] + seconds / 20 * box["width"]

    page.mouse.move(at(3), y)
    page.mouse.down()
    page.mouse.move(at(8), y, steps=3)
    page.mouse.up()
    assert times(page) == pytest.approx([7, 11], abs=0.11)
    page.mouse.click(at(15), y)
    assert times(page) == pytest.approx([13, 17], abs=0.11)
    page.mouse.click(at(19.5), y)
    assert times(page) == pytest.approx([16, 20], abs=0.11)  # no farther than there is video
    page.mouse.dblclick(at(18), y)
    assert times(page) == [0, 20]


@pytest.mark.parametrize(
    ("typed", "second"), [("12", "0:12"), ("0:11.5", "0:11.5"), ("0:00:09", "0:09"), ("7,25", "0:07.3")]
)
def test_times_are_typed_in_many_ways(page: Any, typed: str, second: str) -> None:
    type_time(page, "Begin", "3.5")
    type_time(page, "End", typed)
    assert fields(page) == ["0:03.5", second]
    type_time(page, "End", "")  # nothing: all there is
    assert times(page) == [3.5, 20]
    type_time(page, "End", "59:59")
    assert times(page) == [3.5, 20]


def test_nonsense_is_told_and_all_stays_as_it_was(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    type_time(page, "Begin", "3")
    type_time(page, "End", "9")
    problem = page.locator(".timeline .problem")
    for name, typed, told in [
        ("Begin", "the second verse", "“the second verse” is no time"),
        ("End", "1:75", "“1:75” is no time"),
        ("Begin", "-2", "“-2” is no time"),
        ("Begin", "0:08.5", "The part ends at 0:09"),
        ("End", "3.2", "The part begins at 0:03"),
        ("Begin", "21", "The video is over at 0:20"),
    ]:
        type_time(page, name, typed)
        expect(problem).to_contain_text(told)
        assert (times(page), fields(page)) == ([3, 9], ["0:03", "0:09"])
    type_time(page, "Begin", "4")
    expect(problem).to_be_empty()


def test_a_finger_on_a_phone_drags_a_handle_and_not_the_page(page: Any) -> None:
    on_a_table = pictures(page)
    page.set_viewport_size({"width": 390, "height": 780})
    page.wait_for_function("document.querySelectorAll('.tiles img').length < 5")
    assert 2 <= pictures(page) < on_a_table
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".track").scroll_into_view_if_needed()
    x, y = middle(slider(page, BEGIN))
    x -= 12  # a finger beside it
    before = page.locator(".track").bounding_box()["y"]
    finger = page.context.new_cdp_session(page)
    for step in range(11):
        point = {"x": x + step * across(page, 0.5), "y": y - 3 * step}
        kind = "touchMove" if step else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    assert page.locator(".track").bounding_box()["y"] == before
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert times(page) == pytest.approx([5, 20], abs=0.3)


def test_times_are_read_and_written(page: Any) -> None:
    """All ways to write one, by the component's own functions."""
    source = (ROOT / "app" / "timeline.js").read_text(encoding="utf-8")
    page.evaluate(
        "async source => {t = await import(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})))}",
        source,
    )
    read = {"83": 83, "1:23": 83, "1:23.5": 83.5, "1:02:03": 3723, " 0:07 ": 7, "83:20": 5000, "1:23,25": 83.3, "5.": 5}
    assert page.evaluate("all => all.map(text => t.parseTime(text))", list(read)) == list(read.values())
    wrong = ["", "x", "1:60", "1:60:00", "1:2:3:4", "-1", "1e3", ":30", "1:", "12s", "NaN", "٣"]
    assert page.evaluate("all => all.map(text => t.parseTime(text))", wrong) == [None] * len(wrong)
    written = {0: "0:00", 83: "1:23", 83.5: "1:23.5", 59.97: "1:00", 3600: "1:00:00", 3723.4: "1:02:03.4", 600: "10:00"}
    assert page.evaluate("all => all.map(time => t.printTime(time))", list(written)) == list(written.values())
    lengths = {
        0: "0 seconds",
        1: "1 second",
        61.5: "1 minute 1.5 seconds",
        7200: "2 hours",
        3661: "1 hour 1 minute 1 second",
    }
    said = page.evaluate("([all, words]) => all.map(time => t.inWords(time, words))", [list(lengths), WORDS])
    assert said == list(lengths.values())

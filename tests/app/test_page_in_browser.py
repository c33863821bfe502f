"""The step “Keyboard” in a real browser: corners are dragged, the keys between them move, and the page knows.

Needs Chromium (or Chrome) on this computer, and the package playwright to drive it.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "furelise.mp4"
PATIENCE = 20_000  # milliseconds


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page with the sample video chosen and its keyboard found."""
    page = browser.new_context(viewport={"width": 1280, "height": 1500}, has_touch=True).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.locator("input[type=file]").set_input_files(SAMPLE)
    page.locator(".handle").nth(3).wait_for()
    yield page
    page.close()


def place(page: Any, corner: int) -> tuple[float, float]:
    """Where a corner is, in pixels of the video, as its label tells."""
    label = page.locator(".handle").nth(corner).get_attribute("aria-label")
    x, y = re.findall(r"-?\d+", label)
    return float(x), float(y)


def keys(page: Any) -> str:
    """The white keys as drawn."""
    return page.locator(".picture .whites").get_attribute("d")


def told_corners(page: Any) -> list[tuple[float, ...]]:
    """The corners that the page tells for the command line."""
    told = page.get_by_test_id("stCode").inner_text()
    return [tuple(map(float, point.split(","))) for point in re.search(r'"(.*)"', told)[1].split()]


def test_a_dragged_corner_moves_the_keys_and_the_page_takes_it(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(page.get_by_text("Found: A0 to C8")).to_be_visible()
    found, drawn = [place(page, corner) for corner in range(4)], keys(page)
    assert drawn.count("M") == 51  # lines between 52 white keys

    dot = page.locator(".handle").nth(1).locator(".dot").bounding_box()
    x, y = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y - 30, steps=3)
    assert keys(page) != drawn  # already while the button is down
    page.mouse.up()

    expect(page.get_by_text("Your keyboard is used: A0 to C8")).to_be_visible()
    moved = [place(page, corner) for corner in range(4)]
    assert moved[1][0] > found[1][0] + 10
    assert moved[1][1] < found[1][1] - 15
    for corner in (0, 2, 3):
        assert moved[corner] == pytest.approx(found[corner], abs=1)  # labels are whole pixels

    page.get_by_text("On the command line").click()
    points = told_corners(page)
    for _ in range(40):  # Streamlit draws the page from the top: the words below follow what was dragged
        if points[1] == pytest.approx(moved[1], abs=1):
            break
        page.wait_for_timeout(250)
        points = told_corners(page)
    assert points[1] == pytest.approx(moved[1], abs=1)
    assert points[2] == pytest.approx(found[2], abs=1)

    page.get_by_role("button", name="Find again").click()
    expect(page.get_by_text("Found: A0 to C8")).to_be_visible()
    assert [place(page, corner) for corner in range(4)] == found
    assert keys(page) == drawn


def test_arrow_keys_move_a_corner_too(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    found = place(page, 3)
    handle = page.locator(".handle").nth(3)
    handle.focus()
    handle.press("ArrowLeft")
    handle.press("Shift+ArrowDown")
    expect(page.get_by_text("Your keyboard is used")).to_be_visible()
    assert place(page, 3) == pytest.approx((found[0] - 1, found[1] + 10), abs=1)


def test_the_example_runs_with_one_click_changes_at_once_and_comes_as_one_zip(
    browser: Any, address: str, tmp_path: Path
) -> None:
    """Of its first two seconds."""
    page = browser.new_context(viewport={"width": 390, "height": 780}, accept_downloads=True).new_page()
    page.set_default_timeout(3 * PATIENCE)
    page.goto(address)
    page.get_by_text("Options", exact=True).click()
    end = page.get_by_label("End at second")
    end.fill("2")
    end.press("Enter")
    page.get_by_role("button", name="Try the example").click()
    page.get_by_role("heading", name="Für Elise").wait_for()
    page.locator("video").wait_for()
    field = page.get_by_label("Transpose by semitones")
    field.fill("3")
    field.press("Enter")
    page.get_by_role("button", name="Draw the video with these settings").wait_for()
    page.get_by_role("tab", name="Downloads").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Everything as one zip").click()
    assert waiting.value.suggested_filename == "Für Elise.zip"
    waiting.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as file:
        assert {"Für Elise.mid", "Für Elise.pdf", "Für Elise.wav"} <= set(file.namelist())
        settings = json.loads(file.read("Für Elise.json"))["settings"]
    assert settings["transpose"] == "3"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # a phone need not scroll sideways
    page.context.close()


def test_a_finger_on_a_phone_drags_the_corner_and_not_the_page(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    page.locator(".picture").scroll_into_view_if_needed()
    found = place(page, 2)
    dot = page.locator(".handle").nth(2).locator(".dot").bounding_box()
    finger = page.context.new_cdp_session(page)
    for step in range(11):
        point = {"x": dot["x"] + dot["width"] / 2 - step, "y": dot["y"] + dot["height"] / 2 - 3 * step}
        kind = "touchMove" if step else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    scale = page.locator(".picture").evaluate("picture => picture.getScreenCTM().a")
    assert place(page, 2) == pytest.approx((found[0] - 10 / scale, found[1] - 30 / scale), abs=2)

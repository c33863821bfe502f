"""The piano roll of the results in a real browser: notes are deleted, drawn, moved and kept, and the files follow.

Needs Chromium (or Chrome) on this computer, and the package playwright to drive it.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pianoroll import read_midi

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "furelise.mp4"
PATIENCE = 30_000  # milliseconds
BEGIN, END = 2, 4  # seconds of the example
Spots = set[tuple[int, float]]


def read_example(browser: Any, address: str, **how: Any) -> Any:
    """The page with the results of some seconds of the sample."""
    page = browser.new_context(accept_downloads=True, **how).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.locator("input[type=file]").set_input_files(SAMPLE)
    for label, second in (("Begin", BEGIN), ("End", END)):
        field = page.get_by_role("textbox", name=label)
        field.fill(str(second))
        field.press("Enter")
    page.get_by_text("2 seconds of 20 seconds").wait_for()
    page.get_by_text("Found: A0 to C8").wait_for()
    page.get_by_text("Options", exact=True).click()
    page.get_by_role("button", name="Transcribe").click()
    page.locator("video").wait_for()
    page.locator(".roll .notes").wait_for()
    ready(page)
    return page


def ready(page: Any) -> None:
    """Wait until the page has no more to do: a download that is asked for while it runs may not come."""
    while ask(page, "editor.timer !== null"):  # edits that are not sent yet
        page.wait_for_timeout(100)
    page.wait_for_timeout(200)  # on the way
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_function("!document.querySelector('[data-stale=true]')")


@pytest.fixture(scope="module")
def read_once(browser: Any, address: str) -> Iterator[Any]:
    page = read_example(browser, address, viewport={"width": 1280, "height": 1000}, has_touch=True)
    yield page
    page.context.close()


@pytest.fixture
def page(read_once: Any) -> Iterator[Any]:
    """The roll as it was read; a mistake in its script fails the test."""
    wrong: list[str] = []
    read_once.on("pageerror", lambda error: wrong.append(str(error)))
    canvas(read_once).scroll_into_view_if_needed()
    yield read_once
    ask(read_once, "editor.choose(null)")
    if press(read_once, "All edits away").is_enabled():
        press(read_once, "All edits away").click()
        settled(read_once, lambda: is_written(read_once, shown(read_once)))
    assert wrong == []


def canvas(page: Any) -> Any:
    return page.locator(".roll .notes")


def press(page: Any, name: str) -> Any:
    """A button of the roll."""
    return page.locator(".roll button", has_text=re.compile(f"^{name}"))


def ask(page: Any, question: str) -> Any:
    """What the editor says of itself."""
    return page.locator(".roll").evaluate(f"box => {{ const editor = box.editor; return {question}; }}")


def shown(page: Any) -> Spots:
    """Pitch and onset of the notes on the roll."""
    return {(pitch, round(onset, 2)) for pitch, onset in ask(page, "editor.notes.map((n) => [n.pitch, n.onset])")}


def written(page: Any) -> Spots | None:
    """Pitch and onset of the notes in the MIDI file that is offered; None where it is just being made anew."""
    timed_out = pytest.importorskip("playwright.sync_api").TimeoutError
    page.get_by_role("tab", name="Downloads").click()
    try:
        with page.expect_download(timeout=5000) as waiting:
            page.get_by_role("button", name="furelise.mid", exact=True).click()
    except timed_out:
        return None
    return {(note.pitch, round(note.onset, 2)) for note in read_midi(waiting.value.path())}


def settled(page: Any, state: Callable[[], bool]) -> None:
    """Wait until the page is in a state."""
    for _ in range(60):
        ready(page)
        if state():
            return
        page.wait_for_timeout(250)
    pytest.fail("the page did not come to it")


def is_written(page: Any, notes: Spots) -> bool:
    """Within a hundredth of a second, as times are rounded."""
    there = sorted(written(page) or ())
    return len(there) == len(notes) and all(
        pitch == other and abs(onset - second) < 0.015
        for (pitch, onset), (other, second) in zip(there, sorted(notes), strict=True)
    )


def place(page: Any, second: float, pitch: int) -> dict[str, float]:
    """Where a second of a key is, in pixels of the canvas."""
    x, y = ask(page, f"[editor.roll.x({second}), editor.roll.y({pitch}) + editor.roll.lane / 2]")
    return {"x": x, "y": y}


def on_screen(page: Any, spot: dict[str, float]) -> tuple[float, float]:
    box = canvas(page).bounding_box()
    return box["x"] + spot["x"], box["y"] + spot["y"]


def drag(page: Any, start: dict[str, float], to: dict[str, float]) -> None:
    page.mouse.move(*on_screen(page, start))
    page.mouse.down()
    page.mouse.move(*on_screen(page, to), steps=4)
    page.mouse.up()


def slide(page: Any, start: dict[str, float], *, right: float, down: float) -> None:
    """Move a finger over the roll, by pixels."""
    x, y = on_screen(page, start)
    finger = page.context.new_cdp_session(page)
    for step in range(11):
        point = {"x": x + right * step / 10, "y": y + down * step / 10}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def told(page: Any) -> str:
    """The line below the roll."""
    return str(page.locator(".roll .told").inner_text())


def notes(page: Any) -> list[dict[str, Any]]:
    return list(ask(page, "editor.notes"))


def test_a_deleted_and_a_drawn_note_are_so_in_the_midi_and_undo_takes_both_back(page: Any) -> None:
    read = shown(page)
    first, *_ = notes(page)
    assert is_written(page, read)
    canvas(page).scroll_into_view_if_needed()
    middle = place(page, (first["onset"] + first["offset"]) / 2, first["pitch"])
    canvas(page).hover(position=middle)
    assert re.match(r"E5 · 0:02\.\d\d to 0:02\.\d\d · right hand · (finger \d · )?\d\d % sure", told(page))
    canvas(page).click(position=middle)
    page.keyboard.press("Delete")
    canvas(page).dblclick(position=place(page, BEGIN + 0.5, 67))
    edited = shown(page)
    assert read - edited == {(first["pitch"], round(first["onset"], 2))}
    (added,) = edited - read
    assert added == (67, pytest.approx(BEGIN + 0.5, abs=0.02))
    assert "added by hand" in told(page)
    view = ask(page, "[editor.roll.left, editor.roll.zoom, editor.roll.high, editor.roll.chosen]")
    settled(page, lambda: is_written(page, edited))
    assert ask(page, "[editor.roll.left, editor.roll.zoom, editor.roll.high, editor.roll.chosen]") == view
    assert page.get_by_test_id("stMetricValue").first.inner_text() == str(len(edited))

    canvas(page).focus()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert shown(page) == read
    settled(page, lambda: is_written(page, read))
    press(page, "Redo").click()
    assert read - shown(page) == read - edited
    page.keyboard.press("Control+y")
    assert shown(page) == edited


def test_the_keyboard_alone_can_delete_move_and_add(page: Any) -> None:
    read = shown(page)
    canvas(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    second = notes(page)[1]
    assert ask(page, "editor.roll.chosen") == second["name"]
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+Shift+ArrowRight")
    page.keyboard.press("l")
    moved = ask(page, "editor.chosen")
    assert (moved["pitch"], moved["hand"], moved["state"]) == (second["pitch"] + 1, "left", "changed")
    assert moved["offset"] == pytest.approx(second["offset"] + 0.05)
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert "no note; Enter adds one" in told(page)
    page.keyboard.press("Enter")
    first = min(read, key=lambda spot: spot[1])
    wanted = read - {first, (second["pitch"], round(second["onset"], 2))}
    wanted |= {(first[0] - 3, first[1]), (second["pitch"] + 1, round(second["onset"], 2))}
    assert shown(page) == wanted
    assert page.locator(".roll .said").inner_text() == told(page)  # a screen reader says the same
    settled(page, lambda: is_written(page, wanted))


def test_uncertain_notes_are_gone_through_and_kept(page: Any) -> None:
    doubts = ask(page, "editor.doubts.length")
    assert doubts > 0
    assert f"{doubts} uncertain" in page.locator(".roll .count").inner_text()
    press(page, "Next uncertain").click()
    assert told(page).endswith("uncertain")
    page.keyboard.press("k")
    assert told(page).endswith("kept by hand")
    assert ask(page, "editor.doubts.length") == doubts - 1
    press(page, "Undo").click()
    assert ask(page, "editor.doubts.length") == doubts


def test_a_note_is_dragged_and_its_end_too(page: Any) -> None:
    first = notes(page)[0]
    middle = (first["onset"] + first["offset"]) / 2
    drag(page, place(page, middle, first["pitch"]), place(page, middle + 0.5, first["pitch"] + 2))
    moved = ask(page, "editor.chosen")
    assert (moved["onset"], moved["pitch"]) == (pytest.approx(first["onset"] + 0.5, abs=0.02), first["pitch"] + 2)
    length = first["offset"] - first["onset"]
    assert moved["offset"] - moved["onset"] == pytest.approx(length, abs=0.001)
    end = place(page, moved["offset"], moved["pitch"])
    drag(page, {**end, "x": end["x"] - 3}, place(page, moved["offset"] + 0.3, moved["pitch"] + 5))
    longer = ask(page, "editor.chosen")
    assert (longer["onset"], longer["pitch"]) == (moved["onset"], moved["pitch"])
    assert longer["offset"] == pytest.approx(moved["offset"] + 0.3, abs=0.05)
    press(page, "Undo").click()
    press(page, "Undo").click()
    assert ask(page, "editor.mending.count") == 0


def test_edits_hold_when_all_is_transposed(page: Any) -> None:
    first = notes(page)[0]
    canvas(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    for semitones in ("3", "0"):
        field = page.get_by_label("Transpose by semitones")
        field.fill(semitones)
        field.press("Enter")
        settled(page, lambda by=int(semitones): ask(page, "editor.data.transpose") == by)
        assert (first["pitch"] + int(semitones), round(first["onset"], 2)) not in shown(page)
        settled(page, lambda: is_written(page, shown(page)))


def test_a_click_seeks_the_player_and_the_roll_follows_it(page: Any) -> None:
    page.locator("video, audio").first.wait_for()
    page.wait_for_function("[...document.querySelectorAll('video, audio')].every((one) => one.readyState > 0)")
    canvas(page).click(position=place(page, BEGIN + 0.8, 50))
    player = "document.querySelector('video, audio')"
    page.wait_for_function(f"Math.abs({player}.currentTime - 0.8) < 0.02")  # as it may be one of two, in step
    page.evaluate(f"{player}.muted = true")
    canvas(page).focus()
    page.keyboard.press("Space")
    page.wait_for_function(f"{player}.currentTime > 1.1")
    page.keyboard.press("Space")
    page.wait_for_function(f"{player}.paused")
    assert ask(page, "editor.roll.now") == pytest.approx(BEGIN + page.evaluate(f"{player}.currentTime"), abs=0.2)


def test_wheel_and_buttons_zoom_and_the_strip_goes_through_the_piece(page: Any) -> None:
    scale = ask(page, "editor.roll.scale")
    about = place(page, BEGIN + 0.6, 60)
    page.mouse.move(*on_screen(page, about))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -600)
    page.keyboard.up("Control")
    settled(page, lambda: ask(page, "editor.roll.scale") > 2 * scale)
    assert place(page, BEGIN + 0.6, 60)["x"] == pytest.approx(about["x"], abs=2)
    left = ask(page, "editor.roll.left")
    strip = page.locator(".roll .overview").bounding_box()
    page.mouse.click(strip["x"] + 0.9 * strip["width"], strip["y"] + 10)
    settled(page, lambda: ask(page, "editor.roll.left") > left)
    for _ in range(6):
        press(page, "−").click()
    settled(page, lambda: ask(page, "editor.roll.scale") < 1.2 * scale)


def test_five_thousand_notes_are_drawn_in_less_than_a_frame(page: Any) -> None:
    """A sixtieth of a second, on a computer three times as slow as most."""
    data = """(() => {
        const note = (i) => [i / 10, 30 + (i * 7) % 70, i / 10 + 0.4, 80, "left", 1, 0.7];
        const notes = Array.from({ length: 5000 }, (_, i) => note(i));
        return { ...editor.data, reading: "long", notes, end: 500, edits: {} };
    })()"""
    kept = ask(page, "editor.data")
    took = page.locator(".roll").evaluate(
        f"""async (box) => {{
            const editor = box.editor;
            editor.show({data});
            const took = [];
            for (const zoom of [0.1, 0.3, 1]) {{
                editor.roll.zoom = zoom;
                for (let frame = 0; frame < 20; frame++) {{
                    editor.pan(-7, 0);
                    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                    took.push(editor.took);
                }}
            }}
            return took.sort((one, other) => one - other);
        }}"""
    )
    page.locator(".roll").evaluate("(box, data) => box.editor.show(data)", kept)
    assert took[len(took) // 2] < 17


def test_on_a_phone_fingers_choose_delete_and_add(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # no scrolling sideways
    read = shown(page)
    canvas(page).scroll_into_view_if_needed()
    press(page, "Next uncertain").tap()
    doubtful = ask(page, "editor.chosen")
    canvas(page).tap(position=place(page, BEGIN + 0.8, 50))
    assert ask(page, "editor.roll.chosen") is None
    canvas(page).tap(position=place(page, doubtful["onset"] + 0.05, doubtful["pitch"]))
    assert ask(page, "editor.roll.chosen") == doubtful["name"]
    slide(page, place(page, doubtful["onset"] + 0.05, doubtful["pitch"]), right=-40, down=0)  # it is chosen: it moves
    assert ask(page, "editor.chosen.onset") < doubtful["onset"] - 0.2
    press(page, "Delete").tap()
    press(page, "Add notes").tap()
    canvas(page).tap(position=place(page, BEGIN + 0.3, 55))
    press(page, "Add notes").tap()
    edited = shown(page)
    (added,) = edited - read
    assert (len(read - edited), added[0]) == (1, 55)
    settled(page, lambda: is_written(page, edited))

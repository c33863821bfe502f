"""The web page, driven as Streamlit runs it: a video in, results on the page, friendly errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import keyboard_step, pipeline, web
from app.keyboard_step import Choice, keyboard_choice
from app.report import Report
from video2roll.follow import View
from video2roll.rectify import Keyboard, KeyboardError

MakeVideo = Callable[..., Path]
FOUND = Keyboard(np.array([[2.0, 2], [62, 2], [62, 46], [2, 46]]), 48, 84, 0.9, octave_guessed=True)
DRAGGED = np.array([[4.0, 3], [62, 2], [62, 46], [2, 46]])


@pytest.fixture
def shown() -> AppTest:
    """The page as it first appears."""
    return AppTest.from_file(web.__file__, default_timeout=60).run()


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """FOUND is what the program finds in any video; the list grows each time it looks."""
    looks: list[Any] = []
    really = pipeline.find_views

    def find(source: Any, *, corners: Any = None, lowest_key: Any = None, **how: Any) -> list[View]:
        if corners is not None:
            return really(source, corners=corners, lowest_key=lowest_key, **how)
        looks.append(lowest_key)
        return [View(FOUND, np.zeros((48, 64), np.uint8))]

    monkeypatch.setattr(pipeline, "find_views", find)
    return looks


def choose(page: AppTest, video: Path) -> AppTest:
    """The page after a video was named."""
    page.text_input[0].set_value(str(video))
    return page.run()


def button(page: AppTest, label: str) -> Any:
    return next(item for item in page.button if item.label == label)


def drag(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the editor gives DRAGGED, as if a corner had been dragged there."""
    monkeypatch.setattr(keyboard_step, "corner_editor", lambda *_, **__: DRAGGED)


def chosen(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> Choice:
    """What the transcription would be told."""
    with monkeypatch.context() as session:
        session.setattr(keyboard_step.st, "session_state", page.session_state)
        return keyboard_choice()


def test_the_page_appears_and_waits_for_a_video(shown: AppTest) -> None:
    assert not shown.exception
    assert shown.title[0].value == "silentkeys"
    assert button(shown, "Transcribe").disabled


@pytest.mark.usefixtures("seeing", "looked")
def test_a_video_gives_results_on_the_page(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    drag(monkeypatch)
    choose(shown, make_video("waltz.mp4"))
    button(shown, "Transcribe").click().run()
    assert not shown.exception
    assert not shown.error
    assert shown.subheader[-1].value == "waltz"
    assert shown.metric[0].value == "3"
    assert len(shown.dataframe[0].value) == 3
    assert ("Keyboard corners", "set by hand") in [(metric.label, metric.value) for metric in shown.metric]
    report = shown.session_state["report"]
    assert report.keyboard["corners"] == DRAGGED.tolist()
    assert (report.keyboard["lowest_pitch"], report.keyboard["highest_pitch"]) == (48, 84)


@pytest.mark.usefixtures("looked")
def test_wishes_for_the_score_are_passed_on(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []

    def transcribe(video: Path, out: str, **how: Any) -> Report:
        told.append(how)
        return Report(str(video))

    monkeypatch.setattr(pipeline, "transcribe", transcribe)
    choose(shown, make_video())
    button(shown, "Transcribe").click().run()
    next(item for item in shown.selectbox if item.label == "Fingers in the score").set_value("none")
    for item in shown.text_input:
        wishes = {"Title": "Waltz", "Composer": "N. N.", "Time signature": " 3/4 ", "Key": "A minor"}
        item.set_value(wishes.get(item.label, item.value))
    next(item for item in shown.number_input if item.label == "Beats a minute").set_value(90.0)
    button(shown, "Transcribe").click().run()
    assert not shown.exception
    names = ("fingering", "title", "composer", "metre", "key", "tempo")
    assert [told[0][name] for name in names] == ["auto", None, None, None, None, None]
    assert [told[1][name] for name in names] == ["none", "Waltz", "N. N.", "3/4", "A minor", 90.0]


def test_it_looks_once_and_what_was_found_is_not_given_back(
    shown: AppTest, make_video: MakeVideo, looked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(shown, make_video()).run()
    shown.run()
    assert not shown.exception
    assert looked == [None]
    assert "the octave is a guess" in shown.warning[0].value
    assert [box.value for box in shown.selectbox][:2] == [48, 84]
    assert chosen(shown, monkeypatch) == Choice(corners=None, lowest_key=None, highest_key=None)


@pytest.mark.usefixtures("looked")
def test_another_octave_keeps_the_corners_that_were_found(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(shown, make_video())
    button(shown, "Octave higher").click().run()
    assert not shown.exception
    assert [box.value for box in shown.selectbox][:2] == [60, 96]
    assert "Your keyboard is used: C4 to C7" in shown.info[0].value
    assert chosen(shown, monkeypatch) == Choice(corners=None, lowest_key=60, highest_key=None)


@pytest.mark.usefixtures("looked")
def test_keys_chosen_by_hand_come_with_the_corners_and_go_again(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(shown, make_video())
    shown.selectbox[1].set_value(89).run()
    step = shown.session_state["keyboard_step"]
    assert (step.keys, step.changed, step.moved) == ((48, 89), True, False)
    button(shown, "Find again").click().run()
    assert [box.value for box in shown.selectbox][:2] == [48, 84]
    assert not shown.session_state["keyboard_step"].changed


@pytest.mark.usefixtures("looked")
def test_turning_names_the_next_corner_back_left(shown: AppTest, make_video: MakeVideo) -> None:
    choose(shown, make_video())
    button(shown, "Turn").click().run()
    button(shown, "Turn").click().run()
    assert shown.session_state["keyboard_step"].corners.tolist() == [[62, 46], [2, 46], [2, 2], [62, 2]]


@pytest.mark.usefixtures("seeing")
def test_without_a_keyboard_the_page_asks_for_the_corners(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(shown, make_video(size=(320, 240)))
    assert "No keyboard was found" in shown.warning[0].value
    button(shown, "Transcribe").click().run()
    assert not shown.exception
    assert "drag the four corners" in shown.error[0].value
    drag(monkeypatch)
    shown.run()
    assert "Your keyboard is used" in shown.info[0].value


def test_a_missing_file_is_a_friendly_error(shown: AppTest) -> None:
    choose(shown, Path("/no/such/video.mp4"))
    assert not shown.exception
    assert "does not exist" in shown.error[0].value
    assert button(shown, "Transcribe").disabled


def test_a_part_that_ends_before_it_begins_is_a_friendly_error(shown: AppTest, make_video: MakeVideo) -> None:
    shown.number_input[0].set_value(5.0)
    shown.number_input[1].set_value(2.0)
    choose(shown, make_video())
    assert not shown.exception
    assert "must lie after" in shown.error[0].value


def test_where_nothing_was_found_the_corners_must_be_moved(
    monkeypatch: pytest.MonkeyPatch, make_video: MakeVideo
) -> None:
    scene = keyboard_step.look(make_video(size=(320, 240)))
    assert scene.found is None
    start = scene.start()
    step = keyboard_step.Step(("", 0), (0.0, None), scene, start.corners, (21, 108))
    monkeypatch.setattr(keyboard_step.st, "session_state", {"keyboard_step": step})
    with pytest.raises(KeyboardError, match="drag the four corners"):
        keyboard_choice()


def test_a_camera_that_stands_still_is_told_from_one_that_moves() -> None:
    room = np.random.default_rng(1).integers(0, 255, (90, 160, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    hands = [room.copy() for _ in range(9)]
    for number, picture in enumerate(hands):
        picture[200:300, 60 * number : 60 * number + 120] = 200
    assert keyboard_step._is_steady(hands, np.median(hands, axis=0).astype(np.uint8))
    carried = [np.roll(room, 14 * number, axis=1) for number in range(9)]
    assert not keyboard_step._is_steady(carried, np.median(carried, axis=0).astype(np.uint8))

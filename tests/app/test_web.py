"""The web page, driven as Streamlit runs it: a video in, results on the page, friendly errors."""

import dataclasses
import gc
import json
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from example_site import pretend, serve
from streamlit.testing.v1 import AppTest

from app import keyboard_step, pipeline, result_step, scene, span_step, video_step, visit, web
from app.keyboard_step import Choice, keyboard_choice
from app.line import Line
from app.report import Report
from app.sessions import Room
from video2roll import video as decoding
from video2roll.follow import View
from video2roll.rectify import Keyboard, KeyboardError

MakeVideo = Callable[..., Path]
FOUND = Keyboard(np.array([[2.0, 2], [62, 2], [62, 46], [2, 46]]), 48, 84, 0.9, octave_guessed=True)
DRAGGED = np.array([[4.0, 3], [62, 2], [62, 46], [2, 46]])


@pytest.fixture
def room(no_processes: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Room:
    """Where the visitors' folders lie in these tests."""
    (tmp_path / "room").mkdir(mode=0o700)
    room = Room(tmp_path / "room", spare=0)
    monkeypatch.setattr(visit, "_room", lambda: room)
    monkeypatch.setattr(visit, "_lines", lambda: visit.Lines(Line(2), Line(1)))
    return room


@pytest.fixture
def shown(room: Room, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page as it first appears to who runs it."""
    monkeypatch.setattr(video_step, "is_at_home", lambda: True)
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
    field(page, "Path of the video").set_value(str(video))
    return page.run()


def upload(page: AppTest, name: str, content: bytes) -> AppTest:
    """The page after a file was uploaded."""
    page.file_uploader[0].set_value((name, content, "video/mp4"))
    return page.run()


def field(page: AppTest, label: str) -> Any:
    """What is filled in under this label."""
    fields = [*page.text_input, *page.number_input, *page.selectbox]
    return next(item for item in fields if item.label == label)


def button(page: AppTest, label: str) -> Any:
    return next(item for item in page.button if item.label == label)


def drag(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the editor gives DRAGGED, as if a corner had been dragged there."""
    monkeypatch.setattr(keyboard_step, "corner_editor", lambda *_, **__: DRAGGED)


def take_part(monkeypatch: pytest.MonkeyPatch, *part: float) -> None:
    """From now on the timeline gives this part, begin and end in seconds, as if its handles had been dragged there."""
    monkeypatch.setattr(span_step, "timeline", lambda *_, **__: part)


def send_edits(page: AppTest, result: Any, monkeypatch: pytest.MonkeyPatch, **told: Any) -> None:
    """What the piano roll of a result does when notes were edited on it."""
    with monkeypatch.context() as session:
        session.setattr(result_step.st, "session_state", page.session_state)
        result_step.take_edits(result, {"reading": result.mark, **told})


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
    report = shown.session_state["result"].report
    assert report.keyboard["corners"] == DRAGGED.tolist()
    assert (report.keyboard["lowest_pitch"], report.keyboard["highest_pitch"]) == (48, 84)


@pytest.mark.usefixtures("seeing", "looked")
def test_wishes_for_the_score_are_passed_on(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    reads: list[Path] = []

    def write(reading: Any, out: Path, **how: Any) -> Report:
        told.append(how)
        return Report("waltz.mp4")

    really = pipeline.read_video
    monkeypatch.setattr(pipeline, "read_video", lambda video, **how: reads.append(video) or really(video, **how))
    monkeypatch.setattr(pipeline, "write_results", write)
    drag(monkeypatch)
    choose(shown, make_video())
    button(shown, "Transcribe").click().run()
    wishes = {"Title": "Waltz", "Composer": "N. N.", "Time signature": " 3/4 ", "Key": "A minor"}
    chosen = {"Fingers in the score": "none", "Right hand from": 60}
    numbers = {"Beats a minute": 90.0, "Transpose by semitones": -2, "A key is down from": 0.3}
    for label, value in {**wishes, **chosen, **numbers}.items():
        field(shown, label).set_value(value)
    shown.run()
    assert not shown.exception
    names = ("fingering", "title", "composer", "metre", "key", "tempo", "transpose", "threshold", "split")
    assert [told[0][name] for name in names] == ["auto", None, None, None, None, None, 0, None, None]
    assert [told[2][name] for name in names] == ["none", "Waltz", "N. N.", "3/4", "A minor", 90.0, -2, 0.3, 60]
    assert [how["outputs"] == ("video",) for how in told] == [False, True, False]
    assert "video" not in told[2]["outputs"]
    assert len(reads) == 1
    shown.run()
    assert len(told) == 3  # nothing changed
    button(shown, "Draw the video with these settings").click().run()
    assert (told[3]["outputs"], told[3]["title"], len(reads)) == (("video",), "Waltz", 1)


@pytest.mark.usefixtures("seeing", "looked")
def test_a_setting_changes_the_results_without_another_look_at_the_video(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    drag(monkeypatch)
    upload(shown, "waltz.mp4", make_video().read_bytes())
    button(shown, "Transcribe").click().run()
    assert not shown.error
    before = shown.dataframe[0].value["pitch"].tolist()
    first = shown.session_state["result"].folder
    monkeypatch.setattr(decoding, "_open", None)  # no video is opened from now on
    field(shown, "Transpose by semitones").set_value(12).run()
    assert not shown.exception
    assert not shown.error
    assert shown.dataframe[0].value["pitch"].tolist() == [pitch + 12 for pitch in before]
    assert not first.exists()
    twelve = {output: Path(path).read_bytes() for output, path in shown.session_state["result"].report.files.items()}
    field(shown, "Instrument").set_value("Harpsichord").run()
    field(shown, "Title").set_value("Waltz").run()
    kept = shown.session_state["result"]
    now = {output: Path(path).read_bytes() for output, path in kept.report.files.items()}
    assert {output for output in now if now[output] != twelve[output]} == {"mid", "wav", "svg"}
    assert set(now) == set(result_step.SHOWN)
    assert (kept.report.missing, bool(kept.report.score["measures"])) == ({}, True)
    field(shown, "Key").set_value("H sharp").run()
    assert "H sharp" in shown.error[0].value
    assert len(shown.dataframe) == 1
    assert shown.session_state["result"] is kept  # what was there stays
    assert len(list(kept.folder.parent.iterdir())) == 3  # its mark, the upload, one result


@pytest.mark.usefixtures("seeing", "looked")
def test_edits_of_the_roll_change_all_results_and_go_with_another_transcription(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    drag(monkeypatch)
    upload(shown, "waltz.mp4", make_video().read_bytes())
    button(shown, "Transcribe").click().run()
    first = shown.session_state["result"]
    told = {"removed": [{"pitch": 48, "onset": 0.4}], "added": [{"onset": 0.5, "pitch": 50, "offset": 0.7}]}
    send_edits(shown, first, monkeypatch, revision=2, edits=told)
    shown.run()
    assert not shown.exception
    assert shown.dataframe[0].value["pitch"].tolist() == [60, 64, 50]
    result = shown.session_state["result"]
    assert result.report.edited == {"added": 1, "removed": 1, "changed": 0, "confirmed": 0}
    assert result.older_video.exists()
    assert "drawn before the last changes" in " ".join(caption.value for caption in shown.caption)
    with zipfile.ZipFile(result_step.write_zip(result)) as file:
        assert "waltz.result.mp4" not in file.namelist()  # it shows other notes

    send_edits(shown, result, monkeypatch, revision=1, edits={})  # an older answer that comes late
    send_edits(shown, result, monkeypatch, revision=3, reading="another", edits={})
    shown.run()
    assert shown.metric[0].value == "3"
    assert shown.session_state["result"] is result
    send_edits(shown, result, monkeypatch, revision=3, edits={"added": [{"pitch": 1000}]})
    shown.run()
    assert "not taken" in shown.error[0].value
    assert shown.session_state["result"] is result
    field(shown, "Right hand from").set_value(55).run()
    assert shown.dataframe[0].value["hand"].tolist() == ["right", "right", "left"]
    send_edits(shown, result, monkeypatch, revision=4, edits={})
    shown.run()
    assert not shown.error
    assert shown.dataframe[0].value["pitch"].tolist() == [60, 48, 64]

    send_edits(shown, result, monkeypatch, revision=5, edits=told)
    button(shown, "Transcribe").click().run()
    assert shown.session_state["result"].report.edited == {}
    shown.run()
    assert shown.dataframe[0].value["pitch"].tolist() == [60, 48, 64]


@pytest.mark.usefixtures("seeing", "looked")
def test_everything_comes_as_one_zip(shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    drag(monkeypatch)
    upload(shown, "../<b>Für Elise</b>.mp4", make_video().read_bytes())
    button(shown, "Transcribe").click().run()
    assert not shown.error
    result = shown.session_state["result"]
    offered = [item.label for item in shown.download_button]
    with zipfile.ZipFile(result_step.write_zip(result)) as file:
        names = set(file.namelist())
        assert file.testzip() is None
        assert file.read("b.pdf").startswith(b"%PDF")
        assert json.loads(file.read("b.json"))["score"]["metre"] == result.report.score["metre"]
    endings = ("mid", "csv", "pdf", "musicxml", "wav", "mp3", "html", "png", "json", "roll.npz", "result.mp4")
    assert {f"b.{ending}" for ending in endings} <= names
    assert len([name for name in names if name.endswith(".svg")]) == len(result.report.pages) + 1
    assert {label.replace("\\", "") for label in offered} == names | {"Everything as one zip"}
    assert not [name for name in names if "/" in name or "video" in name]


@pytest.mark.usefixtures("seeing", "looked")
def test_the_example_runs_with_one_click(shown: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "write_results", lambda reading, out, **how: Report(how["called"], notes=3))
    button(shown, "Try the example").click().run()
    assert not shown.exception
    assert not shown.error
    assert shown.subheader[-1].value == "Für Elise"
    assert shown.metric[0].value == "3"


@pytest.mark.usefixtures("looked")
def test_two_visitors_have_nothing_in_common(
    shown: AppTest, make_video: MakeVideo, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AppTest.from_file(web.__file__, default_timeout=60).run()
    upload(shown, "waltz.mp4", make_video(frames=10).read_bytes())
    upload(other, "waltz.mp4", make_video(frames=20).read_bytes())
    one, two = (page.session_state["chosen"].video.path for page in (shown, other))
    assert one != two
    assert one.read_bytes() != two.read_bytes()
    folders = {page.session_state["visit"].folder for page in (shown, other)}
    assert set(room.root.iterdir()) == folders
    assert one.is_relative_to(shown.session_state["visit"].folder)


@pytest.mark.usefixtures("seeing", "looked")
def test_work_that_was_swept_away_is_told_and_the_page_goes_on(
    shown: AppTest, make_video: MakeVideo, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    drag(monkeypatch)
    upload(shown, "waltz.mp4", make_video().read_bytes())
    button(shown, "Transcribe").click().run()
    gone = shown.session_state["visit"].folder
    dataclasses.replace(room, clock=lambda: time.time() + 3700).sweep()
    assert not gone.exists()
    shown.run()
    assert not shown.exception
    assert "removed after an hour" in shown.info[0].value
    assert "result" not in shown.session_state
    assert not button(shown, "Transcribe").disabled  # the upload is still known


def test_a_session_that_ends_takes_its_folder_along(room: Room) -> None:
    lines = visit.Lines(Line(2), Line(1))
    here, other = visit.Visit(room, lines), visit.Visit(room, lines)
    (here.folder / "video.mp4").write_bytes(b"x")
    folder = here.folder
    del here
    gc.collect()
    assert not folder.exists()
    assert other.folder.exists()


def test_who_has_left_is_seen_off_though_the_session_is_still_known(room: Room) -> None:
    lines, connected = visit.Lines(Line(2), Line(1)), {"one": True, "other": True}
    one, other = (visit.Visit(room, lines, lambda name=name: connected[name]) for name in connected)
    guests = visit.Guests(patience=0.2)
    guests.add(one)
    guests.add(other)
    connected["one"] = False
    guests.see_off()
    assert one.touch()  # may have been cut off for a moment
    time.sleep(0.3)
    guests.see_off()
    assert not one.folder.exists()
    assert not one.touch()
    assert other.touch()


def test_a_session_that_ends_calls_its_work_off(room: Room) -> None:
    lines = visit.Lines(Line(2), Line(1))
    here, other = visit.Visit(room, lines), visit.Visit(room, lines)
    begun, end = Event(), Event()

    def work(*, progress: Any) -> None:
        begun.set()
        end.wait(20)

    job = here.begin("read", 1, visit.LOOKING, work).job
    waiting = other.begin("read", 1, visit.LOOKING, lambda progress: "read").job
    assert begun.wait(10)
    assert waiting.place == 1
    folder = here.folder
    del here
    gc.collect()
    assert job.stopped.is_set()
    assert not folder.exists()
    assert waiting.value() == "read"
    end.set()


def test_what_may_not_be_taken_is_a_sentence_and_leaves_nothing(
    shown: AppTest, make_video: MakeVideo, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(shown, "../../<b>evil</b>.mp4", b"This is a text.")
    assert not shown.exception
    assert "is not a video" in shown.error[0].value
    assert str(room.root) not in shown.error[0].value.replace("\\", "")
    assert [path.name for path in room.root.rglob("*") if path.is_file()] == [".used"]
    field(shown, "Address of a video").set_value("http://127.0.0.1/waltz.mp4").run()
    assert "not a public machine" in shown.error[0].value
    field(shown, "Path of the video").set_value(os.devnull).run()
    assert "is no file" in shown.error[0].value
    assert button(shown, "Transcribe").disabled
    full = dataclasses.replace(room, most=10)
    monkeypatch.setattr(visit, "_room", lambda: full)
    crowded = AppTest.from_file(web.__file__, default_timeout=60).run()
    upload(crowded, "waltz.mp4", make_video().read_bytes())
    assert "no room for another video" in crowded.error[0].value


@pytest.mark.usefixtures("looked")
def test_a_page_of_a_site_gives_its_video_by_the_sites_title(
    shown: AppTest, make_video: MakeVideo, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"url": "http://files.example/clip", "vcodec": "avc1", "acodec": "none", "height": 720}
    with serve() as site:
        pretend(monkeypatch, site.server_port, fenced=False)
        site.files["/clip"] = make_video().read_bytes()
        long, waltz = site.add("long", form, duration=3601), site.add("waltz", form, title="Waltz in *A*")
        field(shown, "Address of a video").set_value(long).run()
        assert "is longer than 60 minutes" in shown.error[0].value
        assert [path.name for path in room.root.rglob("*") if path.is_file()] == [".used"]
        field(shown, "Address of a video").set_value(waltz).run()
    assert not shown.error
    assert not button(shown, "Transcribe").disabled
    video = shown.session_state["chosen"].video
    assert video.title == "Waltz in A"
    assert video.path.read_bytes() == make_video().read_bytes()
    assert shown.session_state["visit"].tasks == {}


@pytest.mark.usefixtures("room")
def test_files_of_the_server_are_offered_only_to_who_runs_it() -> None:
    page = AppTest.from_file(web.__file__, default_timeout=60).run()
    assert [tab.label for tab in page.tabs] == ["Upload", "Web address"]
    assert "Path of the video" not in [item.label for item in page.text_input]


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


@pytest.mark.usefixtures("seeing", "looked")
def test_only_the_part_on_the_timeline_is_read_and_another_video_begins_with_all_of_it(
    shown: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    shades = make_video(frames=100)
    with monkeypatch.context() as hand:
        take_part(hand, 1.0, 2.2)
        choose(shown, shades)
        button(shown, "Transcribe").click().run()
    assert not shown.error
    reading = shown.session_state["result"].reading
    assert (reading.start, reading.end) == (1.0, 2.2)
    assert [reading.roll.times[0], reading.roll.times[-1]] == pytest.approx([1.0, 2.16])
    shown.run()
    assert shown.session_state["span_step"].span == (1.0, 2.2)  # kept
    choose(shown, make_video("other.mp4", frames=80))
    assert shown.session_state["span_step"].span == (0.0, 3.2)
    assert shown.session_state["keyboard_step"].span == (0.0, None)


def test_the_keyboard_is_looked_for_in_the_part_unless_it_was_set_by_hand(
    shown: AppTest, make_video: MakeVideo, looked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(shown, make_video(frames=100))
    take_part(monkeypatch, 0.0, 2.5)
    shown.run()
    assert (len(looked), shown.session_state["keyboard_step"].span) == (2, (0.0, 2.5))
    drag(monkeypatch)
    shown.run()
    take_part(monkeypatch, 1.0, 2.5)
    shown.run()
    assert not shown.exception
    assert len(looked) == 2
    assert chosen(shown, monkeypatch)["corners"].tolist() == DRAGGED.tolist()


def test_a_part_of_what_is_no_longer_there_is_the_rest_of_it() -> None:
    within = span_step.within
    assert within((3.0, 8.0), 10.0) == (3.0, 8.0)
    assert within((3.0, 80.0), 10.0) == (3.0, 10.0)
    assert within((30.0, 80.0), 10.0) == (9.0, 10.0)
    assert within((5.0, 2.0), 10.0) == (5.0, 6.0)
    assert within((-4.0, float("nan")), 10.0) == (0.0, 10.0)
    assert within((0.2, 0.3), 0.4) == (0.0, 0.4)


def test_where_nothing_was_found_the_corners_must_be_moved(
    monkeypatch: pytest.MonkeyPatch, make_video: MakeVideo
) -> None:
    seen = scene.look(make_video(size=(320, 240)))
    assert seen.found is None
    start = seen.start()
    step = keyboard_step.Step(("", 0), (0.0, None), seen, start.corners, (21, 108))
    monkeypatch.setattr(keyboard_step.st, "session_state", {"keyboard_step": step})
    with pytest.raises(KeyboardError, match="drag the four corners"):
        keyboard_choice()


def test_a_camera_that_stands_still_is_told_from_one_that_moves() -> None:
    room = np.random.default_rng(1).integers(0, 255, (90, 160, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    hands = [room.copy() for _ in range(9)]
    for number, picture in enumerate(hands):
        picture[200:300, 60 * number : 60 * number + 120] = 200
    assert scene._is_steady(hands, np.median(hands, axis=0).astype(np.uint8))
    carried = [np.roll(room, 14 * number, axis=1) for number in range(9)]
    assert not scene._is_steady(carried, np.median(carried, axis=0).astype(np.uint8))


def test_a_score_lies_on_white_whatever_the_page_is() -> None:
    svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9"><svg><path/></svg></svg>'
    drawn = ElementTree.fromstring(result_step.on_paper(svg))
    assert [element.tag.rpartition("}")[2] for element in drawn] == ["rect", "svg"]
    assert (drawn[0].get("fill"), len(drawn[1])) == ("#fff", 1)

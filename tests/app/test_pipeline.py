"""From a video to all files: everything is made, what fails late costs nothing else, and bad input is refused early."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pretty_midi
import pytest
import soundfile
from PIL import Image

import score as score_stage
from app import pipeline
from app.options import ALL_OUTPUTS, OptionError, check_transpose, parse_corners
from midi_synth import SynthError, fluid
from pianoroll import FileError, Note, PianoRoll, read_midi
from video2roll.rectify import CornersError, Keyboard
from video2roll.video import VideoError, probe

MakeVideo = Callable[..., Path]
CORNERS = parse_corners("2,2 62,2 62,46 2,46")


@pytest.mark.usefixtures("seeing")
def test_all_outputs_exist_and_open(make_video: MakeVideo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = pipeline.transcribe(make_video("waltz.mp4"), out, corners=CORNERS, outputs=ALL_OUTPUTS)
    assert report.complete
    assert set(report.files) == set(ALL_OUTPUTS)
    assert all(Path(path).stat().st_size > 0 for path in report.files.values())
    assert len(PianoRoll.load(out / "waltz.roll.npz")) == 25
    assert len(read_midi(out / "waltz.mid")) == 3
    assert len((out / "waltz.csv").read_text().splitlines()) == 4
    assert (out / "waltz.pdf").read_bytes().startswith(b"%PDF")
    assert "<score-partwise" in (out / "waltz.musicxml").read_text()
    assert soundfile.info(out / "waltz.wav").duration == pytest.approx(1.0, abs=0.05)  # as long as the video
    with Image.open(out / "waltz.png") as image:
        assert image.width > 500
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("seeing")
def test_the_report_says_what_was_found_and_how_long_it_took(make_video: MakeVideo, tmp_path: Path) -> None:
    stages: list[str] = []
    pipeline.transcribe(
        make_video("waltz.mp4", frames=30), tmp_path, corners=CORNERS, progress=lambda stage, _: stages.append(stage)
    )
    report = json.loads((tmp_path / "waltz.json").read_text())
    assert report["notes"] == 3
    assert report["keyboard"]["corners"] == [[2, 2], [62, 2], [62, 46], [2, 46]]
    assert report["video"]["frames_read"] == 30
    assert report["video"]["seconds_read"] == pytest.approx(1.2, abs=0.01)
    assert {"keyboard", "read", "notes", "files", "score", "sound"} <= set(report["timings"])
    assert list(dict.fromkeys(stages)) == list(report["timings"])
    assert report["versions"]["numpy"] == np.__version__
    assert report["missing"] == {}


@pytest.mark.usefixtures("seeing")
def test_only_the_outputs_asked_for_are_made(make_video: MakeVideo, tmp_path: Path) -> None:
    pipeline.transcribe(make_video(), tmp_path / "out", corners=CORNERS, outputs=("mid", "csv"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["video.csv", "video.mid"]


@pytest.mark.usefixtures("seeing")
def test_the_instrument_is_written_into_the_midi(make_video: MakeVideo, tmp_path: Path) -> None:
    pipeline.transcribe(make_video(), tmp_path, corners=CORNERS, outputs=("mid",), instrument="Harpsichord")
    assert pretty_midi.PrettyMIDI(str(tmp_path / "video.mid")).instruments[0].program == 6


@pytest.mark.usefixtures("seeing")
def test_a_missing_synthesiser_costs_only_the_sound(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_library() -> None:
        raise SynthError("Sound needs the FluidSynth library.")

    monkeypatch.setattr(fluid, "_library", no_library)
    report = pipeline.transcribe(make_video(), tmp_path, corners=CORNERS)
    assert report.missing == dict.fromkeys(("wav", "html"), "Sound needs the FluidSynth library.")
    assert not (tmp_path / "video.wav").exists()
    assert (tmp_path / "video.pdf").exists()
    assert json.loads((tmp_path / "video.json").read_text())["missing"] == report.missing


@pytest.mark.usefixtures("seeing")
def test_a_broken_engraver_costs_only_the_score(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_stage, "engrave", lambda notes, **_: 1 / 0)
    report = pipeline.transcribe(make_video(), tmp_path, corners=CORNERS)
    assert set(report.missing) == {"musicxml", "pdf", "html"}
    assert "ZeroDivisionError" in report.missing["pdf"]
    assert {"npz", "mid", "csv", "png", "wav", "json"} == set(report.files)


@pytest.mark.usefixtures("seeing")
def test_a_full_disk_ends_the_work_and_leaves_no_half_file(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: object, **arrays: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(FileError, match="disk is full"):
        pipeline.transcribe(make_video(), tmp_path / "out", corners=CORNERS)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("seeing")
def test_silence_gives_all_files_and_a_warning(make_video: MakeVideo, tmp_path: Path) -> None:
    report = pipeline.transcribe(make_video(frames=1, size=(61, 47)), tmp_path, corners=CORNERS)
    assert report.complete
    assert report.notes == 0
    assert any("No note" in warning for warning in report.warnings)


@pytest.mark.usefixtures("seeing")
def test_a_video_that_breaks_off_is_used_and_reported(make_video: MakeVideo, tmp_path: Path) -> None:
    video = make_video("cut.mkv", frames=250, size=(320, 240))
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    report = pipeline.transcribe(video, tmp_path, corners=CORNERS, outputs=("mid", "json"))
    assert report.notes == 3
    assert any("breaks off" in warning for warning in report.warnings)


@pytest.mark.usefixtures("seeing")
def test_an_output_folder_in_the_way_is_told_before_the_video_is_read(make_video: MakeVideo, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    told: list[str] = []
    with pytest.raises(FileError, match="in the way"):
        pipeline.transcribe(
            make_video(), tmp_path / "out", corners=CORNERS, progress=lambda stage, _: told.append(stage)
        )
    assert told == []


@pytest.mark.usefixtures("seeing")
def test_start_past_the_end_is_refused(make_video: MakeVideo, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="--start 50"):
        pipeline.transcribe(make_video(), tmp_path / "out", corners=CORNERS, start=50)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("seeing")
def test_roll_and_notes_are_the_parts_of_transcribe(make_video: MakeVideo, tmp_path: Path) -> None:
    roll = pipeline.roll(make_video(), tmp_path / "a.npz", corners=CORNERS, start=0.2, end=0.6)
    assert (roll.times[0], len(roll)) == (pytest.approx(0.2), 10)
    assert len(pipeline.notes(tmp_path / "a.npz", tmp_path / "a.mid")) == 3
    report = pipeline.score(tmp_path / "a.mid", tmp_path / "score")
    assert report.complete
    assert {Path(path).suffix for path in report.files.values()} == {".musicxml", ".pdf", ".svg"}
    pipeline.synth(tmp_path / "a.mid", tmp_path / "a.wav")
    assert soundfile.info(tmp_path / "a.wav").samplerate == 44100


def test_a_file_name_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"ends in \.mid"):
        pipeline.notes(tmp_path / "a.npz", tmp_path / "a.wav")


def test_corners_may_reach_beyond_the_picture_but_not_miss_it(make_video: MakeVideo) -> None:
    video = make_video()
    beyond = pipeline.find_keyboard(video, corners=np.array([[-40, 10], [100, 10], [100, 80], [-40, 80]]))
    assert beyond.corners[0, 0] == -40
    with pytest.raises(CornersError, match="outside the picture, which is 64 x 48"):
        pipeline.find_keyboard(video, corners=np.array([[100, 10], [200, 10], [200, 40], [100, 40]]))


def test_corners_in_the_order_of_a_mirror_image_are_noticed(make_video: MakeVideo) -> None:
    keyboard = pipeline.find_keyboard(make_video(), corners=np.array([[62, 2], [2, 2], [2, 46], [62, 46]]))
    assert keyboard.mirrored
    turned = pipeline.find_keyboard(make_video(), corners=np.array([[62, 46], [2, 46], [2, 2], [62, 2]]))
    assert not turned.mirrored


def test_what_was_read_gives_other_results_without_the_video(make_video: MakeVideo, tmp_path: Path) -> None:
    """A roll in which two keys go down, one of them faintly; after it was read, the video is gone."""
    video = make_video("waltz.mp4")
    times = np.arange(50) / 25
    frame = np.zeros((50, 88), np.float32)
    frame[5:30, 60 - 21], frame[5:30, 84 - 21] = 0.95, 0.3
    assert CORNERS is not None
    seen = pipeline.Reading(probe(video), 0.0, None, Keyboard(CORNERS), PianoRoll(times, frame, 0 * frame), True)
    video.unlink()

    def write(folder: str, **how: Any) -> list[tuple[int, str | None]]:
        outputs = ("mid", "csv", "musicxml", "svg", "wav", "json")
        pipeline.write_results(seen, tmp_path / folder, note_model="rules", outputs=outputs, name="video", **how)
        rows = (tmp_path / folder / "video.csv").read_text().splitlines()
        names = rows[0].split(",")
        found = [dict(zip(names, row.split(","), strict=True)) for row in rows[1:]]
        return [(int(row["pitch"]), row["hand"] or None) for row in found]

    assert [pitch for pitch, _ in write("plain")] == [60]
    assert [pitch for pitch, _ in write("sharp", threshold=0.2)] == [60, 84]
    assert write("split", threshold=0.2, split=72) == [(60, "left"), (84, "right")]
    assert write("moved", threshold=0.2, split=72, transpose=-3) == [(57, "left"), (81, "right")]
    assert [note.pitch for note in read_midi(tmp_path / "moved" / "video.mid")] == [57, 81]
    assert write("called", called="Walzer.mp4", instrument="Harpsichord")
    report = json.loads((tmp_path / "called" / "video.json").read_text())
    assert report["source"] == "Walzer.mp4"
    assert ">Walzer<" in (tmp_path / "called" / "video.musicxml").read_text()
    assert pretty_midi.PrettyMIDI(str(tmp_path / "called" / "video.mid")).instruments[0].program == 6


def test_transposing_leaves_out_what_leaves_the_keyboard_and_says_so() -> None:
    warnings: list[str] = []
    played = [Note(0.0, 21, 1.0), Note(0.0, 60, 1.0), Note(0.5, 22, 1.0)]
    assert [note.pitch for note in pipeline.transposed(played, -2, warnings)] == [58]
    assert warnings == ["2 notes would leave the keyboard so transposed, and went out."]
    with pytest.raises(OptionError, match="too far"):
        check_transpose(25)


def test_titles_of_strangers_are_text_in_all_that_is_written(
    make_video: MakeVideo, tmp_path: Path, seeing: None
) -> None:
    """Whatever stands in a title or a name is shown, and never a tag of the page, the score or its pictures."""
    evil = "</title><script>alert(1)</script><img src=x onerror=alert(1)>&\"'"
    seen = pipeline.read_video(make_video(), corners=CORNERS)
    for number, how in enumerate(({"title": evil, "composer": evil}, {"called": "<img src=x onerror=alert(1)>.mp4"})):
        out = tmp_path / str(number)
        pipeline.write_results(seen, out, outputs=("html", "musicxml", "svg", "roll-svg"), name="video", **how)
        page = (out / "video.html").read_text()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "onerror=alert(1)&gt;" in page
        for picture in [*out.glob("*.svg"), out / "video.musicxml"]:
            tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(picture).iter()}
            assert not tags & {"script", "img"}

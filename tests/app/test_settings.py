"""Settings that need no look at the video: what is made from a reading that was used before is what a fresh one gives,
also where several visitors change theirs at once."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import roll2midi
from app import pipeline
from app.options import OptionError
from app.result_step import SHOWN, Result, write
from dataset_tools.render import random_notes
from pianoroll import PianoRoll
from pianoroll.roll import notes_to_frames
from roll2midi import DecodeError
from video2roll.rectify import Keyboard
from video2roll.video import probe

MakeVideo = Callable[..., Path]
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"threshold": 0.6},
    {"threshold": 0.6, "split": 40},
    {"transpose": 5},
    {"metre": "3/4", "tempo": 100.0},
    {"instrument": 6, "pedal": "auto"},
    {"key": "D minor", "title": "A piece", "fingering": "none"},
    {},
)
OUTPUTS = ("mid", "csv", "musicxml", "svg", "wav", "png")


@pytest.fixture
def read(make_video: MakeVideo) -> Callable[[int], pipeline.Reading]:
    """What is seen of some music, freshly read."""
    info = probe(make_video("waltz.mp4"))

    def fresh(seed: int) -> pipeline.Reading:
        random = np.random.default_rng(seed)
        times = np.arange(250) / 25
        down = notes_to_frames(random_notes(random, 9.0), times)
        struck = down & ~np.vstack([np.zeros((1, 88), bool), down[:-1]])
        frame = np.clip(0.8 * down + 0.4 * random.random(down.shape) ** 3, 0, 1)
        keyboard = Keyboard(np.array([[2, 2], [62, 2], [62, 46], [2, 46]], float))
        return pipeline.Reading(info, 0.0, None, keyboard, PianoRoll(times, frame, 0.9 * struck), True)

    return fresh


def contents(folder: Path) -> dict[str, bytes]:
    """All files by name, but for what music21 draws by lot or takes from the calendar."""
    lot = re.compile(rb"P[0-9a-f]{32}|I[0-9a-f]{32}|<encoding-date>.*?</encoding-date>")
    return {path.name: lot.sub(b"", path.read_bytes()) for path in sorted(folder.iterdir())}


def made(reading: pipeline.Reading, folder: Path, settings: dict[str, Any]) -> dict[str, bytes]:
    report = pipeline.write_results(reading, folder, **settings, outputs=OUTPUTS, name="a")
    assert report.complete, report.missing
    return contents(folder)


def test_a_reading_that_was_used_gives_what_a_fresh_one_does(
    read: Callable[[int], pipeline.Reading], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleanings: list[str | None] = []
    clean = roll2midi.clean

    def counted(roll: PianoRoll, *, model: str | None = None) -> PianoRoll:
        cleanings.append(model)
        return clean(roll, model=model)

    fresh = [made(read(1), tmp_path / f"fresh {index}", how) for index, how in enumerate(SETTINGS)]
    assert len({content["a.csv"] for content in fresh}) == 4
    monkeypatch.setattr(roll2midi, "clean", counted)
    used = read(1)
    for index, how in enumerate(SETTINGS):
        assert made(used, tmp_path / f"used {index}", how) == fresh[index]
    assert cleanings == [None]  # the network looked at the roll but once


def test_two_at_once_do_not_mix(read: Callable[[int], pipeline.Reading], tmp_path: Path) -> None:
    alone = [made(read(seed), tmp_path / f"alone {seed}", {}) for seed in (1, 2)]
    assert alone[0] != alone[1]
    readings = [read(1), read(2)]

    def again(turn: int) -> dict[str, bytes]:
        return made(readings[turn % 2], tmp_path / f"turn {turn}", SETTINGS[3 * (turn // 2 % 2)])

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(again, range(8)))
    assert together[0] == together[4] == alone[0]
    assert together[1] == together[5] == alone[1]
    assert together[2] == together[6] != alone[0]
    assert together[3] == together[7] != alone[1]


def test_the_page_makes_anew_only_what_a_setting_changes(
    read: Callable[[int], pipeline.Reading], tmp_path: Path
) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    reading = read(1)
    first = Result(reading, write(reading, folders[0], "Waltz", {}, SHOWN), "Waltz", folders[0], {}, "")
    sound = Path(first.report.files["wav"]).read_bytes()
    second = first.changed(folders[1], {"split": 40})
    assert "sound" not in second.report.timings  # it is the same whoever's hand plays a note
    assert Path(second.report.files["wav"]).read_bytes() == sound
    named = json.loads(second.file("json").read_text())
    assert named["files"]["wav"] == "Waltz.wav"
    assert named["pages"] == ["Waltz-1.svg"]
    assert str(tmp_path) not in second.file("json").read_text()


def test_a_report_names_the_files_beside_it(read: Callable[[int], pipeline.Reading], tmp_path: Path) -> None:
    (tmp_path / "a.svg").mkdir()  # where no file can be made
    outputs = ("mid", "svg", "json", "png")
    (tmp_path / "a.png").mkdir()
    report = pipeline.write_results(read(1), tmp_path, outputs=outputs, name="a", called="waltz.mp4")
    assert report.files["mid"] == str(tmp_path / "a.mid")
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["files"] == {"mid": "a.mid", "svg": "a-1.svg", "json": "a.json"}
    assert told["pages"] == [f"a-{number + 1}.svg" for number in range(len(report.pages))]
    assert told["missing"]["png"].startswith("a.png is a folder")
    assert str(tmp_path) not in json.dumps({**told, "video": None})
    elsewhere = replace(report, files={"mid": "/elsewhere/a.mid"})
    elsewhere.save(tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text())["files"] == {"mid": "/elsewhere/a.mid"}


def test_settings_that_cannot_be_are_told_before_the_video_is_read(make_video: MakeVideo, tmp_path: Path) -> None:
    for wrong, error, sentence in (
        ({"threshold": 1.5}, DecodeError, "between 0 and 1"),
        ({"transpose": 30}, OptionError, "too far"),
    ):
        told: list[str] = []
        with pytest.raises(error, match=sentence):
            pipeline.transcribe(
                make_video(), tmp_path / "out", **wrong, progress=lambda stage, _, told=told: told.append(stage)
            )
        assert told == []

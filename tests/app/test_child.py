"""Work in a process of its own: what it gives, what it says when it fails, and that it can always be stopped."""

import json
import os
import signal
import time
from pathlib import Path
from threading import Event, Timer
from typing import Any

import numpy as np
import pytest

from app import apart, child, pipeline, scene
from app.child import Bounds, ChildError, Stopped, run
from pianoroll import SilentkeysError
from video2roll.rectify import Keyboard

AMPLE = Bounds(memory=8 << 30, seconds=60)


def double(number: int, *, progress: Any) -> dict[str, Any]:
    progress("work", None)
    progress("work", 0.5)
    return {"is": 2 * number, "in": os.getpid()}


def refuse(*, progress: Any) -> None:
    raise SilentkeysError("The video is no video; choose another one.")


def err(*, progress: Any) -> None:
    raise RuntimeError("a mistake of ours")


def crash(*, progress: Any) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def swell(*, progress: Any) -> int:
    return sum(len(bytearray(64 << 20)) for part in [[bytearray(64 << 20) for _ in range(200)]] for _ in part)


def linger(told: str, *, progress: Any) -> None:
    Path(told).write_text(str(os.getpid()))
    time.sleep(600)


def do(work: Any, *args: Any, bounds: Bounds = AMPLE, stopped: Event | None = None) -> Any:
    return run(work, *args, bounds=bounds, tell=lambda stage, part: None, stopped=stopped or Event())


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_gives_what_the_work_gave_and_tells_how_far_it_is() -> None:
    told: list[Any] = []
    value = run(double, 21, bounds=AMPLE, tell=lambda *how: told.append(how), stopped=Event())
    assert value["is"] == 42
    assert value["in"] != os.getpid()
    assert told == [("work", None), ("work", 0.5)]


def test_what_it_cannot_do_is_told_in_its_words() -> None:
    with pytest.raises(ChildError, match="is no video; choose another"):
        do(refuse)
    with pytest.raises(ChildError, match="RuntimeError: a mistake of ours"):
        do(err)


@pytest.mark.skipif(child.resource is None, reason="this system sets no bounds")
def test_a_crash_and_too_much_memory_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="its decoder broke off"):
        do(crash)
    with pytest.raises(ChildError, match="more memory than there is"):
        do(swell, bounds=Bounds(memory=1 << 30, seconds=60))


def test_work_that_takes_too_long_or_is_called_off_ends_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ChildError, match="took too long"):
        do(linger, str(tmp_path / "late"), bounds=Bounds(memory=8 << 30, seconds=3))
    stopped = Event()
    Timer(3, stopped.set).start()
    with pytest.raises(Stopped):
        do(linger, str(tmp_path / "off"), stopped=stopped)
    assert time.monotonic() - began < 20
    assert not [path for path in tmp_path.iterdir() if is_there(int(path.read_text()))]


def test_a_reading_survives_its_way_out_of_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    corners = np.array([[2.125, 2], [62, 2.3], [62, 46], [2, 46]]) + 1 / 3
    roll = pipeline.PianoRoll(np.arange(40) / 30, *rng.random((2, 40, 88), np.float32), metadata={"source": "é.mp4"})
    info = pipeline.VideoInfo(Path("é.mp4"), 64, 48, 30000 / 1001, None)
    keyboard = Keyboard(corners, 48, 84, 0.1 + 0.2, octave_guessed=True)
    seen = pipeline.Reading(info, 0.5, None, keyboard, roll, False, ["Look."], {"model": "x"}, {"read": 1 / 7})
    monkeypatch.setattr(pipeline, "read_video", lambda video, **how: seen)
    apart.read("é.mp4", str(tmp_path), {}, progress=lambda *_: None)
    back = apart.load_reading(tmp_path)
    for name in ("info", "start", "end", "given", "warnings", "settings", "timings"):
        assert getattr(back, name) == getattr(seen, name)
    assert scene.keyboard_as_dict(back.keyboard) == scene.keyboard_as_dict(keyboard)
    assert all(np.array_equal(getattr(back.roll, name), getattr(roll, name)) for name in ("times", "frame", "onset"))
    assert back.roll.metadata == roll.metadata
    apart.remove_reading(tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(SilentkeysError, match="does not exist"):
        apart.load_reading(tmp_path)


def test_what_a_scene_shows_survives_as_json() -> None:
    keyboard = Keyboard(np.array([[2.0, 2], [62, 2], [62, 46], [2, 46]]) / 3, 48, 84, 0.9, octave_guessed=True)
    for found in (keyboard, None):
        seen = scene.Scene((64, 48), ["data:a", "data:b"], ["0:01", "0:02"], "data:c", True, found)
        back = scene.Scene.from_dict(json.loads(json.dumps(seen.as_dict())))
        assert back.as_dict() == seen.as_dict()
        assert (back.size, back.found is None) == ((64, 48), found is None)

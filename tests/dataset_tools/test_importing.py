"""Takes become a set: strips, labels and a manifest; finished ones are kept, failing ones told."""

import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from app.cli import cli
from dataset_tools.examples import prepare
from dataset_tools.importing import import_takes
from dataset_tools.render import Scene, render_frames, render_video, scene_keyboard
from dataset_tools.strip_set import read_set
from dataset_tools.strip_video import StripVideo
from dataset_tools.takes import find_takes
from pianoroll import FileError, Note, PianoRoll, write_midi
from pianoroll.metrics import frame_score
from video2roll.infer import load_network, read_strips
from video2roll.rectify import Rectifier
from video2roll.rest import rest_strip
from video2roll.video import read_frames

SCENE = Scene(width=640, height=360, fps=25, tilt=15.0)
NOTES = [Note(0.4 + 0.3 * step, 48 + 5 * step, 0.65 + 0.3 * step, 60 + step, "right") for step in range(8)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good videos with MIDI, one of them longer than its video, and one of a title only."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "train").mkdir()
    (folder / "dev").mkdir()
    render_video(SCENE, NOTES, folder / "train" / "the whole.mp4", duration=3.4)
    write_midi(NOTES, folder / "train" / "the whole.mid")
    render_video(SCENE, NOTES[:4], folder / "dev" / "short.mp4", duration=1.6)
    write_midi(NOTES, folder / "dev" / "short.mid")
    with av.open(str(folder / "train" / "title.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for shade in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((240, 320, 3), shade, np.uint8))))
        container.mux(stream.encode())
    write_midi(NOTES, folder / "train" / "title.mid")
    return folder


@pytest.fixture(scope="module")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set")
    done = import_takes(find_takes("pairs", source), out)
    assert done.new == 2
    assert [clip for clip, _ in done.failures] == ["train/title"]
    return out


def test_strips_labels_and_manifest_say_what_was_played(made: Path, source: Path) -> None:
    _, whole = read_set(made)
    assert (whole.clip, whole.split, whole.frames, whole.fps) == ("train/the_whole", "train", 85, 25.0)
    assert whole.end == pytest.approx(NOTES[-1].offset + 1, abs=0.02) or whole.end == pytest.approx(3.4)
    data = whole.load()
    assert data.strips.shape == (85, 104, 624)
    assert [(n.pitch, round(n.onset, 2)) for n in data.notes] == [(n.pitch, round(n.onset, 2)) for n in NOTES]
    roll = PianoRoll.load(whole.roll)
    assert roll.onset.sum() == len(NOTES)
    assert whole.keyboard is not None
    rectify = Rectifier(whole.keyboard)
    direct = np.stack([rectify(frame.image) for frame in read_frames(source / "train" / "the whole.mp4", colour=False)])
    assert np.abs(data.strips[:].astype(int) - direct).mean() < 1.5
    network, facts = load_network(None)
    rest = rest_strip(direct, None)
    kept, straight = (
        frame_score(read_strips(network, strips, data.times, rest)[..., 0] > facts["threshold"], data.down).f1
        for strips in (data.strips, direct)
    )
    assert kept == pytest.approx(straight, abs=0.05)
    assert kept > 0.7


def test_labels_that_outlast_the_video_are_cut_and_told(made: Path) -> None:
    short = read_set(made)[0]
    assert (short.clip, short.split) == ("dev/short", "dev")
    assert short.end == pytest.approx(1.6, abs=0.01)
    assert len(short.load().notes) == 4
    assert short.note == "4 notes lie after the end of the video"


def test_failures_are_told_in_a_table_and_leave_nothing(made: Path) -> None:
    told = (made / "failures.csv").read_text()
    assert "train/title,No keyboard was found in title.mp4" in told
    assert not list(made.rglob("*title*"))
    assert not list(made.rglob(".writing*"))


def test_what_is_finished_is_not_done_again_and_survives_a_lost_manifest(made: Path, source: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*.mp4")}
    listed = (made / "manifest.csv").read_text()
    (made / "manifest.csv").unlink()
    done = import_takes(find_takes("pairs", source), made)
    assert done.new == 0
    assert (made / "manifest.csv").read_text() == listed
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*.mp4")} == before


def test_a_set_can_be_trained_on(made: Path) -> None:
    entry = read_set(made, split="train")[0]
    network, _ = load_network(None)
    example = prepare(entry.load(), network if isinstance(network, torch.nn.Module) else network.network)  # type: ignore
    assert len(example.usable) > 40
    assert example.onset.max() == pytest.approx(1.0, abs=0.35)


def test_a_split_that_would_be_broken_is_refused_before_any_work(source: Path, tmp_path: Path) -> None:
    takes = find_takes("pairs", source)
    with pytest.raises(FileError, match="player x is in two splits"):
        import_takes([replace(take, player="x") for take in takes], tmp_path / "set")
    assert list((tmp_path / "set").iterdir()) == []


def test_audeos_pictures_are_keyboards_from_edge_to_edge(tmp_path: Path) -> None:
    pictures = tmp_path / "input_images" / "training" / "one"
    labels = tmp_path / "labels" / "training" / "one"
    pictures.mkdir(parents=True)
    labels.mkdir(parents=True)
    times = np.arange(50) / 25
    rectify = Rectifier(scene_keyboard(SCENE))
    for number, frame in enumerate(render_frames(SCENE, NOTES[:4], times)):
        keys = rectify(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))[16:80]
        cv2.imwrite(str(pictures / f"frame{number}.jpg"), cv2.resize(keys, (900, 100)))
    down = np.zeros((88, 50))
    down[27, 10:17] = 1
    np.savez(labels / "0-49.npz", down)
    done = import_takes(find_takes("audeo", tmp_path), tmp_path / "set")
    (entry,) = done.entries
    assert (entry.frames, entry.fps, entry.ends) == (50, 25.0, "sound")
    strip = StripVideo(entry.strips)[0].astype(float)
    true = rectify(cv2.cvtColor(next(render_frames(SCENE, NOTES[:4], [0.0])), cv2.COLOR_BGR2GRAY)).astype(float)
    assert np.corrcoef(strip[20:76].ravel(), true[20:76].ravel())[0, 1] > 0.95


def test_the_command_says_what_it_did_and_what_failed(source: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["data", "import", "pairs", str(source), "-o", str(tmp_path / "set"), "--json"])
    assert result.exit_code == 4
    assert "train/title: No keyboard was found in title.mp4" in result.stderr
    told = json.loads(result.stdout)
    assert (told["clips"], told["new"], len(told["failures"])) == (2, 2, 1)

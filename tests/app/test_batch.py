"""Many videos: all that can be done are done, and done once, whatever befalls the run."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shown

from app import batch, pipeline
from app.batch import run_batch
from app.options import OptionError
from dataset_tools.render import Scene, random_notes, render_video
from dataset_tools.work import WorkError
from midi_synth import SynthError
from pianoroll import FileError
from roll2midi import DecodeError
from video2roll.model import ModelError

MakeVideo = Callable[..., Path]


def outcomes(items: list[Any]) -> dict[str, str]:
    return {item.video.name: item.outcome for item in items}


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


TABLES = ["failures.csv", "summary.csv", "summary.json"]


@pytest.mark.usefixtures("seeing_workers")
def test_a_broken_video_is_passed_over_and_a_finished_one_is_not_redone(make_video: MakeVideo, tmp_path: Path) -> None:
    for name in ("a.mp4", "c.mkv"):
        make_video(name)
    (tmp_path / "b.mp4").write_text("no video")
    (tmp_path / "readme.txt").write_text("left alone")
    out = tmp_path / "out"
    first = run_batch(tmp_path, out, outputs=("csv",))
    assert outcomes(first) == {"a.mp4": "done", "b.mp4": "failed", "c.mkv": "done"}
    assert "not a video" in str(first[1].reason)
    assert names(out) == ["a.csv", "a.json", "c.csv", "c.json", *TABLES]
    assert rows(out / "failures.csv") == [{"video": str(tmp_path / "b.mp4"), "reason": first[1].reason}]
    told = {Path(row["video"]).name: (row["outcome"], row["notes"]) for row in rows(out / "summary.csv")}
    assert told == {"a.mp4": ("done", "3"), "b.mp4": ("failed", "0"), "c.mkv": ("done", "3")}

    make_video("b.mp4")
    assert outcomes(run_batch(tmp_path, out, outputs=("csv",))) == {
        "a.mp4": "skipped",
        "b.mp4": "done",
        "c.mkv": "skipped",
    }
    assert not (out / "failures.csv").exists()
    assert outcomes(run_batch(tmp_path, out, outputs=("csv", "npz")))["a.mp4"] == "done"
    assert outcomes(run_batch(tmp_path, out, outputs=("csv",), pedal="auto"))["a.mp4"] == "done"  # set otherwise
    assert outcomes(run_batch(tmp_path, out, outputs=("csv",), pedal="auto"))["a.mp4"] == "skipped"
    assert set(outcomes(run_batch(tmp_path, out, outputs=("csv",), force=True)).values()) == {"done"}


@pytest.mark.usefixtures("seeing_workers")
def test_what_counts_is_the_content_wherever_it_lies(make_video: MakeVideo, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for n, name in enumerate(("a", "b", "c", "two  spaces")):
        make_video(f"in/{name}.mp4", frames=20 + n)
    how: dict[str, Any] = {"outputs": ("csv",)}
    run_batch(tmp_path / "in", tmp_path / "out", **how)
    before = shown.tried(tmp_path / "in")

    (tmp_path / "in" / "sub").mkdir()
    (tmp_path / "in" / "a.mp4").rename(tmp_path / "in" / "sub" / "renamed.mp4")
    os.utime(tmp_path / "in" / "b.mp4", (1, 1))
    moved = tmp_path / "elsewhere"
    (tmp_path / "out").rename(moved)
    items = run_batch(tmp_path / "in", moved, **how)
    assert set(outcomes(items).values()) == {"skipped"}
    assert shown.tried(tmp_path / "in") == before
    renamed = next(item for item in items if item.video.name == "renamed.mp4")
    assert (renamed.results, renamed.notes) == ("a", 3)  # where its files are
    kept = {Path(row["video"]).name: row for row in rows(moved / "summary.csv")}
    assert sorted(kept) == ["b.mp4", "c.mp4", "renamed.mp4", "two  spaces.mp4"]

    with pytest.raises(WorkError):
        run_batch(tmp_path / "in", moved, force=True, jobs=0, **how)
    assert set(outcomes(run_batch(tmp_path / "in", moved, **how)).values()) == {"skipped"}  # that run did nothing

    make_video("in/a.mp4", frames=30)  # another video of a name that has results already
    make_video("in/c.mp4", frames=31)
    (moved / "b.csv").unlink()
    again = {item.video.name: item for item in run_batch(tmp_path / "in", moved, **how)}
    done = {name for name, item in again.items() if item.outcome == "done"}
    assert done == {"a.mp4", "b.mp4", "c.mp4"}
    assert again["a.mp4"].results == "a.mp4"
    assert (moved / "b.csv").exists()


@pytest.mark.usefixtures("seeing_workers")
def test_a_killed_worker_is_replaced_and_each_bar_moves(make_video: MakeVideo, tmp_path: Path) -> None:
    for name in ("x", "deadly", "y"):
        make_video(f"{name}.mp4")
    (tmp_path / "bad.mp4").write_text("no video")
    parts: list[tuple[int, int, float]] = []
    seen: list[tuple[int, str | None, str]] = []
    items = run_batch(
        tmp_path,
        tmp_path / "out",
        outputs=("csv",),
        jobs=2,
        tell=lambda *how: parts.append(how),
        watch=lambda place, video, stage, _: seen.append((place, video, stage)),
    )
    assert outcomes(items) == {"bad.mp4": "failed", "deadly.mp4": "done", "x.mp4": "done", "y.mp4": "done"}
    assert shown.tried(tmp_path) == ["bad.mp4", "deadly.mp4", "deadly.mp4", "x.mp4", "y.mp4"]
    assert len(rows(tmp_path / "out" / "summary.csv")) == 4
    assert parts[0] == (0, 4, 0.0)
    assert (1, 4, 0.0) in parts  # what fails at once says nothing of the time that the rest takes
    assert parts[-1] == (4, 4, 1.0)
    assert [part for _, _, part in parts] == sorted(part for _, _, part in parts)
    assert {place for place, _, _ in seen} == {0, 1}
    for video in ("x.mp4", "y.mp4"):
        stages = [stage for _, name, stage in seen if name == video]
        assert stages[0] == "beginning"
        assert "read" in stages
    assert set({place: stage for place, _, stage in seen}.values()) == {""}  # no bar is left


def test_a_stopped_run_goes_on_where_it_was(make_video: MakeVideo, tmp_path: Path) -> None:
    for name in ("a", "b-slow", "c"):
        make_video(f"{name}.mp4")
    paths = [str(Path(batch.__file__).parents[1]), str(Path(__file__).parent)]
    (tmp_path / "script.py").write_text(
        f"import sys; sys.path[:0] = {paths}\n"
        "import shown; from app import batch, cli\n"
        "if __name__ == '__main__':\n    batch.transcribe_one = shown.shown_one\n    cli.main()\n"
    )
    words = ["batch", tmp_path, "-o", tmp_path / "out", "--outputs", "csv", "--jobs", "1"]
    command = [sys.executable, tmp_path / "script.py", *map(str, words)]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + 60
    while "b-slow.mp4" not in shown.tried(tmp_path):
        assert time.monotonic() < end
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: the workers hear it too
    told = run.communicate(timeout=30)[1].decode()
    assert run.returncode == 130
    assert "the same command" in told
    assert len(told.strip().splitlines()) == 1
    assert len(rows(tmp_path / "out" / "summary.csv")) == 1
    assert not list((tmp_path / "out").glob(".writing-*"))
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["counts"] == {"done": 1}

    again = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""
    outcome = {Path(video["video"]).name: video["outcome"] for video in json.loads(again.stdout)["videos"]}
    assert outcome == {"a.mp4": "skipped", "b-slow.mp4": "done", "c.mp4": "done"}
    assert shown.tried(tmp_path) == ["a.mp4", "b-slow.mp4", "b-slow.mp4", "c.mp4"]


def test_a_rendered_clip_is_read_and_its_folder_mirrored(tmp_path: Path) -> None:
    clip = tmp_path / "films" / "bach" / "clip.mp4"
    clip.parent.mkdir(parents=True)
    played = random_notes(np.random.default_rng(2), 2.0)
    render_video(Scene(seed=2, tilt=10), played, clip, duration=2.0)
    (tmp_path / "films" / "empty.mp4").touch()
    command = [sys.executable, "-m", "app.cli", "batch", tmp_path / "films", "-o", tmp_path / "out"]
    done = subprocess.run([*command, "--outputs", "mid,csv"], capture_output=True, text=True)
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    assert "1 done, 0 were done before, 1 failed" in done.stderr
    files = ["bach/clip.csv", "bach/clip.json", "bach/clip.mid"]
    assert names(tmp_path / "out") == [*files, *TABLES]
    row = next(row for row in rows(tmp_path / "out" / "summary.csv") if row["outcome"] == "done")
    assert 0.5 < float(row["keyboard_confidence"]) <= 1
    assert 0.2 < float(row["notes_confidence"]) <= 1
    assert int(row["notes"]) == len((tmp_path / "out" / "bach" / "clip.csv").read_text().splitlines()) - 1 > 3
    assert float(row["seconds"]) > 0
    (summary,) = [v for v in json.loads((tmp_path / "out" / "summary.json").read_text())["videos"] if v["notes"]]
    assert summary["confidence"]["keyboard"] == float(row["keyboard_confidence"])
    assert summary["results"] == "bach/clip"
    (failure,) = rows(tmp_path / "out" / "failures.csv")
    assert failure["video"].endswith("empty.mp4")


def test_nothing_is_lost_or_done_twice_when_a_machine_of_the_cluster_dies(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    for n in range(10):
        make_video(f"{n}.mp4", frames=20 + n)
    (tmp_path / "bad.mp4").write_text("no video")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # for the task; Ray brings the program's code
    monkeypatch.setattr(batch, "transcribe_one", shown.shown_on_ray)
    monkeypatch.chdir(tmp_path)  # the nodes have other working folders
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        doomed = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()

        def tell(finished: int, count: int, part: float) -> None:
            if finished == 3:
                cluster.remove_node(doomed, allow_graceful=False)

        items = run_batch(".", "out", outputs=("mid", "csv"), ray=cluster.address, tell=tell)
    finally:
        cluster.shutdown()
    counts = outcomes(items)
    assert counts.pop("bad.mp4") == "failed"
    assert counts == {f"{n}.mp4": "done" for n in range(10)}
    assert len(rows(tmp_path / "out" / "summary.csv")) == 11
    assert len(list((tmp_path / "out").glob("*.mid"))) == 10
    tries = shown.tried(tmp_path)
    assert len(tries) - len(set(tries)) <= 2  # only what the dead machine had begun
    nodes = (tmp_path / "nodes.log").read_text().split()
    assert len(set(nodes)) == 2


def test_a_wrong_setting_is_told_before_any_video_is_read(make_video: MakeVideo, tmp_path: Path) -> None:
    make_video("a.mp4")
    for wrong, error, sentence in (
        ({"note_model": "refinr"}, DecodeError, "no note model “refinr”"),
        ({"model": "nowhere.safetensors"}, ModelError, "does not exist"),
        ({"soundfont": "nowhere.sf2"}, SynthError, "does not exist"),
        ({"pedal": "much"}, OptionError, "--pedal “much” is unknown"),
        ({"fingering": "many"}, OptionError, "some or none"),
    ):
        with pytest.raises(error, match=sentence):
            run_batch(tmp_path, tmp_path / "out", **wrong)
    with pytest.raises(DecodeError, match="does not exist"):
        pipeline.transcribe(tmp_path / "a.mp4", tmp_path / "out", note_model="nowhere.tar")
    assert not list((tmp_path / "out").glob("a*"))


def test_a_table_that_is_not_ours_is_not_overwritten(make_video: MakeVideo, tmp_path: Path) -> None:
    make_video("a.mp4")
    (tmp_path / "summary.csv").write_text("month,income\nMay,3\n")
    with pytest.raises(FileError, match=r"summary\.csv, row 1"):
        run_batch(tmp_path, tmp_path)
    assert (tmp_path / "summary.csv").read_text() == "month,income\nMay,3\n"

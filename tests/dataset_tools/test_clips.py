"""Manifests become clips; what is no manifest is refused in words."""

from pathlib import Path

import numpy as np
import pytest

from dataset_tools.clips import read_manifest
from pianoroll import FileError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared data")
def test_the_splits_hold_different_pianists() -> None:
    clips = read_manifest(DATA / "clavision" / "manifest.csv")
    people = {split: {clip.video.parent.name for clip in clips if clip.split == split} for split in ("train", "dev")}
    assert len(clips) == 46
    assert people["train"].isdisjoint(people["dev"])
    assert all(clip.exact_ends and clip.keyboard is not None and clip.notes() for clip in clips)


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared data")
def test_clips_labelled_from_sound_and_without_corners() -> None:
    clips = {clip.video.stem: clip for clip in read_manifest(DATA / "wild" / "manifest.csv")}
    assert clips["furelise_new"].exact_ends
    assert not clips["moonlight"].exact_ends
    assert clips["call_me_maybe"].keyboard is None
    ode = clips["ode"].keyboard
    assert ode is not None
    assert (ode.lowest_pitch, ode.highest_pitch) == (57, 72)
    assert np.count_nonzero(ode.keys_in_view) == 16


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        read_manifest(tmp_path / "manifest.csv")
    (tmp_path / "manifest.csv").write_text("name,file\na,b\n")
    with pytest.raises(FileError, match="no manifest"):
        read_manifest(tmp_path / "manifest.csv")

"""Manifests become clips; what is no manifest is refused in words."""

from pathlib import Path

import numpy as np
import pytest

from dataset_tools.clips import CORNER_COLUMNS, read_manifest
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
    with pytest.raises(FileError, match=r"manifest\.csv, row 1: the column “clip”, “midi”"):
        read_manifest(tmp_path / "manifest.csv")


def test_what_is_wrong_in_a_manifest_is_told_with_its_row(tmp_path: Path) -> None:
    header = "clip,midi,start,end,split," + ",".join(CORNER_COLUMNS)
    good = "a.mp4,a.mid,0,10,train,0,0,500,0,500,90,0,90"
    for row, sentence in (
        ("b.mp4,b.mid,soon,10,train,0,0,500,0,500,90,0,90", "row 3: “start” is “soon”, which is no number"),
        ("b.mp4,b.mid,0,10,train,0,0,500,0,,90,0,90", "row 3: “x_front_right” is “”, which is no number"),
        ("b.mp4,b.mid,0,10,train,0,0,0,0,0,0,0,0", "row 3: the corners form no quadrilateral"),
    ):
        (tmp_path / "manifest.csv").write_text(f"{header}\n{good}\n{row}\n")
        with pytest.raises(FileError, match=sentence):
            read_manifest(tmp_path / "manifest.csv")
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00clip")
    with pytest.raises(FileError, match="no table in CSV"):
        read_manifest(tmp_path / "manifest.csv")

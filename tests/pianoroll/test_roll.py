"""Piano rolls: what they are made of, their file, and notes as frames."""

from pathlib import Path

import numpy as np
import pytest

from pianoroll import FileError, Note, PianoRoll
from pianoroll.roll import frame_distance, notes_to_frames


def random_roll(frames: int = 10) -> PianoRoll:
    rng = np.random.default_rng(0)
    return PianoRoll(
        times=np.arange(frames) * 0.04,
        frame=rng.random((frames, 88)),
        onset=rng.random((frames, 88)),
        threshold=0.4,
        fingertips=rng.random((frames, 2, 5, 2)),
        sides=np.array([1, 2]),
        metadata={"source": "naïve.mp4", "warnings": []},
    )


def test_a_saved_roll_comes_back_whole(tmp_path: Path) -> None:
    roll = random_roll()
    roll.save(tmp_path / "a.roll.npz")
    back = PianoRoll.load(tmp_path / "a.roll.npz")
    assert np.array_equal(back.frame, roll.frame)
    assert np.array_equal(back.times, roll.times)
    assert back.fingertips is not None
    assert roll.fingertips is not None
    assert np.array_equal(back.fingertips, roll.fingertips)
    assert back.velocity is None
    assert back.threshold == pytest.approx(0.4)
    assert back.metadata == roll.metadata


def test_the_file_can_be_read_without_us(tmp_path: Path) -> None:
    random_roll().save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert file["frame"].shape == file["onset"].shape == (10, 88)
        assert file["times"].shape == (10,)
        assert file["threshold"].shape == ()


@pytest.mark.parametrize("content", [b"", b"no roll", b"PK\3\4 broken"])
def test_what_is_no_roll_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.npz is no piano roll"):
        PianoRoll.load(tmp_path / "a.npz")


def test_an_npz_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", weights=np.zeros(3))
    with pytest.raises(FileError, match="no piano roll"):
        PianoRoll.load(tmp_path / "a.npz")


def test_times_must_rise_and_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="rise"):
        PianoRoll(np.array([0.0, 0.0]), np.zeros((2, 88)), np.zeros((2, 88)))
    with pytest.raises(ValueError, match="shape"):
        PianoRoll(np.array([0.0]), np.zeros((1, 87)), np.zeros((1, 87)))


def test_a_note_is_down_from_its_onset_up_to_its_offset() -> None:
    down = notes_to_frames([Note(0.1, 21, 0.3), Note(0.0, 108, 9.0)], np.array([0.0, 0.1, 0.2, 0.3]))
    assert down[:, 0].tolist() == [False, True, True, False]
    assert down[:, 87].all()
    assert down.sum() == 6


def test_frame_distance_is_the_usual_one() -> None:
    assert frame_distance(np.array([0.0, 0.04, 0.08, 0.5])) == pytest.approx(0.04)
    assert frame_distance(np.array([3.0])) == 0.04
    assert PianoRoll(np.zeros(0), np.zeros((0, 88)), np.zeros((0, 88))).end == 0.0

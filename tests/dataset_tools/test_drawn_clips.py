"""Drawn data sets: MIDI goes in; clips, their exact truth and a manifest come out, the same for a seed."""

import hashlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dataset_tools.clips import read_manifest
from dataset_tools.drawn_clips import Order, make_orders, playable, render_clip, render_set, scene_of, scene_truth
from dataset_tools.render import Handling, Scene, random_notes, render_frames
from pianoroll import FileError, Note, PianoRoll, read_midi, write_midi
from pianoroll.keys import CENTRES
from pianoroll.roll import notes_to_frames

SMALL = {"height": 120, "fps": 10}


@pytest.fixture
def piece(tmp_path: Path) -> Path:
    """A MIDI file of six seconds, its hands unknown, with a key that is struck while it is held and a wide chord."""
    notes = [Note(n.onset, n.pitch, n.offset, n.velocity) for n in random_notes(np.random.default_rng(4), 5.0)]
    notes += [Note(5.0, pitch, 6.0) for pitch in (24, 30, 41, 50, 57, 58, 59, 60, 61, 62, 63, 64, 90, 105)]
    write_midi(notes, tmp_path / "pieces" / "étude.mid")
    return tmp_path / "pieces"


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_a_set_is_drawn_with_its_truth_and_not_twice(piece: Path, tmp_path: Path) -> None:
    made = render_set([piece], tmp_path / "set", looks=2, start=1.0, end=6.5, **SMALL)
    assert made.drawn == ["étude-000", "étude-001"]
    assert not made.failed
    clips = read_manifest(tmp_path / "set" / "manifest.csv")
    assert [(clip.start, clip.end, clip.exact_ends) for clip in clips] == [(0, 5.5, True)] * 2
    for clip in clips:
        assert clip.keyboard is not None
        notes, roll = clip.notes(), PianoRoll.load(clip.video.with_suffix(".npz"))
        with av.open(str(clip.video)) as container:
            times = [frame.time for frame in container.decode(video=0)]
        assert roll.times == pytest.approx(times, abs=1e-3)
        assert np.mean((roll.frame > 0.5) == notes_to_frames(notes, roll.times)) > 0.999
        assert roll.corners is not None
        assert roll.corners[0] == pytest.approx(clip.keyboard.corners, abs=0.02)
        assert roll.velocity is not None
        assert np.array_equal(roll.velocity > 0, roll.frame > 0.5)
    before = _hashes(tmp_path / "set")
    again = render_set([piece], tmp_path / "set", looks=2, start=1.0, end=6.5, **SMALL)
    assert (again.drawn, again.had) == ([], ["étude-000", "étude-001"])
    assert _hashes(tmp_path / "set") == before


def test_the_same_seed_gives_the_same_bytes(piece: Path, tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("other", 4)):
        (tmp_path / name).mkdir()
        for order in make_orders([piece], tmp_path / name, seed=seed, looks=2, end=1.5, **SMALL):
            render_clip(order)
    render_set([piece], tmp_path / "two", seed=3, looks=2, jobs=2, end=1.5, **SMALL)
    one, two, other = (_hashes(tmp_path / name) for name in ("one", "two", "other"))
    del two["manifest.csv"]
    assert one == two
    assert len(one) == 6
    assert all(one[name] != other[name] for name in one if name.endswith((".mp4", ".npz")))


def test_what_cannot_be_drawn_is_told_in_a_sentence(piece: Path, tmp_path: Path) -> None:
    write_midi([], piece / "silence.mid")
    (piece / "broken.mid").write_bytes(b"MThd, but no more")
    made = render_set([piece], tmp_path / "set", end=1.0, **SMALL)
    assert made.drawn == ["étude-000"]
    assert "has no notes" in made.failed["silence-000"]
    assert "is no MIDI file" in made.failed["broken-000"]
    with pytest.raises(FileError, match="does not exist"):
        render_set([tmp_path / "nowhere"], tmp_path / "set")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="no MIDI file"):
        render_set([tmp_path / "empty"], tmp_path / "set")
    (tmp_path / "étude.mid").write_bytes((piece / "étude.mid").read_bytes())
    with pytest.raises(FileError, match="one name"):
        make_orders([piece, tmp_path / "étude.mid"], tmp_path)


def test_keys_struck_again_come_up_before() -> None:
    notes = [Note(0.0, 60, 5.0), Note(1.0, 60, 2.0), Note(1.001, 60, 3.0), Note(1.0, 64, 1.0)]
    played = playable(notes)
    assert [(note.onset, note.pitch) for note in played] == [(0.0, 60), (1.0, 60), (1.0, 64)]
    assert played[0].offset < 1.0
    assert (played[1].offset, played[2].offset) == (3.0, pytest.approx(1.03))


def test_fingertips_of_the_truth_are_on_the_keys_in_the_picture() -> None:
    """Also from a camera that moves and bends: where a tip should be, a hand was drawn, on the pressed key."""
    handling = Handling(sway=0.01, shake=0.001)
    scene = Scene(tilt=12, handling=handling, distortion=-0.01, noise=0, seed=5)
    notes = [Note(0.5 + 0.5 * i, 60 + 2 * i, 0.9 + 0.5 * i, 80, "right") for i in range(5)]
    times = np.arange(0.6, 3.0, 0.5)
    roll = scene_truth(scene, notes, times)
    assert roll.fingertips is not None
    assert roll.hands is not None
    bare = Scene(**{**scene.__dict__, "hands": False})
    frames = zip(render_frames(scene, notes, times), render_frames(bare, notes, times), strict=True)
    for number, (frame, without) in enumerate(frames):
        key = np.flatnonzero(roll.frame[number])
        assert len(key) == 1
        assert np.abs(roll.fingertips[number, 0, :, 0] - CENTRES[key[0]]).min() < 0.45
        change = cv2.absdiff(frame, without).max(axis=2)
        x, y = np.round(roll.hands[number, 0, [4, 8, 12, 16, 20]]).astype(int).T
        assert np.median(change[y, x]) > 15


def test_looks_differ_and_hold_the_notes(tmp_path: Path) -> None:
    """Over many looks all kinds come up, and no note lies beside the keys drawn."""
    (tmp_path / "a.mid").touch()
    notes = [Note(0, 30, 1), Note(0, 100, 1)]
    scenes = [scene_of(order, notes) for order in make_orders([tmp_path], tmp_path, looks=60)]
    assert all(scene.lowest_pitch <= 30 and scene.highest_pitch >= 100 for scene in scenes)
    assert {bool(scene.bars) for scene in scenes} == {bool(s.overlay) for s in scenes} == {True, False}
    assert 5 < sum(not scene.handling.still for scene in scenes) < 40
    near = [scene_of(order, [Note(0, 60, 1)]) for order in make_orders([tmp_path], tmp_path, looks=40)]
    assert any(scene.framed is not None for scene in near)
    assert Order(tmp_path / "a.mid", "a", tmp_path).mark != Order(tmp_path / "a.mid", "a", tmp_path, seed=1).mark


def test_hands_that_come_in_are_not_seen_before(piece: Path) -> None:
    from dataset_tools.drawn_scene import Player

    notes = [note for note in read_midi(piece / "étude.mid") if note.pitch < 60]
    moved = [Note(n.onset + 3, n.pitch, n.offset + 3) for n in notes]
    roll = scene_truth(Scene(player=Player(enters=True), fill=0.95), moved, np.array([0.0, 4.0]))
    assert roll.hands is not None
    assert np.isnan(roll.hands[0]).all()
    assert np.isfinite(roll.hands[1, 0]).all()

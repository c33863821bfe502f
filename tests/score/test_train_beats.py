"""The beat and the bar network learn from made-up music; the lessons say what is true."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.textures import made_performance
from score.bar_net import load_bars
from score.beat_net import FEATURES, METRES, PLACES, load_beats
from score.errors import ScoreError
from score.train import marks
from score.train_bars import train_bars
from score.train_beats import Marks, as_seen, lesson, train_beats, versions


@pytest.fixture(scope="module")
def pieces() -> list[Marks]:
    return [marks(made_performance(rng)) for rng in map(np.random.default_rng, range(4))]


def test_made_up_music_keeps_its_promises() -> None:
    for seed in range(30):
        made = made_performance(np.random.default_rng(seed))
        assert len(made.notes) == len(made.places) > 10
        on_beat = np.abs(made.places - np.rint(made.places)) < 1e-6
        onsets = np.array([note.onset for note in made.notes])[on_beat]
        expected = made.marked.times[np.rint(made.places[on_beat]).astype(int)]
        assert np.abs(onsets - expected).max() < 0.05
        (_, (numerator, denominator)), *_ = made.marked.metres
        per_bar = numerator // 3 if denominator == 8 and numerator in (6, 9, 12) else numerator
        assert np.flatnonzero(made.marked.down)[:2].tolist() == [0, per_bar]


def test_a_lesson_says_the_place_in_the_beat_and_what_begins_a_bar(pieces: list[Marks]) -> None:
    taught = lesson(pieces[0])
    assert taught.features.shape == (len(taught.place), FEATURES)
    begins = taught.down == 1
    assert begins.any()
    assert (taught.place[begins] == 0).all()
    assert set(taught.metre.tolist()) == {int(pieces[0].metre[0])}
    assert taught.place.max() < PLACES


def test_a_version_as_seen_has_its_beats_at_its_pace(pieces: list[Marks]) -> None:
    seen = as_seen(pieces[1], np.random.default_rng(3))
    pace = seen.beats[-1] / pieces[1].beats[-1]
    assert np.allclose(seen.beats, pace * pieces[1].beats)
    known = np.isfinite(seen.places)
    onset = np.array([note.onset for note in seen.notes])[known]
    assert np.abs(onset - np.interp(seen.places[known], np.arange(len(seen.beats)), seen.beats)).max() < 0.15


def test_versions_without_music_are_left_out(pieces: list[Marks]) -> None:
    silent = replace(pieces[0], notes=pieces[0].notes[:10], places=pieces[0].places[:10])
    seen = versions([silent, pieces[1]], 6, np.random.default_rng(0))
    assert 0 < len(seen) <= 6
    assert all(len(version.notes) >= 24 for version in seen)


def test_training_lowers_the_loss_and_writes_weights(pieces: list[Marks], tmp_path: Path) -> None:
    told: list[str] = []
    for train, load in ((train_beats, load_beats), (train_bars, load_bars)):
        out = tmp_path / f"{train.__name__}.safetensors"
        train(pieces, pieces, pieces, out, steps=10, facts={"data": "made"}, tell=told.append, judge_every=4)
        _, facts = load(str(out))
        assert facts["data"] == "made"
    losses = [float(line.split()[5]) for line in told]
    assert losses[2] < losses[0]
    assert losses[5] < losses[3]


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(ScoreError, match="beats"):
        load_beats(str(path))


def test_metres_are_named_as_they_are_written() -> None:
    assert "6/8" in METRES
    assert METRES[-1] == "other"

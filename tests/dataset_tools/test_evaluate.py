"""Judging predictions: against truths small enough to count by hand, over folders, over a manifest."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import roll2midi
from dataset_tools.errors import Errors
from dataset_tools.evaluate import METRICS, Comparison, Evaluation, evaluate, evaluate_manifest, write_table
from pianoroll import FileError, Note, PianoRoll, write_midi
from pianoroll.metrics import Score
from pianoroll.roll import notes_to_frames

TRUTH = [Note(0.0, 60, 1.0), Note(1.0, 62, 2.0), Note(2.0, 64, 3.0), Note(3.0, 65, 4.0)]


def save_roll(path: Path, notes: list[Note], *, start: float = 0.0, end: float = 4.0) -> None:
    times = np.arange(round(start * 25), round(end * 25)) / 25
    down = notes_to_frames(notes, times)
    before = np.vstack([np.zeros((1, 88), bool), down[:-1]])
    PianoRoll(times, 0.6 * down, down & ~before, threshold=0.55).save(path)


@pytest.fixture(autouse=True)
def _notes_of_a_roll(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that reads a clean roll exactly, so that these tests judge the judge and not the decoder."""

    def decode(roll: PianoRoll, *, model: str | None = None) -> list[Note]:
        found = []
        for start, key in np.argwhere(roll.onset > 0.5):
            still = roll.frame[start:, key] > roll.threshold
            last = start + (len(still) if still.all() else int(np.argmin(still)))
            end = roll.times[last] if last < len(roll) else roll.end
            found.append(Note(float(roll.times[start]), int(key) + 21, float(end)))
        return sorted(found)

    monkeypatch.setattr(roll2midi, "decode", decode, raising=False)


def test_midi_against_midi(tmp_path: Path) -> None:
    found = [TRUTH[0], replace(TRUTH[1], onset=1.08), replace(TRUTH[2], offset=2.5), Note(3.0, 66, 4.0)]
    write_midi(found, tmp_path / "found.mid")
    write_midi(TRUTH, tmp_path / "truth.mid")
    scores = evaluate(tmp_path / "found.mid", tmp_path / "truth.mid").pooled
    assert scores["onset_50ms"] == Score(2, 2, 2)
    assert scores["onset_100ms"] == Score(3, 1, 1)
    assert scores["onset_offset"] == Score(1, 3, 3)
    assert scores["frame"].f1 == pytest.approx(Score(100 + 92 + 50, 100, 8 + 50 + 100).f1, abs=0.01)


def test_a_roll_is_compared_at_its_own_times_with_its_own_threshold(tmp_path: Path) -> None:
    save_roll(tmp_path / "a.roll.npz", TRUTH)
    write_midi(TRUTH, tmp_path / "a.mid")
    result = evaluate(tmp_path / "a.roll.npz", tmp_path / "a.mid")
    assert result.pooled["frame"] == Score(100, 0, 0)
    assert result.pooled["onset_offset"] == Score(4, 0, 0)
    assert result.comparisons[0].name == "a"


def test_only_what_lies_inside_counts(tmp_path: Path) -> None:
    write_midi([*TRUTH[:2], Note(2.0, 30, 9.0)], tmp_path / "found.mid")
    write_midi(TRUTH, tmp_path / "truth.mid")
    scores = evaluate(tmp_path / "found.mid", tmp_path / "truth.mid", start=0.0, end=2.0).pooled
    assert all(score.f1 == 1.0 for score in scores.values())


def test_a_roll_of_a_part_is_judged_in_that_part_unless_more_is_asked_for(tmp_path: Path) -> None:
    save_roll(tmp_path / "part.npz", TRUTH, start=0.0, end=2.0)
    write_midi(TRUTH, tmp_path / "truth.mid")
    part = evaluate(tmp_path / "part.npz", tmp_path / "truth.mid")
    assert part.pooled["frame"] == Score(50, 0, 0)
    assert part.pooled["onset_50ms"] == Score(2, 0, 0)
    whole = evaluate(tmp_path / "part.npz", tmp_path / "truth.mid", start=0.0, end=4.0)
    assert whole.pooled["frame"] == Score(50, 0, 50)
    assert whole.pooled["onset_50ms"] == Score(2, 0, 2)


def test_folders_are_matched_by_name_and_pooled(tmp_path: Path) -> None:
    found, true = tmp_path / "found", tmp_path / "true"
    found.mkdir()
    true.mkdir()
    save_roll(found / "a.roll.npz", TRUTH)
    write_midi([], found / "a.mid")  # the roll is preferred
    write_midi(TRUTH[:2], found / "b.mid")
    for name in "abc":
        write_midi(TRUTH, true / f"{name}.mid")
    result = evaluate(found, true)
    assert [comparison.name for comparison in result.comparisons] == ["a", "b"]
    assert result.pooled["onset_50ms"] == Score(6, 0, 2)
    assert result.mean_f1["onset_50ms"] == pytest.approx((1 + 2 / 3) / 2)
    assert "c.mid has no prediction" in result.warnings[0]
    assert set(result.as_dict()) == {*METRICS, "mean_f1", "mean_f1_interval", "errors", "files", "warnings"}


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    write_midi(TRUTH, tmp_path / "a.mid")
    (tmp_path / "a.txt").write_text("notes")
    with pytest.raises(FileError, match="does not exist"):
        evaluate(tmp_path / "a.mid", tmp_path / "none.mid")
    with pytest.raises(FileError, match="neither a piano roll"):
        evaluate(tmp_path / "a.txt", tmp_path / "a.mid")
    with pytest.raises(FileError, match="two files or two folders"):
        evaluate(tmp_path, tmp_path / "a.mid")
    with pytest.raises(FileError, match="nothing lies between"):
        evaluate(tmp_path / "a.mid", tmp_path / "a.mid", start=7, end=7)


def test_a_clip_whose_keyboard_is_not_found_counts_as_silence(tmp_path: Path, make_video: object) -> None:
    assert callable(make_video)
    make_video("gray.mp4", frames=100, size=(320, 240))
    write_midi(TRUTH, tmp_path / "gray.mid")
    corners = ",".join(
        f"{axis}_{place}" for place in ("back_left", "back_right", "front_right", "front_left") for axis in "xy"
    )
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"clip,midi,start,end,split,{corners}\ngray.mp4,gray.mid,0.5,3.5,dev,,,,,,,,\n")
    result = evaluate_manifest(manifest)
    assert result.pooled["onset_50ms"] == Score(0, 0, 3)
    assert result.pooled["frame"].misses == pytest.approx(300, abs=1)
    assert "No keyboard" in str(result.comparisons[0].failure)
    with pytest.raises(FileError, match="no clip of the split"):
        evaluate_manifest(manifest, split="test")


def judged(*shares: float) -> Evaluation:
    """Comparisons of that recall, with nothing invented."""
    scores = [Score(round(100 * share), 0, round(100 * (1 - share))) for share in shares]
    comparisons = [
        Comparison(f"clip {number}", dict.fromkeys(METRICS, score), Errors(), 0.0, 10.0)
        for number, score in enumerate(scores)
    ]
    return Evaluation(comparisons)


def test_the_interval_of_the_mean_is_wide_where_files_differ_and_narrow_where_they_agree() -> None:
    assert judged(0.8).intervals == {}
    assert judged(0.8, 0.8, 0.8).intervals["frame"] == pytest.approx((0.8889, 0.8889), abs=1e-3)
    shares = np.random.default_rng(1).uniform(0.3, 0.9, 40)
    many = judged(*shares)
    f1 = np.array([each.scores["frame"].f1 for each in many.comparisons])
    error = 1.96 * f1.std() / np.sqrt(len(f1))
    low, high = many.intervals["frame"]
    assert (low, high) == pytest.approx((f1.mean() - error, f1.mean() + error), abs=0.01)
    assert many.as_dict()["mean_f1_interval"]["frame"] == [round(low, 4), round(high, 4)]


def test_the_table_has_a_row_a_file(tmp_path: Path) -> None:
    write_table(judged(0.5, 1.0), tmp_path / "scores.csv")
    with open(tmp_path / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["clip 0", "clip 1"]
    assert [row["frame_recall"] for row in rows] == ["0.5000", "1.0000"]
    assert rows[0]["onset_50ms_f1"] == "0.6667"

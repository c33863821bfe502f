"""Judging predictions: against truths small enough to count by hand, over folders, over a manifest."""

import csv
from dataclasses import replace
from pathlib import Path

import mir_eval
import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

import roll2midi
from dataset_tools.errors import Errors
from dataset_tools.evaluate import METRICS, PARTS, Comparison, Evaluation, evaluate, evaluate_manifest, write_table
from pianoroll import FileError, Note, PianoRoll, read_midi, write_midi
from pianoroll.keys import is_black
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


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions of a and b, truths of a, b and c."""
    found, true = tmp_path / "found", tmp_path / "true"
    found.mkdir()
    true.mkdir()
    save_roll(found / "a.roll.npz", TRUTH)
    write_midi([], found / "a.mid")  # the roll is preferred
    write_midi(TRUTH, found / "a.quantised.mid")  # the score as written is no performance
    write_midi(TRUTH[:2], found / "b.mid")
    for name in "abc":
        write_midi(TRUTH, true / f"{name}.mid")
    return found, true


def test_folders_are_matched_by_name_and_pooled(folders: tuple[Path, Path]) -> None:
    result = evaluate(*folders, matched_only=True)
    assert [comparison.name for comparison in result.comparisons] == ["a", "b"]
    assert result.pooled["onset_50ms"] == Score(6, 0, 2)
    assert result.mean_f1["onset_50ms"] == pytest.approx((1 + 2 / 3) / 2)
    assert "c.mid has no prediction" in result.warnings[0]
    more = {"mean_f1", "mean_f1_interval", "f1_interval", "errors", "files", "warnings"}
    assert set(result.as_dict()) == {*METRICS, "frame_by_colour", "frame_by_octave", *more}


def test_missing_and_extra_files_are_errors_that_name_them(folders: tuple[Path, Path]) -> None:
    found, true = folders
    with pytest.raises(FileError, match=r"c\.mid has no prediction in .*found; .*--matched-only"):
        evaluate(found, true)
    for name in "defgh":
        write_midi(TRUTH, found / f"{name}.mid")
    with pytest.raises(FileError) as refused:
        evaluate(found, true)
    assert "c.mid has no prediction in" in str(refused.value)
    assert "5 files (d.mid, e.mid, f.mid, …) have no truth in" in str(refused.value)
    assert len(evaluate(found, true, matched_only=True).warnings) == 2
    (true / "c.mid").unlink()
    with pytest.raises(FileError, match="have no truth"):
        evaluate(found, true)
    for name in "defgh":
        (found / f"{name}.mid").unlink()
    assert evaluate(found, true).warnings == []


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
    (tmp_path / "gray.mid").unlink()
    with pytest.raises(FileError, match=r"gray\.mid does not exist, but .*manifest\.csv names it"):
        evaluate_manifest(manifest)


def random_roll(path: Path, seed: int) -> PianoRoll:
    """Chords of up to ten keys that change all the time; no key is down in about a third of the frames."""
    draw = np.random.default_rng(seed)
    down = (draw.random((400, 88)) < 0.08) & (draw.random((400, 1)) < 0.65)
    roll = PianoRoll(np.arange(400) / 25, down, np.zeros((400, 88)))
    roll.save(path)
    return roll


def test_frames_of_random_rolls_score_as_in_scikit_learn(tmp_path: Path) -> None:
    found, true = (random_roll(tmp_path / f"{name}.npz", seed).frame > 0.5 for seed, name in enumerate(("f", "t")))
    numbers = evaluate(tmp_path / "f.npz", tmp_path / "t.npz").as_dict()

    def theirs(average: str, *rolls: np.ndarray) -> dict[str, object]:
        scores = precision_recall_fscore_support(*rolls, average=average, zero_division=1.0)[:3]
        return {part: pytest.approx(score, abs=1e-4) for part, score in zip(PARTS, scores, strict=True)}

    assert numbers["frame"] == theirs("micro", true, found)
    empty = int((~true.any(axis=1)).sum())
    assert 80 < empty < 200
    assert numbers["frame_samples"] == theirs("samples", true, found) | {"frames": 400, "empty": empty}
    for colour, is_it in (("white", False), ("black", True)):
        keys = [is_black(pitch) == is_it for pitch in range(21, 109)]
        assert numbers["frame_by_colour"][colour] == theirs("binary", true[:, keys].ravel(), found[:, keys].ravel())
    assert list(numbers["frame_by_octave"])[:2] == ["A0-B0", "C1-B1"]
    for octave, score in enumerate(numbers["frame_by_octave"].values()):
        keys = np.arange(21, 109) // 12 == octave + 1
        assert score == theirs("binary", true[:, keys].ravel(), found[:, keys].ravel())


def random_notes(seed: int, count: int = 150) -> list[Note]:
    draw = np.random.default_rng(seed)
    onsets = np.cumsum(draw.uniform(0.02, 0.3, count))
    return [
        Note(float(on), int(draw.integers(40, 90)), float(on + draw.uniform(0.1, 0.9)), int(draw.integers(20, 120)))
        for on in onsets
    ]


def retold(notes: list[Note], seed: int) -> list[Note]:
    """A tenth left out, all a little late or early, longer or shorter, and half as loud, not evenly."""
    draw = np.random.default_rng(seed)
    kept = [note for note in notes if draw.random() > 0.1]
    return [
        replace(
            note,
            onset=max(0.0, note.onset + draw.normal(0, 0.04)),
            offset=note.offset + abs(draw.normal(0.1, 0.08)),
            velocity=int(np.clip(20 + note.velocity / 2 + draw.normal(0, 6), 1, 127)),
        )
        for note in kept
    ]


def test_notes_of_random_performances_score_as_in_mir_eval(tmp_path: Path) -> None:
    write_midi(retold(random_notes(1), 2), tmp_path / "found.mid")
    write_midi(random_notes(1), tmp_path / "true.mid")
    numbers = evaluate(tmp_path / "found.mid", tmp_path / "true.mid").as_dict()

    def asked(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        notes = read_midi(tmp_path / name)
        hertz = mir_eval.util.midi_to_hz(np.array([n.pitch for n in notes], float))
        return np.array([(n.onset, n.offset) for n in notes]), hertz, np.array([n.velocity for n in notes])

    found, true = asked("found.mid"), asked("true.mid")
    plain, loud = mir_eval.transcription, mir_eval.transcription_velocity
    theirs = {
        "onset_50ms": plain.precision_recall_f1_overlap(*true[:2], *found[:2], offset_ratio=None),
        "onset_100ms": plain.precision_recall_f1_overlap(*true[:2], *found[:2], 0.1, offset_ratio=None),
        "onset_offset": plain.precision_recall_f1_overlap(*true[:2], *found[:2]),
        "onset_velocity": loud.precision_recall_f1_overlap(*true, *found, offset_ratio=None),
        "onset_offset_velocity": loud.precision_recall_f1_overlap(*true, *found),
    }
    for metric, (precision, recall, f1, _) in theirs.items():
        assert list(numbers[metric].values()) == pytest.approx([precision, recall, f1], abs=1e-4), metric
    f1 = [numbers[metric]["f1"] for metric in theirs]
    assert f1[1] > f1[0] > f1[2] > f1[4] > 0.1
    assert f1[0] > f1[3] > f1[4]


def test_a_truth_without_velocities_does_not_judge_them(tmp_path: Path) -> None:
    for folder in ("found", "true"):
        (tmp_path / folder).mkdir()
        write_midi(random_notes(3), tmp_path / folder / "loud.mid")
        write_midi([replace(note, velocity=64) for note in random_notes(4)], tmp_path / folder / "flat.mid")
    flat = evaluate(tmp_path / "found/loud.mid", tmp_path / "true/flat.mid")
    assert flat.as_dict()["onset_velocity"] is None
    assert flat.as_dict()["mean_f1"]["onset_offset_velocity"] is None
    both = evaluate(tmp_path / "found", tmp_path / "true")
    assert both.as_dict()["files"][0]["onset_velocity"] is None
    assert both.pooled["onset_velocity"] == Score(150, 0, 0)
    assert both.mean_f1["onset_velocity"] == 1.0
    assert "onset_velocity" not in both.intervals  # of one file
    write_table(both, tmp_path / "scores.csv")
    with open(tmp_path / "scores.csv", newline="") as file:
        flat_row, loud_row = csv.DictReader(file)
    assert (flat_row["onset_velocity_f1"], loud_row["onset_velocity_f1"]) == ("", "1.0000")
    assert (flat_row["frame_C4-B4_f1"], flat_row["frame_A0-B0_f1"]) == ("1.0000", "")


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


def test_the_interval_of_the_pooled_f1_weighs_files_by_what_they_hold() -> None:
    long, short = Score(10**6, 0, 10**6), Score(10, 0, 0)
    comparisons = [
        Comparison(f"clip {number}", dict.fromkeys(METRICS, long if number % 2 else short), Errors(), 0.0, 10.0)
        for number in range(10)
    ]
    result = Evaluation(comparisons)
    assert result.pooled_intervals["frame"] == pytest.approx((2 / 3, 2 / 3), abs=1e-3)
    assert result.as_dict()["f1_interval"]["frame"] == [0.6667, 0.6667]
    low, high = result.intervals["frame"]
    error = 1.96 * (1 / 6) / np.sqrt(10)
    assert (low, high) == pytest.approx((5 / 6 - error, 5 / 6 + error), abs=0.02)
    assert judged(0.8).pooled_intervals == {}


def test_the_table_has_a_row_a_file(tmp_path: Path) -> None:
    write_table(judged(0.5, 1.0), tmp_path / "scores.csv")
    with open(tmp_path / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["clip 0", "clip 1"]
    assert [row["frame_recall"] for row in rows] == ["0.5000", "1.0000"]
    assert rows[0]["onset_50ms_f1"] == "0.6667"

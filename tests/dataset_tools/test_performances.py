"""Performances with marked beats, read back with the places of their notes."""

from pathlib import Path

import numpy as np
import pytest

from dataset_tools.performances import place, read_performance, read_performances
from pianoroll import Note, write_midi

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def marks(times: list[float]) -> str:
    labels = ["db,3/4,-1" if not i else "db" if i % 3 == 0 else "b" for i in range(len(times))]
    return "".join(f"{time}\t{time}\t{label}\n" for time, label in zip(times, labels, strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight eighths in a score of half-second beats, played ever slower, with a wrong note at the end."""
    score = [Note(0.25 * index, pitch, 0.25 * index + 0.2) for index, pitch in enumerate(SCALE)]
    beats = [0.0, 1.0, 2.2, 3.6, 5.2]
    played = [
        Note(float(np.interp(index / 2, range(5), beats)), pitch, 9.0 + index) for index, pitch in enumerate(SCALE)
    ]
    write_midi(score, tmp_path / "midi_score.mid")
    write_midi([*played, Note(5.3, 90, 6.0)], tmp_path / "Player01.mid")
    (tmp_path / "midi_score_annotations.txt").write_text(marks([0.0, 0.5, 1.0, 1.5, 2.0]))
    (tmp_path / "Player01_annotations.txt").write_text(marks(beats))
    (tmp_path / "manifest.csv").write_text("performance_midi,piece_folder,split\nPlayer01.mid,.,train\n")
    return tmp_path


def test_notes_get_their_places_in_beats(folder: Path) -> None:
    (performance,) = read_performances(folder, "train")
    assert performance.places[:8] == pytest.approx(np.arange(8) / 2, abs=0.01)
    assert np.isnan(performance.places[8])  # nothing of the kind is written
    assert performance.matched == pytest.approx(8 / 9)


def test_marks_are_read_with_metre_and_key(folder: Path) -> None:
    (performance,) = read_performances(folder, "train")
    assert performance.marked.metres == [(0, (3, 4))]
    assert performance.marked.keys == [(0, -1)]
    assert performance.marked.down.tolist() == [True, False, False, True, False]


def test_a_performance_with_unmarked_beats_is_left_out(folder: Path) -> None:
    (folder / "Player01_annotations.txt").write_text(marks([0.0, 1.0, 2.2]))
    assert read_performance(folder / "Player01.mid") is None


def test_places_go_on_beyond_the_marks() -> None:
    known, values = np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0, 2.0])
    assert place(np.array([0.0, 1.5, 3.0, 6.0]), known, values).tolist() == [-1.0, 0.5, 1.5, 3.0]

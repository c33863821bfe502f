"""music21's scores as performances: notes in time, beats and bars where the score has them."""

import numpy as np
import pytest

from dataset_tools.corpus import performed, read_corpus
from dataset_tools.score_file import Bar, WrittenNote, WrittenScore


@pytest.fixture(scope="module")
def rag() -> WrittenScore:
    (found,) = read_corpus(("joplin",))
    return found


def test_a_piano_piece_is_read_with_both_staves_and_its_metre(rag: WrittenScore) -> None:
    assert {note.staff for note in rag.notes} == {0, 1}
    assert {(bar.numerator, bar.denominator) for bar in rag.bars} == {(2, 4)}
    assert rag.bars[0].sharps == -4


def test_a_performance_plays_each_note_where_its_beat_is(rag: WrittenScore) -> None:
    played = performed(rag, np.random.default_rng(3))
    marked = played.marked
    assert (np.diff(marked.times) > 0.1).all()
    assert marked.down[::2].mean() > 0.95 or marked.down[1::2].mean() > 0.95
    inside = (played.places > 0) & (played.places < len(marked.times) - 1)
    expected = np.interp(played.places, np.arange(len(marked.times)), marked.times)
    onsets = np.array([note.onset for note in played.notes])
    assert np.abs(onsets - expected)[inside].max() < 0.08
    assert [note.onset for note in played.notes] == sorted(onsets)
    again = performed(rag, np.random.default_rng(3))
    assert again.notes == played.notes


def test_performances_differ_in_tempo_and_parts(rag: WrittenScore) -> None:
    played = [performed(rag, np.random.default_rng(seed)) for seed in range(8)]
    assert len({len(each.notes) for each in played}) > 1
    beats = [float(np.median(np.diff(each.marked.times))) for each in played]
    assert max(beats) > 1.3 * min(beats)


def test_a_tune_has_a_pick_up_and_an_accompaniment_in_its_key() -> None:
    notes = [WrittenNote(0.5 * i, 0.5, 67 + (0, 2, 4, 5, 7, 5)[i % 6], 0, 0, "") for i in range(73)]
    bars = [Bar(0, 0.5, 6, 8, 1), *(Bar(0.5 + 3 * i, 3.0, 6, 8, 1) for i in range(12))]
    tune = WrittenScore(notes, bars)
    played = performed(tune, np.random.default_rng(0), accompanied=True)
    assert played.marked.metres == [(0, (6, 8))]
    assert played.marked.down[:4].tolist() == [True, False, True, False]
    assert played.places[0] == pytest.approx(-1 / 3)  # an eighth before the bar
    alone = performed(tune, np.random.default_rng(0))
    assert len(played.notes) >= len(alone.notes)
    made = [performed(tune, np.random.default_rng(seed), accompanied=True) for seed in range(1, 9)]
    for each in made:
        low = {note.pitch % 12 for note in each.notes if note.pitch < 67}
        assert low <= {7, 9, 11, 0, 2, 4, 6}  # G major

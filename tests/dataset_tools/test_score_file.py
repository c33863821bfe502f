"""MusicXML made with music21, read back into plain values."""

from pathlib import Path

import music21
import pytest

from dataset_tools.score_file import Bar, WrittenScore, read_score
from pianoroll import Note
from score import engrave


def two_staves() -> music21.stream.Score:
    """A pick-up quarter, a bar of 3/4 in G with a tie into the next, which is repeated; the left hand is lower."""
    right, left = music21.stream.Part(), music21.stream.Part()
    for part, name in ((right, "D5"), (left, "G3")):
        pick_up = music21.stream.Measure(number=0)
        pick_up.append([music21.key.KeySignature(1), music21.meter.TimeSignature("3/4")])
        pick_up.append(music21.note.Note(name, quarterLength=1))
        pick_up.paddingLeft = 2.0
        first = music21.stream.Measure(number=1)
        first.append(music21.note.Note("F#4", quarterLength=2))
        held = music21.note.Note("A#4", quarterLength=1)
        held.tie = music21.tie.Tie("start")
        first.append(held)
        second = music21.stream.Measure(number=2)
        end = music21.note.Note("A#4", quarterLength=0.5)
        end.tie = music21.tie.Tie("stop")
        second.append([end, music21.note.Rest(quarterLength=0.5), music21.note.Note("B-4", quarterLength=2)])
        second.rightBarline = music21.bar.Repeat("end")
        part.append([pick_up, first, second])
    score = music21.stream.Score([right, left])
    return score


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> WrittenScore:
    path: Path = tmp_path_factory.mktemp("score") / "made.musicxml"
    two_staves().write("musicxml", path)
    return read_score(path)


def test_notes_stand_in_quarters_with_spelling_and_staff(written: WrittenScore) -> None:
    upper = [note for note in written.notes if note.staff == 0]
    assert [(note.onset, note.length, note.pitch, note.fifths) for note in upper[:4]] == [
        (0.0, 1.0, 74, 2),
        (1.0, 2.0, 66, 6),
        (3.0, 1.5, 70, 10),  # tied over the bar line, A sharp
        (5.0, 2.0, 70, -2),  # B flat
    ]
    assert len(written.notes) == 2 * len(upper)


def test_repeat_is_written_out(written: WrittenScore) -> None:
    assert len([note for note in written.notes if note.staff == 1]) == 8
    assert sum(bar.length for bar in written.bars) == 14.0


def test_beats_of_a_pick_up_are_not_downbeats(written: WrittenScore) -> None:
    assert written.beats()[:5] == [(0.0, False), (1.0, True), (2.0, False), (3.0, False), (4.0, True)]


@pytest.mark.parametrize(
    ("metre", "beats", "beat"),
    [((4, 4), 4, 1.0), ((2, 2), 2, 2.0), ((3, 8), 3, 0.5), ((6, 8), 2, 1.5), ((12, 16), 4, 0.75)],
)
def test_a_bar_counts_as_musicians_do(metre: tuple[int, int], beats: int, beat: float) -> None:
    bar = Bar(0.0, 4.0, *metre, 0)
    assert (bar.beats, bar.beat) == (beats, beat)


def test_our_own_scores_are_read() -> None:
    notes = [Note(0.5 * index, 60 + index % 12, 0.5 * index + 0.45) for index in range(24)]
    read = read_score(engrave(notes, tempo=120, metre="4/4").musicxml)
    assert [note.pitch for note in read.notes] == [note.pitch for note in notes]
    assert [note.onset for note in read.notes][:5] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_staves_stay_together_where_one_leaves_rests_out() -> None:
    """The upper staff's second bar holds but an eighth; both bars are repeated."""
    staves = []
    for lengths in ((2.0, 0.5), (2.0, 2.0)):
        measures = [music21.stream.Measure(number=number) for number in (1, 2)]
        measures[0].append(music21.meter.TimeSignature("2/4"))
        for measure, length in zip(measures, lengths, strict=True):
            measure.append(music21.note.Note("C4", quarterLength=length))
        measures[1].rightBarline = music21.bar.Repeat("end")
        staves.append(music21.stream.Part(measures))
    exporter = music21.musicxml.m21ToXml.GeneralObjectExporter(music21.stream.Score(staves))
    exporter.makeNotation = False
    read = read_score(exporter.parse().decode("utf-8"))
    assert [(bar.start, bar.length) for bar in read.bars] == [(0, 2), (2, 2), (4, 2), (6, 2)]
    for staff in (0, 1):
        assert [note.onset for note in read.notes if note.staff == staff] == [0, 2, 4, 6]


def test_a_bar_that_a_repeat_sign_cuts_in_two_is_one() -> None:
    """A pick-up quarter and two bars of 3/4, of which the last lacks that quarter; all is repeated."""
    part = music21.stream.Part()
    for number, lengths in enumerate(([1.0], [1.0, 2.0], [2.0])):
        measure = music21.stream.Measure([music21.note.Note("C4", quarterLength=length) for length in lengths])
        measure.number = number
        part.append(measure)
    part[0].insert(0, music21.meter.TimeSignature("3/4"))
    part[2].rightBarline = music21.bar.Repeat("end")
    exporter = music21.musicxml.m21ToXml.GeneralObjectExporter(music21.stream.Score([part]))
    exporter.makeNotation = False
    read = read_score(exporter.parse().decode("utf-8"))
    assert [(bar.start, bar.length) for bar in read.bars] == [(0, 1), (1, 3), (4, 3), (7, 3), (10, 2)]
    assert [place for place, down in read.beats() if down] == [1, 4, 7, 10]

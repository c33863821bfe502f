"""Notes and their files."""

import csv
from pathlib import Path

import pretty_midi
import pytest

from pianoroll import FileError, Note, read_midi, write_csv, write_midi

NOTES = [
    Note(0.5, 60, 1.0, 90, "right", 1),
    Note(0.5, 43, 1.5, 70, "left", 5),
    Note(1.25, 64, 1.75, 40, "right"),
]


def test_midi_gives_back_times_pitches_velocities_and_hands(tmp_path: Path) -> None:
    write_midi(NOTES, tmp_path / "a.mid", tempo=93, program=6)
    back = read_midi(tmp_path / "a.mid")
    assert [(n.pitch, n.velocity, n.hand) for n in back] == [(43, 70, "left"), (60, 90, "right"), (64, 40, "right")]
    assert [n.onset for n in back] == pytest.approx([0.5, 0.5, 1.25], abs=1e-3)
    assert [n.offset for n in back] == pytest.approx([1.5, 1.0, 1.75], abs=1e-3)
    assert {i.program for i in pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).instruments} == {6}


def test_no_notes_make_a_midi_file_too(tmp_path: Path) -> None:
    write_midi([], tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid") == []


@pytest.mark.parametrize("content", [b"", b"this is no MIDI", b"MThd\0\0\0\6\0\1\0\1"])
def test_what_is_no_midi_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.mid"):
        read_midi(tmp_path / "a.mid")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.mid does not exist"):
        read_midi(tmp_path / "none.mid")


def test_csv_has_one_row_a_note(tmp_path: Path) -> None:
    write_csv(NOTES, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["C4", "G2", "E4"]
    assert [row["finger"] for row in rows] == ["1", "5", ""]
    assert rows[2]["onset"] == "1.250"

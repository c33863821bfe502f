"""The table of notes."""

import csv
from pathlib import Path

from pianoroll import Note, write_csv

NOTES = [
    Note(0.5, 60, 1.0, 90, "right", 1),
    Note(0.5, 43, 1.5, 70, "left", 5),
    Note(1.25, 64, 1.75, 40, "right"),
]


def test_csv_has_one_row_a_note(tmp_path: Path) -> None:
    write_csv(NOTES, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["C4", "G2", "E4"]
    assert [row["finger"] for row in rows] == ["1", "5", ""]
    assert rows[2]["onset"] == "1.250"

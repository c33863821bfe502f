"""Tables that people write or mend: CSV with named columns; what is wrong is told with file, row and column."""

import csv
import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pianoroll import FileError
from pianoroll.files import write_beside


@dataclass(frozen=True)
class Row:
    """One row of a table; ``number`` as an editor counts lines, the header being 1."""

    file: Path
    number: int
    values: dict[str, str]

    def text(self, column: str, choices: Collection[str] = ()) -> str:
        """What stands there, "" where the column is missing. Raises FileError unless it is one of ``choices``."""
        value = (self.values.get(column) or "").strip()
        if choices and value not in choices:
            raise self.error(f"“{column}” is “{value}”; it must be {' or '.join(choices)}")
        return value

    def real(self, column: str, default: float | None = None) -> float:
        """A finite number. Raises FileError where none stands there and there is no ``default``."""
        value = self.text(column)
        if not value and default is not None:
            return default
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.error(f"“{column}” is “{value}”, which is no number")
        return number

    def whole(self, column: str, default: int | None = None) -> int:
        """A whole number, as ``real``."""
        number = self.real(column, default)
        if number != int(number):
            raise self.error(f"“{column}” is “{self.text(column)}”, which is no whole number")
        return int(number)

    def error(self, what: str) -> FileError:
        """A FileError that says where."""
        return FileError(f"{self.file}, row {self.number}: {what}.")


def read_table(path: str | os.PathLike[str], columns: Sequence[str], *, delimiter: str = ",") -> list[Row]:
    """The rows of a table that must have ``columns``; others may stand beside them. Raises FileError."""
    file_path = Path(path)
    if not file_path.is_file():
        raise FileError(f"{path} does not exist; check the name.")
    try:
        with open(file_path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter=delimiter)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                named = ", ".join(f"“{column}”" for column in missing)
                raise FileError(f"{path}, row 1: the column {named} is missing; needed are {', '.join(columns)}.")
            return [Row(file_path, reader.line_num, values) for values in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path} is no table in CSV (UTF-8): {error}.") from error


def write_table(path: str | os.PathLike[str], columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Write rows under ``columns``, "" where a row has none. Raises FileError."""
    with write_beside(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

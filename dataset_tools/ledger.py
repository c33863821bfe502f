"""A table of what is done, in a CSV file that grows by a row as each item is finished: what a killed run still has."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pianoroll import FileError
from pianoroll.files import write_beside


class Ledger:
    """Rows by their first column, in the order in which they came.

    A row that was half-written when its run was killed counts as never written. Raises FileError where the file has
    other columns, or a row other than those.
    """

    def __init__(self, path: str | os.PathLike[str], columns: Sequence[str]) -> None:
        self.path = Path(path)
        self.columns = tuple(columns)
        self.rows = self._read()

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def add(self, row: Mapping[str, object]) -> None:
        """Write a row at once; one of the same key, if there is any, makes way."""
        values = {name: " ".join(str(row.get(name, "")).splitlines()) for name in self.columns}  # a row stays one line
        key = values[self.columns[0]]
        if key in self.rows or not self.path.exists():
            self.rows[key] = values
            self._rewrite()
            return
        self.rows[key] = values
        try:
            with open(self.path, "r+b") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(0, end - 1))
                if file.read(1) != b"\n":  # a run was killed in mid-line
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
                    file.seek(0, os.SEEK_END)
                file.write(self._line(values.values()))
        except OSError as error:
            raise FileError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def remove(self, *keys: str) -> None:
        """Take rows out, those that there are."""
        if [key for key in keys if self.rows.pop(key, None) is not None]:
            self._rewrite()

    def _read(self) -> dict[str, dict[str, str]]:
        if not self.path.exists():
            return {}
        try:
            text = self.path.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"{self.path} cannot be read as a table: {error}.") from error
        head, *rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1]))) or [list(self.columns)]
        if tuple(head) != self.columns:
            raise FileError(
                f"{self.path}, row 1: the columns are not {', '.join(self.columns)}; move the file away, or mend it."
            )
        for number, row in enumerate(rows, start=2):
            if len(row) != len(self.columns):
                raise FileError(
                    f"{self.path}, row {number}: {len(row)} fields instead of {len(self.columns)}; mend or remove it."
                )
        return {row[0]: dict(zip(self.columns, row, strict=True)) for row in rows}

    def _rewrite(self) -> None:
        with write_beside(self.path) as path:
            path.write_bytes(
                self._line(self.columns) + b"".join(self._line(row.values()) for row in self.rows.values())
            )

    def _line(self, values: object) -> bytes:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(values)  # type: ignore[arg-type]
        return line.getvalue().encode(errors="backslashreplace")

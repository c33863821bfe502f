"""The report of one transcription: what was found, with which models, how long each stage took, what is missing."""

import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

from pianoroll.files import write_beside

Progress = Callable[[str, float | None], None]
"""Told the stage and how much of it is done, 0..1; None where that cannot be known."""

_PACKAGES = ("torch", "numpy", "opencv-python", "av", "pretty_midi", "music21", "verovio", "pyfluidsynth")


@dataclass
class Report:
    """What ``transcribe`` did. Times in seconds; ``keyboard`` as ``silentkeys keyboard`` gives it.

    ``settings``: the options by which the outputs were made, see ``as_settings``.
    ``edited``: how many notes were added, removed, changed and confirmed by hand; empty where none were.
    ``files``: output name to path, what was made (of SVG the first page; ``pages`` has all of them).
    ``missing``: output name to reason, what was wanted but failed.
    """

    source: str
    settings: dict[str, str] = field(default_factory=dict)
    video: dict[str, Any] = field(default_factory=dict)
    keyboard: dict[str, Any] = field(default_factory=dict)
    notes: int = 0
    edited: dict[str, int] = field(default_factory=dict)
    score: dict[str, Any] = field(default_factory=dict)
    confidence: dict[str, float | None] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether everything that was wanted was made."""
        return not self.missing

    @property
    def speed(self) -> float:
        """Seconds of video read per second of work; 0 where nothing was read."""
        total = sum(self.timings.values())
        return float(self.video.get("seconds_read", 0.0)) / total if total else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        timings = {stage: round(seconds, 3) for stage, seconds in self.timings.items()}
        return {**asdict(self), "timings": timings, "speed": round(self.speed, 3)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON; the files beside it are called by their names alone, so that they may be moved
        together. Raises FileError where that cannot be done."""
        folder = Path(path).parent
        told = {
            **self.as_dict(),
            "files": {output: _from(folder, file) for output, file in self.files.items()},
            "pages": [_from(folder, page) for page in self.pages],
            "missing": {output: why.replace(f"{folder}{os.sep}", "") for output, why in self.missing.items()},
            "warnings": [warning.replace(f"{folder}{os.sep}", "") for warning in self.warnings],
        }
        with write_beside(path) as temporary:
            temporary.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _from(folder: Path, file: str) -> str:
    """A path as it is seen from a folder that it lies in."""
    return Path(file).relative_to(folder).as_posix() if Path(file).is_relative_to(folder) else file


def as_settings(**options: object) -> dict[str, str]:
    """Options that were given, as a report keeps them to tell whether outputs were made with the same."""
    return {name: str(value) for name, value in options.items() if value is not None}


@dataclass
class Clock:
    """Times stages into ``timings`` and tells ``progress`` about them."""

    timings: dict[str, float]
    progress: Progress | None = None

    @contextmanager
    def __call__(self, stage: str) -> Iterator[Callable[[float], None]]:
        """Run one stage; gives a function to call with the part of it that is done, 0..1."""
        self._tell(stage, None)
        began = perf_counter()
        try:
            yield lambda fraction: self._tell(stage, fraction)
        finally:
            self.timings[stage] = self.timings.get(stage, 0.0) + perf_counter() - began
        self._tell(stage, 1.0)

    def _tell(self, stage: str, fraction: float | None) -> None:
        if self.progress is not None:
            self.progress(stage, fraction)


def own_version() -> str:
    """Version of silentkeys as installed."""
    try:
        return version("silentkeys")
    except PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    """Versions of silentkeys, Python and the packages that results depend on."""
    found = {"silentkeys": own_version(), "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def load_report(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """A report written earlier, or None where there is none that can be read."""
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) else None

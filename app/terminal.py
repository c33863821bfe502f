"""What the command line tells a person, on stderr, and a program, on stdout; and the options of every command."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only what went wrong.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

SURE = 0.01  # part of the work from which the time for the rest can be told

console = Console(stderr=True, highlight=False, soft_wrap=True)


def flag(*names: str) -> bool:
    """Whether an option was given; --quiet, --debug and --json count wherever they stand, also where parsing failed."""
    return any(name in sys.argv[1:] for name in names)


def say(text: str) -> None:
    if not flag("--quiet", "-q", "--json"):
        console.print(text, markup=False)


def warn(text: str) -> None:
    if not flag("--quiet", "-q"):
        console.print(f"silentkeys: warning: {text}", style="yellow", markup=False)


def complain(text: str) -> None:
    console.print(f"silentkeys: {text}", style="red", markup=False)


def print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, ensure_ascii=False))


@contextmanager
def progress() -> Iterator[Any]:
    """A bar on stderr; gives the function ``(stage, fraction or None)`` that moves it."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[part]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=flag("--quiet", "-q") or not console.is_terminal,
    ) as bar:
        task = bar.add_task("starting", total=None, part="")

        def move(stage: str, fraction: float | None) -> None:
            total = None if fraction is None else 1.0
            part = "" if fraction is None else f"{100 * fraction:3.0f} %"
            bar.update(task, description=stage, total=total, completed=fraction or 0.0, part=part)

        yield move


@contextmanager
def worker_bars() -> Iterator[tuple[Any, Any]]:
    """A bar on stderr for all videos with the time left, and one a worker; gives the functions that move them,
    ``app.batch.Tell`` and ``app.batch.Watch``."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[part]}"),
        console=console,
        transient=True,
        disable=flag("--quiet", "-q") or not console.is_terminal,
    ) as bars:
        began = time.monotonic()
        whole = bars.add_task("looking for videos", total=None, part="")
        workers: dict[int, Any] = {}

        def tell(finished: int, count: int, part: float) -> None:
            elapsed = time.monotonic() - began
            left = f"about {clock(elapsed * (1 - part) / part)} left" if part >= SURE else ""
            bars.update(whole, description=f"{finished} of {count} videos", total=1.0, completed=part, part=left)

        def watch(place: int, video: str | None, stage: str, fraction: float | None) -> None:
            if place not in workers:
                workers[place] = bars.add_task("", total=None, part="")
            total, part = (None, "") if fraction is None else (1.0, f"{100 * fraction:3.0f} %")
            label = f"{video}: {stage}" if video else stage
            how: dict[str, Any] = {"description": escape(label), "visible": bool(stage), "part": part}
            bars.update(workers[place], total=total, completed=fraction or 0.0, **how)

        yield tell, watch


def clock(seconds: float) -> str:
    """So many seconds as people say it: 40 s, 3 min, 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

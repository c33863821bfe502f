"""What the command line tells a person, on stderr, and a program, on stdout; and the options of every command."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only what went wrong.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

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

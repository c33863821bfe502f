"""The commands of ``silentkeys data``: what the networks learn from and are judged on."""

from pathlib import Path
from typing import Annotated

import typer

from app.terminal import Debug, Json, Quiet, print_json, progress, say

data = typer.Typer(no_args_is_help=True, help="Data sets: get, label and check what the networks learn from.")


@data.command()
def label(
    source: Annotated[Path, typer.Argument(metavar="AUDIO_OR_VIDEO", help="A recording of a piano.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.mid", help="The labels.")],
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="transkun|onsets_frames|falling_notes",
            help="Hear the sound, or read falling bars.",
            show_default="transkun; onsets_frames where --weights are given",
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE", help="A checkpoint of Onsets and Frames (.pt).")
    ] = None,
    activations: Annotated[
        Path | None,
        typer.Option("--activations", metavar="FILE.npz", help="What Onsets and Frames says every 32 ms, too."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """The notes of a recording, from its sound or from the bars that fall onto its keys."""
    from app.pipeline import label as make_label
    from dataset_tools.label import check_engine

    chosen = check_engine(engine, weights, activations)
    with progress() as tell:
        tell("reading" if chosen == "falling_notes" else "listening", None)
        notes = make_label(source, out, engine=chosen, weights=weights, activations=activations)
    say(f"{len(notes)} notes: {out}")
    if as_json:
        print_json({"file": str(out), "notes": len(notes), "engine": chosen})

"""The commands of ``silentkeys data``: what the networks learn from and are judged on."""

from pathlib import Path
from typing import Annotated

import typer

from app.terminal import Debug, Json, Quiet, complain, print_json, progress, say

SOME_FAILED = 4  # exit code: some items could not be done, all others were

Jobs = Annotated[
    int | None, typer.Option("--jobs", metavar="N", help="So many at a time.", show_default="1; with --ray, all CPUs")
]
Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Spread over a Ray cluster: auto, HOST:PORT, or local."),
]

data = typer.Typer(no_args_is_help=True, help="Data sets: get, label and check what the networks learn from.")


@data.command()
def label(
    source: Annotated[Path, typer.Argument(metavar="AUDIO_OR_VIDEO", help="A recording of a piano.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.mid", help="The labels.")],
    engine: Annotated[
        str, typer.Option("--engine", metavar="transkun|falling_notes", help="Hear the sound, or read falling bars.")
    ] = "transkun",
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """The notes of a recording, from its sound or from the bars that fall onto its keys."""
    from app.pipeline import label as make_label

    with progress() as tell:
        tell("listening" if engine == "transkun" else "reading", None)
        notes = make_label(source, out, engine=engine)
    say(f"{len(notes)} notes: {out}")
    if as_json:
        print_json({"file": str(out), "notes": len(notes), "engine": engine})


@data.command()
def download(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="LIST",
            help="Text: a YouTube id or an address a line. CSV: PianoYT's, or with a column id, url, address or link.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for videos and manifest.csv.")],
    pause: Annotated[float, typer.Option("--pause", metavar="SECONDS", help="Between files, up to twice as long.")] = 5,
    retry: Annotated[bool, typer.Option("--retry", help="Try those of unavailable.csv again.")] = False,
    jobs: Jobs = None,
    ray: Ray = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fetch videos, 720 lines or more with sound where the site has it. Exit code 4 where some cannot be had."""
    from dataset_tools.download import download as fetch_all

    with progress() as tell:
        found = fetch_all(source, out, pause=pause, jobs=jobs, ray=ray, retry=retry, progress=tell)
    say(f"{len(found.fetched)} videos fetched, {len(found.had)} were there: {out / 'manifest.csv'}")
    for video, reason in found.unavailable.items():
        complain(f"{video}: {reason}")
    if as_json:
        print_json(found.as_dict())
    if found.unavailable:
        say(f"{len(found.unavailable)} cannot be had: {out / 'unavailable.csv'}; try them again with --retry")
        raise typer.Exit(SOME_FAILED)


@data.command()
def render(
    sources: Annotated[
        list[Path], typer.Argument(metavar="MIDI|FOLDER...", help="What is played: MIDI files, or folders of them.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for clips, truth and manifest.csv.")],
    looks: Annotated[int, typer.Option("--looks", min=1, help="Clips of each MIDI, each in a look of its own.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed draws the same clips.")] = 0,
    height: Annotated[int, typer.Option("--height", min=120, max=2160, help="Lines of the pictures (16:9).")] = 360,
    fps: Annotated[
        int | None, typer.Option("--fps", min=5, max=120, help="Frames a second.", show_default="by look")
    ] = None,
    start: Annotated[float, typer.Option("--start", min=0, help="Second of the MIDI to begin at.")] = 0.0,
    end: Annotated[float | None, typer.Option("--end", help="Second to end at.", show_default="the end")] = None,
    cutouts: Annotated[
        Path | None,
        typer.Option(
            "--cutouts", metavar="MANIFEST", help="Paste in real hands: cut out of the training clips of this data set."
        ),
    ] = None,
    jobs: Jobs = None,
    ray: Ray = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw videos of MIDI files being played, with the exact truth. Exit code 4 where some cannot be drawn."""
    from dataset_tools.drawn_clips import render_set

    with progress() as tell:
        made = render_set(
            sources,
            out,
            looks=looks,
            seed=seed,
            height=height + height % 2,
            fps=fps,
            start=start,
            end=end,
            cutouts=cutouts,
            jobs=jobs,
            ray=ray,
            progress=tell,
        )
    say(f"{len(made.drawn)} clips drawn, {len(made.had)} were there: {out / 'manifest.csv'}")
    for name, reason in made.failed.items():
        complain(f"{name}: {reason}")
    if as_json:
        print_json(made.as_dict())
    if made.failed:
        raise typer.Exit(SOME_FAILED)

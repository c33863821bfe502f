"""The commands of ``silentkeys data``: what the networks learn from and are judged on."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.terminal import Debug, Json, Quiet, complain, flag, print_json, progress, say, warn

SOME_FAILED = 4  # exit code: some items could not be done, all others were

Jobs = Annotated[
    int | None, typer.Option("--jobs", metavar="N", help="So many at a time.", show_default="1; with --ray, all CPUs")
]
Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Spread over a Ray cluster: auto, HOST:PORT, or local."),
]
Force = Annotated[bool, typer.Option("--force", help="Do those again that are already finished.")]

data = typer.Typer(no_args_is_help=True, help="Data sets: get, label and check what the networks learn from.")


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
    from dataset_tools.download import LINES
    from dataset_tools.download import download as fetch_all

    with progress() as tell:
        found = fetch_all(source, out, pause=pause, jobs=jobs, ray=ray, retry=retry, progress=tell)
    say(f"{len(found.fetched)} videos fetched, {len(found.had)} were there: {out / 'manifest.csv'}")
    if found.small:
        warn(
            f"{len(found.small)} have fewer than {LINES} lines (see height in manifest.csv); YouTube gives yt-dlp more "
            'where it can run its scripts: pip install "yt-dlp[default,deno]".'
        )
    for video, reason in found.unavailable.items():
        complain(f"{video}: {reason}")
    if as_json:
        print_json(found.as_dict())
    if found.unavailable:
        say(f"{len(found.unavailable)} cannot be had: {out / 'unavailable.csv'}; try them again with --retry")
        raise typer.Exit(SOME_FAILED)


@data.command("import")
def import_set(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="clavision, manifest, audeo, pianoyt, omaps2, pianovam, or pairs."),
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The data set as its makers gave it.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="SET", help="Folder of the set; it may hold others.")],
    rights: Annotated[str, typer.Option("--rights", help="What the manifest says of the rights.")] = "",
    jobs: Jobs = None,
    ray: Ray = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Straighten the keys of every video of a data set, and keep them with the labels as trainings read them."""
    from dataset_tools.importing import import_takes
    from dataset_tools.takes import find_takes

    takes = find_takes(kind, folder, rights=rights)
    with progress() as tell:
        done = import_takes(
            takes, out, jobs=jobs, ray=ray, force=force, tell=lambda n, of: tell(f"{n} of {of} clips", n / of)
        )
    for clip, reason in done.failures:
        complain(f"{clip}: {reason}")
    say(f"{len(done.entries)} clips, {done.new} of them new: {out / 'manifest.csv'}")
    if as_json:
        failures = [{"clip": clip, "reason": reason} for clip, reason in done.failures]
        print_json({"set": str(out), "clips": len(done.entries), "new": done.new, "failures": failures})
    if done.failures:
        raise typer.Exit(SOME_FAILED)


@data.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="SET", help="A set made by “data import”.")],
    mend: Annotated[
        bool, typer.Option("--mend", help="Move the labels to the picture, and end notes where their keys go up.")
    ] = False,
    drop: Annotated[
        float, typer.Option("--drop", metavar="F1", help="Take clips out of the manifest that agree less.")
    ] = 0.0,
    jobs: Jobs = None,
    ray: Ray = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Hold the labels of a set against its pictures: how late they are, how they drift, where they do not meet."""
    from dataset_tools.checking import check_set

    with progress() as tell:
        kept, dropped, failures = check_set(
            folder,
            mend=mend,
            drop=drop,
            force=force,
            jobs=jobs,
            ray=ray,
            tell=lambda n, of: tell(f"{n} of {of} clips", n / of),
        )
    gone = {entry.clip for entry in dropped}
    if as_json:
        clips = [{**entry.as_row(), "dropped": entry.clip in gone} for entry in [*kept, *dropped]]
        print_json({"clips": clips, "failures": [{"clip": clip, "reason": reason} for clip, reason in failures]})
    elif not flag("--quiet", "-q"):
        table = Table("clip", "lag (s)", "drift (s/h)", "agreement", "suspect (s)", box=None, pad_edge=False)
        for entry in [*kept, *dropped]:
            suspect = sum(last - first for first, last in entry.suspect_spans)
            name = f"{entry.clip} (dropped)" if entry.clip in gone else entry.clip
            table.add_row(name, entry.lag or "–", entry.drift or "–", entry.agreement, f"{suspect:.1f}")
        Console().print(table)
    for clip, reason in failures:
        complain(f"{clip}: {reason}")
    if failures:
        raise typer.Exit(SOME_FAILED)


@data.command()
def label(
    source: Annotated[
        Path, typer.Argument(metavar="AUDIO_OR_VIDEO", help="A recording of a piano, or a folder of them.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.mid", help="The labels; a folder for a folder's.")],
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
    jobs: Jobs = None,
    ray: Ray = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """The notes of a recording, or of all in a folder, from sound or from the bars that fall onto the keys.

    Exit code 4 where some of a folder cannot be labelled."""
    from dataset_tools.label import check_engine, label_file, orders_of
    from dataset_tools.work import do_all

    chosen = check_engine(engine, weights, activations)
    orders = orders_of(source, out, chosen, weights, activations)
    with progress() as tell:
        tell("reading" if chosen == "falling_notes" else "listening", None)
        if not source.is_dir():
            notes = label_file(orders[0])
            say(f"{notes} notes: {out}")
            if as_json:
                print_json({"file": str(out), "notes": notes, "engine": chosen})
            return
        due = [order for order in orders if force or not order.out.exists()]
        done = list(
            do_all(label_file, due, jobs=jobs, ray=ray, tell=lambda n, of: tell(f"{n} of {of} recordings", n / of))
        )
    failures = {str(outcome.item.source): outcome.failure for outcome in done if outcome.failure is not None}
    for name, reason in failures.items():
        complain(f"{name}: {reason}")
    say(f"{len(due) - len(failures)} recordings labelled, {len(orders) - len(due)} had been before: {out}")
    if as_json:
        print_json({"folder": str(out), "labelled": len(due) - len(failures), "failures": failures, "engine": chosen})
    if failures:
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

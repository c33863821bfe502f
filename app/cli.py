"""The command line: options in, one pipeline call, files out. What a person reads goes to stderr, JSON to stdout."""

import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.data_commands import SOME_FAILED, Force, Jobs, Ray, data
from app.terminal import Debug, Json, Quiet, complain, flag, print_json, progress, say, warn, worker_bars
from pianoroll import SilentkeysError

if TYPE_CHECKING:
    from app.report import Report
    from dataset_tools.evaluate import Evaluation

UNEXPECTED = 70  # exit code: an error that nobody foresaw (EX_SOFTWARE of sysexits.h)
INTERRUPTED = 130  # exit code: Ctrl-C, as shells have it

cli = typer.Typer(
    name="silentkeys",
    help="Watch a pianist's keyboard on silent video; get back the piano roll, MIDI, a score and sound.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.add_typer(data, name="data")

Video = Annotated[Path, typer.Argument(metavar="VIDEO", help="The video; its sound is never listened to.")]
Start = Annotated[float, typer.Option("--start", help="Second to begin at.")]
End = Annotated[float | None, typer.Option("--end", help="Second to end at.", show_default="the end")]
Corners = Annotated[
    str | None,
    typer.Option(
        "--corners",
        metavar='"x,y x,y x,y x,y"',
        help="Outer corners of the keys in pixels, as the player sees them: back-left (bass), back-right, front-right, "
        "front-left. They hold all keys from --lowest-key to --highest-key.",
        show_default="found in the video",
    ),
]
LowestKey = Annotated[str | None, typer.Option("--lowest-key", metavar="C2", help="The lowest key in view.")]
HighestKey = Annotated[str | None, typer.Option("--highest-key", metavar="C7", help="The highest key in view.")]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME|FILE", help="The network to read with.", show_default="built in")
]
NoteModel = Annotated[
    str | None,
    typer.Option(
        "--note-model",
        metavar="NAME|FILE",
        help="What finds the notes: refiner, rules, threshold, weights (.safetensors), or Roll2MidiNet's (.tar).",
        show_default="refiner",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="0..1",
        help="How surely a key must be seen to be down: less finds fainter notes, and more wrong ones.",
        show_default="as trained",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="C4",
        help="All notes from this key on are the right hand's, all below it the left's; a name or MIDI number.",
        show_default="the hands that were seen",
    ),
]
Transpose = Annotated[
    int,
    typer.Option(
        "--transpose",
        metavar="SEMITONES",
        help="Everything is written so much higher, or lower if negative, but for the roll and the video.",
    ),
]
Instrument = Annotated[str, typer.Option("--instrument", help="General MIDI instrument: 0 to 127, or its name.")]
SoundFont = Annotated[
    Path | None, typer.Option("--soundfont", metavar="FILE", help="Soundfont, .sf2 or .sf3.", show_default="found")
]
Pedal = Annotated[
    str,
    typer.Option("--pedal", metavar="none|auto", help="Put a likely sustain pedal into MIDI and sound, or none."),
]
FallingNotes = Annotated[
    str,
    typer.Option(
        "--falling-notes",
        metavar="auto|ignore",
        help="Where bars fall onto the keys and say what these do, read the bars; or the keys alone.",
    ),
]
Fingering = Annotated[
    str,
    typer.Option(
        "--fingering",
        metavar="auto|all|some|none",
        help="Which of the fingers that are surely known are printed: all, some (as editors do), none; "
        "auto: all of a short piece, else some.",
    ),
]
Tempo = Annotated[float | None, typer.Option("--tempo", help="Beats a minute.", show_default="found")]
TimeSignature = Annotated[
    str | None, typer.Option("--time-signature", metavar="N/D", help="Such as 3/4.", show_default="found")
]
KeyName = Annotated[str | None, typer.Option("--key", help="Such as “C minor”.", show_default="found")]
Title = Annotated[str | None, typer.Option("--title", help="Title of the score.", show_default="the file's name")]
Composer = Annotated[str | None, typer.Option("--composer", help="Stands below the title.")]


class Engine(StrEnum):
    """What plays the notes."""

    soundfont = "soundfont"


def _list_sounds(wanted: bool) -> None:
    """Show what can play, and stop."""
    if not wanted:
        return
    from midi_synth.instruments import INSTRUMENTS
    from midi_synth.soundfonts import found_soundfonts

    print("Soundfonts (the first is played unless --soundfont names another):")
    print("\n".join(f"  {path}" for path in found_soundfonts()))
    print("Instruments (--instrument NUMBER or NAME):")
    print("\n".join(f"  {number:3d} {name}" for number, name in enumerate(INSTRUMENTS)))
    raise typer.Exit


# ---- commands --------------------------------------------------------------------------------------------------------


def _print_version(wanted: bool) -> None:
    if wanted:
        from app.report import own_version

        print(f"silentkeys {own_version()}")
        raise typer.Exit


@cli.callback()
def _options(
    quiet: Quiet = False,
    debug: Debug = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that stand before or after any command."""


@cli.command()
def transcribe(
    video: Video,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results.")],
    start: Start = 0.0,
    end: End = None,
    corners: Corners = None,
    lowest_key: LowestKey = None,
    highest_key: HighestKey = None,
    model: Model = None,
    note_model: NoteModel = None,
    threshold: Threshold = None,
    split: Split = None,
    transpose: Transpose = 0,
    instrument: Instrument = "0",
    soundfont: SoundFont = None,
    outputs: Annotated[
        str,
        typer.Option(
            "--outputs",
            metavar="LIST",
            help="Any of npz,mid,csv,musicxml,pdf,wav,html,png,json,svg,roll-svg,quantised,flac,mp3,ogg,m4a,video.",
        ),
    ] = "npz,mid,csv,musicxml,pdf,wav,html,png,json",
    fingering: Fingering = "auto",
    tempo: Tempo = None,
    metre: TimeSignature = None,
    key: KeyName = None,
    title: Title = None,
    composer: Composer = None,
    pedal: Pedal = "none",
    falling_notes: FallingNotes = "auto",
    show_hands: Annotated[
        bool,
        typer.Option("--show-hands", help="Draw the hands that were seen into the result video (--outputs …,video)."),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Read a silent video: piano roll, MIDI, table of notes, score, sound, picture and report."""
    from app import pipeline
    from app.options import parse_corners, parse_highest_key, parse_lowest_key, parse_outputs, parse_split

    with progress() as tell:
        report = pipeline.transcribe(
            video,
            out,
            start=start,
            end=end,
            corners=parse_corners(corners),
            lowest_key=parse_lowest_key(lowest_key),
            highest_key=parse_highest_key(highest_key),
            model=model,
            note_model=note_model,
            threshold=threshold,
            split=parse_split(split),
            transpose=transpose,
            instrument=instrument,
            soundfont=soundfont,
            outputs=parse_outputs(outputs),
            fingering=fingering,
            tempo=tempo,
            metre=metre,
            key=key,
            title=title,
            composer=composer,
            pedal=pedal,
            falling_notes=falling_notes,
            show_hands=show_hands,
            progress=tell,
        )
    _tell(report)


@cli.command()
def keyboard(
    source: Annotated[Path, typer.Argument(metavar="VIDEO_OR_IMAGE", help="The video or still picture.")],
    start: Start = 0.0,
    end: End = None,
    corners: Corners = None,
    lowest_key: LowestKey = None,
    highest_key: HighestKey = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find the keyboard: its four corners, its lowest and highest key. Exit code 3 where there is none."""
    from app import pipeline
    from app.options import parse_corners, parse_highest_key, parse_lowest_key
    from pianoroll.keys import pitch_name

    warnings: list[str] = []
    with progress() as tell:
        tell("keyboard", None)
        found = pipeline.find_keyboard(
            source,
            start=start,
            end=end,
            corners=parse_corners(corners),
            lowest_key=parse_lowest_key(lowest_key),
            highest_key=parse_highest_key(highest_key),
            warnings=warnings,
        )
    for warning in warnings:
        warn(warning)
    if as_json:
        print_json(pipeline.keyboard_facts(found, given=corners is not None))
        return
    print(" ".join(f"{x:.1f},{y:.1f}" for x, y in found.corners))
    guess = ", octave guessed" if found.octave_guessed else ""
    sure = "corners set by hand" if corners is not None else f"confidence {found.confidence:.2f}"
    say(
        f"{pitch_name(found.lowest_pitch)} to {pitch_name(found.highest_pitch)}{guess}"
        f"{', mirrored' if found.mirrored else ''}; {sure}"
    )


@cli.command()
def roll(
    video: Video,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.npz", help="The piano roll.")],
    start: Start = 0.0,
    end: End = None,
    corners: Corners = None,
    lowest_key: LowestKey = None,
    highest_key: HighestKey = None,
    model: Model = None,
    falling_notes: FallingNotes = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Read a video into a piano roll: which key is down at each frame."""
    from app import pipeline
    from app.options import parse_corners, parse_highest_key, parse_lowest_key

    with progress() as tell:
        read = pipeline.roll(
            video,
            out,
            start=start,
            end=end,
            corners=parse_corners(corners),
            lowest_key=parse_lowest_key(lowest_key),
            highest_key=parse_highest_key(highest_key),
            model=model,
            falling_notes=falling_notes,
            progress=tell,
        )
    for warning in read.metadata.get("warnings", []):
        warn(warning)
    say(f"{len(read)} frames, {read.end:.2f} s: {out}")
    if as_json:
        print_json({"file": str(out), "frames": len(read), "threshold": read.threshold, "metadata": read.metadata})


@cli.command()
def notes(
    roll: Annotated[Path, typer.Argument(metavar="FILE.npz", help="A piano roll.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.mid", help="The MIDI file.")],
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME|FILE", help="As --note-model of transcribe.", show_default="refiner"),
    ] = None,
    instrument: Instrument = "0",
    pedal: Pedal = "none",
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Decode the notes of a piano roll."""
    from app import pipeline

    found = pipeline.notes(roll, out, model=model, instrument=instrument, pedal=pedal)
    say(f"{len(found)} notes: {out}")
    if as_json:
        print_json({"file": str(out), "notes": len(found)})


@cli.command()
def score(
    midi: Annotated[Path, typer.Argument(metavar="FILE.mid", help="A performance.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the score.")],
    title: Title = None,
    composer: Composer = None,
    date: Annotated[str | None, typer.Option("--date", help="Of the piece: stands beside the composer.")] = None,
    tempo: Tempo = None,
    metre: TimeSignature = None,
    key: KeyName = None,
    fingering: Fingering = "auto",
    outputs: Annotated[
        str,
        typer.Option(
            "--outputs",
            metavar="LIST",
            help="Any of musicxml,pdf,svg,quantised (.quantised.mid),html (to listen and read along).",
        ),
    ] = "musicxml,pdf,svg",
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Engrave a MIDI file: MusicXML, PDF and SVG pages."""
    from app import pipeline
    from app.options import ALL_SCORE_OUTPUTS, parse_outputs

    with progress() as tell:
        report = pipeline.score(
            midi,
            out,
            title=title,
            composer=composer,
            date=date,
            tempo=tempo,
            metre=metre,
            key=key,
            fingering=fingering,
            outputs=parse_outputs(outputs, ALL_SCORE_OUTPUTS),
            progress=tell,
        )
    _tell(report)


@cli.command()
def synth(
    midi: Annotated[Path, typer.Argument(metavar="FILE.mid", help="A performance.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.wav", help="The sound; .wav, .flac, .mp3, .ogg or .m4a.")
    ],
    engine: Annotated[Engine, typer.Option("--engine", help="What plays.")] = Engine.soundfont,
    instrument: Instrument = "0",
    soundfont: SoundFont = None,
    sample_rate: Annotated[int, typer.Option("--sample-rate", metavar="HZ", help="Such as 44100 or 48000.")] = 44100,
    reverb: Annotated[bool, typer.Option("--reverb/--no-reverb", help="A room around it.")] = True,
    chorus: Annotated[bool, typer.Option("--chorus/--no-chorus", help="As if several played.")] = False,
    speed: Annotated[float, typer.Option("--speed", help="Times the tempo: 0.5 is half as fast.")] = 1.0,
    transpose: Annotated[int, typer.Option("--transpose", metavar="SEMITONES", help="Up, or down if negative.")] = 0,
    solo: Annotated[str | None, typer.Option("--solo", metavar="left|right", help="One hand alone.")] = None,
    left_level: Annotated[float, typer.Option("--left-level", metavar="DB", help="Left hand louder by so much.")] = 0.0,
    right_level: Annotated[float, typer.Option("--right-level", metavar="DB", help="The right hand.")] = 0.0,
    sounds: Annotated[
        bool, typer.Option("--list", callback=_list_sounds, is_eager=True, help="Show instruments and soundfonts.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Play a MIDI file into a sound file, as it is or for practice."""
    from app import pipeline

    with progress() as tell:
        pipeline.synth(
            midi,
            out,
            instrument=instrument,
            soundfont=soundfont,
            sample_rate=sample_rate,
            reverb=reverb,
            chorus=chorus,
            speed=speed,
            transpose=transpose,
            solo=solo,
            left_level=left_level,
            right_level=right_level,
            progress=tell,
        )
    say(str(out))
    if as_json:
        print_json({"file": str(out), "engine": engine.value})


@cli.command()
def evaluate(
    predicted: Annotated[Path | None, typer.Argument(metavar="PRED", help="Roll, MIDI, or a folder.")] = None,
    truth: Annotated[Path | None, typer.Argument(metavar="TRUTH", help="The same, true.")] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", metavar="CSV", help="Transcribe and judge a data set's clips instead.")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Which clips of the manifest.")] = "dev",
    model: Model = None,
    note_model: NoteModel = None,
    given_keyboard: Annotated[
        bool, typer.Option("--given-keyboard", help="Take the manifest's corners, do not look for the keyboard.")
    ] = False,
    errors: Annotated[bool, typer.Option("--errors", help="Tell what kind of mistakes were made, too.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="DIR", help="Folder for a picture of each: hits, misses, extras.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE.csv", help="A table, one row a file.")] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            "--report",
            metavar="FILE.md|FILE.html",
            help="A report with all tables; as HTML with rolls and the worst moments. May be given twice.",
        ),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option("--videos", metavar="DIR", help="Videos of PRED by the same names, for the report's pictures."),
    ] = None,
    matched_only: Annotated[
        bool, typer.Option("--matched-only", help="Of two folders, compare what both have; warn of the rest.")
    ] = False,
    start: Annotated[float | None, typer.Option("--start", help="Second to begin at.")] = None,
    end: End = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Judge transcriptions: frame, onset (50 and 100 ms), onset+offset and velocity precision, recall and F1."""
    from app.options import OptionError, check_span
    from app.report import own_version
    from dataset_tools import evaluate as judge
    from dataset_tools.judge_report import check_ending, write_report

    check_span(start, end)
    for path in report or ():
        check_ending(path)
    if (manifest is None) == (predicted is None) or (predicted is None) != (truth is None):
        raise OptionError("Give either PRED and TRUTH, or --manifest CSV; see “silentkeys evaluate --help”.")
    if predicted is not None and truth is not None:
        title = f"{predicted.name} against {truth.name}"
        result = judge.evaluate(
            predicted,
            truth,
            note_model=note_model,
            start=start,
            end=end,
            matched_only=matched_only,
            videos=videos,
        )
    else:
        assert manifest is not None
        title = f"{manifest.resolve().parent.name}, split “{split}”"
        with progress() as tell:
            result = judge.evaluate_manifest(
                manifest,
                split=split,
                model=model,
                note_model=note_model,
                given_keyboard=given_keyboard,
                start=start,
                end=end,
                progress=tell,
            )
    for warning in result.warnings:
        warn(warning)
    if csv is not None:
        judge.write_table(result, csv)
    for path in report or ():
        write_report(result, path, title=title, made_by=f"silentkeys {own_version()}")
        say(str(path))
    for path in judge.write_plots(result, plot) if plot is not None else ():
        say(str(path))
    if as_json:
        print_json(result.as_dict())
    else:
        Console().print(_score_table(result))
        if errors:
            Console().print(_error_table(result))


@cli.command()
def batch(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results, laid out as the videos are.")
    ],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER…", help="Folders with all below them, files, or patterns such as “films/**/*.mp4”."
        ),
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="A text file with a video, folder or pattern a line.")
    ] = None,
    model: Model = None,
    note_model: NoteModel = None,
    threshold: Threshold = None,
    split: Split = None,
    transpose: Transpose = 0,
    instrument: Instrument = "0",
    soundfont: SoundFont = None,
    outputs: Annotated[str, typer.Option("--outputs", metavar="LIST", help="As in transcribe.")] = (
        "npz,mid,csv,musicxml,pdf,wav,html,png,json"
    ),
    fingering: Fingering = "auto",
    pedal: Pedal = "none",
    falling_notes: FallingNotes = "auto",
    force: Force = False,
    jobs: Jobs = None,
    ray: Ray = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Transcribe many videos, each once; go on where a run was stopped. Exit code 4 where some could not be done."""
    from app.batch import failed, run_batch
    from app.options import parse_outputs, parse_split

    try:
        with worker_bars() as (tell, watch):
            items = run_batch(
                sources or [],
                out,
                listed=listed,
                model=model,
                note_model=note_model,
                threshold=threshold,
                split=parse_split(split),
                transpose=transpose,
                instrument=instrument,
                soundfont=soundfont,
                outputs=parse_outputs(outputs),
                fingering=fingering,
                pedal=pedal,
                falling_notes=falling_notes,
                force=force,
                jobs=jobs,
                ray=ray,
                tell=tell,
                watch=watch,
            )
    except KeyboardInterrupt:
        complain(f"stopped; what is finished stays in {out}, and the same command (without --force) goes on.")
        raise
    bad = failed(items)
    if as_json:
        print_json({"videos": [item.as_dict() for item in items]})
    elif not flag("--quiet", "-q"):
        table = Table("video", "result", "notes", "seconds", box=None, pad_edge=False)
        for item in items:
            if item.outcome != "skipped":
                table.add_row(escape(item.results), item.outcome, str(item.notes), f"{item.seconds:.1f}")
        if table.rows:
            Console().print(table)
    for item in bad:
        complain(f"{item.as_dict()['video']}: {item.reason}")
    had = sum(item.outcome == "skipped" for item in items)
    say(f"{len(items) - had - len(bad)} done, {had} were done before, {len(bad)} failed: {out / 'summary.csv'}")
    if bad:
        say(f"Those that failed are in {out / 'failures.csv'}; the same command tries them again.")
        raise typer.Exit(SOME_FAILED)


@cli.command()
def doctor(as_json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """What of the system is there, and how to get the rest. Exit code 1 where something is missing that is needed."""
    from app.doctor import all_needed, as_dict, as_text, examine

    found = examine()
    if as_json:
        print_json(as_dict(found))
    elif not flag("--quiet", "-q"):
        print(as_text(found))
    if not all_needed(found):
        raise typer.Exit(1)


@cli.command()
def app(
    port: Annotated[int, typer.Option("--port", help="Port of the page on this machine.")] = 8501,
    address: Annotated[
        str, typer.Option("--address", help="Who may come: localhost is this machine alone, 0.0.0.0 anyone.")
    ] = "localhost",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Open the web page: upload a video, see, hear and download the result."""
    import subprocess

    from app.intake import MOST_MEGABYTES

    settings = {
        "server.port": str(port),
        "server.address": address,
        "server.headless": "false" if browser else "true",
        "server.showEmailPrompt": "false",
        "server.fileWatcherType": "none",  # it would look after all modules, for each visitor
        "server.maxUploadSize": str(MOST_MEGABYTES),
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "theme.base": "light",  # scores are black on white
    }
    page = Path(__file__).with_name("web.py")
    flags = [f"--{name}={value}" for name, value in settings.items()]
    raise typer.Exit(subprocess.call([sys.executable, "-m", "streamlit", "run", str(page), *flags]))


# ---- what a person is told -------------------------------------------------------------------------------------------


def _tell(report: "Report") -> None:
    """Where everything is, what is unsure, and what is missing: then the exit code is 1."""
    for warning in report.warnings:
        warn(warning)
    for output, path in report.files.items():
        say(f"{output:>8}  {path}")
    say(f"{report.notes} notes in {sum(report.timings.values()):.1f} s")
    if flag("--json"):
        print_json(report.as_dict())
    if not report.complete:
        reasons: dict[str, list[str]] = {}
        for output, reason in report.missing.items():
            reasons.setdefault(reason, []).append(output)
        for reason, outputs in reasons.items():
            complain(f"{', '.join(outputs)} could not be made: {reason}")
        raise typer.Exit(1)


def _score_table(result: "Evaluation") -> Table:
    """One row a file and one for all of them together: F1 of each metric, and precision and recall of all."""
    columns = {
        "frame": "frame",
        "onset_50ms": "onset 50 ms",
        "onset_100ms": "onset 100 ms",
        "onset_offset": "on+offset",
    }
    table = Table(title="F1", title_justify="left")
    table.add_column("file")
    for label in columns.values():
        table.add_column(label, justify="right")
    for item in result.comparisons:
        table.add_row(item.name, *(f"{item.scores[name].f1:.3f}" for name in columns))
    table.add_section()
    if len(result.comparisons) > 1:
        table.add_row("mean of the files", *(f"{result.mean_f1[name]:.3f}" for name in columns))
        table.add_row(
            "… 95 % interval", *("–".join(f"{end:.3f}" for end in result.intervals[name]) for name in columns)
        )
    for label in ("f1", "precision", "recall"):
        name = "all together" if label == "f1" else label
        table.add_row(name, *(f"{getattr(result.pooled[name], label):.3f}" for name in columns))
    return table


def _error_table(result: "Evaluation") -> Table:
    """One row a file and one for all: notes found, the kinds of those missed and invented, when they begin."""
    labels = {
        "found": "found",
        "unseen": "missed",
        "merged": "merged",
        "split": "split",
        "neighbour": "near",
        "octave": "octave",
        "invented": "other",
        "frame_white": "white",
        "frame_black": "black",
        "late_white_ms": "white",
        "late_black_ms": "black",
    }
    table = Table(box=None, title_justify="left", padding=(0, 1, 0, 0))
    table.title = "Notes: found, missed (2 columns), extra (4); F1 of frames; how late (ms); --json tells more"
    table.add_column("file", no_wrap=True)
    for label in labels.values():
        table.add_column(label, justify="right")
    rows = [(item.name, item.errors) for item in result.comparisons]
    if len(rows) > 1:
        rows.append(("all together", result.errors))
    for name, counts in rows:
        row = counts.as_dict()
        table.add_row(name, *(_brief(key, row[key]) for key in labels))
    return table


def _brief(key: str, value: float | int | None) -> str:
    """A count, an F1 with two digits, or whole milliseconds; – where there is none."""
    if value is None:
        return "–"
    return f"{value:.2f}" if key.startswith("frame") else f"{round(value)}"


def main() -> None:
    """Run the command line; every error is one sentence on stderr, with --debug the traceback too."""
    debug = flag("--debug")
    if debug:
        logging.basicConfig(level=logging.WARNING)
        logging.getLogger("silentkeys").setLevel(logging.DEBUG)
    try:
        cli()
    except SilentkeysError as error:
        _fail(error, str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        text = f"{type(error).__name__}: {error} (an error nobody foresaw; run again with --debug to see where)"
        _fail(error, text, UNEXPECTED, debug)


def _fail(error: Exception, text: str, code: int, debug: bool) -> None:
    """Say what went wrong; with --json stdout gets one object too, with no corners where there is no keyboard."""
    if flag("--json"):
        data: dict[str, Any] = {"error": text}
        if type(error).__name__ == "KeyboardError":
            from app.pipeline import keyboard_facts

            data = {**keyboard_facts(None), **data}
        print_json(data)
    if debug:
        import traceback

        traceback.print_exception(error)
    complain(text)
    sys.exit(code)


if __name__ == "__main__":
    main()

"""The judge's report, to be handed on: tables as Markdown; as HTML, in one file, with rolls and the worst moments."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from dataset_tools.evaluate import COLOURS, PARTS, RESAMPLES, Comparison, Evaluation, Interval
from dataset_tools.worst_moments import TOLERANCE, Moment, Thumbnail, thumbnails, worst_moments
from pianoroll import FileError, Note
from pianoroll.files import write_beside
from pianoroll.keys import OCTAVES, pitch_name
from pianoroll.metrics import FrameAverage, Score, note_score
from pianoroll.plot import comparison_svg
from video2roll.video import VideoError

_HERE = Path(__file__).parent
_NONE = "–"
_NAMED = 8  # notes of a moment that are named
FEW = 10  # files: intervals from fewer are rough
LABELS = {
    "frame": "frames, pooled",
    "frame_samples": "frames, averaged",
    "onset_50ms": "onset ±50 ms",
    "onset_100ms": "onset ±100 ms",
    "onset_offset": "onset + offset",
    "onset_velocity": "onset + velocity",
    "onset_offset_velocity": "onset + offset + velocity",
}
KINDS = {
    "found": "true notes that were found: one of their pitch begins within 100 ms",
    "unseen": "missed, and nothing was read there",
    "merged": "missed, as their key was read as still held from before",
    "split": "extra, inside a true note of the same key",
    "neighbour": "extra, one or two keys from a true note that begins there",
    "octave": "extra, an octave from a true note that begins there",
    "invented": "extra, and nothing of the kind is near",
}
_HOW = (
    "*Frames*: is the key down? *Pooled* counts all keys and times together, so silence neither helps nor hurts. "
    "*Averaged* scores each frame for itself and takes the mean (scikit-learn's “samples” average, zero division 1): "
    "what a frame cannot be asked counts 1, such as all of it where no key is down and none was read; {empty}.",
    "*Onset*: a note of the same pitch begins within the tolerance; each serves once. *Offset*: its end lies within "
    "20 % of its true length, or 50 ms, too. *Velocity*: once a straight line was fitted over all notes matched, it is "
    "less than 10 % of the true range off. All as in mir_eval, at ±50 ms unless told otherwise.{velocity}",
    "*95 %*: percentile bootstrap over the files ({files}).",
)


@dataclass(frozen=True)
class Table:
    """``rows`` of texts, the first of which names the row; ``links``: where in the page each row leads."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    links: Sequence[str] = ()


def check_ending(path: str | os.PathLike[str]) -> str:
    """The ending of a report's file. Raises FileError where it is neither .md nor .html."""
    ending = Path(path).suffix.lower()
    if ending not in (".md", ".html"):
        raise FileError(f"{path} is no name of a report; let it end in .md or .html.")
    return ending


def write_report(
    evaluation: Evaluation, path: str | os.PathLike[str], *, title: str, made_by: str = "silentkeys"
) -> None:
    """Write Markdown or HTML, as the ending says. ``made_by``: program and version. Raises FileError."""
    write = {".md": _markdown, ".html": _html}[check_ending(path)]
    text = write(evaluation, title, made_by)
    with write_beside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _facts(evaluation: Evaluation) -> str:
    files = evaluation.comparisons
    seconds = sum(each.end - each.start for each in files)
    true, found = (sum(len(getattr(each, which)) for each in files) for which in ("true_notes", "notes"))
    return f"{_count(len(files), 'file')}, {seconds:.1f} s judged; {_count(true, 'true note')}, {found} found"


def _how(evaluation: Evaluation) -> list[str]:
    """How it is counted: paragraphs."""
    frames = evaluation.pooled["frame_samples"]
    empty = frames.empty / max(1, frames.frames) if isinstance(frames, FrameAverage) else 0.0
    judged, files = len(evaluation.scores("onset_velocity")), len(evaluation.comparisons)
    velocity = "" if judged == files else f" Judged in {judged} of {_count(files, 'file')}: "
    if velocity:
        velocity += "a truth whose notes are all equally loud holds no velocities."
    intervals = f"drawn anew {RESAMPLES} times" if files > 1 else "none for a single file"
    intervals += "; of so few, it is but a hint" if 1 < files < FEW else ""
    told = {"empty": f"{100 * empty:.1f} % of the true frames are empty", "velocity": velocity, "files": intervals}
    return [paragraph.format(**told) for paragraph in _HOW]


def tables(evaluation: Evaluation) -> list[Table]:
    """All together, by colour, by octave, kinds of errors, and the files."""
    return [
        _together(evaluation),
        _by_keys(evaluation, "Frames by colour of the keys", tuple(COLOURS)),
        _by_keys(evaluation, "Frames by octave", tuple(OCTAVES)),
        _kinds(evaluation),
        *(_files(evaluation) if len(evaluation.comparisons) > 1 else ()),
    ]


def _together(evaluation: Evaluation) -> Table:
    several = len(evaluation.comparisons) > 1
    pooled, mean = evaluation.pooled, evaluation.mean_f1
    columns = ["", *(part.replace("f1", "F1") for part in PARTS)]
    rows = []
    for metric, label in LABELS.items():
        row = [label, *_parts(pooled.get(metric))]
        if several:
            row += [_range(evaluation.pooled_intervals.get(metric)), _number(mean.get(metric))]
            row += [_range(evaluation.intervals.get(metric))]
        rows.append(row)
    note = "" if set(LABELS) == set(pooled) else "– not judged: the truth has no velocities."
    columns += ["95 % of F1", "mean F1 of the files", "95 % of the mean"] if several else []
    return Table("All together", columns, rows, note)


def _by_keys(evaluation: Evaluation, title: str, names: Sequence[str]) -> Table:
    keys = evaluation.keys
    held = max(1, sum(_held(keys[name]) for name in names))
    rows = [
        [name.replace("-", "–"), f"{100 * _held(keys[name]) / held:.1f} %", *_parts(keys[name])]
        for name in names
        if keys[name] != Score()
    ]
    return Table(title, ["keys", "share of the truth", "precision", "recall", "F1"], rows)


def _held(score: Score) -> int:
    """In how many frames keys were truly down, counted key by key."""
    return score.true_positives + score.misses


def _kinds(evaluation: Evaluation) -> Table:
    counts = evaluation.errors.as_dict()
    rows = [[kind, str(counts[kind]), meaning] for kind, meaning in KINDS.items()]
    late = [f"{counts[f'late_{c}_ms']:+.0f} ms on {c} keys" for c in COLOURS if counts[f"late_{c}_ms"] is not None]
    again = f"Struck again shortly after coming up: {counts['again_found']} of {counts['again']} found. "
    note = (again if counts["again"] else "") + (f"Median onset of those found: {', '.join(late)}." if late else "")
    return Table("Kinds of errors", ["kind", "notes", "meaning"], rows, note)


def _files(evaluation: Evaluation) -> list[Table]:
    """F1 of each file, and the kinds of its errors."""
    files, judged = evaluation.comparisons, evaluation.judged
    links = [f"#file-{number}" for number in range(1, len(files) + 1)]
    scores = [
        [each.name, f"{each.end - each.start:.1f}", str(len(each.true_notes))]
        + [_number(each.scores[m].f1 if m in each.scores else None) for m in judged]
        for each in files
    ]
    columns = ["file", "seconds", "true notes", *(LABELS[metric] for metric in judged)]
    kinds = [[each.name, *(str(each.errors.as_dict()[kind]) for kind in KINDS)] for each in files]
    return [
        Table("F1 of each file", columns, scores, links=links),
        Table("Kinds of errors in each file", ["file", *KINDS], kinds, links=links),
    ]


def _parts(score: Score | FrameAverage | None) -> list[str]:
    return [_number(None if score is None else getattr(score, part)) for part in PARTS]


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _range(interval: Interval | None) -> str:
    return _NONE if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _markdown(evaluation: Evaluation, title: str, made_by: str) -> str:
    parts = [f"# {title}", f"{_facts(evaluation)}. Judged by {made_by}."]
    parts += [f"> {warning}" for warning in evaluation.warnings]
    for table in tables(evaluation):
        first_row = table.rows[0] if table.rows else table.columns
        sides = [":--" if cell[:1].isalpha() else "--:" for cell in first_row]
        rows = [table.columns, sides, *table.rows]
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        parts += [f"## {table.title}", "\n".join(lines), *([table.note] if table.note else [])]
    parts += ["## How it is counted", *_how(evaluation)]
    return "\n\n".join(parts) + "\n"


def _html(evaluation: Evaluation, title: str, made_by: str) -> str:
    files = "\n".join(_file(each, number) for number, each in enumerate(evaluation.comparisons, start=1))
    return Template((_HERE / "judge_report.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        css=(_HERE / "judge_report.css").read_text(encoding="utf-8"),
        facts=escape(f"{_facts(evaluation)}. Judged by {made_by}."),
        warnings="".join(f'<p class="warning">{escape(warning)}</p>' for warning in evaluation.warnings),
        tables="\n".join(_html_table(table) for table in tables(evaluation)),
        how="".join(f"<p>{_emphasised(paragraph)}</p>" for paragraph in _how(evaluation)),
        files=files,
        tolerance=f"{1000 * TOLERANCE:.0f}",
    )


def _emphasised(paragraph: str) -> str:
    """Markdown's *emphasis* as HTML's."""
    pieces = escape(paragraph).split("*")
    return "".join(f"<em>{piece}</em>" if number % 2 else piece for number, piece in enumerate(pieces))


def _html_table(table: Table) -> str:
    first_row = table.rows[0] if table.rows else table.columns
    head = "".join(
        f'<th scope="col"{_kind(cell)}>{escape(column)}</th>'
        for column, cell in zip(table.columns, first_row, strict=True)
    )
    rows = []
    for number, (first, *rest) in enumerate(table.rows):
        name = f'<a href="{table.links[number]}">{escape(first)}</a>' if table.links else escape(first)
        cells = "".join(f"<td{_kind(cell)}>{escape(cell)}</td>" for cell in rest)
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<section><h2>{escape(table.title)}</h2><div class="wide" tabindex="0">{body}</div>{note}</section>'


def _kind(cell: str) -> str:
    """Words stand at the left, numbers at the right."""
    return ' class="words"' if cell[:1].isalpha() else ""


def _file(each: Comparison, number: int) -> str:
    """The comparison roll of a file, and its worst moments."""
    roll = comparison_svg(each.notes, each.true_notes, start=each.start, end=each.end)
    score = note_score(each.notes, each.true_notes)
    alt = f"Piano roll of {each.name}: hits, misses and extras"
    picture = f'<img src="{_embedded(roll.encode(), "svg+xml")}" alt="{escape(alt)}">'
    failure = f'<p class="warning">{escape(each.failure)} Counted as silence.</p>' if each.failure else ""
    heading = f'<section class="file" id="file-{number}"><h3>{escape(each.name)}</h3>{failure}'
    counts = f"{score.true_positives} hit, {score.misses} missed, {score.false_positives} extra (±50 ms)"
    return (
        f'{heading}<p class="note">{counts}</p><div class="wide roll" tabindex="0">{picture}</div>'
        f"{_moments(each)}</section>"
    )


def _moments(each: Comparison) -> str:
    moments = worst_moments(each.notes, each.true_notes)
    if not moments:
        return f'<p class="note">No note was missed or invented at ±{1000 * TOLERANCE:.0f} ms.</p>'
    pictures: Sequence[Thumbnail | None] = [None] * len(moments)
    told = "No video of it is at hand; --videos names a folder of them."
    if each.footage is not None:
        try:
            pictures, told = thumbnails(each.footage, moments), ""
        except VideoError as error:
            told = str(error)
        if any(picture is not None and not picture.marked for picture in pictures):
            told = "Where no keyboard is known or found, its keys are not marked."
    figures = "".join(_figure(moment, picture) for moment, picture in zip(moments, pictures, strict=True))
    note = f'<p class="note">{escape(told)}</p>' if told else ""
    return f'<h4>Worst moments</h4>{note}<div class="moments">{figures}</div>'


def _figure(moment: Moment, picture: Thumbnail | None) -> str:
    begin, end = f"{moment.start:.1f}", f"{moment.end:.1f}"
    when = f"{begin} s" if begin == end else f"{begin}–{end} s"
    seen = f" (picture: {moment.second:.1f} s)" if picture is not None and begin != end else ""
    lines = [f"<b>{when}</b>{seen}"]
    for verdict, notes in (("missed", moment.missed), ("extra", moment.invented)):
        if notes:
            lines.append(f'<span class="{verdict}">{len(notes)} {verdict}</span> {escape(_names(notes))}')
    caption = f"<figcaption>{'<br>'.join(lines)}</figcaption>"
    if picture is None:
        return f"<figure>{caption}</figure>"
    alt = f"The keys at {moment.second:.1f} s"
    return f'<figure><img src="{_embedded(picture.jpeg, "jpeg")}" alt="{alt}" loading="lazy">{caption}</figure>'


def _names(notes: Sequence[Note]) -> str:
    names = [pitch_name(note.pitch) for note in notes]
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _embedded(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"

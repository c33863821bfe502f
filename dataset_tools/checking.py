"""Do the labels of a set meet its pictures? Every clip is read from its strips, and the notes held against the labels.

Labels made from sound, or from a cable, begin at another moment than the video, by up to seconds, and may run at
another speed. Where keys of the same pitch go down, the difference of the two times piles up at the true lag, however
many notes either side lacks; piled up in one stretch after the other it shows the drift. What remains apart after both
is suspect: another take, a cut, hands that hide the keys.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.stats import theilslopes

from dataset_tools.strip_set import Entry, label_roll, read_set, write_set
from dataset_tools.work import do_all
from pianoroll import FileError, Note, PianoRoll, read_midi, write_midi
from pianoroll.metrics import inside, note_score
from roll2midi import decode
from video2roll.infer import load_network, read_strips
from video2roll.rest import rest_strip

FARTHEST = 6.0  # seconds that labels are looked for on both sides of the picture
SHARP = 0.02  # seconds: deviation of onsets as read
NEAR = 0.1  # seconds that count as met
PILED = 0.25  # of the labels, or of the notes seen where these are fewer, that must agree on a lag...
ABOVE = 4.0  # ...and how far that must stand out of what chance piles up, in its deviations
STRETCH = 20.0  # seconds in which a lag of its own is looked for
FEWEST = 8  # labels, and notes seen, in such a stretch
LONGEST_STEP = 0.5  # seconds by which the lag of a stretch may differ from that of the whole: drift, not another take
WINDOW, STEP = 4.0, 1.0  # seconds of what is judged together, and from one to the next
FEW = 3  # notes in a window that are too few to judge it
HALF = 0.5  # of the clip's agreement, of which a suspect window has less; and of the stretches that must have one drift
SETTLED = 0.05  # seconds after an onset from which the key may be up again
PICTURES = 120  # strips from which the keyboard at rest is made
WRITE_EVERY = 20.0  # seconds between two writings of the manifest


@dataclass(frozen=True)
class Alignment:
    """The labels are late by ``lag + drift * (t - middle)`` seconds at second t of the labels."""

    lag: float
    drift: float
    middle: float

    def place(self, at: float) -> float:
        """The picture's second of a second ``at`` of the labels."""
        return at - self.lag - self.drift * (at - self.middle)

    def moved(self, notes: Sequence[Note]) -> list[Note]:
        """Notes at the times of the picture."""
        return sorted(replace(note, onset=self.place(note.onset), offset=self.place(note.offset)) for note in notes)


def align(seen: Sequence[Note], labels: Sequence[Note]) -> Alignment | None:
    """Where the labels lie against the notes ``seen`` in the picture; None where nothing piles up."""
    if not labels:
        return None
    at, late = _differences(seen, labels)
    lag = _pile(late, min(len(labels), len(seen)))
    middle = float(np.mean([note.onset for note in labels]))
    reach = FARTHEST if lag is None else LONGEST_STEP
    places, lags, stretches = [], [], 0
    for first in np.arange(labels[0].onset, labels[-1].onset, STRETCH):
        count = min(len(inside(notes, first, first + STRETCH)) for notes in (labels, seen))
        here = (at >= first) & (at < first + STRETCH) & (np.abs(late - (lag or 0.0)) < reach)
        found = _pile(late[here], count) if count >= FEWEST else None
        stretches += count >= FEWEST
        if found is not None:
            places.append(float(at[here].mean()))
            lags.append(found)
    if len(places) < 3:
        return None if lag is None else Alignment(_centre(late, lag), 0.0, middle)
    drift, level, *_ = theilslopes(lags, places)
    on_line = np.abs(np.array(lags) - level - drift * np.array(places)) < NEAR
    if lag is None and on_line.sum() < HALF * stretches:
        return None
    straight = late - drift * (at - middle)
    return Alignment(_centre(straight, level + drift * middle), float(drift), middle)


def _differences(seen: Sequence[Note], labels: Sequence[Note]) -> tuple[np.ndarray, np.ndarray]:
    """For every label and note seen of one pitch: the label's second, and how much later than the note it is."""
    onsets = {pitch: np.sort([n.onset for n in seen if n.pitch == pitch]) for pitch in {n.pitch for n in seen}}
    at, late = [np.zeros(0)], [np.zeros(0)]
    for label in labels:
        if label.pitch in onsets:
            found = label.onset - onsets[label.pitch]
            found = found[np.abs(found) < FARTHEST]
            late.append(found)
            at.append(np.full(len(found), label.onset))
    return np.concatenate(at), np.concatenate(late)


def _pile(late: np.ndarray, notes: int) -> float | None:
    """The difference on which most agree, None where no more of the ``notes`` agree than by chance."""
    step = SHARP / 4
    counts, edges = np.histogram(late, np.arange(-FARTHEST, FARTHEST + step, step))
    smooth = gaussian_filter1d(counts.astype(float), SHARP / step) * (SHARP / step) * np.sqrt(2 * np.pi)
    best = int(smooth.argmax())
    if notes == 0 or smooth[best] < PILED * notes or smooth[best] < ABOVE * np.sqrt(smooth.mean()) + smooth.mean():
        return None
    return float(edges[best] + step / 2)


def _centre(late: np.ndarray, lag: float) -> float:
    """The median of the differences about a lag."""
    near = late[np.abs(late - lag) < 3 * SHARP]
    return float(np.median(near)) if len(near) else lag


def suspect_spans(
    seen: Sequence[Note], labels: Sequence[Note], start: float, end: float, agreement: float
) -> list[tuple[float, float]]:
    """Seconds between ``start`` and ``end`` in which notes and labels (moved to the picture) meet less than half as
    well as in the whole clip (``agreement``, F1)."""
    spans: list[tuple[float, float]] = []
    for first in np.arange(start, max(start + STEP, end - WINDOW + STEP), STEP):
        last = min(end, first + WINDOW)
        here, true = inside(seen, first, last), inside(labels, first, last)
        if max(len(here), len(true)) < FEW:
            continue
        around = inside(seen, first - NEAR, last + NEAR), inside(labels, first - NEAR, last + NEAR)
        met = note_score(here, around[1], onset_tolerance=NEAR).precision if here else 0.0
        found = note_score(true, around[0], onset_tolerance=NEAR).precision if true else 0.0
        if 2 * met * found < HALF * agreement * (met + found) or not met + found:
            if spans and first <= spans[-1][1]:
                spans[-1] = (spans[-1][0], float(last))
            else:
                spans.append((float(first), float(last)))
    return spans


def cap_ends(labels: Sequence[Note], read: PianoRoll) -> list[Note]:
    """Labels of sound (at the picture's times) that end when the key goes up in the picture, and no later than the
    sound; a key that is not seen to be down keeps its end, or ends where it is struck again."""
    down = read.frame > read.threshold
    again: dict[int, float] = {}
    capped = []
    for label in sorted(labels, reverse=True):
        first, last = np.searchsorted(read.times, [label.onset + SETTLED, label.offset])
        end = min(label.offset, again.get(label.pitch, label.offset))
        held = down[first:last, label.key]
        if held[:3].any():
            begin = int(held[:3].argmax())
            up = begin + int((~held[begin:]).argmax()) if not held[begin:].all() else len(held)
            end = min(end, float(read.times[first + up]) if first + up < len(read) else read.end)
        again[label.pitch] = label.onset
        capped.append(replace(label, offset=max(end, label.onset + SETTLED)))
    return sorted(capped)


# ---- a clip, and a set -----------------------------------------------------------------------------------------------


def check_set(
    folder: str | os.PathLike[str],
    *,
    mend: bool = False,
    drop: float = 0.0,
    force: bool = False,
    jobs: int | None = None,
    ray: str | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> tuple[list[Entry], list[Entry], list[tuple[str, str]]]:
    """Check every clip that was not, and write what was found into the manifest: the clips that stay, those that were
    taken out, and (clip, sentence) of those that could not be checked.

    ``mend``: move the labels to the picture, and cap ends of sound by it. ``drop``: take clips out of the manifest
    whose agreement (F1) is lower. ``force``: check again. Raises FileError and WorkError.
    """
    root = Path(folder).resolve()
    entries = {entry.clip: entry for entry in read_set(root)}
    due = [entry for entry in entries.values() if force or not entry.agreement or (mend and _to_mend(entry))]
    failures: list[tuple[str, str]] = []
    dropped: list[Entry] = []
    written = time.monotonic()
    try:
        for outcome in do_all(_mended if mend else checked, due, jobs=jobs, ray=ray, tell=tell):
            if outcome.result is not None:
                entries[outcome.result.clip] = outcome.result
            else:
                failures.append((outcome.item.clip, outcome.failure or ""))
            if time.monotonic() - written > WRITE_EVERY:
                write_set(root, entries.values())
                written = time.monotonic()
        for entry in list(entries.values()):
            if entry.agreement and float(entry.agreement) < drop:
                dropped.append(entries.pop(entry.clip))
    finally:
        write_set(root, entries.values())
    return list(entries.values()), dropped, failures


def _to_mend(entry: Entry) -> bool:
    """Whether a check left something to do: a lag that was not taken away, or ends of sound."""
    return bool(entry.lag) and (entry.ends == "sound" or abs(float(entry.lag)) > 1e-3)


def checked(entry: Entry) -> Entry:
    """What was found of a clip: its lag, drift, agreement and suspect spans. Raises FileError."""
    return _compare(entry, read_clip(entry), read_midi(entry.midi))[0]


def _mended(entry: Entry) -> Entry:
    """A clip whose labels were moved to the picture, and its ends capped by it. Raises FileError."""
    read, labels = read_clip(entry), read_midi(entry.midi)
    entry, found = _compare(entry, read, labels)
    if found is None:
        return entry
    labels = [note for note in found.moved(labels) if 0 <= note.onset < read.end]
    labels = [replace(note, offset=min(note.offset, read.end)) for note in labels]
    if entry.ends == "sound":
        labels = cap_ends(labels, read)
    entry = replace(
        entry,
        ends="key",
        offset=round(entry.offset - found.lag, 4),
        start=round(max(0.0, found.place(entry.start)), 3),
        end=round(min(read.end, found.place(entry.end)), 3),
    )
    entry, _ = _compare(entry, read, labels)
    before = PianoRoll.load(entry.roll)
    write_midi(labels, entry.midi)
    label_roll(labels, before.times, {**before.metadata, "entry": entry.as_row()}).save(entry.roll)
    return entry


def _compare(entry: Entry, read: PianoRoll, labels: Sequence[Note]) -> tuple[Entry, Alignment | None]:
    """The entry with what was found, and where the labels lie."""
    seen = decode(read)
    whole = f"{entry.start:.1f}-{entry.end:.1f}"
    if not labels:
        raise FileError(f"{entry.midi} holds no notes; import its clip again.")
    found = align(seen, labels)
    if found is None:
        return replace(entry, lag="", drift="", agreement="0", suspect=whole), None
    moved = found.moved(labels)
    seen = inside(seen, entry.start, entry.end)
    true = inside(moved, entry.start, entry.end)
    agreement = note_score(seen, true).f1
    loose = note_score(seen, true, onset_tolerance=NEAR).f1
    spans = [*_hidden(entry), *suspect_spans(seen, moved, entry.start, entry.end, loose)]
    entry = replace(
        entry,
        lag=f"{found.lag:.3f}",
        drift=f"{found.drift * 3600:.2f}",
        agreement=f"{agreement:.3f}",
        suspect=" ".join(f"{first:.2f}-{last:.2f}" for first, last in _joined(spans)),
    )
    return entry, found


def _hidden(entry: Entry) -> list[tuple[float, float]]:
    """Spans in which the keyboard was out of view when the clip was imported."""
    unseen = str(PianoRoll.load(entry.roll).metadata.get("unseen", ""))
    return replace(entry, suspect=unseen).suspect_spans


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans in order, those that touch as one."""
    joined: list[tuple[float, float]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def read_clip(entry: Entry) -> PianoRoll:
    """What the key reader sees in a clip's strips."""
    data = entry.load()
    network, facts = _network()
    known = entry.keyboard.keys_in_view if entry.keyboard is not None else None
    spread = np.linspace(0, len(data.times) - 1, min(len(data.times), PICTURES)).astype(int)
    values = read_strips(network, data.strips, data.times, rest_strip(data.strips[spread], known))
    if known is not None:
        values[:, ~known] = 0
    thresholds: Any = {name: facts[name] for name in ("threshold", "onset_threshold") if name in facts}
    return PianoRoll(data.times, values[..., 0], values[..., 1], **thresholds)


@cache
def _network() -> Any:
    return load_network(None)

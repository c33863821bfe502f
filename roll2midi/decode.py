"""Rules that turn flickering activations into notes.

A key is down while its *frame* activation is over the threshold; gaps too short for a finger are closed and blips too
short for a note are dropped, but for those that begin with a clear *onset*: a key struck so shortly that two or three
frames show it. A peak of *onset* inside a note begins it anew, if it is a clear one or *frame* sinks a little before
it: a repeated key that hardly came up. Times between frames are found by interpolation,
as a frame of film lasts 17 to 50 ms.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pianoroll import Note, PianoRoll
from pianoroll.keys import KEYS, LOWEST_PITCH
from pianoroll.roll import frame_distance
from roll2midi.errors import DecodeError

SHORTEST_NOTE = 0.06  # seconds
CLEAR_ONSET = 0.4  # onset activation from which a blip is a note
BLIP = 0.04  # seconds that such a note lasts at least
SHORTEST_GAP = 0.07  # seconds: a key cannot come up and go down again faster
ONSET_SEARCH = 0.12  # seconds around a rise in which its onset peak is looked for
REPEAT = 0.15  # seconds: a new onset inside a note must lie this far after the last
CLEAR_REPEAT = 0.5  # onset activation from which that is believed by itself
SINKS = 0.1  # frame activation by which else the key comes up in between
VELOCITY = 80  # of all notes, until velocity.py gives them theirs
MODELS = ("refiner", "rules", "threshold")


def decode(roll: PianoRoll, *, model: str | None = None, threshold: float | None = None) -> list[Note]:
    """Notes of a roll, sorted by onset.

    ``model`` says what cleans the roll before the rules: "refiner", the one that ships with the program, used unless
    told otherwise; "rules": nothing does; or a checkpoint of Audeo's Roll2MidiNet (.tar, .pth) or weights of a refiner
    (.safetensors). "threshold" takes every stretch over the threshold for a note, to compare with.
    ``threshold``: from which activation on a key is down, 0..1, if not what the model has for it.
    Raises DecodeError where it is none of these.
    """
    cleaned = clean(roll, model=model)
    if threshold is not None:
        if not 0 < threshold < 1:
            raise DecodeError(f"A threshold of {threshold:g} makes no sense; give one between 0 and 1.")
        cleaned = replace(cleaned, threshold=threshold)
    if model == "threshold":
        return _thresholded(cleaned)
    notes: list[Note] = []
    if len(cleaned):
        for key in np.flatnonzero((cleaned.frame >= cleaned.threshold).any(axis=0)):
            notes += _notes_of_key(cleaned, int(key))
    return sorted(notes)


def clean(roll: PianoRoll, *, model: str | None = None) -> PianoRoll:
    """The roll as the network of ``decode`` cleans it, which takes most of the time; then decode by "rules". Raises as
    it does."""
    from roll2midi import audeo, refine

    if model in ("rules", "threshold"):
        return roll
    if model in (None, "refiner"):
        return refine.refine(roll)
    suffix = Path(str(model)).suffix
    if suffix in audeo.SUFFIXES:
        return audeo.clean(roll, audeo.load_roll2midi(str(model)))
    if suffix == ".safetensors":
        return refine.refine(roll, model)
    raise DecodeError(
        f"There is no note model “{model}”; choose {', '.join(MODELS)}, or give a refiner's weights (.safetensors) "
        "or a checkpoint of Roll2MidiNet (.tar)."
    )


def _thresholded(roll: PianoRoll) -> list[Note]:
    """A note wherever a key is over the threshold, from frame to frame."""
    edges = np.append(roll.times, roll.end)
    down = np.pad((roll.frame >= roll.threshold).astype(np.int8), ((1, 1), (0, 0)))
    changes = np.diff(down, axis=0)
    notes = [
        Note(float(edges[first]), int(key) + LOWEST_PITCH, float(edges[last]), VELOCITY)
        for key in np.flatnonzero(changes.any(axis=0))
        for first, last in zip(np.flatnonzero(changes[:, key] > 0), np.flatnonzero(changes[:, key] < 0), strict=True)
    ]
    return sorted(notes)


def _notes_of_key(roll: PianoRoll, key: int) -> list[Note]:
    """The notes of one key, in order."""
    assert 0 <= key < KEYS
    times, frame = roll.times, roll.frame[:, key].astype(np.float64)
    notes: list[Note] = []
    for first, last in _runs(times, frame >= roll.threshold):
        begin, end = _crossing(times, frame, first, roll.threshold), _crossing(times, frame, last, roll.threshold)
        bounds = [_refine(roll, key, begin), *_repeats(roll, key, first, last), end]
        for onset, offset in itertools.pairwise(bounds):
            if offset - onset < SHORTEST_NOTE:
                if not _clear_onset(roll, key, onset):
                    continue
                offset = max(offset, onset + BLIP)
            inside = frame[slice(*np.searchsorted(times, [min(onset, begin), offset]))]
            sure = float(inside.mean()) if len(inside) else roll.threshold
            notes.append(Note(round(onset, 4), key + LOWEST_PITCH, round(offset, 4), VELOCITY, confidence=sure))
    return _apart(notes)


def _apart(notes: Sequence[Note]) -> list[Note]:
    """Notes of one key, sorted, of which none begins with another or before it ends: runs may share an onset peak."""
    kept: list[Note] = []
    for note in sorted(notes):
        if kept and note.onset - kept[-1].onset < BLIP:
            kept[-1] = replace(kept[-1], offset=max(kept[-1].offset, note.offset))
            continue
        if kept and kept[-1].offset > note.onset:
            kept[-1] = replace(kept[-1], offset=note.onset)
        kept.append(note)
    return kept


def _clear_onset(roll: PianoRoll, key: int, onset: float) -> bool:
    """Whether the onset activation says by itself that a note begins at a second."""
    near = slice(*np.searchsorted(roll.times, [onset - SHORTEST_NOTE, onset + SHORTEST_NOTE]))
    return bool((roll.onset[near, key] >= CLEAR_ONSET).any())


def _runs(times: np.ndarray, down: np.ndarray) -> list[tuple[int, int]]:
    """Runs ``first <= i < last`` in which the key is down, over gaps shorter than SHORTEST_GAP."""
    edges = np.diff(np.concatenate([[0], down.astype(np.int8), [0]]))
    runs: list[tuple[int, int]] = []
    for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        if runs and times[first] - times[runs[-1][1]] < SHORTEST_GAP:
            runs[-1] = (runs[-1][0], int(last))
        else:
            runs.append((int(first), int(last)))
    return runs


def _crossing(times: np.ndarray, values: np.ndarray, i: int, level: float) -> float:
    """Second at which the activation crosses ``level`` between frames i-1 and i."""
    if i == 0:
        return float(times[0])
    if i >= len(times):
        return float(times[-1] + frame_distance(times))
    before, after = values[i - 1], values[i]
    part = (level - before) / (after - before) if after != before else 1.0
    return float(times[i - 1] + np.clip(part, 0, 1) * (times[i] - times[i - 1]))


def _refine(roll: PianoRoll, key: int, begin: float) -> float:
    """Onset second: the centre of the onset peak next to where the frame activation rose, if there is one."""
    first, last = np.searchsorted(roll.times, [begin - ONSET_SEARCH, begin + ONSET_SEARCH])
    values = roll.onset[first:last, key]
    if first == last or values.max() < roll.onset_threshold / 2:
        return begin
    return _peak_centre(roll, key, int(first + values.argmax()))


def _repeats(roll: PianoRoll, key: int, first: int, last: int) -> list[float]:
    """Onset seconds inside a run, after its own beginning: peaks that are clear, or before which the key sinks."""
    onset, times = roll.onset[:, key], roll.times
    found = [first]
    for i in range(first + 1, last - 1):
        peak = onset[i] >= roll.onset_threshold and onset[i] >= onset[i - 1] and onset[i] > onset[i + 1]
        if not peak or times[i] - times[found[-1]] <= REPEAT:
            continue
        if onset[i] >= CLEAR_REPEAT or _sinks(roll, key, found[-1], i, last) >= SINKS:
            found.append(i)
    return [_peak_centre(roll, key, i) for i in found[1:]]


def _sinks(roll: PianoRoll, key: int, first: int, i: int, last: int) -> float:
    """By how much *frame* is lower just before frame i than on either side of it, within ``first`` to ``last``."""
    frame, times = roll.frame[:, key], roll.times
    low = max(first, int(np.searchsorted(times, times[i] - REPEAT)))
    high = min(last, int(np.searchsorted(times, times[i] + REPEAT, side="right")))
    return float(min(frame[low : i + 1].max(), frame[i:high].max()) - frame[max(first, i - 2) : i + 1].min())


def _peak_centre(roll: PianoRoll, key: int, i: int) -> float:
    """Second of an onset peak at frame i, between frames: the mean of its three frames, weighted by activation."""
    chosen = slice(max(0, i - 1), i + 2)
    weights = roll.onset[chosen, key].astype(np.float64) + 1e-6
    return float(np.average(roll.times[chosen], weights=weights))

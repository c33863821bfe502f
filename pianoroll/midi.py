"""MIDI files: read with pretty_midi; written with mido, so that other programs open them well.

Seconds are what counts here, and a file's beats are made to fit them: where the beat of the music is known, the file's
tempo follows it, bar lines and all, so that a sequencer shows the notes in their bars; else one tempo is kept.
"""

import itertools
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np

from pianoroll.errors import FileError
from pianoroll.files import write_beside
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH
from pianoroll.notes import Hand, Note

with redirect_stdout(None):  # pyfluidsynth, which it loads, prints where the environment says CI
    import pretty_midi

RESOLUTION = 960  # ticks a quarter note
SUSTAIN = 64  # controller of the pedal
PEDAL_DOWN = 64  # its value from which it is down
TRACKS: tuple[tuple[str, Hand | None], ...] = (("right", "right"), ("left", "left"), ("piano", None))
SLOWEST = 8.0  # seconds of a beat from which it is a pause
SHORTEST_LEAD = 0.3  # beats before the first bar line that are not worth a bar of their own

pretty_midi.pretty_midi.MAX_TICK = 1e9  # hours at RESOLUTION; it takes files beyond 1e7 for broken ones

Spans = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class BeatGrid:
    """Where the beats of a performance fall: ``times (B,)``, rising seconds; the first is a downbeat.

    ``numerator``/``denominator``: the metre; ``per_bar``: beats in a bar (2 in 6/8). ``changes``: index of a downbeat,
    and the same three from there on.
    """

    times: tuple[float, ...]
    numerator: int
    denominator: int
    per_bar: int
    changes: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def metres(self) -> list["_Metre"]:
        """Of every beat."""
        changes = {index: _Metre(*metre) for index, *metre in self.changes}
        metres, now = [], _Metre(self.numerator, self.denominator, self.per_bar)
        for index in range(len(self.times)):
            now = changes.get(index, now)
            metres.append(now)
        return metres

    @property
    def downbeats(self) -> list[float]:
        """Seconds at which bars begin."""
        begun = {0, *(index for index, *_ in self.changes)}
        found, count = [], 0
        for index, (time, metre) in enumerate(zip(self.times, self.metres, strict=True)):
            count = 0 if index in begun else count % metre.per_bar
            if count == 0:
                found.append(time)
            count += 1
        return found


class _Metre(NamedTuple):
    """``per_bar``: beats in a bar (2 in 6/8)."""

    numerator: int
    denominator: int
    per_bar: int

    @property
    def ticks(self) -> int:
        """Of a beat."""
        return RESOLUTION * 4 * self.numerator // (self.denominator * self.per_bar)

    def message(self, count: int | None = None) -> mido.MetaMessage:
        """A bar of ``count`` beats; a whole one."""
        part = Fraction(self.numerator * (count or self.per_bar), self.denominator * self.per_bar)
        denominator = self.denominator
        while (part * denominator).denominator > 1:
            denominator *= 2
        return mido.MetaMessage("time_signature", numerator=int(part * denominator), denominator=denominator)


def read_midi(path: str | os.PathLike[str]) -> list[Note]:
    """All notes of a MIDI file that a piano has, sorted; drums are left out. Raises FileError if it is none."""
    return read_performance(path)[0]


def read_performance(path: str | os.PathLike[str]) -> tuple[list[Note], list[tuple[float, float]]]:
    """The notes of a MIDI file as ``read_midi`` gives them, and the seconds from and to which its sustain pedal is
    down. Raises FileError if it is none."""
    midi = _open(path)
    hands: dict[str, Hand] = {"left": "left", "right": "right"}
    notes = [
        Note(note.start, note.pitch, note.end, max(1, note.velocity), hands.get(instrument.name.strip().lower()))
        for instrument in midi.instruments
        if not instrument.is_drum
        for note in instrument.notes
        if LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH
    ]
    return sorted(notes, key=lambda note: (note.onset, note.pitch)), _pedal_spans(midi)


def read_beats(path: str | os.PathLike[str]) -> tuple[list[float], list[float]]:
    """Seconds at which the beats and the bars of a MIDI file begin. Raises FileError if it is none."""
    midi = _open(path)
    return [float(time) for time in midi.get_beats()], [float(time) for time in midi.get_downbeats()]


def _pedal_spans(midi: pretty_midi.PrettyMIDI) -> list[tuple[float, float]]:
    moves = sorted(
        (change.time, change.value >= PEDAL_DOWN)
        for instrument in midi.instruments
        for change in instrument.control_changes
        if change.number == SUSTAIN
    )
    spans, since = [], None
    for time, down in moves:
        if down and since is None:
            since = time
        elif not down and since is not None:
            spans.append((since, time))
            since = None
    return spans if since is None else [*spans, (since, midi.get_end_time())]


def _open(path: str | os.PathLike[str]) -> pretty_midi.PrettyMIDI:
    if not Path(path).is_file():
        raise FileError(f"{path} does not exist; give a MIDI file (.mid).")
    try:
        return pretty_midi.PrettyMIDI(os.fspath(path))
    except (OSError, ValueError, KeyError, IndexError, EOFError, AttributeError, TypeError) as error:
        raise FileError(f"{path} is no MIDI file that can be read: {error or type(error).__name__}") from error


def write_midi(
    notes: Sequence[Note],
    path: str | os.PathLike[str],
    *,
    tempo: float = 120.0,
    beats: BeatGrid | None = None,
    program: int = 0,
    pedal: Spans = (),
    text: Sequence[str] = (),
) -> None:
    """Write notes as a MIDI file: tracks named ``right`` and ``left``; those of unknown hand in one named ``piano``.

    ``beats``: the grid that the file's bars follow; without it, ``tempo`` (beats a minute) throughout. Seconds stay as
    they are with any. ``program``: General MIDI, from 0. ``pedal``: seconds from and to which it is down, written to
    every track as CC64. ``text``: lines about the file, such as its source.
    """
    clock = _Clock.of(beats) if beats is not None and _usable(beats) else _Clock.steady(tempo)
    midi = mido.MidiFile(type=1, ticks_per_beat=RESOLUTION)
    about = [(0, mido.MetaMessage("text", text=_latin(line))) for line in text]
    midi.tracks.append(_track(about + clock.messages))
    channels = iter(range(16))
    for name, hand in TRACKS:
        members = [note for note in notes if note.hand == hand]
        if members or (hand is None and not notes):
            channel = next(channels)
            begin = [
                (0, mido.MetaMessage("track_name", name=name)),
                (0, mido.Message("program_change", channel=channel, program=program)),
            ]
            midi.tracks.append(_track(begin + _pedalling(pedal, clock, channel) + _playing(members, clock, channel)))
    with write_beside(path) as temporary:
        midi.save(os.fspath(temporary))


def _usable(beats: BeatGrid) -> bool:
    """Whether enough beats lie at or after 0 s."""
    return len(beats.times) - int(np.searchsorted(beats.times, 0.0)) > 1


@dataclass(frozen=True)
class _Clock:
    """Seconds to ticks: ``ticks`` of ``seconds``, straight between and beyond; and the messages that say so."""

    seconds: np.ndarray
    ticks: np.ndarray
    messages: list[tuple[int, mido.MetaMessage]]

    @classmethod
    def steady(cls, tempo: float) -> "_Clock":
        message = mido.MetaMessage("set_tempo", tempo=round(6e7 / tempo))
        return cls(np.array([0.0, message.tempo / 1e6]), np.array([0, RESOLUTION]), [(0, message)])

    @classmethod
    def of(cls, beats: BeatGrid) -> "_Clock":
        """A tempo for each beat. Whole bars, and a pick-up before them, fill the time before the first bar line; whole
        bars are put into pauses, of which a single beat could not be so slow."""
        times, metres = np.array(beats.times, dtype=float), beats.metres
        usual = float(np.median(np.diff(times)))
        skipped = int(np.searchsorted(times, 0.0))
        times, metres = times[skipped:], metres[skipped:]
        lead = max(1, round(times[0] / usual)) if times[0] > SHORTEST_LEAD * usual else 0
        times = np.concatenate([np.linspace(0, times[0], lead + 1)[:-1], times])
        times[0] = 0.0
        metres = [metres[0]] * lead + metres
        pickup = (lead - skipped) % metres[0].per_bar
        seconds, metres = _filled(times, metres, usual)
        ticks = np.cumsum([0, *(metre.ticks for metre in metres[:-1])])
        messages = [(0, metres[0].message(pickup))] if pickup else []
        for index, (before, metre) in enumerate(itertools.pairwise([None, *metres])):
            if metre and metre != before:
                messages.append((int(ticks[index]) if before else pickup * metre.ticks, metre.message()))
        now = 0
        for tick, length, metre in zip(ticks, np.diff(seconds), metres, strict=False):
            micro = max(1, round(1e6 * float(length) * RESOLUTION / metre.ticks))
            if micro != now:
                messages.append((int(tick), mido.MetaMessage("set_tempo", tempo=micro)))
            now = micro
        return cls(seconds, ticks, messages)

    def at(self, second: float) -> int:
        """The tick of a second; the first and last tempo go on beyond the beats."""
        last = (self.ticks[-1] - self.ticks[-2]) / (self.seconds[-1] - self.seconds[-2])
        beyond = max(0.0, second - float(self.seconds[-1]))
        return max(0, round(float(np.interp(second, self.seconds, self.ticks)) + beyond * float(last)))


def _filled(times: np.ndarray, metres: Sequence[_Metre], usual: float) -> tuple[np.ndarray, list[_Metre]]:
    """Beats and their metres, with whole bars of ``usual`` beats put between those more than SLOWEST seconds apart."""
    parts, filled = [], list[_Metre]()
    for (begin, end), metre in zip(itertools.pairwise(times), metres, strict=False):
        bars = round((end - begin) / (usual * metre.per_bar)) if end - begin > SLOWEST else 0
        parts.append(np.linspace(begin, end, 1 + metre.per_bar * max(bars, 0) + 1)[:-1])
        filled += [metre] * len(parts[-1])
    return np.concatenate([*parts, times[-1:]]), [*filled, metres[-1]]


def _playing(notes: Sequence[Note], clock: _Clock, channel: int) -> list[tuple[int, mido.Message]]:
    """Note messages; a note ends at the latest where its own key is struck again."""
    messages, following = [], dict[int, float]()
    for note in sorted(notes, reverse=True):
        on, off = clock.at(note.onset), clock.at(min(note.offset, following.get(note.pitch, np.inf)))
        following[note.pitch] = note.onset
        messages.append((on, mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)))
        messages.append((max(on + 1, off), mido.Message("note_off", channel=channel, note=note.pitch, velocity=0)))
    return messages


def _pedalling(pedal: Spans, clock: _Clock, channel: int) -> list[tuple[int, mido.Message]]:
    moves = [(clock.at(second), value) for span in pedal for second, value in zip(span, (127, 0), strict=True)]
    return [(t, mido.Message("control_change", channel=channel, control=SUSTAIN, value=value)) for t, value in moves]


def _track(messages: Sequence[tuple[int, mido.Message | mido.MetaMessage]]) -> mido.MidiTrack:
    """Messages at ticks -> a track, with the distances that a file holds; a note ends before the next one begins."""
    track, now = mido.MidiTrack(), 0
    for tick, message in sorted(messages, key=lambda item: (item[0], item[1].type == "note_on")):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def _latin(line: str) -> str:
    """Text that MIDI files can hold in every program: Latin-1."""
    return line.encode("latin-1", "replace").decode("latin-1")

"""FluidSynth, driven block by block: notes in, samples out, no audio device and no file between.

FluidSynth's own float output is read (``fluid_synth_write_float``), so that nothing clips before the peak is set.
"""

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from midi_synth.errors import SynthError
from midi_synth.instruments import program_number
from midi_synth.soundfonts import find_soundfont
from pianoroll import Note

PEAK = 10 ** (-1 / 20)  # -1 dBFS
TAIL = 2.0  # seconds that the last notes may ring out
FADE = 0.05  # seconds of fade at the very end
SILENCE = 10 ** (-70 / 20)  # of the peak: what follows is not heard
SHORT_SILENCE = 0.5  # seconds, for a piece without notes
SHORTEST_NOTE = 0.03  # seconds; a shorter one would be a click
BLOCK = 1.0  # seconds at most between two reports of progress
SAMPLE_RATES = (8000, 96000)  # Hz, FluidSynth's limits
SUSTAIN = 64  # MIDI controller of the pedal
_CHANNEL = 0
_PEDAL = -1  # in place of a pitch
_LOG_LEVELS = range(5)

Progress = Callable[[float], None]


@dataclass(frozen=True, order=True)
class _Event:
    """A key, or the pedal, going up (velocity 0) or down at a sample; at the same sample, ups come first."""

    sample: int
    velocity: int
    pitch: int


def render(
    notes: Sequence[Note],
    *,
    pedal: Sequence[tuple[float, float]] = (),
    soundfont: str | os.PathLike[str] | None = None,
    instrument: int | str = 0,
    sample_rate: int = 44100,
    progress: Progress | None = None,
) -> np.ndarray:
    """Sound of ``notes``: float32 ``(samples, 2)``, stereo, peak at -1 dBFS.

    ``pedal``: seconds from and to which the sustain pedal is down.
    ``instrument``: General MIDI program 0..127 or its name. ``progress`` is called with 0..1.
    Raises SynthError: no FluidSynth library, no or a broken soundfont, an unknown instrument, an impossible rate.
    """
    program = program_number(instrument)
    if not SAMPLE_RATES[0] <= sample_rate <= SAMPLE_RATES[1]:
        raise SynthError(f"{sample_rate} Hz is no sample rate that can be rendered; give 8000 to 96000, e.g. 44100.")
    path = find_soundfont(soundfont)
    report = progress or (lambda done: None)
    report(0.0)
    if not notes:
        report(1.0)
        return np.zeros((round(SHORT_SILENCE * sample_rate), 2), dtype=np.float32)
    with _synthesiser(os.fspath(path), program, sample_rate) as (library, synth):
        sound = _play(library, synth, _events(notes, pedal, sample_rate), sample_rate, report)
    report(1.0)
    return _finish(sound, _last_offset(notes, sample_rate), sample_rate)


def _events(notes: Sequence[Note], pedal: Sequence[tuple[float, float]], sample_rate: int) -> list[_Event]:
    """Events in order; a note ends at the latest where its own key is struck again."""
    last = max(note.offset for note in notes)
    moves = [
        (second, value) for down, up in pedal for second, value in ((down, 127), (min(up, last), 0)) if down < last
    ]
    events = [_Event(round(max(0.0, second) * sample_rate), value, _PEDAL) for second, value in moves]
    next_onset: dict[int, float] = {}
    for note in sorted(notes, reverse=True):
        pitch = min(127, max(0, note.pitch))
        onset = max(0.0, note.onset)
        offset = min(max(note.offset, onset + SHORTEST_NOTE), next_onset.get(pitch, np.inf))
        next_onset[pitch] = onset
        if offset <= onset:
            continue  # the same key twice at once: one sound
        events.append(_Event(round(onset * sample_rate), min(127, max(1, note.velocity)), pitch))
        events.append(_Event(round(offset * sample_rate), 0, pitch))
    return sorted(events)


def _last_offset(notes: Sequence[Note], sample_rate: int) -> int:
    """Sample at which the last key goes up."""
    return round(max(max(note.offset, note.onset + SHORTEST_NOTE, 0.0) for note in notes) * sample_rate)


def _play(library: ModuleType, synth: Any, events: Sequence[_Event], sample_rate: int, report: Progress) -> np.ndarray:
    """Play the events and the tail: float32 ``(samples, 2)``, not yet scaled."""
    total = events[-1].sample + round(TAIL * sample_rate)
    block = round(BLOCK * sample_rate)
    sound = np.zeros((total, 2), dtype=np.float32)
    at = 0
    for event in [*events, None]:
        until = event.sample if event else total
        while at < until:
            step = min(block - at % block, until - at)
            _read(library, synth, sound[at : at + step])
            at += step
            if at % block == 0:
                report(at / total)
        if event and event.pitch == _PEDAL:
            synth.cc(_CHANNEL, SUSTAIN, event.velocity)
        elif event and event.velocity:
            synth.noteon(_CHANNEL, event.pitch, event.velocity)
        elif event:
            synth.noteoff(_CHANNEL, event.pitch)
    return sound


def _read(library: ModuleType, synth: Any, into: np.ndarray) -> None:
    """Fill ``into (n, 2)``, contiguous float32, with the synthesiser's next samples."""
    pointer = ctypes.c_void_p(into.ctypes.data)
    if library.write_float(synth.synth, len(into), pointer, 0, 2, pointer, 1, 2) != 0:
        raise SynthError("FluidSynth stopped in the middle of the piece; install a newer libfluidsynth (2 or later).")


def _finish(sound: np.ndarray, last_offset: int, sample_rate: int) -> np.ndarray:
    """Cut the silent end off, fade the last 50 ms, and scale the peak to -1 dBFS."""
    peak = float(np.abs(sound).max())
    if peak == 0.0:
        return sound[:last_offset] if last_offset else sound
    heard = np.flatnonzero(np.abs(sound[last_offset:]).max(axis=1) > peak * SILENCE)
    fade = round(FADE * sample_rate)
    end = min(len(sound), last_offset + fade + (int(heard[-1]) if len(heard) else 0))
    sound = sound[:end]
    sound[-fade:] *= np.linspace(1.0, 0.0, len(sound[-fade:]), dtype=np.float32)[:, np.newaxis]
    sound *= PEAK / float(np.abs(sound).max())
    return sound


@contextmanager
def _synthesiser(soundfont: str, program: int, sample_rate: int) -> Iterator[tuple[ModuleType, Any]]:
    """A FluidSynth with the soundfont loaded and the program chosen; freed when the block ends."""
    library = _library()
    settings = {"synth.chorus.active": 0, "synth.reverb.active": 1}
    synth = library.Synth(gain=0.5, samplerate=float(sample_rate), channels=16, **settings)
    try:
        font = synth.sfload(soundfont)
        if font < 0:
            raise SynthError(f"{soundfont} is no soundfont that FluidSynth can read; give another .sf2 or .sf3 file.")
        if synth.program_select(_CHANNEL, font, 0, program) != 0:
            raise SynthError(f"The soundfont {soundfont} has no instrument {program}; choose another instrument.")
        yield library, synth
    finally:
        synth.delete()


def _library() -> ModuleType:
    """pyfluidsynth, with float output bound as ``write_float`` and FluidSynth's own messages silenced."""
    try:
        import fluidsynth
    except (ImportError, OSError) as error:
        raise SynthError(
            "Sound needs the FluidSynth library, which is not installed: “apt-get install libfluidsynth3” on "
            "Debian or Ubuntu, “brew install fluid-synth” on a Mac, “choco install fluidsynth” on Windows."
        ) from error
    if not hasattr(fluidsynth, "write_float"):
        names = (("synth", ctypes.c_void_p), ("len", ctypes.c_int))
        left = (("lout", ctypes.c_void_p), ("loff", ctypes.c_int), ("lincr", ctypes.c_int))
        right = (("rout", ctypes.c_void_p), ("roff", ctypes.c_int), ("rincr", ctypes.c_int))
        arguments = [(name, kind, 1) for name, kind in (*names, *left, *right)]
        fluidsynth.write_float = fluidsynth.cfunc("fluid_synth_write_float", ctypes.c_int, *arguments)
        pointers = [("level", ctypes.c_int, 1), ("handler", ctypes.c_void_p, 1), ("data", ctypes.c_void_p, 1)]
        silence = fluidsynth.cfunc("fluid_set_log_function", ctypes.c_void_p, *pointers)
        for level in _LOG_LEVELS if silence else ():
            silence(level, None, None)
    return fluidsynth

"""FluidSynth, driven block by block: notes in, samples out, no audio device and no file between.

FluidSynth's own float output is read (``fluid_synth_write_float``), so that nothing clips before the loudness is set.
All events lie in its sequencer before the first sample is read: reading then is a few long calls, during which Python
is free to do other work in other threads. (A call for each event would have to wait its turn after each.)
"""

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from types import ModuleType
from typing import Any

import numpy as np

from midi_synth.engine import Progress, Spans
from midi_synth.errors import SynthError
from midi_synth.instruments import program_number
from midi_synth.soundfonts import find_soundfont
from pianoroll import Hand, Note

TAIL = 2.0  # seconds that the last notes may ring out
SHORTEST_NOTE = 0.03  # seconds; a shorter one would be a click
TICKS = 100  # of its sequencer, a millisecond
BLOCK = 3.0  # seconds read at once: voices that have died away are only free again after it
POLYPHONY = 512  # voices, dead ones among them
QUANTUM = 64  # samples that FluidSynth makes at once: an event is heard from the next such on
SAMPLE_RATES = (8000, 96000)  # Hz, FluidSynth's limits
SUSTAIN, VOLUME, CHORUS = 64, 7, 93  # MIDI controllers: the pedal, a channel's loudness, and what goes to the chorus
CHORUS_SENT = 60  # of 127
CHANNELS: dict[Hand | None, int] = {"right": 0, "left": 1, None: 2}
QUIETEST, LOUDEST = -60.0, 24.0  # decibels
_PEDAL = -1  # in place of a pitch
_LOG_LEVELS = range(5)


@dataclass(frozen=True)
class FluidSynth:
    """An instrument of a soundfont. ``instrument``: General MIDI program 0..127 or its name; ``soundfont``: found on
    the computer unless given; ``levels``: decibels by which a hand is louder than the others, or softer."""

    instrument: int | str = 0
    soundfont: str | os.PathLike[str] | None = None
    reverb: bool = True
    chorus: bool = False
    levels: Mapping[Hand | None, float] = field(default_factory=dict)

    def render(
        self, notes: Sequence[Note], sample_rate: int, *, pedal: Spans = (), progress: Progress | None = None
    ) -> np.ndarray:
        """As ``Engine`` has it. Raises SynthError: no FluidSynth library, no or a broken soundfont, an unknown
        instrument, an impossible rate or level."""
        program, volumes = self.check()
        if not SAMPLE_RATES[0] <= sample_rate <= SAMPLE_RATES[1]:
            raise SynthError(
                f"{sample_rate} Hz is no sample rate that can be rendered; give 8000 to 96000, e.g. 44100."
            )
        path = os.fspath(find_soundfont(self.soundfont))
        with _synthesiser(path, program, sample_rate, reverb=self.reverb, chorus=self.chorus) as (library, synth):
            for hand, channel in CHANNELS.items():
                synth.cc(channel, VOLUME, volumes[hand])
                synth.cc(channel, CHORUS, CHORUS_SENT if self.chorus else 0)
            channels = CHANNELS if self.levels else dict.fromkeys(CHANNELS, 0)  # hands alike: it matters not whose
            events = _events(notes, pedal, sample_rate, channels)
            return _play(library, synth, events, sample_rate, progress or (lambda _: None))

    def check(self) -> tuple[int, dict[Hand | None, int]]:
        """The program, and each hand's volume (0..127): 127 of the loudest. Raises SynthError before any long work."""
        program = program_number(self.instrument)
        find_soundfont(self.soundfont)
        for hand, level in self.levels.items():
            if not QUIETEST <= level <= LOUDEST:
                raise SynthError(f"The {hand} hand cannot be {level:g} dB louder; give {QUIETEST:g} to {LOUDEST:g}.")
        loudest = max(self.levels.get(hand, 0.0) for hand in CHANNELS)
        gains = {hand: 10 ** ((self.levels.get(hand, 0.0) - loudest) / 40) for hand in CHANNELS}
        return program, {hand: round(127 * gain) for hand, gain in gains.items()}  # 40 log10 (v / 127): General MIDI's


@dataclass(frozen=True, order=True)
class _Event:
    """A key, or the pedal, going up (velocity 0) or down at a sample; at the same sample, ups come first."""

    sample: int
    velocity: int
    pitch: int
    channel: int = 0


def _events(notes: Sequence[Note], pedal: Spans, sample_rate: int, channels: Mapping[Hand | None, int]) -> list[_Event]:
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
        channel = channels[note.hand]
        events.append(_Event(round(onset * sample_rate), min(127, max(1, note.velocity)), pitch, channel))
        events.append(_Event(round(offset * sample_rate), 0, pitch, channel))
    return sorted(events)


def _play(library: ModuleType, synth: Any, events: Sequence[_Event], sample_rate: int, report: Progress) -> np.ndarray:
    """Play the events and the tail: float32 ``(2, samples)``."""
    total = events[-1].sample + round(TAIL * sample_rate)
    block = round(BLOCK * sample_rate)
    sound = np.zeros((2, total), dtype=np.float32)
    with _scheduled(library, synth, events, sample_rate):
        for at in range(0, total, block):
            _read(library, synth, sound[:, at : at + block])
            report(min(total, at + block) / total)
    return sound


@contextmanager
def _scheduled(library: ModuleType, synth: Any, events: Sequence[_Event], sample_rate: int) -> Iterator[None]:
    """Within, the synthesiser plays the events as its samples are read."""
    sequencer = library.Sequencer(time_scale=1000 * TICKS, use_system_timer=False)
    player = sequencer.register_fluidsynth(synth)
    call = ctypes.PyDLL(library.lib)  # keeps Python's lock: for so short calls, waiting to have it back takes longer
    call.new_fluid_event.restype = ctypes.c_void_p
    event, sequence = ctypes.c_void_p(call.new_fluid_event()), ctypes.c_void_p(sequencer.sequencer)
    call.fluid_event_set_source(event, -1)
    call.fluid_event_set_dest(event, player)
    try:
        for quantum, together in groupby(events, lambda each: -(-each.sample // QUANTUM)):
            # The clock is looked at one quantum ahead, in whole milliseconds; within one, ticks keep the order.
            now = int(1000.0 * (QUANTUM * (quantum - 1)) / sample_rate) * TICKS
            for order, each in enumerate(together):
                if now <= 0:
                    _strike(synth, each)
                    continue
                tick = now - max(0, TICKS - 1 - order)
                for channel in set(CHANNELS.values()) if each.pitch == _PEDAL else (each.channel,):
                    _describe(call, event, each, channel)
                    call.fluid_sequencer_send_at(sequence, event, tick, 1)
        yield
    finally:
        call.delete_fluid_event(event)
        sequencer.delete()


def _describe(call: ctypes.PyDLL, event: ctypes.c_void_p, each: _Event, channel: int) -> None:
    """Make FluidSynth's ``event`` that which is to come."""
    if each.pitch == _PEDAL:
        call.fluid_event_control_change(event, channel, SUSTAIN, each.velocity)
    elif each.velocity:
        call.fluid_event_noteon(event, channel, each.pitch, each.velocity)
    else:
        call.fluid_event_noteoff(event, channel, each.pitch)


def _strike(synth: Any, event: _Event) -> None:
    """Play an event at once."""
    if event.pitch == _PEDAL:
        for channel in CHANNELS.values():
            synth.cc(channel, SUSTAIN, event.velocity)
    elif event.velocity:
        synth.noteon(event.channel, event.pitch, event.velocity)
    else:
        synth.noteoff(event.channel, event.pitch)


def _read(library: ModuleType, synth: Any, into: np.ndarray) -> None:
    """Fill ``into (2, n)``, rows of contiguous float32, with the synthesiser's next samples."""
    left, right = (ctypes.c_void_p(row.ctypes.data) for row in into)
    if library.write_float(synth.synth, into.shape[1], left, 0, 1, right, 0, 1) != 0:
        raise SynthError("FluidSynth stopped in the middle of the piece; install a newer libfluidsynth (2 or later).")


@contextmanager
def _synthesiser(
    soundfont: str, program: int, sample_rate: int, *, reverb: bool, chorus: bool
) -> Iterator[tuple[ModuleType, Any]]:
    """A FluidSynth with the soundfont loaded and the program chosen; freed when the block ends."""
    library = _library()
    settings = {"synth.chorus.active": int(chorus), "synth.reverb.active": int(reverb), "synth.polyphony": POLYPHONY}
    synth = library.Synth(gain=0.5, samplerate=float(sample_rate), channels=16, **settings)
    try:
        font = synth.sfload(soundfont)
        if font < 0:
            raise SynthError(f"{soundfont} is no soundfont that FluidSynth can read; give another .sf2 or .sf3 file.")
        for channel in CHANNELS.values():
            if synth.program_select(channel, font, 0, program) != 0:
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

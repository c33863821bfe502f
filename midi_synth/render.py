"""Notes -> sound that is ready to be heard: played by an engine, then made as loud and as long as it should be."""

from collections.abc import Sequence

import numpy as np

from midi_synth.engine import Engine, Progress, Spans
from midi_synth.fluid import FluidSynth
from midi_synth.loudness import finish
from pianoroll import Note

SAMPLE_RATE = 44100
SHORT_SILENCE = 0.5  # seconds, for a piece without notes whose length is not known


def render(
    notes: Sequence[Note],
    sample_rate: int = SAMPLE_RATE,
    *,
    engine: Engine | None = None,
    pedal: Spans = (),
    length: float | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Sound of ``notes``: float32 ``(2, N)``, left and right, at -18 LUFS or, where it would go beyond it, a true peak
    of -1 dBTP.

    ``engine``: a piano of FluidSynth unless given. ``pedal``: seconds from and to which the sustain pedal is down.
    ``length``: seconds that the sound lasts exactly, such as a video's; else it ends when it has died away.
    ``progress`` is called with 0..1. Raises SynthError as the engine does.
    """
    report = progress or (lambda done: None)
    report(0.0)
    if not notes:
        report(1.0)
        seconds = SHORT_SILENCE if length is None else length
        return np.zeros((2, round(seconds * sample_rate)), dtype=np.float32)
    sound = (engine or FluidSynth()).render(notes, sample_rate, pedal=pedal, progress=report)
    report(1.0)
    return finish(sound, sample_rate, last=max(note.offset for note in notes), length=length)

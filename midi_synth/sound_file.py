"""Sound -> WAV."""

import os

import numpy as np
import soundfile

from midi_synth.errors import SynthError
from pianoroll.files import write_beside


def write_wav(sound: np.ndarray, path: str | os.PathLike[str], *, sample_rate: int = 44100) -> None:
    """Write ``sound (samples, channels)``, float in -1..1, as a 16-bit WAV; nothing half-written is ever left.

    Raises FileError where the file cannot be written, SynthError where the sound cannot be stored as WAV.
    """
    try:
        with write_beside(path) as temporary:
            soundfile.write(os.fspath(temporary), sound, sample_rate, subtype="PCM_16", format="WAV")
    except soundfile.LibsndfileError as error:
        raise SynthError(f"{path} could not be written as WAV: {error}") from error

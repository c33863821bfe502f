"""Sound -> a file: WAV, FLAC, MP3 or OGG, as its name ends."""

import os
from pathlib import Path

import numpy as np
import soundfile

from midi_synth.errors import SynthError
from pianoroll.files import write_beside

FORMATS = {  # ending -> libsndfile's format and subtype
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".ogg": ("OGG", "VORBIS"),
}
SOUND_SUFFIXES = tuple(FORMATS)
BLOCK = 1 << 18  # samples written at once: libsndfile's Vorbis encoder fails on hours in one piece


def write_sound(sound: np.ndarray, path: str | os.PathLike[str], *, sample_rate: int = 44100) -> None:
    """Write ``sound (channels, samples)``, float in -1..1; nothing half-written is ever left.

    Raises FileError where the file cannot be written, SynthError where its ending or rate is none that can be stored.
    """
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise SynthError(f"{path}: sound can be written as {', '.join(FORMATS)}; name the file so.")
    kind, subtype = FORMATS[ending]
    try:
        with (
            write_beside(path) as temporary,
            soundfile.SoundFile(os.fspath(temporary), "w", sample_rate, len(sound), subtype, format=kind) as file,
        ):
            for start in range(0, sound.shape[1], BLOCK):
                file.write(sound[:, start : start + BLOCK].T)
    except soundfile.LibsndfileError as error:
        raise SynthError(f"{path} could not be written as {kind}: {error}") from error

"""Sound -> a file: WAV, FLAC, MP3, OGG or M4A, as its name ends."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
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
AAC = ".m4a"  # PyAV writes it: small, and players find any place in it exactly
SOUND_SUFFIXES = (*FORMATS, AAC)
BLOCK = 1 << 18  # samples written at once: libsndfile's Vorbis encoder fails on hours in one piece
FULL = 32767  # the largest sample of 16 bits
AAC_FRAME = 1024  # samples
AAC_QUALITY = {"b": "128k", "aac_coder": "fast"}


def write_sound(sound: np.ndarray, path: str | os.PathLike[str], *, sample_rate: int = 44100) -> None:
    """Write ``sound (2, samples)``, float in -1..1; nothing half-written is ever left.

    Raises FileError where the file cannot be written, SynthError where its ending or rate is none that can be stored.
    """
    ending = Path(path).suffix.lower()
    if ending not in SOUND_SUFFIXES:
        raise SynthError(f"{path}: sound can be written as {', '.join(SOUND_SUFFIXES)}; name the file so.")
    try:
        with write_beside(path) as temporary:
            if ending == AAC:
                _write_aac(sound, temporary, sample_rate)
            else:
                _write(sound, temporary, sample_rate, *FORMATS[ending])
    except (soundfile.LibsndfileError, av.FFmpegError) as error:
        raise SynthError(f"{path} could not be written as {ending[1:].upper()}: {error}") from error


def _write(sound: np.ndarray, path: Path, sample_rate: int, kind: str, subtype: str) -> None:
    with soundfile.SoundFile(os.fspath(path), "w", sample_rate, len(sound), subtype, format=kind) as file:
        for start in range(0, sound.shape[1], BLOCK):
            piece = sound[:, start : start + BLOCK].T
            file.write(_as_integers(piece) if subtype == "PCM_16" else piece)


def _as_integers(piece: np.ndarray) -> np.ndarray:
    """Samples of 16 bits, as libsndfile makes them, but several at once."""
    scaled = np.multiply(piece, np.float32(FULL), order="C")
    return np.clip(np.rint(scaled, out=scaled), -FULL, FULL, out=scaled).astype(np.int16)


def _write_aac(sound: np.ndarray, path: Path, sample_rate: int) -> None:
    with av.open(os.fspath(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=sample_rate, layout="stereo", options=AAC_QUALITY)
        for frame in aac_frames(sound, sample_rate):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def aac_frames(sound: np.ndarray, sample_rate: int) -> Iterator[av.AudioFrame]:
    """Stereo sound in the pieces that an AAC encoder takes, the first at time 0."""
    for first in range(0, sound.shape[1], AAC_FRAME):
        piece = np.ascontiguousarray(sound[:, first : first + AAC_FRAME], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, first, Fraction(1, sample_rate)
        yield frame

"""Labels for videos that have none: the notes of a recording, heard in its sound or read from its falling notes."""

import os
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np

from pianoroll import Note, SilentkeysError

ENGINES = ("transkun", "falling_notes")
RATE = 44100  # samples a second
SILENT = 1e-4  # of full scale: no louder than that is no music


class LabelError(SilentkeysError):
    """A recording that cannot be labelled so."""


def label(source: str | os.PathLike[str], engine: str = "transkun") -> list[Note]:
    """The notes of a video or sound file.

    ``engine``: "transkun" hears piano sound (see ``transkun_engine``), so note ends are those of the sound, which the
    pedal lengthens, and times are those of the sound, which may be late to the picture; "falling_notes" reads the bars
    that fall onto the keys. Raises LabelError, and VideoError and KeyboardError for videos.
    """
    if engine not in ENGINES:
        raise LabelError(f"--engine “{engine}” is unknown; choose {' or '.join(ENGINES)}.")
    if engine == "falling_notes":
        return _read_bars(source)
    if find_spec("transkun") is None:
        raise LabelError('Labels from sound need the package transkun: pip install "silentkeys[label]".')
    sound = read_sound(source)
    from dataset_tools.transkun_engine import hear

    return hear(sound, RATE)


def _read_bars(source: str | os.PathLike[str]) -> list[Note]:
    from video2roll.falling_notes import read_falling_notes
    from video2roll.scenes import find_in_video

    found = read_falling_notes(source, find_in_video(source))
    if found is None:
        raise LabelError(f"{source} shows no bars that fall onto the keys; label it from its sound: --engine transkun.")
    return found.notes


def read_sound(source: str | os.PathLike[str]) -> np.ndarray:
    """The first sound track of a file, float32 ``(2, N)`` at RATE. Raises LabelError where there is none or it is
    silent."""
    if not Path(source).is_file():
        raise LabelError(f"{source} does not exist; check the name.")
    try:
        with av.open(os.fspath(source)) as file:
            if not file.streams.audio:
                raise LabelError(f"{source} has no sound, so nothing can be heard; try --engine falling_notes.")
            to_stereo = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
            frames = [part for frame in file.decode(audio=0) for part in to_stereo.resample(frame)]
            sound = np.concatenate([part.to_ndarray() for part in [*frames, *to_stereo.resample(None)]], axis=1)
    except (av.FFmpegError, ValueError) as error:
        raise LabelError(f"{source} holds no sound that can be decoded; convert it to WAV.") from error
    if np.abs(sound).max(initial=0.0) < SILENT:
        raise LabelError(f"The sound of {source} is silent, so nothing can be heard; try --engine falling_notes.")
    return sound

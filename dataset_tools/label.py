"""Labels for videos that have none: the notes of a recording, heard in its sound or read from its falling notes."""

import os
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np

from pianoroll import Note, SilentkeysError

ENGINES = ("transkun", "onsets_frames", "falling_notes")
RATE = 44100  # samples a second
SILENT = 1e-4  # of full scale: no louder than that is no music


class LabelError(SilentkeysError):
    """A recording that cannot be labelled so."""


def label(
    source: str | os.PathLike[str],
    engine: str | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    activations: str | os.PathLike[str] | None = None,
) -> list[Note]:
    """The notes of a video or sound file.

    ``engine``: "transkun" (see ``transkun_engine``) and "onsets_frames" (with the checkpoint ``weights``) hear piano
    sound, so note ends are those of the sound, which the pedal lengthens, and times are those of the sound, which may
    be late to the picture; "falling_notes" reads the bars that fall onto the keys. None: onsets_frames where weights
    are given, else transkun. ``activations``: a file (.npz) for what Onsets and Frames says, ``onset, offset, frame,
    velocity``, each ``(T, 88)``, every 32 ms. Raises LabelError, CheckpointError, FileError, and VideoError and
    KeyboardError for videos.
    """
    engine = check_engine(engine, weights, activations)
    if engine == "falling_notes":
        return _read_bars(source)
    if engine == "onsets_frames":
        return _hear_onsets_frames(source, weights, activations)
    sound = read_sound(source)
    from dataset_tools.transkun_engine import hear

    return hear(sound, RATE)


def check_engine(
    engine: str | None,
    weights: str | os.PathLike[str] | None = None,
    activations: str | os.PathLike[str] | None = None,
) -> str:
    """The engine that ``label`` will use. Raises LabelError where it is unknown, lacks something, or is given what only
    Onsets and Frames takes."""
    engine = engine or ("transkun" if weights is None and activations is None else "onsets_frames")
    if engine not in ENGINES:
        raise LabelError(f"--engine “{engine}” is unknown; choose {', '.join(ENGINES[:-1])} or {ENGINES[-1]}.")
    if engine == "onsets_frames" and weights is None:
        raise LabelError("--engine onsets_frames has no weights of its own: give a checkpoint with --weights.")
    if engine != "onsets_frames" and (weights is not None or activations is not None):
        option = "--activations" if weights is None else "--weights"
        raise LabelError(f"{option} is for --engine onsets_frames, not for {engine}.")
    if engine == "transkun" and find_spec("transkun") is None:
        raise LabelError(
            'Labels from sound need the package transkun: pip install "silentkeys[label]"; '
            "or a checkpoint of Onsets and Frames: --engine onsets_frames --weights FILE."
        )
    return engine


def _hear_onsets_frames(
    source: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    activations: str | os.PathLike[str] | None,
) -> list[Note]:
    from dataset_tools import onsets_frames

    assert weights is not None
    network = onsets_frames.load_onsets_frames(weights)
    sound = read_sound(source, onsets_frames.RATE).mean(axis=0)
    if len(sound) < onsets_frames.WINDOW:
        raise LabelError(f"The sound of {source} is shorter than 0.13 s, too short to hear notes in.")
    heard = onsets_frames.activations(network, onsets_frames.log_mel(sound))
    if activations is not None:
        heard.save(activations)
    return onsets_frames.to_notes(heard)


def _read_bars(source: str | os.PathLike[str]) -> list[Note]:
    from video2roll.falling_notes import read_falling_notes
    from video2roll.scenes import find_in_video

    found = read_falling_notes(source, find_in_video(source))
    if found is None:
        raise LabelError(f"{source} shows no bars that fall onto the keys; label it from its sound: --engine transkun.")
    return found.notes


def read_sound(source: str | os.PathLike[str], rate: int = RATE) -> np.ndarray:
    """The first sound track of a file, float32 ``(1 or 2 channels, N)`` in -1..1 at ``rate``. Raises LabelError where
    there is none or it is silent."""
    if not Path(source).is_file():
        raise LabelError(f"{source} does not exist; check the name.")
    try:
        with av.open(os.fspath(source)) as file:
            if not file.streams.audio:
                raise LabelError(f"{source} has no sound, so nothing can be heard; try --engine falling_notes.")
            layout = "mono" if file.streams.audio[0].channels == 1 else "stereo"
            to_rate = av.AudioResampler(format="fltp", layout=layout, rate=rate)
            frames = [part for frame in file.decode(audio=0) for part in to_rate.resample(frame)]
            sound = np.concatenate([part.to_ndarray() for part in [*frames, *to_rate.resample(None)]], axis=1)
    except (av.FFmpegError, ValueError) as error:
        raise LabelError(f"{source} holds no sound that can be decoded; convert it to WAV.") from error
    if np.abs(sound).max(initial=0.0) < SILENT:
        raise LabelError(f"The sound of {source} is silent, so nothing can be heard; try --engine falling_notes.")
    return sound

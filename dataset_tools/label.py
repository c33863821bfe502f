"""Labels for videos that have none: the notes of recordings, heard in their sound or read from their falling notes."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np

from pianoroll import Note, SilentkeysError, write_midi
from pianoroll.files import check_folder
from video2roll.video import VIDEO_SUFFIXES

RECORDINGS = VIDEO_SUFFIXES | {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".aif", ".wma"}
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


@dataclass(frozen=True)
class Order:
    """A recording ``source`` to be labelled, and the files that are to be written: ``out`` (.mid), and for Onsets and
    Frames ``activations`` (.npz), if wanted. ``engine`` and ``weights``: see ``label``."""

    source: Path
    out: Path
    engine: str
    weights: Path | None = None
    activations: Path | None = None


def label_file(order: Order) -> int:
    """Write the labels of one recording; gives the number of notes. Raises what ``label`` does, and FileError."""
    found = label(order.source, order.engine, weights=order.weights, activations=order.activations)
    write_midi(found, order.out, text=[f"labels by {order.engine} of {order.source.name}"])
    return len(found)


def orders_of(source: Path, out: Path, engine: str, weights: Path | None, activations: Path | None) -> list[Order]:
    """What is to be labelled: a file, to the file ``out``; or every recording in a folder and those below, to files of
    their names in the folder ``out`` (and ``activations``). Raises LabelError and FileError before any long work."""
    if not source.is_dir():
        _check_names((out, (".mid", ".midi")), (activations, (".npz",)))
        return [Order(source.resolve(), out.resolve(), engine, weights, activations)]
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in RECORDINGS)
    if not found:
        raise LabelError(f"{source} holds no recording; labelled are {', '.join(sorted(RECORDINGS))}.")
    target, kept = check_folder(out).resolve(), activations and check_folder(activations).resolve()
    orders: dict[Path, Order] = {}
    for path in found:
        name = path.relative_to(source)
        midi = target / name.with_suffix(".mid")
        if midi in orders:  # a.mp4 and a.wav
            midi = target / name.with_name(f"{name.name}.mid")
        notes = kept / midi.relative_to(target).with_suffix(".npz") if kept else None
        orders[midi] = Order(path.resolve(), midi, engine, weights and weights.resolve(), notes)
    return list(orders.values())


def _check_names(*files: tuple[Path | None, tuple[str, ...]]) -> None:
    for path, endings in files:
        if path is not None:
            if path.suffix.lower() not in endings:
                raise LabelError(f"{path}: name a file that ends in {' or '.join(endings)}.")
            check_folder(path.parent)


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

"""Rolls of labelled clips as the program reads them, kept in a folder: what note models are trained and judged on."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import video2roll
from dataset_tools.clips import Clip, find_keyboards
from pianoroll import PianoRoll
from video2roll.model import DEFAULT_WEIGHTS


def read_rolls(clips: Sequence[Clip], cache: Path) -> list[tuple[Clip, PianoRoll]]:
    """Each clip with its roll, read from the video or taken from ``cache`` (one .npz a clip and reader). Those of which
    the keyboard is not found are left out."""
    reader = hashlib.sha256(DEFAULT_WEIGHTS.read_bytes()).hexdigest()[:8]
    kept = {clip.name: cache / f"{clip.name.replace('/', '__')}-{reader}.roll.npz" for clip in clips}
    for clip in find_keyboards([clip for clip in clips if not kept[clip.name].exists()]):
        views = clip.views or clip.keyboard
        if views is not None:
            cache.mkdir(parents=True, exist_ok=True)
            video2roll.transcribe(clip.video, keyboard=views, hands=False, falling_notes=False).save(kept[clip.name])
            print(f"{clip.name}: read", flush=True)
    return [(clip, PianoRoll.load(kept[clip.name])) for clip in clips if kept[clip.name].exists()]

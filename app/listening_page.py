"""The listening page: sound, piano roll and score in one HTML file that opens in any browser, without a server."""

import base64
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from midi_synth import write_sound
from pianoroll import Note
from pianoroll.files import write_beside
from pianoroll.keys import PITCHES, pitch_name
from pianoroll.midi import BeatGrid
from score import Score

_HERE = Path(__file__).parent


def write_listening_page(
    path: str | os.PathLike[str],
    notes: Sequence[Note],
    score: Score,
    sound: np.ndarray,
    *,
    title: str,
    beats: BeatGrid | None = None,
    sample_rate: int = 44100,
) -> None:
    """Write the page. ``sound (2, N)`` and ``beats`` belong to ``notes``, of which ``score`` was made.

    Raises FileError, SynthError where the sound cannot be stored, and ScoreError where the score cannot be drawn.
    """
    piece = {
        "notes": [asdict(note) for note in sorted(notes)],
        "steps": [asdict(step) for step in score.steps()],
        "bars": [] if beats is None else beats.downbeats,
        "beats": [] if beats is None else beats.times,
        "names": {pitch: pitch_name(pitch) for pitch in PITCHES.tolist()},
        "length": sound.shape[1] / sample_rate,
    }
    page = Template(_read("listening_page.html")).substitute(
        title=escape(title),
        facts=escape(f"{score.key}, {score.metre}, {score.tempo:.0f} a minute, {len(notes)} notes"),
        css=_read("listening_page.css"),
        js=_read("roll_view.js") + "\n" + _read("listening_page.js"),
        sound=_encoded(sound, sample_rate),
        pages="\n".join(score.svg_pages),
        piece=json.dumps(piece, default=_plain).replace("<", "\\u003c"),
    )
    with write_beside(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _encoded(sound: np.ndarray, sample_rate: int) -> str:
    """The sound as AAC, which browsers play from any place exactly, in base64."""
    with tempfile.TemporaryDirectory(prefix="silentkeys-") as folder:
        file = Path(folder) / "sound.m4a"
        write_sound(sound, file, sample_rate=sample_rate)
        return base64.b64encode(file.read_bytes()).decode("ascii")


def _plain(number: np.generic) -> float:
    """NumPy's numbers for JSON."""
    return float(number)

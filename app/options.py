"""What a person types, made into what the stages take; each mistake is answered in one sentence."""

import math
from collections.abc import Sequence

import numpy as np

from pianoroll import SilentkeysError
from pianoroll.keys import parse_pitch
from video2roll.rectify import CornersError, check_corners

OUTPUTS = ("npz", "mid", "csv", "musicxml", "pdf", "wav", "html", "png", "json")
"""What ``transcribe`` writes unless told otherwise."""
SOUND_OUTPUTS = ("wav", "flac", "mp3", "ogg", "m4a")
ALL_OUTPUTS = (*OUTPUTS, "svg", "roll-svg", "quantised", *SOUND_OUTPUTS[1:], "video")
SCORE_OUTPUTS = ("musicxml", "pdf", "svg")
"""What ``score`` writes unless told otherwise."""
ALL_SCORE_OUTPUTS = (*SCORE_OUTPUTS, "quantised", "html")
FINGERING = ("auto", "all", "some", "none")
"""Which of the fingers that were surely seen are printed in the score; auto: all of a short piece, else some."""

FALLING_NOTES = ("auto", "ignore")
"""Read the bars that an editor lets fall onto the keys, where they say what the keys do; or read the keys alone."""

PEDAL = ("none", "auto")
"""Leave the sustain pedal, which no video shows, out, or put a plausible one into MIDI and sound."""


FARTHEST = 24
"""Semitones by which results may be transposed, up or down."""


class OptionError(SilentkeysError):
    """An option that makes no sense."""

    exit_code = 2


def parse_corners(text: str | None) -> np.ndarray | None:
    """Corners ``(4, 2)`` from ``"x,y x,y x,y x,y"``. Raises CornersError where they form no quadrilateral."""
    if text is None:
        return None
    try:
        points = [[float(number) for number in point.split(",")] for point in text.replace(";", " ").split()]
    except ValueError:
        points = []
    if len(points) != 4 or any(len(point) != 2 for point in points):
        raise CornersError(
            f"--corners “{text}” is not four points; write “x,y x,y x,y x,y”: "
            "back-left, back-right, front-right, front-left as the player sees it."
        )
    return check_corners(np.array(points))


def parse_lowest_key(name: str | None) -> int | None:
    """MIDI pitch of a key name such as C2. Raises OptionError where it is none."""
    return _parse_key("--lowest-key", name)


def parse_highest_key(name: str | None) -> int | None:
    """MIDI pitch of a key name such as C7. Raises OptionError where it is none."""
    return _parse_key("--highest-key", name)


def parse_split(name: str | None) -> int | None:
    """MIDI pitch of a key name such as C4. Raises OptionError where it is none."""
    return _parse_key("--split", name)


def _parse_key(option: str, name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return parse_pitch(name)
    except ValueError as error:
        raise OptionError(f"{option} {error}.") from error


def parse_outputs(text: str | Sequence[str], choices: Sequence[str] = ALL_OUTPUTS) -> tuple[str, ...]:
    """Names of outputs from ``"mid,pdf"``, in the order of ``choices``. Raises OptionError for others."""
    names = text.split(",") if isinstance(text, str) else text
    wanted = {name.strip().lower().lstrip(".") for name in names} - {""}
    unknown = sorted(wanted - set(choices))
    if unknown or not wanted:
        named = f"“{', '.join(unknown)}” is no output" if unknown else "names no output"
        raise OptionError(f"--outputs {named}; choose from {', '.join(choices)}.")
    return tuple(name for name in choices if name in wanted)


def check_fingering(name: str) -> None:
    """Raise OptionError unless ``name`` is one of FINGERING."""
    if name not in FINGERING:
        raise OptionError(f"--fingering “{name}” is unknown; choose {', '.join(FINGERING[:-1])} or {FINGERING[-1]}.")


def check_pedal(name: str) -> bool:
    """Whether a pedal is to be put in. Raises OptionError unless ``name`` is one of PEDAL."""
    if name not in PEDAL:
        raise OptionError(f"--pedal “{name}” is unknown; choose {' or '.join(PEDAL)}.")
    return name == "auto"


def check_falling_notes(name: str) -> bool:
    """Whether falling notes are to be read. Raises OptionError unless ``name`` is one of FALLING_NOTES."""
    if name not in FALLING_NOTES:
        raise OptionError(f"--falling-notes “{name}” is unknown; choose {' or '.join(FALLING_NOTES)}.")
    return name == "auto"


def check_transpose(semitones: int) -> None:
    """Raise OptionError where ``semitones`` are too many."""
    if abs(semitones) > FARTHEST:
        raise OptionError(f"Transposing by {semitones} semitones is too far; give -{FARTHEST} to {FARTHEST}.")


def check_span(start: float | None, end: float | None) -> None:
    """Raise OptionError unless 0 <= ``start`` < ``end`` (seconds)."""
    for name, value in (("--start", start), ("--end", end)):
        if value is not None and not math.isfinite(value):
            raise OptionError(f"{name} {value} is no number of seconds.")
    if start is not None and start < 0:
        raise OptionError(f"--start {start:g} lies before the video begins; give seconds from 0.")
    if end is not None and end <= (start or 0.0):
        raise OptionError(f"--end {end:g} must lie after --start {start or 0.0:g} (seconds).")

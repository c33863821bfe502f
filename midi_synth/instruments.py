"""The 128 General MIDI instruments, by number or by name."""

import difflib

from pretty_midi.constants import INSTRUMENT_MAP

from midi_synth.errors import SynthError

INSTRUMENTS: tuple[str, ...] = tuple(INSTRUMENT_MAP)
"""Names by program, 0 to 127."""


def program_number(instrument: int | str) -> int:
    """General MIDI program 0..127 of a number or of a name such as “Acoustic Grand Piano” (case does not matter).

    Raises SynthError, naming the nearest instruments, where there is none.
    """
    text = str(instrument).strip()
    if text.lstrip("-").isdigit():
        number = int(text)
        if not 0 <= number < len(INSTRUMENTS):
            raise SynthError(f"There is no General MIDI instrument {number}; give 0 (Acoustic Grand Piano) to 127.")
        return number
    names = [name.lower() for name in INSTRUMENTS]
    if text.lower() in names:
        return names.index(text.lower())
    near = [name for name in INSTRUMENTS if text and text.lower() in name.lower()]
    near = near or [INSTRUMENTS[names.index(n)] for n in difflib.get_close_matches(text.lower(), names, 3, 0.5)]
    hint = ", ".join(near[:3] or INSTRUMENTS[:3])
    raise SynthError(f"“{instrument}” is no General MIDI instrument; did you mean one of these: {hint}?")

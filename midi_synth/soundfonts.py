"""Which soundfont plays: the one asked for, else the best on this computer, else pretty_midi's small one."""

import os
from pathlib import Path

import pretty_midi

from midi_synth.errors import SynthError

FOLDERS = (
    "/usr/share/sounds/sf2",  # Debian, Ubuntu, Fedora
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",  # Arch, openSUSE
    "/usr/local/share/fluidsynth",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
    "~/.local/share/soundfonts",
)
SMALLEST_USEFUL = 1 << 20  # bytes; below this it is a test file, not an orchestra


def find_soundfont(wanted: str | os.PathLike[str] | None = None) -> Path:
    """Path of the soundfont (.sf2, .sf3) to play with.

    Without ``wanted`` the largest file in the usual folders wins: more bytes are more samples of more velocities.
    Raises SynthError where ``wanted`` is no file, or no soundfont can be found at all.
    """
    if wanted is not None:
        path = Path(wanted).expanduser()
        if not path.is_file():
            raise SynthError(f"The soundfont {wanted} does not exist; give a .sf2 or .sf3 file.")
        return path
    found = found_soundfonts()
    if not found:
        raise SynthError("No soundfont was found on this computer; give one (.sf2), or install fluid-soundfont-gm.")
    return found[0]


def found_soundfonts() -> list[Path]:
    """The soundfonts of this computer's usual folders, the largest first; pretty_midi's small one is the last."""
    found = [path for folder in FOLDERS for path in Path(folder).expanduser().glob("*.sf[23]") if path.is_file()]
    useful = [path for path in found if path.stat().st_size >= SMALLEST_USEFUL]
    small = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
    return [
        *sorted(useful, key=lambda path: (path.stat().st_size, path.name), reverse=True),
        *([small] if small.is_file() else []),
    ]

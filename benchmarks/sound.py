"""How exact and how quick the sound is: ``python benchmarks/sound.py [MINUTES]`` (60 unless given).

A piece of that length with a short stroke every 1.9 s or so is rendered; the onset of each is looked for in the sound.
Prints the constant lag, the largest deviation from it, the drift from the first tenth to the last, and how many times
faster than real time rendering, and loudness with it, were.
"""

import sys
from time import perf_counter

import numpy as np

from midi_synth import FluidSynth
from midi_synth.loudness import finish
from pianoroll import Note

RATE = 44100
EVERY = 1.9183  # seconds: falls anywhere between the synthesiser's blocks


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    onsets = np.arange(0.5, 60 * minutes, EVERY)
    notes = [Note(float(onset), 60 + index % 12, float(onset) + 0.05, 100) for index, onset in enumerate(onsets)]
    notes += [Note(float(onset) + 0.6, 40, float(onset) + 1.0, 60) for onset in onsets]  # something to play
    began = perf_counter()
    sound = FluidSynth("Woodblock", reverb=False).render(notes, RATE)
    rendered = perf_counter() - began
    late = np.array([_first_sound(sound, onset) for onset in onsets]) - onsets
    finish(sound, RATE, last=notes[-1].offset)
    done = perf_counter() - began
    tenth = max(1, len(late) // 10)
    print(f"{len(onsets)} onsets in {minutes:g} min: lag {1000 * np.median(late):.2f} ms")
    print(f"largest deviation {1000 * np.abs(late - np.median(late)).max():.2f} ms")
    print(f"drift {1000 * (np.median(late[-tenth:]) - np.median(late[:tenth])):.2f} ms")
    print(f"rendering {60 * minutes / rendered:.0f}x real time, with loudness {60 * minutes / done:.0f}x")


def _first_sound(sound: np.ndarray, around: float) -> float:
    """The second at which it is no longer silent, near a time."""
    start = round((around - 0.05) * RATE)
    part = np.abs(sound[:, start : start + RATE // 5]).max(axis=0)
    return float(start + np.argmax(part > 0.05 * part.max())) / RATE


if __name__ == "__main__":
    main()

"""Does the sound say what was played: ``python benchmarks/round_trip.py ASAP [SOUNDFONT]``.

Five pieces of ASAP are played, and heard again by transkun (``pip install "silentkeys[label]"``); prints the onset F1
within 50 ms of each, and the lag.
"""

import sys
from pathlib import Path

import mir_eval
import numpy as np

from dataset_tools.transkun_engine import hear
from midi_synth import FluidSynth, render
from pianoroll.midi import read_performance

RATE = 44100
PIECES = (
    "Bach/Prelude/bwv_860/Ko04M.mid",
    "Bach/Prelude/bwv_875/Ahfat01M.mid",
    "Beethoven/Piano_Sonatas/22-2/KOLESO04M.mid",
    "Chopin/Etudes_op_10/2/Hebert03M.mid",
    "Rachmaninoff/Preludes_op_23/4/WuuE07M.mid",
)


def main() -> None:
    folder, soundfont = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    scores = []
    for piece in PIECES:
        notes, pedal = read_performance(folder / piece)
        sound = render(notes, RATE, engine=FluidSynth(soundfont=soundfont), pedal=pedal)
        heard = hear(sound, RATE)
        played, found = (np.array([[n.onset, max(n.offset, n.onset + 0.01)] for n in each]) for each in (notes, heard))
        pitches, others = (mir_eval.util.midi_to_hz(np.array([n.pitch for n in each])) for each in (notes, heard))
        pairs = mir_eval.transcription.match_notes(played, pitches, found, others, offset_ratio=None)
        f1 = 2 * len(pairs) / (len(notes) + len(heard))
        lag = np.median([found[j, 0] - played[i, 0] for i, j in pairs])
        scores.append(f1)
        print(f"{f1:.4f}  {len(notes)} played, {len(heard)} heard, {1000 * lag:+.0f} ms  {piece}", flush=True)
    print(f"{np.mean(scores):.4f}  mean")


if __name__ == "__main__":
    main()

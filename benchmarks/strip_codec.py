"""What strips lose as video: size and F1 by quality (x264's crf; 0 is without loss).

``python benchmarks/strip_codec.py ../shared/data/*/manifest.csv``, of clavision and wild: clips of their dev splits are
straightened once, kept in every quality, read, and judged. Sizes are for 30 frames a second.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from dataset_tools.clips import Strips, find_keyboards, load_strips, read_manifest
from dataset_tools.evaluate import compare_roll
from dataset_tools.strip_video import QUALITY, StripVideo, write_strips
from pianoroll import PianoRoll
from video2roll.infer import load_network, read_strips
from video2roll.rest import rest_strip

QUALITIES = (0, 8, QUALITY, 18, 23, 28)
SHOWN = ("frame", "onset_50ms", "onset_100ms", "onset_offset")


def judge(data: Strips, strips: StripVideo) -> list[float]:
    """F1 of a clip read from ``strips``."""
    network, facts = load_network(None)
    known = data.clip.keyboard.keys_in_view if data.clip.keyboard is not None else None
    spread = np.linspace(0, len(strips) - 1, min(len(strips), 120)).astype(int)
    values = read_strips(network, strips, data.times, rest_strip(strips[spread], known))
    roll = PianoRoll(data.times, values[..., 0], values[..., 1], facts["threshold"], facts["onset_threshold"])
    scores = compare_roll(roll, data.clip).scores
    return [scores[metric].f1 for metric in SHOWN]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--clips", type=int, default=6, help="so many of each manifest's dev split")
    arguments = parser.parse_args()
    clips = [clip for path in arguments.manifests for clip in read_manifest(path, split="dev")[: arguments.clips]]
    scores: dict[int, list[list[float]]] = {quality: [] for quality in QUALITIES}
    bytes_a_frame: dict[int, list[float]] = {quality: [] for quality in QUALITIES}
    with tempfile.TemporaryDirectory() as folder:
        for clip in find_keyboards(clips):
            data = load_strips(clip, folder)
            for quality in QUALITIES:
                path = Path(folder) / f"{quality}.mp4"
                write_strips(path, data.strips[:], quality)
                scores[quality].append(judge(data, StripVideo(path)))
                bytes_a_frame[quality].append(path.stat().st_size / len(data.times))
            print(clip.name, " ".join(f"{scores[quality][-1][0]:.3f}" for quality in QUALITIES), flush=True)
    print(f"mean of {len(clips)} clips\ncrf  MB an hour  " + "  ".join(f"{name:>12}" for name in SHOWN))
    for quality in QUALITIES:
        means = "  ".join(f"{value:12.4f}" for value in np.mean(scores[quality], axis=0))
        print(f"{quality:3d}  {np.mean(bytes_a_frame[quality]) * 30 * 3600 / 1e6:10.0f}  {means}")


if __name__ == "__main__":
    main()

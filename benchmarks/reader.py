"""Frames a second of the networks alone, on the CPU: ``python benchmarks/reader.py [--rounds N]``.

Whole strips, as if hands were everywhere; in a video only the parts with hands are read. Each round times every form
once, so that a busy machine is busy for all; the best round of each counts. Audeo's Video2RollNet gets its own pictures
of 100×900.
"""

import argparse
import time
from collections.abc import Callable

import torch

from pianoroll.keys import CENTRES, KEYS
from video2roll.audeo import Video2RollNet
from video2roll.model import DEFAULT_WEIGHTS, load_model
from video2roll.quantised import load_quantised
from video2roll.rectify import STRIP_HEIGHT, STRIP_SCALE, STRIP_WIDTH

BATCH = 8


def forms() -> dict[str, Callable[[], object]]:
    """Name -> a call that reads BATCH windows."""
    network, _ = load_model(DEFAULT_WEIGHTS)
    integers = load_quantised(network, DEFAULT_WEIGHTS)
    audeo = Video2RollNet(KEYS).eval()
    windows = torch.rand(BATCH, network.sizes.frames + 1, STRIP_HEIGHT, STRIP_WIDTH)
    last = windows.contiguous(memory_format=torch.channels_last)
    centres = torch.from_numpy(CENTRES).float().expand(BATCH, -1) * STRIP_SCALE
    pictures = torch.rand(BATCH, 5, 100, 900)
    calls: dict[str, Callable[[], object]] = {
        "Video2RollNet": lambda: audeo(pictures),
        "key reader, float32": lambda: network(last, centres),
    }
    if integers is not None:
        calls["key reader, int8"] = lambda: integers(windows, centres)
    return calls


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    calls = forms()
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - began)
    slowest = best["Video2RollNet"]
    for name, seconds in best.items():
        print(f"{name:22s} {BATCH / seconds:7.1f} frames/s  {slowest / seconds:5.1f} x Video2RollNet")


if __name__ == "__main__":
    main()

"""What seeing hands costs on top of finding the keyboard and reading the keys:

    python benchmarks/hands.py VIDEO [VIDEO …] [--end SECONDS] [--rounds N]

Reading with and without hands takes turns in one process, so that a busy computer slows down both. Told are the
medians: milliseconds a frame by the clock and of processor time, their ratio, and how often the networks are called.
"""

import argparse
import time
from collections import Counter

import numpy as np

from video2roll import transcribe
from video2roll.follow import View
from video2roll.hand_model import HandModel
from video2roll.scenes import find_views

CALLS: Counter[str] = Counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--end", type=float, help="second to end at")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    _count("hand")
    _count("palms")
    for video in given.videos:
        views = find_views(video, end=given.end)
        _read(video, views, given.end, hands=True)  # loading is not timed
        CALLS.clear()
        rounds = []
        for number in range(given.rounds):
            order = (False, True) if number % 2 else (True, False)
            spent = {hands: _read(video, views, given.end, hands=hands) for hands in order}
            rounds.append((spent[False], spent[True]))
        _tell(video, np.array(rounds))


def _count(name: str) -> None:
    """Count the calls of one of the networks."""
    really = getattr(HandModel, name)

    def counted(self: HandModel, picture: np.ndarray) -> object:
        CALLS[name] += 1
        return really(self, picture)

    setattr(HandModel, name, counted)


def _read(video: str, views: list[View], end: float | None, *, hands: bool) -> tuple[float, float, int]:
    """Seconds by the clock and of the processor, and frames."""
    clock, processor = time.perf_counter(), time.process_time()
    roll = transcribe(video, keyboard=views, end=end, hands=hands)
    return time.perf_counter() - clock, time.process_time() - processor, len(roll)


def _tell(video: str, rounds: np.ndarray) -> None:
    """``rounds (n, 2, 3)``: without and with hands, as ``_read`` gives them."""
    frames = int(rounds[0, 0, 2])
    spent = 1e3 * rounds[..., :2] / frames
    calls = ", ".join(f"{count / frames / len(rounds):.2f} {name}" for name, count in sorted(CALLS.items()))
    print(f"{video}: {frames} frames; calls a frame: {calls}")
    for index, name in enumerate(("clock", "processor")):
        without, added = np.median(spent[:, 0, index]), np.median(spent[:, 1, index] - spent[:, 0, index])
        ratio = np.median(spent[:, 1, index] / spent[:, 0, index])
        print(
            f"  {name:9s}  {without:5.1f} ms a frame without hands, {added:5.1f} ms more with them, ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()

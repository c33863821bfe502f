"""Train the key reader on labelled clips: ``python -m video2roll.train --data ../shared/data``.

``examples.py`` says what on. Weights are averaged while they are trained, and those kept that read dev best.
"""

import argparse
import copy
import itertools
import math
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from dataset_tools.clips import Strips, find_keyboards, load_strips, read_manifest
from dataset_tools.evaluate import compare_roll
from pianoroll import PianoRoll
from pianoroll.keys import CENTRES
from pianoroll.metrics import frame_score
from video2roll.examples import (
    Example,
    batch,
    in_view,
    keyboard_looks,
    prepare,
    rendered_clips,
    self_labelled,
    unlabelled_clips,
)
from video2roll.infer import read_strips
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, KeyReaderSizes, load_model, save_model
from video2roll.rectify import STRIP_SCALE

CHOSEN_BY = ("frame", "onset_50ms", "onset_100ms")  # F1 by which thresholds are chosen
AVERAGED = 400  # steps over which the weights that are kept are averaged


def loss_of(model: KeyReader, crops: torch.Tensor, labels: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Weighted binary cross-entropy of down and onset over the keys that the crops show."""
    logits = model(crops, centres)
    each = F.binary_cross_entropy_with_logits(logits, labels[..., :2], reduction="none").sum(-1)
    return (each * labels[..., 2]).sum() / labels[..., 2].sum()


@torch.inference_mode()
def read_down(model: KeyReader, example: Example, step: int) -> tuple[np.ndarray, np.ndarray]:
    """*Down* as read and the truth, ``(n, 88)``, on every ``step``-th labelled frame; unknown keys are 0 in both."""
    model.eval()
    centres = torch.from_numpy(CENTRES.astype(np.float32) * STRIP_SCALE)[None]
    chosen = example.usable[::step]
    down = np.zeros((len(chosen), 88), dtype=np.float32)
    for rows in np.array_split(np.arange(len(chosen)), max(1, len(chosen) // 16)):
        frames = example.data.strips[example.windows[0][chosen[rows]]]
        still = np.broadcast_to(example.rest, (len(rows), 1, *example.rest.shape))
        windows = torch.from_numpy(np.concatenate([frames, still], axis=1).astype(np.float32) * (example.gain / 255))
        places = centres.expand(len(rows), -1)
        down[rows] = model(windows, places)[..., 0].sigmoid()
    known = example.weight[chosen] > 0
    return down * known, example.data.down[chosen] & known


def frame_f1(model: KeyReader, examples: list[Example], step: int = 24) -> dict[str, float]:
    """Frame F1 at threshold 0.5 of each clip, and their mean: the few of other pianos count as much as the many."""
    result = {}
    for example in examples:
        down, true = read_down(model, example, step)
        video = example.data.clip.video
        result[f"{video.parent.name}/{video.name}"] = frame_score(down > 0.5, true).f1
    pianos = [[v for name, v in result.items() if ("wild/" in name) == wild] for wild in (True, False)]
    return {"mean": float(np.mean([np.mean(each) for each in pianos if each])), **result}


def calibrate(weights: Path, dev_clips: list[Strips]) -> None:
    """Choose the thresholds that are best on dev, in frames and notes, and write them into the header of the weights.

    The few clips of other pianos count as much as the many of one."""
    model, facts = load_model(weights)
    rolls = []
    for data in dev_clips:
        known = in_view(data.clip)
        values = read_strips(model, np.asarray(data.strips), data.times, prepare(data, model).rest)
        values[:, ~known if known is not None else []] = 0
        rolls.append(PianoRoll(data.times, values[..., 0], values[..., 1]))
    table = {}
    for low, high in itertools.product((0.2, 0.3, 0.35, 0.4, 0.45, 0.5), (0.2, 0.3, 0.4, 0.5)):
        scores: dict[bool, list[list[float]]] = {True: [], False: []}
        for data, roll in zip(dev_clips, rolls, strict=True):
            roll.threshold, roll.onset_threshold = low, high
            compared = compare_roll(roll, data.clip).scores
            scores["/" in data.clip.name].append([compared[metric].f1 for metric in CHOSEN_BY])
        means = [np.asarray(each).mean(axis=0) for each in scores.values() if each]
        table[low, high] = float(np.mean(means))
        print(low, high, " | ".join(" ".join(f"{value:.4f}" for value in each) for each in means), flush=True)
    low, high = max(table, key=lambda pair: table[pair])
    save_model(model, weights, {**facts, "threshold": low, "onset_threshold": high})


@torch.no_grad()
def average_into(average: KeyReader, model: KeyReader, part: float) -> None:
    """Move the weights of ``average`` towards those of ``model`` by ``part`` of the way (Polyak averaging)."""
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, part)
        else:
            kept.copy_(new)


def train(
    examples: list[Example],
    judges: list[Example],
    looks: Sequence[np.ndarray],
    out: Path,
    *,
    minutes: float,
    model: KeyReader,
    size: int = 32,
    peak: float = 1.2e-3,
) -> None:
    """Train for ``minutes`` with AdamW and a cosine rate; of the weights' running average, keep what is best on dev.

    A training that was cut off goes on from ``out`` + ``.resume``, which is removed at the end.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    average = copy.deepcopy(model)
    odds = np.array(
        [len(e.usable) ** 0.5 * (2.5 if e.data.notes and not e.data.clip.exact_ends else 1.0) for e in examples]
    )
    odds /= odds.sum()
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.01)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    resume = out.with_suffix(".resume")
    kept: dict[str, Any] = {"model": model, "average": average, "optimiser": optimiser}
    state = {"step": 0, "spent": 0.0, "best": 0.0, "judged": 0.0, "loss": 0.0}
    if resume.exists():
        saved = torch.load(resume, weights_only=True)
        state = saved["state"]
        for name, each in kept.items():
            each.load_state_dict(saved[name])
        rng = np.random.default_rng(state["step"])
        print(f"goes on from step {state['step']}", flush=True)
    began = time.monotonic() - state["spent"]
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(batch, examples, odds, looks, size, rng)
        while (done := (time.monotonic() - began) / (60 * minutes)) < 1:
            for group in optimiser.param_groups:
                group["lr"] = peak * min(1, (state["step"] + 1) / 150) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-5
            model.train()
            (crops, labels, centres), coming = coming.result(), ahead.submit(batch, examples, odds, looks, size, rng)
            loss = loss_of(model, crops.to(memory_format=torch.channels_last), labels, centres)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            state["step"] += 1
            average_into(average, model, max(1 / AVERAGED, 1 / state["step"]))
            state["loss"] += (loss.item() - state["loss"]) * max(0.02, 1 / state["step"])
            if state["step"] % 100 == 0:
                print(f"{100 * done:5.1f} %  step {state['step']}  loss {state['loss']:.4f}", flush=True)
            if done - state["judged"] > 0.1 or (done > 0.985 and done - state["judged"] > 0.02):
                score = frame_f1(average, judges)
                print("dev frame F1 " + "  ".join(f"{name} {value:.3f}" for name, value in score.items()), flush=True)
                state |= {"judged": done, "best": max(state["best"], score["mean"])}
                if score["mean"] == state["best"]:
                    facts = {"split": "train", "clips": len(examples), "looks": len(looks), "steps": state["step"]}
                    facts |= {"crops": state["step"] * size, "dev_frame_f1": round(score["mean"], 4), "commit": commit}
                    save_model(average, out, facts)
                state["spent"] = time.monotonic() - began
                torch.save({"state": state, **{name: each.state_dict() for name, each in kept.items()}}, resume)
    resume.unlink(missing_ok=True)


@torch.no_grad()
def widen(narrow: KeyReader, sizes: KeyReaderSizes) -> KeyReader:
    """A wider network that answers as ``narrow`` does: what is new in it is not yet listened to (Net2Net)."""
    wide = KeyReader(sizes)
    for new, old in zip(wide.modules(), narrow.modules(), strict=True):
        if isinstance(new, torch.nn.Conv2d | torch.nn.Linear):
            assert isinstance(old, torch.nn.Conv2d | torch.nn.Linear)
            outputs, inputs = old.weight.shape[:2]
            new.weight[:outputs, inputs:] = 0
            new.weight[:outputs, :inputs] = old.weight
            if new.bias is not None and old.bias is not None:
                new.bias[:outputs] = old.bias
        elif isinstance(new, torch.nn.BatchNorm2d):
            for kind in ("weight", "bias", "running_mean", "running_var"):
                values = getattr(old, kind)
                getattr(new, kind)[: len(values)] = values
    return wide


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder with clavision/, wild/ and keyboards/"
    )
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder for the strips (3 GB)")
    parser.add_argument("--minutes", type=float, default=60, help="0: only choose the thresholds again")
    parser.add_argument("--start", type=Path, help="weights to go on from, which label wild/unlabelled; none: neither")
    parser.add_argument("--rendered", type=int, default=40, help="how many drawn pianos to train on, too")
    parser.add_argument("--peak", type=float, default=1.2e-3, help="highest learning rate")
    parser.add_argument("--out", type=Path, default=DEFAULT_WEIGHTS)
    arguments = parser.parse_args()
    clips = []
    for name in ("clavision", "wild"):
        clips += read_manifest(arguments.data / name / "manifest.csv")
    ready = [load_strips(clip, arguments.cache) for clip in find_keyboards(clips)]
    parts = {split: [strips for strips in ready if strips.clip.split == split] for split in ("train", "dev")}
    if arguments.minutes > 0:
        model = KeyReader() if arguments.start is None else load_model(arguments.start)[0]
        examples = [
            prepare(data, model) for data in parts["train"] + rendered_clips(arguments.rendered, arguments.cache)
        ]
        if arguments.start is not None:
            others = unlabelled_clips(arguments.data / "wild" / "unlabelled")
            examples += [self_labelled(model, load_strips(clip, arguments.cache)) for clip in others]
            if model.sizes != KeyReaderSizes():
                model = widen(model, KeyReaderSizes())
        train(
            examples,
            [prepare(data, model) for data in parts["dev"]],
            keyboard_looks(arguments.data / "keyboards", arguments.cache),
            arguments.out,
            minutes=arguments.minutes,
            model=model,
            peak=arguments.peak,
        )
    calibrate(arguments.out, parts["dev"])


if __name__ == "__main__":
    main()

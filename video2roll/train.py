"""Train the key reader on labelled clips: ``python -m video2roll.train --data ../shared/data``.

``dataset_tools/examples.py`` says what on. Weights are averaged while they are trained, those kept that read dev best,
and at the end turned into integers. ``--network video2rollnet`` trains Audeo's network on the same clips instead.
"""

import argparse
import copy
import itertools
import math
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.nn import functional as F
from torch.utils.tensorboard import SummaryWriter

from dataset_tools.clips import Strips, find_keyboards, load_strips, read_manifest
from dataset_tools.evaluate import compare_roll
from dataset_tools.examples import (
    Example,
    balanced_windows,
    batch,
    calibration_crops,
    in_view,
    keyboard_looks,
    prepare,
    rendered_clips,
    self_labelled,
    unlabelled_clips,
)
from dataset_tools.strip_set import read_set
from pianoroll import PianoRoll
from pianoroll.files import write_beside
from pianoroll.keys import CENTRES
from pianoroll.metrics import frame_score
from video2roll.audeo import pictures
from video2roll.infer import read_strips
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model, save_model
from video2roll.quantised import quantise
from video2roll.rectify import STRIP_SCALE
from video2roll.train_audeo import Drawn, train_audeo

CHOSEN_BY = ("frame", "onset_50ms", "onset_100ms")  # F1 by which thresholds are chosen
AUDEO_BATCH = 16  # windows a step of Audeo's network
AVERAGED = 400  # steps over which the weights that are kept are averaged


def loss_of(
    model: Callable[..., torch.Tensor], crops: torch.Tensor, labels: torch.Tensor, centres: torch.Tensor
) -> torch.Tensor:
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
        values = read_strips(model, data.strips, data.times, prepare(data, model).rest)
        values[:, ~known if known is not None else []] = 0
        rolls.append(PianoRoll(data.times, values[..., 0], values[..., 1]))
    table = {}
    for low, high in itertools.product((0.2, 0.3, 0.35, 0.4, 0.45, 0.5), (0.2, 0.3, 0.4, 0.5)):
        scores: dict[bool, list[list[float]]] = {True: [], False: []}
        for data, roll in zip(dev_clips, rolls, strict=True):
            roll.threshold, roll.onset_threshold = low, high
            compared = compare_roll(roll, data.clip, note_model="rules").scores
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
            kept.lerp_(new.to(kept.device), part)
        else:
            kept.copy_(new)


class Training:
    """A network that is being trained, on a GPU if there is one (then in mixed precision), and all it takes to go on.

    The weights' running average is what is judged and kept, in ``out``; ``out`` + ``.resume`` holds the rest until the
    end. Losses and scores are logged for TensorBoard in ``log``.
    """

    def __init__(self, model: KeyReader, out: Path, *, peak: float, log: Path) -> None:
        precision: Any = "bf16-mixed" if torch.cuda.is_available() else "32-true"
        self.fabric = Fabric(accelerator="auto", devices=1, precision=precision)
        self.average = copy.deepcopy(model)
        optimiser = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.01)
        self.model, self.optimiser = self.fabric.setup(model, optimiser)
        self.out, self.peak, self.log = out, peak, SummaryWriter(str(log))
        self.state = {"step": 0, "spent": 0.0, "best": 0.0, "judged": 0.0, "loss": 0.0}
        self._resume = out.with_suffix(".resume")
        self._parts: dict[str, Any] = {"model": self.model, "average": self.average, "optimiser": self.optimiser}
        if self._resume.exists():
            saved = torch.load(self._resume, weights_only=True, map_location="cpu")
            self.state = saved["state"]
            for name, part in self._parts.items():
                part.load_state_dict(saved[name])
            print(f"goes on from step {self.state['step']}", flush=True)

    def step(self, drawn: Sequence[torch.Tensor], done: float) -> None:
        """One step of AdamW on crops, labels and centres. ``done``, 0..1, is how much of the training is over: the rate
        rises shortly, then falls along half a cosine."""
        state = self.state
        rise, fall = min(1, (state["step"] + 1) / 150), 0.5 + 0.5 * math.cos(math.pi * done)
        for group in self.optimiser.param_groups:
            group["lr"] = self.peak * rise * fall + 1e-5
        self.model.train()
        crops, labels, centres = self.fabric.to_device(list(drawn))
        loss = loss_of(self.model, crops.to(memory_format=torch.channels_last), labels, centres)
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.optimiser.step()
        state["step"] += 1
        average_into(self.average, self.model.module, max(1 / AVERAGED, 1 / state["step"]))
        state["loss"] += (loss.item() - state["loss"]) * max(0.02, 1 / state["step"])
        if state["step"] % 100 == 0:
            self.log.add_scalar("loss", state["loss"], state["step"])
            print(f"{100 * done:5.1f} %  step {state['step']}  loss {state['loss']:.4f}", flush=True)

    def judge(self, judges: list[Example], facts: dict[str, Any], done: float, spent: float) -> None:
        """Keep the averaged weights if they read dev best so far; ``facts`` go with them."""
        score = frame_f1(self.average, judges)
        self.log.add_scalars("dev frame F1", score, self.state["step"])
        print("dev frame F1 " + "  ".join(f"{name} {value:.3f}" for name, value in score.items()), flush=True)
        self.state |= {"judged": done, "spent": spent, "best": max(self.state["best"], score["mean"])}
        if score["mean"] == self.state["best"]:
            now = {"steps": self.state["step"], "dev_frame_f1": round(score["mean"], 4)}
            save_model(self.average, self.out, {**facts, **now})
        with write_beside(self._resume) as temporary:
            torch.save({"state": self.state, **{name: p.state_dict() for name, p in self._parts.items()}}, temporary)

    def end(self) -> None:
        self.log.close()
        self._resume.unlink(missing_ok=True)


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
    log: Path | None = None,
) -> None:
    """Train for ``minutes``, and keep in ``out`` what reads ``judges`` best. One that was cut off goes on."""
    torch.manual_seed(0)
    training = Training(model, out, peak=peak, log=log or out.with_suffix(".log"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    facts = {"split": "train", "clips": len(examples), "looks": len(looks), "minutes": minutes, "commit": commit}
    rng, odds = np.random.default_rng(int(training.state["step"])), _odds(examples)
    began = time.monotonic() - training.state["spent"]
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(batch, examples, odds, looks, size, rng)
        while (done := (time.monotonic() - began) / (60 * minutes)) < 1:
            drawn, coming = coming.result(), ahead.submit(batch, examples, odds, looks, size, rng)
            training.step(drawn, done)
            since = done - training.state["judged"]
            if since > 0.1 or (done > 0.985 and since > 0.02):
                training.judge(judges, facts, done, time.monotonic() - began)
    training.end()


def _odds(examples: list[Example]) -> np.ndarray:
    """How often each clip is drawn from: by the root of its length, the few labelled ones of other pianos more."""
    rare = [bool(e.data.notes) and not e.data.clip.exact_ends for e in examples]
    odds = np.array([len(e.usable) ** 0.5 * (2.5 if r else 1.0) for e, r in zip(examples, rare, strict=True)])
    return odds / odds.sum()


def meet(start: Path, out: Path, part: float) -> None:
    """Put the weights that ``part`` (0..1) of the way from those that training started from to those in ``out``: what
    they gain on pianos never seen they keep, and lose less of what they knew (WiSE-FT, Wortsman et al., CVPR 2022)."""
    (model, _), (trained, facts) = load_model(start), load_model(out)
    average_into(model, trained, part)
    save_model(model, out, {**facts, "part": part})


def train_baseline(parts: dict[str, list[Strips]], out: Path, minutes: float) -> None:
    """Train Audeo's network on the clips that are not dev's, as far as ``minutes`` go."""
    model, rng = KeyReader(), np.random.default_rng(0)
    examples = [prepare(data, model) for data in parts["train"]]
    judges = [prepare(data, model) for data in parts["dev"]]

    def drawn(clips: list[Example]) -> Iterator[Drawn]:
        for windows, down, weight in balanced_windows(clips, AUDEO_BATCH, rng):
            seen = np.stack([pictures(strips) for strips in windows])
            yield torch.from_numpy(seen).float() / 255, torch.from_numpy(down), torch.from_numpy(weight)

    train_audeo(drawn(examples), list(itertools.islice(drawn(judges), 16)), out, minutes=minutes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder with clavision/, wild/ and keyboards/"
    )
    parser.add_argument("--sets", type=Path, nargs="*", default=[], help="folders of “silentkeys data import”, besides")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder for the strips (3 GB)")
    parser.add_argument("--minutes", type=float, default=60, help="0: only choose thresholds and make integers again")
    parser.add_argument(
        "--start", type=Path, help="weights to go on from; they label wild/unlabelled, and the end lies between"
    )
    parser.add_argument("--part", type=float, default=0.5, help="how far from them the end lies, 0..1 of the way")
    parser.add_argument("--rendered", type=int, default=0, help="how many drawn pianos to train on, too")
    parser.add_argument("--peak", type=float, default=1.2e-3, help="highest learning rate")
    parser.add_argument("--out", type=Path, help="weights to write (.safetensors; .pth with video2rollnet)")
    parser.add_argument("--network", choices=("key_reader", "video2rollnet"), default="key_reader")
    arguments = parser.parse_args()
    clips = []
    for name in ("clavision", "wild"):
        clips += read_manifest(arguments.data / name / "manifest.csv")
    ready = [load_strips(clip, arguments.cache) for clip in find_keyboards(clips)]
    ready += [entry.load() for folder in arguments.sets for entry in read_set(folder)]
    parts = {split: [strips for strips in ready if strips.clip.split == split] for split in ("train", "dev")}
    if arguments.network == "video2rollnet":
        train_baseline(parts, arguments.out or Path("video2rollnet.pth"), arguments.minutes)
        return
    arguments.out = arguments.out or DEFAULT_WEIGHTS
    if arguments.minutes > 0:
        model = KeyReader() if arguments.start is None else load_model(arguments.start)[0]
        examples = [
            prepare(data, model) for data in parts["train"] + rendered_clips(arguments.rendered, arguments.cache)
        ]
        if arguments.start is not None:
            others = unlabelled_clips(arguments.data / "wild" / "unlabelled")
            examples += [self_labelled(model, load_strips(clip, arguments.cache)) for clip in others]
        train(
            examples,
            [prepare(data, model) for data in parts["dev"]],
            keyboard_looks(arguments.data / "keyboards", arguments.cache),
            arguments.out,
            minutes=arguments.minutes,
            model=model,
            peak=arguments.peak,
        )
        if arguments.start is not None:
            meet(arguments.start, arguments.out, arguments.part)
    calibrate(arguments.out, parts["dev"])
    network, drawing = load_model(arguments.out)[0], np.random.default_rng(0)
    crops = [crop for data in parts["train"] for crop in calibration_crops(prepare(data, network), drawing)]
    print(f"{quantise(arguments.out, crops)}: ranges from {len(crops)} crops")


if __name__ == "__main__":
    main()

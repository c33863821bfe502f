"""Train the key reader on labelled clips: ``python -m video2roll.train --data ../shared/data``.

Crops of the strip are drawn around the hands (the network is the same along the strip, so a crop teaches as much as the
whole, at a quarter of the cost), half of them near a key's going down or up. They vary in light, exposure, place, size,
blur and noise, and are mirrored about a D, which maps the keyboard onto itself.
"""

import argparse
import copy
import itertools
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from dataset_tools.clips import Clip, Strips, find_keyboards, load_strips, read_manifest
from dataset_tools.evaluate import compare_roll
from dataset_tools.looks import gather_looks, training_pictures
from pianoroll import PianoRoll
from pianoroll.keys import CENTRES
from pianoroll.metrics import frame_score
from video2roll.augment import cut_off, dress, move, relight
from video2roll.infer import read_strips
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model, save_model
from video2roll.rectify import STRIP_SCALE, STRIP_WIDTH, KeyboardError
from video2roll.rest import gain, rest_strip
from video2roll.scenes import find_views
from video2roll.windows import window_indices

CROP = 14 * STRIP_SCALE  # pixels of a strip seen at once in training: two octaves
ONSET_REACH = 0.06  # seconds: the onset target falls from 1 to 0 over this distance
SOUND_TRUST = 0.25  # seconds after an onset in which labels made from sound are trusted about the key
PACES = (1.0, 0.8, 1.25)  # windows as they are, and a player who is slower or faster
CHOSEN_BY = ("frame", "onset_50ms", "onset_100ms")  # F1 by which thresholds are chosen
DRESSED = 0.4  # part of the crops shown on another keyboard
CUT_OFF = 0.12  # part of them shown as if the picture ended on the keys
SURE = 0.85  # of a reading that is taught where nobody labelled
AVERAGED = 400  # steps over which the weights that are kept are averaged
VIDEOS = (".mp4", ".mov")
WRONG_GRID = ("stock", "moving")  # clips of which the keyboard is found in the wrong place, or hardly seen
EDGE = 6  # pixels: keys whose centre is nearer to the crop's edge are not judged


@dataclass
class Example:
    """A clip ready to be drawn from: targets ``(T, 88)``, ``weight (T, 88)``.

    ``windows``: frame indices ``(T, 5)``; the true ones first, then of the clip as other cameras would have filmed it.
    """

    data: Strips
    rest: np.ndarray
    gain: float
    windows: list[np.ndarray]
    onset: np.ndarray
    weight: np.ndarray
    usable: np.ndarray
    lively: np.ndarray


def in_view(clip: Clip) -> np.ndarray | None:
    """Bool ``(88,)``: the keys of the clip that the picture shows, if that is known."""
    return None if clip.keyboard is None else clip.keyboard.keys_in_view


def prepare(data: Strips, model: KeyReader) -> Example:
    """Targets and weights of a clip, and which frames may be drawn."""
    clip, times = data.clip, data.times
    sample = np.linspace(0, len(times) - 1, min(len(times), 120)).astype(int)
    rest = rest_strip(np.asarray(data.strips[sample]), in_view(clip))
    onset = np.zeros((len(times), 88), dtype=np.float32)
    weight = np.ones((len(times), 88), dtype=np.float32)
    near = np.zeros(len(times), dtype=bool)
    for note in data.notes:
        distance = np.abs(times - note.onset)
        onset[:, note.key] = np.maximum(onset[:, note.key], np.clip(1 - distance / ONSET_REACH, 0, 1))
        near |= (distance < 0.2) | (np.abs(times - note.offset) < 0.2)
        if not clip.exact_ends:
            unsure = (times > note.onset + SOUND_TRUST) & (times < note.offset + 0.15)
            weight[unsure, note.key] = 0
    if clip.keyboard is not None:
        weight[:, ~clip.keyboard.keys_in_view] = 0
    usable = np.flatnonzero((times > clip.start + 0.1) & (times < clip.end - 0.1))
    windows = [window_indices(times, model.sizes.frames, model.sizes.spacing * pace) for pace in PACES]
    return Example(data, rest, gain(rest), windows, onset, weight, usable, usable[near[usable]])


def draw(
    example: Example, looks: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A crop ``(6, 104, CROP)``, labels ``(88, 3)`` (down, onset, weight), key centres ``(88,)`` in its pixels.

    Some are put on one of ``looks``: other keyboards, strips ``(104, 624)`` without hands."""
    pool = example.lively if rng.random() < 0.6 and len(example.lively) else example.usable
    t = int(rng.choice(pool))
    down = np.flatnonzero(example.data.down[t])
    if len(down) and rng.random() < 0.8:
        centre = CENTRES[rng.choice(down)] + rng.uniform(-5, 5)
    else:
        recent = np.flatnonzero(example.data.down[max(0, t - 60) : t + 60].any(axis=0))
        centre = (CENTRES[rng.choice(recent)] if len(recent) else rng.uniform(7, 45)) + rng.uniform(-8, 8)
    left = int(np.clip(round(centre * STRIP_SCALE) - CROP // 2, 0, STRIP_WIDTH - CROP))
    windows = example.windows[0 if rng.random() < 0.6 else int(rng.integers(len(PACES)))]
    frames = example.data.strips[windows[t], :, left : left + CROP]
    crop = np.concatenate([frames, example.rest[None, :, left : left + CROP]]).astype(np.float32) * (example.gain / 255)
    centres = CENTRES * STRIP_SCALE - left
    if len(looks) and rng.random() < DRESSED:
        crop = dress(crop, left, looks[int(rng.integers(len(looks)))], rng)
    if rng.random() < CUT_OFF:
        crop = cut_off(crop, rng)
    crop, centres = move(crop, centres, rng)
    crop = relight(crop, rng)
    if rng.random() < 0.5:  # the keyboard mirrored is a keyboard
        crop, centres = crop[:, :, ::-1], CROP - centres
    labels = np.stack([example.data.down[t], example.onset[t], example.weight[t]], axis=1).astype(np.float32)
    labels[(centres < EDGE) | (centres > CROP - EDGE), 2] = 0
    return np.ascontiguousarray(crop), labels, centres.astype(np.float32)


def batch(
    examples: list[Example], odds: np.ndarray, looks: Sequence[np.ndarray], size: int, rng: np.random.Generator
) -> list[torch.Tensor]:
    drawn = [draw(examples[int(rng.choice(len(examples), p=odds))], looks, rng) for _ in range(size)]
    return [torch.from_numpy(np.stack([item[i] for item in drawn])) for i in range(3)]


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


def self_labelled(model: KeyReader, data: Strips) -> Example:
    """A clip that nobody labelled, with what ``model`` reads there as its labels.

    It is read as it is and mirrored, and a little out of place; only what all readings agree on, and are sure of,
    is taught.
    """
    example = prepare(data, model)
    readings = np.stack([_read_moved(model, example, flip, dy) for flip, dy in ((0, 0), (1, 0), (0, -3), (1, 3))])
    down, onset = np.moveaxis(readings.mean(axis=0), -1, 0)
    lowest, highest = readings[..., 0].min(axis=0), readings[..., 0].max(axis=0)
    example.data.down[:] = down > 0.5
    example.onset[:] = onset
    example.weight[:] *= (lowest > SURE) | (highest < 1 - SURE)
    example.lively = example.usable[example.data.down[example.usable].any(axis=1)]
    return example


@torch.inference_mode()
def _read_moved(model: KeyReader, example: Example, flip: int, dy: int) -> np.ndarray:
    """Activations ``(T, 88, 2)`` of a clip mirrored (``flip``) and ``dy`` pixels lower than it is."""
    model.eval()
    places = torch.from_numpy(CENTRES.astype(np.float32) * STRIP_SCALE)[None]
    values = np.zeros((len(example.data.times), 88, 2), dtype=np.float32)
    for rows in np.array_split(np.arange(len(values)), max(1, len(values) // 16)):
        frames = np.roll(example.data.strips[example.windows[0][rows]], dy, axis=2)
        still = np.broadcast_to(np.roll(example.rest, dy, axis=0), (len(rows), 1, *example.rest.shape))
        windows = torch.from_numpy(np.concatenate([frames, still], axis=1).astype(np.float32) * (example.gain / 255))
        centres = places.expand(len(rows), -1)
        logits = model(windows.flip(-1), STRIP_WIDTH - centres) if flip else model(windows, centres)
        values[rows] = logits.sigmoid().numpy()
    return values


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
                group["lr"] = peak * min(1, (state["step"] + 1) / 150) * (0.5 + 0.5 * np.cos(np.pi * done)) + 1e-5
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


def unlabelled_clips(folder: Path) -> list[Clip]:
    """The videos of a folder in which a keyboard is found, as clips of which no note is known."""
    clips = []
    for video in sorted(folder.iterdir()):
        if video.suffix.lower() not in VIDEOS or video.stem in WRONG_GRID:
            continue
        try:
            views = find_views(video)
        except KeyboardError:
            continue
        clips.append(Clip(video.name, video, None, 0, np.inf, "train", views[0].keyboard, False, tuple(views)))
    return clips


def keyboard_looks(folder: Path, cache: Path) -> list[np.ndarray]:
    """``gather_looks`` of the data set in ``folder``, kept in ``cache`` as finding takes minutes."""
    kept = cache / "looks.npy"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.stack(gather_looks(training_pictures(folder))))
    return list(np.load(kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder with clavision/, wild/ and keyboards/"
    )
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder for the strips (3 GB)")
    parser.add_argument("--minutes", type=float, default=60, help="0: only choose the thresholds again")
    parser.add_argument("--start", type=Path, help="weights to go on from, which label wild/unlabelled; none: neither")
    parser.add_argument("--peak", type=float, default=1.2e-3, help="highest learning rate")
    parser.add_argument("--out", type=Path, default=DEFAULT_WEIGHTS)
    arguments = parser.parse_args()
    clips: list[Clip] = []
    for name in ("clavision", "wild"):
        clips += read_manifest(arguments.data / name / "manifest.csv")
    ready = [load_strips(clip, arguments.cache) for clip in find_keyboards(clips)]
    parts = {split: [strips for strips in ready if strips.clip.split == split] for split in ("train", "dev")}
    if arguments.minutes > 0:
        model = KeyReader() if arguments.start is None else load_model(arguments.start)[0]
        examples = [prepare(data, model) for data in parts["train"]]
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
    calibrate(arguments.out, parts["dev"])


if __name__ == "__main__":
    main()

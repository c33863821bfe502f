"""Train the key reader on labelled clips: ``python -m video2roll.train --data ../shared/data``.

Crops of the strip are drawn around the hands (the network is the same along the strip, so a crop teaches as much as the
whole, at a quarter of the cost), half of them near a key's going down or up. They vary in light, exposure, place, size,
blur and noise, and are mirrored about a D, which maps the keyboard onto itself.
"""

import argparse
import itertools
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from dataset_tools.clips import Clip, Strips, find_keyboards, load_strips, read_manifest
from dataset_tools.evaluate import compare_roll
from pianoroll import PianoRoll
from pianoroll.keys import CENTRES
from pianoroll.metrics import frame_score
from video2roll.infer import read_strips
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model, save_model
from video2roll.rectify import STRIP_SCALE, STRIP_WIDTH
from video2roll.rest import gain, rest_strip
from video2roll.windows import window_indices

CROP = 14 * STRIP_SCALE  # pixels of a strip seen at once in training: two octaves
ONSET_REACH = 0.06  # seconds: the onset target falls from 1 to 0 over this distance
SOUND_TRUST = 0.25  # seconds after an onset in which labels made from sound are trusted about the key
PACES = (1.0, 0.8, 1.25)  # windows as they are, and a player who is slower or faster
CHOSEN_BY = ("frame", "onset_50ms", "onset_100ms")  # F1 by which thresholds are chosen
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


def draw(example: Example, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A crop ``(6, 104, CROP)``, labels ``(88, 3)`` (down, onset, weight), key centres ``(88,)`` in its pixels."""
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
    crop, centres = _move(crop, centres, rng)
    crop = _relight(crop, rng)
    if rng.random() < 0.5:  # the keyboard mirrored is a keyboard
        crop, centres = crop[:, :, ::-1], CROP - centres
    labels = np.stack([example.data.down[t], example.onset[t], example.weight[t]], axis=1).astype(np.float32)
    labels[(centres < EDGE) | (centres > CROP - EDGE), 2] = 0
    return np.ascontiguousarray(crop), labels, centres.astype(np.float32)


def _move(crop: np.ndarray, centres: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Shift, stretch and shear, as corners found a little wrong would; sometimes a camera that shook since the rest."""
    sx, sy = rng.uniform(0.96, 1.04), np.exp(rng.uniform(-0.15, 0.15))
    shear, dx, dy = rng.normal(0, 0.02), rng.normal(0, 1.2), rng.normal(0, 2.5)
    height, width = crop.shape[1:]
    cx, cy = width / 2, height / 2
    matrix = np.array([[sx, shear, cx - sx * cx - shear * cy + dx], [0, sy, cy - sy * cy + dy]])
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    stack = [cv2.warpAffine(plane, matrix, (width, height), flags=flags, borderMode=border) for plane in crop[:-1]]
    shaken = matrix.copy()
    if rng.random() < 0.3:
        shaken[:, 2] += rng.normal(0, 0.4, 2)
    stack.append(cv2.warpAffine(crop[-1], shaken, (width, height), flags=flags, borderMode=border))
    return np.stack(stack), (centres - cx) * sx + cx + 0.1 * dx  # what moves with a wrong corner stays unknown to it


def _relight(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another camera and another light: gamma, gain, a slope of light, frames darker than the rest, blur, noise."""
    out = np.clip(crop, 0, 1.3) ** np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.15)) + rng.normal(0, 0.03)
    if rng.random() < 0.5:
        out = _retone(out, rng)
    height, width = crop.shape[1:]
    along, across = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    out *= 1 + rng.normal(0, 0.12) * along + rng.normal(0, 0.1) * across
    out[:-1] *= 1 + rng.normal(0, 0.03) + rng.normal(0, 0.01, (len(out) - 1, 1, 1))
    if rng.random() < 0.25:
        shade = cv2.resize(
            rng.normal(0, 0.08, (2, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        out[:-1] *= 1 + shade
    out = np.clip(out, 0, 1.3).astype(np.float32)
    kind = rng.random()
    if kind < 0.25:
        sigma = rng.uniform(0.4, 1.3)
        out = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in out])
    elif kind < 0.5:
        out = np.stack([_coarsen(plane, part) for part in [rng.uniform(0.4, 0.9)] for plane in out])
    if rng.random() < 0.3:
        quality = [int(cv2.IMWRITE_JPEG_QUALITY), int(rng.integers(25, 80))]
        coded = [cv2.imencode(".jpg", np.minimum(plane * 196, 255).astype(np.uint8), quality)[1] for plane in out]
        out = np.array([cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) for code in coded]).astype(np.float32) / 196
    out += rng.standard_normal(out.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.03))
    return np.clip(out, 0, 1.3)


def _retone(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other keys, another camera's curve: a rising curve of five straight pieces through 0 and 1."""
    rises = np.exp(rng.normal(0, 0.45, 5))
    return np.interp(crop, np.linspace(0, 1, 6), np.concatenate([[0], np.cumsum(rises) / rises.sum()])).astype(
        np.float32
    )


def _coarsen(plane: np.ndarray, part: float) -> np.ndarray:
    """As filmed with ``part`` of the pixels."""
    height, width = plane.shape
    small = cv2.resize(plane, (round(width * part), round(height * part)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def batch(examples: list[Example], odds: np.ndarray, size: int, rng: np.random.Generator) -> list[torch.Tensor]:
    drawn = [draw(examples[int(rng.choice(len(examples), p=odds))], rng) for _ in range(size)]
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
    """Frame F1 at threshold 0.5 of each clip, and their mean."""
    result = {}
    for example in examples:
        down, true = read_down(model, example, step)
        video = example.data.clip.video
        result[f"{video.parent.name}/{video.name}"] = frame_score(down > 0.5, true).f1
    return {"mean": float(np.mean(list(result.values()))), **result}


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


def train(
    train_clips: list[Strips],
    dev_clips: list[Strips],
    out: Path,
    *,
    minutes: float,
    start: Path | None = None,
    size: int = 32,
) -> None:
    """Train for ``minutes`` with AdamW and a one-cycle rate; keep the weights of the best mean frame F1 on dev."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = KeyReader() if start is None else load_model(start)[0]
    examples = [prepare(data, model) for data in train_clips]
    judges = [prepare(data, model) for data in dev_clips]
    odds = np.array([len(e.usable) ** 0.5 * (2.5 if not e.data.clip.exact_ends else 1.0) for e in examples])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    began, best, step, judged, running = time.monotonic(), 0.0, 0, 0.0, 0.0
    while (done := (time.monotonic() - began) / (60 * minutes)) < 1:
        rate = 1.2e-3 * min(1, (step + 1) / 150) * (0.5 + 0.5 * np.cos(np.pi * done)) + 1e-5
        for group in optimiser.param_groups:
            group["lr"] = rate
        model.train()
        crops, labels, centres = batch(examples, odds / odds.sum(), size, rng)
        loss = loss_of(model, crops.to(memory_format=torch.channels_last), labels, centres)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step, running = step + 1, 0.98 * running + 0.02 * loss.item() if step else loss.item()
        if step % 100 == 0:
            print(f"{100 * done:5.1f} %  step {step}  loss {running:.4f}", flush=True)
        if done - judged > 0.12 or (done > 0.985 and done - judged > 0.02):
            judged = done
            score = frame_f1(model, judges)
            print(
                f"dev frame F1 {score['mean']:.4f}  " + " ".join(f"{k} {v:.2f}" for k, v in score.items()), flush=True
            )
            if score["mean"] > best:
                best = score["mean"]
                facts = {"split": "train", "clips": len(examples), "steps": step, "crops": step * size}
                save_model(model, out, {**facts, "dev_frame_f1": round(best, 4), "commit": commit})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with clavision/ and wild/")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder for the strips (2.5 GB)")
    parser.add_argument("--minutes", type=float, default=60, help="0: only choose the thresholds again")
    parser.add_argument("--start", type=Path, help="weights to go on from; none: from nothing")
    parser.add_argument("--out", type=Path, default=DEFAULT_WEIGHTS)
    arguments = parser.parse_args()
    clips: list[Clip] = []
    for name in ("clavision", "wild"):
        clips += read_manifest(arguments.data / name / "manifest.csv")
    found = find_keyboards(clips)
    ready = [load_strips(clip, arguments.cache) for clip in found]
    parts = {split: [strips for strips in ready if strips.clip.split == split] for split in ("train", "dev")}
    if arguments.minutes > 0:
        train(parts["train"], parts["dev"], arguments.out, minutes=arguments.minutes, start=arguments.start)
    calibrate(arguments.out, parts["dev"])


if __name__ == "__main__":
    main()

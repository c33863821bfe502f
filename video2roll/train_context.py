"""Train the second half of the key reader: ``python -m video2roll.train_context --data ../shared/data``.

The first half (``video2roll.train``) is kept as it is: its descriptions of every key in every frame are
made once, of the clips as they are and in other lights, and kept in a cache. Snippets of them teach ``Context`` at
other tempos and frame rates, octaves away, with and without fingertips.
"""

import argparse
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from dataset_tools.clips import Clip, Strips, find_keyboards, load_strips, read_manifest
from dataset_tools.judge_fingers import recorded_roll
from pianoroll import Note, PianoRoll
from pianoroll.keys import KEYS
from pianoroll.metrics import frame_score, inside, note_score
from pianoroll.roll import notes_to_frames
from roll2midi.decode import decode
from video2roll.context import GRID, resample, tip_cues
from video2roll.infer import describe, in_context
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model, save_model
from video2roll.rest import rest_strip
from video2roll.train import SOUND_TRUST, in_another_light, in_view

SNIPPET = 5.0  # seconds
SPAN = 36  # neighbouring keys of a snippet that are read
ONSET_REACH = 0.06  # seconds: the onset target falls from 1 to 0 over this distance
TEMPOS = (0.8, 1.25)
NEAR = 0.06  # seconds from a frame to its landmarks at most
NO_TIPS = 0.35  # of the snippets


@dataclass
class Described:
    """A clip as the first half sees it: descriptions ``(T, 88, D)``, logits ``(T, 88, 2)``, one of each variant."""

    data: Strips
    words: list[np.ndarray]
    logits: list[np.ndarray]
    tips: np.ndarray | None

    @property
    def name(self) -> str:
        return f"{self.data.clip.video.parent.name}/{self.data.clip.video.name}"


def describe_clip(network: KeyReader, data: Strips, cache: Path, weights: str, variants: int) -> Described:
    """The clip as it is, and ``variants - 1`` times in another light; kept in ``cache`` by the name of ``weights``."""
    words, logits = [], []
    for number in range(variants):
        key = hashlib.sha1(f"{data.clip.video.resolve()} {weights} {number}".encode()).hexdigest()[:12]
        stem = cache / f"{data.clip.video.stem}-{key}"
        if not stem.with_suffix(".logits.npy").exists():
            strips = np.asarray(data.strips)
            if number:
                strips = in_another_light(strips, np.random.default_rng([number, len(strips)]))
            sample = np.linspace(0, len(strips) - 1, min(len(strips), 120)).astype(int)
            rest = rest_strip(strips[sample], in_view(data.clip))
            made = describe(network, strips, data.times, rest)
            for values, suffix in zip(made, (".words.npy", ".logits.npy"), strict=True):
                np.save(stem.with_suffix(suffix), values)
        words.append(np.load(stem.with_suffix(".words.npy"), mmap_mode="r"))
        logits.append(np.load(stem.with_suffix(".logits.npy")))
    return Described(data, words, logits, recorded_tips(data.clip, data.times))


def recorded_tips(clip: Clip, times: np.ndarray) -> np.ndarray | None:
    """Fingertips ``(T, 2, 5, 2)`` at ``times`` from the landmarks beside the clip, or None where there are none."""
    stem = clip.name.removesuffix(clip.video.suffix).replace("/", "__")
    landmarks = clip.video.parents[clip.name.count("/")] / "landmarks" / f"{stem}.npz"
    if not landmarks.is_file():
        return None
    roll = recorded_roll(clip, landmarks)
    assert roll.fingertips is not None
    nearest = np.abs(roll.times[None] - times[:, None]).argmin(axis=1)
    tips = roll.fingertips[nearest]
    tips[np.abs(roll.times[nearest] - times) > NEAR] = np.nan
    return tips


def targets(notes: list[Note], times: np.ndarray, exact_ends: bool) -> tuple[np.ndarray, np.ndarray]:
    """Targets ``(T, 88, 2)`` and weights ``(T, 88)``: where ends are not exact they are trusted but for a moment."""
    wanted = np.zeros((len(times), KEYS, 2), dtype=np.float32)
    weight = np.ones((len(times), KEYS), dtype=np.float32)
    wanted[..., 0] = notes_to_frames(notes, times)
    for note in notes:
        near = np.clip(1 - np.abs(times - note.onset) / ONSET_REACH, 0, 1)
        wanted[:, note.key, 1] = np.maximum(wanted[:, note.key, 1], near)
        if not exact_ends:
            weight[(times > note.onset + SOUND_TRUST) & (times < note.offset + 0.15), note.key] = 0
    return wanted, weight


def draw(clip: Described, rng: np.random.Generator) -> list[np.ndarray]:
    """Descriptions, logits, cues of a snippet on the grid, targets and weights."""
    facts, times = clip.data.clip, clip.data.times
    tempo = float(np.exp(rng.uniform(*np.log(TEMPOS))))
    begin = rng.uniform(max(facts.start, times[0]), max(facts.start, min(facts.end, times[-1]) - SNIPPET * tempo))
    chosen = np.flatnonzero((times >= begin - 0.1) & (times <= begin + SNIPPET * tempo + 0.1))
    if len(chosen) > 25 * SNIPPET * tempo and rng.random() < 0.5:
        chosen = chosen[::2]
    variant = int(rng.integers(len(clip.words)))
    local = (times[chosen] - begin) / tempo
    grid = GRID * np.arange(round(SNIPPET / GRID)) + rng.uniform(0, GRID)
    cues = tip_cues(local, clip.tips[chosen] if clip.tips is not None and rng.random() > NO_TIPS else None)
    inputs = [
        resample(values.astype(np.float32), local, grid)
        for values in (clip.words[variant][chosen], clip.logits[variant][chosen], cues)
    ]
    notes = [
        Note((n.onset - begin) / tempo, n.pitch, (n.offset - begin) / tempo, n.velocity)
        for n in clip.data.notes
        if n.offset > begin - 1 and n.onset < begin + SNIPPET * tempo + 1
    ]
    wanted, weight = targets(notes, grid, facts.exact_ends)
    weight[(grid * tempo + begin < facts.start + 0.1) | (grid * tempo + begin > facts.end - 0.1)] = 0
    if facts.keyboard is not None:
        weight[:, ~facts.keyboard.keys_in_view] = 0
    result = [*inputs, wanted, weight]
    if (octaves := int(rng.integers(-1, 2))) != 0:
        result = [np.roll(values, 12 * octaves, axis=1) for values in result]
        result[-1][:, slice(0, 12) if octaves > 0 else slice(-12, None)] = 0
    return result


def _around_a_note(wanted: np.ndarray, rng: np.random.Generator) -> int:
    """The first of SPAN keys among which one is down at some time, if any is."""
    down = np.flatnonzero(wanted[..., 0].any(axis=0))
    key = int(rng.choice(down)) if len(down) else int(rng.integers(KEYS))
    return int(np.clip(key - rng.integers(SPAN), 0, KEYS - SPAN))


def read(network: KeyReader, clip: Described, threshold: float, onset_threshold: float, tips: bool = True) -> PianoRoll:
    values = in_context(network, clip.data.times, clip.words[0], clip.logits[0], clip.tips if tips else None)
    keyboard = clip.data.clip.keyboard
    if keyboard is not None:
        values[:, ~keyboard.keys_in_view] = 0
    return PianoRoll(clip.data.times, values[..., 0], values[..., 1], threshold, onset_threshold)


def judge(roll: PianoRoll, clip: Described) -> dict[str, float]:
    """Frame and onset F1 of a clip, within its labelled seconds."""
    start, end = clip.data.clip.start, clip.data.clip.end
    here = (roll.times >= start) & (roll.times < end)
    notes, true = inside(decode(roll), start, end), inside(clip.data.notes, start, end)
    scores = {"frame": frame_score(roll.frame[here] >= roll.threshold, clip.data.down[here]).f1}
    for tolerance in (0.05, 0.1):
        scores[f"onset{1000 * tolerance:.0f}"] = note_score(notes, true, onset_tolerance=tolerance).f1
    return scores


def judge_all(
    network: KeyReader, clips: list[Described], threshold: float = 0.4, onset_threshold: float = 0.4, tips: bool = True
) -> dict[str, dict[str, float]]:
    network.eval()
    return {clip.name: judge(read(network, clip, threshold, onset_threshold, tips), clip) for clip in clips}


def mean(scores: dict[str, dict[str, float]], part: str = "") -> dict[str, float]:
    """Means over the clips whose name holds ``part``."""
    chosen = [each for name, each in scores.items() if part in name]
    return {metric: float(np.mean([each[metric] for each in chosen])) for metric in chosen[0]} if chosen else {}


def told(scores: dict[str, float]) -> str:
    return " ".join(f"{metric} {value:.4f}" for metric, value in scores.items())


def train(
    network: KeyReader,
    clips: list[Described],
    dev: list[Described],
    out: Path,
    facts: dict,
    *,
    steps: int,
    size: int = 8,
) -> None:
    """Train the context for ``steps`` with AdamW and a one-cycle rate; keep what is best on dev."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    context, best = network.context, 0.0
    odds = np.array(
        [(c.data.clip.end - c.data.clip.start) ** 0.5 * (2 if not c.data.clip.exact_ends else 1) for c in clips]
    )
    optimiser = torch.optim.AdamW(context.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps, pct_start=0.1)
    running, began = 0.0, time.monotonic()
    for step in range(1, steps + 1):
        context.train()
        drawn = [draw(clips[int(rng.choice(len(clips), p=odds / odds.sum()))], rng) for _ in range(size)]
        first = _around_a_note(drawn[0][3], rng)
        keys = slice(first, first + SPAN)
        words, logits, cues, wanted, weight = (
            torch.from_numpy(np.stack([values[:, keys] for values in each])) for each in zip(*drawn, strict=True)
        )
        each = F.binary_cross_entropy_with_logits(context(words, logits, cues, first), wanted, reduction="none")
        loss = (each * weight[..., None]).sum() / weight.sum() * 20
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        running = loss.item() if step == 1 else 0.98 * running + 0.02 * loss.item()
        if step % 100 == 0:
            print(f"step {step}  loss {running:.4f}  {time.monotonic() - began:.0f} s", flush=True)
        if step % max(1, steps // 6) == 0:
            scores = judge_all(network, dev)
            print("dev", told(mean(scores, "")), "| wild", told(mean(scores, "wild")), flush=True)
            total = sum(mean(scores).values())
            if total > best:
                best = total
                save_model(network, out, {**facts, "context_steps": step, "dev": mean(scores)})


def calibrate(weights: Path, dev: list[Described]) -> None:
    """Choose the thresholds that are best on dev, and write them into the header of the weights."""
    network, facts = load_model(weights)
    rolls = [read(network, clip, 0.5, 0.5) for clip in dev]
    table = {}
    for low in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5):
        for high in (0.25, 0.35, 0.45, 0.55):
            for roll in rolls:
                roll.threshold, roll.onset_threshold = low, high
            scores = {clip.name: judge(roll, clip) for clip, roll in zip(dev, rolls, strict=True)}
            table[low, high] = sum(mean(scores).values()) / 3
            print(low, high, told(mean(scores)), "| wild", told(mean(scores, "wild")), flush=True)
    low, high = max(table, key=lambda pair: table[pair])
    save_model(network, weights, {**facts, "threshold": low, "onset_threshold": high})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with clavision/ and wild/")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder for strips and descriptions (6 GB)")
    parser.add_argument("--steps", type=int, default=1500, help="0: only choose the thresholds again")
    parser.add_argument("--variants", type=int, default=2, help="of the training clips, the first one as it is")
    parser.add_argument("--weights", type=Path, default=DEFAULT_WEIGHTS, help="the first half's")
    parser.add_argument("--out", type=Path, default=DEFAULT_WEIGHTS)
    arguments = parser.parse_args()
    network, facts = load_model(arguments.weights)
    name = hashlib.sha1(b"".join(v.numpy().tobytes() for k, v in network.state_dict().items() if "context" not in k))
    clips = find_keyboards(
        [c for part in ("wild", "clavision") for c in read_manifest(arguments.data / part / "manifest.csv")]
    )
    ready: dict[str, list[Described]] = {"train": [], "dev": []}
    for clip in clips:
        variants = arguments.variants if clip.split == "train" else 1
        strips = load_strips(clip, arguments.cache)
        ready[clip.split].append(describe_clip(network, strips, arguments.cache, name.hexdigest(), variants))
        print("described", clip.name, flush=True)
    if arguments.steps:
        train(network, ready["train"], ready["dev"], arguments.out, facts, steps=arguments.steps)
    calibrate(arguments.out, ready["dev"])


if __name__ == "__main__":
    main()

"""The loop that trains the beat network on performances whose beats were marked; ``train.py`` gives it those."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pianoroll import Note
from pianoroll.reach import strikes
from score.beat_net import CHROMA, METRES, PERIODS, PITCHES, PLACES, BeatNet, event_features, save_beats

SPAN = 192  # groups seen at once in training
BATCH = 16
VERSIONS = 6  # of each performance
FEWEST = 24  # notes of a version
RATE = 3e-3
PACE = 0.3  # natural logarithm: deviation of how much slower or faster a version is
JITTER = 0.012  # seconds: most that onsets of a version stray
FRAMES = (20, 25, 30, 60)  # a second, to which half the versions are rounded
MISSING, ADDED = 0.05, 0.04  # most that is missed and invented
LENGTHS = 0.3  # natural logarithm: deviation of how long notes are held
EXCERPTS, EXCERPT = 0.6, (12.0, 90.0)  # share of the versions that are but a part, and how long it is, in seconds
MADE = 0.4  # share of the stretches that no one played
ONE_HAND = 0.15  # share of the versions in which only high or only low notes are heard
NO_HARMONY = 0.5  # share of the stretches whose pitch classes are hidden: pieces are not to be known by heart
WEIGHTS = {"place": 1.0, "period": 0.5, "down": 1.0, "metre": 0.3}


@dataclass(frozen=True)
class Marks:
    """A performance's notes, and for each its place in beats ``(N,)`` (NaN: unknown); ``beats (B,)`` in seconds,
    ``down (B,)``, ``metre (B,)``: index into METRES."""

    notes: list[Note]
    places: np.ndarray
    beats: np.ndarray
    down: np.ndarray
    metre: np.ndarray


@dataclass(frozen=True)
class Lesson:
    """Features ``(N, FEATURES)`` of a version's groups and what is true of them; -1 or NaN: unknown."""

    features: np.ndarray
    place: np.ndarray
    period: np.ndarray
    down: np.ndarray
    metre: np.ndarray


def metre_index(numerator: int, denominator: int) -> int:
    name = f"{numerator}/{denominator}"
    return METRES.index(name) if name in METRES else len(METRES) - 1


def as_seen(marks: Marks, rng: np.random.Generator) -> Marks:
    """The performance at another pace, and as a video might give it: rounded, jittered, with mistakes."""
    pace = float(np.exp(rng.normal(0, PACE)))
    jitter, stretch = rng.uniform(0, JITTER), float(np.exp(rng.normal(0, LENGTHS)))
    fps = float(rng.choice(FRAMES)) if rng.random() < 0.5 else 0.0
    missing, added = rng.uniform(0, MISSING), rng.uniform(0, ADDED)
    level = rng.random() < 0.25  # no velocities
    low, high = _part_heard(marks, rng)
    begin, end = _stretch_heard(marks, rng)
    notes: list[Note] = []
    places: list[float] = []
    for note, place in zip(marks.notes, marks.places, strict=True):
        if rng.random() < missing or not low <= note.pitch <= high or not begin <= note.onset <= end:
            continue
        onset = pace * note.onset + rng.normal(0, jitter)
        onset = round(onset * fps) / fps if fps else onset
        offset = onset + max(0.03, stretch * pace * (note.offset - note.onset))
        velocity = 64 if level else int(np.clip(note.velocity + rng.normal(0, 6), 1, 127))
        notes.append(replace(note, onset=onset, offset=offset, velocity=velocity))
        places.append(float(place))
        if rng.random() < added:
            wrong = replace(notes[-1], onset=onset + rng.uniform(0, 0.3), pitch=note.pitch + int(rng.integers(-12, 13)))
            notes.append(wrong)
            places.append(np.nan)
    return Marks(notes, np.array(places), pace * marks.beats, marks.down, marks.metre)


def versions(performances: Sequence[Marks], count: int, rng: np.random.Generator) -> list[Marks]:
    """``count`` versions of each performance, but for those in which hardly a note was heard."""
    seen = (as_seen(marks, rng) for marks in performances for _ in range(count))
    return [version for version in seen if len(version.notes) >= FEWEST]


def _part_heard(marks: Marks, rng: np.random.Generator) -> tuple[int, int]:
    """Lowest and highest pitch of a version: now and then only one hand is heard, about."""
    middle = int(np.median([note.pitch for note in marks.notes]) + rng.integers(-5, 6))
    kind = rng.random()
    return (middle, 127) if kind < ONE_HAND / 2 else (0, middle) if kind < ONE_HAND else (0, 127)


def _stretch_heard(marks: Marks, rng: np.random.Generator) -> tuple[float, float]:
    """Begin and end in seconds of a version: often but a part of the piece, as videos are."""
    first, last = marks.notes[0].onset, marks.notes[-1].onset
    length = float(np.exp(rng.uniform(*np.log(EXCERPT))))
    if rng.random() > EXCERPTS or length >= last - first:
        return first, last
    begin = rng.uniform(first, last - length)
    return begin, begin + length


def lesson(marks: Marks) -> Lesson:
    """What the network sees of a version, and should say."""
    place_of = {id(note): place for note, place in zip(marks.notes, marks.places, strict=True)}
    events = strikes(marks.notes)
    places = np.array([_first_known([place_of[id(note)] for note in event]) for event in events])
    onset = np.array([event[0].onset for event in events])
    length = np.gradient(marks.beats)
    last = len(marks.beats) - 1
    inside = np.isfinite(places) & (places > -0.5) & (places < last + 0.5)
    ticks = np.rint(np.where(inside, places, 0.0) * PLACES).astype(int)
    off_grid = np.abs(np.where(inside, places, 0.0) * PLACES - ticks) > 0.34
    beat = np.clip(ticks // PLACES, 0, last)
    period = np.interp(onset, marks.beats, length)
    known = (onset > marks.beats[0] - 1) & (onset < marks.beats[-1] + 1)
    nearest = np.abs(np.log(period)[:, np.newaxis] - np.log(PERIODS)).argmin(axis=1)
    return Lesson(
        event_features(events).astype(np.float16),
        np.where(inside & ~off_grid, ticks % PLACES, -1),
        np.where(known, nearest, -1),
        np.where(inside, (ticks % PLACES == 0) & marks.down[beat], np.nan).astype(np.float32),
        np.where(known, marks.metre[np.clip(np.searchsorted(marks.beats, onset, side="right") - 1, 0, last)], -1),
    )


def _first_known(places: Sequence[float]) -> float:
    return next((place for place in places if np.isfinite(place)), float("nan"))


def draw(real: Sequence[Lesson], made: Sequence[Lesson], rng: np.random.Generator) -> list[Tensor]:
    """BATCH stretches of SPAN groups, transposed."""
    drawn = []
    for _ in range(BATCH):
        lessons = made if made and rng.random() < MADE else real
        taken = lessons[int(rng.integers(len(lessons)))]
        count = len(taken.place)
        first = int(rng.integers(max(1, count - SPAN + 1)))
        features = taken.features[first : first + SPAN].astype(np.float32)
        up = int(rng.integers(-6, 7))
        features[:, CHROMA] = np.roll(features[:, CHROMA], up, axis=1)
        features[:, PITCHES] += up / 15
        if rng.random() < NO_HARMONY:
            features[:, CHROMA] = 0.0
        parts = [features]
        parts += [part[first : first + SPAN] for part in (taken.place, taken.period, taken.down, taken.metre)]
        short = SPAN - len(features)
        fills = (0.0, -1, -1, np.nan, -1)
        drawn.append(
            [
                np.pad(part, ((0, short), (0, 0))[: part.ndim], constant_values=fill)
                for part, fill in zip(parts, fills, strict=True)
            ]
        )
    return [torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)]


def losses(network: BeatNet, batch: Sequence[Tensor]) -> dict[str, Tensor]:
    """Mean cross-entropy of each head over what is known."""
    features, place, period, down, metre = batch
    told = network(features)
    known = torch.isfinite(down)
    # a period one step off is nearly right
    near = torch.exp(-0.5 * (torch.arange(len(PERIODS)) - period.clamp(min=0)[..., None]) ** 2)
    soft = near / near.sum(-1, keepdim=True)
    each = -(soft * F.log_softmax(told["period"], -1)).sum(-1)
    return {
        "place": F.cross_entropy(told["place"].flatten(0, 1), place.flatten(), ignore_index=-1),
        "period": (each * (period >= 0)).sum() / (period >= 0).sum().clamp(min=1),
        "down": F.binary_cross_entropy_with_logits(told["down"][known], down[known].float()),
        "metre": F.cross_entropy(told["metre"].flatten(0, 1), metre.flatten(), ignore_index=-1),
    }


def train_beats(
    performances: Sequence[Marks],
    made: Sequence[Marks],
    judged: Sequence[Marks],
    out: Path,
    *,
    steps: int,
    facts: dict[str, Any],
    tell: Callable[[str], None] = print,
    judge_every: int = 500,
) -> dict[str, float]:
    """Train on versions of ``performances``; ``out`` holds the averaged weights that did best on ``judged``."""
    torch.manual_seed(0)
    rng, network = np.random.default_rng(0), BeatNet()
    lessons = [lesson(version) for version in versions(performances, VERSIONS, rng)]
    lessons_made = [lesson(version) for version in versions(made, 1, rng)]
    kept_apart = [lesson(marks) for marks in judged]

    def loss() -> Tensor:
        parts = losses(network, draw(lessons, lessons_made, rng))
        return sum((WEIGHTS[name] * part for name, part in parts.items()), torch.zeros(()))

    def save(best: BeatNet, seen: dict[str, Any]) -> None:
        save_beats(best, out, {**facts, **seen})

    return fit(
        network, loss, lambda each: judge(each, kept_apart), save, steps=steps, tell=tell, judge_every=judge_every
    )


def fit(
    network: Any,
    loss: Callable[[], Tensor],
    judge: Callable[[Any], dict[str, float]],
    save: Callable[[Any, dict[str, Any]], None],
    *,
    steps: int,
    tell: Callable[[str], None],
    judge_every: int,
) -> dict[str, float]:
    """Train ``network`` by what ``loss`` draws; its running average is judged now and then, and saved where the loss is
    the lowest so far. What was seen then is returned."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.05)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=max(0.1, 2 / steps))
    average: Any = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    best: dict[str, float] = {}
    for step in range(1, steps + 1):
        network.train()
        drawn = loss()
        optimiser.zero_grad(set_to_none=True)
        drawn.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
        average.update_parameters(network)
        if step % judge_every == 0 or step == steps:
            seen = judge(average.module)
            told = "  ".join(f"{name} {value:.4f}" for name, value in seen.items())
            tell(f"step {step}  loss {drawn.item():.4f}  {told}")
            if not best or seen["loss"] < best["loss"]:
                best = seen
                save(average.module, {"steps": step, **seen})
    return best


@torch.inference_mode()
def judge(network: BeatNet, lessons: Sequence[Lesson]) -> dict[str, float]:
    """Means over whole performances: loss, share of right places and metres, F1 of downbeats at 0.5."""
    network.eval()
    rows = []
    for each in lessons:
        parts = (each.features.astype(np.float32), each.place, each.period, each.down, each.metre)
        batch = [torch.from_numpy(np.asarray(part))[None] for part in parts]
        told = network(batch[0])
        loss = sum(WEIGHTS[name] * float(part) for name, part in losses(network, batch).items())
        placed, down = each.place >= 0, each.down > 0.5
        right = told["place"][0].argmax(-1).numpy() == each.place
        said = torch.sigmoid(told["down"][0]).numpy()[np.isfinite(each.down)] > 0.5
        down = down[np.isfinite(each.down)]
        f1 = 2 * (said & down).sum() / max(1, said.sum() + down.sum())
        metre = (told["metre"][0].argmax(-1).numpy() == each.metre)[each.metre >= 0].mean()
        rows.append((loss, right[placed].mean(), f1, metre))
    return dict(zip(("loss", "place", "down", "metre"), np.mean(rows, axis=0).round(4).tolist(), strict=True))

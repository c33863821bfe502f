"""The loop that trains staves on notes whose staff is known; ``train.py`` gives it those."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll import Hand, Note
from score.staves import SIDES, TOGETHER, StavesNet, hands_by_staff, load_staves, note_rows, save_staves

SPAN = 192  # notes seen at once in training
BATCH = 20
RATE = 3e-3
STAVES: tuple[Hand, Hand] = ("right", "left")  # upper, lower
CHORD = 0.02  # seconds or quarter notes: what is written together
JITTER = 0.012  # seconds by which the notes of a chord stray
MISSING, ADDED = 0.04, 0.02  # shares of the notes
PEDAL = 0.35  # share of stretches in which notes sound until a pedal is lifted
FARTHEST = 5  # semitones of transposition
JUDGED_EVERY = 1000  # steps


@dataclass(frozen=True)
class Judged:
    """Shares of notes: ``right`` on the right staff; ``stray``: alone on the wrong one, the notes of their staff before
    and after them being right."""

    right: float
    stray: float


def with_staves(score: Sequence[Note], written: Sequence[tuple[float, int, int]]) -> list[Note]:
    """The notes of a score's MIDI file with the hands of their staves; no hand where both have the note, or none.

    ``written``: onset in quarter notes, pitch and staff (0 is the upper) of what stands in the score. The staves are
    sought one after the other, since repeats may have pulled them apart.
    """
    of_score, chords = _chords([(note.onset, note.pitch) for note in score])
    found: list[set[Hand]] = [set() for _ in score]
    for staff, hand in enumerate(STAVES):
        _, others = _chords([(onset, pitch) for onset, pitch, its in written if its == staff])
        partners = _in_step(chords, others)
        for hands, note, chord in zip(found, score, of_score.tolist(), strict=True):
            if chord in partners and others[partners[chord], note.pitch]:
                hands.add(hand)
    only = (hands.pop() if len(hands) == 1 else None for hands in found)
    return [replace(note, hand=hand) for note, hand in zip(score, only, strict=True)]


def _chords(notes: Sequence[tuple[float, int]]) -> tuple[np.ndarray, np.ndarray]:
    """For onsets (rising) and pitches the chord of each note ``(N,)``, and the pitches of each chord ``(C, 128)``, 0 or
    1."""
    chord = np.cumsum(np.diff([onset for onset, _ in notes], prepend=-np.inf) > CHORD) - 1
    members = np.zeros((chord[-1] + 1, 128), dtype=np.float32)
    members[chord, [pitch for _, pitch in notes]] = 1
    return chord, members


def _in_step(chords: np.ndarray, others: np.ndarray) -> dict[int, int]:
    """Which of ``others (D, 128)`` each of ``chords (C, 128)`` is, both in order: the pairs with most pitches in common
    (Needleman and Wunsch 1970, gaps being free)."""
    alike = (chords @ others.T) ** 2 / others.sum(axis=1)
    best = np.zeros((len(chords) + 1, len(others) + 1), dtype=np.float32)
    for i, row in enumerate(alike):
        best[i + 1, 1:] = np.maximum.accumulate(np.maximum(best[i, 1:], best[i, :-1] + row))
    pairs, i, j = {}, len(chords), len(others)
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs[i] = j
    return pairs


def draw(pieces: Sequence[np.ndarray], chances: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """BATCH stretches of SPAN notes: what the network reads, ``(BATCH, ROWS, SPAN)``, and the true sides, 0 where
    unknown or told, ``(BATCH, SPAN)``."""
    drawn: list[np.ndarray] = []
    while len(drawn) < BATCH:
        piece = pieces[int(rng.choice(len(pieces), p=chances))]
        first = int(rng.integers(max(1, piece.shape[1] - SPAN // 2)))
        stretch = vary(piece[:, first : first + SPAN + SPAN // 4], rng)
        if stretch.shape[1] >= SPAN:
            drawn.append(stretch[:, :SPAN])
    rows = np.stack(drawn).astype(np.float32)
    sides = rows[:, 3].copy()
    for stretch in rows:
        stretch[3] *= tell(stretch[3], rng)
    sides[rows[:, 3] != 0] = 0
    return torch.from_numpy(rows), torch.from_numpy(sides)


def vary(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A stretch ``(ROWS, n)`` as somebody else would play it, or a video would give it, in the order of the network."""
    onset, length, pitch, side = rows[:, rng.random(rows.shape[1]) > MISSING]
    pace = np.exp(rng.normal(0, 0.3))
    onset, length = (onset - onset[:1]) * pace, length * pace * np.exp(rng.normal(0, 0.3))
    if rng.random() < PEDAL:
        lifted = np.cumsum(rng.exponential(rng.uniform(0.5, 2.5), size=400))
        length = np.maximum(length, lifted[np.minimum(np.searchsorted(lifted, onset + length), 399)] - onset)
    onset = onset + rng.normal(0, rng.uniform(0, JITTER), size=len(onset))
    pitch = pitch + rng.integers(-FARTHEST, FARTHEST + 1)
    wrong = np.flatnonzero(rng.random(len(onset)) < rng.uniform(0, 2 * ADDED))
    shift = rng.choice([-12, -2, -1, 1, 2, 12], size=len(wrong))
    added = np.stack([onset[wrong], length[wrong], pitch[wrong] + shift, 0 * side[wrong]])
    rows = np.concatenate([np.stack([onset, length, pitch, side]), added], axis=1)
    rows = rows[:, np.argsort(rows[0], kind="stable")]
    chord = np.cumsum(np.diff(rows[0], prepend=-9.0) >= TOGETHER)
    return rows[:, np.lexsort((rows[2], chord))]


def tell(side: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which hands ``(n,)`` the network is told: none, some of all, some of one hand, or those of a part."""
    kind = rng.random()
    if kind < 0.5:
        return np.zeros(len(side), dtype=bool)
    told = rng.random(len(side)) < rng.uniform(0, 1)
    if kind < 0.7:
        told &= side == rng.choice([-1, 1])
    elif kind < 0.85:
        told &= np.arange(len(side)) < rng.integers(len(side))
    return told


def judge(pieces: Sequence[Sequence[Note]], weights: Path, told: float = 0.0) -> Judged:
    """The hands that ``hands_by_staff`` gives to the notes of ``pieces`` where that share of them is told; the rest is
    judged."""
    rng, asked, right, stray, count = np.random.default_rng(0), 0, 0, 0, 0
    for notes in pieces:
        true = sorted(notes)
        known = rng.random(len(true)) < told
        seen = [note if tells else replace(note, hand=None) for note, tells in zip(true, known, strict=True)]
        found = hands_by_staff(seen, weights=weights)
        sides, said = (np.array([SIDES[note.hand] for note in each]) for each in (true, found))
        judged = (sides != 0) & ~known
        asked, right = asked + int(judged.sum()), right + int((judged & (said == sides)).sum())
        count += int((sides != 0).sum())
        for side in (-1, 1):
            wrong = np.pad(said[sides == side] != side, 1)
            stray += int((wrong[1:-1] & ~wrong[:-2] & ~wrong[2:]).sum())
    return Judged(round(right / asked, 4), round(stray / count, 4))


def train_staves(
    pieces: Sequence[Sequence[Note]],
    judged: Mapping[str, Sequence[Sequence[Note]]],
    out: Path,
    *,
    steps: int,
    facts: dict[str, Any],
) -> dict[str, Judged]:
    """Train on ``pieces``, notes with the hands of their staves; ``out`` holds the weights of the last step. Says how
    they do on each of ``judged``, no hand being told."""
    torch.manual_seed(0)
    rng, network, results = np.random.default_rng(0), StavesNet(), dict[str, Judged]()
    rows = [note_rows(sorted(notes)) for notes in pieces if len(notes) >= 1.5 * SPAN]
    chances = np.sqrt([each.shape[1] for each in rows])
    chances /= chances.sum()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for step in range(1, steps + 1):
        network.train()
        read, sides = draw(rows, chances, rng)
        each = F.binary_cross_entropy_with_logits(network(read), (sides > 0).float(), reduction="none")
        loss = each[sides != 0].mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
        if step % JUDGED_EVERY == 0 or step == steps:
            save_staves(network, out, {**facts, "steps": step})
            load_staves.cache_clear()
            results = {name: judge(each, out) for name, each in judged.items()}
            print(f"step {step}  loss {loss.item():.4f}  {results}", flush=True)
    return results

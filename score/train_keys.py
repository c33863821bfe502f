"""How keys and spelling are learned from scores; ``train.py`` gives it those."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll import Note
from score import key, spelling
from score.chords import in_chords
from score.network import Layers, load_layers, save_layers

KEY_WIDTH, KEY_DROPOUT, KEY_STEPS, KEY_DECAY = 24, 0.2, 600, 0.1
WIDTHS, DROPOUT, STEPS, DECAY = (128, 48), 0.3, 1500, 0.1
BATCH = 1024  # notes, or places in a piece
VERSIONS = 2  # of each score, as played, besides the score itself
# of a played version: deviations of log tempo, of onsets in seconds, of log length
PACE, JITTER, LENGTHS = 0.4, 0.012, 0.4
ASTRAY = 0.3  # of the notes' signatures, when spelling is learned: a finder errs, too
_WRONG_BY = (-3, -2, -1, -1, 1, 1, 2, 3)  # sharps

Drawn = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Piece:
    """``notes`` at their written places; of each ``fifths``, its place on the line of fifths, and the ``sharps`` of its
    signature, both ``(N,)``."""

    name: str
    notes: list[Note]
    fifths: np.ndarray
    sharps: np.ndarray


def as_played(piece: Piece, rng: np.random.Generator) -> Piece:
    """The piece at another pace, with unsteady onsets, and notes held more or less long."""
    pace, held = np.exp(rng.normal(0, (PACE, LENGTHS)))
    notes = []
    for note in piece.notes:
        onset = pace * note.onset + rng.normal(0, JITTER)
        length = pace * held * np.exp(rng.normal(0, LENGTHS)) * (note.offset - note.onset)
        notes.append(replace(note, onset=onset, offset=onset + max(0.05, length)))
    return replace(piece, notes=notes)


def train_key(pieces: Sequence[Piece], out: Path, facts: dict[str, Any]) -> None:
    """Learn which signature each stretch of a piece stands under."""
    rng = np.random.default_rng(0)
    seen, truth, weight = [], [], []
    for piece in _versions(pieces, rng):
        chords = in_chords(piece.notes)
        features, starts = key.signature_features(piece.notes)
        time, sharps = chords.chord // key.CHORDS, piece.sharps[chords.order] % 12
        votes = np.zeros((len(starts), 12))
        np.add.at(votes, (time, sharps), 1)
        seen.append(features)
        truth.append(votes.argmax(axis=1))
        weight.append(np.full(len(starts), len(starts) ** -0.5))
    x, y, often = np.concatenate(seen), np.concatenate(truth), _cumulated(weight)

    def draw() -> Drawn:
        drawn = np.searchsorted(often, rng.random(BATCH))
        return torch.from_numpy(x[drawn]), torch.from_numpy(y[drawn]), torch.ones(BATCH, 12, dtype=torch.bool)

    layers = _train((key.FEATURES, KEY_WIDTH, 1), draw, KEY_STEPS, KEY_DROPOUT, KEY_DECAY)
    save_layers(layers, out, {**facts, "steps": KEY_STEPS})


def train_spelling(pieces: Sequence[Piece], out: Path, facts: dict[str, Any]) -> None:
    """Learn each note's place on the line of fifths from its signature's tonic, whether the signature is the one that
    holds, the piece's first, or a little wrong."""
    rng = np.random.default_rng(0)
    seen, rows, weight = [], [], []
    for piece in _versions(pieces, rng):
        chords = in_chords(piece.notes)
        seen.append(spelling.note_features(chords).astype(np.float16))
        sharps = piece.sharps[chords.order]
        rows.append(np.stack([chords.pitch, piece.fifths[chords.order], sharps, np.full_like(sharps, sharps[0])]))
        weight.append(np.full(len(sharps), len(sharps) ** -0.5))
    features, often = np.concatenate(seen), _cumulated(weight)
    pitches, fifths, here, first = np.concatenate(rows, axis=1)

    def draw() -> Drawn:
        drawn = np.searchsorted(often, rng.random(BATCH))
        sharps = np.where(rng.random(BATCH) < 0.5, here[drawn], first[drawn])
        sharps = sharps + np.where(rng.random(BATCH) < ASTRAY, rng.choice(_WRONG_BY, BATCH), 0)
        x = spelling.with_signature(features[drawn].astype(np.float32), pitches[drawn], sharps)
        y = fifths[drawn] - sharps - spelling.LOWEST
        y = np.where((y < 0) | (y > spelling.HIGHEST - spelling.LOWEST), -100, y)  # too far off to be an answer
        return torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(spelling.fits(pitches[drawn], sharps))

    sizes = (spelling.SEEN, *WIDTHS, spelling.HIGHEST - spelling.LOWEST + 1)
    save_layers(_train(sizes, draw, STEPS, DROPOUT, DECAY), out, {**facts, "steps": STEPS})


def judge(pieces: Sequence[Piece]) -> dict[str, float]:
    """Means over pieces: right first signature; part of the notes under the right one; part of the notes that are
    rightly spelled, where signatures are found and where they are known."""
    load_layers.cache_clear()
    rows = []
    for piece in pieces:
        keys = key.find_keys(piece.notes)
        onset = np.array([note.onset for note in piece.notes])
        holds = np.searchsorted([begin for begin, _ in keys], onset, side="right") - 1
        found = np.array([each.sharps for _, each in keys])[np.maximum(holds, 0)]
        changes = np.flatnonzero(np.diff(piece.sharps, prepend=99))
        known = [(float(onset[index]), key.Key(int(piece.sharps[index]), "major")) for index in changes]
        right = [np.mean(np.array(spelling.spell(piece.notes, each)) == piece.fifths) for each in (keys, known)]
        rows.append([found[0] == piece.sharps[0], np.mean(found == piece.sharps), *right])
    names = ("first_signature", "signature", "spelling", "spelling_in_known_signatures")
    return dict(zip(names, np.mean(rows, axis=0).round(4).tolist(), strict=True))


def _versions(pieces: Sequence[Piece], rng: np.random.Generator) -> list[Piece]:
    return [version for piece in pieces for version in (piece, *(as_played(piece, rng) for _ in range(VERSIONS)))]


def _cumulated(weight: Sequence[np.ndarray]) -> np.ndarray:
    """Weights of all rows -> up to which number between 0 and 1 each is drawn."""
    total = np.cumsum(np.concatenate(weight))
    return total / total[-1]


def _train(sizes: Sequence[int], draw: Callable[[], Drawn], steps: int, dropout: float, decay: float) -> Layers:
    """Dense layers of ``sizes`` that give the truth of what ``draw`` gives: features, right answers (-100: none) and
    possible ones. A last layer of one is asked for each answer by itself."""
    torch.manual_seed(0)
    dense = [nn.Linear(before, after) for before, after in pairwise(sizes)]
    between = [part for layer in dense[:-1] for part in (layer, nn.ReLU(), nn.Dropout(dropout))]
    network = nn.Sequential(*between, dense[-1])
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for step in range(1, steps + 1):
        x, truth, possible = draw()
        answers = network(x)
        answers = answers[..., 0] if answers.ndim == 3 else answers
        loss = F.cross_entropy(answers.masked_fill(~possible, -30), truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        rate.step()
        if step % 250 == 0:
            print(f"step {step}  loss {loss.item():.4f}", flush=True)
    return [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in dense]

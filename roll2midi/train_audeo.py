"""The loop that trains Audeo's ``Roll2MidiNet`` against its discriminator, as its authors did as far as time allows;
``train.py`` gives it the rolls that the refiner is trained on."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor
from torch.nn import functional as F

from pianoroll.files import write_beside
from roll2midi.audeo import WINDOW, Discriminator, Roll2MidiNet
from roll2midi.refine import CLIP
from roll2midi.train_refiner import REAL, Labelled

KEYS = slice(15, 66)  # of the 88: those that the network was made for
ADVERSARIAL = 0.001  # weight of the discriminator's verdict beside the error
RATE = 5e-4  # of Adam, for both networks


def draw(rng: np.random.Generator, real: Sequence[Labelled], made: Sequence[Labelled], size: int) -> list[Tensor]:
    """Activations, truth, and what of it is known, of ``size`` windows, each ``(size, 1, 51, 100)``."""
    drawn = []
    for _ in range(size):
        clips = real if rng.random() < REAL else made
        clip = clips[int(rng.integers(len(clips)))]
        first = int(rng.integers(clip.seen.shape[2] - WINDOW + 1))
        rows = (clip.seen[:1], clip.truth[:1], clip.truth[2:])
        seen, truth, known = (part[:, KEYS, first : first + WINDOW].astype(np.float32) for part in rows)
        drawn.append((expit(CLIP * seen), truth, known))
    return [torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)]


def train_roll2midi(
    real: Sequence[Labelled],
    made: Sequence[Labelled],
    out: Path,
    *,
    minutes: float,
    size: int = 16,
    tell: Callable[[str], None] = print,
) -> None:
    """Train for ``minutes``; ``out`` (.tar) holds both networks and their optimisers, as the authors' do."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    real, made = ([clip for clip in clips if clip.seen.shape[2] >= WINDOW] for clips in (real, made))
    generator, critic = Roll2MidiNet(), Discriminator()
    optimisers = [torch.optim.Adam(network.parameters(), lr=RATE) for network in (generator, critic)]
    began, step = time.monotonic(), 0
    while (now := time.monotonic() - began) < 60 * minutes or step == 0:
        seen, truth, known = draw(rng, real, made, size)
        cleaned = generator(seen)
        verdict = critic(cleaned)
        error = (known * (cleaned - truth) ** 2).mean()
        loss = ADVERSARIAL * F.mse_loss(verdict, torch.ones_like(verdict)) + (1 - ADVERSARIAL) * error
        _step(optimisers[0], loss)
        on_true, on_made = critic(truth), critic(cleaned.detach())
        judged = F.mse_loss(on_true, torch.ones_like(on_true)) + F.mse_loss(on_made, torch.zeros_like(on_made))
        _step(optimisers[1], judged / 2)
        step += 1
        if step % 5 == 0:
            before = (known * (seen - truth) ** 2).mean().item()
            tell(f"{now / 60:5.1f} min  step {step}  error {error.item():.4f}, uncleaned {before:.4f}")
    with write_beside(out) as temporary:
        states = {"state_dict_G": generator.state_dict(), "state_dict_D": critic.state_dict()}
        kept = {"optimizer_G": optimisers[0].state_dict(), "optimizer_D": optimisers[1].state_dict()}
        torch.save({"epoch": 0, "steps": step, **states, **kept}, temporary)


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()

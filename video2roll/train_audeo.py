"""The loop that trains Audeo's ``Video2RollNet``, as its authors did as far as time allows: Adam, windows drawn so that
all keys come up alike often, the rate lowered where the loss on dev rests. ``train.py`` gives it its windows."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional as F

from pianoroll.files import write_beside
from video2roll.audeo import Video2RollNet

RATE = 1e-3  # of Adam
PATIENCE = 2  # judgements without a better loss after which the rate falls to a tenth
JUDGED = 0.05  # part of the training between two judgements

# windows (n, 5, 100, 900) in 0..1, down (n, 88) in 0..1, weight (n, 88): 0 where it is not known whether a key is down
Drawn = tuple[Tensor, Tensor, Tensor]


def loss_of(network: Callable[[Tensor], Tensor], drawn: Drawn) -> Tensor:
    """Binary cross-entropy over the keys that are known."""
    windows, down, weight = drawn
    each = F.binary_cross_entropy_with_logits(network(windows).float(), down, reduction="none")
    return (each * weight).sum() / weight.sum()


@torch.no_grad()
def judge(network: Any, judged: list[Drawn]) -> float:
    """Mean loss on batches kept apart."""
    network.eval()
    return float(torch.stack([loss_of(network, drawn) for drawn in judged]).mean())


def train_audeo(draws: Iterator[Drawn], judged: list[Drawn], out: Path, *, minutes: float, keys: int = 88) -> None:
    """Train for ``minutes`` on ``draws``; ``out`` (.pth, a plain state dict) holds what had the smallest loss
    on ``judged``. Beside it, in ``NAME.resume``, lies all it takes to go on after it was cut off."""
    torch.manual_seed(0)
    precision: Any = "bf16-mixed" if torch.cuda.is_available() else "32-true"
    fabric = Fabric(accelerator="auto", devices=1, precision=precision)
    bare: Any = Video2RollNet(keys)
    bare.to(memory_format=torch.channels_last)
    network, optimiser = fabric.setup(bare, torch.optim.Adam(bare.parameters(), lr=RATE))
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, patience=PATIENCE)
    state = {"windows": 0, "spent": 0.0, "judged": 0.0, "best": float("inf")}
    parts: dict[str, Any] = {"network": bare, "optimiser": optimiser, "plateau": plateau}
    resume = out.with_suffix(".resume")
    if resume.exists():
        saved = torch.load(resume, weights_only=True, map_location="cpu")
        state = saved["state"]
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        print(f"goes on after {state['windows']} windows", flush=True)
    judged = [fabric.to_device(drawn) for drawn in judged]
    began = time.monotonic() - state["spent"]
    while state["judged"] < 1:
        network.train()
        drawn = fabric.to_device(next(draws))
        loss = loss_of(network, drawn)
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(loss)
        optimiser.step()
        state["windows"] += len(drawn[0])
        done = min(1.0, (time.monotonic() - began) / (60 * minutes))
        if done - state["judged"] < JUDGED and done < 1:
            continue
        seen = judge(network, judged)
        plateau.step(seen)
        print(f"{100 * done:5.1f} %  {state['windows']} windows  loss {loss.item():.4f}  dev {seen:.4f}", flush=True)
        if seen < state["best"]:
            with write_beside(out) as temporary:
                torch.save({name: values.cpu() for name, values in bare.state_dict().items()}, temporary)
        state |= {"judged": done, "spent": time.monotonic() - began, "best": min(seen, state["best"])}
        with write_beside(resume) as temporary:
            torch.save({"state": state, **{name: part.state_dict() for name, part in parts.items()}}, temporary)
    resume.unlink(missing_ok=True)

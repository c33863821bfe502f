"""Piano sound -> notes, by transkun (Yan & Duan 2024), an optional package that carries its weights (MIT).

It hears real pianos well; here it makes labels for video, and judges whether our own sound says what was played.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import soxr
import torch

from pianoroll import Note

BETWEEN_NOTES = 1e-3  # seconds that a note lasts at least
_WEIGHTS, _SETTINGS = "pretrained/2.0.pt", "pretrained/2.0.conf"


def hear(sound: np.ndarray, sample_rate: int) -> list[Note]:
    """The notes in ``sound (channels, samples)``, float in -1..1; any rate, mono or stereo. Pedals are left out."""
    network = _network()
    stereo = np.broadcast_to(sound, (2, sound.shape[1])) if len(sound) == 1 else sound[:2]
    heard = stereo.T if sample_rate == network.fs else soxr.resample(stereo.T, sample_rate, network.fs)
    with torch.inference_mode():
        events = network.transcribe(torch.from_numpy(np.ascontiguousarray(heard, dtype=np.float32)))
    return sorted(
        Note(float(event.start), int(event.pitch), max(float(event.end), event.start + BETWEEN_NOTES), event.velocity)
        for event in events
        if event.pitch > 0  # pedals are numbers below
    )


@cache
def _network() -> Any:
    import moduleconf

    package = files("transkun")
    settings = moduleconf.parseFromFile(str(package / _SETTINGS))["Model"]
    network = settings.module.TransKun(conf=settings.config)
    checkpoint = torch.load(str(package / _WEIGHTS), map_location="cpu", weights_only=True)
    network.load_state_dict(checkpoint.get("best_state_dict", checkpoint["state_dict"]), strict=False)
    return network.eval()

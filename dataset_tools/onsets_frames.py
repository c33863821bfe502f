"""Onsets and Frames: piano sound -> notes (Hawthorne et al. 2018, 2019), as in the PyTorch version by Jong Wook Kim.

Its files are in the order of the data: sound at RATE, log-mel spectrogram (T, 229), five networks side by side that
give onset, offset, frame and velocity of the 88 keys at each step of 32 ms, notes. Checkpoints are brought by the user;
all sizes come from their weights.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from dataset_tools.foreign_pickle import CheckpointError, read_state_dict
from pianoroll import Note
from pianoroll.files import write_beside
from pianoroll.keys import KEYS, LOWEST_PITCH

RATE = 16000  # samples a second
HOP = 512  # samples: 32 ms
WINDOW = 2048  # samples: 128 ms
MELS = 229
LOWEST, HIGHEST = 30.0, RATE / 2  # Hz, of the mel bands
QUIETEST = 1e-5  # magnitude below which the logarithm does not go
STEP = HOP / RATE  # seconds
THRESHOLD = 0.5
SPAN = 1024  # steps of the spectrogram that are worked on at once; the result does not depend on it
REACH = 3  # steps that three convolutions look to each side
_NAMES = ("onset", "offset", "frame", "velocity")
_CLASSES = tuple(
    f"onsets_and_frames.{name}" for name in ("transcriber.OnsetsAndFrames", "transcriber.ConvStack", "lstm.BiLSTM")
)


@dataclass(frozen=True)
class Activations:
    """What the networks say, each float32 ``(T, 88)``, one row every STEP seconds: probabilities, and ``velocity`` as
    MIDI velocity / 128. ``activation`` is what the frame network says before it is combined with the others."""

    onset: np.ndarray
    offset: np.ndarray
    activation: np.ndarray
    frame: np.ndarray
    velocity: np.ndarray

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write onset, offset, frame and velocity as ``.npz``. Raises FileError."""
        with write_beside(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **{name: asdict(self)[name] for name in _NAMES})


# ---- sound -> spectrogram --------------------------------------------------------------------------------------------


def log_mel(sound: np.ndarray) -> np.ndarray:
    """Log-mel spectrogram ``(T, 229)`` float32 of ``sound (N,)`` at RATE, in -1..1; the last sample is left out."""
    padded = torch.from_numpy(np.pad(sound[:-1].astype(np.float32), WINDOW // 2, mode="reflect"))
    bands = melscale_fbanks(WINDOW // 2 + 1, LOWEST, HIGHEST, MELS, RATE, norm="slaney", mel_scale="htk")
    window = torch.hann_window(WINDOW)
    steps = (len(padded) - WINDOW) // HOP + 1
    parts = []
    for first in range(0, steps, SPAN):
        last = min(first + SPAN, steps)
        part = padded[first * HOP : (last - 1) * HOP + WINDOW]
        size = torch.stft(part, WINDOW, HOP, window=window, center=False, return_complex=True).abs()
        parts.append(torch.log(torch.clamp(size.T @ bands, min=QUIETEST)))
    return torch.cat(parts).numpy()


# ---- spectrogram -> activations --------------------------------------------------------------------------------------


class ConvStack(nn.Module):
    """Spectrogram ``(B, T, 229)`` -> features ``(B, T, size)``, with REACH steps to each side."""

    def __init__(self, size: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            *(nn.Conv2d(1, narrow, 3, padding=1), nn.BatchNorm2d(narrow), nn.ReLU()),
            *(nn.Conv2d(narrow, narrow, 3, padding=1), nn.BatchNorm2d(narrow), nn.ReLU()),
            *(nn.MaxPool2d((1, 2)), nn.Dropout(0.25)),
            *(nn.Conv2d(narrow, wide, 3, padding=1), nn.BatchNorm2d(wide), nn.ReLU()),
            *(nn.MaxPool2d((1, 2)), nn.Dropout(0.25)),
        )
        self.fc = nn.Sequential(nn.Linear(wide * (MELS // 4), size), nn.Dropout(0.5))

    def forward(self, mel: Tensor) -> Tensor:
        """Spans at a time, each with what its neighbours show: an hour of sound needs no more memory than a minute."""
        count = mel.shape[1]
        parts = []
        for first in range(0, count, SPAN):
            low, high = max(0, first - REACH), min(count, first + SPAN + REACH)
            seen = self.cnn(mel[:, None, low:high])  # (B, wide, t, 57)
            seen = seen[:, :, first - low : first - low + min(SPAN, count - first)]
            parts.append(self.fc(seen.transpose(1, 2).flatten(2)))
        return torch.cat(parts, dim=1)


class BiLSTM(nn.Module):
    """Along time in both directions: ``(B, T, inputs)`` -> ``(B, T, 2 * hidden)``."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0]


class OnsetsAndFrames(nn.Module):
    """Spectrogram ``(B, T, 229)`` -> five times ``(B, T, 88)``, in the order of ``Activations``."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        """As large as the weights in ``state`` ask for."""
        super().__init__()

        def stack(name: str) -> ConvStack:
            narrow, wide = len(state[f"{name}.0.cnn.0.weight"]), len(state[f"{name}.0.cnn.8.weight"])
            return ConvStack(len(state[f"{name}.0.fc.0.weight"]), narrow, wide)

        def lstm(name: str) -> BiLSTM:
            return BiLSTM(state[f"{name}.rnn.weight_ih_l0"].shape[1], state[f"{name}.rnn.weight_hh_l0"].shape[1])

        def out(name: str) -> nn.Linear:
            return nn.Linear(state[f"{name}.weight"].shape[1], KEYS)

        def heard(name: str) -> nn.Sequential:
            return nn.Sequential(stack(name), lstm(f"{name}.1"), out(f"{name}.2"), nn.Sigmoid())

        self.onset_stack, self.offset_stack = heard("onset_stack"), heard("offset_stack")
        self.frame_stack = nn.Sequential(stack("frame_stack"), out("frame_stack.1"), nn.Sigmoid())
        self.combined_stack = nn.Sequential(lstm("combined_stack.0"), out("combined_stack.1"), nn.Sigmoid())
        self.velocity_stack = nn.Sequential(stack("velocity_stack"), out("velocity_stack.1"))
        self.load_state_dict(dict(state))

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        onset, offset, activation = self.onset_stack(mel), self.offset_stack(mel), self.frame_stack(mel)
        frame = self.combined_stack(torch.cat([onset, offset, activation], dim=-1))
        return onset, offset, activation, frame, self.velocity_stack(mel)


def load_onsets_frames(path: str | os.PathLike[str]) -> OnsetsAndFrames:
    """The network of a checkpoint, a whole pickled network or a state dict. Raises CheckpointError."""
    state = read_state_dict(path, _CLASSES)
    try:
        return OnsetsAndFrames(state).eval()
    except (KeyError, IndexError, RuntimeError) as error:
        raise CheckpointError(f"{path} holds no weights of Onsets and Frames; its layers have other names.") from error


@torch.inference_mode()
def activations(network: OnsetsAndFrames, mel: np.ndarray) -> Activations:
    """Of a spectrogram ``(T, 229)``."""
    return Activations(*(values[0].numpy() for values in network(torch.from_numpy(mel)[None])))


# ---- activations -> notes --------------------------------------------------------------------------------------------


def to_notes(heard: Activations) -> list[Note]:
    """A note begins where its onset rises above THRESHOLD, and lasts while onset or frame are above; struck again while
    it lasts, it ends there. Its velocity is the mean over those of its steps in which the onset is above."""
    struck = heard.onset > THRESHOLD
    sounding = struck | (heard.frame > THRESHOLD)
    before = np.zeros((1, KEYS), dtype=bool)
    rises = struck & ~np.concatenate([before, struck[:-1]])
    notes = []
    for key in np.flatnonzero(rises.any(axis=0)):
        begins = np.flatnonzero(rises[:, key])
        silent = np.append(np.flatnonzero(~sounding[:, key]), len(sounding))
        ends = silent[np.searchsorted(silent, begins)]
        for begin, end, again in zip(begins, ends, np.append(begins[1:], len(sounding)), strict=True):
            on = begin + np.flatnonzero(struck[begin:end, key])
            velocity = int(np.clip(np.mean(heard.velocity[on, key]) * 127, 1, 127))
            notes.append(Note(begin * STEP, LOWEST_PITCH + int(key), min(end, again) * STEP, velocity))
    return sorted(notes)

"""Onsets and Frames: the reference's own outputs; sizes from the weights; notes from activations."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from dataset_tools import onsets_frames
from dataset_tools.foreign_pickle import CheckpointError, read_state_dict
from dataset_tools.label import label
from dataset_tools.onsets_frames import (
    HOP,
    MELS,
    RATE,
    STEP,
    Activations,
    OnsetsAndFrames,
    activations,
    load_onsets_frames,
    log_mel,
    to_notes,
)
from pianoroll import Note
from pianoroll.keys import KEYS

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the reference vectors")
NAMES = ("onset", "offset", "activation", "frame", "velocity")


def small_state(narrow: int = 2, wide: int = 3, size: int = 8, hidden: int = 4) -> dict[str, torch.Tensor]:
    """Weights of a tiny network with the reference's names, every size of its own."""
    drawn = torch.Generator().manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {}
    for stack in ("onset_stack", "offset_stack", "frame_stack", "velocity_stack"):
        for index, (inputs, outputs) in ((0, (1, narrow)), (3, (narrow, narrow)), (8, (narrow, wide))):
            shapes[f"{stack}.0.cnn.{index}.weight"] = (outputs, inputs, 3, 3)
            shapes[f"{stack}.0.cnn.{index}.bias"] = (outputs,)
            for name in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{stack}.0.cnn.{index + 1}.{name}"] = (outputs,)
            shapes[f"{stack}.0.cnn.{index + 1}.num_batches_tracked"] = ()
        shapes[f"{stack}.0.fc.0.weight"], shapes[f"{stack}.0.fc.0.bias"] = (size, wide * 57), (size,)
    for rnn, inputs in (("onset_stack.1", size), ("offset_stack.1", size), ("combined_stack.0", 3 * KEYS)):
        for end in ("", "_reverse"):
            shapes[f"{rnn}.rnn.weight_ih_l0{end}"] = (4 * hidden, inputs)
            shapes[f"{rnn}.rnn.weight_hh_l0{end}"] = (4 * hidden, hidden)
            shapes[f"{rnn}.rnn.bias_ih_l0{end}"] = shapes[f"{rnn}.rnn.bias_hh_l0{end}"] = (4 * hidden,)
    for out, inputs in (
        *(("onset_stack.2", 2 * hidden), ("offset_stack.2", 2 * hidden), ("combined_stack.1", 2 * hidden)),
        *(("frame_stack.1", size), ("velocity_stack.1", size)),
    ):
        shapes[f"{out}.weight"], shapes[f"{out}.bias"] = (KEYS, inputs), (KEYS,)
    state = {name: 0.3 * torch.randn(shape, generator=drawn) for name, shape in shapes.items()}
    for name in state:
        if name.endswith("running_var"):
            state[name] = 1 + state[name].abs()
        elif name.endswith("tracked"):
            state[name] = torch.tensor(0)
    return state


@needs_reference
def test_the_reference_is_met(tmp_path: Path) -> None:
    sound = (np.random.default_rng(3).standard_normal(320000) * 0.1).clip(-1, 1).astype(np.float32)
    true = np.load(REFERENCE / "oaf_small.npz")
    np.testing.assert_allclose(log_mel(sound), true["mel"][0], atol=1e-4)
    soundfile.write(tmp_path / "noise.wav", np.stack([sound, sound], axis=1), RATE, subtype="FLOAT")
    label(tmp_path / "noise.wav", weights=REFERENCE / "oaf_small.pt", activations=tmp_path / "said.npz")
    with np.load(tmp_path / "said.npz") as said:
        assert set(said.files) == {"onset", "offset", "frame", "velocity"}
        for name in said.files:
            assert said[name].dtype == np.float32
            np.testing.assert_allclose(said[name], true[name][0], atol=1e-4)


@needs_reference
def test_a_state_dict_loads_as_the_whole_network_does(tmp_path: Path) -> None:
    torch.save(load_onsets_frames(REFERENCE / "oaf_small.pt").state_dict(), tmp_path / "state.pt")
    whole = read_state_dict(
        REFERENCE / "oaf_small.pt",
        [
            f"onsets_and_frames.{name}"
            for name in ("transcriber.OnsetsAndFrames", "transcriber.ConvStack", "lstm.BiLSTM")
        ],
    )
    again = load_onsets_frames(tmp_path / "state.pt").state_dict()
    assert again.keys() == whole.keys()
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_sizes_come_from_the_weights_and_spans_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    network = OnsetsAndFrames(small_state()).eval()
    mel = np.random.default_rng(0).standard_normal((150, MELS)).astype(np.float32)
    whole = activations(network, mel)
    assert whole.frame.shape == (150, KEYS)
    with torch.inference_mode():  # the convolutions over all of it at once
        stack = network.frame_stack
        features = stack[0].cnn(torch.from_numpy(mel)[None, None]).transpose(1, 2).flatten(2)
        np.testing.assert_allclose(stack[1:](stack[0].fc(features))[0].numpy(), whole.activation, atol=1e-6)
    monkeypatch.setattr(onsets_frames, "SPAN", 32)
    for name in NAMES:
        np.testing.assert_allclose(getattr(activations(network, mel), name), getattr(whole, name), atol=1e-6)


def test_the_spectrogram_of_long_sound_is_that_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 40 * HOP + 17).astype(np.float32)
    whole = log_mel(sound)
    monkeypatch.setattr(onsets_frames, "SPAN", 7)
    assert len(whole) == 1 + (len(sound) - 1) // HOP
    np.testing.assert_allclose(log_mel(sound), whole, atol=1e-5)


def test_a_tone_shows_in_its_band() -> None:
    seconds = np.arange(RATE) / RATE
    mel = log_mel((0.5 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32))
    mels = 2595 * np.log10(1 + np.array([30, 440, 8000]) / 700)  # HTK's scale
    band = (mels[1] - mels[0]) / (mels[2] - mels[0]) * (MELS + 1) - 1
    assert abs(mel[10].argmax() - band) <= 1


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="holds no weights of Onsets and Frames"):
        load_onsets_frames(tmp_path / "other.pt")
    state = small_state()
    state["onset_stack.2.bias"] = torch.zeros(87)
    torch.save(state, tmp_path / "keys.pt")
    with pytest.raises(CheckpointError, match="holds no weights of Onsets and Frames"):
        load_onsets_frames(tmp_path / "keys.pt")


def test_notes_last_while_onset_or_frame_are_above() -> None:
    nothing = np.zeros((12, KEYS), np.float32)
    heard = Activations(nothing, nothing, nothing, nothing, nothing)
    heard = replace(heard, onset=nothing.copy(), frame=nothing.copy(), velocity=np.full((12, KEYS), 0.25, np.float32))
    heard.onset[2:4, 39], heard.frame[3:7, 39], heard.velocity[2:4, 39] = 0.9, 0.9, (0.4, 0.6)
    heard.onset[0, 0], heard.onset[10:, 87], heard.frame[5:, 50] = 0.6, 0.6, 0.9  # first, last, no onset
    heard.onset[[1, 6], 20], heard.frame[1:9, 20], heard.velocity[0, 0] = 0.6, 0.6, -0.2  # struck again; below 0
    times = [(n.onset / STEP, n.offset / STEP, n.pitch, n.velocity) for n in to_notes(heard)]
    assert times == [
        (0, 1, 21, 1),
        (1, 6, 41, 31),
        (2, 7, 60, 63),
        (6, 9, 41, 31),
        (10, 12, 108, 31),
    ]
    assert to_notes(Activations(nothing, nothing, nothing, nothing, nothing)) == []
    assert isinstance(to_notes(heard)[0], Note)

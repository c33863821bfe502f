"""The integers that ship read as the weights do that they were made from."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from video2roll.infer import load_network, read_strips
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model, save_model
from video2roll.quantised import QuantisedReader, load_quantised, quantised_path
from video2roll.rectify import Rectifier
from video2roll.rest import rest_strip
from video2roll.scenes import find_in_video
from video2roll.video import read_frames

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "furelise.mp4"


@pytest.fixture(scope="module")
def strips() -> tuple[np.ndarray, np.ndarray]:
    """Six seconds of the sample: strips and their times."""
    rectify = Rectifier(find_in_video(SAMPLE))
    frames = [(rectify(frame.image), frame.time) for frame in read_frames(SAMPLE, start=6, end=12, colour=False)]
    return np.stack([strip for strip, _ in frames]), np.array([time for _, time in frames])


def test_integers_and_floats_find_the_same_keys_down(strips: tuple[np.ndarray, np.ndarray]) -> None:
    pictures, times = strips
    exact, _ = load_model()
    reader, _ = load_network(None)
    assert isinstance(reader, QuantisedReader)
    rest = rest_strip(pictures[::3])
    values, expected = (read_strips(network, pictures, times, rest) for network in (reader, exact))
    assert np.abs(values - expected).max(axis=(0, 1)).max() > 0  # not the same arithmetic
    assert np.abs(values - expected).mean() < 0.001
    down, truly = values[..., 0] > 0.5, expected[..., 0] > 0.5
    assert truly.sum() > 100
    assert (down & truly).sum() / (down | truly).sum() > 0.95


def test_integers_of_other_weights_are_not_used(tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    network, facts = load_model()
    save_model(network, weights, {**facts, "mine": True})
    assert load_quantised(network, weights) is None  # there are none
    source = quantised_path(DEFAULT_WEIGHTS)
    for suffix in (".xml", ".bin"):
        shutil.copy(source.with_suffix(suffix), quantised_path(weights).with_suffix(suffix))
    assert load_quantised(network, weights) is None  # they were made from others
    assert isinstance(load_network(weights)[0], KeyReader)
    shutil.copy(DEFAULT_WEIGHTS, weights)
    assert load_quantised(network, weights) is not None


def test_a_machine_that_cannot_run_them_reads_with_floats(tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    shutil.copy(DEFAULT_WEIGHTS, weights)
    text = quantised_path(DEFAULT_WEIGHTS).read_text()
    quantised_path(weights).write_text(text)  # without its .bin
    assert isinstance(load_network(weights)[0], KeyReader)

"""Training runs, goes on where it was cut off, and ends half-way from where it began."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_tools.clips import Clip, Strips
from dataset_tools.examples import Example, draw, prepare, self_labelled
from pianoroll import Note
from pianoroll.roll import notes_to_frames
from video2roll.model import KeyReader, KeyReaderSizes, load_model, save_model
from video2roll.rest import black_key_mask
from video2roll.train import average_into, meet, train

TINY = KeyReaderSizes(widths=(4, 4, 6), hidden=8)


@pytest.fixture
def data() -> Strips:
    """Three seconds in which a hand comes down on two keys."""
    times = np.arange(75) / 25
    notes = [Note(1.0, 60, 1.6), Note(1.8, 66, 2.4)]
    strips = np.repeat(np.where(black_key_mask(), 30, 200).astype(np.uint8)[None], 75, axis=0)
    strips[20:65, 40:, 270:340] = 110
    clip = Clip("made up", Path("wild/made-up.mp4"), None, 0.0, 3.0, "train", None, exact_ends=True)
    return Strips(clip, strips, times, notes_to_frames(notes, times), notes)


@pytest.fixture
def example(data: Strips) -> Example:
    return prepare(data, KeyReader(TINY))


def test_what_is_averaged_moves_part_of_the_way() -> None:
    torch.manual_seed(0)
    average, model = KeyReader(TINY), KeyReader(TINY)
    before, goal = average.white[1].weight.clone(), model.white[1].weight
    average_into(average, model, 0.25)
    torch.testing.assert_close(average.white[1].weight, before + 0.25 * (goal - before))
    assert torch.equal(average.order, model.order)


def test_weights_end_on_the_way(tmp_path: Path) -> None:
    paths, models = [tmp_path / "start.safetensors", tmp_path / "out.safetensors"], [KeyReader(TINY), KeyReader(TINY)]
    for path, model in zip(paths, models, strict=True):
        save_model(model, path, {"threshold": 0.4})
    meet(*paths, 0.25)
    middle, facts = load_model(paths[1])
    torch.testing.assert_close(
        middle.black[1].weight, 0.75 * models[0].black[1].weight + 0.25 * models[1].black[1].weight
    )
    assert facts["threshold"] == 0.4


def test_what_is_drawn_shows_the_keys_that_its_labels_name(example: Example) -> None:
    rng, look = np.random.default_rng(0), np.where(black_key_mask(), 60, 120).astype(np.uint8)
    down = 0.0
    for _ in range(40):
        crop, labels, centres = draw(example, [look], rng)
        assert crop.shape == (6, 104, 168)
        assert crop.dtype == np.float32
        assert np.isfinite(crop).all()
        judged = labels[:, 2] > 0
        assert (centres[judged] > 0).all()
        assert (centres[judged] < 168).all()
        assert set(np.flatnonzero(labels[:, 0])) <= {60 - 21, 66 - 21}
        down += labels[:, 0].sum()
    assert down > 0


def test_only_what_the_teacher_is_sure_of_is_taught(data: Strips) -> None:
    torch.manual_seed(0)
    unsure = KeyReader(TINY).eval()
    for head in (unsure.white, unsure.black):
        torch.nn.init.zeros_(head[3].weight)
        torch.nn.init.zeros_(head[3].bias)
    assert self_labelled(unsure, data).weight.max() == 0  # a half everywhere
    for head in (unsure.white, unsure.black):
        head[3].bias.data[:] = torch.tensor([-5.0, -5.0])
    taught = self_labelled(unsure, data)
    assert taught.weight.min() == 1
    assert not taught.data.down.any()


def test_training_that_was_cut_off_goes_on(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "weights.safetensors"
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", lambda *_args, **_options: None)  # as if killed just before the end
        train([example], [example], [], out, minutes=0.05, model=KeyReader(TINY), size=2)
    assert load_model(out)[0].sizes == TINY
    assert out.with_suffix(".resume").exists()
    steps = load_model(out)[1]["steps"]
    train([example], [example], [], out, minutes=0.1, model=KeyReader(TINY), size=2)
    assert "goes on from step" in capsys.readouterr().out
    assert not out.with_suffix(".resume").exists()
    assert load_model(out)[1]["steps"] >= steps

"""Audeo's network learns from windows, keeps what judged best as a checkpoint, and goes on where it was cut off."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_tools.clips import Clip, Strips
from dataset_tools.examples import balanced_windows, prepare
from pianoroll import Note
from pianoroll.roll import notes_to_frames
from video2roll.audeo import load_audeo
from video2roll.model import KeyReader
from video2roll.train_audeo import Drawn, judge, loss_of, train_audeo


def drawn_windows() -> Iterator[Drawn]:
    """Windows in which the first key is down wherever the picture is bright; of the second nothing is known."""
    random = torch.Generator().manual_seed(0)
    while True:
        bright = (torch.rand(2, generator=random) > 0.5).float()
        down = torch.stack([bright, 1 - bright], dim=1).repeat(1, 44)
        weight = torch.tensor([1.0, 0.0]).repeat(44).expand(2, -1)
        yield bright[:, None, None, None].expand(-1, 5, 100, 900).contiguous(), down, weight


def test_unknown_keys_do_not_count() -> None:
    windows, down, weight = next(drawn_windows())
    logits = torch.where(weight > 0, 20 * (2 * down - 1), -20 * (2 * down - 1))  # wrong only where nothing is known
    assert loss_of(lambda _: logits, (windows, down, weight)) < 1e-6


def test_training_keeps_a_checkpoint_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(1)
    out, draws = tmp_path / "net.pth", drawn_windows()
    judged = [next(draws)]
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", lambda *_args, **_options: None)  # as if killed just before the end
        train_audeo(draws, judged, out, minutes=0.05)
    saved = torch.load(out.with_suffix(".resume"), weights_only=True)
    saved["state"]["judged"] = 0.5
    torch.save(saved, out.with_suffix(".resume"))
    network = load_audeo(out)
    assert judge(network, judged) == pytest.approx(saved["state"]["best"], rel=1e-4)
    train_audeo(draws, judged, out, minutes=0.05)
    assert f"goes on after {saved['state']['windows']} windows" in capsys.readouterr().out
    assert not out.with_suffix(".resume").exists()


def test_every_key_and_silence_are_drawn_alike_often() -> None:
    times = np.arange(250) / 25
    notes = [Note(1.0, 60, 9.0), Note(9.2, 66, 9.4)]  # one key is down forty times as long as the other
    strips = np.zeros((250, 104, 624), dtype=np.uint8)
    clip = Clip("made up", Path("made-up.mp4"), None, 0.0, 10.0, "train", None, exact_ends=True)
    example = prepare(Strips(clip, strips, times, notes_to_frames(notes, times), notes), KeyReader())
    windows, down, weight = next(balanced_windows([example], 300, np.random.default_rng(0)))
    assert windows.shape == (300, 5, 104, 624)
    assert weight.min() == 1
    shares = [down[:, 60 - 21].mean(), down[:, 66 - 21].mean(), (~down.astype(bool).any(axis=1)).mean()]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.1)

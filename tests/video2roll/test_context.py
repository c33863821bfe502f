"""The key reader in context: its grid, what fingertips tell it, how far it looks, and that seams are not seen."""

import numpy as np
import pytest
import torch

from pianoroll.keys import CENTRES, KEYS
from video2roll import infer
from video2roll.context import GRID, TIP_CUES, Context, grid_times, resample, tip_cues
from video2roll.infer import in_context
from video2roll.model import KeyReader, KeyReaderSizes
from video2roll.rectify import STRIP_SCALE, STRIP_WIDTH
from video2roll.rest import black_key_mask, gain


def test_a_grid_covers_the_times_and_gives_them_back() -> None:
    times = np.array([1.0, 1.04, 1.07, 1.3])
    grid = grid_times(times)
    assert grid[0] == 1.0
    assert grid[-1] >= 1.3
    assert np.allclose(np.diff(grid), GRID)
    ramp = (2 * times)[:, None].repeat(3, axis=1)
    np.testing.assert_allclose(resample(resample(ramp, times, grid), grid, times), ramp, atol=0.01)
    assert resample(ramp[:1], times[:1], grid).shape == (len(grid), 3)


def test_tips_near_a_key_are_told_and_none_is_no_claim() -> None:
    times = np.arange(3) / 30
    assert not tip_cues(times, None).any()
    tips = np.full((3, 2, 5, 2), np.nan, np.float32)
    tips[:2, 0] = [[CENTRES[40] + 0.1 * finger, 0.8] for finger in range(5)]
    cues = tip_cues(times, tips)
    assert cues.shape == (3, KEYS, TIP_CUES)
    assert cues[:2, :, 0].all()
    assert not cues[2].any()
    assert cues[0, 40, 1] == 1
    assert cues[0, 40, 3] == pytest.approx(0.8)
    assert cues[0, 40, 5] == 1  # the thumb's
    assert not cues[0, 50, 1:].any()


def network() -> KeyReader:
    torch.manual_seed(0)
    return KeyReader(KeyReaderSizes(widths=(4, 6, 8), hidden=8)).eval()


def test_context_looks_no_farther_than_its_margin() -> None:
    context = network().context
    steps = 2 * round(infer.MARGIN / GRID) + 41
    words, logits, cues = torch.rand(1, steps, KEYS, 8), torch.rand(1, steps, KEYS, 2), torch.rand(1, steps, KEYS, 6)
    far = words.clone()
    far[:, : steps // 2 - round(infer.MARGIN / GRID)] += 1
    with torch.inference_mode():
        one, other = context(words, logits, cues), context(far, logits, cues)
    assert torch.equal(one[:, steps // 2 :], other[:, steps // 2 :])
    assert not torch.equal(one[:, :5], other[:, :5])


def test_spans_read_as_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, rng = network(), np.random.default_rng(0)
    times = np.arange(600) * 0.05
    words, logits = rng.random((600, KEYS, 8)).astype(np.float16), rng.normal(size=(600, KEYS, 2)).astype(np.float32)
    whole = in_context(reader, times, words, logits, None)
    monkeypatch.setattr(infer, "SPAN", 5.0)
    np.testing.assert_allclose(in_context(reader, times, words, logits, None), whole, atol=1e-5)


def test_one_frame_is_read_too() -> None:
    reader = network()
    values = in_context(reader, np.zeros(1), np.zeros((1, KEYS, 8)), np.zeros((1, KEYS, 2), np.float32), None)
    assert values.shape == (1, KEYS, 2)


def test_an_untrained_context_can_be_left_out() -> None:
    """Its answer is a change to the first network's logits."""
    context = Context(8).eval()
    torch.nn.init.zeros_(context.leave.weight)
    torch.nn.init.zeros_(context.leave.bias)
    logits = torch.rand(1, 9, KEYS, 2)
    assert torch.equal(context(torch.rand(1, 9, KEYS, 8), logits, torch.zeros(1, 9, KEYS, 6)), logits)


def test_only_what_changed_is_read() -> None:
    """A hand over some keys: they and a few around them are read as in the whole strip, the others as at rest."""
    reader, rng = network(), np.random.default_rng(1)
    rest = np.where(black_key_mask(), 30, 200).astype(np.uint8)
    strips = np.clip(rest + rng.normal(0, 2, (20, *rest.shape)), 0, 255).astype(np.uint8)
    assert infer.changed_parts(strips, rest) == []
    strips[5:, 60:, 300:340] = 120
    ((left, right),) = infer.changed_parts(strips, rest)
    assert left <= 300 - 2 * STRIP_SCALE
    assert right >= 340 + 2 * STRIP_SCALE
    assert right - left < STRIP_WIDTH / 3
    times = np.arange(20) / 25
    words, logits = infer.describe(reader, strips, times, rest, slice(6, 14))
    assert words.shape == (8, KEYS, 8)
    whole = reader(_windows(strips[4:9], rest), torch.from_numpy(CENTRES.astype("float32") * STRIP_SCALE)[None])
    touched = (CENTRES * STRIP_SCALE > 295) & (CENTRES * STRIP_SCALE < 345)
    np.testing.assert_allclose(logits[0, touched], whole[1][0, touched].detach(), atol=1e-3)
    far = left > CENTRES * STRIP_SCALE
    assert np.array_equal(logits[0, far], logits[7, far])


def _windows(strips: np.ndarray, rest: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(
        np.concatenate([strips, rest[None]])[None].astype(np.float32) * np.float32(gain(rest) / 255)
    )

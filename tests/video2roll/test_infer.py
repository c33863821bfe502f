"""Strips are read where fingers are, and nowhere else."""

import numpy as np
import torch

from pianoroll.keys import CENTRES, KEYS
from video2roll.infer import changed_parts, read_strips
from video2roll.model import KeyReader, KeyReaderSizes
from video2roll.rectify import STRIP_SCALE, STRIP_WIDTH
from video2roll.rest import black_key_mask, gain


def test_only_what_changed_is_read() -> None:
    """A hand over some keys: they and a few around them are read as in the whole strip, the others are silent."""
    torch.manual_seed(0)
    reader, rng = KeyReader(KeyReaderSizes(widths=(4, 6, 8), hidden=8)).eval(), np.random.default_rng(1)
    rest = np.where(black_key_mask(), 30, 200).astype(np.uint8)
    strips = np.clip(rest + rng.normal(0, 2, (20, *rest.shape)), 0, 255).astype(np.uint8)
    assert changed_parts(strips, rest) == []
    strips[5:, 60:, 300:340] = 120
    ((left, right),) = changed_parts(strips, rest)
    assert left <= 300 - 2 * STRIP_SCALE
    assert right >= 340 + 2 * STRIP_SCALE
    assert right - left < STRIP_WIDTH / 3
    told: list[float] = []
    values = read_strips(reader, strips, np.arange(20) / 25, rest, slice(6, 18), told.append)
    assert told == [6 / 25, 14 / 25]
    assert values.shape == (12, KEYS, 2)
    window = np.concatenate([strips[4:9], rest[None]])[None].astype(np.float32) * np.float32(gain(rest) / 255)
    places = CENTRES.astype(np.float32) * STRIP_SCALE
    with torch.inference_mode():
        whole = reader(torch.from_numpy(window), torch.from_numpy(places)[None])[0].sigmoid().numpy()
    touched = (places > 295) & (places < 345)
    np.testing.assert_allclose(values[0, touched], whole[touched], atol=1e-3)
    assert values[:, places < left].max() == 0
    assert values[:, places > right].max() == 0

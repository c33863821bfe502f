"""What the key reader is taught: targets in time, and clips in another light that stay one clip."""

import numpy as np

from pianoroll import Note
from video2roll.rectify import STRIP_HEIGHT, STRIP_WIDTH
from video2roll.train import in_another_light
from video2roll.train_context import targets


def test_targets_say_down_and_onset_and_doubt_ends_from_sound() -> None:
    times = np.arange(100) * 0.025
    wanted, weight = targets([Note(1.0, 60, 1.5, 80)], times, exact_ends=True)
    down = wanted[:, 60 - 21, 0]
    assert down[times < 0.99].max() == 0
    assert down[(times > 1.01) & (times < 1.49)].min() == 1
    assert wanted[40, 60 - 21, 1] == 1
    assert wanted[np.abs(times - 1.0) > 0.06, 60 - 21, 1].max() == 0
    assert weight.min() == 1
    _, doubtful = targets([Note(1.0, 60, 1.5, 80)], times, exact_ends=False)
    assert doubtful[(times > 1.3) & (times < 1.6), 60 - 21].max() == 0
    assert doubtful[(times > 0.9) & (times < 1.2), 60 - 21].min() == 1
    assert doubtful[:, 61 - 21].min() == 1


def test_a_clip_in_another_light_is_still_one_clip() -> None:
    """A still clip stays still, within noise, and a key that changes still does."""
    rng = np.random.default_rng(5)
    still = np.clip(rng.normal(150, 30, (STRIP_HEIGHT, STRIP_WIDTH)), 0, 255).astype(np.uint8)
    strips = np.repeat(still[None], 70, axis=0)
    strips[40:, 40:70, 300:312] = 30
    changed = []
    for seed in range(3):
        other = in_another_light(strips, np.random.default_rng(seed)).astype(np.float32)
        assert other.shape == strips.shape
        assert abs(other[33:39].mean() - other[:6].mean()) < 4  # across the seam of two pieces
        differ = np.abs(other[45:70].mean(axis=0) - other[10:35].mean(axis=0))
        changed.append(differ[44:66, 302:310].mean() / (differ[:, :250].mean() + 1))
    assert min(changed) > 3

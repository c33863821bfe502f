"""Sound of any loudness -> sound as loud as is usual, that never clips, of the length that was asked for.

Loudness is ITU-R BS.1770's, by pyloudnorm's filters; the true peak is looked for between the samples, four times as
fine, as the same recommendation has it.
"""

import numpy as np
import pyloudnorm
from scipy.signal import resample_poly, sosfilt

LOUDNESS = -18.0  # LUFS, as a piano recording usually is
TRUE_PEAK = 10 ** (-1 / 20)  # -1 dBTP
OVERSAMPLED = 4
PIECE, BESIDE = 1 << 14, 1 << 6  # samples in which a peak is looked for, and those beside that the filter sees
OVERSHOOT = 1.5  # times its samples that sound rises between them, at most: 3.5 dB
STEP, STEPS = 0.1, 4  # seconds by which blocks of loudness follow each other, and of them to a block: shorter sounds
# are judged by their peak alone
STRETCH = 200  # of them looked at in one go: hours of sound are not held twice
SILENT = -70.0  # LUFS: blocks below are not heard...
QUIETER = 10.0  # ...and those so much below the mean of the others do not count
OFFSET = 0.691  # by which LUFS are below the decibels of the filtered power
FADE = 0.05  # seconds of fade at the very end
HEARD = 10 ** (-70 / 20)  # of the peak: what is below it is not heard


def finish(sound: np.ndarray, sample_rate: int, *, last: float, length: float | None = None) -> np.ndarray:
    """``sound (2, N)`` at LOUDNESS, or as near as TRUE_PEAK allows; float32, changed in place where it can be.

    It ends after ``length`` seconds, or where it has died away after second ``last``, and fades out there.
    """
    end = _end(sound, round(last * sample_rate), sample_rate) if length is None else round(length * sample_rate)
    sound = sound[:, :end]
    fade = min(round(FADE * sample_rate), sound.shape[1])
    sound[:, sound.shape[1] - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    peak = true_peak(sound)
    if peak > 0:
        gain = TRUE_PEAK / peak
        loudness = integrated_loudness(sound, sample_rate)
        if np.isfinite(loudness):
            gain = min(gain, 10 ** ((LOUDNESS - loudness) / 20))
        sound *= np.float32(gain)
    return sound if sound.shape[1] == end else np.pad(sound, ((0, 0), (0, end - sound.shape[1])))


def _end(sound: np.ndarray, last: int, sample_rate: int) -> int:
    """Where a sound has died away."""
    peak = _peak(sound)
    heard = np.flatnonzero(np.abs(sound[:, last:]).max(axis=0, initial=0.0) > peak * HEARD)
    return min(sound.shape[1], last + round(FADE * sample_rate) + (int(heard[-1]) if len(heard) else 0))


def integrated_loudness(sound: np.ndarray, sample_rate: int) -> float:
    """LUFS of ``sound (2, N)``, gated; minus infinity for silence and what is too short to tell."""
    filters = pyloudnorm.Meter(sample_rate)._filters.values()
    sections = np.array([[*(each.passband_gain * each.b), *each.a] for each in filters])
    state = np.zeros((len(sections), 2, 2))
    steps = list[np.ndarray]()  # power in each
    edges = (STEP * sample_rate * np.arange(sound.shape[1] / (STEP * sample_rate) + 1)).astype(int)
    edges = edges[edges <= sound.shape[1]]
    for first in range(0, len(edges) - 1, STRETCH):
        at = edges[first : first + STRETCH + 1]
        heard, state = sosfilt(sections, sound[:, at[0] : at[-1]], zi=state)
        steps.append(np.add.reduceat(np.square(heard, out=heard), at[:-1] - at[0], axis=1).sum(axis=0))
    if len(edges) <= STEPS:
        return -np.inf
    power = np.convolve(np.concatenate(steps), np.ones(STEPS), "valid") / (STEP * STEPS * sample_rate)
    power = power[power >= 10 ** ((SILENT + OFFSET) / 10)]
    if not len(power):
        return -np.inf
    return float(10 * np.log10(power[power > power.mean() / 10 ** (QUIETER / 10)].mean()) - OFFSET)


def true_peak(sound: np.ndarray) -> float:
    """Largest value that ``sound (2, N)`` reaches, between its samples too."""
    largest = _peak(sound)
    for start in range(0, sound.shape[1], PIECE):
        part = sound[:, max(0, start - BESIDE) : start + PIECE + BESIDE]
        if OVERSHOOT * _peak(part) > largest:
            largest = max(largest, _peak(resample_poly(part, OVERSAMPLED, 1, axis=1)))
    return largest


def _peak(sound: np.ndarray) -> float:
    return float(max(sound.max(initial=0.0), -sound.min(initial=0.0)))

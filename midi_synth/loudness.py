"""Sound of any loudness -> sound as loud as is usual, that never clips, of the length that was asked for.

Loudness is ITU-R BS.1770's, of which pyloudnorm does the filters and blocks; the true peak is looked for between the
samples, four times as fine, as the same recommendation has it.
"""

import numpy as np
import pyloudnorm
from scipy.signal import resample_poly

LOUDNESS = -18.0  # LUFS, as a piano recording usually is
TRUE_PEAK = 10 ** (-1 / 20)  # -1 dBTP
OVERSAMPLED = 4
STRETCH = 60.0  # seconds looked at in one go: hours of sound are not held twice
PIECE, BESIDE = 1 << 14, 1 << 6  # samples in which a peak is looked for, and those beside that the filter sees
OVERSHOOT = 1.5  # times its samples that sound rises between them, at most: 3.5 dB
SHORTEST = 0.4  # seconds: a block of loudness; what is shorter is judged by its peak alone
SILENT = -70.0  # LUFS: blocks below are not heard...
QUIETER = 10.0  # ...and those so much below the mean of the others do not count
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
    peak = float(np.abs(sound).max(initial=0.0))
    heard = np.flatnonzero(np.abs(sound[:, last:]).max(axis=0, initial=0.0) > peak * HEARD)
    return min(sound.shape[1], last + round(FADE * sample_rate) + (int(heard[-1]) if len(heard) else 0))


def integrated_loudness(sound: np.ndarray, sample_rate: int) -> float:
    """LUFS of ``sound (2, N)``, gated; minus infinity for silence and what is too short to tell."""
    size, found = round(STRETCH * sample_rate), list[float]()
    for start in range(0, sound.shape[1], size):
        part = sound[:, start : start + size]
        if part.shape[1] > SHORTEST * sample_rate:
            meter = pyloudnorm.Meter(sample_rate)
            meter.integrated_loudness(part.T.astype(np.float64))
            found += meter.blockwise_loudness
    blocks = np.array([block for block in found if block >= SILENT])
    if not len(blocks):
        return -np.inf
    power = 10 ** (blocks / 10)
    return float(10 * np.log10(power[blocks > 10 * np.log10(power.mean()) - QUIETER].mean()))


def true_peak(sound: np.ndarray) -> float:
    """Largest value that ``sound (2, N)`` reaches, between its samples too."""
    largest = float(np.abs(sound).max(initial=0.0))
    for start in range(0, sound.shape[1], PIECE):
        part = sound[:, max(0, start - BESIDE) : start + PIECE + BESIDE]
        if OVERSHOOT * np.abs(part).max(initial=0.0) > largest:
            largest = max(largest, float(np.abs(resample_poly(part, OVERSAMPLED, 1, axis=1)).max()))
    return largest

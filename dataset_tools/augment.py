"""Varying what is trained on: the keyboard a little out of place, other light, other cameras, other keyboards.

Every function takes a crop ``(frames + 1, 104, W)`` of a strip, float32 gray at common exposure, the keyboard at rest
last, and a random generator.
"""

import cv2
import numpy as np

from video2roll.rectify import KEY_PIXELS, STRIP_BACK
from video2roll.rest import OCTAVE, gain

HAND = 0.12  # gray, of 1: a patch that differs as much from the keyboard at rest is a hand
DARK = 0.06  # gray: below this, how many times brighter a place has become says nothing


def dress(crop: np.ndarray, left: int, look: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same hands and presses on another keyboard: ``look (104, 624)`` uint8, one without hands.

    ``left``: the crop's first pixel column on the strip; the look is taken there or whole octaves away. A hand, which
    differs from the keyboard at rest over more than a line, is cut out and put on; elsewhere the other keyboard is as
    much brighter or darker than at rest as this one is: shadows, and the lines along a key that is down.
    """
    width, rest = crop.shape[2], crop[-1]
    first = left % OCTAVE + OCTAVE * int(rng.integers((look.shape[1] - width - left % OCTAVE) // OCTAVE + 1))
    other = look[:, first : first + width].astype(np.float32) * np.float32(gain(look) / 255)
    skin = np.float32(np.exp(rng.normal(0, 0.2)))
    dressed = []
    for plane in crop[:-1]:
        differs = (np.abs(plane - rest) > HAND).astype(np.uint8)
        hand = cv2.dilate(cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), np.ones((3, 3)))
        hand = cv2.GaussianBlur(hand.astype(np.float32), (0, 0), 1.0)
        dressed.append(hand * plane * skin + (1 - hand) * other * np.clip((plane + DARK) / (rest + DARK), 0.3, 2.0))
    return np.stack([*dressed, other])


def move(crop: np.ndarray, centres: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Shift, stretch and shear, as corners found a little wrong would; sometimes a camera that shook since the rest."""
    sx, sy = rng.uniform(0.96, 1.04), np.exp(rng.uniform(-0.15, 0.15))
    shear, dx, dy = rng.normal(0, 0.02), rng.normal(0, 1.2), rng.normal(0, 2.5)
    height, width = crop.shape[1:]
    cx, cy = width / 2, height / 2
    matrix = np.array([[sx, shear, cx - sx * cx - shear * cy + dx], [0, sy, cy - sy * cy + dy]])
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    stack = [cv2.warpAffine(plane, matrix, (width, height), flags=flags, borderMode=border) for plane in crop[:-1]]
    shaken = matrix.copy()
    if rng.random() < 0.3:
        shaken[:, 2] += rng.normal(0, 0.4, 2)
    stack.append(cv2.warpAffine(crop[-1], shaken, (width, height), flags=flags, borderMode=border))
    return np.stack(stack), (centres - cx) * sx + cx + 0.1 * dx  # what moves with a wrong corner stays unknown to it


def cut_off(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As where the picture ends on the keys: its last row goes on, before the keys or behind them."""
    out, height = crop.copy(), crop.shape[1]
    if rng.random() < 0.7:
        row = int(rng.integers(STRIP_BACK + 3 * KEY_PIXELS // 4, height))
        out[:, row:] = out[:, row : row + 1]
    else:
        row = int(rng.integers(1, STRIP_BACK + KEY_PIXELS // 4))
        out[:, :row] = out[:, row : row + 1]
    return out


def relight(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another camera and another light: gamma, gain, a slope of light, frames darker than the rest, blur, noise."""
    gamma, brightness, floor = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.15)), rng.normal(0, 0.03)
    out = np.clip(crop, 0, 1.3) ** float(gamma) * float(brightness) + floor
    if rng.random() < 0.5:
        out = _retone(out, rng)
    height, width = crop.shape[1:]
    along, across = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    out *= (1 + rng.normal(0, 0.12) * along + rng.normal(0, 0.1) * across).astype(np.float32)
    out[:-1] *= (1 + rng.normal(0, 0.03) + rng.normal(0, 0.01, (len(out) - 1, 1, 1))).astype(np.float32)
    if rng.random() < 0.25:
        shade = cv2.resize(
            rng.normal(0, 0.08, (2, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        out[:-1] *= 1 + shade
    out = np.clip(out, 0, 1.3).astype(np.float32)
    kind = rng.random()
    if kind < 0.25:
        sigma = rng.uniform(0.4, 1.3)
        out = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in out])
    elif kind < 0.5:
        out = np.stack([_coarsen(plane, part) for part in [rng.uniform(0.4, 0.9)] for plane in out])
    if rng.random() < 0.3:
        quality = [int(cv2.IMWRITE_JPEG_QUALITY), int(rng.integers(25, 80))]
        coded = [cv2.imencode(".jpg", np.minimum(plane * 196, 255).astype(np.uint8), quality)[1] for plane in out]
        out = np.array([cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) for code in coded]).astype(np.float32) / 196
    out += rng.standard_normal(out.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.03))
    return np.clip(out, 0, 1.3)


def _retone(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other keys, another camera's curve: a rising curve of five straight pieces through 0 and 1."""
    rises = np.exp(rng.normal(0, 0.45, 5))
    return np.interp(crop, np.linspace(0, 1, 6), np.concatenate([[0], np.cumsum(rises) / rises.sum()])).astype(
        np.float32
    )


def _coarsen(plane: np.ndarray, part: float) -> np.ndarray:
    """As filmed with ``part`` of the pixels."""
    height, width = plane.shape
    small = cv2.resize(plane, (round(width * part), round(height * part)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)

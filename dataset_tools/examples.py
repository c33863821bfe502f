"""What the key reader is trained on: examples, and crops drawn from them.

Crops of the strip are drawn around the hands (the network is the same along the strip, so a crop teaches as much as the
whole, at a quarter of the cost), half of them near a key's going down or up. They vary in light, exposure, place, size,
blur and noise, are mirrored about a D, which maps the keyboard onto itself, and many are put on other keyboards
(``augment.py``). Beside the labelled clips there are drawn ones, and ones that earlier weights have labelled.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from dataset_tools.augment import cut_off, dress, move, relight
from dataset_tools.clips import Clip, Strips
from dataset_tools.looks import gather_looks, training_pictures
from dataset_tools.render import Scene, random_notes, random_scene, render_frames, scene_keyboard
from pianoroll import Note
from pianoroll.keys import CENTRES, KEYS
from pianoroll.roll import notes_to_frames
from video2roll.model import KeyReader
from video2roll.rectify import STRIP_SCALE, STRIP_WIDTH, KeyboardError, Rectifier
from video2roll.rest import gain, rest_strip
from video2roll.scenes import find_views
from video2roll.windows import window_indices

CROP = 14 * STRIP_SCALE  # pixels of a strip seen at once in training: two octaves
ONSET_REACH = 0.06  # seconds: the onset target falls from 1 to 0 over this distance
SOUND_TRUST = 0.25  # seconds after an onset in which labels made from sound are trusted about the key
PACES = (1.0, 0.8, 1.25)  # windows as they are, and a player who is slower or faster
DRESSED = 0.4  # part of the crops shown on another keyboard
CUT_OFF = 0.12  # part of them shown as if the picture ended on the keys
SURE = 0.85  # of a reading that is taught where nobody labelled
RENDERED = 6.0  # seconds of a drawn clip
VIDEOS = (".mp4", ".mov")
WRONG_GRID = ("stock", "moving")  # clips of which the keyboard is found in the wrong place, or hardly seen
CALIBRATION = 8  # crops of a clip by which layers are measured
CALIBRATION_WIDTH = 28 * STRIP_SCALE  # pixels: four octaves
EDGE = 6  # pixels: keys whose centre is nearer to the crop's edge are not judged


@dataclass
class Example:
    """A clip ready to be drawn from: targets ``(T, 88)``, ``weight (T, 88)``.

    ``windows``: frame indices ``(T, 5)``; the true ones first, then of the clip as other cameras would have filmed it.
    """

    data: Strips
    rest: np.ndarray
    gain: float
    windows: list[np.ndarray]
    onset: np.ndarray
    weight: np.ndarray
    usable: np.ndarray
    lively: np.ndarray


def in_view(clip: Clip) -> np.ndarray | None:
    """Bool ``(88,)``: the keys of the clip that the picture shows, if that is known."""
    return None if clip.keyboard is None else clip.keyboard.keys_in_view


def prepare(data: Strips, model: KeyReader) -> Example:
    """Targets and weights of a clip, and which frames may be drawn."""
    clip, times = data.clip, data.times
    sample = np.linspace(0, len(times) - 1, min(len(times), 120)).astype(int)
    rest = rest_strip(np.asarray(data.strips[sample]), in_view(clip))
    onset = np.zeros((len(times), 88), dtype=np.float16)  # half as long: hours of these are held
    weight = np.ones((len(times), 88), dtype=np.float16)
    near = np.zeros(len(times), dtype=bool)
    for note in data.notes:
        distance = np.abs(times - note.onset)
        onset[:, note.key] = np.maximum(onset[:, note.key], np.clip(1 - distance / ONSET_REACH, 0, 1))
        near |= (distance < 0.2) | (np.abs(times - note.offset) < 0.2)
        if not clip.exact_ends:
            unsure = (times > note.onset + SOUND_TRUST) & (times < note.offset + 0.15)
            weight[unsure, note.key] = 0
    if clip.keyboard is not None:
        weight[:, ~clip.keyboard.keys_in_view] = 0
    trusted = (times > clip.start + 0.1) & (times < clip.end - 0.1)
    for first, last in clip.suspect:
        trusted &= (times < first) | (times > last)
    usable = np.flatnonzero(trusted)
    spacings = [model.sizes.spacing * pace for pace in PACES]
    windows = [window_indices(times, model.sizes.frames, spacing).astype(np.int32) for spacing in spacings]
    return Example(data, rest, gain(rest), windows, onset, weight, usable, usable[near[usable]])


def draw(
    example: Example, looks: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A crop ``(6, 104, CROP)``, labels ``(88, 3)`` (down, onset, weight), key centres ``(88,)`` in its pixels.

    Some are put on one of ``looks``: other keyboards, strips ``(104, 624)`` without hands."""
    pool = example.lively if rng.random() < 0.6 and len(example.lively) else example.usable
    t = int(rng.choice(pool))
    down = np.flatnonzero(example.data.down[t])
    if len(down) and rng.random() < 0.8:
        centre = CENTRES[rng.choice(down)] + rng.uniform(-5, 5)
    else:
        recent = np.flatnonzero(example.data.down[max(0, t - 60) : t + 60].any(axis=0))
        centre = (CENTRES[rng.choice(recent)] if len(recent) else rng.uniform(7, 45)) + rng.uniform(-8, 8)
    left = int(np.clip(round(centre * STRIP_SCALE) - CROP // 2, 0, STRIP_WIDTH - CROP))
    windows = example.windows[0 if rng.random() < 0.6 else int(rng.integers(len(PACES)))]
    frames = example.data.strips[windows[t], :, left : left + CROP]
    crop = np.concatenate([frames, example.rest[None, :, left : left + CROP]]).astype(np.float32) * (example.gain / 255)
    centres = CENTRES * STRIP_SCALE - left
    if len(looks) and rng.random() < DRESSED:
        crop = dress(crop, left, looks[int(rng.integers(len(looks)))], rng)
    if rng.random() < CUT_OFF:
        crop = cut_off(crop, rng)
    crop, centres = move(crop, centres, rng)
    crop = relight(crop, rng)
    if rng.random() < 0.5:  # the keyboard mirrored is a keyboard
        crop, centres = crop[:, :, ::-1], CROP - centres
    labels = np.stack([example.data.down[t], example.onset[t], example.weight[t]], axis=1).astype(np.float32)
    labels[(centres < EDGE) | (centres > CROP - EDGE), 2] = 0
    return np.ascontiguousarray(crop), labels, centres.astype(np.float32)


def batch(
    examples: list[Example], odds: np.ndarray, looks: Sequence[np.ndarray], size: int, rng: np.random.Generator
) -> list[torch.Tensor]:
    drawn = [draw(examples[int(rng.choice(len(examples), p=odds))], looks, rng) for _ in range(size)]
    return [torch.from_numpy(np.stack([item[i] for item in drawn])) for i in range(3)]


def balanced_windows(
    examples: list[Example], size: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Without end: windows ``(size, 5, 104, 624)`` uint8 as they are, *down* and weight ``(size, 88)``.

    Every key that the clips hold, and silence, come up alike often."""
    down = np.concatenate([e.data.down[e.usable] & (e.weight[e.usable] > 0) for e in examples])
    clip = np.repeat(np.arange(len(examples)), [len(e.usable) for e in examples])
    frame = np.concatenate([e.usable for e in examples])
    kinds = [np.flatnonzero(down[:, key]) for key in range(KEYS)] + [np.flatnonzero(~down.any(axis=1))]
    kinds = [kind for kind in kinds if len(kind)]
    while True:
        rows = [int(rng.choice(kinds[int(rng.integers(len(kinds)))])) for _ in range(size)]
        drawn = [(examples[clip[row]], int(frame[row])) for row in rows]
        windows = np.stack([e.data.strips[e.windows[0][t]] for e, t in drawn])
        truth = np.stack([e.data.down[t] for e, t in drawn]).astype(np.float32)
        yield windows, truth, np.stack([e.weight[t] for e, t in drawn]).astype(np.float32)


def self_labelled(model: KeyReader, data: Strips) -> Example:
    """A clip that nobody labelled, with what ``model`` reads there as its labels.

    It is read as it is and mirrored, and a little out of place; only what all readings agree on, and are sure of,
    is taught.
    """
    example = prepare(data, model)
    readings = np.stack([_read_moved(model, example, flip, dy) for flip, dy in ((0, 0), (1, 0), (0, -3), (1, 3))])
    down, onset = np.moveaxis(readings.mean(axis=0), -1, 0)
    lowest, highest = readings[..., 0].min(axis=0), readings[..., 0].max(axis=0)
    example.data.down[:] = down > 0.5
    example.onset[:] = onset
    example.weight[:] *= (lowest > SURE) | (highest < 1 - SURE)
    example.lively = example.usable[example.data.down[example.usable].any(axis=1)]
    return example


@torch.inference_mode()
def _read_moved(model: KeyReader, example: Example, flip: int, dy: int) -> np.ndarray:
    """Activations ``(T, 88, 2)`` of a clip mirrored (``flip``) and ``dy`` pixels lower than it is."""
    model.eval()
    places = torch.from_numpy(CENTRES.astype(np.float32) * STRIP_SCALE)[None]
    values = np.zeros((len(example.data.times), 88, 2), dtype=np.float32)
    for rows in np.array_split(np.arange(len(values)), max(1, len(values) // 16)):
        frames = np.roll(example.data.strips[example.windows[0][rows]], dy, axis=2)
        still = np.broadcast_to(np.roll(example.rest, dy, axis=0), (len(rows), 1, *example.rest.shape))
        windows = torch.from_numpy(np.concatenate([frames, still], axis=1).astype(np.float32) * (example.gain / 255))
        centres = places.expand(len(rows), -1)
        logits = model(windows.flip(-1), STRIP_WIDTH - centres) if flip else model(windows, centres)
        values[rows] = logits.sigmoid().numpy()
    return values


def unlabelled_clips(folder: Path) -> list[Clip]:
    """The videos of a folder in which a keyboard is found, as clips of which no note is known."""
    clips = []
    for video in sorted(folder.iterdir()):
        if video.suffix.lower() not in VIDEOS or video.stem in WRONG_GRID:
            continue
        try:
            views = find_views(video)
        except KeyboardError:
            continue
        clips.append(Clip(video.name, video, None, 0, np.inf, "train", views[0].keyboard, False, tuple(views)))
    return clips


def rendered_clips(count: int, cache: Path) -> list[Strips]:
    """Clips of ``count`` pianos that were never built, drawn as ``dataset_tools/render.py`` does, kept in ``cache``."""
    rng, clips = np.random.default_rng(7), []
    for number in range(count):
        scene = replace(random_scene(rng), width=960, height=540, mirrored=False)
        notes = random_notes(rng, RENDERED, lowest_pitch=scene.lowest_pitch, highest_pitch=scene.highest_pitch)
        times = np.arange(0, RENDERED, 1 / 25)
        kept = cache / f"drawn-{number}.npy"
        if not kept.exists():
            cache.mkdir(parents=True, exist_ok=True)
            np.save(kept, np.stack(list(_drawn_strips(scene, notes, times))))
        clip = Clip(f"rendered {number}", kept, None, 0, RENDERED, "train", scene_keyboard(scene), exact_ends=True)
        clips.append(Strips(clip, np.load(kept), times, notes_to_frames(notes, times), notes))
    return clips


def _drawn_strips(scene: Scene, notes: list[Note], times: np.ndarray) -> Iterator[np.ndarray]:
    """The strip of every picture, the keyboard followed where the camera moves."""
    rectify = Rectifier(scene_keyboard(scene))
    for time, frame in zip(times, render_frames(scene, notes, times), strict=True):
        if not scene.handling.still:
            rectify = Rectifier(scene_keyboard(scene, float(time)))
        yield rectify(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))


def keyboard_looks(folder: Path, cache: Path) -> list[np.ndarray]:
    """``gather_looks`` of the data set in ``folder``, kept in ``cache`` as finding takes minutes."""
    kept = cache / "looks.npy"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.stack(gather_looks(training_pictures(folder))))
    return list(np.load(kept))


def calibration_crops(example: Example, rng: np.random.Generator) -> list[np.ndarray]:
    """Windows ``(1, 6, 104, CALIBRATION_WIDTH)`` of a clip as they are read, to measure the ranges of layers on."""
    crops = []
    for t in rng.choice(example.lively, CALIBRATION):
        left = int(rng.integers((STRIP_WIDTH - CALIBRATION_WIDTH) // STRIP_SCALE + 1)) * STRIP_SCALE
        frames = np.concatenate([example.data.strips[example.windows[0][t]], example.rest[None]])
        crops.append(
            frames[None, :, :, left : left + CALIBRATION_WIDTH].astype(np.float32) * np.float32(example.gain / 255)
        )
    return crops

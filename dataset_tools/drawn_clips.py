"""A data set of drawn clips from MIDI files: what ``silentkeys data render`` makes.

Every clip has a look of its own, drawn by the seed, the MIDI's name and the look's number alone: whatever else is in
the set, in whatever order and by however many processes it is made, the same clip has the same bytes. A clip is
NAME.mp4, NAME.mid (the notes at the video's own times) and NAME.npz (a ``PianoRoll`` of the truth in every frame);
``manifest.csv`` is one that ``clips.read_manifest`` reads.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np

from dataset_tools.clips import CORNER_COLUMNS
from dataset_tools.cutouts import load_cutouts
from dataset_tools.drawn_camera import Camera, picture_points
from dataset_tools.drawn_hands import Hands
from dataset_tools.keyboard_scenes import uncovered
from dataset_tools.ledger import Ledger
from dataset_tools.overlays import STYLES
from dataset_tools.render import Handling, Scene, clip_times, random_scene, render_video, scene_keyboard
from dataset_tools.work import do_all
from pianoroll import FileError, Note, PianoRoll, read_midi, write_midi
from pianoroll.files import check_folder
from pianoroll.keys import HIGHEST_PITCH, KEYS, LOWEST_PITCH, WHITE_KEYS, key_centre
from pianoroll.reach import hands_by_reach
from pianoroll.roll import notes_to_frames

MANIFEST = (
    *("clip", "midi", "roll", "start", "end", "split", "truth", "lowest_pitch", "highest_pitch"),
    *CORNER_COLUMNS,
    *("order", "note"),
)
DRAWING = 1  # raised when what is drawn for an order changes, so that clips drawn before are drawn anew
HELD_OUT = 5  # of so many looks one is for judging
LEAST = 0.03  # seconds that a note is held at least, and that a key is up before it is struck again
AFTER = 1.0  # seconds that a clip goes on after its last note
_BARS, _OVERLAID, _CLOSE = 0.15, 0.12, 0.2  # shares of the looks with falling notes, other overlays, part of the keys
_MIDI = (".mid", ".midi")
_TIPS = (4, 8, 12, 16, 20)  # of the landmarks

Tell = Callable[[str, float | None], None]


@dataclass(frozen=True)
class Order:
    """One clip to draw: of ``midi`` from ``start`` to ``end`` seconds (None: to its end), into ``folder``.

    ``look``: number of the look, which is drawn with ``seed`` and ``name``. ``fps``: frames a second, if not the
    look's own. ``cutouts``: manifest of filmed clips whose hands are pasted in instead of drawn ones."""

    midi: Path
    name: str
    folder: Path
    seed: int = 0
    height: int = 360
    fps: int | None = None
    start: float = 0.0
    end: float | None = None
    cutouts: Path | None = None

    @property
    def mark(self) -> str:
        """What tells whether a clip in the folder is the one that is asked for."""
        asked = [DRAWING, self.seed, self.name, self.height, self.fps, self.start, self.end]
        files = [path.read_bytes() for path in (self.midi, self.cutouts) if path is not None]
        return hashlib.sha256(repr(asked).encode() + b"".join(files)).hexdigest()[:16]


@dataclass(frozen=True)
class DrawnSet:
    """What a run did: names of clips ``drawn``, of those that it ``had``, and why others ``failed``."""

    drawn: list[str]
    had: list[str]
    failed: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def render_set(
    sources: Sequence[Path],
    folder: str | os.PathLike[str],
    *,
    looks: int = 1,
    jobs: int | None = None,
    ray: str | None = None,
    progress: Tell | None = None,
    **wanted: Any,
) -> DrawnSet:
    """Draw every MIDI of ``sources`` (files, or folders of them) in ``looks`` looks; what is there is left alone.

    ``wanted``: see ``Order``; ``jobs``, ``ray``: see ``work.do_all``. Raises FileError where there is no MIDI, two have
    one name, or the folder cannot be written."""
    target = check_folder(folder).resolve()
    orders = make_orders(sources, target, looks=looks, **wanted)
    manifest = Ledger(target / "manifest.csv", MANIFEST)
    had = [order for order in orders if _is_there(order, manifest)]
    missing = [order for order in orders if order not in had]

    def tell(done: int, count: int) -> None:
        if progress is not None:
            progress(f"{done} of {count} clips", done / count)

    if progress is not None:
        progress("drawing", None)
    drawn, failed = [], {}
    with closing(do_all(render_clip, missing, jobs=jobs, ray=ray, tell=tell)) as outcomes:
        for outcome in outcomes:
            if outcome.result is not None:
                manifest.add(outcome.result)
                drawn.append(outcome.item.name)
            else:
                failed[outcome.item.name] = str(outcome.failure)
    return DrawnSet(sorted(drawn), [order.name for order in had], dict(sorted(failed.items())))


def make_orders(sources: Sequence[Path], folder: Path, *, looks: int = 1, **wanted: Any) -> list[Order]:
    """An order for every MIDI and look. Raises FileError."""
    files: dict[str, Path] = {}
    for source in sources:
        for name, path in _midi_files(Path(source)):
            if files.setdefault(name, path) != path:
                raise FileError(f"{path} and {files[name]} would make clips of one name; rename one of them.")
    if not files:
        raise FileError(f"{', '.join(map(str, sources))}: no MIDI file (.mid) is there.")
    cutouts = wanted.pop("cutouts", None)
    if cutouts is not None:
        wanted["cutouts"] = Path(cutouts).resolve()
    return [
        Order(path, f"{name}-{look:03d}", folder, **wanted) for name, path in files.items() for look in range(looks)
    ]


def _midi_files(source: Path) -> list[tuple[str, Path]]:
    """Names for clips, and the files; of a folder all MIDI files below it."""
    if source.is_file():
        return [(source.stem, source.resolve())]
    if not source.is_dir():
        raise FileError(f"{source} does not exist; give MIDI files (.mid), or folders of them.")
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in _MIDI and path.is_file())
    return [("_".join(path.relative_to(source).with_suffix("").parts), path.resolve()) for path in found]


def _is_there(order: Order, manifest: Ledger) -> bool:
    row = manifest.rows.get(f"{order.name}.mp4")
    files = [order.folder / f"{order.name}{ending}" for ending in (".mp4", ".mid", ".npz")]
    return row is not None and row["order"] == order.mark and all(file.is_file() for file in files)


def render_clip(order: Order) -> dict[str, object]:
    """Draw one clip with its truth; gives its row of the manifest. Raises FileError where the MIDI has no notes."""
    cv2.setNumThreads(1)  # clips are drawn side by side
    mark = order.mark
    notes, duration = _notes_of(order)
    scene = scene_of(order, notes)
    stem = order.folder / order.name
    cutouts = load_cutouts(order.cutouts, scene.seed) if order.cutouts is not None else ()
    render_video(scene, notes, stem.with_name(order.name + ".mp4"), duration=duration, cutouts=cutouts)
    write_midi(notes, stem.with_name(order.name + ".mid"), text=[f"drawn from {order.midi.name}"])
    roll = scene_truth(scene, notes, clip_times(scene, duration))
    if cutouts:  # where a filmed hand's joints are is not known
        roll.hands = roll.fingertips = roll.sides = None
    roll.metadata |= {"source": order.midi.name, "start": order.start, "seed": order.seed, "scene": asdict(scene)}
    roll.save(stem.with_name(order.name + ".npz"))
    corners = np.round(scene_keyboard(scene).corners, 2).ravel()
    names = [name for name in MANIFEST if name[:2] in ("x_", "y_")]
    return {
        "clip": order.name + ".mp4",
        "midi": order.name + ".mid",
        "roll": order.name + ".npz",
        "start": 0,
        "end": round(duration, 3),
        "split": "dev" if crc32(f"{order.name} {order.seed}".encode()) % HELD_OUT == 0 else "train",
        "truth": "drawn",
        "lowest_pitch": scene.lowest_pitch,
        "highest_pitch": scene.highest_pitch,
        **dict(zip(names, corners.tolist(), strict=True)),
        "order": mark,
        "note": "" if scene.handling.still else "the camera moves; the corners are those of the first frame",
    }


def _notes_of(order: Order) -> tuple[list[Note], float]:
    """The notes of a clip from its own 0 s on, each in a hand, and the clip's length. Raises FileError."""
    every = read_midi(order.midi)
    if not every:
        raise FileError(f"{order.midi} has no notes on a piano's keys; give a MIDI file of piano music.")
    end = max(note.offset for note in every) + AFTER if order.end is None else order.end
    if end <= order.start:
        raise FileError(f"{order.midi}: nothing lies between {order.start:g} and {end:g} s; choose --start and --end.")
    inside = [note for note in every if note.onset >= order.start and note.onset < end - LEAST]
    if not inside:
        raise FileError(f"{order.midi} has no notes from {order.start:g} to {end:g} s; choose --start and --end.")
    moved = [
        replace(note, onset=note.onset - order.start, offset=min(note.offset, end) - order.start) for note in inside
    ]
    return hands_by_reach(playable(moved)), end - order.start


def playable(notes: Sequence[Note]) -> list[Note]:
    """The notes as keys can play them: one that is struck again comes up before; one that cannot is left out."""
    kept, last = list[Note](), dict[int, int]()
    for note in sorted(notes):
        note = replace(note, offset=max(note.offset, note.onset + LEAST))
        before = last.get(note.pitch)
        if before is not None:
            if note.onset - kept[before].onset < 2 * LEAST:
                kept[before] = replace(kept[before], offset=max(kept[before].offset, note.offset))
                continue
            kept[before] = replace(kept[before], offset=min(kept[before].offset, note.onset - LEAST))
        last[note.pitch] = len(kept)
        kept.append(note)
    return kept


def scene_of(order: Order, notes: Sequence[Note]) -> Scene:
    """The look of a clip: a ``random_scene`` whose keyboard holds the notes, some with what editors paste over it."""
    rng = np.random.default_rng([order.seed, crc32(order.name.encode())])
    scene = random_scene(rng)
    width = 2 * round(order.height * 8 / 9)
    scene = replace(scene, width=width, height=order.height, blur=scene.blur * order.height / 360)
    if order.fps is not None:
        scene = replace(scene, fps=order.fps)
    pitches = [note.pitch for note in notes]
    if min(pitches) < scene.lowest_pitch or max(pitches) > scene.highest_pitch:
        scene = replace(scene, lowest_pitch=LOWEST_PITCH, highest_pitch=HIGHEST_PITCH)
    kind = rng.random()
    if kind < _BARS:
        scene = replace(scene, roll=0.0, pan=0.0, distortion=0.0, tilt=scene.tilt / 3, handling=Handling())
        return replace(scene, opposite=False, mirrored=False, bars=str(rng.choice(list(STYLES))))
    if kind < _BARS + _OVERLAID:
        return uncovered(replace(scene, overlay=str(rng.choice(["title", "score", "inset"]))))
    if kind < _BARS + _OVERLAID + _CLOSE and order.cutouts is None:  # which are too coarse to be seen from near
        return _close(scene, pitches, rng)
    return scene


def _close(scene: Scene, pitches: Sequence[int], rng: np.random.Generator) -> Scene:
    """The scene from so near that the picture shows the keys that are played, and a few beside them."""
    low, high = key_centre(min(pitches)) - rng.uniform(1, 5), key_centre(max(pitches)) + rng.uniform(1, 5)
    if high - low < 18:
        low, high = (low + high) / 2 - 9, (low + high) / 2 + 9
    low, high = max(-0.5, low), min(WHITE_KEYS + 0.5, high)
    return scene if high - low > 40 else replace(scene, framed=(low, high), fill=1.0)


def scene_truth(scene: Scene, notes: Sequence[Note], times: np.ndarray) -> PianoRoll:
    """What a clip truly shows at ``times (T,)``: keys, how hard they were struck (of 127), hands and corners.

    A hand's landmarks are NaN while it is out of the picture; where fingers hide each other they are true."""
    down, onset = notes_to_frames(list(notes), times), np.zeros((len(times), KEYS), np.float32)
    velocity = np.zeros((len(times), KEYS), np.float32)
    for note in notes:
        first, last = np.searchsorted(times, [note.onset, note.offset])
        velocity[first:last, note.key] = note.velocity / 127
        if first < len(times):
            onset[first, note.key] = 1
    hands = Hands(scene, notes, Camera(scene))
    keyboards = [scene_keyboard(scene, float(time)) for time in times]
    points = np.full((len(times), len(hands.sides), 21, 2), np.nan, np.float32)
    tips = np.full((len(times), len(hands.sides), 5, 2), np.nan, np.float32)
    for number, (time, keyboard) in enumerate(zip(times, keyboards, strict=True)):
        back = np.linalg.inv(keyboard.to_picture).astype(np.float64)
        for hand, pose in enumerate(hands.poses(float(time))):
            seen = picture_points(scene, pose.landmarks, float(time))
            if np.any(np.all((seen >= 0) & (seen < [scene.width, scene.height]), axis=1)):
                points[number, hand] = seen
                tips[number, hand] = cv2.perspectiveTransform(seen[None, list(_TIPS)], back)[0]
    return PianoRoll(
        times,
        down.astype(np.float32),
        onset,
        velocity=velocity,
        hands=points,
        fingertips=tips,
        sides=np.array([1 if side == "left" else 2 for side in hands.sides]),
        corners=np.stack([keyboard.corners for keyboard in keyboards]).astype(np.float32),
        metadata={"lowest_pitch": scene.lowest_pitch, "highest_pitch": scene.highest_pitch},
    )

"""Judge which hand and finger is named for true notes, against fingers labelled by eye.

``pick`` draws onsets at random, ``sheets`` shows each of them enlarged and turned as the player sees it (bass left), to
be labelled before the program's answer is known, and ``judge`` compares: from the true notes, with landmarks recorded
beside the clips or with rolls that carry fingertips.
"""

import argparse
import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.clips import Clip, find_keyboards, read_manifest
from pianoroll import Note, PianoRoll
from pianoroll.keys import KEYS, WHITE_KEY_LENGTH, key_centre, key_edges, pitch_name
from roll2midi.hands import assign_hands
from video2roll.rectify import Keyboard
from video2roll.video import read_frames

SEED = 5
DRAWN = {  # clip -> onsets to label
    "p13/p45_1.wmv": 26,
    "p13/m45_1.wmv": 26,
    "p13/0_1.wmv": 26,
    "p13/0_2.wmv": 10,
    "p13/p45_2.wmv": 14,
    "p05/p45_2.wmv": 24,
    "p05/m45_1.wmv": 10,
    "p05/m45_2.wmv": 22,
    "p05/0_2.wmv": 22,
    "furelise_new.mp4": 36,
    "furelise_old.mp4": 30,
    "scarborough.mp4": 24,
    "moonlight.mp4": 10,
    "call_me_maybe.mp4": 30,
}
LATE = {  # clip -> (second, seconds that its MIDI comes late there), linear between and constant outside
    "furelise_new.mp4": ((3.0, 0.12), (40.0, 0.0)),
    "furelise_old.mp4": ((3.0, 0.065), (32.0, 0.0)),
}
TIPS = (4, 8, 12, 16, 20)  # landmarks of thumb to little finger
LEFT, RIGHT = 1, 2
SAME_HAND = 0.7  # white-key widths: tips nearer than this on average were found twice
CLEAR_WIDTH = 1.0  # white-key widths from thumb to little finger that tell a left hand from a right one

SHEET_SCALE = 28  # pixels a white-key width
SHEET_KEYS = 7.5  # white keys shown
SHEET_BACK, SHEET_FRONT = -0.1, 1.45  # depth shown, in key lengths
SHEET_FRAMES = (-2, 0, 2)  # frames around the onset
SHEET_ROWS = 4


@dataclass(frozen=True)
class Label:
    """Who pressed a key, by eye: ``hand`` "left" or "right", ``finger`` 1..5; None where it cannot be seen."""

    clip: str
    onset: float
    pitch: int
    hand: str | None
    finger: int | None


def true_notes(clip: Clip) -> list[Note]:
    """The notes within the labelled seconds, moved to the picture."""
    notes = [note for note in clip.notes() if clip.start <= note.onset <= clip.end]
    if clip.name in LATE:
        seconds, late = zip(*LATE[clip.name], strict=True)
        notes = [_moved(note, -float(np.interp(note.onset, seconds, late))) for note in notes]
    return sorted(replace(note, hand=None) for note in notes)


def _moved(note: Note, seconds: float) -> Note:
    return replace(note, onset=round(note.onset + seconds, 4), offset=round(note.offset + seconds, 4))


def read_labels(path: Path) -> list[Label]:
    """Labels from a CSV with the columns clip, onset, pitch, hand, finger."""
    with open(path, newline="", encoding="utf-8") as file:
        return [
            Label(
                row["clip"],
                float(row["onset"]),
                int(row["pitch"]),
                row["hand"] or None,
                int(row["finger"]) if row["finger"] else None,
            )
            for row in csv.DictReader(file)
        ]


def draw_onsets(clips: Sequence[Clip], seed: int = SEED) -> list[Label]:
    """Onsets drawn at random from each clip of ``DRAWN``, without hand and finger, in the order of time."""
    drawn = []
    for clip in clips:
        notes = true_notes(clip)
        chosen = random.Random(f"{seed} {clip.name}").sample(notes, min(DRAWN.get(clip.name, 0), len(notes)))
        drawn += [Label(clip.name, note.onset, note.pitch, None, None) for note in sorted(chosen)]
    return drawn


# ---- what the eye sees -----------------------------------------------------------------------------------------------


def draw_sheets(clip: Clip, labels: Sequence[Label], folder: Path) -> list[Path]:
    """Contact sheets of a clip's onsets, two to a row, three frames each; the struck key carries a red bar."""
    assert clip.keyboard is not None
    columns = 2
    crops = list(_crops(clip, clip.keyboard, labels))
    paths = []
    for first in range(0, len(crops), columns * SHEET_ROWS):
        rows = [
            np.hstack(crops[i : i + columns]) for i in range(first, min(first + columns * SHEET_ROWS, len(crops)), 2)
        ]
        width = max(row.shape[1] for row in rows)
        rows = [np.pad(row, ((0, 6), (0, width - row.shape[1]), (0, 0))) for row in rows]
        paths.append(folder / f"{clip.name.replace('/', '_').rsplit('.', 1)[0]}-{first:03d}.png")
        cv2.imwrite(str(paths[-1]), np.vstack(rows))
    return paths


def _crops(clip: Clip, keyboard: Keyboard, labels: Sequence[Label]) -> Iterator[np.ndarray]:
    """One picture an onset: its frames side by side, with the label's number in the list."""
    times = np.array([frame.time for frame in read_frames(clip.video, end=clip.end + 1, colour=False)])
    nearest = [int(np.abs(times - label.onset).argmin()) for label in labels]
    wanted: dict[int, list[tuple[int, int]]] = {}
    for number, middle in enumerate(nearest):
        for place, step in enumerate(SHEET_FRAMES):
            wanted.setdefault(min(max(0, middle + step), len(times) - 1), []).append((number, place))
    found: dict[tuple[int, int], np.ndarray] = {}
    for index, frame in enumerate(read_frames(clip.video, end=clip.end + 1)):
        for number, place in wanted.get(index, []):
            found[number, place] = _crop(frame.image, keyboard, labels[number].pitch)
    for number, label in enumerate(labels):
        crop = np.hstack([found[number, place] for place in range(len(SHEET_FRAMES))])
        text = f"{number}: {label.onset:.2f} s {pitch_name(label.pitch)}"
        cv2.putText(crop, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 255, 255), 1, cv2.LINE_AA)
        yield np.pad(crop, ((0, 0), (0, 6), (0, 0)))


def _crop(image: np.ndarray, keyboard: Keyboard, pitch: int) -> np.ndarray:
    """The keys around ``pitch`` as the player sees them, contrast spread."""
    left = key_centre(pitch) - SHEET_KEYS / 2
    down = SHEET_SCALE * WHITE_KEY_LENGTH * 0.9
    size = (int(SHEET_SCALE * SHEET_KEYS), int(down * (SHEET_FRONT - SHEET_BACK)))
    to_keyboard = np.array([[1 / SHEET_SCALE, 0, left], [0, 1 / down, SHEET_BACK], [0, 0, 1]])
    crop = cv2.warpPerspective(
        image, keyboard.to_picture @ to_keyboard, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    high = max(60.0, float(np.percentile(crop, 98)))
    crop = np.clip(crop * (235 / high), 0, 255).astype(np.uint8)
    begin, end = ((edge - left) * SHEET_SCALE for edge in key_edges(pitch))
    top, middle = int((-0.08 - SHEET_BACK) * down), round((begin + end) / 2)
    cv2.rectangle(crop, (round(begin), top), (round(end), top + 5), (0, 0, 255), -1)
    crop[:, middle] = (0.6 * crop[:, middle] + [0, 0, 100]).astype(np.uint8)
    return crop


# ---- what the program says -------------------------------------------------------------------------------------------


def recorded_roll(clip: Clip, landmarks: Path) -> PianoRoll:
    """A roll without notes that carries the fingertips of recorded landmarks: left hand first, then right."""
    assert clip.keyboard is not None
    with np.load(landmarks) as file:
        times, hands, points = file["times"], file["hand"], file["points"].astype(np.float64)
    across = np.linalg.inv(clip.keyboard.to_picture)
    tips = np.full((len(times), 2, len(TIPS), 2), np.nan)
    last: dict[int, np.ndarray] = {}
    for t, (sides, pair) in enumerate(zip(hands, points, strict=True)):
        seen = [slot for slot in range(2) if sides[slot]]
        placed = {slot: cv2.perspectiveTransform(pair[slot][None, list(TIPS)], across)[0] for slot in seen}
        named = {slot: _side(int(sides[slot]), placed[slot]) for slot in seen}
        if len(seen) == 2 and np.abs(placed[0] - placed[1]).mean(axis=0)[0] < SAME_HAND:
            del named[1]
        for slot, side in _sides(named, placed, last).items():
            tips[t, side - 1] = last[side] = placed[slot]
    keep = np.concatenate([[True], np.diff(times) > 0])
    blank = np.zeros((int(keep.sum()), KEYS), np.float32)
    return PianoRoll(times[keep], blank, blank, fingertips=tips[keep].astype(np.float32), sides=np.array([LEFT, RIGHT]))


def _side(named: int, tips: np.ndarray) -> int:
    """The side of a hand ``(5, 2)``: palm down, the right one's thumb lies left of its little finger."""
    width = tips[4, 0] - tips[0, 0]
    return named if abs(width) < CLEAR_WIDTH else RIGHT if width > 0 else LEFT


def _sides(named: dict[int, int], placed: dict[int, np.ndarray], last: dict[int, np.ndarray]) -> dict[int, int]:
    """Slot -> side; two hands that were named alike are told apart by where each was before, or by their order."""
    if len(named) < 2 or named[0] != named[1]:
        return named
    ways = [{0: LEFT, 1: RIGHT}, {0: RIGHT, 1: LEFT}]
    if len(last) < 2:
        return ways[int(placed[0][:, 0].mean() > placed[1][:, 0].mean())]
    return min(ways, key=lambda way: sum(float(np.abs(placed[s] - last[side]).sum()) for s, side in way.items()))


@dataclass
class Score:
    """Counts over labelled onsets."""

    fingers: int = 0  # with a finger by eye
    named: int = 0  # of those, given a finger
    right: int = 0  # of those, the same
    hands: int = 0  # with a hand by eye
    same: int = 0  # of those, the same

    def add(self, other: "Score") -> None:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def line(self, name: str) -> str:
        def share(part: int, whole: int) -> str:
            return f"{100 * part / whole:5.1f} % of {whole:3d}" if whole else "        – of   0"

        return (
            f"{name:20} finger right {share(self.right, self.named)}   named {share(self.named, self.fingers)}   "
            f"hand right {share(self.same, self.hands)}"
        )


def judge(notes: Sequence[Note], labels: Sequence[Label], *, wrong: list[str] | None = None) -> Score:
    """Count how the labels' hands and fingers stand in ``notes``; a sentence on each that differs goes to ``wrong``."""
    score = Score()
    for label in labels:
        same = (note for note in notes if note.pitch == label.pitch)
        note = min(same, key=lambda note: abs(note.onset - label.onset))
        if label.hand:
            score.hands += 1
            score.same += note.hand == label.hand
        if label.finger:
            score.fingers += 1
            score.named += note.finger is not None
            score.right += (note.hand, note.finger) == (label.hand, label.finger)
        differs = (label.hand and note.hand != label.hand) or (label.finger and note.finger != label.finger)
        if wrong is not None and differs:
            where = f"{label.clip} {label.onset:.2f} s {pitch_name(label.pitch)}"
            wrong.append(f"{where}: {label.hand} {label.finger}, named {note.hand} {note.finger}")
    return score


def find_clips(data: Path) -> list[Clip]:
    """The clips of ``DRAWN`` in the folders ``clavision`` and ``wild`` of ``data``, each with its keyboard."""
    clips = [clip for name in ("clavision", "wild") for clip in read_manifest(data / name / "manifest.csv")]
    drawn = sorted((clip for clip in clips if clip.name in DRAWN), key=lambda clip: list(DRAWN).index(clip.name))
    return [found for clip in drawn for found in ([clip] if clip.keyboard else find_keyboards([clip]))]


def file_stem(clip: Clip) -> str:
    """``p13/0_1.wmv`` -> ``p13__0_1``: the name of a clip's landmarks, or of its roll."""
    return clip.name.rsplit(".", 1)[0].replace("/", "__")


def main() -> None:
    """Run one of the three steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("pick", "sheets", "judge"))
    parser.add_argument("data", type=Path, help="folder that holds clavision and wild")
    parser.add_argument("--labels", type=Path, default=Path("tests/data/fingering.csv"))
    parser.add_argument("--rolls", type=Path, help="folder of CLIP.npz rolls with fingertips, instead of landmarks")
    parser.add_argument("--out", type=Path, default=Path("sheets"), help="folder for the sheets")
    parser.add_argument("--wrong", action="store_true", help="list what differs")
    given = parser.parse_args()
    clips = find_clips(given.data)
    if given.step == "pick":
        if given.labels.exists():
            parser.error(f"{given.labels} exists; name another file with --labels, so that no label is lost")
        write_labels(draw_onsets(clips), given.labels)
        return
    labels = read_labels(given.labels)
    if given.step == "sheets":
        given.out.mkdir(parents=True, exist_ok=True)
        for clip in clips:
            draw_sheets(clip, [label for label in labels if label.clip == clip.name], given.out)
        return
    wrong: list[str] = []
    judge_clips(clips, labels, given.rolls, wrong)
    if given.wrong:
        print("\n".join(wrong))


def judge_clips(clips: Sequence[Clip], labels: Sequence[Label], rolls: Path | None, wrong: list[str]) -> Score:
    """Print one line a clip and one for all, from the rolls in a folder, or else from landmarks beside the clips."""
    total = Score()
    for clip in clips:
        recorded = clip.video.parents[clip.name.count("/")] / "landmarks"
        source = (rolls or recorded) / f"{file_stem(clip)}.npz"
        if not source.is_file():
            print(f"{clip.name:20} left out: {source} does not exist")
            continue
        roll = PianoRoll.load(source) if rolls else recorded_roll(clip, source)
        notes = assign_hands(true_notes(clip), roll)
        score = judge(notes, [label for label in labels if label.clip == clip.name], wrong=wrong)
        named = sum(note.finger is not None for note in notes) / max(1, len(notes))
        print(f"{score.line(clip.name)}   named of all its notes {100 * named:5.1f} %")
        total.add(score)
    print(total.line("all"))
    return total


def write_labels(labels: Sequence[Label], path: Path) -> None:
    """Write labels as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "onset", "pitch", "hand", "finger"])
        for label in labels:
            writer.writerow([label.clip, f"{label.onset:.4f}", label.pitch, label.hand or "", label.finger or ""])


if __name__ == "__main__":
    main()

"""Rendered clips: their truth is true, their keyboard is found, and chance is repeatable."""

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dataset_tools.drawn_camera import Camera
from dataset_tools.drawn_hands import Hands
from dataset_tools.drawn_scene import Coding, Handling, Lighting, Player
from dataset_tools.render import (
    Scene,
    clip_times,
    key_presses,
    random_notes,
    random_scene,
    render_frames,
    render_video,
    scene_keyboard,
)
from pianoroll.keys import CENTRES, KEYS, LOWEST_PITCH
from pianoroll.notes import Note
from pianoroll.roll import notes_to_frames
from video2roll.keyboard import find_keyboard
from video2roll.rectify import KeyboardError

PLAIN = Scene(hands=False, noise=0, blur=0)


@pytest.mark.parametrize(
    "scene",
    [
        Scene(tilt=0),
        Scene(tilt=25, roll=3, pan=5),
        Scene(tilt=40, light=(0.3, -0.2), brightness=0.8),
        Scene(tilt=25, opposite=True),
        Scene(tilt=20, mirrored=True),
    ],
    ids=["above", "aslant", "low", "opposite", "mirrored"],
)
def test_keyboard_is_found(scene: Scene) -> None:
    """Corners within a quarter of a white key, on the right keys, with hands in the picture."""
    notes = random_notes(np.random.default_rng(3), 12)
    found = find_keyboard(list(render_frames(scene, notes, np.linspace(0, 12, 9))))
    truth = scene_keyboard(scene)
    white = np.linalg.norm(truth.corners[2] - truth.corners[3]) / 52
    assert (found.lowest_pitch, found.highest_pitch, found.mirrored) == (21, 108, scene.mirrored)
    assert np.linalg.norm(found.corners - truth.corners, axis=1).max() < 0.25 * white


@pytest.mark.parametrize(
    "scene", [PLAIN, replace(PLAIN, tilt=40, roll=4, opposite=True), replace(PLAIN, mirrored=True)]
)
@pytest.mark.parametrize("pitch", [21, 22, 60, 61, 64, 107, 108])
def test_pressed_key_changes_its_place_alone(scene: Scene, pitch: int) -> None:
    """The change lies within 1.2 white keys of the key's centre, its middle on the key; then all is as before."""
    rest, pressed, after = render_frames(scene, [Note(1, pitch, 2)], [0.5, 1.5, 2.5])
    assert np.array_equal(rest, after)
    change = cv2.absdiff(rest, pressed).max(axis=2)
    assert change.max() > 20
    y, x = np.nonzero(change > 0)
    to_keys = np.linalg.inv(scene_keyboard(scene).to_picture)
    along, across = cv2.perspectiveTransform(np.stack([x, y], axis=1)[None].astype(float), to_keys)[0].T
    centre = CENTRES[pitch - LOWEST_PITCH]
    assert np.abs(along - centre).max() < 1.2
    assert abs(np.average(along, weights=change[y, x]) - centre) < 0.5
    assert across.min() > -0.2
    assert across.max() < 1.25


def test_truth_agrees_with_motion() -> None:
    """A key is down, as the roll says, from its onset to its offset, and at rest well before and after."""
    notes = random_notes(np.random.default_rng(1), 8)
    times = np.arange(240) / 30
    down = notes_to_frames(notes, times)
    press = np.array([key_presses(notes, float(time)) for time in times])
    assert press.shape == (240, KEYS)
    assert press[down].min() > 0.8
    assert np.mean((press > 0.5) == down) > 0.995
    assert all(note.hand in ("left", "right") and 0 < note.onset < note.offset <= 8 for note in notes)


def test_same_seed_same_frames() -> None:
    """Chance comes from the generator and from the scene's seed alone."""

    def frames(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        scene = random_scene(rng)
        notes = random_notes(rng, 2, lowest_pitch=scene.lowest_pitch, highest_pitch=scene.highest_pitch)
        return np.stack(list(render_frames(scene, notes, [0.5, 1.0])))

    assert np.array_equal(frames(5), frames(5))
    assert not np.array_equal(frames(5), frames(6))


def test_video_has_its_frames(tmp_path: Path) -> None:
    """Frames, size and rate as asked for; nothing else is left in the folder."""
    scene = Scene(fps=25, width=320, height=180)
    keyboard = render_video(scene, [Note(0.5, 60, 0.9)], tmp_path / "clip.mp4", duration=1.2)
    assert np.array_equal(keyboard.corners, scene_keyboard(scene).corners)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        frames = list(container.decode(video=0))
    assert (len(frames), frames[0].width, frames[0].height) == (30, 320, 180)
    assert frames[-1].time == pytest.approx(29 / 25)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_framed_keys_fill_the_picture() -> None:
    """The camera looks at the part that is asked for; the corners of all keys lie beyond the picture."""
    keyboard = scene_keyboard(Scene(framed=(10, 30), fill=1.0, tilt=0))
    ends = cv2.perspectiveTransform(np.array([[[10.0, 0.5], [30.0, 0.5]]]), keyboard.to_picture.astype(float))[0]
    assert ends[:, 0] == pytest.approx([-0.5, 639.5], abs=1)
    assert (keyboard.corners[0, 0] < -200, keyboard.corners[1, 0] > 840) == (True, True)


def test_looks_change_what_they_name() -> None:
    """Bright fronts, mirrored keys in the lacquer, tints, vignettes and overlays each leave the keys' tops in place."""

    def seen(scene: Scene) -> np.ndarray:
        return next(iter(render_frames(scene, [], [0.0]))).astype(int)

    low = replace(PLAIN, tilt=40)
    corners = scene_keyboard(low).corners
    back, front = round(corners[0, 1]), round(corners[2, 1])
    plain = seen(low)
    fronts = np.abs(seen(replace(low, front_shade=0.9)) - plain).max(axis=(1, 2))
    assert fronts[front + 2] > 50
    assert fronts[: front - 4].max() == 0
    mirror = np.abs(seen(replace(low, reflection=0.4)) - plain).max(axis=(1, 2))
    assert mirror[back - 12 : back].max() > 10
    assert mirror[front:].max() == 0
    assert seen(replace(low, tint=(0.5, 1, 1)))[..., 0].mean() < 0.6 * plain[..., 0].mean()
    assert seen(replace(low, vignette=0.6))[0, 0].mean() < 0.6 * plain[0, 0].mean()
    for overlay in ("title", "score", "falling", "inset"):
        change = np.abs(seen(replace(low, overlay=overlay)) - plain).max(axis=(1, 2))
        assert change[: back - 2].max() > 50
        assert change[back + 5 :].max() == 0


def test_wrong_scenes_are_refused() -> None:
    """No odd sizes, no keyboard that ends with a black key, no note beside the keys."""
    with pytest.raises(ValueError, match="even"):
        Scene(width=641)
    with pytest.raises(ValueError, match="white key"):
        Scene(lowest_pitch=22)
    with pytest.raises(ValueError, match="overlay"):
        Scene(overlay="fireworks")
    with pytest.raises(ValueError, match="outside"):
        render_frames(Scene(lowest_pitch=36, highest_pitch=96), [Note(0, 30, 1)], [0.0])


def _gray(scene: Scene, time: float) -> np.ndarray:
    picture = next(iter(render_frames(scene, [], [time])))
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)


@pytest.mark.parametrize("distortion", [0.0, -0.02, 0.02])
@pytest.mark.parametrize("time", [0.4, 3.1])
def test_corners_are_true_where_the_camera_moves_and_bends(distortion: float, time: float) -> None:
    """What the moved and bent camera sees at the corners is what the still one saw there, to a part of a pixel."""
    still = replace(PLAIN, fill=0.8, width=960, height=540)
    handling = Handling(sway=0.012, shake=0.001, breathing=0.01)
    moved = replace(still, distortion=distortion, handling=handling)
    corners = scene_keyboard(moved, time).corners
    assert np.abs(corners - scene_keyboard(still).corners).max() > 4
    before, after = _gray(still, 0.0), _gray(moved, time)
    for here, there in zip(scene_keyboard(still).corners, corners, strict=True):
        patch = cv2.getRectSubPix(before, (25, 25), here.tolist())
        around = cv2.getRectSubPix(after, (33, 33), there.tolist())
        y, x = np.unravel_index(cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED).argmax(), (9, 9))
        assert np.hypot(x - 4, y - 4) <= 1


def test_light_changes_with_the_hands_and_flickers() -> None:
    """Hands that come in brighten the picture slowly; lamps' bands pass; grain is new in every frame."""
    notes = [Note(2.0, 60, 3.0), Note(2.0, 72, 3.0)]
    scene = replace(PLAIN, hands=True, player=Player(enters=True), lighting=Lighting(exposure=0.2))
    alone = replace(scene, player=Player())  # the exposure wanders by itself as well
    times = [0.0, 1.2, 3.0, 12.0]
    both = zip(render_frames(scene, notes, times), render_frames(alone, notes, times), strict=True)
    before, coming, used, gone = (frame[:40].mean() / other[:40].mean() for frame, other in both)
    assert before == pytest.approx(1, abs=0.02)
    assert before + 0.03 < coming < used - 0.03
    assert gone == pytest.approx(1, abs=0.02)
    bands = replace(PLAIN, lighting=Lighting(flicker=0.1))
    one, other = (frame.mean(axis=(1, 2)) for frame in render_frames(bands, [], [0.0, 0.1]))
    assert np.abs(one / other - 1).max() > 0.03
    grains = [frame.astype(int) for frame in render_frames(replace(PLAIN, noise=4), [], [0.0, 0.1])]
    clean = next(iter(render_frames(PLAIN, [], [0.0]))).astype(int)
    first, second = ((grain - clean)[:, :, 1] for grain in grains)
    spectra = np.fft.fft2(first) * np.conj(np.fft.fft2(second))
    alike = np.fft.ifft2(spectra).real.max() / np.sqrt((first**2).sum() * (second**2).sum())
    assert alike < 0.9  # the same grain elsewhere would be alike where it is laid over itself


def test_a_loud_note_is_a_fast_key() -> None:
    quiet, loud = (key_presses([Note(1, 60, 2, velocity)], 0.98)[39] for velocity in (20, 120))
    assert quiet > 0.3
    assert loud < 0.1


def test_fingers_stand_on_the_keys_they_press() -> None:
    """A finger of the hand is on every pressed key, and hands that rest have fingers on keys that nobody presses."""
    notes = [Note(1 + 0.4 * i, pitch, 1.35 + 0.4 * i, 80, "right") for i, pitch in enumerate((60, 62, 64, 65, 67, 72))]
    notes += [Note(1.0, 41, 3.0, 80, "left"), Note(1.0, 48, 3.0, 80, "left")]
    scene = Scene(player=Player(lift=0.0))
    hands = Hands(scene, notes, Camera(scene))
    for note in notes:
        time = note.onset + 0.1
        tips = np.concatenate([pose.fingers[:, 3] for pose in hands.poses(time)])
        off = np.abs(tips[:, 0] - scene.x_of(float(CENTRES[note.key]))) / 23.5
        assert off.min() < 0.25
    right = hands.poses(1.1)[1].fingers[:, 3]
    assert np.sum(right[:, 2] < 9) == 5  # all lie on keys, one of which is down


def test_frames_are_dropped_by_seed(tmp_path: Path) -> None:
    """Dropped frames leave gaps in the file's times; the same scene gives the same bytes, another seed does not."""
    scene = Scene(fps=25, width=320, height=180, coding=Coding(crf=30, dropped=0.2))
    files = [tmp_path / f"{number}.mp4" for number in range(3)]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        render_video(replace(scene, seed=seed), [Note(0.5, 60, 0.9)], file, duration=2.0)
    with av.open(str(files[0])) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx(clip_times(replace(scene, seed=1), 2.0), abs=1e-3)
    assert 30 < len(times) < 50
    contents = [file.read_bytes() for file in files]
    assert contents[0] == contents[1] != contents[2]


def test_random_scenes_are_found_and_drawn() -> None:
    """Whatever is drawn by chance, keys stand out: the finder finds most of what is not mirrored."""
    found = 0
    for number in range(8):
        rng = np.random.default_rng([3, number])
        scene = replace(random_scene(rng), mirrored=False)
        notes = random_notes(rng, 6, lowest_pitch=scene.lowest_pitch, highest_pitch=scene.highest_pitch)
        frames = list(render_frames(replace(scene, handling=Handling()), notes, np.linspace(0, 6, 7)))
        try:
            corners = find_keyboard(frames).corners
        except KeyboardError:
            continue
        truth = scene_keyboard(replace(scene, handling=Handling())).corners
        white = np.linalg.norm(truth[2] - truth[3]) / (scene.last_along - scene.first_along)
        found += bool(np.linalg.norm(corners - truth, axis=1).max() < 0.6 * white)
    assert found >= 6

"""The hands of a drawn scene, and the shadow that they cast.

A hand is a heap of tapered capsules in space: bones with flesh. Seen by the camera they become a relief, how high each
pixel of the hand stands; a little smoothing joins them under one skin, and the slope of the relief gives the light.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from dataset_tools.cutouts import Cutout, Pasted
from dataset_tools.drawn_camera import Camera
from dataset_tools.drawn_playing import TIP_RADIUS, HandMotion, Pose
from dataset_tools.drawn_scene import Scene
from pianoroll.notes import Hand, Note

SKIN, NAIL, CREASE, TIP, SLEEVE, METAL, STRAP = range(7)
_FINE = 1.1  # pixels a millimetre from which hands are drawn with fewer, and enlarged
_CREASES = 0.8  # pixels a millimetre below which creased skin is not seen
_SHADES = (1.08, 1.04, 0.92)  # how fast blue, green and red go with the light: in the shade skin turns red
_RADII = np.array(  # mm at knuckle, first joint, second joint, tip
    [(12.5, 10.0, 10.0, 8.5), (9.8, 8.8, 7.8, 7.0), (9.8, 8.8, 7.9, 7.0), (9.3, 8.3, 7.5, 6.8), (8.3, 7.2, 6.5, 6.0)]
)
_SHARPEST = 4.0  # pixels that a hand moves from one of a frame's drawings to the next
_MOST_DRAWINGS = 3


@dataclass(frozen=True)
class _Capsule:
    """Two world points ``(3,)`` with a radius (mm) each; ``cut`` ends are flat instead of round."""

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    material: int = SKIN
    cut: bool = False


class Hands:
    """Draws both hands of a scene; notes without a hand are the left one's below middle C."""

    def __init__(self, scene: Scene, notes: Sequence[Note], camera: Camera, cutouts: Sequence[Cutout] = ()) -> None:
        self.scene, self.camera = scene, camera
        parts: dict[Hand, list[Note]] = {"left": [], "right": []}
        for note in notes:
            parts[note.hand or ("left" if note.pitch < 60 else "right")].append(note)
        self.sides = [hand for hand, part in parts.items() if part]
        self.motions = [HandMotion(scene, parts[hand], hand) for hand in self.sides]
        self._skin = _Skin(scene, camera)
        self._pasted = [Pasted(scene, camera, motion, cutouts) for motion in self.motions] if cutouts else []

    @property
    def playing(self) -> tuple[float, float] | None:
        """Seconds from which to which hands are in view, if they come and go."""
        if not self.motions or not self.scene.player.enters:
            return None
        return min(m.playing[0] for m in self.motions), max(m.playing[1] for m in self.motions)

    def poses(self, time: float) -> list[Pose]:
        return [motion(time) for motion in self.motions]

    def draw(self, frame: np.ndarray, time: float) -> np.ndarray:
        """The drawing ``(H, W, 3)`` with the hands and their shadow at ``time`` seconds, blurred where they move."""
        poses = self.poses(time)
        if not poses:
            return frame
        if self._pasted:
            return self._paste(frame, poses, time)
        frame = self._shadow(frame, poses)
        moments = self._moments(time, poses)
        if len(moments) == 1:
            return self._skin.draw(frame, poses)
        drawings = [self._skin.draw(frame.copy(), self.poses(moment)) for moment in moments]
        total = np.zeros(frame.shape, np.float32)
        for drawing in drawings:
            cv2.accumulate(drawing, total)
        return cv2.convertScaleAbs(total, alpha=1 / len(drawings))

    def _paste(self, frame: np.ndarray, poses: Sequence[Pose], time: float) -> np.ndarray:
        """The drawing with filmed hands on drawn arms."""
        for pose, pasted in zip(poses, self._pasted, strict=True):
            self._skin.draw(frame, [replace(pose, wrist=pasted.wrist(time))], arms_alone=True)
            pasted.draw(frame, time)
        return frame

    def _moments(self, time: float, poses: Sequence[Pose]) -> np.ndarray:
        """Times to draw the hands at so that they blur as they do while a frame is exposed."""
        shutter = self.scene.handling.shutter
        if shutter == 0:
            return np.array([time])
        now, then = (
            np.stack([pose.fingers[:, 3] for pose in each]) for each in (poses, self.poses(time + shutter / 2))
        )
        moved = 2 * float(np.linalg.norm(self.camera(then) - self.camera(now), axis=-1).max())
        count = int(np.clip(np.ceil(moved / _SHARPEST), 1, _MOST_DRAWINGS))
        return time + shutter * ((np.arange(count) + 0.5) / count - 0.5)

    def _shadow(self, frame: np.ndarray, poses: Sequence[Pose]) -> np.ndarray:
        """Darken the frame softly where the hands keep the light off."""
        size = (self.camera.size[0] // 4, self.camera.size[1] // 4)
        mask = np.zeros((size[1], size[0]), np.uint8)
        for pose in poses:
            palm = np.stack([pose.fingers[1:, 0].mean(axis=0), pose.wrist])
            lines = [*pose.fingers, palm, np.stack([pose.wrist, pose.elbow])]
            lines.append(np.stack([pose.elbow, pose.shoulder]))
            for line, radius in zip(lines, (8, 8, 8, 8, 7, 36, 28, 40), strict=True):
                x, y = self.scene.lighting.lamp
                flat = line * [1.0, 1.0, 0.0] + np.outer(line[:, 2], [x, y, 0.0])
                self._stroke(mask, flat, radius * pose.size)
        soft = cv2.GaussianBlur(mask, (0, 0), 1.6).astype(np.float32) * (-self.scene.lighting.shadow / 255) + 1
        gain = cv2.resize(soft, self.camera.size, interpolation=cv2.INTER_LINEAR)
        return cv2.multiply(frame, cv2.merge([gain, gain, gain]), dtype=cv2.CV_8U)

    def _stroke(self, mask: np.ndarray, line: np.ndarray, radius: float) -> None:
        """A round-ended line through world points ``(n, 3)``, ``radius`` in mm, in a mask of a quarter of the size."""
        pixels = (self.camera(line) + 0.5) / 4 - 0.5
        thickness = max(1, round(2 * radius * self.camera.scale(line[0]) / 4))
        points = np.round(pixels * 16).astype(np.int32)
        cv2.polylines(mask, [points.reshape(-1, 1, 2)], False, (255.0,), thickness, cv2.LINE_AA, 4)


class _Skin:
    """Draws hands as reliefs under the scene's lamp."""

    def __init__(self, scene: Scene, camera: Camera) -> None:
        self.scene, self.camera = scene, camera
        rng = np.random.default_rng([scene.seed, 7])
        lamp = np.array([-scene.lighting.lamp[0], -scene.lighting.lamp[1], 1.0])
        self._lamp = (camera.axes @ (lamp / np.linalg.norm(lamp)) * [1, 1, -1]).astype(
            np.float32
        )  # right, down, towards the camera
        skin = np.array(scene.skin)
        self._colours = np.zeros((7, 3), np.float32)
        self._colours[[SKIN, NAIL, CREASE, TIP]] = np.stack(
            [skin, skin * [1.1, 1.02, 1.04] + 10, skin * [0.86, 0.88, 0.95], skin * [0.92, 0.9, 1.04]]
        )
        self._colours[SLEEVE] = scene.player.sleeve or (60, 60, 60)
        self._colours[METAL] = ((90, 175, 215), (190, 190, 190))[rng.integers(2)]
        self._colours[STRAP] = rng.uniform(15, 70) * np.ones(3)
        fine, coarse = rng.normal(0, 0.025, (256, 256)), rng.normal(0, 0.03, (32, 32))
        mottled = cv2.resize(coarse.astype(np.float32), (256, 256), interpolation=cv2.INTER_CUBIC)
        self._texture = 1 + fine.astype(np.float32) + mottled

    def draw(self, frame: np.ndarray, poses: Sequence[Pose], *, arms_alone: bool = False) -> np.ndarray:
        """The frame with hands drawn into it, or arms alone."""
        for pose in poses:
            self._hand(frame, pose, max(1, int(np.ceil(self.camera.scale(pose.wrist) / _FINE))), arms_alone)
        return frame

    def _hand(self, frame: np.ndarray, pose: Pose, reduced: int, arms_alone: bool) -> None:
        capsules = _arm(pose) + _worn(pose, self.scene)
        if not arms_alone:
            capsules += _palm_and_fingers(pose)
        if self.camera.scale(pose.wrist) < _CREASES:
            capsules = [capsule for capsule in capsules if capsule.material != CREASE]
        ends = np.array([(c.start, c.end) for c in capsules])
        pixels = (self.camera(ends) + 0.5) / reduced - 0.5
        depth = (ends - self.camera.place) @ self.camera.axes[2]
        scales = self.camera.focal / depth / reduced  # pixels a millimetre
        radii = np.array([c.radii for c in capsules]) * scales
        size = np.array(frame.shape[1::-1]) // reduced
        low = np.maximum(np.floor((pixels - radii[..., None]).min(axis=(0, 1))).astype(int) - 2, 0)
        high = np.minimum(np.ceil((pixels + radii[..., None]).max(axis=(0, 1))).astype(int) + 3, size)
        if np.any(high - low < 3):
            return
        scale = float(scales[0, 0])
        heights = (depth[0, 0] - depth) * scale
        relief = _Relief(tuple(high - low), float(heights.min()) - 12 * scale)
        for capsule, place, radius, height in zip(capsules, pixels - low, radii, heights, strict=True):
            relief.add(place, radius, height, capsule.material, capsule.cut)
        colour = self._lit(relief, scale, (pixels[0, 0] - low).astype(int))
        alpha: np.ndarray = relief.cover
        if reduced > 1:
            whole = (high - low) * reduced
            colour = np.asarray(cv2.resize(colour, tuple(whole), interpolation=cv2.INTER_LINEAR))
            alpha = np.asarray(cv2.resize(alpha, tuple(whole), interpolation=cv2.INTER_LINEAR))
            low = low * reduced
        part = frame[low[1] : low[1] + len(alpha), low[0] : low[0] + alpha.shape[1]]
        alpha = np.asarray(cv2.merge([alpha] * 3))
        part[:] = cv2.add(cv2.multiply(part, 1 - alpha, dtype=cv2.CV_32F), cv2.multiply(colour, alpha), dtype=cv2.CV_8U)

    def _lit(self, relief: "_Relief", scale: float, wrist: np.ndarray) -> np.ndarray:
        """Colours ``(h, w, 3)`` float32 of a relief in which a millimetre is ``scale`` pixels."""
        height = cv2.GaussianBlur(relief.height, (0, 0), max(0.6, 1.6 * scale))
        right, down = (cv2.Sobel(height, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
        facing = self._lamp[2] - self._lamp[0] * right - self._lamp[1] * down
        light = np.maximum(facing / np.sqrt(1 + right**2 + down**2), 0)
        hollow = cv2.blur(height, (2 * round(5 * scale) + 1,) * 2) - height  # between fingers less light comes in
        shine = (light * light * light) ** 2
        open_ = np.minimum(np.maximum(1 - hollow * np.float32(0.035 / scale), 0.55), 1.08)
        shade = (0.5 + 0.56 * light + 0.07 * shine * shine) * open_
        rows, columns = (np.arange(count) - start for count, start in zip(shade.shape, wrist[::-1], strict=True))
        shade *= self._texture[np.ix_(rows % 256, columns % 256)]  # the texture goes with the hand
        tones = np.asarray(cv2.merge([1 + np.float32(steep) * (shade - 1) for steep in _SHADES]))
        tones *= np.take(self._colours, relief.material, axis=0)
        return np.minimum(np.maximum(tones, 0, out=tones), 255, out=tones)


class _Relief:
    """How high each pixel of a hand stands (towards the camera, in pixels), what it is of, and how much it covers."""

    def __init__(self, size: tuple[int, int], ground: float) -> None:
        shape = size[1], size[0]
        self.height = np.full(shape, ground, np.float32)
        self.material = np.zeros(shape, np.uint8)
        self.cover = np.zeros(shape, np.float32)
        self._x = np.arange(size[0], dtype=np.float32)
        self._y = np.arange(size[1], dtype=np.float32)[:, None]

    def add(self, ends: np.ndarray, radii: np.ndarray, heights: np.ndarray, material: int, cut: bool) -> None:
        """A capsule between pixels ``ends (2, 2)``; higher ones hide lower ones."""
        reach = radii[:, None] + 1
        low = np.maximum(np.floor((ends - reach).min(axis=0)), 0).astype(int)
        high = np.maximum(np.ceil((ends + reach).max(axis=0)), 0).astype(int) + 1
        where = slice(low[1], high[1]), slice(low[0], high[0])
        x, y = self._x[where[1]] - np.float32(ends[0, 0]), self._y[where[0]] - np.float32(ends[0, 1])
        if not x.size or not y.size:
            return
        dx, dy = (ends[1] - ends[0]).astype(np.float32)
        per = 1 / max(float(dx * dx + dy * dy), 1e-3)
        free = x * (dx * np.float32(per)) + y * (dy * np.float32(per))
        part = np.minimum(np.maximum(free, 0), 1)
        away = (x - part * dx) ** 2 + (y - part * dy) ** 2
        radius = np.float32(radii[0]) + part * np.float32(radii[1] - radii[0])
        cover = np.minimum(np.maximum(radius - np.sqrt(away) + np.float32(0.5), 0), 1)
        if cut:
            cover[(free < 0) | (free > 1)] = 0
        height = (
            np.float32(heights[0])
            + part * np.float32(heights[1] - heights[0])
            + np.sqrt(np.maximum(radius**2 - away, 0))
        )
        higher = (cover > 0) & (height > self.height[where])
        np.copyto(self.height[where], height, where=higher)
        self.material[where][higher] = material
        np.maximum(self.cover[where], cover, out=self.cover[where])


def _arm(pose: Pose) -> list[_Capsule]:
    size, wrist, elbow = pose.size, pose.wrist, pose.elbow
    arm = wrist + 0.12 * (elbow - wrist) - [0, 0, 4]
    capsules = [_Capsule(arm, elbow, (24 * size, 37 * size)), _Capsule(elbow, pose.shoulder, (40 * size, 50 * size))]
    capsules += [
        _Capsule(arm + np.array([x * size, 0, 4]), wrist + np.array([x * size, 0, 3]), (17 * size, 16 * size))
        for x in (-10, 10)
    ]
    return capsules


def _palm_and_fingers(pose: Pose) -> list[_Capsule]:
    """The flesh of a hand, and its nails."""
    size, wrist, capsules = pose.size, pose.wrist, list[_Capsule]()
    for knuckle, radius in zip(pose.fingers[1:, 0], (11, 11, 10.5, 10), strict=True):
        root = wrist + 0.45 * (knuckle - wrist) * [1.0, 0.0, 0.0]
        capsules.append(_Capsule(root, knuckle, (15 * size, radius * size)))
    capsules.append(_Capsule(wrist - np.array([12.0 * pose.side, 14, 6]), pose.fingers[0, 0], (15 * size, 13.5 * size)))
    web = pose.fingers[1, 0] * 0.55 + wrist * 0.45 - [0, 0, 6]
    capsules.append(_Capsule(web, pose.fingers[0, 0] * 0.6 + web * 0.4, (14 * size, 12 * size)))
    for number, (bones, radii) in enumerate(zip(pose.fingers, _RADII * size, strict=True)):
        for bone in range(3):
            ends = radii[bone], radii[bone + 1]
            capsules.append(_Capsule(bones[bone], bones[bone + 1], ends, TIP if bone == 2 else SKIN))
        capsules += _joint_and_nail(bones, radii, number)
    return capsules


def _joint_and_nail(bones: np.ndarray, radii: np.ndarray, number: int) -> list[_Capsule]:
    """The creased skin over the first joint, and the nail on the last bone."""
    joint, along = bones[1], (bones[2] - bones[0]) / max(float(np.linalg.norm(bones[2] - bones[0])), 1e-6)
    crease = _Capsule(joint - 3 * along, joint + 3 * along, (0.85 * radii[1],) * 2, CREASE)
    last = bones[3] - bones[2]
    up = np.array([0.0, 0.0, 1.0]) - last[2] * last / max(float(last @ last), 1e-6)
    lift = 0.42 * TIP_RADIUS[number] * up / max(float(np.linalg.norm(up)), 1e-6)
    nail = _Capsule(bones[3] - 0.28 * last + lift, bones[3] + 0.12 * last + lift, (0.68 * radii[3],) * 2, NAIL)
    return [crease, nail]


def _worn(pose: Pose, scene: Scene) -> list[_Capsule]:
    """Sleeve, watch and ring."""
    player, worn, hand = scene.player, list[_Capsule](), "right" if pose.side > 0 else "left"
    arm = (pose.elbow - pose.wrist) / np.linalg.norm(pose.elbow - pose.wrist)
    if player.watch == hand:
        place = pose.wrist + 14 * arm
        worn.append(_Capsule(place, place + 16 * arm, (27 * pose.size, 27 * pose.size), STRAP, cut=True))
        face = place + 8 * arm + [0, 0, 24 * pose.size]
        worn.append(_Capsule(face, face + 2 * arm, (14.0, 14.0), METAL))
    if player.ring == hand:
        bone = pose.fingers[3, 1] - pose.fingers[3, 0]
        place = pose.fingers[3, 0] + 0.5 * bone
        worn.append(_Capsule(place, place + 0.12 * bone, (10 * pose.size, 9.8 * pose.size), METAL, cut=True))
    if player.sleeve is not None:
        start = pose.wrist + player.sleeve_end * arm
        if player.sleeve_end < 230:
            wide = (27 + 0.05 * player.sleeve_end + 6) * pose.size
            worn.append(_Capsule(start, pose.elbow + 20 * arm, (wide, 46 * pose.size), SLEEVE, cut=True))
            worn.append(_Capsule(start, start + 7 * arm, (wide + 1.5, wide + 1.5), SLEEVE, cut=True))
        upper = pose.elbow if player.sleeve_end < 230 else 0.5 * (pose.elbow + pose.shoulder)
        worn.append(_Capsule(upper, pose.shoulder, (46 * pose.size, 58 * pose.size), SLEEVE))
    return worn

"""A drawn clip's scene: everything about it but its notes; and scenes and notes drawn by chance.

World coordinates in millimetres: x along the keyboard (0 in the middle of the keys in view, treble positive), y from
the back edge of the white keys (0) towards the player (150 at their front edge), z upwards (0 at the tops of white keys
at rest).
"""

from dataclasses import dataclass, replace

import numpy as np

from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH, is_black, key_edges
from pianoroll.notes import Hand, Note

Colour = tuple[float, float, float]  # BGR, 0..255

WHITE_WIDTH, WHITE_LENGTH, WHITE_HEIGHT, GAP = 23.5, 150.0, 20.0, 1.0  # mm
BLACK_FOOT, BLACK_TOP, BLACK_LENGTH, BLACK_HEIGHT = 12.5, 9.5, 95.0, 12.0  # mm
WHITE_DIP, BLACK_DIP = 10.0, 9.0  # mm, at the front end of the key
FALLBOARD = (-60.0, 50.0)  # mm, y and z of the upper edge of the board that rises behind the keys
PIVOT = WHITE_LENGTH - 220.0  # mm, y of the axis of the keys
FRONT_SHADE = 0.42  # of the light on its top that a white key's front face gets: the light comes from above
SKINS = ((172, 190, 226), (150, 172, 214), (128, 152, 198), (104, 126, 172), (74, 92, 132), (52, 64, 96))  # BGR
OVERLAYS = ("title", "score", "falling", "inset")


@dataclass(frozen=True)
class Handling:
    """How the camera is held. ``sway`` and ``shake``: slow and quick motion, in picture widths (deviation);
    ``hunting``: sigma in pixels by which it is out of focus at worst, while it looks for it; ``breathing``: share by
    which the picture grows then. ``shutter``: seconds for which a frame is exposed, in which hands move."""

    sway: float = 0.0
    shake: float = 0.0
    hunting: float = 0.0
    breathing: float = 0.0
    shutter: float = 0.0

    @property
    def still(self) -> bool:
        return self.sway == 0 and self.shake == 0 and self.breathing == 0


@dataclass(frozen=True)
class Lighting:
    """``lamp``: millimetres by which a shadow falls beside what casts it (x, y), a millimetre of height; ``shadow``:
    share of light that it takes. ``exposure``: natural logarithm by which the camera's own exposure wanders, and by
    which hands that come in brighten it; ``flicker``: share of light in the bands that lamps draw across the picture;
    ``spots``: how uneven the light is; ``contrast``: steepness of the camera's curve, which clips white and black."""

    lamp: tuple[float, float] = (0.35, -0.25)
    shadow: float = 0.42
    exposure: float = 0.0
    flicker: float = 0.0
    spots: float = 0.0
    contrast: float = 1.0


@dataclass(frozen=True)
class Room:
    """What is about the keys. ``felt``: colour of the strip behind them; ``gloss``: of black keys and case, 0..1;
    ``letters`` on the fallboard; ``body``: colour of what the player wears, whose lap is seen; ``clutter``: how much
    lies about, 0..1."""

    felt: Colour | None = None
    gloss: float = 0.0
    letters: str = ""
    body: Colour | None = None
    clutter: float = 0.0


@dataclass(frozen=True)
class Player:
    """Whose hands they are. ``size``: times those of a grown man; ``lift``: millimetres by which idle fingers hover
    over the keys, 0 if they rest on them; ``sleeve``: its colour, and ``sleeve_end``: millimetres from the wrist;
    ``ring`` and ``watch``: which hand wears one; ``enters``: the hands come in before the first note and leave after
    the last."""

    size: float = 1.0
    lift: float = 16.0
    sleeve: Colour | None = None
    sleeve_end: float = 40.0
    ring: Hand | None = None
    watch: Hand | None = None
    enters: bool = False


@dataclass(frozen=True)
class Coding:
    """How a clip is kept: x264's ``crf`` and ``preset``; ``detail``: share of its pixels a side that it once had;
    ``dropped``: share of its frames that are missing."""

    crf: int = 21
    preset: str = "veryfast"
    detail: float = 1.0
    dropped: float = 0.0


@dataclass(frozen=True)
class Scene:
    """Everything about a clip but its notes. Colours are BGR, 0..255; angles are degrees.

    ``tilt``: the camera's angle from vertical, 0..45, towards the player, or away from him if ``opposite`` (the picture
    then shows the bass at the right). ``pan``: how far the camera stands to the treble side. ``fill``: share of the
    picture's width that the keys fill; ``focal``: focal length in picture widths. ``lowest_pitch`` and
    ``highest_pitch`` are white keys. ``framed``: the part of the keys that ``fill`` speaks of and the camera looks at,
    in white-key widths from the left edge of A0; all of them where it is None. ``light``: relative gain of the right
    and of the lower edge over the opposite one; ``tint``: gain of blue, green and red; ``vignette``: share of light
    that the corners lose. ``front_shade``: of the light on its top that a white key's front face gets.
    ``reflection``: share of light that the fallboard mirrors. ``overlay``: what an editor put into the picture, one of
    OVERLAYS. ``bars``: name of the style in which notes fall onto the keys (overlays.STYLES), if they do. ``blur`` and
    ``noise``: sigma in pixels and in gray levels. ``distortion``: of the lens; what lies r half picture widths from the
    middle is seen at r + distortion * r**3.
    """

    width: int = 640
    height: int = 360
    fps: int = 30
    tilt: float = 20.0
    roll: float = 0.0
    pan: float = 0.0
    fill: float = 0.92
    focal: float = 1.2
    opposite: bool = False
    mirrored: bool = False
    lowest_pitch: int = LOWEST_PITCH
    highest_pitch: int = HIGHEST_PITCH
    framed: tuple[float, float] | None = None
    white: Colour = (222.0, 230.0, 232.0)
    black: Colour = (34.0, 32.0, 32.0)
    fallboard: Colour = (30.0, 26.0, 28.0)
    desk: Colour = (70.0, 84.0, 100.0)
    skin: Colour = (125.0, 155.0, 205.0)
    brightness: float = 1.0
    light: tuple[float, float] = (0.0, 0.0)
    tint: Colour = (1.0, 1.0, 1.0)
    vignette: float = 0.0
    front_shade: float = FRONT_SHADE
    reflection: float = 0.0
    overlay: str = ""
    blur: float = 0.5
    noise: float = 2.0
    bars: str = ""
    hands: bool = True
    distortion: float = 0.0
    handling: Handling = Handling()
    lighting: Lighting = Lighting()
    room: Room = Room()
    player: Player = Player()
    coding: Coding = Coding()
    seed: int = 0

    def __post_init__(self) -> None:
        if is_black(self.lowest_pitch) or is_black(self.highest_pitch) or self.lowest_pitch >= self.highest_pitch:
            raise ValueError("a keyboard begins and ends with a white key")
        if self.width % 2 or self.height % 2:
            raise ValueError("width and height must be even")
        if self.overlay and self.overlay not in OVERLAYS:
            raise ValueError(f"an overlay is one of {', '.join(OVERLAYS)}")
        if not -0.05 <= self.distortion <= 0.05:
            raise ValueError("distortion lies within -0.05 and 0.05")

    @property
    def first_along(self) -> float:
        """Left edge of the keys in view, white-key widths from the left edge of A0."""
        return key_edges(self.lowest_pitch)[0]

    @property
    def last_along(self) -> float:
        """Right edge of the keys in view, white-key widths from the left edge of A0."""
        return key_edges(self.highest_pitch)[1]

    def x_of(self, along: float) -> float:
        """World x in mm of a place ``along`` the keyboard in white-key widths."""
        return (along - (self.first_along + self.last_along) / 2) * WHITE_WIDTH


def plain_scene(rng: np.random.Generator) -> Scene:
    """A scene of mostly 88 keys, from above or aslant, in any light and colours; the camera stands still."""
    sizes = ((21, 108), (28, 103), (36, 96), (36, 84))
    lowest, highest = sizes[rng.choice(4, p=[0.7, 0.1, 0.15, 0.05])]
    tint = rng.uniform(0.93, 1.0, 3)
    skin = np.array([125.0, 155.0, 205.0]) * rng.uniform(0.4, 1.15)
    return Scene(
        fps=int(rng.choice([24, 25, 30, 60], p=[0.2, 0.3, 0.4, 0.1])),
        tilt=float(rng.uniform(0, 45)),
        roll=float(np.clip(rng.normal(0, 2.5), -8, 8)),
        pan=float(np.clip(rng.normal(0, 4), -12, 12)),
        fill=float(rng.uniform(0.8, 0.98)),
        focal=float(rng.uniform(0.8, 1.8)),
        opposite=bool(rng.random() < 0.2),
        mirrored=bool(rng.random() < 0.1),
        lowest_pitch=lowest,
        highest_pitch=highest,
        white=colour_of(rng.uniform(195, 245) * tint),
        black=colour_of(np.full(3, rng.uniform(15, 55))),
        fallboard=colour_of(rng.uniform(10, 90) * rng.uniform(0.6, 1.2, 3)),
        desk=colour_of(rng.uniform(20, 170, 3)),
        skin=colour_of(np.minimum(skin * rng.uniform(0.93, 1.07, 3), 245)),
        brightness=float(rng.uniform(0.55, 1.1)),
        light=(float(rng.uniform(-0.35, 0.35)), float(rng.uniform(-0.35, 0.35))),
        blur=float(rng.uniform(0.3, 1.0)),
        noise=float(rng.uniform(0.5, 6)),
        seed=int(rng.integers(2**31)),
    )


def colour_of(values: np.ndarray) -> Colour:
    return (float(values[0]), float(values[1]), float(values[2]))


def random_scene(rng: np.random.Generator) -> Scene:
    """A scene as a home video may show it: a ``plain_scene`` with all that happens to cameras, light, hands and files.

    What is added is drawn by the scene's own seed, so that ``rng`` goes on as after a plain one."""
    scene = plain_scene(rng)
    more = np.random.default_rng([scene.seed, 5])
    return replace(
        _furnished(scene, more),
        distortion=float(np.clip(more.normal(-0.004, 0.008), -0.02, 0.02)),
        vignette=float(more.choice([0.0, more.uniform(0.05, 0.35)])),
        handling=_random_handling(more),
        lighting=_random_lighting(more),
        noise=float(min(6.0, 0.5 + more.exponential(1.2))),
        player=_random_player(more),
        coding=_random_coding(more),
    )


def _random_handling(rng: np.random.Generator) -> Handling:
    """Two of three cameras stand still, as on a tripod."""
    held = rng.random() < 0.33
    hunts = rng.random() < 0.2
    return Handling(
        sway=float(rng.uniform(0.002, 0.012)) if held else 0.0,
        shake=float(rng.uniform(0.0003, 0.0015)) if held else 0.0,
        hunting=float(rng.uniform(0.6, 2.0)) if hunts else 0.0,
        breathing=float(rng.uniform(0.002, 0.012)) if hunts else 0.0,
        shutter=float(rng.choice([0.0, 1 / 100, 1 / 50, 1 / 30], p=[0.15, 0.3, 0.35, 0.2])),
    )


def _random_lighting(rng: np.random.Generator) -> Lighting:
    return Lighting(
        lamp=(float(rng.normal(0, 0.4)), float(rng.normal(-0.1, 0.3))),
        shadow=float(rng.uniform(0.15, 0.6)),
        exposure=float(rng.choice([0.0, rng.uniform(0.03, 0.2)])),
        flicker=float(rng.uniform(0.01, 0.06)) if rng.random() < 0.25 else 0.0,
        spots=float(rng.choice([0.0, rng.uniform(0.1, 0.6)])),
        contrast=float(rng.uniform(0.85, 1.2)),
    )


def _furnished(scene: Scene, rng: np.random.Generator) -> Scene:
    """Colours as rooms have them: mostly gray, brown and black; lacquer that mirrors, felt, a name on the fallboard."""
    lacquer = rng.random() < 0.78
    case = (
        np.full(3, rng.uniform(8, 32))
        if lacquer
        else np.array([rng.uniform(0.2, 0.6), rng.uniform(0.45, 0.7), 1.0]) * rng.uniform(30, 105)
    )
    around = rng.choice([rng.uniform(4, 40), rng.uniform(30, 200)], p=[0.3, 0.7]) * (
        1 + rng.uniform(-0.1, 0.1, 3) + [0.0, 0.04, 0.1]
    )
    skin = np.array(SKINS[rng.integers(len(SKINS))]) * rng.uniform(0.9, 1.1) * rng.uniform(0.97, 1.03, 3)
    felts: tuple[Colour | None, ...] = (None, (30.0, 25.0, 130.0), (50.0, 70.0, 30.0), (25.0, 25.0, 25.0))
    clothes = rng.uniform(10, 110) * rng.uniform(0.85, 1.15, 3)
    names = ("", "SILENTKEYS", "Adagio & Sons", "CANTABILE", "Legato P-90", "Rondo")
    return replace(
        scene,
        fallboard=scene.fallboard if rng.random() < 0.1 else colour_of(case),
        desk=scene.desk if rng.random() < 0.05 else colour_of(around),
        skin=colour_of(np.minimum(skin, 245)),
        reflection=float(rng.uniform(0.05, 0.35)) if rng.random() < 0.5 else 0.0,
        brightness=float(np.exp(rng.normal(0.02, 0.2))),
        room=Room(
            felt=felts[rng.integers(4)],
            gloss=float(rng.uniform(0, 1)),
            letters=names[rng.integers(len(names))],
            body=colour_of(clothes) if rng.random() < 0.6 else None,
            clutter=float(rng.choice([0.0, rng.uniform(0.1, 1.0)])),
        ),
    )


def _random_player(rng: np.random.Generator) -> Player:
    hands: tuple[Hand, ...] = ("left", "right")
    dressed = rng.random() < 0.65
    return Player(
        size=float(np.clip(rng.normal(0.97, 0.06), 0.8, 1.12)),
        lift=float(rng.choice([0.0, rng.uniform(0, 12), rng.uniform(8, 28)])),
        sleeve=colour_of(rng.uniform(12, 210) * rng.uniform(0.75, 1.15, 3)) if dressed else None,
        sleeve_end=float(rng.choice([rng.uniform(0, 40), rng.uniform(40, 200)])),
        ring=hands[rng.integers(2)] if rng.random() < 0.15 else None,
        watch=hands[rng.integers(2)] if rng.random() < 0.2 else None,
        enters=bool(rng.random() < 0.3),
    )


def _random_coding(rng: np.random.Generator) -> Coding:
    return Coding(
        crf=int(rng.integers(18, 33)),
        preset=str(rng.choice(["ultrafast", "superfast", "veryfast"], p=[0.2, 0.4, 0.4])),
        detail=float(rng.choice([1.0, rng.uniform(0.6, 1.0)])),
        dropped=float(rng.choice([0.0, rng.uniform(0.005, 0.06)], p=[0.75, 0.25])),
    )


def random_notes(
    rng: np.random.Generator, duration: float, *, lowest_pitch: int = LOWEST_PITCH, highest_pitch: int = HIGHEST_PITCH
) -> list[Note]:
    """Notes for two hands within 0.2 s to ``duration`` seconds, sorted: runs, chords, held and repeated keys."""
    notes: list[Note] = []
    middle = (lowest_pitch + highest_pitch) // 2 + int(rng.integers(-4, 5))
    notes += _random_part(rng, duration, lowest_pitch, middle - 1, "left")
    notes += _random_part(rng, duration, middle, highest_pitch, "right")
    return sorted(notes)


def _random_part(rng: np.random.Generator, duration: float, low: int, high: int, hand: Hand) -> list[Note]:
    """One hand's notes in pitches ``low`` to ``high``: a wandering hand that strikes 1 to 4 keys within an octave."""
    notes: list[Note] = []
    time = float(rng.uniform(0.2, 0.6))
    centre = float(rng.uniform(low, high))
    pace = float(rng.choice([0.12, 0.2, 0.3, 0.5]))
    while time < duration - 0.12:
        if rng.random() < 0.1:
            centre, pace = float(rng.uniform(low, high)), float(rng.choice([0.12, 0.2, 0.3, 0.5]))
            time += 0.25
        centre = float(np.clip(centre + rng.normal(0, 2.5), low, high))
        choices = np.arange(max(low, round(centre) - 6), min(high, round(centre) + 6) + 1)
        size = min(int(rng.choice([1, 2, 3, 4], p=[0.65, 0.15, 0.14, 0.06])), len(choices))
        step = pace * float(rng.choice([0.5, 1, 1, 1, 2])) if pace > 0.2 else pace
        length = max(0.08, step * float(rng.choice([0.5, 0.85, 0.95, 1.0, 1.1])))
        for pitch in rng.choice(choices, size=size, replace=False):
            onset = time + float(rng.uniform(0, 0.012))
            offset = min(onset + length, duration)
            if not any(n.pitch == pitch and n.offset > onset - 0.06 for n in notes[-12:]) and offset > onset + 0.05:
                notes.append(Note(onset, int(pitch), offset, int(rng.integers(35, 110)), hand))
        time += step
    return notes

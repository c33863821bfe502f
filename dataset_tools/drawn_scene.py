"""A drawn clip's scene: everything about it but its notes; and scenes and notes drawn by chance.

World coordinates in millimetres: x along the keyboard (0 in the middle of the keys in view, treble positive), y from
the back edge of the white keys (0) towards the player (150 at their front edge), z upwards (0 at the tops of white keys
at rest).
"""

from dataclasses import dataclass

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
OVERLAYS = ("title", "score", "falling", "inset")


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
    OVERLAYS. ``blur`` and ``noise``: sigma in pixels and in gray levels.
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
    hands: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if is_black(self.lowest_pitch) or is_black(self.highest_pitch) or self.lowest_pitch >= self.highest_pitch:
            raise ValueError("a keyboard begins and ends with a white key")
        if self.width % 2 or self.height % 2:
            raise ValueError("width and height must be even")
        if self.overlay and self.overlay not in OVERLAYS:
            raise ValueError(f"an overlay is one of {', '.join(OVERLAYS)}")

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


def random_scene(rng: np.random.Generator) -> Scene:
    """A scene as a home video may show it: mostly 88 keys, from above or aslant, any light and colours."""
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

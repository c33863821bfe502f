"""The web page's step “Keyboard”: what the program found, shown over the video, to be set right by hand.

What was found and what the user set is kept in the session, per video: looking takes seconds, a rerun does not.
"""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
import streamlit as st

from app import pipeline
from app.corner_editor import corner_editor
from app.intake import as_text, in_their_words
from pianoroll import SilentkeysError
from pianoroll.keys import BLACK, HIGHEST_PITCH, LOWEST_PITCH, PITCHES, WHITE_KEY_LENGTH, WHITE_KEYS, pitch_name
from video2roll.corners import FEWEST_WHITES, given_keyboard
from video2roll.rectify import CornersError, Keyboard, KeyboardError, check_corners
from video2roll.video import probe, sample_images

MOMENTS = 12  # pictures of the video to choose from
PICTURE_SIZE = 1280  # pixels at most, of the longer side
STEADY = 0.85  # correlation of a picture's edges with the median's, below which the camera moved
WHITES = [int(pitch) for pitch in PITCHES[~BLACK]]
OCTAVE = 12

NOT_FOUND = (
    "No keyboard was found in this video. Where there is one, drag the four corners onto the corners of its keys, "
    "and choose its lowest and highest key."
)


class Choice(TypedDict):
    """What the transcription is told of the keyboard; all None: it looks for itself."""

    corners: np.ndarray | None
    lowest_key: int | None
    highest_key: int | None


@dataclass(frozen=True)
class Scene:
    """What the video shows of its keyboard.

    ``pictures``: JPEG as data addresses, spread over the video; ``without_hands``: the keyboard alone, likewise.
    ``size``: width and height of the video in pixels. ``moments``: what each picture is called.
    ``steady``: the camera stands still.
    """

    size: tuple[int, int]
    pictures: list[str]
    moments: list[str]
    without_hands: str
    steady: bool
    found: Keyboard | None

    def start(self) -> Keyboard:
        """What the editor begins with: the keyboard found, or one to be dragged to its place."""
        return self.found or Keyboard(_plausible_corners(*self.size), confidence=0.0)


@dataclass
class Step:
    """The state of the step for one video. ``revision`` counts how often the page itself set the corners."""

    video: tuple[str, int]
    span: tuple[float, float | None]
    scene: Scene
    corners: np.ndarray
    keys: tuple[int, int]
    revision: int = 0

    @property
    def moved(self) -> bool:
        """Whether the user moved a corner."""
        return not np.allclose(self.corners, self.scene.start().corners, atol=0.05)

    @property
    def changed(self) -> bool:
        """Whether anything is not as the program found it."""
        start = self.scene.start()
        return self.moved or self.keys != (start.lowest_pitch, start.highest_pitch)

    @property
    def ready(self) -> bool:
        """Whether there is a keyboard to read: found, or marked by the user."""
        return self.scene.found is not None or self.moved

    def reset(self) -> None:
        """Everything as found."""
        start = self.scene.start()
        self.keys = (start.lowest_pitch, start.highest_pitch)
        self.set_corners(start.corners)

    def set_corners(self, corners: np.ndarray) -> None:
        """Corners that the editor is to show from now on."""
        self.corners = corners
        self.revision += 1


def keyboard_choice() -> Choice:
    """What the user set, as the transcription takes it. Raises KeyboardError where there is none yet."""
    step: Step = st.session_state["keyboard_step"]
    if not step.ready:
        raise KeyboardError(NOT_FOUND)
    if not step.changed:
        return Choice(corners=None, lowest_key=None, highest_key=None)
    start = step.scene.start()
    octaves = {step.keys[0] - start.lowest_pitch, step.keys[1] - start.highest_pitch}
    if not step.moved and len(octaves) == 1 and octaves.pop() % OCTAVE == 0:
        return Choice(corners=None, lowest_key=step.keys[0], highest_key=None)
    return Choice(corners=step.corners, lowest_key=step.keys[0], highest_key=step.keys[1])


@st.fragment
def keyboard_step(video: Path, start: float, end: float | None, title: str) -> None:
    """Show the step for a video, called ``title``; only it is run anew when a corner moves."""
    st.subheader("Keyboard")
    try:
        step = _current_step(video, start, end)
    except SilentkeysError as error:
        st.error(as_text(in_their_words(error, video, title)))
        return
    told = st.container()
    _show_editor(step)
    _choose_keys(step)
    with told:
        _tell(step)
    with st.expander("On the command line"):
        st.code(_as_options(step), language=None)


# ---- what the video shows --------------------------------------------------------------------------------------------


def _current_step(video: Path, start: float, end: float | None) -> Step:
    """The step of this video, begun if it is another one; looked at again where its part changed and no one set it."""
    known: Step | None = st.session_state.get("keyboard_step")
    name = (str(video), video.stat().st_mtime_ns if video.exists() else 0)
    if known is not None and known.video == name and (known.span == (start, end) or known.changed):
        return known
    st.session_state.pop("keyboard_step", None)  # whatever happens now, another video's keyboard is not used
    with st.spinner("Looking for the keyboard …"):
        scene = look(video, start=start, end=end)
    begin = scene.start()
    step = Step(name, (start, end), scene, begin.corners, (begin.lowest_pitch, begin.highest_pitch))
    if known is not None:
        step.revision = known.revision + 1
    st.session_state["keyboard_step"] = step
    _show_keys(step)
    return step


def look(video: Path, *, start: float = 0.0, end: float | None = None) -> Scene:
    """Pictures of the part ``start`` to ``end`` (seconds) of a video, and the keyboard that is found in it.

    Raises VideoError where the video cannot be read.
    """
    images = sample_images(video, MOMENTS, start=start, end=end)
    height, width = images[0].shape[:2]
    small = [_reduce(image) for image in images]
    middle = len(small) // 2
    median = np.partition(np.stack(small), middle, axis=0)[middle]
    steady = _is_steady(small, median)
    try:
        view = pipeline.find_views(video, start=start, end=end)[0]
        found = view.keyboard
        if not steady:  # its picture is where the keyboard was found
            median = cv2.cvtColor(_reduce(view.picture), cv2.COLOR_GRAY2BGR)
    except KeyboardError:
        found = None
    stop = min(probe(video).duration or np.inf, np.inf if end is None else end)
    return Scene(
        size=(width, height),
        pictures=[_jpeg(image) for image in small],
        moments=_moments(len(small), start, stop),
        without_hands=_jpeg(median),
        steady=steady,
        found=found,
    )


def _reduce(image: np.ndarray) -> np.ndarray:
    scale = min(1.0, PICTURE_SIZE / max(image.shape))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def _is_steady(images: list[np.ndarray], median: np.ndarray) -> bool:
    """Whether most pictures have their edges where the median has them: the camera stood still."""
    there, _ = _edges(median)
    alike = []
    for image in images:
        here, strength = _edges(image)
        strong = strength >= np.percentile(strength, 90)
        alike.append(_correlation(here[strong], there[strong]))
    return float(np.median(alike)) > STEADY


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if min(a.std(), b.std()) < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture without its large areas, and how steep it is at each pixel; both float ``(h, w)``."""
    gray = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (0, 0), 1.5).astype(np.float32)
    steep = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    return gray - cv2.blur(gray, (25, 25)), steep


def _jpeg(image: np.ndarray) -> str:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return f"data:image/jpeg;base64,{base64.b64encode(coded.tobytes()).decode('ascii')}"


def _moments(count: int, start: float, stop: float) -> list[str]:
    """Names of ``count`` pictures spread evenly from ``start`` to ``stop`` (seconds): their time, or number."""
    if not np.isfinite(stop) or count < MOMENTS:
        return [f"picture {number + 1}" for number in range(count)]
    seconds = [start + (stop - start) * (number + 0.5) / count for number in range(count)]
    tenths = stop - start < count
    return [f"{s // 60:.0f}:{s % 60:04.1f}" if tenths else f"{s // 60:.0f}:{int(s % 60):02d}" for s in seconds]


def _plausible_corners(width: int, height: int) -> np.ndarray:
    """A keyboard as it often lies: across the picture, a little below the middle, the player at the bottom."""
    left, right = 0.06 * width, 0.94 * width
    depth = min(0.5 * height, (right - left) * WHITE_KEY_LENGTH / WHITE_KEYS)
    back = min(0.55 * height, 0.95 * height - depth)
    return np.array([[left, back], [right, back], [right, back + depth], [left, back + depth]])


# ---- what the user sees and sets -------------------------------------------------------------------------------------


def _show_editor(step: Step) -> None:
    """The picture with the corners; what was dragged is kept in ``step``."""
    scene = step.scene
    picture = scene.without_hands
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        hidden = st.toggle(
            "Hide the hands", value=scene.steady or scene.found is not None, help="All moments of the video together."
        )
        if not hidden and len(scene.moments) > 1:
            middle = scene.moments[len(scene.moments) // 2]
            moment = st.select_slider("Moment of the video", scene.moments, value=middle)
            picture = scene.pictures[scene.moments.index(moment)]
        elif not hidden:
            picture = scene.pictures[0]
    with place:
        step.corners = corner_editor(
            picture, scene.size, step.corners, step.keys, revision=step.revision, key="corner_editor"
        )


def _choose_keys(step: Step) -> None:
    """Lowest and highest key, the octave, and the way back to what was found."""
    lowest, highest = step.keys
    gap = 2 * (FEWEST_WHITES - 1)
    left, right = st.columns(2)
    left.selectbox(
        "Lowest key",
        [pitch for pitch in WHITES if pitch <= max(highest - gap, lowest)],
        format_func=pitch_name,
        key="lowest_key",
        on_change=_take_keys,
    )
    right.selectbox(
        "Highest key",
        [pitch for pitch in WHITES if pitch >= min(lowest + gap, highest)],
        format_func=pitch_name,
        key="highest_key",
        on_change=_take_keys,
    )
    with st.container(horizontal=True):
        st.button(
            "Octave lower",
            on_click=_shift,
            args=(-OCTAVE,),
            disabled=lowest - OCTAVE < LOWEST_PITCH,
            icon=":material/arrow_back:",
        )
        st.button(
            "Octave higher",
            on_click=_shift,
            args=(OCTAVE,),
            disabled=highest + OCTAVE > HIGHEST_PITCH,
            icon=":material/arrow_forward:",
        )
        st.button(
            "Turn",
            on_click=_turn,
            icon=":material/rotate_right:",
            help="The player sits at another side of the picture.",
        )
        st.button(
            "Find again",
            on_click=_reset,
            disabled=not step.changed,
            icon=":material/restart_alt:",
            help="Everything as it was before you moved it.",
        )


def _tell(step: Step) -> None:
    """One sentence on where the keyboard comes from, and what is wrong with it."""
    found = step.scene.found
    names = f"{pitch_name(step.keys[0])} to {pitch_name(step.keys[1])}"
    if not step.ready:
        st.warning(NOT_FOUND)
    elif step.changed:
        st.info(f"Your keyboard is used: {names}. “Find again” goes back to what the program found.")
    elif found is not None and found.octave_guessed:
        st.warning(
            f"Found: {names}. Not all 88 keys are in view, so the octave is a guess: "
            "check the C’s in the picture, and move it by octaves if they are wrong."
        )
    else:
        st.success(f"Found: {names}. Where the lines miss the keys, drag the corners.")
    if found is not None and not step.scene.steady:
        st.caption(
            "The camera moves: the lines meet the keys in this picture, and are moved along as the video is read."
        )
    try:
        check_corners(step.corners)
    except CornersError:
        return  # the editor says so beside the picture
    try:
        given_keyboard(step.corners, step.keys, *step.scene.size)
    except CornersError as error:
        st.error(str(error))


def _as_options(step: Step) -> str:
    """The keyboard as the command line takes it."""
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in step.corners)
    lowest, highest = (pitch_name(pitch) for pitch in step.keys)
    return f'--corners "{corners}" --lowest-key {lowest} --highest-key {highest}'


def _step() -> Step:
    step: Step = st.session_state["keyboard_step"]
    return step


def _show_keys(step: Step) -> None:
    """Let the selects show the keys of the step."""
    st.session_state["lowest_key"], st.session_state["highest_key"] = step.keys


def _take_keys() -> None:
    _step().keys = (int(st.session_state["lowest_key"]), int(st.session_state["highest_key"]))


def _shift(semitones: int) -> None:
    step = _step()
    step.keys = (step.keys[0] + semitones, step.keys[1] + semitones)
    _show_keys(step)


def _turn() -> None:
    """Each name goes to the next corner: the player sits a quarter further round."""
    _step().set_corners(np.roll(_step().corners, 1, axis=0))


def _reset() -> None:
    _step().reset()
    _show_keys(_step())

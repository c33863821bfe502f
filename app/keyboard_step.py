"""The web page's step “Keyboard”: what the program found, shown over the video, to be set right by hand.

What was found and what the user set is kept in the session, per video: looking takes seconds, a rerun does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import streamlit as st

from app import words
from app.corner_editor import corner_editor
from app.scene import Scene
from pianoroll.keys import BLACK, HIGHEST_PITCH, LOWEST_PITCH, PITCHES, pitch_name
from video2roll.corners import FEWEST_WHITES, given_keyboard
from video2roll.rectify import CornersError, KeyboardError, check_corners

WHITES = [int(pitch) for pitch in PITCHES[~BLACK]]
OCTAVE = 12


class Choice(TypedDict):
    """What the transcription is told of the keyboard; all None: it looks for itself."""

    corners: np.ndarray | None
    lowest_key: int | None
    highest_key: int | None


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
        raise KeyboardError(words.KEYBOARD_NOT_FOUND)
    if not step.changed:
        return Choice(corners=None, lowest_key=None, highest_key=None)
    start = step.scene.start()
    octaves = {step.keys[0] - start.lowest_pitch, step.keys[1] - start.highest_pitch}
    if not step.moved and len(octaves) == 1 and octaves.pop() % OCTAVE == 0:
        return Choice(corners=None, lowest_key=step.keys[0], highest_key=None)
    return Choice(corners=step.corners, lowest_key=step.keys[0], highest_key=step.keys[1])


def current_step(video: Path, span: tuple[float, float | None], look: Callable[[], Scene]) -> Step:
    """The step of a video, of which the ``span`` (seconds) is read.

    It begins with what ``look`` sees where the video is another one, or its span changed and the user set nothing."""
    known: Step | None = st.session_state.get("keyboard_step")
    name = (str(video), video.stat().st_mtime_ns if video.exists() else 0)
    if known is not None and known.video == name and (known.span == span or known.changed):
        return known
    st.session_state.pop("keyboard_step", None)  # whatever happens now, another video's keyboard is not used
    scene = look()
    begin = scene.start()
    step = Step(name, span, scene, begin.corners, (begin.lowest_pitch, begin.highest_pitch))
    if known is not None:
        step.revision = known.revision + 1
    st.session_state["keyboard_step"] = step
    _show_keys(step)
    return step


def keyboard_step(step: Step, *, alone: bool) -> None:
    """Show the step. ``alone``: when a corner moves it is run anew without the rest of the page, which takes longer."""
    (_show_step_alone if alone else _show_step)(step)


def _show_step(step: Step) -> None:
    told = st.container()
    _show_editor(step)
    _choose_keys(step)
    with told:
        _tell(step)
    with st.popover(words.COMMAND_LINE):
        st.code(_as_options(step), language=None)


_show_step_alone = st.fragment(_show_step)


def _show_editor(step: Step) -> None:
    """The picture with the corners; what was dragged is kept in ``step``."""
    scene = step.scene
    picture = scene.without_hands
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        hidden = st.toggle(words.HIDE_HANDS, value=scene.steady or scene.found is not None, help=words.HIDE_HANDS_HELP)
        if not hidden and len(scene.moments) > 1:
            middle = scene.moments[len(scene.moments) // 2]
            moment = st.select_slider(words.MOMENT, scene.moments, value=middle)
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
        words.LOWEST_KEY,
        [pitch for pitch in WHITES if pitch <= max(highest - gap, lowest)],
        format_func=pitch_name,
        key="lowest_key",
        on_change=_take_keys,
    )
    right.selectbox(
        words.HIGHEST_KEY,
        [pitch for pitch in WHITES if pitch >= min(lowest + gap, highest)],
        format_func=pitch_name,
        key="highest_key",
        on_change=_take_keys,
    )
    with st.container(horizontal=True):
        st.button(
            words.OCTAVE_LOWER,
            on_click=_shift,
            args=(-OCTAVE,),
            disabled=lowest - OCTAVE < LOWEST_PITCH,
            icon=":material/arrow_back:",
        )
        st.button(
            words.OCTAVE_HIGHER,
            on_click=_shift,
            args=(OCTAVE,),
            disabled=highest + OCTAVE > HIGHEST_PITCH,
            icon=":material/arrow_forward:",
        )
        st.button(
            words.TURN,
            on_click=_turn,
            icon=":material/rotate_right:",
            help=words.TURN_HELP,
        )
        st.button(
            words.FIND_AGAIN,
            on_click=_reset,
            disabled=not step.changed,
            icon=":material/restart_alt:",
            help=words.FIND_AGAIN_HELP,
        )


def _tell(step: Step) -> None:
    """One sentence on where the keyboard comes from, and what is wrong with it."""
    found = step.scene.found
    keys = words.KEYS_FROM_TO.format(lowest=pitch_name(step.keys[0]), highest=pitch_name(step.keys[1]))
    if not step.ready:
        st.warning(words.KEYBOARD_NOT_FOUND)
    elif step.changed:
        st.info(words.KEYBOARD_CHANGED.format(keys=keys))
    elif found is not None and found.octave_guessed:
        st.warning(words.KEYBOARD_OCTAVE_GUESSED.format(keys=keys))
    else:
        st.success(words.KEYBOARD_FOUND.format(keys=keys))
    if found is not None and not step.scene.steady:
        st.caption(words.CAMERA_MOVES)
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

"""The result video shows the right keys at the right time, and sounds in step with them."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.result_video import COLOURS, write_result_video
from midi_synth import FluidSynth, render
from pianoroll import FileError, Note, PianoRoll
from pianoroll.keys import KEYS, is_black, key_centre
from video2roll.rectify import Keyboard
from video2roll.video import probe

WIDTH, HEIGHT, FPS = 640, 360, 25
CORNERS = np.array([[20.0, 120], [620, 120], [620, 200], [20, 200]])
NOTES = [Note(0.6, 60, 1.2, 90, "right", 1), Note(1.6, 42, 2.4, 90, "left"), Note(1.6, 64, 2.0, 90)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a gray picture with white keys."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    picture[120:200, 20:620] = 230
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for _ in range(3 * FPS):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    return path


def roll(corners: np.ndarray | None = None) -> PianoRoll:
    nothing = np.zeros((3 * FPS, KEYS), np.float32)
    return PianoRoll(np.arange(3 * FPS) / FPS, nothing, nothing, corners=corners)


def pictures(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as file:
        return [(float(frame.time or 0), frame.to_ndarray(format="bgr24")) for frame in file.decode(video=0)]


def place(picture: np.ndarray, pitch: int, keyboard: Keyboard) -> tuple[int, int]:
    """Row and column of a key's middle in a result picture, whose lower part is the original."""
    point = np.array([[[key_centre(pitch), 0.4 if is_black(pitch) else 0.75]]])
    x, y = cv2.perspectiveTransform(point, keyboard.to_picture.astype(np.float64))[0, 0]
    return picture.shape[0] - HEIGHT + round(float(y)), round(float(x))


def near(colour: np.ndarray, wanted: tuple[int, int, int]) -> bool:
    return int(colour.argmax()) == int(np.argmax(wanted)) and int(colour.max()) - int(colour.min()) > 30


def test_keys_light_up_where_and_when_they_are_played(clip: Path, tmp_path: Path) -> None:
    keyboard = Keyboard(CORNERS)
    write_result_video(tmp_path / "a.result.mp4", probe(clip), NOTES, roll(), keyboard=keyboard)
    shown = pictures(tmp_path / "a.result.mp4")
    assert len(shown) == 3 * FPS
    assert [time for time, _ in shown] == pytest.approx([index / FPS for index in range(3 * FPS)], abs=1e-3)
    for note in NOTES:
        for time, picture in shown:
            row, column = place(picture, note.pitch, keyboard)
            lit = near(picture[row, column], COLOURS[note.hand])
            assert lit == (note.onset - 1e-3 <= time < note.offset - 1e-3), (note.pitch, time)


def test_bars_fall_onto_the_line_at_their_onset(clip: Path, tmp_path: Path) -> None:
    write_result_video(tmp_path / "a.mp4", probe(clip), NOTES, roll(), keyboard=Keyboard(CORNERS))
    for time, picture in pictures(tmp_path / "a.mp4"):
        panel = picture[: picture.shape[0] - HEIGHT - 2]
        _, column = place(picture, 64, Keyboard(CORNERS))
        if not (1.5 <= time < 1.6 or 1.95 <= time < 2.05):  # a line is a few pixels high, and blurred by the codec
            assert near(panel[-1, column], COLOURS[None]) == (1.6 <= time < 2.0), time


def test_the_keyboard_is_lit_where_it_moved_to_and_not_where_it_is_out_of_view(clip: Path, tmp_path: Path) -> None:
    moved = Keyboard(CORNERS + np.array([0, 40]))
    corners = np.repeat(moved.corners[None], 3 * FPS, axis=0).astype(np.float32)
    corners[FPS:] = np.nan
    write_result_video(tmp_path / "a.mp4", probe(clip), NOTES, roll(corners), keyboard=Keyboard(CORNERS))
    shown = pictures(tmp_path / "a.mp4")
    row, column = place(shown[20][1], 60, moved)
    assert near(shown[20][1][row, column], COLOURS["right"])
    assert not near(shown[27][1][row, column], COLOURS["right"])


def test_hands_are_drawn_where_they_were_seen(clip: Path, tmp_path: Path) -> None:
    seen = roll()
    left = np.stack([np.linspace(60, 260, 21), np.linspace(340, 260, 21)], axis=1)  # below the keys
    seen.hands = np.stack([np.stack([left, left + np.array([300, 0])])] * 3 * FPS).astype(np.float32)
    seen.hands[FPS:, 1] = np.nan
    seen.sides = np.array([1, 2])
    write_result_video(tmp_path / "a.mp4", probe(clip), [], seen, keyboard=Keyboard(CORNERS))
    shown = pictures(tmp_path / "a.mp4")
    top = shown[0][1].shape[0] - HEIGHT
    bone = (left[1] + left[2]) / 2  # of the thumb

    def colour(frame: int, shift: int) -> np.ndarray:
        return np.asarray(shown[frame][1][top + round(bone[1]), round(bone[0]) + shift])

    assert near(colour(5, 0), COLOURS["left"])
    assert near(colour(5, 300), COLOURS["right"])
    assert near(colour(40, 0), COLOURS["left"])
    assert not near(colour(40, 300), COLOURS["right"])


def test_sound_and_picture_are_in_step(clip: Path, tmp_path: Path) -> None:
    """What decoding gives back, with the times that the file says, as a player does."""
    notes = [Note(0.6, 60, 0.9, 100), Note(1.8, 62, 2.1, 100)]
    sound = render(notes, engine=FluidSynth("Woodblock", reverb=False), length=3.0)
    for start in (0.0, 0.4):
        target = tmp_path / f"{start}.mp4"
        write_result_video(target, probe(clip), notes, roll(), keyboard=Keyboard(CORNERS), sound=sound, start=start)
        with av.open(str(target)) as file:
            heard = [(frame.time, frame.to_ndarray()) for frame in file.decode(audio=0)]
        rate = 44100
        track = np.zeros(4 * rate)
        for time, samples in heard:
            at = round(float(Fraction(time).limit_denominator(10**6)) * rate)
            level = np.abs(samples).max(axis=0)[max(0, -at) :]
            track[max(0, at) : max(0, at) + len(level)] = level
        for note in notes:
            first = round((note.onset - start - 0.1) * rate)
            found = first + int(np.argmax(track[first : first + rate // 2] > 0.1 * track.max()))
            assert found / rate == pytest.approx(note.onset - start, abs=0.02)
        assert len(heard) * 1024 / rate == pytest.approx(3.0 - start, abs=0.06)


def test_a_file_that_cannot_be_written_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(FileError, match=r"a\.mp4"):
        write_result_video(tmp_path / "a.mp4", probe(clip), NOTES, roll(), keyboard=Keyboard(CORNERS))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]

"""Where most goes wrong is found, and shown with the keys marked where they lie in the picture."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools.judged_files import Footage
from dataset_tools.worst_moments import thumbnails, worst_moments
from pianoroll import Note
from video2roll.rectify import Keyboard
from video2roll.video import VideoError

SCALE = [Note(0.5 * i, 60 + i, 0.5 * i + 0.4) for i in range(40)]  # 20 s
KEYBOARD = Keyboard(np.array([[20, 100], [1020, 100], [1020, 220], [20, 220]]))
RED, BLUE, AMBER = (43, 57, 192), (183, 111, 47), (40, 165, 224)  # BGR


def test_the_worst_stretch_comes_first_and_none_overlap() -> None:
    found = [note for note in SCALE if not 5.0 <= note.onset < 6.2 and note.onset != 12.0]
    found += [Note(15.0, 30, 15.4), Note(15.2, 31, 15.6)]
    moments = worst_moments(found, SCALE)
    assert [(len(m.missed), len(m.invented)) for m in moments] == [(3, 0), (0, 2), (1, 0)]
    assert [(m.start, m.end) for m in moments] == [(5.0, 6.0), (15.0, 15.2), (12.0, 12.0)]
    assert moments[1].second == pytest.approx(15.3)  # where both extra notes sound, and a true one
    assert moments[1].keys == {30: "extra", 31: "extra", 90: "hit"}


def test_silence_is_six_moments_that_do_not_overlap_and_the_truth_none() -> None:
    moments = worst_moments([], SCALE)
    assert len(moments) == 6
    spans = sorted((m.start, m.end) for m in moments)
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    assert worst_moments(SCALE, SCALE) == []
    assert worst_moments([], []) == []
    late = [Note(note.onset + 0.08, note.pitch, note.offset) for note in SCALE]
    assert worst_moments(late, SCALE) == []  # neither missed nor invented


def test_a_window_does_not_reach_over_a_moment_already_taken() -> None:
    missed = [Note(at, 60 + i, at + 0.1) for i, at in enumerate((0.0, 1.0, 1.1, 1.2, 2.0, 2.1, 2.45))]
    moments = worst_moments([], missed)
    assert [(m.start, m.end) for m in moments] == [(1.0, 2.45), (0.0, 0.0)]


@pytest.fixture
def video(make_video: Callable[..., Path]) -> Path:
    return make_video("clip.mp4", frames=50, size=(1040, 320))


def test_marks_lie_on_the_keys_in_the_colours_of_the_roll(video: Path) -> None:
    true = [Note(0.4, 60, 0.9), Note(0.4, 64, 0.9), Note(0.4, 66, 0.9)]
    found = [Note(0.4, 64, 0.9), Note(0.4, 67, 0.9)]
    (moment,) = worst_moments(found, true)
    assert moment.keys == {64: "hit", 60: "miss", 66: "miss", 67: "extra"}
    (thumbnail,) = thumbnails(Footage(video, KEYBOARD), [moment])
    assert thumbnail is not None
    assert thumbnail.marked
    picture = cv2.imdecode(np.frombuffer(thumbnail.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] == 720

    def coloured(colour: tuple[int, int, int], far: float) -> tuple[float, float]:
        """Mean place and share of the pixels that differ least from a colour, as parts of the picture."""
        near = np.linalg.norm(picture.astype(float) - colour, axis=2) < far
        return float(np.argwhere(near)[:, 1].mean() / picture.shape[1]), float(near.mean())

    ground = picture[4, 4].astype(float)
    filled = {name: 0.55 * np.array(c) + 0.45 * ground for name, c in (("hit", BLUE), ("extra", AMBER))}
    (hit, hit_share), (extra, extra_share) = (coloured(tuple(filled[name]), 40) for name in ("hit", "extra"))
    missed, missed_share = coloured(RED, 60)
    # 18 white keys are shown around C4 to G4: seven to the left of C4's middle
    assert hit == pytest.approx(9 / 18, abs=0.015)  # E4
    assert extra == pytest.approx(11 / 18, abs=0.015)  # G4
    assert 7 / 18 < missed < 10.5 / 18  # C4 and F#4
    assert min(hit_share, extra_share) > 0.01
    assert missed_share > 0.005


def test_the_keyboard_is_followed_and_may_be_out_of_view(video: Path) -> None:
    times = np.arange(50) / 25
    corners = np.repeat(KEYBOARD.corners[None].astype(np.float32), 50, axis=0)
    corners[25:] = np.nan
    footage = Footage(video, KEYBOARD, times, corners)
    assert footage.keyboard_at(1.5) is None
    moments = worst_moments([], [Note(0.2, 60, 0.6), Note(1.8, 72, 1.95), Note(2.4, 74, 2.5), Note(9.0, 50, 9.5)])
    pictures = dict(zip((m.start for m in moments), thumbnails(footage, moments), strict=True))
    assert [p is not None and p.marked for _, p in sorted(pictures.items())] == [True, False, False]
    assert pictures[9.0] is None  # long after the video's end
    with pytest.raises(VideoError):
        thumbnails(Footage(video.with_name("none.mp4"), KEYBOARD), moments)

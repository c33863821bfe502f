"""Falling notes are read bar by bar, and none are seen where there are none."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import mir_eval
import numpy as np
import pytest

from dataset_tools.overlays import STYLES, Overlay
from pianoroll import Note, PianoRoll
from pianoroll.midi import read_midi
from pianoroll.roll import notes_to_frames
from video2roll.falling_bars import find_bars
from video2roll.falling_notes import FallingNotes, put_into, read_falling_notes
from video2roll.rectify import Keyboard
from video2roll.scenes import find_in_video
from video2roll.slant_stack import STEP, Fall
from video2roll.video import read_frames

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "furelise.mp4"
WILD = Path(__file__).resolve().parents[3] / "shared" / "data" / "wild"
SECONDS = 12.0


@pytest.fixture(scope="module")
def keyboard() -> Keyboard:
    return find_in_video(SAMPLE)


def music(seed: int) -> list[Note]:
    """Scales, broken and full chords, repeated notes; keys that are struck again are let go before."""
    rng = np.random.default_rng(seed)
    notes, free = [], dict.fromkeys(range(21, 109), 0.0)
    time, pitch = 0.6, 64
    while time < SECONDS - 1.2:
        pitch = int(np.clip(pitch + rng.choice([-4, -2, -1, 0, 1, 2, 3]), 55, 88))
        chord = [pitch, pitch - 24, pitch - 20] if rng.random() < 0.25 else [pitch]
        length = float(rng.choice([0.14, 0.2, 0.4]))
        for each in chord:
            if free[each] < time:
                notes.append(Note(time, each, time + 0.9 * length))
                free[each] = time + 0.9 * length + 0.05
        time += length if rng.random() < 0.8 else 0.1
    return notes


def onset_f1(found: list[Note], true: list[Note], tolerance: float) -> float:
    spans, pitches = [], []
    for notes in (true, found):
        spans.append(np.array([[note.onset, note.onset + 0.1] for note in notes]))
        pitches.append(mir_eval.util.midi_to_hz(np.array([float(note.pitch) for note in notes])))
    both = (spans[0], pitches[0], spans[1], pitches[1])
    scores = mir_eval.transcription.precision_recall_f1_overlap(*both, onset_tolerance=tolerance, offset_ratio=None)
    return float(scores[2])


@pytest.mark.parametrize("style", STYLES)
def test_bars_of_every_style_over_real_pictures_are_read_exactly(
    style: str, keyboard: Keyboard, tmp_path: Path
) -> None:
    notes = music(list(STYLES).index(style))
    overlay = Overlay(keyboard, notes, STYLES[style])
    path = tmp_path / f"{style}.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for frame in read_frames(SAMPLE, end=SECONDS):
            picture = overlay(frame.image, frame.time)
            drawn = av.VideoFrame.from_ndarray(picture, format="bgr24")
            drawn.pts, drawn.time_base = round(frame.time * 30), Fraction(1, 30)
            out.mux(stream.encode(drawn))
        out.mux(stream.encode(None))
    falling = read_falling_notes(path, keyboard)
    assert falling is not None
    assert (falling.fall.speed < 0) == STYLES[style].rising
    assert onset_f1(falling.notes, notes, 0.02) >= 0.98
    assert onset_f1(falling.notes, notes, 0.05) >= 0.99
    played = [note.hand for note in falling.notes]
    if STYLES[style].left == STYLES[style].right:
        assert set(played) == {None}
    else:
        true = ["left" if note.pitch < 60 else "right" for note in falling.notes]
        assert np.mean([hand == side for hand, side in zip(played, true, strict=True)]) > 0.95
        assert all(hand in (side, None) for hand, side in zip(played, true, strict=True))


def test_bars_that_come_late_and_bars_that_last_are_read_too(tmp_path: Path) -> None:
    there = Keyboard(np.array([[10.0, 200], [630, 200], [630, 280], [10, 280]]))
    notes = [replace(note, onset=note.onset + 24, offset=note.offset + 24) for note in music(3)]
    notes += [Note(37.0, 76, 51.0), *(Note(38 + 0.5 * i, 40 + 2 * i, 38.4 + 0.5 * i) for i in range(20))]
    overlay, path = Overlay(there, notes, STYLES["flat"]), tmp_path / "late.mp4"
    blank = np.full((360, 640, 3), 90, np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=15, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for index in range(15 * 52):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(overlay(blank, index / 15), format="bgr24")))
        out.mux(stream.encode(None))
    falling = read_falling_notes(path, there)
    assert falling is not None
    assert onset_f1(falling.notes, notes, 0.03) >= 0.98
    held = next(note for note in falling.notes if note.pitch == 76 and note.onset > 36)
    assert held.offset == pytest.approx(51.0, abs=0.05)


def test_bars_that_overlap_the_end_of_a_span_are_each_read_once() -> None:
    levels = np.zeros((400, 88), np.float32)
    levels[300:, 30] = 200  # goes on
    levels[250:350, 40] = 200  # begins before it and ends later
    levels[320:360, 50] = 200  # begins after it
    levels[100:140, 30] = 200
    first, rest = find_bars(levels, 10.0)
    assert [(note.pitch, round(note.onset, 1), round(note.offset, 1)) for note in first] == [
        (51, 11.0, 11.4),
        (61, 12.5, 13.5),
    ]
    more = np.zeros((200, 88), np.float32)
    more[:50, 30] = 200
    second, nothing = find_bars(np.vstack([rest, more]), 10.0 + (len(levels) - len(rest)) * STEP)
    assert [(note.pitch, round(note.onset, 1), round(note.offset, 1)) for note in second] == [
        (51, 13.0, 14.5),
        (71, 13.2, 13.6),
    ]
    assert not len(nothing)


def test_no_bars_are_seen_where_there_are_none(keyboard: Keyboard) -> None:
    assert read_falling_notes(SAMPLE, keyboard) is None


@pytest.mark.skipif(not WILD.exists(), reason="needs the shared data")
@pytest.mark.parametrize(
    "clip", ["scarborough.mp4", "unlabelled/lesson.mp4", "unlabelled/stock.mp4", "furelise_new.mp4"]
)
def test_a_score_panel_a_title_a_moving_background_are_no_bars(clip: str) -> None:
    assert read_falling_notes(WILD / clip, find_in_video(WILD / clip), end=20.0) is None


@pytest.mark.skipif(not WILD.exists(), reason="needs the shared data")
def test_a_real_video_with_glow_sparks_and_a_title() -> None:
    falling = read_falling_notes(WILD / "moonlight.mp4", find_in_video(WILD / "moonlight.mp4"))
    assert falling is not None
    true = [note for note in read_midi(WILD / "moonlight.mid") if 5.0 <= note.onset < 31.5]

    def f1(shift: float) -> float:
        moved = [Note(note.onset + shift, note.pitch, note.offset + shift) for note in falling.notes]
        return onset_f1([note for note in moved if 5.0 <= note.onset < 31.5], true, 0.1)

    assert max(f1(shift) for shift in np.arange(-0.3, 0.3, 0.02)) >= 0.95


def read_from_keys(notes: list[Note], late: float) -> PianoRoll:
    """What a reader of the keys makes of notes: half of it, unsure."""
    times = np.arange(0, SECONDS, 0.04)
    struck = [Note(note.onset + late, note.pitch, note.onset + late + 0.05) for note in notes[::2]]
    down = notes_to_frames(struck, times)
    return PianoRoll(times, 0.6 * down, 0.6 * down)


def test_bars_that_say_what_the_keys_do_take_their_place() -> None:
    notes = music(5)
    falling = FallingNotes(notes, Fall(0.4, 0.95, 0.5))
    roll = read_from_keys(notes, late=0.06)
    exact = put_into(roll, falling)
    assert exact is not None
    assert exact.metadata["falling_notes"]["shift"] == pytest.approx(0.06, abs=0.03)
    assert (exact.onset > 0.5).sum() == len(notes)
    first = exact.times[np.flatnonzero(exact.onset.any(axis=1))[0]]
    assert first == pytest.approx(notes[0].onset + 0.06, abs=0.05)


def test_bars_that_are_decoration_do_not() -> None:
    roll = read_from_keys(music(5), late=0.0)
    assert put_into(roll, FallingNotes(music(6), Fall(0.4, 0.95, 0.5))) is None
    assert put_into(roll, FallingNotes([], Fall(0.4, 0.95, 0.5))) is None


def test_where_no_bars_are_the_keys_are_read() -> None:
    notes = music(5)
    late = [note for note in notes if note.onset > 8.0]
    roll = read_from_keys(notes, late=0.0)
    exact = put_into(roll, FallingNotes(late, Fall(0.4, 0.95, 0.5)))
    assert exact is not None
    before = exact.times < 6.5
    assert (exact.onset[before] == roll.onset[before]).all()

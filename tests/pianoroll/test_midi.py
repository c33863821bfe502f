"""MIDI files: seconds survive, whatever the bars, and other programs find what they look for."""

from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest

from pianoroll import FileError, Note, read_midi, write_midi
from pianoroll.midi import BeatGrid, read_performance

NOTES = [
    Note(0.5, 60, 1.0, 90, "right", 1),
    Note(0.5, 43, 1.5, 70, "left", 5),
    Note(1.25, 64, 1.75, 40, "right"),
]


def test_midi_gives_back_times_pitches_velocities_and_hands(tmp_path: Path) -> None:
    write_midi(NOTES, tmp_path / "a.mid", tempo=93, program=6)
    back = read_midi(tmp_path / "a.mid")
    assert [(n.pitch, n.velocity, n.hand) for n in back] == [(43, 70, "left"), (60, 90, "right"), (64, 40, "right")]
    assert [n.onset for n in back] == pytest.approx([0.5, 0.5, 1.25], abs=1e-3)
    assert [n.offset for n in back] == pytest.approx([1.5, 1.0, 1.75], abs=1e-3)
    assert {i.program for i in pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).instruments} == {6}


@pytest.mark.parametrize("start", [-0.7, 0.0, 0.05, 0.3, 0.6, 2.9])
@pytest.mark.parametrize(
    ("numerator", "denominator", "per_bar"), [(4, 4, 4), (3, 4, 3), (6, 8, 2), (3, 8, 3), (2, 4, 4)]
)
def test_bars_follow_the_beat_and_seconds_stay(
    tmp_path: Path, start: float, numerator: int, denominator: int, per_bar: int
) -> None:
    rng = np.random.default_rng(0)
    times = start + np.concatenate([[0], np.cumsum(rng.uniform(0.4, 0.7, 600))])  # five minutes of rubato
    grid = BeatGrid(tuple(times.tolist()), numerator, denominator, per_bar)
    beats = [float(t) for t in times if t >= 0] + [float(times[-1]) + 3.0]
    notes = [Note(t, 40 + i % 40, t + 0.2) for i, t in enumerate(beats)]
    write_midi(notes, tmp_path / "a.mid", beats=grid)
    back = read_midi(tmp_path / "a.mid")
    assert [n.onset for n in back] == pytest.approx(beats, abs=2e-3)
    assert [n.offset - n.onset for n in back] == pytest.approx([0.2] * len(beats), abs=2e-3)
    midi = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid"))
    signature = midi.time_signature_changes[-1]
    assert (signature.numerator, signature.denominator) == (numerator, denominator)
    first, length = midi.time_to_tick(signature.time), midi.resolution * 4 * numerator // denominator
    found = np.array([midi.tick_to_time(int(first + bar * length)) for bar in range(100)])
    true = times[::per_bar][times[::per_bar] > 0.2]  # the file begins with a bar that begins as soon
    assert np.abs(found[:, None] - true[None, :90]).min(axis=0).max() < 2e-3
    assert (found[found < start - 0.2] <= start - 0.4 * per_bar).all()  # whole bars before the music


@pytest.mark.parametrize("late", [30.0, 130.0, 3000.0])
def test_music_that_begins_late_and_pauses_keeps_its_seconds(tmp_path: Path, late: float) -> None:
    beats = [*(late + 0.5 * k for k in range(16)), *(late + 700 + 0.5 * k for k in range(16))]  # one beat lasts 692.5 s
    notes = [Note(t, 60, t + 0.3) for t in beats]
    for grid in (BeatGrid(tuple(beats), 12, 8, 4), BeatGrid(tuple(beats), 3, 4, 3)):
        write_midi(notes, tmp_path / "a.mid", beats=grid)
        assert [n.onset for n in read_midi(tmp_path / "a.mid")] == pytest.approx(beats, abs=5e-3)
        metres = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).time_signature_changes
        assert max(metre.numerator for metre in metres) <= 12


def test_a_pick_up_is_written_in_its_own_note_values(tmp_path: Path) -> None:
    grid = BeatGrid(tuple(0.3 + 0.3 * k for k in range(40)), 2, 4, 4)  # eighths are counted; one comes before the bar
    write_midi([Note(0.3, 60, 0.5)], tmp_path / "a.mid", beats=grid)
    metres = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).time_signature_changes
    assert [(metre.numerator, metre.denominator) for metre in metres] == [(1, 8), (2, 4)]
    assert metres[1].time == pytest.approx(0.3, abs=1e-3)


def test_a_piece_that_is_over_before_its_first_whole_bar_is_written(tmp_path: Path) -> None:
    grid = BeatGrid((-0.6, 0.1, 0.9, 1.7), 12, 8, 4)  # one beat of the bar is before the video; it has three more
    write_midi([Note(0.1, 60, 0.5), Note(1.7, 62, 2.0)], tmp_path / "a.mid", beats=grid)
    assert [n.onset for n in read_midi(tmp_path / "a.mid")] == pytest.approx([0.1, 1.7], abs=5e-3)
    metres = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).time_signature_changes
    assert [(metre.numerator, metre.denominator) for metre in metres] == [(9, 8), (12, 8)]


def test_hours_of_music_can_be_read_again(tmp_path: Path) -> None:
    write_midi([Note(3 * 3600.0, 60, 3 * 3600 + 1.0)], tmp_path / "a.mid", tempo=200)
    assert read_midi(tmp_path / "a.mid")[0].onset == pytest.approx(3 * 3600, abs=0.01)


def test_a_note_ends_where_its_key_is_struck_again(tmp_path: Path) -> None:
    write_midi([Note(0.5, 60, 1.5), Note(1.0, 60, 2.0)], tmp_path / "a.mid")
    found = [(n.onset, n.offset) for n in read_midi(tmp_path / "a.mid")]
    np.testing.assert_allclose(found, [(0.5, 1.0), (1.0, 2.0)], atol=1e-3)


def test_pedal_text_and_tracks_are_there(tmp_path: Path) -> None:
    spans = [(0.1, 0.9), (1.0, 1.6)]
    write_midi(NOTES, tmp_path / "a.mid", pedal=spans, text=["silentkeys", "read from Für Elise 夜.mp4"])
    np.testing.assert_allclose(read_performance(tmp_path / "a.mid")[1], spans, atol=1e-3)
    midi = mido.MidiFile(tmp_path / "a.mid")
    assert [track.name for track in midi.tracks] == ["", "right", "left"]
    assert [m.text for m in midi.tracks[0] if m.type == "text"] == ["silentkeys", "read from Für Elise ?.mp4"]
    held = {message.channel for track in midi.tracks for message in track if message.type == "control_change"}
    assert held == {0, 1}


def test_a_key_struck_again_at_once_is_let_go_first(tmp_path: Path) -> None:
    write_midi([Note(0.5, 60, 1.0), Note(1.0, 60, 1.5), Note(1.5, 60, 1.5)], tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    assert [n.onset for n in back] == pytest.approx([0.5, 1.0, 1.5], abs=1e-3)
    assert [n.offset for n in back[:2]] == pytest.approx([1.0, 1.5], abs=1e-3)


def test_no_notes_make_a_midi_file_too(tmp_path: Path) -> None:
    write_midi([], tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid") == []
    assert read_performance(tmp_path / "a.mid") == ([], [])


@pytest.mark.parametrize("content", [b"", b"this is no MIDI", b"MThd\0\0\0\6\0\1\0\1"])
def test_what_is_no_midi_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.mid"):
        read_midi(tmp_path / "a.mid")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.mid does not exist"):
        read_midi(tmp_path / "none.mid")


def test_a_change_of_metre_is_written_where_it_falls(tmp_path: Path) -> None:
    lengths = [0.5] * 12 + [0.75] * 8 + [0.5] * 6  # three bars of 4/4, four of 6/8, two of 3/4
    times = np.concatenate([[0], np.cumsum(lengths)])
    grid = BeatGrid(tuple(times.tolist()), 4, 4, 4, changes=((12, 6, 8, 2), (20, 3, 4, 3)))
    notes = [Note(float(t), 60, float(t) + 0.3) for t in times]
    write_midi(notes, tmp_path / "a.mid", beats=grid)
    midi = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid"))
    metres = [(change.numerator, change.denominator) for change in midi.time_signature_changes]
    assert metres == [(4, 4), (6, 8), (3, 4)]
    assert [change.time for change in midi.time_signature_changes] == pytest.approx([0, 6, 12], abs=1e-3)
    assert [note.onset for note in read_midi(tmp_path / "a.mid")] == pytest.approx(times.tolist(), abs=2e-3)
    quarters = [midi.time_to_tick(second) / midi.resolution for second in (6.0, 12.0)]
    assert quarters == pytest.approx([12, 24])
    assert grid.downbeats == pytest.approx([0, 2, 4, 6, 7.5, 9, 10.5, 12, 13.5, 15])

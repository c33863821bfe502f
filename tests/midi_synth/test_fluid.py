"""Notes in, sound out: the pitch, the loudness, the instrument and the times that were asked for."""

import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from midi_synth import FluidSynth, SynthError, render, write_sound
from pianoroll import FileError, Note

RATE = 22050


def loudness(sound: np.ndarray, start: float, end: float) -> float:
    """Root mean square between two times in seconds."""
    return float(np.sqrt((sound[:, round(start * RATE) : round(end * RATE)] ** 2).mean()))


def strongest(sound: np.ndarray, start: float, end: float) -> float:
    """Frequency in Hz of the strongest partial between two times in seconds."""
    part = sound[:, round(start * RATE) : round(end * RATE)].mean(axis=0)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(np.argmax(spectrum)) * RATE / len(part)


def test_sounds_the_right_pitch_at_the_right_time() -> None:
    sound = render([Note(0.5, 69, 1.5), Note(2.0, 81, 2.5)], sample_rate=RATE)
    assert sound.dtype == np.float32
    assert sound.shape[0] == 2
    assert loudness(sound, 0.0, 0.49) < 1e-6
    assert strongest(sound, 0.6, 1.4) == pytest.approx(440, abs=3)
    assert strongest(sound, 2.1, 2.5) == pytest.approx(880, abs=5)


def test_velocity_is_heard() -> None:
    sound = render([Note(0.0, 60, 0.8, 30), Note(3.0, 60, 3.8, 110)], sample_rate=RATE)
    assert loudness(sound, 3.0, 3.5) > 3 * loudness(sound, 0.0, 0.5)


def test_rings_out_but_not_for_long() -> None:
    sound = render([Note(0.0, 36, 1.0)], sample_rate=RATE)
    assert 1.05 * RATE < sound.shape[1] <= 3.0 * RATE
    assert np.abs(sound[:, -1]).max() < 1e-4


def test_instrument_by_name_or_number_and_not_the_piano() -> None:
    notes = [Note(0.0, 60, 1.0)]
    organ = render(notes, RATE, engine=FluidSynth("church organ"))
    np.testing.assert_array_equal(organ, render(notes, RATE, engine=FluidSynth(19)))
    piano = render(notes, sample_rate=RATE)
    assert loudness(organ, 0.8, 1.0) / loudness(organ, 0.1, 0.3) > 2 * loudness(piano, 0.8, 1.0) / loudness(
        piano, 0.1, 0.3
    )


@pytest.mark.parametrize(("wrong", "told"), [("Acustic Piano", "Acoustic Grand Piano"), (128, "0"), ("", "Piano")])
def test_unknown_instrument_names_its_neighbours(wrong: str | int, told: str) -> None:
    with pytest.raises(SynthError, match=told):
        render([Note(0.0, 60, 1.0)], engine=FluidSynth(wrong))


def test_repeated_key_sounds_twice_though_the_notes_overlap() -> None:
    sound = render([Note(0.0, 60, 1.2), Note(1.0, 60, 2.0)], sample_rate=RATE)
    assert loudness(sound, 1.3, 1.6) > loudness(sound, 0.7, 0.95)


def test_no_notes_is_a_short_silence() -> None:
    sound = render([], sample_rate=RATE)
    assert 0 < sound.shape[1] < RATE
    assert not sound.any()


def test_missing_and_broken_soundfonts_are_explained(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="does not exist"):
        render([Note(0.0, 60, 1.0)], engine=FluidSynth(soundfont=tmp_path / "none.sf2"))
    (tmp_path / "broken.sf2").write_bytes(b"RIFF but no soundfont")
    with pytest.raises(SynthError, match=r"broken\.sf2"):
        render([Note(0.0, 60, 1.0)], engine=FluidSynth(soundfont=tmp_path / "broken.sf2"))


def test_missing_library_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)  # as Python has it when the import fails
    with pytest.raises(SynthError, match="apt-get install libfluidsynth3"):
        render([Note(0.0, 60, 1.0)])


def test_progress_rises_to_one_and_it_is_faster_than_real_time() -> None:
    seen: list[float] = []
    start = time.monotonic()
    render([Note(0.25 * i, 40 + i % 40, 0.25 * i + 0.5) for i in range(240)], progress=seen.append)
    assert time.monotonic() - start < 60
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert len(seen) > 10


def test_wav_holds_the_sound(tmp_path: Path) -> None:
    sound = render([Note(0.0, 60, 0.5)], sample_rate=RATE)
    write_sound(sound, tmp_path / "a" / "note.wav", sample_rate=RATE)
    read, rate = soundfile.read(tmp_path / "a" / "note.wav", dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(read.T, sound, atol=2 / 32768)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["note.wav"]
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(FileError):
        write_sound(sound, tmp_path / "b.wav")
    with pytest.raises(SynthError, match=r"\.wav, \.flac, \.mp3, \.ogg, \.m4a"):
        write_sound(sound, tmp_path / "c.aac")


def test_the_pedal_lets_notes_ring_on() -> None:
    notes = [Note(0.2, 60, 0.4), Note(3.0, 72, 3.2)]
    dry, held = render(notes), render(notes, pedal=[(0.3, 2.5), (90.0, 91.0)])
    second = slice(int(1.2 * 44100), int(1.8 * 44100))
    assert np.abs(held[:, second]).max() > 5 * np.abs(dry[:, second]).max()
    late = slice(int(2.85 * 44100), int(2.98 * 44100))
    assert np.abs(held[:, late]).max() < 0.3 * np.abs(held[:, second]).max()
    assert held.shape[1] < 6 * 44100  # a pedal beyond the last note does not lengthen the piece


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_every_format_holds_the_sound_in_step(tmp_path: Path, ending: str) -> None:
    sound = render([Note(0.5 * i, 60 + i, 0.5 * i + 0.4) for i in range(8)], length=5.0)
    write_sound(sound, tmp_path / f"a.{ending}")
    with av.open(str(tmp_path / f"a.{ending}")) as file:
        assert file.streams.audio[0].rate == 44100
        to_float = av.AudioResampler(format="fltp")
        parts = [part.to_ndarray() for frame in file.decode(audio=0) for part in to_float.resample(frame)]
    read = np.concatenate(parts, axis=1)
    assert read.shape[1] == pytest.approx(5 * 44100, abs=2400)
    both = min(read.shape[1], sound.shape[1])
    assert np.corrcoef(read[0, :both], sound[0, :both])[0, 1] > 0.98


def test_notes_begin_where_they_should_after_ten_minutes_too() -> None:
    onsets = [0.5 + 7.919 * i for i in range(76)]
    notes = [Note(onset, 60 + i % 12, onset + 0.05, 100) for i, onset in enumerate(onsets)]
    sound = render(notes, engine=FluidSynth("Woodblock", reverb=False))
    late = np.array([first_sound(sound, onset) for onset in onsets]) - np.array(onsets)
    assert np.abs(late - np.median(late)).max() < 0.002
    assert np.abs(np.median(late)) < 0.01


def first_sound(sound: np.ndarray, around: float) -> float:
    """The second at which it is no longer silent, near a time."""
    start = round((around - 0.05) * 44100)
    part = np.abs(sound[:, start : start + 8820]).max(axis=0)
    return float(start + np.argmax(part > 0.05 * part.max())) / 44100


def test_hands_can_be_louder_and_softer() -> None:
    notes = [Note(0.0, 48, 1.0, 80, "left"), Note(2.0, 72, 3.0, 80, "right")]
    plain, soft = (render(notes, RATE, engine=FluidSynth(levels={"left": level})) for level in (0.0, -12.0))
    ratio = [loudness(sound, 0.1, 0.9) / loudness(sound, 2.1, 2.9) for sound in (plain, soft)]
    assert 20 * np.log10(ratio[1] / ratio[0]) == pytest.approx(-12, abs=1.0)
    with pytest.raises(SynthError, match="dB louder"):
        render(notes, engine=FluidSynth(levels={"left": 90.0}))


def test_reverb_and_chorus_are_heard_or_not() -> None:
    notes = [Note(0.0, 60, 0.3)]
    dry, wet, many = (
        render(notes, RATE, engine=FluidSynth(reverb=reverb, chorus=chorus), length=1.5)
        for reverb, chorus in ((False, False), (True, False), (False, True))
    )
    assert loudness(wet, 0.8, 1.4) > 1.2 * loudness(dry, 0.8, 1.4)
    assert np.abs(many - dry).max() > 0.01

"""Labels held against the picture: lag, drift, spans that do not meet, ends of sound."""

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import cli
from dataset_tools.checking import align, cap_ends, check_set, suspect_spans
from dataset_tools.importing import import_takes
from dataset_tools.strip_set import read_set
from dataset_tools.takes import find_takes
from pianoroll import Note, PianoRoll, read_midi, write_midi
from pianoroll.metrics import note_score

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "furelise"
SECONDS = 8.0  # of the sample that are looked at


def played(seconds: float, rng: np.random.Generator) -> list[Note]:
    """Notes about every fifth of a second."""
    onsets = np.cumsum(rng.uniform(0.05, 0.35, int(seconds / 0.2)))
    return [Note(float(at), int(rng.integers(40, 80)), float(at) + 0.3) for at in onsets]


def read_of(notes: list[Note], rng: np.random.Generator) -> list[Note]:
    """As a reader sees them: some missed, some invented, onsets astray by 15 ms."""
    kept = [note for note in notes if rng.random() > 0.3]
    seen = [replace(note, onset=note.onset + float(rng.normal(0, 0.015))) for note in kept]
    last = notes[-1].onset
    return sorted(
        seen + [Note(float(at), int(rng.integers(40, 80)), last) for at in rng.uniform(0, last, len(kept) // 3)]
    )


@pytest.mark.parametrize(("lag", "drift"), [(0.0, 0.0), (1.73, 0.0), (-4.2, 0.0), (0.4, 0.0008), (-0.3, -0.002)])
def test_lag_and_drift_are_found(lag: float, drift: float) -> None:
    rng = np.random.default_rng(3)
    notes = played(240, rng)
    labels = [replace(n, onset=n.onset * (1 + drift) + lag, offset=n.offset * (1 + drift) + lag) for n in notes]
    found = align(read_of(notes, rng), labels)
    assert found is not None
    assert found.drift == pytest.approx(drift / (1 + drift), abs=5e-5)
    moved = found.moved(labels)
    assert max(abs(one.onset - other.onset) for one, other in zip(moved, notes, strict=True)) < 0.012


def test_another_piece_piles_up_nowhere() -> None:
    rng = np.random.default_rng(4)
    assert align(played(120, rng), played(120, rng)) is None
    assert align([], played(10, rng)) is None


def test_a_stretch_of_another_take_is_suspect() -> None:
    rng = np.random.default_rng(5)
    notes = played(60, rng)
    labels = [replace(note, pitch=note.pitch + 1) if 20 < note.onset < 32 else note for note in notes]
    spans = suspect_spans(read_of(notes, rng), labels, 0.0, 60.0, 0.75)
    assert len(spans) == 1
    assert spans[0] == pytest.approx((20, 32), abs=3)
    assert suspect_spans(read_of(notes, rng), notes, 0.0, 60.0, 0.75) == []


def test_sound_that_outlasts_its_key_is_capped() -> None:
    times = np.arange(100) / 25
    frame = np.zeros((100, 88), np.float32)
    frame[10:20, 39] = 1  # 0.4 to 0.8 s, sounds till 3
    frame[60:, 39] = 1  # struck again at 2.4 s, held to the end
    frame[10:50, 41] = 1  # held longer than it sounds
    labels = [Note(0.4, 60, 3.0), Note(2.4, 60, 9.0), Note(0.4, 62, 1.2), Note(0.4, 70, 1.0), Note(0.8, 70, 2.0)]
    ends = {(n.pitch, n.onset): n.offset for n in cap_ends(labels, PianoRoll(times, frame, frame))}
    assert ends == pytest.approx({(60, 0.4): 0.8, (60, 2.4): 4.0, (62, 0.4): 1.2, (70, 0.4): 0.8, (70, 0.8): 2.0})


def beginning() -> list[Note]:
    """What the sample's labels hold of its first seconds."""
    return [note for note in read_midi(SAMPLE.with_suffix(".mid")) if note.onset < SECONDS - 1]


@pytest.fixture(scope="module")
def late_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled clip's beginning, with labels that are late by 0.42 s and as long as a pedal would make them."""
    folder = tmp_path_factory.mktemp("late")
    (folder / "source").mkdir()
    with av.open(str(SAMPLE.with_suffix(".mp4"))) as whole, av.open(str(folder / "source" / "a.mp4"), "w") as part:
        stream = part.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None and packet.pts is not None and packet.pts * packet.time_base < SECONDS:
                packet.stream = stream
                part.mux(packet)
    true = beginning()
    write_midi([replace(n, onset=n.onset + 0.42, offset=n.offset + 1.2) for n in true], folder / "source" / "a.mid")
    takes = [replace(take, ends="sound") for take in find_takes("pairs", folder / "source")]
    import_takes(takes, folder / "set")
    return folder / "set"


def test_a_real_clip_is_checked_then_mended(late_set: Path) -> None:
    result = CliRunner().invoke(cli, ["data", "check", str(late_set), "--json"])
    assert result.exit_code == 0
    (told,) = json.loads(result.stdout)["clips"]
    assert float(told["lag"]) == pytest.approx(0.42, abs=0.03)
    assert float(told["agreement"]) > 0.6
    entry = read_set(late_set)[0]
    assert (entry.lag, entry.ends, entry.offset) == (told["lag"], "sound", 0.0)

    (mended,), dropped, failures = check_set(late_set, mend=True)
    assert (dropped, failures) == ([], [])
    assert mended.ends == "key"
    assert mended.offset == pytest.approx(-0.42, abs=0.03)
    assert abs(float(mended.lag)) < 0.012
    true, labels = beginning(), mended.load().notes
    assert note_score(labels, true).f1 > 0.95
    late = note_score(read_midi(late_set.parent / "source" / "a.mid"), true, offsets=True).f1
    assert note_score(labels, true, offsets=True).f1 > late + 0.3
    assert PianoRoll.load(mended.roll).onset.sum() == pytest.approx(len(labels), abs=2)

    (_,), _, _ = check_set(late_set, drop=0.1)
    none, (gone,), _ = check_set(late_set, drop=0.99)
    assert (none, gone.clip) == ([], "a")
    assert read_set(late_set) == []

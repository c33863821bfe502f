"""Scores of simple made-up pieces, read back with music21; their pages and files."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import music21
import numpy as np
import pypdfium2
import pytest

from pianoroll import FileError, Note
from score import Score, ScoreError, engrave, find_beats

BEAT = 0.5
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def melody(pitches: Sequence[int], *, beat: float = BEAT) -> list[Note]:
    return [Note(index * beat, pitch, (index + 0.95) * beat) for index, pitch in enumerate(pitches)]


def waltz() -> list[Note]:
    """Eight bars: a low bass on one, chords on two and three, a tune in dotted halves above."""
    basses, tune = (43, 43, 38, 38, 43, 43, 38, 43), (71, 74, 72, 69, 71, 74, 69, 67)
    chords = [(59, 62) if bass == 43 else (57, 60) for bass in basses]
    notes = []
    for bar, (bass, chord, top) in enumerate(zip(basses, chords, tune, strict=True)):
        at = bar * 3 * BEAT
        notes += [Note(at, bass, at + 0.9 * BEAT, 90), Note(at, top, at + 2.9 * BEAT, 85)]
        notes += [Note(at + k * BEAT, pitch, at + (k + 0.8) * BEAT, 55) for k in (1, 2) for pitch in chord]
    return notes


def read(score: Score) -> music21.stream.Score:
    parsed = music21.converter.parse(score.musicxml, format="musicxml")
    assert isinstance(parsed, music21.stream.Score)
    return parsed


def staff_pitches(parsed: music21.stream.Score, staff: int) -> list[int]:
    """MIDI pitches of one staff, tied notes once."""
    notes = parsed.parts[staff].stripTies().recurse().notes
    return [pitch.midi for note in notes for pitch in note.pitches]


def check_bars(score: Score) -> None:
    """Every bar of both staves is filled: from its start, without gap or overlap."""
    parsed = read(score)
    assert len(parsed.parts) == 2
    for part in parsed.parts:
        bars = list(part.getElementsByClass(music21.stream.Measure))
        assert len(bars) == score.measures
        for bar in bars:
            for line in list(bar.voices) or [bar]:
                at = 0.0
                for element in line.notesAndRests:
                    assert float(element.offset) == pytest.approx(at), bar.number
                    at += float(element.quarterLength)
                assert at == pytest.approx(bar.barDuration.quarterLength), bar.number


@pytest.fixture(scope="module")
def scale() -> Score:
    return engrave(melody((*SCALE, *SCALE[::-1])), title="Scale & more")


@pytest.fixture(scope="module")
def danced() -> Score:
    return engrave(waltz())


@pytest.fixture(scope="module")
def long_piece() -> Score:
    return engrave(melody(SCALE * 40), metre="4/4", tempo=120)


def test_scale_has_its_metre_key_and_pitches(scale: Score) -> None:
    assert scale.metre in ("4/4", "2/4")
    assert scale.key == "C major"
    assert staff_pitches(read(scale), 0) + staff_pitches(read(scale), 1) == [*SCALE, *SCALE[::-1]]
    assert scale.warnings == []


def test_scale_with_a_known_tempo_is_in_quarters() -> None:
    score = engrave(melody((*SCALE, *SCALE[::-1])), tempo=120, metre="4/4")
    lengths = [note.quarterLength for note in read(score).parts[0].recurse().notes]
    assert score.measures == 4
    assert score.tempo == pytest.approx(120, rel=0.03)
    assert lengths == [1.0] * 16


def test_waltz_is_in_three_with_the_tune_above(danced: Score) -> None:
    parsed = read(danced)
    assert danced.metre == "3/4"
    assert danced.key == "G major"
    assert set(staff_pitches(parsed, 1)) >= {43, 38}
    assert set(staff_pitches(parsed, 0)) >= {71, 74, 72, 69, 67}
    assert danced.measures == 8


@pytest.mark.parametrize("piece", ["scale", "danced", "long_piece"])
def test_bars_are_full(piece: str, request: pytest.FixtureRequest) -> None:
    check_bars(request.getfixturevalue(piece))


@pytest.mark.parametrize("metre", ["2/4", "3/4", "4/4", "3/8", "6/8", "9/8", "12/8"])
def test_bars_are_full_in_every_metre_and_with_uneven_playing(metre: str) -> None:
    shifts = (0.0, 0.03, -0.02, 0.11, 0.26, 0.18)
    notes = [Note(0.37 * i + shifts[i % 6], 40 + 7 * i % 45, 0.37 * i + 0.1 + 0.9 * (i % 3)) for i in range(40)]
    score = engrave([Note(max(0.0, n.onset), n.pitch, n.offset) for n in notes], metre=metre)
    assert score.metre == metre
    check_bars(score)


def test_triplets_are_written_as_such() -> None:
    quarter = [Note(i * 0.6, 48, i * 0.6 + 0.55, 90) for i in range(16)]
    thirds = [Note(i * 0.6 + k * 0.2, 72 + 2 * k, i * 0.6 + (k + 0.9) * 0.2) for i in range(0, 16, 4) for k in range(3)]
    halves = [Note(i * 0.6 + k * 0.3, 72 + k, i * 0.6 + (k + 0.9) * 0.3) for i in range(16) if i % 4 for k in range(2)]
    score = engrave([*quarter, *thirds, *halves], tempo=100, metre="4/4")
    check_bars(score)
    in_thirds = [note for note in read(score).parts[0].recurse().notes if note.duration.tuplets]
    assert len(in_thirds) == 12


def test_two_hands_stand_on_two_staves() -> None:
    right = [Note(i * BEAT, pitch, (i + 0.9) * BEAT) for i, pitch in enumerate(SCALE)]
    left = [Note(i * BEAT, pitch - 24, (i + 0.9) * BEAT) for i, pitch in enumerate(SCALE)]
    parsed = read(engrave([*right, *left]))
    assert staff_pitches(parsed, 0) == list(SCALE)
    assert staff_pitches(parsed, 1) == [pitch - 24 for pitch in SCALE]
    clefs = [part.recurse().getElementsByClass(music21.clef.Clef)[0] for part in parsed.parts]
    assert [clef.sign for clef in clefs] == ["G", "F"]


@pytest.mark.parametrize("hand", ["left", "right"])
def test_hands_that_were_seen_are_kept_and_the_other_staff_rests(hand: str) -> None:
    notes = [Note(i * BEAT, pitch, (i + 0.9) * BEAT, 80, hand) for i, pitch in enumerate(SCALE)]  # type: ignore[arg-type]
    score = engrave(notes)
    staff = 0 if hand == "right" else 1
    assert staff_pitches(read(score), staff) == list(SCALE)
    assert staff_pitches(read(score), 1 - staff) == []
    check_bars(score)


def test_no_notes_are_one_bar_of_rests() -> None:
    score = engrave([], title="Silence")
    assert score.measures == 1
    assert any("no notes" in warning for warning in score.warnings)
    check_bars(score)
    assert staff_pitches(read(score), 0) == staff_pitches(read(score), 1) == []
    assert len(score.svg_pages) == 1


def test_one_note() -> None:
    score = engrave([Note(3.0, 60, 3.5)])
    assert staff_pitches(read(score), 0) + staff_pitches(read(score), 1) == [60]
    assert any("only one note" in warning for warning in score.warnings)
    check_bars(score)


@pytest.mark.parametrize(
    "notes",
    [
        [Note(0.5, 60, 0.7), Note(1500.0, 64, 1500.5)],  # a pause of minutes
        [Note(0.3 * index, 60 + index % 7, 0.3 * index) for index in range(40)],  # no length
        [Note(0.3 * index, 60, 0.3 * index + 2) for index in range(40)],  # one pitch over itself
        [Note(0.0, pitch, 1.0) for pitch in range(21, 109)],  # every key at once
        [Note(index / 30, 60 + index % 2, index / 30 + 0.03) for index in range(300)],  # faster than fingers
        [
            Note(0.5 * index + index // 20 * 60, 60 + index % 12, 0.5 * index + index // 20 * 60 + 0.4)
            for index in range(60)
        ],
    ],
    ids=["far", "short", "overlapping", "cluster", "trill", "pauses"],
)
def test_odd_music_gives_a_score(notes: list[Note]) -> None:
    score = engrave(notes)
    check_bars(score)
    assert {note.pitch for note in notes} == set(staff_pitches(read(score), 0) + staff_pitches(read(score), 1))
    assert score.svg_pages


def test_a_held_note_over_moving_ones_is_a_second_voice() -> None:
    held = [Note(2.0 * bar, 79, 2.0 * bar + 1.9, 80, "right") for bar in range(8)]
    moving = [Note(0.5 * step, 60 + 2 * (step % 4), 0.5 * step + 0.45, 70, "right") for step in range(32)]
    score = engrave(sorted([*held, *moving]), metre="4/4", tempo=120)
    check_bars(score)
    upper = read(score).parts[0]
    voices = [bar.voices for bar in upper.getElementsByClass(music21.stream.Measure)]
    assert all(len(each) == 2 for each in voices[:-1])
    assert [note.quarterLength for note in voices[2][0].notes] == [4.0]
    assert [note.quarterLength for note in voices[2][1].notes] == [1.0] * 4


def test_a_change_of_signature_is_written_once() -> None:
    beats = [Note(0.5 * step, 60 + SCALE[step % 8] - 60, 0.5 * step + 0.45, 70) for step in range(320)]
    later = [Note(160 + note.onset, note.pitch + 3, 160 + note.offset, 70) for note in beats]
    measures = list(read(engrave([*beats, *later])).parts[0].getElementsByClass(music21.stream.Measure))
    signs = [bar.keySignature.sharps for bar in measures if bar.keySignature is not None]
    assert signs == [0, -3]


def test_notes_that_no_piano_has_are_left_out() -> None:
    score = engrave([*melody(SCALE), Note(0.0, 5, 1.0)])
    assert sorted(staff_pitches(read(score), 0) + staff_pitches(read(score), 1)) == sorted(SCALE)
    assert any("no piano has" in warning for warning in score.warnings)


def test_fingers_are_printed_unless_unwanted() -> None:
    fingers = (1, 2, 3, 1, 2, 3, 4, 5)
    notes = [
        Note(i * BEAT, pitch, (i + 0.9) * BEAT, 80, "right", finger)
        for i, (pitch, finger) in enumerate(zip(SCALE, fingers, strict=True))
    ]
    printed = engrave(notes)
    marks = [mark for note in read(printed).parts[0].recurse().notes for mark in note.articulations]
    assert [mark.fingerNumber for mark in marks if isinstance(mark, music21.articulations.Fingering)] == list(fingers)
    assert printed.svg_pages[0].count('class="fing"') == 8
    assert "<fingering" not in engrave(notes, fingering="none").musicxml


def test_pitches_are_spelled_in_the_key() -> None:
    flats = [pitch - 4 for pitch in SCALE]  # A flat major
    score = engrave(melody([*flats, *flats[::-1]]))
    names = {pitch.name for note in read(score).recurse().notes for pitch in note.pitches}
    assert score.key == "Ab major"
    assert names == {"A-", "B-", "C", "D-", "E-", "F", "G"}


def test_pdf_and_svg_have_the_same_pages(long_piece: Score, tmp_path: Path) -> None:
    long_piece.write_pdf(tmp_path / "long.pdf")
    pages = long_piece.write_svg(tmp_path / "long.svg")
    data = (tmp_path / "long.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    with pypdfium2.PdfDocument(data) as document:
        assert len(document) == len(pages) == len(long_piece.svg_pages) > 1
    assert [page.name for page in pages] == [f"long-{number}.svg" for number in range(1, len(pages) + 1)]
    assert all("<svg" in page.read_text(encoding="utf-8") for page in pages)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["long.pdf", *(page.name for page in pages)])


def test_pdf_shows_title_and_tempo_as_any_viewer_can(scale: Score, tmp_path: Path) -> None:
    scale.write_pdf(tmp_path / "scale.pdf")
    with pypdfium2.PdfDocument(tmp_path / "scale.pdf") as document:
        page = document[0]
        text = page.get_textpage()
        words = text.get_text_range()
        where = text.search("Scale & more").get_next()
        assert where is not None
        left, right = text.get_charbox(where[0])[0], text.get_charbox(where[0] + where[1] - 1)[2]
        width = page.get_width()
        text.close()
    assert f"= {round(scale.tempo)}" in words
    assert (left + right) / 2 == pytest.approx(width / 2, rel=0.02)
    assert not any("\ue000" <= letter <= "\uf8ff" for letter in words + scale.svg_pages[0])  # no music font needed


def test_a_very_long_title_stays_on_the_page(tmp_path: Path) -> None:
    title = "A title as long as video sites give them, " * 4
    engrave([], title=title).write_pdf(tmp_path / "title.pdf")
    with pypdfium2.PdfDocument(tmp_path / "title.pdf") as document:
        page = document[0]
        text = page.get_textpage()
        boxes = [text.get_charbox(index) for index in range(text.count_chars())]
        assert all(box[0] >= 0 and box[2] <= page.get_width() for box in boxes)
        text.close()


def test_composer_and_page_numbers_are_shown(tmp_path: Path) -> None:
    notes = [Note(0.25 * i, 60 + i * 7 % 12, 0.25 * i + 0.2) for i in range(1200)]
    score = engrave(notes, title="Long", composer="N. N. & Co.", date="1810")
    score.write_pdf(tmp_path / "long.pdf")
    with pypdfium2.PdfDocument(tmp_path / "long.pdf") as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    assert "N. N. & Co. (1810)" in texts[0]
    assert len(texts) > 1
    assert all(f"– {number} –" in text for number, text in enumerate(texts[1:], start=2))
    assert "– 1 –" not in texts[0]
    assert "– 2 –" in engrave(notes).svg_pages[1]  # without a title too


def test_pages_are_drawn_in_any_thread() -> None:
    pages: list[str] = []
    score = engrave(melody(SCALE))
    thread = threading.Thread(target=lambda: pages.extend(score.svg_pages))
    thread.start()
    thread.join()
    assert pages
    assert pages[0].count('class="note"') == len(SCALE)


@pytest.mark.parametrize("write", ["write_pdf", "write_musicxml", "write_svg"])
def test_a_file_in_place_of_the_folder_leaves_nothing(write: str, scale: Score, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(FileError, match="taken"):
        getattr(scale, write)(tmp_path / "taken" / "scale.out")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt" or getattr(os, "geteuid", lambda: 1)() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_told(scale: Score, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(FileError, match="permission"):
        scale.write_pdf(folder / "scale.pdf")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("name", "value"), [("metre", "5/4"), ("tempo", 5.0), ("tempo", 1000.0)])
def test_what_cannot_be_is_refused(name: str, value: str | float) -> None:
    with pytest.raises(ScoreError):
        engrave(melody(SCALE), **{name: value})  # type: ignore[arg-type]


def test_the_beats_of_a_file_are_those_of_the_score() -> None:
    notes = [Note(0.9 + 0.5 * k, 48 if k % 3 == 0 else 64 + k % 3, 1.35 + 0.5 * k) for k in range(48)]
    grid = find_beats(notes)
    assert grid is not None
    engraved = engrave(notes)
    assert f"{grid.numerator}/{grid.denominator}" == engraved.metre
    onsets = np.array([note.onset for note in notes])
    assert np.abs(onsets[:, None] - np.array(grid.times)[None]).min(axis=1).max() < 0.03
    assert find_beats(notes[:3]) is None

"""Every command as a plain function: options in, the four stages composed, files out.

``transcribe`` is the whole way; ``find_keyboard``, ``roll``, ``notes``, ``score`` and ``synth`` are its parts.
The stages are imported where they are used, as torch and music21 take seconds to load.
"""

import errno
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from app.edits import Edits, apply_edits
from app.options import (
    OUTPUTS,
    SCORE_OUTPUTS,
    SOUND_OUTPUTS,
    OptionError,
    check_falling_notes,
    check_fingering,
    check_pedal,
    check_span,
    check_transpose,
)
from app.report import Clock, Progress, Report, as_settings, own_version, versions
from pianoroll import FileError, Hand, Note, PianoRoll, SilentkeysError, write_csv, write_midi
from pianoroll.files import check_folder
from pianoroll.keys import HIGHEST_PITCH, KEYS, LOWEST_PITCH, pitch_name
from pianoroll.midi import BeatGrid, read_performance
from pianoroll.plot import write_plot
from pianoroll.roll import frame_distance
from video2roll.corners import assumed_range, check_range, count_keys, given_keyboard, possible_ranges
from video2roll.rectify import CornersError, Keyboard
from video2roll.video import VideoInfo, probe, read_image, sample_images

if TYPE_CHECKING:
    from score import Score
    from video2roll.follow import View

Pathlike = str | os.PathLike[str]
Spans = Sequence[tuple[float, float]]  # seconds from and to which the pedal is down
LOOK = 0.1  # seconds between two looks at how far the sound is
HEADER_ERROR = 1.0  # seconds by which a header's duration may be wrong and still be believed
DOUBTFUL = 0.6  # confidence in a keyboard below which the user is told to look
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")

_T = TypeVar("_T")
_log = logging.getLogger("silentkeys")


def transcribe(
    video: Pathlike,
    out: Pathlike,
    *,
    start: float = 0.0,
    end: float | None = None,
    corners: np.ndarray | None = None,
    lowest_key: int | None = None,
    highest_key: int | None = None,
    model: str | None = None,
    note_model: str | None = None,
    threshold: float | None = None,
    split: int | None = None,
    transpose: int = 0,
    instrument: int | str = 0,
    soundfont: Pathlike | None = None,
    outputs: Sequence[str] = OUTPUTS,
    fingering: str = "auto",
    tempo: float | None = None,
    metre: str | None = None,
    key: str | None = None,
    title: str | None = None,
    composer: str | None = None,
    pedal: str = "none",
    falling_notes: str = "auto",
    show_hands: bool = False,
    name: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Read a silent video and write ``outputs`` into the folder ``out``, as ``NAME.mid`` and so on.

    ``start``, ``end``: seconds. ``corners (4, 2)``: pixels, see ``Keyboard``; found in the video unless given.
    ``lowest_key``, ``highest_key``: MIDI pitches of the outermost keys in view.
    ``model`` reads the video, ``note_model`` finds notes in what was read: see ``roll2midi.decode``.
    ``threshold``, ``split`` and ``transpose``: see ``write_results``.
    ``instrument``: General MIDI program 0..127 or its name, for the sound and the MIDI file.
    ``fingering``: which of the fingers that were surely seen the score prints: "all", "some" (as editors do), "none",
    or "auto" (all of a short piece, else some). ``tempo`` (beats a minute), ``metre`` (“3/4”) and ``key`` (“C minor”)
    where they are known; ``title`` (the video's name unless given) and ``composer`` stand above the score.
    ``pedal``: "auto" puts a plausible sustain pedal, which no video shows, into the MIDI file and the sound.
    ``falling_notes``: "auto" reads the bars that an editor lets fall onto the keys, where they say what the keys do;
    "ignore" reads the keys alone. ``show_hands``: draw the hands that were seen into the result video (output "video",
    ``NAME.result.mp4``).
    ``name``: of the outputs, the video's unless given.

    What fails after the notes are known (score, sound, a file) is noted in ``Report.missing``, and the rest is kept.
    Raises KeyboardError (no keyboard), VideoError, CornersError, OptionError or FileError (e.g. the disk is full).
    """
    check_span(start, end)
    check_fingering(fingering)
    check_pedal(pedal)
    check_falling_notes(falling_notes)
    _check_score(tempo, metre, key)
    check_transpose(transpose)
    check_sound(instrument, soundfont)
    check_note_model(note_model, threshold)
    probe(video)
    check_folder(out)
    seen = read_video(
        video,
        start=start,
        end=end,
        corners=corners,
        lowest_key=lowest_key,
        highest_key=highest_key,
        model=model,
        falling_notes=falling_notes,
        show_hands=show_hands,
        progress=progress,
    )
    return write_results(
        seen,
        out,
        note_model=note_model,
        threshold=threshold,
        split=split,
        transpose=transpose,
        instrument=instrument,
        soundfont=soundfont,
        outputs=outputs,
        fingering=fingering,
        tempo=tempo,
        metre=metre,
        key=key,
        title=title,
        composer=composer,
        pedal=pedal,
        name=name,
        progress=progress,
    )


@dataclass
class Reading:
    """What a video showed, from which results are written, as often as one likes. ``given``: the keyboard, by the user;
    ``start``, ``end``: the part that was read, seconds; ``settings``, ``timings``: as ``Report`` has them."""

    info: VideoInfo
    start: float
    end: float | None
    keyboard: Keyboard
    roll: PianoRoll
    given: bool
    warnings: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    _last: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def played(
        self, model: str | None, pedalled: bool, threshold: float | None = None, split: int | None = None
    ) -> tuple[list[Note], Spans]:
        """The notes of the roll with hands, fingers and velocities; and the seconds in which the pedal is down, if any.

        What was found last is known the next time, and so is each step on the way to it.
        """
        import roll2midi

        roll = self._known("roll", model, lambda: roll2midi.clean(self.roll, model=model))
        found = self._known("found", (model, threshold), lambda: _with_hands(self.roll, roll, model, threshold))
        return self._known("played", (model, pedalled, threshold, split), lambda: _played(found, pedalled, split))

    def _known(self, what: str, how: Any, find: Callable[[], _T]) -> _T:
        """What ``find`` gives, unless that was found the same way the last time."""
        known = self._last.get(what)
        if known is None or known[0] != how:
            known = self._last[what] = (how, find())
        found: _T = known[1]
        return found


def read_video(
    video: Pathlike,
    *,
    start: float = 0.0,
    end: float | None = None,
    corners: np.ndarray | None = None,
    lowest_key: int | None = None,
    highest_key: int | None = None,
    model: str | None = None,
    falling_notes: str = "auto",
    show_hands: bool = False,
    progress: Progress | None = None,
) -> Reading:
    """The first half of ``transcribe``, which takes long: find the keyboard and read the keys. Raises as it does."""
    check_span(start, end)
    bars = check_falling_notes(falling_notes)
    info = probe(video)
    clock = Clock({}, progress)
    seen = _read(
        video,
        info,
        start,
        end,
        corners,
        lowest_key,
        highest_key,
        model,
        clock,
        landmarks=show_hands,
        falling_notes=bars,
    )
    return replace(seen, settings=as_settings(model=model, falling_notes=falling_notes), timings=clock.timings)


def write_results(
    seen: Reading,
    out: Pathlike,
    *,
    note_model: str | None = None,
    threshold: float | None = None,
    split: int | None = None,
    transpose: int = 0,
    edits: Edits | None = None,
    instrument: int | str = 0,
    soundfont: Pathlike | None = None,
    outputs: Sequence[str] = OUTPUTS,
    fingering: str = "auto",
    tempo: float | None = None,
    metre: str | None = None,
    key: str | None = None,
    title: str | None = None,
    composer: str | None = None,
    pedal: str = "none",
    name: str | None = None,
    called: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """The second half of ``transcribe``: of what was read, the notes, the score, the sound and all files.

    No picture of the video is decoded but for the output "video". ``threshold``: see ``roll2midi.decode``. ``split``:
    MIDI pitch, as it is played, from which on notes are the right hand's, and the left hand's below; else as was seen.
    ``transpose``: semitones by which all that is written is higher, but for the roll and the keys lit in the video.
    ``edits``: what was mended by hand, in all that is written but the roll.
    ``called``: what results call the video, its file's name unless given. All else, and what is raised, as there.
    """
    check_fingering(fingering)
    pedalled = check_pedal(pedal)
    time: dict[str, Any] = {"tempo": tempo, "metre": metre}
    _check_score(tempo, metre, key)
    check_transpose(transpose)
    folder = check_folder(out)
    program = check_sound(instrument, soundfont)
    made_with = {"note_model": note_model, "threshold": threshold, "instrument": instrument, "soundfont": soundfont}
    written: dict[str, Any] = {"key": key, "title": title, "composer": composer, "fingering": fingering}
    moved = {"split": split, "transpose": transpose or None}
    settings = {**seen.settings, **as_settings(**made_with, **time, **written, **moved, pedal=pedal)}
    video = str(seen.info.path)
    report = Report(source=called or video, settings=settings, timings=dict(seen.timings), versions=versions())
    clock = Clock(report.timings, progress)
    report.warnings += seen.warnings
    with clock("notes"):
        played, spans = seen.played(note_model, pedalled, threshold, split)
        if edits:
            played, report.edited = apply_edits(edits, played), edits.counts
        higher = transposed(played, transpose, report.warnings)
    _describe(report, seen, higher)
    report.models["roll2midi"] = Path(note_model or "refiner").name
    name = name or Path(video).stem
    job = _Job(report, clock, folder, name, tuple(outputs), heading=Path(called).stem if called else name)
    with _playing(job, higher, spans, program, soundfont, _seconds(seen.info, seen.roll, seen.end)) as playing:
        _write_notes(job, seen.roll, higher, spans, program, **time)
        engraved = _write_score(job, higher, program, **time, **written)
        sound = _write_sound(job, playing)
    _write_page(job, higher, engraved, sound, **time)
    _write_video(job, seen, played, sound)
    _write_report(job)
    return report


def find_keyboard(
    source: Pathlike,
    *,
    start: float = 0.0,
    end: float | None = None,
    corners: np.ndarray | None = None,
    lowest_key: int | None = None,
    highest_key: int | None = None,
    warnings: list[str] | None = None,
) -> Keyboard:
    """The keyboard in a video or still picture, or the one that ``corners`` mark in it.

    Corners given by hand hold all keys from ``lowest_key`` to ``highest_key``, A0 to C8 if neither is given; if one is,
    the keys are counted in the picture, and a sentence in ``warnings`` says which other end was taken.
    Raises KeyboardError where there is none, CornersError where the corners or keys cannot be right.
    """
    check_span(start, end)
    check_range(lowest_key, highest_key)
    if corners is not None:
        return _given_keyboard(source, start, end, corners, lowest_key, highest_key, warnings)
    if not _is_still(source):
        return find_views(source, start=start, end=end, lowest_key=lowest_key, highest_key=highest_key)[0].keyboard
    from video2roll.keyboard import find_in_image

    found = find_in_image(source, lowest_key=lowest_key)
    return found if highest_key is None else _ending_at(found, highest_key, lowest_key)


def find_views(
    video: Pathlike,
    *,
    start: float = 0.0,
    end: float | None = None,
    corners: np.ndarray | None = None,
    lowest_key: int | None = None,
    highest_key: int | None = None,
    warnings: list[str] | None = None,
) -> "list[View]":
    """The views of the keyboard in a video, the one that is seen longest first; as ``find_keyboard`` in all else."""
    from video2roll import scenes

    check_range(lowest_key, highest_key)
    if corners is not None:
        given = _given_keyboard(video, start, end, corners, lowest_key, highest_key, warnings)
        return scenes.find_views(video, start=start, end=end, keyboard=given)
    views = scenes.find_views(video, start=start, end=end, lowest_key=lowest_key)
    if highest_key is not None:
        views[0] = replace(views[0], keyboard=_ending_at(views[0].keyboard, highest_key, lowest_key))
    return views


def roll(
    video: Pathlike,
    out: Pathlike,
    *,
    start: float = 0.0,
    end: float | None = None,
    corners: np.ndarray | None = None,
    lowest_key: int | None = None,
    highest_key: int | None = None,
    model: str | None = None,
    falling_notes: str = "auto",
    progress: Progress | None = None,
) -> PianoRoll:
    """Read a video into a piano roll and write it to the file ``out`` (.npz). Raises as ``transcribe`` does."""
    check_span(start, end)
    bars = check_falling_notes(falling_notes)
    info = probe(video)
    _check_file(out, ".npz")
    clock = Clock({}, progress)
    seen = _read(video, info, start, end, corners, lowest_key, highest_key, model, clock, falling_notes=bars)
    seen.roll.metadata["warnings"] = list(dict.fromkeys([*seen.roll.metadata.get("warnings", []), *seen.warnings]))
    seen.roll.save(out)
    return seen.roll


def notes(
    roll: Pathlike, out: Pathlike, *, model: str | None = None, instrument: int | str = 0, pedal: str = "none"
) -> list[Note]:
    """Decode the notes of a roll (.npz) and write them to the file ``out`` (.mid). Raises FileError, OptionError, and
    DecodeError where there is no such ``model``."""
    pedalled, program = check_pedal(pedal), check_sound(instrument, None)
    _check_file(out, ".mid", ".midi")
    import roll2midi

    read = PianoRoll.load(roll)
    found, spans = _played(_with_hands(read, roll2midi.clean(read, model=model), model), pedalled)
    _write_midi(found, spans, out, source=str(read.metadata.get("source", roll)), program=program)
    return found


def score(
    midi: Pathlike,
    out: Pathlike,
    *,
    title: str | None = None,
    composer: str | None = None,
    date: str | None = None,
    tempo: float | None = None,
    metre: str | None = None,
    key: str | None = None,
    fingering: str = "auto",
    outputs: Sequence[str] = SCORE_OUTPUTS,
    progress: Progress | None = None,
) -> Report:
    """Engrave a MIDI file into the folder ``out``: ``NAME.musicxml``, ``NAME.pdf`` and SVG pages, or what of
    SCORE_OUTPUTS, "quantised" (``NAME.quantised.mid``: the notes as they are written) and "html" (the listening page)
    ``outputs`` names.

    ``tempo`` (beats a minute), ``metre`` (“3/4”) and ``key`` (“C minor”) where they are known; ``title`` (the file's
    name unless given), ``composer`` and ``date`` of the piece. What fails is noted in ``Report.missing``, and the rest
    is kept. Raises FileError where the MIDI cannot be read, OptionError, and ScoreError where there is no such tempo,
    metre or key.
    """
    check_fingering(fingering)
    _check_score(tempo, metre, key)
    folder = check_folder(out)
    played, pedal = read_performance(midi)
    report = Report(source=str(midi), notes=len(played), versions=versions())
    name = Path(midi).stem
    job = _Job(report, Clock(report.timings, progress), folder, name, tuple(outputs), heading=name)
    wishes: dict[str, Any] = {
        "title": title,
        "composer": composer,
        "date": date,
        "tempo": tempo,
        "metre": metre,
        "key": key,
    }
    with _playing(job, played, pedal, 0, None, None) as playing:
        engraved = _write_score(job, played, fingering=fingering, **wishes)
        sound = _write_sound(job, playing)
    _write_page(job, played, engraved, sound, tempo=tempo, metre=metre)
    return report


def synth(
    midi: Pathlike,
    out: Pathlike,
    *,
    instrument: int | str = 0,
    soundfont: Pathlike | None = None,
    sample_rate: int = 44100,
    reverb: bool = True,
    chorus: bool = False,
    speed: float = 1.0,
    transpose: int = 0,
    solo: str | None = None,
    left_level: float = 0.0,
    right_level: float = 0.0,
    progress: Progress | None = None,
) -> None:
    """Play a MIDI file into the file ``out``: .wav, .flac, .mp3, .ogg or .m4a.

    ``speed`` (0.5: half as fast), ``transpose`` (semitones) and ``solo`` ("left" or "right"): for practice;
    ``left_level``, ``right_level``: decibels by which a hand is louder. Raises FileError, and SynthError where it
    cannot be played.
    """
    import midi_synth

    _check_file(out, *midi_synth.SOUND_SUFFIXES)
    levels: dict[Hand | None, float] = {"left": left_level, "right": right_level}
    engine = midi_synth.FluidSynth(instrument, soundfont, reverb=reverb, chorus=chorus, levels=levels)
    engine.check()
    played, pedal = midi_synth.practise(*read_performance(midi), speed=speed, transpose=transpose, solo=solo)
    with Clock({}, progress)("sound") as tell:
        sound = midi_synth.render(played, sample_rate, engine=engine, pedal=pedal, progress=tell)
        midi_synth.write_sound(sound, out, sample_rate=sample_rate)


def _with_hands(
    read: PianoRoll, cleaned: PianoRoll, model: str | None = None, threshold: float | None = None
) -> list[Note]:
    """The notes of a roll, with the hands and fingers that were seen. ``cleaned``: by ``roll2midi.clean``."""
    import roll2midi

    rules = "threshold" if model == "threshold" else "rules"
    how = {} if threshold is None else {"threshold": threshold}
    return roll2midi.assign_hands(roll2midi.decode(cleaned, model=rules, **how), read)


def _played(found: list[Note], pedalled: bool, split: int | None = None) -> tuple[list[Note], Spans]:
    """The notes by their hands, with velocities; and the pedal."""
    import roll2midi

    if split is not None:
        found = [_of_side(note, "left" if note.pitch < split else "right") for note in found]
    return roll2midi.add_velocities(found), roll2midi.guess_pedal(found) if pedalled else []


def _of_side(note: Note, hand: Hand) -> Note:
    """The note played by a hand; a finger of the other hand is not known to be one of this."""
    return replace(note, hand=hand, finger=note.finger if note.hand == hand else None)


def transposed(played: list[Note], semitones: int, warnings: list[str]) -> list[Note]:
    """The notes so much higher. Those that would leave the 88 keys are left out: a sentence in ``warnings`` says so."""
    if not semitones:
        return played
    moved = [replace(note, pitch=note.pitch + semitones) for note in played if _on_keys(note.pitch + semitones)]
    if lost := len(played) - len(moved):
        warnings.append(f"{lost} note{'s' if lost > 1 else ''} would leave the keyboard so transposed, and went out.")
    return moved


def _on_keys(pitch: int) -> bool:
    return LOWEST_PITCH <= pitch <= HIGHEST_PITCH


def check_note_model(model: str | None, threshold: float | None = None) -> None:
    """Raises DecodeError before any long work where there is no such model or threshold, or its file is none."""
    import roll2midi

    nothing = np.zeros((0, KEYS), dtype=np.float32)
    roll2midi.decode(PianoRoll(np.zeros(0), nothing, nothing), model=model, threshold=threshold)


def check_model(model: str | None) -> None:
    """Raises ModelError before any long work where there is no such network, or its file is none."""
    if model is not None:
        from video2roll.infer import load_network

        load_network(model)


def keyboard_facts(keyboard: Keyboard | None, *, given: bool = False) -> dict[str, Any]:
    """A keyboard for JSON; ``{"corners": None, …}`` for none. ``given``: the user set its corners."""
    if keyboard is None:
        return {"corners": None, "lowest_pitch": None, "highest_pitch": None, "confidence": 0.0}
    return {
        "corners": np.round(keyboard.corners, 2).tolist(),
        "lowest_pitch": keyboard.lowest_pitch,
        "highest_pitch": keyboard.highest_pitch,
        "confidence": round(float(keyboard.confidence), 4),
        "octave_guessed": bool(keyboard.octave_guessed),
        "mirrored": bool(keyboard.mirrored),
        "given": given,
    }


# ---- reading the video -----------------------------------------------------------------------------------------------


def _read(
    video: Pathlike,
    info: VideoInfo,
    start: float,
    end: float | None,
    corners: np.ndarray | None,
    lowest_key: int | None,
    highest_key: int | None,
    model: str | None,
    clock: Clock,
    **how: Any,
) -> Reading:
    """``how``: as ``video2roll.transcribe`` has it."""
    with clock("keyboard"):
        warnings: list[str] = []
        views = find_views(
            video,
            start=start,
            end=end,
            corners=corners,
            lowest_key=lowest_key,
            highest_key=highest_key,
            warnings=warnings,
        )
    keyboard = views[0].keyboard
    warnings += _doubts(keyboard, given=corners is not None)
    with clock("read") as done:
        import video2roll

        read = video2roll.transcribe(
            video, keyboard=views, model=model, start=start, end=end, progress=done, warnings=warnings, **how
        )
    return Reading(info, start, end, keyboard, read, corners is not None, list(dict.fromkeys(warnings)))


def _doubts(keyboard: Keyboard, *, given: bool) -> list[str]:
    """Sentences on what is unsure about a keyboard."""
    doubts = []
    if keyboard.confidence < DOUBTFUL and not given:
        doubts.append(
            "The keyboard was found, but not surely: look at where it is, and give its --corners if it is wrong."
        )
    if keyboard.octave_guessed:
        lowest = pitch_name(keyboard.lowest_pitch)
        doubts.append(f"Not all 88 keys are in view, so the octave is a guess: lowest key {lowest}; see --lowest-key.")
    if keyboard.mirrored and given:
        doubts.append("By these corners the picture is a mirror image; if it is not, check their order.")
    if keyboard.mirrored and not given:
        doubts.append("The picture is a mirror image; it was read as such.")
    return doubts


def _given_keyboard(
    source: Pathlike,
    start: float,
    end: float | None,
    corners: np.ndarray,
    lowest: int | None,
    highest: int | None,
    warnings: list[str] | None,
) -> Keyboard:
    """The keyboard that the user's corners mark. Raises CornersError where they form none, or miss the picture."""
    height, width = read_image(source).shape[:2] if _is_still(source) else _size(probe(source))
    assumed = assumed_range(lowest, highest)
    keyboard = given_keyboard(corners, assumed, width, height)
    if assumed == (LOWEST_PITCH, HIGHEST_PITCH) or (lowest is not None and highest is not None):
        return keyboard
    from video2roll.keyboard import hands_free

    images = [read_image(source)] if _is_still(source) else sample_images(source, start=start, end=end)
    gray = hands_free(images)
    scaled = keyboard.corners * [gray.shape[1] / width, gray.shape[0] / height]
    counted = count_keys(gray, scaled, possible_ranges(lowest, highest))
    if warnings is not None:
        warnings.append(_which_keys(counted, assumed, "--highest-key" if highest is None else "--lowest-key"))
    return given_keyboard(corners, counted or assumed, width, height)


def _which_keys(counted: tuple[int, int] | None, assumed: tuple[int, int], option: str) -> str:
    """A sentence on the keys that were taken to lie between the user's corners."""
    names = " to ".join(pitch_name(pitch) for pitch in counted or assumed)
    if counted is None:
        return f"The keys between the corners could not be counted and are taken to be {names}; see {option}."
    return f"{counted[1] - counted[0] + 1} keys were counted between the corners, {names}; see {option}."


def _ending_at(found: Keyboard, highest: int, lowest: int | None) -> Keyboard:
    """A found keyboard whose highest key in view is ``highest``. Raises CornersError where it cannot be.

    ``lowest``: what the user says of the lowest key; it has settled the octave then.
    """
    octaves = 0 if lowest is not None else round((highest - found.highest_pitch) / 12)
    top = found.highest_pitch + 12 * octaves
    if abs(top - highest) > 1:
        seen = pitch_name(top) if lowest is not None else pitch_name(top)[:-1]
        raise CornersError(
            f"The highest key in view looks like {seen}, not like {pitch_name(highest)}; "
            "check --highest-key or give the corners."
        )
    bottom = found.lowest_pitch + 12 * octaves
    if bottom < LOWEST_PITCH or top > HIGHEST_PITCH:
        raise CornersError(f"With {pitch_name(highest)} as the highest key in view the keys would leave the 88.")
    return replace(found, lowest_pitch=bottom, highest_pitch=top, octave_guessed=False)


def _is_still(source: Pathlike) -> bool:
    return Path(source).suffix.lower() in IMAGE_SUFFIXES


def _size(info: VideoInfo) -> tuple[int, int]:
    return info.height, info.width


def _describe(report: Report, seen: Reading, played: list[Note]) -> None:
    """Fill in what was found."""
    info, times = seen.info, seen.roll.times
    report.video = {
        "width": info.width,
        "height": info.height,
        "fps": round(info.fps, 3),
        "duration": None if info.duration is None else round(info.duration, 3),
        "frames_read": len(times),
        "first_second": round(float(times[0]), 3) if len(times) else None,
        "last_second": round(float(times[-1]), 3) if len(times) else None,
        "seconds_read": round(seen.roll.end - float(times[0]), 3) if len(times) else 0.0,
        "frame_distance": round(frame_distance(times), 4),
    }
    report.keyboard = keyboard_facts(seen.keyboard, given=seen.given)
    report.notes = len(played)
    report.confidence = {
        "keyboard": None if seen.given else round(float(seen.keyboard.confidence), 4),
        "notes": round(float(np.mean([note.confidence for note in played])), 4) if played else None,
    }
    report.models = {"video2roll": str(seen.roll.metadata.get("model", ""))}
    if "falling_notes" in seen.roll.metadata:
        report.models["video2roll"] += ", falling notes"
    if not played:
        report.warnings.append("No note was found: nothing is played here, or the keys cannot be seen well enough.")


# ---- writing what was found ------------------------------------------------------------------------------------------


def file_name(name: str, output: str) -> str:
    """What the file of an output is called; of "svg" there may be several, see ``Report.pages``."""
    endings = {"npz": "roll.npz", "quantised": "quantised.mid", "video": "result.mp4", "roll-svg": "roll.svg"}
    return f"{name}.{endings.get(output, output)}"


@dataclass
class _Job:
    """Where the outputs of one input go."""

    report: Report
    clock: Clock
    folder: Path
    name: str
    wanted: tuple[str, ...]
    heading: str = ""  # stands above what is drawn and engraved, unless the user has a title

    def path(self, output: str) -> Path:
        return self.folder / file_name(self.name, output)

    @contextmanager
    def making(self, *outputs: str) -> Iterator[None]:
        """What fails within is noted as the reason why ``outputs`` are missing, so that all others are still made.

        A full disk is raised: nothing else could be written either.
        """
        try:
            yield
        except Exception as error:
            if _disk_is_full(error):
                raise
            _log.debug("making %s failed", ", ".join(outputs), exc_info=True)
            reason = str(error) if isinstance(error, SilentkeysError) else f"{type(error).__name__}: {error}"
            self.report.missing.update({o: reason for o in outputs if o in self.wanted and o not in self.report.files})

    def made(self, output: str, path: Path | None = None) -> None:
        self.report.files[output] = str(path or self.path(output))


def _write_notes(job: _Job, roll: PianoRoll, played: list[Note], pedal: Spans, program: int, **time: Any) -> None:
    """The roll, the notes as MIDI and table, and their picture; ``time``: tempo and metre, where they are known."""
    span = {"start": float(roll.times[0]) if len(roll) else 0.0, "end": roll.end}
    writers = {
        "npz": lambda path: roll.save(path),
        "mid": lambda path: _write_midi(played, pedal, path, source=job.report.source, program=program, **time),
        "csv": lambda path: write_csv(played, path),
        "png": lambda path: write_plot(played, path, title=job.heading, beats=_beats(played, **time), **span),
        "roll-svg": lambda path: write_plot(played, path, title=job.heading, beats=_beats(played, **time), **span),
    }
    with job.clock("files"):
        for output, write in writers.items():
            if output in job.wanted:
                with job.making(output):
                    write(job.path(output))
                    job.made(output)


def _write_midi(
    played: list[Note], pedal: Spans, path: Pathlike, *, source: str, program: int = 0, **time: Any
) -> None:
    """The performance as MIDI, its bars where the score's are."""
    beats = _beats(played, **time)
    about = [f"silentkeys {own_version()}", f"read from {Path(source).name}"]
    write_midi(played, path, beats=beats, program=program, pedal=pedal, text=about)


def _beats(played: list[Note], **time: Any) -> BeatGrid | None:
    """Where the score has its beats; ``time``: tempo and metre, where they are known."""
    import score as score_stage

    try:
        return score_stage.find_beats(played, **time)
    except Exception:  # bars are a help to read files by; without them they keep one tempo
        _log.warning("no beats were found", exc_info=True)
        return None


def _write_score(
    job: _Job, played: list[Note], program: int = 0, *, title: str | None = None, **wishes: Any
) -> "Score | None":
    """The score, and its files as far as they are wanted; ``wishes`` as ``score.engrave`` has them."""
    wanted = [output for output in (*SCORE_OUTPUTS, "quantised") if output in job.wanted]
    if not wanted and "html" not in job.wanted:
        return None
    engraved = None
    with job.clock("score"), job.making(*wanted, "html"):
        import score as score_stage

        source = Path(job.report.source).name
        engraved = score_stage.engrave(played, title=title or job.heading, source=source, **wishes)
        found = {"tempo": round(engraved.tempo, 1), "metre": engraved.metre, "key": engraved.key}
        job.report.score = {**found, "measures": engraved.measures}
        job.report.warnings += engraved.warnings
        for output in wanted:
            with job.making(output):
                _write_score_file(job, engraved, output, program)
    return engraved


def _write_score_file(job: _Job, engraved: "Score", output: str, program: int) -> None:
    path = job.path(output)
    if output == "musicxml":
        engraved.write_musicxml(path)
    elif output == "pdf":
        engraved.write_pdf(path)
    elif output == "quantised":
        engraved.write_midi(path, program=program)
    else:
        job.report.pages = [str(page) for page in engraved.write_svg(path)]
        path = Path(job.report.pages[0])
    job.made(output, path)


@dataclass
class _Playing:
    """The sound while it is being made: ``waveform``, the ``files`` of the outputs, and how much of it is ``done``."""

    waveform: "Future[np.ndarray]"
    files: "dict[str, Future[None]]"
    done: float = 0.0


@contextmanager
def _playing(
    job: _Job, played: list[Note], pedal: Spans, program: int, soundfont: Pathlike | None, length: float | None
) -> "Iterator[_Playing | None]":
    """The sound, ``length`` seconds as the video, is made in a thread beside what is done within, as FluidSynth leaves
    Python free; where any of it is wanted. It is stopped where what is done within fails."""
    wanted = [output for output in SOUND_OUTPUTS if output in job.wanted]
    if not wanted and not {"html", "video"} & set(job.wanted):
        yield None
        return
    import midi_synth

    stopped = Event()

    def tell(part: float) -> None:
        playing.done = part
        if stopped.is_set():
            raise CancelledError

    def play() -> np.ndarray:
        engine = midi_synth.FluidSynth(program, soundfont)
        return midi_synth.render(played, engine=engine, pedal=pedal, length=length, progress=tell)

    def write(path: Path) -> None:
        midi_synth.write_sound(playing.waveform.result(), path)

    with ThreadPoolExecutor(1, "sound") as beside:
        playing = _Playing(Future(), {})
        playing.waveform = beside.submit(play)
        for output in wanted:
            playing.files[output] = beside.submit(write, job.path(output))
        try:
            yield playing
        finally:
            stopped.set()
            beside.shutdown(cancel_futures=True)


def _write_sound(job: _Job, playing: _Playing | None) -> np.ndarray | None:
    """Wait for the sound; None where none is wanted or none could be made."""
    if playing is None:
        return None
    sound = None
    with job.clock("sound") as tell, job.making(*playing.files, "html"):
        while not wait([playing.waveform], LOOK).done:
            tell(playing.done)
        sound = playing.waveform.result()
        for output, file in playing.files.items():
            with job.making(output):
                file.result()
                job.made(output)
    return sound


def _write_page(job: _Job, played: list[Note], engraved: "Score | None", sound: np.ndarray | None, **time: Any) -> None:
    """The listening page; without score or sound it is missing for the same reason. ``time``: as ``_beats`` has it."""
    if "html" not in job.wanted or engraved is None or sound is None:
        return
    with job.clock("page"), job.making("html"):
        from app.listening_page import write_listening_page

        title = engraved.title or job.heading
        write_listening_page(job.path("html"), played, engraved, sound, title=title, beats=_beats(played, **time))
        job.made("html")


def _write_video(job: _Job, seen: Reading, played: list[Note], sound: np.ndarray | None) -> None:
    """The result video; silent, with a warning, where there is no sound."""
    if "video" not in job.wanted:
        return
    if sound is None:
        job.report.warnings.append("The result video is silent, as no sound could be made.")
    with job.clock("video") as tell, job.making("video"):
        from app.result_video import write_result_video

        how: dict[str, Any] = {"keyboard": seen.keyboard, "sound": sound, "start": seen.start, "end": seen.end}
        write_result_video(job.path("video"), seen.info, played, seen.roll, **how, progress=tell)
        job.made("video")


def _seconds(info: VideoInfo, roll: PianoRoll, end: float | None) -> float:
    """Length of the video: what its header says, unless reading it to its end said otherwise."""
    if info.duration is None or (end is None and abs(info.duration - roll.end) > HEADER_ERROR):
        return roll.end
    return max(info.duration, roll.end)


def _write_report(job: _Job) -> None:
    if "json" in job.wanted:
        with job.making("json"):
            job.made("json")
            try:
                job.report.save(job.path("json"))
            except FileError:
                del job.report.files["json"]
                raise


def _check_score(tempo: float | None, metre: str | None, key: str | None) -> None:
    """Raise ScoreError before any long work where there is no such tempo, metre or key."""
    if (tempo, metre, key) != (None, None, None):
        import score as score_stage

        score_stage.check_wishes(tempo, metre, key)


def check_sound(instrument: int | str, soundfont: Pathlike | None) -> int:
    """The General MIDI program; raises SynthError before any long work where it or the soundfont does not exist."""
    from midi_synth.instruments import program_number
    from midi_synth.soundfonts import find_soundfont

    if soundfont is not None:
        find_soundfont(soundfont)
    return program_number(instrument)


def _check_file(path: Pathlike, *suffixes: str) -> None:
    """See that a file of this name can be written, before any long work. Raises FileError or OptionError."""
    file = Path(path)
    if file.suffix.lower() not in suffixes:
        raise OptionError(f"{file}: name a file that ends in {' or '.join(suffixes)}.")
    if file.is_dir():
        raise FileError(f"{file} is a folder; name a file in it, ending in {suffixes[0]}.")
    check_folder(file.parent)


def _disk_is_full(error: BaseException) -> bool:
    cause = error.__cause__ if isinstance(error, FileError) else error
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)

"""The command line as a person meets it: exit codes, one sentence on stderr, one JSON object on stdout."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

import midi_synth
from app import cli, pipeline
from pianoroll import Note, read_midi, write_midi

MakeVideo = Callable[..., Path]
CORNERS = "2,2 62,2 62,46 2,46"


@dataclass(frozen=True)
class Result:
    """What one call gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call ``silentkeys`` with words."""

    def call(*words: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["silentkeys", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else int(bool(code)), said.out, said.err)

    return call


def assert_refused(result: Result, sentence: str, code: int = 1) -> None:
    """One line on stderr that holds ``sentence``, no traceback, nothing on stdout."""
    assert result.code == code
    assert sentence in result.err
    assert result.err.startswith("silentkeys: ")
    assert len(result.err.strip().splitlines()) == 1
    assert result.out == ""


def test_version_and_help(run: Run) -> None:
    assert run("--version").out.startswith("silentkeys ")
    shown = run("--help").out
    for command in ("transcribe", "keyboard", "roll", "notes", "score", "synth", "evaluate", "batch", "app"):
        assert command in shown


@pytest.mark.usefixtures("seeing")
def test_transcribe_prints_one_json_object(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    result = run("transcribe", make_video(), "-o", tmp_path / "out", "--corners", CORNERS, "--json")
    assert result.code == 0
    assert json.loads(result.out)["notes"] == 3
    assert all(line.startswith("silentkeys: warning: ") for line in result.err.splitlines())


@pytest.mark.usefixtures("seeing")
def test_what_is_missing_is_told_and_the_exit_code_is_not_zero(
    run: Run, make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no sound today")

    monkeypatch.setattr(midi_synth, "render", fail)
    result = run("transcribe", make_video(), "-o", tmp_path / "out", "--corners", CORNERS, "--quiet")
    assert_refused(result, "wav, html could not be made: RuntimeError: no sound today")
    assert (tmp_path / "out" / "video.mid").exists()


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["--start", "-1"], "--start -1 lies before the video begins", 2),
        (["--start", "2", "--end", "1"], "--end 1 must lie after --start 2", 2),
        (["--start", "99"], "--start 99", 1),
        (["--corners", "1,1 2,2 3,3 4,4"], "no quadrilateral", 1),
        (["--corners", "somewhere"], "not four points", 1),
        (["--lowest-key", "Q5"], "--lowest-key “Q5”", 2),
        (["--highest-key", "Q5"], "--highest-key “Q5”", 2),
        (["--lowest-key", "C#2"], "begins and ends with a white", 1),
        (["--lowest-key", "C4", "--highest-key", "C2"], "must lie above --lowest-key C4", 1),
        (["--outputs", "mid,aac"], "“aac” is no output", 2),
        (["--soundfont", "none.sf2"], "none.sf2 does not exist", 1),
    ],
)
@pytest.mark.usefixtures("seeing")
def test_bad_options_are_one_sentence(
    run: Run, make_video: MakeVideo, tmp_path: Path, words: list[str], sentence: str, code: int
) -> None:
    given = [] if "--corners" in words else ["--corners", CORNERS]
    result = run("transcribe", make_video(), "-o", tmp_path / "out", *given, *words)
    assert_refused(result, sentence, code)


@pytest.mark.parametrize("command", ["transcribe", "roll", "keyboard"])
def test_bad_files_are_one_sentence(run: Run, sound_only: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "text.mp4").write_text("Dear Elise, " * 100)
    (tmp_path / "empty.mp4").touch()
    out = {"transcribe": ["-o", tmp_path / "out"], "roll": ["-o", tmp_path / "a.npz"], "keyboard": []}[command]
    for file, sentence in [
        (tmp_path / "none.mp4", "does not exist"),
        (tmp_path, "is a folder"),
        (tmp_path / "text.mp4", "not a video"),
        (tmp_path / "empty.mp4", "empty"),
        (sound_only, "no picture"),
    ]:
        assert_refused(run(command, file, *out), sentence)
    assert not (tmp_path / "a.npz").exists()


def test_no_keyboard_is_exit_code_3_and_null_corners(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    picture = tmp_path / "gray.png"
    cv2.imwrite(str(picture), np.full((240, 320), 120, np.uint8))
    video = make_video(size=(320, 240))
    for words in (["keyboard", picture], ["keyboard", video], ["roll", video, "-o", tmp_path / "a.npz"]):
        result = run(*words, "--json")
        assert result.code == 3
        assert json.loads(result.out)["corners"] is None
    assert_refused(run("transcribe", video, "-o", tmp_path / "out"), "No keyboard", 3)


def test_given_corners_are_given_back(run: Run, make_video: MakeVideo) -> None:
    found = json.loads(run("keyboard", make_video(), "--corners", CORNERS, "--json").out)
    assert found["corners"] == [[2, 2], [62, 2], [62, 46], [2, 46]]
    assert (found["lowest_pitch"], found["highest_pitch"]) == (21, 108)


def test_the_keys_between_given_corners_are_given_too(run: Run, make_video: MakeVideo) -> None:
    words = ["keyboard", make_video(), "--corners", CORNERS, "--lowest-key", "C2", "--highest-key", "C7", "--json"]
    result = run(*words)
    found = json.loads(result.out)
    assert (found["lowest_pitch"], found["highest_pitch"]) == (36, 96)
    assert result.err == ""


def test_keys_that_cannot_be_counted_are_a_warning(run: Run, make_video: MakeVideo) -> None:
    result = run("keyboard", make_video(), "--corners", CORNERS, "--lowest-key", "C2")
    assert "could not be counted and are taken to be C2 to C8; see --highest-key" in result.err


def test_debug_shows_the_traceback(run: Run, tmp_path: Path) -> None:
    for words in (["keyboard", tmp_path / "none.mp4", "--debug"], ["--debug", "keyboard", tmp_path / "none.mp4"]):
        result = run(*words)
        assert "Traceback" in result.err
        assert "does not exist" in result.err


def test_an_error_nobody_foresaw_is_one_sentence_too(
    run: Run, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(pipeline, "find_keyboard", fail)
    assert_refused(run("keyboard", make_video()), "ZeroDivisionError: oh", cli.UNEXPECTED)


def test_ctrl_c_is_exit_code_130(run: Run, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "find_keyboard", interrupt)
    assert run("keyboard", make_video()).code == cli.INTERRUPTED


def test_evaluate_prints_numbers(run: Run, tmp_path: Path) -> None:
    truth = [Note(0.0, 60, 1.0), Note(1.0, 62, 2.0)]
    write_midi(truth, tmp_path / "truth.mid")
    write_midi(truth[:1], tmp_path / "found.mid")
    scores = json.loads(run("evaluate", tmp_path / "found.mid", tmp_path / "truth.mid", "--json").out)
    assert scores["onset_50ms"] == {"precision": 1.0, "recall": 0.5, "f1": 0.6667}
    assert "0.667" in run("evaluate", tmp_path / "found.mid", tmp_path / "truth.mid").out
    assert_refused(run("evaluate", tmp_path / "found.mid"), "PRED and TRUTH", 2)


def test_synth_plays_for_practice_in_any_format(run: Run, tmp_path: Path) -> None:
    notes = [Note(0.5 * i, 60 + i, 0.5 * i + 0.4, 80, "left" if i % 2 else "right") for i in range(8)]
    write_midi(notes, tmp_path / "tune.mid")
    practice = ("--speed", "0.5", "--transpose", "-2", "--solo", "left", "--no-reverb", "--sample-rate", "48000")
    result = run("synth", tmp_path / "tune.mid", "-o", tmp_path / "slow.flac", *practice)
    assert result.code == 0
    info = soundfile.info(tmp_path / "slow.flac")
    assert (info.samplerate, info.channels, info.format) == (48000, 2, "FLAC")
    assert info.duration > 7.0
    sound, rate = soundfile.read(tmp_path / "slow.flac")
    assert np.abs(sound[: round(0.9 * rate)]).max() < 1e-4  # the right hand's first note is not heard
    assert np.abs(sound).max() > 0.05
    for wish, told in (("--solo", "no hand"), ("--instrument", "did you mean"), ("--soundfont", "does not exist")):
        assert_refused(run("synth", tmp_path / "tune.mid", "-o", tmp_path / "a.wav", wish, "kazoo"), told)
    assert_refused(run("synth", tmp_path / "tune.mid", "-o", tmp_path / "a.aac"), "ends in .wav or .flac", code=2)


def test_evaluate_draws_what_was_hit_and_missed(run: Run, tmp_path: Path) -> None:
    write_midi([Note(0.5, 60, 1.0), Note(1.5, 62, 2.0)], tmp_path / "true.mid")
    write_midi([Note(0.5, 60, 1.0)], tmp_path / "found.mid")
    result = run("evaluate", tmp_path / "found.mid", tmp_path / "true.mid", "--plot", tmp_path / "plots", "--quiet")
    assert result.code == 0
    (picture,) = (tmp_path / "plots").iterdir()
    assert cv2.imread(str(picture)) is not None


def test_evaluate_writes_reports_and_refuses_files_without_a_partner(run: Run, tmp_path: Path) -> None:
    for name in ("found/a", "found/b", "true/a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_midi([Note(0.5, 60, 1.0), Note(1.5, 62, 2.0)], tmp_path / f"{name}.mid")
    folders = (tmp_path / "found", tmp_path / "true")
    assert_refused(run("evaluate", *folders), "b.mid has no truth")
    reports = [tmp_path / "report.md", tmp_path / "report.html"]
    wanted = [part for report in reports for part in ("--report", report)]
    result = run("evaluate", *folders, "--matched-only", *wanted)
    assert result.code == 0
    assert "b.mid has no truth" in result.err
    assert reports[0].read_text().startswith("# found against true\n")
    assert "<h1>found against true</h1>" in reports[1].read_text()
    assert_refused(run("evaluate", *folders, "--report", tmp_path / "report.pdf"), ".md or .html")
    assert_refused(run("evaluate", *folders, "--videos", tmp_path / "none"), "is no folder")


def test_synth_lists_what_can_play(run: Run) -> None:
    result = run("synth", "--list")
    assert result.code == 0
    assert "  0 Acoustic Grand Piano" in result.out
    assert ".sf2" in result.out


def test_synth_and_score_refuse_what_is_no_midi(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_text("no MIDI")
    assert_refused(run("synth", tmp_path / "a.mid", "-o", tmp_path / "a.wav"), "no MIDI file")
    assert_refused(run("score", tmp_path / "a.mid", "-o", tmp_path / "out"), "no MIDI file")
    assert_refused(run("notes", tmp_path / "none.npz", "-o", tmp_path / "a.mid"), "does not exist")


def test_score_writes_what_is_asked_for(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "tune.mid"
    write_midi([Note(0.5 * index, 60 + index % 5, 0.5 * index + 0.4) for index in range(24)], path)
    wishes = ("--composer", "N. N.", "--date", "1810", "--title", "Tune", "--outputs", "quantised,musicxml")
    result = json.loads(run("score", path, "-o", tmp_path / "out", *wishes, "--json").out)
    assert set(result["files"]) == {"quantised", "musicxml"}
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["tune.musicxml", "tune.quantised.mid"]
    assert len(read_midi(tmp_path / "out" / "tune.quantised.mid")) == 24
    text = (tmp_path / "out" / "tune.musicxml").read_text()
    assert "N. N. (1810)" in text
    assert "<source>tune.mid</source>" in text
    for wish, sentence in (("--outputs", "choose from musicxml, pdf, svg, quant"), ("--fingering", "some or none")):
        refused = run("score", path, "-o", tmp_path, wish, "wav")
        assert refused.code == 2
        assert sentence in refused.err


@pytest.mark.usefixtures("seeing")
def test_transcribe_takes_wishes_for_the_score(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    clip = (make_video(), "-o", tmp_path, "--corners", CORNERS, "--outputs", "mid,quantised,musicxml,json")
    wishes = (
        "--time-signature",
        "3/4",
        "--tempo",
        "100",
        "--key",
        "D minor",
        "--title",
        "Waltz",
        "--composer",
        "N. N.",
    )
    result = json.loads(run("transcribe", *clip, *wishes, "--json").out)
    assert (result["score"]["metre"], result["score"]["key"]) == ("3/4", "D minor")
    assert (tmp_path / "video.quantised.mid").is_file()
    assert ">Waltz</" in (tmp_path / "video.musicxml").read_text()
    assert_refused(run("transcribe", *clip, "--key", "H"), "no key")


def test_score_takes_metre_tempo_and_key_from_whom_knows_them(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "tune.mid"
    write_midi([Note(0.5 * index, 60 + index % 5, 0.5 * index + 0.4) for index in range(24)], path)
    wishes = ("--time-signature", "3/4", "--tempo", "120", "--key", "Eb major")
    found = json.loads(run("score", path, "-o", tmp_path, *wishes, "--json").out)["score"]
    assert (found["metre"], found["key"]) == ("3/4", "Eb major")
    assert found["tempo"] == pytest.approx(120, rel=0.05)
    assert_refused(run("score", path, "-o", tmp_path, "--key", "H"), "no key")
    assert_refused(run("score", path, "-o", tmp_path, "--time-signature", "7/9"), "no metre")

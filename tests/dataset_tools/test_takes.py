"""Other people's data sets: which videos, labels, players and splits are found in their layouts."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.takes import find_takes, read_note_table
from pianoroll import FileError, Note, SilentkeysError, write_midi

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PLAYED = [Note(0.5, 60, 1.0, 90), Note(1.0, 64, 1.5, 70)]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def midi(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_midi(PLAYED, path)


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared")
def test_clavision_and_its_pianists() -> None:
    takes = find_takes("clavision", DATA / "clavision", rights="research")
    assert len(takes) == 46
    assert {take.player for take in takes if take.split == "dev"}.isdisjoint(
        {take.player for take in takes if take.split == "train"}
    )
    assert all(take.keyboard is not None and take.ends == "key" and take.rights == "research" for take in takes)
    assert takes[0].clip == "p01/p0_1" or takes[0].clip.startswith("p01/")


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared")
def test_pianoyt_finds_videos_by_number_or_by_id(tmp_path: Path) -> None:
    table = (DATA / "pianoyt" / "pianoyt.csv").read_text().splitlines()[:3]
    (tmp_path / "pianoyt.csv").write_text("\n".join(table))
    midi(*(tmp_path / "midi" / f"audio_{number}.0.midi" for number in (100, 101, 102)))
    touch(tmp_path / "videos" / "100.mp4", tmp_path / "videos" / "u-fIxWQkQgQ.mkv", tmp_path / "videos" / "stray.mp4")
    (tmp_path / "got").mkdir()
    (tmp_path / "got" / "manifest.csv").write_text("id,url,file\nhWJiTUs1EbU,https://x,0001.mp4\n")
    first, downloaded, second = find_takes("pianoyt", tmp_path)
    assert (first.clip, downloaded.clip, second.clip) == ("100", "101", "102")
    assert downloaded.video == tmp_path / "got" / "0001.mp4"
    assert (first.split, first.ends, first.crop) == ("train", "sound", (45.0, 666.0, 1874.0, 999.0))
    assert first.source == "https://www.youtube.com/watch?v=bAS4XoMwsWw"
    assert second.video.name == "u-fIxWQkQgQ.mkv"
    (tmp_path / "pianoyt.csv").write_text(
        "\n".join([*table, "103,'https://www.youtube.com/watch?v=bAS4XoMwsWz',1,top,bottom,0,9"])
    )
    with pytest.raises(SilentkeysError, match=r"pianoyt\.csv, row 4: the crop “top bottom 0 9” is not"):
        find_takes("pianoyt", tmp_path)


def test_pianovam_takes_players_splits_and_corners_from_its_metadata(tmp_path: Path) -> None:
    entry = {"P1_name": "One", "split": "train", "record_time": "2024-01-01_10-00-00"}
    corners = {"Point_LT": "10, 20", "Point_RT": "1000, 22", "Point_RB": "1002, 120", "Point_LB": "8, 118"}
    other = {"P1_name": "one ", "P2_name": "Two", "split": "valid", "record_time": "2024-01-02_10-00-00"}
    (tmp_path / "metadata.json").write_text(json.dumps({"0": {**entry, **corners}, "1": other}))
    for time in (entry["record_time"], other["record_time"], "2024-01-03_10-00-00"):
        touch(tmp_path / "Video" / f"{time}.mp4", tmp_path / "TSV" / f"{time}.tsv")
        midi(tmp_path / "MIDI" / f"{time}.mid")
    first, second = find_takes("pianovam", tmp_path)
    assert (first.player, first.split, second.player, second.split) == ("one", "train", "one and two", "dev")
    assert first.labels == tmp_path / "MIDI" / "2024-01-01_10-00-00.mid"
    assert first.keyboard is not None
    assert first.keyboard.corners[2].tolist() == [1002, 120]
    assert second.keyboard is None
    (tmp_path / "metadata.json").write_text('[{"split": "train"}]')
    with pytest.raises(FileError, match=r"metadata\.json is no metadata of PianoVAM"):
        find_takes("pianovam", tmp_path)


def test_omaps2_has_its_splits_in_folders_whose_files_are_called_alike(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        touch(tmp_path / split / "video" / "001.mp4")
        midi(tmp_path / split / "midi" / "001.mid")
    takes = find_takes("omaps2", tmp_path)
    assert [(take.clip, take.split) for take in takes] == [
        ("test/video/001", "test"),
        ("train/video/001", "train"),
        ("valid/video/001", "dev"),
    ]
    assert all(take.labels.parts[-3] == take.video.parts[-3] for take in takes)


def test_pairs_are_found_beside_each_other_and_doubles_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a.MOV", tmp_path / "b" / "c.mp4", tmp_path / "lonely.mp4")
    midi(tmp_path / "a.midi", tmp_path / "b" / "c.mid")
    (tmp_path / "a.csv").write_text("onset,offset,pitch\n1,2,60\n")
    takes = find_takes("pairs", tmp_path)
    assert [(take.clip, take.labels.name) for take in takes] == [("a", "a.midi"), ("b/c", "c.mid")]
    assert takes[0].source == f"{tmp_path.name}/a.MOV"
    touch(tmp_path / "Waltz (live, no. 2).mp4")
    midi(tmp_path / "Waltz (live, no. 2).mid")
    assert [take.clip for take in find_takes("pairs", tmp_path)] == ["Waltz_live_no._2_", "a", "b/c"]
    midi(tmp_path / "x" / "lonely.mid", tmp_path / "y" / "lonely.mid")
    with pytest.raises(FileError, match="has two labels of its name"):
        find_takes("pairs", tmp_path)


@pytest.mark.parametrize("stored", ["lists", "arrays", "chunks"])
def test_audeos_frames_become_notes(tmp_path: Path, stored: str) -> None:
    down = np.zeros((60, 88))
    down[10:20, 39], down[15:, 87] = 1, 100
    labels = tmp_path / "labels" / "training"
    labels.mkdir(parents=True)
    if stored == "chunks":
        (labels / "one").mkdir()
        for first in (0, 50):
            np.savez(labels / "one" / f"{first}-{first + 49}.npz", midi=down[first : first + 50].T)
    else:
        values = {number: row.tolist() if stored == "lists" else row for number, row in enumerate(down)}
        (labels / "one.pkl").write_bytes(pickle.dumps(values, protocol=2 if stored == "lists" else 4))
    touch(tmp_path / "input_images" / "training" / "one" / "frame0.jpg")
    (take,) = find_takes("audeo", tmp_path)
    assert (take.clip, take.split, take.ends) == ("training/one", "train", "sound")
    assert [(note.onset, note.offset, note.pitch) for note in take.notes()] == [(0.4, 0.8, 60), (0.6, 2.4, 108)]


class _Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("ran",)


def test_a_pickle_of_labels_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    touch(tmp_path / "input_images" / "training" / "one" / "frame0.jpg")
    labels = tmp_path / "labels" / "training" / "one.pkl"
    labels.parent.mkdir(parents=True)
    labels.write_bytes(pickle.dumps({0: np.zeros(88), 1: _Harmful()}))
    (take,) = find_takes("audeo", tmp_path)
    with pytest.raises(FileError, match=r"one\.pkl names “builtins\.print”"):
        take.notes()
    assert capsys.readouterr().out == ""
    labels.write_bytes(pickle.dumps({0: [1, 2, 3]}))
    with pytest.raises(FileError, match="88 keys are needed"):
        take.notes()


@pytest.mark.parametrize(
    "text",
    [
        "onset,offset,pitch,velocity\n0.5,1.0,60,90\n1.0,1.5,64,70\n",
        "0.5\t1.0\t60\t90\n1.0\t1.5\t64\t70\n",
        "# made by hand\nvelocity;pitch;start;end\n90;60;0.5;1.0\n70;64;1.0;1.5\n",
        "Onset Key_Offset Frame_Offset Note Velocity\n0.5 1.0 2 60 90\n1.0 1.5 2 64 70\n",
    ],
    ids=["csv", "tsv", "own order", "key's own end"],
)
def test_tables_of_notes_are_read_by_name_or_in_order(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.txt").write_text(text)
    assert read_note_table(tmp_path / "notes.txt") == PLAYED


def test_wrong_tables_are_refused_with_their_row(tmp_path: Path) -> None:
    for text, sentence in (
        ("onset,pitch\n1,60\n", "row 1: no column says the offset"),
        ("onset,offset,pitch\n1,2,60\n1,x,60\n", "row 3: onset, offset and pitch must be numbers"),
        ("1 2 60\n2 1 60\n", "row 2: pitch must be 21 to 108 and the offset after the onset"),
        ("1 2 20\n", "row 1: pitch must be 21 to 108"),
    ):
        (tmp_path / "notes.csv").write_text(text)
        with pytest.raises(FileError, match=sentence):
            read_note_table(tmp_path / "notes.csv")


def test_what_holds_no_data_set_is_refused_in_words(tmp_path: Path) -> None:
    for kind, sentence in (
        ("maestro", "is no kind of data set; choose from manifest, clavision"),
        ("audeo", r"holds nothing of the kind “audeo”: input_images/training"),
        ("pairs", "videos and MIDI"),
        ("pianoyt", r"pianoyt\.csv"),
        ("pianovam", r"metadata\.json"),
        ("clavision", r"manifest\.csv does not exist"),
    ):
        with pytest.raises(FileError, match=sentence):
            find_takes(kind, tmp_path)
    with pytest.raises(FileError, match="is no folder"):
        find_takes("pairs", tmp_path / "missing")

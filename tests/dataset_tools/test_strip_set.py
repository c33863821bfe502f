"""Strips in a video, asked at random; the manifest of a set; splits."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.strip_set import Entry, check_splits, choose_split, label_roll, read_set, write_set
from dataset_tools.strip_video import GROUP, StripVideo, write_strips
from pianoroll import FileError, Note
from video2roll.rectify import STRIP_HEIGHT, STRIP_WIDTH, Keyboard

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def drawn(count: int) -> Iterator[np.ndarray]:
    """Strips that tell their number, brightest at the left, and hold all shades from black to white."""
    slope = np.linspace(255, 0, STRIP_WIDTH)[None].repeat(STRIP_HEIGHT, axis=0)
    for number in range(count):
        strip = slope.astype(np.uint8).copy()
        strip[40:60, number * 5 % 600 : number * 5 % 600 + 20] = 255 - number % 50
        yield strip


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("strips") / "a.mp4"
    assert write_strips(path, drawn(100), quality=0) == 100
    return path


def test_without_loss_strips_come_back_as_they_were_at_any_index(video: Path) -> None:
    strips, kept = np.stack(list(drawn(100))), StripVideo(video)
    assert kept.shape == strips.shape
    order = np.random.default_rng(0).permutation(100)
    for key in (0, -1, 57, order, order.reshape(4, 25), slice(20, 60, 7), order[:3].tolist()):
        np.testing.assert_array_equal(kept[key], strips[key])
    windows = order[:20].reshape(4, 5)
    np.testing.assert_array_equal(kept[windows, :, 10:50], strips[windows, :, 10:50])
    np.testing.assert_array_equal(kept[3, 20:30], strips[3, 20:30])
    np.testing.assert_array_equal(np.asarray(kept[slice(None)]), strips)
    for wrong in (100, [5, 100], -101):
        with pytest.raises(IndexError):
            kept[wrong]


def test_the_usual_quality_changes_little_and_takes_little_room(tmp_path: Path, video: Path) -> None:
    noise = np.random.default_rng(0)
    strips = np.stack(
        [np.clip(strip + noise.normal(0, 1, strip.shape), 0, 255).astype(np.uint8) for strip in drawn(30)]
    )
    write_strips(tmp_path / "usual.mp4", strips)
    change = StripVideo(tmp_path / "usual.mp4")[:].astype(int) - strips
    assert abs(change.mean()) < 0.2
    assert np.abs(change).mean() < 2
    assert (tmp_path / "usual.mp4").stat().st_size < strips.nbytes / 8


def test_random_access_needs_no_more_memory_than_a_few_groups(tmp_path: Path) -> None:
    count = 1200
    write_strips(tmp_path / "long.mp4", drawn(count), quality=30, preset="ultrafast")
    kept = StripVideo(tmp_path / "long.mp4")
    from dataset_tools import strip_video

    strip_video._decoded.cache_clear()
    tracemalloc.start()
    for frame in np.random.default_rng(0).integers(0, count, 60):
        assert kept[int(frame)][50, int(frame) * 5 % 600 + 10] == pytest.approx(255 - frame % 50, abs=12)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    group = GROUP * STRIP_HEIGHT * STRIP_WIDTH
    assert peak < (strip_video.KEPT + 3) * group + 5e6
    assert strip_video.KEPT * group < 110e6


def test_what_holds_no_strips_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(FileError, match="holds no strips"):
        StripVideo(tmp_path / "a.mp4")


def entry(clip: str, **values: object) -> Entry:
    return replace(Entry(clip, "train", 0.5, 9.25, source=f"{clip}.mp4"), **values)  # type: ignore[arg-type]


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    keyboard = Keyboard(np.array([[3.25, 10], [600, 12], [605, 90], [0, 88.5]]), 28, 103)
    entries = [
        entry("b/two", ends="sound", suspect="1.0-2.5 7.0-8.0", lag="0.12", note="a, “b”"),
        entry("a", keyboard=keyboard, fps=29.97, frames=270, player="x", piano="y", offset=-0.125, rights="CC0"),
    ]
    write_set(tmp_path, entries)
    first, second = read_set(tmp_path)
    assert [first.clip, second.clip] == ["a", "b/two"]
    assert replace(first, keyboard=None) == replace(entries[1], keyboard=None)
    np.testing.assert_array_equal(first.keyboard.corners, keyboard.corners)  # type: ignore[union-attr]
    assert second == entries[0]
    assert second.suspect_spans == [(1.0, 2.5), (7.0, 8.0)]
    assert second.strips == tmp_path / "strips" / "b" / "two.mp4"
    assert read_set(tmp_path, split="dev") == []


def test_wrong_manifests_are_refused_with_their_row(tmp_path: Path) -> None:
    write_set(tmp_path, [entry("a"), entry("b")])
    text = (tmp_path / "manifest.csv").read_text()
    for wrong, sentence in (
        (text.replace("ends,", "stops,"), "row 1: the column “ends” is missing"),
        (text.replace("b,b.mp4,,,,,train", "b,b.mp4,,,,,tra1n"), "row 3: “split” is “tra1n”; it must be train or dev"),
        (text.replace("b,b.mp4", "../b,b.mp4"), "row 3: “clip” is “../b”, which names no file in the set"),
        (text.replace("9.25", "late", 1), "row 2: “end” is “late”, which is no number"),
    ):
        (tmp_path / "manifest.csv").write_text(wrong)
        with pytest.raises(FileError, match=sentence):
            read_set(tmp_path)


def test_no_video_player_or_piano_stands_in_two_splits(tmp_path: Path) -> None:
    fine = [entry("a", player="x", piano="p"), entry("b", player="y", piano="p", split="dev"), entry("c", piano="q")]
    check_splits(fine)
    for extra, sentence in (
        (entry("d", split="dev", source="a.mp4"), "video a.mp4 is in two splits"),
        (entry("d", split="dev", player="x"), "player x is in two splits"),
        (entry("d", split="dev", piano="q"), "piano q is in two splits"),
    ):
        with pytest.raises(FileError, match=sentence):
            write_set(tmp_path, [*fine, extra])
    assert not (tmp_path / "manifest.csv").exists()


def test_a_group_always_gets_the_same_split_and_one_in_ten_judges() -> None:
    splits = [choose_split(f"player {number}") for number in range(1000)]
    assert splits == [choose_split(f"player {number}") for number in range(1000)]
    assert 60 < splits.count("dev") < 140


def test_labels_become_a_roll() -> None:
    times = np.arange(50) / 25
    roll = label_roll([Note(0.49, 60, 1.0, 127), Note(1.9, 21, 5.0, 64)], times)
    assert roll.frame[:, 39].nonzero()[0].tolist() == list(range(13, 25))
    assert roll.onset[:, 39].nonzero()[0].tolist() == [12]
    assert roll.velocity is not None
    assert roll.velocity[12, 39] == 1
    assert roll.frame[-1, 0] == 1
    assert roll.frame.sum() == 12 + 2

"""Folders, patterns and lists say which videos are meant, and where the results of each go."""

import os
from pathlib import Path

import pytest

from app.sources import find_videos, result_names
from pianoroll import FileError


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A tree of (empty) videos, and of all that is none."""
    for name in (
        *("b.mp4", "a.MOV", "bach/one.mkv", "bach/late/two.webm", "chopin [live]/one.mkv"),
        *("notes.txt", ".hidden.mp4", ".cache/three.mp4", "bach/cover.jpg", "folder.mp4/inside.avi"),
    ):
        path = tmp_path / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "films"


def below(folder: Path, videos: list[Path]) -> list[str]:
    return [str(video.relative_to(folder)) for video in videos]


ALL = ["a.MOV", "b.mp4", "bach/one.mkv", "bach/late/two.webm", "chopin [live]/one.mkv", "folder.mp4/inside.avi"]


def test_a_folder_is_all_videos_below_it(films: Path) -> None:
    found = find_videos(films)
    assert below(films, found.videos) == ALL
    assert found.root == films
    assert list(result_names(found, {}).values()) == [str(Path(name).with_suffix("")) for name in ALL]


def test_results_within_the_folder_are_not_read(films: Path) -> None:
    out = films / "bach" / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sub" / "one.result.mp4").touch()
    assert below(films, find_videos(films, out=out).videos) == ALL
    assert "bach/out/sub/one.result.mp4" in below(films, find_videos(films, out=films).videos)  # not the whole of it


def test_links_in_circles_are_gone_through_once(films: Path) -> None:
    (films / "bach" / "all").symlink_to(films)
    (films / "bach" / "self").symlink_to(films / "bach")
    (films / "lost.mp4").symlink_to(films / "nowhere.mp4")  # told of, not passed over
    (films / "other").symlink_to(films.parent / "more")
    (films.parent / "more").mkdir()
    (films.parent / "more" / "four.mp4").touch()
    assert below(films, find_videos(films).videos) == [*ALL[:2], "lost.mp4", *ALL[2:], "other/four.mp4"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["a.MOV", "b.mp4"]),
        ("**/*.mkv", ["bach/one.mkv", "chopin [live]/one.mkv"]),
        ("**", ALL),
        ("*/one.*", ["bach/one.mkv", "chopin [live]/one.mkv"]),
        ("bach/**/t?o.webm", ["bach/late/two.webm"]),
        ("chopin [live]", ["chopin [live]/one.mkv"]),  # a name before a pattern
        ("chopin [live]/*.mkv", []),
    ],
)
def test_patterns(films: Path, pattern: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(films.parent)
    if not expected:
        with pytest.raises(FileError, match="No video fits"):
            find_videos(f"films/{pattern}")
        return
    assert below(films, find_videos(f"films/{pattern}").videos) == expected


def test_a_pattern_that_does_not_go_deep_leaves_the_deep_alone(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = []
    walk = os.walk

    def watched(*words: object, **how: object) -> object:
        for place, folders, files in walk(*words, **how):  # type: ignore[call-overload]
            entered.append(Path(place).name)
            yield place, folders, files

    monkeypatch.setattr(os, "walk", watched)
    find_videos(films / "*.mp4")
    assert entered == ["films"]


def test_a_list_names_its_wrong_row(films: Path) -> None:
    listed = films.parent / "list.txt"
    listed.write_text(
        "\ufeff# what to do\nfilms/b.mp4\n\n  films/bach  \nfilms/b.mp4\nfilms/*/one.mkv\n", encoding="utf-8"
    )
    found = find_videos([], listed=listed)
    expected = ["b.mp4", "bach/one.mkv", "bach/late/two.webm", "chopin [live]/one.mkv"]
    assert below(films, found.videos) == expected  # each once
    assert found.root == films
    listed.write_text("films/b.mp4\nfilms/c.mp4\n")
    with pytest.raises(FileError, match=r"list\.txt, row 2: films/c\.mp4 is no folder, no file"):
        find_videos([], listed=listed)
    listed.write_text("films/b.mp4\n\n\x00\n")
    with pytest.raises(FileError, match=r"list\.txt, row 3"):
        find_videos([], listed=listed)
    listed.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="no text in UTF-8"):
        find_videos([], listed=listed)
    with pytest.raises(FileError, match="No such file"):
        find_videos([], listed=films / "none.txt")


def test_several_sources_lie_below_what_they_share(films: Path) -> None:
    found = find_videos([films / "chopin [live]" / "one.mkv", films / "bach", films / "bach" / "one.mkv"])
    names = {str(video.relative_to(films)): name for video, name in result_names(found, {}).items()}
    assert names == {
        "chopin [live]/one.mkv": "chopin [live]/one",
        "bach/one.mkv": "bach/one",
        "bach/late/two.webm": "bach/late/two",
    }


def test_no_two_videos_share_a_name(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "A.avi", "sub/a.mp4", "summary.mp4", "sub/summary.mp4", "b.mp4", "b.mp4.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_videos(tmp_path)
    names = {str(video.relative_to(tmp_path)): name for video, name in result_names(found, {}).items()}
    assert names == {
        **{name: name for name in ("a.mp4", "a.mkv", "A.avi", "summary.mp4")},
        **{"sub/a.mp4": "sub/a", "sub/summary.mp4": "sub/summary", "b.mp4": "b", "b.mp4.mkv": "b.mp4"},
    }
    kept = {tmp_path / "a.mkv": "a", tmp_path / "gone.mp4": "b"}
    again = {str(video.relative_to(tmp_path)): name for video, name in result_names(found, kept).items()}
    assert again["a.mkv"] == "a"
    assert again["b.mp4"] == "b.mp4"
    assert again["b.mp4.mkv"] == "b.mp4.mkv"


def test_nothing_to_do_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no video"):
        find_videos(tmp_path)
    with pytest.raises(FileError, match="is no folder"):
        find_videos(tmp_path / "none")
    with pytest.raises(FileError, match="No video is named"):
        find_videos([])

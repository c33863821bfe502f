"""Visitors' folders: apart from each other, kept while they are used, removed afterwards, and never too much of all."""

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app import sessions
from app.sessions import FullError, Room, open_room


@dataclass
class Watch:
    """A clock that stands until it is set."""

    now: float = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def room(tmp_path: Path, watch: Watch) -> Room:
    return Room(tmp_path, most=10_000, spare=0, clock=watch)


def test_each_visitor_has_a_folder_that_nobody_else_may_look_into(room: Room) -> None:
    one, other = room.enter(), room.enter()
    assert one != other
    assert one.parent == other.parent == room.root
    assert stat.S_IMODE(one.stat().st_mode) == 0o700


def test_what_is_used_stays_and_what_is_not_goes_after_an_hour(room: Room, watch: Watch) -> None:
    used, left = room.enter(), room.enter()
    (left / "out").mkdir()
    (left / "out" / "video.mp4").write_bytes(b"x")
    watch.now += 3000
    assert room.touch(used)
    watch.now += 601
    room.sweep()
    assert used.is_dir()
    assert not left.exists()
    assert not room.touch(left)
    watch.now += 3000
    room.sweep()
    assert not used.exists()


def test_a_visit_that_ends_leaves_nothing_and_others_alone(room: Room, tmp_path: Path) -> None:
    one, other = room.enter(), room.enter()
    (one / "video.mp4").write_bytes(b"x")
    room.leave(one)
    assert not one.exists()
    assert other.is_dir()
    elsewhere = tmp_path / "visit-x" / "precious"
    elsewhere.mkdir(parents=True)
    room.leave(elsewhere)
    assert elsewhere.is_dir()


def test_only_visitors_folders_are_swept(room: Room, watch: Watch) -> None:
    (room.root / "mine").mkdir()
    (room.root / "away").mkdir()
    (room.root / "visit-link").symlink_to(room.root / "away")
    half = room.root / "visit-half"  # its mark was never made
    half.mkdir()
    os.utime(half, (watch.now - 4000, watch.now - 4000))
    fresh = room.root / "visit-fresh"
    fresh.mkdir()
    os.utime(fresh, (watch.now - 10, watch.now - 10))
    watch.now += 10
    room.sweep()
    assert sorted(path.name for path in room.root.iterdir()) == ["away", "mine", "visit-fresh", "visit-link"]


def test_what_does_not_fit_is_refused_until_old_work_is_gone(room: Room, watch: Watch) -> None:
    (room.enter() / "video.mp4").write_bytes(b"x" * 8000)
    assert room.taken() == 8000
    room.check(2000)
    with pytest.raises(FullError, match="no room for another video"):
        room.check(2001)
    watch.now += 3601
    room.check(2001)
    assert room.taken() == 0


def test_some_of_the_disk_is_left_to_others(room: Room) -> None:
    with pytest.raises(FullError, match="no room"):
        replace(room, spare=1 << 60).check()


def test_a_root_that_others_may_look_into_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "ROUND", 3600.0)
    room = open_room(tmp_path / "room")
    assert stat.S_IMODE(room.root.stat().st_mode) == 0o700
    assert open_room(tmp_path / "room").root == room.root  # a second server shares it
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(room.root)
    for root in (tmp_path / "open", tmp_path / "link"):
        with pytest.raises(FullError, match="open to others"):
            open_room(root)


def test_an_open_room_is_swept_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = Room(tmp_path / "room")
    left.root.mkdir(mode=0o700)
    folder = left.enter()
    os.utime(folder / ".used", (0, 0))
    open_room(left.root)
    for _ in range(200):
        if not folder.exists():
            break
        sessions.sleep(0.01)
    assert not folder.exists()

"""Hostile names, headers and files: each is refused in a sentence, or made harmless, before anything is decoded."""

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from app import intake
from app.intake import IntakeError, as_text, check_size, check_video, in_their_words, stored_name, title_of
from video2roll import video as decoding
from video2roll.video import VideoError, measure, probe, read_frames

MakeVideo = Callable[..., Path]
NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\windows\\win.ini": "win.ini",
    "/": "video",
    "..": "video",
    "": "video",
    "a\0b.mp4": "a b",
    "\u202egnp.mp4": "gnp",  # turns the direction of what follows
    "a\nb\r\n\r\n<html>.mp4": "a b html",
    "<script>alert(1)<∕script>.mp4": "script alert(1) script",
    ".bashrc": "bashrc",
    "~root.mp4": "root",
    "$(reboot).mp4": "(reboot)",
    "Für Elise – op. 59.MP4": "Für Elise – op. 59",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_gives_a_title_and_never_a_path(name: str, tmp_path: Path) -> None:
    assert title_of(name) == NAMES[name]
    assert stored_name(name) == "video.mp4"
    (tmp_path / f"{title_of(name)}.mid").touch()  # as a download is saved
    assert len(list(tmp_path.iterdir())) == 1


def test_long_names_are_cut_and_known_endings_kept() -> None:
    assert len(title_of("ä" * 5000 + ".mp4")) == intake.LONGEST_NAME
    assert stored_name("x.MKV") == "video.mkv"
    assert stored_name("x.mkv/../y.exe") == "video.mp4"


def test_words_of_strangers_are_no_markdown() -> None:
    for words in ("<img src=x onerror=alert(1)>", "![](http://here/x.png)", "[a](javascript:b)", ":red[x] $y$", "`z`"):
        shown = as_text(words)
        bare = [letter for n, letter in enumerate(shown) if letter in "<>![]()$`:" and shown[n - 1] != "\\"]
        assert not bare
        assert shown.replace("\\", "").replace("\u2060", "") == words
    assert "\n" not in as_text("one\n# two")


def test_addresses_in_words_are_no_links() -> None:
    """Those that Markdown makes links of by themselves, escaped or not."""
    for words in ("see www.example.org", "see HTTPS://example.org", "http://example.org", "me@example.org"):
        shown = as_text(words).replace("\\", "")
        assert not re.search(r"www\.|https?:|\w@", shown, re.IGNORECASE)
        assert shown.replace("\u2060", "") == words


def test_a_size_is_refused_in_words() -> None:
    check_size(intake.MOST_MEGABYTES << 20, "waltz")
    with pytest.raises(IntakeError, match="“waltz” is larger than 500 MB"):
        check_size((intake.MOST_MEGABYTES << 20) + 1, "waltz")


@pytest.mark.parametrize(
    "content",
    [
        b"This is a text.\n" * 100,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nreal.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile real.mp4\n",
        b"\0" * 5000,
        struct.pack(">I4sQ", 1, b"ftyp", 2**63),
        b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + struct.pack(">I4sQ", 1, b"moov", 2**62) + b"\0" * 5000,
        b"\x1a\x45\xdf\xa3" + b"\xff" * 5000,
        b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrl",
    ],
    ids=["text", "playlist", "concat", "zeros", "ftyp", "moov", "matroska", "avi"],
)
@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".ts"])
def test_what_is_no_video_is_said_to_be_none(
    content: bytes, ending: str, tmp_path: Path, make_video: MakeVideo
) -> None:
    make_video("real.mp4")  # which a playlist would open
    (tmp_path / f"claim{ending}").write_bytes(content)
    with pytest.raises(VideoError) as error:
        check_video(tmp_path / f"claim{ending}", "claim")
    told = in_their_words(error.value, tmp_path / f"claim{ending}", "claim")
    assert "“claim”" in told
    assert str(tmp_path) not in told


def test_a_playlist_would_open_other_files_were_it_not_for_the_readers_that_are_allowed(
    tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video("real.mp4")
    (tmp_path / "claim.mp4").write_text("ffconcat version 1.0\nfile real.mp4\n")
    monkeypatch.setattr(decoding, "FORMATS", f"{decoding.FORMATS},concat")
    assert probe(tmp_path / "claim.mp4").width == 64


def patched(video: Path, box: bytes, offset: int, value: bytes) -> Path:
    """The video with other bytes in the first box of that name, counted from its name."""
    content = bytearray(video.read_bytes())
    place = content.index(box) + offset
    content[place : place + len(value)] = value
    video.write_bytes(content)
    return video


def test_a_header_that_claims_hours_is_refused(make_video: MakeVideo) -> None:
    claimed = patched(make_video(), b"stts", 16, struct.pack(">I", 0x7FFFFFF))  # how long each picture stands
    with pytest.raises(IntakeError, match="“waltz” is longer than 60 minutes"):
        check_video(claimed, "waltz")


def test_a_header_that_claims_few_seconds_does_not_hide_hours(make_video: MakeVideo) -> None:
    stamps = [0, 40, 80, 2 * 3600 * 1000]
    video = patched(make_video(frames=4, stamps=stamps), b"mdhd", 20, struct.pack(">I", 100))
    assert (probe(video).duration or 0) < 10
    with pytest.raises(IntakeError, match="longer than 60 minutes"):
        check_video(video, "waltz")


def write_jpegs(path: Path) -> Path:
    """A video of one JPEG picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for packet in (*stream.encode(av.VideoFrame(64, 48, "yuvj420p")), *stream.encode(None)):
            container.mux(packet)
    return path


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi"])
def test_a_claim_of_huge_pictures_makes_none(ending: str, tmp_path: Path) -> None:
    """The header alone lies: then the true picture comes, or none. The picture lies too: it is refused."""
    path = write_jpegs(tmp_path / f"wide{ending}")
    claims = {  # as each container writes 64 × 48, and as much as there is room for
        ".mp4": (struct.pack(">HH", 64, 48), struct.pack(">HH", 65500, 65500)),
        ".mkv": (b"\xb0\x81\x40\xba\x81\x30", b"\xb0\x81\xff\xba\x81\xff"),
        ".avi": (struct.pack("<II", 64, 48), struct.pack("<II", 100000, 100000)),
    }
    content = path.read_bytes()
    assert claims[ending][0] in content
    content = content.replace(*claims[ending])
    path.write_bytes(content)
    try:
        check_video(path, "wide")
        assert next(iter(read_frames(path))).image.size == 64 * 48 * 3
    except (IntakeError, VideoError):
        pass
    picture = b"\xff\xc0\x00\x11\x08"
    assert picture in content
    for side in (5000, 65500):
        path.write_bytes(
            content.replace(picture + struct.pack(">HH", 48, 64), picture + struct.pack(">HH", side, side))
        )
        with pytest.raises((IntakeError, VideoError)):
            check_video(path, "wide")


def test_large_pictures_and_many_pictures_are_refused(make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    video = make_video(frames=50)
    check_video(video, "waltz")
    assert measure(video, most=1000) == (50, pytest.approx(49 / 25))
    assert measure(video, most=10)[0] == 11  # and no more is read
    monkeypatch.setattr(intake, "MOST_FRAMES", 49)
    with pytest.raises(IntakeError, match="more than 49 pictures"):
        check_video(video, "waltz")
    monkeypatch.setattr(intake, "MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(IntakeError, match="64 × 48 pixels"):
        check_video(video, "waltz")


def test_a_picture_larger_than_its_header_says_is_not_made(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_video(size=(640, 480))
    monkeypatch.setattr(decoding, "MOST_PIXELS", 320 * 240)
    with pytest.raises(VideoError):
        next(iter(read_frames(video)))


def test_a_sample_table_without_end_is_no_work_without_end(make_video: MakeVideo) -> None:
    """A video that claims four milliard samples of one byte each."""
    claimed = patched(make_video(), b"stsz", 8, struct.pack(">II", 1, 0xFFFFFFF0))
    assert measure(claimed, most=1000)[0] <= 1001


def test_a_missing_file_is_called_as_its_owner_calls_it() -> None:
    path = Path(os.sep) / "nowhere" / "video.mp4"
    with pytest.raises(VideoError) as error:
        check_video(path, "waltz")
    assert in_their_words(error.value, path, "waltz").startswith("“waltz” does not exist")

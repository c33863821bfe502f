"""The networks come from a package or not at all; the palm detector's answers are read as they should be."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from video2roll import hand_model
from video2roll.hand_model import HandModel, HandModelError, anchors, available, cache_folder, decode_palms, overlaps


def test_the_anchors_lie_in_the_middle_of_their_cells() -> None:
    places = anchors() * 192
    assert places.shape == (2016, 2)
    np.testing.assert_allclose(places[[0, 1, 2]], [[4, 4], [4, 4], [12, 4]])
    np.testing.assert_allclose(places[[1152, 1157, 1158, 2015]], [[8, 8], [8, 8], [24, 8], [184, 184]])


def test_neighbouring_anchors_see_one_palm_and_far_ones_another() -> None:
    raw, logits = np.zeros((2016, 18), np.float32), np.full(2016, -100.0, np.float32)
    raw[:, 2:4] = 40  # pixels
    for anchor, pull, logit in ((600, 0, 3.0), (602, -8, 2.0), (100, 0, 1.0)):
        raw[anchor, 0], logits[anchor] = pull, logit  # 602 lies a cell farther and points back to 600
    palms = decode_palms(raw, logits)
    np.testing.assert_allclose(palms.score, 1 / (1 + np.exp([-3.0, -1.0])), rtol=1e-6)
    middles = (palms.boxes[:, :2] + palms.boxes[:, 2:]) / 2
    np.testing.assert_allclose(middles, anchors()[[600, 100]], atol=1e-6)
    np.testing.assert_allclose((palms.boxes[:, 2:] - palms.boxes[:, :2]) * 192, 40, atol=1e-4)


def test_an_empty_picture_has_no_palms() -> None:
    palms = decode_palms(np.zeros((2016, 18), np.float32), np.full(2016, -100.0, np.float32))
    assert palms.points.shape == (0, 7, 2)
    assert palms.boxes.shape == (0, 4)


def test_overlap_of_boxes() -> None:
    shared = overlaps(np.array([0.0, 0, 2, 2]), np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]]))
    np.testing.assert_allclose(shared, [1, 1 / 3, 0])


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "silentkeys"
    assert not available()
    with pytest.raises(HandModelError, match="not on this computer"):
        HandModel()


def make_wheel(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mediapipe/modules/palm_detection/palm_detection_full.tflite", content)
        package.writestr("mediapipe/modules/hand_landmark/hand_landmark_full.tflite", content)
    return path


def test_the_two_files_are_taken_out_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = b"network"
    digest = hashlib.sha256(content).hexdigest()
    known = {name: (folder, digest) for name, (folder, _) in hand_model._CONTENT.items()}
    monkeypatch.setattr(hand_model, "_CONTENT", known)
    monkeypatch.setattr(hand_model, "_download", lambda into: make_wheel(into / "package.whl", content))
    folder = tmp_path / "cache"
    assert hand_model.fetch(folder) == folder
    assert sorted(file.name for file in folder.iterdir()) == sorted(known)
    monkeypatch.setattr(hand_model, "_download", lambda into: pytest.fail("fetched twice"))
    hand_model.fetch(folder)


def test_other_files_than_the_known_ones_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hand_model, "_download", lambda into: make_wheel(into / "package.whl", b"something else"))
    with pytest.raises(HandModelError, match="not the file it should be"):
        hand_model.fetch(tmp_path / "cache")
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").iterdir())


def test_without_a_network_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert hand_model.main() == 0
    told = capsys.readouterr().err
    assert "could not be fetched" in told
    assert told.count("\n") == 1

"""The doctor finds what is there, and names what is not with the command that gets it."""

import json
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from app import doctor
from midi_synth import soundfonts
from video2roll import hand_model

ROOT = Path(doctor.__file__).resolve().parents[1]


def test_a_healthy_system_and_one_without_sound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    findings = {finding.name: finding for finding in doctor.examine()}
    if not findings["FluidSynth"].there:
        pytest.skip("no FluidSynth library on this computer")
    assert doctor.all_needed(list(findings.values()))
    assert "AV1" in findings["video decoders"].found
    assert "verovio" in findings["engraving"].found
    assert "Missing, and needed" not in doctor.as_text(list(findings.values()))

    monkeypatch.setitem(sys.modules, "fluidsynth", None)  # cannot be imported
    monkeypatch.setattr(soundfonts, "FOLDERS", ())
    monkeypatch.setattr(hand_model, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(doctor, "_requirements", lambda: {"numpy": ">=99", "no-such-package": ">=1", "scipy": ">=1"})
    monkeypatch.setitem(doctor.CODECS, "Fable", ("fable",))
    full = namedtuple("Usage", "total used free")(1 << 40, 1 << 40, 1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    ill = doctor.examine()
    wrong = {finding.name for finding in ill if not finding.there and finding.needed}
    assert wrong == {"numpy", "no-such-package", "packages", "video decoders", "FluidSynth", "room for what passes"}
    unneeded = {finding.name for finding in ill if not finding.there and not finding.needed}
    assert {"a full soundfont", "hand networks", "room in the cache"} <= unneeded
    assert not doctor.all_needed(ill)
    text = doctor.as_text(ill)
    needed, _, rest = text.partition("Not there, and not needed")
    assert "libfluidsynth" in needed or sys.platform != "linux"
    assert 'pip install "numpy>=99"' in needed
    assert "not Fable" in needed
    assert "-m video2roll.hand_model" in rest
    assert json.loads(json.dumps(doctor.as_dict(ill)))["ok"] is False


def test_it_runs_where_nothing_is_installed() -> None:
    bare = [sys.executable, "-S", "-m", "app.doctor"]  # without any package
    done = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            assert f'pip install "{line}"' in done.stdout


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("no such bus")

    for name in [name for name in vars(doctor) if name in ("_packages", "_engraving", "_openvino")]:
        monkeypatch.setattr(doctor, name, lambda: iter(()))
    broken.__name__ = "_networks"
    monkeypatch.setattr(doctor, "_networks", broken)
    (finding,) = [finding for finding in doctor.examine() if finding.name == "networks"]
    assert (finding.there, finding.found) == (False, "OSError: no such bus")

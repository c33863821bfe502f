"""The container is built from what is there, and its words are the program's."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def dockerfile() -> list[str]:
    """Its instructions, each on one line."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_all_that_is_installed_reaches_the_image() -> None:
    left_out = {line for line in (ROOT / ".dockerignore").read_text().split("\n") if line and line[0] != "#"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = [*project["tool"]["setuptools"]["packages"], "requirements.txt", "README.md", "LICENSE", "pyproject.toml"]
    assert not left_out & {*needed, ".ci", "*", "**"}
    assert {".git", ".venv", "tests"} <= left_out
    for line in dockerfile():
        if line.startswith("COPY"):
            assert all((ROOT / source).exists() for source in line.split()[1:-1])
    (install,) = [line for line in dockerfile() if ".ci/install.sh" in line]
    assert dockerfile().index(install) < dockerfile().index("USER pianist")  # not run as root


def test_the_page_is_told_where_it_is_asked() -> None:
    yaml = pytest.importorskip("yaml")
    entry, words = (json.loads(line.split(maxsplit=1)[1]) for line in dockerfile()[-2:])
    assert entry == ["silentkeys"]
    shown = subprocess.run([sys.executable, "-m", "app.cli", words[0], "--help"], capture_output=True, text=True)
    assert all(word in shown.stdout for word in words if word.startswith("--"))
    port = words[words.index("--port") + 1]
    assert words[words.index("--address") + 1] == "0.0.0.0"
    assert f"EXPOSE {port}" in dockerfile()
    assert f"127.0.0.1:{port}/_stcore/health" in next(line for line in dockerfile() if line.startswith("HEALTHCHECK"))
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["page"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert {service["build"] for service in services.values()} == {"."}
    command = services["batch"]["command"]
    assert command[0] == "batch"
    assert command[1] in services["batch"]["volumes"][0]

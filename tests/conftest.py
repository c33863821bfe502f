"""Small real files for tests: videos of moving shades of gray, made with the same library that reads them."""

import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

MakeVideo = Callable[..., Path]


def write_video(
    path: Path,
    *,
    frames: int = 25,
    size: tuple[int, int] = (64, 48),
    fps: int = 25,
    stamps: Sequence[int] | None = None,
    header_first: bool = False,
) -> Path:
    """A video whose frame ``n`` is a plain gray of 8 * n (mod 256). ``stamps``: times in milliseconds, if not even."""
    width, height = size
    with av.open(str(path), "w", options={"movflags": "faststart"} if header_first else {}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p" if width % 2 == 0 and height % 2 == 0 else "yuv444p"
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(frames):
            image = np.full((height, width, 3), 8 * index % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = (
                (index, Fraction(1, fps)) if stamps is None else (stamps[index], Fraction(1, 1000))
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A file with a sound track and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        samples = np.zeros((1, 44100), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.rate, frame.pts = 44100, 0
        for piece in (frame, None):
            container.mux(stream.encode(piece))
    return path


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """Make a small video by name in the test's own folder."""
    return lambda name="video.mp4", **how: write_video(tmp_path / name, **how)


@pytest.fixture
def sound_only(tmp_path: Path) -> Path:
    """An MP4 that holds sound alone."""
    return write_sound(tmp_path / "sound.mp4")


@pytest.fixture
def synthetic() -> Callable[[torch.nn.Module], dict[str, torch.Tensor]]:
    """Makes a state dict in which every entry is filled from its own name, as Audeo's test vectors were."""

    def fill(network: torch.nn.Module) -> dict[str, torch.Tensor]:
        state = {}
        for key, values in network.state_dict().items():
            r = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(tuple(values.shape)).astype(np.float32)
            if key.endswith("num_batches_tracked"):
                filled = np.zeros_like(r)
            elif key.endswith("running_var"):
                filled = 1 + 0.1 * np.abs(r)
            elif r.ndim >= 2:
                filled = r / np.sqrt(np.prod(r.shape[1:])).astype(np.float32)
            else:
                filled = 1 + 0.1 * r if key.endswith("weight") else 0.1 * r
            state[key] = torch.from_numpy(np.asarray(filled)).to(values.dtype)
        return state

    return fill


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this computer")
    with playwright.sync_playwright() as driver:
        # no sandbox: containers forbid it, and only our own pages are opened
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()

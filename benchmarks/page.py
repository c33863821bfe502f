"""How fast the page is, and what many visitors at once do to it: ``python benchmarks/page.py``.

Starts the page as ``silentkeys app`` does, and drives Chromium without a window (needs the package playwright):
seconds from its start until it can be used; from the upload of a minute of 720p video to the first page of its score,
beside the clip's length. ``--soak MINUTES``: then ``--visitors`` come again and again, each with a clip of a name and
length of its own. Some leave while their video is read. It prints how much memory the page took after each minute, what
of their files is left in the end, and how many downloads were another's.
"""

import argparse
import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.request import urlopen

import av

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "furelise.mp4"
PATIENCE = 1_200_000  # milliseconds: with many visitors the line is long
SETTLED = 3  # minutes after which all that is loaded once has been
GONE = 150  # seconds after which a session that was left is over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--soak", type=float, default=0, metavar="MINUTES")
    parser.add_argument("--visitors", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="silentkeys-") as folder:
        asyncio.run(drive(Path(folder), options.soak, options.visitors))


@contextmanager
def page(folder: Path) -> Iterator[tuple[str, int, float]]:
    """The page's address, its process, and when it was started. Visitors' files lie below ``folder``."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "app.cli", "app", "--port", str(port), "--no-browser"]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with open(folder / "said.txt", "w") as log:
        server = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield f"http://localhost:{port}", server.pid, perf_counter()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(20)


async def drive(folder: Path, minutes: float, visitors: int) -> None:
    """Measure all that was asked for. The browser is open before the page is started, as its user's is."""
    from playwright.async_api import async_playwright

    path = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        with page(folder) as (address, server, began):
            ready = await time_start(browser, address, began)
            print(f"from start to usable: {ready:.1f} s")
            clip = make_clip(folder / "minute.mp4", 60)
            for turn in ("first", "second"):
                seconds = await time_upload(browser, address, clip)
                told = f"{seconds:.1f} s, {seconds / 60:.2f}×"
                print(f"upload of 60 s of 720p to the first page of its score, {turn}: {told}")
            if minutes:
                await soak(browser, folder, address, server, minutes, visitors)
        await browser.close()


async def time_start(browser: Any, address: str, began: float) -> float:
    """Seconds from ``began`` until a video may be chosen. The browser is led there once the page listens."""
    context = await browser.new_context()
    window = await context.new_page()
    while True:
        with suppress(OSError):
            urlopen(f"{address}/_stcore/health", timeout=1).close()
            break
        await asyncio.sleep(0.02)
    await window.goto(address)
    await window.locator("input[type=file]").wait_for(state="attached")
    await context.close()
    return perf_counter() - began


async def time_upload(browser: Any, address: str, clip: Path) -> float:
    """Seconds from the upload to the first page of the score, which is asked for as soon as the keyboard is found."""
    context, window = await come(browser, address)
    began = perf_counter()
    await give(window, clip)
    await transcribe(window, clip.stem)
    taken = perf_counter() - began
    await context.close()
    return taken


# ---- what a visitor does ---------------------------------------------------------------------------------------------


async def come(browser: Any, address: str) -> tuple[Any, Any]:
    context = await browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    window = await context.new_page()
    window.set_default_timeout(PATIENCE)
    await window.goto(address)
    return context, window


async def give(window: Any, clip: Path) -> None:
    await window.locator("input[type=file]").set_input_files(clip)
    await window.get_by_text("Found: A0 to C8").wait_for()


async def transcribe(window: Any, name: str) -> None:
    """Press the button, and wait for the first page of the score."""
    await window.get_by_role("button", name="Transcribe").click()
    problem = window.get_by_test_id("stAlertContentError")
    await window.get_by_role("heading", name=name).or_(problem).first.wait_for()
    if await problem.count():
        raise RuntimeError(await problem.first.inner_text())
    await window.get_by_role("tabpanel").locator("img").first.wait_for()


async def download_notes(window: Any, name: str) -> bytes:
    await window.get_by_role("tab", name="Downloads").click()
    async with window.expect_download() as waiting:
        await window.get_by_role("button", name=f"{name}.mid", exact=True).click()
    download = await waiting.value
    return Path(await download.path()).read_bytes()


# ---- many visitors ---------------------------------------------------------------------------------------------------


async def soak(browser: Any, folder: Path, address: str, server: int, minutes: float, visitors: int) -> None:
    clips = [make_clip(folder / f"visitor{number}.mp4", 2 + 0.5 * number) for number in range(visitors)]
    told = {"visits": 0, "left early": 0, "of others": 0, "failed": 0}
    end = perf_counter() + 60 * minutes
    rounds = [visit_again(browser, address, clip, end, told) for clip in clips]
    memory, _ = await asyncio.gather(watch(server, end), asyncio.gather(*rounds))
    settled = memory[SETTLED - 1] if len(memory) >= SETTLED else memory[0]
    print(f"{visitors} visitors, {minutes:g} minutes: {told}")
    print(f"memory of the page (MB) minute by minute: {memory}; growth after {SETTLED} minutes {memory[-1] - settled}")
    await asyncio.sleep(GONE)
    context, _ = await come(browser, address)  # sessions that are over are cleared away when another one ends
    await context.close()
    await asyncio.sleep(5)
    print(f"memory when all are gone: {taken(server)} MB")
    left = [path for path in folder.glob("silentkeys-page-*/visit-*/**/*") if path.is_file() and path.name != ".used"]
    print(f"files left of {told['visits'] + told['left early']} visits: {len(left)} {[path.name for path in left[:5]]}")


async def visit_again(browser: Any, address: str, clip: Path, end: float, told: dict[str, int]) -> None:
    """Visit after visit until the end; each fourth visitor leaves while the video is read."""
    number = 0
    while perf_counter() < end:
        number += 1
        context, window = await come(browser, address)
        try:
            await give(window, clip)
            if number % 4 == 0:
                await window.get_by_role("button", name="Transcribe").click()
                await window.get_by_role("button", name="Cancel").first.wait_for()
                told["left early"] += 1
            else:
                await transcribe(window, clip.stem)
                notes = await download_notes(window, clip.stem)
                named = re.findall(rb"read from (visitor\d+)", notes)
                told["of others"] += set(named) != {clip.stem.encode()}
                told["visits"] += 1
        except Exception as error:
            told["failed"] += 1
            print(f"{clip.stem}: {type(error).__name__}: {str(error)[:200]}", flush=True)
        await context.close()


async def watch(server: int, end: float) -> list[int]:
    """Memory of the page after each minute, MB."""
    memory = []
    while perf_counter() < end:
        await asyncio.sleep(min(60.0, max(1.0, end - perf_counter())))
        memory.append(taken(server))
        print(f"minute {len(memory)}: {memory[-1]} MB", flush=True)
    return memory


def taken(group: int) -> int:
    """Anonymous memory of the lasting processes of a group, MB: what they share with their children, who come and go,
    counts whole, and programs and libraries that lie on disk do not count."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, TypeError, ValueError):
            if os.getpgid(int(folder.name)) == group and not is_child(folder):
                total += int(re.search(r"^RssAnon:\s+(\d+)", (folder / "status").read_text(), re.MULTILINE)[1])  # type: ignore[index]
    return total // 1024


def is_child(folder: Path) -> bool:
    """Whether a process is at work on a video: forked from the server of children, which runs the same command."""
    parent = Path("/proc") / re.search(r"^PPid:\s+(\d+)", (folder / "status").read_text(), re.MULTILINE)[1]  # type: ignore[index]
    return (parent / "cmdline").read_bytes() == (folder / "cmdline").read_bytes()


def make_clip(path: Path, seconds: float) -> Path:
    """The sample again and again until so many seconds are full, its packets as they are."""
    with av.open(str(path), "w") as out:
        stream, shift, unit = None, 0, None
        while unit is None or shift * unit < seconds:
            with av.open(str(SAMPLE)) as whole:
                source = whole.streams.video[0]
                unit = source.time_base
                stream = stream or out.add_stream_from_template(source)
                for packet in whole.demux(source):
                    if packet.dts is not None and (packet.pts + shift) * unit < seconds:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        out.mux(packet)
                shift += round(20 / unit)
    return path


if __name__ == "__main__":
    main()

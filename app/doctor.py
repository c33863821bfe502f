"""What of the system is there: packages, libraries, codecs, networks, sounds, space; what each is for, how to get it.

Each thing is not only looked for but tried, as a library may be there and not load. Nothing is imported before it is
tried, so that this runs where nothing else does: ``python -m app.doctor``.
"""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)  # Python
ROOM = 1 << 30  # bytes that should be free: an hour of video makes a few hundred MB
MODULES = {"opencv-python": "cv2", "pillow": "PIL", "yt-dlp": "yt_dlp"}  # those that are not called as their package
TRIED_APART = ("pyfluidsynth", "streamlit")  # the one needs a library, which has a line; the other takes seconds
CODECS = {  # what a video's picture is stored as: FFmpeg's decoders for it, one of which is needed
    "H.264": ("h264",),
    "HEVC": ("hevc",),
    "AV1": ("libdav1d", "libaom-av1"),  # FFmpeg's own av1 only drives graphics cards
    "VP9": ("vp9",),
    "WMV": ("wmv1", "wmv2", "wmv3", "vc1"),
    "MPEG-4": ("mpeg4",),
}
WRITERS = {"H.264": "libx264", "AAC": "aac"}
WEIGHTS = ("video2roll", "roll2midi", "score")  # folders that bring networks along
EXTRAS = {  # package: what it is for, how to get it
    "ray": ("batch and data over many machines (--ray)", 'pip install "silentkeys[ray]"'),
    "transkun": ("labels from the sound (data label)", 'pip install "silentkeys[label]"'),
    "lightning-fabric": ("training", 'pip install "silentkeys[train]"'),
}
SCRIPTS = ("deno", "node", "qjs", "bun")  # what runs JavaScript for yt-dlp
FLUIDSYNTH = {
    "Linux": "apt-get install libfluidsynth3",
    "Darwin": "brew install fluid-synth",
    "Windows": "choco install fluidsynth",
}


@dataclass(frozen=True)
class Finding:
    """One thing: whether it is there and works, ``found`` (version, place, or what is wrong), what it is for and the
    command that gets it; ``needed``: without it, what ``silentkeys transcribe`` makes by itself is not all made."""

    name: str
    there: bool
    found: str
    purpose: str
    get: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Everything, needed things first; whatever goes wrong in looking is itself a finding."""
    checks: Sequence[Callable[[], Iterator[Finding]]] = (
        *(_python, _packages, _decoders, _fluidsynth, _soundfont, _engraving, _networks, _room),
        *(_better_sound, _hands, _openvino, _encoders, _extras, _programs),
    )
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check()
        except Exception as error:  # a broken package may raise anything
            name = check.__name__.strip("_").replace("_", " ")
            findings.append(Finding(name, False, f"{type(error).__name__}: {error}", "", _reinstall()))
    return sorted(findings, key=lambda finding: not finding.needed)


def all_needed(findings: Sequence[Finding]) -> bool:
    """Whether the main road is open."""
    return all(finding.there for finding in findings if finding.needed)


def as_dict(findings: Sequence[Finding]) -> dict[str, Any]:
    """For JSON."""
    return {"ok": all_needed(findings), "findings": [asdict(finding) for finding in findings]}


def as_text(findings: Sequence[Finding]) -> str:
    """A table, and below it what is missing."""
    wide = max(len(finding.name) for finding in findings)
    marks = {True: "ok", False: "--"}
    lines = [f"{marks[finding.there]}  {finding.name:{wide}}  {finding.found}" for finding in findings]
    for needed, title in ((True, "Missing, and needed:"), (False, "Not there, and not needed by most:")):
        missing = [finding for finding in findings if not finding.there and finding.needed is needed]
        lines += ["", title] if missing else []
        lines += [f"  {finding.name}: for {finding.purpose or 'all'}\n      {finding.get}" for finding in missing]
    return "\n".join(lines)


# ---- what is needed --------------------------------------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    least = ".".join(map(str, OLDEST))
    found = f"{platform.python_version()} ({sys.executable})"
    get = f"install Python {least} or later, and make the virtual environment with it"
    yield Finding("Python", sys.version_info >= OLDEST, found, "everything", get)


def _packages() -> Iterator[Finding]:
    """One line where all are there; else one for each that is not, or too old, or does not load."""
    required = _requirements()
    good = 0
    for name, versions in required.items():
        wrong = _wrong(name, versions)
        if wrong is None:
            good += 1
            continue
        yield Finding(name, False, wrong, "everything", f'{sys.executable} -m pip install "{name}{versions}"')
    yield Finding("packages", good == len(required), f"{good} of {len(required)} are right", "everything", _reinstall())


def _requirements() -> dict[str, str]:
    """Packages and the versions they may have, such as ">=2", from the checkout, or the installed package."""
    file = ROOT / "requirements.txt"
    if file.is_file():
        lines = [line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    else:
        lines = [line for line in metadata.requires("silentkeys") or [] if "extra ==" not in line]
    parts = [re.fullmatch(r"([\w.-]+)\s*(.*)", line.split(";")[0].strip()) for line in lines if line]
    return {part[1]: part[2].replace(" ", "") for part in parts if part is not None}


def _wrong(name: str, versions: str) -> str | None:
    """What is wrong with a package, if anything."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
    try:
        from packaging.specifiers import SpecifierSet

        if not SpecifierSet(versions).contains(version, prereleases=True):
            return f"{version}, which is not {versions}"
    except ImportError:  # comes with Streamlit
        pass
    if name in TRIED_APART:
        return None
    try:
        import_module(MODULES.get(name, name))
    except Exception as error:  # what a broken library raises is not only ImportError
        return f"{version} does not load: {error}"
    return None


def _decoders() -> Iterator[Finding]:
    import av

    def there(name: str) -> bool:
        try:
            return av.Codec(name, "r").is_decoder
        except Exception:
            return False

    have = [codec for codec, names in CODECS.items() if any(map(there, names))]
    lack = [codec for codec in CODECS if codec not in have]
    found = f"{', '.join(have) or 'none'}" + (f"; not {', '.join(lack)}" if lack else "")
    get = f'{sys.executable} -m pip install --force-reinstall --only-binary av "av>=15"'
    yield Finding("video decoders", not lack, f"{found} (PyAV {av.__version__})", "videos stored so", get)


def _fluidsynth() -> Iterator[Finding]:
    purpose, get = "sound and the listening page (wav, html)", FLUIDSYNTH.get(platform.system(), "install FluidSynth 2")
    try:
        import fluidsynth

        synth = fluidsynth.Synth()
        synth.delete()
        yield Finding("FluidSynth", True, "loads", purpose, get)
    except Exception as error:
        yield Finding("FluidSynth", False, f"does not load: {error}", purpose, get)


def _soundfont() -> Iterator[Finding]:
    from midi_synth.soundfonts import found_soundfonts

    fonts = found_soundfonts()
    found = f"{fonts[0]}" if fonts else "none"
    get = f"{sys.executable} -m pip install --force-reinstall pretty_midi"
    yield Finding("soundfont", bool(fonts), found, "sound and the listening page (wav, html)", get)


def _engraving() -> Iterator[Finding]:
    """A note is drawn and put into a PDF: Verovio, its music font, Typst."""
    from score.pages import draw, to_pdf

    note = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration><type>whole</type></note>"
    part = f'<part id="p"><measure number="1"><attributes><divisions>1</divisions></attributes>{note}</measure></part>'
    names = '<part-list><score-part id="p"><part-name>p</part-name></score-part></part-list>'
    pdf = to_pdf(draw(f'<score-partwise version="4.0">{names}{part}</score-partwise>').pages, "note")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("verovio", "typst"))
    yield Finding("engraving", pdf.startswith(b"%PDF"), versions, "the score (pdf, svg, html)", _reinstall())


def _networks() -> Iterator[Finding]:
    """Those that the program brings along are read."""
    import safetensors

    found = sorted(path for folder in WEIGHTS for path in (ROOT / folder / "weights").glob("*.safetensors"))
    for path in found:
        with safetensors.safe_open(str(path), "np") as file:
            file.keys()
    whole = {path.parents[1].name for path in found} == set(WEIGHTS)
    yield Finding("networks", whole, f"{len(found)} files of weights", "reading videos, notes and scores", _reinstall())


def _room() -> Iterator[Finding]:
    from video2roll.hand_model import cache_folder

    for name, folder, purpose in (
        ("room in the cache", cache_folder(), "the hand networks, which are kept there"),
        ("room for what passes", Path(tempfile.gettempdir()), "results while they are made"),
    ):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free
        good = free >= ROOM and os.access(there, os.W_OK)
        found = f"{free / (1 << 30):.1f} GB free in {folder}" + ("" if os.access(there, os.W_OK) else ", not writable")
        variable = "XDG_CACHE_HOME" if folder == cache_folder() else "TMPDIR"
        get = f"free {ROOM >> 30} GB, or name another folder in {variable}"
        yield Finding(name, good, found, purpose, get, needed=variable == "TMPDIR")


# ---- what some need --------------------------------------------------------------------------------------------------


def _better_sound() -> Iterator[Finding]:
    from midi_synth.soundfonts import found_soundfonts

    large = [path for path in found_soundfonts() if path.parent.name != "pretty_midi"]
    get = "apt-get install fluid-soundfont-gm (or any .sf2 in ~/.local/share/soundfonts)"
    found = str(large[0]) if large else "only the small one of pretty_midi"
    yield Finding("a full soundfont", bool(large), found, "a better piano", get, needed=False)


def _hands() -> Iterator[Finding]:
    from video2roll.hand_model import HandModel, HandModelError, cache_folder

    try:
        HandModel()
        there, found = True, str(cache_folder())
    except HandModelError as error:
        there, found = False, str(error)
    get = f"{sys.executable} -m video2roll.hand_model"
    yield Finding("hand networks", there, found, "hands and fingering", get, needed=False)


def _openvino() -> Iterator[Finding]:
    from video2roll.infer import load_network
    from video2roll.quantised import QuantisedReader

    quick = isinstance(load_network(None)[0], QuantisedReader)
    found = f"OpenVINO {metadata.version('openvino')} reads keys in integers" if quick else "PyTorch reads keys, slower"
    get = f'{sys.executable} -m pip install "openvino>=2025.0"'
    yield Finding("quick reading", quick, found, "reading several times as fast", get, needed=False)


def _encoders() -> Iterator[Finding]:
    import av

    lack = []
    for codec, name in WRITERS.items():
        try:
            av.Codec(name, "w")
        except Exception:
            lack.append(codec)
    found = f"not {', '.join(lack)}" if lack else ", ".join(WRITERS)
    get = f'{sys.executable} -m pip install --force-reinstall --only-binary av "av>=15"'
    yield Finding("video encoders", not lack, found, "the result video and m4a", get, needed=False)


def _extras() -> Iterator[Finding]:
    for name, (purpose, get) in EXTRAS.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = ""
        yield Finding(name, bool(found), found or "not installed", purpose, get, needed=False)


def _programs() -> Iterator[Finding]:
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    runner = next((path for name in SCRIPTS if (path := shutil.which(name, path=here))), None)
    purpose = "data download from YouTube in full size"
    get = f'{sys.executable} -m pip install "yt-dlp[default,deno]"'
    yield Finding("JavaScript for yt-dlp", runner is not None, runner or "none", purpose, get, needed=False)
    ffmpeg = shutil.which("ffmpeg")
    purpose, get = "mending or converting videos by hand; nothing here calls it", "apt-get install ffmpeg"
    yield Finding("ffmpeg", ffmpeg is not None, ffmpeg or "none", purpose, get, needed=False)


def _reinstall() -> str:
    """What brings everything."""
    file = ROOT / "requirements.txt"
    return f"{sys.executable} -m pip install " + (f"-r {file}" if file.is_file() else "--force-reinstall silentkeys")


if __name__ == "__main__":
    found = examine()
    print(as_text(found))
    sys.exit(not all_needed(found))

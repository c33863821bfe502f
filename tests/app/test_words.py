"""All words of the web page stand in ``app/words.py``: no module and no component of the page has any of its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from app import words

APP = Path(words.__file__).parent
PAGE = (
    *("web", "visit", "waiting", "video_step", "span_step", "timeline", "keyboard_step", "corner_editor", "scene"),
    *("result_step", "roll_editor", "intake", "links", "sites", "child", "line", "sessions", "edits", "apart"),
)
COMPONENTS = [path for name in ("corner_editor", "timeline", "roll_*") for path in sorted(APP.glob(f"{name}.[jh]*"))]
SHOWN = {name for name in dir(st) if callable(getattr(st, name)) and not name.startswith("_")} | {"progress"}
UNSEEN = ("key", "icon", "type", "layout", "page_icon", "vertical_alignment", "args", "width", "on_click", "value")
"""Arguments that are names for the program, as also what a field holds: an instrument goes by its name in MIDI."""
GIVEN = {*words.TIMELINE, *words.CORNERS, *words.ROLL}

_SCRIPT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_TWO_WORDS = re.compile(r"\b[A-Za-z]{2,} [A-Za-z]{2,}\b")


def test_the_page_shows_and_raises_only_words_of_the_module() -> None:
    own = [f"{name}.py:{line}: {text}" for name in PAGE for line, text in own_words((APP / f"{name}.py").read_text())]
    assert not own


@pytest.mark.parametrize(
    "code",
    [
        'st.button("Go on")',
        'left.text_input("Title")',
        'st.text_input(words.TITLE, help=f"of {count} letters")',
        'st.caption("a" if few else "All of " + them)',
        'st.tabs(["Score", words.NOTES])',
        'raise LinkError(f"{address} is no address")',
        'follow(here, job, doing="Beginning")',
    ],
)
def test_words_of_a_modules_own_are_found(code: str) -> None:
    assert own_words(code)


def test_the_components_in_the_browser_speak_only_words_that_they_are_given() -> None:
    assert len(COMPONENTS) == 8  # three pages and their scripts, that of the roll in three parts
    for path in COMPONENTS:
        said = list((script_words if path.suffix == ".js" else html_words)(path.read_text(encoding="utf-8")))
        assert not said, f"{path.name}: {said}"
    assert list(script_words('a = "Back left, bass"; // not this one\nb = `${x} of them all`;')) == [
        '"Back left, bass"',
        "`${x} of them all`",
    ]
    assert list(html_words('<p class="not this" title="But this"> And <b data-x="1"></b></p>')) == ["But this", "And"]


def test_every_word_is_used() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in APP.glob("*.py"))
    unused = [name for name in vars(words) if name.isupper() and not re.search(rf"\bwords\.{name}\b", code)]
    assert not unused


def own_words(code: str) -> list[tuple[int, str]]:
    """Line and text of what a module shows by Streamlit, says while work is done, or raises, in words of its own."""
    found = []
    for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
        shows = isinstance(call.func, ast.Attribute) and call.func.attr in SHOWN
        raises = isinstance(call.func, ast.Name) and call.func.id.endswith("Error") and call.func.id != "OSError"
        given = [*call.args, *(each.value for each in call.keywords if each.arg not in UNSEEN)]
        if not (shows or raises):
            given = [each.value for each in call.keywords if each.arg in ("doing", "help", "label", "placeholder")]
        found += [(call.lineno, text) for value in given for text in literals(value) if is_read(text)]
    return found


def literals(value: ast.expr) -> Iterator[str]:
    """The strings of an expression, but for those that are handed to other calls in it, or name parts of things."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif not isinstance(value, ast.Call | ast.Subscript | ast.Lambda | ast.Compare):
        for part in ast.iter_child_nodes(value):
            if isinstance(part, ast.expr):
                yield from literals(part)


def is_read(text: str) -> bool:
    """Whether a string is for people: it has a blank beside a letter, or begins as a sentence does."""
    return text[:1].isupper() or bool(re.search(r"[^\W\d] | [^\W\d]", text))


def script_words(script: str) -> Iterator[str]:
    """Strings of a script that hold two words in a row, and are no name of words that it was given."""
    for match in _SCRIPT.finditer(script):
        plain = re.sub(r"\$\{[^}]*\}", "0", match[0])  # a field is no word: “0px” is a size
        if match[0][0] != "/" and match[0][1:-1] not in GIVEN and _TWO_WORDS.search(plain):
            yield match[0]


def html_words(page: str) -> Iterator[str]:
    """Text of a page, and attributes that are shown or read aloud."""
    for match in re.finditer(r"(?:aria-label|title|placeholder|alt)=\"([^\"]*[A-Za-z][^\"]*)\"|>([^<]*\w[^<]*)<", page):
        yield (match[1] or match[2]).strip()

"""What a person types: read right, or refused in one sentence."""

import numpy as np
import pytest

from app.options import (
    OUTPUTS,
    OptionError,
    check_fingering,
    check_span,
    parse_corners,
    parse_highest_key,
    parse_lowest_key,
    parse_outputs,
)
from video2roll.rectify import CornersError


def test_corners_are_read() -> None:
    corners = parse_corners("10,20 600.5,22 605,120 -5,118")
    assert corners is not None
    assert np.array_equal(corners, [[10, 20], [600.5, 22], [605, 120], [-5, 118]])
    assert parse_corners(None) is None


@pytest.mark.parametrize("text", ["", "1,2 3,4 5,6", "1,2 3,4 5,6 seven,8", "1 2 3 4 5 6 7 8", "1,2,3 4,5 6,7 8,9"])
def test_corners_that_are_not_four_points(text: str) -> None:
    with pytest.raises(CornersError, match="four points"):
        parse_corners(text)


@pytest.mark.parametrize(
    "text", ["0,0 100,0 0,50 100,50", "0,0 10,10 20,20 30,30", "5,5 5,5 5,5 5,5", "0,0 9,0 9,9 nan,9"]
)
def test_corners_that_form_no_quadrilateral(text: str) -> None:
    with pytest.raises(CornersError):
        parse_corners(text)


def test_lowest_and_highest_key() -> None:
    assert parse_lowest_key("C2") == 36
    assert parse_lowest_key(None) is None
    with pytest.raises(OptionError, match=r"--lowest-key “H2”"):
        parse_lowest_key("H2")
    assert parse_highest_key("C7") == 96
    with pytest.raises(OptionError, match=r"--highest-key “D9”"):
        parse_highest_key("D9")


def test_outputs_are_named_in_any_order_and_case() -> None:
    assert parse_outputs("WAV, mid,.pdf") == ("mid", "pdf", "wav")
    assert parse_outputs(OUTPUTS) == OUTPUTS
    with pytest.raises(OptionError, match="“aac” is no output"):
        parse_outputs("mid,aac")
    with pytest.raises(OptionError, match="names no output"):
        parse_outputs(" , ")


@pytest.mark.parametrize(("start", "end"), [(0.0, None), (1.5, 2.0), (None, 3.0)])
def test_spans_that_can_be(start: float | None, end: float | None) -> None:
    check_span(start, end)


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        (-1, None, "before the video begins"),
        (2, 2, "must lie after"),
        (0, -3, "must lie after"),
        (float("nan"), None, "no number"),
    ],
)
def test_spans_that_cannot_be(start: float, end: float | None, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        check_span(start, end)


def test_fingering_is_one_of_four_words() -> None:
    for name in ("auto", "all", "some", "none"):
        check_fingering(name)
    with pytest.raises(OptionError, match="auto, all, some or none"):
        check_fingering("many")

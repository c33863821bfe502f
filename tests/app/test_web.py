"""The web page, driven as Streamlit runs it: a video in, results on the page, friendly errors."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import web

MakeVideo = Callable[..., Path]


@pytest.fixture
def shown() -> AppTest:
    """The page as it first appears."""
    return AppTest.from_file(web.__file__, default_timeout=60).run()


def test_the_page_appears_and_waits_for_a_video(shown: AppTest) -> None:
    assert not shown.exception
    assert shown.title[0].value == "silentkeys"
    assert shown.button[0].disabled


@pytest.mark.usefixtures("seeing")
def test_a_video_gives_results_on_the_page(shown: AppTest, make_video: MakeVideo) -> None:
    field = {widget.label: widget for widget in shown.text_input}
    field["Path of the video"].set_value(str(make_video("waltz.mp4")))
    field["Corners of the keyboard"].set_value("2,2 62,2 62,46 2,46")
    shown.run()
    shown.button[0].click().run()
    assert not shown.exception
    assert not shown.error
    assert shown.subheader[0].value == "waltz"
    assert shown.metric[0].value == "3"
    assert len(shown.dataframe[0].value) == 3


def test_a_missing_file_is_a_friendly_error(shown: AppTest) -> None:
    shown.text_input[0].set_value("/no/such/video.mp4").run()
    shown.button[0].click().run()
    assert not shown.exception
    assert "does not exist" in shown.error[0].value

"""A visitor of the page: the folder that is theirs, and what of their work is kept between two runs of the page."""

import tempfile
import weakref
from pathlib import Path

import streamlit as st

from app.sessions import Room, open_room

WORK = ("chosen", "keyboard_step", "result")  # what a session keeps that lies in its folder


class Visit:
    """A folder of one's own. It goes when the session does, and with it this object; or when it was long unused."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.folder = room.enter()
        weakref.finalize(self, room.leave, self.folder)

    def touch(self) -> bool:
        """Note that the visitor is still here; False where the folder has gone meanwhile."""
        return self.room.touch(self.folder)

    def new_folder(self) -> Path:
        """An empty folder in the visitor's own."""
        return Path(tempfile.mkdtemp(dir=self.folder))


def visit() -> Visit:
    """This session's. Where its folder was removed it begins anew, and says so. Raises FullError."""
    known: Visit | None = st.session_state.get("visit")
    if known is not None and known.touch():
        return known
    if known is not None and "result" in st.session_state:
        st.info("Your results were removed after an hour without use; press “Transcribe” to make them again.")
    for name in WORK:
        st.session_state.pop(name, None)
    st.session_state["visit"] = Visit(_room())
    return st.session_state["visit"]


@st.cache_resource(show_spinner=False)
def _room() -> Room:
    """Of all visitors of this server."""
    return open_room()

"""Piano roll -> notes, and who pressed them."""

from roll2midi.decode import decode
from roll2midi.errors import DecodeError
from roll2midi.hands import assign_hands

__all__ = ["DecodeError", "assign_hands", "decode"]

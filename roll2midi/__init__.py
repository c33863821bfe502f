"""Piano roll -> notes, and who pressed them."""

from roll2midi.decode import DecodeError, decode
from roll2midi.hands import assign_hands

__all__ = ["DecodeError", "assign_hands", "decode"]

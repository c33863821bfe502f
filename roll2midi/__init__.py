"""Piano roll -> notes, and who pressed them."""

from roll2midi.decode import clean, decode
from roll2midi.errors import DecodeError
from roll2midi.hands import assign_hands
from roll2midi.pedal import guess_pedal
from roll2midi.velocity import add_velocities

__all__ = ["DecodeError", "add_velocities", "assign_hands", "clean", "decode", "guess_pedal"]

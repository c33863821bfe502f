"""Piano roll -> notes."""

from roll2midi.decode import DecodeError, decode

__all__ = ["DecodeError", "decode"]

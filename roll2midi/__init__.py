"""Piano roll -> notes."""

from roll2midi.decode import decode

__all__ = ["decode"]

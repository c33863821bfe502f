"""What can go wrong between a roll and its notes."""

from pianoroll import SilentkeysError


class DecodeError(SilentkeysError):
    """Notes that cannot be made from a roll as asked."""

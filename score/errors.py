"""What a person is told when notes cannot be written as a score."""

from pianoroll import SilentkeysError


class ScoreError(SilentkeysError):
    """Notes that cannot be engraved, or pages that cannot be drawn."""

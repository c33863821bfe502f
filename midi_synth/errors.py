"""What a person is told when notes cannot be made to sound."""

from pianoroll import SilentkeysError


class SynthError(SilentkeysError):
    """No synthesiser, no soundfont, or a setting that it does not know."""

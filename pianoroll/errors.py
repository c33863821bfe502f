"""What a person is told when something cannot be done: one sentence, what is wrong with which file and what to do."""


class SilentkeysError(Exception):
    """Base of every stage's own error. Its text is for the user; ``exit_code`` is what the command line returns."""

    exit_code = 1


class FileError(SilentkeysError):
    """A file that cannot be read or written."""

"""Video -> piano roll: decoding, finding the keyboard, reading the keys."""

from video2roll.rectify import CornersError, Keyboard, KeyboardError
from video2roll.transcribe import transcribe
from video2roll.video import VideoError

__all__ = ["CornersError", "Keyboard", "KeyboardError", "VideoError", "transcribe"]

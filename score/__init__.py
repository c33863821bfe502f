"""Notes -> a score that a pianist can read: beats, metre, key, hands; MusicXML, SVG pages and PDF."""

from score.engrave import Score, engrave, find_beats
from score.errors import ScoreError

__all__ = ["Score", "ScoreError", "engrave", "find_beats"]

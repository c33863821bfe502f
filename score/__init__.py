"""Notes -> a score that a pianist can read: beats, metre, key, hands; MusicXML, SVG pages and PDF."""

from score.engrave import Score, check_wishes, engrave, find_beats
from score.errors import ScoreError

__all__ = ["Score", "ScoreError", "check_wishes", "engrave", "find_beats"]

"""The score as it would be played by a machine: every note where and as long as it is written, in one tempo."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pianoroll import Note
from pianoroll.midi import BeatGrid
from score.metre import UNITS, Bars
from score.ornaments import Ornamented
from score.rhythm import Voices

ORNAMENT = UNITS // 8  # a note of a trill, or a grace note: a 32nd, in units...
SMALLEST = UNITS // 16  # ...which is less where there is no room


def quantised(staves: Iterable[Sequence[Voices]], bars: Bars, ornaments: Ornamented, tempo: float) -> list[Note]:
    """The notes in seconds, ``tempo`` beats of the usual metre a minute; trills and grace notes are played out."""
    spans: dict[Note, tuple[int, int]] = {}
    for staff in staves:
        for begin, voices in zip(bars.starts.tolist(), staff, strict=False):
            for piece in (piece for pieces in voices for piece in pieces):
                for note in piece.notes:
                    start = spans[note][0] if piece.tied and note in spans else begin + piece.start
                    spans[note] = (start, begin + piece.start + piece.length)
    unit = 60 / tempo / bars.usual.beat
    played = [each for note, span in spans.items() for each in _played(note, *span, ornaments)]
    return sorted(replace(note, onset=unit * start, offset=unit * end) for note, start, end in played)


def even_grid(bars: Bars, tempo: float) -> BeatGrid:
    """The beats of the same, with its metres."""
    unit = 60 / tempo / bars.usual.beat
    beats = [
        start + number * metre.beat
        for start, metre in zip(bars.starts.tolist(), bars.metres, strict=False)
        for number in range(metre.beats)
    ]
    return bars.grid([unit * beat for beat in (*beats, int(bars.starts[-1]))])


def _played(note: Note, start: int, end: int, ornaments: Ornamented) -> list[tuple[Note, float, float]]:
    """The note, or the notes that its sign stands for, with begin and end in units."""
    graces = ornaments.graces.get(note, ())
    first = max(0, start - ORNAMENT * len(graces))
    step = (start - first) / max(1, len(graces))
    small = [(grace, first + step * i, first + step * (i + 1)) for i, grace in enumerate(graces) if step]
    other = ornaments.trills.get(note) or ornaments.mordents.get(note)
    if other is None:
        return [*small, (note, start, end)]
    count = max(3, (end - start) // ORNAMENT) if note in ornaments.trills else 3
    count -= 1 - count % 2  # it ends on its own note
    step = min(ORNAMENT, (end - start) / count)
    line = [replace(note, pitch=other if i % 2 else note.pitch) for i in range(count)]
    ends = [*(start + step * (i + 1) for i in range(count - 1)), end]
    return [*small, *((each, start + step * i, until) for i, (each, until) in enumerate(zip(line, ends, strict=True)))]

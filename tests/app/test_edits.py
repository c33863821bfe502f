"""Edits made by hand: they find their notes again whatever else changes, and no browser can send what breaks them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import pipeline
from app.edits import MOST, Drawn, EditError, Edits, apply_edits, read_edits
from pianoroll import Note, PianoRoll, read_midi
from video2roll.rectify import Keyboard
from video2roll.video import probe

PLAYED = [
    Note(0.5, 60, 0.9, 70, "right", 1, 0.9),
    Note(0.5, 48, 1.4, 50, "left", 5, 0.8),
    Note(1.0, 62, 1.4, 74, "right", 2, 0.5),
    Note(1.5, 64, 1.9, 90, "right", 3, 0.9),
]
ALL = Edits(
    removed=((62, 1.0),),
    changed=(((64, 1.5), Drawn(1.6, 65, 2.0)),),
    confirmed=(Drawn(0.5, 48, 1.4),),
    added=(Drawn(1.0, 67, 1.2),),
)


def test_notes_are_removed_changed_confirmed_and_added() -> None:
    assert apply_edits(ALL, PLAYED) == [
        Note(0.5, 48, 1.4, 50, "left", 5, 1.0),
        PLAYED[0],
        Note(1.0, 67, 1.2, 74, "right", None, 1.0),  # as loud as the right hand around it
        Note(1.6, 65, 2.0, 90, "right", None, 1.0),  # on another key the finger is not known
    ]
    assert ALL.counts == {"added": 1, "removed": 1, "changed": 1, "confirmed": 1}
    assert apply_edits(Edits(), PLAYED) == PLAYED
    assert Edits().counts == {}


def test_a_note_is_known_again_when_another_threshold_reads_it_a_little_elsewhere() -> None:
    later = [Note(note.onset + 0.03, note.pitch, note.offset - 0.05, note.velocity, note.hand) for note in PLAYED]
    edited = apply_edits(ALL, [*later, Note(1.8, 62, 2.0)])
    assert [(note.onset, note.pitch) for note in edited] == [(0.5, 48), (0.53, 60), (1.0, 67), (1.6, 65), (1.8, 62)]


def test_what_a_person_has_set_stays_when_it_is_no_longer_read() -> None:
    edited = apply_edits(ALL, PLAYED[:1])
    assert [(note.onset, note.pitch, note.hand) for note in edited] == [
        (0.5, 48, "right"),  # of the nearest note that is left
        (0.5, 60, "right"),
        (1.0, 67, "right"),
        (1.6, 65, "right"),
    ]
    assert apply_edits(Edits(added=(Drawn(0.1, 60, 0.2, "left"),)), []) == [Note(0.1, 60, 0.2, 80, "left")]


def test_one_key_is_not_struck_while_it_is_down() -> None:
    edits = Edits(added=(Drawn(0.7, 60, 1.0), Drawn(1.001, 62, 1.3)))
    edited = [note for note in apply_edits(edits, PLAYED) if note.pitch in (60, 62)]
    assert [(note.onset, note.offset) for note in edited] == [(0.5, 0.7), (0.7, 1.0), (1.001, 1.3)]


def test_of_two_hands_a_new_note_is_the_nearer_ones_unless_it_is_said() -> None:
    added = (Drawn(0.6, 50, 0.7), Drawn(0.6, 58, 0.7), Drawn(0.6, 52, 0.7, "right"))
    edited = {note.pitch: note.hand for note in apply_edits(Edits(added=added), PLAYED)}
    assert (edited[50], edited[58], edited[52]) == ("left", "right", "right")


def test_they_come_back_from_json_as_they_went() -> None:
    assert read_edits(json.loads(json.dumps(ALL.as_dict())), 0.0, 3.0) == ALL
    assert read_edits({}, 0.0, 3.0) == Edits()


NOTE: dict[str, Any] = {"onset": 1.0, "pitch": 60, "offset": 1.5, "hand": None}


@pytest.mark.parametrize(
    "wrong",
    [
        *({"pitch": pitch} for pitch in (20, 109, -1, 60.5, "60", None, True, float("nan"), 10**400, [60], {})),
        *({"onset": onset} for onset in (-0.1, float("nan"), float("inf"), "1", None, False, -(10**400), [])),
        *({"offset": offset} for offset in (3.01, 1.0, 0.5, float("nan"), 10**400, None)),
        *({"hand": hand} for hand in ("foot", 1, [], {}, True)),
    ],
    ids=str,
)
def test_a_note_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    read_edits({"added": [NOTE]}, 0.0, 3.0)
    with pytest.raises(EditError, match=r"edited note .*not taken"):
        read_edits({"added": [{**NOTE, **wrong}]}, 0.0, 3.0)
    if "hand" not in wrong and wrong != {"onset": -0.1} and wrong != {"offset": 3.01}:  # read a little outside
        with pytest.raises(EditError):
            read_edits({"confirmed": [{**NOTE, **wrong}]}, 0.0, 3.0)


@pytest.mark.parametrize(
    "told",
    [
        *(None, [], "edits", 1, float("nan")),
        *({"removed": part} for part in (None, {}, "x", [None], [[60, 1.0]], [{"pitch": 60}], [{"onset": 1.0}])),
        *({"changed": [part]} for part in (None, {}, {"was": NOTE}, {"now": NOTE}, {"was": [], "now": NOTE})),
        {"removed": [{"pitch": 60, "onset": 99.0}]},
        {"added": [NOTE] * (MOST + 1)},
        {"added": [NOTE], "removed": [NOTE] * 1_000_000},
    ],
    ids=lambda told: str(told)[:40],
)
def test_what_no_piano_roll_sends_is_refused_in_a_sentence(told: object) -> None:
    with pytest.raises(EditError, match=r"^[A-Z].*\.$"):
        read_edits(told, 0.0, 3.0)


KEYBOARD = Keyboard(np.array([[2.0, 2], [62, 2], [62, 46], [2, 46]]))


@pytest.mark.usefixtures("seeing")
def test_all_files_hold_the_edited_notes_and_the_report_counts_them(make_video: Any, tmp_path: Path) -> None:
    """PLAYED of shown.py is read: 60 and 64 of the right hand, 48 of the left."""
    silence = np.zeros((25, 88), dtype=np.float32)
    silence[5:10, 39] = 1
    roll = PianoRoll(np.arange(25) / 25, silence, silence)
    info = probe(make_video("waltz.mp4"))
    seen = pipeline.Reading(info, 0.0, None, KEYBOARD, roll, given=True)
    edits = Edits(removed=((48, 0.4),), added=(Drawn(0.6, 67, 0.9, "left"),))
    outputs = ("mid", "csv", "musicxml", "html", "wav", "json")
    for transpose, split in ((0, None), (-5, 90)):
        how: dict[str, Any] = {"transpose": transpose, "split": split, "outputs": outputs}
        report = pipeline.write_results(seen, tmp_path, edits=edits, **how)
        assert report.complete
        written = read_midi(report.files["mid"])
        assert sorted(note.pitch - transpose for note in written) == [60, 64, 67]
        assert {note.hand for note in written if note.pitch - transpose == 67} == {"left"}
        assert len(Path(report.files["csv"]).read_text().splitlines()) == 4
        counted = json.loads(Path(report.files["json"]).read_text())
        assert (counted["notes"], counted["edited"]) == (3, edits.counts)
    assert pipeline.write_results(seen, tmp_path, outputs=("mid",)).edited == {}

"""Fingers in the score stand at the notes they belong to."""

import music21

from pianoroll import Note
from score import engrave


def test_an_unknown_finger_in_a_chord_leaves_the_others_at_their_notes() -> None:
    notes = [
        Note(0.6 * i, pitch, 0.6 * i + 0.5, 80, "right", finger)
        for i in range(8)
        for pitch, finger in ((60, None), (64, 3), (67, None), (72, 5))
    ]
    text = engrave(notes, metre="4/4", tempo=100).musicxml
    assert text.count("<fingering") == 16
    assert ">0</fingering>" not in text
    score = music21.converter.parseData(text)
    assert len(list(score.recurse().getElementsByClass(music21.chord.Chord))) == 8
    for note in text.split("<note")[1:]:
        letter = note.split("<step>")[1][0] if "<step>" in note else None
        expected = {"E": "3", "C": "5" if "<octave>5" in note else None}.get(letter or "")
        found = note.split("</fingering>")[0].rsplit(">", 1)[1] if "<fingering" in note else None
        assert found == expected

"""Signatures: the right one in every key, changed where the music moves for long, kept where it only visits."""

import numpy as np
import pytest

from pianoroll import Note
from score.errors import ScoreError
from score.key import Key, find_key, find_keys, likeliest_path, written
from tests.score.tunes import broken, cadences


@pytest.mark.parametrize("up", range(12))
def test_a_piece_keeps_its_key_wherever_it_is_moved(up: int) -> None:
    expected = (7 * up + 5) % 12 - 5
    key = find_key(cadences("major", 12, up=up))
    assert (key.sharps, key.mode) == (expected, "major")


@pytest.mark.parametrize(("tonic", "sharps", "name"), [(9, 0, "A minor"), (4, 1, "E minor"), (5, -4, "F minor")])
def test_minor_keys(tonic: int, sharps: int, name: str) -> None:
    key = find_key(cadences("minor", 12, up=tonic))
    assert (key.sharps, key.name) == (sharps, name)


def test_five_and_six_accidentals_are_written_as_editors_do() -> None:
    assert find_key(cadences("major", 12, up=1)).name == "Db major"
    assert find_key(cadences("major", 12, up=11)).name == "B major"
    assert find_key(cadences("major", 12, up=6)).name == "F# major"
    assert find_key(cadences("minor", 12, up=3)).name == "Eb minor"


def test_a_long_stay_in_another_key_changes_the_signature_there_and_back() -> None:
    away = broken("major", 16, up=3, start=64)
    keys = find_keys(broken("major", 16) + away + broken("major", 16, start=128))
    assert [key.sharps for _, key in keys] == [0, -3, 0]
    assert keys[0][0] == 0
    assert keys[1][0] == pytest.approx(64, abs=8)
    assert keys[2][0] == pytest.approx(128, abs=8)


def test_a_visit_to_the_dominant_changes_nothing() -> None:
    visit = broken("major", 4, up=7, start=48)
    keys = find_keys(broken("major", 12) + visit + broken("major", 12, start=64))
    assert [key.sharps for _, key in keys] == [0]


def test_nothing_and_single_notes() -> None:
    assert find_keys([]) == [(0.0, Key(0, "major"))]
    ((begin, key),) = find_keys([Note(2.0, 61, 2.5)])
    assert begin == 2.0
    assert -6 <= key.sharps <= 6


def test_the_order_of_the_notes_does_not_matter() -> None:
    notes = cadences("minor", 8, up=2)
    assert find_keys(notes[::-1]) == find_keys(notes)


def test_a_path_changes_only_where_it_pays() -> None:
    likely = np.log(np.where(np.arange(12) == 0, 0.7, 0.3 / 11) * np.ones((9, 1)))
    likely[4] = np.roll(likely[4], 1)
    assert likeliest_path(likely, 5.0).tolist() == [0] * 9
    assert likeliest_path(likely, 1.0).tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_names_at_the_octave_s_edge() -> None:
    assert written(60, 12) == ("B", 1, 3)
    assert written(59, -7) == ("C", -1, 4)
    assert Key(3, "major").spell(61) == ("C", 1, 4)


@pytest.mark.parametrize(
    ("name", "sharps", "mode"),
    [("C major", 0, "major"), ("c", 0, "major"), ("Eb", -3, "major"), ("F# minor", 3, "minor"), ("am", 0, "minor")],
)
def test_a_key_is_known_by_its_name(name: str, sharps: int, mode: str) -> None:
    assert Key.named(name) == Key(sharps, mode)


@pytest.mark.parametrize("name", ["H", "C# lydian", "", "Fb minor"])
def test_no_such_key(name: str) -> None:
    with pytest.raises(ScoreError, match="no key"):
        Key.named(name)

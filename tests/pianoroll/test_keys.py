"""The 88 keys: names, and where they lie."""

from itertools import pairwise

import numpy as np
import pytest

from pianoroll.keys import (
    BLACK,
    BLACK_KEY_WIDTH,
    CENTRES,
    KEYS,
    OCTAVES,
    WHITE_KEYS,
    is_black,
    key_edges,
    key_outline,
    parse_pitch,
    pitch_name,
)


def test_there_are_52_white_and_36_black_keys() -> None:
    assert len(BLACK) == KEYS
    assert (~BLACK).sum() == WHITE_KEYS
    assert BLACK.sum() == 36


def test_white_keys_lie_side_by_side_from_0_to_52() -> None:
    edges = [key_edges(pitch) for pitch in range(21, 109) if not is_black(pitch)]
    assert edges[0][0] == 0
    assert edges[-1][1] == WHITE_KEYS
    assert all(left[1] == right[0] for left, right in pairwise(edges))


def test_keys_rise_from_left_to_right_and_black_ones_straddle_a_gap() -> None:
    assert all(CENTRES[1:] > CENTRES[:-1])
    for pitch in range(21, 109):
        if is_black(pitch):
            left, right = key_edges(pitch)
            assert right - left == pytest.approx(BLACK_KEY_WIDTH)
            assert left < round((left + right) / 2) < right


def test_black_keys_leave_equal_tails_between_c_and_e() -> None:
    tails = [
        key_edges(61)[0] - key_edges(60)[0],
        key_edges(63)[0] - key_edges(61)[1],
        key_edges(64)[1] - key_edges(63)[1],
    ]
    assert max(tails) - min(tails) < 0.06


@pytest.mark.parametrize(
    ("name", "pitch"), [("C4", 60), ("A0", 21), ("C8", 108), ("f#3", 54), ("Bb1", 34), ("36", 36), (" c2 ", 36)]
)
def test_names_are_read(name: str, pitch: int) -> None:
    assert parse_pitch(name) == pitch


def test_every_name_reads_back() -> None:
    assert all(parse_pitch(pitch_name(pitch)) == pitch for pitch in range(21, 109))


@pytest.mark.parametrize("name", ["", "H2", "C", "C#", "C9", "20", "-3", "Cb4x", "four"])
def test_what_is_no_key_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=name or "no key name"):
        parse_pitch(name)


def test_octaves_go_from_c_to_b_and_hold_each_key_once() -> None:
    assert list(OCTAVES) == ["A0-B0", *(f"C{n}-B{n}" for n in range(1, 8)), "C8"]
    assert [int(keys.sum()) for keys in OCTAVES.values()] == [3, *[12] * 7, 1]
    assert sum(OCTAVES.values(), np.zeros(KEYS, int)).tolist() == [1] * KEYS
    assert OCTAVES["C4-B4"][60 - 21]


def test_the_outline_of_a_key_goes_to_its_front_edge() -> None:
    assert key_outline(21).tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    black = key_outline(22)
    assert black[:, 0].max() - black[:, 0].min() == pytest.approx(BLACK_KEY_WIDTH)
    assert 0.5 < black[:, 1].max() < 1

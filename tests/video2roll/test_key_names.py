"""What the ends of a row of keys tell: size, octave and mirror image; and what they cannot tell."""

import pytest

from pianoroll.keys import key_edges
from video2roll.key_names import SIZES, End, place, white_pitch

A, C = 5.0, 0.0  # left edges of A and C in row coordinates


def ends(lowest: int, highest: int, *, mirrored: bool = False, cut: str = "") -> tuple[End, End]:
    """The ends of keys ``lowest`` to ``highest`` as a row shows them, off by some octaves as it may be."""
    low, high = key_edges(lowest)[0] + A + 7, key_edges(highest)[1] + A + 7
    if mirrored:
        low, high = 3 - high, 3 - low
    return End(low, "low" in cut), End(high, "high" in cut)


@pytest.mark.parametrize("size", [size for size in SIZES if size != (24, 96)])
def test_a_size_is_known_by_its_ends(size: tuple[int, int]) -> None:
    found = place(*ends(*size))
    assert (white_pitch(round(found.low)), white_pitch(round(found.high) - 1), found.sign) == (*size, 1)


@pytest.mark.parametrize("size", [(21, 108), (36, 96), (36, 84), (48, 72), (53, 84), (41, 77)])
def test_mirrored_ends_are_told(size: tuple[int, int]) -> None:
    found = place(*ends(*size, mirrored=True))
    assert (white_pitch(round(found.low)), white_pitch(round(found.high) - 1), found.sign) == (*size, -1)


@pytest.mark.parametrize("cut", ["low", "high", "low high"])
def test_what_the_picture_cuts_off_is_never_called_mirrored(cut: str) -> None:
    found = place(*ends(33, 89, mirrored=True, cut=cut))
    assert found.sign == 1
    assert not found.whole_piano


def test_one_end_of_a_piano_gives_the_octave() -> None:
    assert place(*ends(21, 64, cut="high")).low == 0
    assert place(*ends(60, 108, cut="low")).high == 52


def test_keys_too_many_still_have_a_place() -> None:
    low, high = ends(21, 108)
    found = place(End(low.along - 1, False), End(high.along + 1, False))
    assert (found.low, found.high) == (0, 52)

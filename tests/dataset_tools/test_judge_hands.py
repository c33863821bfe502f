"""Hands are counted against marked boxes, and keys against the nearest tip."""

import numpy as np

from dataset_tools.judge_hands import Tally, _count, tip_distances
from pianoroll import Note
from pianoroll.keys import key_centre
from video2roll.hands import LEFT, RIGHT, Hands


def two_hands(times: np.ndarray) -> Hands:
    """A left hand on C3 … G3 and a right one on C4 … G4, 50 pixels wide at x = 100 and 300."""
    points = np.zeros((len(times), 2, 21, 2), np.float32)
    points[:, 0, :, :] = np.linspace([100, 100], [150, 150], 21)
    points[:, 1, :, :] = np.linspace([300, 100], [350, 150], 21)
    tips = np.full((len(times), 2, 5, 2), 0.8, np.float32)
    tips[:, 0, ::-1, 0] = key_centre(48) + np.arange(5)
    tips[:, 1, :, 0] = key_centre(60) + np.arange(5)
    return Hands(times, points, tips, np.array([LEFT, RIGHT]), np.ones((len(times), 2)))


def box(hand: str, *edges: float) -> dict[str, str]:
    return {"hand": hand} | dict(zip(("x_min", "y_min", "x_max", "y_max"), map(str, edges), strict=True))


def test_found_missed_wrongly_named_and_invented() -> None:
    tally = Tally()
    rows = [box("right", 95, 95, 150, 150), box("right", 700, 100, 750, 150)]
    _count(tally, rows, two_hands(np.zeros(1)))
    assert (tally.marked, tally.found, tally.side, tally.invented) == (2, 1, 0, 1)
    _count(tally, [box("none", 0, 0, 0, 0)], two_hands(np.zeros(1)))
    assert (tally.marked, tally.invented) == (2, 3)


def test_the_nearest_tip_at_the_onset() -> None:
    hands = two_hands(np.arange(10) / 10)
    hands.tips[5:] = np.nan
    notes = [Note(0.2, 60, 0.4), Note(0.2, 72, 0.4), Note(0.7, 60, 0.8)]
    np.testing.assert_allclose(tip_distances(hands, notes), [0, 3, np.inf], atol=1e-5)

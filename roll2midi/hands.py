"""Who pressed it: the hand and the finger of each note, from the fingertips that a roll carries.

Every tip within reach of a struck key is a candidate. What it costs is how far it lies from the key while the key goes
down (along the keyboard, and by depth: a black key is struck behind the front of the black keys); to that comes what
hands cannot or will not do: one finger on two keys, fingers out of order while both keys are held, another finger on
the same key at once, one finger on two keys in quick succession. A beam search over the notes keeps the cheapest ways
to have played so far, and a note's finger is decided a few notes later, when what follows is known: by the share of the
remaining ways, weighted by their likelihood, that agree. Where that share is small, no finger is named.

The cameras stand aslant and tips hover above the keys, so they seem shifted: each hand's usual shift is found first,
from the tips nearest to the keys that are struck, and how widely they are spread. So is how often a hand uses each
finger: whoever plays with one finger alone curls the others, whose tips are then guesses of the landmark network.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pianoroll import Hand, Note, PianoRoll
from pianoroll.keys import is_black, key_centre
from pianoroll.reach import hands_by_reach

FINGERS = 5
SIDES: dict[int, Hand] = {1: "left", 2: "right"}  # as in PianoRoll.sides

BEFORE, AFTER = 0.05, 0.13  # seconds around an onset in which a tip is looked at
LONGEST_GAP = 0.15  # seconds: nearest sight of a tip that still tells of an onset between frames
REACH = 1.4  # white-key widths: a tip farther from the key's centre does not press it
SPREAD = {False: 0.26, True: 0.22}  # white-key widths: how far tips lie from the centres of white and black keys
TAILS = 4.0  # degrees of freedom of Student's t, which has room for a landmark that slipped
DEPTHS = {False: (0.2, 1.1), True: (0.05, 0.66)}  # across: where tips strike white and black keys
DEPTH_SPREAD = 0.1
WORST_DEPTH = 3.0  # cost at most: depth is less sure than the place along the keys
NOBODY = 5.5  # cost of a note that no tip struck

SHIFT_NOTES = 8  # notes after which half of a hand's usual shift is believed
LARGEST_SHIFT = 0.4  # white-key widths
USUAL_DISTANCE = 0.11  # white-key widths: median distance of the best tips from the keys they strike
SCALES = (0.6, 1.35)  # of SPREAD: clear and blurred videos

USUAL_USES = 10.0  # notes of each finger that are taken for granted before its hand is known

BEAM = 32
LAG = 8  # notes: so much later a finger is decided
RECENT = 0.6  # seconds for which a touch that has ended still matters
SURE = 0.8  # share of the ways that must agree on a finger...
SURE_HAND = 0.7  # ...and on a hand


@dataclass(frozen=True)
class _Touch:
    """One note by one finger; ``hand``: index of the hand in the roll."""

    pitch: int
    onset: float
    offset: float
    hand: int
    finger: int


@dataclass(frozen=True)
class _Way:
    """A way of having played so far: its cost, the touches that still matter, and the last choices, newest last."""

    cost: float
    touches: tuple[_Touch, ...]
    choices: tuple[tuple[int, int] | None, ...]


def assign_hands(notes: Sequence[Note], roll: PianoRoll) -> list[Note]:
    """The same notes, sorted, each with a hand, and with a finger where a fingertip was surely seen to strike it.

    Where no hand was seen, a hand that the note had stays; else a model of reach decides, which knows all the others.
    """
    ordered = sorted(notes, key=lambda note: (note.onset, note.pitch))
    if roll.fingertips is None or roll.sides is None or len(roll) == 0:
        return hands_by_reach([replace(note, finger=None) for note in ordered])
    costs = _costs(ordered, roll)
    sides = [SIDES.get(int(side)) for side in roll.sides]
    named = [_name(note, shares, sides) for note, shares in zip(ordered, _walk(ordered, costs, sides), strict=True)]
    return hands_by_reach(named)


def _name(note: Note, shares: dict[tuple[int, int] | None, float], sides: Sequence[Hand | None]) -> Note:
    """The note with the hand and finger on which enough of the ways agree."""
    hands: defaultdict[Hand | None, float] = defaultdict(float)
    fingers: defaultdict[tuple[Hand | None, int], float] = defaultdict(float)
    for choice, share in shares.items():
        if choice is not None:
            hands[sides[choice[0]]] += share
            fingers[sides[choice[0]], choice[1]] += share
    hand = max(hands, key=lambda name: hands[name], default=None)
    if hand is None or hands[hand] < SURE_HAND:
        return replace(note, finger=None)
    (side, finger), share = max(fingers.items(), key=lambda item: item[1])
    return replace(note, hand=hand, finger=finger if side == hand and share >= SURE else None)


# ---- how well each tip fits each key ---------------------------------------------------------------------------------


def _costs(notes: Sequence[Note], roll: PianoRoll) -> list[dict[tuple[int, int], float]]:
    """For each note, (hand, finger) -> cost of the tips within reach."""
    assert roll.fingertips is not None
    looks = [_look(note, roll) for note in notes]
    shifts, scale = np.zeros(roll.fingertips.shape[1]), 1.0
    for _ in range(2):
        shifts, scale = _usual(notes, looks, shifts)
    costs = [_fit(note, _shifted(tips, shifts), scale) for note, tips in zip(notes, looks, strict=True)]
    rarity = _rarity(costs, len(shifts))
    return [{choice: cost + rarity[choice[0], choice[1] - 1] for choice, cost in each.items()} for each in costs]


def _shifted(tips: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Tips ``(frames, hands, 5, 2)`` moved to where they strike, ``shifts (hands,)`` white-key widths to the left."""
    return tips - np.stack([shifts, np.zeros_like(shifts)], axis=1)[:, None]


def _rarity(costs: Sequence[dict[tuple[int, int], float]], hands: int) -> np.ndarray:
    """Cost of using a finger that its hand seldom uses, below 0 for those that it often uses: ``(hands, 5)``."""
    uses = np.full((hands, FINGERS), USUAL_USES)
    for choices in costs:
        weights = np.exp(-np.array([*choices.values(), NOBODY]))
        for (hand, finger), weight in zip(choices, weights / weights.sum(), strict=False):
            uses[hand, finger - 1] += weight
    return -np.log(FINGERS * uses / uses.sum(axis=1, keepdims=True))


def _look(note: Note, roll: PianoRoll) -> np.ndarray:
    """The tips ``(frames, hands, 5, 2)`` while the key goes down; the nearest frame if none lies within."""
    assert roll.fingertips is not None
    end = min(note.onset + AFTER, max(note.offset, note.onset + 0.04))
    first, last = np.searchsorted(roll.times, [note.onset - BEFORE, end])
    if first == last:
        nearest = int(np.abs(roll.times - note.onset).argmin())
        first, last = nearest, nearest + int(abs(roll.times[nearest] - note.onset) <= LONGEST_GAP)
    return roll.fingertips[first:last].astype(np.float64)


def _usual(notes: Sequence[Note], looks: Sequence[np.ndarray], shifts: np.ndarray) -> tuple[np.ndarray, float]:
    """How the tips that fit best lie to the keys they strike, ``shifts (hands,)`` being what was known before.

    White-key widths by which each hand's tips lie right of them, ``(hands,)``; and how widely they are spread around
    that, 1 for ``SPREAD``.
    """
    found: list[list[float]] = [[] for _ in shifts]
    for note, tips in zip(notes, looks, strict=True):
        costs = _fit(note, _shifted(tips, shifts))
        if costs:
            hand, finger = min(costs, key=lambda choice: costs[choice])
            found[hand].append(float(np.nanmedian(tips[:, hand, finger - 1, 0])) - key_centre(note.pitch))
    counts = np.array([len(away) for away in found])
    middles = np.array([np.median(away) if away else 0.0 for away in found])
    rest = [abs(value - middle) for away, middle in zip(found, middles, strict=True) for value in away]
    scale = float(np.median(rest)) / USUAL_DISTANCE if len(rest) >= SHIFT_NOTES else 1.0
    shifts = np.clip(middles * counts / (counts + SHIFT_NOTES), -LARGEST_SHIFT, LARGEST_SHIFT)
    return shifts, float(np.clip(scale, *SCALES))


def _fit(note: Note, tips: np.ndarray, scale: float = 1.0) -> dict[tuple[int, int], float]:
    """(hand, finger) -> cost of its tip on the note's key, for the tips ``(frames, hands, 5, 2)`` within reach.

    ``scale``: how widely this video's tips are spread, 1 for ``SPREAD``.
    """
    black = is_black(note.pitch)
    away = tips[..., 0] - key_centre(note.pitch)
    along = (TAILS + 1) / 2 * np.log1p((away / (scale * SPREAD[black])) ** 2 / TAILS)
    back, front = DEPTHS[black]
    outside = np.maximum(0.0, np.maximum(back - tips[..., 1], tips[..., 1] - front))
    depth = np.minimum(WORST_DEPTH, 0.5 * (outside / DEPTH_SPREAD) ** 2)
    seen = ~np.isnan(away)
    nearest = np.where(seen, np.abs(away), np.inf).min(axis=0, initial=np.inf)
    mean = np.where(seen, along + depth, 0.0).sum(axis=0) / np.maximum(1, seen.sum(axis=0))
    return {(int(hand), int(finger) + 1): float(mean[hand, finger]) for hand, finger in np.argwhere(nearest <= REACH)}


# ---- what hands do ---------------------------------------------------------------------------------------------------


def _walk(
    notes: Sequence[Note], costs: Sequence[dict[tuple[int, int], float]], sides: Sequence[Hand | None]
) -> list[dict[tuple[int, int] | None, float]]:
    """For each note, choice -> share of the likely ways: (hand, finger), or None where nobody is seen to strike it."""
    ways = [_Way(0.0, (), ())]
    decided = []
    for index, (note, choices) in enumerate(zip(notes, costs, strict=True)):
        recent = [[touch for touch in way.touches if touch.offset > note.onset - RECENT] for way in ways]
        steps: list[tuple[float, int, _Touch | None]] = []  # the whole cost, which way goes on, and how
        for choice, cost in choices.items():
            new = _Touch(note.pitch, note.onset, note.offset, *choice)
            side = sides[new.hand]
            for number, (way, touches) in enumerate(zip(ways, recent, strict=True)):
                effort = sum(_effort(old, new, side) for old in touches if old.hand == new.hand)
                steps.append((way.cost + (cost + effort), number, new))
        steps += [(way.cost + NOBODY, number, None) for number, way in enumerate(ways)]
        steps.sort(key=lambda step: step[0])
        ways = [_grow(ways[number], recent[number], new, cost) for cost, number, new in steps[:BEAM]]
        if index >= LAG:
            decided.append(_shares(ways, LAG))
    return decided + [_shares(ways, back) for back in range(min(LAG, len(notes)) - 1, -1, -1)]


def _shares(ways: Sequence[_Way], back: int) -> dict[tuple[int, int] | None, float]:
    """Share of the ways, weighted by likelihood, for each choice made ``back`` notes ago."""
    weights = np.exp(ways[0].cost - np.array([way.cost for way in ways]))
    shares: defaultdict[tuple[int, int] | None, float] = defaultdict(float)
    for way, weight in zip(ways, weights / weights.sum(), strict=True):
        shares[way.choices[-1 - back]] += float(weight)
    return dict(shares)


def _grow(way: _Way, recent: Sequence[_Touch], new: _Touch | None, cost: float) -> _Way:
    """Go on with one more note; ``recent``: the touches of the way that still matter."""
    if new is None:
        return _Way(cost, tuple(recent), (*way.choices[-LAG:], None))
    kept = [old for old in recent if old.offset > new.onset or (old.hand, old.finger) != (new.hand, new.finger)]
    return _Way(cost, (*kept[-9:], new), (*way.choices[-LAG:], (new.hand, new.finger)))


def _effort(old: _Touch, new: _Touch, side: Hand | None) -> float:
    """What it costs one hand to play ``new`` after, or while it holds, ``old``."""
    seconds = new.onset - old.onset
    held = old.offset > new.onset + 0.03 and seconds < 1.0  # longer ones may be held by the pedal alone
    near = max(0.0, 1.0 - seconds / RECENT)  # what was long ago matters little
    if old.pitch == new.pitch:
        return 0.8 * near if old.finger != new.finger else 0.0
    if old.finger == new.finger:
        if not held:
            return 1.0 * near
        if seconds < 0.05 and abs(old.pitch - new.pitch) <= 2:  # one finger on two neighbours
            return 1.0 if new.finger == 1 else 2.5
        return 2.0 + 4.0 * near
    rising = (new.pitch > old.pitch) == (new.finger > old.finger)
    if rising == (side == "right"):
        return 0.0
    thumb = 1 in (old.finger, new.finger)
    if held:
        return (1.0 if thumb else 3.0) * max(near, 0.3)
    return (0.3 if thumb else 1.5) * near

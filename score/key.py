"""Notes -> key signatures: the first, and where an editor would change it.

A small network says for every few chords how likely each of the 12 signatures is. It sees which pitch classes sound
and which lie in the bass: just here, around here, at the beginning and in the whole piece, all from the signature's own
tonic, so that what it learned of one key it knows of every key. Over these a Viterbi search makes few changes:
signatures stay where the music visits another key and comes back. Whether a signature means its major or its minor key
say Temperley's profiles ("What's key for key?", Music Perception 17, 1999), with a little weight for the last bass.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pianoroll import Note
from score.chords import in_chords
from score.errors import ScoreError
from score.network import WEIGHTS, apply, load_layers

CHORDS = 8  # chords, or single notes one after another, that are judged at once: about a bar
CHANGE = 5.0  # what another signature must win in log likelihood: a few fewer changes than editors make
FEW_NOTES = 200  # with fewer, profiles find the first signature more often than the network does
LONGEST = 1.0  # seconds: a longer note says no more about the key
REACHES = (2, 6, 20)  # deviations, in CHORDS, of the windows in which lengths are added up
COUNTED, BASS = 3, 4  # the same for numbers of notes, and for the bass
BEGINNING, END = 4, 2  # CHORDS
FEATURES = 12 * 9  # for each of the 12 signatures
MAJOR = np.array([5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0])
MINOR = np.array([5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0])
LAST_BASS = 0.07  # of a correlation, for a tonic in the last bass
_LETTERS = "FCGDAEB"  # along the line of fifths
_NAME = re.compile(r"([A-Ga-g])([#b]?)[ -]*(|m|M|min|minor|maj|major|Min|Minor|Maj|Major)")
# Which spellings serve in a key: places on the line of fifths from its major (or relative major) tonic. In C: E flat to
# G sharp; in A minor: B flat to D sharp, so that the leading notes of the key and of its dominant are sharps.
_WINDOW = {"major": range(-3, 9), "minor": range(-2, 10)}


@dataclass(frozen=True)
class Key:
    """``sharps``: of the signature, negative for flats (-7..7); ``mode``: “major” or “minor”."""

    sharps: int
    mode: str

    @classmethod
    def named(cls, name: str) -> "Key":
        """From a name such as “C minor”, “Eb major”, “F#” (major) or “am” (minor). Raises ScoreError."""
        found = _NAME.fullmatch(name.strip().replace("♯", "#").replace("♭", "b"))
        if found:
            letter, sign, ending = found.groups()
            minor = ending.lower() in ("m", "min", "minor") and ending != "M"
            sharps = _LETTERS.index(letter.upper()) - 1 + 7 * {"#": 1, "b": -1, "": 0}[sign] - (3 if minor else 0)
            if -7 <= sharps <= 7:
                return cls(sharps, "minor" if minor else "major")
        raise ScoreError(f"“{name}” is no key that can be written; give one such as “C major” or “F# minor”.")

    @property
    def tonic(self) -> str:
        """Name of the tonic, e.g. “F#” or “Bb”."""
        return _fifths_name(self.sharps + (0 if self.mode == "major" else 3))

    @property
    def name(self) -> str:
        return f"{self.tonic} {self.mode}"

    def spell(self, pitch: int) -> tuple[str, int, int]:
        """Letter, alteration in semitones (-2..2) and octave of a MIDI pitch by itself: (“F”, 1, 4) for 66 in G major.
        Where its neighbours are known, ``score.spelling`` knows better."""
        window = _WINDOW[self.mode]
        fifths = next(f for f in (self.sharps + step for step in window) if (7 * f) % 12 == pitch % 12)
        return written(pitch, fifths)


def written(pitch: int, fifths: int) -> tuple[str, int, int]:
    """Letter, alteration in semitones and octave of a MIDI pitch at a place on the line of fifths, where C is 0, G 1
    and F -1: (“B”, 1, 3) for 60 at 12."""
    letter, alteration = _fifths_letter(fifths)
    return letter, alteration, (pitch - alteration) // 12 - 1


def find_key(notes: Sequence[Note]) -> Key:
    """The key that a piece begins in, by its signature; C major for no notes."""
    return find_keys(notes)[0][1]


def find_keys(notes: Sequence[Note]) -> list[tuple[float, Key]]:
    """The signatures, and the second (a note's onset) from which each holds; the first from the first onset."""
    if not notes:
        return [(0.0, Key(0, "major"))]
    if len(notes) < FEW_NOTES:
        return [(min(note.onset for note in notes), _by_profile(notes))]
    features, starts = signature_features(notes)
    scores = apply(load_layers(WEIGHTS / "key.safetensors"), features)[..., 0]
    likelihood = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    path = likeliest_path(likelihood, CHANGE)
    first = np.flatnonzero(np.diff(path, prepend=-1))
    bounds = [*starts[first[1:]].tolist(), np.inf]
    keys: list[tuple[float, Key]] = []
    begin = float(starts[0])
    for index, end in zip(first, bounds, strict=True):
        part = [note for note in notes if begin <= note.onset < end]
        keys.append((begin, _named(int(path[index]), part, keys[-1][1] if keys else None)))
        begin = end
    return keys


def signature_features(notes: Sequence[Note]) -> tuple[np.ndarray, np.ndarray]:
    """What the network knows: ``(T, 12, FEATURES)`` float32 for every ``CHORDS`` chords and each signature, by its
    sharps modulo 12, and where these begin ``(T,)`` in seconds."""
    chords = in_chords(notes)
    time, fifth, bass = chords.chord // CHORDS, 7 * chords.pitch % 12, chords.lowest
    length = np.clip(chords.length, 0.05, LONGEST)
    lengths, numbers, lowest = np.zeros((3, time[-1] + 1, 12))
    np.add.at(lengths, (time, fifth), length)
    np.add.at(numbers, (time, fifth), 1.0)
    np.add.at(lowest, (time[bass], fifth[bass]), length[bass])
    around = [_smooth(lengths, reach) for reach in REACHES] + [_smooth(numbers, COUNTED), _smooth(lowest, BASS)]
    whole = [lengths.sum(0), lowest.sum(0), lengths[:BEGINNING].sum(0), lowest[-END:].sum(0)]
    shares = np.stack([_shares(each) for each in around + [np.tile(each, (len(lengths), 1)) for each in whole]], axis=1)
    turned = (np.arange(12)[:, None] + np.arange(12)) % 12  # by fifths from each signature's tonic
    features = shares[:, :, turned].transpose(0, 2, 1, 3).reshape(len(lengths), 12, FEATURES)
    return features.astype(np.float32), chords.onset[np.searchsorted(time, np.arange(len(lengths)))]


def likeliest_path(likelihood: np.ndarray, change: float) -> np.ndarray:
    """Viterbi: log likelihoods ``(T, S)`` -> states ``(T,)``; each change costs ``change``."""
    best, came = likelihood[0], []
    for row in likelihood[1:]:
        stays = best >= best.max() - change
        came.append(np.where(stays, np.arange(len(best)), best.argmax()))
        best = np.maximum(best, best.max() - change) + row
    path = [int(best.argmax())]
    for before in reversed(came):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])


def _smooth(values: np.ndarray, deviation: int) -> np.ndarray:
    """Sums over a Gaussian window along time ``(T, 12)``."""
    reach = 3 * deviation
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return np.stack([np.convolve(column, window)[reach:-reach] for column in values.T], axis=1)


def _shares(values: np.ndarray) -> np.ndarray:
    """Each pitch class's share ``(T, 12)``, 0 where it is a twelfth."""
    return 12 * values / np.maximum(values.sum(1, keepdims=True), 1e-6) - 1


def _named(signature: int, notes: Sequence[Note], before: Key | None) -> Key:
    """The key of sharps modulo 12. B and D flat are written so, not C flat and C sharp; of six sharps or flats those
    that the signature before is nearer to, else F sharp major and E flat minor."""
    sharps = (signature + 5) % 12 - 5
    mode = _mode(sharps, notes)
    if sharps == 6 and (before.sharps < 0 if before else mode == "minor"):
        sharps = -6
    return Key(sharps, mode)


def _by_profile(notes: Sequence[Note]) -> Key:
    """The signature of which the major or minor profile is most like how long each pitch class sounds (Krumhansl and
    Schmuckler)."""
    likeness = {sharps: max(_likenesses(sharps, notes).values()) for sharps in range(-5, 7)}
    return _named(max(likeness, key=lambda sharps: likeness[sharps]) % 12, notes, None)


def _mode(sharps: int, notes: Sequence[Note]) -> str:
    """“major” or “minor”: whose profile is more like how long each pitch class sounds."""
    likeness = _likenesses(sharps, notes)
    return max(likeness, key=lambda mode: likeness[mode])


def _likenesses(sharps: int, notes: Sequence[Note]) -> dict[str, float]:
    """Correlation of both profiles of a signature with how long each pitch class sounds."""
    heard = np.zeros(12)
    for note in notes:
        heard[note.pitch % 12] += min(max(note.offset - note.onset, 0.05), LONGEST)
    end = max(note.onset for note in notes) - 0.5
    bass = min(note.pitch for note in notes if note.onset >= end) % 12
    likeness = {}
    for mode, profile, tonic in (("major", MAJOR, 7 * sharps % 12), ("minor", MINOR, (7 * sharps - 3) % 12)):
        alike = float(np.corrcoef(np.roll(profile, tonic), heard)[0, 1]) if heard.std() > 0 else 0.0
        likeness[mode] = alike + (LAST_BASS if tonic == bass else 0.0)
    return likeness


def _fifths_letter(fifths: int) -> tuple[str, int]:
    """Letter and alteration of a place on the line of fifths, where C is 0, G 1 and F -1."""
    alteration, index = divmod(fifths + 1, 7)
    return _LETTERS[index], alteration


def _fifths_name(fifths: int) -> str:
    letter, alteration = _fifths_letter(fifths)
    return letter + ("#" * alteration if alteration > 0 else "b" * -alteration)

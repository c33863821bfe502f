"""Known mistakes are sorted into their kinds."""

import pytest

from dataset_tools.errors import Errors, sort_errors
from pianoroll import Note

TRUTH = [Note(1.0, 60, 2.0), Note(1.0, 66, 2.0), Note(3.0, 60, 4.0), Note(4.2, 60, 5.0), Note(6.0, 72, 7.0)]


def test_a_perfect_reading_has_no_errors_and_tells_how_late_it_is() -> None:
    late = [Note(n.onset + 0.02, n.pitch, n.offset) for n in TRUTH]
    errors = sort_errors(late, TRUTH)
    assert errors == Errors(found=5, late_white=errors.late_white, late_black=errors.late_black, strays=errors.strays)
    assert errors.as_dict()["strays_ms"] == pytest.approx(0)
    assert errors.as_dict()["late_white_ms"] == pytest.approx(20)
    assert errors.as_dict()["late_black_ms"] == pytest.approx(20)


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        ([*TRUTH, Note(1.5, 60, 2.0)], "split"),
        ([*TRUTH, Note(1.02, 61, 2.0)], "neighbour"),
        ([*TRUTH, Note(6.03, 84, 7.0)], "octave"),
        ([*TRUTH, Note(8.0, 50, 9.0)], "invented"),
        (TRUTH[:4], "unseen"),
        ([*TRUTH[:2], Note(3.0, 60, 5.0), TRUTH[4]], "merged"),
    ],
)
def test_a_mistake_is_of_one_kind(read: list[Note], kind: str) -> None:
    counts = sort_errors(read, TRUTH).as_dict()
    names = ("merged", "unseen", "split", "neighbour", "octave", "invented")
    assert {name: counts[name] for name in names} == {name: int(name == kind) for name in names}


def test_silence_and_nothing_known() -> None:
    assert sort_errors([], TRUTH).unseen == 5
    assert sort_errors(TRUTH, []).invented == 5
    assert sort_errors([], []).as_dict()["late_white_ms"] is None
    assert (sort_errors([], TRUTH) + sort_errors(TRUTH, [])).invented == 5


def test_keys_struck_again_at_once_are_counted() -> None:
    true = [Note(1.0, 60, 1.5), Note(1.6, 60, 2.0), Note(2.3, 60, 2.5), Note(2.6, 60, 3.0), Note(2.6, 62, 3.0)]
    errors = sort_errors([true[0], *true[2:]], true)
    assert (errors.again, errors.again_found) == (2, 1)


def test_strays_are_measured_from_the_usual_lateness_and_velocities_by_rank() -> None:
    true = [Note(float(k), 60 + k, k + 0.5, 40 + k) for k in range(5)]
    read = [Note(k + 0.03 + 0.01 * (k - 2), 60 + k, k + 0.5, 90 - k) for k in range(5)]
    counts = sort_errors(read, true).as_dict()
    assert counts["strays_ms"] == pytest.approx(12)
    assert counts["velocity_rank"] == -1
    assert sort_errors(true, TRUTH).as_dict()["velocity_rank"] is None

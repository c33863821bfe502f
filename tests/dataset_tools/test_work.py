"""Many items over processes and over a Ray cluster: each done once, whoever dies on the way."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from dataset_tools import work
from dataset_tools.work import At, Outcome, WorkError, do_all
from pianoroll import FileError
from pianoroll.files import write_beside

LOADED: list[int] = []  # what a worker keeps from item to item, as a model


def square(folder: Path, number: int) -> int:
    """Squares, each logged as one line; some items are hard."""
    if number == 3 and not (folder / "once").exists():
        (folder / "once").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 7:
        raise FileError("7.mp4 is empty; record it again.")
    if number == 8:
        raise ZeroDivisionError("by nothing")
    with open(folder / "log", "a") as log:
        log.write(f"{number}\n")
    return number * number


def loaded(number: int) -> tuple[int, int, str]:
    """The worker, how often it has loaded what it needs, and its threads."""
    if not LOADED:
        LOADED.append(number)
    return os.getpid(), LOADED[0], os.environ["OMP_NUM_THREADS"]


def write_slowly(folder: Path, number: int) -> None:
    with write_beside(folder / f"{number}.txt") as path:
        path.write_text("half")
        (folder / f"pid{number}").write_text(str(os.getpid()))
        time.sleep(60 if number else 0)


def telling(number: int) -> int:
    """Tells two stages, one of them in small steps; item 1 does not live to its end the first time."""
    for step in range(1000):
        work.tell_stage("counting", step / 1000)
    work.tell_stage("resting", None)
    if number < 0 and not Path(f"{-number}").exists():
        Path(f"{-number}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def never_pickled(number: int) -> object:
    return open(os.devnull) if number == 1 else number


def square_on_ray(folder: Path, number: int) -> int:
    """Takes a moment, and says which machine of the cluster did it with whose code."""
    import ray

    time.sleep(0.1)
    with open(folder / "nodes", "a") as log:
        log.write(f"{ray.get_runtime_context().get_node_id()} {work.__file__}\n")
    return square(folder, number)


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_item_is_done_once_though_workers_are_killed(tmp_path: Path, jobs: int) -> None:
    told: list[tuple[int, int]] = []
    outcomes = list(do_all(partial(square, tmp_path), range(12), jobs=jobs, tell=lambda *how: told.append(how)))
    assert_all_told(outcomes, 12)
    good = [number for number in range(12) if number not in (5, 7, 8)]
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == good
    assert told == [(done, 12) for done in range(1, 13)]


def assert_all_told(outcomes: list[Outcome[int, int]], count: int) -> None:
    """One outcome an item, and the right one."""
    by_item = {outcome.item: outcome for outcome in outcomes}
    assert sorted(outcome.item for outcome in outcomes) == list(range(count))
    good = [number for number in range(count) if number not in (5, 7, 8)]
    assert {n: by_item[n].result for n in good} == {n: n * n for n in good}
    assert all(by_item[n].failure is None for n in good)
    assert by_item[7].failure == "7.mp4 is empty; record it again."
    assert by_item[8].failure == "ZeroDivisionError: by nothing"
    assert "worker was killed" in str(by_item[5].failure)


def test_what_killed_a_worker_is_named(tmp_path: Path) -> None:
    (outcome,) = do_all(partial(square, tmp_path), [5])
    assert outcome.failure == "The worker was killed by SIGSEGV (a crash in a codec?), 2 times in 2."


def test_a_worker_loads_once_and_shares_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(work, "_cores", lambda: 6)
    results = [outcome.result for outcome in do_all(loaded, range(1, 9), jobs=2)]
    assert all(results)
    workers = {(worker, first) for worker, first, _ in filter(None, results)}
    assert len({worker for worker, _ in workers}) == len(workers) <= 2
    assert {threads for _, _, threads in filter(None, results)} == {"3"}
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_run_hears_where_each_worker_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    heard: list[At[int]] = []
    assert sorted(outcome.result or 0 for outcome in do_all(telling, [-1, 2, 3], jobs=2, watch=heard.append)) == [
        -1,
        2,
        3,
    ]
    assert {at.worker for at in heard} == {0, 1}
    for number, times in ((-1, 2), (2, 1), (3, 1)):
        stages = [at.stage for at in heard if at.item == number]
        assert [stage for stage in stages if stage != "counting"] == ["beginning", "resting"] * times
        assert times <= stages.count("counting") < 100  # not every step
    assert {at.fraction for at in heard if at.stage == "resting"} == {None}
    assert 0.0 in {at.fraction for at in heard if at.stage == "counting"}
    for worker in (0, 1):
        mine = [(at.stage, at.item) for at in heard if at.worker == worker]
        assert (mine[0], mine[-1]) == (("starting", None), ("", None))
    assert telling(4) == 4  # silent where there is no run


def test_a_result_that_cannot_be_sent_is_a_failure() -> None:
    outcomes = {outcome.item: outcome for outcome in do_all(never_pickled, range(3))}
    assert "TypeError" in str(outcomes[1].failure)
    assert [outcomes[n].result for n in (0, 2)] == [0, 2]


def test_stopping_early_ends_the_workers_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    outcomes = do_all(partial(write_slowly, tmp_path), range(3))
    assert next(outcomes).item == 0
    wait_for(tmp_path / "pid1")
    began = time.monotonic()
    outcomes.close()
    assert time.monotonic() - began < work.PATIENCE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.txt", "pid0", "pid1"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_workers_end_with_the_run(tmp_path: Path, how: signal.Signals) -> None:
    here = Path(__file__).resolve()
    (tmp_path / "script.py").write_text(
        f"import sys; sys.path[:0] = {[str(here.parents[2]), str(here.parent)]}\n"
        "from functools import partial; from pathlib import Path\n"
        "from test_work import write_slowly; from dataset_tools.work import do_all\n"
        "if __name__ == '__main__':\n"
        f"    list(do_all(partial(write_slowly, Path({str(tmp_path)!r})), [1, 2], jobs=2))\n"
    )
    # A group of its own, as a terminal makes one for a command: Ctrl-C reaches the workers too.
    run = subprocess.Popen([sys.executable, tmp_path / "script.py"], stderr=subprocess.PIPE, start_new_session=True)
    for name in ("pid1", "pid2"):
        wait_for(tmp_path / name)
    assert len(list(tmp_path.glob(".writing-*"))) == 2
    if how is signal.SIGINT:
        os.killpg(run.pid, how)
    else:
        run.kill()
    errors = run.communicate(timeout=20)[1].decode()  # ends once the workers, too, have closed it
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pid1", "pid2", "script.py"]
    if how is signal.SIGINT:
        assert errors.count("Traceback") == 1
        assert errors.strip().endswith("KeyboardInterrupt")


def wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.02)


def test_nothing_is_lost_when_a_machine_of_the_cluster_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # this file's tasks; Ray brings the program's code
    monkeypatch.chdir(tmp_path)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        doomed = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        outcomes = []
        for outcome in do_all(partial(square_on_ray, tmp_path), range(24), ray=cluster.address):
            outcomes.append(outcome)
            if len(outcomes) == 8:
                cluster.remove_node(doomed, allow_graceful=False)
        assert capfd.readouterr().out == ""  # Ray tells of deaths on stdout, which is the user's
    finally:
        cluster.shutdown()
    assert_all_told(outcomes, 24)
    nodes = dict(line.split() for line in (tmp_path / "nodes").read_text().splitlines())
    assert len(nodes) == 2
    assert all("py_modules" in file for file in nodes.values())


def test_what_cannot_begin_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkError, match="--jobs is 0"):
        next(do_all(square, [1], jobs=0))
    monkeypatch.setattr(work, "find_spec", lambda name: None)
    with pytest.raises(WorkError, match=r"silentkeys\[ray\]"):
        next(do_all(loaded, [1], ray="local"))

"""Many items, each done once: over processes of this machine, or over the machines of a Ray cluster.

A task is a plain function of one item that can be imported by name; its modules' caches live as long as its worker, so
a model is loaded once a worker. A task may say how far it is by ``tell_stage``. What a task cannot do is told, never
raised: one bad item does not stop the others. A worker that is killed (out of memory, a crash in a codec) is replaced
and its item tried once more, after all others.
"""

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar, cast

from pianoroll import SilentkeysError

Item = TypeVar("Item")
Result = TypeVar("Result")

ATTEMPTS = 2  # how often an item is tried whose worker is killed
PATIENCE = 10.0  # seconds a worker has to end when asked to
OFTEN = 0.2  # seconds between what a worker says of one stage
AHEAD = 2  # items a CPU that Ray is given at a time: one is worked on, the next waits
OURS = ("pianoroll", "video2roll", "roll2midi", "score", "midi_synth", "dataset_tools", "app")  # what Ray's nodes get
NO_CLUSTER = (
    "--ray {}: {}; start a cluster with “ray start --head”, or give --ray local for this machine alone (and set "
    "RAY_AUTH_MODE=token where the cluster asks for its token)."
)


class WorkError(SilentkeysError):
    """Work that cannot begin: no workers, or no cluster."""


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """What became of one item: its ``result``, or one sentence that says why there is none."""

    item: Item
    result: Result | None = None
    failure: str | None = None


_log = logging.getLogger("silentkeys")

Tell = Callable[[int, int], None]  # (items finished, items in all)


@dataclass(frozen=True)
class At(Generic[Item]):
    """Where a worker is: its place (0 to jobs - 1), its item (None where it starts, or has ended), what it does there
    (nothing where it has ended), and the part of that which is done, 0..1 (None: not known)."""

    worker: int
    item: Item | None = None
    stage: str = ""
    fraction: float | None = None


class _Teller:
    """Takes a stage and the part of it that is done, 0..1 or None, and tells the run; silent outside of workers."""

    def __init__(self) -> None:
        self.pipe: Connection | None = None
        self.turn = threading.Lock()  # a task may tell from its threads
        self.last = ("", -OFTEN)

    def __call__(self, stage: str, fraction: float | None) -> None:
        with self.turn:
            now = time.monotonic()
            if self.pipe is None or (stage == self.last[0] and now - self.last[1] < OFTEN):
                return
            self.last = (stage, now)
            with suppress(OSError):  # where the run has ended, this worker is about to
                self.pipe.send((stage, fraction))


tell_stage = _Teller()


def do_all(
    task: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int | None = None,
    ray: str | None = None,
    tell: Tell | None = None,
    watch: Callable[[At[Item]], None] | None = None,
) -> Generator[Outcome[Item, Result], None, None]:
    """Do ``task`` for every item, in other processes; gives each one's outcome once, as they come, in any order.

    ``jobs``: so many at a time; None is one here, and one a CPU on Ray. ``ray``: a cluster's address ("auto",
    host:port, ray://host:port), or "local" for one of this machine alone; its machines must see the same files, and its
    workers have other working folders, so name files by absolute paths. Task, items and results are pickled. ``watch``
    is told where each process of this machine is, in what the task said by ``tell_stage``; of Ray's, nothing. Where the
    caller stops early or Ctrl-C is pressed, the workers are ended: tasks that write with ``write_beside`` leave nothing
    half-written. Raises WorkError where no worker can be had.
    """
    if jobs is not None and jobs < 1:
        raise WorkError(f"--jobs is {jobs}; give 1 or more.")
    if not items:
        return
    outcomes = _on_ray(task, items, jobs, ray) if ray is not None else _here(task, items, jobs or 1, watch)
    with closing(outcomes):
        for done, outcome in enumerate(outcomes, start=1):
            if tell is not None:
                tell(done, len(items))
            yield outcome


def _attempt(task: Callable[[Item], Result], item: Item) -> Outcome[Item, Result]:
    """Do one item, in a worker; whatever goes wrong becomes a sentence."""
    try:
        return Outcome(item, task(item))
    except SilentkeysError as error:
        return Outcome(item, failure=str(error))
    except Exception as error:
        return Outcome(item, failure=_unforeseen(error))


def _unforeseen(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


class _Queue:
    """Numbers of the items to do, and how often each was tried."""

    def __init__(self, length: int) -> None:
        self.numbers = deque(range(length))
        self.tries = [0] * length

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self) -> int:
        number = self.numbers.popleft()
        self.tries[number] += 1
        return number

    def lost(self, number: int | None, how: str) -> str | None:
        """A worker was, while at an item: that is put behind all others, or, for the last time, given up in a sentence.

        Raises WorkError where the worker had not come to any item yet.
        """
        if number is None:
            raise WorkError(f"No worker could be started: it {how} before it did anything.")
        if self.tries[number] == ATTEMPTS:
            return f"The worker {how}, {ATTEMPTS} times in {ATTEMPTS}."
        self.numbers.append(number)
        return None


# ---- processes of this machine ---------------------------------------------------------------------------------------


class _Worker:
    """A process that does one item after the other, the number of the item that it is at, and its place among all."""

    def __init__(self, task: Callable[[Any], Any], threads: int, place: int) -> None:
        context = get_context("spawn")  # a fork would copy locks and the threads' state of codecs and networks
        self.pipe, theirs = context.Pipe()
        self.number: int | None = None
        self.place = place
        self.process = context.Process(target=_serve, args=(task, theirs), daemon=True)
        with _few_threads(threads), _deaf_to_interrupts():
            self.process.start()
        theirs.close()  # so that the worker's end is the only one, and its death is seen here

    def give(self, item: object) -> None:
        with suppress(BrokenPipeError):  # where it has died; the next look at its pipe will tell
            self.pipe.send(item)

    def answer(self) -> Outcome[Any, Any] | tuple[str, float | None] | None:
        """What it has to say: an outcome (of no item, and empty where it is but ready), or the stage that it is at and
        the part done of that; None where it has died."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        """Let go of an idle worker; stop one that is at work, which lets it take away what it has half written."""
        self.pipe.close()
        if self.number is not None:
            self.process.terminate()

    def gone(self) -> str:
        """How it ended, for people; waits for it, and kills it where it does not end by itself."""
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        return _death(self.process.exitcode or 0)


def _serve(task: Callable[[Any], Any], pipe: Connection) -> None:
    """A worker's life: say that it is ready, then do what comes until the pipe is closed."""
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tell_stage.pipe = pipe
    outcome: Outcome[Any, Any] = Outcome(None)
    try:
        while True:
            with tell_stage.turn:
                _send(pipe, outcome)
            outcome = _attempt(task, pipe.recv())
            tell_stage.last = ("", -OFTEN)
    except (EOFError, OSError):
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is left to be taken away


def _send(pipe: Connection, outcome: Outcome[Any, Any]) -> None:
    """Send an outcome without its item, which the other side has."""
    try:
        pipe.send(Outcome(None, outcome.result, outcome.failure))
    except OSError:
        raise
    except Exception as error:  # a result that cannot be pickled
        pipe.send(Outcome(None, failure=_unforeseen(error)))


def _end_with_parent() -> None:
    """Where the run itself is killed, its workers must not go on: the next run would meet them at the same files."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(1)


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit  # runs what stands in “finally”, as a signal alone does not


def _here(
    task: Callable[[Item], Result], items: Sequence[Item], jobs: int, watch: Callable[[At[Item]], None] | None
) -> Generator[Outcome[Item, Result], None, None]:
    """Outcomes of the items, done by ``jobs`` processes."""
    queue = _Queue(len(items))
    jobs = min(jobs, len(items))
    threads = max(1, _cores() // jobs)
    workers: dict[Connection, _Worker] = {}
    watch = watch or (lambda at: None)
    try:
        while workers or queue:
            free = [place for place in range(jobs) if place not in {worker.place for worker in workers.values()}]
            for worker in [_Worker(task, threads, place) for place in free[: len(queue)]]:
                workers[worker.pipe] = worker
                watch(At(worker.place, stage="starting"))
            for pipe in wait(list(workers)):
                worker = workers[cast(Connection, pipe)]
                number, answer = worker.number, worker.answer()
                if isinstance(answer, tuple):
                    if number is not None:
                        watch(At(worker.place, items[number], *answer))
                    continue
                worker.number = None
                if answer is not None and queue:
                    worker.number = queue.take()
                    worker.give(items[worker.number])
                    watch(At(worker.place, items[worker.number], "beginning"))
                else:
                    del workers[worker.pipe]
                    worker.end()
                    watch(At(worker.place))
                if answer is None:
                    failure = queue.lost(number, worker.gone())
                    if number is not None and failure is not None:
                        yield Outcome(items[number], failure=failure)
                elif number is not None:
                    yield Outcome(items[number], answer.result, answer.failure)
    finally:
        for worker in workers.values():
            worker.end()
        for worker in workers.values():
            worker.gone()


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _thread_settings(threads: int) -> dict[str, str]:
    """Environment in which NumPy, PyTorch and OpenCV take so many threads, unless the user has said how many."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    return {name: os.environ.get(name, str(threads)) for name in names}


@contextmanager
def _few_threads(threads: int) -> Iterator[None]:
    """Processes that start meanwhile take so many: the libraries look when they are loaded, before any code of ours."""
    before = dict(os.environ)
    os.environ.update(_thread_settings(threads))
    try:
        yield
    finally:
        for name in _thread_settings(threads):
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that start meanwhile never see Ctrl-C, which a terminal sends to all: their parent ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _death(code: int) -> str:
    """How a process ended, by its exit code."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    guess = {"SIGKILL": " (out of memory?)", "SIGSEGV": " (a crash in a codec?)"}.get(name, "")
    return f"was killed by {name}{guess}"


# ---- the machines of a Ray cluster -----------------------------------------------------------------------------------


def _on_ray(
    task: Callable[[Item], Result], items: Sequence[Item], jobs: int | None, address: str
) -> Generator[Outcome[Item, Result], None, None]:
    """Outcomes of the items, done by a cluster; only a few more than are worked on are handed over at a time."""
    ray, ours = _connect(address)
    # Ray's own retries are off: it counts kills for want of memory apart, and repeats those for ever.
    remote = ray.remote(num_cpus=1, max_retries=0)(_attempt)
    queue = _Queue(len(items))
    waiting: dict[Any, int] = {}
    try:
        while waiting or queue:
            room = (jobs or AHEAD * int(ray.cluster_resources().get("CPU", 1))) - len(waiting)
            for _ in range(min(room, len(queue))):
                number = queue.take()
                waiting[remote.remote(task, items[number])] = number
            for reference in ray.wait(list(waiting))[0]:
                number = waiting.pop(reference)
                outcome = _fetch(ray, reference, items[number])
                if isinstance(outcome, Outcome):
                    yield outcome
                elif (failure := queue.lost(number, outcome)) is not None:
                    yield Outcome(items[number], failure=failure)
    finally:
        for reference in waiting:
            ray.cancel(reference, force=False)  # raises in the task, which takes away what it has half written
        if waiting:
            ray.wait(list(waiting), num_returns=len(waiting), timeout=PATIENCE)
        if ours:
            ray.shutdown()


def _fetch(ray: Any, reference: Any, item: Item) -> Outcome[Item, Any] | str:
    """An outcome, or how its worker was lost."""
    errors = ray.exceptions
    try:
        return ray.get(reference)
    except errors.RayTaskError as error:  # outside of the task: an item or a result that cannot be pickled
        return Outcome(item, failure=_unforeseen(error.cause))
    except errors.RuntimeEnvSetupError as error:
        raise WorkError(f"Ray could not set a worker up: {str(error).strip().splitlines()[-1]}") from error
    except errors.OutOfMemoryError:
        return "was killed, as its machine ran out of memory"
    except errors.NodeDiedError:
        return "was lost with its machine"
    except errors.RayError:
        return "was killed (out of memory? a crash in a codec?)"


def _connect(address: str) -> tuple[Any, bool]:
    """Ray, joined to a cluster, and whether that was done here; its nodes get the very code that runs here."""
    if find_spec("ray") is None:
        raise WorkError('Work over many machines needs the package ray: pip install "silentkeys[ray]".')
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    import ray

    if ray.is_initialized():
        return ray, False
    root = Path(__file__).resolve().parents[1]
    code: dict[str, Any] = {
        "py_modules": [str(root / name) for name in OURS],
        "excludes": ["__pycache__"],
        "env_vars": _thread_settings(1),
    }
    alone: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, runtime_env=code, log_to_driver=False, logging_level=logging.ERROR, **alone)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise WorkError(NO_CLUSTER.format(address, reason)) from error
    ray._private.worker.print_to_stdstream = _log_line  # else what it says of dead workers goes to stdout
    return ray, True


def _log_line(data: dict[str, Any], ignore_prefix: bool = False) -> None:
    for line in data["lines"]:
        _log.debug("ray: %s", line)

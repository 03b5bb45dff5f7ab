"""Serial, GIL-free kernels over ranges of rows, on as many threads as the process may use."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import threadpoolctl
from joblib import cpu_count

Result = TypeVar("Result")
Range = tuple[int, int]

_wanted: contextvars.ContextVar[int | None] = contextvars.ContextVar("nonneg_threads", default=None)
_worker = threading.local()
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_pool_size = 0

# Below this many floating-point operations (about 200 microseconds) waking a thread costs more than it gives.
INLINE_WORK = 8e6


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Use ``n`` threads inside a ``with`` block.

    Parameters
    ----------
    n : int
        Number of threads, at least 1. Results do not depend on it: they are the same to the last bit.

    Raises
    ------
    ValueError
        If ``n`` is not a positive integer.

    Examples
    --------
    >>> import nonneg
    >>> with nonneg.threads(1):
    ...     result = nonneg.factorize([[1.0, 2.0], [2.0, 4.0]], 1, seed=0)
    >>> result.k
    1
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"threads(n) needs a positive integer, got {n!r}.")
    token = _wanted.set(n)
    try:
        yield
    finally:
        _wanted.reset(token)


@functools.cache
def _controller() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()


def thread_count() -> int:
    """Return the number of threads that work started here will use.

    ``threads(n)`` decides; else OMP_NUM_THREADS (joblib sets it in its workers) or the cores that affinity
    and cgroup leave to this process, and never more than threadpoolctl allows its libraries.
    """
    wanted = _wanted.get()
    if wanted is not None:
        return wanted
    # OpenMP allows one number per nesting level: "4,2".
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    count = int(first) if first.isdecimal() and int(first) > 0 else int(cpu_count())
    limits = [pool["num_threads"] for pool in _controller().info()]
    return max(1, min([count, *(int(limit) for limit in limits)]))


def same_threads() -> contextlib.AbstractContextManager[None]:
    """Settle the number of threads for a whole call: asking the libraries takes longer than a small kernel."""
    return threads(thread_count())


def one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """Hold BLAS to one thread: small factorizations then give the same bits on every machine load."""
    limit: contextlib.AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


def ranges(length: int, parts: int, multiple: int) -> list[Range]:
    """Cut ``range(length)`` into at most ``parts`` runs that begin at multiples of ``multiple``."""
    blocks = -(-length // multiple)
    step = max(1, -(-blocks // max(1, parts))) * multiple
    return [(start, min(start + step, length)) for start in range(0, length, step)]


def run(task: Callable[[int, int], Result], parts: Sequence[Range], work: float) -> list[Result]:
    """Call ``task(start, stop)`` for every part, on the pool if ``work`` (in flop) is worth it.

    Results come in the order of the parts. Called from one of the pool's own workers it runs serially.
    """
    helpers = 0
    if len(parts) > 1 and work >= INLINE_WORK and not getattr(_worker, "busy", False):
        helpers = min(thread_count(), len(parts)) - 1
    if helpers < 1:
        return [task(start, stop) for start, stop in parts]

    results: list[Any] = [None] * len(parts)
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(parts)):
        waiting.put(index)

    def drain() -> None:
        while True:
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            results[index] = task(*parts[index])

    pool = _get_pool(helpers)
    futures: list[Future[None]] = [pool.submit(_as_worker, drain) for _ in range(helpers)]
    try:
        drain()
    except BaseException:
        # An interrupt must not leave threads at work on arrays that the caller is about to drop.
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.get_nowait()
        _drop_pool(wait=True)
        raise
    for future in futures:
        future.result()
    return results


def _as_worker(drain: Callable[[], None]) -> None:
    _worker.busy = True
    drain()


def _get_pool(helpers: int) -> ThreadPoolExecutor:
    global _pool, _pool_size  # noqa: PLW0603
    with _lock:
        if _pool is None or _pool_size < helpers:
            if _pool is not None:
                _pool.shutdown(wait=False)
            _pool = ThreadPoolExecutor(helpers, thread_name_prefix="nonneg")
            _pool_size = helpers
        return _pool


def _drop_pool(wait: bool = False) -> None:
    global _pool, _pool_size
    with _lock:
        pool, _pool, _pool_size = _pool, None, 0
    if pool is not None and wait:
        pool.shutdown(wait=True)


def _after_fork() -> None:
    # The child has none of the parent's threads, and may have inherited a locked lock.
    global _pool, _pool_size, _lock
    _pool, _pool_size, _lock = None, 0, threading.Lock()
    _worker.busy = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

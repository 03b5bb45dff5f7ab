"""How many threads the kernels may use. The pool itself is native: src/core/pool.cpp."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
import threading
from collections.abc import Iterator
from numbers import Integral

import threadpoolctl
from joblib import cpu_count

_wanted: contextvars.ContextVar[int | None] = contextvars.ContextVar("nonneg_threads", default=None)
_blas = threading.RLock()
MOST_THREADS = 1024


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Use ``n`` threads inside a ``with`` block.

    Parameters
    ----------
    n : int
        Number of threads, 1 to 1024, for the calls of this Python thread. Results do not depend on it: they are
        the same to the last bit.

    Raises
    ------
    ValueError
        If ``n`` is not an integer from 1 to 1024.

    Examples
    --------
    >>> import nonneg
    >>> with nonneg.threads(1):
    ...     result = nonneg.factorize([[1.0, 2.0], [2.0, 4.0]], 1, seed=0)
    >>> result.k
    1
    """
    if isinstance(n, bool) or not isinstance(n, Integral) or not 1 <= n <= MOST_THREADS:
        raise ValueError(f"threads(n) needs a positive integer, got {n!r}; at most {MOST_THREADS}.")
    token = _wanted.set(int(n))
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
    with _blas:
        limits = [pool["num_threads"] for pool in _controller().info()]
    return max(1, min([MOST_THREADS, count, *(int(limit) for limit in limits)]))


def same_threads() -> contextlib.AbstractContextManager[None]:
    """Settle the number of threads for a whole call: asking the libraries takes longer than a small kernel."""
    return threads(thread_count())


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: its small factorizations then give the same bits whatever its number of threads.

    The limit belongs to the process, so one caller at a time sets it and takes it back.
    """
    with _blas, _controller().limit(limits=1, user_api="blas"):
        yield


def _renew_lock() -> None:
    global _blas  # noqa: PLW0603
    _blas = threading.RLock()


if hasattr(os, "register_at_fork"):
    # A lock that another thread of the parent held would never be released in the child.
    os.register_at_fork(after_in_child=_renew_lock)

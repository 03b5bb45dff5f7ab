"""Threads change the time a result takes, and nothing else: no bit, no thread left behind, no dead lock."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import scipy.sparse
import threadpoolctl

import nonneg
from nonneg import Iterations, _threads


@pytest.fixture(autouse=True)
def own_settings(monkeypatch):
    """Begin every test without a pool and without limits."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    _threads._drop_pool(wait=True)
    yield
    _threads._drop_pool(wait=True)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.random((600, 500)) * (rng.random((600, 500)) < 0.5)


def fit(X, seed=0):
    return nonneg.factorize(X, 8, seed=seed, stop=Iterations(6))


def same(a, b):
    return np.array_equal(a.W, b.W) and np.array_equal(a.H, b.H) and np.array_equal(a.trace.loss, b.trace.loss)


def pool_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("nonneg")]


def python(script):
    """Run a script in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- how many -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, -1, 1.0, 2.5, "2", None, True, [1]])
def test_numbers_of_threads_that_are_none(n):
    with pytest.raises(ValueError, match=r"threads\(n\) needs a positive integer, got"), nonneg.threads(n):
        pass


def test_threads_holds_inside_its_block_only():
    outside = _threads.thread_count()
    with nonneg.threads(3):
        assert _threads.thread_count() == 3
        with nonneg.threads(5):
            assert _threads.thread_count() == 5
        assert _threads.thread_count() == 3
    with pytest.raises(KeyError), nonneg.threads(3):
        raise KeyError
    assert _threads.thread_count() == outside


def test_threads_holds_for_its_own_thread_only():
    with nonneg.threads(7), ThreadPoolExecutor(1) as pool:
        other = pool.submit(_threads.thread_count).result()
        assert _threads.thread_count() == 7
    assert other != 7


def test_default_is_what_the_process_may_use():
    blas = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    assert _threads.thread_count() == min([joblib.cpu_count(), *blas])


@pytest.mark.parametrize(
    ("value", "want"), [("1", 1), ("1,4", 1), ("", None), ("no", None), ("0", None), ("-3", None)]
)
def test_omp_num_threads(value, want, monkeypatch):
    default = _threads.thread_count()
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert _threads.thread_count() == (want or default)


def test_omp_num_threads_of_a_new_process():
    script = """
        import os
        os.environ["OMP_NUM_THREADS"] = "1"
        from nonneg import _threads
        print(_threads.thread_count())
    """
    assert python(script) == "1"


def test_limits_of_threadpoolctl():
    with threadpoolctl.threadpool_limits(1):
        assert _threads.thread_count() == 1
        with nonneg.threads(2):
            assert _threads.thread_count() == 2


def test_one_thread_means_one_thread(X, monkeypatch, always_pool):
    def no_pool(helpers):
        raise AssertionError("a pool was asked for")

    monkeypatch.setattr(_threads, "_get_pool", no_pool)
    with nonneg.threads(1):
        fit(X)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fit(X)
    with nonneg.threads(2), pytest.raises(AssertionError, match="a pool was asked for"):
        fit(X)


def test_blas_gets_its_threads_back():
    def numbers():
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    before = numbers()
    # Two fits at once: the second begins before the first has ended, and ends after it.
    first, second = _threads.one_blas_thread(), None
    with first:
        second = _threads.one_blas_thread()
        second.__enter__()
        assert set(numbers()) == {1}
    second.__exit__(None, None, None)
    after = numbers()
    threadpoolctl.threadpool_limits(max(before), "blas")
    assert after == before


# --- ranges ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 2, 15, 16, 17, 100, 1000])
@pytest.mark.parametrize("parts", [0, 1, 2, 7, 64, 10000])
@pytest.mark.parametrize("multiple", [1, 16, 48])
def test_ranges_cover_everything_once(length, parts, multiple):
    cut = _threads.ranges(length, parts, multiple)
    assert [i for start, stop in cut for i in range(start, stop)] == list(range(length))
    assert all(start % multiple == 0 for start, _ in cut)
    assert all(start < stop for start, stop in cut)
    assert len(cut) <= max(1, parts)


# --- the pool -------------------------------------------------------------------------------------------


PARTS = [(i, i + 1) for i in range(20)]


def test_run_keeps_the_order_and_uses_the_threads(always_pool):
    names = set()

    def task(start, stop):
        names.add(threading.current_thread().name)
        time.sleep(0.002)
        return start

    with nonneg.threads(3):
        assert _threads.run(task, PARTS, 1.0) == list(range(20))
    assert len(names) == 3
    assert len(pool_threads()) == 2


def test_small_work_and_single_parts_stay_here():
    def task(start, stop):
        return threading.current_thread() is threading.main_thread()

    with nonneg.threads(4):
        assert all(_threads.run(task, PARTS, _threads.INLINE_WORK / 2))
        assert _threads.run(task, [(0, 5)], 1e12) == [True]
        assert _threads.run(task, [], 1e12) == []
    assert not pool_threads()


def test_a_nested_run_is_serial(always_pool):
    def inner(start, stop):
        return threading.current_thread().name

    def outer(start, stop):
        time.sleep(0.002)
        return threading.current_thread().name, set(_threads.run(inner, PARTS, 1e12))

    with nonneg.threads(3):
        results = _threads.run(outer, PARTS, 1e12)
    helped = [row for row in results if row[0].startswith("nonneg")]
    assert helped
    for name, inside in helped:
        assert inside == {name}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("where", ["caller", "helper"])
def test_an_error_reaches_the_caller_and_nothing_goes_on(error, where, always_pool):
    raised, running = [], []

    def task(start, stop):
        here = "caller" if threading.current_thread() is threading.main_thread() else "helper"
        running.append(start)
        try:
            time.sleep(0.01)
            if here == where and not raised:
                raised.append(start)
                raise error("from a task")
            if here == "helper":
                time.sleep(0.05)
        finally:
            running.remove(start)

    with nonneg.threads(3):
        with pytest.raises(error, match="from a task"):
            _threads.run(task, PARTS, 1e12)
        # Nobody works on the arrays of a call that is over, and the next call works.
        assert running == []
        assert not pool_threads()
        assert _threads.run(lambda start, stop: start, PARTS, 1e12) == list(range(20))


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this platform cannot signal a thread")
def test_an_interrupt_while_waiting_for_helpers():
    # In a process of its own, where the interrupt can meet nobody else.
    script = """
        import signal, threading, time
        from nonneg import _threads, threads

        main, finished = threading.main_thread(), []

        def task(start, stop):
            time.sleep(0.02)
            if threading.current_thread() is not main:
                # The caller does the other parts and waits for this one.
                time.sleep(0.1)
                signal.pthread_kill(main.ident, signal.SIGINT)
                time.sleep(0.3)
                finished.append(start)

        with threads(2):
            try:
                _threads.run(task, [(0, 1), (1, 2), (2, 3)], 1e12)
            except KeyboardInterrupt:
                left = [thread.name for thread in threading.enumerate() if thread is not main]
                print(len(finished), "finished,", len(left), "left")
    """
    assert python(script) == "1 finished, 0 left"


def test_a_fit_after_an_interrupted_fit(X):
    want = fit(X)
    calls = []

    def callback(state):
        calls.append(state.iteration)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nonneg.factorize(X, 8, seed=0, callback=callback)
    assert same(fit(X), want)


def test_a_growing_pool_does_not_fail_its_other_users(always_pool, monkeypatch):
    # Another thread asks for more helpers between the moment we get the pool and the moment we use it.
    get_pool = _threads._get_pool

    def overtaken(helpers):
        pool = get_pool(helpers)
        get_pool(helpers + 2)
        return pool

    monkeypatch.setattr(_threads, "_get_pool", overtaken)
    with nonneg.threads(2):
        assert _threads.run(lambda start, stop: start, PARTS, 1e12) == list(range(20))


# --- fits at once ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_fits_in_several_threads_are_the_serial_ones(convert, X, always_pool):
    data = convert(X)
    want = [fit(data, seed) for seed in range(4)]

    def several(seed):
        with nonneg.threads(1 + seed):
            return [fit(data, seed) for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(several, range(4), timeout=60))
    for one, three in zip(want, got, strict=True):
        assert all(same(one, other) for other in three)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this platform cannot fork")
def test_a_forked_child_can_fit():
    # In a process of its own: later Pythons warn about forks where threads run, and here some do.
    script = """
        import multiprocessing, warnings
        import numpy as np
        import nonneg
        from nonneg import Iterations, _threads

        warnings.filterwarnings("ignore", "This process", DeprecationWarning)
        _threads.INLINE_WORK = 0
        X = np.random.default_rng(0).random((600, 500))

        def fit():
            with nonneg.threads(3):
                return nonneg.factorize(X, 8, seed=0, stop=Iterations(6)).H

        def child(connection):
            connection.send(fit())

        want = fit()  # both pools run now
        for _ in range(3):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
            process.start()
            assert ours.poll(30), "the child hangs"
            assert np.array_equal(ours.recv(), want)
            process.join(30)
            assert process.exitcode == 0
        assert np.array_equal(fit(), want)
        print("ok")
    """
    assert python(script) == "ok"


def test_workers_of_joblib_can_fit(X):
    want = [fit(X, seed) for seed in range(2)]
    got = joblib.Parallel(n_jobs=2)(joblib.delayed(fit_in_worker)(X, seed) for seed in range(2))
    for one, (H, threads) in zip(want, got, strict=True):
        assert np.array_equal(one.H, H)
        assert threads <= max(1, (os.cpu_count() or 1) // 2)


def fit_in_worker(X, seed):
    # joblib sends this function by name or by value: it may use imports only.
    import nonneg
    from nonneg import Iterations, _threads

    return nonneg.factorize(X, 8, seed=seed, stop=Iterations(6)).H, _threads.thread_count()

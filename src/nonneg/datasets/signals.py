"""Three signals over time, mixed: blind source separation."""

from __future__ import annotations

import numpy as np
from scipy.signal import sawtooth
from sklearn.utils import Bunch

from nonneg.datasets.check import check_noise, check_sizes

DESCR = """\
A sine, a square wave and a saw-tooth over 8 units of time, with noise, moved up until nothing is negative, and what
instruments measure that each receive another mixture of them. Signals of this kind are the usual example of blind
source separation, in scikit-learn among others.

P. Comon (1994). Independent component analysis, a new concept? Signal Processing 36, 287-314.
doi:10.1016/0165-1684(94)90029-9
"""


def make_signals(m: int = 2000, n: int = 100, *, noise: float = 0.2, seed: int = 42, mixing_seed: int = 0) -> Bunch:
    """Return mixtures of a sine, a square wave and a saw-tooth, all positive.

    The sources at time t are sin(2 t), sign(sin(3 t)) and a saw-tooth of period 1, each from -1 to 1. Noise is added,
    each is divided by its standard deviation, and all are moved up by one number, so that the smallest entry is 0.
    The noise is part of the sources: data are W H exactly.

    Parameters
    ----------
    m : int
        Points of time, evenly from 0 to 8; at least 2.
    n : int
        Measurements, at least 1.
    noise : float
        Standard deviation of the Gaussian noise of each source, at least 0.
    seed : int
        Seed of the noise.
    mixing_seed : int
        Seed of the mixtures, whose weights are evenly distributed from 0 to 1.

    Returns
    -------
    Bunch
        data : float64 array of shape (m, n), one point of time a row, one measurement a column; W @ H
        W : float64 array of shape (m, 3), the sources; also under the name `sources`
        H : float64 array of shape (3, n), how much of each source each measurement receives
        source_names : str array of shape (3,)
        times : float64 array of shape (m,), in units of time
        feature_names : str array of shape (n,), the measurements
        DESCR : str

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from nonneg.datasets import make_signals
    >>> signals = make_signals()
    >>> signals.data.shape, signals.sources.shape
    ((2000, 100), (2000, 3))
    """
    check_sizes(m=m, n=n)
    check_noise(noise)
    if m < 2:
        raise ValueError("m must be at least 2: one point of time shows no signal.")
    times = np.linspace(0, 8, m)
    sources = np.stack([np.sin(2 * times), np.sign(np.sin(3 * times)), sawtooth(2 * np.pi * times)], axis=1)
    # RandomState's numbers never change, and those of the default seeds are a textbook's.
    sources += noise * np.random.RandomState(seed).normal(size=sources.shape)
    sources /= sources.std(axis=0)
    sources -= sources.min()
    mixing = np.ascontiguousarray(np.random.RandomState(mixing_seed).uniform(size=(n, 3)).T)
    return Bunch(
        data=sources @ mixing,
        W=sources,
        H=mixing,
        sources=sources,
        source_names=np.array(["sine", "square wave", "saw-tooth"]),
        times=times,
        feature_names=np.array([f"measurement {i}" for i in range(1, n + 1)]),
        DESCR=DESCR,
    )

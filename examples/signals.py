"""
Three signals from a hundred mixtures
=====================================

Blind source separation by NMF, beside PCA and ICA, and how much of it is luck.

Nobody says what the signals are or how they were mixed. PCA mixes them, for its components need only be uncorrelated.
ICA asks for independent signals, which these are, and finds them. NMF asks for nothing but numbers that are not
negative, and comes close.
"""

# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt

import nonneg
from nonneg.datasets import make_signals

signals = make_signals()  # 2000 points of time, 100 measurements, each a mixture of three signals
STOP = (nonneg.RelativeDecrease(1e-8), nonneg.Iterations(4000))


def fit(**options):
    return nonneg.factorize(signals.data, 3, stop=STOP, **options).named(rows=signals.times)


nonneg.plots.sources(fit(seed=0), signals.data, truth=signals.sources)
plt.show()

# %%
# The price of asking so little: from twenty random starts come answers that fit equally well and are not the same.
# What is inside a band, the data do not decide.

plain = [fit(start="random", seed=seed) for seed in range(20)]
errors = [run.relative_error for run in plain]
print(f"relative errors from {min(errors):.1e} to {max(errors):.1e}")
nonneg.plots.sources(plain, truth=signals.sources)
plt.show()

# %%
# The same in numbers. Left: how far the loss of each run is above the best. Right: how alike its signals are to those
# of the best run.

nonneg.plots.starts(plain, side="W")
plt.show()

# %%
# To ask for one thing more helps. Of all signals that fit, those that lie closest together (of least volume) are
# nearly the same from every start: the band closes, on the true signals.

closest = nonneg.Penalty(min_volume="W")
nonneg.plots.sources([fit(start="random", seed=seed, penalty=closest) for seed in range(20)], truth=signals.sources)
plt.show()

"""
Three signals from a hundred mixtures
=====================================

Blind source separation by NMF, beside PCA and ICA, and how much of it is luck.
"""

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
# Twenty random starts. All fit equally well: what is inside a band, the data do not decide.

plain = [fit(start="random", seed=seed) for seed in range(20)]
print("relative errors", min(run.relative_error for run in plain), "to", max(run.relative_error for run in plain))
nonneg.plots.sources(plain, truth=signals.sources)
plt.show()

# %%
# Their signals beside those of the best of them.

nonneg.plots.starts(plain, side="W")
plt.show()

# %%
# Of all signals that fit, those that lie closest together (of least volume) are nearly the same from every start.

closest = nonneg.Penalty(min_volume="W")
nonneg.plots.sources([fit(start="random", seed=seed, penalty=closest) for seed in range(20)], truth=signals.sources)
plt.show()

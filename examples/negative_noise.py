"""
Noise below zero
================

Spectra without their background. The page :doc:`/negative_noise` says what comes out.
"""

import matplotlib.pyplot as plt
import numpy as np

import nonneg

PIXEL = np.arange(200)
STOP = (nonneg.RelativeDecrease(1e-6), nonneg.Iterations(2000))


def make_spectra(seed, objects=500):  # with noise, standard errors, without noise, where lines are
    rng = np.random.default_rng(seed)
    continuum = np.array([0.35 - 0.0015 * PIXEL, 0.05 + 0.0015 * PIXEL, np.full(200, 0.2)])
    centres = [[30, 90], [60, 130, 150], [110, 170]]
    lines = np.array([sum(np.exp(-(((PIXEL - at) / 4) ** 2)) for at in some) for some in centres])
    truth = rng.gamma(2, 0.5, (objects, 3)) @ (continuum + lines)
    # The sky is three times as noisy in some bands, and each exposure has its own depth.
    error = np.where(np.sin(PIXEL / 7) > 0.3, 1.5, 0.5) * rng.uniform(0.5, 2, (objects, 1))
    return truth + error * rng.standard_normal(truth.shape), error, truth, lines.max(axis=0) > 0.2


def ways(X, error, seed):  # to treat numbers below zero
    options = {"uncertainty": error, "seed": seed, "stop": STOP}
    yield 'negative="allow"', nonneg.factorize(X, 3, negative="allow", **options)
    yield "set to zero", nonneg.factorize(np.maximum(X, 0), 3, **options)
    yield "left out", nonneg.factorize(np.where(X < 0, np.nan, X), 3, **options)


biases, negative = {}, []
for seed in range(10):
    X, error, truth, bright = make_spectra(seed)
    negative.append(np.mean(X < 0))
    fits = {name: fit.reconstruct() for name, fit in ways(X, error, seed)}
    for name, fit in fits.items():
        off = [100 * (fit[:, where].mean() / truth[:, where].mean() - 1) for where in (~bright, bright)]
        biases.setdefault(name, []).append([*off, np.sqrt(np.mean((fit - truth) ** 2))])
print(f"{100 * np.mean(negative):.0f} % below zero\nerror between lines (%), on lines (%), root mean square")
for name, values in biases.items():
    numbers = zip(*(of(values, axis=0) for of in (np.mean, np.min, np.max)), strict=True)
    print(f"{name:18}", *(f"{mean:.3g} ({low:.3g} to {high:.3g})" for mean, low, high in numbers))

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=[1.7, 1], layout="constrained")
left.plot(PIXEL, truth.mean(axis=0), color="k", lw=3, alpha=0.3, label="truth")
for name, colour in (('negative="allow"', "C0"), ("set to zero", "C5")):
    left.plot(PIXEL, fits[name].mean(axis=0), color=colour, lw=1.2, label=name)
left.set(xlabel="wavelength (pixel)", ylabel="mean spectrum (flux)", ylim=(0, 2.1))
left.legend(loc="upper left", ncols=3)
for i, (name, colour) in enumerate(zip(biases, ("C0", "C5", "C1"), strict=True)):
    right.plot(np.array(biases[name])[:, 0], i + np.linspace(-0.2, 0.2, 10), "o", ms=4, color=colour)
right.axvline(0, color="0.7", lw=1)
right.set(yticks=range(3), yticklabels=list(biases), xlabel="error between lines (%)", ylim=(2.5, -0.5))
plt.show()

"""Noise below zero: spectra after their background was subtracted. Prints the numbers, draws the picture of the page."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import nonneg

HERE, PIXEL = Path(__file__).parent, np.arange(200)
STOP = (nonneg.RelativeDecrease(1e-6), nonneg.Iterations(2000))


def make_spectra(seed, objects=500):
    """Return spectra with noise, the standard error of each pixel, the spectra without noise, where lines are."""
    rng = np.random.default_rng(seed)
    continuum = np.array([0.35 - 0.0015 * PIXEL, 0.05 + 0.0015 * PIXEL, np.full(200, 0.2)])
    centres = [[30, 90], [60, 130, 150], [110, 170]]
    lines = np.array([sum(np.exp(-(((PIXEL - at) / 4) ** 2)) for at in some) for some in centres])
    truth = rng.gamma(2, 0.5, (objects, 3)) @ (continuum + lines)
    # The sky is three times as noisy in some bands, and each exposure has its own depth.
    error = np.where(np.sin(PIXEL / 7) > 0.3, 1.5, 0.5) * rng.uniform(0.5, 2, (objects, 1))
    return truth + error * rng.standard_normal(truth.shape), error, truth, lines.max(axis=0) > 0.2


def ways(X, error, seed):
    """Yield the name of a way to treat numbers below zero, and its fit."""
    yield 'negative="allow"', nonneg.factorize(X, 3, negative="allow", uncertainty=error, seed=seed, stop=STOP)
    clipped, dropped = np.maximum(X, 0), np.where(X < 0, np.nan, X)
    yield "set to zero", nonneg.factorize(clipped, 3, uncertainty=error, seed=seed, stop=STOP)
    yield "left out", nonneg.factorize(dropped, 3, uncertainty=error, seed=seed, stop=STOP)


def main():
    biases, negative = {}, []
    for seed in range(10):
        X, error, truth, bright = make_spectra(seed)
        negative.append(np.mean(X < 0))
        fits = {name: fit.reconstruct() for name, fit in ways(X, error, seed)}
        for name, fit in fits.items():
            off = [100 * (fit[:, where].mean() / truth[:, where].mean() - 1) for where in (~bright, bright)]
            biases.setdefault(name, []).append([*off, np.sqrt(np.mean((fit - truth) ** 2))])
    print(f"below zero {100 * np.mean(negative):.0f} %")
    for name, values in biases.items():
        (faint, lines, rms), spread = np.mean(values, axis=0), np.ptp(values, axis=0) / 2
        print(
            f"{name:18} faint {faint:+.1f} ± {spread[0]:.1f} %, lines {lines:+.1f} ± {spread[1]:.1f} %, rms {rms:.3f}"
        )
    plt.style.use(HERE / "figures.mplstyle")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=[1.7, 1])
    left.plot(PIXEL, truth.mean(axis=0), color="k", lw=3, alpha=0.3, label="truth")
    for name, colour in (('negative="allow"', "C0"), ("set to zero", "C5")):
        left.plot(PIXEL, fits[name].mean(axis=0), color=colour, lw=1.2, label=name)
    left.set(xlabel="wavelength (pixel)", ylabel="mean spectrum (flux)", ylim=(0, None))
    left.legend(loc="upper left", ncols=3)
    for i, (name, colour) in enumerate(zip(biases, ("C0", "C5", "C1"), strict=True)):
        right.plot(np.array(biases[name])[:, 0], i + np.linspace(-0.2, 0.2, 10), "o", ms=4, color=colour)
    right.axvline(0, color="0.7", lw=1)
    right.set(yticks=range(3), yticklabels=list(biases), xlabel="error of the mean between lines (%), 10 seeds")
    figure.savefig(HERE / "../docs/negative_noise.png")


if __name__ == "__main__":
    main()

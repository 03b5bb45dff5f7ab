"""The chapter on NMF as sections of a page: what it does, on data made for it and on faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from nonneg import datasets, inspect, plots
from nonneg.app.page import Picture, Section, Table
from nonneg.data import Array
from nonneg.solve import Factorization, Iterations, Penalty, RelativeDecrease, factorize

# Called with what is being done; after each call a piece of the work is done.
Step = Callable[[str], None]
# Few enough for small pictures, most that fit on a line.
GROWING = {"orl": (10, 50, 100, 250), "lfw": (10, 50, 100, 500)}
LEARNT = 0.75  # of the pictures; the others are held out
STARTS = 20
TO_THE_END = (RelativeDecrease(1e-8), Iterations(2000))


def steps(counts: Sequence[int]) -> int:
    """Return how often the sections call `Step`, with one for the parts of faces and one for the pictures."""
    return 4 + len(counts) + 2 * STARTS


def directions(seed: int, step: Step) -> Section:
    """Draw two parts beside one, in the plane."""
    step("directions")
    cloud = datasets.make_directions()
    fits = {
        "two parts, from the extreme rows": factorize(cloud.data, 2, start="spa", seed=seed),
        "one part": factorize(cloud.data, 1, seed=seed),
        "two parts, from a random start": factorize(cloud.data, 2, start="random", seed=seed),
    }
    return Section(
        "Parts are directions",
        [
            f"{len(cloud.data)} rows of two numbers are points, and parts are arrows from the origin. Each row is "
            "a sum of arrows, none taken backwards, so two parts describe what lies between them. With one part "
            "there is one direction, close to the mean.",
            "A random start may end with wider arrows. They describe the same points as well: the data do not say "
            "which arrows are the right ones.",
        ],
        [
            Picture(
                "directions.png",
                plots.directions(fits, cloud.data),
                "The same points with two parts on the extremes of the cloud, with one part, and with two from a "
                "random start. In grey is what sums of the parts can reach.",
            )
        ],
    )


def more_and_more_parts(faces: Bunch, counts: Sequence[int], seed: int, step: Step) -> Section:
    """Rebuild faces that no method has seen from more and more parts, by NMF and PCA."""
    train, test = train_test_split(faces.data, train_size=LEARNT, random_state=0)
    models: dict[str, list[Any]] = {"NMF": [], "PCA": []}
    rows = []
    for k in counts:
        step(f"{k} parts")
        models["NMF"].append(nmf := factorize(train, k, seed=seed))
        models["PCA"].append(pca := PCA(k, random_state=seed).fit(train))
        errors = [
            relative_error(X, back)
            for X in (train, test)
            for back in (nmf.transform(X) @ nmf.H, pca.inverse_transform(pca.transform(X)))
        ]
        rows.append([str(k), *(f"{100 * error:.1f} %" for error in errors)])
    return Section(
        "More parts, closer pictures",
        [
            f"{len(train)} pictures to learn from, {len(test)} held out. On the pictures that both have learnt from, "
            "PCA is always closer: no sum of as many parts can be closer. On new ones the two are alike with few "
            "parts, and NMF falls behind with many. It is for looking at the parts, not for compression.",
            "The numbers are what is left over, in percent of the pictures' norm.",
        ],
        [
            Picture(
                "reconstructions.png",
                plots.reconstructions(models, test, image_shape=faces.image_shape),
                "Three pictures that neither method has seen, and what each makes of them with more and more parts.",
            )
        ],
        Table(("parts", "NMF, learnt", "PCA, learnt", "NMF, held out", "PCA, held out"), rows),
    )


def parts_of_faces(faces: Bunch, result: Factorization) -> Section:
    """Draw the parts, and the pictures that hold the two clearest most."""
    clearest = sorted(np.argsort(-inspect.sparsity(result), kind="stable")[:2])
    named = " and ".join(str(j + 1) for j in clearest)
    return Section(
        f"{result.k} parts of faces",
        [
            f"{len(faces.data)} pictures by {faces.credit}, written as sums of {result.k} parts. A large number is a "
            "light pixel, so what a part adds is light: on a forehead, on one side of the face, on what is behind. "
            "No part takes anything away; where hair or a beard is dark, the parts of that picture leave it dark.",
            f"Parts {named} are the most concentrated. Below them are the pictures that hold most of each.",
        ],
        [
            Picture(
                "parts.png",
                plots.parts(result, image_shape=faces.image_shape),
                "Black is nothing, white the most that a part adds. The order is by share of all pictures, a "
                "convention: there is no first part.",
            ),
            Picture(
                "top_rows.png",
                plots.top_rows(result, faces.data, parts=clearest, image_shape=faces.image_shape),
                "The two parts, and the ten pictures with the largest amount of each: the person above, the amount "
                "below.",
            ),
        ],
    )


def signals(seed: int, step: Step) -> Section:
    """Recover three signals from a hundred mixtures, beside PCA and ICA."""
    step("signals")
    mixed = datasets.make_signals()
    result = factorize(mixed.data, 3, seed=seed, stop=TO_THE_END).named(rows=mixed.times)
    return Section(
        "Three signals from a hundred mixtures",
        [
            "A hundred measurements, each of them a mixture of the same three signals. No method is told what they "
            "are, nor how they were mixed. Beside each signal stands how far it agrees with the true one: 1 is "
            "wholly, 0 not at all.",
            "PCA mixes them, for its components need only be uncorrelated. ICA asks for independent signals, which "
            "these are, and finds them. NMF asks for nothing but numbers that are not negative, and comes close.",
        ],
        [
            Picture(
                "sources.png",
                plots.sources(result, mixed.data, truth=mixed.sources),
                "What was measured, what it is made of, and what three methods recover.",
            )
        ],
    )


def luck(seed: int, step: Step) -> Section:
    """Show how far the answer depends on the start, and what closes the choice."""
    mixed = datasets.make_signals()
    seeds = [(seed + number) % 2**32 for number in range(STARTS)]  # the largest seed is followed by zero
    runs: dict[str, list[Factorization]] = {"plain NMF": [], "least volume": []}
    for name, penalty in (("plain NMF", Penalty()), ("least volume", Penalty(min_volume="W"))):
        for number, each in enumerate(seeds):
            step(f"start {number + 1} of {STARTS}, {name}")
            fit = factorize(mixed.data, 3, start="random", seed=each, penalty=penalty, stop=TO_THE_END)
            runs[name].append(fit.named(rows=mixed.times))
    return Section(
        "What is luck",
        [
            f"The same mixtures, from {STARTS} random starts. The fits are equally good, and the signals differ: "
            "what is inside a band is not decided by the data. To ask for one thing more helps: of all signals that "
            "fit, those that lie closest together (of least volume) are nearly the same from every start.",
        ],
        [
            Picture(
                "starts.png",
                plots.starts(runs["plain NMF"], side="W"),
                "Left: how far the loss of each run is above the best. Right: how alike its signals are to those of "
                "the best run.",
            ),
            *(
                Picture(
                    f"band_{name.split()[0]}.png",
                    plots.sources(fits, truth=mixed.sources),
                    f"The true signals, and the range of the recovered ones over {STARTS} random starts: {name}.",
                )
                for name, fits in runs.items()
            ),
        ],
    )


def relative_error(X: Array, back: Array) -> float:
    """Return ``||X - back|| / ||X||``."""
    return float(np.linalg.norm(X - back) / np.linalg.norm(X))

"""The parts of a result as pictures."""

from __future__ import annotations

from typing import Any

from nonneg.data import Array
from nonneg.explain.plots.layout import FONT, HAIRLINE, check_shape, first_axes, grid_of_pictures, picture
from nonneg.explain.words import part_title
from nonneg.solve import Factorization


def parts(result: Factorization, *, image_shape: tuple[int, int], most: int | None = None, axes: Any = None) -> Array:
    """Draw the rows of H as pictures, each titled with its share of the whole.

    White is zero, black the largest value of the part: what a part holds is its ink. Each part has its own black,
    because the rows of H sum to one, so that a small part would outshine a wide one; the share tells their weight.

    Parameters
    ----------
    result : Factorization
        With pictures as rows of X.
    image_shape : (height, width)
        Pixels; their product is the number of features.
    most : int, optional
        Draw the first parts only, at most so many; at least 1.
    axes : Axes or array of Axes, optional
        Where to draw, at least one for each part; spare ones are blanked. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (parts drawn,)

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If `image_shape` does not fit the features, `most` is below 1, or there are too few Axes.
    """
    check_shape(image_shape, result.H.shape[1])
    if most is not None and most < 1:
        raise ValueError(f"most must be at least 1, got {most!r}.")
    count = result.k if most is None else min(most, result.k)
    grid = grid_of_pictures(count, image_shape) if axes is None else first_axes(axes, count)
    for j, ax in enumerate(grid):
        picture(ax, result.H[j], image_shape, "gray_r", (0, result.H[j].max()))
        ax.set_title(part_title(result.share[j], j), fontsize=FONT, pad=3)
        ax.spines[:].set(visible=True, color=HAIRLINE, linewidth=0.5)
    return grid

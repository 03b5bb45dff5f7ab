"""X read again as the fit has read it: what was not observed, what may be negative, what its loss can take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nonneg.data import Array, Observed, check_loss_domain, names_of, observe
from nonneg.solve.losses import beta_of_name

if TYPE_CHECKING:
    from nonneg.solve.result import Factorization


def read_rows(result: Factorization, X: Any, method: str, **counts: Any) -> Observed:
    """Check rows, of the fit or new ones; ``counts`` are weights or uncertainties, messages name the method."""
    settings = result.settings
    missing = settings.get("missing_values", "nan")
    observed = observe(
        X,
        **counts,
        missing_values=float("nan") if missing == "nan" else missing,
        negative=settings.get("negative", "error"),
        name=f"{method} (input X)",
        new_rows=True,
    )
    if observed.shape[1] != result.H.shape[1]:
        raise ValueError(
            f"X has {observed.shape[1]} features, but the factorization was made with {result.H.shape[1]} features."
        )
    _check_order(names_of(X)[1], result.feature_names, "columns")
    check_loss_domain(observed.X, beta_of_name(result.loss_name), settings.get("floor"), elsewhere=observed.elsewhere)
    return observed


def read_data(result: Factorization, X: Any, method: str, **counts: Any) -> Observed:
    """Check the data of the fit: as many rows as W has."""
    observed = read_rows(result, X, method, **counts)
    if observed.shape[0] != len(result.W):
        raise ValueError(f"X must be the data of the fit, {len(result.W)} rows, got {observed.shape[0]}.")
    _check_order(names_of(X)[0], result.row_names, "rows")
    return observed


def _check_order(names: Array | None, fitted: Array | None, what: str) -> None:
    """Refuse names of the fit in another order. Other names are the user's affair: results may be renamed."""
    if names is None or fitted is None:
        return
    places = {name: i for i, name in enumerate(fitted.tolist())}
    for i, name in enumerate(names.tolist()):
        if places.get(name, i) != i and fitted[i] != name:
            raise ValueError(
                f"The {what} of X must stand in the order of the fit: number {i} is {name!r}, there it was "
                f"{fitted[i].item()!r}; X = X[names] or X.loc[names] brings them to it."
            )

"""X read again as the fit has read it: what was not observed, what may be negative, what its loss can take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nonneg.data import Observed, check_loss_domain, check_names, names_of, observe
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
    # Other names than those of the fit are the user's affair: results may be renamed.
    check_names((None, result.feature_names), of="the fit", renamed=True, X=X, **counts)
    check_names(names_of(X), **counts)
    check_loss_domain(observed.X, beta_of_name(result.loss_name), settings.get("floor"), elsewhere=observed.elsewhere)
    return observed


def read_data(result: Factorization, X: Any, method: str, **counts: Any) -> Observed:
    """Check the data of the fit: as many rows as W has."""
    observed = read_rows(result, X, method, **counts)
    if observed.shape[0] != len(result.W):
        raise ValueError(f"X must be the data of the fit, {len(result.W)} rows, got {observed.shape[0]}.")
    check_names((result.row_names, None), of="the fit", renamed=True, X=X, **counts)
    return observed

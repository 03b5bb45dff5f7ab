"""The one loop keeps the pair of the best loss, wherever the run goes on to."""

import numpy as np
import pytest

from nonneg.data import as_source, check_matrix
from nonneg.solve.loop import iterate
from nonneg.solve.momentum import Growing, Plain, Restarting
from nonneg.solve.penalty import Shrink
from nonneg.solve.squared_error import MultipliedSquaredError, SquaredError
from nonneg.solve.stop import Iterations


class Overshooting(Restarting):
    """Extrapolates so far that the loss rises again and again."""

    @property
    def _length(self):
        return 3.0


@pytest.mark.parametrize("momentum", [Restarting, Overshooting, Growing, Plain])
@pytest.mark.parametrize("kind", [SquaredError, MultipliedSquaredError])
def test_the_pair_kept_is_the_one_of_the_best_loss(momentum, kind, planted):
    X = planted(40, 30, 4, noise=0.3)[0]
    source = as_source(check_matrix(X))
    problem = kind(source, (Shrink(), Shrink()))
    rng = np.random.default_rng(0)
    start = tuple(rng.uniform(0.1, 1, (5, n)) for n in X.shape)
    rose = 0
    for limit in range(1, 41):  # past several rebalancings; each length ends at another point of the rise and fall
        path = iterate(problem, momentum(), start, [Iterations(limit)])
        rose += path.state.losses[-1] > min(path.state.losses)
        assert problem.value(path.W, path.H) == pytest.approx(min(path.state.losses), rel=1e-9)
    assert rose > 5 or (momentum, kind) != (Overshooting, SquaredError)

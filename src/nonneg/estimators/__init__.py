"""scikit-learn's face: thin estimators around `factorize`."""

from nonneg.estimators.function import non_negative_factorization
from nonneg.estimators.mini_batch import MiniBatchNMF
from nonneg.estimators.nmf import NMF

__all__ = ["NMF", "MiniBatchNMF", "non_negative_factorization"]

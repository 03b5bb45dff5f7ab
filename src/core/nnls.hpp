// Exact non-negative least squares by block principal pivoting (Kim & Park 2011, doi:10.1137/110821172):
//   minimise over f >= 0:  1/2 f' G f - b' f,  one problem per column, all with the same G (float64).
#pragma once
#include "lanes.hpp"
#include <algorithm>
#include <cmath>

namespace nonneg::NONNEG_LEVEL {

class PrincipalPivoting {
public:
  PrincipalPivoting(const double *G, int k)
      : G(G), k(k), L(size_t(k) * k), x(k), y(k), passive(k), exchange(k), index(k) {}

  // Solve one problem, beginning with the support of f. False where the exchanges did not settle.
  template <class T> bool solve(T *f, const T *b, double l1, int64_t stride) {
    double scale = 0;
    for (int p = 0; p < k; ++p) {
      passive[p] = f[p * stride] > 0;
      scale = std::max(scale, std::abs(double(b[p * stride]) - l1));
    }
    const double tiny = 1e-13 * scale;
    int best = k + 1, patience = 3;
    for (int round = 0; round < 5 * k + 20; ++round) {
      evaluate(b, l1, stride);
      int wrong = 0, last = -1;
      for (int p = 0; p < k; ++p)
        if (violated(p, tiny)) {
          ++wrong;
          last = p;
        }
      if (wrong == 0) {
        for (int p = 0; p < k; ++p)
          f[p * stride] = T(passive[p] && x[p] > 0 ? x[p] : 0);
        return true;
      }
      // Exchange all violators while that helps; else only the last one, which cannot cycle.
      if (wrong < best) {
        best = wrong;
        patience = 3;
      } else {
        --patience;
      }
      for (int p = 0; p < k; ++p)
        exchange[p] = patience >= 0 ? violated(p, tiny) : p == last;
      for (int p = 0; p < k; ++p)
        passive[p] = passive[p] != exchange[p];
    }
    return false;
  }

private:
  bool violated(int p, double tiny) const { return passive[p] ? x[p] < 0 : y[p] < -tiny; }

  // x solves G_PP x_P = b_P and is zero elsewhere; y = G x - b. A variable that depends on those before
  // it (pivot at rounding level) stays at zero.
  template <class T> void evaluate(const T *b, double l1, int64_t stride) {
    int n = 0;
    for (int p = 0; p < k; ++p)
      if (passive[p])
        index[n++] = p;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j <= i; ++j) {
        double s = G[size_t(index[i]) * k + index[j]];
        for (int t = 0; t < j; ++t)
          s -= L[size_t(i) * k + t] * L[size_t(j) * k + t];
        if (j < i)
          L[size_t(i) * k + j] = s * y[j];
        else
          y[i] = s > 1e-13 * G[size_t(index[i]) * k + index[i]] ? 1 / std::sqrt(s) : 0; // inverse pivot
      }
    }
    for (int i = 0; i < n; ++i) {
      double s = double(b[index[i] * stride]) - l1;
      for (int t = 0; t < i; ++t)
        s -= L[size_t(i) * k + t] * x[t];
      x[i] = s * y[i];
    }
    for (int i = n - 1; i >= 0; --i) {
      double s = x[i];
      for (int t = i + 1; t < n; ++t)
        s -= L[size_t(t) * k + i] * x[t];
      x[i] = s * y[i];
    }
    for (int p = k - 1, i = n - 1; p >= 0; --p)
      x[p] = passive[p] ? x[i--] : 0;
    for (int p = 0; p < k; ++p) {
      double s = l1 - double(b[p * stride]);
      for (int q = 0; q < k; ++q)
        s += G[size_t(p) * k + q] * x[q];
      y[p] = s;
    }
  }

  const double *G;
  const int k;
  Scratch<double> L, x, y;
  Scratch<bool> passive, exchange;
  Scratch<int> index;
};

// Columns [start, stop) of F (those marked in `only`, if given), each from its present support; returns how many
// did not settle.
template <class T>
int64_t nnls(T *F, const T *B, const double *G, int k, int64_t rows, double l1, int64_t start, int64_t stop,
             const uint8_t *only) {
  PrincipalPivoting problem(G, k);
  int64_t unsettled = 0;
  for (int64_t i = start; i < stop; ++i)
    if (!only || only[i])
      unsettled += !problem.solve(F + i, B + i, l1, rows);
  return unsettled;
}

} // namespace nonneg::NONNEG_LEVEL

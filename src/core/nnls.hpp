// Exact non-negative least squares by block principal pivoting (Kim & Park 2011, doi:10.1137/110821172):
//   minimise over f >= 0:  1/2 f' G f - b' f,  one problem per column, all with the same G (float64).
#pragma once
#include "lanes.hpp"
#include <algorithm>
#include <cmath>

namespace nonneg::NONNEG_LEVEL {

inline double dot(const double *x, const double *y, int n) {
  vec<double> sum{};
  int t = 0;
  for (; t + lanes<double> <= n; t += lanes<double>)
    sum += load(x + t) * load(y + t);
  double total = 0;
  for (int lane = 0; lane < lanes<double>; ++lane)
    total += sum[lane];
  for (; t < n; ++t)
    total += x[t] * y[t];
  return total;
}

class PrincipalPivoting {
public:
  PrincipalPivoting(const double *G, int k)
      : G(G), k(k), L(size_t(k) * k), x(k), y(k), passive(k), exchange(k), index(k) {}

  // Solve one problem, beginning with the support of f. Where parts depend on each other exchanges may go on for
  // ever: then with a curvature of their own, too small to be seen in G f, which ends that. False if they did not
  // settle.
  template <class T> bool solve(T *f, const T *b, double l1, int64_t stride) {
    return settle(f, b, l1, stride, 0) || settle(f, b, l1, stride, 1e-10);
  }

private:
  template <class T> bool settle(T *f, const T *b, double l1, int64_t stride, double own) {
    own_curvature = own;
    double scale = 0;
    for (int p = 0; p < k; ++p) {
      passive[p] = f[p * stride] > 0;
      scale = std::max(scale, std::abs(double(b[p * stride]) - l1));
    }
    const double tiny = 1e-13 * scale;
    const double most_cycling = std::max(8.0, 5e6 / k / k / k);
    int best = k + 1, patience = 3, cycling = 0;
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
      // Exchange all violators while that helps; else only the last one, which cannot cycle unless some depend on
      // others (two parts alike, more parts than features). Then it mostly ends soon or never.
      if (wrong < best) {
        best = wrong;
        patience = 3;
      } else {
        --patience;
      }
      if (patience < 0 && dependent && ++cycling > most_cycling)
        return false;
      for (int p = 0; p < k; ++p)
        exchange[p] = patience >= 0 ? violated(p, tiny) : p == last;
      for (int p = 0; p < k; ++p)
        passive[p] = passive[p] != exchange[p];
    }
    return false;
  }

  bool violated(int p, double tiny) const { return passive[p] ? x[p] < 0 : y[p] < -tiny; }

  // x solves G_PP x_P = b_P and is zero elsewhere; y = G x - b. A variable that depends on those before
  // it (pivot at rounding level) stays at zero.
  template <class T> void evaluate(const T *b, double l1, int64_t stride) {
    int n = 0;
    dependent = false;
    for (int p = 0; p < k; ++p)
      if (passive[p])
        index[n++] = p;
    for (int i = 0; i < n; ++i) {
      double *row = L + size_t(i) * k;
      for (int j = 0; j <= i; ++j) {
        const double g = G[size_t(index[i]) * k + index[j]];
        const double s = (j < i ? g : g * (1 + own_curvature)) - dot(row, L + size_t(j) * k, j);
        if (j < i)
          row[j] = s * y[j];
        else
          y[i] = s > 1e-13 * G[size_t(index[i]) * k + index[i]] ? 1 / std::sqrt(s) : 0; // inverse pivot
      }
      dependent |= y[i] == 0;
      x[i] = (double(b[index[i] * stride]) - l1 - dot(row, x, i)) * y[i];
    }
    for (int i = n - 1; i >= 0; --i) {
      x[i] *= y[i];
      for (int t = 0; t < i; ++t)
        x[t] -= L[size_t(i) * k + t] * x[i];
    }
    for (int p = k - 1, i = n - 1; p >= 0; --p)
      x[p] = passive[p] ? x[i--] : 0;
    for (int p = 0; p < k; ++p)
      y[p] =
          l1 - double(b[p * stride]) + dot(G + size_t(p) * k, x, k) + own_curvature * G[size_t(p) * k + p] * x[p];
  }

  const double *G;
  const int k;
  double own_curvature = 0; // of each variable beside G, as a share of its own there
  bool dependent = false;   // whether a variable of the present support depends on others
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

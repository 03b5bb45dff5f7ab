// Exact least squares within bounds, and on the simplex, by a primal active-set method (Nocedal & Wright 2006, ch.
// 16, doi:10.1007/978-0-387-40065-5):
//   minimise over low <= f <= high [, sum(f) = total]:  1/2 f' G f - b' f + l1 sum(f)
// one problem per column, all with the same G (float64). From a feasible f; each step leaves it feasible and no
// worse.
#pragma once
#include "lanes.hpp"
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace nonneg::NONNEG_LEVEL {

class ActiveSet {
public:
  ActiveSet(const double *G, int k, bool sums)
      : G(G), k(k), sums(sums), L(size_t(k) * k), x(k), g(k), b(k), low(k), high(k), u(k), inverse(k), free(k),
        index(k) {}

  // Solve one problem, from f or afresh. False where it did not end in time.
  template <class T, class U>
  bool solve(T *f, const T *from, double l1, const U *lows, const U *highs, double total, int64_t stride,
             bool afresh = false) {
    for (int p = 0; p < k; ++p) {
      const int64_t at = p * stride;
      low[p] = lows ? double(lows[at]) : 0;
      high[p] = highs ? double(highs[at]) : std::numeric_limits<double>::infinity();
      if (sums)
        high[p] = std::min(high[p], total);
      x[p] = double(f[at]);
      b[p] = double(from[at]) - l1;
    }
    if (sums && afresh)
      begin_at_corner(total);
    for (int p = 0; p < k; ++p)
      free[p] = low[p] < x[p] && x[p] < high[p];
    double scale = 0;
    for (int p = 0; p < k; ++p) {
      double size = std::abs(b[p]);
      for (int q = 0; q < k; ++q)
        size += std::abs(G[size_t(p) * k + q]) * x[q];
      scale = std::max(scale, size);
    }
    bool done = false;
    for (int round = 0; round < 10 * k + 20 && !done; ++round) {
      for (int p = 0; p < k; ++p)
        g[p] = -b[p];
      for (int q = 0; q < k; ++q)
        if (x[q] != 0)
          for (int p = 0; p < k; ++p)
            g[p] += G[size_t(q) * k + p] * x[q];
      // Only from the optimum of the free entries is another one let go.
      if (!advance())
        done = !let_go(1e-13 * scale);
    }
    for (int p = 0; p < k; ++p)
      f[p * stride] = T(x[p]);
    return done;
  }

private:
  // Give all of the sum to the entries that lower the objective most by themselves, one after the other: the free
  // ones then grow from one, where a point inside frees them all. Where nothing tells them apart they stay alike.
  void begin_at_corner(double total) {
    bool told = false;
    for (int p = 0; p < k; ++p)
      told |= b[p] != b[0] || curvature(p, p) != curvature(0, 0);
    if (!told)
      return;
    double rest = total;
    for (int p = 0; p < k; ++p) {
      x[p] = low[p];
      rest -= low[p];
    }
    while (rest > 0) {
      int best = -1;
      double least = 0;
      for (int p = 0; p < k; ++p) {
        const double all = std::min(rest, high[p] - x[p]), value = all * (0.5 * all * curvature(p, p) - b[p]);
        if (all > 0 && (best < 0 || value < least)) {
          least = value;
          best = p;
        }
      }
      if (best < 0)
        break;
      const double all = std::min(rest, high[best] - x[best]);
      x[best] += all;
      rest -= all;
    }
  }

  // Go towards the optimum over the free entries, as far as the bounds allow; false once it has been reached.
  bool advance() {
    const int n = direction();
    double length = 1, size = 0, moved = 0;
    int block = -1;
    for (int i = 0; i < n; ++i) {
      const int p = index[i];
      const double bound = u[i] < 0 ? low[p] : high[p];
      if (x[p] + u[i] < low[p] || x[p] + u[i] > high[p]) {
        const double most = (bound - x[p]) / u[i];
        if (block < 0 || most < length) {
          length = most;
          block = p;
        }
      }
      size = std::max(size, std::abs(x[p]));
      moved = std::max(moved, std::abs(u[i]));
    }
    for (int i = 0; i < n; ++i)
      x[index[i]] = std::clamp(x[index[i]] + length * u[i], low[index[i]], high[index[i]]);
    if (block < 0)
      return moved > 1e-14 * size;
    for (int i = 0; i < n; ++i)
      if (index[i] == block)
        x[block] = u[i] < 0 ? low[block] : high[block];
    free[block] = false;
    return true;
  }

  // Let one entry go (in a sum one up, one down) whose bound keeps it from the optimum; false if there is none.
  bool let_go(double tiny) {
    int up = -1, down = -1;
    for (int p = 0; p < k; ++p) {
      if (x[p] < high[p] && (up < 0 || g[p] < g[up]))
        up = p;
      if (x[p] > low[p] && (down < 0 || g[p] > g[down]))
        down = p;
    }
    if (sums) {
      if (up < 0 || down < 0 || g[down] - g[up] <= tiny || (free[up] && free[down]))
        return false;
      free[up] = free[down] = true;
      return true;
    }
    const double pull = up >= 0 && !free[up] ? -g[up] : 0, push = down >= 0 && !free[down] ? g[down] : 0;
    if (std::max(pull, push) <= tiny)
      return false;
    free[pull >= push ? up : down] = true;
    return true;
  }

  // u: the step to the optimum over the free entries alone, through a factorization L D L' (no square root, which a
  // power of two would not pass through exactly). An entry that depends on those before it (pivot at rounding
  // level) stays where it is. In a sum the free entry of the smallest curvature gives what the others take: it
  // comes last, and the rest is a problem of differences.
  int direction() {
    int n = 0, last = -1;
    for (int p = 0; p < k; ++p)
      if (free[p]) {
        index[n++] = p;
        if (last < 0 || curvature(p, p) < curvature(index[last], index[last]))
          last = n - 1;
      }
    if (n == 0)
      return 0;
    const int others = sums ? n - 1 : n;
    if (sums)
      std::swap(index[last], index[others]);
    const int r = index[others % n];
    for (int i = 0; i < others; ++i) {
      u[i] = sums ? g[r] - g[index[i]] : -g[index[i]];
      for (int j = 0; j <= i; ++j) {
        const int p = index[i], q = index[j];
        double s = curvature(p, q) - (sums ? curvature(p, r) + curvature(r, q) - curvature(r, r) : 0);
        const double own = curvature(p, p) + (sums ? curvature(r, r) : 0);
        for (int t = 0; t < j; ++t)
          s -= L[size_t(i) * k + t] * inverse[t] * L[size_t(j) * k + t];
        if (j < i)
          L[size_t(i) * k + j] = s;
        else
          inverse[i] = s > 1e-13 * own ? 1 / s : 0;
      }
    }
    back_substitute(u, others);
    if (sums) {
      u[others] = 0;
      for (int i = 0; i < others; ++i)
        u[others] -= u[i];
    }
    return n;
  }

  double curvature(int p, int q) const { return G[size_t(p) * k + q]; }

  void back_substitute(double *z, int n) const {
    for (int i = 0; i < n; ++i) {
      for (int t = 0; t < i; ++t)
        z[i] -= L[size_t(i) * k + t] * z[t];
      z[i] *= inverse[i];
    }
    for (int i = n - 1; i >= 0; --i)
      for (int t = i + 1; t < n; ++t)
        z[i] -= inverse[i] * L[size_t(t) * k + i] * z[t];
  }

  const double *G;
  const int k;
  const bool sums;
  Scratch<double> L, x, g, b, low, high, u, inverse;
  Scratch<bool> free;
  Scratch<int> index;
};

// Columns [start, stop) of F (those marked in `only`, if given); returns how many did not settle.
template <class T>
int64_t active_set(T *F, const T *B, const double *G, int k, int64_t rows, double l1, double total, int64_t start,
                   int64_t stop, const uint8_t *only, const T *low, const T *high) {
  ActiveSet problem(G, k, total >= 0);
  int64_t unsettled = 0;
  for (int64_t i = start; i < stop; ++i)
    if (!only || only[i])
      unsettled +=
          !problem.solve(F + i, B + i, l1, low ? low + i : nullptr, high ? high + i : nullptr, total, rows);
  return unsettled;
}

} // namespace nonneg::NONNEG_LEVEL

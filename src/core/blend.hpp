// Kullback-Leibler for one row of weights on a simplex, by Newton's steps, each the optimum of a quadratic model:
//   minimise over low <= w <= high, sum(w) = total:
//       sum over j of (w h)_j - x_j log (w h)_j  +  l1 sum(w) + 1/2 l2 |w|^2
#pragma once
#include "active_set.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include <cmath>

namespace nonneg::NONNEG_LEVEL {

template <class T> class Blend {
public:
  Blend(int k, int64_t longest)
      : k(k), H(size_t(k) * k), model(H, k, true), slope(k), pull(k), next(k), change(whole_vectors<T>(longest)),
        ratio(whole_vectors<T>(longest)) {}

  // Up to rule.most steps; each lowers the objective.
  void improve(const RowOfX<T> &row, T *w, const T *slopes, const Limits<T> &limits, const DivergenceRule &rule,
               DivergenceSums &sums) {
    double first = 0;
    for (int round = 0; round < rule.most; ++round) {
      derive(row, w, slopes, rule);
      double promise = 0;
      for (int p = 0; p < k; ++p) {
        next[p] = double(w[p]);
        pull[p] = -slope[p];
        for (int q = 0; q < k; ++q)
          pull[p] += H[size_t(p) * k + q] * double(w[q]);
      }
      model.solve(static_cast<double *>(next), static_cast<const double *>(pull), 0.0, limits.low, limits.high,
                  rule.total, 1);
      for (int p = 0; p < k; ++p)
        promise += slope[p] * (double(w[p]) - next[p]);
      if (round == 0)
        first = promise;
      const double length = promise > 0 ? far_enough(row, w, slopes, rule, promise) : 0;
      for (int p = 0; p < k; ++p) {
        w[p] = T(length == 1 ? next[p] : double(w[p]) + length * (next[p] - double(w[p])));
        if (round == 0)
          sums.size += std::abs(double(slopes[p]) + rule.l2 * double(w[p])) * double(w[p]);
      }
      if (length == 0 || promise <= rule.tol * first)
        break;
    }
    sums.first_step += std::max(first, 0.0);
  }

private:
  // The first and the second derivatives at w. A little curvature in every direction bounds the steps along which
  // the model of x does not change.
  void derive(const RowOfX<T> &row, const T *w, const T *slopes, const DivergenceRule &rule) {
    model_row(row, w, k, T(rule.floor), row.wh);
    for (int64_t t = 0; t < row.padded; t += lanes<T>)
      store(ratio + t, load(row.x + t) / load(row.wh + t));
    double sum = 0, steepest = 0;
    for (int p = 0; p < k; ++p) {
      const T *h = row.h + p * row.ld;
      for (int64_t t = 0; t < row.padded; t += lanes<T>)
        store(change + t, load(ratio + t) * load(h + t));
      slope[p] = double(slopes[p]) + rule.l2 * double(w[p]) - total_of(change, nullptr, row.padded);
      steepest = std::max(steepest, std::abs(slope[p]));
      for (int64_t t = 0; t < row.padded; t += lanes<T>)
        store(change + t, load(change + t) / load(row.wh + t));
      for (int q = 0; q <= p; ++q)
        H[size_t(p) * k + q] = H[size_t(q) * k + p] = total_of(change, row.h + q * row.ld, row.padded);
      H[size_t(p) * k + p] += rule.l2;
      sum += H[size_t(p) * k + p];
    }
    for (int p = 0; p < k; ++p)
      H[size_t(p) * k + p] += 1e-6 * sum / k + 1e-12 * steepest / rule.total;
  }

  // The length of the step from w to `next`, at most 1, at which the objective is all but still falling; 0 where
  // rounding hides it.
  double far_enough(const RowOfX<T> &row, const T *w, const T *slopes, const DivergenceRule &rule, double promise) {
    double constant = 0, bend = 0;
    for (int p = 0; p < k; ++p) {
      const double d = next[p] - double(w[p]);
      next_change(row, p, T(d));
      constant += (double(slopes[p]) + rule.l2 * double(w[p])) * d;
      bend += rule.l2 * d * d;
    }
    double length = 1;
    for (int round = 0; round < 20; ++round) {
      double slope_here = constant + bend * length;
      bool inside = true;
      for (int64_t t = 0; t < row.count; ++t) {
        const double y = double(row.wh[t]) + length * double(change[t]);
        inside &= y > 0.01 * double(row.wh[t]) || row.x[t] == 0;
        slope_here -= row.x[t] > 0 ? double(row.x[t]) * double(change[t]) / y : 0;
      }
      if (inside && slope_here <= 1e-3 * promise)
        return length;
      // Where the slope is known at both ends, go to where a straight line between them says that it is zero.
      length *= inside ? std::max(0.1, promise / (promise + slope_here)) : 0.5;
    }
    return 0;
  }

  // change = sum over p of d_p h_p, part by part
  void next_change(const RowOfX<T> &row, int p, T d) {
    const T *h = row.h + p * row.ld;
    for (int64_t t = 0; t < row.padded; t += lanes<T>)
      store(change + t, (p > 0 ? load(change + t) : vec<T>{}) + d * load(h + t));
  }

  static double total_of(const T *a, const T *b, int64_t n) {
    vec<T> sums[4] = {};
    for (int64_t t = 0; t < n; t += lanes<T>)
      sums[0] += b ? load(a + t) * load(b + t) : load(a + t);
    T out[4];
    sum_four<T>(sums, out);
    return double(out[0]);
  }

  const int k;
  Scratch<double> H;
  ActiveSet model;
  Scratch<double> slope, pull, next;
  Scratch<T> change, ratio;
};

} // namespace nonneg::NONNEG_LEVEL

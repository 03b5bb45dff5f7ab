// The weighted squared error: for each row of X its own non-negative least squares,
//   minimise over w >= 0:  1/2 sum over j of weight_j (x_j - (w h)_j)^2 + l1 sum(w) + 1/2 l2 |w|^2,
// by coordinate sweeps on the Gram matrix of the row's own weights, with as many rows side by side as there are
// lanes.
#pragma once
#include "active_set.hpp"
#include "dense_grams.hpp"
#include "kernels.hpp"
#include "nnls.hpp"
#include "sparse_grams.hpp"
#include <algorithm>
#include <limits>

namespace nonneg::NONNEG_LEVEL {

// Small least-squares problems beside each other, one a lane, each with a Gram matrix of its own: G is k x k, the
// others k, times the lanes.
template <class T> struct OwnProblems {
  int k;
  T *G, *b, *w, *inverse;
  Limits<T> limits;

  // b - G w for P coordinates from p on. What the sweep has just changed is read last, and two chains of additions
  // hide their latency.
  template <int P> NONNEG_INLINE void pulls(int p, vec<T> *out) const {
    constexpr int L = lanes<T>;
    vec<T> sum[2][P] = {};
    const auto subtract = [&](int q, int chain) NONNEG_LAMBDA {
      const vec<T> other = load(w + q * L);
      for (int s = 0; s < P; ++s)
        sum[chain][s] -= load(G + (int64_t(p + s) * k + q) * L) * other;
    };
    const auto run = [&](int from, int to) NONNEG_LAMBDA {
      int q = from;
      for (; q + 2 <= to; q += 2) {
        subtract(q, 0);
        subtract(q + 1, 1);
      }
      if (q < to)
        subtract(q, 0);
    };
    run(p, k);
    run(0, p);
    for (int s = 0; s < P; ++s)
      out[s] = load(b + (p + s) * L) + sum[0][s] + sum[1][s];
  }

  // Call f(p, P) for all coordinates, cut into runs p ... p + P - 1.
  template <class F> NONNEG_INLINE void in_groups(const F &f) const {
    constexpr int most = 4;
    for (int p = 0, count; p < k; p += count) {
      count = group_size(k, p, most);
      with_constant<most>(count, [&](auto P) NONNEG_LAMBDA { f(p, P); });
    }
  }

  // One sweep over all coordinates, in the lanes that are active; returns the decrease G_pp d^2 of each. Every step
  // corrects the gradients behind it.
  vec<T> sweep(mask<T> active) const {
    constexpr int L = lanes<T>;
    vec<T> decrease{};
    in_groups([&](int p, auto count) NONNEG_LAMBDA {
      constexpr int P = count;
      const vec<T> zero{};
      vec<T> pull[P];
      pulls<P>(p, pull);
#pragma GCC unroll 4
      for (int s = 0; s < P; ++s) {
        const T *g = G + (int64_t(p + s) * k + p + s) * L;
        const vec<T> scale = load(inverse + (p + s) * L), old = load(w + (p + s) * L);
        vec<T> now = old + pull[s] * scale;
        // Nothing that was observed says anything of a part without a pivot.
        now = (now > zero) & (scale > zero) ? now : zero;
        if (limits.low) {
          const vec<T> low = load(limits.low + (p + s) * L), high = load(limits.high + (p + s) * L);
          now = now < low ? low : now > high ? high : now;
        }
        now = active ? now : old;
        const vec<T> d = now - old;
        decrease += load(g) * d * d;
        store<T>(w + (p + s) * L, now);
#pragma GCC unroll 4
        for (int later = s + 1; later < P; ++later)
          pull[later] -= load(g + (later - s) * int64_t(k) * L) * d;
      }
    });
    return decrease;
  }

  // Up to `most` sweeps; returns what the first one brought. `active` are the lanes that still move.
  vec<T> sweeps(int most, T tol, mask<T> &active) const {
    vec<T> first{};
    for (int done = 0; done < most; ++done) {
      const vec<T> step = sweep(active);
      if (done == 0)
        first = step;
      active &= step > fill(tol * tol) * first;
      if (!any_lane<T>(active))
        break;
    }
    return first;
  }

  // 1/2 w' G w - b' w without the penalties: l2, where there is a pivot, stands in G, and l1 in b.
  vec<T> change(T l1, T l2) const {
    constexpr int L = lanes<T>;
    vec<T> sum{};
    in_groups([&](int p, auto count) NONNEG_LAMBDA {
      constexpr int P = count;
      vec<T> pull[P];
      pulls<P>(p, pull);
      for (int s = 0; s < P; ++s) {
        const vec<T> now = load(w + (p + s) * L), pivot = load(inverse + (p + s) * L), zero{};
        const vec<T> shrink = pivot > zero ? fill(T(0.5) * l2) : zero;
        sum -= now * (T(0.5) * (load(b + (p + s) * L) + pull[s]) + fill(l1) + shrink * now);
      }
    });
    return sum;
  }
};

template <class T, class Grams>
SweepSums weighted(Grams &&grams, T *W, int k, int64_t m, const T *gram, const WeightedRule &rule, int64_t start,
                   int64_t stop) {
  [[maybe_unused]] const NoDenormals while_here;
  constexpr int L = lanes<T>;
  Scratch<T> G(size_t(k) * k * L), b(size_t(k) * L), w(size_t(k) * L), inverse(size_t(k) * L);
  const Limits<T> given{static_cast<const T *>(rule.low), static_cast<const T *>(rule.high)};
  Scratch<T> low(given.low ? size_t(k) * L : 0), high(given.low ? size_t(k) * L : 0);
  const OwnProblems<T> problems{k, G, b, w, inverse, given.low ? Limits<T>{low, high} : given};
  const bool sums_up = rule.total > 0, constrained = given.low || sums_up;
  Scratch<double> own(size_t(k) * k);
  PrincipalPivoting pivoting(own, k);
  ActiveSet active_set(own, k, sums_up);
  SweepSums sums;
  for (int64_t i = start; i < stop; i += L) {
    const int count = int(std::min<int64_t>(L, stop - i));
    // The lower triangles first; they are copied to the upper ones below.
    for (int p = 0; p < k; ++p)
      for (int q = 0; q <= p; ++q)
        store(G + (int64_t(p) * k + q) * L, fill(gram[int64_t(p) * k + q]));
    std::fill(b + 0, b + size_t(k) * L, T(0));
    grams.add(i, count, G, b);
    // Lanes without a row begin at zero and are not active: they stay there, and add nothing to the sums.
    for (int p = 0; p < k; ++p) {
      for (int q = 0; q < p; ++q)
        store(G + (int64_t(q) * k + p) * L, load(G + (int64_t(p) * k + q) * L));
      T *const at = G + (int64_t(p) * k + p) * L;
      // What is left of a difference may be rounding alone; and its reciprocal must be a number.
      const T rounding = 16 * std::numeric_limits<T>::epsilon() * gram[int64_t(p) * k + p];
      const vec<T> zero{}, least = fill(std::max(rounding, T(sizeof(T) == 4 ? 1e-30 : 1e-200)));
      const vec<T> pivot = load(at) > least ? load(at) + T(rule.l2) : zero;
      store<T>(at, pivot);
      store<T>(inverse + p * L, pivot > zero ? 1 / pivot : zero);
      store<T>(b + p * L, load(b + p * L) - T(rule.l1));
      store<T>(w + p * L, load_up_to(W + p * m + i, count));
      if (given.low) {
        store<T>(low + p * L, load_up_to(given.low + p * m + i, count));
        store<T>(high + p * L, load_up_to(given.high + p * m + i, count));
      }
    }
    mask<T> active = first_lanes<T>(count);
    vec<T> size{}, first = problems.sweeps(sums_up ? 0 : rule.most, T(rule.tol), active);
    for (int r = 0; r < count; ++r)
      if (sums_up || rule.finish == WeightedRule::all || (rule.finish == WeightedRule::moving && active[r])) {
        for (int p = 0; p < k; ++p)
          for (int q = 0; q < k; ++q)
            own[size_t(p) * k + q] = G[(int64_t(p) * k + q) * L + r];
        if (constrained)
          active_set.solve(w + r, b + r, 0.0, given.low ? low + r : nullptr, given.low ? high + r : nullptr,
                           rule.total, L, rule.finish != WeightedRule::none);
        else
          pivoting.solve(w + r, b + r, 0.0, L);
      }
    for (int p = 0; p < k; ++p) {
      const vec<T> now = load(w + p * L), curvature = load(G + (int64_t(p) * k + p) * L);
      if (sums_up) {
        const vec<T> d = now - load_up_to(W + p * m + i, count);
        first += curvature * d * d;
      }
      size += curvature * now * now;
      store_up_to<T>(W + p * m + i, now, count);
    }
    sums.first_step += sum_lanes<T>(first);
    sums.size += sum_lanes<T>(size);
    sums.change += sum_lanes<T>(problems.change(T(rule.l1), T(rule.l2)));
  }
  return sums;
}

template <class T>
SweepSums weighted_dense(const T *X, int64_t ldx, int64_t n, T a, T b, const T *H, int64_t ldh, T *W, int k,
                         int64_t m, const T *gram, const WeightedRule &rule, const Weighing<T> &weighing,
                         int64_t start, int64_t stop) {
  const T anything = -std::numeric_limits<T>::infinity();
  const DenseRows<T> source{X, ldx, n, a, b, anything, H, ldh, weighing};
  return weighted<T>(DenseGrams<T>(source, k), W, k, m, gram, rule, start, stop);
}

template <class T, class I>
SweepSums weighted_stored(const I *indptr, const I *indices, const T *data, T a, T b, const T *packed, int width,
                          T *W, int k, int64_t m, const T *gram, const WeightedRule &rule,
                          const Weighing<T> &weighing, int64_t start, int64_t stop) {
  const StoredRows<T, I> source{indptr, indices, data,    a, b, std::numeric_limits<T>::lowest(),
                                packed, width,   weighing};
  return weighted<T>(StoredGrams<T, I>(source, k, stop), W, k, m, gram, rule, start, stop);
}

} // namespace nonneg::NONNEG_LEVEL

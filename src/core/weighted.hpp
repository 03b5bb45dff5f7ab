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

// One sweep over all coordinates of the rows in the lanes; returns the decrease G_pp d^2 of each.
template <class T>
vec<T> sweep_own(T *w, const T *G, const T *b, const T *inverse, const Limits<T> &limits, int k, mask<T> active) {
  constexpr int L = lanes<T>, chains = 4;
  vec<T> step{};
  const vec<T> zero{};
  for (int p = 0; p < k; ++p) {
    vec<T> pull[chains] = {load(b + p * L)};
    const T *g = G + int64_t(p) * k * L;
    int q = 0;
    for (; q + chains <= k; q += chains)
      for (int c = 0; c < chains; ++c)
        pull[c] -= load(g + (q + c) * L) * load(w + (q + c) * L);
    for (; q < k; ++q)
      pull[0] -= load(g + q * L) * load(w + q * L);
    const vec<T> scale = load(inverse + p * L), old = load(w + p * L);
    vec<T> now = old + ((pull[0] + pull[1]) + (pull[2] + pull[3])) * scale;
    // Nothing that was observed says anything of a part without a pivot.
    now = (now > zero) & (scale > zero) ? now : zero;
    if (limits.low) {
      const vec<T> low = load(limits.low + p * L), high = load(limits.high + p * L);
      now = now < low ? low : now > high ? high : now;
    }
    now = active ? now : old;
    step += load(g + p * L) * (now - old) * (now - old);
    store<T>(w + p * L, now);
  }
  return step;
}

template <class T, class Grams>
SweepSums weighted(Grams &&grams, T *W, int k, int64_t m, const T *gram, const WeightedRule &rule, int64_t start,
                   int64_t stop) {
  [[maybe_unused]] const NoDenormals while_here;
  constexpr int L = lanes<T>;
  Scratch<T> G(size_t(k) * k * L), b(size_t(k) * L), w(size_t(k) * L), inverse(size_t(k) * L);
  const Limits<T> given{static_cast<const T *>(rule.low), static_cast<const T *>(rule.high)};
  Scratch<T> low(given.low ? size_t(k) * L : 0), high(given.low ? size_t(k) * L : 0);
  const Limits<T> limits = given.low ? Limits<T>{low, high} : given;
  const bool sums_up = rule.total > 0, constrained = given.low || sums_up;
  Scratch<double> own(size_t(k) * k);
  PrincipalPivoting pivoting(own, k);
  ActiveSet active_set(own, k, sums_up);
  SweepSums sums;
  for (int64_t i = start; i < stop; i += L) {
    const int count = int(std::min<int64_t>(L, stop - i));
    for (int64_t pair = 0; pair < int64_t(k) * k; ++pair)
      std::fill(G + pair * L, G + (pair + 1) * L, gram[pair]);
    std::fill(b + 0, b + size_t(k) * L, T(0));
    grams.add(i, count, G, b);
    for (int p = 0; p < k; ++p)
      for (int q = 0; q < p; ++q)
        store(G + (int64_t(q) * k + p) * L, load(G + (int64_t(p) * k + q) * L));
    for (int p = 0; p < k; ++p)
      for (int r = 0; r < L; ++r) {
        T &pivot = G[(int64_t(p) * k + p) * L + r];
        // What is left of a difference may be rounding alone; and its reciprocal must be a number.
        const T rounding = 16 * std::numeric_limits<T>::epsilon() * gram[int64_t(p) * k + p];
        pivot = pivot > std::max(rounding, T(sizeof(T) == 4 ? 1e-30 : 1e-200)) ? pivot + T(rule.l2) : T(0);
        inverse[p * L + r] = pivot > 0 ? 1 / pivot : T(0);
        b[p * L + r] -= T(rule.l1);
        w[p * L + r] = r < count ? W[p * m + i + r] : T(0);
        if (given.low) {
          low[p * L + r] = r < count ? given.low[p * m + i + r] : T(0);
          high[p * L + r] = r < count ? given.high[p * m + i + r] : T(0);
        }
      }
    mask<T> active = ~mask<T>{};
    vec<T> first{};
    for (int sweep = 0; sweep < rule.most && !sums_up; ++sweep) {
      const vec<T> step = sweep_own<T>(w, G, b, inverse, limits, k, active);
      if (sweep == 0)
        first = step;
      active &= step > fill(T(rule.tol * rule.tol)) * first;
      bool any = false;
      for (int lane = 0; lane < L; ++lane)
        any |= active[lane] != 0;
      if (!any)
        break;
    }
    for (int r = 0; r < count; ++r) {
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
      if (sums_up)
        for (int p = 0; p < k; ++p) {
          const double step = double(w[p * L + r]) - double(W[p * m + i + r]);
          sums.first_step += double(G[(int64_t(p) * k + p) * L + r]) * step * step;
        }
      sums.first_step += double(first[r]);
      for (int p = 0; p < k; ++p) {
        const double now = w[p * L + r];
        sums.size += double(G[(int64_t(p) * k + p) * L + r]) * now * now;
        W[p * m + i + r] = T(now);
      }
    }
    // The penalties that stand in G and b are taken out again: l2 where there is a pivot. Lanes without a row hold
    // zeros.
    vec<T> change{};
    for (int p = 0; p < k; ++p) {
      const vec<T> own_w = load(w + p * L);
      const vec<T> own_l2 = load(inverse + p * L) > vec<T>{} ? fill(T(0.5 * rule.l2)) : vec<T>{};
      vec<T> slope = -own_l2 * own_w - load(b + p * L) - T(rule.l1);
      for (int q = 0; q < k; ++q)
        slope += T(0.5) * load(G + (int64_t(p) * k + q) * L) * load(w + q * L);
      change += own_w * slope;
    }
    for (int r = 0; r < count; ++r)
      sums.change += double(change[r]);
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

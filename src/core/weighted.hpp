// The weighted squared error: for each row of X its own non-negative least squares,
//   minimise over w >= 0:  1/2 sum over j of weight_j (x_j - (w h)_j)^2 + l1 sum(w) + 1/2 l2 |w|^2,
// by coordinate sweeps on the Gram matrix of the row's own weights, with as many rows side by side as there are
// lanes.
#pragma once
#include "active_set.hpp"
#include "kernels.hpp"
#include "nnls.hpp"
#include "rows.hpp"
#include <algorithm>
#include <limits>

namespace nonneg::NONNEG_LEVEL {

// Rows of X that are read together, piece by piece: a piece of the partner is used for all of them while it is
// near.
constexpr int rows_together = 4;
template <class T> constexpr int64_t piece_length = 2048 / int64_t(sizeof(T));

template <class T, class Rows> class RowGroup {
public:
  RowGroup(const Rows &source, int64_t start, int64_t stop)
      : source_(source), width_(whole_vectors<T>(longest(source, start, stop)) + gap<T>),
        step_((4 + source.gathered()) * width_), room_(rows_together * step_) {}

  void read(int64_t i, int count) {
    count_ = count;
    for (int r = 0; r < count; ++r) {
      T *free = room_ + r * step_;
      rows_[r] = source_.row(i + r, {free, free + width_, free + 2 * width_, free + 3 * width_, free + 4 * width_});
    }
  }
  // Call f(r, piece of row r) for all pieces.
  template <class F> void each_piece(const F &f) const {
    int64_t longest = 0;
    for (int r = 0; r < count_; ++r)
      longest = std::max(longest, rows_[r].padded);
    for (int64_t from = 0; from < longest; from += piece_length<T>)
      for (int r = 0; r < count_; ++r) {
        const RowOfX<T> &row = rows_[r];
        const int64_t length = std::min(piece_length<T>, row.padded - from);
        if (length > 0)
          f(r, RowOfX<T>{row.x + from, row.h + from, row.ld, length, length, row.wh + from, row.weight + from,
                         row.excess ? row.excess + from : nullptr});
      }
  }

private:
  static int64_t longest(const Rows &source, int64_t start, int64_t stop) {
    int64_t longest = 0;
    for (int64_t i = start; i < stop; ++i)
      longest = std::max(longest, source.length(i));
    return longest;
  }

  const Rows &source_;
  const int64_t width_, step_;
  Scratch<T> room_;
  RowOfX<T> rows_[rows_together];
  int count_ = 0;
};

// Inner products of x with the parts p .. p + 3 of the partner.
template <class T> void products_of_row(const RowOfX<T> &row, int k, int p, T *out) {
  vec<T> sum[4] = {};
  const T *h[4];
  for (int c = 0; c < 4; ++c)
    h[c] = row.h + std::min(p + c, k - 1) * row.ld;
  for (int64_t t = 0; t < row.padded; t += lanes<T>) {
    const vec<T> x = load(row.x + t);
    for (int c = 0; c < 4; ++c)
      sum[c] += x * load(h[c] + t);
  }
  sum_four<T>(sum, out);
}

// Pairs of parts whose products are summed together.
constexpr int tile_height = many_registers ? 4 : 2, tile_width = 4;

// G += excess h h' (its lower triangle) and b += x h, summed over the entries of a row, which brings x times its
// weight. Both with `stride` between their numbers.
template <class T> void gram_of_row(const RowOfX<T> &row, int k, T *G, T *b, int stride) {
  constexpr int P = tile_height, Q = tile_width;
  T out[Q];
  for (int q = 0; q < k; q += Q) {
    products_of_row(row, k, q, out);
    for (int c = 0; c < Q && q + c < k; ++c)
      b[(q + c) * stride] += out[c];
  }
  if (!row.excess)
    return;
  const auto part = [&](int p) { return row.h + std::min(p, k - 1) * row.ld; };
  for (int p = 0; p < k; p += P)
    for (int q = 0; q < std::min(p + P, k); q += Q) {
      vec<T> sum[P][Q] = {};
      const T *left[P], *right[Q];
      for (int s = 0; s < P; ++s)
        left[s] = part(p + s);
      for (int c = 0; c < Q; ++c)
        right[c] = part(q + c);
      for (int64_t t = 0; t < row.padded; t += lanes<T>) {
        const vec<T> excess = load(row.excess + t);
        vec<T> h[Q];
        for (int c = 0; c < Q; ++c)
          h[c] = load(right[c] + t);
        for (int s = 0; s < P; ++s) {
          const vec<T> weighed = excess * load(left[s] + t);
          for (int c = 0; c < Q; ++c)
            sum[s][c] += weighed * h[c];
        }
      }
      for (int s = 0; s < P && p + s < k; ++s) {
        sum_four<T>(sum[s], out);
        for (int c = 0; c < Q && q + c <= p + s; ++c)
          G[((p + s) * k + q + c) * stride] += out[c];
      }
    }
}

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

template <class T, class Rows>
SweepSums weighted(const Rows &source, T *W, int k, int64_t m, const T *gram, const WeightedRule &rule,
                   int64_t start, int64_t stop) {
  [[maybe_unused]] const NoDenormals while_here;
  constexpr int L = lanes<T>;
  RowGroup<T, Rows> group(source, start, stop);
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
    for (int top = 0; top < count; top += rows_together) {
      group.read(i + top, std::min(rows_together, count - top));
      group.each_piece([&](int r, const RowOfX<T> &row) { gram_of_row(row, k, G + top + r, b + top + r, L); });
    }
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
                           rule.total, L);
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
  }
  return sums;
}

template <class T>
SweepSums weighted_dense(const T *X, int64_t ldx, int64_t n, T a, T b, const T *H, int64_t ldh, T *W, int k,
                         int64_t m, const T *gram, const WeightedRule &rule, const Weighing<T> &weighing,
                         int64_t start, int64_t stop) {
  const T anything = -std::numeric_limits<T>::infinity();
  return weighted<T>(DenseRows<T>{X, ldx, n, a, b, anything, H, ldh, weighing}, W, k, m, gram, rule, start, stop);
}

template <class T, class I>
SweepSums weighted_stored(const I *indptr, const I *indices, const T *data, T a, T b, const T *packed, int width,
                          T *W, int k, int64_t m, const T *gram, const WeightedRule &rule,
                          const Weighing<T> &weighing, int64_t start, int64_t stop) {
  return weighted<T>(StoredRows<T, I>{indptr, indices, data, a, b, packed, width, weighing}, W, k, m, gram, rule,
                     start, stop);
}

} // namespace nonneg::NONNEG_LEVEL

// Updates of the rows of one factor under a beta-divergence, and the divergence itself:
//     minimise  sum over j of d(x_j, (w h)_j) + l1 sum(w) + 1/2 l2 |w|^2,  w >= 0,  for each row of X,
// and within bounds, if there are any: what is updated is separable or one number, so its optimum is cut off there.
#pragma once
#include "blend.hpp"
#include "descent.hpp"
#include "elementary.hpp"
#include <cmath>

namespace nonneg::NONNEG_LEVEL {

// y^e for y > 0; next to nothing for y = 0 and e > 0
NONNEG_INLINE Doubles power(Doubles y, double e) { return exp(e * log(y)); }

template <class T> NONNEG_INLINE Doubles widen(const T *p) {
  Doubles x;
  for (int i = 0; i < lanes<double>; ++i)
    x[i] = p[i];
  return x;
}

// d(x, y) for y > 0
NONNEG_INLINE Doubles divergence_of(Doubles x, Doubles y, double beta) {
  const Bits some = x > 0.0;
  const Doubles safe = select(some, x, y);
  if (beta == 1)
    return select(some, x * log(safe / y) - x, Doubles{}) + y;
  if (beta == 0)
    return (x / y - 1.0) - log(safe / y);
  if (beta == 2)
    return 0.5 * (x - y) * (x - y);
  const Doubles lower = power(y, beta - 1);
  const Doubles own = select(some, power(safe, beta), Doubles{});
  return (own + (beta - 1) * lower * y - beta * x * lower) / (beta * (beta - 1));
}

// Sum of d over a row, given wh; and the sum of d(0, wh) over the same entries, as if they were not stored. Only
// where x is positive can wh be too small.
template <bool weighted, class T>
void measure_entries(const RowOfX<T> &row, const DivergenceRule &rule, DivergenceSums &sums) {
  constexpr int L = lanes<double>;
  Doubles total{}, model{};
  // Numbers of 24 bits are equal or so far apart that the rounding of a product does not count.
  const bool by_product = !weighted && sizeof(T) == 4 && rule.beta == 0;
  LogSum logs;
  const auto add = [&](int64_t t, Bits inside) NONNEG_LAMBDA {
    const auto read = [&](const T *p) { return p ? select(inside, widen(p + t), Doubles{}) : Doubles{}; };
    Doubles x = select(inside, widen(row.x + t), fill(1.0)), y = select(inside, widen(row.wh + t), fill(1.0));
    const Doubles weight = read(row.weight);
    model += weighted ? (weight - read(row.excess)) * y : select(inside, y, Doubles{});
    if (weighted)
      x = select(weight > 0.0, x * reciprocal<double>(weight), Doubles{});
    y = select(x > 0.0, larger<double>(y, fill(rule.floor)), y);
    if (by_product) {
      total += x / y - 1.0;
      logs.add(x / y);
      return;
    }
    const Doubles d = divergence_of(x, y, rule.beta);
    total += weighted ? select(weight > 0.0, weight * d, Doubles{}) : select(inside, d, Doubles{});
  };
  int64_t t = 0;
  for (; t + L <= row.count; t += L)
    add(t, ~Bits{});
  if (t < row.count)
    add(t, first_lanes(row.count - t)); // past them x = y = 1
  if (by_product)
    total -= logs.value();
  for (int i = 0; i < L; ++i) {
    sums.divergence += total[i];
    sums.model += model[i];
  }
}

template <class T> void measure_row(const RowOfX<T> &row, const DivergenceRule &rule, DivergenceSums &sums) {
  if (row.weight)
    measure_entries<true>(row, rule, sums);
  else
    measure_entries<false>(row, rule, sums);
}

// What x and wh weigh in the numerator and the denominator: x wh^(beta - 2), and wh^(beta - 1) in place of wh.
// Negative powers see no wh below the floor.
template <class T> void weigh(const RowOfX<T> &row, T *ratio, double beta, double least) {
  constexpr int L = lanes<T>;
  if (beta == 0 || beta == 1 || beta == 2)
    for (int64_t t = 0; t < row.padded; t += L) {
      const vec<T> y = load(row.wh + t), x = load(row.x + t), above = larger<T>(y, fill(T(least)));
      if (beta == 0) {
        const vec<T> inverse = 1 / above;
        store(ratio + t, x * inverse * inverse);
        store(row.wh + t, inverse);
      } else {
        store(ratio + t, beta == 2 ? x : x / above);
        store(row.wh + t, beta == 2 ? y : fill(T(1)));
      }
    }
  else
    for (int64_t t = 0; t < row.padded; t += lanes<double>) {
      const Doubles y = widen(row.wh + t), above = larger<double>(y, fill(least));
      const Doubles over = widen(row.x + t) * power(beta < 2 ? above : y, beta - 2);
      const Doubles lower = power(beta < 1 ? above : y, beta - 1);
      for (int i = 0; i < lanes<double>; ++i) {
        ratio[t + i] = T(over[i]);
        row.wh[t + i] = T(lower[i]);
      }
    }
  if (row.weight)
    for (int64_t t = 0; t < row.padded; t += lanes<T>)
      store(row.wh + t, load(row.wh + t) * load(row.weight + t));
  // Past the end x and h are zero, but a negative power of the floor may be infinite.
  std::fill(ratio + row.count, ratio + row.padded, T(0));
  std::fill(row.wh + row.count, row.wh + row.padded, T(0));
}

// Numerator and denominator of the multiplicative update of each coordinate; wh becomes the weights of the second.
template <class T>
void split_row(const RowOfX<T> &row, const T *w, int k, const T *slopes, const DivergenceRule &rule, T *ratio,
               T *above, T *below) {
  model_row(row, w, k, T(0), row.wh);
  weigh(row, ratio, rule.beta, rule.floor);
  for (int p = 0; p < k; ++p) {
    vec<T> both[4] = {};
    const T *h = row.h + p * row.ld;
    const auto add = [&](int64_t t, int chain) NONNEG_LAMBDA {
      both[chain] += load(ratio + t) * load(h + t);
      if (rule.beta != 1)
        both[chain + 2] += load(row.wh + t) * load(h + t);
    };
    in_two_chains<T>(row.padded, add);
    T out[4];
    sum_four<T>(both, out);
    above[p] = out[0] + out[1];
    // Under Kullback-Leibler the denominator is the sum of h over all columns, which `slopes` holds.
    below[p] = slopes[p] + (rule.beta == 1 ? T(0) : out[2] + out[3]) + T(rule.l2) * w[p];
  }
}

// Multiplicative updates (Fevotte & Idier 2011, doi:10.1162/NECO_a_00168).
template <class T>
void multiply_row(const RowOfX<T> &row, T *w, int k, const T *slopes, const DivergenceRule &rule, T *ratio,
                  T *above, T *below, const Limits<T> &limits, int first_limit, DivergenceSums &sums) {
  const double beta = rule.beta;
  const double gamma = beta < 1 ? 1 / (2 - beta) : beta > 2 ? 1 / (beta - 1) : 1;
  double first = 0;
  for (int sweep = 0; sweep < rule.most; ++sweep) {
    double step = 0;
    split_row(row, w, k, slopes, rule, ratio, above, below);
    for (int p = 0; p < k; ++p) {
      T factor = above[p] / (below[p] == 0 ? T(rule.zero) : below[p]);
      if (gamma != 1)
        factor = T(std::pow(double(factor), gamma));
      const T now = cut<T>(w[p] * factor, limits, first_limit + p);
      step += std::abs(double(now - w[p]) * double(below[p] - above[p]));
      if (sweep == 0)
        sums.size += double(below[p]) * double(now);
      w[p] = now;
    }
    if (sweep == 0)
      first = step;
    if (step <= rule.tol * first)
      break;
  }
  sums.first_step += first;
}

// What is linear in each part of a row: under Kullback-Leibler its own entries bring what they count more than
// those that are not stored.
template <class T>
void slopes_of_row(const RowOfX<T> &row, int k, const T *slopes, const DivergenceRule &rule, T *out) {
  for (int p = 0; p < k; ++p) {
    out[p] = slopes[p];
    if (!row.excess || rule.beta != 1)
      continue;
    vec<T> sum[4] = {};
    for (int64_t t = 0; t < row.padded; t += lanes<T>)
      sum[0] += load(row.excess + t) * load(row.h + p * row.ld + t);
    T total[4];
    sum_four<T>(sum, total);
    out[p] = std::max(out[p] + total[0], T(0)); // rounding may take a sum of nothing below zero
  }
}

// All of it for the rows [start, stop) of the factor W (k x rows). With `split`, W becomes the numerators and
// `under` the denominators.
template <class T, class Rows>
DivergenceSums divergence(const Rows &source, T *W, T *under, int k, int64_t m, const T *slopes,
                          const DivergenceRule &rule, int64_t start, int64_t stop) {
  [[maybe_unused]] const NoDenormals while_here;
  DivergenceSums sums;
  // Rows work side by side as long as all that they need stays in the second-level cache.
  const int64_t near_by = 160 * 1024 / int64_t(sizeof(T));
  int64_t longest = 0;
  for (int64_t i = start; i < stop; ++i)
    longest = std::max(longest, source.length(i));
  const int64_t beside = source.weighing.used ? 4 : 2;
  const auto needed = [&](int64_t length) {
    return (beside + source.gathered()) * (whole_vectors<T>(length) + gap<T>);
  };
  Scratch<T> room(std::max(near_by, needed(longest))), ratio(whole_vectors<T>(longest));
  Scratch<T> w(rows_at_once * k), own_slopes(rows_at_once * k), above(k), below(k), low(rows_at_once * k),
      high(rows_at_once * k);
  const Limits<T> limits{static_cast<const T *>(rule.low), static_cast<const T *>(rule.high)};
  const Limits<T> near = limits.low ? Limits<T>{low, high} : Limits<T>{};
  Blend<T> blend(rule.total > 0 ? k : 0, rule.total > 0 ? longest : 0);
  RowOfX<T> rows[rows_at_once];
  for (int64_t i = start, count; i < stop; i += count) {
    T *free = room;
    for (count = 0; count < std::min<int64_t>(rows_at_once, stop - i); ++count) {
      const int64_t need = needed(source.length(i + count)), width = need / (beside + source.gathered());
      if (count > 0 && free - room + need > near_by)
        break;
      rows[count] =
          source.row(i + count, {free, free + width, free + 2 * width, free + 3 * width, free + beside * width});
      slopes_of_row(rows[count], k, slopes, rule, own_slopes + count * k);
      free += need;
      for (int p = 0; p < k; ++p)
        w[count * k + p] = W[p * m + i + count];
      for (int p = 0; limits.low && p < k; ++p) {
        low[count * k + p] = limits.low[p * m + i + count];
        high[count * k + p] = limits.high[p * m + i + count];
      }
    }
    if (rule.update == DivergenceRule::descend && rule.total > 0)
      for (int r = 0; r < count; ++r)
        blend.improve(rows[r], w + r * k, own_slopes + r * k,
                      near.low ? Limits<T>{near.low + r * k, near.high + r * k} : near, rule, sums);
    else if (rule.update == DivergenceRule::descend)
      descend_rows<T>(rows, int(count), w, k, own_slopes, near, rule, sums);
    for (int r = 0; r < count; ++r) {
      const T *now = w + r * k, *slopes_here = own_slopes + r * k;
      if (rule.update == DivergenceRule::multiply)
        multiply_row<T>(rows[r], w + r * k, k, slopes_here, rule, ratio, above, below, near, r * k, sums);
      if (rule.measure) {
        model_row<T>(rows[r], now, k, T(0), rows[r].wh);
        measure_row<T>(rows[r], rule, sums);
      }
      if (rule.update == DivergenceRule::split) {
        split_row<T>(rows[r], now, k, slopes_here, rule, ratio, above, below);
        for (int p = 0; p < k; ++p)
          under[p * m + i + r] = below[p];
        now = above;
      }
      for (int p = 0; p < k; ++p)
        W[p * m + i + r] = now[p];
    }
  }
  return sums;
}

template <class T>
DivergenceSums divergence_dense(const T *X, int64_t ldx, int64_t n, T a, T b, const T *H, int64_t ldh, T *W,
                                T *under, int k, int64_t m, const T *slopes, const DivergenceRule &rule,
                                const Weighing<T> &weighing, int64_t start, int64_t stop) {
  return divergence<T>(DenseRows<T>{X, ldx, n, a, b, T(rule.least), H, ldh, weighing}, W, under, k, m, slopes, rule,
                       start, stop);
}

template <class T, class I>
DivergenceSums divergence_expanded(const I *indptr, const I *indices, const T *data, int64_t n, T a, T b,
                                   const T *H, int64_t ldh, T *W, T *under, int k, int64_t m, const T *slopes,
                                   const DivergenceRule &rule, const Weighing<T> &weighing, int64_t start,
                                   int64_t stop) {
  return divergence<T>(ExpandedRows<T, I>{indptr, indices, data, n, a, b, T(rule.least), H, ldh, weighing}, W,
                       under, k, m, slopes, rule, start, stop);
}

template <class T, class I>
DivergenceSums divergence_stored(const I *indptr, const I *indices, const T *data, T a, T b, const T *packed,
                                 int width, T *W, T *under, int k, int64_t m, const T *slopes,
                                 const DivergenceRule &rule, const Weighing<T> &weighing, int64_t start,
                                 int64_t stop) {
  return divergence<T>(StoredRows<T, I>{indptr, indices, data, a, b, T(rule.least), packed, width, weighing}, W,
                       under, k, m, slopes, rule, start, stop);
}

} // namespace nonneg::NONNEG_LEVEL

// Least squares over a simplex, many small problems that share one Gram matrix:
//   minimise over low <= F <= high, sum(F_i) = total, for each column i:  1/2 F_i' G F_i - B_i' F_i
// Steps are as long for each part as its curvature allows, so parts may be of any size.
// by accelerated projected gradients (Beck & Teboulle 2009, doi:10.1137/080716542), begun anew where the momentum
// leads uphill (O'Donoghue & Candes 2015, doi:10.1007/s10208-013-9150-3). Lanes run along the rows, as in
// sweeps.hpp.
#pragma once
#include "kernels.hpp"
#include "lanes.hpp"
#include <algorithm>
#include <cmath>
#include <limits>

namespace nonneg::NONNEG_LEVEL {

template <class T> NONNEG_INLINE vec<T> within(vec<T> x, vec<T> low, vec<T> high) {
  x = x > low ? x : low;
  return x < high ? x : high;
}

// The nearest point to v (k vectors, overwritten), each part p weighed by weight[p] = 1 / length[p]: f = v - shift
// length[p] within the bounds, with the one shift that makes the sum `total`. The sum falls with the shift, in
// straight pieces: Newton's steps, halved where they leave the bracket. `shift` is the guess to begin with, and
// becomes the answer.
template <class T>
NONNEG_INLINE void onto_simplex(T *v, const T *low, const T *high, const T *length, const T *weight, int k, T total,
                                vec<T> &shift) {
  constexpr int L = lanes<T>;
  const vec<T> zero{}, one = fill(T(1)), whole = fill(total);
  const vec<T> close = fill(2 * T(k) * std::numeric_limits<T>::epsilon() * total);
  vec<T> left = fill(std::numeric_limits<T>::max()), right = -left;
  for (int p = 0; p < k; ++p) {
    const vec<T> at_high = (load(v + p * L) - load(high + p * L)) * weight[p];
    const vec<T> at_low = (load(v + p * L) - load(low + p * L)) * weight[p];
    left = at_high < left ? at_high : left;
    right = at_low > right ? at_low : right;
  }
  shift = within<T>(shift, left, right);
  vec<T> missing, inside;
  const auto evaluate = [&]() NONNEG_LAMBDA {
    vec<T> sum{};
    inside = zero;
    for (int p = 0; p < k; ++p) {
      const vec<T> x = load(v + p * L) - shift * length[p], least = load(low + p * L), most = load(high + p * L);
      sum += within<T>(x, least, most);
      inside += (x > least) & (x < most) ? fill(length[p]) : zero;
    }
    missing = whole - sum;
  };
  for (int round = 0; round < 100; ++round) {
    evaluate();
    const mask<T> too_much = missing<-close, too_little = missing> close;
    left = too_much ? shift : left;
    right = too_little ? shift : right;
    const vec<T> newton = shift - missing / (inside > zero ? inside : one), middle = fill(T(0.5)) * (left + right);
    const vec<T> next = (inside > zero) & (newton > left) & (newton < right) ? newton : middle;
    const mask<T> moving = (too_much | too_little) & (next != shift);
    shift = moving ? next : shift;
    if (!any_lane<T>(moving))
      break;
  }
  // What is no more than rounding of the shift is nothing: a part with such weights alone would grow without end.
  const vec<T> rounding = fill(4 * std::numeric_limits<T>::epsilon());
  for (int p = 0; p < k; ++p) {
    const vec<T> from = load(v + p * L), moved = shift * length[p], size = moved > zero ? moved : -moved;
    const vec<T> x = from - moved - load(low + p * L);
    store<T>(v + p * L, x > rounding * (size + whole) ? from : fill(-std::numeric_limits<T>::max()));
  }
  evaluate();
  // What is missing now goes to the entries between their bounds.
  const vec<T> rest = missing / (inside > zero ? inside : one);
  for (int p = 0; p < k; ++p) {
    const vec<T> x = load(v + p * L) - shift * length[p], least = load(low + p * L), most = load(high + p * L);
    store(v + p * L, within<T>((x > least) & (x < most) ? x + rest * length[p] : x, least, most));
  }
}

// v = y - (G y - b) length
template <class T>
NONNEG_INLINE void gradient_step(const T *y, const T *b, const T *G, const T *length, int k, T *v) {
  constexpr int L = lanes<T>, P = 4;
  for (int p = 0; p < k; p += P) {
    const int here = std::min(P, k - p);
    vec<T> a[P] = {};
    if (here == P)
      for (int q = 0; q < k; ++q) {
        const vec<T> other = load(y + q * L);
        for (int s = 0; s < P; ++s)
          a[s] += fill(G[int64_t(p + s) * k + q]) * other;
      }
    else
      for (int q = 0; q < k; ++q)
        for (int s = 0; s < here; ++s)
          a[s] += fill(G[int64_t(p + s) * k + q]) * load(y + q * L);
    for (int s = 0; s < here; ++s)
      store(v + (p + s) * L, load(y + (p + s) * L) - fill(length[p + s]) * (a[s] - load(b + (p + s) * L)));
  }
}

// Up to `most` steps over the columns [start, stop); a column stops once a step moves it less than `tol` times its
// first step did. With most = 0 the columns are brought to the nearest feasible point.
template <class T>
SweepSums simplex(T *F, const T *B, const T *G, const T *length, int k, int64_t rows, T total, int most, T tol,
                  int64_t start, int64_t stop, uint8_t *left, const T *lows, const T *highs) {
  constexpr int L = lanes<T>;
  const size_t room = size_t(k) * L;
  Scratch<T> f(room), y(room), v(room), b(room), low(room), high(room), weight(k);
  for (int p = 0; p < k; ++p)
    weight[p] = 1 / length[p];
  SweepSums sums;
  for (int64_t i = start; i < stop; i += L) {
    const int count = int(std::min<int64_t>(L, stop - i));
    for (int p = 0; p < k; ++p) {
      const int64_t at = p * rows + i;
      store<T>(f + p * L, load_some(F + at, count));
      store<T>(b + p * L, load_some(B + at, count));
      store<T>(low + p * L, lows ? load_some(lows + at, count) : vec<T>{});
      vec<T> bound = highs ? load_some(highs + at, count) : fill(total);
      for (int lane = count; lane < L; ++lane)
        bound[lane] = total;
      store<T>(high + p * L, bound < fill(total) ? bound : fill(total));
      store<T>(y + p * L, load(f + p * L));
    }
    mask<T> active = first_lanes<T>(count);
    vec<T> shift{}, first{}, t = fill(T(1)), momentum{};
    if (most == 0) {
      onto_simplex<T>(f, low, high, length, weight, k, total, shift);
      active = mask<T>{};
    }
    for (int round = 0; round < most; ++round) {
      gradient_step<T>(y, b, G, length, k, v);
      onto_simplex<T>(v, low, high, length, weight, k, total, shift);
      vec<T> step{}, uphill{};
      for (int p = 0; p < k; ++p) {
        const vec<T> now = load(v + p * L), from = load(y + p * L) - now;
        step += from * from * weight[p];
        uphill += from * (now - load(f + p * L)) * weight[p];
      }
      for (int lane = 0; lane < L; ++lane) {
        const T before = uphill[lane] > 0 ? T(1) : t[lane], after = (1 + std::sqrt(1 + 4 * before * before)) / 2;
        momentum[lane] = (before - 1) / after;
        t[lane] = after;
      }
      for (int p = 0; p < k; ++p) {
        const vec<T> old = load(f + p * L), now = active ? load(v + p * L) : old;
        store(f + p * L, now);
        store(y + p * L, now + momentum * (now - old));
      }
      if (round == 0)
        first = active ? step : vec<T>{};
      active &= step > fill(tol * tol) * first;
      if (!any_lane<T>(active))
        break;
    }
    for (int p = 0; p < k; ++p) {
      const vec<T> now = load(f + p * L), product = now * load(b + p * L);
      store_some(F + p * rows + i, now, count);
      for (int lane = 0; lane < count; ++lane) {
        sums.product += double(product[lane]);
        sums.size += double(now[lane]) * double(now[lane]) * double(weight[p]);
      }
    }
    for (int lane = 0; lane < count; ++lane) {
      sums.first_step += double(first[lane]);
      if (left)
        left[i + lane] = active[lane] != 0;
    }
  }
  return sums;
}

} // namespace nonneg::NONNEG_LEVEL

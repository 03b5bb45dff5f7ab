// Coordinate sweeps for many small non-negative least-squares problems that share one Gram matrix:
//   minimise over F >= 0, for each column i:  1/2 F_i' G F_i - B_i' F_i + l1 sum(F_i)
// and, if bounds are given, over low <= F <= high; an entry with low = high stays as it is.
// F, B and the bounds are k x rows; lanes run along the rows, so a column's arithmetic never meets its neighbours'.
#pragma once
#include "kernels.hpp"
#include "lanes.hpp"
#include <algorithm>
#include <cmath>

namespace nonneg::NONNEG_LEVEL {

// Coordinates whose gradients are summed together, and vectors of rows beside each other.
constexpr int sweep_group = 4, sweep_vectors = many_registers ? 3 : 2;

// Gradients of the coordinates p .. p + P - 1 at the point before them; then their own updates, one after the
// other, each of which corrects the gradients behind it: the shortest way from one to the next. Coordinates that
// have just been updated are read last. `step` collects the decrease G_pp d^2 of every lane.
template <class T, int P, bool Bounded>
NONNEG_INLINE void sweep_coordinates(T *w, const T *b, const T *low, const T *high, const T *G, const T *inverse,
                                     int k, int p, const mask<T> *active, vec<T> *step) {
  constexpr int L = lanes<T>, NV = sweep_vectors, block = NV * L;
  vec<T> a[P][NV];
  for (int s = 0; s < P; ++s)
    for (int v = 0; v < NV; ++v)
      a[s][v] = load(b + (p + s) * block + v * L);
  const auto subtract = [&](int from, int to) NONNEG_LAMBDA {
    for (int q = from; q < to; ++q) {
      vec<T> other[NV];
      for (int v = 0; v < NV; ++v)
        other[v] = load(w + q * block + v * L);
      for (int s = 0; s < P; ++s) {
        const vec<T> g = fill(G[int64_t(p + s) * k + q]);
        for (int v = 0; v < NV; ++v)
          a[s][v] -= g * other[v];
      }
    }
  };
  subtract(p, k);
  subtract(0, p);
#pragma GCC unroll 4
  for (int s = 0; s < P; ++s) {
    const vec<T> scale = fill(inverse[p + s]), curvature = fill(G[int64_t(p + s) * k + p + s]), zero{};
    for (int v = 0; v < NV; ++v) {
      T *at = w + (p + s) * block + v * L;
      const vec<T> old = load(at);
      vec<T> now = old + a[s][v] * scale;
      now = now > zero ? now : zero;
      if constexpr (Bounded) {
        const vec<T> least = load(low + (p + s) * block + v * L), most = load(high + (p + s) * block + v * L);
        now = now > least ? now : least;
        now = now < most ? now : most;
      }
      // A zero pivot leaves the coordinate alone: a part that is empty for a while can come back.
      now = active[v] & (scale > zero) ? now : old;
      const vec<T> d = now - old;
      step[v] += curvature * d * d;
      store<T>(at, now);
#pragma GCC unroll 4
      for (int later = s + 1; later < P; ++later)
        a[later][v] -= G[int64_t(p + later) * k + p + s] * d;
    }
  }
}

// Up to max_sweeps sweeps over the columns [start, stop); a column stops once a sweep moves it less than
// `tol` times its first sweep did.
// left[i], if wanted, tells that column i was still moving when the sweeps ended.
template <class T, bool Bounded>
SweepSums sweeps_within(T *F, const T *B, const T *G, int k, int64_t rows, T l1, int max_sweeps, T tol,
                        int64_t start, int64_t stop, uint8_t *left, const T *lows, const T *highs) {
  constexpr int L = lanes<T>, NV = sweep_vectors, block = NV * L;
  Scratch<T> w(size_t(k) * block), b(size_t(k) * block), inverse(k);
  Scratch<T> low(Bounded ? size_t(k) * block : 0), high(Bounded ? size_t(k) * block : 0);
  for (int p = 0; p < k; ++p)
    inverse[p] = G[int64_t(p) * k + p] > 0 ? 1 / G[int64_t(p) * k + p] : T(0);
  SweepSums sums;
  for (int64_t i = start; i < stop; i += block) {
    const int count = int(std::min<int64_t>(block, stop - i));
    for (int p = 0; p < k; ++p)
      for (int v = 0; v < NV; ++v) {
        const int here = std::clamp(count - v * L, 0, L);
        const T *f = F + p * rows + i + v * L, *from = B + p * rows + i + v * L;
        store<T>(w + p * block + v * L, load_up_to(f, here));
        store<T>(b + p * block + v * L, load_up_to(from, here) - fill(l1));
        if constexpr (Bounded) {
          const T *least = lows + p * rows + i + v * L, *most = highs + p * rows + i + v * L;
          store<T>(low + p * block + v * L, load_up_to(least, here));
          store<T>(high + p * block + v * L, load_up_to(most, here));
        }
      }
    mask<T> active[NV];
    vec<T> first[NV];
    for (int v = 0; v < NV; ++v)
      active[v] = ~mask<T>{};
    for (int sweep = 0; sweep < max_sweeps; ++sweep) {
      vec<T> step[NV] = {};
      for (int p = 0, count; p < k; p += count) {
        count = group_size(k, p, sweep_group);
        with_constant<sweep_group>(count, [&](auto P) NONNEG_LAMBDA {
          sweep_coordinates<T, P, Bounded>(w, b, low, high, G, inverse, k, p, active, step);
        });
      }
      bool any = false;
      for (int v = 0; v < NV; ++v) {
        if (sweep == 0)
          first[v] = step[v];
        active[v] &= step[v] > fill(tol * tol) * first[v];
        any |= any_lane<T>(active[v]);
      }
      if (!any)
        break;
    }
    if (left)
      for (int r = 0; r < count; ++r)
        left[i + r] = active[r / L][r % L] != 0;
    for (int p = 0; p < k; ++p) {
      vec<T> product{}, size{};
      for (int v = 0; v < NV; ++v) {
        const int here = std::clamp(count - v * L, 0, L);
        const vec<T> now = load(w + p * block + v * L);
        product += now * (load(b + p * block + v * L) + fill(l1));
        size += now * now;
        store_up_to<T>(F + p * rows + i + v * L, now, here);
      }
      // Lanes past the end hold w = 0 or, with b = 0, an update from zero to zero: they add nothing.
      for (int lane = 0; lane < L; ++lane) {
        sums.product += double(product[lane]);
        sums.size += double(G[int64_t(p) * k + p]) * double(size[lane]);
      }
    }
    for (int v = 0; v < NV; ++v)
      for (int lane = 0; lane < L; ++lane)
        sums.first_step += max_sweeps > 0 ? double(first[v][lane]) : 0;
  }
  return sums;
}

template <class T>
SweepSums sweeps(T *F, const T *B, const T *G, int k, int64_t rows, T l1, int max_sweeps, T tol, int64_t start,
                 int64_t stop, uint8_t *left, const T *low, const T *high) {
  return low ? sweeps_within<T, true>(F, B, G, k, rows, l1, max_sweeps, tol, start, stop, left, low, high)
             : sweeps_within<T, false>(F, B, G, k, rows, l1, max_sweeps, tol, start, stop, left, low, high);
}

// out = max(0, now + beta (now - before)) on [start, stop) of flat arrays.
template <class T> void extrapolate(const T *now, const T *before, T beta, T *out, int64_t start, int64_t stop) {
  for (int64_t i = start; i < stop; ++i) {
    const T x = now[i] + beta * (now[i] - before[i]);
    out[i] = x > 0 ? x : T(0);
  }
}

} // namespace nonneg::NONNEG_LEVEL

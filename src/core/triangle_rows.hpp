// The lower triangle of a Gram matrix of stored entries, in bands of four rows: each entry's h is added in vectors
// of columns, times one number of h for each row. For levels of up to 32 bytes, whose registers hold twelve sums;
// beyond, triangle_tiles.hpp wastes less.
//
// Where two bands are as high as a vector is long, less than a vector of the second one is wanted from the square
// on the diagonal. Its left half stands, turned over, in the first band. Its right half, four rows and columns, is
// summed for the second bands of two squares at once: their numbers beside each other, times the same turned.
#pragma once
#include "stored_entries.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

// Loops over sums are unrolled by order: unrolled late, GCC begins with zeros in memory.
template <class T> class Triangle {
public:
  Triangle(int k, int width) : numbers(int64_t(width) * width), k_(k), width_(width) {}

  const int64_t numbers; // room that the sums take

  int64_t at(int p, int q) const {
    if (!halves || p / L != q / L || p % L < band)
      return place(p, q);
    if (q % L < band)
      return place(q, p);
    // Turned by `by`, the number `from` meets the other one.
    const int apart = p - q, by = std::min(apart, band - apart), from = by == apart ? q : p;
    const int square = p / (2 * L) * (2 * L);
    return place(square + band + by, square + (p / L % 2) * band + from % band);
  }

  // Add the outer products of h, and to b the products of h with x.
  template <bool weighed> void add(const Entries<T> &entries, T *sums, T *b) const {
    const int pulls = std::min(most_pulls, width_ / L);
    with_constant<most_pulls>(pulls, [&](auto B) { add_first<weighed, B>(entries, sums, b); });
    add_products(entries, b, pulls * L);
    int row = halves ? L : band;
    if constexpr (halves) {
      for (int square = 2 * L; square + band < k_; square += 2 * L)
        add_halves<weighed>(entries, square, sums);
      if (k_ > L + band) { // two bands that have room for each other
        add_band<weighed, 2, 1>(entries, row, 0, sums);
        row += L;
      }
    }
    for (; row < k_; row += band) {
      const int vectors = row % L ? row / L : (row + band + L - 1) / L;
      for (int v = 0, nv; v < vectors; v += nv) {
        nv = group_size(vectors, v, 3);
        const int column = v * L;
        with_constant<3>(nv, [&](auto V) { add_band<weighed, V>(entries, row, column, sums); });
      }
    }
  }

private:
  static constexpr int L = lanes<T>, band = 4, most_pulls = 4, turns = band / 2 + 1;
  static constexpr bool halves = L == 2 * band;

  int64_t place(int row, int column) const { return int64_t(row) * width_ + column; }

  static void increase(T *to, vec<T> by) { store<T>(to, load(to) + by); }

  // V vectors of an entry's h, times what the entry counts
  template <bool weighed, int V>
  static NONNEG_INLINE void read(const Entries<T> &entries, int64_t t, int column, vec<T> *out) {
    for (int v = 0; v < V; ++v) {
      out[v] = load(entries.h[t] + column + v * L);
      if (weighed)
        out[v] *= entries.excess[t];
    }
  }

  // The first band, and the first vectors of b. As it is the first to need the entries, it fetches them ahead.
  template <bool weighed, int B> void add_first(const Entries<T> &entries, T *sums, T *b) const {
    constexpr int V = std::max(1, band / L);
    vec<T> sum[band][V] = {}, pull[B] = {}, half[turns] = {};
    for (int64_t t = 0; t < entries.count; ++t) {
      const T *h = entries.h[t];
      entries.fetch(t, 0, width_);
#pragma GCC unroll 4
      for (int v = 0; v < B; ++v)
        pull[v] += entries.x[t] * load(h + v * L);
      if constexpr (halves)
        turn_entry<weighed>(entries, t, 0, half);
      vec<T> right[V];
      read<weighed, V>(entries, t, 0, right);
#pragma GCC unroll 4
      for (int r = 0; r < band; ++r)
        for (int v = 0; v < V; ++v)
          sum[r][v] += h[r] * right[v];
    }
#pragma GCC unroll 4
    for (int r = 0; r < band; ++r)
      for (int v = 0; v < V; ++v)
        increase(sums + place(r, v * L), sum[r][v]);
#pragma GCC unroll 4
    for (int v = 0; v < B; ++v)
      increase(b + v * L, pull[v]);
    if constexpr (halves)
#pragma GCC unroll 3
      for (int by = 0; by < turns; ++by)
        increase(sums + place(band + by, 0), half[by]);
  }

  // The second bands of two squares, under their own columns.
  template <bool weighed> void add_halves(const Entries<T> &entries, int square, T *sums) const {
    vec<T> half[turns] = {};
    for (int64_t t = 0; t < entries.count; ++t)
      turn_entry<weighed>(entries, t, square, half);
#pragma GCC unroll 3
    for (int by = 0; by < turns; ++by)
      increase(sums + place(square + band + by, square), half[by]);
  }

  template <bool weighed>
  NONNEG_INLINE void turn_entry(const Entries<T> &entries, int64_t t, int square, vec<T> *half) const {
    using C = Count<L>;
    const T *h = entries.h[t] + square;
    const vec<T> x = C::upper(load(h), load(h + (square + L < width_ ? L : 0)));
    const vec<T> right = weighed ? entries.excess[t] * x : x;
    half[0] += right * x;
    half[1] += right * C::template turn_halves<1>(x);
    half[2] += right * C::template turn_halves<2>(x);
  }

  // A band of rows under V vectors of columns, and the next band under the first `more` of them.
  template <bool weighed, int V, int more = 0>
  void add_band(const Entries<T> &entries, int row, int column, T *sums) const {
    vec<T> sum[band][V] = {}, next[band][std::max(more, 1)] = {};
    for (int64_t t = 0; t < entries.count; ++t) {
      const T *h = entries.h[t] + row;
      vec<T> right[V];
      read<weighed, V>(entries, t, column, right);
#pragma GCC unroll 4
      for (int r = 0; r < band; ++r) {
        for (int v = 0; v < V; ++v)
          sum[r][v] += h[r] * right[v];
        for (int v = 0; v < more; ++v)
          next[r][v] += h[band + r] * right[v];
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < band; ++r) {
      for (int v = 0; v < V; ++v)
        increase(sums + place(row + r, column + v * L), sum[r][v]);
      for (int v = 0; v < more; ++v)
        increase(sums + place(row + band + r, column + v * L), next[r][v]);
    }
  }

  const int k_, width_;
};

} // namespace nonneg::NONNEG_LEVEL

// The lower triangle of a Gram matrix of stored entries, in bands of four rows: each entry's h is added in vectors
// of columns, times one number of h for each row. For levels of up to 32 bytes, whose registers hold twelve sums;
// beyond, triangle_tiles.hpp wastes less.
//
// With eight numbers a vector, the square of a vector's own rows and columns takes its first band alone: what the
// second one has under the columns of the first stands there, turned over. What is left of it, four rows and
// columns, is summed for two squares at once: the numbers of both second bands in one vector, times the same vector
// with its halves turned by 0, 1 and 2 lanes.
#pragma once
#include "stored_entries.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

// (Loops over sums are unrolled by order. Else GCC unrolls them late, and begins with zeros in memory.)
template <class T> class Triangle {
public:
  // `width` is a multiple of 32 bytes: whole vectors, and whole bands.
  Triangle(int k, int width) : numbers(int64_t(width) * width), k_(k), width_(width) {}

  const int64_t numbers; // room that the sums take

  int64_t at(int p, int q) const {
    if (!halves || p / L != q / L || p % L < band)
      return place(p, q);
    if (q % L < band)
      return place(q, p);
    // The lane of the number `from` has its product with the one that is `by` lanes on, around the four; of a pair
    // of squares the first has the lower half of the lanes.
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
      // A second band ends before its own square.
      const int vectors = row % L ? row / L : (row + band + L - 1) / L;
      for (int v = 0, nv; v < vectors; v += nv) {
        nv = group_size(vectors, v, 3);
        const int column = v * L;
        with_constant<3>(nv, [&](auto V) { add_band<weighed, V>(entries, row, column, sums); });
      }
    }
  }

private:
  static constexpr int L = lanes<T>, band = 4, most_pulls = 4, turns = 3;
  static constexpr bool halves = L == 2 * band;
  static_assert(sizeof(vec<T>) <= 32, "longer vectors take triangle_tiles.hpp");

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
    vec<T> sum[band][V] = {}, pull[B] = {}, turned[turns] = {};
    for (int64_t t = 0; t < entries.count; ++t) {
      const T *h = entries.h[t];
      entries.fetch(t, 0, width_);
#pragma GCC unroll 4
      for (int v = 0; v < B; ++v)
        pull[v] += entries.x[t] * load(h + v * L);
      if constexpr (halves)
        turn_entry<weighed>(entries, t, 0, turned);
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
      store_turned(turned, 0, sums);
  }

  // The second bands of two squares, under their own columns.
  template <bool weighed> void add_halves(const Entries<T> &entries, int square, T *sums) const {
    vec<T> turned[turns] = {};
    for (int64_t t = 0; t < entries.count; ++t)
      turn_entry<weighed>(entries, t, square, turned);
    store_turned(turned, square, sums);
  }

  template <bool weighed>
  NONNEG_INLINE void turn_entry(const Entries<T> &entries, int64_t t, int square, vec<T> *turned) const {
    using C = Count<L>;
    const T *h = entries.h[t] + square;
    const vec<T> x = C::upper(load(h), load(h + (square + L < width_ ? L : 0)));
    const vec<T> right = weighed ? entries.excess[t] * x : x;
    turned[0] += right * x;
    turned[1] += right * C::template turn_halves<1>(x);
    turned[2] += right * C::template turn_halves<2>(x);
  }
  // They stand in rows of the first square's second band, in place of its own columns.
  NONNEG_INLINE void store_turned(const vec<T> *turned, int square, T *sums) const {
#pragma GCC unroll 3
    for (int by = 0; by < turns; ++by)
      increase(sums + place(square + band + by, square), turned[by]);
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

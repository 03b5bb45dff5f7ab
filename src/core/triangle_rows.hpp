// The lower triangle of a Gram matrix of stored entries, in bands of rows: each entry's h is added in vectors of
// columns, times one number of h for each row of the band. For levels of up to 32 bytes, whose registers hold
// twelve sums; nothing is shuffled. Beyond, triangle_tiles.hpp wastes less.
#pragma once
#include "stored_entries.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

template <class T> class Triangle {
public:
  Triangle(int k, int width) : numbers(int64_t(width) * width), k_(k), width_(width) {}

  const int64_t numbers; // room that the sums take

  int64_t at(int p, int q) const { return int64_t(p) * width_ + q; }

  // Add the outer products of h, and to b the products of h with x.
  template <bool weighed, class I> void add(const Entries<T, I> &entries, T *sums, T *b) const {
    add_products(entries, b);
    add_band<weighed, first, first / lanes<T>>(entries, 0, 0, sums);
    for (int row = first; row < k_; row += band) {
      const int vectors = (row + band + lanes<T> - 1) / lanes<T>;
      for (int v = 0, nv; v < vectors; v += nv) {
        nv = group_size(vectors, v, 3);
        T *const out = sums + at(row, v * lanes<T>);
        if (nv == 3)
          add_band<weighed, band, 3>(entries, row, v * lanes<T>, out);
        else if (nv == 2)
          add_band<weighed, band, 2>(entries, row, v * lanes<T>, out);
        else
          add_band<weighed, band, 1>(entries, row, v * lanes<T>, out);
      }
    }
  }

private:
  // Where the first band has one vector, more rows hide the latency of its additions.
  static constexpr int band = 4, first = std::max(band, lanes<T>);

  template <bool weighed, int R, int V, class I>
  void add_band(const Entries<T, I> &entries, int row, int column, T *out) const {
    constexpr int L = lanes<T>;
    vec<T> sum[R][V] = {};
    for (int64_t t = 0; t < entries.count; ++t) {
      const T *h = entries.packed + int64_t(entries.indices[t]) * entries.width;
      vec<T> right[V];
      for (int v = 0; v < V; ++v) {
        right[v] = load(h + column + v * L);
        if (weighed)
          right[v] *= entries.excess[t];
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v)
          sum[r][v] += h[row + r] * right[v];
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v)
        store(out + at(r, v * L), load(out + at(r, v * L)) + sum[r][v]);
  }

  const int k_, width_;
};

} // namespace nonneg::NONNEG_LEVEL

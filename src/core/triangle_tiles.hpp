// The lower triangle of a Gram matrix of stored entries, in square tiles of 4 x 4: each entry's h is read once for
// many tiles, whose sums stay in registers. For vectors of 64 bytes; triangle_rows.hpp is for shorter ones.
#pragma once
#include "stored_entries.hpp"
#include <algorithm>
#include <immintrin.h>

namespace nonneg::NONNEG_LEVEL {

// Rows and columns of a tile. A vector is `tile_rows` rows beside each other.
constexpr int tile = 4;
template <class T> constexpr int tile_rows = lanes<T> / tile;
template <class T> constexpr int tile_vectors = tile / tile_rows<T>;

// Rows and columns of tiles whose sums stay in registers together.
constexpr int most_tiles(int vectors, int most = 1) {
  return (most + 1) * (most + 1) * vectors > 25 ? most : most_tiles(vectors, most + 1);
}

// The numbers of one side of a tile, again and again. GCC 12 makes no broadcast of a shuffle.
NONNEG_INLINE vec<float> repeat(const float *p) { return vec<float>(_mm512_broadcast_f32x4(_mm_loadu_ps(p))); }
NONNEG_INLINE vec<double> repeat(const double *p) {
  return vec<double>(_mm512_broadcast_f64x4(_mm256_loadu_pd(p)));
}

// Rows of tiles from their left side: out[v] has each number of row v in all columns.
template <class T, int v = 0> NONNEG_INLINE void spread(vec<T> left, vec<T> *out) {
  out[v] = Count<lanes<T>>::template spread<tile, v * tile_rows<T>>(left);
  if constexpr (v + 1 < tile_vectors<T>)
    spread<T, v + 1>(left, out);
}

constexpr int64_t tile_at(int row, int column) { return int64_t(row) * (row + 1) / 2 + column; }

// P x Q tiles, the first of which is (row, column); those in a corner of the triangle bring b as well.
template <int P, int Q, bool corner, bool weighed, class T>
void add_tiles(const Entries<T> &entries, int row, int column, T *tiles, T *b) {
  constexpr int S = tile, V = tile_vectors<T>, L = lanes<T>;
  vec<T> sum[P][Q][V] = {}, pull[Q] = {};
  for (int64_t t = 0; t < entries.count; ++t) {
    const T *h = entries.h[t];
    if (corner)
      entries.fetch(t, column * S, (column + Q) * S);
    vec<T> right[Q], left[V];
    for (int c = 0; c < Q; ++c) {
      right[c] = repeat(h + (column + c) * S);
      if (corner)
        pull[c] += entries.x[t] * right[c];
    }
#pragma GCC unroll 8
    for (int r = 0; r < P; ++r) {
      const vec<T> side = corner ? right[r] : repeat(h + (row + r) * S);
      spread<T>(weighed ? entries.excess[t] * side : side, left);
#pragma GCC unroll 8
      for (int c = 0; c < (corner ? r + 1 : Q); ++c)
        for (int v = 0; v < V; ++v)
          sum[r][c][v] += left[v] * right[c];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < P; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < (corner ? r + 1 : Q); ++c)
      for (int v = 0; v < V; ++v) {
        T *out = tiles + tile_at(row + r, column + c) * S * S + v * L;
        store(out, load(out) + sum[r][c][v]);
      }
  if (corner)
    for (int c = 0; c < Q; ++c)
      for (int i = 0; i < S; ++i)
        b[(column + c) * S + i] += pull[c][i];
}

// The same for numbers of tiles that are known when it runs; groups of rows are as long as those of columns or one
// shorter.
template <class T, bool weighed, int N = most_tiles(tile_vectors<T>)>
void pick_tiles(int rows, int columns, const Entries<T> &entries, int row, int column, T *tiles, T *b) {
  if constexpr (N > 1)
    if (columns < N)
      return pick_tiles<T, weighed, N - 1>(rows, columns, entries, row, column, tiles, b);
  if (row == column)
    add_tiles<N, N, true, weighed>(entries, row, column, tiles, b);
  else if (rows == N)
    add_tiles<N, N, false, weighed>(entries, row, column, tiles, b);
  else if constexpr (N > 1)
    add_tiles<N - 1, N, false, weighed>(entries, row, column, tiles, b);
}

template <class T> class Triangle {
public:
  Triangle(int k, int) : numbers(tile_at(sides(k), 0) * tile * tile), sides_(sides(k)) {}

  const int64_t numbers; // room that the sums take

  int64_t at(int p, int q) const {
    constexpr int S = tile;
    return tile_at(p / S, q / S) * S * S + p % S * S + q % S;
  }

  // Add the outer products of h, and to b the products of h with x.
  template <bool weighed> void add(const Entries<T> &entries, T *sums, T *b) const {
    constexpr int most = most_tiles(tile_vectors<T>);
    for (int row = 0, rows; row < sides_; row += rows) {
      rows = group_size(sides_, row, most);
      for (int column = 0, columns; column <= row; column += columns) {
        columns = group_size(sides_, column, most);
        pick_tiles<T, weighed>(rows, columns, entries, row, column, sums, b);
      }
    }
  }

private:
  static constexpr int sides(int k) { return (k + tile - 1) / tile; }

  const int sides_;
};

} // namespace nonneg::NONNEG_LEVEL

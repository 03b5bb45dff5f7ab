// Gram matrices of sparse rows of X: an entry brings the matching row h of the packed partner as one short run, and
// the outer product of h with itself is added to sums in registers. Nothing is turned over or laid aside first.
#pragma once
#include "rows.hpp"
#include "sparse.hpp"
#include <algorithm>
#if NONNEG_VECTOR_BYTES > 16
#include <immintrin.h>
#endif

namespace nonneg::NONNEG_LEVEL {

// The lower triangle of G is cut into square tiles. A vector is `tile_rows` rows of a tile beside each other.
template <class T> constexpr int tile = lanes<T> < 4 ? lanes<T> : 4;
template <class T> constexpr int tile_rows = lanes<T> / tile<T>;
template <class T> constexpr int tile_vectors = tile<T> / tile_rows<T>;

// Rows and columns of tiles whose sums stay in registers together.
constexpr int most_tiles(int vectors, int most = 1) {
  return (most + 1) * (most + 1) * vectors > (many_registers ? 25 : 8) ? most : most_tiles(vectors, most + 1);
}

// The numbers of one side of a tile, again and again. GCC 12 makes no broadcast of a shuffle.
template <class T> NONNEG_INLINE vec<T> repeat(const T *p) {
#if NONNEG_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4)
    return vec<T>(_mm512_broadcast_f32x4(_mm_loadu_ps(p)));
  else
    return vec<T>(_mm512_broadcast_f64x4(_mm256_loadu_pd(p)));
#elif NONNEG_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4)
    return vec<T>(_mm256_broadcast_ps(reinterpret_cast<const __m128 *>(p)));
  else
    return load(p);
#else
  return load(p);
#endif
}

template <class T, class I> struct Entries {
  const I *indices;
  const T *x, *excess; // null: all are one
  int64_t count, left; // `left` may be read ahead
  const T *packed;
  int width;
};

// Rows of tiles from their left side: out[v] has each number of row v in all columns.
template <class T, int v = 0> NONNEG_INLINE void spread(vec<T> left, vec<T> *out) {
  out[v] = Count<lanes<T>>::template spread<tile<T>, v * tile_rows<T>>(left);
  if constexpr (v + 1 < tile_vectors<T>)
    spread<T, v + 1>(left, out);
}

constexpr int64_t tile_at(int row, int column) { return int64_t(row) * (row + 1) / 2 + column; }

// P x Q tiles, the first of which is (row, column); those in a corner of the triangle bring b as well.
template <int P, int Q, bool corner, bool weighed, class T, class I>
void add_tiles(const Entries<T, I> &entries, int row, int column, T *tiles, T *b) {
  constexpr int S = tile<T>, V = tile_vectors<T>, L = lanes<T>;
  vec<T> sum[P][Q][V] = {}, pull[Q] = {};
  for (int64_t t = 0; t < entries.count; ++t) {
    const T *h = entries.packed + int64_t(entries.indices[t]) * entries.width;
    if (corner) {
      const T *next =
          entries.packed + int64_t(entries.indices[std::min(t + ahead, entries.left - 1)]) * entries.width;
      __builtin_prefetch(next + column * S);
      __builtin_prefetch(next + (column + Q) * S - 1);
    }
    vec<T> right[Q], left[V];
    for (int c = 0; c < Q; ++c) {
      right[c] = repeat(h + (column + c) * S);
      if (corner)
        pull[c] += entries.x[t] * right[c];
    }
    for (int r = 0; r < P; ++r) {
      const vec<T> side = corner ? right[r] : repeat(h + (row + r) * S);
      spread<T>(weighed ? entries.excess[t] * side : side, left);
      for (int c = 0; c < (corner ? r + 1 : Q); ++c)
        for (int v = 0; v < V; ++v)
          sum[r][c][v] += left[v] * right[c];
    }
  }
  for (int r = 0; r < P; ++r)
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
template <class T, class I, bool weighed, int N = most_tiles(tile_vectors<T>)>
void pick_tiles(int rows, int columns, const Entries<T, I> &entries, int row, int column, T *tiles, T *b) {
  if constexpr (N > 1)
    if (columns < N)
      return pick_tiles<T, I, weighed, N - 1>(rows, columns, entries, row, column, tiles, b);
  if (row == column)
    add_tiles<N, N, true, weighed>(entries, row, column, tiles, b);
  else if (rows == N)
    add_tiles<N, N, false, weighed>(entries, row, column, tiles, b);
  else if constexpr (N > 1)
    add_tiles<N - 1, N, false, weighed>(entries, row, column, tiles, b);
}

template <class T, class I> class StoredGrams {
public:
  StoredGrams(const StoredRows<T, I> &source, int k, int64_t stop)
      : source_(source), k_(k), sides_((k + tile<T> - 1) / tile<T>), end_(source.indptr[stop]),
        numbers_(tile_at(sides_, 0) * tile<T> * tile<T>),
        piece_(std::max<int64_t>(lanes<T>, near_by / (source.width * int64_t(sizeof(T))))),
        room_(3 * (piece_ + lanes<T>)), tiles_(lanes<T> * numbers_), b_(lanes<T> * int64_t(source.width)),
        products_(source.width) {}

  // Add what the rows i .. i + count - 1 bring to the lower triangles of G and to b, which stand in the lanes.
  void add(int64_t i, int count, T *G, T *b) {
    constexpr int L = lanes<T>, S = tile<T>;
    for (int r = 0; r < count; ++r)
      sum(i + r, tiles_ + r * numbers_, b_ + r * source_.width);
    for (int p = 0; p < k_; ++p) {
      for (int q = 0; q <= p; ++q)
        for (int r = 0; r < count; ++r)
          G[(int64_t(p) * k_ + q) * L + r] +=
              tiles_[r * numbers_ + (tile_at(p / S, q / S) * S + p % S) * S + q % S];
      for (int r = 0; r < count; ++r)
        b[p * L + r] += b_[r * source_.width + p];
    }
  }

private:
  // Entries are looked at again for each group of tiles, so their h shall stay in the first-level cache.
  static constexpr int64_t near_by = 16 * 1024;

  void sum(int64_t i, T *tiles, T *b) {
    std::fill(tiles, tiles + numbers_, T(0));
    std::fill(b, b + source_.width, T(0));
    const int64_t end = source_.indptr[i + 1], room = piece_ + lanes<T>;
    for (int64_t from = source_.indptr[i]; from < end; from += piece_) {
      const int64_t count = std::min(piece_, end - from);
      for (int64_t t = from + far_ahead; t < from + far_ahead + count; t += 64 / int64_t(sizeof(I))) {
        __builtin_prefetch(source_.data + t);
        __builtin_prefetch(source_.indices + t);
      }
      const RowOfX<T> piece =
          source_.numbers(from, count, {room_, nullptr, room_ + room, room_ + 2 * room, nullptr}, 0);
      const Entries<T, I> entries{source_.indices + from, piece.x,      piece.excess, piece.count, end_ - from,
                                  source_.packed,         source_.width};
      int64_t others = 0;
      for (int64_t t = 0; piece.excess && t < piece.count; ++t)
        others += piece.excess[t] != 1;
      if (!piece.excess)
        add_products(entries, b);
      else if (others == 0)
        add_triangle<false>(entries, tiles, b);
      else
        add_triangle<true>(entries, tiles, b);
    }
  }

  // Where all entries count as those that are not stored, b alone.
  void add_products(const Entries<T, I> &entries, T *b) {
    const int width = entries.width, vectors = width / half<T>;
    for (int v = 0, nv; v < vectors; v += nv) {
      nv = group_size(vectors, v, gather_vectors);
      gather_pick<T, I>(nv, entries.indices, entries.x, 0, entries.count, entries.packed + v * half<T>, width,
                        products_ + v * half<T>);
    }
    for (int p = 0; p < width; ++p)
      b[p] += products_[p];
  }

  template <bool weighed> void add_triangle(const Entries<T, I> &entries, T *tiles, T *b) {
    constexpr int most = most_tiles(tile_vectors<T>);
    for (int row = 0, rows; row < sides_; row += rows) {
      rows = group_size(sides_, row, most);
      for (int column = 0, columns; column <= row; column += columns) {
        columns = group_size(sides_, column, most);
        pick_tiles<T, I, weighed>(rows, columns, entries, row, column, tiles, b);
      }
    }
  }

  const StoredRows<T, I> &source_;
  const int k_, sides_;
  const int64_t end_, numbers_, piece_;
  Scratch<T> room_, tiles_, b_, products_;
};

} // namespace nonneg::NONNEG_LEVEL

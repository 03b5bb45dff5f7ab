// Gram matrices of dense rows of X, each with weights of its own: lanes along the entries.
#pragma once
#include "rows.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

// Rows of X that are read together, piece by piece: a piece of the partner is used for all of them while it is
// near.
constexpr int rows_together = 4;
template <class T> constexpr int64_t piece_length = 2048 / int64_t(sizeof(T));

template <class T> class RowGroup {
public:
  explicit RowGroup(const DenseRows<T> &source)
      : source_(source), width_(whole_vectors<T>(source.n) + gap<T>), step_(4 * width_),
        room_(rows_together * step_) {}

  void read(int64_t i, int count) {
    count_ = count;
    for (int r = 0; r < count; ++r) {
      T *free = room_ + r * step_;
      rows_[r] = source_.row(i + r, {free, free + width_, free + 2 * width_, free + 3 * width_, nullptr});
    }
  }
  // Call f(r, piece of row r) for all pieces.
  template <class F> void each_piece(const F &f) const {
    const int64_t padded = rows_[0].padded;
    for (int64_t from = 0; from < padded; from += piece_length<T>)
      for (int r = 0; r < count_; ++r) {
        const RowOfX<T> &row = rows_[r];
        const int64_t length = std::min(piece_length<T>, padded - from);
        f(r, RowOfX<T>{row.x + from, row.h + from, row.ld, length, length, row.wh + from, row.weight + from,
                       row.excess ? row.excess + from : nullptr});
      }
  }

private:
  const DenseRows<T> &source_;
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

template <class T> class DenseGrams {
public:
  DenseGrams(const DenseRows<T> &source, int k) : k_(k), group_(source) {}

  // Add what the rows i .. i + count - 1 bring to the lower triangles of G and to b, which stand in the lanes.
  void add(int64_t i, int count, T *G, T *b) {
    for (int top = 0; top < count; top += rows_together) {
      group_.read(i + top, std::min(rows_together, count - top));
      group_.each_piece(
          [&](int r, const RowOfX<T> &row) { gram_of_row(row, k_, G + top + r, b + top + r, lanes<T>); });
    }
  }

private:
  const int k_;
  RowGroup<T> group_;
};

} // namespace nonneg::NONNEG_LEVEL

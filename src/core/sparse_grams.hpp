// Gram matrices of sparse rows of X: an entry brings the matching row h of the packed partner as one short run, and
// the outer product of h with itself is added to sums in registers; the rows h themselves are not copied.
#pragma once
#include "rows.hpp"
#include <algorithm>
#if NONNEG_VECTOR_BYTES == 64
#include "triangle_tiles.hpp"
#else
#include "triangle_rows.hpp"
#endif

namespace nonneg::NONNEG_LEVEL {

template <class T, class I> class StoredGrams {
public:
  StoredGrams(const StoredRows<T, I> &source, int k, int64_t stop)
      : source_(source), k_(k), end_(source.indptr[stop]), triangle_(k, source.width),
        piece_(std::max<int64_t>(least, near_by / (source.width * int64_t(sizeof(T))))), h_(piece_ + ahead),
        room_(3 * (piece_ + lanes<T>)), sums_(lanes<T> * triangle_.numbers), b_(lanes<T> * int64_t(source.width)) {}

  // Add what the rows i .. i + count - 1 bring to the lower triangles of G and to b, which stand in the lanes.
  void add(int64_t i, int count, T *G, T *b) {
    constexpr int L = lanes<T>;
    const int64_t numbers = triangle_.numbers, width = source_.width;
    for (int r = 0; r < count; ++r)
      sum(i + r, sums_ + r * numbers, b_ + r * width);
    std::fill(sums_ + count * numbers, sums_ + L * numbers, T(0));
    std::fill(b_ + count * width, b_ + L * width, T(0));
    for (int p = 0; p < k_; ++p) {
      for (int q = 0; q <= p; ++q)
        increase(G + (int64_t(p) * k_ + q) * L, sums_ + triangle_.at(p, q), numbers);
      increase(b + p * L, b_ + p, width);
    }
  }

private:
  // Entries are looked at again and again, so their h shall stay in the first-level cache; but the sums are read
  // and written once for all of them.
  static constexpr int64_t near_by = 12 * 1024, least = 64;

  // Into the lanes what the rows hold, `apart` numbers from each other.
  static void increase(T *to, const T *from, int64_t apart) {
    vec<T> x;
    for (int r = 0; r < lanes<T>; ++r)
      x[r] = from[r * apart];
    store<T>(to, load(to) + x);
  }

  void sum(int64_t i, T *sums, T *b) {
    std::fill(sums, sums + triangle_.numbers, T(0));
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
      const int64_t known = std::min(count + ahead, end_ - from);
      for (int64_t t = 0; t < known; ++t)
        h_[t] = source_.packed + int64_t(source_.indices[from + t]) * source_.width;
      std::fill(h_ + known, h_ + count + ahead, h_[count - 1]);
      const Entries<T> entries{h_, piece.x, piece.excess, piece.count, source_.width};
      int64_t others = 0;
      for (int64_t t = 0; piece.excess && t < piece.count; ++t)
        others += piece.excess[t] != 1;
      if (!piece.excess)
        add_products(entries, b); // all count as those that are not stored
      else if (others == 0)
        triangle_.template add<false>(entries, sums, b);
      else
        triangle_.template add<true>(entries, sums, b);
    }
  }

  const StoredRows<T, I> &source_;
  const int k_;
  const int64_t end_;
  const Triangle<T> triangle_;
  const int64_t piece_;
  Scratch<const T *> h_;
  Scratch<T> room_, sums_, b_;
};

} // namespace nonneg::NONNEG_LEVEL

// Rows of X as the divergence kernels read them, from each kind of data.
//
// A row has `count` numbers x, the partner's numbers h (k rows, `ld` apart) and room for wh, the model of x. Under
// Kullback-Leibler, entries that are zero count only through the sums of h: sparse rows bring their stored entries
// alone, with the matching columns of h gathered beside each other. Under other divergences they are expanded. x
// and h are padded with zeros to whole vectors.
#pragma once
#include "kernels.hpp"
#include "sparse.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

// Where entries do not all count the same, x is brought times its weight, and `weight` beside it; `excess` is how
// much more than an entry that is not stored an entry counts (null: no entry does).
template <class T> struct RowOfX {
  const T *x, *h;
  int64_t ld, count, padded;
  T *wh = nullptr; // room for the model of x
  const T *weight = nullptr, *excess = nullptr;
};

// Room for one row beside its partner's numbers: x, wh, and where entries are weighed, weight and excess.
template <class T> struct Room {
  T *x, *wh, *weight, *excess, *h;
};

template <class T> int64_t whole_vectors(int64_t n) { return (n + lanes<T> - 1) / lanes<T> * lanes<T>; }

// Between rows of scratch memory, so that they do not fall on the same cache sets.
template <class T> constexpr int64_t gap = 64 / int64_t(sizeof(T));

// Call add(t, chain) for each vector of a row, 0 and 1 in turn: two chains of additions hide their latency.
template <class T, class Add> NONNEG_INLINE void in_two_chains(int64_t padded, const Add &add) {
  constexpr int L = lanes<T>;
  int64_t t = 0;
  for (; t + 2 * L <= padded; t += 2 * L) {
    add(t, 0);
    add(t + L, 1);
  }
  if (t < padded)
    add(t, 0);
}

template <class T> NONNEG_INLINE vec<T> larger(vec<T> x, vec<T> y) { return x > y ? x : y; }

// Bounds on the coordinates of a row, or none; one with low = high stays as it is.
template <class T> struct Limits {
  const T *low = nullptr, *high = nullptr;
};

// x within its bounds, if it has any
template <class T> NONNEG_INLINE T cut(T x, const Limits<T> &limits, int64_t i) {
  return limits.low ? std::min(std::max(x, limits.low[i]), limits.high[i]) : x;
}

// wh = max(w h, floor)
template <class T> void model_row(const RowOfX<T> &row, const T *w, int k, T floor, T *wh) {
  constexpr int L = lanes<T>, NV = 4;
  int64_t t = 0;
  for (; t + NV * L <= row.padded; t += NV * L) {
    vec<T> z[NV] = {};
    for (int p = 0; p < k; ++p)
      for (int v = 0; v < NV; ++v)
        z[v] += w[p] * load(row.h + p * row.ld + t + v * L);
    for (int v = 0; v < NV; ++v)
      store(wh + t + v * L, larger<T>(z[v], fill(floor)));
  }
  for (; t < row.padded; t += L) {
    vec<T> z{};
    for (int p = 0; p < k; ++p)
      z += w[p] * load(row.h + p * row.ld + t);
    store(wh + t, larger<T>(z, fill(floor)));
  }
}

// From the numbers x of a row and the weights of its entries to what a RowOfX brings.
template <class T> RowOfX<T> weigh_row(const Room<T> &room, const T *h, int64_t ld, int64_t count, int64_t padded) {
  // `excess` comes as the base, what an entry that is not stored counts.
  std::fill(room.weight + count, room.weight + padded, T(0));
  std::fill(room.excess + count, room.excess + padded, T(0));
  mask<T> other{};
  for (int64_t t = 0; t < padded; t += lanes<T>) {
    const vec<T> x = load(room.x + t), base = load(room.excess + t);
    const vec<T> weight = x == x ? load(room.weight + t) : vec<T>{};
    store(room.x + t, x == x ? x * weight : vec<T>{});
    store(room.weight + t, weight);
    store(room.excess + t, weight - base);
    other |= weight != base;
  }
  return {room.x, h, ld, count, padded, room.wh, room.weight, any_lane<T>(other) ? room.excess : nullptr};
}

// Weights of a dense row, and the base beside them.
template <class T> void weights_of_row(const Weighing<T> &weighing, const Room<T> &room, const T *each, int64_t n) {
  const T base = weighing.elsewhere ? 1 : 0;
  for (int64_t j = 0; j < n; ++j) {
    const T along = weighing.along ? weighing.along[j] : T(1);
    room.weight[j] = (each ? each[j] : T(1)) * along;
    room.excess[j] = base * along;
  }
}

template <class T> struct DenseRows {
  const T *X;
  int64_t ldx, n;
  T a, b, least;
  const T *H;
  int64_t ldh;
  const Weighing<T> &weighing;

  int64_t length(int64_t) const { return n; }
  int64_t gathered() const { return 0; }
  RowOfX<T> row(int64_t i, const Room<T> &room) const {
    const int64_t padded = whole_vectors<T>(n);
    for (int64_t j = 0; j < n; ++j)
      room.x[j] = std::max(X[i * ldx + j] * a * b, least); // NaN stays
    std::fill(room.x + n, room.x + padded, T(0));
    if (!weighing.used)
      return {room.x, H, ldh, n, padded, room.wh};
    weights_of_row(weighing, room, weighing.each ? weighing.each + i * weighing.ld : nullptr, n);
    return weigh_row(room, H, ldh, n, padded);
  }
};

template <class T, class I> struct ExpandedRows {
  const I *indptr, *indices;
  const T *data;
  int64_t n;
  T a, b, least;
  const T *H;
  int64_t ldh;
  const Weighing<T> &weighing;

  int64_t length(int64_t) const { return n; }
  int64_t gathered() const { return 0; }
  RowOfX<T> row(int64_t i, const Room<T> &room) const {
    const int64_t padded = whole_vectors<T>(n);
    std::fill(room.x, room.x + n, least);
    std::fill(room.x + n, room.x + padded, T(0));
    for (int64_t t = indptr[i]; t < indptr[i + 1]; ++t)
      room.x[indices[t]] = std::max(data[t] * a * b, least);
    if (!weighing.used)
      return {room.x, H, ldh, n, padded, room.wh};
    std::fill(room.excess, room.excess + n, T(1)); // serves as the row's own weights first
    if (weighing.each)
      for (int64_t t = indptr[i]; t < indptr[i + 1]; ++t)
        room.excess[indices[t]] = weighing.each[t];
    weights_of_row(weighing, room, room.excess, n);
    return weigh_row(room, H, ldh, n, padded);
  }
};

// Square blocks turned over: rows of the packed factor become columns.
NONNEG_INLINE void turn(const float *const *from, float *to, int64_t ld) {
  using V = typename Half<float>::type;
  V r[8], u[8];
  for (int i = 0; i < 8; ++i)
    r[i] = *reinterpret_cast<const V *>(from[i]);
  for (int i = 0; i < 8; i += 2) {
    u[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    u[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = __builtin_shufflevector(u[i + j], u[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      r[i + 2 * j + 1] = __builtin_shufflevector(u[i + j], u[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; ++i) {
    *reinterpret_cast<V *>(to + i * ld) = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    *reinterpret_cast<V *>(to + (i + 4) * ld) = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}
NONNEG_INLINE void turn(const double *const *from, double *to, int64_t ld) {
  using V = typename Half<double>::type;
  V r[4], u[4];
  for (int i = 0; i < 4; ++i)
    r[i] = *reinterpret_cast<const V *>(from[i]);
  for (int i = 0; i < 4; i += 2) {
    u[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 4, 2, 6);
    u[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 5, 3, 7);
  }
  for (int i = 0; i < 2; ++i) {
    *reinterpret_cast<V *>(to + i * ld) = __builtin_shufflevector(u[i], u[i + 2], 0, 1, 4, 5);
    *reinterpret_cast<V *>(to + (i + 2) * ld) = __builtin_shufflevector(u[i], u[i + 2], 2, 3, 6, 7);
  }
}

template <class T, class I> struct StoredRows {
  const I *indptr, *indices;
  const T *data;
  T a, b, least;
  const T *packed; // n x width
  int width;
  const Weighing<T> &weighing;

  int64_t length(int64_t i) const { return indptr[i + 1] - indptr[i]; }
  int64_t gathered() const { return width; }
  RowOfX<T> row(int64_t i, const Room<T> &room) const {
    constexpr int block = half<T>;
    const int64_t begin = indptr[i], count = indptr[i + 1] - begin;
    const int64_t padded = whole_vectors<T>(count), ld = padded + gap<T>;
    static const T zeros[256] = {};
    for (int64_t t = 0; t < padded; t += block)
      for (int p = 0; p < width; p += block) {
        const T *from[block];
        for (int r = 0; r < block; ++r)
          from[r] = t + r < count ? packed + int64_t(indices[begin + t + r]) * width + p : zeros;
        turn(from, room.h + p * ld + t, ld);
      }
    return numbers(begin, count, room, ld);
  }
  // Stored entries from `begin` on, with their weights, beside what room.h holds.
  RowOfX<T> numbers(int64_t begin, int64_t count, const Room<T> &room, int64_t ld) const {
    const int64_t padded = whole_vectors<T>(count);
    for (int64_t t = 0; t < count; ++t)
      room.x[t] = std::max(data[begin + t] * a * b, least);
    std::fill(room.x + count, room.x + padded, T(0));
    if (!weighing.used)
      return {room.x, room.h, ld, count, padded, room.wh};
    const T base = weighing.elsewhere ? 1 : 0;
    for (int64_t t = 0; t < count; ++t) {
      const T along = weighing.along ? weighing.along[indices[begin + t]] : T(1);
      room.weight[t] = (weighing.each ? weighing.each[begin + t] : T(1)) * along;
      room.excess[t] = base * along;
    }
    return weigh_row(room, room.h, ld, count, padded);
  }
};

} // namespace nonneg::NONNEG_LEVEL

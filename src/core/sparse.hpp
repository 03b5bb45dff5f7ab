// Products of a CSR matrix with a tall factor. The factor's rows are gathered, so they are packed first:
// k x n becomes n x padded, padded to a multiple of 32 bytes, one short contiguous run per row.
#pragma once
#include "lanes.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

// Gathers are bound by the cache, not by arithmetic: 32-byte vectors at every level waste least padding.
template <class T> struct Half;
template <> struct Half<float> {
  typedef float type __attribute__((vector_size(32), aligned(4), may_alias));
};
template <> struct Half<double> {
  typedef double type __attribute__((vector_size(32), aligned(8), may_alias));
};
template <class T> constexpr int half = 32 / int(sizeof(T));

// Rows of a packed factor come in any order, and processors do not see which is next. So they are fetched some
// entries ahead of their use; and the entries themselves, which come from further away, many more ahead.
constexpr int64_t ahead = 16, far_ahead = 512;

// out[j, p] = F[p, j] for j in [start, stop), zero for p >= k.
template <class T> void pack(const T *F, int k, int64_t n, T *out, int padded, int64_t start, int64_t stop) {
  constexpr int64_t block = 32;
  for (int64_t j = start; j < stop; j += block) {
    const int64_t end = std::min(j + block, stop);
    for (int p = 0; p < k; ++p)
      for (int64_t t = j; t < end; ++t)
        out[t * padded + p] = F[p * n + t];
    for (int64_t t = j; t < end; ++t)
      for (int p = k; p < padded; ++p)
        out[t * padded + p] = 0;
  }
}

// One row: sum over stored entries of data[t] F[indices[t], :], NV vectors of it. Narrow rows use two
// chains of additions to hide their latency.
template <class T, class I, int NV>
NONNEG_INLINE void gather_row(const I *indices, const T *data, int64_t begin, int64_t end, const T *F, int padded,
                              T *out) {
  using V = typename Half<T>::type;
  constexpr int chains = NV <= 4 ? 2 : 1;
  V sum[chains][NV] = {};
  const auto add = [&](int chain, int64_t t) NONNEG_LAMBDA {
    const V *f = reinterpret_cast<const V *>(F + int64_t(indices[t]) * padded);
    for (int v = 0; v < NV; ++v)
      sum[chain][v] += data[t] * f[v];
  };
  int64_t t = begin;
  for (; t + chains <= end; t += chains)
    for (int chain = 0; chain < chains; ++chain)
      add(chain, t + chain);
  if (t < end)
    add(0, t);
  for (int v = 0; v < NV; ++v)
    *reinterpret_cast<V *>(out + v * half<T>) = chains == 2 ? sum[0][v] + sum[chains - 1][v] : sum[0][v];
}

constexpr int gather_vectors = 8;

template <class T, class I, int NV = gather_vectors>
void gather_pick(int nv, const I *indices, const T *data, int64_t begin, int64_t end, const T *F, int padded,
                 T *out) {
  if constexpr (NV > 1)
    if (nv < NV)
      return gather_pick<T, I, NV - 1>(nv, indices, data, begin, end, F, padded, out);
  gather_row<T, I, NV>(indices, data, begin, end, F, padded, out);
}

// out[p, i] = sum over row i of data[t] F[indices[t], p], i in [start, stop); F is packed, out is k x m.
template <class T, class I>
void gather(const I *indptr, const I *indices, const T *data, int64_t m, const T *F, int padded, int k, T *out,
            int64_t start, int64_t stop) {
  constexpr int block = 16;
  const int vectors = padded / half<T>;
  Scratch<T> rows(size_t(block) * padded);
  for (int64_t i = start; i < stop; i += block) {
    const int count = int(std::min<int64_t>(block, stop - i));
    for (int r = 0; r < count; ++r)
      for (int v = 0, nv; v < vectors; v += nv) {
        nv = group_size(vectors, v, gather_vectors);
        gather_pick<T, I>(nv, indices, data, indptr[i + r], indptr[i + r + 1], F + v * half<T>, padded,
                          rows + r * padded + v * half<T>);
      }
    for (int p = 0; p < k; ++p)
      for (int r = 0; r < count; ++r)
        out[p * m + i + r] = rows[r * padded + p];
  }
}

// One row of the transposed product: out[indices[t], :] += data[t] f, NV vectors of it, f in registers.
template <class T, class I, int NV>
NONNEG_INLINE void scatter_row(const I *indices, const T *data, int64_t begin, int64_t end, const T *f, int padded,
                               T *out) {
  using V = typename Half<T>::type;
  V row[NV];
  for (int v = 0; v < NV; ++v)
    row[v] = reinterpret_cast<const V *>(f)[v];
  for (int64_t t = begin; t < end; ++t) {
    V *o = reinterpret_cast<V *>(out + int64_t(indices[t]) * padded);
    const T x = data[t];
    for (int v = 0; v < NV; ++v)
      o[v] += x * row[v];
  }
}

template <class T, class I, int NV = gather_vectors>
void scatter_pick(int nv, const I *indices, const T *data, int64_t begin, int64_t end, const T *f, int padded,
                  T *out) {
  if constexpr (NV > 1)
    if (nv < NV)
      return scatter_pick<T, I, NV - 1>(nv, indices, data, begin, end, f, padded, out);
  scatter_row<T, I, NV>(indices, data, begin, end, f, padded, out);
}

// The transposed product without a transposed copy: out[indices[t], :] += data[t] F[i, :] over the rows
// [start, stop); F is packed m x padded, out is n x padded. For an out that fits the second-level cache.
template <class T, class I>
void scatter(const I *indptr, const I *indices, const T *data, const T *F, int padded, T *out, int64_t start,
             int64_t stop) {
  const int vectors = padded / half<T>;
  for (int64_t i = start; i < stop; ++i)
    for (int v = 0, nv; v < vectors; v += nv) {
      nv = group_size(vectors, v, gather_vectors);
      scatter_pick<T, I>(nv, indices, data, indptr[i], indptr[i + 1], F + i * padded + v * half<T>, padded,
                         out + v * half<T>);
    }
}

// Over the stored entries of the rows [start, stop): sums[0] += (x - wh)^2, sums[1] += wh^2, in float64.
template <class T, class I>
void residual(const I *indptr, const I *indices, const T *data, const T *W, const T *F, int padded, double *sums,
              int64_t start, int64_t stop) {
  for (int64_t i = start; i < stop; ++i) {
    const T *w = W + i * padded;
    for (int64_t t = indptr[i]; t < indptr[i + 1]; ++t) {
      const T *f = F + int64_t(indices[t]) * padded;
      double value = 0;
      for (int p = 0; p < padded; ++p)
        value += double(w[p]) * double(f[p]);
      const double d = double(data[t]) - value;
      sums[0] += d * d;
      sums[1] += value * value;
    }
  }
}

} // namespace nonneg::NONNEG_LEVEL

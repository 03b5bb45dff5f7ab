// Entries of a dense X that were not observed, filled with what the model says.
#pragma once
#include "sparse.hpp"

namespace nonneg::NONNEG_LEVEL {

// Inner products of w with four packed rows of F.
template <class T> NONNEG_INLINE void four_products(const T *w, const T *const *f, int padded, T *out) {
  using V = typename Half<T>::type;
  using C = Count<half<T>>;
  V sum[4] = {};
  for (int p = 0; p < padded; p += half<T>)
    for (int c = 0; c < 4; ++c)
      sum[c] += *reinterpret_cast<const V *>(w + p) * *reinterpret_cast<const V *>(f[c] + p);
  V all = C::fold_pair(C::fold_pair(sum[0], sum[1]), C::fold_pair(sum[2], sum[3]));
  if constexpr (half<T> == 8)
    all = C::fold_pair(all, all);
  std::memcpy(out, &all, 4 * sizeof(T));
}

// X[i, indices[t]] = <W[i, :], F[indices[t], :]> for the listed entries of the rows [start, stop); W and F are
// packed. sums[i] = {sum of squares of the change, of what X holds then}; with `keep` X stays as it is.
template <class T>
void fill_missing(const int64_t *indptr, const int32_t *indices, T *X, int64_t ldx, const T *W, const T *F,
                  int padded, bool keep, double *sums, int64_t start, int64_t stop) {
  for (int64_t i = start; i < stop; ++i) {
    double changes = 0, squares = 0;
    for (int64_t t = indptr[i]; t < indptr[i + 1]; t += 4) {
      const int count = int(indptr[i + 1] - t < 4 ? indptr[i + 1] - t : 4);
      const T *f[4];
      for (int c = 0; c < 4; ++c)
        f[c] = F + int64_t(indices[t + (c < count ? c : 0)]) * padded;
      T value[4];
      four_products(W + i * padded, f, padded, value);
      for (int c = 0; c < count; ++c) {
        T &x = X[i * ldx + indices[t + c]];
        const double change = double(x) - double(value[c]);
        changes += change * change;
        squares += double(value[c]) * double(value[c]);
        if (!keep)
          x = value[c];
      }
    }
    sums[2 * i] = changes;
    sums[2 * i + 1] = squares;
  }
}

} // namespace nonneg::NONNEG_LEVEL

// The model at the stored entries of X, one entry after the other: a product W H sampled on a pattern.
#pragma once
#include "kernels.hpp"
#include "sparse.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

// Sums of as many vectors as each has numbers, side by side. All steps but the last stay within 16 bytes: numbers
// that cross them take processors three times as long.
template <class T> NONNEG_INLINE typename Half<T>::type sums_of(const typename Half<T>::type *x) {
  using V = typename Half<T>::type;
  if constexpr (half<T> == 8) {
    const auto first = [](V a, V b) NONNEG_LAMBDA {
      return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
             __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    };
    const auto second = [](V a, V b) NONNEG_LAMBDA {
      return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
             __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    };
    const V low = second(first(x[0], x[1]), first(x[2], x[3])), high = second(first(x[4], x[5]), first(x[6], x[7]));
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
  } else {
    const auto first = [](V a, V b) NONNEG_LAMBDA {
      return __builtin_shufflevector(a, b, 0, 4, 2, 6) + __builtin_shufflevector(a, b, 1, 5, 3, 7);
    };
    const V low = first(x[0], x[1]), high = first(x[2], x[3]);
    return __builtin_shufflevector(low, high, 0, 1, 4, 5) + __builtin_shufflevector(low, high, 2, 3, 6, 7);
  }
}

// As many entries at once as a vector has numbers: their inner products with w come out side by side.
template <class T> NONNEG_INLINE typename Half<T>::type inner_products(const T *w, const T *const *f, int padded) {
  using V = typename Half<T>::type;
  constexpr int E = half<T>;
  V sum[E] = {};
  for (int p = 0; p < padded; p += E) {
    const V v = *reinterpret_cast<const V *>(w + p);
    for (int e = 0; e < E; ++e)
      sum[e] += v * *reinterpret_cast<const V *>(f[e] + p);
  }
  return sums_of<T>(sum);
}

// The first `count` of as many numbers as a vector has, then zeros.
template <class T> NONNEG_INLINE typename Half<T>::type some(const T *p, int count) {
  using V = typename Half<T>::type;
  if (count == half<T>)
    return *reinterpret_cast<const V *>(p);
  V x{};
  for (int e = 0; e < count; ++e)
    x[e] = p[e];
  return x;
}

// sums += {weight (x - wh)^2, base (wh)^2} over the stored entries of the rows [start, stop), where base is what an
// entry counts that is not stored.
template <class T, class I>
void sampled(const I *indptr, const I *indices, const T *data, T a, T b, const T *F, int padded, const T *W, int k,
             int64_t m, double *sums, const Weighing<T> &weighing, int64_t start, int64_t stop) {
  [[maybe_unused]] const NoDenormals while_here;
  using V = typename Half<T>::type;
  constexpr int E = half<T>;
  Scratch<T> w(padded);
  std::fill(w + 0, w + padded, T(0));
  for (int64_t i = start; i < stop; ++i) {
    for (int p = 0; p < k; ++p)
      w[p] = W[p * m + i];
    V losses{}, models{};
    const auto first = [](int count) NONNEG_LAMBDA {
      V ones{};
      for (int e = 0; e < E; ++e)
        ones[e] = e < count ? 1 : 0;
      return ones;
    };
    for (int64_t t = indptr[i]; t < indptr[i + 1]; t += E) {
      const int count = int(std::min<int64_t>(E, indptr[i + 1] - t));
      __builtin_prefetch(data + t + far_ahead);
      __builtin_prefetch(indices + t + far_ahead);
      const T *f[E];
      V x = some(data + t, count), weight = weighing.each ? some(weighing.each + t, count) : first(count);
      for (int e = 0; e < E; ++e)
        f[e] = F + int64_t(indices[t + (e < count ? e : 0)]) * padded;
      V base = first(count);
      if (weighing.along) {
        for (int e = 0; e < count; ++e)
          base[e] = weighing.along[indices[t + e]];
        weight *= base;
      }
      x = x * a * b;
      weight = x == x ? weight : V{};
      x = x == x ? x : V{};
      if (!weighing.elsewhere)
        base = V{};
      const V model = inner_products<T>(w, f, padded);
      losses += weight * (x - model) * (x - model);
      models += base * model * model;
    }
    for (int e = 0; e < E; ++e) {
      sums[0] += double(losses[e]);
      sums[1] += double(models[e]);
    }
  }
}

} // namespace nonneg::NONNEG_LEVEL

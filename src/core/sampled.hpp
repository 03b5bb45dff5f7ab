// The model at the stored entries of X, one entry after the other: a product W H sampled on a pattern.
#pragma once
#include "kernels.hpp"
#include "sparse.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

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
  for (int left = E; left > 1; left /= 2)
    for (int e = 0; e < left / 2; ++e)
      sum[e] = Count<E>::fold_pair(sum[2 * e], sum[2 * e + 1]);
  return sum[0];
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

// Some stored entries of one row of X, as what is summed over them sees them, and their plain products.
#pragma once
#include "sparse.hpp"

namespace nonneg::NONNEG_LEVEL {

template <class T> struct Entries {
  const T *const *h;   // of each entry and, to be fetched, of `ahead` more
  const T *x, *excess; // the latter is not read where all are one
  int64_t count;
  int width;

  // Have the columns [from, to) of an entry at hand soon: those of two lines at most, others come by themselves.
  void fetch(int64_t t, int from, int to) const {
    __builtin_prefetch(h[t + ahead] + from);
    __builtin_prefetch(h[t + ahead] + to - 1);
  }
};

// b += the sum of x h, from a column on
template <class T> void add_products(const Entries<T> &entries, T *b, int from = 0) {
  using V = typename Half<T>::type;
  const int vectors = (entries.width - from) / half<T>;
  for (int v = 0, nv; v < vectors; v += nv) {
    nv = group_size(vectors, v, gather_vectors);
    const int column = from + v * half<T>;
    with_constant<gather_vectors>(nv, [&](auto number) {
      constexpr int N = number;
      V sum[N] = {};
      for (int64_t t = 0; t < entries.count; ++t) {
        const V *h = reinterpret_cast<const V *>(entries.h[t] + column);
        for (int c = 0; c < N; ++c)
          sum[c] += entries.x[t] * h[c];
      }
      V *const out = reinterpret_cast<V *>(b + column);
      for (int c = 0; c < N; ++c)
        out[c] += sum[c];
    });
  }
}

} // namespace nonneg::NONNEG_LEVEL

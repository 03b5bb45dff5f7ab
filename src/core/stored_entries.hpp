// Some stored entries of one row of X, as what is summed over them sees them, and their plain products.
#pragma once
#include "sparse.hpp"

namespace nonneg::NONNEG_LEVEL {

template <class T, class I> struct Entries {
  const I *indices;
  const T *x, *excess; // null: all are one
  int64_t count, left; // `left` may be read ahead
  const T *packed;
  int width;
};

// b += the sum of x h
template <class T, class I> void add_products(const Entries<T, I> &entries, T *b) {
  const int width = entries.width, vectors = width / half<T>;
  for (int v = 0, nv; v < vectors; v += nv) {
    nv = group_size(vectors, v, gather_vectors);
    T products[gather_vectors * half<T>];
    gather_pick<T, I>(nv, entries.indices, entries.x, 0, entries.count, entries.packed + v * half<T>, width,
                      products);
    for (int i = 0; i < nv * half<T>; ++i)
      b[v * half<T> + i] += products[i];
  }
}

} // namespace nonneg::NONNEG_LEVEL

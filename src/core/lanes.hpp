// The one SIMD idea of this library: L numbers side by side, written once for every instruction set.
//
// The kernel files are compiled several times with different compiler flags (see CMakeLists.txt), each
// time inside its own namespace NONNEG_LEVEL with its own vector width NONNEG_VECTOR_BYTES.
// The vector types are the ones GCC and Clang (on Windows: clang-cl) understand.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

#ifndef NONNEG_LEVEL
#error "compile through CMakeLists.txt, which defines NONNEG_LEVEL and NONNEG_VECTOR_BYTES"
#endif

#define NONNEG_INLINE inline __attribute__((always_inline))
#define NONNEG_LAMBDA __attribute__((always_inline))

namespace nonneg::NONNEG_LEVEL {

// aligned(n) below the natural alignment allows unaligned loads; may_alias allows reading any array.
template <class T> struct Vector;
template <> struct Vector<float> {
  typedef float type __attribute__((vector_size(NONNEG_VECTOR_BYTES), aligned(4), may_alias));
  typedef int32_t mask __attribute__((vector_size(NONNEG_VECTOR_BYTES)));
};
template <> struct Vector<double> {
  typedef double type __attribute__((vector_size(NONNEG_VECTOR_BYTES), aligned(8), may_alias));
  typedef int64_t mask __attribute__((vector_size(NONNEG_VECTOR_BYTES)));
};
template <class T> using vec = typename Vector<T>::type;
template <class T> using mask = typename Vector<T>::mask;
template <class T> constexpr int lanes = NONNEG_VECTOR_BYTES / int(sizeof(T));

template <class T> NONNEG_INLINE vec<T> load(const T *p) { return *reinterpret_cast<const vec<T> *>(p); }
template <class T> NONNEG_INLINE void store(T *p, vec<T> x) { *reinterpret_cast<vec<T> *>(p) = x; }
template <class T> NONNEG_INLINE vec<T> fill(T x) {
  return x - vec<T>{};
} // minus zero folds to one broadcast, plus zero does not

// The first n < lanes numbers, then zeros.
template <class T> NONNEG_INLINE vec<T> load_some(const T *p, int n) {
  vec<T> x{};
  for (int i = 0; i < n; ++i)
    x[i] = p[i];
  return x;
}
template <class T> NONNEG_INLINE void store_some(T *p, vec<T> x, int n) {
  for (int i = 0; i < n; ++i)
    p[i] = x[i];
}

// The same where n may also be the whole vector.
template <class T> NONNEG_INLINE vec<T> load_up_to(const T *p, int n) {
  return n == lanes<T> ? load(p) : load_some(p, n);
}
template <class T> NONNEG_INLINE void store_up_to(T *p, vec<T> x, int n) {
  n == lanes<T> ? store(p, x) : store_some(p, x, n);
}

// The first n lanes.
template <class T> NONNEG_INLINE mask<T> first_lanes(int n) {
  mask<T> m{};
  for (int lane = 0; lane < n; ++lane)
    m[lane] = -1;
  return m;
}
template <class T> NONNEG_INLINE bool any_lane(mask<T> m) {
  bool any = false;
  for (int lane = 0; lane < lanes<T>; ++lane)
    any |= m[lane] != 0;
  return any;
}

template <class T> NONNEG_INLINE double sum_lanes(vec<T> x) {
  double sum = 0;
  for (int lane = 0; lane < lanes<T>; ++lane)
    sum += double(x[lane]);
  return sum;
}

// Call f with the number n, one of 1 to N, as a constant.
template <int N, class F> NONNEG_INLINE void with_constant(int n, const F &f) {
  if constexpr (N > 1)
    if (n < N)
      return with_constant<N - 1>(n, f);
  f(std::integral_constant<int, N>{});
}

template <int N, int... I> struct Count : Count<N - 1, N - 1, I...> {};
template <int... I> struct Count<0, I...> {
  // Sums of neighbouring lanes: x's in the lower half, y's in the upper.
  template <class V> static NONNEG_INLINE V fold_pair(V x, V y) {
    return __builtin_shufflevector(x, y, (2 * I)...) + __builtin_shufflevector(x, y, (2 * I + 1)...);
  }
  // The upper half of x, then that of y.
  template <class V> static NONNEG_INLINE V upper(V x, V y) {
    constexpr int half = sizeof...(I) / 2;
    return __builtin_shufflevector(x, y, (I < half ? I + half : I + 2 * half)...);
  }
  // Each half of x, turned by some lanes.
  template <int by, class V> static NONNEG_INLINE V turn_halves(V x) {
    constexpr int half = sizeof...(I) / 2;
    return __builtin_shufflevector(x, x, (I / half * half + (I + by) % half)...);
  }
  // x repeats S numbers: the one at `first` in the first S lanes, the next one in the next S lanes, and so on.
  template <int S, int first, class V> static NONNEG_INLINE V spread(V x) {
    return __builtin_shufflevector(x, x, (I / S * (S + 1) + first)...);
  }
};

// Sums of four vectors, in lanes 0 to 3; always the same tree of additions for each of them.
template <class T> NONNEG_INLINE void sum_four(const vec<T> *x, T *out) {
  using C = Count<lanes<T>>;
  if constexpr (lanes<T> == 2) {
    store(out, C::fold_pair(x[0], x[1]));
    store(out + 2, C::fold_pair(x[2], x[3]));
  } else {
    vec<T> y = C::fold_pair(C::fold_pair(x[0], x[1]), C::fold_pair(x[2], x[3]));
    for (int left = lanes<T>; left > 4; left /= 2)
      y = C::fold_pair(y, y);
    std::memcpy(out, &y, 4 * sizeof(T));
  }
}

// Scratch memory on a cache line; not initialised.
template <class T> class Scratch {
public:
  explicit Scratch(size_t n) : p_(static_cast<T *>(::operator new(n * sizeof(T) + 64, line))) {}
  ~Scratch() { ::operator delete(p_, line); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;
  operator T *() const { return p_; }

private:
  static constexpr std::align_val_t line{64};
  T *p_;
};

// While it lives, results too small to be normal numbers are zero: on those arithmetic takes a hundred times as
// long.
class NoDenormals {
#if defined(__SSE2__)
public:
  NoDenormals() : kept_(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(kept_ | 0x8000); }
  ~NoDenormals() { __builtin_ia32_ldmxcsr(kept_); }
  NoDenormals(const NoDenormals &) = delete;
  NoDenormals &operator=(const NoDenormals &) = delete;

private:
  unsigned kept_;
#endif
};

// Cut k rows into equal groups of at most `most`: the size of the group that begins at p.
inline int group_size(int k, int p, int most) {
  const int groups = (k + most - 1) / most, size = k / groups, longer = k % groups;
  return p < longer * (size + 1) ? size + 1 : size;
}

// Number of accumulator registers that a level can keep: 32 vector registers or 16.
#if NONNEG_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr bool many_registers = true;
#else
constexpr bool many_registers = false;
#endif

} // namespace nonneg::NONNEG_LEVEL

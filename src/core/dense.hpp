// Dense products. Two kernels serve every dense matrix, in C or F order, and its low-rank sketch:
//   dots  out[p, i] = <B[p, :], A[i, :]>     lanes along the common index
//   mix   out[p, j] = sum_i M[p, i] R[i, j]  lanes along j
// Factors are stored k x rows with contiguous rows, so no k is ever padded.
// Both copy what they read into aligned, zero-padded panels first: numpy rows of odd length straddle cache
// lines and pages, and an edge then needs no code of its own. Every output is the same chain of
// additions wherever it stands, so a row's result depends neither on its neighbours nor on threads.
// Where entries were not observed (`gaps`, or none) the copy holds the model instead; both return the sum of its
// squares there.
#pragma once
#include "gaps.hpp"
#include "lanes.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

// Tile shapes: all accumulators stay in registers.
constexpr int dots_rows = 4, dots_width = many_registers ? 6 : 2;
constexpr int mix_rows = many_registers ? 8 : 4, mix_vectors = many_registers ? 3 : 2;

// Copy `count` rows of width n side by side, a vector of each in turn; absent rows (up to `slots`) are zero.
template <class T>
NONNEG_INLINE void pack_rows(const T *A, int64_t lda, int count, int slots, int64_t n, T *panel) {
  constexpr int L = lanes<T>;
  const int64_t whole = n / L;
  for (int r = 0; r < slots; ++r) {
    T *to = panel + r * L;
    if (r >= count) {
      for (int64_t l = 0; l * L < n; ++l)
        store<T>(to + l * slots * L, vec<T>{});
      continue;
    }
    const T *from = A + r * lda;
    for (int64_t l = 0; l < whole; ++l)
      store<T>(to + l * slots * L, load(from + l * L));
    if (whole * L < n)
      store<T>(to + whole * slots * L, load_some(from + whole * L, int(n - whole * L)));
  }
}

// Memory that will be packed next: asked for while the arithmetic units are busy.
template <class T> struct Ahead {
  const T *rows = nullptr;
  int64_t stride = 0;
};

// Four rows of a packed A against MB rows of a packed B: out[q * ldo + r] (+)= <B_q, A_r> for r < count.
template <class T, class Out, int MB>
void dots_tile(const T *A, const T *B, int64_t vectors, Out *out, int64_t ldo, int count, bool add,
               Ahead<T> ahead) {
  constexpr int L = lanes<T>, MA = dots_rows;
  vec<T> acc[MB][MA] = {};
  for (int64_t l = 0; l < vectors; ++l, A += MA * L, B += MB * L) {
    if (ahead.rows)
      for (int r = 0; r < MA; ++r)
        __builtin_prefetch(ahead.rows + r * ahead.stride + l * L, 0, 2);
    vec<T> b[MB];
    for (int q = 0; q < MB; ++q)
      b[q] = load(B + q * L);
    for (int r = 0; r < MA; ++r) {
      const vec<T> a = load(A + r * L);
      for (int q = 0; q < MB; ++q)
        acc[q][r] += a * b[q];
    }
  }
  for (int q = 0; q < MB; ++q, out += ldo) {
    T sums[MA];
    sum_four<T>(acc[q], sums);
    for (int r = 0; r < count; ++r)
      out[r] = add ? out[r] + Out(sums[r]) : Out(sums[r]);
  }
}

template <class T, class Out, int MB = dots_width>
void dots_pick(int mb, const T *A, const T *B, int64_t vectors, Out *out, int64_t ldo, int count, bool add,
               Ahead<T> ahead = {}) {
  if constexpr (MB > 1)
    if (mb < MB)
      return dots_pick<T, Out, MB - 1>(mb, A, B, vectors, out, ldo, count, add, ahead);
  dots_tile<T, Out, MB>(A, B, vectors, out, ldo, count, add, ahead);
}

// All rows of B, packed group by group: the group of row p begins at panel + p * padded.
template <class T> void pack_groups(const T *B, int64_t ldb, int k, int64_t n, T *panel, int64_t padded) {
  for (int p = 0, mb; p < k; p += mb) {
    mb = group_size(k, p, dots_width);
    pack_rows(B + p * ldb, ldb, mb, mb, n, panel + p * padded);
  }
}

// out[p, i] = <B[p, :], A[i, :]> for i in [start, stop); A is m x n, B is k x n, out is k x m.
template <class T>
double dots(const T *A, int64_t lda, int64_t m, int64_t n, const T *B, int k, T *out, int64_t start, int64_t stop,
            const Gaps<T> *gaps) {
  constexpr int L = lanes<T>;
  // The chunk of B stays in the second-level cache while the rows of A pass.
  const int64_t chunk = std::clamp<int64_t>(int64_t(384 * 1024 / sizeof(T)) / k, 256, 2048) / L * L;
  Scratch<T> a(dots_rows * chunk), b(k * chunk);
  Filler<T> filler(gaps, start, stop, 0);
  for (int64_t l = 0; l < n; l += chunk) {
    const int64_t width = std::min(chunk, n - l), vectors = (width + L - 1) / L;
    pack_groups<T>(B + l, n, k, width, b, vectors * L);
    for (int64_t i = start; i < stop; i += dots_rows) {
      const int count = int(std::min<int64_t>(dots_rows, stop - i));
      pack_rows<T>(A + i * lda + l, lda, count, dots_rows, width, a);
      for (int r = 0; r < count; ++r)
        filler.template fill_gaps<L>(i + r, l, width, a + r * L, dots_rows * L);
      Ahead<T> ahead;
      if (i + 2 * dots_rows <= stop)
        ahead = {A + (i + dots_rows) * lda + l, lda};
      for (int p = 0, mb; p < k; p += mb, ahead = {}) {
        mb = group_size(k, p, dots_width);
        dots_pick<T, T>(mb, a, b + p * vectors * L, vectors, out + p * m + i, m, count, l > 0, ahead);
      }
    }
  }
  return filler.squares();
}

// out[p, q] += sum over l in [start, stop) of A[p, l] B[q, l]; float64 across blocks of 256.
// With A == B one half is computed and mirrored.
template <class T>
void gram(const T *A, int ka, const T *B, int kb, int64_t n, double *out, int64_t start, int64_t stop) {
  constexpr int L = lanes<T>;
  constexpr int64_t chunk = 256;
  Scratch<T> a(dots_rows * chunk), b(kb * chunk);
  for (int64_t l = start; l < stop; l += chunk) {
    const int64_t width = std::min(chunk, stop - l), vectors = (width + L - 1) / L;
    pack_groups<T>(B + l, n, kb, width, b, vectors * L);
    for (int p = 0; p < ka; p += dots_rows) {
      const int count = std::min(dots_rows, ka - p);
      pack_rows<T>(A + p * n + l, n, count, dots_rows, width, a);
      for (int q = 0, mb; q < kb; q += mb) {
        mb = group_size(kb, q, dots_width);
        if (A == B && q >= p + count)
          break;
        double tile[dots_width * dots_rows];
        dots_pick<T, double>(mb, a, b + q * vectors * L, vectors, tile, dots_rows, count, false);
        for (int r = 0; r < count; ++r)
          for (int s = 0; s < mb; ++s)
            out[int64_t(p + r) * kb + q + s] += tile[s * dots_rows + r];
      }
    }
  }
  if (A == B)
    for (int p = 0; p < ka; ++p)
      for (int q = p + 1; q < ka; ++q)
        out[int64_t(p) * ka + q] = out[int64_t(q) * ka + p];
}

// out[p, :] += sum_i M[i, p] R[i, :] on one packed panel of NV vectors.
template <class T, int MP>
void mix_tile(const T *M, const T *R, int64_t depth, T *out, int64_t ldo, Ahead<T> ahead) {
  constexpr int L = lanes<T>, NV = mix_vectors;
  vec<T> acc[MP][NV] = {};
  for (int64_t i = 0; i < depth; ++i, R += NV * L, M += MP) {
    if (ahead.rows)
      for (int v = 0; v < NV; ++v)
        __builtin_prefetch(ahead.rows + i * ahead.stride + v * L, 0, 2);
    vec<T> r[NV];
    for (int v = 0; v < NV; ++v)
      r[v] = load(R + v * L);
    for (int p = 0; p < MP; ++p) {
      const vec<T> m = fill(M[p]);
      for (int v = 0; v < NV; ++v)
        acc[p][v] += m * r[v];
    }
  }
  for (int p = 0; p < MP; ++p)
    for (int v = 0; v < NV; ++v) {
      T *o = out + p * ldo + v * L;
      store<T>(o, load(o) + acc[p][v]);
    }
}

template <class T, int MP = mix_rows>
void mix_pick(int mp, const T *M, const T *R, int64_t depth, T *out, int64_t ldo, Ahead<T> ahead) {
  if constexpr (MP > 1)
    if (mp < MP)
      return mix_pick<T, MP - 1>(mp, M, R, depth, out, ldo, ahead);
  mix_tile<T, MP>(M, R, depth, out, ldo, ahead);
}

// One row of `width` numbers into panels of mix_vectors vectors, `apart` numbers from one to the next.
template <class T> NONNEG_INLINE void pack_panels(const T *from, int64_t width, T *to, int64_t apart) {
  constexpr int L = lanes<T>, panel = mix_vectors * L;
  for (; width >= panel; width -= panel, from += panel, to += apart)
    for (int v = 0; v < mix_vectors; ++v)
      store<T>(to + v * L, load(from + v * L));
  if (width > 0)
    for (int v = 0; v < mix_vectors; ++v, width -= L)
      store<T>(to + v * L,
               width >= L ? load(from + v * L) : load_some(from + v * L, int(std::max<int64_t>(width, 0))));
}

// out[p, j] = sum over i in [top, bottom) of M[p, i] R[i, j] for j in [start, stop).
// M is k x q, R is q x n, out is k x n. Sums run over blocks of 128 rows, then over the blocks.
template <class T>
double mix(const T *M, int k, int64_t q, const T *R, int64_t ldr, int64_t n, T *out, int64_t top, int64_t bottom,
           int64_t start, int64_t stop, const Gaps<T> *gaps) {
  constexpr int L = lanes<T>, panel = mix_vectors * L;
  constexpr int64_t depth = 128, panels = 4096 / (panel * sizeof(T)), strip = panels * panel;
  Scratch<T> r(depth * strip), m(depth * k), sums(size_t(k) * strip);
  Filler<T> filler(gaps, top, bottom, start);
  for (int64_t j = start; j < stop; j += strip) {
    const int64_t width = std::min(strip, stop - j), used = (width + panel - 1) / panel;
    std::fill(sums + 0, sums + k * strip, T(0));
    for (int64_t i = top; i < bottom; i += depth) {
      const int64_t d = std::min(depth, bottom - i);
      for (int64_t t = 0; t < d; ++t) {
        pack_panels<T>(R + (i + t) * ldr + j, width, r + t * panel, depth * panel);
        filler.template fill_gaps<panel>(i + t, j, width, r + t * panel, depth * panel);
      }
      for (int p = 0, mp; p < k; p += mp) {
        mp = group_size(k, p, mix_rows);
        for (int s = 0; s < mp; ++s)
          for (int64_t t = 0; t < d; ++t)
            m[p * depth + t * mp + s] = M[(p + s) * q + i + t];
      }
      for (int64_t c = 0; c < used; ++c) {
        Ahead<T> ahead;
        if (i + depth + d <= bottom)
          ahead = {R + (i + depth) * ldr + j + c * panel, ldr};
        for (int p = 0, mp; p < k; p += mp, ahead = {}) {
          mp = group_size(k, p, mix_rows);
          mix_pick<T>(mp, m + p * depth, r + c * depth * panel, d, sums + p * strip + c * panel, strip, ahead);
        }
      }
    }
    for (int p = 0; p < k; ++p)
      std::copy(sums + p * strip, sums + p * strip + width, out + p * n + j);
  }
  return filler.squares();
}

} // namespace nonneg::NONNEG_LEVEL

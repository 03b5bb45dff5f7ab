// Dense X of which some entries were not observed or count less than others: what is to be expected of X, given
// what was observed and a model, and its products with the factors, in one pass over X.
#pragma once
#include "kernels.hpp"
#include "lanes.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

template <class T> class Expectation {
public:
  Expectation(const WeightedX<T> &X, const T *W, const T *H, int64_t ldh, int k)
      : X_(X), W_(W), H_(H), ldh_(ldh), k_(k), w_(size_t(R) * k), counted_(size_t(R) * k), x_(size_t(R) * piece) {}

  // out[p, i] = <expected X[i, :], H[p, :]> for the rows [start, stop). Returns the loss there.
  double along(T *out, int64_t start, int64_t stop) {
    double loss = 0;
    Scratch<T> sums(size_t(R) * k_);
    for (int64_t i = start; i < stop; i += R) {
      const int rows = read(i, stop);
      std::fill(sums + 0, sums + size_t(R) * k_, T(0));
      for (int64_t j = 0; j < X_.n; j += piece) {
        loss += expect(i, rows, j, std::min(piece, X_.n - j));
        if (out)
          add_along(j, std::min(piece, X_.n - j), sums);
      }
      if (out)
        for (int p = 0; p < k_; ++p)
          for (int r = 0; r < rows; ++r)
            out[p * X_.m + i + r] = sums[r * k_ + p];
    }
    return loss;
  }

  // out[p, j] = sum over i of count[i] W[p, i] (expected X[i, j]) for the columns [start, stop). Returns the loss
  // there.
  double across(T *out, int64_t start, int64_t stop) {
    double loss = 0;
    Scratch<T> sums(size_t(k_) * piece);
    for (int64_t j = start; j < stop; j += piece) {
      const int64_t width = std::min(piece, stop - j);
      std::fill(sums + 0, sums + size_t(k_) * piece, T(0));
      for (int64_t i = 0; i < X_.m; i += R) {
        const int rows = read(i, X_.m);
        loss += expect(i, rows, j, width);
        add_across(width, sums);
      }
      for (int p = 0; p < k_; ++p)
        std::copy(sums + p * piece, sums + p * piece + width, out + p * X_.n + j);
    }
    return loss;
  }

private:
  // Rows at once, vectors at once, and columns whose numbers stay in the first-level cache.
  static constexpr int R = many_registers ? 8 : 4, NV = 2, L = lanes<T>;
  static constexpr int64_t piece = 2048 / int64_t(sizeof(T));

  // The rows of W; those past the end are zero.
  int read(int64_t i, int64_t stop) {
    const int rows = int(std::min<int64_t>(R, stop - i));
    for (int r = 0; r < R; ++r)
      for (int p = 0; p < k_; ++p) {
        const T w = r < rows ? W_[p * X_.m + i + r] : T(0);
        w_[r * k_ + p] = w;
        counted_[r * k_ + p] = X_.counts && r < rows ? X_.counts[i + r] * w : w;
      }
    return rows;
  }

  // Put what is to be expected of X[i ..., j ...] into x_; returns the weighted 1/2 (x - wh)^2 over it.
  double expect(int64_t i, int rows, int64_t j, int64_t width) {
    vec<T> losses[R] = {};
    for (int64_t t = 0; t < width; t += NV * L) {
      vec<T> z[R][NV] = {};
      const T *h[NV];
      // The last vector may lie past the end of a row of H: what it reads there is not used.
      for (int v = 0; v < NV; ++v)
        h[v] = H_ + j + std::min<int64_t>(t + v * L, ldh_ - j - L);
      for (int p = 0; p < k_; ++p)
        for (int v = 0; v < NV; ++v) {
          const vec<T> y = load(h[v] + p * ldh_);
          for (int r = 0; r < R; ++r)
            z[r][v] += w_[r * k_ + p] * y;
        }
      if (rows == R && t + NV * L <= width) {
        for (int r = 0; r < R; ++r)
          for (int v = 0; v < NV; ++v)
            settle(i + r, j + t + v * L, L, z[r][v], x_ + r * piece + t + v * L, losses[r]);
      } else {
        for (int r = 0; r < R; ++r)
          for (int v = 0; v < NV; ++v) {
            const int here = r < rows ? int(std::clamp<int64_t>(width - t - v * L, 0, L)) : 0;
            settle(i + r, j + t + v * L, here, z[r][v], x_ + r * piece + t + v * L, losses[r]);
          }
      }
    }
    double loss = 0;
    for (int r = 0; r < rows; ++r)
      loss += 0.5 * (X_.counts ? double(X_.counts[i + r]) : 1.0) * sum_lanes<T>(losses[r]);
    return loss;
  }

  // Of `here` entries of row i from column j on, with their model z; zero past them.
  NONNEG_INLINE void settle(int64_t i, int64_t j, int here, vec<T> z, T *out, vec<T> &losses) const {
    if (here == 0) {
      store(out, vec<T>{});
      return;
    }
    const T *from = X_.X + i * X_.ldx + j, *weight = X_.weights ? X_.weights + i * X_.ldw + j : nullptr;
    const vec<T> x = load_up_to(from, here) * X_.a * X_.b;
    vec<T> d = x - z;
    d = x == x ? d : vec<T>{};
    const vec<T> counted = !weight ? d : d * load_up_to(weight, here);
    losses += counted * d;
    store(out, z + counted);
    for (int lane = here; lane < L; ++lane)
      out[lane] = 0;
  }

  void add_along(int64_t j, int64_t width, T *sums) const {
    const int64_t padded = (width + L - 1) / L * L;
    for (int r = 0; r < R; r += 4)
      for (int p = 0; p < k_; p += 4) {
        vec<T> sum[4][4] = {};
        const T *h[4];
        for (int c = 0; c < 4; ++c)
          h[c] = H_ + std::min(p + c, k_ - 1) * ldh_ + j;
        for (int64_t t = 0; t < padded; t += L) {
          vec<T> y[4];
          for (int c = 0; c < 4; ++c)
            y[c] = load(h[c] + t);
          for (int s = 0; s < 4; ++s) {
            const vec<T> x = load(x_ + (r + s) * piece + t);
            for (int c = 0; c < 4; ++c)
              sum[s][c] += x * y[c];
          }
        }
        for (int s = 0; s < 4; ++s) {
          T out[4];
          sum_four<T>(sum[s], out);
          for (int c = 0; c < 4 && p + c < k_; ++c)
            sums[(r + s) * k_ + p + c] += out[c];
        }
      }
  }

  void add_across(int64_t width, T *sums) const {
    for (int64_t t = 0; t < width; t += L) {
      vec<T> x[R];
      for (int r = 0; r < R; ++r)
        x[r] = load(x_ + r * piece + t);
      for (int p = 0; p < k_; ++p) {
        vec<T> sum = load(sums + p * piece + t);
        for (int r = 0; r < R; ++r)
          sum += counted_[r * k_ + p] * x[r];
        store(sums + p * piece + t, sum);
      }
    }
  }

  const WeightedX<T> X_;
  const T *W_, *H_;
  const int64_t ldh_;
  const int k_;
  Scratch<T> w_, counted_, x_;
};

template <class T>
double expected_along(const WeightedX<T> &X, const T *W, const T *H, int64_t ldh, int k, T *out, int64_t start,
                      int64_t stop) {
  return Expectation<T>(X, W, H, ldh, k).along(out, start, stop);
}

template <class T>
double expected_across(const WeightedX<T> &X, const T *W, const T *H, int64_t ldh, int k, T *out, int64_t start,
                       int64_t stop) {
  return Expectation<T>(X, W, H, ldh, k).across(out, start, stop);
}

} // namespace nonneg::NONNEG_LEVEL

// Every kernel over a range of the long side, cut into tasks for the pool.
// Outputs that do not depend on each other may be cut anywhere, so their grid follows the number of threads.
// Sums are cut by the shape alone and added in fixed order. Hence the same bits on any number of threads.
#pragma once
#include "kernels.hpp"
#include "pool.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace nonneg::parallel {

// The run [start, stop) in pieces of `step`.
struct Grid {
  int64_t start, stop, step;
  Grid(int64_t start, int64_t stop, int64_t pieces, int64_t multiple) : start(start), stop(stop) {
    const int64_t blocks = (stop - start + multiple - 1) / multiple;
    step = std::max<int64_t>(1, (blocks + pieces - 1) / pieces) * multiple;
  }
  int64_t count() const { return (stop - start + step - 1) / step; }
  int64_t from(int64_t i) const { return start + i * step; }
  int64_t to(int64_t i) const { return std::min(stop, start + (i + 1) * step); }
};

template <class T> void extent(int threads, const T *x, double *out, int64_t n) {
  const Grid grid(0, n, 16, 4096);
  std::vector<double> parts(size_t(3 * grid.count()));
  share(threads, 4.0 * n, grid.count(),
        [&](int64_t i) { kernels<T>().extent(x, parts.data() + 3 * i, grid.from(i), grid.to(i)); });
  for (size_t i = 0; i < parts.size(); i += 3) {
    out[0] = std::min(out[0], parts[i]);
    out[1] = std::max(out[1], parts[i + 1]);
    out[2] += parts[i + 2];
  }
}

template <class T> void moments(int threads, const T *x, T a, T b, double *out, int64_t n) {
  const Grid grid(0, n, 64, 4096);
  std::vector<double> parts(size_t(2 * grid.count()));
  share(threads, 4.0 * n, grid.count(),
        [&](int64_t i) { kernels<T>().moments(x, a, b, parts.data() + 2 * i, grid.from(i), grid.to(i)); });
  for (size_t i = 0; i < parts.size(); ++i)
    out[i % 2] += parts[i];
}

// Sum of what a kernel returns for the pieces of a grid, numbers of one kind.
template <class Kernel> auto sum_over(const Grid &grid, int threads, double work, const Kernel &kernel) {
  using Number = decltype(kernel(grid.start, grid.stop));
  std::vector<Number> parts(size_t(grid.count()));
  share(threads, work, grid.count(), [&](int64_t i) { parts[size_t(i)] = kernel(grid.from(i), grid.to(i)); });
  Number sum = 0;
  for (const Number part : parts)
    sum += part;
  return sum;
}

template <class T>
double dots(int threads, const T *A, int64_t lda, int64_t m, int64_t n, const T *B, int k, T *out, int64_t start,
            int64_t stop, const Gaps<T> *gaps = nullptr) {
  const Grid grid(start, stop, gaps ? 16 : 4 * threads, 16);
  return sum_over(grid, threads, 2.0 * (stop - start) * n * k, [&](int64_t from, int64_t to) {
    return kernels<T>().dots(A, lda, m, n, B, k, out, from, to, gaps);
  });
}

template <class T>
void gram(int threads, const T *A, int ka, const T *B, int kb, int64_t n, double *out, int64_t start,
          int64_t stop) {
  const Grid grid(start, stop, 16, 2048);
  const int64_t size = int64_t(ka) * kb;
  std::vector<double> parts(size_t(grid.count() * size));
  share(threads, 2.0 * (stop - start) * size, grid.count(),
        [&](int64_t i) { kernels<T>().gram(A, ka, B, kb, n, parts.data() + i * size, grid.from(i), grid.to(i)); });
  for (int64_t i = 0; i < grid.count(); ++i)
    for (int64_t j = 0; j < size; ++j)
      out[j] += parts[size_t(i * size + j)];
}

// A tall, narrow R is summed over eight runs of its rows; else threads share the columns.
template <class T>
double mix(int threads, const T *M, int k, int64_t q, const T *R, int64_t ldr, int64_t n, T *out, int64_t top,
           int64_t bottom, int64_t start, int64_t stop, const Gaps<T> *gaps = nullptr) {
  const double work = 2.0 * k * (bottom - top) * (stop - start);
  if (q < 16 * n || q < 4096) {
    const Grid grid(start, stop, gaps ? 16 : 2 * threads, 48);
    return sum_over(grid, threads, work, [&](int64_t from, int64_t to) {
      return kernels<T>().mix(M, k, q, R, ldr, n, out, top, bottom, from, to, gaps);
    });
  }
  const Grid grid(top, bottom, 8, 128);
  std::vector<T> parts(size_t(grid.count() * k * n));
  const double filled = sum_over(grid, threads, work, [&](int64_t from, int64_t to) {
    T *part = parts.data() + (from - top) / grid.step * k * n;
    return kernels<T>().mix(M, k, q, R, ldr, n, part, from, to, start, stop, gaps);
  });
  for (int p = 0; p < k; ++p)
    for (int64_t j = start; j < stop; ++j) {
      T sum = 0;
      for (int64_t i = 0; i < grid.count(); ++i)
        sum += parts[size_t((i * k + p) * n + j)];
      out[p * n + j] = sum;
    }
  return filled;
}

// Sums of a kernel of sweeps over the rows; `work` is what it costs in all.
template <class Kernel>
SweepSums sum_of_sweeps(int threads, double work, int64_t start, int64_t stop, const Kernel &kernel) {
  const Grid grid(start, stop, 64, 192);
  std::vector<SweepSums> parts(size_t(grid.count()));
  share(threads, work, grid.count(), [&](int64_t i) { parts[size_t(i)] = kernel(grid.from(i), grid.to(i)); });
  SweepSums sums;
  for (const SweepSums &part : parts) {
    sums.product += part.product;
    sums.first_step += part.first_step;
    sums.size += part.size;
  }
  return sums;
}

template <class T>
SweepSums sweeps(int threads, T *F, const T *B, const T *G, int k, int64_t rows, T l1, int max_sweeps, T tol,
                 int64_t start, int64_t stop, uint8_t *left, const T *low, const T *high) {
  return sum_of_sweeps(
      threads, 2.0 * (stop - start) * k * k * std::min(max_sweeps, 4), start, stop, [&](int64_t from, int64_t to) {
        return kernels<T>().sweeps(F, B, G, k, rows, l1, max_sweeps, tol, from, to, left, low, high);
      });
}

template <class T>
SweepSums simplex(int threads, T *F, const T *B, const T *G, const T *length, int k, int64_t rows, T total,
                  int most, T tol, int64_t start, int64_t stop, uint8_t *left, const T *low, const T *high) {
  return sum_of_sweeps(threads, (stop - start) * k * (2.0 * k + 50) * std::clamp(most, 1, 10), start, stop,
                       [&](int64_t from, int64_t to) {
                         return kernels<T>().simplex(F, B, G, length, k, rows, total, most, tol, from, to, left,
                                                     low, high);
                       });
}

template <class Kernel>
int64_t count_unsettled(int threads, double work, int64_t start, int64_t stop, const Kernel &kernel) {
  return sum_over(Grid(start, stop, 16 * threads, 16), threads, work, kernel);
}

template <class T>
int64_t nnls(int threads, T *F, const T *B, const double *G, int k, int64_t rows, double l1, int64_t start,
             int64_t stop, const uint8_t *only) {
  return count_unsettled(threads, 1.0 * (stop - start) * k * k * k, start, stop, [&](int64_t from, int64_t to) {
    return kernels<T>().nnls(F, B, G, k, rows, l1, from, to, only);
  });
}

template <class T>
int64_t active_set(int threads, T *F, const T *B, const double *G, int k, int64_t rows, double l1, double total,
                   int64_t start, int64_t stop, const uint8_t *only, const T *low, const T *high) {
  return count_unsettled(threads, 2.0 * (stop - start) * k * k * k, start, stop, [&](int64_t from, int64_t to) {
    return kernels<T>().active_set(F, B, G, k, rows, l1, total, from, to, only, low, high);
  });
}

template <class T>
void extrapolate(int threads, const T *now, const T *before, T beta, T *out, int64_t start, int64_t stop) {
  const Grid grid(start, stop, 2 * threads, 4096);
  share(threads, 10.0 * (stop - start), grid.count(),
        [&](int64_t i) { kernels<T>().extrapolate(now, before, beta, out, grid.from(i), grid.to(i)); });
}

template <class T>
void pack(int threads, const T *F, int k, int64_t n, T *out, int padded, int64_t start, int64_t stop) {
  const Grid grid(start, stop, 4 * threads, 64);
  share(threads, 10.0 * (stop - start) * padded, grid.count(),
        [&](int64_t i) { kernels<T>().pack(F, k, n, out, padded, grid.from(i), grid.to(i)); });
}

// Rows hold different numbers of entries: short pieces, and a thread that is done takes the next.
template <class T, class I, class Kernel>
void gather(int threads, Kernel kernel, const I *indptr, const I *indices, const T *data, int64_t m, const T *F,
            int padded, int k, T *out, int64_t start, int64_t stop) {
  const Grid grid(start, stop, 16 * threads, 16);
  share(threads, 4.0 * (indptr[stop] - indptr[start]) * padded, grid.count(),
        [&](int64_t i) { kernel(indptr, indices, data, m, F, padded, k, out, grid.from(i), grid.to(i)); });
}

// Eight runs of rows, each into its own sum; the number does not follow the threads.
template <class T, class I, class Kernel>
void scatter(int threads, Kernel kernel, const I *indptr, const I *indices, const T *data, int64_t m, const T *F,
             int padded, int k, T *out, int64_t n) {
  const Grid grid(0, m, 8, 16);
  const int64_t size = n * padded;
  size_t bytes = size_t(grid.count() * size) * sizeof(T) + 64;
  const std::unique_ptr<T[]> room(new T[bytes / sizeof(T)]); // not cleared: each task clears its own part
  void *line = room.get();
  T *parts = static_cast<T *>(std::align(64, bytes - 64, line, bytes));
  share(threads, 4.0 * indptr[m] * padded, grid.count(), [&](int64_t i) {
    T *part = parts + i * size;
    std::fill(part, part + size, T(0));
    kernel(indptr, indices, data, F, padded, part, grid.from(i), grid.to(i));
  });
  const Grid columns(0, n, 4 * threads, 64);
  share(threads, 10.0 * double(grid.count() * size), columns.count(), [&](int64_t c) {
    T *sum = parts; // in place: the runs are added to the first
    for (int64_t i = 1; i < grid.count(); ++i)
      for (int64_t t = columns.from(c) * padded; t < columns.to(c) * padded; ++t)
        sum[t] += parts[i * size + t];
    for (int p = 0; p < k; ++p)
      for (int64_t j = columns.from(c); j < columns.to(c); ++j)
        out[p * n + j] = sum[j * padded + p];
  });
}

template <class T, class I, class Kernel>
void residual(int threads, Kernel kernel, const I *indptr, const I *indices, const T *data, const T *W, const T *F,
              int padded, double *sums, int64_t start, int64_t stop) {
  const Grid grid(start, stop, 64, 16);
  std::vector<double> parts(size_t(2 * grid.count()));
  share(threads, 8.0 * (indptr[stop] - indptr[start]) * padded, grid.count(), [&](int64_t i) {
    kernel(indptr, indices, data, W, F, padded, parts.data() + 2 * i, grid.from(i), grid.to(i));
  });
  for (size_t i = 0; i < parts.size(); ++i)
    sums[i % 2] += parts[i];
}

// A kernel of rows under a beta-divergence; `work` is what a task costs in all.
template <class Kernel>
DivergenceSums divergence(int threads, double work, int64_t start, int64_t stop, const Kernel &kernel) {
  const Grid grid(start, stop, 64, 4);
  std::vector<DivergenceSums> parts(size_t(grid.count()));
  share(threads, work, grid.count(), [&](int64_t i) { parts[size_t(i)] = kernel(grid.from(i), grid.to(i)); });
  DivergenceSums sums;
  for (const DivergenceSums &part : parts) {
    sums.first_step += part.first_step;
    sums.size += part.size;
    sums.divergence += part.divergence;
    sums.model += part.model;
  }
  return sums;
}

// Rows under the weighted squared error. The grid does not follow the threads: rows stand in lanes together.
template <class Kernel>
SweepSums weighted(int threads, double work, int64_t start, int64_t stop, const Kernel &kernel) {
  const Grid grid(start, stop, 64, 16);
  std::vector<SweepSums> parts(size_t(grid.count()));
  share(threads, work, grid.count(), [&](int64_t i) { parts[size_t(i)] = kernel(grid.from(i), grid.to(i)); });
  SweepSums sums;
  for (const SweepSums &part : parts) {
    sums.first_step += part.first_step;
    sums.size += part.size;
    sums.change += part.change;
  }
  return sums;
}

// Eight rows are read together, and pieces of columns begin on cache lines; the grids do not follow the threads,
// for the sum's sake.
template <class T>
double expected(int threads, bool across, const WeightedX<T> &X, const T *W, const T *H, int64_t ldh, int k,
                T *out) {
  const Grid grid = across ? Grid(0, X.n, 16, 512) : Grid(0, X.m, 64, 8);
  const auto kernel = across ? kernels<T>().expected_across : kernels<T>().expected_along;
  return sum_over(grid, threads, 4.0 * X.m * X.n * k,
                  [&](int64_t from, int64_t to) { return kernel(X, W, H, ldh, k, out, from, to); });
}

// A kernel that adds two sums over rows.
template <class Kernel>
void sampled(int threads, double work, double *sums, int64_t start, int64_t stop, const Kernel &kernel) {
  const Grid grid(start, stop, 64, 4);
  std::vector<double> parts(size_t(2 * grid.count()));
  share(threads, work, grid.count(), [&](int64_t i) { kernel(parts.data() + 2 * i, grid.from(i), grid.to(i)); });
  for (size_t i = 0; i < parts.size(); ++i)
    sums[i % 2] += parts[i];
}

} // namespace nonneg::parallel

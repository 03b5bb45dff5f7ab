// Every kernel, once: a table of functions per number type, one table per instruction set.
// Kernels are serial, keep no state and know no Python. Factors are k x rows, contiguous; the range
// [start, stop) is the part of the long side that one call computes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace nonneg {

struct SweepSums {
  double product = 0;    // <B, F> after the sweeps
  double first_step = 0; // sum of G_pp d^2 over the first sweep: zero where F solved the problem already
  double size = 0;       // sum of G_pp F^2 after the sweeps
  double change = 0; // where each row has its own G and b: sum of 1/2 f' G f - b' f, what the loss is beyond that
                     // of zeros
};

// Bounds on the entries of a factor, if any: arrays of its type (`bytes` a number) and of this shape.
struct AnyBounds {
  const void *low = nullptr, *high = nullptr;
  size_t bytes = 0, parts = 0, rows = 0;
};

// What to do with each row under a beta-divergence, and what to report.
struct DivergenceRule : AnyBounds {
  enum Update { keep, multiply, descend, split } update = keep;
  bool measure = false; // whether to evaluate the divergence after the update
  double beta = 1, l2 = 0;
  double floor = 0; // wh is never less than this
  double zero = 0;  // takes the place of a denominator of zero
  double least = 0; // x counts as this where it is less
  int most = 1;     // sweeps of coordinate descend
  double tol = 0;   // a row stops once a sweep promises less than this share of what its first sweep did
  double total = 0; // what a row sums to, where that is prescribed: Kullback-Leibler, by descend alone
};

struct DivergenceSums {
  double first_step = 0; // sum of |d slope| over the first sweep
  double size = 0;       // sum of what pulls down times F
  double divergence = 0; // over the entries that the rows bring
  double model = 0;      // sum of wh over the same entries
};

// What each entry of X counts, where not all count the same. An entry that is NaN was not observed and counts
// nothing.
template <class T> struct Weighing {
  bool used = false;       // else every entry counts one, and none is NaN
  const T *each = nullptr; // of every entry (dense: rows `ld` apart; sparse: of those stored); one if not given
  int64_t ld = 0;
  const T *along = nullptr; // a second factor, one number for each row of the partner; one if not given
  bool elsewhere = true;    // whether an entry that is not stored counts, as an observed zero
};

// Dense X, rows ldx apart, of which the entry (i, j) counts weights[i, j] counts[i], each one if not given, and
// nothing where it is NaN. What the kernels see is a b X.
template <class T> struct WeightedX {
  const T *X;
  int64_t ldx, m, n;
  T a, b;
  const T *weights;
  int64_t ldw;
  const T *counts;
};

// How a half-step under the weighted squared error goes.
struct WeightedRule : AnyBounds {
  double l1 = 0, l2 = 0;
  int most = 1;   // sweeps
  double tol = 0; // a row stops once a sweep moves it less than this share of what its first sweep did
  enum Finish { none, moving, all } finish = none; // rows that end by pivoting
  double total = 0; // what a row sums to, where that is prescribed; such rows are all solved to the end
};

// Entries of a dense X that were not observed, in order, row by row, and the model W H that stands for them; both
// factors packed, `padded` numbers a row. The model times down_a down_b is in the units of X.
template <class T> struct Gaps {
  const int64_t *indptr;
  const int32_t *columns;
  const T *W, *H;
  int padded;
  T down_a, down_b;
};

template <class T> struct Kernels {
  // out = {smallest, largest, number of NaN}; out += {sum, sum of squares} of a b x, NaN left out.
  void (*extent)(const T *x, double *out, int64_t start, int64_t stop);
  void (*moments)(const T *x, T a, T b, double *out, int64_t start, int64_t stop);
  // out[p, i] = <B[p, :], A[i, :]>; A m x n with rows lda apart, B k x n, out k x m; i in the range. With `gaps`
  // both products fill A or R by the model where it was not observed, and return the squares of the model there.
  //                                                                         2 m n k flop, and 2 k more for a gap
  double (*dots)(const T *A, int64_t lda, int64_t m, int64_t n, const T *B, int k, T *out, int64_t start,
                 int64_t stop, const Gaps<T> *gaps);
  // out[p, q] += sum of A[p, l] B[q, l] over l in the range, float64 across blocks.     2 n ka kb flop
  void (*gram)(const T *A, int ka, const T *B, int kb, int64_t n, double *out, int64_t start, int64_t stop);
  // out[p, j] = sum over i in [top, bottom) of M[p, i] R[i, j]; M k x q, R q x n, out k x n; j in the range.
  double (*mix)(const T *M, int k, int64_t q, const T *R, int64_t ldr, int64_t n, T *out, int64_t top,
                int64_t bottom, int64_t start, int64_t stop, const Gaps<T> *gaps);
  // Coordinate sweeps over the columns of F in the range; see sweeps.hpp.        2 rows k^2 flop a sweep
  SweepSums (*sweeps)(T *F, const T *B, const T *G, int k, int64_t rows, T l1, int max_sweeps, T tol, int64_t start,
                      int64_t stop, uint8_t *left, const T *low, const T *high);
  // Exact non-negative least squares for the columns in the range; returns how many did not settle.
  int64_t (*nnls)(T *F, const T *B, const double *G, int k, int64_t rows, double l1, int64_t start, int64_t stop,
                  const uint8_t *only);
  // The same over columns that sum to `total`, by projected gradients that step `length` (one a part) times the
  // slope. Without steps columns are brought to the nearest feasible point. See simplex.hpp.  2 rows k^2 flop a
  // step, and more
  SweepSums (*simplex)(T *F, const T *B, const T *G, const T *length, int k, int64_t rows, T total, int most, T tol,
                       int64_t start, int64_t stop, uint8_t *left, const T *low, const T *high);
  // Exact within bounds and, unless `total` is negative, for columns that sum to it; from a feasible F.
  int64_t (*active_set)(T *F, const T *B, const double *G, int k, int64_t rows, double l1, double total,
                        int64_t start, int64_t stop, const uint8_t *only, const T *low, const T *high);
  // out = max(0, now + beta (now - before)), flat.
  void (*extrapolate)(const T *now, const T *before, T beta, T *out, int64_t start, int64_t stop);
  // k x n to n x padded for the gathers; j in the range.
  void (*pack)(const T *F, int k, int64_t n, T *out, int padded, int64_t start, int64_t stop);
  // CSR times packed factor: out[p, i] = sum of data[t] F[indices[t], p]; i in the range.  2 nnz k flop
  void (*gather32)(const int32_t *indptr, const int32_t *indices, const T *data, int64_t m, const T *F, int padded,
                   int k, T *out, int64_t start, int64_t stop);
  void (*gather64)(const int64_t *indptr, const int64_t *indices, const T *data, int64_t m, const T *F, int padded,
                   int k, T *out, int64_t start, int64_t stop);
  // out[indices[t], :] += data[t] F[i, :] for the rows i in the range; F, out packed.         2 nnz k flop
  void (*scatter32)(const int32_t *indptr, const int32_t *indices, const T *data, const T *F, int padded, T *out,
                    int64_t start, int64_t stop);
  void (*scatter64)(const int64_t *indptr, const int64_t *indices, const T *data, const T *F, int padded, T *out,
                    int64_t start, int64_t stop);
  // sums += {(x - wh)^2, wh^2} over the stored entries of the rows in the range.
  void (*residual32)(const int32_t *indptr, const int32_t *indices, const T *data, const T *W, const T *F,
                     int padded, double *sums, int64_t start, int64_t stop);
  void (*residual64)(const int64_t *indptr, const int64_t *indices, const T *data, const T *W, const T *F,
                     int padded, double *sums, int64_t start, int64_t stop);
  // Beta-divergence: updates of the rows in the range of W (k x m; `under` likewise, for `split`), given `slopes`
  // (what is linear in each part); x is a b X. The partner H is k x n with rows padded to 64 bytes, or n x padded
  // where entries are gathered.
  DivergenceSums (*divergence_dense)(const T *X, int64_t ldx, int64_t n, T a, T b, const T *H, int64_t ldh, T *W,
                                     T *under, int k, int64_t m, const T *slopes, const DivergenceRule &rule,
                                     const Weighing<T> &weighing, int64_t start, int64_t stop);
  DivergenceSums (*divergence_expanded32)(const int32_t *indptr, const int32_t *indices, const T *data, int64_t n,
                                          T a, T b, const T *H, int64_t ldh, T *W, T *under, int k, int64_t m,
                                          const T *slopes, const DivergenceRule &rule, const Weighing<T> &weighing,
                                          int64_t start, int64_t stop);
  DivergenceSums (*divergence_stored32)(const int32_t *indptr, const int32_t *indices, const T *data, T a, T b,
                                        const T *packed, int width, T *W, T *under, int k, int64_t m,
                                        const T *slopes, const DivergenceRule &rule, const Weighing<T> &weighing,
                                        int64_t start, int64_t stop);
  DivergenceSums (*divergence_expanded64)(const int64_t *indptr, const int64_t *indices, const T *data, int64_t n,
                                          T a, T b, const T *H, int64_t ldh, T *W, T *under, int k, int64_t m,
                                          const T *slopes, const DivergenceRule &rule, const Weighing<T> &weighing,
                                          int64_t start, int64_t stop);
  DivergenceSums (*divergence_stored64)(const int64_t *indptr, const int64_t *indices, const T *data, T a, T b,
                                        const T *packed, int width, T *W, T *under, int k, int64_t m,
                                        const T *slopes, const DivergenceRule &rule, const Weighing<T> &weighing,
                                        int64_t start, int64_t stop);
  // Weighted squared error: sweeps over the rows of W, each with the Gram matrix of its own weights; `gram` is that
  // of the entries that are not stored. See weighted.hpp.                     nnz k^2 flop, and 2 rows k^2 a sweep
  SweepSums (*weighted_dense)(const T *X, int64_t ldx, int64_t n, T a, T b, const T *H, int64_t ldh, T *W, int k,
                              int64_t m, const T *gram, const WeightedRule &rule, const Weighing<T> &weighing,
                              int64_t start, int64_t stop);
  SweepSums (*weighted_stored32)(const int32_t *indptr, const int32_t *indices, const T *data, T a, T b,
                                 const T *packed, int width, T *W, int k, int64_t m, const T *gram,
                                 const WeightedRule &rule, const Weighing<T> &weighing, int64_t start,
                                 int64_t stop);
  SweepSums (*weighted_stored64)(const int64_t *indptr, const int64_t *indices, const T *data, T a, T b,
                                 const T *packed, int width, T *W, int k, int64_t m, const T *gram,
                                 const WeightedRule &rule, const Weighing<T> &weighing, int64_t start,
                                 int64_t stop);
  // Products with what is to be expected of X, given what was observed and W H: over rows, out[p, i] for i in the
  // range; over columns, out[p, j] for j in it. H is k x n with rows padded to 64 bytes. Both return the weighted
  // 1/2 (x - wh)^2 of their range; the first without `out` that alone.                             4 m n k flop
  double (*expected_along)(const WeightedX<T> &X, const T *W, const T *H, int64_t ldh, int k, T *out, int64_t start,
                           int64_t stop);
  double (*expected_across)(const WeightedX<T> &X, const T *W, const T *H, int64_t ldh, int k, T *out,
                            int64_t start, int64_t stop);
  // sums += weighted squares of the residual at the stored entries, and squares of the model there; see
  // sampled.hpp.
  //                                                                                       2 nnz k flop
  void (*sampled32)(const int32_t *indptr, const int32_t *indices, const T *data, T a, T b, const T *F, int padded,
                    const T *W, int k, int64_t m, double *sums, const Weighing<T> &weighing, int64_t start,
                    int64_t stop);
  void (*sampled64)(const int64_t *indptr, const int64_t *indices, const T *data, T a, T b, const T *F, int padded,
                    const T *W, int k, int64_t m, double *sums, const Weighing<T> &weighing, int64_t start,
                    int64_t stop);
};

// The table in use; at import the best one that this processor runs.
template <class T> const Kernels<T> &kernels();

std::vector<std::string> levels(); // those that this processor runs, worst first
std::string level();
bool set_level(const std::string &name); // false: unknown, or this processor cannot run it

} // namespace nonneg

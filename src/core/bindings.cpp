// Python face of the kernels: checks types and shapes, releases the GIL, calls. No mathematics here.
#include "parallel.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;
using nonneg::DivergenceRule;
using nonneg::DivergenceSums;
using nonneg::kernels;
using nonneg::SweepSums;
using nonneg::Weighing;
using nonneg::WeightedRule;
namespace parallel = nonneg::parallel;

namespace {

template <class T> using In = nb::ndarray<const T, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T> using Out = nb::ndarray<T, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
// Rows may lie apart, as in X[::7]; each row is contiguous.
template <class T> using Rows = nb::ndarray<const T, nb::numpy, nb::ndim<2>, nb::device::cpu>;
template <class T> using In1 = nb::ndarray<const T, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T> using Out1 = nb::ndarray<T, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Marks = std::optional<nb::ndarray<uint8_t, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>>;
template <class T> using Under = std::optional<Out<T>>;
template <class T> using Bound = std::optional<In<T>>;
using AnyBound = std::optional<std::variant<In<float>, In<double>>>;
using Release = nb::call_guard<nb::gil_scoped_release>;

void require(bool fits, const char *what) {
  if (!fits)
    throw nb::value_error(what);
}

uint8_t *marks_of(const Marks &marks, size_t length) {
  require(!marks || marks->shape(0) == length, "one mark is needed for each column");
  return marks ? marks->data() : nullptr;
}

template <class T> int64_t row_stride(const Rows<T> &A) {
  require(A.shape(1) <= 1 || A.stride(1) == 1, "the numbers of each row must lie side by side");
  return A.shape(0) <= 1 ? int64_t(A.shape(1)) : A.stride(0);
}

void require_range(int64_t start, int64_t stop, size_t length, int threads) {
  require(threads >= 1, "at least one thread is needed");
  require(0 <= start && start <= stop && size_t(stop) <= length, "range outside the array");
}

template <class T> bool padded_to_lines(const In<T> &H, int64_t n) {
  return n >= 0 && int64_t(H.shape(1)) >= n && H.shape(1) * sizeof(T) % 64 == 0;
}

template <class T> void require_bounds(const nonneg::AnyBounds &bounds, const Out<T> &F) {
  require(!bounds.low || (bounds.bytes == sizeof(T) && bounds.parts == F.shape(0) && bounds.rows == F.shape(1)),
          "bounds need the type and the shape of the factor");
}

template <class T> T *under_of(const Under<T> &under, const Out<T> &W, const DivergenceRule &rule) {
  require(rule.update != DivergenceRule::split || under, "split needs an array for the denominators");
  require(!under || (under->shape(0) == W.shape(0) && under->shape(1) == W.shape(1)),
          "the denominators need the shape of the factor");
  require_bounds(rule, W);
  return under ? under->data() : nullptr;
}

// What Python gives of a Weighing: its own weights (dense: a matrix, sparse: those of the stored entries) and the
// factor along the partner.
template <class T>
Weighing<T> weighing_of(const std::optional<Rows<T>> &each, const std::optional<In1<T>> &along, bool weighted,
                        size_t rows, size_t columns) {
  require(!each || (each->shape(0) == rows && each->shape(1) == columns), "weights need the shape of X");
  require(!along || along->shape(0) == columns, "one weight is needed for each row of the partner");
  return {weighted, each ? each->data() : nullptr, each ? row_stride<T>(*each) : 0, along ? along->data() : nullptr,
          false};
}

template <class T>
Weighing<T> weighing_of(const std::optional<In1<T>> &each, const std::optional<In1<T>> &along, bool weighted,
                        bool elsewhere, size_t stored, size_t columns) {
  require(!each || each->shape(0) == stored, "one weight is needed for each stored entry");
  require(!along || along->shape(0) == columns, "one weight is needed for each row of the partner");
  return {weighted, each ? each->data() : nullptr, 0, along ? along->data() : nullptr, elsewhere};
}

template <class T>
std::pair<const T *, const T *> limits_of(const Bound<T> &low, const Bound<T> &high, const Out<T> &F) {
  require(bool(low) == bool(high), "low and high bounds come together");
  for (const auto *bound : {&low, &high})
    require(!*bound || ((*bound)->shape(0) == F.shape(0) && (*bound)->shape(1) == F.shape(1)),
            "bounds need the shape of the factor");
  return {low ? low->data() : nullptr, high ? high->data() : nullptr};
}

std::tuple<double, double, double, double> tuple_of(const DivergenceSums &sums) {
  return {sums.first_step, sums.size, sums.divergence, sums.model};
}

template <class T, class I> void bind_sparse(nb::module_ &m) {
  m.def(
      "gather",
      [](In1<I> indptr, In1<I> indices, In1<T> data, In<T> packed, Out<T> out, int64_t start, int64_t stop,
         int threads) {
        require(out.shape(0) >= 1 && indptr.shape(0) == out.shape(1) + 1 && indices.shape(0) == data.shape(0) &&
                    packed.shape(1) >= out.shape(0) && packed.shape(1) * sizeof(T) % 32 == 0,
                "gather: shapes do not fit");
        require_range(start, stop, out.shape(1), threads);
        const auto kernel = [] {
          if constexpr (sizeof(I) == 4)
            return kernels<T>().gather32;
          else
            return kernels<T>().gather64;
        }();
        parallel::gather<T, I>(threads, kernel, indptr.data(), indices.data(), data.data(), int64_t(out.shape(1)),
                               packed.data(), int(packed.shape(1)), int(out.shape(0)), out.data(), start, stop);
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "data"_a.noconvert(), "packed"_a.noconvert(),
      "out"_a.noconvert(), "start"_a, "stop"_a, "threads"_a = 1, Release());
  m.def(
      "scatter",
      [](In1<I> indptr, In1<I> indices, In1<T> data, In<T> packed, Out<T> out, int threads) {
        require(out.shape(0) >= 1 && indptr.shape(0) == packed.shape(0) + 1 && indices.shape(0) == data.shape(0) &&
                    packed.shape(1) >= out.shape(0) && packed.shape(1) * sizeof(T) % 32 == 0,
                "scatter: shapes do not fit");
        require(threads >= 1, "at least one thread is needed");
        const auto kernel = [] {
          if constexpr (sizeof(I) == 4)
            return kernels<T>().scatter32;
          else
            return kernels<T>().scatter64;
        }();
        parallel::scatter<T, I>(threads, kernel, indptr.data(), indices.data(), data.data(),
                                int64_t(packed.shape(0)), packed.data(), int(packed.shape(1)), int(out.shape(0)),
                                out.data(), int64_t(out.shape(1)));
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "data"_a.noconvert(), "packed"_a.noconvert(),
      "out"_a.noconvert(), "threads"_a = 1, Release());
  m.def(
      "residual",
      [](In1<I> indptr, In1<I> indices, In1<T> data, In<T> W, In<T> H, Out1<double> sums, int64_t start,
         int64_t stop, int threads) {
        require(indptr.shape(0) == W.shape(0) + 1 && indices.shape(0) == data.shape(0) &&
                    W.shape(1) == H.shape(1) && sums.shape(0) == 2,
                "residual: shapes do not fit");
        require_range(start, stop, W.shape(0), threads);
        const auto kernel = [] {
          if constexpr (sizeof(I) == 4)
            return kernels<T>().residual32;
          else
            return kernels<T>().residual64;
        }();
        parallel::residual<T, I>(threads, kernel, indptr.data(), indices.data(), data.data(), W.data(), H.data(),
                                 int(W.shape(1)), sums.data(), start, stop);
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "data"_a.noconvert(), "W"_a.noconvert(), "H"_a.noconvert(),
      "sums"_a.noconvert(), "start"_a, "stop"_a, "threads"_a = 1, Release());
  m.def(
      "divergence_stored",
      [](In1<I> indptr, In1<I> indices, In1<T> data, double a, double b, In<T> packed, Out<T> W, In1<T> slopes,
         const DivergenceRule &rule, int64_t start, int64_t stop, int threads, Under<T> under,
         std::optional<In1<T>> weights, std::optional<In1<T>> along, bool elsewhere, bool weighted) {
        require(W.shape(0) >= 1 && indptr.shape(0) == W.shape(1) + 1 && indices.shape(0) == data.shape(0) &&
                    slopes.shape(0) == W.shape(0) && packed.shape(1) >= W.shape(0) &&
                    packed.shape(1) * sizeof(T) % 32 == 0,
                "divergence_stored: shapes do not fit");
        require_range(start, stop, W.shape(1), threads);
        const auto kernel = [] {
          if constexpr (sizeof(I) == 4)
            return kernels<T>().divergence_stored32;
          else
            return kernels<T>().divergence_stored64;
        }();
        const double work = 4.0 * double(indptr.data()[stop] - indptr.data()[start]) * W.shape(0) * (2 + rule.most);
        const auto weighing = weighing_of<T>(weights, along, weighted, elsewhere, data.shape(0), packed.shape(0));
        T *below = under_of(under, W, rule);
        DivergenceSums sums;
        {
          nb::gil_scoped_release release;
          sums = parallel::divergence(threads, work, start, stop, [&](int64_t from, int64_t to) {
            return kernel(indptr.data(), indices.data(), data.data(), T(a), T(b), packed.data(),
                          int(packed.shape(1)), W.data(), below, int(W.shape(0)), int64_t(W.shape(1)),
                          slopes.data(), rule, weighing, from, to);
          });
        }
        return tuple_of(sums);
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "data"_a.noconvert(), "a"_a, "b"_a, "packed"_a.noconvert(),
      "W"_a.noconvert(), "slopes"_a.noconvert(), "rule"_a, "start"_a, "stop"_a, "threads"_a = 1,
      "under"_a.noconvert() = nb::none(), "weights"_a.noconvert() = nb::none(), "along"_a.noconvert() = nb::none(),
      "elsewhere"_a = true, "weighted"_a = false);
  m.def(
      "divergence_expanded",
      [](In1<I> indptr, In1<I> indices, In1<T> data, int64_t n, double a, double b, In<T> H, Out<T> W,
         In1<T> slopes, const DivergenceRule &rule, int64_t start, int64_t stop, int threads, Under<T> under,
         std::optional<In1<T>> weights, std::optional<In1<T>> along, bool weighted) {
        require(W.shape(0) >= 1 && indptr.shape(0) == W.shape(1) + 1 && indices.shape(0) == data.shape(0) &&
                    slopes.shape(0) == W.shape(0) && H.shape(0) == W.shape(0) && padded_to_lines(H, n),
                "divergence_expanded: shapes do not fit");
        require_range(start, stop, W.shape(1), threads);
        const auto kernel = [] {
          if constexpr (sizeof(I) == 4)
            return kernels<T>().divergence_expanded32;
          else
            return kernels<T>().divergence_expanded64;
        }();
        const double work = 4.0 * double(stop - start) * double(n) * W.shape(0) * (2 + rule.most);
        const auto weighing = weighing_of<T>(weights, along, weighted, false, data.shape(0), size_t(n));
        T *below = under_of(under, W, rule);
        DivergenceSums sums;
        {
          nb::gil_scoped_release release;
          sums = parallel::divergence(threads, work, start, stop, [&](int64_t from, int64_t to) {
            return kernel(indptr.data(), indices.data(), data.data(), n, T(a), T(b), H.data(), int64_t(H.shape(1)),
                          W.data(), below, int(W.shape(0)), int64_t(W.shape(1)), slopes.data(), rule, weighing,
                          from, to);
          });
        }
        return tuple_of(sums);
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "data"_a.noconvert(), "n"_a, "a"_a, "b"_a, "H"_a.noconvert(),
      "W"_a.noconvert(), "slopes"_a.noconvert(), "rule"_a, "start"_a, "stop"_a, "threads"_a = 1,
      "under"_a.noconvert() = nb::none(), "weights"_a.noconvert() = nb::none(), "along"_a.noconvert() = nb::none(),
      "weighted"_a = false);
  m.def(
      "sampled",
      [](In1<I> indptr, In1<I> indices, In1<T> data, double a, double b, In<T> packed, In<T> W, int64_t start,
         int64_t stop, int threads, std::optional<In1<T>> weights, std::optional<In1<T>> along, bool elsewhere) {
        require(W.shape(0) >= 1 && indptr.shape(0) == W.shape(1) + 1 && indices.shape(0) == data.shape(0) &&
                    packed.shape(1) >= W.shape(0) && packed.shape(1) * sizeof(T) % 32 == 0,
                "sampled: shapes do not fit");
        require_range(start, stop, W.shape(1), threads);
        const auto kernel = [] {
          if constexpr (sizeof(I) == 4)
            return kernels<T>().sampled32;
          else
            return kernels<T>().sampled64;
        }();
        const double stored = double(indptr.data()[stop] - indptr.data()[start]);
        const auto weighing = weighing_of<T>(weights, along, true, elsewhere, data.shape(0), packed.shape(0));
        double sums[2] = {0, 0};
        {
          nb::gil_scoped_release release;
          parallel::sampled(threads, 8.0 * stored * double(W.shape(0)), sums, start, stop,
                            [&](double *part, int64_t from, int64_t to) {
                              kernel(indptr.data(), indices.data(), data.data(), T(a), T(b), packed.data(),
                                     int(packed.shape(1)), W.data(), int(W.shape(0)), int64_t(W.shape(1)), part,
                                     weighing, from, to);
                            });
        }
        return std::make_tuple(sums[0], sums[1]);
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "data"_a.noconvert(), "a"_a, "b"_a, "packed"_a.noconvert(),
      "W"_a.noconvert(), "start"_a, "stop"_a, "threads"_a = 1, "weights"_a.noconvert() = nb::none(),
      "along"_a.noconvert() = nb::none(), "elsewhere"_a = true);
  m.def(
      "weighted_stored",
      [](In1<I> indptr, In1<I> indices, In1<T> data, double a, double b, In<T> packed, Out<T> W, In<T> gram,
         const WeightedRule &rule, int64_t start, int64_t stop, int threads, std::optional<In1<T>> weights,
         std::optional<In1<T>> along, bool elsewhere) {
        require(W.shape(0) >= 1 && indptr.shape(0) == W.shape(1) + 1 && indices.shape(0) == data.shape(0) &&
                    gram.shape(0) == W.shape(0) && gram.shape(1) == W.shape(0) && packed.shape(1) >= W.shape(0) &&
                    packed.shape(1) * sizeof(T) % 32 == 0,
                "weighted_stored: shapes do not fit");
        require_bounds(rule, W);
        require_range(start, stop, W.shape(1), threads);
        const auto kernel = [] {
          if constexpr (sizeof(I) == 4)
            return kernels<T>().weighted_stored32;
          else
            return kernels<T>().weighted_stored64;
        }();
        const double stored = double(indptr.data()[stop] - indptr.data()[start]), k = double(W.shape(0));
        const auto weighing = weighing_of<T>(weights, along, true, elsewhere, data.shape(0), packed.shape(0));
        SweepSums sums;
        {
          nb::gil_scoped_release release;
          sums = parallel::weighted(threads, (stored + 4 * double(stop - start)) * k * k, start, stop,
                                    [&](int64_t from, int64_t to) {
                                      return kernel(indptr.data(), indices.data(), data.data(), T(a), T(b),
                                                    packed.data(), int(packed.shape(1)), W.data(), int(W.shape(0)),
                                                    int64_t(W.shape(1)), gram.data(), rule, weighing, from, to);
                                    });
        }
        return std::make_tuple(sums.first_step, sums.size);
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "data"_a.noconvert(), "a"_a, "b"_a, "packed"_a.noconvert(),
      "W"_a.noconvert(), "gram"_a.noconvert(), "rule"_a, "start"_a, "stop"_a, "threads"_a = 1,
      "weights"_a.noconvert() = nb::none(), "along"_a.noconvert() = nb::none(), "elsewhere"_a = true);
}

template <class T> void bind(nb::module_ &m) {
  m.def(
      "extent",
      [](In1<T> x, int threads) {
        require(threads >= 1, "at least one thread is needed");
        double out[3] = {0, 0, 0};
        {
          nb::gil_scoped_release release;
          parallel::extent<T>(threads, x.data(), out, int64_t(x.shape(0)));
        }
        return std::make_tuple(out[0], out[1], int64_t(out[2]));
      },
      "x"_a.noconvert(), "threads"_a = 1, "Smallest and largest of x and 0, and the number of NaN.");
  m.def(
      "moments",
      [](In1<T> x, double a, double b, int threads) {
        require(threads >= 1, "at least one thread is needed");
        double out[2] = {0, 0};
        {
          nb::gil_scoped_release release;
          parallel::moments<T>(threads, x.data(), T(a), T(b), out, int64_t(x.shape(0)));
        }
        return std::make_tuple(out[0], out[1]);
      },
      "x"_a.noconvert(), "a"_a, "b"_a, "threads"_a = 1,
      "Sum and sum of squares of a * b * x, NaN left out, float64.");
  m.def(
      "dots",
      [](Rows<T> A, In<T> B, Out<T> out, int64_t start, int64_t stop, int threads) {
        require(B.shape(0) >= 1 && A.shape(1) == B.shape(1) && out.shape(0) == B.shape(0) &&
                    out.shape(1) == A.shape(0),
                "dots: shapes do not fit");
        require_range(start, stop, A.shape(0), threads);
        parallel::dots<T>(threads, A.data(), row_stride<T>(A), int64_t(A.shape(0)), int64_t(A.shape(1)), B.data(),
                          int(B.shape(0)), out.data(), start, stop);
      },
      "A"_a.noconvert(), "B"_a.noconvert(), "out"_a.noconvert(), "start"_a, "stop"_a, "threads"_a = 1, Release());
  m.def(
      "gram",
      [](In<T> A, In<T> B, Out<double> out, int64_t start, int64_t stop, int threads) {
        require(A.shape(0) >= 1 && B.shape(0) >= 1 && A.shape(1) == B.shape(1) && out.shape(0) == A.shape(0) &&
                    out.shape(1) == B.shape(0),
                "gram: shapes do not fit");
        require_range(start, stop, A.shape(1), threads);
        parallel::gram<T>(threads, A.data(), int(A.shape(0)), B.data(), int(B.shape(0)), int64_t(A.shape(1)),
                          out.data(), start, stop);
      },
      "A"_a.noconvert(), "B"_a.noconvert(), "out"_a.noconvert(), "start"_a, "stop"_a, "threads"_a = 1, Release());
  m.def(
      "mix",
      [](In<T> M, Rows<T> R, Out<T> out, int64_t top, int64_t bottom, int64_t start, int64_t stop, int threads) {
        require(M.shape(0) >= 1 && M.shape(1) == R.shape(0) && out.shape(0) == M.shape(0) &&
                    out.shape(1) == R.shape(1),
                "mix: shapes do not fit");
        require_range(start, stop, R.shape(1), threads);
        require_range(top, bottom, R.shape(0), threads);
        parallel::mix<T>(threads, M.data(), int(M.shape(0)), int64_t(M.shape(1)), R.data(), row_stride<T>(R),
                         int64_t(R.shape(1)), out.data(), top, bottom, start, stop);
      },
      "M"_a.noconvert(), "R"_a.noconvert(), "out"_a.noconvert(), "top"_a, "bottom"_a, "start"_a, "stop"_a,
      "threads"_a = 1, Release());
  m.def(
      "sweeps",
      [](Out<T> F, In<T> B, In<T> G, double l1, int max_sweeps, double tol, int64_t start, int64_t stop,
         int threads, Marks marks, Bound<T> low, Bound<T> high) {
        nonneg::SweepSums s;
        {
          nb::gil_scoped_release release;
          require(F.shape(0) >= 1 && F.shape(0) == B.shape(0) && F.shape(1) == B.shape(1) &&
                      G.shape(0) == F.shape(0) && G.shape(1) == F.shape(0),
                  "sweeps: shapes do not fit");
          require_range(start, stop, F.shape(1), threads);
          const auto [least, largest] = limits_of(low, high, F);
          s = parallel::sweeps<T>(threads, F.data(), B.data(), G.data(), int(F.shape(0)), int64_t(F.shape(1)),
                                  T(l1), max_sweeps, T(tol), start, stop, marks_of(marks, F.shape(1)), least,
                                  largest);
        }
        return std::make_tuple(s.product, s.first_step, s.size);
      },
      "F"_a.noconvert(), "B"_a.noconvert(), "G"_a.noconvert(), "l1"_a, "max_sweeps"_a, "tol"_a, "start"_a, "stop"_a,
      "threads"_a = 1, "left"_a.noconvert() = nb::none(), "low"_a.noconvert() = nb::none(),
      "high"_a.noconvert() = nb::none());
  m.def(
      "simplex",
      [](Out<T> F, In<T> B, In<T> G, In1<T> length, double total, int most, double tol, int64_t start, int64_t stop,
         int threads, Marks marks, Bound<T> low, Bound<T> high) {
        nonneg::SweepSums s;
        {
          nb::gil_scoped_release release;
          require(F.shape(0) >= 1 && F.shape(0) == B.shape(0) && F.shape(1) == B.shape(1) &&
                      G.shape(0) == F.shape(0) && G.shape(1) == F.shape(0) && length.shape(0) == F.shape(0) &&
                      total > 0,
                  "simplex: shapes do not fit");
          require_range(start, stop, F.shape(1), threads);
          const auto [least, largest] = limits_of(low, high, F);
          s = parallel::simplex<T>(threads, F.data(), B.data(), G.data(), length.data(), int(F.shape(0)),
                                   int64_t(F.shape(1)), T(total), most, T(tol), start, stop,
                                   marks_of(marks, F.shape(1)), least, largest);
        }
        return std::make_tuple(s.product, s.first_step, s.size);
      },
      "F"_a.noconvert(), "B"_a.noconvert(), "G"_a.noconvert(), "length"_a.noconvert(), "total"_a, "most"_a, "tol"_a,
      "start"_a, "stop"_a, "threads"_a = 1, "left"_a.noconvert() = nb::none(), "low"_a.noconvert() = nb::none(),
      "high"_a.noconvert() = nb::none());
  m.def(
      "active_set",
      [](Out<T> F, In<T> B, In<double> G, double l1, double total, int64_t start, int64_t stop, int threads,
         Marks marks, Bound<T> low, Bound<T> high) {
        require(F.shape(0) >= 1 && F.shape(0) == B.shape(0) && F.shape(1) == B.shape(1) &&
                    G.shape(0) == F.shape(0) && G.shape(1) == F.shape(0),
                "active_set: shapes do not fit");
        require_range(start, stop, F.shape(1), threads);
        const auto [least, largest] = limits_of(low, high, F);
        return parallel::active_set<T>(threads, F.data(), B.data(), G.data(), int(F.shape(0)), int64_t(F.shape(1)),
                                       l1, total, start, stop, marks_of(marks, F.shape(1)), least, largest);
      },
      "F"_a.noconvert(), "B"_a.noconvert(), "G"_a.noconvert(), "l1"_a, "total"_a, "start"_a, "stop"_a,
      "threads"_a = 1, "only"_a.noconvert() = nb::none(), "low"_a.noconvert() = nb::none(),
      "high"_a.noconvert() = nb::none(), Release());
  m.def(
      "nnls",
      [](Out<T> F, In<T> B, In<double> G, double l1, int64_t start, int64_t stop, int threads, Marks marks) {
        require(F.shape(0) >= 1 && F.shape(0) == B.shape(0) && F.shape(1) == B.shape(1) &&
                    G.shape(0) == F.shape(0) && G.shape(1) == F.shape(0),
                "nnls: shapes do not fit");
        require_range(start, stop, F.shape(1), threads);
        return parallel::nnls<T>(threads, F.data(), B.data(), G.data(), int(F.shape(0)), int64_t(F.shape(1)), l1,
                                 start, stop, marks_of(marks, F.shape(1)));
      },
      "F"_a.noconvert(), "B"_a.noconvert(), "G"_a.noconvert(), "l1"_a, "start"_a, "stop"_a, "threads"_a = 1,
      "only"_a.noconvert() = nb::none(), Release());
  m.def(
      "extrapolate",
      [](In<T> now, In<T> before, double beta, Out<T> out, int64_t start, int64_t stop, int threads) {
        require(now.size() == before.size() && now.size() == out.size(), "extrapolate: shapes do not fit");
        require_range(start, stop, now.size(), threads);
        parallel::extrapolate<T>(threads, now.data(), before.data(), T(beta), out.data(), start, stop);
      },
      "now"_a.noconvert(), "before"_a.noconvert(), "beta"_a, "out"_a.noconvert(), "start"_a, "stop"_a,
      "threads"_a = 1, Release());
  m.def(
      "pack",
      [](In<T> F, Out<T> out, int64_t start, int64_t stop, int threads) {
        require(F.shape(0) >= 1 && F.shape(1) == out.shape(0) && F.shape(0) <= out.shape(1),
                "pack: shapes do not fit");
        require_range(start, stop, F.shape(1), threads);
        parallel::pack<T>(threads, F.data(), int(F.shape(0)), int64_t(F.shape(1)), out.data(), int(out.shape(1)),
                          start, stop);
      },
      "F"_a.noconvert(), "out"_a.noconvert(), "start"_a, "stop"_a, "threads"_a = 1, Release());
  m.def(
      "divergence_dense",
      [](Rows<T> X, double a, double b, In<T> H, Out<T> W, In1<T> slopes, const DivergenceRule &rule, int64_t start,
         int64_t stop, int threads, Under<T> under, std::optional<Rows<T>> weights, std::optional<In1<T>> along,
         bool weighted) {
        require(W.shape(0) >= 1 && X.shape(0) == W.shape(1) && slopes.shape(0) == W.shape(0) &&
                    H.shape(0) == W.shape(0) && padded_to_lines(H, int64_t(X.shape(1))),
                "divergence_dense: shapes do not fit");
        require_range(start, stop, W.shape(1), threads);
        const double work = 4.0 * double(stop - start) * X.shape(1) * W.shape(0) * (2 + rule.most);
        const int64_t ldx = row_stride<T>(X);
        const auto weighing = weighing_of<T>(weights, along, weighted, X.shape(0), X.shape(1));
        T *below = under_of(under, W, rule);
        DivergenceSums sums;
        {
          nb::gil_scoped_release release;
          sums = parallel::divergence(threads, work, start, stop, [&](int64_t from, int64_t to) {
            return kernels<T>().divergence_dense(X.data(), ldx, int64_t(X.shape(1)), T(a), T(b), H.data(),
                                                 int64_t(H.shape(1)), W.data(), below, int(W.shape(0)),
                                                 int64_t(W.shape(1)), slopes.data(), rule, weighing, from, to);
          });
        }
        return tuple_of(sums);
      },
      "X"_a.noconvert(), "a"_a, "b"_a, "H"_a.noconvert(), "W"_a.noconvert(), "slopes"_a.noconvert(), "rule"_a,
      "start"_a, "stop"_a, "threads"_a = 1, "under"_a.noconvert() = nb::none(),
      "weights"_a.noconvert() = nb::none(), "along"_a.noconvert() = nb::none(), "weighted"_a = false);
  m.def(
      "weighted_dense",
      [](Rows<T> X, double a, double b, In<T> H, Out<T> W, In<T> gram, const WeightedRule &rule, int64_t start,
         int64_t stop, int threads, std::optional<Rows<T>> weights, std::optional<In1<T>> along) {
        require(W.shape(0) >= 1 && X.shape(0) == W.shape(1) && gram.shape(0) == W.shape(0) &&
                    gram.shape(1) == W.shape(0) && H.shape(0) == W.shape(0) &&
                    padded_to_lines(H, int64_t(X.shape(1))),
                "weighted_dense: shapes do not fit");
        require_bounds(rule, W);
        require_range(start, stop, W.shape(1), threads);
        const double k = double(W.shape(0)), rows = double(stop - start);
        const int64_t ldx = row_stride<T>(X);
        const auto weighing = weighing_of<T>(weights, along, true, X.shape(0), X.shape(1));
        SweepSums sums;
        {
          nb::gil_scoped_release release;
          sums = parallel::weighted(
              threads, rows * (double(X.shape(1)) + 4) * k * k, start, stop, [&](int64_t from, int64_t to) {
                return kernels<T>().weighted_dense(X.data(), ldx, int64_t(X.shape(1)), T(a), T(b), H.data(),
                                                   int64_t(H.shape(1)), W.data(), int(W.shape(0)),
                                                   int64_t(W.shape(1)), gram.data(), rule, weighing, from, to);
              });
        }
        return std::make_tuple(sums.first_step, sums.size);
      },
      "X"_a.noconvert(), "a"_a, "b"_a, "H"_a.noconvert(), "W"_a.noconvert(), "gram"_a.noconvert(), "rule"_a,
      "start"_a, "stop"_a, "threads"_a = 1, "weights"_a.noconvert() = nb::none(),
      "along"_a.noconvert() = nb::none());
  m.def(
      "expected",
      [](Rows<T> X, double a, double b, In<T> W, In<T> H, std::optional<Out<T>> out, bool across, int threads,
         std::optional<Rows<T>> weights, std::optional<In1<T>> counts) {
        const size_t rows = across ? X.shape(1) : X.shape(0);
        require(W.shape(0) >= 1 && W.shape(1) == X.shape(0) && H.shape(0) == W.shape(0) &&
                    padded_to_lines(H, int64_t(X.shape(1))) &&
                    (!out || (out->shape(0) == W.shape(0) && out->shape(1) == rows)) && (out || !across) &&
                    (!weights || (weights->shape(0) == X.shape(0) && weights->shape(1) == X.shape(1))) &&
                    (!counts || counts->shape(0) == X.shape(0)),
                "expected: shapes do not fit");
        require(threads >= 1, "at least one thread is needed");
        const nonneg::WeightedX<T> counted{X.data(),
                                           row_stride<T>(X),
                                           int64_t(X.shape(0)),
                                           int64_t(X.shape(1)),
                                           T(a),
                                           T(b),
                                           weights ? weights->data() : nullptr,
                                           weights ? row_stride<T>(*weights) : 0,
                                           counts ? counts->data() : nullptr};
        T *product = out ? out->data() : nullptr;
        const int k = int(W.shape(0));
        nb::gil_scoped_release release;
        return parallel::expected(threads, across, counted, W.data(), H.data(), int64_t(H.shape(1)), k, product);
      },
      "X"_a.noconvert(), "a"_a, "b"_a, "W"_a.noconvert(), "H"_a.noconvert(), "out"_a.noconvert().none(), "across"_a,
      "threads"_a = 1, "weights"_a.noconvert() = nb::none(), "counts"_a.noconvert() = nb::none());
  bind_sparse<T, int32_t>(m);
  bind_sparse<T, int64_t>(m);
}

void bound(nonneg::AnyBounds &rule, const AnyBound &low, const AnyBound &high) {
  require(bool(low) == bool(high) && (!low || low->index() == high->index()),
          "low and high bounds come together, of one type");
  if (!low)
    return;
  std::visit(
      [&](const auto &least, const auto &most) {
        require(least.shape(0) == most.shape(0) && least.shape(1) == most.shape(1),
                "low and high bounds have one shape");
        rule = {least.data(), most.data(), least.itemsize(), least.shape(0), least.shape(1)};
      },
      *low, *high);
}

} // namespace

NB_MODULE(_core, m) {
  m.doc() = "Compiled kernels of nonneg, on a pool of threads, without the GIL. See src/core/kernels.hpp.";
  nb::class_<DivergenceRule>(m, "DivergenceRule", "What to do with each row under a beta-divergence.")
      .def(
          "__init__",
          [](DivergenceRule *self, const std::string &update, double beta, double l2, double floor, double zero,
             double least, int most, double tol, bool measure, AnyBound low, AnyBound high, double total) {
            require(update == "keep" || update == "multiply" || update == "descend" || update == "split",
                    "unknown update");
            const auto kind = update == "keep"       ? DivergenceRule::keep
                              : update == "multiply" ? DivergenceRule::multiply
                              : update == "descend"  ? DivergenceRule::descend
                                                     : DivergenceRule::split;
            new (self) DivergenceRule{{}, kind, measure, beta, l2, floor, zero, least, most, tol};
            self->total = total;
            bound(*self, low, high);
          },
          "update"_a, "beta"_a, "l2"_a = 0.0, "floor"_a = 0.0, "zero"_a = 0.0, "least"_a = 0.0, "most"_a = 1,
          "tol"_a = 0.0, "measure"_a = false, "low"_a.noconvert() = nb::none(), "high"_a.noconvert() = nb::none(),
          "total"_a = 0.0, nb::keep_alive<1, 11>(), nb::keep_alive<1, 12>())
      .def_ro("beta", &DivergenceRule::beta)
      .def_ro("measure", &DivergenceRule::measure);
  nb::class_<WeightedRule>(m, "WeightedRule", "What to do with each row under the weighted squared error.")
      .def(
          "__init__",
          [](WeightedRule *self, double l1, double l2, int most, double tol, const std::string &finish,
             AnyBound low, AnyBound high, double total) {
            require(finish == "none" || finish == "moving" || finish == "all", "unknown finish");
            const auto kind = finish == "none"     ? WeightedRule::none
                              : finish == "moving" ? WeightedRule::moving
                                                   : WeightedRule::all;
            new (self) WeightedRule{{}, l1, l2, most, tol, kind, total};
            bound(*self, low, high);
          },
          "l1"_a = 0.0, "l2"_a = 0.0, "most"_a = 1, "tol"_a = 0.0, "finish"_a = "none",
          "low"_a.noconvert() = nb::none(), "high"_a.noconvert() = nb::none(), "total"_a = 0.0,
          nb::keep_alive<1, 7>(), nb::keep_alive<1, 8>());
  bind<float>(m);
  bind<double>(m);
  m.def("levels", &nonneg::levels, "Instruction sets that this processor runs, worst first.");
  m.def("level", &nonneg::level, "Instruction set in use.");
  m.def("set_level", &nonneg::set_level, "name"_a,
        "Use another instruction set; False if this processor cannot. For tests and benchmarks.");
}

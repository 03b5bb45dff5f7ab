// What the bindings share: arrays as Python brings them, checks of their shapes, and what is optional.
#pragma once
#include "parallel.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

namespace nonneg::python {

namespace nb = nanobind;
using namespace nb::literals;

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

inline void require(bool fits, const char *what) {
  if (!fits)
    throw nb::value_error(what);
}

inline uint8_t *marks_of(const Marks &marks, size_t length) {
  require(!marks || marks->shape(0) == length, "one mark is needed for each column");
  return marks ? marks->data() : nullptr;
}

template <class T> int64_t row_stride(const Rows<T> &A) {
  require(A.shape(1) <= 1 || A.stride(1) == 1, "the numbers of each row must lie side by side");
  return A.shape(0) <= 1 ? int64_t(A.shape(1)) : A.stride(0);
}

inline void require_range(int64_t start, int64_t stop, size_t length, int threads) {
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

inline std::tuple<double, double, double, double> tuple_of(const DivergenceSums &sums) {
  return {sums.first_step, sums.size, sums.divergence, sums.model};
}

// Kernels of dense arrays and of sparse ones, for one type of numbers.
template <class T> void bind_dense(nb::module_ &m);
template <class T> void bind_sparse(nb::module_ &m);

} // namespace nonneg::python

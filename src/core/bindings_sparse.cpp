// Python face of the kernels of sparse matrices: checks types and shapes, releases the GIL, calls.
#include "bindings.hpp"

namespace nonneg::python {

template <class T, class I> void bind_indexed(nb::module_ &m) {
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
        return std::make_tuple(sums.first_step, sums.size, sums.change);
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "data"_a.noconvert(), "a"_a, "b"_a, "packed"_a.noconvert(),
      "W"_a.noconvert(), "gram"_a.noconvert(), "rule"_a, "start"_a, "stop"_a, "threads"_a = 1,
      "weights"_a.noconvert() = nb::none(), "along"_a.noconvert() = nb::none(), "elsewhere"_a = true);
}

template <class T> void bind_sparse(nb::module_ &m) {
  bind_indexed<T, int32_t>(m);
  bind_indexed<T, int64_t>(m);
}

template void bind_sparse<float>(nb::module_ &m);
template void bind_sparse<double>(nb::module_ &m);

} // namespace nonneg::python

// Python face of the kernels of dense arrays: checks types and shapes, releases the GIL, calls.
#include "bindings.hpp"

namespace nonneg::python {

template <class T> void bind_dense(nb::module_ &m) {
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
        return std::make_tuple(sums.first_step, sums.size, sums.change);
      },
      "X"_a.noconvert(), "a"_a, "b"_a, "H"_a.noconvert(), "W"_a.noconvert(), "gram"_a.noconvert(), "rule"_a,
      "start"_a, "stop"_a, "threads"_a = 1, "weights"_a.noconvert() = nb::none(),
      "along"_a.noconvert() = nb::none());
  m.def(
      "imputed",
      [](Rows<T> X, double a, double b, In1<int64_t> indptr, In1<int32_t> columns, In<T> W, In<T> H, In<T> F,
         Out<T> out, bool across, int threads) {
        const size_t m = X.shape(0), n = X.shape(1);
        require(F.shape(0) >= 1 && F.shape(1) == (across ? m : n) && out.shape(0) == F.shape(0) &&
                    out.shape(1) == (across ? n : m) && indptr.shape(0) == m + 1 &&
                    indptr.data()[m] == int64_t(columns.shape(0)) && W.shape(0) == m && H.shape(0) == n &&
                    W.shape(1) == H.shape(1) && W.shape(1) * sizeof(T) % 32 == 0,
                "imputed: shapes do not fit");
        require(threads >= 1, "at least one thread is needed");
        const nonneg::Gaps<T> gaps{indptr.data(),   columns.data(), W.data(), H.data(),
                                   int(W.shape(1)), T(1 / a),       T(1 / b)};
        const int k = int(F.shape(0));
        nb::gil_scoped_release release;
        if (across)
          return parallel::mix<T>(threads, F.data(), k, int64_t(m), X.data(), row_stride<T>(X), int64_t(n),
                                  out.data(), 0, int64_t(m), 0, int64_t(n), &gaps);
        return parallel::dots<T>(threads, X.data(), row_stride<T>(X), int64_t(m), int64_t(n), F.data(), k,
                                 out.data(), 0, int64_t(m), &gaps);
      },
      "X"_a.noconvert(), "a"_a, "b"_a, "indptr"_a.noconvert(), "columns"_a.noconvert(), "W"_a.noconvert(),
      "H"_a.noconvert(), "F"_a.noconvert(), "out"_a.noconvert(), "across"_a, "threads"_a = 1);
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
}

template void bind_dense<float>(nb::module_ &m);
template void bind_dense<double>(nb::module_ &m);

} // namespace nonneg::python

// The module, and the rules that its kernels take. No mathematics here.
#include "bindings.hpp"

using namespace nonneg::python;
using namespace nb::literals;
using nonneg::DivergenceRule;
using nonneg::WeightedRule;

namespace {

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
  bind_dense<float>(m);
  bind_dense<double>(m);
  bind_sparse<float>(m);
  bind_sparse<double>(m);
  m.def("levels", &nonneg::levels, "Instruction sets that this processor runs, worst first.");
  m.def("level", &nonneg::level, "Instruction set in use.");
  m.def("set_level", &nonneg::set_level, "name"_a,
        "Use another instruction set; False if this processor cannot. For tests and benchmarks.");
}

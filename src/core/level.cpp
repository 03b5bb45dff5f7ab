// All kernels at one instruction set. Compiled once per level: see CMakeLists.txt.
#include "kernels.hpp"

#include "active_set.hpp"
#include "dense.hpp"
#include "divergence.hpp"
#include "expected.hpp"
#include "nnls.hpp"
#include "sampled.hpp"
#include "simplex.hpp"
#include "sparse.hpp"
#include "survey.hpp"
#include "sweeps.hpp"
#include "weighted.hpp"

namespace nonneg::NONNEG_LEVEL {

template <class T>
constexpr Kernels<T> table_of{
    extent<T>,
    moments<T>,
    dots<T>,
    gram<T>,
    mix<T>,
    sweeps<T>,
    nnls<T>,
    simplex<T>,
    active_set<T>,
    extrapolate<T>,
    pack<T>,
    gather<T, int32_t>,
    gather<T, int64_t>,
    scatter<T, int32_t>,
    scatter<T, int64_t>,
    residual<T, int32_t>,
    residual<T, int64_t>,
    divergence_dense<T>,
    divergence_expanded<T, int32_t>,
    divergence_stored<T, int32_t>,
    divergence_expanded<T, int64_t>,
    divergence_stored<T, int64_t>,
    weighted_dense<T>,
    weighted_stored<T, int32_t>,
    weighted_stored<T, int64_t>,
    expected_along<T>,
    expected_across<T>,
    sampled<T, int32_t>,
    sampled<T, int64_t>,
};

extern const Kernels<float> float_table;
extern const Kernels<double> double_table;
const Kernels<float> float_table = table_of<float>;
const Kernels<double> double_table = table_of<double>;

} // namespace nonneg::NONNEG_LEVEL

// Which level runs: the best that the processor offers, or the one a test asks for.
#include "kernels.hpp"

#ifdef _WIN32
#include <windows.h>
#endif

namespace nonneg {

#define NONNEG_DECLARE(name)                                                                                       \
  namespace name {                                                                                                 \
  extern const Kernels<float> float_table;                                                                         \
  extern const Kernels<double> double_table;                                                                       \
  }
NONNEG_DECLARE(baseline)
#ifdef NONNEG_X86
NONNEG_DECLARE(avx2)
NONNEG_DECLARE(avx512)
#endif

namespace {

struct Level {
  const char *name;
  const Kernels<float> *float_table;
  const Kernels<double> *double_table;
  bool (*runs)();
};

#if defined(NONNEG_X86) && defined(_WIN32)
// clang-cl does not link the library behind __builtin_cpu_supports. Processors with AVX2 have FMA.
bool has_avx2() { return IsProcessorFeaturePresent(PF_AVX2_INSTRUCTIONS_AVAILABLE); }
bool has_avx512() { return false; }
#elif defined(NONNEG_X86)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

const Level all_levels[] = {
    {"baseline", &baseline::float_table, &baseline::double_table, [] { return true; }},
#ifdef NONNEG_X86
    {"avx2", &avx2::float_table, &avx2::double_table, has_avx2},
    {"avx512", &avx512::float_table, &avx512::double_table, has_avx512},
#endif
};

const Level *best_level() {
  const Level *best = all_levels;
  for (const Level &candidate : all_levels)
    if (candidate.runs())
      best = &candidate;
  return best;
}

const Level *current = best_level();

} // namespace

template <> const Kernels<float> &kernels<float>() { return *current->float_table; }
template <> const Kernels<double> &kernels<double>() { return *current->double_table; }

std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (const Level &candidate : all_levels)
    if (candidate.runs())
      names.emplace_back(candidate.name);
  return names;
}

std::string level() { return current->name; }

bool set_level(const std::string &name) {
  for (const Level &candidate : all_levels)
    if (name == candidate.name && candidate.runs()) {
      current = &candidate;
      return true;
    }
  return false;
}

} // namespace nonneg

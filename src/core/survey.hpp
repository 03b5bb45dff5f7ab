// One pass over the numbers of X before a fit: what they are, and how large.
#pragma once
#include "lanes.hpp"

namespace nonneg::NONNEG_LEVEL {

// out = {smallest, largest, number of NaN}
template <class T> void extent(const T *x, double *out, int64_t start, int64_t stop) {
  constexpr int L = lanes<T>;
  vec<T> low{}, high{};
  mask<T> missing{};
  const auto see = [&](vec<T> v) NONNEG_LAMBDA {
    low = v < low ? v : low;
    high = v > high ? v : high;
    missing -= v != v; // true is -1
  };
  int64_t i = start;
  for (; i + L <= stop; i += L)
    see(load(x + i));
  if (i < stop)
    see(load_some(x + i, int(stop - i)));
  for (int lane = 0; lane < L; ++lane) {
    out[0] = low[lane] < out[0] ? low[lane] : out[0];
    out[1] = high[lane] > out[1] ? high[lane] : out[1];
    out[2] += double(missing[lane]);
  }
}

// out += {sum, sum of squares} of a * b * x, NaN left out; in x's type within blocks of 256, float64 across them.
template <class T> void moments(const T *x, T a, T b, double *out, int64_t start, int64_t stop) {
  constexpr int L = lanes<T>;
  constexpr int64_t block = 256;
  for (int64_t from = start; from < stop; from += block) {
    const int64_t to = from + block < stop ? from + block : stop;
    vec<T> sum{}, square{};
    const auto add = [&](vec<T> v) NONNEG_LAMBDA {
      v = (v == v ? v : vec<T>{}) * fill(a) * fill(b);
      sum += v;
      square += v * v;
    };
    int64_t i = from;
    for (; i + L <= to; i += L)
      add(load(x + i));
    if (i < to)
      add(load_some(x + i, int(to - i)));
    for (int lane = 0; lane < L; ++lane) {
      out[0] += double(sum[lane]);
      out[1] += double(square[lane]);
    }
  }
}

} // namespace nonneg::NONNEG_LEVEL

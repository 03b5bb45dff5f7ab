// Logarithm and exponential of L doubles at once: the standard library's are scalar without -ffast-math.
#pragma once
#include "lanes.hpp"

namespace nonneg::NONNEG_LEVEL {

using Doubles = vec<double>;
using Bits = mask<double>;

NONNEG_INLINE Doubles select(Bits where, Doubles x, Doubles y) {
  return Doubles((where & Bits(x)) | (~where & Bits(y)));
}

// log 2: a number with zeros at its end, whose products with integers are exact, and the rest.
constexpr double log_two = 6.93147180369123816490e-01, log_two_rest = 1.90821492927058770002e-10;

// A small integer, by a conversion that every instruction set has: 2^52 + 2^51 holds it in its low bits.
NONNEG_INLINE Doubles as_numbers(Bits n) { return Doubles(n + 0x4338000000000000) - 6755399441055744.0; }

// log(x) for normal x > 0, within 1 ulp or so: x = 2^e m, log m by the series in s = (m - 1) / (m + 1) that fdlibm
// uses.
NONNEG_INLINE Doubles log(Doubles x) {
  const Bits bits = Bits(x);
  // The exponent that brings m into [sqrt(1/2), sqrt(2)).
  const Bits shifted = bits + (0x3ff0000000000000 - 0x3fe6a09e00000000);
  const Bits e = (shifted >> 52) - 1023;
  const Doubles m = Doubles(bits - (e << 52));
  const Doubles exponent = as_numbers(e);
  const Doubles f = m - 1.0, s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
  Doubles r = fill(1.479819860511658591e-1);
  for (const double c : {1.531383769920937332e-1, 1.818357216161805012e-1, 2.222219843214978396e-1,
                         2.857142874366239149e-1, 3.999999999940941908e-1, 6.666666666666735130e-1})
    r = r * z + c;
  r *= z;
  return exponent * log_two - ((half - (s * (half + r) + exponent * log_two_rest)) - f);
}

// All bits set in the first n < lanes numbers.
NONNEG_INLINE Bits first_lanes(int64_t n) {
  Bits some{};
  for (int i = 0; i < n; ++i)
    some[i] = -1;
  return some;
}

// Sum of log(x) over many normal x > 0: the logarithm of their product, of which the exponents are kept apart.
class LogSum {
public:
  NONNEG_INLINE void add(Doubles x) {
    const Bits bits = Bits(x), e = (bits >> 52) - 1023;
    exponents_ += e;
    product_ *= Doubles(bits - (e << 52)); // from 1 up to 2
    if (++factors_ == most)
      settle();
  }
  Doubles value() {
    settle();
    const Doubles exponents = as_numbers(exponents_);
    return exponents * log_two + (log(product_) + exponents * log_two_rest);
  }

private:
  static constexpr int most = 1000; // 2^1000 is a number yet
  // The exponent of the product joins the others: where x is near 1 they cancel, as integers do, without rounding.
  void settle() {
    const Bits bits = Bits(product_), e = (bits >> 52) - 1023;
    exponents_ += e;
    product_ = Doubles(bits - (e << 52));
    factors_ = 0;
  }
  Doubles product_ = fill(1.0);
  Bits exponents_{};
  int factors_ = 0;
};

// exp(x); what leaves the range of normal numbers ends at its edge.
NONNEG_INLINE Doubles exp(Doubles x) {
  x = select(x > 709.0, fill(709.0), select(x < -708.0, fill(-708.0), x));
  const Doubles shifted = x * 1.44269504088896338700 + 6755399441055744.0;
  const Doubles n = shifted - 6755399441055744.0;
  const Doubles r = (x - n * log_two) - n * log_two_rest;
  Doubles y = fill(1.0 / 6227020800.0);
  for (const double c : {1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0,
                         1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0})
    y = y * r + c;
  return Doubles(Bits(y) + (Bits(shifted) << 52));
}

} // namespace nonneg::NONNEG_LEVEL

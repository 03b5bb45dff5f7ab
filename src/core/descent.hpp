// Kullback-Leibler by coordinate descent over the rows of one factor.
#pragma once
#include "kernels.hpp"
#include "rows.hpp"
#include <cmath>
#include <limits>
#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace nonneg::NONNEG_LEVEL {

// 1 / y to nearly full precision: an estimate and Newton steps, each of which doubles the digits, are cheaper than
// a division where the processor has the estimate.
template <class T> NONNEG_INLINE vec<T> reciprocal(vec<T> y) {
#if NONNEG_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    const vec<T> r = vec<T>(_mm512_rcp14_ps(__m512(y)));
    return r * (2 - y * r);
  } else {
    vec<T> r = vec<T>(_mm512_rcp14_pd(__m512d(y)));
    r = r * (2 - y * r);
    return r * (2 - y * r);
  }
#elif NONNEG_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4) {
    const vec<T> r = vec<T>(_mm256_rcp_ps(__m256(y)));
    return r * (2 - y * r);
  }
#endif
  return 1 / y;
}

// A bound from below for the step d to the optimum of one coordinate, where the sum of x h / (wh + d h) equals
// `slope`. Newton's step lies below the optimum, too, but far below where wh all but vanishes under a positive x:
// from there it would only double the coordinate, and from far above it would lead there. Each term alone gives d
// >= x / slope - wh / h, all together (by Jensen's inequality, with a = x h) d >= (A^2 / slope - R) / Q.
template <class T> T least_step(const RowOfX<T> &row, const T *h, T slope) {
  vec<T> sums[4] = {}, most = fill(-std::numeric_limits<T>::max());
  for (int64_t t = 0; t < row.padded; t += lanes<T>) {
    const vec<T> x = load(row.x + t), y = load(h + t), wh = load(row.wh + t), a = x * y;
    sums[0] += a;
    sums[1] += a * y;
    sums[2] += a * wh;
    most = larger<T>(most, x / slope - wh / y);
  }
  T out[4];
  sum_four<T>(sums, out);
  T step = out[1] > 0 ? (out[0] / slope * out[0] - out[2]) / out[1] : -std::numeric_limits<T>::max();
  for (int lane = 0; lane < lanes<T>; ++lane)
    step = std::max<T>(step, most[lane]);
  return step;
}

// The smallest positive x of a row, the largest number if there is none; without a branch for each.
template <class T> T smallest_positive(const RowOfX<T> &row) {
  const vec<T> none = fill(std::numeric_limits<T>::max());
  vec<T> least = none;
  for (int64_t t = 0; t < row.padded; t += lanes<T>) {
    const vec<T> x = load(row.x + t), some = x > 0 ? x : none;
    least = some < least ? some : least;
  }
  T out = none[0];
  for (int lane = 0; lane < lanes<T>; ++lane)
    out = std::min<T>(out, least[lane]);
  return out;
}

// The change of one coordinate goes into wh, and the first and second derivative for the next one come out: one
// pass.
template <class T>
NONNEG_INLINE void derive(const RowOfX<T> &row, const T *h, T change, const T *changed, vec<T> floor, vec<T> &slope,
                          vec<T> &curvature) {
  vec<T> slopes[2] = {}, curvatures[2] = {};
  const auto add = [&](int64_t t, int chain) NONNEG_LAMBDA {
    const vec<T> y = larger<T>(load(row.wh + t) + change * load(changed + t), floor);
    store(row.wh + t, y);
    const vec<T> b = load(h + t) * reciprocal<T>(y), a = load(row.x + t) * b;
    slopes[chain] += a;
    curvatures[chain] += a * b;
  };
  in_two_chains<T>(row.padded, add);
  slope = slopes[0] + slopes[1];
  curvature = curvatures[0] + curvatures[1];
}

// Kullback-Leibler by coordinate descent: a Newton step for each coordinate in turn, cut off at zero (Hsieh &
// Dhillon 2011, doi:10.1145/2020408.2020577). A coordinate waits for the one before it, so up to four rows take
// turns.
constexpr int rows_at_once = 4;

template <class T>
void descend_rows(const RowOfX<T> *rows, int count, T *w, int k, const T *slopes, const Limits<T> &limits,
                  const DivergenceRule &rule, DivergenceSums &sums) {
  constexpr int R = rows_at_once;
  const T l2 = T(rule.l2);
  const vec<T> floor = fill(T(rule.floor));
  T change[R] = {};   // of each row's last coordinate, not yet in wh
  T smallest[R] = {}; // positive x of each row
  const T *changed[R];
  double first[R] = {};
  bool active[R] = {};
  for (int r = 0; r < count; ++r) {
    model_row(rows[r], w + r * k, k, T(rule.floor), rows[r].wh);
    changed[r] = rows[r].h;
    active[r] = true;
    smallest[r] = smallest_positive(rows[r]);
  }
  for (int sweep = 0; sweep < rule.most && (active[0] || active[1] || active[2] || active[3]); ++sweep) {
    double step[R] = {};
    for (int p = 0; p < k; ++p) {
      vec<T> slope_lanes[R] = {}, curvature_lanes[R] = {};
      for (int r = 0; r < R; ++r)
        if (active[r])
          derive(rows[r], rows[r].h + p * rows[r].ld, change[r], changed[r], floor, slope_lanes[r],
                 curvature_lanes[r]);
      T pulls[R], curvatures[R];
      sum_four<T>(slope_lanes, pulls);
      sum_four<T>(curvature_lanes, curvatures);
      for (int r = 0; r < R; ++r) {
        if (!active[r])
          continue;
        const T before = w[r * k + p], slope = slopes[r * k + p] + l2 * before - pulls[r],
                curvature = curvatures[r] + l2;
        const T *h = rows[r].h + p * rows[r].ld;
        T now = before;
        if (curvature > 0)
          now = std::max(T(0), before - slope / curvature);
        else if (slope > 0 || rows[r].weight)
          now = 0; // also where nothing that was observed asks for it
        // Far below its optimum; or far above, so that the step down may take nearly all of a wh under a positive
        // x: then x (w h / wh)^2, one term of w^2 times the curvature, is near x.
        const bool vanishing = now < before / 2 && 2 * before * before * curvatures[r] > smallest[r];
        if (vanishing || pulls[r] > 4 * (pulls[r] + slope)) {
          T least = least_step<T>(rows[r], h, slopes[r * k + p] + l2 * before);
          if (l2 > 0 && least > 0)
            least = least_step<T>(rows[r], h, slopes[r * k + p] + l2 * (before + least));
          now = std::max(now, before + least);
        }
        now = cut<T>(now, limits, r * k + p);
        change[r] = now - before;
        changed[r] = h;
        w[r * k + p] = now;
        step[r] += std::abs(double(change[r]) * double(slope));
        if (sweep == 0)
          sums.size += double(slopes[r * k + p] + l2 * now) * double(now);
      }
    }
    for (int r = 0; r < count; ++r) {
      if (sweep == 0)
        sums.first_step += first[r] = step[r];
      active[r] &= step[r] > rule.tol * first[r];
    }
  }
}

} // namespace nonneg::NONNEG_LEVEL

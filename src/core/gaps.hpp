// What takes the place of entries of a dense X that were not observed, while its rows are packed for a product: the
// model there, and nowhere else.
#pragma once
#include "sampled.hpp"
#include <algorithm>

namespace nonneg::NONNEG_LEVEL {

// Fills the gaps of the rows [start, stop), each from left to right, beginning at a column.
template <class T> class Filler {
public:
  Filler(const Gaps<T> *gaps, int64_t start, int64_t stop, int64_t column)
      : gaps_(gaps), start_(start), next_(gaps ? size_t(stop - start) : 0) {
    for (int64_t i = start; gaps && i < stop; ++i) {
      const int32_t *columns = gaps->columns, *end = columns + gaps->indptr[i + 1];
      next_[i - start] = std::lower_bound(columns + gaps->indptr[i], end, column) - columns;
    }
  }

  // Set the unknown among X[i, j ... j + width), of which column j + t stands at to[t / unit * apart + t % unit].
  template <int unit> void fill_gaps(int64_t i, int64_t j, int64_t width, T *to, int64_t apart) {
    if (!gaps_)
      return;
    using V = typename Half<T>::type;
    constexpr int E = half<T>;
    const int32_t *columns = gaps_->columns;
    const T *w = gaps_->W + i * gaps_->padded;
    const int64_t end = gaps_->indptr[i + 1], past = j + width;
    int64_t s = next_[i - start_];
    V squares{};
    const auto put = [&](int count) NONNEG_LAMBDA {
      const T *h[E];
      for (int e = 0; e < E; ++e)
        h[e] = gaps_->H + int64_t(columns[s + (e < count ? e : 0)]) * gaps_->padded;
      V model = inner_products<T>(w, h, gaps_->padded);
      for (int e = count; e < E; ++e)
        model[e] = 0;
      squares += model * model;
      model = model * gaps_->down_a * gaps_->down_b;
      for (int e = 0; e < count; ++e) {
        const uint32_t t = uint32_t(columns[s + e] - j);
        to[t / unit * apart + t % unit] = model[e];
      }
      s += count;
    };
    while (s + E <= end && columns[s + E - 1] < past)
      put(E);
    int left = 0;
    while (s + left < end && columns[s + left] < past)
      ++left;
    if (left)
      put(left);
    next_[i - start_] = s;
    for (int e = 0; e < E; ++e)
      squares_ += double(squares[e]);
  }

  // Sum of squares of all that was filled in.
  double squares() const { return squares_; }

private:
  const Gaps<T> *gaps_;
  const int64_t start_;
  Scratch<int64_t> next_; // for each row, the first gap that is not filled yet
  double squares_ = 0;
};

} // namespace nonneg::NONNEG_LEVEL

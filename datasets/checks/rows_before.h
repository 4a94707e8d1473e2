// The rows before a row, over the edges of pieces.
#pragma once

#include <cstddef>
#include <vector>

namespace hardy::datasets {

class RowsBefore {
 public:
  explicit RowsBefore(std::size_t width) : width_(width) {}
  // Row i - back of a piece's column, back 1 or 2; null before the file's first row.
  const double* get(const std::vector<double>& x, std::size_t i, std::size_t back = 1) const {
    if (i >= back) return x.data() + (i - back) * width_;
    const std::size_t kept = width_ ? kept_.size() / width_ : 0, from_end = back - i;
    return from_end <= kept ? kept_.data() + (kept - from_end) * width_ : nullptr;
  }
  // When the piece has been seen.
  void keep(const std::vector<double>& x) {
    if (x.size() < 2 * width_) {  // pieces of a single row
      kept_.insert(kept_.end(), x.begin(), x.end());
      if (kept_.size() > 2 * width_)
        kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(2 * width_));
    } else {
      kept_.assign(x.end() - static_cast<std::ptrdiff_t>(2 * width_), x.end());
    }
  }

 private:
  std::size_t width_;
  std::vector<double> kept_;  // the last two rows
};

}  // namespace hardy::datasets

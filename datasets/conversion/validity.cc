#include "datasets/conversion/validity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "datasets/pieces.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

bool is_flag(const std::string& key) { return key == "terminals" || key == "timeouts"; }
bool impossible(double x, bool flag) {
  constexpr double kMost = std::numeric_limits<float>::max();  // what learning reads
  return flag ? x != 0 && x != 1 : !(std::abs(x) <= kMost);
}

class Look {
 public:
  Look(Reader& reader, const std::vector<EpisodeRows>& episodes, bool salvage)
      : reader_(reader), episodes_(episodes), salvage_(salvage), bad_(episodes.size()) {}

  Validity take() {
    const std::int64_t n = episodes_.empty() ? 0 : episodes_.back().end;
    for (const Column& c : reader_.columns()) {
      const bool rows = c.type != ArrayType::kString && !c.shape.empty() && c.rows() == n;
      if (!rows || !(is_main_column(c.key) || salvage_)) continue;
      const auto known = static_cast<std::ptrdiff_t>(found_.rows.size());
      if (salvage_)
        by_episodes(c);
      else
        for_pieces(n, [&](std::int64_t first, std::int64_t count) { judge(c, first, count); });
      std::inplace_merge(found_.rows.begin(), found_.rows.begin() + known, found_.rows.end());
      found_.rows.erase(std::unique(found_.rows.begin(), found_.rows.end()), found_.rows.end());
    }
    for (std::size_t e = 0; e < bad_.size(); ++e)
      if (bad_[e]) found_.unreadable.push_back(e);
    return std::move(found_);
  }

 private:
  void judge(const Column& c, std::int64_t first, std::int64_t count) {
    const std::vector<double> x = read_doubles(reader_, c, first, count);
    if (!is_main_column(c.key)) return;  // it could be read
    const auto width = static_cast<std::size_t>(c.row_elements());
    const bool flag = is_flag(c.key);
    for (std::size_t i = 0; width && i < static_cast<std::size_t>(count); ++i) {
      const auto row = x.begin() + static_cast<std::ptrdiff_t>(i * width);
      if (std::none_of(row, row + static_cast<std::ptrdiff_t>(width),
                       [&](double v) { return impossible(v, flag); }))
        continue;
      found_.rows.push_back(first + static_cast<std::int64_t>(i));
      ++found_.by_column[c.key];
    }
  }

  // Several episodes at once; where they cannot be read, each by itself.
  void by_episodes(const Column& c) {
    for (std::size_t e = 0; e < episodes_.size();) {
      std::size_t end = e + 1;
      while (end < episodes_.size() && episodes_[end].end - episodes_[e].begin <= kPieceRows) ++end;
      const auto read = [&](std::size_t from, std::size_t to) {
        const std::int64_t last = episodes_[to - 1].end;
        for (std::int64_t at = episodes_[from].begin; at < last; at += kPieceRows)
          judge(c, at, std::min(kPieceRows, last - at));
      };
      const std::size_t known = found_.rows.size();
      const auto counts = found_.by_column;
      const auto forget = [&](std::size_t rows, const std::map<std::string, std::int64_t>& columns) {
        found_.rows.resize(rows);
        found_.by_column = columns;
      };
      try {
        read(e, end);
      } catch (const Error&) {
        forget(known, counts);
        for (std::size_t one = e; one < end; ++one) {
          const std::size_t before = found_.rows.size();
          const auto counted = found_.by_column;
          try {
            read(one, one + 1);
          } catch (const Error&) {
            forget(before, counted);
            bad_[one] = true;
          }
        }
      }
      e = end;
    }
  }

  Reader& reader_;
  const std::vector<EpisodeRows>& episodes_;
  bool salvage_;
  std::vector<bool> bad_;
  Validity found_;
};

}  // namespace

Validity look_for_invalid_rows(Reader& reader, const std::vector<EpisodeRows>& episodes, bool salvage) {
  return Look(reader, episodes, salvage).take();
}

}  // namespace hardy::datasets

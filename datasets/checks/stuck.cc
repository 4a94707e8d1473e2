// Sensors that are stuck, or dropped to 0: a dimension stays exactly what it is, bit for bit, for ten rows or
// more of an episode while others move as they usually do.
//
// What stays for good reasons is left alone: dimensions that hold their values as a rule (goals, digital
// inputs: more than half of the rows in such stretches, or one row in a hundred in shorter ones), values to
// which a dimension returns (a limit at which it is cut off), what rests and sets off again (an object that
// is touched), and zeros that a dimension comes to and leaves as it usually moves (a contact force). A sensor
// sticks in full motion and is back at once at what it should have said: the larger of the two steps is a
// usual one or more, in the middle of all stretches; one that was dropped falls to 0 or comes back by five.
// An action of 0 is none that was dropped, and rewards of 0 are common.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "datasets/audit.h"
#include "datasets/checks/motion.h"
#include "datasets/checks/rows_before.h"

namespace hardy::datasets {
namespace {

constexpr std::int64_t kLong = 10;
constexpr double kDrop = 5, kReturn = 1;  // usual steps
constexpr double kOftenLong = 0.5, kOftenShort = 0.01;
constexpr std::size_t kMostStretches = 65536;  // kept of a dimension; beyond them it is no fault that we name

struct Stretch {
  std::int64_t first = 0, rows = 0;
  double value = 0;
  double in = NAN, out = NAN;  // the steps that lead there and away; NaN at an episode's ends
};

// The stretches of one dimension.
class Watched {
 public:
  bool open() const { return now_.rows > 0; }
  // The row before `row` begins a stretch, reached by the step `in`.
  void begin(std::int64_t row, double value, double in) {
    now_ = {row - 1, 1, value, in, NAN};
    moving_ = 0;
  }
  // One more row of the stretch; others: something else moved on the way there.
  void extend(bool others) {
    ++now_.rows;
    moving_ += others;
  }
  void close(double out) {
    now_.out = out;
    if (now_.rows >= kLong && 2 * moving_ >= now_.rows - 1) {
      long_rows_ += now_.rows;
      if (stretches_.size() < kMostStretches)
        stretches_.push_back(now_);
      else
        overflow_ = true;
    } else if (now_.rows < kLong && moving_ > 0) {
      short_rows_ += now_.rows;
    }
    now_.rows = 0;
  }

  // Stretches that are faults, in the order of rows.
  std::vector<Stretch> faults(double usual_step, bool zero, std::int64_t rows) const {
    if (overflow_ || static_cast<double>(long_rows_) > kOftenLong * static_cast<double>(rows) ||
        static_cast<double>(short_rows_) > kOftenShort * static_cast<double>(rows))
      return {};
    std::map<double, int> times;
    for (const Stretch& s : stretches_) ++times[s.value];
    std::vector<Stretch> found;
    std::vector<double> ends;
    for (const Stretch& s : stretches_) {
      if ((s.value == 0) != zero || (!zero && times.at(s.value) > 1)) continue;
      found.push_back(s);
      ends.push_back(std::fmax(s.in, s.out));  // the one that is known, where one is
    }
    const double leap = quantile(std::move(ends), 0.5);  // NaN where none is known
    return leap >= (zero ? kDrop : kReturn) * usual_step && leap > 0 ? found : std::vector<Stretch>();
  }

 private:
  Stretch now_;
  std::int64_t moving_ = 0, long_rows_ = 0, short_rows_ = 0;
  std::vector<Stretch> stretches_;
  bool overflow_ = false;
};

class Stuck final : public Check {
 public:
  explicit Stuck(const AuditedFile& file)
      : rows_(file.rows),
        parts_{Part("observations", file.observations.steps), Part("actions", file.actions.steps),
               Part("rewards", file.rewards.steps)} {}

  void see(const RowPiece& p) override {
    if (p.terminals.empty()) return;
    const std::vector<double>* columns[] = {&p.observations, &p.actions, &p.rewards};
    for (std::size_t i = 0; i < static_cast<std::size_t>(p.rows); ++i) {
      for (std::size_t c = 0; c < parts_.size(); ++c)
        if (!columns[c]->empty()) look(p, i, parts_[c], *columns[c]);
      began_ = begins_;
      begins_ = p.terminals[i] != 0 || (!p.timeouts.empty() && p.timeouts[i] != 0);
    }
    for (std::size_t c = 0; c < parts_.size(); ++c) parts_[c].before.keep(*columns[c]);
  }

  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    for (Part& part : parts_) {
      for (Watched& d : part.dimensions)
        if (d.open()) d.close(NAN);
      report(all, part, false);
    }
    report(all, parts_[0], true);
    return all;
  }

 private:
  struct Part {
    Part(const char* name, const std::vector<double>& usual)
        : key(name), steps(usual), motion(usual), dimensions(usual.size()), before(usual.size()) {}
    const char* key;
    std::vector<double> steps;
    Motion motion;
    std::vector<Watched> dimensions;
    RowsBefore before;
  };

  // A row of a column. Hardly ever is anything the same as before.
  void look(const RowPiece& p, std::size_t i, Part& part, const std::vector<double>& x) {
    const std::size_t width = part.steps.size();
    const double *now = x.data() + i * width, *last = part.before.get(x, i);
    if (!last) return;
    for (std::size_t k = 0; k < width; ++k) {
      Watched& d = part.dimensions[k];
      if (now[k] == last[k] && !begins_) {
        const double* start = began_ ? nullptr : part.before.get(x, i, 2);
        if (!d.open())
          d.begin(p.first + static_cast<std::int64_t>(i), last[k],
                  start ? std::abs(last[k] - start[k]) : NAN);
        d.extend(something_moves(p, i));
      } else if (d.open()) {
        d.close(begins_ ? NAN : std::abs(now[k] - last[k]));
      }
    }
  }

  // A dimension that is stuck does not move, so that whatever moves is another one.
  bool something_moves(const RowPiece& p, std::size_t i) const {
    const auto moves = [i](const Part& part, const std::vector<double>& x) {
      return !x.empty() && part.motion.moves(part.before.get(x, i), x.data() + i * part.steps.size());
    };
    return moves(parts_[0], p.observations) || moves(parts_[1], p.actions);
  }

  void report(std::vector<Finding>& all, const Part& part, bool zero) const {
    std::vector<Stretch> found;
    std::string names;
    for (std::size_t k = 0; k < part.steps.size(); ++k) {
      const std::vector<Stretch> here = part.dimensions[k].faults(part.steps[k], zero, rows_);
      if (!here.empty()) names += (names.empty() ? "" : ", ") + std::to_string(k);
      found.insert(found.end(), here.begin(), here.end());
    }
    if (found.empty()) return;
    std::ranges::sort(found, {}, &Stretch::first);
    Finding f{"",
              Severity::kWarning,
              part.key,
              std::string(zero ? "rows in which a dimension that otherwise moves is exactly 0"
                               : "rows in which a dimension stays exactly the same while others move") +
                  ", " + std::to_string(kLong) + " or more on end; dimensions " + names,
              zero ? "a sensor that was lost: drop the rows, or that dimension"
                   : "a sensor that was stuck: drop the rows, or that dimension",
              0,
              {}};
    std::int64_t end = 0;
    for (const Stretch& s : found) {  // of several dimensions at once each row counts once
      if (s.first >= end && f.first_rows.size() < kFirstRows) f.first_rows.push_back(s.first);
      f.count += std::max<std::int64_t>(0, s.first + s.rows - std::max(end, s.first));
      end = std::max(end, s.first + s.rows);
    }
    all.push_back(std::move(f));
  }

  std::int64_t rows_;
  std::vector<Part> parts_;            // observations, actions, rewards
  bool begins_ = true, began_ = true;  // this row begins an episode; the row before it did
};

const RegisterCheck registration("stuck",
                                 "dimensions that stay the same, or are 0, for a stretch while others move",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Stuck>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets

// How far a run is, for the person who waits: on a terminal one line that is rewritten, elsewhere a
// plain line from time to time.
//
//   riql  12,000/50,000  24%  812 steps/s  0:47 left  score 34.1  loss/q 0.1234
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace hardy::run {

using KeyFigures = std::span<const std::pair<std::string, double>>;

// The line itself; done steps of total, the first of them before this process began. Where it would be longer
// than `width` letters, whole parts are left out, the last figures first, then the rate, the percentage and
// the time left: the first figure, which should be the one that people wait for, stays beside the steps.
std::string progress_line(const std::string& title, std::int64_t done, std::int64_t total, std::int64_t first,
                          double seconds, KeyFigures figures,
                          std::size_t width = std::numeric_limits<std::size_t>::max());
std::string clock_text(double seconds);         // 0:47, 12:05, 1:02:03
std::string grouped_text(std::int64_t number);  // 12,000

class Progress {
 public:
  // first: the step that a resumed run begins at. stream: a terminal or not, as it is found.
  Progress(std::string title, std::int64_t total, std::int64_t first = 0, std::FILE* stream = stderr,
           double seconds_between_lines = 10);
  ~Progress();  // ends the terminal's line

  // Cheap to call at every step: true where a line is due and figures() should be gathered.
  bool due(std::int64_t done);
  void show(std::int64_t done, KeyFigures figures);  // now, due or not
  void say(const std::string& line);                 // a line of its own, above the progress line

 private:
  double elapsed() const;

  std::string title_;
  std::int64_t total_, first_;
  std::FILE* stream_;
  bool terminal_, shown_ = false;
  double between_;
  std::int64_t next_look_, look_every_ = 1;  // the clock is read only every so many steps
  std::chrono::steady_clock::time_point began_, last_;
};

}  // namespace hardy::run

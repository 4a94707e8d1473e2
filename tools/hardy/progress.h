// How far a run is, for the person who waits: on a terminal one line that is rewritten, elsewhere a
// plain line from time to time.
//
//   riql  12,000/50,000  24%  812 steps/s  0:47 left  score 34.1  loss/q 0.1234
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>

#include "engine/run/observer.h"

namespace hardy::tools {

using run::KeyFigures;

// The line itself; done steps of total, the first of them before this process began. Where it would be longer
// than `width` letters, whole parts are left out, the last figures first, then the rate, the percentage and
// the time left: the first figure, which should be the one that people wait for, stays beside the steps.
std::string progress_line(const std::string& title, std::int64_t done, std::int64_t total, std::int64_t first,
                          double seconds, KeyFigures figures,
                          std::size_t width = std::numeric_limits<std::size_t>::max());

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

// What the command shows of long work on standard error.
class ProgressLines final : public run::Observer {
 public:
  // to_go_on: the command that goes on with the work, where it is stopped.
  explicit ProgressLines(std::string to_go_on) : to_go_on_(std::move(to_go_on)) {}

  void began(const std::string& title, std::int64_t total, std::int64_t first) override;
  bool wants_progress(std::int64_t done) override { return line_->due(done); }
  void progress(std::int64_t done, KeyFigures figures) override { line_->show(done, figures); }
  void note(const std::string& text) override;
  void agent_stopped(std::int64_t agent, const std::string& reason) override;
  void stopped(std::int64_t done) override;

 private:
  std::string to_go_on_;
  std::unique_ptr<Progress> line_;
};

}  // namespace hardy::tools

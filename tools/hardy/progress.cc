#include "tools/hardy/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/base/text.h"

namespace hardy::tools {
namespace {

constexpr double kTerminalInterval = 0.2;  // seconds

std::size_t columns(std::FILE* stream) {
  winsize size{};
  return ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : 80;
}

std::string printed(const char* format, double x) {
  char text[48];
  std::snprintf(text, sizeof text, format, x);
  return text;
}

}  // namespace

std::string progress_line(const std::string& title, std::int64_t done, std::int64_t total, std::int64_t first,
                          double seconds, KeyFigures figures, std::size_t width) {
  struct Part {
    std::string text;
    int leaves;  // at which turn it is left out; 0: never
  };
  std::vector<Part> parts{{title + "  " + grouped_text(done) + "/" + grouped_text(total), 0}};
  const auto n = static_cast<int>(figures.size());
  if (total > 0) parts.push_back({std::to_string(100 * done / total) + "%", n + 2});
  const double rate = seconds > 0 ? static_cast<double>(done - first) / seconds : 0;
  if (rate > 0) {
    parts.push_back({printed(rate < 10 ? "%.2f" : "%.0f", rate) + " steps/s", n + 1});
    parts.push_back({done < total ? clock_text(static_cast<double>(total - done) / rate) + " left"
                                  : "in " + clock_text(seconds),
                     n + 3});
  }
  for (int i = 0; i < n; ++i) {
    const auto& [name, value] = figures[static_cast<std::size_t>(i)];
    parts.push_back({name + " " + printed("%.4g", value), i == 0 ? 0 : n - i});
  }
  for (int turn = 0;; ++turn) {
    std::string line;
    for (const Part& p : parts)
      if (p.leaves == 0 || p.leaves > turn) line += (line.empty() ? "" : "  ") + p.text;
    if (line.size() <= width) return line;
    if (turn >= n + 3) return line.substr(0, width);
  }
}

Progress::Progress(std::string title, std::int64_t total, std::int64_t first, std::FILE* stream,
                   double seconds_between_lines)
    : title_(std::move(title)),
      total_(total),
      first_(first),
      stream_(stream),
      terminal_(::isatty(::fileno(stream)) != 0),
      between_(terminal_ ? kTerminalInterval : seconds_between_lines),
      next_look_(first),
      began_(std::chrono::steady_clock::now()),
      last_(began_) {}

Progress::~Progress() {
  if (terminal_ && shown_) std::fputc('\n', stream_);
  std::fflush(stream_);
}

double Progress::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

bool Progress::due(std::int64_t done) {
  if (done < next_look_) return false;
  const auto now = std::chrono::steady_clock::now();
  // About fifty looks an interval, however fast the steps are.
  const double rate = static_cast<double>(done - first_) / std::max(1e-9, elapsed());
  look_every_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(1e9, rate * between_ / 50)));
  next_look_ = done + look_every_;
  return std::chrono::duration<double>(now - last_).count() >= between_;
}

void Progress::show(std::int64_t done, KeyFigures figures) {
  // On a terminal a line that wraps could not be rewritten.
  const std::size_t width = terminal_ ? columns(stream_) - 1 : std::numeric_limits<std::size_t>::max();
  const std::string line = progress_line(title_, done, total_, first_, elapsed(), figures, width);
  last_ = std::chrono::steady_clock::now();
  std::fprintf(stream_, terminal_ ? "\r%s\x1b[K" : "%s\n", line.c_str());
  shown_ = true;
  std::fflush(stream_);
}

void Progress::say(const std::string& line) {
  std::fprintf(stream_, "%s%s\n", terminal_ && shown_ ? "\r\x1b[K" : "", line.c_str());
  shown_ = false;
  std::fflush(stream_);
}

void ProgressLines::began(const std::string& title, std::int64_t total, std::int64_t first) {
  line_ = std::make_unique<Progress>(title, total, first);
}

// Some are said before the work begins.
void ProgressLines::note(const std::string& text) {
  if (line_)
    line_->say(text);
  else
    std::fprintf(stderr, "%s\n", text.c_str());
}

void ProgressLines::agent_stopped(std::int64_t agent, const std::string& reason) {
  line_->say("agent " + std::to_string(agent) + " stopped: " + reason);
}

void ProgressLines::stopped(std::int64_t done) {
  line_->say("stopped at step " + std::to_string(done) + "; go on with: " + to_go_on_);
}

}  // namespace hardy::tools

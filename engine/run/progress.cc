#include "engine/run/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace hardy::run {
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

std::string clock_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto s = static_cast<long long>(std::lround(std::min(seconds, 3.6e8)));
  char text[48];
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", s / 60, s % 60);
  return text;
}

std::string grouped_text(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string progress_line(const std::string& title, std::int64_t done, std::int64_t total, std::int64_t first,
                          double seconds, KeyFigures figures) {
  std::string line = title + "  " + grouped_text(done) + "/" + grouped_text(total);
  if (total > 0) line += "  " + std::to_string(100 * done / total) + "%";
  const double rate = seconds > 0 ? static_cast<double>(done - first) / seconds : 0;
  if (rate > 0) {
    line += "  " + printed(rate < 10 ? "%.2f" : "%.0f", rate) + " steps/s";
    line += done < total ? "  " + clock_text(static_cast<double>(total - done) / rate) + " left"
                         : "  in " + clock_text(seconds);
  }
  for (const auto& [name, value] : figures) line += "  " + name + " " + printed("%.4g", value);
  return line;
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
  std::string line = progress_line(title_, done, total_, first_, elapsed(), figures);
  last_ = std::chrono::steady_clock::now();
  if (terminal_) {
    line.resize(std::min(line.size(), columns(stream_) - 1));  // a line that wraps could not be rewritten
    std::fprintf(stream_, "\r%s\x1b[K", line.c_str());
  } else {
    std::fprintf(stream_, "%s\n", line.c_str());
  }
  shown_ = true;
  std::fflush(stream_);
}

void Progress::say(const std::string& line) {
  std::fprintf(stream_, "%s%s\n", terminal_ && shown_ ? "\r\x1b[K" : "", line.c_str());
  shown_ = false;
  std::fflush(stream_);
}

}  // namespace hardy::run

#include "datasets/episodes.h"

#include <algorithm>

#include "datasets/pieces.h"
#include "engine/base/error.h"

namespace hardy::datasets {

std::vector<std::uint8_t> read_flags(Reader& reader, const Column& column, std::int64_t first,
                                     std::int64_t rows) {
  const std::vector<double> x = read_doubles(reader, column, first, rows);
  std::vector<std::uint8_t> set(x.size());
  std::transform(x.begin(), x.end(), set.begin(), [](double v) { return v != 0; });
  return set;
}

std::vector<EpisodeRows> find_episodes(Reader& reader, std::int64_t max_episode_steps) {
  constexpr std::int64_t kPiece = 65536;
  const Column& terminals = reader.column("terminals");
  const Column* timeouts = reader.find("timeouts");
  for (const Column* c : {&terminals, timeouts})
    if (c && (c->type == ArrayType::kString || c->row_elements() != 1 || c->rows() != terminals.rows()))
      throw Error("is " + c->describe(), reader.where(*c),
                  "expected a number for each of " + std::to_string(terminals.rows()) + " rows");
  std::vector<EpisodeRows> episodes;
  EpisodeRows e;
  for (std::int64_t at = 0; at < terminals.rows(); at += kPiece) {
    const std::int64_t n = std::min(kPiece, terminals.rows() - at);
    const std::vector<std::uint8_t> terminal = read_flags(reader, terminals, at, n);
    const std::vector<std::uint8_t> timeout =
        timeouts ? read_flags(reader, *timeouts, at, n) : std::vector<std::uint8_t>();
    for (std::int64_t i = 0; i < n; ++i) {
      const auto k = static_cast<std::size_t>(i);
      e.end = at + i + 1;
      e.terminated = terminal[k];
      e.timed_out = !e.terminated && (timeouts ? timeout[k] : e.size() == max_episode_steps);
      if (!e.terminated && !e.timed_out && e.end < terminals.rows()) continue;
      episodes.push_back(e);
      e.begin = e.end;
    }
  }
  return episodes;
}

}  // namespace hardy::datasets

#include "datasets/episodes.h"

#include <algorithm>

#include "engine/base/error.h"

namespace hardy::datasets {

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
    const std::vector<float> terminal = reader.read_floats(terminals, at, n);
    const std::vector<float> timeout = timeouts ? reader.read_floats(*timeouts, at, n) : std::vector<float>();
    for (std::int64_t i = 0; i < n; ++i) {
      const auto k = static_cast<std::size_t>(i);
      e.end = at + i + 1;
      e.terminated = terminal[k] != 0;
      e.timed_out = !e.terminated && (timeouts ? timeout[k] != 0 : e.size() == max_episode_steps);
      if (!e.terminated && !e.timed_out && e.end < terminals.rows()) continue;
      episodes.push_back(e);
      e.begin = e.end;
    }
  }
  return episodes;
}

}  // namespace hardy::datasets

#include "datasets/episodes.h"

#include <algorithm>

#include "datasets/corruption/corruption_patch.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/pieces.h"
#include "datasets/walk.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {

std::vector<std::uint8_t> read_flags(Reader& reader, const Column& column, std::int64_t first,
                                     std::int64_t rows) {
  const std::vector<double> x = read_doubles(reader, column, first, rows);
  std::vector<std::uint8_t> set(x.size());
  std::transform(x.begin(), x.end(), set.begin(), [](double v) { return v != 0; });
  return set;
}

bool EpisodeCutter::ends(bool terminal, const bool* timeout) {
  ++now_.end;
  now_.terminated = terminal;
  now_.timed_out = !terminal && (timeout ? *timeout : now_.size() == most_);
  if (!now_.terminated && !now_.timed_out && now_.end < rows_) return false;
  episodes_.push_back(now_);
  now_.begin = now_.end;
  return true;
}

std::vector<EpisodeRows> find_episodes(Reader& reader, std::int64_t max_episode_steps) {
  const Column& terminals = reader.column("terminals");
  const Column* timeouts = reader.find("timeouts");
  for (const Column* c : {&terminals, timeouts})
    if (c && (c->type == ArrayType::kString || c->row_elements() != 1 || c->rows() != terminals.rows()))
      throw Error("is " + c->describe(), reader.where(*c),
                  "expected a number for each of " + std::to_string(terminals.rows()) + " rows");
  EpisodeCutter cutter(terminals.rows(), max_episode_steps);
  WalkedColumns flags;
  flags.terminals = &terminals;
  flags.timeouts = timeouts;
  flags.rows = terminals.rows();
  walk(reader, flags, [&](const RowPiece& p) {
    for (std::size_t i = 0; i < p.terminals.size(); ++i) {
      const bool timeout = timeouts && p.timeouts[i] != 0;
      cutter.ends(p.terminals[i] != 0, timeouts ? &timeout : nullptr);
    }
  });
  return cutter.episodes();
}

EpisodeReturns::EpisodeReturns(Reader& reader, const nlohmann::json& manifest, const WalkedColumns& columns,
                               std::int64_t max_episode_steps, double gamma)
    : rewards_(columns.rewards), cutter_(columns.rows, max_episode_steps), gamma_(gamma) {
  if (rewards_ && manifest.is_object() && reader.find(record_key(Element::kRewards, "rows")) &&
      reader.find(record_key(Element::kRewards, "before")))
    patches_ = patches_of(reader, manifest, *rewards_);
}
EpisodeReturns::~EpisodeReturns() = default;

std::vector<double> EpisodeReturns::clean(const RowPiece& p) {
  if (patches_.empty()) return {};
  Bytes raw(p.rewards.size() * size_of(rewards_->type));
  store_doubles(rewards_->type, p.rewards.data(), p.rewards.size(), raw.data());
  for (Patch& patch : patches_) patch.apply(p.first, p.rows, raw.data());
  std::vector<double> before(p.rewards.size());
  load_doubles(rewards_->type, raw.data(), before.size(), before.data());
  return before;
}

std::vector<bool> EpisodeReturns::see(const RowPiece& p) {
  const std::vector<double> before = clean(p);
  std::vector<bool> ends(p.terminals.size());
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (rewards_) {
      total_ += p.rewards[i];
      discounted_ += weight_ * p.rewards[i];
      weight_ *= gamma_;
    }
    if (!before.empty()) clean_total_ += before[i];
    const bool timeout = !p.timeouts.empty() && p.timeouts[i] != 0;
    ends[i] = cutter_.ends(p.terminals[i] != 0, p.timeouts.empty() ? nullptr : &timeout);
    if (!ends[i] || !rewards_) continue;
    all_.returns.push_back(total_);
    all_.discounted_returns.push_back(discounted_);
    if (!before.empty()) all_.clean_returns.push_back(clean_total_);
    total_ = discounted_ = clean_total_ = 0;
    weight_ = 1;
  }
  return ends;
}

Episodes EpisodeReturns::result() {
  all_.rows = cutter_.episodes();
  return std::move(all_);
}

Episodes episodes_of(Reader& reader, std::int64_t max_episode_steps, double gamma) {
  WalkedColumns columns = columns_of(reader);
  columns.observations = columns.next_observations = columns.actions = nullptr;
  EpisodeReturns returns(reader, corruption_manifest(reader), columns, max_episode_steps, gamma);
  walk(reader, columns, [&](const RowPiece& p) { returns.see(p); });
  return returns.result();
}

}  // namespace hardy::datasets

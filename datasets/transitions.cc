#include "datasets/transitions.h"

#include <algorithm>
#include <cmath>

#include "datasets/episodes.h"
#include "datasets/memory.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::datasets {
namespace {

constexpr std::int64_t kPiece = 16384;  // rows read at a time

// What a column of another rank may be, and what would be right; never a reshape that mixes steps.
std::string expected(const Column& c, std::size_t rank, std::int64_t rows) {
  if (rank == 1) return "expected one number for each step, [N] or [N, 1]: which of them is it?";
  if (c.shape.size() > 2)
    return "expected [N, size], a list of numbers for each step; methods that look at images are not here";
  if (c.shape.size() == 1 && c.shape[0] == rows && c.key == "actions")
    return "expected [N, size]: if each action is one continuous number, store it as [N, 1]; numbers of "
           "discrete "
           "actions are not trained";
  return "expected [N, size], a list of numbers for each step: write it so where the steps are still known";
}

void require_rows(const Reader& reader, const std::string& key, std::int64_t rows, std::size_t rank) {
  const Column& c = reader.column(key);
  const bool column = rank == 1 && c.shape.size() == 2 && c.shape[1] == 1;
  const std::string shape = rank == 1 ? "[N] or [N, 1]" : "[N, size]";
  if (c.type == ArrayType::kString)
    throw Error("is text", reader.where(c), "expected numbers of shape " + shape);
  if (c.shape.size() != rank && !column)
    throw Error("is " + c.describe(), reader.where(c), expected(c, rank, rows));
  if (c.shape[0] != rows)
    throw Error("has " + std::to_string(c.shape[0]) + " rows, observations have " + std::to_string(rows),
                reader.where(c),
                c.shape.back() == reader.column("observations").shape.back() && c.shape.size() == 2
                    ? "are the arrays transposed? Every row is a step: write their transposes, not a reshape"
                    : "each row of both is a step: take them from the same steps");
}

// Whether the flag is set, for each row; nothing where the file has no such column.
std::vector<std::uint8_t> flags(Reader& reader, const std::string& key) {
  std::vector<std::uint8_t> all;
  const Column* c = reader.find(key);
  if (!c) return all;
  for (std::int64_t at = 0; at < c->rows(); at += kPiece) {
    const std::vector<std::uint8_t> piece = read_flags(reader, *c, at, std::min(kPiece, c->rows() - at));
    all.insert(all.end(), piece.begin(), piece.end());
  }
  return all;
}

// Rows of a column, `shift` rows further on, appended to `to`.
void gather(Reader& reader, const std::string& key, const std::vector<std::int64_t>& rows, std::int64_t shift,
            std::vector<float>& to) {
  const Column& c = reader.column(key);
  const auto width = static_cast<std::size_t>(c.row_elements());
  to.resize(rows.size() * width);
  std::size_t done = 0;
  while (done < rows.size()) {
    const std::int64_t first = rows[done] + shift, n = std::min(kPiece, c.rows() - first);
    const std::vector<float> piece = reader.read_floats(c, first, n);
    for (; done < rows.size() && rows[done] + shift < first + n; ++done)
      std::copy_n(piece.begin() + (rows[done] + shift - first) * static_cast<std::int64_t>(width), width,
                  to.begin() + static_cast<std::int64_t>(done * width));
  }
}

}  // namespace

View view_named(const std::string& name) {
  if (name == "qlearning") return View::kQlearning;
  if (name == "lossless") return View::kLossless;
  throw Error("there is no view '" + name + "'", "--view", suggestion(name, {"qlearning", "lossless"}));
}

void check_d4rl(const Reader& reader, Rewards rewards) {
  const Column& observations = reader.column("observations");
  if (observations.shape.size() != 2)
    throw Error("is " + observations.describe(), reader.where(observations), expected(observations, 2, -1));
  const std::int64_t rows = observations.shape[0];
  if (rows == 0) throw Error("has no rows", reader.path());
  require_rows(reader, "observations", rows, 2);
  require_rows(reader, "actions", rows, 2);
  for (const char* key : {"observations", "actions"})
    if (const Column& c = reader.column(key); c.shape.size() == 2 && c.shape[1] == 0)
      throw Error("is " + c.describe() + ": its rows have no numbers", reader.where(c), "expected [N, size]");
  if (rewards == Rewards::kNeeded || reader.find("rewards")) require_rows(reader, "rewards", rows, 1);
  require_rows(reader, "terminals", rows, 1);
  if (reader.find("timeouts")) require_rows(reader, "timeouts", rows, 1);
  if (const Column* next = reader.find("next_observations")) {
    require_rows(reader, "next_observations", rows, 2);
    if (next->shape[1] != observations.shape[1])
      throw Error("is " + next->describe() + ", observations are " + observations.describe(),
                  reader.where(*next));
  }
}

void check_d4rl(const Arrays& arrays, const std::string& path) { check_d4rl(MemoryReader(arrays, path)); }

Transitions transitions_of(const Arrays& arrays, View view, const std::string& path, int max_episode_steps) {
  MemoryReader reader(arrays, path);
  return transitions_of(reader, view, max_episode_steps);
}

Transitions transitions_of(Reader& reader, View view, int max_episode_steps) {
  check_d4rl(reader);
  Transitions t;
  t.observation_size = static_cast<int>(reader.column("observations").shape[1]);
  t.action_size = static_cast<int>(reader.column("actions").shape[1]);
  const std::int64_t n = reader.column("observations").shape[0];
  const bool own_next = view == View::kLossless && reader.find("next_observations");
  const std::vector<std::uint8_t> terminals = flags(reader, "terminals"),
                                  timeouts = flags(reader, "timeouts");

  std::vector<std::int64_t> rows;  // that become transitions
  int episode_step = 0;
  for (std::int64_t i = 0; i < (own_next ? n : n - 1); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const bool terminal = terminals[at];
    const bool final_step = timeouts.empty() ? episode_step == max_episode_steps - 1 : timeouts[at] != 0;
    if (final_step && !own_next) {  // a time-limited row has no successor in the file
      episode_step = 0;
      if (!t.episode_end.empty()) t.episode_end.back() = 1;
      continue;
    }
    rows.push_back(i);
    t.terminals.push_back(terminal);
    t.episode_end.push_back(terminal || final_step);
    // After a terminal row D4RL's loop goes on counting from 1.
    episode_step = terminal || final_step ? (view == View::kQlearning ? 1 : 0) : episode_step + 1;
  }
  if (rows.empty()) throw Error("gives no transition under this view", reader.path());
  t.rows = static_cast<std::int64_t>(rows.size());
  t.episode_end.back() = 1;
  gather(reader, "observations", rows, 0, t.observations);
  gather(reader, own_next ? "next_observations" : "observations", rows, own_next ? 0 : 1,
         t.next_observations);
  gather(reader, "actions", rows, 0, t.actions);
  gather(reader, "rewards", rows, 0, t.rewards);
  return t;
}

std::vector<std::string> complete_for_imitation(Arrays& arrays) {
  std::vector<std::string> made;
  const auto observations = arrays.find("observations");
  if (observations == arrays.end()) return made;  // check_d4rl says so
  const auto make = [&](const char* key, Array column) {
    if (arrays.emplace(key, std::move(column)).second) made.emplace_back(key);
  };
  const std::int64_t rows = observations->second.rows();
  if (!arrays.contains("terminals") && !arrays.contains("next_observations"))
    make("next_observations", observations->second);
  make("rewards", Array::of(ArrayType::kF32, {rows}));
  make("terminals", Array::of(ArrayType::kBool, {rows}));
  std::sort(made.begin(), made.end());
  return made;
}

void require_finite(const Transitions& t, const std::string& path) {
  const auto check = [&](const std::vector<float>& x, int width, const char* name) {
    const auto bad = std::find_if(x.begin(), x.end(), [](float v) { return !std::isfinite(v); });
    if (bad == x.end()) return;
    const auto at = bad - x.begin();
    throw Error("holds a value that is not finite, first in row " + std::to_string(at / width) +
                    ", dimension " + std::to_string(at % width),
                path + " /" + name, "'hardy data convert --drop-invalid' leaves such rows out");
  };
  check(t.observations, t.observation_size, "observations");
  check(t.actions, t.action_size, "actions");
  check(t.rewards, 1, "rewards");
  check(t.next_observations, t.observation_size, "next_observations");
}

namespace {

// Reorders x.
float median_of(std::vector<float>& x) {
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  std::ranges::nth_element(x, middle);
  return *middle;
}

Normalisation by_medians(const Transitions& t, const Normalisation& moments) {
  Normalisation result = moments;
  const auto d = static_cast<std::size_t>(t.observation_size);
  std::vector<float> x(2 * static_cast<std::size_t>(t.rows));
  for (std::size_t k = 0; k < d; ++k) {
    std::size_t at = 0;
    for (const auto* column : {&t.observations, &t.next_observations})
      for (std::size_t i = k; i < column->size(); i += d) x[at++] = (*column)[i];
    const float median = median_of(x);
    for (float& value : x) value = std::abs(value - median);
    const float distance = median_of(x);
    result.mean[k] = median;
    if (distance > 0) result.std[k] = 1.4826F * distance + 1e-3F;
  }
  return result;
}

}  // namespace

Normalisation observation_normalisation(const Transitions& t, Statistics statistics) {
  const auto d = static_cast<std::size_t>(t.observation_size);
  std::vector<double> sum(d, 0), square(d, 0);
  const double n = 2 * static_cast<double>(t.rows);
  for (const auto* column : {&t.observations, &t.next_observations})
    for (std::size_t i = 0; i < column->size(); ++i) sum[i % d] += (*column)[i];
  for (double& s : sum) s /= n;  // now the mean
  for (const auto* column : {&t.observations, &t.next_observations})
    for (std::size_t i = 0; i < column->size(); ++i) {
      const double x = (*column)[i] - sum[i % d];
      square[i % d] += x * x;
    }
  Normalisation result;
  for (std::size_t k = 0; k < d; ++k) {
    result.mean.push_back(static_cast<float>(sum[k]));
    result.std.push_back(static_cast<float>(std::sqrt(square[k] / n) + 1e-3));
  }
  return statistics == Statistics::kMedians && t.rows > 0 ? by_medians(t, result) : result;
}

void normalise_observations(Transitions& t, const Normalisation& n) {
  const auto d = static_cast<std::size_t>(t.observation_size);
  for (auto* column : {&t.observations, &t.next_observations})
    for (std::size_t i = 0; i < column->size(); ++i)
      (*column)[i] = ((*column)[i] - n.mean[i % d]) / n.std[i % d];
}

}  // namespace hardy::datasets

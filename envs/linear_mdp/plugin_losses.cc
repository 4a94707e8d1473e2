#include "envs/linear_mdp/plugin_losses.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/random.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"
#include "envs/plugin/library.h"
#include "envs/plugin/losses.h"

namespace hardy::envs {
namespace {

constexpr const char *kEntry = "hardy_losses_entry", *kHeader = "hardy/losses.h";

hardy_losses_table load(const std::string& file) {
  using Entry = const hardy_losses_table* (*)();
  const hardy_losses_table* given = reinterpret_cast<Entry>(entry_of(
      file, kEntry, kHeader, ", HARDY_LOSSES defines it; a simulator is loaded by --env plugin:file=..."))();
  if (given == nullptr) throw Error(std::string(kEntry) + " gives NULL", file, "give the table");
  check_table(file, kHeader, given->abi_version, HARDY_LOSSES_ABI, given->struct_size,
              offsetof(hardy_losses_table, keys) + sizeof(given->keys), "hardy_losses_table");
  hardy_losses_table table{};
  std::memcpy(&table, given, std::min<std::size_t>(given->struct_size, sizeof table));
  if (table.loss == nullptr) throw Error("its table has no loss", file, "hardy/losses.h says what it does");
  if (table.flags > HARDY_LOSSES_ADAPTIVE)
    throw Error("its table's flags are " + std::to_string(table.flags), file,
                "HARDY_LOSSES_OBLIVIOUS or HARDY_LOSSES_ADAPTIVE would be right");
  return table;
}

// The values of a library's keys, "period=100,share=0.5", in their order: the user's, or those defaults.
std::vector<double> values_of(const hardy_losses_table& table, const std::string& file, Parameters& given) {
  std::vector<double> values;
  std::vector<std::string> names;
  for (const std::string& pair : split(table.keys == nullptr ? "" : table.keys, ',')) {
    const std::size_t equals = pair.find('=');
    const auto value = to_double(equals == std::string::npos ? "" : pair.substr(equals + 1));
    if (!value || equals == 0)
      throw Error("its key '" + pair + "' is not NAME=NUMBER", file,
                  "keys are such as \"period=100,share=0.5\"");
    names.push_back(pair.substr(0, equals));
    if (names.back() == "file" || names.back() == "seed")
      throw Error("a key of its own is named '" + names.back() + "'", file, "every library has that one");
    values.push_back(given.number(names.back(), *value, -1e300, 1e300));
  }
  for (const auto& [key, value] : given.rest())
    throw Error("there is no parameter '" + key + "'", given.text(), suggestion(key, names));
  return values;
}

// What all replicas share.
struct Library {
  std::string file;
  hardy_losses_table table;
  std::vector<double> values;
  const LinearMdp* mdp;
  hardy_losses_view view;  // of an oblivious adversary
};

std::string place(std::int64_t k, int h, int s, int a) {
  return "episode " + std::to_string(k) + ", h=" + std::to_string(h) + ", s=" + std::to_string(s) +
         ", a=" + std::to_string(a);
}

class FromLibrary final : public LossProcess {
 public:
  explicit FromLibrary(std::shared_ptr<const Library> library)
      : library_(std::move(library)), view_(library_->view) {
    if (!adaptive()) return;
    const LinearMdp& m = *library_->mdp;
    policy_.assign(static_cast<std::size_t>(m.H * m.pairs()), 1.0 / m.A);
    visits_.assign(policy_.size(), 0.0);
    view_.policy = policy_.data(), view_.visits = visits_.data();
  }
  bool linear() const override { return false; }
  bool bounded() const override { return true; }  // each is looked at, below
  bool adaptive() const override { return (library_->table.flags & HARDY_LOSSES_ADAPTIVE) != 0; }
  bool sees_occupancies() const override { return true; }
  std::unique_ptr<LossProcess> fresh() const override {
    return adaptive() ? std::make_unique<FromLibrary>(library_) : nullptr;
  }
  std::string about() const override {
    return "losses of " + library_->file + ", SHA-256 " + run::sha256_of_file(library_->file);
  }

  const double* losses(std::int64_t k, double* scratch) const override {
    const LinearMdp& m = *library_->mdp;
    double* to = scratch;
    for (int h = 0; h < m.H; ++h)
      for (int s = 0; s < m.S; ++s)
        for (int a = 0; a < m.A; ++a) {
          *to = ask(k, h, s, a);
          if (!(*to >= -1e-9 && *to <= 1 + 1e-9))
            throw Error("the loss at " + place(k, h, s, a) + " is " + to_text(*to), library_->file,
                        "losses lie in [0,1]");
          ++to;
        }
    return scratch;
  }

  void played(std::int64_t, const PlayedEpisode& episode) override {
    const auto actions = static_cast<std::size_t>(library_->mdp->A);
    for (std::size_t at = 0; at < policy_.size(); at += actions) {
      double state = 0;
      for (std::size_t a = at; a < at + actions; ++a) {
        state += episode.occupancies[a];
        visits_[a] += episode.occupancies[a];
      }
      for (std::size_t a = at; a < at + actions; ++a)
        policy_[a] = state > 0 ? episode.occupancies[a] / state : 1.0 / static_cast<double>(actions);
    }
  }

  // The same questions, forwards and backwards.
  void ask_twice() const {
    const LinearMdp& m = *library_->mdp;
    const Random random(library_->view.seed, RandomStream::kEnvironment);
    const auto below = [&](std::uint64_t i, std::int64_t n) {
      return std::min(static_cast<std::int64_t>(random.uniform64(i) * static_cast<double>(n)), n - 1);
    };
    constexpr std::uint64_t kQuestions = 64;
    const auto answer = [&](std::uint64_t i) {
      return ask(below(4 * i, std::max<std::int64_t>(1, view_.K)), static_cast<int>(below(4 * i + 1, m.H)),
                 static_cast<int>(below(4 * i + 2, m.S)), static_cast<int>(below(4 * i + 3, m.A)));
    };
    std::vector<double> answers;
    for (std::uint64_t i = 0; i < kQuestions; ++i) answers.push_back(answer(i));
    for (std::uint64_t i = kQuestions; i-- > 0;)
      if (const double again = answer(i);
          std::bit_cast<std::uint64_t>(again) != std::bit_cast<std::uint64_t>(answers[i]))
        throw Error("the loss at episode " +
                        std::to_string(below(4 * i, std::max<std::int64_t>(1, view_.K))) + " is " +
                        to_text(answers[i]) + " and, asked again, " + to_text(again),
                    library_->file, "a loss is a function of its arguments alone");
  }

 private:
  double ask(std::int64_t k, int h, int s, int a) const { return library_->table.loss(&view_, k, h, s, a); }

  std::shared_ptr<const Library> library_;
  hardy_losses_view view_;
  std::vector<double> policy_, visits_;
};

}  // namespace

std::shared_ptr<const LossProcess> plugin_losses(Parameters& p, const LossContext& c) {
  auto library = std::make_shared<Library>();
  library->file = p.word("file", "");
  if (library->file.empty())
    throw Error("names no file", p.text(),
                "e.g. plugin:file=./mine.so, a library that implements hardy/losses.h");
  library->mdp = &c.mdp;
  hardy_losses_view& v = library->view;
  v = {};
  v.seed = static_cast<std::uint64_t>(p.integer("seed", 0, 0, std::int64_t{1} << 62));
  library->table = load(library->file);
  library->values = values_of(library->table, library->file, p);
  v.struct_size = sizeof v;
  v.H = c.mdp.H, v.S = c.mdp.S, v.A = c.mdp.A, v.d = c.mdp.d;
  v.K = c.episodes;
  v.values = library->values.data();
  v.features = c.mdp.phi.data();
  v.transitions = c.mdp.transitions.empty() ? nullptr : c.mdp.transitions.data();
  v.start = c.mdp.start.data();
  auto made = std::make_shared<FromLibrary>(std::move(library));
  made->ask_twice();
  return made;
}

}  // namespace hardy::envs

// Element types that surprise: float64 where training is float32, integers or truth values where numbers are
// meant, flags that are floats, rewards of shape [N, 1].
#include "datasets/audit.h"
#include "datasets/pieces.h"

namespace hardy::datasets {
namespace {

class Types final : public Check {
 public:
  explicit Types(const AuditedFile& file) {
    for (const char* key : {"observations", "next_observations", "actions", "rewards"}) {
      const Column* c = file.reader.find(key);
      if (c && c->type == ArrayType::kF64) doubles_.push_back({key, {}});
      if (c && c->type != ArrayType::kF64 && c->type != ArrayType::kF32)
        found_.push_back({"",
                          Severity::kNote,
                          key,
                          "is " + c->describe() + ", not float32",
                          "loaders convert it; pixels and discrete actions are meant to be integers",
                          1,
                          {}});
    }
    if (const Column* c = file.reader.find("terminals"); c && c->type != ArrayType::kBool)
      found_.push_back({"",
                        Severity::kNote,
                        "terminals",
                        "is " + c->describe() + ", not bool",
                        "loaders that negate flags with ~ go wrong on numbers",
                        1,
                        {}});
    if (const Column* c = file.reader.find("rewards"); c && c->shape.size() == 2)
      found_.push_back({"",
                        Severity::kNote,
                        "rewards",
                        "is " + c->describe() + ", not a list",
                        "loaders that do not squeeze it broadcast [N, 1] against [N] to [N, N]",
                        1,
                        {}});
  }
  void see(const RowPiece& p) override {
    for (auto& [key, lossy] : doubles_) {
      const std::vector<double>& x = key == "observations"        ? p.observations
                                     : key == "next_observations" ? p.next_observations
                                     : key == "actions"           ? p.actions
                                                                  : p.rewards;
      const std::size_t width = x.size() / static_cast<std::size_t>(p.rows);
      for (std::size_t row = 0; width && row < static_cast<std::size_t>(p.rows); ++row)
        for (std::size_t k = row * width; k < (row + 1) * width; ++k)
          if (x[k] == x[k] && static_cast<double>(static_cast<float>(x[k])) != x[k]) {
            lossy.add(p.first + static_cast<std::int64_t>(row));
            break;
          }
    }
  }
  std::vector<Finding> findings() override {
    for (const auto& [key, lossy] : doubles_)
      found_.push_back({"", Severity::kNote, key,
                        "is float64; rows that float32 training rounds: " + std::to_string(lossy.count),
                        "twice the memory; 'hardy data convert --float32' writes it as float32", 1,
                        lossy.first_rows});
    return found_;
  }

 private:
  std::vector<std::pair<std::string, Tally>> doubles_;
  std::vector<Finding> found_;
};

const RegisterCheck registration("types", "float64 and other element types that surprise loaders",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Types>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets

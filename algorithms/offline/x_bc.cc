// x % BC (Chen et al. 2021, arXiv 2106.01345): behaviour cloning of the episodes with the highest returns.
#include "algorithms/offline/bc.h"
#include "datasets/chosen_rows.h"
#include "engine/base/text.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class XBc final : public BehaviourCloning {
 public:
  void options(run::Schema& schema) override {
    BehaviourCloning::options(schema, "behaviour cloning of the best episodes");
    schema
        .option("frac", &share_, "share of the episodes that it learns from, those of the highest returns",
                0.0, 1.0)
        .option("discount", &discount_, "of the returns that episodes are ranked by; 1: plain sums", 0.0,
                1.0);
  }
  std::string choose_rows(datasets::Transitions& t) const override {
    const datasets::BestEpisodes best = datasets::keep_best_episodes(t, share_, discount_);
    return "it learns from " + std::to_string(best.episodes) + " of " + std::to_string(best.of) +
           " episodes, with returns from " + to_text(static_cast<float>(best.least_return)) + " on" +
           (discount_ < 1 ? " (discounted by " + to_text(discount_) + ")" : "") + ": " +
           grouped_text(best.rows) + " of " + grouped_text(best.of_rows) + " rows";
  }

 private:
  double share_ = 0.1, discount_ = 0.99;
};

const RegisterMethod<XBc> registration("x_bc", "behaviour cloning of the best episodes");

}  // namespace
}  // namespace hardy::algorithms

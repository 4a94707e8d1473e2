// `hardy bench products --device cuda`: the matrix products of a RIQL step, each by all ways that the device
// has.
#include <cstdio>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/device/backends.h"
#include "engine/ops/product_times.h"
#include "engine/run/product_options.h"
#include "engine/run/schema.h"
#include "tools/hardy/bench_family.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

using nlohmann::json;

constexpr const char* kName = "products";
constexpr std::int64_t kObservations = 17, kActions = 6, kCritics = 5;  // half-cheetah's, and RIQL's

struct Row {
  std::string name;
  ops::TimedProduct product;
};

// Layers of one network, `count` of it at once: forward, the gradient of the inputs, that of the weights.
void add(std::vector<Row>& rows, const std::string& network, std::int64_t count, std::int64_t batch,
         std::int64_t in, std::int64_t hidden) {
  for (const bool first : {true, false}) {
    const std::string name = network + (first ? ", first layer" : ", hidden layer");
    const std::int64_t k = first ? in : hidden;
    rows.push_back({name, {.m = batch, .n = hidden, .k = k, .count = count, .bias_and_relu = true}});
    if (!first)
      rows.push_back(
          {name + ": inputs", {.m = batch, .n = k, .k = hidden, .count = count, .transpose_b = true}});
    rows.push_back(
        {name + ": weights",
         {.m = k, .n = hidden, .k = batch, .count = count, .transpose_a = true, .column_sums = true}});
  }
}

int run(const std::vector<std::string>& args) {
  std::string method, device_name = "cuda";
  std::int64_t agents = 1, repetitions = 20, batch = 256, hidden = 256;
  bool as_json = false;
  run::ProductOptions products;
  run::Schema schema("bench", "Times the matrix products of a RIQL step on a GPU, by every way that it has.");
  schema.positional("METHOD", &method, kName)
      .option("agents", &agents, "trained together", 1, 4096)
      .option("batch-size", &batch, "rows of a batch", 1, 65536)
      .option("hidden", &hidden, "width of the hidden layers", 1, 65536)
      .option("repetitions", &repetitions, "of each product, one after another", 1, 10000)
      .option("device", &device_name, "cuda (the first GPU) or cuda:N; `hardy devices` lists them")
      .option("json", &as_json, "print JSON");
  products.options(schema);
  if (!parse_or_help(schema, args)) return 0;
  if (products.three_tf32)
    throw Error("is timed beside the library's products in any case", "--tf32x3", "leave it out");
  if (device_name == "cpu") throw Error("products are timed on a GPU", "--device cpu", "e.g. --device cuda");
  const auto device = device::open_device(device_name, products.in({}));
  const auto time = device::find_launch(*device, ops::kTimeProduct);
  const auto stream = device->stream();

  std::vector<Row> rows;
  add(rows, "critics", agents * kCritics, batch, kObservations + kActions, hidden);
  add(rows, "V or policy", agents, batch, kObservations, hidden);
  const device::Info info = device->info();
  json result{{"device", info.name},
              {"about", info.about},
              {"agents", agents},
              {"tf32", products.tf32},
              {"products", json::array()}};
  if (!as_json)
    std::printf(
        "%s (%s), %lld agent(s), us: ours, in f32 where there are few inputs (which a step has), else by "
        "three products of TF32; cuBLASLt's offers in %s, of the rest of which a step has the "
        "first\n%-36s%6s%5s%5s%5s%10s  %s\n",
        info.name.c_str(), info.about.c_str(), static_cast<long long>(agents), products.tf32 ? "TF32" : "f32",
        "product", "count", "m", "n", "k", "ours", "cuBLASLt's");
  for (const auto& [name, product] : rows) {
    ops::TimedProduct p = product;
    p.repetitions = static_cast<int>(repetitions);
    ops::ProductTimes times;
    time(*stream, p, times);
    result["products"].push_back({{"name", name},
                                  {"count", p.count},
                                  {"m", p.m},
                                  {"n", p.n},
                                  {"k", p.k},
                                  {"library_microseconds", times.library},
                                  {"own_microseconds", times.own}});
    if (as_json) continue;
    std::printf("%-36s%6lld%5lld%5lld%5lld", name.c_str(), static_cast<long long>(p.count),
                static_cast<long long>(p.m), static_cast<long long>(p.n), static_cast<long long>(p.k));
    times.own.empty() ? std::printf("%10s ", "-") : std::printf("%10.1f ", times.own[0]);
    for (const double us : times.library) std::printf(" %.1f", us);
    std::printf("\n");
  }
  if (as_json) std::printf("%s\n", result.dump(2).c_str());
  return 0;
}

const RegisterBenchFamily family(kName, {[](const std::string& name) { return name == kName; }, run});

}  // namespace
}  // namespace hardy::tools

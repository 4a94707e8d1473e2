// `hardy data convert IN OUT`: a dataset in another format.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "datasets/convert.h"
#include "engine/base/error.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

// The format that OUT's name asks for: by its ending, or, without one, a folder (Minari's).
std::string format_for(const std::filesystem::path& out) {
  for (const datasets::Format& f : datasets::formats())
    if (f.create && !f.extension.empty() && (out.extension() == f.extension || out.extension() == ".h5"))
      return f.name;
  const std::string ending = out.extension().string();
  if (ending.empty() || ending.find_first_not_of("0123456789", 1) == std::string::npos) return "minari";
  throw Error("does not say which format it shall have", out.string(),
              "end it in .hdf5 for d4rl, leave the ending out for minari, or give --to");
}

int run(const std::vector<std::string>& args) {
  std::string in, out, from, to;
  datasets::OpenSettings open;
  datasets::WriteSettings write;
  std::int64_t gzip = write.gzip, threads = 0;
  bool overwrite = false, json = false;
  std::vector<std::string> readable, writable;
  for (const datasets::Format& f : datasets::formats()) {
    readable.push_back(f.name);
    if (f.create) writable.push_back(f.name);
  }
  run::Schema schema("data convert", "Reads a dataset of any known format and writes it in another.");
  schema.positional("IN", &in, "a dataset: .hdf5, .npz, or Minari's folder")
      .positional("OUT", &out, "the file or folder to write")
      .option("from", &from, "IN's format, where its content does not say", readable)
      .option("to", &to, "OUT's format; else its name says: .hdf5 is d4rl, no ending is minari", writable)
      .option("observations", &open.observation_parts,
              "of Dict observations the parts to keep, in this order: observation,desired_goal")
      .option("gzip", &gzip, "level; 0 does not compress", 0, 9)
      .option("threads", &threads, "that decompress and compress; 0: all", 0, 1024)
      .option("overwrite", &overwrite, "replace OUT if it exists")
      .option("json", &json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  const run::Output output(
      out,
      {.kind = run::OutputRules::Kind::kEither, .overwrite = overwrite, .inputs = inputs_of(schema, {in})});
  open.format = from;
  open.threads = write.threads = static_cast<int>(threads);
  write.gzip = static_cast<int>(gzip);
  write.format = to.empty() ? format_for(out) : to;
  const auto reader = datasets::open_dataset(in, open);
  const auto writer = datasets::create_dataset(output.path(), write);
  datasets::copy_dataset(*reader, *writer);

  std::vector<std::string> notes = reader->notes();
  notes.insert(notes.end(), writer->notes().begin(), writer->notes().end());
  std::int64_t rows = 0;
  if (const datasets::Column* c = reader->find("observations")) rows = c->rows();
  if (json) {
    std::printf("%s\n", nlohmann::json{{"in", in},
                                       {"out", out},
                                       {"from", reader->format()},
                                       {"to", write.format},
                                       {"rows", rows},
                                       {"notes", notes}}
                            .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                            .c_str());
    return 0;
  }
  std::printf("%s: %lld rows, %s to %s\n", out.c_str(), static_cast<long long>(rows),
              reader->format().c_str(), write.format.c_str());
  for (const std::string& n : notes) std::printf("note: %s\n", n.c_str());
  return 0;
}

const RegisterCommand command({"data convert", "a dataset in another format", run});

}  // namespace
}  // namespace hardy::tools

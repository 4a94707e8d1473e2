#include "datasets/audit.h"

#include <algorithm>

#include "datasets/corruption/corruption_record.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/registry.h"

namespace hardy::datasets {
namespace {

struct Entry {
  std::string about;
  std::unique_ptr<Check> (*make)(const AuditedFile&);
};
Registry<Entry>& registry() {
  static Registry<Entry> all("check of datasets",
                             "");  // made on first use: static objects of other files fill it
  return all;
}

Finding layout_problem(const std::string& column, std::string text, std::string advice) {
  return {"layout", Severity::kError, column, std::move(text), std::move(advice), 1, {}};
}

const Column* usable(const Reader& reader, const std::string& key, std::int64_t rows, bool vector,
                     bool required, std::vector<Finding>& findings) {
  const Column* c = reader.find(key);
  if (!c) {
    if (required) findings.push_back(layout_problem(key, "the column is missing", "D4RL's loaders need it"));
    return nullptr;
  }
  const bool shaped =
      vector ? c->shape.size() >= 2 : c->shape.size() == 1 || (c->shape.size() == 2 && c->shape[1] == 1);
  if (c->type == ArrayType::kString || !shaped) {
    findings.push_back(
        layout_problem(key, "is " + c->describe(),
                       vector ? "expected numbers [N, size]" : "expected numbers [N] or [N, 1]"));
    return nullptr;
  }
  if (rows >= 0 && c->rows() != rows) {
    findings.push_back(layout_problem(
        key, "has " + std::to_string(c->rows()) + " rows where observations have " + std::to_string(rows),
        "all columns have one row for each transition"));
    return nullptr;
  }
  return c;
}

// The columns that the checks walk over. A wrong one is a finding.
WalkedColumns layout_of(const Reader& reader, std::vector<Finding>& findings) {
  WalkedColumns l;
  l.observations = usable(reader, "observations", -1, true, true, findings);
  if (!l.observations) return l;
  l.rows = l.observations->rows();
  if (l.rows == 0)
    findings.push_back(layout_problem("observations", "has no rows", "is the collection unfinished?"));
  l.next_observations = usable(reader, "next_observations", l.rows, true, false, findings);
  if (const Column* next = l.next_observations;
      next && next->row_elements() != l.observations->row_elements()) {
    findings.push_back(layout_problem(
        "next_observations", "is " + next->describe() + ", observations are " + l.observations->describe(),
        "both are states, of one size"));
    l.next_observations = nullptr;
  }
  l.actions = usable(reader, "actions", l.rows, true, true, findings);
  l.rewards = usable(reader, "rewards", l.rows, false, true, findings);
  l.terminals = usable(reader, "terminals", l.rows, false, true, findings);
  l.timeouts = usable(reader, "timeouts", l.rows, false, false, findings);
  return l;
}

}  // namespace

const char* name_of(Severity severity) {
  return severity == Severity::kError ? "error" : severity == Severity::kWarning ? "warning" : "note";
}

Severity severity_of_far_rows(std::int64_t count, std::int64_t rows, double most, double threshold) {
  constexpr std::int64_t kRareRows = 1000;
  constexpr double kGross = 4;
  return count * kRareRows > rows || most > kGross * threshold ? Severity::kWarning : Severity::kNote;
}

RegisterCheck::RegisterCheck(const char* name, const char* about,
                             std::unique_ptr<Check> (*make)(const AuditedFile&)) {
  registry().add(name, {about, make});
}

std::vector<std::pair<std::string, std::string>> audit_checks() {
  std::vector<std::pair<std::string, std::string>> all{{"file", "damaged, truncated or foreign files"},
                                                       {"layout", "missing columns, lengths, ranks"}};
  for (const auto& [name, check] : registry()) all.emplace_back(name, check.about);
  return all;
}

namespace {

Audit nothing_found() {
  Audit result;
  for (const auto& [name, about] : audit_checks()) result.checks.push_back(name);
  return result;
}

// All that the checks find in it.
void look_through(Reader& reader, Audit& result) {
  result.notes = reader.notes();
  result.corrupted_on_purpose = !corruption_manifest(reader).is_null();
  const WalkedColumns l = layout_of(reader, result.findings);
  if (l.observations && l.rows > 0) {
    result.rows = l.rows;
    const SampledRows sampled = sampled_rows(reader, l.rows);
    const auto usual = [&](const Column* c, Excursions excursions = Excursions::kOfAnyEpisode) {
      return c ? usual_of(reader, *c, sampled, excursions) : Usual();
    };
    const AuditedFile file{reader,
                           l.rows,
                           static_cast<std::size_t>(l.observations->row_elements()),
                           static_cast<std::size_t>(l.actions ? l.actions->row_elements() : 0),
                           l.next_observations != nullptr,
                           l.timeouts != nullptr,
                           usual(l.observations),
                           usual(l.actions),
                           usual(l.rewards, Excursions::kOfMostEpisodes)};
    std::vector<std::pair<std::string, std::unique_ptr<Check>>> checks;
    for (const auto& [name, entry] : registry()) checks.emplace_back(name, entry.make(file));
    walk(reader, l, [&](const RowPiece& piece) {
      for (const auto& [name, check] : checks) check->see(piece);
    });
    for (const auto& [name, check] : checks)
      for (Finding& f : check->findings()) {
        f.check = name;
        result.findings.push_back(std::move(f));
      }
  }
}

}  // namespace

Audit audit(Reader& reader) {
  Audit result = nothing_found();
  look_through(reader, result);
  std::ranges::stable_sort(result.findings, {}, &Finding::severity);
  return result;
}

Audit audit(const std::string& path) {
  Audit result = nothing_found();
  std::unique_ptr<Reader> reader;
  try {
    reader = open_dataset(path);
    look_through(*reader, result);
  } catch (const FileChanged&) {
    throw;
  } catch (const Error& e) {
    // A file that is there but cannot be read is what an audit is for; one that is not there is bad input,
    // and the machine's own trouble says nothing of the file.
    if (!std::filesystem::exists(path) || e.exit_code() == 1) throw;
    result.findings.push_back(
        {"file", Severity::kError, "", e.message(), "download or copy it again", 1, {}});
  }
  std::ranges::stable_sort(result.findings, {}, &Finding::severity);
  return result;
}

nlohmann::json to_json(const Audit& audit) {
  nlohmann::json findings = nlohmann::json::array();
  for (const Finding& f : audit.findings)
    findings.push_back({{"check", f.check},
                        {"severity", name_of(f.severity)},
                        {"column", f.column},
                        {"text", f.text},
                        {"advice", f.advice},
                        {"count", f.count},
                        {"first_rows", f.first_rows}});
  return {{"rows", audit.rows},
          {"findings", findings},
          {"checks", audit.checks},
          {"notes", audit.notes},
          {"corrupted_on_purpose", audit.corrupted_on_purpose}};
}

}  // namespace hardy::datasets

// Corruption undone from its own record, which vouches for everything that the file was before: what it does
// not find so is not called restored.
#include <algorithm>
#include <set>

#include "datasets/attributes.h"
#include "datasets/corruption/corruption_patch.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/formats/utf8.h"
#include "datasets/pieces.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

constexpr const char* kNotThat = "the file is not what the corruption left; undo an untouched copy of it";

class Undoing {
 public:
  Undoing(Reader& in, Writer& out)
      : in_(in), out_(out), manifest_(corruption_manifest(in)), attributes_(in.all_attributes()) {
    if (manifest_.is_null())
      throw Error("has no record of a corruption", in.path(),
                  "only files made by 'hardy data corrupt' can be undone");
    made_ = manifest_.value("columns_made", std::vector<std::string>{});
    hashes_ = manifest_.value("column_sha256", std::map<std::string, std::string>{});
    types_ = manifest_.value("column_types", std::map<std::string, std::string>{});
    erase_attribute(attributes_, "", kCorruptionAttribute);
  }

  Undone run() {
    check_columns();
    check_attributes();
    for (const Column& column : in_.columns())
      if (!is_record(column.key) && !made(column.key)) restore(column);
    out_.set_attributes(attributes_);
    out_.commit();
    return undone_;
  }

 private:
  bool made(const std::string& key) const { return std::ranges::find(made_, key) != made_.end(); }

  // All columns are there that were, and no others.
  void check_columns() const {
    std::set<std::string> names;
    for (const Column& c : in_.columns()) names.insert(as_utf8(c.key));
    for (const auto& [key, hash] : hashes_)
      if (!names.contains(key))
        throw Error("was taken away after the corruption", in_.path() + " /" + key, kNotThat);
    if (types_.empty()) return;
    for (const Column& c : in_.columns())
      if (!is_record(c.key) && !made(c.key) && !types_.contains(as_utf8(c.key)))
        throw Error("was added after the corruption", in_.where(c), "take it away first");
  }

  void check_attributes() {
    const bool stored = manifest_.contains("stored_attributes_sha256");
    const char* key = stored ? "stored_attributes_sha256" : "attributes_sha256";
    if (!manifest_.contains(key)) {
      undone_.unchecked.emplace_back("attributes");
      return;
    }
    undone_.attributes = static_cast<std::int64_t>(attributes_.size());
    if (manifest_.at(key) == attributes_sha256(attributes_, stored)) return;
    throw Error("has other attributes than before the corruption (" + std::to_string(attributes_.size()) +
                    "; there were " + manifest_.value("attributes", nlohmann::json()).dump() + ")",
                in_.path(), kNotThat);
  }

  void restore(Column column) {
    const std::vector<Patch> patches = patches_of(in_, manifest_, column);
    if (!patches.empty()) column.stored_as = patches.front().stored_as();
    const auto type = types_.find(as_utf8(column.key));
    if (type != types_.end() && type->second != described_as_stored(column))
      throw Error("is " + described_as_stored(column) + " and was " + type->second + " before the corruption",
                  in_.where(column), kNotThat);
    // What is not of its stored type any more cannot be written so: that it was changed is said first.
    if (column.stored_as && !column.shape.empty() && column.type != ArrayType::kString)
      check_hash(column, hash_of(column, false));
    check_hash(column, hash_of(column, true));
    if (hashes_.contains(as_utf8(column.key)))
      ++undone_.columns;
    else
      undone_.unchecked.push_back(column.key);
  }

  // Of the column as it was; `write` puts it into the output.
  std::string hash_of(const Column& column, bool write) {
    ColumnHash hash;
    if (column.type == ArrayType::kString || column.shape.empty()) {
      const Array whole = in_.read(column);
      hash.add(whole);
      out_.put(column.key, whole);
      return hash.hex();
    }
    std::vector<Patch> patches = patches_of(in_, manifest_, column);
    if (write) out_.declare(column);
    for_pieces(column.rows(), [&](std::int64_t first, std::int64_t n) {
      Bytes piece(static_cast<std::size_t>(n) * column.row_bytes());
      in_.read(column, first, n, piece);
      for (Patch& p : patches) p.apply(first, n, piece.data());
      hash.add(piece);
      if (write) out_.append(column.key, piece);
    });
    for (Patch& p : patches) p.finish();
    return hash.hex();
  }

  void check_hash(const Column& column, const std::string& hash) const {
    const auto expected = hashes_.find(as_utf8(column.key));
    if (expected != hashes_.end() && hash != expected->second)
      throw Error("was changed after the corruption: what the record restores is not what was there",
                  in_.where(column), kNotThat);
  }

  Reader& in_;
  Writer& out_;
  nlohmann::json manifest_;
  std::vector<Attribute> attributes_;
  std::vector<std::string> made_;
  std::map<std::string, std::string> hashes_, types_;
  Undone undone_;
};

}  // namespace

Undone undo(Reader& in, Writer& out) { return Undoing(in, out).run(); }

}  // namespace hardy::datasets

// Corruption undone from its own record.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "datasets/corruption/corruption_patch.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/pieces.h"
#include "engine/base/error.h"
#include "engine/run/sha256.h"

namespace hardy::datasets {
void undo(Reader& in, Writer& out) {
  const nlohmann::json manifest = corruption_manifest(in);
  if (manifest.is_null())
    throw Error("has no record of a corruption", in.path(),
                "only files made by 'hardy data corrupt' can be undone");
  const auto made = manifest.value("columns_made", std::vector<std::string>{});
  const auto hashes = manifest.value("column_sha256", std::map<std::string, std::string>{});
  for (const auto& [key, hash] : hashes) in.column(key);
  for (const Column& column : in.columns()) {
    if (is_record(column.key) || std::ranges::find(made, column.key) != made.end()) continue;
    if (column.type == ArrayType::kString || column.shape.empty()) {
      out.put(column.key, in.read(column));
      continue;
    }
    std::vector<Patch> patches = patches_of(in, manifest, column);
    const auto expected = hashes.find(column.key);
    run::Sha256 hash;
    out.declare(column);
    for_pieces(column.rows(), [&](std::int64_t first, std::int64_t n) {
      Bytes piece(static_cast<std::size_t>(n) * column.row_bytes());
      in.read(column, first, n, piece);
      for (Patch& p : patches) p.apply(first, n, piece.data());
      if (expected != hashes.end()) hash.add(piece.data(), piece.size());
      out.append(column.key, piece);
    });
    for (Patch& p : patches) p.finish();
    if (expected != hashes.end() && hash.hex() != expected->second)
      throw Error("was changed after its corruption: what the record restores is not what was there",
                  in.where(column));
  }
  nlohmann::json attributes = in.attributes();
  attributes.erase("hardy_corruption");
  out.set_attributes(attributes);
  out.commit();
}

}  // namespace hardy::datasets

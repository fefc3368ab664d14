#include "indexer/ops/backup/manifest.hpp"

#include <algorithm>

#include "core/encoding.hpp"
#include "indexer/json.hpp"

namespace media::backup {
namespace {

Json amount_json(const Amount& amount) {
  return Json::object().set("files", amount.files).set("bytes", amount.bytes);
}

std::unexpected<Error> bad_manifest(const std::string& what) {
  return fail(ErrorCode::invalid_argument, "not a manifest: " + what);
}

// Reads numbers that have to be there.
class Reader {
 public:
  std::int64_t number(const Json& object, std::string_view name) {
    const auto value = object[name].integer();
    if (!value || *value < 0) is_complete_ = false;
    return value.value_or(0);
  }
  Amount amount(const Json& object) { return {number(object, "files"), number(object, "bytes")}; }
  bool is_complete() const { return is_complete_; }

 private:
  bool is_complete_ = true;
};

bool is_safe_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos;
}

}  // namespace

const SnapshotFile* Manifest::find(std::string_view name) const {
  const auto found = std::ranges::find(files, name, &SnapshotFile::name);
  return found == files.end() ? nullptr : &*found;
}

std::string to_json(const Manifest& manifest) {
  Json files = Json::array();
  for (const SnapshotFile& file : manifest.files) {
    files.push(Json::object()
                   .set("name", file.name)
                   .set("size", static_cast<std::int64_t>(file.size))
                   .set("sha256", file.sha256));
  }
  return Json::object()
      .set("format", kFormat)
      .set("snapshot", manifest.snapshot)
      .set("taken_at", manifest.taken_at)
      .set("program", manifest.program)
      .set("schema_version", manifest.schema_version)
      .set("files", files)
      .set("named", amount_json(manifest.named))
      .set("contents", amount_json(manifest.contents))
      .set("deleted", manifest.deleted)
      .set("missing", manifest.missing)
      .set("corrupt", manifest.corrupt)
      .dump();
}

Result<Manifest> parse_manifest(std::string_view text) {
  const auto json = Json::parse(text);
  if (!json || !json->is_object()) return bad_manifest("no JSON object");
  if ((*json)["format"].integer() != kFormat) {
    return fail(ErrorCode::conflict, "its format is not " + std::to_string(kFormat) +
                                         ": it needs another version of media-indexer");
  }
  Reader reader;
  Manifest manifest;
  manifest.snapshot = (*json)["snapshot"].text();
  manifest.taken_at = reader.number(*json, "taken_at");
  manifest.program = (*json)["program"].text();
  manifest.schema_version = reader.number(*json, "schema_version");
  manifest.named = reader.amount((*json)["named"]);
  manifest.contents = reader.amount((*json)["contents"]);
  manifest.deleted = reader.number(*json, "deleted");
  manifest.missing = reader.number(*json, "missing");
  manifest.corrupt = reader.number(*json, "corrupt");
  const Json files = (*json)["files"];
  for (std::size_t i = 0; i < files.size(); ++i) {
    SnapshotFile file;
    file.name = files[i]["name"].text();
    file.size = static_cast<std::uint64_t>(reader.number(files[i], "size"));
    file.sha256 = files[i]["sha256"].text();
    if (!is_safe_name(file.name) || file.sha256.size() != 64) return bad_manifest("files");
    manifest.files.push_back(std::move(file));
  }
  if (!reader.is_complete()) return bad_manifest("a number is missing");
  if (manifest.find(kDatabaseDump) == nullptr || manifest.find(kBlobList) == nullptr) {
    return bad_manifest("it names no dump or no list");
  }
  return manifest;
}

}  // namespace media::backup

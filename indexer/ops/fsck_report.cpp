#include "indexer/ops/fsck_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

#include "indexer/json.hpp"
#include "indexer/ops/text_table.hpp"

namespace media::ops {
namespace {

constexpr std::array<std::string_view, kFaultKinds> kNames = {"missing", "size", "untracked",
                                                              "corrupt", "unreadable"};
constexpr std::size_t kNameWidth = 11;

void append(std::string& text, const std::string& part) {
  if (part.empty()) return;
  text += (text.empty() ? "" : ", ") + part;
}

std::string size_text(const Fault& fault) {
  if (fault.size && fault.found_size && *fault.size != *fault.found_size) {
    return std::to_string(*fault.found_size) + " bytes instead of " + std::to_string(*fault.size);
  }
  const auto size = fault.size ? fault.size : fault.found_size;
  return size ? std::to_string(*size) + " bytes" : "";
}

Json& set_size(Json& json, const char* name, const std::optional<std::int64_t>& size) {
  return size ? json.set(name, *size) : json.set_null(name);
}

std::int64_t count_of(const FsckTotals& totals, FaultKind kind) {
  return totals.faults[static_cast<std::size_t>(kind)];
}

}  // namespace

std::string_view name_of(FaultKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

std::string text_of(const Fault& fault) {
  std::string line(name_of(fault.kind));
  line.resize(kNameWidth, ' ');
  line += fault.store + ':' + printable(fault.key);
  std::string more = fault.rendition;
  append(more, size_text(fault));
  append(more, printable(fault.detail));
  if (!more.empty()) line += "  (" + more + ')';
  if (!fault.repair.empty()) line += ": " + fault.repair;
  return line;
}

std::string json_of(const Fault& fault) {
  const auto optional = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
  };
  Json json = Json::object();
  json.set("finding", name_of(fault.kind)).set("store", fault.store).set("key", fault.key);
  set_size(json, "size", fault.size);
  set_size(json, "found_size", fault.found_size);
  json.set_or_null("blob_id", optional(fault.blob_id));
  json.set_or_null("rendition", optional(fault.rendition));
  json.set_or_null("detail", optional(fault.detail));
  json.set_or_null("repair", optional(fault.repair));
  return json.dump();
}

std::string json_of(const FsckTotals& totals) {
  Json json = Json::object();
  json.set("store", totals.store).set("files", totals.files).set("bytes", totals.bytes);
  json.set("known", totals.known);
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    json.set(kNames.at(kind), totals.faults[kind]);
  }
  json.set("repaired", totals.repaired).set("hashed_files", totals.hashed_files);
  return Json::object().set("totals", json.set("hashed_bytes", totals.hashed_bytes)).dump();
}

std::string text_of(const std::vector<FsckTotals>& all) {
  std::vector<std::vector<std::string>> rows = {{"store", "files", "bytes", "known"}};
  for (const std::string_view name : kNames) rows[0].emplace_back(name);
  for (const char* name : {"repaired", "hashed", "bytes hashed"}) rows[0].emplace_back(name);
  for (const FsckTotals& totals : all) {
    std::vector<std::string> row = {totals.store};
    for (const auto number : {totals.files, totals.bytes, totals.known}) {
      row.push_back(std::to_string(number));
    }
    for (const auto number : totals.faults) row.push_back(std::to_string(number));
    for (const auto number : {totals.repaired, totals.hashed_files, totals.hashed_bytes}) {
      row.push_back(std::to_string(number));
    }
    rows.push_back(std::move(row));
  }
  return text_table(rows);
}

FsckTotals& FsckReport::begin(std::string_view store) {
  totals_.emplace_back().store = store;
  return totals_.back();
}

void FsckReport::add(const Fault& fault) {
  std::printf("%s\n", (as_json_ ? json_of(fault) : text_of(fault)).c_str());
  std::fflush(stdout);
  ++totals_.back().faults[static_cast<std::size_t>(fault.kind)];
  if (!fault.repair.empty()) ++totals_.back().repaired;
}

void FsckReport::end() const {
  if (!as_json_) std::printf("%s%s", has_faults() ? "\n" : "", text_of(totals_).c_str());
  for (const FsckTotals& totals : totals_) {
    if (as_json_) std::printf("%s\n", json_of(totals).c_str());
  }
}

bool FsckReport::has_faults() const {
  return std::ranges::any_of(totals_, [](const FsckTotals& totals) {
    return std::accumulate(std::begin(totals.faults), std::end(totals.faults), std::int64_t{0}) > 0;
  });
}

bool FsckReport::has_unreadable() const {
  return std::ranges::any_of(totals_, [](const FsckTotals& totals) {
    return count_of(totals, FaultKind::unreadable) > 0;
  });
}

}  // namespace media::ops

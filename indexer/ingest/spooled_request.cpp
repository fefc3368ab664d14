#include "indexer/ingest/spooled_request.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <strings.h>

#include "core/crypto.hpp"
#include "core/encoding.hpp"

namespace media::ingest {
namespace {

constexpr std::string_view kMagic = "ngx_media delivery 1 ";
constexpr std::size_t kHashSize = 64;
constexpr std::size_t kFirstHeader = 4;  // fields before: time, account, method, target

// No provider signs them, and they are no business of ours.
constexpr std::string_view kNotKept[] = {"authorization", "cookie", "proxy-authorization"};

bool is_kept(const std::string& header) {
  return std::ranges::none_of(kNotKept, [&](std::string_view name) {
    return name.size() == header.size() &&
           ::strncasecmp(name.data(), header.data(), name.size()) == 0;
  });
}

void append_netstring(std::string& out, std::string_view field) {
  out += std::to_string(field.size());
  out += ':';
  out += field;
  out += ',';
}

/// The number at the front of the text, which loses it and the character behind.
std::optional<std::size_t> take_number(std::string_view& text, char behind) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != behind) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return number;
}

std::optional<std::vector<std::string_view>> split_netstrings(std::string_view text) {
  std::vector<std::string_view> fields;
  while (!text.empty()) {
    const auto size = take_number(text, ':');
    if (!size || *size >= text.size() || text[*size] != ',') return {};
    fields.push_back(text.substr(0, *size));
    text.remove_prefix(*size + 1);
  }
  return fields;
}

/// What follows the first line, once that line vouches for it.
Result<std::string_view> checked_payload(std::string_view file) {
  if (!file.starts_with(kMagic)) return fail(ErrorCode::truncated, "not a spooled delivery");
  file.remove_prefix(kMagic.size());
  const auto size = take_number(file, ' ');
  if (!size || file.size() < kHashSize + 1) {
    return fail(ErrorCode::truncated, "the first line is not whole");
  }
  const std::string_view hash = file.substr(0, kHashSize);
  file.remove_prefix(kHashSize + 1);
  if (file.size() != *size) {
    return fail(ErrorCode::truncated,
                std::to_string(file.size()) + " bytes instead of " + std::to_string(*size));
  }
  if (hex_encode(sha256(as_bytes(file))) != hash) {
    return fail(ErrorCode::hash_mismatch, "the bytes do not have their checksum");
  }
  return file;
}

}  // namespace

std::string encode(const SpooledRequest& spooled) {
  const http::Request& request = spooled.request;
  std::string payload;
  payload.reserve(request.body.size() + 4096);
  append_netstring(payload, std::to_string(spooled.received_at));
  append_netstring(payload, spooled.account_id);
  append_netstring(payload, request.method);
  append_netstring(payload, request.target);
  for (const auto& [name, value] : request.headers) {
    if (!is_kept(name)) continue;
    append_netstring(payload, name);
    append_netstring(payload, value);
  }
  append_netstring(payload, request.body);
  return std::string(kMagic) + std::to_string(payload.size()) + ' ' +
         hex_encode(sha256(as_bytes(payload))) + '\n' + payload;
}

Result<SpooledRequest> decode(std::string_view file) {
  const auto payload = checked_payload(file);
  if (!payload) return std::unexpected(payload.error());
  const auto fields = split_netstrings(*payload);
  if (!fields || fields->size() <= kFirstHeader || fields->size() % 2 == 0) {
    return fail(ErrorCode::truncated, "fields are missing");
  }
  const auto& all = *fields;
  SpooledRequest spooled;
  std::from_chars(all[0].data(), all[0].data() + all[0].size(), spooled.received_at);
  spooled.account_id = all[1];
  spooled.request.method = all[2];
  spooled.request.target = all[3];
  for (std::size_t i = kFirstHeader; i + 1 < all.size(); i += 2) {
    spooled.request.headers.emplace_back(all[i], all[i + 1]);
  }
  spooled.request.body = all.back();
  return spooled;
}

}  // namespace media::ingest

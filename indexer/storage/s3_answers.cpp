#include "indexer/storage/s3_answers.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include <pugixml.hpp>

#include "core/encoding.hpp"

namespace media::storage {
namespace {

constexpr std::size_t kLongestText = 300;

/// Elements are found by name, whatever the namespace's prefix or default.
pugi::xml_node root_of(pugi::xml_document& document, std::string_view xml) {
  // Entities of a DTD are never expanded; what is not well-formed is nothing.
  if (!document.load_buffer(xml.data(), xml.size(), pugi::parse_default)) return {};
  return document.document_element();
}

std::unexpected<Error> unreadable(const char* what) {
  return fail(ErrorCode::storage, std::string("the object store's answer is no ") + what);
}

/// Bounded and in one line: it ends in logs and in rows.
std::string plain(std::string_view text) {
  std::string one(text.substr(0, kLongestText));
  std::ranges::replace_if(
      one, [](unsigned char c) { return c < 32 || c == 127; }, ' ');
  return one;
}

/// "2026-11-21T14:00:01.000Z"; 0 for anything else.
std::int64_t unix_time(const char* iso8601) {
  std::tm time{};
  if (::strptime(iso8601, "%Y-%m-%dT%H:%M:%S", &time) == nullptr) return 0;
  return ::timegm(&time);
}

/// What encoding-type=url does to keys: some servers write a space as '+'.
std::optional<std::string> decoded(std::string text) {
  std::ranges::replace(text, '+', ' ');
  return percent_decode(text);
}

}  // namespace

std::string S3Refusal::text() const {
  std::string text = std::to_string(status);
  if (!code.empty()) text += " " + code;
  if (!message.empty()) text += ": " + message;
  if (!region.empty()) text += " (the bucket is in region " + region + ")";
  if (!request_id.empty()) text += " (request " + request_id + ")";
  return text;
}

S3Refusal parse_s3_refusal(int status, std::string_view xml) {
  S3Refusal refusal;
  refusal.status = status;
  pugi::xml_document document;
  const auto error = root_of(document, xml);
  if (std::string_view(error.name()) != "Error") return refusal;
  refusal.code = plain(error.child_value("Code"));
  refusal.message = plain(error.child_value("Message"));
  refusal.region = plain(error.child_value("Region"));
  refusal.request_id = plain(error.child_value("RequestId"));
  return refusal;
}

bool is_s3_failure(std::string_view xml) {
  pugi::xml_document document;
  const auto root = root_of(document, xml);
  return root.empty() || std::string_view(root.name()) == "Error";
}

Result<S3Listing> parse_s3_listing(std::string_view xml) {
  pugi::xml_document document;
  const auto root = root_of(document, xml);
  if (std::string_view(root.name()) != "ListBucketResult") return unreadable("listing");
  const bool is_encoded = std::string_view(root.child_value("EncodingType")) == "url";
  S3Listing listing;
  for (const auto& entry : root.children("Contents")) {
    ObjectInfo object;
    object.key = entry.child_value("Key");
    if (is_encoded) {
      auto key = decoded(object.key);
      if (!key) return unreadable("listing: a key has a broken escape");
      object.key = std::move(*key);
    }
    if (object.key.empty()) return unreadable("listing: an object has no key");
    object.size = entry.child("Size").text().as_ullong();
    object.modified_at = unix_time(entry.child_value("LastModified"));
    listing.objects.push_back(std::move(object));
  }
  if (!root.child("IsTruncated").text().as_bool()) return listing;
  listing.next_token = root.child_value("NextContinuationToken");
  if (listing.next_token.empty()) return unreadable("listing: it does not say how it goes on");
  return listing;
}

Result<std::string> parse_s3_upload_id(std::string_view xml) {
  pugi::xml_document document;
  const auto root = root_of(document, xml);
  std::string id = root.child_value("UploadId");
  if (std::string_view(root.name()) != "InitiateMultipartUploadResult" || id.empty()) {
    return unreadable("upload id");
  }
  return id;
}

Result<S3Parts> parse_s3_parts(std::string_view xml) {
  pugi::xml_document document;
  const auto root = root_of(document, xml);
  if (std::string_view(root.name()) != "ListPartsResult") return unreadable("list of parts");
  S3Parts parts;
  for (const auto& entry : root.children("Part")) {
    parts.parts.push_back({entry.child("PartNumber").text().as_int(),
                           entry.child("Size").text().as_ullong(),
                           unquoted(entry.child_value("ETag"))});
  }
  if (!root.child("IsTruncated").text().as_bool()) return parts;
  parts.next_marker = root.child_value("NextPartNumberMarker");
  if (parts.next_marker.empty()) return unreadable("list of parts: it does not say how it goes on");
  return parts;
}

std::string s3_completion(const std::vector<S3Part>& parts) {
  std::string xml = "<CompleteMultipartUpload>";
  for (const S3Part& part : parts) {
    xml += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>&quot;" +
           part.etag + "&quot;</ETag></Part>";
  }
  return xml + "</CompleteMultipartUpload>";
}

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

}  // namespace media::storage

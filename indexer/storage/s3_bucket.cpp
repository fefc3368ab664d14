#include "indexer/storage/s3_bucket.hpp"

#include <array>

#include <openssl/evp.h>

#include "core/crypto.hpp"
#include "core/encoding.hpp"

namespace media::storage {
namespace {

using boost::asio::yield_context;

/// Begins with a dot: no media have such a key.
constexpr std::string_view kProbePrefix = ".ngx_media_probe-";

/// AWS wants it of the bodies of rules.
std::string content_md5(std::string_view text) {
  std::array<std::uint8_t, 16> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_md5(), nullptr);
  return base64_encode(digest);
}

std::string xml_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else
      escaped += c;
  }
  return escaped;
}

Result<void> set_rules(yield_context yield, S3Client& client, const char* which,
                       const std::string& xml) {
  S3Call call{.method = "PUT", .query = {{which, ""}}, .text = xml};
  call.headers = {{"content-md5", content_md5(xml)}, {"content-type", "application/xml"}};
  const auto answer = client.succeed(yield, call);
  return answer ? Result<void>() : std::unexpected(answer.error());
}

/// Only AWS wants to be told the region that it was asked in, and no other takes all names.
std::string location_constraint(const S3Endpoint& endpoint) {
  if (endpoint.host.find(".amazonaws.com") == std::string::npos) return {};
  if (endpoint.region == "us-east-1") return {};
  return "<CreateBucketConfiguration><LocationConstraint>" + endpoint.region +
         "</LocationConstraint></CreateBucketConfiguration>";
}

Result<bool> anybody_can(yield_context yield, S3Client& client, S3Call call) {
  call.is_anonymous = true;
  const auto answer = client.call(yield, call);
  if (!answer) return std::unexpected(answer.error());
  return answer->is_success();
}

}  // namespace

Result<bool> bucket_exists(yield_context yield, S3Client& client) {
  const S3Call call{.method = "HEAD"};
  const auto answer = client.call(yield, call);
  if (!answer) return std::unexpected(answer.error());
  if (answer->is_success()) return true;
  if (answer->status == 404) return false;
  Error error = client.error_of(call, *answer);
  const std::string region = answer->header("x-amz-bucket-region");
  if (!region.empty() && region != client.endpoint().region) {
    error.message += " (the bucket is in region " + region + ")";
  }
  return std::unexpected(std::move(error));
}

Result<void> create_bucket(yield_context yield, S3Client& client) {
  const S3Call call{.method = "PUT", .text = location_constraint(client.endpoint())};
  const auto answer = client.call(yield, call);
  if (!answer) return std::unexpected(answer.error());
  const bool is_ours = answer->refusal().code == "BucketAlreadyOwnedByYou";
  if (answer->is_success() || is_ours) return {};
  return std::unexpected(client.error_of(call, *answer));
}

Result<bool> is_open_to_everybody(yield_context yield, S3Client& client) {
  const std::string key = std::string(kProbePrefix) + hex_encode(random_bytes(8));
  const auto written =
      client.succeed(yield, {.method = "PUT", .key = key, .text = "Written by a check.\n"});
  if (!written) return std::unexpected(written.error());
  auto can_read = anybody_can(yield, client, {.key = key});
  auto can_list = anybody_can(yield, client, {.query = {{"list-type", "2"}, {"max-keys", "1"}}});
  const auto removed = client.succeed(yield, {.method = "DELETE", .key = key});
  if (!removed) return std::unexpected(removed.error());
  if (!can_read) return can_read;
  if (!can_list) return can_list;
  return *can_read || *can_list;
}

Result<bool> expire_orphaned_uploads(yield_context yield, S3Client& client, int days) {
  const auto rules = client.call(yield, {.query = {{"lifecycle", ""}}});
  if (!rules) return std::unexpected(rules.error());
  if (rules->is_success()) return false;
  const auto set =
      set_rules(yield, client, "lifecycle",
                "<LifecycleConfiguration><Rule><ID>ngx_media-orphaned-uploads</ID><Filter>"
                "<Prefix></Prefix></Filter><Status>Enabled</Status>"
                "<AbortIncompleteMultipartUpload><DaysAfterInitiation>" +
                    std::to_string(days) +
                    "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
                    "</LifecycleConfiguration>");
  if (!set) return std::unexpected(set.error());
  return true;
}

Result<void> allow_origins(yield_context yield, S3Client& client,
                           const std::vector<std::string>& origins) {
  std::string xml = "<CORSConfiguration><CORSRule>";
  for (const std::string& origin : origins) {
    xml += "<AllowedOrigin>" + xml_text(origin) + "</AllowedOrigin>";
  }
  xml +=
      "<AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>"
      "<AllowedHeader>Range</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
      "<ExposeHeader>Content-Range</ExposeHeader><MaxAgeSeconds>3600</MaxAgeSeconds>"
      "</CORSRule></CORSConfiguration>";
  return set_rules(yield, client, "cors", xml);
}

Result<void> probe_bucket(yield_context yield, S3Client& client, bool is_public) {
  const auto exists = bucket_exists(yield, client);
  if (!exists) return std::unexpected(exists.error());
  const std::string name = "bucket " + client.endpoint().bucket;
  if (!*exists) return fail(ErrorCode::storage, name + " does not exist");
  const auto is_open = is_open_to_everybody(yield, client);
  if (!is_open) return std::unexpected(is_open.error());
  if (!*is_open || is_public) return {};
  return fail(ErrorCode::storage,
              name +
                  " can be read by everybody, but should be private: close it, or say "
                  "visibility = \"public\"");
}

}  // namespace media::storage

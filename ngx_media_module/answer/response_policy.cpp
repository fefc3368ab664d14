#include "ngx_media_module/answer/response_policy.hpp"

#include "core/encoding.hpp"

namespace media::nginx {

std::string_view content_security_policy(std::string_view mime_type) {
  // Chromium refuses to start its PDF viewer in a sandboxed document.
  if (mime_type == "application/pdf") {
    return "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; "
           "img-src 'self' data:; base-uri 'none'; form-action 'none'";
  }
  // A browser's own player fetches the URL again, and must send cookies then,
  // which a document of an opaque origin does not. No script can run either way.
  if (mime_type.starts_with("video/") || mime_type.starts_with("audio/")) {
    return "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; "
           "img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'";
  }
  return "sandbox; default-src 'none'; style-src 'unsafe-inline'; "
         "img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'";
}

std::string_view cache_control(bool is_public) {
  return is_public ? "public, max-age=3600, immutable" : "private, max-age=3600, immutable";
}

std::array<char, 66> entity_tag(const std::array<std::uint8_t, 32>& sha256) {
  std::array<char, 66> tag;
  tag.front() = '"';
  *hex_encode_to(sha256, tag.data() + 1) = '"';
  return tag;
}

std::string_view pending_problem(DownloadStatus status) {
  if (status == DownloadStatus::downloading) {
    return R"({"type":"about:blank","title":"The media is being downloaded",)"
           R"("status":202,"download_status":"downloading"})";
  }
  return R"({"type":"about:blank","title":"The media is waiting to be downloaded",)"
         R"("status":202,"download_status":"pending"})";
}

}  // namespace media::nginx

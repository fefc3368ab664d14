#include <gtest/gtest.h>

#include <string>

#include "ngx_media_module/answer/response_policy.hpp"

namespace media::nginx {
namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(ContentSecurityPolicy, lets_nothing_load_or_run) {
  for (const auto* mime : {"image/jpeg", "text/html", "image/svg+xml", "video/mp4", "audio/ogg",
                           "application/pdf", "application/octet-stream", ""}) {
    const auto policy = content_security_policy(mime);
    EXPECT_TRUE(has(policy, "default-src 'none'")) << mime;
    EXPECT_FALSE(has(policy, "script")) << mime;
    EXPECT_FALSE(has(policy, "unsafe-eval")) << mime;
  }
}

TEST(ContentSecurityPolicy, sandboxes_all_but_pdf) {
  EXPECT_TRUE(content_security_policy("image/jpeg").starts_with("sandbox; "));
  EXPECT_TRUE(content_security_policy("text/html").starts_with("sandbox; "));
  EXPECT_TRUE(content_security_policy("").starts_with("sandbox; "));
  EXPECT_FALSE(has(content_security_policy("application/pdf"), "sandbox"));
}

TEST(ContentSecurityPolicy, lets_a_player_send_cookies_but_run_no_script) {
  const auto policy = content_security_policy("video/mp4");
  EXPECT_TRUE(policy.starts_with("sandbox allow-same-origin; "));
  EXPECT_FALSE(has(policy, "allow-scripts"));
}

TEST(CacheControl, keeps_private_files_out_of_shared_caches) {
  EXPECT_TRUE(cache_control(false).starts_with("private, "));
  EXPECT_TRUE(cache_control(true).starts_with("public, "));
}

TEST(EntityTag, is_the_quoted_hash) {
  std::array<std::uint8_t, 32> hash{};
  hash[0] = 0x0f;
  hash[31] = 0xa0;
  const auto tag = entity_tag(hash);
  EXPECT_EQ(std::string(tag.data(), tag.size()), "\"0f" + std::string(60, '0') + "a0\"");
}

TEST(PendingProblem, names_the_state) {
  EXPECT_TRUE(has(pending_problem(DownloadStatus::pending), R"("download_status":"pending")"));
  EXPECT_TRUE(
      has(pending_problem(DownloadStatus::downloading), R"("download_status":"downloading")"));
}

}  // namespace
}  // namespace media::nginx

// CPU time of one presigned URL, in microseconds, with a signing key that is known:
// `cmake --build build --target bench_presign`.
#include <array>
#include <cstdio>
#include <ctime>
#include <string>

#include "core/sigv4.hpp"

namespace {

double cpu_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e6 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e3;
}

}  // namespace

int main() {
  constexpr int kUrls = 200'000;
  const auto endpoint = media::parse_s3_endpoint("https://s3.eu-central-1.amazonaws.com",
                                                 "example-media", "eu-central-1", "path");
  if (!endpoint) return 1;
  const media::S3Credentials credentials = {"AKIAIOSFODNN7EXAMPLE",
                                            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
  const media::S3Pairs overrides = {
      {"response-cache-control", "private, max-age=3600, immutable"},
      {"response-content-disposition", "inline; filename=\"photo.jpg\""},
      {"response-content-type", "image/jpeg"}};
  media::SigningKey signing_key;
  std::size_t size = 0;
  const double begin = cpu_microseconds();
  for (int i = 0; i < kUrls; ++i) {
    const std::string key = "0198c1f2-7a1b-7bbb/2026/11/21/whatsapp/" + std::to_string(i) + ".jpg";
    size +=
        media::presign("GET", *endpoint, key, overrides, credentials, signing_key, 1795250000, 3600)
            .size();
  }
  std::printf("%.2f\n", (cpu_microseconds() - begin) / kUrls);
  return size > kUrls ? 0 : 1;
}

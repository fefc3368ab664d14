#include "indexer/ops/daemon_status.hpp"

#include "indexer/fetch/curl_handle.hpp"

namespace media::ops {
namespace {

constexpr long kPatience = 5;  // seconds
constexpr std::string_view kUnix = "unix:";

std::size_t append_body(char* bytes, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(bytes, size * count);
  return size * count;
}

}  // namespace

Result<DaemonStatus> ask_daemon(const std::string& listen, const std::string& path) {
  const fetch::CurlEasy easy(curl_easy_init());
  DaemonStatus answer;
  std::string host = listen;
  if (listen.starts_with(kUnix)) {
    curl_easy_setopt(easy.get(), CURLOPT_UNIX_SOCKET_PATH, listen.substr(kUnix.size()).c_str());
    host = "indexer";
  }
  curl_easy_setopt(easy.get(), CURLOPT_URL, ("http://" + host + path).c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT, kPatience);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer.body);
  if (const CURLcode code = curl_easy_perform(easy.get()); code != CURLE_OK) {
    return fail(ErrorCode::unavailable, listen + ": " + curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  return answer;
}

}  // namespace media::ops

#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "indexer/http/message.hpp"
#include "indexer/json.hpp"

namespace media::test {

/// Exact bytes of a file below t/fixtures/providers.
inline std::string provider_fixture(const std::string& name) {
  std::ifstream file(std::string(MEDIA_FIXTURES) + "/providers/" + name, std::ios::binary);
  if (!file) throw std::runtime_error("no fixture " + name);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline Json provider_fixture_json(const std::string& name) {
  return Json::parse(provider_fixture(name)).value();
}

inline http::Request webhook_request(std::string body) {
  http::Request request;
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

}  // namespace media::test

#include "indexer/providers/provider.hpp"

#include "indexer/http/problem.hpp"

namespace media::providers {

http::Response Provider::handshake(const http::Request&, const Secrets&) const {
  http::Response response = http::problem(405, "this webhook takes POST only");
  response.headers.emplace_back("Allow", "POST");
  return response;
}

ResolveAnswer Provider::read_resolve_answer(const MediaReference&, int, std::string_view,
                                            std::int64_t) const {
  ResolveAnswer answer;
  answer.verdict = ResolveAnswer::Verdict::gone;
  answer.message = "the provider has no resolver";
  return answer;
}

}  // namespace media::providers

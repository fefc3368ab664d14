#include <gtest/gtest.h>

#include "indexer/http/message.hpp"
#include "indexer/http/problem.hpp"
#include "indexer/http/response_head.hpp"

namespace media::http {
namespace {

Request request_to(std::string target) {
  Request request;
  request.target = std::move(target);
  return request;
}

TEST(HttpMessage, a_target_is_split_but_not_decoded) {
  const Request request = request_to("/webhooks/a%2Fb/c?x=1&y=%20?z");
  EXPECT_EQ(request.path(), "/webhooks/a%2Fb/c");
  EXPECT_EQ(request.query(), "x=1&y=%20?z");
  EXPECT_EQ(request_to("/healthz").query(), "");
  EXPECT_EQ(request_to("/healthz?").query(), "");
}

TEST(HttpMessage, the_first_query_parameter_of_a_name_is_decoded) {
  const Request request =
      request_to("/?hub.mode=subscribe&a=1%2B1+x&a=2&empty=&flag&%62=c&bad=%zz");
  EXPECT_EQ(request.query_value("hub.mode"), "subscribe");
  EXPECT_EQ(request.query_value("a"), "1+1 x");
  EXPECT_EQ(request.query_value("b"), "c");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("flag"), "");
  EXPECT_EQ(request.query_value("bad"), "%zz");
  EXPECT_EQ(request.query_value("absent"), "");
}

TEST(HttpMessage, headers_ignore_case_and_ambiguous_ones_are_empty) {
  Request request;
  request.headers = {{"X-Media-User", " \tu1 "}, {"X-Twice", "a"}, {"x-twice", "a"}};
  EXPECT_EQ(request.header("x-media-user"), "u1");
  EXPECT_EQ(request.header("X-Twice"), "");
  EXPECT_EQ(request.header("absent"), "");
}

TEST(HttpProblem, a_problem_names_title_status_and_detail) {
  const Response response = problem(404, "no \"such\" media");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body, R"({"type":"about:blank","title":"Not Found","status":404,)"
                           R"("detail":"no \"such\" media"})");
}

TEST(HttpProblem, errors_of_the_client_are_told_those_of_dependencies_are_logged) {
  EXPECT_NE(problem(Error{ErrorCode::invalid_argument, "limit is too large"})
                .body.find("limit is too large"),
            std::string::npos);
  testing::internal::CaptureStderr();
  const Response response = problem(Error{ErrorCode::unavailable, "host=10.0.0.5 refused"});
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body.find("10.0.0.5"), std::string::npos);
  EXPECT_NE(logged.find("10.0.0.5"), std::string::npos);
  EXPECT_EQ(response.headers.back().first, "Retry-After");
}

TEST(HttpResponseHead, no_header_value_can_add_another_header) {
  Response response;
  response.headers = {{"Location", "/a\r\nSet-Cookie: x=1"}};
  const std::string head = response_head(response, true, false);
  EXPECT_EQ(head.find("\r\nSet-Cookie"), std::string::npos) << head;
}

}  // namespace
}  // namespace media::http

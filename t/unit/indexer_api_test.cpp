#include "indexer/api/media_api.hpp"

#include <map>

#include <gtest/gtest.h>
#include <postgresql/libpq-fe.h>

#include "indexer/json.hpp"
#include "indexer_fixture.hpp"

namespace media::api {
namespace {

const std::string kCompany = "0190a000-0000-7000-8000-000000000001";
constexpr std::int64_t kNow = 1795250000;
const std::string kMedia = "0190a000-0000-7000-8000-0000000000aa";
using Row = std::map<std::string, std::optional<std::string>>;

// Rows as libpq would have received them.
db::Rows make_rows(const std::vector<Row>& rows, const Row& columns) {
  PGresult* result = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
  std::vector<PGresAttDesc> descriptions;
  for (const auto& [name, value] : columns) {
    PGresAttDesc description{};
    description.name = const_cast<char*>(name.c_str());
    descriptions.push_back(description);
  }
  PQsetResultAttrs(result, static_cast<int>(descriptions.size()), descriptions.data());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    int column = 0;
    for (const auto& [name, value] : rows[row]) {
      PQsetvalue(result, static_cast<int>(row), column++,
                 value ? const_cast<char*>(value->c_str()) : nullptr,
                 value ? static_cast<int>(value->size()) : -1);
    }
  }
  return db::Rows(result);
}

Row media_row() {
  return {{"id", kMedia},
          {"company_id", kCompany},
          {"conversation_id", "c"},
          {"message_id", "m"},
          {"item_index", "0"},
          {"file_name", "a \"b\".jpg"},
          {"file_type", "image"},
          {"mime_type", "image/jpeg"},
          {"declared_mime_type", "image/jpeg"},
          {"file_size", "224"},
          {"duration_seconds", "1.5"},
          {"waveform", std::nullopt},
          {"sha256", "37c4"},
          {"file_key", "c/a.jpg"},
          {"provider", "whatsapp"},
          {"provider_media_id", "77"},
          {"download_status", "completed"},
          {"download_attempts", "1"},
          {"last_error", std::nullopt},
          {"url_expires_at", "2026-11-21T08:38:20.000Z"},
          {"retry_at", std::nullopt},
          {"created_at", "2026-11-21T08:33:20.000Z"},
          {"updated_at", "2026-11-21T08:33:21.000Z"}};
}

class MediaApiTest : public testing::Test {
 protected:
  MediaApiTest() {
    request_.method = "GET";
    request_.headers = {{"X-Media-User", "0190a000-0000-7000-8000-0000000000ff"},
                        {"X-Media-Company", kCompany},
                        {"X-Media-Role", "agent"}};
  }

  http::Response make_link(const std::string& body) {
    request_.method = "POST";
    request_.body = body;
    return get("/api/v1/media/" + kMedia + "/links");
  }

  http::Response get(const std::string& target) {
    ApiDependencies dependencies;
    dependencies.query_as = [this](boost::asio::yield_context, const Uuid& company,
                                   std::string_view sql, db::Params params) -> Result<db::Rows> {
      company_ = company.to_string();
      params_ = std::move(params);
      if (is_away_) return fail(ErrorCode::unavailable, "database away");
      if (sql.starts_with("SELECT id FROM media.messages")) {
        return make_rows(message_exists_ ? std::vector<Row>{{{"id", "m"}}} : std::vector<Row>{},
                         {{"id", {}}});
      }
      return make_rows(rows_, media_row());
    };
    dependencies.progress = [](const std::string&) { return std::optional<double>(0.25); };
    dependencies.now = [] { return kNow; };
    dependencies.link_url = [this](const LinkGrant& grant) {
      granted_ = grant;
      return link_url_;
    };
    const MediaApi api(dependencies);
    request_.target = target;
    http::Response response;
    test::run(loop_,
              [&](boost::asio::yield_context yield) { response = api.handle(request_, yield); });
    return response;
  }

  boost::asio::io_context loop_{1};
  http::Request request_;
  std::vector<Row> rows_ = {media_row()};
  std::string company_;
  db::Params params_;
  bool is_away_ = false;
  bool message_exists_ = false;
  LinkGrant granted_;
  std::string link_url_ = "https://media.example/media/x?signature=y";
};

TEST_F(MediaApiTest, a_media_item_has_the_documented_members) {
  const auto response = get("/api/v1/media/" + kMedia);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(company_, kCompany);
  EXPECT_EQ(response.body,
            R"({"id":")" + kMedia + R"(","company_id":")" + kCompany +
                R"(","conversation_id":"c","message_id":"m","item_index":0,)"
                R"("file_name":"a \"b\".jpg","file_type":"image","mime_type":"image/jpeg",)"
                R"("declared_mime_type":"image/jpeg","file_size":224,"duration_seconds":1.5,)"
                R"("waveform":null,"sha256":"37c4",)"
                R"("file_key":"c/a.jpg","file_url":"/media/)" +
                kMedia +
                R"(","provider":"whatsapp","provider_media_id":"77",)"
                R"("download_status":"completed","download_attempts":1,"last_error":null,)"
                R"("url_expires_at":"2026-11-21T08:38:20.000Z",)"
                R"("created_at":"2026-11-21T08:33:20.000Z",)"
                R"("updated_at":"2026-11-21T08:33:21.000Z"})");
}

TEST_F(MediaApiTest, status_tells_how_far_a_download_is) {
  const auto progress = [&](const std::string& status) {
    rows_[0]["download_status"] = status;
    return Json::parse(get("/api/v1/media/" + kMedia + "/status").body)
        ->
        operator[]("progress")
        .dump();
  };
  EXPECT_EQ(progress("completed"), "1.0");
  EXPECT_EQ(progress("pending"), "0.0");
  EXPECT_EQ(progress("downloading"), "0.25");
  EXPECT_EQ(progress("failed"), "");
}

TEST_F(MediaApiTest, a_message_is_found_by_id_or_external_id) {
  const auto response = get("/api/v1/messages/wamid.A%2FB%3D/media");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(params_.at(0), "wamid.A/B=");
  const Json list = Json::parse(response.body).value();
  EXPECT_EQ(list["items"].size(), 1u);
  EXPECT_TRUE(response.body.ends_with(R"("next_cursor":null,"has_more":false})"));
  EXPECT_EQ(get("/api/v1/messages/" + kMedia + "/media").status, 200);
}

TEST_F(MediaApiTest, a_message_without_media_is_an_empty_list_an_unknown_one_404) {
  rows_.clear();
  message_exists_ = true;
  EXPECT_EQ(get("/api/v1/messages/wamid.1/media").body,
            R"({"items":[],"next_cursor":null,"has_more":false})");
  message_exists_ = false;
  EXPECT_EQ(get("/api/v1/messages/wamid.1/media").status, 404);
}

TEST_F(MediaApiTest, what_row_security_hides_is_404) {
  rows_.clear();
  EXPECT_EQ(get("/api/v1/media/" + kMedia).status, 404);
  EXPECT_EQ(get("/api/v1/media/" + kMedia + "/status").status, 404);
}

TEST_F(MediaApiTest, without_an_identity_it_is_401) {
  for (const char* company : {"", "acme", "0190a000-0000-7000-8000-00000000000"}) {
    request_.headers[1].second = company;
    const auto response = get("/api/v1/media/" + kMedia);
    EXPECT_EQ(response.status, 401) << company;
    EXPECT_EQ(response.content_type, "application/problem+json");
  }
  request_.headers[1].second = kCompany;
  request_.headers.emplace_back("x-media-company", kCompany);  // twice: whose is it?
  EXPECT_EQ(get("/api/v1/media/" + kMedia).status, 401);
  EXPECT_TRUE(company_.empty());
}

TEST_F(MediaApiTest, other_paths_and_methods_are_refused) {
  for (const char* target : {"/api/v1/", "/api/v1/media", "/api/v1/media/", "/api/v1/media/x",
                             "/api/v1/messages/a", "/api/v2/media/x", "/api/v1/messages//media",
                             "/api/v1/messages/%00/media", "/api/v1/media/x/y"}) {
    EXPECT_EQ(get(target).status, 404) << target;
  }
  request_.method = "POST";
  EXPECT_EQ(get("/api/v1/media/" + kMedia).status, 405);
}

TEST_F(MediaApiTest, a_link_is_made_for_an_hour_unless_told_otherwise) {
  const auto response = make_link("");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, R"({"url":"https://media.example/media/x?signature=y",)"
                           R"("expires_at":"2026-11-21T09:33:20Z"})");
  EXPECT_EQ(granted_.path, "/media/" + kMedia);
  EXPECT_EQ(granted_.expires_at, kNow + 3600);
  EXPECT_EQ(granted_.method, "GET");
  EXPECT_FALSE(granted_.is_prefix);
  EXPECT_TRUE(granted_.user.empty() && granted_.address.empty());
}

TEST_F(MediaApiTest, a_link_is_bound_as_asked) {
  EXPECT_EQ(make_link(R"({"expires_in":604800,"method":"HEAD","user":"auth0|7",)"
                      R"("address":"2001:DB8::0:1"})")
                .status,
            201);
  EXPECT_EQ(granted_.expires_at, kNow + 604800);
  EXPECT_EQ(granted_.method, "HEAD");
  EXPECT_EQ(granted_.user, "auth0|7");
  EXPECT_EQ(granted_.address, "2001:db8::1");
}

TEST_F(MediaApiTest, what_a_link_cannot_be_is_a_problem_that_names_the_member) {
  const std::string long_user = R"({"user":")" + std::string(257, 'u') + "\"}";
  for (const auto& [body, member] :
       std::vector<std::pair<std::string, std::string>>{{R"({"expires_in":0})", "expires_in"},
                                                        {R"({"expires_in":604801})", "expires_in"},
                                                        {R"({"expires_in":1.5})", "expires_in"},
                                                        {R"({"expires_in":"soon"})", "expires_in"},
                                                        {R"({"method":"DELETE"})", "method"},
                                                        {R"({"method":7})", "method"},
                                                        {R"({"user":""})", "user"},
                                                        {R"({"user":["ann"]})", "user"},
                                                        {R"({"user":"a\nb"})", "user"},
                                                        {long_user, "user"},
                                                        {R"({"address":"example.com"})", "address"},
                                                        {R"({"prefix":true})", "prefix"},
                                                        {"[]", "object"},
                                                        {"{", "JSON"}}) {
    const auto response = make_link(body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_NE(response.body.find(member), std::string::npos) << response.body;
  }
}

TEST_F(MediaApiTest, links_are_for_media_of_the_company_only) {
  rows_.clear();
  EXPECT_EQ(make_link("").status, 404);
  EXPECT_EQ(make_link("{").status, 404);
  EXPECT_EQ(company_, kCompany);
  EXPECT_TRUE(granted_.path.empty());
}

TEST_F(MediaApiTest, links_need_a_key_and_a_post) {
  link_url_.clear();
  EXPECT_EQ(make_link("").status, 501);
  request_.method = "GET";
  const auto response = get("/api/v1/media/" + kMedia + "/links");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.back(), (std::pair<std::string, std::string>("Allow", "POST")));
}

TEST_F(MediaApiTest, only_those_who_work_with_media_delete_and_restore_them) {
  const std::string item = "/api/v1/media/" + kMedia;
  for (const std::string role : {"", "viewer", "Agent", "owner"}) {
    request_.headers.back().second = role;
    request_.method = "DELETE";
    EXPECT_EQ(get(item).status, 403) << role;
    EXPECT_EQ(get("/api/v1/messages/x/media").status, 403) << role;
    request_.method = "POST";
    EXPECT_EQ(get(item + "/restore").status, 403) << role;
  }
  EXPECT_TRUE(company_.empty()) << "nothing was asked of the database";
}

TEST_F(MediaApiTest, figures_are_read_by_managers) {
  for (const std::string path : {"/api/v1/stats", "/api/v1/analytics"}) {
    for (const std::string role : {"", "viewer", "agent"}) {
      request_.headers.back().second = role;
      EXPECT_EQ(get(path).status, 403) << path << " " << role;
    }
    request_.method = "POST";
    EXPECT_EQ(get(path).status, 405);
    request_.method = "GET";
    EXPECT_EQ(get(path + "/x").status, 404);
  }
  EXPECT_TRUE(company_.empty()) << "nothing was asked of the database";
}

TEST_F(MediaApiTest, a_database_that_is_away_is_503) {
  is_away_ = true;
  const auto response = get("/api/v1/media/" + kMedia);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body.find("database away"), std::string::npos);
}

}  // namespace
}  // namespace media::api

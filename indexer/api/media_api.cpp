#include "indexer/api/media_api.hpp"

#include <algorithm>
#include <vector>

#include "core/encoding.hpp"
#include "indexer/api/link_json.hpp"
#include "indexer/api/media_json.hpp"
#include "indexer/http/problem.hpp"
#include "indexer/json.hpp"
#include "indexer/stats.hpp"

namespace media::api {
namespace {

constexpr std::string_view kPrefix = "/api/v1/";

bool is_plain_text(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// Decoded segments after the prefix; nothing when one is empty or malformed.
std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.starts_with(kPrefix)) return segments;
  path.remove_prefix(kPrefix.size());
  for (;;) {
    const auto slash = path.find('/');
    const auto segment = percent_decode(path.substr(0, slash));
    if (!segment || segment->empty() || !is_plain_text(*segment)) return {};
    segments.push_back(*segment);
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

http::Response json_response(const Json& json) {
  http::Response response;
  response.body = json.dump();
  // Personal data under a login: nothing on the way may keep it.
  response.headers.emplace_back("Cache-Control", "private, no-store");
  return response;
}

http::Response unauthorized() {
  http::Response response = http::problem(401, "a valid session is needed");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

http::Response wrong_method(const char* what, const char* allowed) {
  http::Response response = http::problem(405, what);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

http::Response forbidden(const char* what) { return http::problem(403, what); }

// A viewer looks on; roles of the application's own are asked for no more than that.
bool may_edit(std::string_view role) {
  return role == "agent" || role == "manager" || role == "admin";
}

bool may_manage(std::string_view role) { return role == "manager" || role == "admin"; }

Result<http::Response> not_found() { return fail(ErrorCode::not_found, "no such resource"); }

}  // namespace

MediaApi::MediaApi(ApiDependencies dependencies) : dependencies_(std::move(dependencies)) {}

http::Response MediaApi::handle(const http::Request& request,
                                boost::asio::yield_context yield) const {
  auto response = answer(request, yield);
  return response ? std::move(*response) : http::problem(response.error());
}

Result<http::Response> MediaApi::answer(const http::Request& request,
                                        boost::asio::yield_context yield) const {
  const auto company = Uuid::parse(request.header("x-media-company"));
  const auto user = Uuid::parse(request.header("x-media-user"));
  if (!company || !user) return unauthorized();
  const auto path = segments_of(request.path());
  const Caller caller{*company, user->to_string(), std::string(request.header("x-media-role"))};
  if (path.size() == 1 && (path[0] == "stats" || path[0] == "analytics")) {
    return figures(request, yield, caller, path[0]);
  }
  const bool is_media = path.size() >= 2 && path[0] == "media";
  const bool is_message = path.size() == 3 && path[0] == "messages" && path[2] == "media";
  const bool is_status = is_media && path.size() == 3 && path[2] == "status";
  const bool is_links = is_media && path.size() == 3 && path[2] == "links";
  const bool is_restore = is_media && path.size() == 3 && path[2] == "restore";
  const bool is_item = is_media && path.size() == 2;
  if (!is_message && !is_status && !is_links && !is_restore && !is_item) return not_found();
  if (is_restore || ((is_item || is_message) && request.method == "DELETE")) {
    return change(request, yield, caller, path);
  }
  if (is_links) {
    if (request.method != "POST") return wrong_method("links are made with POST", "POST");
    return make_link(yield, *company, path[1], request.body);
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return is_status ? wrong_method("this resource is read with GET", "GET, HEAD")
                     : wrong_method("this resource is read with GET, and deleted with DELETE",
                                    "GET, HEAD, DELETE");
  }
  if (is_message) return message_media(yield, *company, path[1]);
  return is_status ? status(yield, *company, path[1]) : media(yield, *company, path[1]);
}

Result<http::Response> MediaApi::change(const http::Request& request,
                                        boost::asio::yield_context yield, const Caller& caller,
                                        const std::vector<std::string>& path) const {
  if (path.back() == "restore" && path.size() == 3 && request.method != "POST") {
    return wrong_method("media are restored with POST", "POST");
  }
  if (!may_edit(caller.role)) {
    return forbidden("deleting and restoring media needs the role agent, manager or admin");
  }
  if (path[0] == "messages") return remove_of_message(yield, caller, path[1]);
  return path.size() == 2 ? remove(yield, caller, path[1]) : restore(yield, caller, path[1]);
}

Result<http::Response> MediaApi::remove(boost::asio::yield_context yield, const Caller& caller,
                                        const std::string& id) const {
  if (!Uuid::parse(id)) return not_found();
  const auto rows = dependencies_.query_as(
      yield, caller.company, "SELECT media.delete_media($1, $2, $3, 'deleted by a user') AS found",
      {caller.company.to_string(), id, caller.user});
  if (!rows) return std::unexpected(rows.error());
  if (!rows->boolean(0, "found")) return not_found();
  http::Response response;
  response.status = 204;
  return response;
}

Result<http::Response> MediaApi::remove_of_message(boost::asio::yield_context yield,
                                                   const Caller& caller,
                                                   const std::string& message) const {
  const auto rows = dependencies_.query_as(
      yield, caller.company,
      "SELECT media.delete_message_media($1, $2, $3, 'deleted by a user') AS deleted",
      {caller.company.to_string(), message, caller.user});
  if (!rows) return std::unexpected(rows.error());
  if (rows->is_null(0, "deleted")) return not_found();
  return json_response(Json::object().set("deleted", rows->integer(0, "deleted")));
}

Result<http::Response> MediaApi::restore(boost::asio::yield_context yield, const Caller& caller,
                                         const std::string& id) const {
  if (!Uuid::parse(id)) return not_found();
  const auto rows = dependencies_.query_as(
      yield, caller.company,
      "SELECT media.restore_media($1, $2, $3, 'restored by a user') AS status",
      {caller.company.to_string(), id, caller.user});
  if (!rows) return std::unexpected(rows.error());
  if (rows->is_null(0, "status")) return not_found();
  if (rows->text(0, "status") == "pending") dependencies_.jobs_added();
  return status(yield, caller.company, id);
}

Result<http::Response> MediaApi::figures(const http::Request& request,
                                         boost::asio::yield_context yield, const Caller& caller,
                                         std::string_view what) const {
  if (request.method != "GET" && request.method != "HEAD") {
    return wrong_method("this resource is read with GET", "GET, HEAD");
  }
  if (!may_manage(caller.role)) return forbidden("figures need the role manager or admin");
  const std::string company = caller.company.to_string();
  if (what == "stats") {
    const auto rows = dependencies_.query_as(yield, caller.company, kSelectStorageStats, {company});
    if (!rows) return std::unexpected(rows.error());
    return json_response(storage_stats_json(*rows));
  }
  const auto period =
      parse_period(request.query_value("from"), request.query_value("to"), dependencies_.now());
  if (!period) return std::unexpected(period.error());
  const auto rows = dependencies_.query_as(yield, caller.company, kSelectAnalytics,
                                           {company, period->from, period->to});
  if (!rows) return std::unexpected(rows.error());
  return json_response(analytics_json(*period, *rows));
}

Result<http::Response> MediaApi::message_media(boost::asio::yield_context yield,
                                               const Uuid& company,
                                               const std::string& message) const {
  // A provider's own id may look like one of ours.
  const std::string or_id = Uuid::parse(message) ? " OR id = $1::text::uuid" : "";
  const std::string messages = "SELECT id FROM media.messages WHERE external_id = $1::text" + or_id;
  const auto rows =
      dependencies_.query_as(yield, company,
                             kSelectMedia + "AND m.message_id = ANY (ARRAY(" + messages +
                                 ")) ORDER BY m.created_at, m.item_index, m.id",
                             {message});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) {
    const auto known = dependencies_.query_as(yield, company, messages, {message});
    if (!known) return std::unexpected(known.error());
    if (known->empty()) return not_found();
  }
  Json items = Json::array();
  for (std::size_t row = 0; row < rows->size(); ++row) items.push(media_json(*rows, row));
  return json_response(
      Json::object().set("items", items).set_null("next_cursor").set("has_more", false));
}

Result<db::Rows> MediaApi::media_rows(boost::asio::yield_context yield, const Uuid& company,
                                      const std::string& id) const {
  if (!Uuid::parse(id)) return fail(ErrorCode::not_found, "no such resource");
  auto rows = dependencies_.query_as(yield, company, kSelectMedia + "AND m.id = $1::uuid", {id});
  if (rows && rows->empty()) return fail(ErrorCode::not_found, "no such resource");
  return rows;
}

Result<http::Response> MediaApi::media(boost::asio::yield_context yield, const Uuid& company,
                                       const std::string& id) const {
  const auto rows = media_rows(yield, company, id);
  if (!rows) return std::unexpected(rows.error());
  return json_response(media_json(*rows, 0));
}

Result<http::Response> MediaApi::status(boost::asio::yield_context yield, const Uuid& company,
                                        const std::string& id) const {
  const auto rows = media_rows(yield, company, id);
  if (!rows) return std::unexpected(rows.error());
  const std::string canonical(rows->text(0, "id"));
  return json_response(status_json(*rows, 0, dependencies_.progress(canonical)));
}

Result<http::Response> MediaApi::make_link(boost::asio::yield_context yield, const Uuid& company,
                                           const std::string& id, const std::string& body) const {
  const auto rows = media_rows(yield, company, id);
  if (!rows) return std::unexpected(rows.error());
  auto grant = parse_link_grant(body, dependencies_.now());
  if (!grant) return std::unexpected(grant.error());
  grant->path = "/media/" + std::string(rows->text(0, "id"));
  const std::string url = dependencies_.link_url(*grant);
  if (url.empty()) return http::problem(501, "this site has no key for links");
  auto response = json_response(link_json(*grant, url));
  response.status = 201;
  return response;
}

}  // namespace media::api

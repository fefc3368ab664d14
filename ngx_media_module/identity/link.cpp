#include "ngx_media_module/identity/link.hpp"

#include "ngx_media_module/log.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

/// The path as the client sent it, decoded, and the query. A rewrite or an internal
/// redirect changes nginx's own idea of it; the link was made for the public one.
struct PublicUrl {
  std::string path;
  std::string_view query;
};

/// nginx would have resolved these: a path that another one was served for opens nothing.
bool is_plain(std::string_view path) {
  return path.find("//") == std::string_view::npos && path.find("/./") == std::string_view::npos &&
         path.find("/../") == std::string_view::npos && !path.ends_with("/..") &&
         !path.ends_with("/.") && path.find('\0') == std::string_view::npos;
}

std::optional<PublicUrl> public_url(ngx_http_request_t* r) {
  std::string_view target = view(r->unparsed_uri);
  target = target.substr(0, target.find('#'));
  const auto question_mark = target.find('?');
  auto path = percent_decode(target.substr(0, question_mark));
  if (!path || !is_plain(*path)) return std::nullopt;
  const auto query = question_mark == std::string_view::npos ? std::string_view()
                                                             : target.substr(question_mark + 1);
  return PublicUrl{std::move(*path), query};
}

bool names_user(std::string_view query) {
  return query.starts_with("user=") || query.find("&user=") != std::string_view::npos;
}

LinkState verify(ngx_http_request_t* r, RequestCtx& ctx, const PublicUrl& url) {
  const bool is_known = ctx.caller.state == TokenState::good;
  const LinkRequest request{.method = view(r->method_name),
                            .path = url.path,
                            .query = url.query,
                            .user = is_known ? view(ctx.caller.user) : "",
                            .address = view(r->connection->addr_text)};
  const auto grant = verify_link(request, location_conf(r).policy.links->keys, ngx_time());
  if (grant) return LinkState::good;
  RequestLog(r).write(NGX_LOG_INFO, 0, "link refused: " + grant.error().message);
  return LinkState::bad;
}

}  // namespace

LinkState check_link(ngx_http_request_t* r, RequestCtx& ctx, Patience patience) {
  const auto url = public_url(r);
  if (!url || !has_link(url->query)) return LinkState::none;
  const bool needs_user = names_user(url->query) && location_conf(r).policy.sessions != nullptr;
  if (needs_user && identify(r, ctx, patience).state == TokenState::unknown) {
    return LinkState::unknown;
  }
  const LinkState state = verify(r, ctx, *url);
  // Whether the caller is the user of the link, nobody can tell now.
  const bool is_open = needs_user && ctx.caller.state == TokenState::unavailable;
  return state == LinkState::bad && is_open ? LinkState::unavailable : state;
}

}  // namespace media::nginx

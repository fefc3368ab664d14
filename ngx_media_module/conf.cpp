#include "ngx_media_module/conf.hpp"

#include <algorithm>

#include "core/crypto.hpp"
#include "ngx_media_module/content.hpp"
#include "ngx_media_module/directives.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/s3/s3_store.hpp"
#include "ngx_media_module/shared_zone.hpp"
#include "ngx_media_module/stats.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

constexpr const char* kLookupMedia =
    "SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256 "
    "FROM media.lookup_media($1)";
constexpr const char* kLookupMediaMany =
    "SELECT asked, company_id, status, visibility, store, storage_key, mime_type, file_name, size, "
    "sha256 FROM media.lookup_media_many($1)";
constexpr const char* kLookupRendition =
    "SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256 "
    "FROM media.lookup_rendition($1, $2)";
constexpr const char* kLookupKey =
    "SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, "
    "sha256, "
    "media_id FROM media.lookup_media_by_key($1)";
constexpr const char* kLookupRevocation = "SELECT revoked FROM media.lookup_revocation($1, $2, $3)";

ngx_http_core_loc_conf_t& core_conf(ngx_conf_t* cf) {
  return *static_cast<ngx_http_core_loc_conf_t*>(
      ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
}

/// `if` and `limit_except` blocks are locations of their own; the content of
/// the location around them applies there too.
void inherit_media(ngx_conf_t* cf, LocationConf& child, const LocationConf& parent) {
  auto& core = core_conf(cf);
  if (child.is_media() || !parent.is_media()) return;
  const bool is_limit = core.lmt_excpt && core.handler == nullptr;
  if (!core.noname && !is_limit) return;
  child.media_by = parent.media_by;
  child.subject = parent.subject;
  child.rendition = parent.rendition;
  if (is_limit) core.handler = guarded_handler<content_handler>;
}

char* missing(ngx_conf_t* cf, const char* directive, const char* needed) {
  const ngx_str_t& location = core_conf(cf).name;
  return conf_error(cf, "\"%s\" in location \"%V\" needs \"%s\"", directive, &location, needed);
}

const char* directive_of(const LocationConf& conf) {
  if (conf.media_by == MediaBy::key) return "media_key";
  return conf.is_media() ? "media" : "media_authorize";
}

/// A query and what it is asked about may come from different levels.
char* check_query(ngx_conf_t* cf, const LocationConf& conf) {
  const bool uses_rendition = conf.query && count_parameters(*conf.query) == 2;
  const bool has_rendition = conf.media_by == MediaBy::rendition;
  if (!conf.query || uses_rendition == has_rendition) return NGX_CONF_OK;
  return conf_error(cf,
                    has_rendition
                        ? "\"media\" in location \"%V\" has a rendition, for which its "
                          "\"media_lookup_query\" needs $2"
                        : "\"media_lookup_query\" of location \"%V\" uses $2, for which \"media\" "
                          "needs a second value",
                    &core_conf(cf).name);
}

char* check(ngx_conf_t* cf, const LocationConf& conf) {
  if (!conf.is_guarded()) return NGX_CONF_OK;
  const char* directive = directive_of(conf);
  const MainConf& main = main_conf(cf);
  const Requirements& require = conf.policy.require;
  if (require.session && conf.policy.sessions == nullptr) {
    return missing(cf, directive, "media_session");
  }
  if (require.link && conf.policy.links == nullptr) return missing(cf, directive, "media_link_key");
  if (!conf.is_media()) {
    if (require.session || require.link) return NGX_CONF_OK;
    return conf_error(cf,
                      "\"media_authorize\" in location \"%V\" needs \"media_require\" to name "
                      "\"session\" or \"link\"",
                      &core_conf(cf).name);
  }
  if (!main.database) return missing(cf, directive, "media_database");
  if (main.stores.empty()) return missing(cf, directive, "media_store");
  return check_query(cf, conf);
}

Statement record_statement(std::string sql, int parameters, std::string name) {
  return {.sql = std::move(sql),
          .parameters = parameters,
          .encode = encode_record,
          .part = CachePart::records,
          .name = std::move(name)};
}

Statement media_statement(MainConf& main, ngx_pool_t* pool) {
  Statement statement = record_statement(kLookupMedia, 1, "media.lookup_media()");
  statement.many =
      main.use_statement(pool, record_statement(kLookupMediaMany, 1, "media.lookup_media_many()"));
  return statement;
}

Statement statement_of(const LocationConf& conf, MainConf& main, ngx_pool_t* pool) {
  if (conf.query) {
    const int parameters = count_parameters(*conf.query).value_or(1);
    return record_statement(*conf.query, parameters, "media_lookup_query");
  }
  switch (conf.media_by) {
    case MediaBy::rendition:
      return record_statement(kLookupRendition, 2, "media.lookup_rendition()");
    case MediaBy::key:
      return record_statement(kLookupKey, 1, "media.lookup_media_by_key()");
    default:
      return media_statement(main, pool);
  }
}

/// Known only when all directives are read, since they may come in any order.
char* finish_session(ngx_conf_t* cf, Session& session) {
  MainConf& main = main_conf(cf);
  const bool is_database = std::holds_alternative<DatabaseSession>(session.method);
  const bool has_tokens = std::holds_alternative<JwtSession>(session.method) ||
                          std::holds_alternative<NextAuthSession>(session.method);
  const bool is_revocable = has_tokens && session.is_revocable.value_or(main.database.has_value());
  if (!is_database && !is_revocable) return NGX_CONF_OK;
  if (!main.database) {
    return conf_error(cf, "\"media_session %s\" needs \"media_database\"",
                      is_database ? "database" : "... revocable=on");
  }
  if (!is_revocable) return NGX_CONF_OK;
  session.revocation = main.use_statement(cf->pool, {.sql = kLookupRevocation,
                                                     .parameters = 3,
                                                     .encode = encode_unrevoked,
                                                     .part = CachePart::identities,
                                                     .name = "media.lookup_revocation()"});
  return NGX_CONF_OK;
}

char* finish_sessions(ngx_conf_t* cf, const SessionChain* chain) {
  if (chain == nullptr) return NGX_CONF_OK;
  for (Session* session : chain->sessions) {
    if (char* error = finish_session(cf, *session); error != NGX_CONF_OK) return error;
  }
  return NGX_CONF_OK;
}

void inherit(LocationConf& child, const LocationConf& parent) {
  if (child.sessions == nullptr && !child.has_sessions_off) {
    child.sessions = parent.sessions;
    child.has_sessions_off = parent.has_sessions_off;
  }
  if (child.tokens == nullptr) child.tokens = parent.tokens;
  if (child.links == nullptr) child.links = parent.links;
  if (!child.require) child.require = parent.require;
  if (!child.query) child.query = parent.query;
}

AccessPolicy policy_of(const LocationConf& conf, MainConf& main, ngx_pool_t* pool) {
  return {.sessions = conf.sessions,
          .tokens = conf.tokens != nullptr ? conf.tokens : main.default_tokens,
          .links = conf.links,
          .statement =
              conf.is_media() ? main.use_statement(pool, statement_of(conf, main, pool)) : nullptr,
          .require = conf.require.value_or(Requirements{.session = true})};
}

/// The request headers that the answer depends on.
std::string vary_of(const AccessPolicy& policy) {
  std::vector<std::string_view> sources;
  if (policy.sessions == nullptr) return {};
  for (const Session* session : policy.sessions->sessions) {
    if (std::holds_alternative<NextAuthSession>(session->method)) {
      sources.emplace_back("$http_cookie");
    } else if (const auto* request = std::get_if<RequestSession>(&session->method)) {
      sources.insert(sources.end(), {"$http_authorization", "$http_cookie"});
      sources.insert(sources.end(), request->key_texts.begin(), request->key_texts.end());
    } else {
      sources.insert(sources.end(), policy.tokens->texts.begin(), policy.tokens->texts.end());
    }
  }
  return media::nginx::vary_of(sources);
}

void note_server(ngx_conf_t* cf, const LocationConf& conf) {
  if (!conf.is_media()) return;
  const auto* server = static_cast<ngx_http_core_srv_conf_t*>(
      ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module));
  auto& servers = main_conf(cf).media_servers;
  if (std::ranges::find(servers, server) == servers.end()) servers.push_back(server);
}

char* merge(ngx_conf_t* cf, const LocationConf& parent, LocationConf& child) {
  MainConf& main = main_conf(cf);
  if (main.default_tokens == nullptr) main.default_tokens = make_default_tokens(cf);
  ngx_conf_merge_value(child.authorize, parent.authorize, 0);
  inherit(child, parent);
  inherit_media(cf, child, parent);
  child.policy = policy_of(child, main, cf->pool);
  child.vary = vary_of(child.policy);
  if (char* error = finish_sessions(cf, child.sessions); error != NGX_CONF_OK) return error;
  note_server(cf, child);
  return check(cf, child);
}

}  // namespace

const StoreConf* MainConf::find_store(std::string_view name) const {
  const auto found = std::ranges::find(stores, name, &StoreConf::name);
  return found == stores.end() ? nullptr : &*found;
}

bool MainConf::has_proxied_store() const {
  return std::ranges::any_of(stores, [](const StoreConf& store) {
    return store.s3 != nullptr && store.s3->serve == S3Serve::proxy;
  });
}

const Statement* MainConf::use_statement(ngx_pool_t* pool, Statement statement) {
  const auto same = std::ranges::find_if(statements, [&](const Statement* each) {
    return each->sql == statement.sql && each->encode == statement.encode;
  });
  if (same != statements.end()) return *same;
  statement.index = statements.size();
  statements.push_back(make_in_pool<Statement>(pool, std::move(statement)));
  return statements.back();
}

std::uint64_t fingerprint_of(std::string_view text) {
  const Sha256Digest digest = sha256(as_bytes(text));
  std::uint64_t fingerprint = 0;
  std::memcpy(&fingerprint, digest.data(), sizeof fingerprint);
  return fingerprint;
}

void* create_main_conf(ngx_conf_t* cf) noexcept {
  return guard<void*>(cf->log, nullptr, [cf] { return make_in_pool<MainConf>(cf->pool); });
}

ngx_int_t finish_main_conf(ngx_conf_t* cf) {
  MainConf& main = main_conf(cf);
  const std::string where = main.database ? main.database->target.describe() : "";
  for (Statement* statement : main.statements) {
    statement->fingerprint = fingerprint_of(where + '\n' + statement->sql);
  }
  constexpr std::size_t kZoneBytes = 262144;
  static_assert(Stats::kBlockBytes < kZoneBytes / 2);
  main.stats_zone = add_shared_zone(cf, "ngx_media_stats", kZoneBytes, [](ngx_shm_zone_t& zone) {
    return block_of(zone).size() >= Stats::kBlockBytes;
  });
  return main.stats_zone == nullptr ? NGX_ERROR : NGX_OK;
}

void* create_location_conf(ngx_conf_t* cf) noexcept {
  return guard<void*>(cf->log, nullptr, [cf] { return make_in_pool<LocationConf>(cf->pool); });
}

char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child) noexcept {
  return guard<char*>(cf->log, static_cast<char*>(NGX_CONF_ERROR), [&] {
    return merge(cf, *static_cast<LocationConf*>(parent), *static_cast<LocationConf*>(child));
  });
}

MainConf& main_conf(ngx_conf_t* cf) {
  return *static_cast<MainConf*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_media_module));
}

MainConf& main_conf(ngx_http_request_t* r) {
  return *static_cast<MainConf*>(ngx_http_get_module_main_conf(r, ngx_http_media_module));
}

const LocationConf& location_conf(ngx_http_request_t* r) {
  return *static_cast<LocationConf*>(ngx_http_get_module_loc_conf(r, ngx_http_media_module));
}

}  // namespace media::nginx

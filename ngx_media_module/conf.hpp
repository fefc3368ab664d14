#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/signed_link.hpp"
#include "ngx_media_module/identity/session.hpp"
#include "ngx_media_module/identity/token_source.hpp"
#include "ngx_media_module/identity/watched_file.hpp"
#include "ngx_media_module/lookup/conninfo.hpp"
#include "ngx_media_module/lookup/statement.hpp"
#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// `media_database`
struct DatabaseConf {
  ConnectTarget target;
  std::optional<ConnectTarget> listen = std::nullopt;  ///< none: changes are not heard
  std::size_t connections = 2;
  ngx_msec_t timeout = 2000;
  std::size_t queue = 1024;
  bool prepares = true;  ///< statements, which a pooler may not allow
};

/// `media_cache`
struct CacheConf {
  ngx_shm_zone_t* zone = nullptr;
  ngx_msec_t valid = 300'000;
  ngx_msec_t negative = 5'000;
  ngx_msec_t stale = 600'000;
};

struct S3Store;

/// `media_store`
struct StoreConf {
  std::string name;
  std::string root;       ///< of a directory: absolute, without a final slash
  S3Store* s3 = nullptr;  ///< of an object store
};

/// One variable of `media_token`.
struct TokenSource {
  ngx_int_t variable;  ///< its index
  TokenForm form;
};

/// `media_token`
struct TokenConf {
  std::vector<TokenSource> sources;
  std::vector<std::string> texts;  ///< as configured
};

/// `media_link_key`
struct LinkConf {
  std::vector<LinkKey> keys;
};

/// What opens a location, of which one is enough: `media_require`.
struct Requirements {
  bool session = false;
  bool link = false;
  bool is_public = false;
  friend bool operator==(const Requirements&, const Requirements&) = default;
};

struct MainConf {
  std::optional<DatabaseConf> database;
  std::optional<CacheConf> cache;
  std::vector<StoreConf> stores;
  std::vector<const ngx_http_core_srv_conf_t*> media_servers;  ///< that have `media` locations
  std::vector<Statement*> statements;                          ///< by Statement::index
  std::vector<WatchedFile*> watched_files;
  ngx_shm_zone_t* stats_zone = nullptr;
  TokenConf* default_tokens = nullptr;

  const StoreConf* find_store(std::string_view name) const;
  /// Whether any bytes pass through a location of the operator's.
  bool has_proxied_store() const;
  /// The statement, known to every connection from now on; one of the same text
  /// and meaning is taken if there is one.
  const Statement* use_statement(ngx_pool_t* pool, Statement statement);
};

/// What decides who sees what in a location.
struct AccessPolicy {
  const SessionChain* sessions = nullptr;  ///< null: `media_session off`
  const TokenConf* tokens = nullptr;
  const LinkConf* links = nullptr;
  const Statement* statement = nullptr;  ///< that looks media up
  Requirements require;
  friend bool operator==(const AccessPolicy&, const AccessPolicy&) = default;
};

enum class MediaBy { none, id, rendition, key };
enum class StatusFormat { none, prometheus, json };

/// Merged by hand where nginx's macros do not fit.
struct LocationConf {
  ngx_flag_t authorize = NGX_CONF_UNSET;
  // As given in this block, after merging as inherited:
  SessionChain* sessions = nullptr;
  bool has_sessions_off = false;
  TokenConf* tokens = nullptr;
  LinkConf* links = nullptr;
  std::optional<Requirements> require;
  std::optional<std::string> query;  ///< media_lookup_query

  MediaBy media_by = MediaBy::none;
  ngx_http_complex_value_t* subject = nullptr;  ///< the id or key; null: the rest of the URI
  ngx_http_complex_value_t* rendition = nullptr;
  StatusFormat status = StatusFormat::none;

  // After merging:
  AccessPolicy policy;
  std::string vary;  ///< `Vary` of answers that depend on the caller

  bool is_media() const { return media_by != MediaBy::none; }
  bool is_guarded() const { return is_media() || authorize == 1; }
};

void* create_main_conf(ngx_conf_t* cf) noexcept;
void* create_location_conf(ngx_conf_t* cf) noexcept;
/// Also checks that what a location needs is configured.
char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child) noexcept;

/// After all blocks are merged: tells statements apart, adds the zone of counters.
ngx_int_t finish_main_conf(ngx_conf_t* cf);

MainConf& main_conf(ngx_conf_t* cf);
MainConf& main_conf(ngx_http_request_t* r);
const LocationConf& location_conf(ngx_http_request_t* r);

/// A hash that tells configurations apart, not one that resists an attacker.
std::uint64_t fingerprint_of(std::string_view text);

/// Logs an error of the configuration; `format` is that of ngx_log_error().
template <class... Arguments>
char* conf_error(ngx_conf_t* cf, const char* format, Arguments... arguments) {
  ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, format, arguments...);
  return static_cast<char*>(NGX_CONF_ERROR);
}

}  // namespace media::nginx

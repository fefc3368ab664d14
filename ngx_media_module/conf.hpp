#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/jws_key.hpp"
#include "core/jwt.hpp"
#include "ngx_media_module/conninfo.hpp"
#include "ngx_media_module/ngx.hpp"
#include "ngx_media_module/token_source.hpp"

namespace media::nginx {

/// `media_database`
struct DatabaseConf {
  ConnectTarget target;
  std::size_t connections = 2;
  ngx_msec_t timeout = 2000;
  std::size_t queue = 1024;
};

/// `media_store NAME local`
struct StoreConf {
  std::string name;
  std::string root;  ///< absolute, without a final slash
};

/// `media_session jwt`
struct SessionConf {
  JwsKeySet keys;
  JwtPolicy policy;
};

/// One value of `media_token`.
struct TokenSource {
  ngx_http_complex_value_t value;
  TokenForm form;
};

/// `media_token`
struct TokenConf {
  std::vector<TokenSource> sources;
  std::string vary;  ///< `Vary` of answers that depend on them
};

struct MainConf {
  std::optional<DatabaseConf> database;
  std::vector<StoreConf> stores;
  TokenConf* default_tokens = nullptr;

  const StoreConf* find_store(std::string_view name) const;
};

/// Allocated by nginx's pool and merged by its macros, hence plain.
struct LocationConf {
  ngx_flag_t authorize;
  const SessionConf* session;  ///< null: `media_session off`
  const TokenConf* tokens;
  ngx_http_complex_value_t* media_id;  ///< null: no `media` here

  bool is_guarded() const { return media_id != nullptr || authorize == 1; }
};

void* create_main_conf(ngx_conf_t* cf) noexcept;
void* create_location_conf(ngx_conf_t* cf) noexcept;
/// Also checks that what a location needs is configured.
char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child) noexcept;

MainConf& main_conf(ngx_conf_t* cf);
MainConf& main_conf(ngx_http_request_t* r);
const LocationConf& location_conf(ngx_http_request_t* r);

/// Logs an error of the configuration; `format` is that of ngx_log_error().
template <class... Arguments>
char* conf_error(ngx_conf_t* cf, const char* format, Arguments... arguments) {
  ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, format, arguments...);
  return static_cast<char*>(NGX_CONF_ERROR);
}

}  // namespace media::nginx

#include "ngx_media_module/directives.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

#include "ngx_media_module/answer/status_response.hpp"
#include "ngx_media_module/cache/cache_zone.hpp"
#include "ngx_media_module/content.hpp"
#include "ngx_media_module/directive_arguments.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/identity/key_file.hpp"
#include "ngx_media_module/session_directive.hpp"
#include "ngx_media_module/store_directive.hpp"

namespace media::nginx {
namespace {

bool set_database_parameter(const ngx_str_t& parameter, DatabaseConf& database) {
  if (const auto value = value_of(parameter, "connections")) {
    return set_count(*value, 64, database.connections);
  }
  if (const auto value = value_of(parameter, "queue")) {
    return set_count(*value, 1000000, database.queue);
  }
  if (const auto value = value_of(parameter, "timeout")) {
    return set_milliseconds(*value, 1, database.timeout);
  }
  if (const auto value = value_of(parameter, "prepare")) {
    database.prepares = view(*value) == "on";
    return database.prepares || view(*value) == "off";
  }
  return false;
}

/// Who listens for changes: another connection string where lookups go through a
/// pooler, "off" where nobody notifies, or else the same.
char* set_listen_target(ngx_conf_t* cf, const std::optional<ngx_str_t>& value,
                        DatabaseConf& database) {
  if (!value && !database.prepares) {
    return conf_error(cf,
                      "\"media_database\" with \"prepare=off\" needs \"listen=\": a pooler passes "
                      "no notifications on, so name the database server itself, or \"off\"");
  }
  if (!value) database.listen = database.target;
  if (!value || view(*value) == "off") return NGX_CONF_OK;
  if (value->len == 0) {
    return conf_error(cf, "\"media_database\" needs a connection string or \"off\" in \"listen=\"");
  }
  auto target = ConnectTarget::parse(std::string(view(*value)));
  if (!target) {
    return conf_error(cf, "\"media_database\" has an invalid \"listen=\" connection string: %s",
                      target.error().message.c_str());
  }
  database.listen = std::move(*target);
  return NGX_CONF_OK;
}

char* set_database(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& main = *static_cast<MainConf*>(conf);
  if (main.database) return const_cast<char*>("is duplicate");
  const auto arguments = arguments_of(cf);
  auto target = ConnectTarget::parse(std::string(view(arguments[1])));
  if (!target) {
    // The string itself may hold a password.
    return conf_error(cf, "\"media_database\" has an invalid connection string: %s",
                      target.error().message.c_str());
  }
  DatabaseConf database{.target = std::move(*target)};
  std::optional<ngx_str_t> listen;
  for (const auto& parameter : arguments.subspan(2)) {
    if (const auto value = value_of(parameter, "listen")) {
      listen = value;
    } else if (!set_database_parameter(parameter, database)) {
      return bad_parameter(cf, parameter);
    }
  }
  if (char* error = set_listen_target(cf, listen, database); error != NGX_CONF_OK) return error;
  main.database = std::move(database);
  return NGX_CONF_OK;
}

char* set_cache_zone(ngx_conf_t* cf, const ngx_str_t& parameter, CacheConf& cache) {
  constexpr const char* kForm = "zone=NAME:SIZE, once, such as zone=ngx_media:64m";
  const auto text = view(*value_of(parameter, "zone"));
  const auto colon = std::min(text.find(':'), text.size());
  ngx_str_t size_text = borrow(text.substr(std::min(colon + 1, text.size())));
  const ssize_t size = ngx_parse_size(&size_text);
  if (cache.zone != nullptr || colon == 0 || colon == text.size() || size == NGX_ERROR) {
    return bad_parameter(cf, parameter, kForm);
  }
  constexpr ssize_t kMinBytes = 2 * static_cast<ssize_t>(SharedCache::kMinBytes);
  if (size < kMinBytes) return bad_parameter(cf, parameter, "a zone of 2m at least");
  cache.zone =
      add_shared_zone(cf, text.substr(0, colon), static_cast<std::size_t>(size), CacheZone::format);
  return cache.zone != nullptr ? NGX_CONF_OK : static_cast<char*>(NGX_CONF_ERROR);
}

char* set_cache(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& main = *static_cast<MainConf*>(conf);
  if (main.cache) return const_cast<char*>("is duplicate");
  CacheConf cache;
  for (const auto& parameter : arguments_of(cf).subspan(1)) {
    bool is_good = false;
    if (value_of(parameter, "zone")) {
      if (char* error = set_cache_zone(cf, parameter, cache); error != NGX_CONF_OK) return error;
      is_good = true;
    } else if (const auto valid = value_of(parameter, "valid")) {
      is_good = set_milliseconds(*valid, 1, cache.valid);
    } else if (const auto negative = value_of(parameter, "negative")) {
      is_good = set_milliseconds(*negative, 0, cache.negative);
    } else if (const auto stale = value_of(parameter, "stale")) {
      is_good = set_milliseconds(*stale, 0, cache.stale);
    }
    if (!is_good) return bad_parameter(cf, parameter);
  }
  if (cache.zone == nullptr) return conf_error(cf, "\"media_cache\" needs \"zone=NAME:SIZE\"");
  main.cache = cache;
  return NGX_CONF_OK;
}

bool is_variable(std::string_view text) {
  const auto is_of_name = [](char c) {
    return c == '_' || std::isalnum(static_cast<u_char>(c)) != 0;
  };
  return text.starts_with('$') && text.size() > 1 &&
         std::ranges::all_of(text.substr(1), is_of_name);
}

TokenConf* make_tokens(ngx_conf_t* cf, std::span<const std::string_view> texts) {
  auto* tokens = make_in_pool<TokenConf>(cf->pool);
  for (const auto text : texts) {
    ngx_str_t name = copy(cf->pool, text.substr(1));
    const ngx_int_t variable = ngx_http_get_variable_index(cf, &name);
    if (variable == NGX_ERROR) throw std::bad_alloc();
    tokens->sources.push_back({variable, token_form_of(text)});
    tokens->texts.emplace_back(text);
  }
  return tokens;
}

char* set_token(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  if (location.tokens != nullptr) return const_cast<char*>("is duplicate");
  std::vector<std::string_view> texts;
  for (const auto& argument : arguments_of(cf).subspan(1)) {
    if (!is_variable(view(argument))) {
      return bad_parameter(cf, argument, "variables, such as $http_authorization or $cookie_sid");
    }
    texts.push_back(view(argument));
  }
  location.tokens = make_tokens(cf, texts);
  return NGX_CONF_OK;
}

char* set_link_key(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  const auto arguments = arguments_of(cf);
  const auto id = view(arguments[1]);
  if (!is_link_key_id(id)) {
    return bad_parameter(cf, arguments[1], "an id of letters, digits, \"-\" and \"_\", and a file");
  }
  if (location.links == nullptr) location.links = make_in_pool<LinkConf>(cf->pool);
  auto& keys = location.links->keys;
  if (std::ranges::find(keys, id, &LinkKey::id) != keys.end()) {
    return conf_error(cf, "\"media_link_key\" has a duplicate id \"%V\"", &arguments[1]);
  }
  keys.push_back({.id = std::string(id), .secret = {}});
  const auto use = [&keys, index = keys.size() - 1](ByteView content) -> Result<void> {
    auto secret = secret_of(content, kMinLinkKeySize);
    if (!secret) return std::unexpected(std::move(secret.error()));
    keys[index].secret = std::move(*secret);
    return {};
  };
  return watch_file(cf, view(arguments[2]), use);
}

bool set_requirement(std::string_view name, Requirements& require) {
  const bool is_any = name == "any";
  if (!is_any && name != "session" && name != "link" && name != "public") return false;
  require.session = require.session || is_any || name == "session";
  require.link = require.link || is_any || name == "link";
  require.is_public = require.is_public || is_any || name == "public";
  return true;
}

char* set_require(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  if (location.require) return const_cast<char*>("is duplicate");
  Requirements require;
  for (const auto& argument : arguments_of(cf).subspan(1)) {
    if (!set_requirement(view(argument), require)) {
      return bad_parameter(cf, argument, "\"session\", \"link\", \"public\" and \"any\"");
    }
  }
  location.require = require;
  return NGX_CONF_OK;
}

char* set_lookup_query(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  if (location.query) return const_cast<char*>("is duplicate");
  location.query = std::string(view(arguments_of(cf)[1]));
  if (count_parameters(*location.query)) return NGX_CONF_OK;
  return conf_error(cf, "\"media_lookup_query\" must use $1, may use $2, and nothing further");
}

ngx_http_complex_value_t* make_value(ngx_conf_t* cf, const ngx_str_t& text) {
  auto* value = allocate_zeroed<ngx_http_complex_value_t>(cf->pool);
  *value = compile_value(cf, text);
  return value;
}

void take_location(ngx_conf_t* cf, ngx_http_handler_pt handler) {
  auto* core = static_cast<ngx_http_core_loc_conf_t*>(
      ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
  core->handler = handler;
}

/// `media` alone: the id is what follows the prefix of the location.
char* set_media_by_prefix(ngx_conf_t* cf) {
  const auto& core = *static_cast<ngx_http_core_loc_conf_t*>(
      ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
  const bool is_prefix = core.regex == nullptr && core.exact_match == 0 && core.named == 0;
  if (!is_prefix || !view(core.name).ends_with('/')) {
    return conf_error(cf,
                      "\"media\" without an id needs a location that is a prefix and ends in "
                      "\"/\", such as \"location /media/\"; elsewhere say \"media ID\"");
  }
  take_location(cf, guarded_handler<content_handler>);
  return NGX_CONF_OK;
}

char* set_media(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  if (location.is_media()) return const_cast<char*>("is duplicate");
  if (location.status != StatusFormat::none) {
    return const_cast<char*>("can't share a location with \"media_status\"");
  }
  const auto arguments = arguments_of(cf);
  const bool is_key = view(arguments[0]) == "media_key";
  location.media_by = is_key ? MediaBy::key : MediaBy::id;
  if (arguments.size() == 1) return set_media_by_prefix(cf);
  location.subject = make_value(cf, arguments[1]);
  if (arguments.size() > 2) {
    location.media_by = MediaBy::rendition;
    location.rendition = make_value(cf, arguments[2]);
  }
  take_location(cf, guarded_handler<content_handler>);
  return NGX_CONF_OK;
}

char* set_status(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  if (location.status != StatusFormat::none) return const_cast<char*>("is duplicate");
  if (location.is_media()) return const_cast<char*>("can't share a location with \"media\"");
  const auto arguments = arguments_of(cf);
  const auto format = arguments.size() > 1 ? view(arguments[1]) : "prometheus";
  if (format != "prometheus" && format != "json") {
    return bad_parameter(cf, arguments[1], "\"prometheus\" or \"json\"");
  }
  location.status = format == "json" ? StatusFormat::json : StatusFormat::prometheus;
  take_location(cf, guarded_handler<status_handler>);
  return NGX_CONF_OK;
}

constexpr ngx_uint_t kEverywhere = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

}  // namespace

TokenConf* make_default_tokens(ngx_conf_t* cf) {
  constexpr std::array<std::string_view, 2> kTexts = {"$http_authorization", "$cookie_media_token"};
  return make_tokens(cf, kTexts);
}

ngx_command_t directives[] = {
    {ngx_string("media_database"), NGX_HTTP_MAIN_CONF | NGX_CONF_1MORE,
     guarded_directive<set_database>, NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_cache"), NGX_HTTP_MAIN_CONF | NGX_CONF_1MORE, guarded_directive<set_cache>,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_store"), NGX_HTTP_MAIN_CONF | NGX_CONF_2MORE, guarded_directive<set_store>,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_session"), kEverywhere | NGX_CONF_1MORE, guarded_directive<set_session>,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_token"), kEverywhere | NGX_CONF_1MORE, guarded_directive<set_token>,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_link_key"), kEverywhere | NGX_CONF_TAKE2, guarded_directive<set_link_key>,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_require"), kEverywhere | NGX_CONF_1MORE, guarded_directive<set_require>,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_lookup_query"), kEverywhere | NGX_CONF_TAKE1,
     guarded_directive<set_lookup_query>, NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_authorize"), kEverywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConf, authorize), nullptr},
    {ngx_string("media"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS | NGX_CONF_TAKE12,
     guarded_directive<set_media>, NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_key"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, guarded_directive<set_media>,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_status"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS | NGX_CONF_TAKE1,
     guarded_directive<set_status>, NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    ngx_null_command};

}  // namespace media::nginx

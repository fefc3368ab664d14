#include "ngx_media_module/directives.hpp"

#include <unistd.h>

#include <array>
#include <span>

#include "ngx_media_module/content.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/key_file.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

std::span<ngx_str_t> arguments_of(ngx_conf_t* cf) {
  return std::span(static_cast<ngx_str_t*>(cf->args->elts), cf->args->nelts);
}

char* bad_parameter(ngx_conf_t* cf, const ngx_str_t& parameter) {
  return conf_error(cf, "\"%V\" has an invalid parameter \"%V\"", &arguments_of(cf)[0], &parameter);
}

/// The value of "name=value", when the parameter is of that name.
std::optional<ngx_str_t> value_of(const ngx_str_t& parameter, std::string_view name) {
  const auto text = view(parameter);
  if (!text.starts_with(name) || !text.substr(name.size()).starts_with('=')) return std::nullopt;
  return borrow(text.substr(name.size() + 1));
}

/// Sets a positive number from "name=value".
bool set_count(const ngx_str_t& value, std::size_t most, std::size_t& target) {
  const ngx_int_t number = ngx_atoi(value.data, value.len);
  if (number <= 0 || static_cast<std::size_t>(number) > most) return false;
  target = static_cast<std::size_t>(number);
  return true;
}

bool set_milliseconds(ngx_str_t value, ngx_msec_t& target) {
  const ngx_int_t time = ngx_parse_time(&value, 0);
  if (time <= 0) return false;
  target = static_cast<ngx_msec_t>(time);
  return true;
}

bool set_database_parameter(const ngx_str_t& parameter, DatabaseConf& database) {
  if (const auto value = value_of(parameter, "connections")) {
    return set_count(*value, 64, database.connections);
  }
  if (const auto value = value_of(parameter, "queue")) {
    return set_count(*value, 1000000, database.queue);
  }
  if (const auto value = value_of(parameter, "timeout")) {
    return set_milliseconds(*value, database.timeout);
  }
  return false;
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
  for (const auto& parameter : arguments.subspan(2)) {
    if (!set_database_parameter(parameter, database)) return bad_parameter(cf, parameter);
  }
  main.database = std::move(database);
  return NGX_CONF_OK;
}

/// What `media_session` is told, before the key is read.
struct SessionOptions {
  ngx_str_t key_file{};
  JwtPolicy policy;
};

bool set_leeway(ngx_str_t value, JwtPolicy& policy) {
  const ngx_int_t seconds = ngx_parse_time(&value, 1);
  if (seconds < 0) return false;
  policy.leeway_seconds = seconds;
  return true;
}

bool set_session_parameter(const ngx_str_t& parameter, SessionOptions& options) {
  struct TextParameter {
    std::string_view name;
    std::string JwtPolicy::*member;
  };
  static constexpr std::array<TextParameter, 5> kTexts = {
      {{"audience", &JwtPolicy::audience},
       {"issuer", &JwtPolicy::issuer},
       {"user_claim", &JwtPolicy::user_claim},
       {"company_claim", &JwtPolicy::company_claim},
       {"role_claim", &JwtPolicy::role_claim}}};
  for (const auto& text : kTexts) {
    const auto value = value_of(parameter, text.name);
    if (!value) continue;
    options.policy.*text.member = view(*value);
    return value->len > 0;
  }
  if (const auto value = value_of(parameter, "leeway")) return set_leeway(*value, options.policy);
  if (const auto value = value_of(parameter, "key_file")) {
    options.key_file = *value;
    return value->len > 0;
  }
  return false;
}

char* set_jwt_session(ngx_conf_t* cf, LocationConf& location) {
  SessionOptions options;
  for (const auto& parameter : arguments_of(cf).subspan(2)) {
    if (!set_session_parameter(parameter, options)) return bad_parameter(cf, parameter);
  }
  if (options.key_file.len == 0) {
    return conf_error(cf, "\"media_session jwt\" needs \"key_file=\"");
  }
  ngx_str_t path = copy(cf->pool, view(options.key_file));
  if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) throw std::bad_alloc();
  const auto secret = read_key_file(std::string(view(path)), kMinJwtKeySize);
  if (!secret) return conf_error(cf, "\"media_session\" %s", secret.error().message.c_str());
  auto key = JwsKey::from_secret(*secret, {JwsAlgorithm::hs256});
  if (!key) return conf_error(cf, "\"media_session\" %s", key.error().message.c_str());
  location.session =
      make_in_pool<SessionConf>(cf->pool, JwsKeySet{std::move(*key)}, std::move(options.policy));
  return NGX_CONF_OK;
}

char* set_session(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  if (location.session != NGX_CONF_UNSET_PTR) return const_cast<char*>("is duplicate");
  const auto arguments = arguments_of(cf);
  const auto kind = view(arguments[1]);
  if (kind == "jwt") return set_jwt_session(cf, location);
  if (kind != "off" || arguments.size() > 2) return bad_parameter(cf, arguments[1]);
  location.session = nullptr;
  return NGX_CONF_OK;
}

TokenSource compile_source(ngx_conf_t* cf, ngx_str_t text) {
  TokenSource source{.value = {}, .form = token_form_of(view(text))};
  ngx_http_compile_complex_value_t compile{};
  compile.cf = cf;
  compile.value = &text;
  compile.complex_value = &source.value;
  if (ngx_http_compile_complex_value(&compile) != NGX_OK) {
    throw std::runtime_error("can't compile \"" + std::string(view(text)) + "\"");
  }
  return source;
}

TokenConf* make_tokens(ngx_conf_t* cf, std::span<const std::string_view> texts) {
  auto* tokens = make_in_pool<TokenConf>(cf->pool);
  for (const auto text : texts) {
    tokens->sources.push_back(compile_source(cf, copy(cf->pool, text)));
  }
  tokens->vary = vary_of(texts);
  return tokens;
}

char* set_token(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  if (location.tokens != NGX_CONF_UNSET_PTR) return const_cast<char*>("is duplicate");
  std::vector<std::string_view> texts;
  for (const auto& argument : arguments_of(cf).subspan(1)) {
    if (!view(argument).starts_with('$')) return bad_parameter(cf, argument);
    texts.push_back(view(argument));
  }
  location.tokens = make_tokens(cf, texts);
  return NGX_CONF_OK;
}

void warn_when_unusable(ngx_conf_t* cf, const std::string& root) {
  if (::access(root.c_str(), R_OK | X_OK) == 0) return;
  ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno, "\"media_store\" can't read root \"%s\"",
                     root.c_str());
}

char* set_store(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& main = *static_cast<MainConf*>(conf);
  const auto arguments = arguments_of(cf);
  StoreConf store{.name = std::string(view(arguments[1])), .root = {}};
  if (main.find_store(store.name) != nullptr) {
    return conf_error(cf, "\"media_store\" has a duplicate name \"%V\"", &arguments[1]);
  }
  if (view(arguments[2]) != "local") return bad_parameter(cf, arguments[2]);
  for (const auto& parameter : arguments.subspan(3)) {
    const auto value = value_of(parameter, "root");
    if (!value || !view(*value).starts_with('/')) return bad_parameter(cf, parameter);
    store.root = view(*value);
  }
  if (store.root.empty()) return conf_error(cf, "\"media_store\" needs \"root=\"");
  while (store.root.ends_with('/')) store.root.pop_back();
  warn_when_unusable(cf, store.root);
  main.stores.push_back(std::move(store));
  return NGX_CONF_OK;
}

char* set_media(ngx_conf_t* cf, ngx_command_t* command, void* conf) {
  char* error = ngx_http_set_complex_value_slot(cf, command, conf);
  if (error != NGX_CONF_OK) return error;
  auto* core = static_cast<ngx_http_core_loc_conf_t*>(
      ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
  core->handler = guarded_handler<content_handler>;
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
    {ngx_string("media_store"), NGX_HTTP_MAIN_CONF | NGX_CONF_2MORE, guarded_directive<set_store>,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_session"), kEverywhere | NGX_CONF_1MORE, guarded_directive<set_session>,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_token"), kEverywhere | NGX_CONF_1MORE, guarded_directive<set_token>,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("media_authorize"), kEverywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConf, authorize), nullptr},
    {ngx_string("media"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, guarded_directive<set_media>,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConf, media_id), nullptr},
    ngx_null_command};

}  // namespace media::nginx

#include "ngx_media_module/store_directive.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "ngx_media_module/directive_arguments.hpp"
#include "ngx_media_module/s3/s3_store.hpp"

namespace media::nginx {
namespace {

using Parameters = std::span<ngx_str_t>;

void warn_when_unusable(ngx_conf_t* cf, const std::string& root) {
  if (::access(root.c_str(), R_OK | X_OK) == 0) return;
  ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno, "\"media_store\" can't read root \"%s\"",
                     root.c_str());
}

char* set_local(ngx_conf_t* cf, Parameters parameters, StoreConf& store) {
  for (const auto& parameter : parameters) {
    const auto value = value_of(parameter, "root");
    if (!value || !view(*value).starts_with('/')) {
      return bad_parameter(cf, parameter, "root= with an absolute path");
    }
    store.root = view(*value);
  }
  if (store.root.empty()) return conf_error(cf, "\"media_store\" needs \"root=\"");
  while (store.root.ends_with('/')) store.root.pop_back();
  warn_when_unusable(cf, store.root);
  return NGX_CONF_OK;
}

/// The parameters of `media_store NAME s3` as they are written.
struct S3Texts {
  std::string_view endpoint, region, bucket, key_file;
  std::string_view style = "path";
};

bool set_seconds(ngx_str_t value, std::int64_t least, std::int64_t most, std::int64_t& target) {
  const ngx_int_t seconds = ngx_parse_time(&value, 1);
  if (seconds < least || seconds > most) return false;
  target = seconds;
  return true;
}

bool set_public_url(std::string_view url, S3Store& store) {
  while (url.ends_with('/')) url.remove_suffix(1);
  const std::size_t host = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  const bool is_plain =
      std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7F && c != '"'; });
  if (host == 0 || host == url.size() || !is_plain || url.find_first_of("?#") != url.npos) {
    return false;
  }
  store.public_url = url;
  return true;
}

bool set_s3_text(const ngx_str_t& parameter, S3Texts& texts) {
  struct Text {
    std::string_view name;
    std::string_view S3Texts::*member;
  };
  static constexpr std::array<Text, 5> kTexts = {{{"endpoint", &S3Texts::endpoint},
                                                  {"region", &S3Texts::region},
                                                  {"bucket", &S3Texts::bucket},
                                                  {"key_file", &S3Texts::key_file},
                                                  {"style", &S3Texts::style}}};
  for (const auto& text : kTexts) {
    const auto value = value_of(parameter, text.name);
    if (!value) continue;
    texts.*text.member = view(*value);
    return value->len > 0;
  }
  return false;
}

bool set_serve(std::string_view value, S3Store& store) {
  store.serve = value == "proxy" ? S3Serve::proxy : S3Serve::redirect;
  return value == "proxy" || value == "redirect";
}

char* set_s3_parameter(ngx_conf_t* cf, const ngx_str_t& parameter, S3Texts& texts, S3Store& store) {
  constexpr std::int64_t kDay = 86400;
  if (const auto url = value_of(parameter, "public_url")) {
    if (set_public_url(view(*url), store)) return NGX_CONF_OK;
    return bad_parameter(cf, parameter, "public_url= with http(s)://HOST[/PATH]");
  }
  if (const auto serve = value_of(parameter, "serve")) {
    if (set_serve(view(*serve), store)) return NGX_CONF_OK;
    return bad_parameter(cf, parameter, "serve=redirect or serve=proxy");
  }
  if (const auto expires = value_of(parameter, "expires")) {
    if (set_seconds(*expires, 2, kMaxPresignSeconds, store.expires)) return NGX_CONF_OK;
    return bad_parameter(cf, parameter, "expires= with a time from 2s to 7d");
  }
  if (const auto time = value_of(parameter, "bucket_time")) {
    if (set_seconds(*time, 1, kDay, store.bucket_time)) return NGX_CONF_OK;
    return bad_parameter(cf, parameter, "bucket_time= with a time from 1s to 1d");
  }
  if (const auto location = value_of(parameter, "location")) {
    store.location = view(*location);
    if (store.location.starts_with('@') || store.location.starts_with('/')) return NGX_CONF_OK;
    return bad_parameter(cf, parameter, "location=@NAME or location=/URI");
  }
  return set_s3_text(parameter, texts) ? NGX_CONF_OK : bad_parameter(cf, parameter);
}

char* check_s3(ngx_conf_t* cf, const S3Texts& texts, const S3Store& store) {
  for (const auto& [name, value] : {std::pair("endpoint", texts.endpoint),
                                    {"region", texts.region},
                                    {"bucket", texts.bucket},
                                    {"key_file", texts.key_file}}) {
    if (value.empty()) return conf_error(cf, "\"media_store ... s3\" needs \"%s=\"", name);
  }
  const bool is_proxy = store.serve == S3Serve::proxy;
  if (is_proxy == store.location.empty()) {
    return conf_error(cf, is_proxy
                              ? "\"media_store ... serve=proxy\" needs \"location=\", where "
                                "nginx fetches from the store"
                              : "\"media_store\" takes \"location=\" with \"serve=proxy\" only");
  }
  if (store.bucket_time >= store.expires) {
    return conf_error(cf,
                      "\"media_store\" needs an \"expires=\" that is longer than its "
                      "\"bucket_time=\", or URLs would end while they are given");
  }
  return NGX_CONF_OK;
}

void warn_when_everybody_reads(ngx_conf_t* cf, std::string_view key_file) {
  const std::string path = full_path(cf, key_file);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & S_IROTH) == 0) return;
  ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                     "\"media_store\" has a key file that everybody can read: \"%s\"",
                     path.c_str());
}

char* set_s3(ngx_conf_t* cf, Parameters parameters, StoreConf& conf) {
  S3Texts texts;
  auto* store = make_in_pool<S3Store>(cf->pool);
  for (const auto& parameter : parameters) {
    if (char* error = set_s3_parameter(cf, parameter, texts, *store); error != NGX_CONF_OK) {
      return error;
    }
  }
  if (char* error = check_s3(cf, texts, *store); error != NGX_CONF_OK) return error;
  auto endpoint = parse_s3_endpoint(texts.endpoint, texts.bucket, texts.region, texts.style);
  if (!endpoint) {
    return conf_error(cf, "\"media_store\" is wrong: %s", endpoint.error().message.c_str());
  }
  store->endpoint = std::move(*endpoint);
  conf.s3 = store;
  warn_when_everybody_reads(cf, texts.key_file);
  return watch_file(cf, texts.key_file, [store](ByteView content) -> Result<void> {
    auto credentials = parse_s3_credentials(as_text(content));
    if (!credentials) return std::unexpected(std::move(credentials.error()));
    store->use(std::move(*credentials));
    return {};
  });
}

bool has_named_location(const ngx_http_core_srv_conf_t& server, std::string_view name) {
  if (server.named_locations == nullptr) return false;
  for (auto** each = server.named_locations; *each != nullptr; ++each) {
    if (view((*each)->name) == name) return true;
  }
  return false;
}

}  // namespace

char* set_store(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& main = *static_cast<MainConf*>(conf);
  const auto arguments = arguments_of(cf);
  StoreConf store{.name = std::string(view(arguments[1])), .root = {}};
  if (main.find_store(store.name) != nullptr) {
    return conf_error(cf, "\"media_store\" has a duplicate name \"%V\"", &arguments[1]);
  }
  const auto kind = view(arguments[2]);
  if (kind != "local" && kind != "s3") {
    return bad_parameter(cf, arguments[2], "NAME local root=PATH, or NAME s3 endpoint=URL ...");
  }
  char* error = kind == "s3" ? set_s3(cf, arguments.subspan(3), store)
                             : set_local(cf, arguments.subspan(3), store);
  if (error != NGX_CONF_OK) return error;
  main.stores.push_back(std::move(store));
  return NGX_CONF_OK;
}

char* check_store_locations(ngx_conf_t* cf) {
  const MainConf& main = main_conf(cf);
  for (const StoreConf& store : main.stores) {
    if (store.s3 == nullptr || !store.s3->location.starts_with('@')) continue;
    const ngx_str_t name = borrow(store.s3->location);
    for (const auto* server : main.media_servers) {
      if (has_named_location(*server, store.s3->location)) continue;
      return conf_error(cf, "\"media_store %s\" names location \"%V\", which server \"%V\" has not",
                        store.name.c_str(), &name, &server->server_name);
    }
  }
  return NGX_CONF_OK;
}

}  // namespace media::nginx

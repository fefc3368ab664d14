#include "ngx_media_module/conf.hpp"

#include <algorithm>

#include "ngx_media_module/content.hpp"
#include "ngx_media_module/directives.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

template <class T>
T* unset_pointer() {
  return static_cast<T*>(NGX_CONF_UNSET_PTR);
}

template <class T>
void inherit(T*& child, T* parent, T* fallback) {
  if (child != unset_pointer<T>()) return;
  child = parent != unset_pointer<T>() ? parent : fallback;
}

ngx_http_core_loc_conf_t& core_conf(ngx_conf_t* cf) {
  return *static_cast<ngx_http_core_loc_conf_t*>(
      ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
}

/// `if` and `limit_except` blocks are locations of their own; the content of
/// the location around them applies there too.
void inherit_media(ngx_conf_t* cf, LocationConf& child, const LocationConf& parent) {
  auto& core = core_conf(cf);
  if (child.media_id != nullptr || parent.media_id == nullptr) return;
  if (core.noname) child.media_id = parent.media_id;
  if (core.lmt_excpt && core.handler == nullptr) {
    child.media_id = parent.media_id;
    core.handler = guarded_handler<content_handler>;
  }
}

char* missing(ngx_conf_t* cf, const char* directive, const char* needed) {
  const ngx_str_t& location = core_conf(cf).name;
  return conf_error(cf, "\"%s\" in location \"%V\" needs \"%s\"", directive, &location, needed);
}

char* check(ngx_conf_t* cf, const LocationConf& conf) {
  if (!conf.is_guarded()) return NGX_CONF_OK;
  const char* directive = conf.media_id != nullptr ? "media" : "media_authorize";
  if (conf.session == nullptr) return missing(cf, directive, "media_session");
  if (conf.media_id == nullptr) return NGX_CONF_OK;
  const MainConf& main = main_conf(cf);
  if (!main.database) return missing(cf, directive, "media_database");
  if (main.stores.empty()) return missing(cf, directive, "media_store");
  return NGX_CONF_OK;
}

char* merge(ngx_conf_t* cf, const LocationConf& parent, LocationConf& child) {
  MainConf& main = main_conf(cf);
  if (main.default_tokens == nullptr) main.default_tokens = make_default_tokens(cf);
  ngx_conf_merge_value(child.authorize, parent.authorize, 0);
  inherit<const SessionConf>(child.session, parent.session, nullptr);
  inherit<const TokenConf>(child.tokens, parent.tokens, main.default_tokens);
  inherit_media(cf, child, parent);
  return check(cf, child);
}

}  // namespace

const StoreConf* MainConf::find_store(std::string_view name) const {
  const auto found = std::ranges::find(stores, name, &StoreConf::name);
  return found == stores.end() ? nullptr : &*found;
}

void* create_main_conf(ngx_conf_t* cf) noexcept {
  return guard<void*>(cf->log, nullptr, [cf] { return make_in_pool<MainConf>(cf->pool); });
}

void* create_location_conf(ngx_conf_t* cf) noexcept {
  return guard<void*>(cf->log, nullptr, [cf] {
    auto* conf = allocate_zeroed<LocationConf>(cf->pool);
    conf->authorize = NGX_CONF_UNSET;
    conf->session = unset_pointer<const SessionConf>();
    conf->tokens = unset_pointer<const TokenConf>();
    return conf;
  });
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

#include "ngx_media_module/access.hpp"
#include "ngx_media_module/conf.hpp"
#include "ngx_media_module/directives.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/ngx.hpp"
#include "ngx_media_module/s3/s3_filter.hpp"
#include "ngx_media_module/store_directive.hpp"
#include "ngx_media_module/variables.hpp"
#include "ngx_media_module/worker.hpp"

// What nginx sees of the module: tables and hooks, nothing else.
namespace media::nginx {
namespace {

ngx_int_t finish_configuration(ngx_conf_t* cf) noexcept {
  if (restore_variables(cf) != NGX_OK || finish_main_conf(cf) != NGX_OK) return NGX_ERROR;
  if (check_store_locations(cf) != NGX_CONF_OK) return NGX_ERROR;
  if (main_conf(cf).has_proxied_store()) add_s3_filter();
  auto* core = static_cast<ngx_http_core_main_conf_t*>(
      ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
  auto* slot = static_cast<ngx_http_handler_pt*>(
      ngx_array_push(&core->phases[NGX_HTTP_ACCESS_PHASE].handlers));
  if (slot == nullptr) return NGX_ERROR;
  *slot = guarded_handler<access_handler>;
  return NGX_OK;
}

ngx_http_module_t http_hooks = {
    add_variables,         // preconfiguration
    finish_configuration,  // postconfiguration
    create_main_conf,      // create main configuration
    nullptr,               // init main configuration
    nullptr,               // create server configuration
    nullptr,               // merge server configuration
    create_location_conf,  // create location configuration
    merge_location_conf,   // merge location configuration
};

}  // namespace
}  // namespace media::nginx

extern "C" {

ngx_module_t ngx_http_media_module = {
    NGX_MODULE_V1,
    &media::nginx::http_hooks,
    media::nginx::directives,
    NGX_HTTP_MODULE,
    nullptr,                    // init master
    nullptr,                    // init module
    media::nginx::init_worker,  // init process
    nullptr,                    // init thread
    nullptr,                    // exit thread
    media::nginx::exit_worker,  // exit process
    nullptr,                    // exit master
    NGX_MODULE_V1_PADDING,
};

#define MEDIA_EXPORT __attribute__((visibility("default")))

// What nginx's build makes for a dynamic module.
MEDIA_EXPORT ngx_module_t* ngx_modules[] = {&ngx_http_media_module, nullptr};
MEDIA_EXPORT char* ngx_module_names[] = {const_cast<char*>("ngx_http_media_module"), nullptr};
MEDIA_EXPORT char* ngx_module_order[] = {nullptr};
}

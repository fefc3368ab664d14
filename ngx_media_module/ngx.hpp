#pragma once

// The only place where nginx's C headers come in.
extern "C" {
#include <ngx_config.h>
// ngx_config.h has to be the first.
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
}

extern "C" ngx_module_t ngx_http_media_module;

#pragma once

#include "ngx_media_module/lookup.hpp"
#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

ngx_int_t init_worker(ngx_cycle_t* cycle) noexcept;
void exit_worker(ngx_cycle_t* cycle) noexcept;

/// The engine of this worker; null without `media_database`.
LookupEngine* lookup_engine();

}  // namespace media::nginx

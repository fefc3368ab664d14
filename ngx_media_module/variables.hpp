#pragma once

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// Declares the $media_* variables, before the configuration is read.
ngx_int_t add_variables(ngx_conf_t* cf) noexcept;

/// Takes back, when it is read, those that a regex capture of the same name has
/// put its own handler on.
ngx_int_t restore_variables(ngx_conf_t* cf) noexcept;

}  // namespace media::nginx

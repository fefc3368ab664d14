#pragma once

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// `media_session`, of which one block may have several.
char* set_session(ngx_conf_t* cf, ngx_command_t* command, void* conf);

}  // namespace media::nginx

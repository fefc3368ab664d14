#pragma once

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// `media_store`
char* set_store(ngx_conf_t* cf, ngx_command_t* command, void* conf);

/// What is known only when all blocks are read: the named locations that stores name are there.
char* check_store_locations(ngx_conf_t* cf);

}  // namespace media::nginx

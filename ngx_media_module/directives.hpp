#pragma once

#include "ngx_media_module/conf.hpp"

namespace media::nginx {

/// The directives of the module, ending in ngx_null_command.
extern ngx_command_t directives[];

/// What `media_token` is when it is not given.
TokenConf* make_default_tokens(ngx_conf_t* cf);

}  // namespace media::nginx

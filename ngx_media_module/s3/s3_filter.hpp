#pragma once

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// Puts the filter in front that makes an object store's answers ours: headers, errors and sizes.
void add_s3_filter();

}  // namespace media::nginx

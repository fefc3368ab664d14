#pragma once

#include "ngx_media_module/intrusive_list.hpp"

namespace media::nginx {

/// Something sent through a PgConnection whose answer is awaited. A base, so
/// that sending allocates nothing.
struct PipelineRequest : ListHook {};

}  // namespace media::nginx

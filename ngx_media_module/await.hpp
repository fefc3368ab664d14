#pragma once

#include "ngx_media_module/request_ctx.hpp"

namespace media::nginx {

/// The cached answer under this key, if there is one. With Patience::none it is for a
/// variable, which says nothing about where the decision came from.
std::optional<Answer> recall(RequestCtx& ctx, CachePart part, const CacheKey& key,
                             Patience patience);

/// Asks for the request. An answer that is there at once is given back; for one
/// that is not the request waits: `take` gets it then, and the access phase runs
/// again. Without a resolver everything is unavailable.
std::optional<Answer> ask_for(RequestCtx& ctx, const Question& question,
                              void (*take)(RequestCtx& ctx, const Answer& answer));

/// Leaves the lookup that the request waits for, if any.
void stop_waiting(RequestCtx& ctx);

}  // namespace media::nginx

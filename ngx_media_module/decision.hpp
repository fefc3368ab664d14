#pragma once

#include <optional>
#include <string_view>

#include "core/uuid.hpp"
#include "ngx_media_module/record.hpp"

namespace media::nginx {

/// What the module decided about a request; `$media_decision` shows the name.
enum class Decision {
  undecided,      ///< not asked, or still waiting
  granted,        ///< the file may be sent (media), or the caller is known (media_authorize)
  pending,        ///< the caller may see it, but it is not downloaded yet
  no_token,       ///< no token in any media_token source
  bad_token,      ///< a token that does not verify, or that has expired
  bad_method,     ///< neither GET nor HEAD
  bad_id,         ///< the media id is not an UUID
  absent,         ///< no such media
  other_company,  ///< media of another tenant
  failed,         ///< the media was never downloaded
  unavailable,    ///< the database could not answer in time
  broken,         ///< the database answered what can't be
};

std::string_view name_of(Decision decision);

/// HTTP status of the answer, 0 for `undecided`. Absent media, media of another
/// tenant and malformed ids are told alike, so that ids can't be probed.
int status_of(Decision decision);

/// Judges a found record for a caller of this company.
Decision decide(const MediaRecord& record, const std::optional<Uuid>& company);

}  // namespace media::nginx

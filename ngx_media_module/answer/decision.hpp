#pragma once

#include <cstddef>
#include <string_view>

#include "ngx_media_module/lookup/record.hpp"

namespace media::nginx {

/// What the module decided about a request; `$media_decision` shows the name.
enum class Decision {
  undecided,      ///< not asked, or still waiting
  granted,        ///< the file may be sent (media), or the caller is known (media_authorize)
  pending,        ///< the caller may see it, but it is not downloaded yet
  no_token,       ///< no token in any media_token source
  bad_token,      ///< a token that does not verify, or that has expired
  bad_method,     ///< neither GET nor HEAD
  no_link,        ///< only a signed link opens this location, and there is none
  bad_link,       ///< a signed link that does not verify, or that has expired
  bad_id,         ///< the media id is not an UUID, or nothing that can be looked up
  absent,         ///< no such media
  other_company,  ///< media of another tenant
  failed,         ///< the media was never downloaded
  unavailable,    ///< the database could not answer in time
  broken,         ///< the database answered what can't be
};

inline constexpr std::size_t kDecisions = 14;
std::string_view name_of(Decision decision);

/// HTTP status of the answer, 0 for `undecided`. Absent media, media of another
/// tenant and malformed ids are told alike, so that ids can't be probed.
int status_of(Decision decision);

/// What a caller may see.
struct Rights {
  bool is_linked = false;           ///< a signed link opens this very media
  bool sees_public = false;         ///< what is marked public
  std::string_view companies = {};  ///< separated by commas
};

/// Judges a found record for a caller of these rights.
Decision decide(const MediaRecord& record, const Rights& rights);

/// Whether the comma-separated list names the company.
bool names_company(std::string_view companies, std::string_view company);

}  // namespace media::nginx

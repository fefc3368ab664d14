#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "indexer/db/database.hpp"
#include "indexer/json.hpp"

namespace media::api {

/// SELECT ... FROM media.media_files AS m WHERE m.is_active, with all that the
/// functions below read; conditions are appended with AND.
extern const std::string kSelectMedia;

/// A media item, as lists and GET /api/v1/media/{id} show it.
Json media_json(const db::Rows& rows, std::size_t row);

/// How far the download of a media item is.
Json status_json(const db::Rows& rows, std::size_t row, std::optional<double> running_progress);

}  // namespace media::api

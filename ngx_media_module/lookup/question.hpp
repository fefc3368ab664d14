#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/uuid.hpp"
#include "ngx_media_module/cache/cache_key.hpp"
#include "ngx_media_module/lookup/statement.hpp"

namespace media::nginx {

/// One question to the database: what is asked, and how its answer is found again.
struct Question {
  const Statement* statement = nullptr;
  Parameters parameters;
  CacheKey key;
  CacheTag tag = 0;  ///< what invalidates the answer
  /// That of the token which is asked about, in the bytes of write_identity().
  std::string identity = {};
};

/// Parameters over this size, with NULs or ill-formed UTF-8 can match nothing.
inline constexpr std::size_t kMaxParameterBytes = 1024;
bool is_askable(std::string_view parameter);

/// Where the answer about a media id is cached.
CacheKey key_of_uuid(const Statement& statement, const Uuid& id);
/// Asks about a media id; notifications name it the same way.
Question ask_about_uuid(const Statement& statement, const Uuid& id);
/// Asks about what is_askable(); `subject` is what notifications would call it.
Question ask_about_text(const Statement& statement, std::string_view subject,
                        std::string_view first, std::string_view second = {});

}  // namespace media::nginx

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_media_module/lookup/record.hpp"

namespace media::nginx {

/// What a signed URL depends on, besides the store's keys.
struct UrlSubject {
  const MediaRecord& record;
  std::string_view method;
  std::int64_t signed_at;
};

/// URLs that one worker has signed for a store lately: as long as their bucket of time lasts, they
/// are given again, which takes a tenth of the time of signing.
class UrlMemo {
 public:
  /// The URL lies here until the next insert().
  std::optional<std::string_view> find(const UrlSubject& subject) const;
  std::string_view insert(const UrlSubject& subject, std::string_view url);
  /// After the keys have changed.
  void clear() { sets_.clear(); }

 private:
  static constexpr std::size_t kSets = 1024;

  struct Entry {
    std::int64_t signed_at = -1;
    std::size_t hash = 0;
    std::string
        text;  ///< in one piece, for the processor's caches: what it depends on, then the URL
  };
  struct Set {
    std::array<Entry, 4> entries;
    std::size_t next = 0;  ///< the oldest
  };

  std::vector<Set> sets_;  ///< made when first needed
};

}  // namespace media::nginx

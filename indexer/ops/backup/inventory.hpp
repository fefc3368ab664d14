#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace media::backup {

/// Contents by SHA-256, 24 bytes of memory each: half of a hash is enough to tell
/// contents apart.
class Inventory {
 public:
  /// What is there, in any order, before sort(). The hash in hexadecimal.
  void add(std::string_view sha256, std::uint64_t size);
  void sort();
  /// What has come after sort(): in the order of the hashes, but for what was there.
  void put(std::string_view sha256, std::uint64_t size);

  /// The size of content; nothing: it is not in here.
  std::optional<std::uint64_t> find(std::string_view sha256) const;

 private:
  struct Entry {
    std::array<std::uint64_t, 2> hash;
    std::uint64_t size;
  };
  static std::array<std::uint64_t, 2> half_of(std::string_view sha256);
  static const Entry* find_in(const std::vector<Entry>& entries, std::string_view sha256);

  std::vector<Entry> entries_;
  std::vector<Entry> new_;
};

}  // namespace media::backup

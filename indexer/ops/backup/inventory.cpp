#include "indexer/ops/backup/inventory.hpp"

#include <algorithm>

#include "core/encoding.hpp"

namespace media::backup {

std::array<std::uint64_t, 2> Inventory::half_of(std::string_view sha256) {
  std::array<std::uint64_t, 2> half{};
  for (std::size_t i = 0; i < 32 && i < sha256.size(); ++i) {
    half[i / 16] = half[i / 16] << 4 | static_cast<std::uint64_t>(hex_value(sha256[i]) & 0xf);
  }
  return half;
}

void Inventory::add(std::string_view sha256, std::uint64_t size) {
  entries_.push_back({half_of(sha256), size});
}

void Inventory::sort() { std::ranges::sort(entries_, {}, &Entry::hash); }

void Inventory::put(std::string_view sha256, std::uint64_t size) {
  if (const Entry* known = find_in(entries_, sha256)) {
    entries_[static_cast<std::size_t>(known - entries_.data())].size = size;
  } else {
    new_.push_back({half_of(sha256), size});
  }
}

const Inventory::Entry* Inventory::find_in(const std::vector<Entry>& entries,
                                           std::string_view sha256) {
  const auto half = half_of(sha256);
  const auto found = std::ranges::lower_bound(entries, half, {}, &Entry::hash);
  return found == entries.end() || found->hash != half ? nullptr : &*found;
}

std::optional<std::uint64_t> Inventory::find(std::string_view sha256) const {
  const Entry* found = find_in(entries_, sha256);
  if (found == nullptr) found = find_in(new_, sha256);
  if (found == nullptr) return std::nullopt;
  return found->size;
}

}  // namespace media::backup

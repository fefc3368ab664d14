#include "ngx_media_module/cache/cache_ring.hpp"

#include <algorithm>
#include <cstring>

namespace media::nginx {
namespace {

constexpr std::size_t kAlignment = 16;
/// Of data for each place in the index. Entries take about 300, so that a bucket
/// is rarely full before the ring is.
constexpr std::size_t kBytesPerSlot = 128;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

struct alignas(kAlignment) CacheRing::Header {
  Position head;  // where the next entry goes
};

struct alignas(kAlignment) CacheRing::Entry {
  CacheKey key;
  std::uint32_t value_size;

  const std::byte* value() const { return reinterpret_cast<const std::byte*>(this + 1); }
  std::byte* value() { return reinterpret_cast<std::byte*>(this + 1); }
};

CacheRing::CacheRing(std::span<std::byte> block)
    : header_(reinterpret_cast<Header*>(block.data())) {
  block = block.subspan(sizeof(Header));
  const std::size_t buckets = block.size() / (kWays * (kBytesPerSlot + sizeof(Position)));
  const std::size_t slots = std::max<std::size_t>(buckets, 1) * kWays;
  index_ = {reinterpret_cast<Position*>(block.data()), slots};
  block = block.subspan(index_.size_bytes());
  data_ = block.first(block.size() / kAlignment * kAlignment);
}

void CacheRing::format() {
  // Zero marks a free place, so no entry may begin there.
  header_->head = data_.size();
  std::ranges::fill(index_, 0);
}

std::span<CacheRing::Position, CacheRing::kWays> CacheRing::bucket_of(const CacheKey& key) const {
  const std::size_t bucket = (key.hash() >> 32) * (index_.size() / kWays) >> 32;
  return std::span<Position, kWays>(index_.subspan(bucket * kWays, kWays));
}

bool CacheRing::is_live(Position position) const {
  return position != 0 && position < header_->head && header_->head - position <= data_.size() &&
         position % kAlignment == 0;
}

const CacheRing::Entry* CacheRing::entry_at(Position position) const {
  if (!is_live(position)) return nullptr;
  const std::size_t offset = position % data_.size();
  const std::size_t room = data_.size() - offset;
  if (room < sizeof(Entry)) return nullptr;
  const auto* const entry = reinterpret_cast<const Entry*>(data_.data() + offset);
  return entry->value_size <= room - sizeof(Entry) ? entry : nullptr;
}

std::span<const std::byte> CacheRing::find(const CacheKey& key) const {
  for (const Position position : bucket_of(key)) {
    const Entry* const entry = entry_at(position);
    if (entry != nullptr && entry->key == key) return {entry->value(), entry->value_size};
  }
  return {};
}

/// An entry lies in one piece: what is left before the end may be skipped.
CacheRing::Position CacheRing::reserve(std::size_t bytes) {
  Position start = header_->head;
  const std::size_t room = data_.size() - start % data_.size();
  if (room < bytes) start += room;
  header_->head = start + bytes;
  return start;
}

bool CacheRing::insert(const CacheKey& key, std::span<const std::byte> value) {
  const std::size_t bytes = aligned(sizeof(Entry) + value.size());
  if (bytes > data_.size() / 8) return false;
  const auto bucket = bucket_of(key);
  const auto same = std::ranges::find_if(bucket, [&](Position position) {
    const Entry* const entry = entry_at(position);
    return entry != nullptr && entry->key == key;
  });
  // Without one of this key, the oldest makes room; dead and free ones are older still.
  Position& place = same != bucket.end() ? *same : *std::ranges::min_element(bucket);
  const Position start = reserve(bytes);
  auto* const entry = reinterpret_cast<Entry*>(data_.data() + start % data_.size());
  entry->key = key;
  entry->value_size = static_cast<std::uint32_t>(value.size());
  std::memcpy(entry->value(), value.data(), value.size());
  place = start;
  return true;
}

}  // namespace media::nginx

#include "ngx_media_module/identity/digest_memo.hpp"

#include <algorithm>
#include <cstring>

namespace media::nginx {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

std::uint64_t word_at(std::string_view text, std::size_t offset) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + offset, std::min(kWord, text.size() - offset));
  return word;
}

/// The end of a token is its signature, or as random.
std::size_t slot_number(std::string_view text) {
  const std::uint64_t last = word_at(text, text.size() < kWord ? 0 : text.size() - kWord);
  return (last * 0x9E3779B97F4A7C15u >> 32) % DigestMemo::kSlots;
}

}  // namespace

/// Looks at every word, so that the time taken says nothing of where texts differ.
bool DigestMemo::holds(const Slot& slot, std::string_view text) {
  if (slot.size != text.size()) return false;
  std::uint64_t difference = 0;
  const std::size_t whole = text.size() / kWord * kWord;
  for (std::size_t i = 0; i < whole; i += kWord) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, kWord);
    difference |= word ^ slot.words[i / kWord];
  }
  if (whole < text.size()) difference |= word_at(text, whole) ^ slot.words[whole / kWord];
  return difference == 0;
}

Sha256Digest DigestMemo::sha256_of(std::string_view text) {
  if (text.empty() || text.size() > kMaxTextBytes) return sha256(as_bytes(text));
  Slot& slot = slots_[slot_number(text)];
  if (holds(slot, text)) return slot.digest;
  slot.size = text.size();
  slot.digest = sha256(as_bytes(text));
  for (std::size_t i = 0; i < text.size(); i += kWord) slot.words[i / kWord] = word_at(text, i);
  return slot.digest;
}

}  // namespace media::nginx

#include "ngx_media_module/s3/url_memo.hpp"

#include <functional>

namespace media::nginx {
namespace {

// No text of a record has a control byte in it.
constexpr char kEnd = '\n';

std::array<std::string_view, 4> texts_of(const UrlSubject& subject) {
  return {subject.record.is_public ? "public" : "private", subject.method, subject.record.mime_type,
          subject.record.disposition};
}

std::size_t hash_of(const UrlSubject& subject) {
  return std::hash<std::string_view>{}(subject.record.storage_key);
}

/// Takes the text off the front of another.
bool take(std::string_view& from, std::string_view text) {
  if (!from.starts_with(text) || !from.substr(text.size()).starts_with(kEnd)) return false;
  from.remove_prefix(text.size() + 1);
  return true;
}

}  // namespace

std::optional<std::string_view> UrlMemo::find(const UrlSubject& subject) const {
  if (sets_.empty()) return std::nullopt;
  const std::size_t hash = hash_of(subject);
  for (const Entry& entry : sets_[hash % kSets].entries) {
    if (entry.signed_at != subject.signed_at || entry.hash != hash) continue;
    std::string_view rest = entry.text;
    bool is_same = take(rest, subject.record.storage_key);
    for (const auto text : texts_of(subject)) is_same = is_same && take(rest, text);
    if (is_same) return rest;
  }
  return std::nullopt;
}

std::string_view UrlMemo::insert(const UrlSubject& subject, std::string_view url) {
  if (sets_.empty()) sets_.resize(kSets);
  const std::size_t hash = hash_of(subject);
  Set& set = sets_[hash % kSets];
  Entry& entry = set.entries.at(set.next++ % set.entries.size());
  entry = {.signed_at = subject.signed_at, .hash = hash, .text = {}};
  entry.text.append(subject.record.storage_key).push_back(kEnd);
  for (const auto text : texts_of(subject)) entry.text.append(text).push_back(kEnd);
  entry.text.append(url);
  return std::string_view(entry.text).substr(entry.text.size() - url.size());
}

}  // namespace media::nginx

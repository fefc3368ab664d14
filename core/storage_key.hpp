#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace media {

/// The values that a key template can name.
struct StorageKeyFields {
  std::string_view company;    ///< company id
  std::string_view account;    ///< external id of the provider account
  std::string_view message;    ///< external id of the message
  std::string_view phone;      ///< sender
  std::string_view category;   ///< messages, voicemails
  std::string_view name;       ///< file name without extension
  std::string_view ext;        ///< extension without the dot
  int index = 0;               ///< position within the message
  std::int64_t unix_time = 0;  ///< when the message was sent, UTC seconds
};

inline constexpr std::string_view kDefaultKeyTemplate =
    "{company}/{account}/{yyyy}/{mm}/{message}-{index}.{ext}";

/// Expands a template; fields: company account message phone category name ext
/// index yyyy mm dd unixtime. Field text is reduced to [A-Za-z0-9._-]: a key
/// never gains a segment from user text. Error `invalid_argument`: unknown
/// field, unbalanced brace, or a result that is not a valid key.
Result<std::string> expand_storage_key(std::string_view key_template,
                                       const StorageKeyFields& fields);

/// Inserts "-N" before the extension: how a taken key is made free.
std::string numbered_storage_key(std::string_view key, int number);

/// True for a relative path of non-empty segments, none of them "." or "..",
/// no control bytes or backslashes, at most 1024 bytes, segments at most 255.
bool is_valid_storage_key(std::string_view key);

/// Whether the key begins with a dot: such names below a root are the store's
/// own, like its quarantine, and neither written nor served by key.
bool is_reserved_storage_key(std::string_view key);

/// Reduces one path segment to [A-Za-z0-9._-], at most `max` bytes, never
/// empty, never starting with a dot.
std::string safe_segment(std::string_view text, std::size_t max = 160);

}  // namespace media

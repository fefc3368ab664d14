#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace media {

/// The JSON object (RFC 8259) of a token's header or claims. It is read in one pass and
/// keeps no tree, since every token not seen before is read with a request waiting.
class TokenObject {
 public:
  static constexpr std::size_t kMaxMembers = 128;
  static constexpr int kMaxDepth = 16;  ///< of what is inside the object

  /// `text` must outlive the object. Nothing for what is not exactly one object in well-formed
  /// UTF-8, has a member twice (two readers might believe different ones), has U+0000 in a
  /// string, a number that no double can hold, more members or more depth than above.
  static std::optional<TokenObject> parse(std::string_view text);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// Nothing when the member is absent or of another type; likewise below.
  std::optional<std::string_view> text(std::string_view name) const;
  std::optional<double> number(std::string_view name) const;
  /// Of an array whose elements are strings, all of them; of a string just that.
  std::optional<std::vector<std::string>> texts(std::string_view name) const;

 private:
  friend class TokenReader;
  enum class Kind : std::uint8_t { text, number, array, other };
  struct Member {
    std::string_view name;
    Kind kind = Kind::other;
    std::string_view text;  ///< of a string what it says, of an array how it is written
    double number = 0;
  };

  const Member* find(std::string_view name) const;

  std::vector<Member> members_;
  std::forward_list<std::string> unescaped_;  ///< strings that are not written as they read
};

}  // namespace media

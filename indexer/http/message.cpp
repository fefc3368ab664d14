#include "indexer/http/message.hpp"

#include <algorithm>

#include "core/encoding.hpp"

namespace media::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A query component; one with a broken escape stays as it is.
std::string decode(std::string_view component) {
  std::string text(component);
  std::ranges::replace(text, '+', ' ');
  return percent_decode(text).value_or(text);
}

}  // namespace

std::string_view Request::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Request::query() const {
  const std::size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string Request::query_value(std::string_view name) const {
  std::string_view rest = query();
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (decode(pair.substr(0, equals)) != name) continue;
    return decode(pair.substr(std::min(equals + 1, pair.size())));
  }
  return {};
}

std::string_view Request::header(std::string_view name) const {
  std::string_view found;
  bool seen = false;
  for (const auto& [header_name, value] : headers) {
    if (!equal_ignoring_case(header_name, name)) continue;
    if (seen) return {};
    seen = true;
    found = trim(value);
  }
  return found;
}

}  // namespace media::http

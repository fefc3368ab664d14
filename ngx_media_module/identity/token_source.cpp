#include "ngx_media_module/identity/token_source.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace media::nginx {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// What follows "Bearer" and a blank; nothing when the scheme is another.
std::optional<std::string_view> after_bearer(std::string_view value) {
  constexpr std::string_view kBearer = "bearer";
  const auto is_same = [](char c, char lower) { return (c | 0x20) == lower; };
  const bool is_bearer = value.size() > kBearer.size() && is_blank(value[kBearer.size()]) &&
                         std::ranges::equal(value.substr(0, kBearer.size()), kBearer, is_same);
  return is_bearer ? std::optional(value.substr(kBearer.size())) : std::nullopt;
}

/// "x_media_token" -> "X-Media-Token"
std::string header_name(std::string_view variable) {
  std::string name;
  bool starts_word = true;
  for (const unsigned char c : variable) {
    name += c == '_' ? '-' : static_cast<char>(starts_word ? std::toupper(c) : c);
    starts_word = c == '_';
  }
  return name;
}

std::vector<std::string> headers_behind(std::string_view source) {
  constexpr std::string_view kHeader = "$http_";
  if (source.starts_with(kHeader) && source != "$http_cookie") {
    return {header_name(source.substr(kHeader.size()))};
  }
  if (source.starts_with("$cookie_") || source == "$http_cookie") return {"Cookie"};
  if (source.starts_with("$arg_")) return {};
  return {"Authorization", "Cookie"};
}

}  // namespace

TokenForm token_form_of(std::string_view source) {
  return source == "$http_authorization" ? TokenForm::bearer : TokenForm::plain;
}

std::optional<std::string_view> token_in(TokenForm form, std::string_view value) {
  value = trim(value);
  if (form == TokenForm::bearer) {
    const auto token = after_bearer(value);
    if (!token) return std::nullopt;
    value = trim(*token);
  }
  if (value.empty()) return std::nullopt;
  return value;
}

std::string vary_of(std::span<const std::string_view> sources) {
  std::vector<std::string> names;
  for (const auto source : sources) {
    for (auto& name : headers_behind(source)) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
  }
  std::string vary;
  for (const auto& name : names) {
    if (!vary.empty()) vary += ", ";
    vary += name;
  }
  return vary;
}

}  // namespace media::nginx

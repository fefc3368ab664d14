#include "ngx_media_module/identity/token_source.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace media::nginx {
namespace {

constexpr std::string_view kBearer = "bearer";

bool equal_ignoring_case(std::string_view left, std::string_view lower) {
  return std::ranges::equal(left, lower,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
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
    const auto scheme_end = value.find_first_of(" \t");
    if (scheme_end == std::string_view::npos ||
        !equal_ignoring_case(value.substr(0, scheme_end), kBearer)) {
      return std::nullopt;
    }
    value = trim(value.substr(scheme_end));
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

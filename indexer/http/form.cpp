#include "indexer/http/form.hpp"

#include <algorithm>

#include "core/encoding.hpp"

namespace media::http {
namespace {

std::optional<std::string> decode(std::string_view text) {
  std::string with_spaces(text);
  std::ranges::replace(with_spaces, '+', ' ');
  return percent_decode(with_spaces);
}

}  // namespace

std::optional<Form> Form::parse(std::string_view body) {
  Form form;
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(pair.size() + 1, body.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals));
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value || form.fields_.size() == kMaxFormFields) return std::nullopt;
    form.fields_.emplace_back(std::move(*name), std::move(*value));
  }
  return form;
}

const std::string* Form::find(std::string_view name) const {
  const auto field = std::ranges::find(fields_, name, &std::pair<std::string, std::string>::first);
  return field == fields_.end() ? nullptr : &field->second;
}

std::string_view Form::value(std::string_view name) const {
  const std::string* value = find(name);
  return value == nullptr ? std::string_view() : *value;
}

}  // namespace media::http

#include "ngx_media_module/lookup/question.hpp"

#include <algorithm>

#include "core/crypto.hpp"
#include "core/utf8.hpp"

namespace media::nginx {

bool is_askable(std::string_view parameter) {
  if (parameter.empty() || parameter.size() > kMaxParameterBytes) return false;
  while (!parameter.empty()) {
    const CodePoint point = next_code_point(parameter);
    if (!point.is_valid || point.value == 0) return false;
    parameter.remove_prefix(point.size);
  }
  return true;
}

CacheKey key_of_uuid(const Statement& statement, const Uuid& id) {
  CacheKey key{.policy = statement.fingerprint};
  std::ranges::copy(id.bytes, key.id.begin());
  return key;
}

Question ask_about_uuid(const Statement& statement, const Uuid& id) {
  Question question{.statement = &statement,
                    .parameters = {id.to_string()},
                    .key = key_of_uuid(statement, id),
                    .tag = 0};
  question.tag = tag_of(question.parameters[0]);
  return question;
}

Question ask_about_text(const Statement& statement, std::string_view subject,
                        std::string_view first, std::string_view second) {
  Question question{.statement = &statement,
                    .parameters = {std::string(first), std::string(second)},
                    .key = {},
                    .tag = tag_of(subject)};
  // The first has no NUL in it, so no other pair gives the same bytes.
  std::string both(first);
  both.append(1, '\0').append(second);
  question.key.id = sha256(as_bytes(both));
  question.key.policy = statement.fingerprint;
  return question;
}

}  // namespace media::nginx

#include "indexer/providers/secrets.hpp"

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/json.hpp"

namespace media::providers {
namespace {

// Binds a sealed value to its row: it can't be moved to another account.
std::string place_of(std::string_view account_id, std::string_view name) {
  return std::string(account_id) + "/" + std::string(name);
}

}  // namespace

void Secrets::add(std::string name, std::string value) {
  items_.emplace_back(std::move(name), std::move(value));
}

std::vector<std::string_view> Secrets::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [item_name, value] : items_) {
    if (item_name == name) values.push_back(value);
  }
  return values;
}

std::string_view Secrets::first(std::string_view name) const {
  for (const auto& [item_name, value] : items_) {
    if (item_name == name) return value;
  }
  return {};
}

std::string seal_secret(std::string_view key, std::string_view account_id, std::string_view name,
                        std::string_view value) {
  return base64_encode(seal(as_bytes(key), as_bytes(value), as_bytes(place_of(account_id, name))));
}

Result<Secrets> unseal_secrets(std::string_view key, std::string_view account_id,
                               std::string_view sealed_json) {
  Secrets secrets;
  const auto list = Json::parse(sealed_json);
  if (!list) return std::unexpected(list.error());
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Json item = (*list)[i];
    const std::string name(item["name"].text());
    const auto sealed = base64_decode(item["sealed"].text());
    const auto value = sealed ? unseal(as_bytes(key), *sealed, as_bytes(place_of(account_id, name)))
                              : std::nullopt;
    if (!value) {
      return fail(ErrorCode::internal, "secret '" + name + "' of account " +
                                           std::string(account_id) +
                                           " can't be unsealed with this [secrets] key_file");
    }
    secrets.add(name, std::string(as_text(*value)));
  }
  return secrets;
}

}  // namespace media::providers

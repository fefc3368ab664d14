#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace media::providers {

/// The unsealed secrets of one provider account, by name; a name may occur
/// several times while a key is being replaced.
class Secrets {
 public:
  void add(std::string name, std::string value);
  std::vector<std::string_view> all(std::string_view name) const;
  /// The first of that name, or empty.
  std::string_view first(std::string_view name) const;
  friend bool operator==(const Secrets&, const Secrets&) = default;

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

/// A secret as it rests in the database: sealed for one account and one name,
/// base64.
std::string seal_secret(std::string_view key, std::string_view account_id, std::string_view name,
                        std::string_view value);

/// Secrets from their JSON form [{"name", "sealed"}]. Error `internal`: the
/// sealing key is not the one that they were sealed with.
Result<Secrets> unseal_secrets(std::string_view key, std::string_view account_id,
                               std::string_view sealed_json);

}  // namespace media::providers

#pragma once

#include <string>

namespace media::providers {

/// An account as the database has it: what is secret is sealed.
struct SealedAccount {
  std::string id;
  std::string company_id;
  std::string provider;
  std::string external_id;
  std::string settings;  ///< JSON
  std::string secrets;   ///< JSON: [{"name", "sealed"}]

  friend bool operator==(const SealedAccount&, const SealedAccount&) = default;
};

}  // namespace media::providers

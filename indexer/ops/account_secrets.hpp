#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "indexer/ops/command_line.hpp"
#include "indexer/providers/provider.hpp"

namespace media::ops {

/// The values of secrets named on the command line. `environment` is getenv.
Result<providers::Secrets> load_secrets(const std::vector<SecretArgument>& arguments,
                                        const std::function<const char*(const char*)>& environment);

/// Whether a provider's account can work with these secrets: all required
/// ones, no unknown ones, each well-formed.
Result<void> check_secrets(const providers::Provider& provider,
                           const std::vector<SecretArgument>& arguments,
                           const providers::Secrets& secrets);

/// The p_secrets argument of media.add_account(), sealed for the account.
std::string sealed_json(const providers::Provider& provider, const providers::Secrets& secrets,
                        std::string_view sealing_key, std::string_view account_id);

}  // namespace media::ops

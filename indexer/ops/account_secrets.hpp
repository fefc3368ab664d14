#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "indexer/ops/command_line.hpp"
#include "indexer/providers/registry.hpp"

namespace media::ops {

/// The values of secrets named on the command line. `environment` is getenv.
Result<providers::Secrets> load_secrets(const std::vector<SecretArgument>& arguments,
                                        const std::function<const char*(const char*)>& environment);

/// Whether a provider's accounts can have these secrets: no unknown ones, each
/// well-formed, several values only where that makes sense.
Result<void> check_secrets(const providers::Provider& provider,
                           const std::vector<SecretArgument>& arguments,
                           const providers::Secrets& secrets);

/// Whether all secrets that the provider's accounts need are there.
Result<void> check_required_secrets(const providers::Provider& provider,
                                    const providers::Secrets& secrets);

/// The p_settings argument of media.add_account(). Error `invalid_argument`:
/// the provider has no such setting.
Result<std::string> settings_json(const providers::Provider& provider,
                                  const std::vector<SwitchArgument>& switches);

/// The provider that a command line names. Error `invalid_argument` with a hint.
Result<const providers::Provider*> find_provider(const providers::Registry& registry,
                                                 const std::string& name);

/// The p_secrets argument of media.add_account(), sealed for the account.
std::string sealed_json(const providers::Provider& provider, const providers::Secrets& secrets,
                        std::string_view sealing_key, std::string_view account_id);

}  // namespace media::ops

#include "indexer/ops/account_secrets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "indexer/json.hpp"

namespace media::ops {
namespace {

Result<std::string> read_secret_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.good() && !file.eof()) {
    return fail(ErrorCode::not_found, "can't read " + path + ": " + std::strerror(errno));
  }
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

Result<std::string> load(const SecretArgument& argument,
                         const std::function<const char*(const char*)>& environment) {
  if (argument.source == SecretArgument::Source::value) return argument.text;
  if (argument.source == SecretArgument::Source::file) return read_secret_file(argument.text);
  const char* value = environment(argument.text.c_str());
  if (value == nullptr) {
    return fail(ErrorCode::not_found, "environment variable " + argument.text + " is not set");
  }
  return std::string(value);
}

std::string known_names(const providers::Provider& provider) {
  std::string names;
  for (const auto& rule : provider.secret_rules()) {
    names += "\n  " + std::string(rule.name) + ": " + std::string(rule.purpose);
  }
  return names;
}

}  // namespace

Result<providers::Secrets> load_secrets(
    const std::vector<SecretArgument>& arguments,
    const std::function<const char*(const char*)>& environment) {
  providers::Secrets secrets;
  for (const SecretArgument& argument : arguments) {
    auto value = load(argument, environment);
    if (!value) return std::unexpected(value.error());
    if (value->empty()) {
      return fail(ErrorCode::invalid_argument, "secret " + argument.name + " is empty");
    }
    secrets.add(argument.name, std::move(*value));
  }
  return secrets;
}

Result<void> check_secrets(const providers::Provider& provider,
                           const std::vector<SecretArgument>& arguments,
                           const providers::Secrets& secrets) {
  const std::string name(provider.name());
  for (const SecretArgument& argument : arguments) {
    if (!std::ranges::count(provider.secret_rules(), argument.name, &providers::SecretRule::name)) {
      return fail(ErrorCode::invalid_argument,
                  name + " has no secret '" + argument.name + "'; it has:" + known_names(provider));
    }
  }
  for (const auto& rule : provider.secret_rules()) {
    const auto values = secrets.all(rule.name);
    const std::string secret(rule.name);
    if (values.empty() && rule.is_required) {
      return fail(ErrorCode::invalid_argument,
                  name + " needs the secret '" + secret + "':" + known_names(provider));
    }
    if (values.size() > 1 && !rule.is_repeatable) {
      return fail(ErrorCode::invalid_argument, "secret '" + secret + "' is given twice");
    }
    for (const std::string_view value : values) {
      if (auto checked = provider.check_secret(rule.name, value); !checked) return checked;
    }
  }
  return {};
}

std::string sealed_json(const providers::Provider& provider, const providers::Secrets& secrets,
                        std::string_view sealing_key, std::string_view account_id) {
  Json list = Json::array();
  for (const auto& rule : provider.secret_rules()) {
    for (const std::string_view value : secrets.all(rule.name)) {
      list.push(
          Json::object()
              .set("name", rule.name)
              .set("sealed", providers::seal_secret(sealing_key, account_id, rule.name, value)));
    }
  }
  return list.dump();
}

}  // namespace media::ops

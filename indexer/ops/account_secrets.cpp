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
  for (const SecretArgument& argument : arguments) {
    if (!std::ranges::count(provider.secret_rules(), argument.name, &providers::SecretRule::name)) {
      return fail(ErrorCode::invalid_argument, std::string(provider.name()) + " has no secret '" +
                                                   argument.name +
                                                   "'; it has:" + known_names(provider));
    }
  }
  for (const auto& rule : provider.secret_rules()) {
    const auto values = secrets.all(rule.name);
    if (values.size() > 1 && !rule.is_repeatable) {
      return fail(ErrorCode::invalid_argument,
                  "secret '" + std::string(rule.name) + "' is given twice");
    }
    for (const std::string_view value : values) {
      if (auto checked = provider.check_secret(rule.name, value); !checked) return checked;
    }
  }
  return {};
}

Result<void> check_required_secrets(const providers::Provider& provider,
                                    const providers::Secrets& secrets) {
  for (const auto& rule : provider.secret_rules()) {
    if (!rule.is_required || !secrets.all(rule.name).empty()) continue;
    return fail(ErrorCode::invalid_argument, std::string(provider.name()) + " needs the secret '" +
                                                 std::string(rule.name) +
                                                 "':" + known_names(provider));
  }
  return {};
}

Result<std::string> settings_json(const providers::Provider& provider,
                                  const std::vector<SwitchArgument>& switches) {
  Json settings = Json::object();
  for (const auto& [name, is_on] : switches) {
    const auto rules = provider.switch_rules();
    if (!std::ranges::count(rules, name, &providers::SwitchRule::name)) {
      std::string known;
      for (const auto& rule : rules) {
        known += "\n  " + std::string(rule.name) + ": " + std::string(rule.purpose);
      }
      return fail(ErrorCode::invalid_argument,
                  std::string(provider.name()) + " has no setting '" + name +
                      "'; it has:" + (known.empty() ? " none" : known));
    }
    settings.set(name, is_on);
  }
  return settings.dump();
}

Result<const providers::Provider*> find_provider(const providers::Registry& registry,
                                                 const std::string& name) {
  if (const providers::Provider* provider = registry.find(name)) return provider;
  std::string names;
  for (const auto& provider : registry.all()) names += " " + std::string(provider->name());
  return fail(ErrorCode::invalid_argument, "no provider '" + name + "'; there are:" + names);
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

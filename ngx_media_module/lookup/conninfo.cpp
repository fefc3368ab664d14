#include "ngx_media_module/lookup/conninfo.hpp"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <memory>

namespace media::nginx {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};

bool is_socket_directory(std::string_view host) {
  return host.starts_with('/') || host.starts_with('@');
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> buffer;
  return ::inet_pton(AF_INET, host.c_str(), buffer.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), buffer.data()) == 1;
}

Result<std::string> resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  if (error != 0) {
    return fail(ErrorCode::invalid_argument,
                "host \"" + host + "\" does not resolve: " + ::gai_strerror(error));
  }
  std::array<char, NI_MAXHOST> text;
  const int unprintable = ::getnameinfo(addresses->ai_addr, addresses->ai_addrlen, text.data(),
                                        text.size(), nullptr, 0, NI_NUMERICHOST);
  if (unprintable != 0) return fail(ErrorCode::invalid_argument, ::gai_strerror(unprintable));
  return std::string(text.data());
}

/// libpq's message. What it quotes is cut off, since it may be a password,
/// except for the name of an option.
std::string without_secrets(const char* message) {
  if (message == nullptr) return "out of memory";
  const std::string_view text(message);
  if (constexpr std::string_view kNoEqualsSign = "missing \"=\""; text.starts_with(kNoEqualsSign)) {
    return std::string(kNoEqualsSign);
  }
  const auto end = text.starts_with("invalid connection option") ? "\n" : "\"\n";
  return std::string(text.substr(0, text.find_first_of(end)));
}

}  // namespace

Result<ConnectTarget> ConnectTarget::parse(const std::string& conninfo) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(conninfo.c_str(), &message));
  const std::unique_ptr<char, void (*)(void*)> message_owner(message, PQfreemem);
  if (!options) return fail(ErrorCode::invalid_argument, without_secrets(message));

  ConnectTarget target;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) target.parameters_.push_back({option->keyword, option->val});
  }
  if (auto checked = target.check(); !checked) return std::unexpected(checked.error());
  if (auto resolved = target.resolve_host(); !resolved) return std::unexpected(resolved.error());
  // A GSSAPI attempt would make libpq start over on another socket.
  target.set("gssencmode", "disable");
  target.set("client_encoding", "UTF8");
  target.set("fallback_application_name", "ngx_media");
  return target;
}

std::string_view ConnectTarget::get(std::string_view keyword) const {
  const auto found = std::ranges::find(parameters_, keyword, &Parameter::keyword);
  return found == parameters_.end() ? std::string_view() : found->value;
}

void ConnectTarget::set(std::string_view keyword, std::string value) {
  const auto found = std::ranges::find(parameters_, keyword, &Parameter::keyword);
  if (found != parameters_.end()) {
    found->value = std::move(value);
  } else {
    parameters_.push_back({std::string(keyword), std::move(value)});
  }
}

Result<void> ConnectTarget::check() const {
  if (!get("service").empty()) {
    return fail(ErrorCode::invalid_argument, "\"service\" is not supported: name the host");
  }
  for (const auto keyword : {"host", "hostaddr", "port"}) {
    if (get(keyword).find(',') != std::string_view::npos) {
      return fail(ErrorCode::invalid_argument,
                  std::string("several values of \"") + keyword + "\" are not supported");
    }
  }
  return {};
}

Result<void> ConnectTarget::resolve_host() {
  const std::string host(get("host"));
  if (host.empty() || !get("hostaddr").empty() || is_socket_directory(host) || is_address(host)) {
    return {};
  }
  auto address = resolve(host);
  if (!address) return std::unexpected(address.error());
  set("hostaddr", std::move(*address));
  return {};
}

std::vector<const char*> ConnectTarget::keywords() const {
  std::vector<const char*> list;
  list.reserve(parameters_.size() + 1);
  for (const auto& parameter : parameters_) list.push_back(parameter.keyword.c_str());
  list.push_back(nullptr);
  return list;
}

std::vector<const char*> ConnectTarget::values() const {
  std::vector<const char*> list;
  list.reserve(parameters_.size() + 1);
  for (const auto& parameter : parameters_) list.push_back(parameter.value.c_str());
  list.push_back(nullptr);
  return list;
}

std::string ConnectTarget::describe() const {
  std::string text;
  for (const auto keyword : {"host", "hostaddr", "port", "dbname", "user"}) {
    const auto value = get(keyword);
    if (value.empty()) continue;
    if (!text.empty()) text += ' ';
    text.append(keyword).append("=").append(value);
  }
  return text;
}

}  // namespace media::nginx

#include "indexer/http/listening_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

namespace media::http {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr int kSocketFlags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

std::unexpected<Error> failure(const std::string& doing, int error_number) {
  return fail(ErrorCode::unavailable,
              doing + ": " + std::error_code(error_number, std::system_category()).message());
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::invalid_argument, "not a usable socket path: \"" + path + "\"");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Only what a dead process left may be replaced: a socket that nobody answers on.
Result<void> check_replaceable(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return failure("look at " + path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorCode::conflict, path + " exists and is not a socket");
  }
  const auto address = unix_address(path);
  if (!address) return std::unexpected(address.error());
  const UniqueFd probe(::socket(AF_UNIX, kSocketFlags, 0));
  if (!probe) return failure("create a socket", errno);
  if (::connect(probe.get(), generic(*address), sizeof(*address)) == 0 || errno == EAGAIN) {
    return fail(ErrorCode::conflict, "another process already listens on " + path);
  }
  return errno == ECONNREFUSED ? Result<void>() : failure("probe " + path, errno);
}

using AddressList = std::unique_ptr<addrinfo, decltype([](addrinfo* list) { freeaddrinfo(list); })>;

Result<AddressList> resolve(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  if (code != 0) {
    return fail(ErrorCode::invalid_argument,
                "cannot listen on " + host + ":" + port + ": " + ::gai_strerror(code));
  }
  return AddressList(list);
}

unsigned bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return address.ss_family == AF_INET6
             ? ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port)
             : ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

/// 0 when it is no socket.
int socket_option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

}  // namespace

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::move(other.fd_)),
      family_(other.family_),
      port_(other.port_),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket::~ListeningSocket() {
  struct stat status {};
  if (path_.empty() || ::lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
}

Result<ListeningSocket> ListeningSocket::bind(const std::string& listen, unsigned socket_mode) {
  if (listen.starts_with(kUnixPrefix)) {
    return bind_unix(listen.substr(kUnixPrefix.size()), socket_mode);
  }
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return fail(ErrorCode::invalid_argument,
                "\"" + listen + "\" is neither unix:/path nor host:port");
  }
  std::string host = listen.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return bind_tcp(host, listen.substr(colon + 1));
}

Result<ListeningSocket> ListeningSocket::adopt(UniqueFd passed, const std::string& listen) {
  const int fd = passed.get();
  if (socket_option(fd, SO_TYPE) != SOCK_STREAM || socket_option(fd, SO_ACCEPTCONN) != 1) {
    return fail(ErrorCode::invalid_argument,
                "the socket that was passed is no listening stream socket: the .socket unit needs "
                "ListenStream= and Accept=no");
  }
  const int family = socket_option(fd, SO_DOMAIN);
  const bool is_unix = listen.starts_with(kUnixPrefix);
  if (is_unix ? family != AF_UNIX : family != AF_INET && family != AF_INET6) {
    return fail(ErrorCode::invalid_argument,
                std::string("the socket that was passed is ") +
                    (is_unix ? "no unix socket" : "no TCP socket") + ", but [server] listen is \"" +
                    listen + "\": make ListenStream= of the .socket unit the same");
  }
  ListeningSocket socket;
  socket.fd_ = std::move(passed);
  socket.family_ = family;
  if (!is_unix) socket.port_ = bound_port(fd);
  return socket;
}

/// Made beside its place and moved there once it listens: whoever connects while a
/// dead process is replaced finds one of the two sockets.
Result<ListeningSocket> ListeningSocket::bind_unix(const std::string& path, unsigned mode) {
  if (auto checked = check_replaceable(path); !checked) return std::unexpected(checked.error());
  const std::string draft = path + "~";
  const auto address = unix_address(draft);
  if (!address) return std::unexpected(address.error());
  ::unlink(draft.c_str());

  ListeningSocket socket;
  socket.family_ = AF_UNIX;
  socket.fd_ = UniqueFd(::socket(AF_UNIX, kSocketFlags, 0));
  if (!socket.fd_) return failure("create a socket", errno);
  // Before bind() this narrows the mode that the file is created with; what
  // the umask took away is given back after it.
  ::fchmod(socket.fd_.get(), mode);
  if (::bind(socket.fd_.get(), generic(*address), sizeof(*address)) != 0) {
    return failure("bind " + draft, errno);
  }
  struct stat status {};
  if (::lstat(draft.c_str(), &status) != 0) return failure("look at " + draft, errno);
  if (::chmod(draft.c_str(), mode) != 0) return failure("chmod " + draft, errno);
  if (::listen(socket.fd_.get(), SOMAXCONN) != 0) return failure("listen on " + draft, errno);
  if (::rename(draft.c_str(), path.c_str()) != 0) return failure("move " + draft, errno);
  socket.path_ = path;
  socket.device_ = status.st_dev;
  socket.inode_ = status.st_ino;
  return socket;
}

Result<ListeningSocket> ListeningSocket::bind_tcp(const std::string& host,
                                                  const std::string& port) {
  const auto addresses = resolve(host, port);
  if (!addresses) return std::unexpected(addresses.error());
  const addrinfo& address = **addresses;
  ListeningSocket socket;
  socket.family_ = address.ai_family;
  socket.fd_ = UniqueFd(::socket(address.ai_family, kSocketFlags, 0));
  if (!socket.fd_) return failure("create a socket", errno);
  const int on = 1;
  ::setsockopt(socket.fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(socket.fd_.get(), address.ai_addr, address.ai_addrlen) != 0 ||
      ::listen(socket.fd_.get(), SOMAXCONN) != 0) {
    return failure("listen on " + host + ":" + port, errno);
  }
  socket.port_ = bound_port(socket.fd_.get());
  return socket;
}

}  // namespace media::http

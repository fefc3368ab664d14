#pragma once

#include <sys/types.h>

#include <string>

#include "core/error.hpp"
#include "indexer/unique_fd.hpp"

namespace media::http {

/// A bound and listening socket. The file of a unix socket is removed with it,
/// unless another process has put its own there meanwhile.
class ListeningSocket {
 public:
  /// `listen` is "unix:/path", "host:port" or "[v6]:port".
  static Result<ListeningSocket> bind(const std::string& listen, unsigned socket_mode);
  /// One that somebody else has made for this `listen`, whose file stays his. Error
  /// `invalid_argument`: it is of another kind.
  static Result<ListeningSocket> adopt(UniqueFd passed, const std::string& listen);

  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  int release_fd() { return fd_.release(); }
  int family() const { return family_; }
  unsigned port() const { return port_; }

 private:
  ListeningSocket() = default;
  static Result<ListeningSocket> bind_unix(const std::string& path, unsigned mode);
  static Result<ListeningSocket> bind_tcp(const std::string& host, const std::string& port);

  UniqueFd fd_;
  int family_ = 0;
  unsigned port_ = 0;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace media::http

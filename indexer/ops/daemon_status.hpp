#pragma once

#include <string>

#include "core/error.hpp"

namespace media::ops {

struct DaemonStatus {
  int status = 0;  ///< of HTTP
  std::string body;
};

/// What the daemon that listens there answers to a GET. Error `unavailable`.
Result<DaemonStatus> ask_daemon(const std::string& listen, const std::string& path);

}  // namespace media::ops

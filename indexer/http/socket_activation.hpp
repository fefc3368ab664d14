#pragma once

#include <optional>

#include "core/error.hpp"
#include "indexer/unique_fd.hpp"

namespace media::http {

/// The socket that a service manager passes (sd_listen_fds(3)), if it does. To
/// be called once, while there is one thread only: the variables that tell of
/// it are unset, so that no child takes it for its own. Error
/// `invalid_argument`: anything but one socket is passed.
Result<std::optional<UniqueFd>> take_passed_socket();

}  // namespace media::http

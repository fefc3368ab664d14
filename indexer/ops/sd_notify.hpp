#pragma once

#include <string_view>

namespace media::ops {

/// Tells systemd about the state of the service (sd_notify(3)): "READY=1",
/// "STOPPING=1", "STATUS=...". Does nothing outside of systemd.
void notify_systemd(std::string_view state);

}  // namespace media::ops

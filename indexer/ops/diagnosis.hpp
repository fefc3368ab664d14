#pragma once

#include <cstdint>
#include <string>

#include "indexer/config.hpp"
#include "indexer/ops/report.hpp"

namespace media::ops {

/// How this host's part of the site does: daemon, store, spool, authorities.
/// How old the newest backup is, where there is to be one.
void look_at_backup(const Config& config, Report& report);
void look_at_host(const Config& config, Report& report);

/// What the database knows: accounts, queue, failures, partitions. Nothing
/// when it can't be reached, which check_everything() tells.
void look_at_site(const Config& config, Report& report);

/// "12 KiB", "3.4 GiB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace media::ops

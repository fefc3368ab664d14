#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// Prepares a new block of shared memory, before any worker is there. False when
/// it is too small.
using BlockFormatter = bool (*)(ngx_shm_zone_t& zone);

/// Adds a shared memory zone that holds one block, as large as fits. A reload with
/// the same name and size keeps its content. Null after an error, which is logged.
ngx_shm_zone_t* add_shared_zone(ngx_conf_t* cf, std::string_view name, std::size_t size,
                                BlockFormatter format);

/// The block; zeroed when it is new.
std::span<std::byte> block_of(ngx_shm_zone_t& zone);

/// The zone's mutex, which nginx's master takes from a worker that died with it.
ngx_shmtx_t& mutex_of(ngx_shm_zone_t& zone);

}  // namespace media::nginx

#pragma once

#include "ngx_media_module/cache/shared_cache.hpp"
#include "ngx_media_module/shared_zone.hpp"

namespace media::nginx {

/// The cache in the zone of `media_cache`, for one process.
class CacheZone {
 public:
  explicit CacheZone(ngx_shm_zone_t& zone) : lock_(mutex_of(zone)), cache_(block_of(zone), lock_) {}
  CacheZone(const CacheZone&) = delete;
  CacheZone& operator=(const CacheZone&) = delete;

  SharedCache& cache() { return cache_; }

  /// See BlockFormatter.
  static bool format(ngx_shm_zone_t& zone) {
    if (block_of(zone).size() < SharedCache::kMinBytes) return false;
    CacheZone{zone};
    return true;
  }

 private:
  class ZoneLock final : public SharedLock {
   public:
    explicit ZoneLock(ngx_shmtx_t& mutex) : mutex_(mutex) {}
    void lock() override { ngx_shmtx_lock(&mutex_); }
    void unlock() override { ngx_shmtx_unlock(&mutex_); }

   private:
    ngx_shmtx_t& mutex_;
  };

  ZoneLock lock_;
  SharedCache cache_;
};

}  // namespace media::nginx

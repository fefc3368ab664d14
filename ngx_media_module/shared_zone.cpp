#include "ngx_media_module/shared_zone.hpp"

#include <cstring>

#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

/// Where the block is, remembered where every process finds it.
struct Block {
  std::size_t size;
  std::byte* bytes;
};

ngx_slab_pool_t* pool_of(ngx_shm_zone_t& zone) {
  return reinterpret_cast<ngx_slab_pool_t*>(zone.shm.addr);
}

/// As large a block as the slab allocator has left beside its own pages.
bool allocate_block(ngx_slab_pool_t* pool) {
  auto* block = static_cast<Block*>(ngx_slab_calloc(pool, sizeof(Block)));
  if (block == nullptr) return false;
  block->size = pool->pfree * ngx_pagesize;
  block->bytes = static_cast<std::byte*>(ngx_slab_alloc(pool, block->size));
  if (block->bytes == nullptr) return false;
  std::memset(block->bytes, 0, block->size);
  pool->data = block;
  return true;
}

ngx_int_t init_zone(ngx_shm_zone_t* zone, void* old_data) {
  return guard<ngx_int_t>(zone->shm.log, NGX_ERROR, [&]() -> ngx_int_t {
    const auto format = reinterpret_cast<BlockFormatter>(zone->data);
    const bool is_kept = old_data != nullptr || zone->shm.exists;
    if ((is_kept || allocate_block(pool_of(*zone))) && format(*zone)) return NGX_OK;
    ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0, "media: zone \"%V\" is too small",
                  &zone->shm.name);
    return NGX_ERROR;
  });
}

}  // namespace

ngx_shm_zone_t* add_shared_zone(ngx_conf_t* cf, std::string_view name, std::size_t size,
                                BlockFormatter format) {
  ngx_str_t copied = copy(cf->pool, name);
  ngx_shm_zone_t* zone = ngx_shared_memory_add(cf, &copied, size, &ngx_http_media_module);
  if (zone == nullptr) return nullptr;
  zone->init = init_zone;
  zone->data = reinterpret_cast<void*>(format);
  return zone;
}

std::span<std::byte> block_of(ngx_shm_zone_t& zone) {
  const auto& block = *static_cast<Block*>(pool_of(zone)->data);
  return {block.bytes, block.size};
}

ngx_shmtx_t& mutex_of(ngx_shm_zone_t& zone) { return pool_of(zone)->mutex; }

}  // namespace media::nginx

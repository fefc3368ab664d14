#pragma once

#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "ngx_media_module/ngx.hpp"

// Texts and memory of nginx in C++ terms. Allocation throws std::bad_alloc, as
// everywhere in C++; guard.hpp turns it into nginx's error codes.
namespace media::nginx {

inline std::string_view view(const ngx_str_t& text) {
  return {reinterpret_cast<const char*>(text.data), text.len};
}

/// An ngx_str_t of the same bytes, which must outlive it.
inline ngx_str_t borrow(std::string_view text) {
  return {text.size(), reinterpret_cast<u_char*>(const_cast<char*>(text.data()))};
}

inline u_char* allocate_bytes(ngx_pool_t* pool, std::size_t size) {
  void* memory = ngx_pnalloc(pool, size);
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<u_char*>(memory);
}

/// Copies into a pool, with a final NUL that does not count.
inline ngx_str_t copy(ngx_pool_t* pool, std::string_view text) {
  u_char* data = allocate_bytes(pool, text.size() + 1);
  if (!text.empty()) std::memcpy(data, text.data(), text.size());
  data[text.size()] = '\0';
  return {text.size(), data};
}

inline std::span<const std::byte> copy(ngx_pool_t* pool, std::span<const std::byte> bytes) {
  u_char* data = allocate_bytes(pool, bytes.size());
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  return std::as_bytes(std::span(data, bytes.size()));
}

/// A zeroed C struct of nginx.
template <class T>
T* allocate_zeroed(ngx_pool_t* pool) {
  void* memory = ngx_pcalloc(pool, sizeof(T));
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<T*>(memory);
}

/// A C++ object that is destroyed with the pool.
template <class T, class... Arguments>
T* make_in_pool(ngx_pool_t* pool, Arguments&&... arguments) {
  ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(pool, sizeof(T));
  if (cleanup == nullptr) throw std::bad_alloc();
  T* object = new (cleanup->data) T{std::forward<Arguments>(arguments)...};
  cleanup->handler = [](void* data) { static_cast<T*>(data)->~T(); };
  return object;
}

}  // namespace media::nginx

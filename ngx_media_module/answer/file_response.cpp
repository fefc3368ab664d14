#include "ngx_media_module/answer/file_response.hpp"

#include <new>
#include <string>

#include "ngx_media_module/answer/headers.hpp"
#include "ngx_media_module/answer/joined_send.hpp"
#include "ngx_media_module/answer/response_policy.hpp"
#include "ngx_media_module/log.hpp"
#include "ngx_media_module/s3/s3_response.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

std::string quoted(const ngx_str_t& path) { return '"' + std::string(view(path)) + '"'; }

ngx_int_t fail_request(ngx_http_request_t* r, RequestCtx& ctx, ngx_int_t status) {
  add_safety_headers(r, ctx, {}, "no-store");
  return status;
}

ngx_http_core_loc_conf_t& core_conf(ngx_http_request_t* r) {
  return *static_cast<ngx_http_core_loc_conf_t*>(
      ngx_http_get_module_loc_conf(r, ngx_http_core_module));
}

/// root + "/" + key; the key was checked when the record was parsed.
ngx_str_t path_of(ngx_http_request_t* r, const StoreConf& store, std::string_view key) {
  const std::size_t size = store.root.size() + 1 + key.size();
  u_char* path = allocate_bytes(r->pool, size + 1);
  u_char* end = ngx_cpymem(path, store.root.data(), store.root.size());
  *end++ = '/';
  end = ngx_cpymem(end, key.data(), key.size());
  *end = '\0';
  return {size, path};
}

ngx_int_t status_of_open_error(ngx_http_request_t* r, const ngx_open_file_info_t& file,
                               const ngx_str_t& path) {
  ngx_int_t status = NGX_HTTP_INTERNAL_SERVER_ERROR;
  ngx_uint_t level = NGX_LOG_CRIT;
  switch (file.err) {
    case 0:
      return status;
    case NGX_ENOENT:
    case NGX_ENOTDIR:
    case NGX_ENAMETOOLONG:
      level = NGX_LOG_ERR;
      status = NGX_HTTP_NOT_FOUND;
      break;
    case NGX_EACCES:
#if (NGX_HAVE_OPENAT)
    case NGX_EMLINK:
    case NGX_ELOOP:
#endif
      level = NGX_LOG_ERR;
      status = NGX_HTTP_FORBIDDEN;
      break;
    default:
      break;
  }
  if (status != NGX_HTTP_NOT_FOUND || core_conf(r).log_not_found) {
    RequestLog(r).write(level, file.err, std::string(file.failed) + " " + quoted(path) + " failed");
  }
  return status;
}

/// NGX_OK, or the status of the answer.
ngx_int_t open_file(ngx_http_request_t* r, ngx_str_t& path, ngx_open_file_info_t& file) {
  auto& core = core_conf(r);
  file.read_ahead = core.read_ahead;
  file.directio = core.directio;
  file.valid = core.open_file_cache_valid;
  file.min_uses = core.open_file_cache_min_uses;
  file.errors = core.open_file_cache_errors;
  file.events = core.open_file_cache_events;
  if (ngx_http_set_disable_symlinks(r, &core, &path, &file) != NGX_OK) {
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
  }
  if (ngx_open_cached_file(core.open_file_cache, &path, &file, r->pool) != NGX_OK) {
    return status_of_open_error(r, file, path);
  }
  r->root_tested = !r->error_page;
  return NGX_OK;
}

/// Other bytes than those recorded must not go out under the recorded hash.
ngx_int_t check_file(ngx_http_request_t* r, const ngx_str_t& path, const ngx_open_file_info_t& file,
                     const MediaRecord& record) {
  static LogThrottle throttle;
  if (!file.is_file) {
    RequestLog(r).write(NGX_LOG_CRIT, 0, quoted(path) + " is not a regular file");
    return NGX_HTTP_NOT_FOUND;
  }
  if (file.size == record.size) return NGX_OK;
  log_throttled(throttle, NGX_LOG_ERR, RequestLog(r).get(),
                quoted(path) + " has " + std::to_string(file.size) +
                    " bytes, but its record says " + std::to_string(record.size));
  return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

void set_headers(ngx_http_request_t* r, RequestCtx& ctx, const ngx_open_file_info_t& file) {
  r->headers_out.status = NGX_HTTP_OK;
  r->headers_out.content_length_n = file.size;
  r->headers_out.last_modified_time = file.mtime;
  add_media_headers(r, ctx);
  // Without a hash nginx's own tag, of size and time.
  const bool needs_tag = !ctx.record.sha256 && core_conf(r).etag;
  if (needs_tag && ngx_http_set_etag(r) != NGX_OK) throw std::bad_alloc();
}

ngx_int_t send_body(ngx_http_request_t* r, const ngx_str_t& path,
                    const ngx_open_file_info_t& file) {
  if (r != r->main && file.size == 0) return ngx_http_send_header(r);
  r->allow_ranges = 1;
  // All memory before the header: afterwards an error could not be told.
  auto* buffer = allocate_zeroed<ngx_buf_t>(r->pool);
  buffer->file = allocate_zeroed<ngx_file_t>(r->pool);
  const ngx_int_t rc = ngx_http_send_header(r);
  if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return rc;
  buffer->file_pos = 0;
  buffer->file_last = file.size;
  buffer->in_file = file.size > 0 ? 1 : 0;
  buffer->last_buf = r == r->main ? 1 : 0;
  buffer->last_in_chain = 1;
  buffer->file->fd = file.fd;
  buffer->file->name = path;
  buffer->file->log = r->connection->log;
  buffer->file->directio = file.is_directio;
  ngx_chain_t out{.buf = buffer, .next = nullptr};
  const JoinedSend joined(*r->connection);
  return ngx_http_output_filter(r, &out);
}

}  // namespace

ngx_int_t send_file(ngx_http_request_t* r, RequestCtx& ctx) {
  const StoreConf* store = main_conf(r).find_store(ctx.record.store);
  if (store == nullptr) {
    RequestLog(r).write(NGX_LOG_ERR, 0,
                        "no \"media_store\" is named \"" + std::string(ctx.record.store) + "\"");
    return fail_request(r, ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
  }
  if (store->s3 != nullptr) return send_from_s3(r, ctx, *store->s3);
  ngx_str_t path = path_of(r, *store, ctx.record.storage_key);
  ngx_open_file_info_t file{};
  ngx_int_t status = open_file(r, path, file);
  if (status == NGX_OK) status = check_file(r, path, file, ctx.record);
  if (status != NGX_OK) return fail_request(r, ctx, status);
  const ngx_int_t discarded = ngx_http_discard_request_body(r);
  if (discarded != NGX_OK) return discarded;
  r->connection->log->action = const_cast<char*>("sending response to client");
  set_headers(r, ctx, file);
  return send_body(r, path, file);
}

}  // namespace media::nginx

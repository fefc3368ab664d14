#include "ngx_media_module/answer/joined_send.hpp"

#include <sys/socket.h>

namespace media::nginx {
namespace {

bool is_header_before_file(const ngx_chain_t* in) {
  return in != nullptr && ngx_buf_in_memory_only(in->buf) && in->next != nullptr &&
         in->next->buf->in_file;
}

/// Sends a header; what it can't, and all else, is nginx's: it knows what to do about errors.
/// `limit`: how much may be sent, 0: all.
ngx_chain_t* send_joined(ngx_connection_t* c, ngx_chain_t* in, off_t limit) {
  if (!c->write->ready || !is_header_before_file(in)) return ngx_io.send_chain(c, in, limit);
  ngx_buf_t& header = *in->buf;
  const off_t size = ngx_buf_size(&header);
  if (limit != 0 && limit <= size) return ngx_io.send_chain(c, in, limit);
  const ssize_t sent = ::send(c->fd, header.pos, static_cast<std::size_t>(size), MSG_MORE);
  if (sent <= 0) return ngx_io.send_chain(c, in, limit);
  c->sent += sent;
  header.pos += sent;
  return ngx_io.send_chain(c, sent == size ? in->next : in, limit == 0 ? 0 : limit - sent);
}

}  // namespace

JoinedSend::JoinedSend(ngx_connection_t& connection)
    : connection_(connection), before_(connection.send_chain) {
  if (before_ == ngx_io.send_chain && connection.tcp_nopush == NGX_TCP_NOPUSH_UNSET) {
    connection_.send_chain = send_joined;
  }
}

}  // namespace media::nginx

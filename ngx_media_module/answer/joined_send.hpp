#pragma once

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// As long as it lives, a header and the file after it are joined by MSG_MORE, where
/// `tcp_nopush` would have nginx set and clear TCP_CORK, which takes two system calls.
/// Only where nginx itself would call sendfile(): not with TLS or HTTP/2.
class JoinedSend {
 public:
  explicit JoinedSend(ngx_connection_t& connection);
  ~JoinedSend() { connection_.send_chain = before_; }
  JoinedSend(const JoinedSend&) = delete;
  JoinedSend& operator=(const JoinedSend&) = delete;

 private:
  ngx_connection_t& connection_;
  ngx_send_chain_pt before_;
};

}  // namespace media::nginx

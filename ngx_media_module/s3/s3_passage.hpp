#pragma once

#include <optional>

#include "ngx_media_module/request_ctx.hpp"
#include "ngx_media_module/s3/s3_store.hpp"

namespace media::nginx {

/// Media that nginx fetches from an object store, in a location of the operator's. In the
/// request's pool.
struct S3Passage {
  S3Store* store;
  const MediaRecord* record;
  ngx_str_t uri;          ///< as it is sent and signed
  std::string_view vary;  ///< of the location that was asked
  // The last signature:
  std::int64_t signed_at = 0;
  ngx_str_t signed_method{};
  ngx_str_t date{};
  ngx_str_t authorization{};
};

/// Redirects the request to the store's location.
ngx_int_t pass_to_s3(ngx_http_request_t* r, RequestCtx& ctx, S3Store& store);

/// The passage of this request, or of the one that it is a part of (`slice`); or null.
S3Passage* find_passage(ngx_http_request_t* r);

// The $media_s3_* variables: only within such a location.
std::optional<ngx_str_t> s3_url(ngx_http_request_t* r);
std::optional<ngx_str_t> s3_uri(ngx_http_request_t* r);
std::optional<ngx_str_t> s3_host(ngx_http_request_t* r);
std::optional<ngx_str_t> s3_date(ngx_http_request_t* r);
std::optional<ngx_str_t> s3_authorization(ngx_http_request_t* r);
std::optional<ngx_str_t> s3_token(ngx_http_request_t* r);
std::optional<ngx_str_t> s3_range(ngx_http_request_t* r);
std::optional<ngx_str_t> s3_version(ngx_http_request_t* r);

}  // namespace media::nginx

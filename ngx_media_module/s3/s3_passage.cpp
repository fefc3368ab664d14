#include "ngx_media_module/s3/s3_passage.hpp"

#include <new>

#include "ngx_media_module/answer/response_policy.hpp"
#include "ngx_media_module/s3/conditions.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

/// A signature is good for a quarter of an hour, by a store's clock.
constexpr std::int64_t kSignatureAge = 60;

/// `proxy_cache` makes a GET of a HEAD.
ngx_str_t method_sent(ngx_http_request_t* r) {
  const bool is_changed = r->upstream != nullptr && r->upstream->method.len > 0;
  return is_changed ? r->upstream->method : r->method_name;
}

/// One signature for all variables of a request.
const S3Passage* signed_passage(ngx_http_request_t* r) {
  S3Passage* passage = find_passage(r);
  if (passage == nullptr) return nullptr;
  const ngx_str_t method = method_sent(r);
  const std::int64_t now = ngx_time();
  const bool is_fresh =
      now - passage->signed_at < kSignatureAge && view(method) == view(passage->signed_method);
  if (is_fresh) return passage;
  const auto signature =
      sign_fetch(*passage->store, view(method), std::string(view(passage->uri)), now);
  passage->signed_at = now;
  passage->signed_method = method;
  passage->date = copy(r->main->pool, signature.date);
  passage->authorization = copy(r->main->pool, signature.authorization);
  return passage;
}

/// A range that the store can be asked for. With others, nginx cuts the whole answer itself, as it
/// does where a condition has to be looked at that the store can't know.
bool is_for_store(const ngx_http_headers_in_t& headers, const MediaRecord& record) {
  if (headers.range == nullptr || !is_single_range(view(headers.range->value))) return false;
  if (headers.if_modified_since != nullptr || headers.if_unmodified_since != nullptr) return false;
  if (headers.if_range == nullptr) return true;
  if (!record.sha256) return false;
  const auto tag = entity_tag(*record.sha256);
  return view(headers.if_range->value) == std::string_view(tag.data(), tag.size());
}

}  // namespace

ngx_int_t pass_to_s3(ngx_http_request_t* r, RequestCtx& ctx, S3Store& store) {
  auto* passage = allocate_zeroed<S3Passage>(r->pool);
  *passage = {.store = &store,
              .record = &ctx.record,
              .uri = copy(r->pool, canonical_uri(store.endpoint, ctx.record.storage_key)),
              .vary = location_conf(r).vary};
  ctx.passage = passage;
  ngx_str_t location = borrow(store.location);
  return store.location.starts_with('@') ? ngx_http_named_location(r, &location)
                                         : ngx_http_internal_redirect(r, &location, nullptr);
}

S3Passage* find_passage(ngx_http_request_t* r) {
  for (; r != nullptr; r = r->parent) {
    const auto* ctx = find_ctx(r);
    if (ctx != nullptr && ctx->passage != nullptr) return ctx->passage;
  }
  return nullptr;
}

std::optional<ngx_str_t> s3_url(ngx_http_request_t* r) {
  const auto* passage = find_passage(r);
  if (passage == nullptr) return std::nullopt;
  return copy(r->pool, url_of(passage->store->endpoint, view(passage->uri)));
}

std::optional<ngx_str_t> s3_uri(ngx_http_request_t* r) {
  const auto* passage = find_passage(r);
  return passage == nullptr ? std::nullopt : std::optional(passage->uri);
}

std::optional<ngx_str_t> s3_host(ngx_http_request_t* r) {
  const auto* passage = find_passage(r);
  if (passage == nullptr) return std::nullopt;
  return borrow(passage->store->endpoint.host);
}

std::optional<ngx_str_t> s3_date(ngx_http_request_t* r) {
  const auto* passage = signed_passage(r);
  return passage == nullptr ? std::nullopt : std::optional(passage->date);
}

std::optional<ngx_str_t> s3_authorization(ngx_http_request_t* r) {
  const auto* passage = signed_passage(r);
  return passage == nullptr ? std::nullopt : std::optional(passage->authorization);
}

std::optional<ngx_str_t> s3_token(ngx_http_request_t* r) {
  const auto* passage = find_passage(r);
  if (passage == nullptr) return std::nullopt;
  return copy(r->pool, passage->store->credentials.session_token);
}

std::optional<ngx_str_t> s3_range(ngx_http_request_t* r) {
  const auto* passage = find_passage(r);
  if (passage == nullptr || !is_for_store(r->headers_in, *passage->record)) return std::nullopt;
  return r->headers_in.range->value;
}

std::optional<ngx_str_t> s3_version(ngx_http_request_t* r) {
  const auto* passage = find_passage(r);
  if (passage == nullptr || !passage->record->sha256) return std::nullopt;
  return copy(r->pool, hex_encode(*passage->record->sha256));
}

}  // namespace media::nginx

#include "indexer/ingest/kept_delivery.hpp"

#include "core/encoding.hpp"
#include "indexer/json.hpp"

namespace media::ingest {

std::vector<KeptDelivery> kept_deliveries(const db::Rows& rows) {
  std::vector<KeptDelivery> kept;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Bytes body = rows.bytes(row, "body");
    kept.push_back(
        {std::string(rows.text(row, "delivery_id")), std::string(rows.text(row, "company_id")),
         std::string(rows.text(row, "provider")),
         std::string(rows.text(row, "account_external_id")), std::string(rows.text(row, "headers")),
         std::string(as_text(body)), rows.integer(row, "received_at")});
  }
  return kept;
}

http::Request request_of(const KeptDelivery& kept, const providers::Provider& provider) {
  http::Request request;
  request.method = "POST";
  request.target = "/webhooks/" + kept.provider + "/" + percent_encode(kept.account_external_id);
  const auto headers = Json::parse(kept.headers_json);
  if (headers) {
    for (const std::string& name : headers->names()) {
      request.headers.emplace_back(name, (*headers)[name].text());
    }
  }
  // Of a GET, the query is kept in the body's place; a body always has a type.
  if (provider.takes_get() && request.header("content-type").empty()) {
    request.method = "GET";
    request.target += "?" + kept.body;
  } else {
    request.body = kept.body;
  }
  return request;
}

}  // namespace media::ingest

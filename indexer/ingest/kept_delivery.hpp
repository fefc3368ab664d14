#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "indexer/db/database.hpp"
#include "indexer/http/message.hpp"
#include "indexer/providers/provider.hpp"

namespace media::ingest {

/// A webhook as it is kept in the database.
struct KeptDelivery {
  std::string id;
  std::string company_id;
  std::string provider;
  std::string account_external_id;
  std::string headers_json;
  std::string body;
  std::int64_t received_at = 0;  ///< Unix seconds
};

/// Of rows of media.list_deliveries().
std::vector<KeptDelivery> kept_deliveries(const db::Rows& rows);

/// The request that it was, but for signatures, which are not kept.
http::Request request_of(const KeptDelivery& kept, const providers::Provider& provider);

}  // namespace media::ingest

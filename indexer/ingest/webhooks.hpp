#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/http/message.hpp"
#include "indexer/ingest/delivery_json.hpp"
#include "indexer/providers/account_directory.hpp"
#include "indexer/providers/registry.hpp"

namespace media::ingest {

/// One webhook request that is to become durable.
struct NewDelivery {
  std::string account_id;
  std::string key;
  std::string headers_json;
  std::string_view body;
  std::string messages_json;
};

struct StoredDelivery {
  std::string id;
  bool is_new = false;
  std::int64_t media_created = 0;
};

/// What webhooks need from the rest; tests replace it.
struct WebhookDependencies {
  std::function<Result<std::shared_ptr<const providers::Account>>(
      boost::asio::yield_context, std::string_view provider, std::string_view external_id,
      providers::AccountDirectory::Freshness)>
      find_account;
  std::function<Result<StoredDelivery>(boost::asio::yield_context, const NewDelivery&)> store;
  std::function<std::int64_t()> now;  ///< Unix seconds
};

/// GET|POST /webhooks/{provider}/{external id}. A 200 to a POST means that
/// the delivery is committed.
class Webhooks {
 public:
  Webhooks(const providers::Registry& registry, WebhookDependencies dependencies);

  http::Response handle(const http::Request& request, boost::asio::yield_context yield) const;

 private:
  using AccountPtr = std::shared_ptr<const providers::Account>;

  Result<http::Response> answer(const http::Request& request,
                                boost::asio::yield_context yield) const;
  Result<http::Response> take(const http::Request& request, const providers::Provider& provider,
                              const std::string& external_id,
                              boost::asio::yield_context yield) const;
  Result<AccountPtr> verified_account(const http::Request& request,
                                      const providers::Provider& provider,
                                      const std::string& external_id,
                                      boost::asio::yield_context yield) const;
  Result<AccountIds> accounts_of(const http::Request& request, const providers::Provider& provider,
                                 const providers::Account& called,
                                 const providers::Delivery& delivery,
                                 boost::asio::yield_context yield) const;

  const providers::Registry& registry_;
  WebhookDependencies dependencies_;
};

/// Stores through media.accept_delivery(): one statement, one transaction.
Result<StoredDelivery> store_delivery(db::Database& database, boost::asio::yield_context yield,
                                      const NewDelivery& delivery);

}  // namespace media::ingest

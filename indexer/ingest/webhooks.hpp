#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/db/group_commit.hpp"
#include "indexer/http/message.hpp"
#include "indexer/ingest/delivery_json.hpp"
#include "indexer/ingest/rate_limit.hpp"
#include "indexer/ingest/spooled_request.hpp"
#include "indexer/metrics/metrics.hpp"
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
  /// Keeps a request until the database takes it. Error `unavailable`.
  std::function<Result<void>(boost::asio::yield_context, const SpooledRequest&)> spool;
  /// Whether requests of the account are kept so, which come first.
  std::function<bool(const std::string& account_id)> has_spooled;
  std::function<std::int64_t()> now;  ///< Unix seconds
  /// Whether the account may send one more now.
  std::function<RateLimit::Verdict(const std::string& account_id)> admit;
};

/// GET|POST /webhooks/{provider}/{external id}. A 200 to a POST means that
/// the delivery is committed, or durable in the spool while the database is away.
class Webhooks {
 public:
  Webhooks(const providers::Registry& registry, WebhookDependencies dependencies,
           metrics::Metrics& metrics);

  http::Response handle(const http::Request& request, boost::asio::yield_context yield) const;
  /// A request from the spool again. Error `unavailable`: the database is still away.
  Result<void> replay(const SpooledRequest& spooled, boost::asio::yield_context yield) const;

 private:
  using AccountPtr = std::shared_ptr<const providers::Account>;
  struct Arrival;

  Result<http::Response> answer(const http::Request& request,
                                boost::asio::yield_context yield) const;
  Result<http::Response> take(const Arrival& arrival, const std::string& external_id,
                              boost::asio::yield_context yield) const;
  Result<void> admit(const providers::Account& account) const;
  Result<StoredDelivery> store(const Arrival& arrival, const providers::Account& account,
                               const providers::Delivery& delivery,
                               boost::asio::yield_context yield) const;
  Result<http::Response> keep(const Arrival& arrival, const providers::Account& account,
                              const providers::Delivery& delivery,
                              boost::asio::yield_context yield) const;
  Result<AccountPtr> verified_account(const Arrival& arrival, const std::string& external_id,
                                      boost::asio::yield_context yield) const;
  Result<AccountIds> accounts_of(const Arrival& arrival, const providers::Account& called,
                                 const providers::Delivery& delivery,
                                 boost::asio::yield_context yield) const;

  const providers::Registry& registry_;
  WebhookDependencies dependencies_;
  metrics::Metrics& metrics_;
};

/// Stores through media.accept_delivery().
Result<StoredDelivery> store_delivery(db::GroupCommit& commits, boost::asio::yield_context yield,
                                      const NewDelivery& delivery);

}  // namespace media::ingest

#include "indexer/ingest/webhooks.hpp"

#include <algorithm>
#include <chrono>

#include "core/encoding.hpp"
#include "indexer/http/problem.hpp"
#include "indexer/json.hpp"
#include "indexer/log.hpp"

namespace media::ingest {
namespace {

using Freshness = providers::AccountDirectory::Freshness;
using metrics::DeliveryOutcome;

constexpr std::string_view kPrefix = "/webhooks/";
constexpr std::size_t kMaxExternalIdSize = 255;

struct Route {
  std::string provider;
  std::string external_id;
};

bool is_plain_text(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<Route> parse_route(std::string_view path) {
  path.remove_prefix(std::min(kPrefix.size(), path.size()));
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return fail(ErrorCode::not_found, "no such webhook");
  const std::string_view last = path.substr(slash + 1);
  const auto external_id = percent_decode(last);
  if (!external_id || external_id->empty() || external_id->size() > kMaxExternalIdSize ||
      last.find('/') != std::string_view::npos || !is_plain_text(*external_id)) {
    return fail(ErrorCode::not_found, "no such webhook");
  }
  return Route{std::string(path.substr(0, slash)), *external_id};
}

http::Response accepted(const StoredDelivery& stored) {
  http::Response response;
  response.body = Json::object()
                      .set("delivery_id", stored.id)
                      .set("is_new", stored.is_new)
                      .set("media_created", stored.media_created)
                      .dump();
  return response;
}

/// The same, of a delivery that has no row yet.
http::Response accepted_later() {
  http::Response response;
  response.body =
      Json::object().set_null("delivery_id").set_null("is_new").set_null("media_created").dump();
  return response;
}

metrics::WebhookOutcome outcome_of(bool is_delivery, int status) {
  using Outcome = metrics::WebhookOutcome;
  if (status < 400) return is_delivery ? Outcome::accepted : Outcome::handshake;
  switch (status) {
    case 401:
    case 403:
      return Outcome::unauthorized;
    case 404:
      return Outcome::unknown;
    case 429:
      return Outcome::limited;
    case 503:
      return Outcome::unavailable;
    default:
      return status < 500 ? Outcome::refused : Outcome::failed;
  }
}

/// Also of paths that are none of ours.
std::string_view provider_in(std::string_view path) {
  path.remove_prefix(std::min(kPrefix.size(), path.size()));
  return path.substr(0, path.find('/'));
}

bool is_delivery(const http::Request& request, const providers::Provider& provider) {
  return request.method == "POST" || (request.method == "GET" && provider.takes_get());
}

http::Response refused(const http::Request& request, const Error& error) {
  http::Response response = http::problem(error);  // logs what is our fault
  // A bucket has room for one more within the second.
  if (error.code == ErrorCode::rate_limited) response.headers.emplace_back("Retry-After", "1");
  if (response.status < 500 && error.code != ErrorCode::rate_limited) {
    log::warn("delivery_refused", {{"method", request.method},
                                   {"reason", std::string(name_of(error.code))},
                                   {"error", error.message}});
  }
  return response;
}

}  // namespace

/// A request on its way in, from the network or once more from the spool.
struct Webhooks::Arrival {
  const http::Request& request;
  const providers::Provider& provider;
  std::int64_t received_at;
  std::string_view vouched_account;  ///< id of the one that it was verified for; empty: live

  bool is_live() const { return vouched_account.empty(); }
};

Webhooks::Webhooks(const providers::Registry& registry, WebhookDependencies dependencies,
                   metrics::Metrics& metrics)
    : registry_(registry), dependencies_(std::move(dependencies)), metrics_(metrics) {}

http::Response Webhooks::handle(const http::Request& request,
                                boost::asio::yield_context yield) const {
  const auto started = std::chrono::steady_clock::now();
  auto answered = answer(request, yield);
  auto response = answered ? std::move(*answered) : refused(request, answered.error());
  const providers::Provider* provider = registry_.find(provider_in(request.path()));
  const bool delivers = provider != nullptr && is_delivery(request, *provider);
  metrics_.webhook(provider == nullptr ? "" : provider->name(),
                   outcome_of(delivers, response.status),
                   std::chrono::steady_clock::now() - started);
  return response;
}

Result<http::Response> Webhooks::answer(const http::Request& request,
                                        boost::asio::yield_context yield) const {
  const auto route = parse_route(request.path());
  if (!route) return std::unexpected(route.error());
  const providers::Provider* provider = registry_.find(route->provider);
  if (provider == nullptr) return fail(ErrorCode::not_found, "no such provider");
  if (is_delivery(request, *provider)) {
    return take({request, *provider, dependencies_.now(), {}}, route->external_id, yield);
  }
  if (request.method == "GET") {
    const auto account =
        dependencies_.find_account(yield, provider->name(), route->external_id, Freshness::reread);
    if (!account) return std::unexpected(account.error());
    return provider->handshake(request, (*account)->secrets);
  }
  http::Response response = http::problem(405, "webhooks take GET and POST");
  response.headers.emplace_back("Allow", "GET, POST");
  return response;
}

Result<void> Webhooks::replay(const SpooledRequest& spooled,
                              boost::asio::yield_context yield) const {
  const auto route = parse_route(spooled.request.path());
  if (!route) return std::unexpected(route.error());
  const providers::Provider* provider = registry_.find(route->provider);
  if (provider == nullptr) return fail(ErrorCode::not_found, "no such provider");
  const Arrival arrival{spooled.request, *provider, spooled.received_at, spooled.account_id};
  const auto response = take(arrival, route->external_id, yield);
  if (!response) return std::unexpected(response.error());
  return {};
}

Result<http::Response> Webhooks::take(const Arrival& arrival, const std::string& external_id,
                                      boost::asio::yield_context yield) const {
  const auto account = verified_account(arrival, external_id, yield);
  if (!account) return std::unexpected(account.error());
  if (arrival.is_live()) {
    if (auto admitted = admit(**account); !admitted) return std::unexpected(admitted.error());
  }
  const auto delivery = arrival.provider.parse(arrival.request, **account, arrival.received_at);
  if (!delivery) return std::unexpected(delivery.error());
  for (const std::string& note : delivery->notes) {
    log::info("delivery_note", {{"account_id", (*account)->id}, {"note", note}});
  }
  if (delivery->key.empty()) return delivery->answer.value_or(http::Response());
  if (arrival.is_live() && dependencies_.has_spooled((*account)->id)) {
    return keep(arrival, **account, *delivery, yield);
  }
  const auto stored = store(arrival, **account, *delivery, yield);
  if (stored) return delivery->answer.value_or(accepted(*stored));
  if (arrival.is_live() && stored.error().code == ErrorCode::unavailable) {
    return keep(arrival, **account, *delivery, yield);
  }
  return std::unexpected(stored.error());
}

// Only what is signed counts: a stranger can't use up the account's share.
Result<void> Webhooks::admit(const providers::Account& account) const {
  const auto verdict = dependencies_.admit(account.id);
  if (verdict.tell_refused > 0) {
    log::warn("deliveries_limited", {{"provider", account.provider},
                                     {"account_id", account.id},
                                     {"refused", verdict.tell_refused}});
  }
  if (verdict.is_admitted) return {};
  return fail(ErrorCode::rate_limited, "too many webhooks of this account");
}

Result<StoredDelivery> Webhooks::store(const Arrival& arrival, const providers::Account& account,
                                       const providers::Delivery& delivery,
                                       boost::asio::yield_context yield) const {
  const http::Request& request = arrival.request;
  const auto accounts = accounts_of(arrival, account, delivery, yield);
  if (!accounts) return std::unexpected(accounts.error());
  const NewDelivery entry{account.id, delivery.key, headers_json(request),
                          request.method == "GET" ? request.query() : request.body,
                          messages_json(delivery, *accounts)};
  auto stored = dependencies_.store(yield, entry);
  if (!stored) return stored;
  metrics_.delivery(arrival.provider.name(), !stored->is_new     ? DeliveryOutcome::duplicate
                                             : arrival.is_live() ? DeliveryOutcome::accepted
                                                                 : DeliveryOutcome::replayed);
  log::info("delivery_accepted", {{"provider", std::string(arrival.provider.name())},
                                  {"account_id", account.id},
                                  {"delivery_id", stored->id},
                                  {"is_new", stored->is_new},
                                  {"messages", static_cast<std::int64_t>(delivery.messages.size())},
                                  {"media", stored->media_created}});
  return stored;
}

Result<http::Response> Webhooks::keep(const Arrival& arrival, const providers::Account& account,
                                      const providers::Delivery& delivery,
                                      boost::asio::yield_context yield) const {
  const auto kept = dependencies_.spool(yield, {arrival.request, account.id, arrival.received_at});
  if (!kept) return std::unexpected(kept.error());
  metrics_.delivery(arrival.provider.name(), DeliveryOutcome::spooled);
  log::info("delivery_spooled",
            {{"provider", std::string(arrival.provider.name())}, {"account_id", account.id}});
  return delivery.answer.value_or(accepted_later());
}

// A secret that was just replaced may not have reached the cache yet.
// Who was found to have sent a spooled request has sent it, whatever his
// secrets are now.
Result<Webhooks::AccountPtr> Webhooks::verified_account(const Arrival& arrival,
                                                        const std::string& external_id,
                                                        boost::asio::yield_context yield) const {
  const auto& [request, provider, now, vouched_account] = arrival;
  auto account = dependencies_.find_account(yield, provider.name(), external_id, Freshness::cached);
  if (!account || (*account)->id == vouched_account) return account;
  auto verified = provider.verify(request, (*account)->secrets, now);
  if (verified) return account;
  auto fresh = dependencies_.find_account(yield, provider.name(), external_id, Freshness::reread);
  if (!fresh) return fresh;
  if ((*fresh)->secrets != (*account)->secrets) {
    verified = provider.verify(request, (*fresh)->secrets, now);
    if (verified) return fresh;
  }
  return std::unexpected(verified.error());
}

// Several numbers of one app post to one URL. A message of another number is
// taken only if that number's own secret vouches for the request as well:
// one tenant's secret must not write into another tenant's account.
Result<AccountIds> Webhooks::accounts_of(const Arrival& arrival, const providers::Account& called,
                                         const providers::Delivery& delivery,
                                         boost::asio::yield_context yield) const {
  AccountIds ids = {{"", called.id}, {called.external_id, called.id}};
  std::map<std::string, bool> refused_accounts;
  for (const auto& message : delivery.messages) {
    if (ids.contains(message.account) || refused_accounts.contains(message.account)) continue;
    const auto account =
        message.account.size() <= kMaxExternalIdSize && is_plain_text(message.account)
            ? verified_account(arrival, message.account, yield)
            : Result<AccountPtr>(fail(ErrorCode::not_found, "malformed account id"));
    if (account) {
      ids.emplace(message.account, (*account)->id);
    } else if (account.error().code == ErrorCode::not_found ||
               account.error().code == ErrorCode::unauthorized) {
      refused_accounts.emplace(message.account, true);
      log::warn("delivery_for_other_account",
                {{"account_id", called.id}, {"reason", account.error().message}});
    } else {
      return std::unexpected(account.error());
    }
  }
  return ids;
}

Result<StoredDelivery> store_delivery(db::GroupCommit& commits, boost::asio::yield_context yield,
                                      const NewDelivery& delivery) {
  const auto rows =
      commits.query(yield, {"SELECT delivery_id, is_new, media_created FROM "
                            "media.accept_delivery($1, $2, $3, $4, $5)",
                            {delivery.account_id, delivery.key, delivery.headers_json,
                             db::bytea(as_bytes(delivery.body)), delivery.messages_json}});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorCode::internal, "accept_delivery returned no row");
  return StoredDelivery{std::string(rows->text(0, "delivery_id")), rows->boolean(0, "is_new"),
                        rows->integer(0, "media_created")};
}

}  // namespace media::ingest

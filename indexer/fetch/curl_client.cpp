#include <algorithm>
#include <unordered_set>

#include <boost/asio/steady_timer.hpp>

#include "indexer/fetch/curl_loop.hpp"
#include "indexer/fetch/curl_transfer.hpp"
#include "indexer/fetch/http_client.hpp"

namespace media::fetch {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// What running transfers keep alive, should the client go first.
struct ClientState : std::enable_shared_from_this<ClientState> {
  ClientState(asio::io_context& io, HttpClientOptions wanted)
      : loop(io),
        options(std::move(wanted)),
        curl(std::make_shared<CurlLoop>(
            io, options.max_connections, options.max_connections_per_host,
            [](CURL* easy, CURLcode code) { CurlTransfer::of(easy).finish(code); })),
        stall_timer(io) {}

  void watch_for_stalls();
  void stop_watching() {
    is_watching = false;
    stall_timer.cancel();
  }

  asio::io_context& loop;
  const HttpClientOptions options;
  const std::shared_ptr<CurlLoop> curl;
  std::unordered_set<CurlTransfer*> transfers;
  asio::steady_timer stall_timer;
  bool is_watching = false;
};

/// Looks at all transfers now and then while there are any; libcurl's own
/// low-speed limit counts in seconds and averages over five of them.
void ClientState::watch_for_stalls() {
  is_watching = true;
  for (CurlTransfer* transfer : transfers) transfer->abort_if_stalled(steady_clock::now());
  stall_timer.expires_after(
      std::clamp(options.stall_timeout / 8, milliseconds(10), milliseconds(1000)));
  stall_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (const auto self = weak.lock(); self && !error) self->watch_for_stalls();
  });
}

/// A transfer's presence in the client.
class Running {
 public:
  Running(std::shared_ptr<ClientState> client, CurlTransfer& transfer)
      : client_(std::move(client)), transfer_(transfer) {
    if (!client_->curl->add(transfer_.easy())) {
      transfer_.abort({ErrorCode::internal, "libcurl refused the transfer"});
    }
    client_->transfers.insert(&transfer_);
    if (!client_->is_watching) client_->watch_for_stalls();
  }
  ~Running() {
    client_->transfers.erase(&transfer_);
    client_->curl->remove(transfer_.easy());
    if (client_->transfers.empty()) client_->stop_watching();
  }
  Running(const Running&) = delete;

 private:
  std::shared_ptr<ClientState> client_;
  CurlTransfer& transfer_;
};

class CurlClient final : public HttpClient {
 public:
  CurlClient(asio::io_context& loop, HttpClientOptions options)
      : state_(std::make_shared<ClientState>(loop, std::move(options))) {}
  ~CurlClient() override { cancel_all(); }

  Result<HttpResponse> send(asio::yield_context yield, const HttpRequest& request,
                            const HeadersSink& on_headers, const BodySink& on_body) override {
    const auto state = state_;
    auto url = check_url(request.url, state->options.addresses);
    if (!url) return std::unexpected(url.error());
    CurlTransfer transfer(state->loop, state->options, request, std::move(*url), on_headers,
                          on_body);
    if (auto prepared = transfer.prepare(); !prepared) return std::unexpected(prepared.error());
    const Running running(state, transfer);
    transfer.wait(yield);
    return transfer.result();
  }

  void cancel_all() override {
    for (CurlTransfer* transfer : state_->transfers) {
      transfer->abort({ErrorCode::cancelled, "the download was cancelled"});
    }
  }

 private:
  const std::shared_ptr<ClientState> state_;
};

}  // namespace

std::unique_ptr<HttpClient> make_curl_client(asio::io_context& loop, HttpClientOptions options) {
  return std::make_unique<CurlClient>(loop, std::move(options));
}

}  // namespace media::fetch

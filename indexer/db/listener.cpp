#include "indexer/db/listener.hpp"

#include <boost/asio/steady_timer.hpp>

#include "indexer/coroutine.hpp"
#include "indexer/db/backoff.hpp"
#include "indexer/db/connection.hpp"
#include "indexer/log.hpp"

namespace media::db {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kConnectTimeout{5};

std::string quoted_identifier(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + '"';
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, std::string where, std::string what, Callback notify)
      : loop(io),
        conninfo(std::move(where)),
        channel(std::move(what)),
        callback(std::move(notify)),
        connection(io),
        pause(io) {}

  void run(asio::yield_context yield);
  Result<void> listen(asio::yield_context yield);
  void call_back(std::string_view payload) const;

  asio::io_context& loop;
  const std::string conninfo;
  const std::string channel;
  const Callback callback;
  Connection connection;
  asio::steady_timer pause;
  Backoff backoff;
  bool is_down = false;
  bool is_stopped = false;
};

void Listener::State::call_back(std::string_view payload) const {
  try {
    callback(payload);
  } catch (const std::exception& exception) {
    log::error("listener_callback_failed", {{"channel", channel}, {"error", exception.what()}});
  }
}

/// Returns when the connection is lost or could not be made.
Result<void> Listener::State::listen(asio::yield_context yield) {
  if (auto opened = connection.open(yield, conninfo, "LISTEN " + quoted_identifier(channel),
                                    steady_clock::now() + kConnectTimeout);
      !opened) {
    return opened;
  }
  if (is_down) log::info("listener_connected", {{"channel", channel}});
  is_down = false;
  backoff.reset();
  call_back({});
  for (;;) {
    auto waited = connection.wait_for_notifications(
        yield, [this](std::string_view payload) { call_back(payload); });
    if (!waited) return waited;
  }
}

void Listener::State::run(asio::yield_context yield) {
  while (!is_stopped) {
    const auto listened = listen(yield);
    if (is_stopped) return;
    if (!is_down) {
      log::warn("listener_down", {{"channel", channel}, {"error", listened.error().message}});
    }
    is_down = true;
    boost::system::error_code ignored;
    pause.expires_after(backoff.next());
    pause.async_wait(yield[ignored]);
  }
}

Listener::Listener(asio::io_context& loop, std::string conninfo, std::string channel,
                   Callback callback)
    : state_(std::make_shared<State>(loop, std::move(conninfo), std::move(channel),
                                     std::move(callback))) {}

Listener::~Listener() { stop(); }

void Listener::start() {
  spawn(state_->loop, "listener",
        [state = state_](asio::yield_context yield) { state->run(yield); });
}

void Listener::stop() {
  state_->is_stopped = true;
  state_->connection.close();
  state_->pause.cancel();
}

}  // namespace media::db

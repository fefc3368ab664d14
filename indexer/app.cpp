#include "indexer/app.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "indexer/api/media_api.hpp"
#include "indexer/coroutine.hpp"
#include "indexer/db/group_commit.hpp"
#include "indexer/db/listener.hpp"
#include "indexer/fetch/download_job.hpp"
#include "indexer/http/problem.hpp"
#include "indexer/http/server.hpp"
#include "indexer/http/socket_activation.hpp"
#include "indexer/ingest/known_accounts.hpp"
#include "indexer/ingest/rate_limit.hpp"
#include "indexer/ingest/replay.hpp"
#include "indexer/ingest/spool.hpp"
#include "indexer/ingest/webhooks.hpp"
#include "indexer/json.hpp"
#include "indexer/link_url.hpp"
#include "indexer/log.hpp"
#include "indexer/metrics/metrics.hpp"
#include "indexer/metrics/queue_sampler.hpp"
#include "indexer/metrics/snapshot.hpp"
#include "indexer/ops/accounting.hpp"
#include "indexer/ops/check.hpp"
#include "indexer/ops/housekeeping.hpp"
#include "indexer/ops/quarantine_sweep.hpp"
#include "indexer/ops/sd_notify.hpp"
#include "indexer/ops/sweep.hpp"
#include "indexer/ops/upload_upkeep.hpp"
#include "indexer/providers/account_directory.hpp"
#include "indexer/providers/account_watch.hpp"
#include "indexer/queue/notifier.hpp"
#include "indexer/queue/postgres_job_store.hpp"
#include "indexer/queue/worker.hpp"
#include "indexer/scan/inspector.hpp"
#include "indexer/storage/stores.hpp"

namespace media {
namespace {

using boost::asio::yield_context;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstDatabaseWait{200};
constexpr milliseconds kLongestDatabaseWait{5000};
constexpr milliseconds kLastNotification{1000};
constexpr milliseconds kLastStatements{500};
constexpr seconds kLastWords{2};

std::int64_t unix_now() {
  return std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

db::DatabaseOptions database_options(const Config& config) {
  db::DatabaseOptions options;
  options.conninfo = config.database.conninfo;
  options.session_settings = queue::kNotifyLater;
  options.connections = config.database.connections;
  options.query_timeout = config.database.query_timeout;
  return options;
}

fetch::HttpClientOptions client_options(const FetchConfig& config) {
  fetch::HttpClientOptions options;
  options.addresses.allow_private_addresses = config.allow_private_addresses;
  options.addresses.allow_plain_http = config.allow_plain_http;
  options.user_agent = config.user_agent;
  options.ca_file = config.ca_file;
  options.max_connections_per_host = config.concurrency;
  options.max_connections = std::max<std::size_t>(options.max_connections, config.concurrency);
  options.connect_timeout = config.connect_timeout;
  options.stall_timeout = config.stall_timeout;
  options.total_timeout = config.total_timeout;
  return options;
}

http::ServerOptions server_options(const ServerConfig& config) {
  http::ServerOptions options;
  options.listen = config.listen;
  options.socket_mode = config.socket_mode;
  options.max_body_bytes = config.max_body_bytes;
  return options;
}

// Labels are for providers of this build only.
std::vector<std::string> provider_names() {
  std::vector<std::string> names;
  for (const auto& registration : providers::registrations()) names.emplace_back(registration.name);
  return names;
}

http::Response status_response(int status, std::string_view text) {
  http::Response response;
  response.status = status;
  response.body = R"({"status":")" + std::string(text) + "\"}";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

// All parts of the daemon, wired together. Declared so that what is used
// outlives its users.
class App {
 public:
  App(const Config& config, std::string sealing_key, std::vector<LinkKey> link_keys,
      std::optional<UniqueFd> passed_socket);

  int run();

 private:
  http::Response dispatch(const http::Request& request, yield_context yield);
  http::Response readiness(yield_context yield);
  http::Response metrics_response(yield_context yield);
  ingest::WebhookDependencies webhook_dependencies();
  api::ApiDependencies api_dependencies();
  fetch::RetrievalTools retrieval_tools();
  queue::WorkerOptions worker_options();
  Result<fetch::AccountPtr> account_of(yield_context yield, const queue::Job& job, bool reread);
  http::Response readiness_response(int status, std::string_view text);
  bool open_doors();
  void start_up(yield_context yield);
  bool wait_for_schema(yield_context yield);
  void wait_for_signal();
  void shut_down(yield_context yield);
  void stop_background();

  std::string link_url(const LinkGrant& grant) const;

  const Config& config_;
  std::vector<LinkKey> link_keys_;
  std::optional<UniqueFd> passed_socket_;  ///< instead of one of our own
  boost::asio::io_context loop_{1};
  boost::asio::thread_pool workers_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer start_timer_;
  db::Database database_;
  db::GroupCommit delivery_commits_;
  metrics::Metrics metrics_{provider_names()};
  metrics::QueueSampler queue_sampler_;
  queue::Notifier notifier_;
  ops::Housekeeping housekeeping_;
  ops::Accounting accounting_;
  providers::Registry registry_;
  providers::AccountDirectory accounts_;
  std::unique_ptr<storage::UploadJournal> uploads_;
  std::unique_ptr<storage::Stores> stores_;
  ops::QuarantineSweep quarantine_sweep_;
  scan::Inspector inspector_;
  ops::Sweep sweep_;
  ops::UploadUpkeep upload_upkeep_;
  std::unique_ptr<fetch::HttpClient> client_;
  std::unique_ptr<queue::JobStore> jobs_;
  fetch::ProgressBoard progress_;
  std::mt19937_64 random_{std::random_device()()};
  fetch::DownloadJobs downloads_;
  queue::Worker worker_;
  db::Listener listener_;
  ingest::Spool spool_;
  ingest::KnownAccounts known_accounts_;
  ingest::RateLimit webhook_limit_;
  ingest::Webhooks webhooks_;
  ingest::Replay replay_;
  providers::AccountWatch account_watch_;
  api::MediaApi api_;
  http::Server server_;
  bool is_ready_ = false;  ///< the schema fits, the worker runs
  bool is_stopping_ = false;
  int exit_status_ = 0;
};

App::App(const Config& config, std::string sealing_key, std::vector<LinkKey> link_keys,
         std::optional<UniqueFd> passed_socket)
    : config_(config),
      link_keys_(std::move(link_keys)),
      passed_socket_(std::move(passed_socket)),
      workers_(config.fetch.workers),
      signals_(loop_, SIGTERM, SIGINT),
      start_timer_(loop_),
      database_(loop_, database_options(config)),
      delivery_commits_(loop_, database_),
      queue_sampler_(loop_, database_),
      notifier_(loop_, database_),
      housekeeping_(loop_, database_, config.events.keep_months),
      accounting_(loop_, database_),
      registry_(config),
      accounts_(database_, sealing_key),
      uploads_(storage::make_postgres_upload_journal(database_)),
      stores_(storage::make_stores(loop_, workers_, config, uploads_.get())),
      quarantine_sweep_(loop_, database_, stores_->staging(), config.quarantine),
      inspector_(loop_, workers_, config.scan),
      sweep_(loop_, database_, *stores_, config.deletion.grace),
      upload_upkeep_(loop_, database_, *stores_),
      client_(fetch::make_curl_client(loop_, client_options(config.fetch))),
      jobs_(queue::make_postgres_job_store(loop_, database_, queue::make_owner_name(),
                                           config.fetch.lease)),
      downloads_(loop_, retrieval_tools(), registry_, *jobs_,
                 {{config.fetch.retry_base, config.fetch.retry_max}, config.fetch.max_attempts},
                 [this] { return std::uniform_real_distribution<double>()(random_); }),
      worker_(loop_, *jobs_, worker_options(),
              [this](yield_context yield, const queue::Job& job, queue::JobControl& control) {
                const auto outcome = downloads_.run(yield, job, control);
                notifier_.media_changed(job.media_id);
                return outcome;
              }),
      listener_(loop_, config.database.conninfo, "media_jobs",
                [this](std::string_view) { worker_.wake(); }),
      spool_({config.spool.directory, config.spool.max_bytes, config.spool.max_files}, workers_),
      known_accounts_(loop_, workers_, config.spool.directory, std::move(sealing_key), accounts_),
      webhook_limit_({static_cast<double>(config.server.webhook_rate),
                      static_cast<double>(config.server.webhook_burst)}),
      webhooks_(registry_, webhook_dependencies(), metrics_),
      replay_(loop_, spool_,
              [this](yield_context yield, const ingest::SpooledRequest& spooled) {
                return webhooks_.replay(spooled, yield);
              }),
      account_watch_(loop_, accounts_, config.database.conninfo, [this] { replay_.wake(); }),
      api_(api_dependencies()),
      server_(loop_, server_options(config.server),
              [this](const http::Request& request, yield_context yield) {
                return dispatch(request, yield);
              }) {}

ingest::WebhookDependencies App::webhook_dependencies() {
  return {[this](yield_context yield, std::string_view provider, std::string_view external_id,
                 providers::AccountDirectory::Freshness freshness) {
            return accounts_.find(yield, provider, external_id, freshness);
          },
          [this](yield_context yield,
                 const ingest::NewDelivery& delivery) -> Result<ingest::StoredDelivery> {
            if (!is_ready_) return fail(ErrorCode::unavailable, "the schema is not known yet");
            auto stored = ingest::store_delivery(delivery_commits_, yield, delivery);
            // A known delivery may be one that was committed unheard: its jobs were not announced.
            if (stored && (stored->media_created > 0 || !stored->is_new)) {
              worker_.wake();
              notifier_.jobs_added();
            }
            return stored;
          },
          [this](yield_context yield, const ingest::SpooledRequest& spooled) {
            return spool_.add(yield, spooled);
          },
          [this](const std::string& account_id) { return spool_.holds(account_id); },
          unix_now,
          [this](const std::string& account_id) {
            return webhook_limit_.take(account_id, std::chrono::steady_clock::now());
          }};
}

api::ApiDependencies App::api_dependencies() {
  return {
      [this](yield_context yield, const Uuid& company, std::string_view sql, db::Params params) {
        return database_.query_as(yield, company, sql, std::move(params));
      },
      [this](const std::string& media_id) { return progress_.of(media_id); },
      [this](const LinkGrant& grant) { return link_url(grant); }, unix_now,
      [this] {
        worker_.wake();
        notifier_.jobs_added();
      }};
}

std::string App::link_url(const LinkGrant& grant) const {
  if (link_keys_.empty()) return {};
  return media::link_url(config_.server.public_url, grant, link_keys_.front());
}

fetch::RetrievalTools App::retrieval_tools() {
  return {*client_,
          *stores_,
          [this](yield_context yield, const queue::Job& job, bool reread) {
            return account_of(yield, job, reread);
          },
          unix_now,
          progress_,
          metrics_,
          config_.fetch.allow_plain_http,
          config_.fetch.max_redirects,
          [this](yield_context yield, const fetch::ReceivedMedia& media, const queue::Job& job) {
            return inspector_.inspect(yield, media, job);
          },
          [this] { quarantine_sweep_.wake(); }};
}

queue::WorkerOptions App::worker_options() {
  queue::WorkerOptions options;
  options.concurrency = config_.fetch.concurrency;
  options.per_company = config_.fetch.concurrency_per_company;
  options.per_host = config_.fetch.concurrency_per_host;
  options.lease = config_.fetch.lease;
  options.is_ready = [this] { return downloads_.check_storage(); };
  return options;
}

Result<fetch::AccountPtr> App::account_of(yield_context yield, const queue::Job& job, bool reread) {
  using Freshness = providers::AccountDirectory::Freshness;
  auto account = accounts_.find(yield, job.provider, job.account_external_id,
                                reread ? Freshness::reread : Freshness::cached);
  if (!account && account.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::unauthorized, "the account is not active");
  }
  return account;
}

http::Response App::dispatch(const http::Request& request, yield_context yield) {
  const std::string_view path = request.path();
  if (path == "/healthz") return status_response(200, "alive");
  if (path == "/readyz") return readiness(yield);
  if (path == "/metrics") return metrics_response(yield);
  if (path.starts_with("/webhooks/")) return webhooks_.handle(request, yield);
  if (!is_ready_) return http::problem(Error{ErrorCode::unavailable, "not started yet"});
  if (path.starts_with("/api/")) return api_.handle(request, yield);
  return http::problem(404, "no such resource");
}

http::Response App::readiness(yield_context yield) {
  if (is_stopping_ || !is_ready_)
    return readiness_response(503, is_stopping_ ? "stopping" : "starting");
  if (!database_.query(yield, "SELECT media.schema_version()")) {
    return readiness_response(503, "database unavailable");
  }
  if (!stores_->check()) return readiness_response(503, "store unusable");
  return readiness_response(200, "ready");
}

// Also while the database is away: that is when somebody looks.
http::Response App::metrics_response(yield_context yield) {
  metrics::Snapshot now;
  if (!is_stopping_) now.queue = queue_sampler_.sample(yield);
  now.pool = database_.status();
  now.downloads_running = worker_.running();
  now.spool_files = spool_.files();
  now.spool_bytes = spool_.bytes();
  now.spool_set_aside = ingest::count_set_aside(config_.spool.directory);
  for (storage::BlobStore* store : stores_->all()) {
    now.stores.push_back({std::string(store->name()), store->check().has_value()});
  }
  now.store_free_bytes = metrics::free_bytes(config_.storage.root);
  now.process = metrics::sample_process();
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = metrics_.text(now);
  return response;
}

http::Response App::readiness_response(int status, std::string_view text) {
  http::Response response = status_response(status, text);
  response.body = Json::object()
                      .set("status", text)
                      .set("spooled", static_cast<std::int64_t>(spool_.files()))
                      .dump();
  return response;
}

bool App::open_doors() {
  auto opened = spool_.open();
  if (!opened) {
    log::error("spool_not_opened", {{"error", opened.error().message}});
    return false;
  }
  known_accounts_.recall();
  auto started = passed_socket_ ? server_.start(std::move(*passed_socket_)) : server_.start();
  if (!started) log::error("server_not_started", {{"error", started.error().message}});
  return started.has_value();
}

void App::start_up(yield_context yield) {
  if (!open_doors()) {
    exit_status_ = 1;
    loop_.stop();
    return;
  }
  log::info("listening",
            {{"on", config_.server.listen}, {"is_passed", passed_socket_.has_value()}});
  ops::notify_systemd("READY=1\nSTATUS=waiting for the database");
  if (!wait_for_schema(yield) || is_stopping_) return;
  listener_.start();
  worker_.start();
  housekeeping_.start();
  quarantine_sweep_.start();
  accounting_.start();
  sweep_.start();
  upload_upkeep_.start();
  account_watch_.start();
  replay_.start();
  is_ready_ = true;
  log::info("ready", {{"version", std::string(kVersion)}});
  ops::notify_systemd("STATUS=ready");
}

bool App::wait_for_schema(yield_context yield) {
  for (milliseconds wait = kFirstDatabaseWait; !is_stopping_;
       wait = std::min(wait * 2, kLongestDatabaseWait)) {
    const auto rows = database_.query(yield, "SELECT media.schema_version() AS version");
    if (is_stopping_) return false;
    auto fits = rows ? ops::check_schema_version(rows->integer(0, "version"))
                     : Result<void>(std::unexpected(rows.error()));
    if (fits) return true;
    if (fits.error().code != ErrorCode::unavailable) {
      log::error("schema_refused", {{"error", fits.error().message},
                                    {"remedy", std::string("media-indexer check tells more")}});
      exit_status_ = 1;
      loop_.stop();
      return false;
    }
    log::warn("database_unavailable", {{"error", fits.error().message}});
    start_timer_.expires_after(wait);
    boost::system::error_code ignored;
    start_timer_.async_wait(yield[ignored]);
  }
  return false;
}

void App::wait_for_signal() {
  signals_.async_wait([this](boost::system::error_code error, int signal) {
    if (error) return;
    if (is_stopping_) {
      log::warn("stopped_at_once", {{"signal", std::int64_t{signal}}});
      std::_Exit(1);
    }
    is_stopping_ = true;
    log::info("stopping", {{"signal", std::int64_t{signal}}});
    ops::notify_systemd("STOPPING=1");
    spawn(loop_, "shutdown", [this](yield_context yield) { shut_down(yield); });
    wait_for_signal();
  });
}

void App::shut_down(yield_context yield) {
  const auto until = std::chrono::steady_clock::now() + config_.server.stop_grace;
  start_timer_.cancel();
  worker_.stop_claiming();
  server_.stop(yield, config_.server.stop_grace);
  const auto left =
      std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
  worker_.stop(yield, std::max(left, milliseconds(0)), [this] {
    client_->cancel_all();
    stores_->cancel_all();
    inspector_.cancel_all();
  });
  notifier_.jobs_added();  // those that were given back
  notifier_.drain(yield, kLastNotification);
  stop_background();
  known_accounts_.drain(yield);
  database_.drain(yield, kLastStatements);
  database_.close();
  signals_.cancel();
  loop_.stop();
}

void App::stop_background() {
  replay_.stop();
  account_watch_.stop();
  listener_.stop();
  housekeeping_.stop();
  quarantine_sweep_.stop();
  accounting_.stop();
  sweep_.stop();
  upload_upkeep_.stop();
}

int App::run() {
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  wait_for_signal();
  spawn(loop_, "startup", [this](yield_context yield) { start_up(yield); });
  loop_.run();
  database_.close();
  stop_background();
  signals_.cancel();
  // What still waits gets a chance to end by itself: a suspended coroutine
  // must not outlive the objects that it uses.
  loop_.restart();
  loop_.run_for(kLastWords);
  if (!loop_.stopped()) {
    log::warn("not_all_work_ended");
    std::_Exit(exit_status_);
  }
  log::info("stopped", {{"status", std::int64_t{exit_status_}}});
  return exit_status_;
}

log::Level level_of(std::string_view name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warn") return log::Level::warn;
  if (name == "error") return log::Level::error;
  return log::Level::info;
}

}  // namespace

int serve(const Config& config) {
  log::set_level(level_of(config.log_level));
  auto passed = http::take_passed_socket();
  if (!passed) {
    log::error("not_started", {{"error", passed.error().message}});
    return 1;
  }
  auto sealing_key = read_sealing_key(config.secrets.key_file);
  if (!sealing_key) {
    log::error("not_started", {{"error", sealing_key.error().message}});
    return 1;
  }
  auto link_keys = read_link_keys(config.links);
  if (!link_keys) {
    log::error("not_started", {{"error", link_keys.error().message}});
    return 1;
  }
  return App(config, std::move(*sealing_key), std::move(*link_keys), std::move(*passed)).run();
}

}  // namespace media

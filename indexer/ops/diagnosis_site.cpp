#include <algorithm>
#include <array>
#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/coroutine.hpp"
#include "indexer/db/listener.hpp"
#include "indexer/ops/advice.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/diagnosis.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/providers/registry.hpp"
#include "indexer/providers/secrets.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;
using std::chrono::seconds;

constexpr double kOldJob = 600;  // seconds
constexpr double kFullShare = 0.9;
constexpr std::size_t kPage = 200;
constexpr seconds kNotificationPatience{5};

// Reasons that are ours to do something about, other than the sender's media.
constexpr auto kOurs =
    std::to_array<std::string_view>({"expired", "storage", "unauthorized", "network",
                                     "blocked_address", "unavailable", "internal"});

std::string number_text(const db::Rows& rows, std::size_t row, std::string_view column) {
  return std::string(rows.text(row, column));
}

/// Asks one thing after the other over one connection.
class Site {
 public:
  Site(const Config& config, db::Database& database, yield_context yield, Report& report)
      : config_(config), database_(database), yield_(yield), report_(report) {}

  void look() {
    look_at_connections();
    look_at_queue();
    look_at_expiring();
    look_at_failures();
    look_at_secrets();
    look_at_partitions();
  }

 private:
  /// Nothing when it failed, which is told.
  std::optional<db::Rows> ask(const char* what, std::string_view sql,
                              const db::Params& params = {}) {
    auto rows = database_.query(yield_, sql, params);
    if (rows) return std::move(*rows);
    report_.fail(what, rows.error().message, "see the database's log");
    return std::nullopt;
  }

  void look_at_connections();
  void look_at_queue();
  void look_at_expiring();
  void look_at_failures();
  void look_at_secrets();
  void look_at_partitions();
  bool open_secrets(const db::Rows& rows, std::size_t row, const std::string& key,
                    const providers::Registry& registry);

  const Config& config_;
  db::Database& database_;
  yield_context yield_;
  Report& report_;
};

void Site::look_at_connections() {
  const auto rows = ask("database connections",
                        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = "
                        "'client backend') AS used, current_setting('max_connections') AS most");
  if (!rows) return;
  const auto used = rows->integer(0, "used");
  const auto most = rows->integer(0, "most");
  const std::string text = std::to_string(used) + " of " + std::to_string(most);
  if (static_cast<double>(used) > kFullShare * static_cast<double>(most)) {
    report_.warn("database connections", text, "raise max_connections, or use a pooler for nginx");
  } else {
    report_.ok("database connections", text);
  }
}

void Site::look_at_queue() {
  const auto rows = ask(
      "queue",
      "SELECT due, suspended, running, waiting, oldest_pending_seconds FROM media.sample_queue()");
  if (!rows) return;
  const double oldest = rows->real(0, "oldest_pending_seconds");
  std::string text = number_text(*rows, 0, "due") + " due, " + number_text(*rows, 0, "running") +
                     " running, " + number_text(*rows, 0, "waiting") + " waiting, " +
                     number_text(*rows, 0, "suspended") + " suspended";
  if (oldest > 0) text += ", the oldest for " + rough_duration(static_cast<std::int64_t>(oldest));
  const bool is_idle = rows->integer(0, "due") > 0 && rows->integer(0, "running") == 0;
  if (oldest <= kOldJob) {
    report_.ok("queue", text);
  } else if (is_idle) {
    report_.warn("queue", text, "nobody downloads: is a daemon running, is its store writable?");
  } else {
    report_.warn("queue", text, "`media-indexer explain` tells of one media what it waits for");
  }
}

void Site::look_at_expiring() {
  const auto rows = ask("media that expires soon",
                        "SELECT provider, files, extract(EPOCH FROM first_at - now())::bigint AS "
                        "left FROM media.count_expiring('1 hour')");
  if (!rows) return;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const auto left = rows->integer(row, "left");
    report_.warn("media that expires soon",
                 number_text(*rows, row, "files") + " of " + number_text(*rows, row, "provider") +
                     ", the first " +
                     (left > 0 ? "in " + rough_duration(left) : std::string("already")),
                 "see the queue and the accounts here; then it is lost");
  }
  if (rows->empty()) report_.ok("media that expires soon", "none within an hour");
}

void Site::look_at_failures() {
  const auto rows = ask("failures of the last day",
                        "SELECT provider, reason, files FROM "
                        "media.count_failures(now() - interval '1 day')");
  if (!rows) return;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const std::string reason = printable(rows->text(row, "reason"));
    const std::string text = number_text(*rows, row, "files") + " of " +
                             number_text(*rows, row, "provider") + " because of " + reason;
    if (std::ranges::count(kOurs, reason) > 0) {
      report_.warn("failures of the last day", text, std::string(advice_for(reason).remedy));
    } else {
      report_.ok("failures of the last day", text);
    }
  }
  if (rows->empty()) report_.ok("failures of the last day", "none");
}

bool Site::open_secrets(const db::Rows& rows, std::size_t row, const std::string& key,
                        const providers::Registry& registry) {
  const std::string provider(rows.text(row, "provider"));
  const std::string name = provider + " " + printable(rows.text(row, "external_id"));
  if (registry.find(provider) == nullptr) {
    report_.fail("accounts", name + ": this version does not know the provider",
                 "install the version that made it");
    return false;
  }
  const auto opened =
      providers::unseal_secrets(key, rows.text(row, "account_id"), rows.text(row, "secrets"));
  if (opened) return true;
  report_.fail("accounts", name + ": its secrets can't be opened",
               "put the [secrets] key_file of that time back, or media-indexer account set");
  return false;
}

void Site::look_at_secrets() {
  const auto key = read_sealing_key(config_.secrets.key_file);
  if (!key) return;  // check_everything() tells of it
  const providers::Registry registry(config_);
  std::string last = "00000000-0000-0000-0000-000000000000";
  std::size_t usable = 0;
  std::size_t all = 0;
  for (std::size_t got = kPage; got == kPage;) {
    const auto rows = ask("accounts",
                          "SELECT provider, external_id, account_id, secrets FROM "
                          "media.list_accounts($1, $2)",
                          {last, std::to_string(kPage)});
    if (!rows) return;
    got = rows->size();
    all += got;
    for (std::size_t row = 0; row < got; ++row) {
      usable += open_secrets(*rows, row, *key, registry) ? 1 : 0;
      last = rows->text(row, "account_id");
    }
  }
  if (all == 0) {
    report_.warn("accounts", "there is none, so nobody can deliver", "media-indexer account add");
  } else if (usable == all) {
    report_.ok("accounts", std::to_string(all) + ", all secrets open");
  }
}

void Site::look_at_partitions() {
  const auto rows = ask("event partitions",
                        "SELECT months_ahead, in_default FROM media.check_event_partitions()");
  if (!rows) return;
  const std::string remedy =
      "a running daemon does it once a day; now: SELECT "
      "media.ensure_event_partitions(2)";
  if (rows->integer(0, "months_ahead") < 3) {
    report_.warn("event partitions", "not there for this month and two more", remedy);
  } else if (rows->integer(0, "in_default") > 0) {
    report_.warn("event partitions", "events lie in the default partition", remedy);
  } else {
    report_.ok("event partitions");
  }
}

/// Whether a notification comes through: not over every pooler.
bool hears_notifications(const Config& config) {
  boost::asio::io_context loop(1);
  db::DatabaseOptions options;
  options.conninfo = config.database.conninfo;
  options.connections = 1;
  db::Database database(loop, options);
  boost::asio::steady_timer patience(loop, kNotificationPatience);
  const std::string word = hex_encode(random_bytes(16));
  bool is_heard = false;
  db::Listener listener(loop, options.conninfo, "media_doctor", [&](std::string_view payload) {
    is_heard = is_heard || payload == word;
    if (is_heard) patience.cancel();
    if (!payload.empty()) return;
    // It listens from now on.
    spawn(loop, "notify", [&](yield_context yield) {
      (void)database.query(yield, "SELECT pg_notify('media_doctor', $1)", {word});
    });
  });
  listener.start();
  patience.async_wait([&](boost::system::error_code) {
    listener.stop();
    database.close();
  });
  loop.run();
  return is_heard;
}

}  // namespace

void look_at_site(const Config& config, Report& report) {
  bool is_reachable = false;
  (void)with_database(
      config, [&](db::Database& database, yield_context yield) -> Result<std::string> {
        is_reachable = database.query(yield, "SELECT media.schema_version()").has_value();
        if (is_reachable) Site(config, database, yield, report).look();
        return std::string();
      });
  if (!is_reachable) return;
  if (hears_notifications(config)) {
    report.ok("notifications");
  } else {
    report.fail("notifications", "a NOTIFY is not heard",
                "[database] conninfo must name the server itself, not a pooler");
  }
}

}  // namespace media::ops

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "indexer/ingest/spool.hpp"
#include "indexer/json.hpp"
#include "indexer/metrics/snapshot.hpp"
#include "indexer/ops/authorities.hpp"
#include "indexer/ops/daemon_status.hpp"
#include "indexer/ops/diagnosis.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/unique_fd.hpp"

namespace media::ops {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kTooLittle = 256 * kMiB;  // less than a few videos
constexpr std::uint64_t kLittle = 4096 * kMiB;
constexpr std::chrono::milliseconds kSlowSync{500};
constexpr std::int64_t kOldDelivery = 60;  // seconds

void look_at_daemon(const Config& config, Report& report) {
  const auto answer = ask_daemon(config.server.listen, "/readyz");
  if (!answer) {
    report.fail("daemon", answer.error().message,
                "start it (systemctl start media-indexer), or correct [server] listen");
    return;
  }
  const auto body = Json::parse(answer->body);
  const std::string status(body ? (*body)["status"].text() : std::string_view());
  if (answer->status == 200) {
    report.ok("daemon", status);
  } else if (status.empty()) {
    report.fail("daemon", "answers " + std::to_string(answer->status) + " to /readyz",
                "is it media-indexer that listens on " + config.server.listen + "?");
  } else {
    report.fail("daemon", status, "its log tells more");
  }
}

// What fsync takes is what every download waits for.
void look_at_disk(const Config& config, Report& report) {
  const std::string& root = config.storage.root;
  const UniqueFd file(::open(root.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!file) return;  // check_everything() tells of it
  const auto started = Clock::now();
  if (::write(file.get(), "x", 1) != 1 || ::fsync(file.get()) != 0) {
    report.fail("fsync", std::strerror(errno), "space or disk of " + root);
    return;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started);
  const std::string text = std::to_string(took.count()) + " ms";
  if (took > kSlowSync) {
    report.warn("fsync", text, "a slow or busy disk below " + root + " limits all downloads");
  } else {
    report.ok("fsync", text);
  }
}

void look_at_space(const Config& config, Report& report) {
  const auto left = metrics::free_bytes(config.storage.root);
  if (!left) return;  // likewise
  const std::string text = bytes_text(*left) + " left below " + config.storage.root;
  if (*left < kTooLittle) {
    report.fail("space", text, "make room: downloads fail soon");
  } else if (*left < kLittle) {
    report.warn("space", text, "make room");
  } else {
    report.ok("space", text);
  }
  const auto for_spool = metrics::free_bytes(config.spool.directory);
  if (for_spool && *for_spool < config.spool.max_bytes) {
    report.warn("space of the spool",
                bytes_text(*for_spool) + " left, but [spool] max_bytes is " +
                    bytes_text(config.spool.max_bytes),
                "make room in " + config.spool.directory + ", or allow less");
  }
}

void look_at_spool(const Config& config, Report& report) {
  const auto spool = ingest::look_at_spool(config.spool.directory);
  if (spool.files > 0) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::int64_t age =
        std::chrono::duration_cast<std::chrono::seconds>(now).count() - spool.oldest_at;
    const std::string text = std::to_string(spool.files) +
                             " deliveries wait on disk, the first for " + rough_duration(age);
    if (age > kOldDelivery) {
      report.warn("spooled deliveries", text,
                  "they are taken by themselves once daemon and database are well");
    } else {
      report.ok("spooled deliveries", text);
    }
  }
  if (spool.set_aside > 0) {
    report.warn("deliveries set aside",
                std::to_string(spool.set_aside) + " in " + config.spool.directory + "/aside",
                "FILE.reason beside each says why; see docs/TROUBLESHOOTING.md");
  }
}

void look_at_authorities(const Config& config, Report& report) {
  const std::string path =
      config.fetch.ca_file.empty() ? system_authorities() : config.fetch.ca_file;
  const auto found = path.empty() ? Result<Authorities>(Authorities()) : read_authorities(path);
  const std::string remedy =
      config.fetch.ca_file.empty() ? "install ca-certificates" : "correct [fetch] ca_file";
  if (!found) {
    report.fail("authorities", found.error().message, remedy);
  } else if (found->usable == 0) {
    report.fail("authorities", "no valid certificate in " + path, remedy);
  } else {
    report.ok("authorities", std::to_string(found->usable) + " in " + path);
  }
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  char text[32];
  std::snprintf(text, sizeof(text), number < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", number,
                kUnits.at(unit));
  return text;
}

void look_at_host(const Config& config, Report& report) {
  look_at_daemon(config, report);
  look_at_disk(config, report);
  look_at_space(config, report);
  look_at_spool(config, report);
  look_at_authorities(config, report);
}

}  // namespace media::ops

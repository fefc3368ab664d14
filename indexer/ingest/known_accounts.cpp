#include "indexer/ingest/known_accounts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/coroutine.hpp"
#include "indexer/json.hpp"
#include "indexer/log.hpp"
#include "indexer/storage/directory.hpp"
#include "indexer/storage/private_file.hpp"

namespace media::ingest {

using providers::SealedAccount;
using storage::storage_failure;

namespace {

constexpr std::string_view kMagic = "ngx_media accounts 1 ";
constexpr std::size_t kMacSize = 64;
constexpr off_t kMaxFileSize = 256 << 20;
constexpr std::chrono::seconds kRetry{5};
constexpr std::chrono::milliseconds kDrain{2000};

struct Field {
  const char* name;
  std::string SealedAccount::*text;
};

constexpr Field kFields[] = {
    {"account_id", &SealedAccount::id},     {"company_id", &SealedAccount::company_id},
    {"provider", &SealedAccount::provider}, {"external_id", &SealedAccount::external_id},
    {"settings", &SealedAccount::settings}, {"secrets", &SealedAccount::secrets},
};

/// Of a key for this purpose only: the sealing key itself opens secrets.
std::string mac_of(std::string_view sealing_key, std::string_view payload) {
  const auto key = hmac_sha256(as_bytes(sealing_key), as_bytes(kMagic));
  return hex_encode(hmac_sha256(key, as_bytes(payload)));
}

Result<std::string> read_private_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd && errno == ENOENT) return fail(ErrorCode::not_found, path);
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return storage_failure("open " + path, errno);
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || status.st_size > kMaxFileSize ||
      (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorCode::conflict, "not a file of this user alone");
  }
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_failure("read " + path, errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

/// Where it can't be written it must not tell of accounts that are gone.
Result<void> replace_or_remove(const std::string& directory, const std::string& bytes) {
  const std::string name(kKnownAccountsFile);
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return storage_failure("open " + directory, errno);
  auto replaced = storage::replace_private_file(fd.get(), name, bytes);
  if (!replaced) ::unlinkat(fd.get(), name.c_str(), 0);
  return replaced;
}

}  // namespace

std::string encode_accounts(std::string_view sealing_key,
                            const std::vector<SealedAccount>& accounts) {
  Json list = Json::array();
  for (const SealedAccount& account : accounts) {
    Json item = Json::object();
    for (const Field& field : kFields) item.set(field.name, account.*field.text);
    list.push(item);
  }
  const std::string payload = list.dump();
  return std::string(kMagic) + mac_of(sealing_key, payload) + '\n' + payload;
}

Result<std::vector<SealedAccount>> decode_accounts(std::string_view sealing_key,
                                                   std::string_view file) {
  const std::size_t head = kMagic.size() + kMacSize + 1;
  if (!file.starts_with(kMagic) || file.size() < head || file[head - 1] != '\n') {
    return fail(ErrorCode::hash_mismatch, "not a file of known accounts");
  }
  const std::string_view payload = file.substr(head);
  const std::string mac = mac_of(sealing_key, payload);
  if (!equal_in_constant_time(as_bytes(mac), as_bytes(file.substr(kMagic.size(), kMacSize)))) {
    return fail(ErrorCode::hash_mismatch, "damaged, or written with another [secrets] key_file");
  }
  const auto list = Json::parse(payload);
  if (!list) return std::unexpected(list.error());
  std::vector<SealedAccount> accounts(list->size());
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    const Json item = (*list)[i];
    for (const Field& field : kFields) accounts[i].*field.text = item[field.name].text();
  }
  return accounts;
}

KnownAccounts::KnownAccounts(boost::asio::io_context& loop, boost::asio::thread_pool& workers,
                             std::string directory, std::string sealing_key,
                             providers::AccountDirectory& accounts)
    : loop_(loop),
      workers_(workers),
      directory_(std::move(directory)),
      sealing_key_(std::move(sealing_key)),
      accounts_(accounts),
      pause_(loop),
      ended_(loop) {
  accounts_.on_change([this] { keep(); });
}

void KnownAccounts::recall() {
  const auto file = read_private_file(directory_ + '/' + std::string(kKnownAccountsFile));
  if (!file && file.error().code == ErrorCode::not_found) return;
  auto known = file ? decode_accounts(sealing_key_, *file)
                    : Result<std::vector<SealedAccount>>(std::unexpected(file.error()));
  if (!known) {
    log::warn("known_accounts_ignored", {{"error", known.error().message}});
    return;
  }
  accounts_.recall(std::move(*known));
  log::info("known_accounts_read", {{"accounts", static_cast<std::int64_t>(accounts_.size())}});
}

void KnownAccounts::keep() {
  is_stale_ = true;
  if (is_running_) return;
  is_running_ = true;
  spawn(loop_, "known_accounts", [this](boost::asio::yield_context yield) {
    run(yield);
    is_running_ = false;
    ended_.cancel();
  });
}

void KnownAccounts::run(boost::asio::yield_context yield) {
  while (is_stale_) {
    const auto written = write(yield);
    if (written) continue;
    is_stale_ = true;
    log::error("known_accounts_not_written", {{"error", written.error().message}});
    if (is_stopping_) return;
    pause_.expires_after(kRetry);
    boost::system::error_code ignored;
    pause_.async_wait(yield[ignored]);
  }
}

Result<void> KnownAccounts::write(boost::asio::yield_context yield) {
  is_stale_ = false;
  const std::string bytes = encode_accounts(sealing_key_, accounts_.known());
  return run_blocking(workers_, yield, [&] { return replace_or_remove(directory_, bytes); });
}

void KnownAccounts::drain(boost::asio::yield_context yield) {
  is_stopping_ = true;
  pause_.cancel();
  if (!is_running_) return;
  boost::system::error_code ignored;
  ended_.expires_after(kDrain);
  ended_.async_wait(yield[ignored]);
}

}  // namespace media::ingest

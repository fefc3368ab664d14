// storage_tool CONFIG [CONCURRENCY]: what storage::Stores does, for tests and benchmarks.
//
// Each line of standard input is a JSON object {"op", "store", "key", ...}; each answer is one
// as well, with the number of its line, and "error" when it failed. Operations:
//   publish   file, content_type, file_name, account   -> key
//   stat                                               -> size, modified_at, content_type, sha256
//   retrieve  file                                     -> size, sha256
//   list      key: the prefix                          -> keys
//   remove

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "indexer/config.hpp"
#include "indexer/coroutine.hpp"
#include "indexer/json.hpp"
#include "indexer/storage/stores.hpp"
#include "indexer/unique_fd.hpp"

namespace {

using namespace media;
using boost::asio::yield_context;

/// A file that lies somewhere already.
class FileUpload : public storage::Upload {
 public:
  explicit FileUpload(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (fd_ && ::fstat(fd_.get(), &status) == 0) size_ = static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> append(ByteView) override { return fail(ErrorCode::internal, "is complete"); }
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    const auto got = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0) return fail(ErrorCode::storage, "cannot be read");
    return static_cast<std::size_t>(got);
  }

 private:
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

Result<Sha256Digest> digest_of(const storage::Upload& upload) {
  Sha256 hash;
  std::vector<std::uint8_t> buffer(1 << 16);
  for (std::uint64_t offset = 0;;) {
    const auto got = upload.read(offset, buffer);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return hash.finish();
    hash.update(std::span(buffer).first(*got));
    offset += *got;
  }
}

class Tool {
 public:
  Tool(boost::asio::io_context& loop, const Config& config)
      : workers_(4), stores_(storage::make_stores(loop, workers_, config)) {}

  Json answer(yield_context yield, const Json& command) {
    auto* store = stores_->find(command["store"].text());
    if (store == nullptr) return error({ErrorCode::invalid_argument, "no such store"});
    const std::string key(command["key"].text());
    const auto op = command["op"].text();
    if (op == "publish") return publish(yield, *store, key, command);
    if (op == "stat") return stat(yield, *store, key);
    if (op == "retrieve") return retrieve(yield, *store, key, std::string(command["file"].text()));
    if (op == "list") return list(yield, *store, key);
    if (op == "remove") return remove(yield, *store, key);
    return error({ErrorCode::invalid_argument, "no such operation"});
  }

 private:
  static Json error(const Error& error) { return Json::object().set("error", error.message); }

  Json publish(yield_context yield, storage::BlobStore& store, const std::string& key,
               const Json& command) {
    auto upload = std::make_unique<FileUpload>(std::string(command["file"].text()));
    const auto digest = run_blocking(workers_, yield, [&] { return digest_of(*upload); });
    if (!digest) return error(digest.error());
    const storage::ObjectMetadata metadata{
        .content_type = std::string(command["content_type"].text()),
        .file_name = std::string(command["file_name"].text()),
        .account_id = std::string(command["account"].text()),
        .sha256 = *digest};
    const auto done = store.publish(yield, std::move(upload), key, metadata);
    if (!done) return error(done.error());
    return Json::object().set("key", done->key);
  }

  static Json stat(yield_context yield, storage::BlobStore& store, const std::string& key) {
    const auto info = store.stat(yield, key);
    if (!info) return error(info.error());
    Json json = Json::object();
    json.set("size", static_cast<std::int64_t>(info->size)).set("modified_at", info->modified_at);
    json.set("content_type", info->content_type);
    if (info->sha256) json.set("sha256", hex_encode(*info->sha256));
    return json;
  }

  static Json retrieve(yield_context yield, storage::BlobStore& store, const std::string& key,
                       const std::string& path) {
    Sha256 hash;
    std::int64_t size = 0;
    std::ofstream file;
    if (!path.empty()) file.open(path, std::ios::binary);
    const auto done = store.retrieve(yield, key, [&](ByteView chunk) -> Result<void> {
      hash.update(chunk);
      size += static_cast<std::int64_t>(chunk.size());
      if (file.is_open()) file << as_text(chunk);
      return {};
    });
    if (!done) return error(done.error());
    return Json::object().set("size", size).set("sha256", hex_encode(hash.finish()));
  }

  static Json list(yield_context yield, storage::BlobStore& store, const std::string& prefix) {
    Json keys = Json::array();
    const auto done =
        store.list(yield, prefix, [&](const storage::ObjectInfo& info) -> Result<void> {
          keys.push(Json::string(info.key));
          return {};
        });
    if (!done) return error(done.error());
    return Json::object().set("keys", keys);
  }

  static Json remove(yield_context yield, storage::BlobStore& store, const std::string& key) {
    const auto done = store.remove(yield, key);
    return done ? Json::object() : error(done.error());
  }

  boost::asio::thread_pool workers_;
  std::unique_ptr<storage::Stores> stores_;
};

/// Takes one line after the other; several of these share standard input.
void work(yield_context yield, Tool& tool, std::int64_t& line_number) {
  for (std::string line; std::getline(std::cin, line);) {
    const std::int64_t number = line_number++;
    const auto command = Json::parse(line);
    Json answer = command ? tool.answer(yield, *command)
                          : Json::object().set("error", command.error().message);
    std::puts(answer.set("line", number).dump().c_str());
  }
}

int run(const Config& config, int concurrency) {
  boost::asio::io_context loop;
  Tool tool(loop, config);
  std::int64_t line_number = 0;
  int running = concurrency;
  for (int i = 0; i < concurrency; ++i) {
    spawn(loop, "storage_tool", [&](yield_context yield) {
      work(yield, tool, line_number);
      if (--running == 0) loop.stop();
    });
  }
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: storage_tool CONFIG [CONCURRENCY]\n", stderr);
    return 2;
  }
  mallopt(M_ARENA_MAX, 2);
  const auto config = media::load_config(argv[1]);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return 1;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return run(*config, argc > 2 ? std::atoi(argv[2]) : 1);
}

#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "indexer/fetch/http_client.hpp"
#include "indexer/storage/stores.hpp"

namespace media::test {

/// One scripted answer of a FakeHttpClient.
struct Answer {
  int status = 200;
  std::string body;
  std::string location = {};
  std::string retry_after = {};
  bool is_chunked = false;  ///< no Content-Length
  std::optional<Error> error = {};
};

/// Answers each URL with its script, the last entry again and again.
class FakeHttpClient : public fetch::HttpClient {
 public:
  std::map<std::string, std::deque<Answer>> script;
  std::vector<std::string> urls;         ///< as requested, in order; not of GET: "METHOD URL"
  std::vector<std::string> bodies;       ///< sent with each
  std::vector<std::string> credentials;  ///< Authorization of each, or empty
  std::function<void(const std::string&)> on_request = [](const std::string&) {};

  Result<fetch::HttpResponse> send(boost::asio::yield_context, const fetch::HttpRequest& request,
                                   const fetch::HeadersSink& on_headers,
                                   const fetch::BodySink& on_body) override {
    urls.push_back(request.method == "GET" ? request.url : request.method + " " + request.url);
    bodies.push_back(request.body);
    credentials.emplace_back();
    for (const auto& [name, value] : request.headers) {
      if (name == "Authorization") credentials.back() = value;
    }
    on_request(request.url);
    const Answer answer = next(request.url);
    if (answer.error) return std::unexpected(*answer.error);
    fetch::HttpResponse response;
    response.status = answer.status;
    response.location = answer.location;
    response.retry_after = answer.retry_after;
    if (!answer.is_chunked) {
      response.content_length = static_cast<std::int64_t>(answer.body.size());
    }
    return deliver(std::move(response), answer.body, on_headers, on_body);
  }
  void cancel_all() override {}

 private:
  static constexpr std::size_t kPiece = 1000;

  Answer next(const std::string& url) {
    auto& answers = script[url];
    if (answers.empty()) return {404, "not scripted"};
    Answer answer = answers.front();
    if (answers.size() > 1) answers.pop_front();
    return answer;
  }

  static Result<fetch::HttpResponse> deliver(fetch::HttpResponse response, const std::string& body,
                                             const fetch::HeadersSink& on_headers,
                                             const fetch::BodySink& on_body) {
    if (on_headers) {
      if (auto taken = on_headers(response); !taken) return std::unexpected(taken.error());
    }
    for (std::size_t at = 0; at < body.size(); at += kPiece) {
      const std::string_view piece = std::string_view(body).substr(at, kPiece);
      response.received += piece.size();
      if (auto taken = on_body(as_bytes(piece)); !taken) return std::unexpected(taken.error());
    }
    return response;
  }
};

/// An upload in memory.
struct FakeUpload : storage::Upload {
  explicit FakeUpload(std::string content = {}, int* open_uploads = nullptr)
      : bytes(std::move(content)), count(open_uploads) {
    if (count != nullptr) ++*count;
  }
  ~FakeUpload() override {
    if (count != nullptr) --*count;
  }
  Result<void> append(ByteView chunk) override {
    bytes.append(as_text(chunk));
    return {};
  }
  std::uint64_t size() const override { return bytes.size(); }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    const std::string_view rest = std::string_view(bytes).substr(std::min(offset, bytes.size()));
    return rest.copy(reinterpret_cast<char*>(into.data()), into.size());
  }
  std::string bytes;
  int* count;
};

/// A staging area in memory.
class FakeStaging : public storage::Staging {
 public:
  std::map<std::string, std::string, std::less<>> in_quarantine;
  Result<void> health;
  int open_uploads = 0;

  Result<std::unique_ptr<storage::Upload>> begin() override {
    if (!health) return std::unexpected(health.error());
    return std::make_unique<FakeUpload>(std::string(), &open_uploads);
  }
  Result<void> quarantine(boost::asio::yield_context, std::unique_ptr<storage::Upload> upload,
                          std::string_view name) override {
    in_quarantine[std::string(name)] = static_cast<FakeUpload&>(*upload).bytes;
    return {};
  }
  Result<std::unique_ptr<storage::Upload>> open_quarantined(boost::asio::yield_context,
                                                            std::string_view name) override {
    const auto found = in_quarantine.find(name);
    if (found == in_quarantine.end()) return fail(ErrorCode::not_found, "nothing of that name");
    return std::make_unique<FakeUpload>(found->second);
  }
  Result<void> discard(boost::asio::yield_context, std::string_view name) override {
    in_quarantine.erase(std::string(name));
    return {};
  }
  Result<std::vector<std::string>> quarantined(boost::asio::yield_context,
                                               std::chrono::seconds) override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : in_quarantine) names.push_back(name);
    return names;
  }
  Result<void> check() override { return health; }
};

/// A store in memory, which takes every key as it is.
class FakeBlobStore : public storage::BlobStore {
 public:
  explicit FakeBlobStore(std::string name = "local") : name_(std::move(name)) {}

  std::map<std::string, std::string, std::less<>> files;
  std::map<std::string, storage::ObjectMetadata, std::less<>> metadata;
  std::vector<std::string> removed;
  Result<void> health;

  std::string_view name() const override { return name_; }
  Result<storage::Published> publish(boost::asio::yield_context,
                                     std::unique_ptr<storage::Upload> upload, std::string_view key,
                                     const storage::ObjectMetadata& about) override {
    files[std::string(key)] = static_cast<FakeUpload&>(*upload).bytes;
    metadata[std::string(key)] = about;
    return storage::Published{std::string(key)};
  }
  Result<void> remove(boost::asio::yield_context, std::string_view key) override {
    files.erase(std::string(key));
    removed.emplace_back(key);
    return {};
  }
  Result<storage::ObjectInfo> stat(boost::asio::yield_context, std::string_view key) override {
    const auto found = files.find(key);
    if (found == files.end()) return fail(ErrorCode::not_found, "nothing under that key");
    return storage::ObjectInfo{found->first, found->second.size(), 0,
                               sha256(as_bytes(found->second)),
                               metadata[found->first].content_type};
  }
  Result<void> retrieve(boost::asio::yield_context, std::string_view key,
                        const storage::ByteSink& sink) override {
    const auto found = files.find(key);
    if (found == files.end()) return fail(ErrorCode::not_found, "nothing under that key");
    return sink(as_bytes(found->second));
  }
  Result<void> list(boost::asio::yield_context, std::string_view prefix,
                    const storage::ObjectSink& sink) override {
    for (const auto& [key, bytes] : files) {
      if (!key.starts_with(prefix)) continue;
      if (auto taken = sink({key, bytes.size(), 0, {}, {}}); !taken) return taken;
    }
    return {};
  }
  std::string url(std::string_view) const override { return {}; }
  Result<void> check() override { return health; }
  Result<void> probe(boost::asio::yield_context) override { return health; }

 private:
  std::string name_;
};

/// Stores in memory: what is of bucket "archived" goes to the store "s3", all else to "local".
struct FakeStores {
  FakeStaging* staging = new FakeStaging();
  FakeBlobStore* local = new FakeBlobStore("local");
  FakeBlobStore* s3 = new FakeBlobStore("s3");
  storage::Stores all{
      std::unique_ptr<storage::Staging>(staging), owned(local, s3), "local", {{"archived", "s3"}}};

 private:
  static std::vector<std::unique_ptr<storage::BlobStore>> owned(FakeBlobStore* first,
                                                                FakeBlobStore* second) {
    std::vector<std::unique_ptr<storage::BlobStore>> stores;
    stores.emplace_back(first);
    stores.emplace_back(second);
    return stores;
  }
};

}  // namespace media::test

#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "indexer/fetch/http_client.hpp"
#include "indexer/storage/blob_store.hpp"

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

/// A store in memory.
class FakeBlobStore : public storage::BlobStore {
 public:
  std::map<std::string, std::string> files;
  std::vector<std::string> removed;
  std::map<std::string, std::string> in_quarantine;
  Result<void> health;
  int open_uploads = 0;

  Result<std::unique_ptr<storage::Upload>> begin() override {
    if (!health) return std::unexpected(health.error());
    return std::make_unique<FakeUpload>(*this);
  }
  Result<storage::Published> publish(boost::asio::yield_context,
                                     std::unique_ptr<storage::Upload> upload, std::string_view key,
                                     const Sha256Digest&) override {
    files[std::string(key)] = static_cast<FakeUpload&>(*upload).bytes;
    return storage::Published{std::string(key)};
  }
  Result<void> remove(boost::asio::yield_context, std::string_view key) override {
    files.erase(std::string(key));
    removed.emplace_back(key);
    return {};
  }
  Result<void> quarantine(boost::asio::yield_context, std::unique_ptr<storage::Upload> upload,
                          std::string_view name) override {
    in_quarantine[std::string(name)] = static_cast<FakeUpload&>(*upload).bytes;
    return {};
  }
  Result<storage::Published> release(boost::asio::yield_context, std::string_view name,
                                     std::string_view key, const Sha256Digest&) override {
    files[std::string(key)] = in_quarantine[std::string(name)];
    return storage::Published{std::string(key)};
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

 private:
  struct FakeUpload : storage::Upload {
    explicit FakeUpload(FakeBlobStore& owner) : store(owner) { ++store.open_uploads; }
    ~FakeUpload() override { --store.open_uploads; }
    Result<void> append(ByteView chunk) override {
      bytes.append(as_text(chunk));
      return {};
    }
    std::uint64_t size() const override { return bytes.size(); }
    Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const override {
      const std::string_view rest = std::string_view(bytes).substr(std::min(offset, bytes.size()));
      return rest.copy(reinterpret_cast<char*>(into.data()), into.size());
    }
    FakeBlobStore& store;
    std::string bytes;
  };
};

}  // namespace media::test

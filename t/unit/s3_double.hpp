#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

namespace media::test {

/// A request that an S3Double got.
struct S3Seen {
  std::string method;
  std::string target;  ///< path and query
  std::map<std::string, std::string> headers;
  std::string body;

  bool asks(std::string_view what) const { return target.find(what) != std::string::npos; }
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

/// An object store in memory that checks no signature, for what real servers do not do on
/// demand: `fault` looks at each request first, and may answer in the store's place.
class S3Double {
 public:
  struct Answer {
    int status = 200;
    std::string body = {};
    std::string headers = {};    ///< lines with "\r\n" each
    bool is_cut = false;         ///< closes the connection in the middle of the body
    bool is_lost = false;        ///< closes it without any answer
    bool is_after_work = false;  ///< the store does what it was asked for nevertheless
  };
  using Fault = std::function<std::optional<Answer>(const S3Seen&)>;

  S3Double() : acceptor_(loop_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
    thread_ = std::thread([this] { serve(); });
  }
  ~S3Double() {
    is_stopping_ = true;
    boost::asio::io_context loop;
    boost::asio::ip::tcp::socket wake(loop);
    boost::system::error_code ignored;
    wake.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }

  std::string endpoint() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  void set_fault(Fault fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
  }
  /// As some stores do: If-None-Match means nothing.
  void ignore_conditions() {
    const std::lock_guard lock(mutex_);
    ignores_conditions_ = true;
  }
  std::vector<S3Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  std::size_t count(std::string_view method, std::string_view target = "") const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(
        seen_, [&](const S3Seen& one) { return one.method == method && one.asks(target); }));
  }
  /// Bytes by path.
  std::map<std::string, std::string> objects() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::string> bytes;
    for (const auto& [path, object] : objects_) bytes[path] = object.body;
    return bytes;
  }
  std::size_t uploads() const {
    const std::lock_guard lock(mutex_);
    return uploads_.size();
  }

 private:
  struct Object {
    std::string body;
    std::string meta;
  };
  struct Upload {
    std::string path;
    std::string meta;
    std::map<int, std::string> parts;
  };

  /// One connection, and one request of it, at a time: enough, as each answer closes it.
  void serve() {
    while (!is_stopping_) {
      boost::asio::ip::tcp::socket socket(loop_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      if (!error && !is_stopping_) answer_one(socket);
    }
  }

  void answer_one(boost::asio::ip::tcp::socket& socket) {
    boost::system::error_code error;
    const auto request = read(socket, error);
    if (error) return;
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(request);
      const auto fault = fault_ ? fault_(request) : std::nullopt;
      if (!fault || fault->is_after_work) answer = work(request);
      if (fault) answer = *fault;
    }
    if (answer.is_lost) {
      socket.set_option(boost::asio::socket_base::linger(true, 0), error);
      return;
    }
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\n" + answer.headers +
                       "Connection: close\r\n";
    if (answer.headers.find("Content-Length") == std::string::npos) {
      text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    }
    if (request.method == "HEAD") answer.body.clear();
    if (answer.is_cut) answer.body.resize(answer.body.size() / 2);
    boost::asio::write(socket, boost::asio::buffer(text + "\r\n" + answer.body), error);
    socket.shutdown(boost::asio::ip::tcp::socket::shutdown_both, error);
  }

  static S3Seen read(boost::asio::ip::tcp::socket& socket, boost::system::error_code& error) {
    S3Seen request;
    std::string text;
    const std::size_t head =
        boost::asio::read_until(socket, boost::asio::dynamic_buffer(text), "\r\n\r\n", error);
    if (error) return request;
    request.method = text.substr(0, text.find(' '));
    request.target = text.substr(request.method.size() + 1);
    request.target = request.target.substr(0, request.target.find(' '));
    for (std::size_t at = text.find("\r\n") + 2; at < head - 2;) {
      const std::size_t end = text.find("\r\n", at);
      const std::size_t colon = text.find(':', at);
      std::string name = text.substr(at, colon - at);
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      request.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    const std::string length = request.header("content-length");
    request.body = text.substr(head);
    const std::size_t wanted = length.empty() ? 0 : std::stoul(length);
    const std::size_t have = request.body.size();
    if (have >= wanted) return request;
    request.body.resize(wanted);
    boost::asio::read(socket, boost::asio::buffer(request.body.data() + have, wanted - have),
                      error);
    return request;
  }

  static std::string meta_of(const S3Seen& request) {
    return "x-amz-meta-sha256: " + request.header("x-amz-meta-sha256") + "\r\n";
  }
  static std::string parameter(const S3Seen& request, const std::string& name) {
    const auto at = request.target.find(name + "=");
    if (at == std::string::npos) return "";
    const std::string rest = request.target.substr(at + name.size() + 1);
    return rest.substr(0, rest.find('&'));
  }

  Answer work(const S3Seen& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (request.asks("uploads=")) {
      const std::string id = "U" + std::to_string(++last_upload_);
      uploads_[id] = {path, meta_of(request), {}};
      return {200, "<InitiateMultipartUploadResult><UploadId>" + id +
                       "</UploadId></InitiateMultipartUploadResult>"};
    }
    if (request.asks("uploadId=")) return work_on_upload(request, path);
    const auto found = objects_.find(path);
    if (request.method == "PUT") {
      const bool is_conditional = !ignores_conditions_ && request.header("if-none-match") == "*";
      if (is_conditional && found != objects_.end()) return {412};
      objects_[path] = {request.body, meta_of(request)};
      return {200};
    }
    if (found == objects_.end()) return {404, "<Error><Code>NoSuchKey</Code></Error>"};
    if (request.method == "DELETE") {
      objects_.erase(found);
      return {204};
    }
    return {200, found->second.body, found->second.meta};
  }

  Answer work_on_upload(const S3Seen& request, const std::string& path) {
    const std::string id = parameter(request, "uploadId");
    const auto found = uploads_.find(id);
    if (found == uploads_.end()) return {404, "<Error><Code>NoSuchUpload</Code></Error>"};
    Upload& upload = found->second;
    if (request.method == "PUT") {
      const int number = std::stoi(parameter(request, "partNumber"));
      upload.parts[number] = request.body;
      return {200, "", "ETag: \"e" + std::to_string(number) + "\"\r\n"};
    }
    if (request.method == "GET") {
      std::string xml = "<ListPartsResult><IsTruncated>false</IsTruncated>";
      for (const auto& [number, body] : upload.parts) {
        xml += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>\"e" +
               std::to_string(number) + "\"</ETag><Size>" + std::to_string(body.size()) +
               "</Size></Part>";
      }
      return {200, xml + "</ListPartsResult>"};
    }
    if (request.method == "POST") {
      Object object{{}, upload.meta};
      for (const auto& [number, body] : upload.parts) object.body += body;
      objects_[path] = std::move(object);
    }
    uploads_.erase(found);
    return request.method == "POST"
               ? Answer{200, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"}
               : Answer{204};
  }

  boost::asio::io_context loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
  std::atomic<bool> is_stopping_ = false;
  mutable std::mutex mutex_;
  Fault fault_;
  std::vector<S3Seen> seen_;
  std::map<std::string, Object> objects_;
  std::map<std::string, Upload> uploads_;
  int last_upload_ = 0;
  bool ignores_conditions_ = false;
};

}  // namespace media::test

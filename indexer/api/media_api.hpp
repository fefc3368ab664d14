#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/signed_link.hpp"
#include "core/uuid.hpp"
#include "indexer/db/database.hpp"
#include "indexer/http/message.hpp"

namespace media::api {

/// What the API needs from the rest; tests replace it.
struct ApiDependencies {
  /// Database::query_as: sees this company's rows only.
  std::function<Result<db::Rows>(boost::asio::yield_context, const Uuid& company,
                                 std::string_view sql, db::Params)>
      query_as;
  /// Of a download that runs in this daemon: 0 to 1.
  std::function<std::optional<double>(const std::string& media_id)> progress;
  /// The URL of a signed link; empty when no key is configured.
  std::function<std::string(const LinkGrant&)> link_url;
  /// Unix seconds.
  std::function<std::int64_t()> now;
  /// There may be something in the queue.
  std::function<void()> jobs_added = [] {};
};

/// /api/v1/...: the JSON that the application reads, the links that it asks for,
/// what it deletes and restores, and figures. Who asks is what nginx says in X-Media-User,
/// X-Media-Company and X-Media-Role.
class MediaApi {
 public:
  explicit MediaApi(ApiDependencies dependencies);

  http::Response handle(const http::Request& request, boost::asio::yield_context yield) const;

 private:
  /// Who asks, as nginx says.
  struct Caller {
    Uuid company;
    std::string user;
    std::string role;
  };

  Result<http::Response> change(const http::Request& request, boost::asio::yield_context yield,
                                const Caller& caller, const std::vector<std::string>& path) const;
  Result<http::Response> answer(const http::Request& request,
                                boost::asio::yield_context yield) const;
  Result<http::Response> message_media(boost::asio::yield_context yield, const Uuid& company,
                                       const std::string& message) const;
  Result<http::Response> media(boost::asio::yield_context yield, const Uuid& company,
                               const std::string& id) const;
  Result<http::Response> status(boost::asio::yield_context yield, const Uuid& company,
                                const std::string& id) const;
  Result<http::Response> remove(boost::asio::yield_context yield, const Caller& caller,
                                const std::string& id) const;
  Result<http::Response> remove_of_message(boost::asio::yield_context yield, const Caller& caller,
                                           const std::string& message) const;
  Result<http::Response> restore(boost::asio::yield_context yield, const Caller& caller,
                                 const std::string& id) const;
  Result<http::Response> make_link(boost::asio::yield_context yield, const Uuid& company,
                                   const std::string& id, const std::string& body) const;
  Result<http::Response> figures(const http::Request& request, boost::asio::yield_context yield,
                                 const Caller& caller, std::string_view what) const;
  Result<db::Rows> media_rows(boost::asio::yield_context yield, const Uuid& company,
                              const std::string& id) const;

  ApiDependencies dependencies_;
};

}  // namespace media::api

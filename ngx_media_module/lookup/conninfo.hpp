#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace media::nginx {

/// A checked libpq connection string, ready for connecting without blocking.
class ConnectTarget {
 public:
  /// Takes what libpq takes (keyword/value or URI). A host name is resolved
  /// here, once, since libpq would block the event loop for it. Errors:
  /// `invalid_argument` for a string that libpq refuses, for `service`, for
  /// several hosts, and for a host name that does not resolve.
  static Result<ConnectTarget> parse(const std::string& conninfo);

  /// NULL-terminated arrays for PQconnectStartParams().
  std::vector<const char*> keywords() const;
  std::vector<const char*> values() const;

  /// Host, port and database for log lines: nothing secret.
  std::string describe() const;

 private:
  struct Parameter {
    std::string keyword;
    std::string value;
  };

  std::string_view get(std::string_view keyword) const;
  void set(std::string_view keyword, std::string value);
  Result<void> check() const;
  Result<void> resolve_host();

  std::vector<Parameter> parameters_;
};

}  // namespace media::nginx

#pragma once

#include <libpq-fe.h>

#include "core/error.hpp"

namespace media::db {

/// What a failed result means to callers, see Database::query(). Messages keep
/// the server's primary text unless it quotes values (class 22).
Error error_of(const PGresult* result);

/// The connection's own message, on one line.
std::string connection_message(const PGconn* connection);

/// True when a prepared statement is gone or no longer fits the schema.
bool is_stale_statement(const PGresult* result);

}  // namespace media::db

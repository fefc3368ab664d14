#include "ngx_media_module/lookup/pg_connection.hpp"

#include <array>
#include <string>

namespace media::nginx {
namespace {

std::string name_on_server(const Statement& statement) {
  return "ngx_media_" + std::to_string(statement.index);
}

}  // namespace

PgConnection::PgConnection(const DatabaseConf& conf, std::span<Statement* const> statements,
                           ngx_msec_t connect_timeout, Owner& owner, ngx_log_t* log)
    : PgLink(conf.target, connect_timeout, log),
      prepares_(conf.prepares),
      statements_(statements),
      owner_(owner) {}

void PgConnection::start_session() {
  is_prepared_.assign(statements_.size(), !prepares_);
  preparing_ = 0;
  syncs_due_ = 0;
  if (PQenterPipelineMode(pg()) != 1) return drop_with_libpq_error("preparing");
  if (prepares_ && !statements_.empty()) {
    prepare();
  } else {
    start();
  }
}

/// One batch for each statement: one that can't be prepared leaves the others alone.
void PgConnection::prepare() {
  for (const Statement* statement : statements_) {
    if (PQsendPrepare(pg(), name_on_server(*statement).c_str(), statement->sql.c_str(), 0,
                      nullptr) != 1 ||
        !end_batch()) {
      return drop_with_libpq_error("preparing");
    }
  }
  flush();
}

void PgConnection::start() {
  prepared_at_ = ngx_current_msec;
  set_ready();
  owner_.on_ready(*this);
}

void PgConnection::send(PipelineRequest& request, const Statement& statement,
                        const Parameters& parameters) {
  requests_.push_back(request);
  if (!send_statement(statement, parameters)) drop_with_libpq_error("sending");
}

bool PgConnection::send_statement(const Statement& statement, const Parameters& parameters) {
  constexpr int kBinary = 1;
  std::array<const char*, std::tuple_size_v<Parameters>> values;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = parameters[i].c_str();
  if (prepares_) {
    return PQsendQueryPrepared(pg(), name_on_server(statement).c_str(), statement.parameters,
                               values.data(), nullptr, nullptr, kBinary) == 1;
  }
  return PQsendQueryParams(pg(), statement.sql.c_str(), statement.parameters, nullptr,
                           values.data(), nullptr, nullptr, kBinary) == 1;
}

bool PgConnection::end_batch() {
  if (PQpipelineSync(pg()) != 1) return false;
  ++syncs_due_;
  return true;
}

void PgConnection::finish_batch() {
  if (!end_batch()) return drop_with_libpq_error("sending");
  flush();
}

void PgConnection::on_input() {
  while (PGnotify* notification = PQnotifies(pg())) PQfreemem(notification);
  // A NULL separates the results of two requests. More in a row mean that
  // libpq has nothing, whatever PQisBusy() says.
  int nulls = 0;
  while (!is_closed() && (syncs_due_ > 0 || !requests_.empty()) && nulls < 3 &&
         PQisBusy(pg()) == 0) {
    const PgResult result(PQgetResult(pg()));
    nulls = result ? 0 : nulls + 1;
    if (result && !take_result(*result)) return;
  }
}

/// False when the connection is closed now.
bool PgConnection::take_result(const PGresult& result) {
  if (PQresultStatus(&result) == PGRES_PIPELINE_SYNC) {
    take_sync();
  } else if (!is_ready()) {
    take_prepare_result(result);
  } else if (requests_.empty()) {
    drop("an answer that was not asked for");
  } else {
    owner_.on_answer(*this, requests_.pop_front(), result);
  }
  return !is_closed();
}

void PgConnection::take_prepare_result(const PGresult& result) {
  if (preparing_ == statements_.size()) return drop("an answer that was not asked for");
  const Statement& statement = *statements_[preparing_++];
  if (PQresultStatus(&result) == PGRES_COMMAND_OK) {
    is_prepared_[statement.index] = true;
  } else {
    owner_.on_unprepared(statement, result);
  }
}

void PgConnection::take_sync() {
  if (syncs_due_ > 0) --syncs_due_;
  if (is_ready() || syncs_due_ > 0) return;
  start();
}

void PgConnection::on_dropped(std::string_view reason) {
  syncs_due_ = 0;
  while (!requests_.empty()) owner_.on_unanswered(requests_.pop_front());
  owner_.on_lost(*this, reason);
}

}  // namespace media::nginx

#include "indexer/db/group_commit.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/steady_timer.hpp>

namespace media::db {
namespace {

using boost::asio::yield_context;

constexpr std::size_t kMaxCallers = 16;
/// Of parameters: what is beyond goes in the next transaction.
constexpr std::size_t kMaxBytes = 1u << 20;

std::size_t size_of(const Params& params) {
  std::size_t size = 0;
  for (const auto& param : params) size += param ? param->size() : 0;
  return size;
}

// The database is away or the program stops: nobody would fare better alone.
bool is_about_all(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::cancelled;
}

}  // namespace

/// Wakes up when its timer is cancelled: it has an answer, or is to lead.
struct GroupCommit::Caller {
  Caller(boost::asio::io_context& loop, Statement wanted, std::string place)
      : timer(loop, boost::asio::steady_timer::time_point::max()),
        statement(std::move(wanted)),
        order(std::move(place)) {}
  boost::asio::steady_timer timer;
  Statement statement;
  std::string order;
  std::optional<Result<Rows>> answer;
};

GroupCommit::GroupCommit(boost::asio::io_context& loop, Database& database)
    : loop_(loop), database_(database) {}

GroupCommit::~GroupCommit() = default;

// Who finds no transaction under way, or is handed the next one, runs it for all who wait.
Result<Rows> GroupCommit::query(yield_context yield, Statement statement, std::string order) {
  const auto self = std::make_shared<Caller>(loop_, std::move(statement), std::move(order));
  waiting_.push_back(self);
  if (is_busy_) {
    boost::system::error_code ignored;
    self->timer.async_wait(yield[ignored]);
  }
  if (!self->answer) {
    is_busy_ = true;
    run(yield, take_waiting());
    let_next_begin();
  }
  return std::move(*self->answer);
}

GroupCommit::Callers GroupCommit::take_waiting() {
  Callers callers;
  for (std::size_t bytes = 0; !waiting_.empty() && callers.size() < kMaxCallers;) {
    bytes += size_of(waiting_.front()->statement.params);
    if (!callers.empty() && bytes > kMaxBytes) break;
    callers.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  std::ranges::stable_sort(
      callers, {}, [](const auto& caller) -> auto& { return caller->order; });
  return callers;
}

void GroupCommit::run(yield_context yield, const Callers& callers) {
  std::vector<Statement> statements;
  statements.reserve(callers.size());
  for (const auto& caller : callers) statements.push_back(std::move(caller->statement));
  auto rows = database_.query_together(yield, statements);
  const bool is_final = rows || callers.size() == 1 || is_about_all(rows.error());
  for (std::size_t i = 0; i < callers.size(); ++i) {
    if (rows) {
      callers[i]->answer = std::move((*rows)[i]);
    } else if (is_final) {
      callers[i]->answer = std::unexpected(rows.error());
    } else {
      callers[i]->answer =
          database_.query(yield, statements[i].sql, std::move(statements[i].params));
    }
    callers[i]->timer.cancel();
  }
}

void GroupCommit::let_next_begin() {
  is_busy_ = !waiting_.empty();
  if (is_busy_) waiting_.front()->timer.cancel();
}

}  // namespace media::db

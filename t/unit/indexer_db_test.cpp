#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <stdexcept>

#include <boost/asio/steady_timer.hpp>

#include "indexer/db/database.hpp"
#include "indexer/db/group_commit.hpp"
#include "indexer/db/listener.hpp"
#include "indexer/unique_fd.hpp"
#include "t/unit/indexer_fixture.hpp"

namespace media::db {
namespace {

using boost::asio::yield_context;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// The database that the runner of the tests provides.
std::string conninfo() {
  const char* value = std::getenv("MEDIA_TEST_DATABASE");
  if (value == nullptr) throw std::runtime_error("MEDIA_TEST_DATABASE is not set");
  return value;
}

const Uuid kCompany = *Uuid::parse("0190c0de-0000-7000-8000-000000000001");

class DatabaseTest : public testing::Test {
 protected:
  DatabaseOptions options(std::size_t connections = 2) {
    DatabaseOptions wanted;
    wanted.conninfo = conninfo();
    wanted.connections = connections;
    wanted.query_timeout = seconds(5);
    return wanted;
  }

  /// Runs statements that must succeed, outside of the pool under test.
  void execute(std::initializer_list<const char*> statements) {
    test::run(loop_, [&](yield_context yield) {
      Database other(loop_, options(1));
      for (const char* sql : statements) must(other.query(yield, sql));
    });
  }

  static Rows must(Result<Rows> rows) {
    if (!rows) throw std::runtime_error(rows.error().message);
    return *rows;
  }

  /// Starts a coroutine and counts it until it ends; wait_for_all() waits.
  void start(std::function<void(yield_context)> body) {
    ++running_;
    spawn(loop_, "test", [this, body = std::move(body)](yield_context yield) {
      body(yield);
      --running_;
      changed_.cancel();
    });
  }
  void wait_for_all(yield_context yield) {
    boost::system::error_code ignored;
    while (running_ > 0) changed_.async_wait(yield[ignored]);
  }
  void pause(yield_context yield, milliseconds duration) {
    boost::asio::steady_timer(loop_, duration).async_wait(yield);
  }

  boost::asio::io_context loop_;
  boost::asio::steady_timer changed_{loop_, steady_clock::time_point::max()};
  int running_ = 0;
};

TEST(DatabaseValues, arrays_and_bytes_take_any_content) {
  EXPECT_EQ(text_array({}), "{}");
  EXPECT_EQ(text_array({"a", "b c", "", "null", R"(q"\{},)"}),
            R"({"a","b c","","null","q\"\\{},"})");
  EXPECT_EQ(bytea(as_bytes("\x01z")), "\\x017a");
}

TEST_F(DatabaseTest, values_come_back_by_column_name) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options());
    const Rows rows = must(database.query(
        yield,
        "SELECT $1::text AS text, $2::bigint AS number, $3::boolean AS flag, "
        "$4::bytea AS data, $5::text AS nothing, $6::text[] AS list, "
        "timestamptz '2026-01-02 03:04:05+02' AS time",
        {"käse\n", "-9000000000", "true", bytea(as_bytes(std::string_view("\0\xFF", 2))),
         std::nullopt, text_array({"a\"b", "c,d"})}));
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows.text(0, "text"), "käse\n");
    EXPECT_EQ(rows.integer(0, "number"), -9000000000);
    EXPECT_TRUE(rows.boolean(0, "flag"));
    EXPECT_EQ(rows.bytes(0, "data"), (Bytes{0x00, 0xFF}));
    EXPECT_TRUE(rows.is_null(0, "nothing"));
    EXPECT_EQ(rows.optional_text(0, "nothing"), std::nullopt);
    EXPECT_EQ(rows.optional_text(0, "text"), "käse\n");
    EXPECT_EQ(rows.integer(0, "nothing"), 0);
    EXPECT_EQ(rows.text(0, "list"), R"({"a\"b","c,d"})");
    EXPECT_EQ(rows.text(0, "time"), "2026-01-02 01:04:05+00");
    EXPECT_THROW(rows.text(0, "absent"), std::logic_error);
    EXPECT_THROW(rows.text(1, "text"), std::logic_error);
    EXPECT_THROW(rows.integer(0, "text"), std::logic_error);
  });
}

TEST_F(DatabaseTest, a_large_body_goes_in_and_out) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options());
    Bytes body(6u << 20);
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<std::uint8_t>(i * 7 >> 3);
    for (int i = 0; i < 3; ++i) {
      const Rows rows = must(database.query(
          yield, "SELECT $1::bytea AS body, length($1::bytea) AS size", {bytea(body)}));
      EXPECT_EQ(rows.integer(0, "size"), static_cast<std::int64_t>(body.size()));
      EXPECT_TRUE(rows.bytes(0, "body") == body);
    }
  });
}

TEST_F(DatabaseTest, the_company_holds_for_one_statement_only) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    constexpr const char* kSql = "SELECT current_setting('media.company_id', true) AS company";
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(must(database.query_as(yield, kCompany, kSql)).text(0, "company"),
                kCompany.to_string());
      EXPECT_EQ(must(database.query(yield, kSql)).text(0, "company"), "");
    }
    EXPECT_FALSE(database.query_as(yield, kCompany, "SELECT 1/0 AS x"));
    EXPECT_EQ(must(database.query(yield, kSql)).text(0, "company"), "");
  });
}

TEST_F(DatabaseTest, statements_together_are_one_transaction) {
  execute(
      {"DROP TABLE IF EXISTS unit_together", "CREATE TABLE unit_together (id int PRIMARY KEY)"});
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    const char* insert = "INSERT INTO unit_together VALUES ($1) RETURNING id";
    const std::vector<Statement> good = {{insert, {"1"}}, {insert, {"2"}}, {"SELECT 7 AS n"}};
    const auto rows = database.query_together(yield, good);
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 3u);
    EXPECT_EQ((*rows)[1].integer(0, "id"), 2);
    EXPECT_EQ((*rows)[2].integer(0, "n"), 7);
    const std::vector<Statement> bad = {{insert, {"3"}}, {insert, {"1"}}, {"SELECT 1 AS other"}};
    const auto refused = database.query_together(yield, bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_EQ(
        must(database.query(yield, "SELECT count(*) AS n FROM unit_together")).integer(0, "n"), 2);
    EXPECT_EQ(must(database.query(yield, "SELECT 1 AS other")).integer(0, "other"), 1);
  });
}

class GroupCommitTest : public DatabaseTest {
 protected:
  /// A table of this test alone: tests run side by side.
  const std::string table_ =
      std::string("unit_") + testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::string insert_ =
      "INSERT INTO " + table_ + " VALUES ($1, pg_current_xact_id()::text) RETURNING id";

  void SetUp() override {
    execute({("DROP TABLE IF EXISTS " + table_).c_str(),
             ("CREATE TABLE " + table_ + " (id text, transaction text, place serial, UNIQUE (id))")
                 .c_str()});
  }
  std::int64_t count(yield_context yield, Database& database, const char* what) {
    return must(
               database.query(yield, "SELECT count(" + std::string(what) + ") AS n FROM " + table_))
        .integer(0, "n");
  }
};

TEST_F(GroupCommitTest, callers_at_the_same_time_share_transactions) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(2));
    GroupCommit commits(loop_, database);
    for (int i = 0; i < 33; ++i) {
      start([&, i](yield_context inner) {
        EXPECT_EQ(must(commits.query(inner, {insert_, {std::to_string(i)}})).text(0, "id"),
                  std::to_string(i));
      });
    }
    wait_for_all(yield);
    EXPECT_EQ(count(yield, database, "*"), 33);
    EXPECT_EQ(count(yield, database, "DISTINCT transaction"), 3) << "1, then 16, then 16";
  });
}

TEST_F(GroupCommitTest, one_that_is_refused_takes_no_other_with_it) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(2));
    GroupCommit commits(loop_, database);
    int refused = 0;
    for (const char* id : {"1", "2", "3", "2", "4"}) {
      start([&, id](yield_context inner) {
        const auto rows = commits.query(inner, {insert_, {id}});
        if (!rows) {
          EXPECT_EQ(rows.error().code, ErrorCode::conflict);
          ++refused;
        }
      });
    }
    wait_for_all(yield);
    EXPECT_EQ(refused, 1);
    EXPECT_EQ(count(yield, database, "*"), 4);
  });
}

TEST_F(GroupCommitTest, those_of_one_transaction_run_in_their_order) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    GroupCommit commits(loop_, database);
    for (const std::string name : {"first", "d", "b", "c", "a"}) {
      start([&, name](yield_context inner) {
        must(commits.query(inner, {insert_, {name}}, name));
      });
    }
    wait_for_all(yield);
    const auto rows = must(
        database.query(yield, "SELECT string_agg(id, ' ' ORDER BY place) AS ids FROM " + table_));
    EXPECT_EQ(rows.text(0, "ids"), "first a b c d");
  });
}

TEST_F(GroupCommitTest, an_outage_is_told_to_all_at_once_and_ends) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    GroupCommit commits(loop_, database);
    must(commits.query(yield, {insert_, {"1"}}));
    int unavailable = 0;
    for (int i = 0; i < 5; ++i) {
      start([&, i](yield_context inner) {
        const std::string sql =
            i == 0 ? "SELECT pg_terminate_backend(pg_backend_pid()), $1::text" : insert_;
        const auto rows = commits.query(inner, {sql, {std::to_string(10 + i)}});
        if (!rows && rows.error().code == ErrorCode::unavailable) ++unavailable;
      });
    }
    wait_for_all(yield);
    EXPECT_EQ(unavailable, 1) << "the others came in the next transaction";
    must(commits.query(yield, {insert_, {"2"}}));
    EXPECT_EQ(count(yield, database, "*"), 6);
  });
}

TEST_F(DatabaseTest, more_callers_than_connections_are_served_in_order) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    std::vector<int> order;
    for (int i = 0; i < 50; ++i) {
      start([&, i](yield_context inner) {
        EXPECT_EQ(
            must(database.query(inner, "SELECT $1::int AS n", {std::to_string(i)})).integer(0, "n"),
            i);
        order.push_back(i);
      });
    }
    wait_for_all(yield);
    ASSERT_EQ(order.size(), 50u);
    EXPECT_TRUE(std::ranges::is_sorted(order));
  });
}

TEST_F(DatabaseTest, the_status_tells_how_busy_it_is) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(2));
    for (int i = 0; i < 5; ++i) {
      start([&](yield_context inner) { must(database.query(inner, "SELECT pg_sleep(0.05)")); });
    }
    start([&](yield_context) {
      EXPECT_EQ(database.status().connections, 2u);
      EXPECT_EQ(database.status().in_use, 2u);
      EXPECT_EQ(database.status().waiting, 3u);
    });
    wait_for_all(yield);
    EXPECT_EQ(database.status().in_use, 0u);
    EXPECT_EQ(database.status().waiting, 0u);
    EXPECT_EQ(database.status().errors, 0u);
    database.close();
    EXPECT_FALSE(database.query(yield, "SELECT 1"));
    EXPECT_EQ(database.status().errors, 0u) << "a stop is no outage";
  });
}

TEST_F(DatabaseTest, refusals_of_the_server_map_to_codes_without_parameters) {
  execute({"DROP TABLE IF EXISTS unit_unique", "CREATE TABLE unit_unique (id int PRIMARY KEY)"});
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    must(database.query(yield, "INSERT INTO unit_unique VALUES (1)"));
    const auto conflict = database.query(yield, "INSERT INTO unit_unique VALUES ($1)", {"1"});
    ASSERT_FALSE(conflict);
    EXPECT_EQ(conflict.error().code, ErrorCode::conflict);
    EXPECT_NE(conflict.error().message.find("23505"), std::string::npos);
    EXPECT_NE(conflict.error().message.find("unit_unique_pkey"), std::string::npos);

    const auto malformed = database.query(yield, "SELECT $1::uuid AS id", {"topsecret"});
    ASSERT_FALSE(malformed);
    EXPECT_EQ(malformed.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(malformed.error().message.find("22P02"), std::string::npos);
    EXPECT_EQ(malformed.error().message.find("topsecret"), std::string::npos);

    const auto wrong = database.query(yield, "SELEC 1");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ErrorCode::internal);
    EXPECT_NE(wrong.error().message.find("42601"), std::string::npos);

    const auto nul = database.query(yield, "SELECT $1::text AS t", {std::string("a\0b", 3)});
    ASSERT_FALSE(nul);
    EXPECT_EQ(nul.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(must(database.query(yield, "SELECT 1 AS n")).integer(0, "n"), 1);
  });
}

TEST_F(DatabaseTest, a_constraint_that_fails_at_commit_is_an_error) {
  execute({"DROP TABLE IF EXISTS unit_deferred",
           "CREATE TABLE unit_deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"});
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    must(database.query(yield, "INSERT INTO unit_deferred VALUES (1)"));
    const auto again = database.query(yield, "INSERT INTO unit_deferred VALUES (1) RETURNING id");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::conflict);
    const auto as_company =
        database.query_as(yield, kCompany, "INSERT INTO unit_deferred VALUES (1) RETURNING id");
    ASSERT_FALSE(as_company);
    EXPECT_EQ(as_company.error().code, ErrorCode::conflict);
    EXPECT_EQ(
        must(database.query(yield, "SELECT count(*) AS n FROM unit_deferred")).integer(0, "n"), 1);
  });
}

TEST_F(DatabaseTest, a_statement_whose_preparation_failed_works_once_it_can) {
  execute({"DROP TABLE IF EXISTS unit_later"});
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    constexpr const char* kSql = "SELECT count(*) AS n FROM unit_later";
    EXPECT_FALSE(database.query(yield, kSql));
    EXPECT_FALSE(database.query_as(yield, kCompany, kSql));
    must(database.query(yield, "CREATE TABLE unit_later (id int)"));
    EXPECT_EQ(must(database.query(yield, kSql)).integer(0, "n"), 0);
    EXPECT_EQ(must(database.query_as(yield, kCompany, kSql)).integer(0, "n"), 0);
  });
}

TEST_F(DatabaseTest, a_changed_schema_or_forgotten_statement_is_prepared_again) {
  execute({"DROP TABLE IF EXISTS unit_schema", "CREATE TABLE unit_schema (id int)",
           "INSERT INTO unit_schema VALUES (1)"});
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    constexpr const char* kSql = "SELECT * FROM unit_schema";
    must(database.query(yield, kSql));
    must(database.query(yield, "ALTER TABLE unit_schema ALTER id TYPE text"));
    EXPECT_EQ(must(database.query(yield, kSql)).text(0, "id"), "1");
    must(database.query(yield, "DEALLOCATE ALL"));
    EXPECT_EQ(must(database.query(yield, kSql)).text(0, "id"), "1");
  });
}

TEST_F(DatabaseTest, a_slow_statement_is_ended_by_the_server) {
  test::run(loop_, [&](yield_context yield) {
    auto wanted = options(1);
    wanted.query_timeout = milliseconds(100);
    Database database(loop_, wanted);
    const auto slow = database.query(yield, "SELECT pg_sleep(30)");
    ASSERT_FALSE(slow);
    EXPECT_EQ(slow.error().code, ErrorCode::unavailable);
    EXPECT_NE(slow.error().message.find("57014"), std::string::npos);
    EXPECT_TRUE(database.query(yield, "SELECT 1"));
  });
}

TEST_F(DatabaseTest, a_statement_that_outlives_even_that_costs_the_connection_only) {
  test::run(loop_, [&](yield_context yield) {
    auto wanted = options(1);
    wanted.query_timeout = milliseconds(100);
    Database database(loop_, wanted);
    must(database.query(yield, "SET statement_timeout = 0"));
    const auto slow = database.query(yield, "SELECT pg_sleep(3)");
    ASSERT_FALSE(slow);
    EXPECT_EQ(slow.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(database.query(yield, "SELECT 1"));
  });
}

TEST_F(DatabaseTest, connections_that_died_while_idle_are_replaced_unnoticed) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(3));
    std::vector<std::string> backends;
    for (int i = 0; i < 3; ++i) {
      start([&](yield_context inner) {
        const Rows rows =
            must(database.query(inner, "SELECT pg_backend_pid() AS pid, pg_sleep(0.05)"));
        backends.emplace_back(rows.text(0, "pid"));
      });
    }
    wait_for_all(yield);
    Database killer(loop_, options(1));
    for (const std::string& pid : backends) {
      must(killer.query(yield, "SELECT pg_terminate_backend($1::int, 5000)", {pid}));
    }
    for (int i = 0; i < 3; ++i) {
      start([&](yield_context inner) {
        EXPECT_TRUE(database.query(inner, "SELECT pg_sleep(0.05)"));
      });
    }
    wait_for_all(yield);
  });
}

TEST_F(DatabaseTest, a_connection_that_dies_under_a_statement_is_unavailable_not_repeated) {
  execute({"DROP SEQUENCE IF EXISTS unit_runs", "CREATE SEQUENCE unit_runs"});
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    start([&](yield_context inner) {
      const auto killed =
          database.query(inner, "SELECT nextval('unit_runs'), pg_sleep(30) /* victim */");
      ASSERT_FALSE(killed);
      EXPECT_EQ(killed.error().code, ErrorCode::unavailable);
    });
    Database killer(loop_, options(1));
    const auto deadline = steady_clock::now() + seconds(5);
    while (running_ > 0 && steady_clock::now() < deadline) {
      must(killer.query(yield,
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "wait_event = 'PgSleep' AND query LIKE '%/* victim */'"));
      pause(yield, milliseconds(5));
    }
    wait_for_all(yield);
    EXPECT_EQ(must(database.query(yield, "SELECT nextval('unit_runs') AS n")).integer(0, "n"), 2);
  });
}

TEST_F(DatabaseTest, an_unreachable_database_is_unavailable_at_once_and_found_again) {
  test::TemporaryDirectory directory;
  test::run(loop_, [&](yield_context yield) {
    auto wanted = options();
    wanted.conninfo = "host=" + directory.path().string() + " dbname=media";
    Database database(loop_, wanted);
    const auto begin = steady_clock::now();
    for (int i = 0; i < 20; ++i) {
      const auto rows = database.query(yield, "SELECT 1");
      ASSERT_FALSE(rows);
      EXPECT_EQ(rows.error().code, ErrorCode::unavailable);
    }
    EXPECT_LT(steady_clock::now() - begin, seconds(2));
    EXPECT_EQ(database.status().errors, 20u);
  });
}

TEST_F(DatabaseTest, a_server_that_never_answers_times_out) {
  test::TemporaryDirectory directory;
  const UniqueFd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, (directory / ".s.PGSQL.5432").c_str());
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(silent.get(), 5), 0);
  test::run(loop_, [&](yield_context yield) {
    auto wanted = options();
    wanted.conninfo = "host=" + directory.path().string() + " dbname=media";
    wanted.connect_timeout = milliseconds(100);
    Database database(loop_, wanted);
    const auto begin = steady_clock::now();
    const auto rows = database.query(yield, "SELECT 1");
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::unavailable);
    EXPECT_LT(steady_clock::now() - begin, seconds(3));
  });
}

TEST_F(DatabaseTest, the_queue_for_connections_has_an_end) {
  test::run(loop_, [&](yield_context yield) {
    auto wanted = options(1);
    wanted.max_waiting = 2;
    Database database(loop_, wanted);
    int served = 0;
    int refused = 0;
    for (int i = 0; i < 5; ++i) {
      start([&](yield_context inner) {
        const auto rows = database.query(inner, "SELECT pg_sleep(0.05)");
        if (rows) {
          ++served;
        } else {
          EXPECT_EQ(rows.error().code, ErrorCode::unavailable);
          ++refused;
        }
      });
    }
    wait_for_all(yield);
    EXPECT_EQ(served, 3);
    EXPECT_EQ(refused, 2);
  });
}

TEST_F(DatabaseTest, closing_cancels_running_queued_and_later_callers) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    must(database.query(yield, "SELECT 1"));
    int cancelled = 0;
    for (int i = 0; i < 4; ++i) {
      start([&](yield_context inner) {
        const auto rows = database.query(inner, "SELECT pg_sleep(30)");
        if (!rows && rows.error().code == ErrorCode::cancelled) ++cancelled;
      });
    }
    pause(yield, milliseconds(20));
    database.close();
    wait_for_all(yield);
    EXPECT_EQ(cancelled, 4);
    const auto later = database.query(yield, "SELECT 1");
    ASSERT_FALSE(later);
    EXPECT_EQ(later.error().code, ErrorCode::cancelled);
  });
}

TEST_F(DatabaseTest, draining_lets_running_statements_end_and_refuses_others) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(2));
    must(database.query(yield, "SELECT 1"));
    std::optional<bool> is_done;
    start([&](yield_context inner) {
      is_done = database.query(inner, "SELECT pg_sleep(0.3)").has_value();
    });
    pause(yield, milliseconds(50));
    database.drain(yield, milliseconds(1));
    EXPECT_FALSE(is_done);
    database.drain(yield, seconds(5));
    wait_for_all(yield);
    EXPECT_EQ(is_done, true);
    const auto later = database.query(yield, "SELECT 1");
    ASSERT_FALSE(later);
    EXPECT_EQ(later.error().code, ErrorCode::cancelled);
  });
}

TEST_F(DatabaseTest, many_random_kills_never_yield_a_wrong_row) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(4));
    int served = 0;
    for (int caller = 0; caller < 8; ++caller) {
      start([&, caller](yield_context inner) {
        for (int i = 0; i < 200; ++i) {
          const std::string wanted = std::to_string(caller * 1000 + i);
          const auto rows =
              database.query_as(inner, kCompany, "SELECT $1::int AS n /* hunted */", {wanted});
          if (!rows) {
            EXPECT_EQ(rows.error().code, ErrorCode::unavailable) << rows.error().message;
            pause(inner, milliseconds(1));
            continue;
          }
          ++served;
          EXPECT_EQ(rows->text(0, "n"), wanted);
        }
      });
    }
    Database killer(loop_, options(1));
    while (running_ > 0) {
      must(killer.query(yield,
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "datname = current_database() AND pid <> pg_backend_pid() "
                        "AND query LIKE '%/* hunted */' ORDER BY random() LIMIT 1"));
      pause(yield, milliseconds(3));
    }
    EXPECT_GT(served, 0);
  });
}

/// Collects what a listener calls back with and lets a test wait for it.
class ListenerTest : public DatabaseTest {
 protected:
  std::string next(yield_context yield) {
    const auto deadline = steady_clock::now() + seconds(10);
    while (payloads_.empty()) {
      if (steady_clock::now() > deadline) throw std::runtime_error("no notification came");
      pause(yield, milliseconds(5));
    }
    std::string payload = payloads_.front();
    payloads_.pop_front();
    return payload;
  }
  Listener::Callback collect() {
    return [this](std::string_view payload) { payloads_.emplace_back(payload); };
  }

  std::deque<std::string> payloads_;
};

TEST_F(ListenerTest, every_notification_calls_back_and_so_does_every_reconnect) {
  test::run(loop_, [&](yield_context yield) {
    Database database(loop_, options(1));
    Listener listener(loop_, conninfo() + " application_name=unit_listener", "unit \"channel\"",
                      collect());
    listener.start();
    EXPECT_EQ(next(yield), "");
    must(database.query(yield,
                        "SELECT pg_notify('unit \"channel\"', x::text) FROM "
                        "generate_series(1, 3) AS x"));
    EXPECT_EQ(next(yield), "1");
    EXPECT_EQ(next(yield), "2");
    EXPECT_EQ(next(yield), "3");
    must(database.query(yield,
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "application_name = 'unit_listener'"));
    EXPECT_EQ(next(yield), "");
    must(database.query(yield, "NOTIFY \"unit \"\"channel\"\"\", 'after'"));
    EXPECT_EQ(next(yield), "after");
    listener.stop();
  });
  EXPECT_TRUE(payloads_.empty());
}

TEST_F(ListenerTest, one_that_is_destroyed_leaves_nothing_behind) {
  test::run(loop_, [&](yield_context yield) {
    {
      Listener listener(loop_, conninfo() + " application_name=unit_gone", "unit", collect());
      listener.start();
      EXPECT_EQ(next(yield), "");
    }
    Database database(loop_, options(1));
    const auto deadline = steady_clock::now() + seconds(5);
    std::int64_t left = 1;
    while (left > 0 && steady_clock::now() < deadline) {
      left = must(database.query(yield,
                                 "SELECT count(*) AS n FROM pg_stat_activity WHERE "
                                 "application_name = 'unit_gone'"))
                 .integer(0, "n");
    }
    EXPECT_EQ(left, 0);
  });
}

}  // namespace
}  // namespace media::db

#include "indexer/ingest/spool.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "indexer/ingest/replay.hpp"
#include "indexer_fixture.hpp"

namespace media::ingest {
namespace {

namespace fs = std::filesystem;
using boost::asio::yield_context;

const std::string kAccount = "6b1b2f4e-3e0e-4f0a-9a57-1d6f0a2c7b11";
const std::string kOther = "0c4f6d0e-93a8-4a5e-8a0e-7f5a1c9d2e22";

SpooledRequest spooled_request(const std::string& body, const std::string& account = kAccount) {
  SpooledRequest spooled;
  spooled.request.method = "POST";
  spooled.request.target = "/webhooks/generic/a%20b?x=1";
  spooled.request.headers = {{"Content-Type", "application/json"},
                             {"webhook-id", "one"},
                             {"webhook-id", "two"},
                             {"X-Odd", std::string("\xff\0:,", 4)}};
  spooled.request.body = body;
  spooled.account_id = account;
  spooled.received_at = 1795250000;
  return spooled;
}

TEST(SpooledRequest, comes_back_byte_for_byte) {
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string("\0\n,1:\xfe", 6)}) {
    const SpooledRequest original = spooled_request(body);
    const auto read = decode(encode(original));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->request.method, original.request.method);
    EXPECT_EQ(read->request.target, original.request.target);
    EXPECT_EQ(read->request.headers, original.request.headers);
    EXPECT_EQ(read->request.body, body);
    EXPECT_EQ(read->account_id, kAccount);
    EXPECT_EQ(read->received_at, 1795250000);
  }
}

TEST(SpooledRequest, loses_the_credentials_of_others) {
  SpooledRequest spooled = spooled_request("{}");
  spooled.request.headers = {{"AUTHORIZATION", "a"}, {"Cookie", "b"}, {"Cookies", "c"}};
  const auto read = decode(encode(spooled));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->request.headers.size(), 1u);
  EXPECT_EQ(read->request.headers[0].first, "Cookies");
}

TEST(SpooledRequest, is_whole_or_refused) {
  const std::string bytes = encode(spooled_request("{\"a\":1}"));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(bytes.substr(0, size))) << size;
  }
  EXPECT_EQ(decode(bytes + " ").error().code, ErrorCode::truncated);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\n') continue;  // behind the checksum, says nothing
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(decode(changed)) << i;
  }
}

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() { options_.directory = directory_ / "spool"; }

  /// Another daemon takes over.
  void reopen() {
    spool_.reset();
    spool_ = std::make_unique<Spool>(options_, workers_);
    ASSERT_TRUE(spool_->open());
  }

  Result<void> add(const SpooledRequest& spooled) {
    Result<void> added;
    test::run(loop_, [&](yield_context yield) { added = spool_->add(yield, spooled); });
    return added;
  }

  std::string path(const std::string& name) const { return options_.directory + "/" + name; }

  static unsigned mode_of(const std::string& name) {
    struct stat status {};
    EXPECT_EQ(::stat(name.c_str(), &status), 0) << name;
    return status.st_mode & 07777;
  }

  static std::string content_of(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::vector<std::string> bodies() {
    std::vector<std::string> all;
    test::run(loop_, [&](yield_context yield) {
      while (const auto entry = spool_->first()) {
        const auto read = spool_->read(yield, *entry);
        all.push_back(read ? read->request.body : std::string(name_of(read.error().code)));
        ASSERT_TRUE(spool_->remove(yield, *entry));
      }
    });
    return all;
  }

  test::TemporaryDirectory directory_;
  SpoolOptions options_;
  boost::asio::io_context loop_{1};
  boost::asio::thread_pool workers_{2};
  std::unique_ptr<Spool> spool_;
};

TEST_F(SpoolTest, requests_wait_in_their_order_also_for_the_next_daemon) {
  reopen();
  ASSERT_TRUE(add(spooled_request("one")));
  ASSERT_TRUE(add(spooled_request("two", kOther)));
  ASSERT_TRUE(add(spooled_request("three")));
  reopen();
  ASSERT_TRUE(add(spooled_request("four")));
  EXPECT_EQ(spool_->files(), 4u);
  EXPECT_TRUE(spool_->holds(kOther));
  EXPECT_EQ(bodies(), (std::vector<std::string>{"one", "two", "three", "four"}));
  EXPECT_EQ(spool_->files(), 0u);
  EXPECT_FALSE(spool_->holds(kAccount));
  EXPECT_FALSE(spool_->holds(kOther));
  reopen();
  EXPECT_FALSE(spool_->first());
}

TEST_F(SpoolTest, a_clock_that_was_set_back_changes_no_order) {
  reopen();
  const std::string name = Spool::Entry{99999999999999999u, kAccount, 0}.name();
  std::ofstream(path(name)) << encode(spooled_request("of the future"));
  reopen();
  ASSERT_TRUE(add(spooled_request("now")));
  EXPECT_EQ(bodies(), (std::vector<std::string>{"of the future", "now"}));
}

TEST_F(SpoolTest, only_the_owner_can_look_into_it) {
  fs::create_directory(options_.directory);
  fs::permissions(options_.directory, fs::perms::all);
  reopen();
  ASSERT_TRUE(add(spooled_request("one")));
  EXPECT_EQ(mode_of(options_.directory), 0700u);
  EXPECT_EQ(mode_of(path("aside")), 0700u);
  EXPECT_EQ(mode_of(path(spool_->first()->name())), 0600u);
}

TEST_F(SpoolTest, what_is_too_much_is_refused) {
  options_.max_files = 2;
  reopen();
  ASSERT_TRUE(add(spooled_request("one")));
  ASSERT_TRUE(add(spooled_request("two")));
  EXPECT_EQ(add(spooled_request("three")).error().code, ErrorCode::unavailable);
  options_.max_files = 100;
  options_.max_bytes = encode(spooled_request("one")).size() * 3;
  reopen();
  EXPECT_EQ(add(spooled_request("four")).error().code, ErrorCode::unavailable);
  EXPECT_TRUE(add(spooled_request("six")));
  EXPECT_EQ(bodies().size(), 3u);
  EXPECT_TRUE(add(spooled_request("four")));
}

TEST_F(SpoolTest, a_disk_that_fails_is_not_a_promise) {
  reopen();
  fs::remove_all(options_.directory);
  EXPECT_EQ(add(spooled_request("one")).error().code, ErrorCode::unavailable);
  EXPECT_EQ(spool_->files(), 0u);
  EXPECT_FALSE(spool_->holds(kAccount));
}

TEST_F(SpoolTest, drafts_go_and_files_of_others_stay) {
  reopen();
  ASSERT_TRUE(add(spooled_request("one")));
  std::ofstream(path(spool_->first()->name() + ".draft")) << "half";
  std::ofstream(path("README")) << "mine";
  std::ofstream(path("00000000000000000001-nobody.request")) << "whose?";
  reopen();
  EXPECT_EQ(spool_->files(), 1u);
  EXPECT_FALSE(fs::exists(path(spool_->first()->name() + ".draft")));
  EXPECT_TRUE(fs::exists(path("README")));
}

TEST_F(SpoolTest, it_has_one_owner_at_a_time) {
  reopen();
  Spool second(options_, workers_);
  EXPECT_EQ(second.open().error().code, ErrorCode::storage);
  spool_.reset();
  EXPECT_TRUE(second.open());
}

TEST_F(SpoolTest, what_is_set_aside_is_kept_with_its_reason) {
  reopen();
  ASSERT_TRUE(add(spooled_request("one")));
  const std::string name = spool_->first()->name();
  const std::string bytes = content_of(path(name));
  test::run(loop_, [&](yield_context yield) {
    ASSERT_TRUE(spool_->set_aside(yield, *spool_->first(), "not_found: no such account"));
  });
  EXPECT_EQ(spool_->files(), 0u);
  EXPECT_EQ(content_of(path("aside/" + name)), bytes);
  EXPECT_EQ(content_of(path("aside/" + name + ".reason")), "not_found: no such account\n");
  reopen();
  EXPECT_FALSE(spool_->first());
}

class ReplayTest : public SpoolTest {
 protected:
  void SetUp() override { reopen(); }

  /// Until the spool is empty or so much was tried.
  void replay(std::size_t attempts = 100) {
    Replay replay(loop_, *spool_, [&](yield_context, const SpooledRequest& spooled) {
      tried_.push_back(spooled.request.body);
      return answer_(spooled.request.body);
    });
    replay.start();
    loop_.restart();
    while ((spool_->first() || tried_.empty()) && tried_.size() < attempts) loop_.run_one();
    replay.stop();
    loop_.run();
  }

  std::vector<std::string> tried_;
  std::function<Result<void>(const std::string&)> answer_ = [](const std::string&) {
    return Result<void>();
  };
};

TEST_F(ReplayTest, goes_in_order_and_stops_at_the_first_that_has_to_wait) {
  for (const char* body : {"one", "two", "three"}) ASSERT_TRUE(add(spooled_request(body)));
  int failures = 3;
  answer_ = [&](const std::string& body) -> Result<void> {
    if (body == "two" && failures-- > 0) return fail(ErrorCode::unavailable, "database away");
    return {};
  };
  replay();
  EXPECT_EQ(tried_, (std::vector<std::string>{"one", "two", "two", "two", "two", "three"}));
}

TEST_F(ReplayTest, a_file_stays_until_its_delivery_is_taken) {
  ASSERT_TRUE(add(spooled_request("one")));
  answer_ = [&](const std::string&) -> Result<void> {
    EXPECT_TRUE(fs::exists(path(spool_->first()->name())));
    return fail(ErrorCode::unavailable, "database away");
  };
  replay(2);
  reopen();
  EXPECT_EQ(bodies(), std::vector<std::string>{"one"});
}

TEST_F(ReplayTest, what_is_refused_for_good_holds_up_nothing) {
  for (const char* body : {"one", "two"}) ASSERT_TRUE(add(spooled_request(body)));
  const std::string name = spool_->first()->name();
  answer_ = [](const std::string& body) -> Result<void> {
    if (body == "one") return fail(ErrorCode::not_found, "no such account");
    return {};
  };
  replay();
  EXPECT_EQ(tried_, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(content_of(path("aside/" + name + ".reason")), "not_found: no such account\n");
}

TEST_F(ReplayTest, half_a_file_is_set_aside_untried) {
  for (const char* body : {"one", "two"}) ASSERT_TRUE(add(spooled_request(body)));
  const std::string name = spool_->first()->name();
  fs::resize_file(path(name), 100);
  reopen();
  replay();
  EXPECT_EQ(tried_, std::vector<std::string>{"two"});
  EXPECT_TRUE(fs::exists(path("aside/" + name)));
}

}  // namespace
}  // namespace media::ingest

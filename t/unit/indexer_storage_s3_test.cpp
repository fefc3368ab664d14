// What object stores do on bad days, and what is made of it.
#include <atomic>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "indexer/storage/s3_bucket.hpp"
#include "indexer/storage/s3_multipart.hpp"
#include "t/unit/indexer_storage_object_fixture.hpp"
#include "t/unit/s3_double.hpp"

namespace media::storage {
namespace {

using boost::asio::yield_context;
using test::S3Double;
using test::S3Seen;
using testing::HasSubstr;
using testing::Not;
using Answer = S3Double::Answer;

Answer refusal(int status, const std::string& code, const std::string& headers = "") {
  return {status, "<Error><Code>" + code + "</Code><Message>no</Message></Error>", headers};
}

/// A journal in memory.
class FakeJournal final : public UploadJournal {
 public:
  std::atomic<int> noted = 0;

  Result<std::optional<StartedUpload>> find(yield_context, const UploadGoal& goal) override {
    const auto found = uploads_.find(goal.key);
    if (found == uploads_.end() || found->second.first.sha256 != goal.sha256) return std::nullopt;
    return found->second.second;
  }
  Result<void> begin(yield_context, const UploadGoal& goal, const StartedUpload& upload) override {
    uploads_[goal.key] = {goal, upload};
    ++noted;
    return {};
  }
  Result<void> end(yield_context, std::string_view, std::string_view upload_id) override {
    std::erase_if(uploads_, [&](const auto& one) { return one.second.second.id == upload_id; });
    return {};
  }
  std::size_t size() const { return uploads_.size(); }

 private:
  std::map<std::string, std::pair<UploadGoal, StartedUpload>> uploads_;
};

class S3StoreTest : public StoringTest, public testing::Test {
 protected:
  S3StoreTest() {
    settings_.name = "s3";
    settings_.endpoint = double_.endpoint();
    settings_.bucket = "media";
    settings_.access_key = "ACCESSKEY";
    settings_.secret_key = "very/secret";
    settings_.allow_plain_http = true;
    settings_.multipart_threshold = 5 << 20;
    settings_.part_bytes = 5 << 20;
    settings_.concurrency = 2;
    open();
  }
  void open() {
    const S3Habits habits{.tries = 4,
                          .first_pause = std::chrono::milliseconds(2),
                          .stall_timeout = std::chrono::milliseconds(3000)};
    store_ = make_s3_store(loop_, workers_, settings_, &journal_, habits);
  }
  Result<Published> publish(const std::string& text, std::string_view key = "a/b.jpg") {
    Result<Published> published;
    test::run(loop_, [&](yield_context yield) {
      published = store_->publish(yield, upload(text), key, metadata(text));
    });
    return published;
  }
  /// Plays the answer to the first `times` requests that ask so.
  void play(int times, std::string method, std::string target, Answer answer) {
    double_.set_fault([=, left = times](const S3Seen& seen) mutable -> std::optional<Answer> {
      if (seen.method != method || !seen.asks(target) || left == 0) return std::nullopt;
      --left;
      return answer;
    });
  }

  const std::string film_ = std::string((12 << 20) + 77, 'f');
  S3Double double_;
  S3StoreConfig settings_;
  FakeJournal journal_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(S3StoreTest, what_may_pass_is_tried_again) {
  ASSERT_TRUE(publish("the first one is stored twice", "a/first.jpg"));
  for (const Answer& answer :
       {refusal(503, "SlowDown"), refusal(500, "InternalError"), refusal(429, "TooManyRequests"),
        refusal(400, "RequestTimeout"), Answer{.status = 502, .body = "<html>bad gateway"},
        Answer{.is_lost = true}}) {
    const auto before = double_.count("PUT");
    play(2, "PUT", "/media/", answer);
    const std::string key = "a/" + std::to_string(before) + ".jpg";
    const auto published = publish("photo", key);
    ASSERT_TRUE(published) << published.error().message;
    EXPECT_EQ(published->key, key);
    EXPECT_EQ(double_.count("PUT"), before + 3) << answer.body;
  }
}

TEST_F(S3StoreTest, but_not_for_ever_and_not_what_was_refused) {
  play(-1, "PUT", "/media/", refusal(503, "SlowDown"));
  EXPECT_EQ(publish("photo").error().code, ErrorCode::storage);
  EXPECT_EQ(double_.count("PUT"), 4u);
  for (const auto& [status, code] : std::map<int, std::string>{
           {403, "AccessDenied"}, {400, "InvalidArgument"}, {404, "NoSuchBucket"}}) {
    const auto before = double_.count("PUT");
    play(-1, "PUT", "/media/", refusal(status, code));
    const auto published = publish("photo");
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().code, ErrorCode::storage);
    EXPECT_THAT(published.error().message, HasSubstr(code));
    EXPECT_EQ(double_.count("PUT"), before + 1) << code;
  }
}

TEST_F(S3StoreTest, the_pause_that_was_asked_for_is_made) {
  play(1, "PUT", "/media/", refusal(503, "SlowDown", "Retry-After: 1\r\n"));
  const auto started = std::chrono::steady_clock::now();
  EXPECT_TRUE(publish("photo"));
  EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::seconds(1));
}

TEST_F(S3StoreTest, a_wrong_clock_is_corrected_once) {
  play(1, "HEAD", "", {403, "", "Date: Sun, 21 Nov 2100 10:00:00 GMT\r\n"});
  EXPECT_TRUE(publish("photo"));
  EXPECT_THAT(double_.seen().back().header("x-amz-date"), HasSubstr("21001121T10"));
  play(-1, "HEAD", "", {403, "", "Date: Sun, 21 Nov 2100 10:00:00 GMT\r\n"});
  const auto before = double_.count("HEAD");
  EXPECT_FALSE(publish("photo"));
  EXPECT_EQ(double_.count("HEAD"), before + 1);
}

TEST_F(S3StoreTest, bytes_that_arrived_unheard_are_ours) {
  play(1, "PUT", "/media/", {.is_lost = true, .is_after_work = true});
  const auto published = publish("photo");
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(published->key, "a/b.jpg");
  EXPECT_EQ(double_.objects().size(), 1u);
}

TEST_F(S3StoreTest, who_came_first_keeps_the_key) {
  // Somebody stores other bytes between our look and our request.
  double_.set_fault([once = true](const S3Seen& seen) mutable -> std::optional<Answer> {
    if (seen.method != "PUT" || !once) return std::nullopt;
    once = false;
    return Answer{.status = 412};
  });
  EXPECT_TRUE(publish("photo"));
  EXPECT_EQ(publish("other")->key, "a/b-1.jpg");
  EXPECT_EQ(double_.objects().at("/media/a/b.jpg"), "photo");
}

TEST_F(S3StoreTest, a_store_without_conditions_is_looked_at_before) {
  double_.set_fault([](const S3Seen& seen) -> std::optional<Answer> {
    if (seen.header("if-none-match").empty()) return std::nullopt;
    return refusal(501, "NotImplemented");
  });
  EXPECT_TRUE(publish("one"));
  EXPECT_EQ(publish("two")->key, "a/b-1.jpg");
  EXPECT_EQ(publish("one")->key, "a/b.jpg");
  EXPECT_EQ(double_.objects().size(), 2u);
}

TEST_F(S3StoreTest, several_may_learn_at_once_that_there_are_no_conditions) {
  double_.set_fault([](const S3Seen& seen) -> std::optional<Answer> {
    if (seen.header("if-none-match").empty()) return std::nullopt;
    return refusal(501, "NotImplemented");
  });
  std::vector<Result<Published>> published;
  for (int number = 0; number < 4; ++number) {
    spawn(loop_, "publish", [&, number](yield_context yield) {
      const std::string key = "a/" + std::to_string(number) + ".jpg";
      published.push_back(store_->publish(yield, upload("photo"), key, metadata("photo")));
    });
  }
  loop_.restart();
  loop_.run();
  ASSERT_EQ(published.size(), 4u);
  for (const auto& each : published) EXPECT_TRUE(each) << each.error().message;
}

TEST_F(S3StoreTest, a_store_that_was_seen_to_refuse_is_not_asked_before) {
  ASSERT_TRUE(publish("one", "a/1.jpg"));
  EXPECT_EQ(double_.count("HEAD"), 1u);
  EXPECT_EQ(double_.count("PUT"), 2u);
  EXPECT_TRUE(publish("two", "a/2.jpg"));
  EXPECT_EQ(publish("one", "a/2.jpg")->key, "a/2-1.jpg");
  EXPECT_EQ(publish("two", "a/2.jpg")->key, "a/2.jpg");
  EXPECT_EQ(double_.objects().at("/media/a/2.jpg"), "two");
  EXPECT_EQ(double_.objects().size(), 3u);
  EXPECT_EQ(double_.count("HEAD"), 3u) << "of the taken key only";
}

TEST_F(S3StoreTest, a_store_that_ignores_conditions_is_always_asked_before) {
  double_.ignore_conditions();
  ASSERT_TRUE(publish("one"));
  EXPECT_EQ(publish("two")->key, "a/b-1.jpg");
  EXPECT_EQ(publish("one")->key, "a/b.jpg");
  EXPECT_EQ(double_.objects().at("/media/a/b.jpg"), "one");
  EXPECT_EQ(double_.objects().size(), 2u);
}

TEST_F(S3StoreTest, a_body_that_ends_early_is_truncated) {
  ASSERT_TRUE(publish("a photo"));
  play(-1, "GET", "", {200, "a photo", "", true});
  test::run(loop_, [&](yield_context yield) {
    const auto read = store_->retrieve(yield, "a/b.jpg", [](ByteView) { return Result<void>(); });
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::truncated);
  });
}

TEST_F(S3StoreTest, a_listing_that_breaks_off_is_an_error) {
  const std::string page =
      "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>T"
      "</NextContinuationToken><Contents><Key>a/1</Key><Size>1</Size></Contents>"
      "</ListBucketResult>";
  const auto listed = [&](Answer answer) {
    play(-1, "GET", "list-type=2", std::move(answer));
    Result<void> done;
    test::run(loop_, [&](yield_context yield) {
      done = store_->list(yield, "a/", [](const ObjectInfo&) { return Result<void>(); });
    });
    return done ? ErrorCode::internal : done.error().code;
  };
  EXPECT_EQ(listed({200, page}), ErrorCode::storage) << "it goes round in circles";
  EXPECT_EQ(listed({200, page.substr(0, 150)}), ErrorCode::storage);
  EXPECT_EQ(listed({200, "<Error/>"}), ErrorCode::storage);
  EXPECT_EQ(listed(refusal(404, "NoSuchBucket")), ErrorCode::storage);
  EXPECT_EQ(listed(refusal(503, "SlowDown")), ErrorCode::storage);
}

TEST_F(S3StoreTest, no_secret_is_sent_or_told) {
  play(-1, "PUT", "", refusal(403, "SignatureDoesNotMatch"));
  EXPECT_THAT(publish("photo").error().message, Not(HasSubstr("very/secret")));
  for (const S3Seen& seen : double_.seen()) {
    EXPECT_THAT(seen.header("authorization"), HasSubstr("Credential=ACCESSKEY/"));
    EXPECT_THAT(seen.header("authorization"), Not(HasSubstr("very")));
  }
}

TEST_F(S3StoreTest, a_changed_key_file_is_read_again) {
  const std::string path = directory_ / "s3.key";
  const auto write = [&](const std::string& text) {
    std::ofstream(path + ".new") << text;
    ::chmod((path + ".new").c_str(), 0600);
    std::filesystem::rename(path + ".new", path);
  };
  settings_.key_file = path;
  open();
  EXPECT_FALSE(store_->check());
  EXPECT_FALSE(publish("photo"));
  write("FIRST\nsecret\n");
  EXPECT_TRUE(store_->check());
  EXPECT_TRUE(publish("photo"));
  EXPECT_THAT(double_.seen().back().header("authorization"), HasSubstr("=FIRST/"));
  write("SECOND\nother-secret\nsession-token\n");
  EXPECT_TRUE(publish("another"));
  EXPECT_THAT(double_.seen().back().header("authorization"), HasSubstr("=SECOND/"));
  EXPECT_EQ(double_.seen().back().header("x-amz-security-token"), "session-token");
  write("rubbish\n");
  EXPECT_TRUE(publish("a third")) << "the last good keys are used";
  EXPECT_THAT(double_.seen().back().header("authorization"), HasSubstr("=SECOND/"));
}

TEST_F(S3StoreTest, a_large_file_goes_in_parts_that_the_journal_knows_before) {
  std::atomic<int> noted_before_parts = -1;
  double_.set_fault([&](const S3Seen& seen) -> std::optional<Answer> {
    if (seen.asks("partNumber=1&") && noted_before_parts < 0) {
      noted_before_parts = journal_.noted.load();
    }
    return std::nullopt;
  });
  const auto published = publish(film_, "a/film.mp4");
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_TRUE(double_.objects().at("/media/a/film.mp4") == film_);
  EXPECT_EQ(noted_before_parts, 1);
  EXPECT_EQ(double_.count("PUT", "partNumber="), 3u);
  EXPECT_EQ(journal_.size(), 0u);
  EXPECT_EQ(double_.uploads(), 0u);
}

TEST_F(S3StoreTest, an_upload_that_was_cut_off_goes_on) {
  settings_.concurrency = 1;
  open();
  play(-1, "PUT", "partNumber=2", refusal(403, "AccessDenied"));
  EXPECT_FALSE(publish(film_, "a/film.mp4"));
  EXPECT_EQ(journal_.size(), 1u);
  double_.set_fault({});
  open();  // another run of the daemon
  ASSERT_TRUE(publish(film_, "a/film.mp4"));
  EXPECT_EQ(double_.count("POST", "uploads="), 1u);
  EXPECT_EQ(double_.count("PUT", "partNumber=1&"), 1u) << "what was sent is not sent again";
  EXPECT_TRUE(double_.objects().at("/media/a/film.mp4") == film_);
  EXPECT_EQ(journal_.size(), 0u);
}

TEST_F(S3StoreTest, an_upload_that_is_not_there_any_more_begins_anew) {
  play(-1, "PUT", "partNumber=2", refusal(403, "AccessDenied"));
  EXPECT_FALSE(publish(film_, "a/film.mp4"));
  test::run(loop_, [&](yield_context yield) {
    EXPECT_TRUE(store_->abort_upload(yield, "a/film.mp4", "U1"));
    EXPECT_TRUE(store_->abort_upload(yield, "a/film.mp4", "U1")) << "it is gone already";
  });
  EXPECT_EQ(double_.uploads(), 0u);
  double_.set_fault({});
  ASSERT_TRUE(publish(film_, "a/film.mp4"));
  EXPECT_EQ(double_.count("POST", "uploads="), 2u);
  EXPECT_TRUE(double_.objects().at("/media/a/film.mp4") == film_);
}

TEST_F(S3StoreTest, a_200_that_holds_an_error_is_none) {
  play(1, "POST", "uploadId=", {200, "  \n<Error><Code>InternalError</Code></Error>"});
  ASSERT_TRUE(publish(film_, "a/film.mp4"));
  EXPECT_EQ(double_.count("POST", "uploadId="), 2u);
  play(-1, "POST", "uploadId=", {200, "<CompleteMultipartUpl"});
  EXPECT_FALSE(publish(film_ + "2", "a/film.mp4"));
}

TEST_F(S3StoreTest, a_completion_nobody_heard_of_is_found) {
  play(1, "POST", "uploadId=", {.is_lost = true, .is_after_work = true});
  const auto published = publish(film_, "a/film.mp4");
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(published->key, "a/film.mp4");
  EXPECT_EQ(double_.count("POST", "uploadId="), 2u) << "the second was told that it is not there";
  EXPECT_EQ(journal_.size(), 0u);
}

TEST_F(S3StoreTest, a_public_bucket_that_should_be_private_is_found_out) {
  // The double lets everybody in.
  test::run(loop_, [&](yield_context yield) {
    play(-1, "HEAD", "", {200});
    EXPECT_THAT(store_->probe(yield).error().message, HasSubstr("read by everybody"));
    settings_.is_public = true;
    open();
    EXPECT_TRUE(store_->probe(yield));
  });
  EXPECT_TRUE(double_.objects().empty()) << "the probe is removed";
}

TEST_F(S3StoreTest, after_the_stop_nothing_is_sent) {
  store_->cancel_all();
  EXPECT_EQ(publish("photo").error().code, ErrorCode::cancelled);
  EXPECT_TRUE(double_.seen().empty());
}

TEST_F(S3StoreTest, the_public_url_is_encoded) {
  EXPECT_EQ(store_->url("a/b c.jpg"), "");
  settings_.public_url = "https://cdn.example.com/media";
  open();
  EXPECT_EQ(store_->url("a/b c+ü.jpg"), "https://cdn.example.com/media/a/b%20c%2B%C3%BC.jpg");
}

TEST(S3Parts, are_few_enough_and_of_one_size) {
  constexpr std::uint64_t kMib = 1 << 20;
  EXPECT_EQ(s3_part_size(100 * kMib, 16 * kMib), 16 * kMib);
  EXPECT_EQ(s3_part_size(150000 * kMib, 16 * kMib), 17 * kMib);
  EXPECT_EQ(s3_part_size(5000000 * kMib, 16 * kMib), 556 * kMib);
}

TEST(S3Pace, is_halved_and_comes_back) {
  boost::asio::io_context loop;
  S3Pace pace(loop, 8);
  pace.slow_down();
  EXPECT_EQ(pace.limit(), 4u);
  for (int i = 0; i < 5; ++i) pace.slow_down();
  EXPECT_EQ(pace.limit(), 1u);
  int inside = 0;
  int most = 0;
  test::run(loop, [&](yield_context yield) {
    int left = 3;
    boost::asio::steady_timer done(loop, std::chrono::steady_clock::time_point::max());
    for (int i = 0; i < 3; ++i) {
      spawn(loop, "upload", [&](yield_context inner) {
        const auto place = pace.enter(inner);
        most = std::max(most, ++inside);
        boost::asio::steady_timer work(loop, std::chrono::milliseconds(1));
        boost::system::error_code ignored;
        work.async_wait(inner[ignored]);
        --inside;
        if (--left == 0) done.cancel();
      });
    }
    boost::system::error_code ignored;
    while (left > 0) done.async_wait(yield[ignored]);
  });
  EXPECT_EQ(most, 1);
  for (int i = 0; i < 1000; ++i) pace.went_well();
  EXPECT_EQ(pace.limit(), 8u);
}

}  // namespace
}  // namespace media::storage

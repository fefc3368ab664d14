// What every store must do, on disk, on Ceph and on Swift.
#include <cmath>
#include <ctime>

#include <gmock/gmock.h>

#include "core/encoding.hpp"
#include "t/unit/indexer_storage_object_fixture.hpp"

namespace media::storage {
namespace {

using boost::asio::yield_context;

class AnyStore : public StoringTest, public testing::TestWithParam<std::string> {
 protected:
  AnyStore() : place_(hex_encode(random_bytes(6)) + "/") {
    if (GetParam() == "LOCAL") {
      store_ = make_local_store(root_, workers_);
    } else {
      store_ = make_s3_store(loop_, workers_, s3_settings_of(GetParam()));
    }
  }
  bool is_local() const { return GetParam() == "LOCAL"; }
  void run(const std::function<void(yield_context)>& body) { test::run(loop_, body); }

  const std::string place_;  ///< of this test alone
  std::unique_ptr<BlobStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, AnyStore, testing::Values("LOCAL", "CEPH", "SWIFT"),
                         [](const auto& info) { return info.param; });

TEST_P(AnyStore, what_is_published_can_be_asked_for_read_and_removed) {
  run([&](yield_context yield) {
    const std::string key = place_ + "2026/11/m-0.jpg";
    const std::string text(300000, 'x');
    EXPECT_EQ(publish(yield, *store_, key, text), key);
    const auto info = store_->stat(yield, key);
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->key, key);
    EXPECT_EQ(info->size, text.size());
    EXPECT_LE(std::abs(info->modified_at - std::time(nullptr)), 5);
    if (!is_local()) {
      EXPECT_EQ(info->sha256, sha256(as_bytes(text)));
      EXPECT_EQ(info->content_type, "image/jpeg");
    }
    EXPECT_EQ(read(yield, *store_, key), text);
    EXPECT_TRUE(store_->remove(yield, key));
    EXPECT_EQ(store_->stat(yield, key).error().code, ErrorCode::not_found);
    const auto gone = store_->retrieve(yield, key, [](ByteView) { return Result<void>(); });
    EXPECT_EQ(gone.error().code, ErrorCode::not_found);
    EXPECT_TRUE(store_->remove(yield, key)) << "what is absent is removed already";
  });
}

TEST_P(AnyStore, a_taken_key_is_numbered_or_adopted_and_never_overwritten) {
  run([&](yield_context yield) {
    const std::string key = place_ + "photo.jpg";
    EXPECT_EQ(publish(yield, *store_, key, "one"), key);
    EXPECT_EQ(publish(yield, *store_, key, "two"), place_ + "photo-1.jpg");
    EXPECT_EQ(publish(yield, *store_, key, "three"), place_ + "photo-2.jpg");
    EXPECT_EQ(publish(yield, *store_, key, "two"), place_ + "photo-1.jpg");
    EXPECT_EQ(publish(yield, *store_, key, "one"), key);
    EXPECT_EQ(read(yield, *store_, key), "one");
    EXPECT_EQ(read(yield, *store_, place_ + "photo-1.jpg"), "two");
  });
}

TEST_P(AnyStore, those_that_race_for_a_key_all_get_their_own) {
  run([&](yield_context yield) {
    constexpr int kRacers = 8;
    std::set<std::string> keys;
    int running = kRacers;
    boost::asio::steady_timer all_done(loop_, std::chrono::steady_clock::time_point::max());
    for (int i = 0; i < kRacers; ++i) {
      spawn(loop_, "racer", [&, i](yield_context inner) {
        const std::string text = "photo " + std::to_string(i);
        const std::string key = publish(inner, *store_, place_ + "photo.jpg", text);
        EXPECT_EQ(read(inner, *store_, key), text);
        keys.insert(key);
        if (--running == 0) all_done.cancel();
      });
    }
    boost::system::error_code ignored;
    while (running > 0) all_done.async_wait(yield[ignored]);
    EXPECT_EQ(keys.size(), static_cast<std::size_t>(kRacers));
  });
}

TEST_P(AnyStore, keys_are_taken_as_they_are) {
  std::vector<std::string> names = {
      "a b.jpg",         "100%.jpg",        "a+b.jpg",    "a=b&c.jpg", "a#b.jpg",
      "it's \"it\".jpg", "?x=1.jpg",        "写真.jpg",   "📷.jpg",     "صورة.jpg",
      "Müller.jpg",      "(1)!*~;:@,$.jpg", "%2F%20.jpg", "<a>.jpg"};
  const std::string segment = std::string(220, 'k') + "/";
  std::string longest = segment + segment + segment + segment;
  longest += std::string(1024 - place_.size() - longest.size(), 'z');
  names.push_back(longest);
  run([&](yield_context yield) {
    std::set<std::string> keys;
    for (const std::string& name : names) {
      const std::string key = place_ + name;
      EXPECT_EQ(publish(yield, *store_, key, name), key);
      EXPECT_EQ(read(yield, *store_, key), name);
      EXPECT_EQ(store_->stat(yield, key)->size, name.size()) << name;
      keys.insert(key);
    }
    EXPECT_EQ(list(yield, *store_, place_), keys);
    for (const std::string& key : keys) EXPECT_TRUE(store_->remove(yield, key)) << key;
    EXPECT_EQ(list(yield, *store_, place_), std::set<std::string>());
  });
}

TEST_P(AnyStore, keys_that_no_directory_could_have_are_refused) {
  run([&](yield_context yield) {
    for (const char* key : {"../x", "/x", "a//b", "a/./b", "", ".quarantine/x", "a\nb"}) {
      const auto published = store_->publish(yield, upload("x"), key, metadata("x"));
      ASSERT_FALSE(published) << key;
      EXPECT_EQ(published.error().code, ErrorCode::invalid_argument) << key;
      EXPECT_EQ(store_->stat(yield, key).error().code, ErrorCode::invalid_argument) << key;
      EXPECT_FALSE(store_->remove(yield, key)) << key;
    }
  });
}

TEST_P(AnyStore, a_prefix_is_no_directory) {
  run([&](yield_context yield) {
    for (const char* name : {"a/1", "a/b/2", "ab/3"}) publish(yield, *store_, place_ + name, name);
    using Keys = std::set<std::string>;
    EXPECT_EQ(list(yield, *store_, place_ + "a/"), (Keys{place_ + "a/1", place_ + "a/b/2"}));
    EXPECT_EQ(list(yield, *store_, place_ + "a"),
              (Keys{place_ + "a/1", place_ + "a/b/2", place_ + "ab/3"}));
    EXPECT_EQ(list(yield, *store_, place_ + "a b+c%"), Keys());
  });
}

TEST_P(AnyStore, what_is_large_arrives_whole) {
  run([&](yield_context yield) {
    std::string text((11 << 20) + 12345, '\0');
    for (std::size_t i = 0; i < text.size(); i += 4096) text[i] = static_cast<char>(i >> 12);
    const std::string key = place_ + "a film+1.mp4";
    EXPECT_EQ(publish(yield, *store_, key, text), key);
    EXPECT_TRUE(read(yield, *store_, key) == text);
    EXPECT_EQ(publish(yield, *store_, key, text), key) << "the same bytes are adopted";
    const auto info = store_->stat(yield, key);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->size, text.size());
    if (!is_local()) {
      EXPECT_EQ(info->sha256, sha256(as_bytes(text)));
    }
    text[0] = 'x';
    EXPECT_EQ(publish(yield, *store_, key, text), place_ + "a film+1-1.mp4");
  });
}

TEST_P(AnyStore, it_is_found_to_be_usable) {
  EXPECT_TRUE(store_->check());
  run([&](yield_context yield) {
    const auto probed = store_->probe(yield);
    EXPECT_TRUE(probed) << probed.error().message;
    EXPECT_EQ(list(yield, *store_, ".ngx_media"), std::set<std::string>());
  });
}

class ObjectStore : public AnyStore {
 protected:
  S3StoreConfig settings_ = s3_settings_of(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStore, testing::Values("CEPH", "SWIFT"),
                         [](const auto& info) { return info.param; });

TEST_P(ObjectStore, a_wrong_secret_is_an_error_that_shows_none) {
  settings_.key_file = "";
  settings_.access_key = "WRONGACCESSKEY";
  settings_.secret_key = "wrong/secret";
  const auto store = make_s3_store(loop_, workers_, settings_);
  run([&](yield_context yield) {
    const auto published = store->publish(yield, upload("x"), place_ + "x", metadata("x"));
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().code, ErrorCode::storage);
    EXPECT_THAT(published.error().message, testing::HasSubstr("403"));
    EXPECT_THAT(published.error().message, testing::Not(testing::HasSubstr("wrong/secret")));
    EXPECT_FALSE(store->probe(yield));
  });
}

TEST_P(ObjectStore, a_bucket_that_is_not_there_is_no_empty_one) {
  settings_.bucket = "there-is-no-such-bucket";
  const auto store = make_s3_store(loop_, workers_, settings_);
  run([&](yield_context yield) {
    int seen = 0;
    const auto listed = store->list(yield, "", [&](const ObjectInfo&) -> Result<void> {
      ++seen;
      return {};
    });
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, ErrorCode::storage);
    EXPECT_EQ(seen, 0);
    EXPECT_EQ(store->remove(yield, "a/b").error().code, ErrorCode::storage);
    const auto published = store->publish(yield, upload("x"), "a/b", metadata("x"));
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().code, ErrorCode::storage);
    EXPECT_THAT(store->probe(yield).error().message, testing::HasSubstr("does not exist"));
  });
}

TEST_P(ObjectStore, pages_of_a_listing_are_put_together) {
  const auto store = make_s3_store(loop_, workers_, settings_, nullptr, {.listed_at_once = 2});
  run([&](yield_context yield) {
    std::set<std::string> keys;
    for (const char* name : {"1 a", "2+b", "3%c", "4/d", "5"}) {
      keys.insert(publish(yield, *store_, place_ + name, "x"));
    }
    EXPECT_EQ(list(yield, *store, place_), keys);
  });
}

}  // namespace
}  // namespace media::storage

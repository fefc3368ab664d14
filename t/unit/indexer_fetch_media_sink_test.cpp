#include "indexer/fetch/media_sink.hpp"

#include <gtest/gtest.h>

#include "indexer_fetch_fixture.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::fetch {
namespace {

class MediaSinkTest : public testing::Test {
 protected:
  MediaSinkTest() {
    expectation_.max_bytes = 1 << 20;
    expectation_.declared_mime_type = "image/jpeg";
    expectation_.file_type = "image";
  }

  Result<ReceivedMedia> receive(const std::string& body, std::int64_t announced = -1,
                                std::size_t piece = 100) {
    MediaSink sink(staging_, expectation_);
    if (auto begun = sink.begin(announced); !begun) return std::unexpected(begun.error());
    for (std::size_t at = 0; at < body.size(); at += piece) {
      taken_ = at + piece;
      const auto appended = sink.append(as_bytes(std::string_view(body).substr(at, piece)));
      if (!appended) return std::unexpected(appended.error());
    }
    return sink.finish();
  }
  ErrorCode code_of(const Result<ReceivedMedia>& media) {
    return media ? ErrorCode::internal : media.error().code;
  }

  const std::string photo_ = test::provider_fixture("media/photo.jpg");
  test::FakeStaging staging_;
  MediaExpectation expectation_;
  std::size_t taken_ = 0;
};

TEST_F(MediaSinkTest, good_bytes_come_out_with_type_size_and_hash) {
  expectation_.size = photo_.size();
  expectation_.sha256 = sha256(as_bytes(photo_));
  for (const std::size_t piece : {1u, 7u, 224u}) {
    const auto media = receive(photo_, static_cast<std::int64_t>(photo_.size()), piece);
    ASSERT_TRUE(media) << media.error().message;
    EXPECT_EQ(media->mime_type, "image/jpeg");
    EXPECT_EQ(media->size, photo_.size());
    EXPECT_EQ(media->sha256, *expectation_.sha256);
  }
  EXPECT_EQ(staging_.open_uploads, 0);
}

TEST_F(MediaSinkTest, no_bytes_are_no_media) {
  EXPECT_EQ(code_of(receive("")), ErrorCode::empty);
  EXPECT_EQ(code_of(receive("", 0)), ErrorCode::empty);
}

TEST_F(MediaSinkTest, a_short_body_is_truncated) {
  EXPECT_EQ(code_of(receive(photo_, 1000)), ErrorCode::truncated);
}

TEST_F(MediaSinkTest, the_limit_holds_announced_or_not) {
  expectation_.max_bytes = 100;
  EXPECT_EQ(code_of(receive(photo_, static_cast<std::int64_t>(photo_.size()))),
            ErrorCode::too_large);
  EXPECT_EQ(code_of(receive(photo_)), ErrorCode::too_large);
}

TEST_F(MediaSinkTest, a_length_that_contradicts_the_provider_is_a_fault_of_this_answer) {
  expectation_.size = photo_.size();
  EXPECT_EQ(code_of(receive(photo_, std::int64_t{1} << 30)), ErrorCode::size_mismatch);
  expectation_.size = std::uint64_t{1} << 30;
  EXPECT_EQ(code_of(receive(photo_, std::int64_t{1} << 30)), ErrorCode::too_large);
}

TEST_F(MediaSinkTest, more_bytes_than_named_are_refused_as_they_come) {
  expectation_.size = 5000;
  EXPECT_EQ(code_of(receive(photo_ + std::string(100000, 'x'))), ErrorCode::size_mismatch);
  EXPECT_LE(taken_, 5200u);
}

TEST_F(MediaSinkTest, a_login_page_is_told_from_media_within_its_first_4_kib) {
  const std::string page = "<!DOCTYPE html><html>" + std::string(100000, ' ');
  EXPECT_EQ(code_of(receive(page)), ErrorCode::unexpected_html);
  EXPECT_LE(taken_, 4200u);
  expectation_.size = 500;
  EXPECT_EQ(code_of(receive(page, static_cast<std::int64_t>(page.size()))),
            ErrorCode::unexpected_html);
}

TEST_F(MediaSinkTest, a_page_that_the_provider_vouches_for_is_suspicious_content) {
  const std::string page =
      "<!DOCTYPE html><html><script>alert(1)</script>" + std::string(9000, ' ');
  expectation_.size = page.size();
  expectation_.sha256 = sha256(as_bytes(page));
  const auto media = receive(page, static_cast<std::int64_t>(page.size()));
  ASSERT_TRUE(media) << media.error().message;
  ASSERT_TRUE(media->suspicion);
  EXPECT_EQ(media->suspicion->code, ErrorCode::active_content);
  EXPECT_EQ(media->mime_type, "text/html");
  EXPECT_EQ(media->size, page.size());
}

TEST_F(MediaSinkTest, a_page_in_the_place_of_other_bytes_is_a_page) {
  const std::string page = "<!DOCTYPE html><html>" + std::string(9000, ' ');
  expectation_.sha256 = sha256(as_bytes(photo_));
  EXPECT_EQ(code_of(receive(page)), ErrorCode::unexpected_html);
  expectation_.size = photo_.size();
  EXPECT_EQ(code_of(receive(page)), ErrorCode::unexpected_html);
  EXPECT_LE(taken_, 4200u);
  EXPECT_EQ(code_of(receive(R"({"error":{"code":4}})")), ErrorCode::unexpected_answer);
}

TEST_F(MediaSinkTest, what_is_of_another_kind_comes_out_as_suspicious) {
  const std::pair<std::string, ErrorCode> table[] = {
      {"MZ" + std::string(9000, '\0'), ErrorCode::executable},
      {"<svg onload='alert(1)'></svg>", ErrorCode::active_content},
      {"%PDF-1.7" + std::string(9000, 'x'), ErrorCode::type_mismatch},
      {"no signature at all", ErrorCode::type_mismatch},
  };
  for (const auto& [bytes, code] : table) {
    const auto media = receive(bytes);
    ASSERT_TRUE(media && media->suspicion) << bytes.substr(0, 20);
    EXPECT_EQ(media->suspicion->code, code);
    EXPECT_EQ(media->sha256, sha256(as_bytes(bytes)));
  }
}

TEST_F(MediaSinkTest, suspicious_bytes_must_arrive_whole_like_all_others) {
  const std::string program =
      "\x7F"
      "ELF" +
      std::string(9000, 'x');
  EXPECT_EQ(code_of(receive(program, 10000)), ErrorCode::truncated);
  expectation_.sha256 = Sha256Digest{};
  EXPECT_EQ(code_of(receive(program)), ErrorCode::hash_mismatch);
  expectation_.max_bytes = 5000;
  EXPECT_EQ(code_of(receive(program)), ErrorCode::too_large);
}

TEST_F(MediaSinkTest, another_size_or_hash_than_named_is_refused) {
  expectation_.size = 225;
  EXPECT_EQ(code_of(receive(photo_)), ErrorCode::size_mismatch);
  EXPECT_EQ(code_of(receive(photo_, 224)), ErrorCode::size_mismatch);
  expectation_.size.reset();
  expectation_.sha256 = Sha256Digest{};
  EXPECT_EQ(code_of(receive(photo_)), ErrorCode::hash_mismatch);
}

TEST_F(MediaSinkTest, the_bucket_decides_which_types_it_takes) {
  expectation_.allowed_mime_types = {"image/png", "image/*"};
  EXPECT_TRUE(receive(photo_));
  expectation_.allowed_mime_types = {"image/png"};
  EXPECT_EQ(code_of(receive(photo_)), ErrorCode::type_not_allowed);
}

TEST_F(MediaSinkTest, a_store_that_is_away_is_an_error_of_storage) {
  staging_.health = fail(ErrorCode::storage, "no marker");
  EXPECT_EQ(code_of(receive(photo_)), ErrorCode::storage);
}

}  // namespace
}  // namespace media::fetch

#include "indexer/link_url.hpp"

#include <gtest/gtest.h>

namespace media {
namespace {

TEST(LinkUrl, leads_to_the_path_that_was_signed) {
  const LinkKey key{"a", Bytes(32, 'k')};
  LinkGrant grant;
  grant.path = "/media/a b/%";
  grant.expires_at = 2000;
  const std::string url = link_url("https://media.example", grant, key);
  const std::string begin = "https://media.example/media/a%20b/%25?";
  ASSERT_TRUE(url.starts_with(begin)) << url;
  const LinkRequest request{"GET", grant.path, std::string_view(url).substr(begin.size()), "", ""};
  EXPECT_TRUE(verify_link(request, {&key, 1}, 1999));
}

TEST(CanonicalAddress, is_written_as_nginx_writes_it) {
  EXPECT_EQ(canonical_address("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(canonical_address("2001:0DB8:0000::0001"), "2001:db8::1");
  EXPECT_EQ(canonical_address("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
  for (const char* text : {"", "localhost", "192.0.2", "192.0.2.1/24", "192.0.2.1:80", "[::1]",
                           "fe80::1%eth0", "10.0.0.01"}) {
    EXPECT_EQ(canonical_address(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace media

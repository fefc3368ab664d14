#include "core/signed_link.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/crypto.hpp"

namespace media {
namespace {

constexpr std::int64_t kNow = 1795250000;

std::vector<LinkKey> keys() { return {{"2026b", Bytes(32, 'b')}, {"2026a", Bytes(32, 'a')}}; }

LinkGrant grant() {
  LinkGrant grant;
  grant.path = "/media/1";
  grant.expires_at = kNow + 60;
  return grant;
}

std::string verdict(const LinkRequest& request, std::int64_t now = kNow) {
  const auto link = verify_link(request, keys(), now);
  return link ? "granted" : link.error().message;
}

TEST(SignedLink, a_link_grants_its_path_until_it_expires) {
  const std::string query = sign_link(grant(), keys()[0]);
  EXPECT_EQ(verdict({"GET", "/media/1", query, "", ""}), "granted");
  EXPECT_EQ(verdict({"HEAD", "/media/1", query, "", ""}), "granted");
  EXPECT_EQ(verdict({"GET", "/media/2", query, "", ""}), "signed link has a wrong signature");
  EXPECT_EQ(verdict({"POST", "/media/1", query, "", ""}), "signed link is for another method");
  EXPECT_EQ(verdict({"GET", "/media/1", query, "", ""}, kNow + 60), "signed link expired");
}

TEST(SignedLink, the_documented_recipe_makes_the_same_signature) {
  const auto mac = hmac_sha256(keys()[0].secret,
                               as_bytes("ngx_media link 1\nGET\n/media/1\n1795250060\n2026b\n\n"));
  EXPECT_EQ(sign_link(grant(), keys()[0]),
            "key=2026b&expires=1795250060&signature=" + base64_encode(mac, Base64Alphabet::url));
}

TEST(SignedLink, links_of_an_older_listed_key_stay_valid) {
  const std::string query = sign_link(grant(), keys()[1]);
  EXPECT_EQ(verdict({"GET", "/media/1", query, "", ""}), "granted");
  const auto only_new = verify_link({"GET", "/media/1", query, "", ""}, {keys().data(), 1}, kNow);
  ASSERT_FALSE(only_new);
  EXPECT_EQ(only_new.error().message, "signed link names no known key");
}

TEST(SignedLink, a_prefix_covers_what_lies_below_it) {
  LinkGrant wide = grant();
  wide.path = "/media/album 1/";
  wide.is_prefix = true;
  const std::string query = sign_link(wide, keys()[0]);
  EXPECT_EQ(verdict({"GET", "/media/album 1/2", query, "", ""}), "granted");
  EXPECT_EQ(verdict({"GET", "/media/album 12", query, "", ""}), "signed link is for another path");
  wide.path = "/media/album";
  EXPECT_EQ(verdict({"GET", "/media/album2", sign_link(wide, keys()[0]), "", ""}),
            "signed link is for another path");
}

TEST(SignedLink, user_and_address_bind_when_signed) {
  LinkGrant bound = grant();
  bound.user = "ann & bob";
  bound.address = "192.0.2.1";
  const std::string query = sign_link(bound, keys()[0]);
  EXPECT_EQ(verdict({"GET", "/media/1", query, "ann & bob", "192.0.2.1"}), "granted");
  EXPECT_EQ(verdict({"GET", "/media/1", query, "eve", "192.0.2.1"}),
            "signed link is for another user");
  EXPECT_EQ(verdict({"GET", "/media/1", query, "", "192.0.2.1"}),
            "signed link is for another user");
  EXPECT_EQ(verdict({"GET", "/media/1", query, "ann & bob", "192.0.2.2"}),
            "signed link has a wrong signature");
}

TEST(SignedLink, nothing_signed_can_be_changed_added_or_dropped) {
  LinkGrant bound = grant();
  bound.user = "ann";
  const std::string query = sign_link(bound, keys()[0]);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"expires=1795250060", "expires=1795259999"},
           {"user=ann&", ""},
           {"user=ann", "user=ann&method=POST"},
           {"user=ann", "user=ann&prefix=/"},
           {"user=ann", "user=ann&user=eve"},
           {"user=ann", "user=ann&user"},
           {"key=2026b", "key=2026a"},
           {"user=ann", "user=%zz"},
           {"expires=1795250060", "expires=1795250060%0A"}}) {
    std::string changed = query;
    const std::size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    EXPECT_NE(verdict({"POST", "/media/1", changed, "ann", ""}), "granted") << changed;
    EXPECT_NE(verdict({"GET", "/media/1", changed, "ann", ""}), "granted") << changed;
  }
}

TEST(SignedLink, foreign_arguments_may_stand_beside_it) {
  const std::string query = "utm=1&" + sign_link(grant(), keys()[0]) + "&download";
  EXPECT_TRUE(has_link(query));
  EXPECT_EQ(verdict({"GET", "/media/1", query, "", ""}), "granted");
  EXPECT_FALSE(has_link("utm=1&not_signature=2"));
}

TEST(SignedLink, oversized_and_empty_queries_are_refused) {
  EXPECT_EQ(verdict({"GET", "/media/1", "", "", ""}), "signed link names no known key");
  const std::string padded = sign_link(grant(), keys()[0]) + "&x=" + std::string(5000, 'x');
  EXPECT_EQ(verdict({"GET", "/media/1", padded, "", ""}), "signed link is malformed");
}

}  // namespace
}  // namespace media

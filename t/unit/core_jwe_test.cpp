#include "core/jwe.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "core/json_object.hpp"

namespace media {
namespace {

constexpr std::int64_t kNow = 1800000000;  // after the samples were made

/// Cookies made by next-auth 4.24 and @auth/core 0.34 themselves:
/// encode({token: {sub: "u", company: "c", role: "agent", name: "Ann"}, ...}).
struct Samples {
  std::string secret, cookie_name, v4, v5;
};

Samples samples() {
  std::ifstream file(std::string(MEDIA_FIXTURES) + "/jwt/next_auth.json");
  const Json root = parse_json_object({std::string(std::istreambuf_iterator<char>(file), {})});
  const auto text = [&](const char* name) {
    return std::string(string_member(root.get(), name).value());
  };
  return {text("secret"), text("cookie_name"), text("v4"), text("v5")};
}

std::vector<std::pair<NextAuthKey, std::string>> keys_and_cookies() {
  const Samples cookies = samples();
  return {{NextAuthKey::v4(cookies.secret), cookies.v4},
          {NextAuthKey::v5(cookies.secret, cookies.cookie_name), cookies.v5}};
}

TEST(NextAuth, cookies_of_both_generations_name_their_user) {
  for (const auto& [key, cookie] : keys_and_cookies()) {
    const auto identity = verify_next_auth(cookie, key, {}, kNow);
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_EQ(identity->user, "u");
    EXPECT_EQ(identity->companies, std::vector<std::string>{"c"});
    EXPECT_EQ(identity->role, "agent");
  }
}

TEST(NextAuth, a_cookie_opens_only_with_its_own_key) {
  const Samples cookies = samples();
  EXPECT_FALSE(NextAuthKey::v4("another secret").decrypt(cookies.v4));
  EXPECT_FALSE(NextAuthKey::v4(cookies.secret).decrypt(cookies.v5));
  EXPECT_FALSE(NextAuthKey::v5(cookies.secret, cookies.cookie_name).decrypt(cookies.v4));
  EXPECT_FALSE(NextAuthKey::v5(cookies.secret, "other.session-token").decrypt(cookies.v5));
}

TEST(NextAuth, any_changed_byte_is_noticed) {
  for (const auto& [key, cookie] : keys_and_cookies()) {
    for (std::size_t i = 0; i < cookie.size(); ++i) {
      std::string changed = cookie;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(key.decrypt(changed)) << "at " << i;
    }
    for (std::size_t size = 0; size < cookie.size(); size += 5) {
      EXPECT_FALSE(key.decrypt(cookie.substr(0, size))) << "cut at " << size;
    }
  }
}

TEST(NextAuth, an_expired_session_is_refused) {
  for (const auto& [key, cookie] : keys_and_cookies()) {
    const auto identity = verify_next_auth(cookie, key, {}, kNow + 200LL * 365 * 86400);
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().code, ErrorCode::expired);
  }
}

TEST(NextAuth, what_is_not_a_cookie_is_refused) {
  const NextAuthKey key = NextAuthKey::v4("secret");
  for (const std::string_view text : {"", "....", "a.b.c.d.e", "e30....", "a.b.c", "a.b.c.d.e.f"}) {
    EXPECT_FALSE(key.decrypt(text)) << text;
  }
  EXPECT_FALSE(key.decrypt(std::string(100000, '.')));
}

}  // namespace
}  // namespace media

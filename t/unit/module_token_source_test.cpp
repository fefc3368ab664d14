#include <gtest/gtest.h>

#include <vector>

#include "ngx_media_module/identity/token_source.hpp"

namespace media::nginx {
namespace {

using Sources = std::vector<std::string_view>;

TEST(TokenForm, only_the_authorization_header_needs_the_bearer_scheme) {
  EXPECT_EQ(token_form_of("$http_authorization"), TokenForm::bearer);
  EXPECT_EQ(token_form_of("$http_x_token"), TokenForm::plain);
  EXPECT_EQ(token_form_of("$cookie_media_token"), TokenForm::plain);
  EXPECT_EQ(token_form_of("$arg_token"), TokenForm::plain);
}

TEST(TokenIn, an_authorization_header_gives_its_bearer_token) {
  EXPECT_EQ(token_in(TokenForm::bearer, "Bearer a.b.c"), "a.b.c");
  EXPECT_EQ(token_in(TokenForm::bearer, "bEARER \t a.b.c "), "a.b.c");
}

TEST(TokenIn, another_scheme_or_none_is_no_token) {
  for (const auto* value : {"", " ", "Bearer", "Bearer ", "Bearer  \t", "Basic dXNlcg==", "a.b.c",
                            "Bearera.b.c", "XBearer a.b.c"}) {
    EXPECT_EQ(token_in(TokenForm::bearer, value), std::nullopt) << value;
  }
}

TEST(TokenIn, elsewhere_the_value_is_the_token) {
  EXPECT_EQ(token_in(TokenForm::plain, " a.b.c\t"), "a.b.c");
  EXPECT_EQ(token_in(TokenForm::plain, "Bearer a.b.c"), "Bearer a.b.c");
  EXPECT_EQ(token_in(TokenForm::plain, ""), std::nullopt);
  EXPECT_EQ(token_in(TokenForm::plain, "  "), std::nullopt);
}

TEST(VaryOf, names_each_request_header_once) {
  EXPECT_EQ(vary_of(Sources{"$http_authorization", "$cookie_a", "$cookie_b", "$arg_token"}),
            "Authorization, Cookie");
  EXPECT_EQ(vary_of(Sources{"$http_x_media_token"}), "X-Media-Token");
  EXPECT_EQ(vary_of(Sources{"$http_cookie"}), "Cookie");
}

TEST(VaryOf, is_empty_when_the_url_holds_the_token) { EXPECT_EQ(vary_of(Sources{"$arg_t"}), ""); }

TEST(VaryOf, assumes_the_usual_headers_behind_an_unknown_variable) {
  EXPECT_EQ(vary_of(Sources{"$token"}), "Authorization, Cookie");
}

}  // namespace
}  // namespace media::nginx

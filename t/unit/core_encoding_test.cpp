#include "core/encoding.hpp"

#include <gtest/gtest.h>

namespace media {
namespace {

std::string decoded(std::string_view text, Base64Alphabet alphabet = Base64Alphabet::standard,
                    Base64Padding padding = Base64Padding::required) {
  const auto bytes = base64_decode(text, alphabet, padding);
  return bytes ? std::string(as_text(*bytes)) : "<refused>";
}

TEST(Encoding, base64_agrees_with_the_vectors_of_rfc_4648) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), encoded);
    EXPECT_EQ(decoded(encoded), plain);
  }
}

TEST(Encoding, base64_is_strict) {
  for (const std::string_view text :
       {"Zg", "Zg=", "Z", "Zm9v\n", " Zm9v", "Zm9*", "Zm9v====", "=", "Zh==", "Zg==Zg=="}) {
    EXPECT_EQ(decoded(text), "<refused>") << text;
  }
}

TEST(Encoding, base64url_has_its_own_alphabet_and_no_padding) {
  const Bytes bytes{0xFB, 0xEF, 0xFF};
  EXPECT_EQ(base64_encode(bytes, Base64Alphabet::url), "--__");
  EXPECT_EQ(base64_encode(as_bytes("f"), Base64Alphabet::url), "Zg");
  EXPECT_EQ(decoded("Zg", Base64Alphabet::url, Base64Padding::none), "f");
  EXPECT_EQ(decoded("Zg==", Base64Alphabet::url, Base64Padding::none), "<refused>");
  EXPECT_EQ(decoded("++//", Base64Alphabet::url, Base64Padding::none), "<refused>");
}

TEST(Encoding, base64_padding_can_be_optional) {
  EXPECT_EQ(decoded("Zg", Base64Alphabet::standard, Base64Padding::optional), "f");
  EXPECT_EQ(decoded("Zg==", Base64Alphabet::standard, Base64Padding::optional), "f");
}

TEST(Encoding, hex_reads_both_cases_and_writes_lower_case) {
  EXPECT_EQ(hex_encode(Bytes{0x00, 0xAB, 0xFF}), "00abff");
  EXPECT_EQ(hex_decode("00aBFf"), (Bytes{0x00, 0xAB, 0xFF}));
  EXPECT_FALSE(hex_decode("abc"));
  EXPECT_FALSE(hex_decode("zz"));
}

TEST(Encoding, percent_escapes_round_trip) {
  EXPECT_EQ(percent_encode("a b/ü+", "/"), "a%20b/%C3%BC%2B");
  EXPECT_EQ(percent_decode("a%20b%2Fc+"), "a b/c+");
  EXPECT_FALSE(percent_decode("%2"));
  EXPECT_FALSE(percent_decode("%zz"));
}

}  // namespace
}  // namespace media

#include "core/header_value.hpp"

#include <gtest/gtest.h>

#include "core/utf8.hpp"

namespace media {
namespace {

TEST(HeaderValue, plain_names_need_no_extended_form) {
  EXPECT_EQ(content_disposition(true, "photo.jpg"), "inline; filename=\"photo.jpg\"");
  EXPECT_EQ(content_disposition(false, "a b.pdf"), "attachment; filename=\"a b.pdf\"");
}

TEST(HeaderValue, other_names_get_both_forms) {
  EXPECT_EQ(content_disposition(false, "Rechnung für Ü.pdf"),
            "attachment; filename=\"Rechnung f_r _.pdf\"; "
            "filename*=UTF-8''Rechnung%20f%C3%BCr%20%C3%9C.pdf");
  EXPECT_EQ(content_disposition(false, "a\"b.pdf"),
            "attachment; filename=\"a_b.pdf\"; filename*=UTF-8''a%22b.pdf");
}

TEST(HeaderValue, a_name_cannot_break_out_of_the_header) {
  const std::string value = content_disposition(false, "a\r\nSet-Cookie: x=1\".html");
  EXPECT_EQ(value.find('\r'), std::string::npos);
  EXPECT_EQ(value.find('\n'), std::string::npos);
}

TEST(HeaderValue, display_names_are_one_harmless_segment) {
  EXPECT_EQ(display_file_name("../../etc/passwd"), "passwd");
  EXPECT_EQ(display_file_name("C:\\temp\\x.exe"), "x.exe");
  EXPECT_EQ(display_file_name("invoice\xE2\x80\xAEgpj.exe"), "invoicegpj.exe");
  EXPECT_EQ(display_file_name("\x01\x02"), "file");
  EXPECT_EQ(display_file_name(".. . "), "file");
  EXPECT_EQ(display_file_name(".htaccess"), "htaccess");
  EXPECT_EQ(display_file_name("bad\xFF\xFEname"), "badname");
}

TEST(HeaderValue, long_names_end_at_a_character) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "日";
  const std::string shown = display_file_name(name);
  EXPECT_LE(shown.size(), 200u);
  EXPECT_EQ(shown.size() % 3, 0u);
}

TEST(Utf8, ill_formed_bytes_are_replaced_one_by_one) {
  EXPECT_EQ(to_valid_utf8("a\xC0\x80z"), "a\xEF\xBF\xBD\xEF\xBF\xBDz");
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(to_valid_utf8("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(to_valid_utf8("\xF0\x9F"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace media

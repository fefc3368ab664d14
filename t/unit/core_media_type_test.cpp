#include "core/media_type.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace media {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kJpeg = "\xFF\xD8\xFF\xE0\0\x10JFIF"sv;
constexpr std::string_view kPng = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR"sv;
constexpr std::string_view kHtml = "\n <!DOCTYPE html><title>Log in</title>"sv;

std::string sniffed(std::string_view head) {
  return std::string(sniff_mime_type(as_bytes(head)).value_or("unknown"));
}

std::string decided(std::string_view head, std::string_view declared, std::string_view kind) {
  const auto mime = decide_mime_type(as_bytes(head), declared, kind);
  return mime ? *mime : std::string(name_of(mime.error().code));
}

TEST(MediaType, signatures_name_the_type) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {kJpeg, "image/jpeg"},
      {kPng, "image/png"},
      {"GIF89a...", "image/gif"},
      {"RIFF\x24\0\0\0WEBPVP8 "sv, "image/webp"},
      {"RIFF\x24\0\0\0WAVEfmt "sv, "audio/wav"},
      {"RIFF\x24\0\0\0AVI LIST"sv, "video/x-msvideo"},
      {"BM\x46\0\0\0\0\0\0\0\x36\0"sv, "image/bmp"},
      {"II*\0\x08\0\0\0"sv, "image/tiff"},
      {"\0\0\0\x18"
       "ftypisom\0\0\2\0"sv,
       "video/mp4"},
      {"\0\0\0\x18"
       "ftypM4A \0\0\2\0"sv,
       "audio/mp4"},
      {"\0\0\0\x18"
       "ftypqt  \0\0\2\0"sv,
       "video/quicktime"},
      {"\0\0\0\x18"
       "ftyp3gp4\0\0\2\0"sv,
       "video/3gpp"},
      {"\0\0\0\x18"
       "ftypheic\0\0\2\0"sv,
       "image/heic"},
      {"\0\0\0\x18"
       "ftypavif\0\0\2\0"sv,
       "image/avif"},
      {"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\1\x42\xF7\x81\1\x42\x82\x84webm"sv, "video/webm"},
      {"\x1A\x45\xDF\xA3\x9F\x42\x82\x88matroska"sv, "video/x-matroska"},
      {"OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13OpusHead"sv, "audio/ogg"},
      {"ID3\3\0\0\0\0\0\0"sv, "audio/mpeg"},
      {"\xFF\xFB\x90\x64"sv, "audio/mpeg"},
      {"\xFF\xF1\x50\x80"sv, "audio/aac"},
      {"#!AMR\n\x3C"sv, "audio/amr"},
      {"%PDF-1.7\n", "application/pdf"},
      {"PK\3\4\x14"sv, "application/zip"},
      {kHtml, "text/html"},
      {"<svg xmlns='http://www.w3.org/2000/svg'>", "image/svg+xml"},
      {"<?xml version='1.0'?><Error/>", "text/xml"},
      {"<Error><Code>AccessDenied</Code></Error>", "text/xml"},
      {" {\n \"error\": {}}", "application/json"},
      {"[{\"id\":1}]", "application/json"},
      {"\x7F"
       "ELF\2\1\1"sv,
       "application/x-elf"},
      {"\xCF\xFA\xED\xFE\7\0\0\1"sv, "application/x-mach-binary"},
      {"L\0\0\0\1\x14\2\0\0\0"sv, "application/x-ms-shortcut"},
  };
  for (const auto& [head, mime] : table) EXPECT_EQ(sniffed(head), mime);
}

TEST(MediaType, short_and_odd_input_is_unknown) {
  for (const std::string_view head :
       {""sv, "\xFF"sv, "\xFF\xD8"sv, "RIFF"sv, "RIFF\0\0\0\0WEB"sv,
        "\0\0\0\x18"
        "ftyp"sv,
        "\xFF\xFF\xFF\xFF"sv, "BMW invoice 2026"sv, "MZ-12 spare parts"sv, "ID3 tags"sv,
        "{error}"sv, "[1] a footnote"sv, "<a@b.test> wrote:"sv}) {
    EXPECT_EQ(sniffed(head), "unknown");
  }
}

TEST(MediaType, essence_drops_parameters_and_case) {
  EXPECT_EQ(mime_essence("audio/ogg; codecs=opus"), "audio/ogg");
  EXPECT_EQ(mime_essence(" IMAGE/JPG "), "image/jpeg");
  EXPECT_EQ(mime_essence("*/*"), "");
  EXPECT_EQ(mime_essence("image"), "");
  EXPECT_EQ(mime_essence("image/jp eg"), "");
  EXPECT_EQ(mime_essence("image/x\r\nSet-Cookie: a"), "");
}

TEST(MediaType, bytes_decide_within_the_kind) {
  EXPECT_EQ(decided(kJpeg, "image/jpeg", "image"), "image/jpeg");
  EXPECT_EQ(decided(kPng, "image/jpeg", "image"), "image/png");
  EXPECT_EQ(decided(kPng, "", "image"), "image/png");
  EXPECT_EQ(decided(kPng, "video/mp4", "video"), "type_mismatch");
  EXPECT_EQ(decided("%PDF-1.4", "image/jpeg", "image"), "type_mismatch");
  EXPECT_EQ(decided("hello", "image/jpeg", "image"), "type_mismatch");
}

TEST(MediaType, an_html_page_is_never_taken_for_media) {
  EXPECT_EQ(decided(kHtml, "image/jpeg", "image"), "unexpected_html");
  EXPECT_EQ(decided(kHtml, "application/pdf", "document"), "unexpected_html");
  EXPECT_EQ(decided(kHtml, "text/plain", "document"), "unexpected_html");
  EXPECT_EQ(decided(kHtml, "text/html", "document"), "text/html");
}

TEST(MediaType, the_answer_of_an_api_is_never_taken_for_media) {
  constexpr std::string_view kJson = R"({"error":{"code":190}})";
  constexpr std::string_view kXml = "<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>";
  for (const std::string_view body : {kJson, kXml}) {
    EXPECT_EQ(decided(body, "image/jpeg", "image"), "unexpected_answer");
    EXPECT_EQ(decided(body, "audio/ogg", "audio"), "unexpected_answer");
    EXPECT_EQ(decided(body, "application/pdf", "document"), "unexpected_answer");
  }
  EXPECT_EQ(decided(kJson, "application/json", "document"), "application/json");
  EXPECT_EQ(decided(kJson, "text/plain", "document"), "text/plain");
  EXPECT_EQ(decided(kJson, "", "document"), "application/json");
  EXPECT_EQ(decided(kXml, "text/xml", "document"), "text/xml");
}

TEST(MediaType, programs_are_told_whatever_they_claim_to_be) {
  const std::string mz = "MZ" + std::string(100, '\0');
  for (const std::string_view bytes : {std::string_view(mz),
                                       "\x7F"
                                       "ELF\2"sv,
                                       "\xCA\xFE\xBA\xBE\0\0\0\x34"sv}) {
    EXPECT_EQ(decided(bytes, "image/jpeg", "image"), "executable");
    EXPECT_EQ(decided(bytes, "application/pdf", "document"), "executable");
    EXPECT_EQ(decided(bytes, "application/octet-stream", "document"), "executable");
  }
  EXPECT_EQ(decided("odd bytes", "application/x-msdownload", "document"), "executable");
}

TEST(MediaType, svg_is_a_document_not_an_image) {
  EXPECT_EQ(decided("<svg onload=alert(1)>", "image/svg+xml", "image"), "active_content");
  EXPECT_EQ(decided("<svg onload=alert(1)>", "image/png", "document"), "active_content");
  EXPECT_EQ(decided("<svg xmlns=''/>", "image/svg+xml", "document"), "image/svg+xml");
  EXPECT_FALSE(is_inline_safe("image/svg+xml"));
}

TEST(MediaType, sound_in_a_video_container_keeps_its_kind) {
  EXPECT_EQ(decided("\0\0\0\x18"
                    "ftypisom\0\0\2\0"sv,
                    "audio/mp4", "audio"),
            "audio/mp4");
}

TEST(MediaType, a_document_keeps_the_type_that_fits_its_container) {
  constexpr std::string_view kDocx =
      "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
  EXPECT_EQ(decided("PK\3\4", kDocx, "document"), kDocx);
  EXPECT_EQ(decided("PK\3\4", "application/pdf", "document"), "application/zip");
  EXPECT_EQ(decided("plain words", "text/plain; charset=utf-8", "document"), "text/plain");
  EXPECT_EQ(decided("plain words", "application/pdf", "document"), "application/octet-stream");
  EXPECT_EQ(decided("plain words", "", "document"), "application/octet-stream");
}

TEST(MediaType, sample_files_of_the_providers_are_recognised) {
  const std::pair<const char*, const char*> files[] = {
      {"photo.jpg", "image/jpeg"},        {"pixel.png", "image/png"},
      {"sticker.webp", "image/webp"},     {"voice.ogg", "audio/ogg"},
      {"voicemail.mp3", "audio/mpeg"},    {"clip.mp4", "video/mp4"},
      {"invoice.pdf", "application/pdf"}, {"login-page.html", "text/html"}};
  for (const auto& [name, mime] : files) {
    std::ifstream file(std::string(MEDIA_FIXTURES) + "/providers/media/" + name, std::ios::binary);
    ASSERT_TRUE(file) << name;
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(sniffed(bytes), mime) << name;
  }
}

}  // namespace
}  // namespace media

#include <algorithm>
#include <array>

#include "core/media_type.hpp"

// Signatures of the formats that messaging providers deliver; the published
// registries are WHATWG MIME Sniffing, ISO 14496-12 (brands at mp4ra.org), and
// each format's own specification.

namespace media {
namespace {

using std::string_view_literals::operator""sv;

bool has_at(std::string_view head, std::size_t offset, std::string_view magic) {
  return head.size() >= offset + magic.size() && head.substr(offset, magic.size()) == magic;
}

struct Signature {
  std::size_t offset;
  std::string_view magic;
  std::string_view mime;
};

constexpr auto kSignatures = std::to_array<Signature>({
    {0, "\xFF\xD8\xFF"sv, "image/jpeg"},
    {0, "\x89PNG\r\n\x1A\n"sv, "image/png"},
    {0, "GIF87a"sv, "image/gif"},
    {0, "GIF89a"sv, "image/gif"},
    {0, "II*\0"sv, "image/tiff"},
    {0, "MM\0*"sv, "image/tiff"},
    {0, "fLaC"sv, "audio/flac"},
    {0, "#!AMR-WB\n"sv, "audio/amr-wb"},
    {0, "#!AMR\n"sv, "audio/amr"},
    {0, "{\\rtf"sv, "application/rtf"},
    {0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "application/x-ole-storage"},
    {0, "PK\x03\x04"sv, "application/zip"},
    {0, "PK\x05\x06"sv, "application/zip"},
    {0, "\x1F\x8B\x08"sv, "application/gzip"},
    {0, "7z\xBC\xAF\x27\x1C"sv, "application/x-7z-compressed"},
    {0, "Rar!\x1A\x07"sv, "application/vnd.rar"},
    {0,
     "\x7F"
     "ELF"sv,
     "application/x-elf"},
    {0, "\xFE\xED\xFA\xCE"sv, "application/x-mach-binary"},
    {0, "\xFE\xED\xFA\xCF"sv, "application/x-mach-binary"},
    {0, "\xCE\xFA\xED\xFE"sv, "application/x-mach-binary"},
    {0, "\xCF\xFA\xED\xFE"sv, "application/x-mach-binary"},
    {0, "\xCA\xFE\xBA\xBE"sv, "application/java-vm"},  // and Mach-O for several machines
    {0, "dex\n"sv, "application/vnd.android.dex"},
    {0, "\0asm"sv, "application/wasm"},
    {0, "L\0\0\0\x01\x14\x02\0"sv, "application/x-ms-shortcut"},
});

struct Brand {
  std::string_view brand;
  std::string_view mime;
};

constexpr auto kBrands = std::to_array<Brand>({
    {"heic", "image/heic"},
    {"heix", "image/heic"},
    {"heim", "image/heic"},
    {"heis", "image/heic"},
    {"mif1", "image/heif"},
    {"msf1", "image/heif"},
    {"avif", "image/avif"},
    {"avis", "image/avif"},
    {"qt  ", "video/quicktime"},
    {"M4A ", "audio/mp4"},
    {"M4B ", "audio/mp4"},
    {"3gp", "video/3gpp"},
    {"3ge", "video/3gpp"},
    {"3gg", "video/3gpp"},
    {"3gr", "video/3gpp"},
    {"3gs", "video/3gpp"},
    {"3g2", "video/3gpp2"},
});

/// Magic of two or three letters also begins ordinary text ("BMW", "MZ-12"):
/// these formats show more of themselves in their fixed header fields.
std::optional<std::string_view> sniff_short_magic(std::string_view head) {
  if (has_at(head, 0, "BM") && has_at(head, 6, "\0\0\0\0"sv)) return "image/bmp";
  if (has_at(head, 0, "ID3") && head.size() > 4 && head[3] < 5) return "audio/mpeg";
  if (has_at(head, 0, "MZ") && head.substr(0, 64).find('\0') != std::string_view::npos) {
    return "application/x-msdownload";
  }
  return std::nullopt;
}

/// Readers accept the PDF header anywhere in the first kilobyte (ISO 32000-1 annex H.3).
std::optional<std::string_view> sniff_pdf(std::string_view head) {
  if (head.substr(0, 1024).find("%PDF-") == std::string_view::npos) return std::nullopt;
  return "application/pdf";
}

/// ISO base media: a "ftyp" box names the major brand.
std::optional<std::string_view> sniff_iso_media(std::string_view head) {
  if (!has_at(head, 4, "ftyp") || head.size() < 12) return std::nullopt;
  const std::string_view major = head.substr(8, 4);
  const auto known = std::find_if(kBrands.begin(), kBrands.end(), [&](const Brand& entry) {
    return major.starts_with(entry.brand);
  });
  return known == kBrands.end() ? "video/mp4" : known->mime;
}

std::optional<std::string_view> sniff_riff(std::string_view head) {
  if (!has_at(head, 0, "RIFF")) return std::nullopt;
  if (has_at(head, 8, "WEBPVP")) return "image/webp";
  if (has_at(head, 8, "WAVE")) return "audio/wav";
  if (has_at(head, 8, "AVI ")) return "video/x-msvideo";
  return std::nullopt;
}

/// Matroska and WebM share EBML; the doctype tells them apart.
std::optional<std::string_view> sniff_ebml(std::string_view head) {
  if (!has_at(head, 0, "\x1A\x45\xDF\xA3")) return std::nullopt;
  const bool is_webm = head.substr(0, 64).find("webm") != std::string_view::npos;
  return is_webm ? "video/webm" : "video/x-matroska";
}

std::optional<std::string_view> sniff_ogg(std::string_view head) {
  if (!has_at(head, 0, "OggS\0"sv)) return std::nullopt;
  return has_at(head, 28, "\x80theora") ? "video/ogg" : "audio/ogg";
}

/// MPEG audio frames start with eleven set bits; the layer bits tell AAC
/// (ADTS, layer 0) from MP3, and reserved values are no frame at all.
std::optional<std::string_view> sniff_mpeg_audio(std::string_view head) {
  if (head.size() < 4 || head[0] != '\xFF') return std::nullopt;
  const auto second = static_cast<unsigned char>(head[1]);
  const auto third = static_cast<unsigned char>(head[2]);
  if ((second & 0xF6) == 0xF0) return "audio/aac";
  const bool has_sync = (second & 0xE0) == 0xE0;
  const bool has_version = (second & 0x18) != 0x08;
  const bool has_layer = (second & 0x06) != 0;
  const bool has_bitrate = (third & 0xF0) != 0xF0;
  const bool has_rate = (third & 0x0C) != 0x0C;
  if (has_sync && has_version && has_layer && has_bitrate && has_rate) return "audio/mpeg";
  return std::nullopt;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(), [](char want, char have) {
    return want == (have >= 'A' && have <= 'Z' ? static_cast<char>(have + 32) : have);
  });
}

/// WHATWG MIME Sniffing section 7.1, after white space and a byte order mark.
/// Whoever adds bytes before the markup gets no image out of it either.
std::optional<std::string_view> sniff_markup(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const std::size_t start = head.find_first_not_of(" \t\r\n\f");
  if (start == std::string_view::npos || head[start] != '<') return std::nullopt;
  head.remove_prefix(start);
  constexpr auto kHtml = std::to_array<std::string_view>({"<!doctype html",
                                                          "<html",
                                                          "<head",
                                                          "<script",
                                                          "<iframe",
                                                          "<h1",
                                                          "<div",
                                                          "<font",
                                                          "<table",
                                                          "<a ",
                                                          "<style",
                                                          "<title",
                                                          "<b>",
                                                          "<body",
                                                          "<br",
                                                          "<p>",
                                                          "<p ",
                                                          "<!--",
                                                          "<meta",
                                                          "<form"});
  for (const std::string_view tag : kHtml) {
    if (starts_with_ignoring_case(head, tag)) return "text/html";
  }
  if (head.find("<svg") != std::string_view::npos) return "image/svg+xml";
  if (starts_with_ignoring_case(head, "<?xml")) return "text/xml";
  // Some error documents come without the prolog.
  const bool is_tag = head.size() > 1 && ((head[1] | 0x20) >= 'a' && (head[1] | 0x20) <= 'z');
  if (is_tag && head.find("</") != std::string_view::npos) return "text/xml";
  return std::nullopt;
}

/// An object or array of JSON: what an API answers in place of a file.
std::optional<std::string_view> sniff_json(std::string_view head) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t start = head.find_first_not_of(kSpace);
  if (start == std::string_view::npos || (head[start] != '{' && head[start] != '[')) {
    return std::nullopt;
  }
  const std::size_t next = head.find_first_not_of(kSpace, start + 1);
  if (next == std::string_view::npos) return std::nullopt;
  const bool is_object = head[start] == '{' && (head[next] == '"' || head[next] == '}');
  const bool is_array = head[start] == '[' && (head[next] == '{' || head[next] == '"');
  if (is_object || is_array) return "application/json";
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> sniff_mime_type(ByteView bytes) {
  const std::string_view head = as_text(bytes.subspan(0, std::min(bytes.size(), kSniffSize)));
  for (const Signature& signature : kSignatures) {
    if (has_at(head, signature.offset, signature.magic)) return signature.mime;
  }
  for (const auto sniff : {sniff_short_magic, sniff_iso_media, sniff_riff, sniff_ebml, sniff_ogg,
                           sniff_mpeg_audio, sniff_markup, sniff_pdf, sniff_json}) {
    if (const auto mime = sniff(head)) return mime;
  }
  return std::nullopt;
}

}  // namespace media

#include "core/media_type.hpp"

#include <algorithm>
#include <array>

namespace media {
namespace {

struct Type {
  std::string_view mime;
  std::string_view extension;
  bool is_inline_safe;
};

/// The types that have a name here; anything else is a document to download.
constexpr auto kTypes = std::to_array<Type>({
    {"image/jpeg", "jpg", true},
    {"image/png", "png", true},
    {"image/gif", "gif", true},
    {"image/webp", "webp", true},
    {"image/avif", "avif", true},
    {"image/heic", "heic", true},
    {"image/heif", "heif", true},
    {"image/bmp", "bmp", true},
    {"image/tiff", "tiff", true},
    {"image/svg+xml", "svg", false},
    {"video/mp4", "mp4", true},
    {"video/webm", "webm", true},
    {"video/quicktime", "mov", true},
    {"video/3gpp", "3gp", true},
    {"video/3gpp2", "3g2", true},
    {"video/ogg", "ogv", true},
    {"video/x-msvideo", "avi", true},
    {"video/x-matroska", "mkv", true},
    {"audio/mpeg", "mp3", true},
    {"audio/mp4", "m4a", true},
    {"audio/aac", "aac", true},
    {"audio/ogg", "ogg", true},
    {"audio/opus", "opus", true},
    {"audio/wav", "wav", true},
    {"audio/flac", "flac", true},
    {"audio/amr", "amr", true},
    {"audio/amr-wb", "awb", true},
    {"application/pdf", "pdf", true},
    {"text/plain", "txt", true},
    {"text/csv", "csv", false},
    {"text/html", "html", false},
    {"text/xml", "xml", false},
    {"text/vcard", "vcf", false},
    {"application/rtf", "rtf", false},
    {"application/json", "json", false},
    {"application/zip", "zip", false},
    {"application/gzip", "gz", false},
    {"application/msword", "doc", false},
    {"application/vnd.ms-excel", "xls", false},
    {"application/vnd.ms-powerpoint", "ppt", false},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", false},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", false},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx", false},
});

const Type* find_type(std::string_view mime) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const Type& type) { return type.mime == mime; });
  return found == kTypes.end() ? nullptr : &*found;
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kSymbols = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSymbols.find(c) != std::string_view::npos;
  });
}

/// Names under which providers send a type that has another official one.
std::string_view canonical(std::string_view mime) {
  struct Alias {
    std::string_view name;
    std::string_view mime;
  };
  constexpr auto kAliases = std::to_array<Alias>({
      {"image/jpg", "image/jpeg"},
      {"image/pjpeg", "image/jpeg"},
      {"audio/mp3", "audio/mpeg"},
      {"audio/x-m4a", "audio/mp4"},
      {"audio/m4a", "audio/mp4"},
      {"audio/x-wav", "audio/wav"},
      {"audio/wave", "audio/wav"},
      {"video/avi", "video/x-msvideo"},
      {"text/x-vcard", "text/vcard"},
      {"application/xml", "text/xml"},
      {"application/xhtml+xml", "text/html"},
      {"text/json", "application/json"},
  });
  for (const Alias& alias : kAliases) {
    if (alias.name == mime) return alias.mime;
  }
  return mime;
}

bool says_nothing(std::string_view mime) {
  return mime.empty() || mime == "application/octet-stream" || mime == "binary/octet-stream";
}

/// Containers that hold sound as well as pictures: which one it is, the sender knows.
bool is_shared_container(std::string_view sniffed, std::string_view declared) {
  constexpr auto kPairs = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"video/mp4", "audio/mp4"},
      {"video/mp4", "audio/aac"},
      {"audio/mp4", "video/mp4"},
      {"video/3gpp", "audio/3gpp"},
      {"video/webm", "audio/webm"},
      {"audio/ogg", "audio/opus"},
      {"audio/ogg", "video/ogg"},
      {"image/heif", "image/heic"},
  });
  return std::find(kPairs.begin(), kPairs.end(), std::pair(sniffed, declared)) != kPairs.end();
}

/// Office files are zip or OLE containers on the outside.
bool is_office_container(std::string_view sniffed, std::string_view declared) {
  if (sniffed == "application/zip") {
    return declared.starts_with("application/vnd.openxmlformats-") ||
           declared.starts_with("application/vnd.oasis.opendocument.") ||
           declared == "application/epub+zip" || declared.ends_with("+zip");
  }
  return sniffed == "application/x-ole-storage" &&
         (declared == "application/msword" || declared.starts_with("application/vnd.ms-"));
}

/// Types whose bytes sniff_mime_type() would have recognised.
bool has_signature(std::string_view mime) {
  return file_type_of(mime) != "document" || mime == "application/pdf" ||
         mime == "application/zip" || is_office_container("application/zip", mime) ||
         is_office_container("application/x-ole-storage", mime);
}

std::string named(std::string_view mime) { return std::string(mime); }

/// What servers answer, pages and errors, in the place of something else.
std::optional<Error> answer_instead(std::string_view sniffed, std::string_view of_what) {
  if (sniffed == "text/html") {
    return Error{ErrorCode::unexpected_html, "an HTML page came instead of the " + named(of_what)};
  }
  if (sniffed == "application/json" || sniffed == "text/xml") {
    return Error{ErrorCode::unexpected_answer,
                 named(sniffed) + " came instead of the " + named(of_what)};
  }
  return std::nullopt;
}

bool is_text(std::string_view mime) {
  return mime.starts_with("text/") || mime == "application/json" || mime.ends_with("+xml") ||
         mime.ends_with("+json");
}

std::unexpected<Error> refuse_program(std::string_view mime) {
  return fail(ErrorCode::executable, "the bytes are a program (" + named(mime) + ")");
}

/// Pages and scripts that claim to be something harmless.
std::optional<Error> disguise(std::string_view sniffed, std::string_view declared) {
  if (sniffed == "text/html" && declared != "text/html") return answer_instead(sniffed, "document");
  if (sniffed == "image/svg+xml" && has_signature(declared)) {
    return Error{ErrorCode::active_content, "an SVG came as " + named(declared)};
  }
  // Who declares nothing, or text, may well mean it.
  if (has_signature(declared)) return answer_instead(sniffed, "document");
  return std::nullopt;
}

/// A document of another type than it claims is kept as what it is, to be
/// downloaded, or people would lose what they were sent; unless that could
/// harm whoever opens it.
Result<std::string> decide_document(std::optional<std::string_view> sniffed,
                                    std::string_view declared) {
  if (!sniffed) {
    const bool is_believed = !says_nothing(declared) && !has_signature(declared);
    if (is_believed && is_executable(declared)) return refuse_program(declared);
    return std::string(is_believed ? declared : "application/octet-stream");
  }
  if (is_executable(*sniffed)) return refuse_program(*sniffed);
  if (auto disguised = disguise(*sniffed, declared)) return std::unexpected(std::move(*disguised));
  if (is_office_container(*sniffed, declared) || is_shared_container(*sniffed, declared)) {
    return std::string(declared);
  }
  return std::string(is_text(declared) && is_text(*sniffed) ? declared : *sniffed);
}

}  // namespace

std::string mime_essence(std::string_view declared) {
  std::string_view essence = declared.substr(0, declared.find(';'));
  const std::size_t first = essence.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  essence = essence.substr(first, essence.find_last_not_of(" \t\r\n") - first + 1);
  const std::size_t slash = essence.find('/');
  if (slash == std::string_view::npos || !is_token(essence.substr(0, slash)) ||
      !is_token(essence.substr(slash + 1)) || essence.find('*') != std::string_view::npos) {
    return "";
  }
  std::string lower(essence);
  std::transform(lower.begin(), lower.end(), lower.begin(), to_lower);
  return std::string(canonical(lower));
}

std::string_view file_type_of(std::string_view mime) {
  if (mime == "image/svg+xml") return "document";
  if (mime.starts_with("image/")) return "image";
  if (mime.starts_with("video/")) return "video";
  if (mime.starts_with("audio/")) return "audio";
  return "document";
}

std::string_view extension_of(std::string_view mime) {
  const Type* const type = find_type(mime);
  return type == nullptr ? "bin" : type->extension;
}

bool is_inline_safe(std::string_view mime) {
  const Type* const type = find_type(mime);
  return type != nullptr && type->is_inline_safe;
}

bool is_executable(std::string_view mime) {
  constexpr auto kPrograms = std::to_array<std::string_view>({
      "application/x-elf",
      "application/x-executable",
      "application/x-pie-executable",
      "application/x-sharedlib",
      "application/x-object",
      "application/x-msdownload",
      "application/x-dosexec",
      "application/vnd.microsoft.portable-executable",
      "application/x-msi",
      "application/x-ms-shortcut",
      "application/x-mach-binary",
      "application/java-vm",
      "application/x-java-applet",
      "application/java-archive",
      "application/vnd.android.package-archive",
      "application/vnd.android.dex",
      "application/wasm",
  });
  return std::find(kPrograms.begin(), kPrograms.end(), mime) != kPrograms.end();
}

Result<std::string> decide_mime_type(ByteView head, std::string_view declared,
                                     std::string_view file_type) {
  std::string claimed = mime_essence(declared);
  const auto sniffed = sniff_mime_type(head);
  if (file_type == "document") return decide_document(sniffed, claimed);
  std::string shown(sniffed.value_or("of an unknown type"));
  if (auto answer = answer_instead(shown, file_type)) return std::unexpected(std::move(*answer));
  if (is_executable(shown)) return refuse_program(shown);
  if (sniffed && is_shared_container(shown, claimed) && file_type_of(claimed) == file_type) {
    return claimed;
  }
  if (sniffed && file_type_of(shown) == file_type) return shown;
  return fail(shown == "image/svg+xml" ? ErrorCode::active_content : ErrorCode::type_mismatch,
              "the bytes are " + shown + ", which is no " + std::string(file_type));
}

}  // namespace media

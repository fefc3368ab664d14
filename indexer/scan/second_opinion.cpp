#include "indexer/scan/second_opinion.hpp"

#include <magic.h>

#include <algorithm>
#include <array>
#include <memory>

#include "core/media_type.hpp"

namespace media::scan {
namespace {

struct CloseMagic {
  void operator()(magic_set* cookie) const { ::magic_close(cookie); }
};
using Magic = std::unique_ptr<magic_set, CloseMagic>;

/// Loading takes a millisecond, so each thread keeps one; they can't be shared.
Magic open_magic() {
  // What is inside an archive is the scanner's business, not worth the risk here.
  Magic magic(::magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_COMPRESS));
  if (magic == nullptr || ::magic_load(magic.get(), nullptr) != 0) return nullptr;
  const std::size_t limit = kOpinionSize;
  ::magic_setparam(magic.get(), MAGIC_PARAM_BYTES_MAX, &limit);
  return magic;
}

bool is_script(std::string_view mime) {
  constexpr auto kScripts = std::to_array<std::string_view>(
      {"text/html", "image/svg+xml", "text/javascript", "application/javascript",
       "text/x-msdos-batch", "text/x-php", "text/x-shellscript", "text/x-perl", "text/x-python",
       "text/x-script.python", "text/x-ruby", "text/x-lua", "text/x-tcl"});
  return std::ranges::find(kScripts, mime) != kScripts.end();
}

/// Who declares text, or nothing, may mean the script.
bool claims_something_else(std::string_view declared) {
  const std::string essence = mime_essence(declared);
  return !essence.empty() && !essence.starts_with("text/") && essence != "image/svg+xml" &&
         !essence.ends_with("/octet-stream") && !essence.ends_with("script") &&
         !essence.ends_with("json") && !essence.ends_with("xml") && !essence.ends_with("-sh") &&
         !essence.ends_with("-php") && !essence.ends_with("-httpd-php");
}

}  // namespace

Result<std::string> libmagic_type(ByteView head) {
  thread_local const Magic magic = open_magic();
  if (magic == nullptr) {
    return fail(ErrorCode::internal, "libmagic can't load its database: install libmagic-mgc");
  }
  const ByteView seen = head.first(std::min(head.size(), kOpinionSize));
  const char* mime = ::magic_buffer(magic.get(), seen.data(), seen.size());
  if (mime == nullptr) return fail(ErrorCode::internal, "libmagic failed");
  return std::string(mime);
}

std::optional<Error> judge_opinion(std::string_view opinion, std::string_view declared) {
  if (is_executable(opinion)) {
    return Error{ErrorCode::executable, "the bytes are a program (" + std::string(opinion) + ")"};
  }
  if (is_script(opinion) && claims_something_else(declared)) {
    return Error{ErrorCode::active_content,
                 "a script (" + std::string(opinion) + ") came as " + mime_essence(declared)};
  }
  return std::nullopt;
}

}  // namespace media::scan

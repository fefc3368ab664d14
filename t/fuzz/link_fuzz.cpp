#include <array>

#include "core/signed_link.hpp"

namespace {

constexpr std::int64_t kNow = 1795250000;
const std::array<media::LinkKey, 1> kKeys{{{"k", media::Bytes(32, 'k')}}};

/// Nothing may be granted without the key.
void check_foreign(std::string_view query) {
  media::has_link(query);
  const media::LinkRequest request{"GET", "/media/1", query, "user", "192.0.2.1"};
  if (media::verify_link(request, kKeys, kNow)) __builtin_trap();
}

/// What we sign is granted to this user below this path, and to nobody else.
void check_own(std::string_view text) {
  if (text.size() > 500 || text.find('\n') != std::string_view::npos) return;
  const std::string path = "/" + std::string(text) + "/";
  const std::string user = "u" + std::string(text);
  const media::LinkGrant grant{path, true, "GET", kNow + 1, user, "192.0.2.1"};
  const std::string query = media::sign_link(grant, kKeys[0]);
  media::LinkRequest request{"HEAD", path, query, user, "192.0.2.1"};
  if (!media::verify_link(request, kKeys, kNow)) __builtin_trap();
  request.user = "";
  if (media::verify_link(request, kKeys, kNow)) __builtin_trap();
}

}  // namespace

// The input is a query from outside, and what a link of our own may have to hold.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = media::as_text({data, size});
  check_foreign(text);
  check_own(text);
  return 0;
}

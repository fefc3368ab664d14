#include <array>

#include "core/signed_link.hpp"

// The input is the query; nothing may be granted without the key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<media::LinkKey, 1> kKeys{{{"k", media::Bytes(32, 'k')}}};
  const std::string_view query = media::as_text({data, size});
  media::has_link(query);
  const media::LinkRequest request{"GET", "/media/1", query, "user", "192.0.2.1"};
  if (media::verify_link(request, kKeys, 1795250000)) __builtin_trap();
  return 0;
}

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "indexer/fetch/address_policy.hpp"

namespace media::fetch {
namespace {

TEST(AddressPolicy, public_addresses_pass) {
  for (const char* address : {
           "1.1.1.1",
           "8.8.8.8",
           "9.255.255.255",
           "11.0.0.0",
           "100.63.255.255",
           "100.128.0.0",
           "126.255.255.255",
           "128.0.0.0",
           "169.253.255.255",
           "169.255.0.0",
           "172.15.255.255",
           "172.32.0.0",
           "192.0.1.0",
           "192.0.3.0",
           "192.88.98.255",
           "192.167.255.255",
           "192.169.0.0",
           "198.17.255.255",
           "198.20.0.0",
           "198.51.99.255",
           "203.0.112.255",
           "203.0.114.0",
           "223.255.255.255",
           "168.63.129.15",
           "2606:4700:4700::1111",
           "2001:4860:4860::8888",
           "2a03:2880:f10c:283:face:b00c:0:25de",
           "2001:200::1",
           "2003::1",
           "3ffe::1",
           "3fff:1000::1",
           "::ffff:8.8.8.8",                // mapped
           "64:ff9b::8.8.8.8",              // NAT64, as DNS64 gives out
           "2002:808:808::1",               // 6to4
           "2001:0:808:808:0:0:f7f7:f7f7",  // Teredo of 8.8.8.8 on both sides
           "2606:4700::5efe:8.8.8.8",       // ISATAP
       }) {
    EXPECT_TRUE(is_public_address(std::string_view(address))) << address;
  }
}

TEST(AddressPolicy, everything_else_does_not) {
  for (const char* address : {
           "0.0.0.0",
           "0.1.2.3",
           "10.0.0.1",
           "10.255.255.255",
           "100.64.0.0",
           "100.127.255.255",
           "100.100.100.200",
           "127.0.0.1",
           "127.255.255.255",
           "168.63.129.16",
           "169.254.0.0",
           "169.254.169.254",
           "172.16.0.0",
           "172.31.255.255",
           "192.0.0.0",
           "192.0.0.255",
           "192.0.2.1",
           "192.88.99.1",
           "192.168.0.0",
           "192.168.255.255",
           "198.18.0.0",
           "198.19.255.255",
           "198.51.100.1",
           "203.0.113.255",
           "224.0.0.1",
           "239.255.255.255",
           "240.0.0.1",
           "255.255.255.254",
           "255.255.255.255",
           "::",
           "::1",
           "::2",
           "fc00::1",
           "fd00:ec2::254",
           "fdff:ffff::1",
           "fe80::1",
           "fe80::1%eth0",
           "febf::1",
           "fec0::1",
           "ff00::1",
           "ff02::1",
           "100::1",
           "5f00::1",
           "4000::1",
           "e000::1",
           "2001:db8::1",
           "3fff::1",
           "3fff:fff::1",  // documentation
           "2001:2::1",
           "2001:10::1",
           "2001:20::1",  // benchmark, ORCHID
           "::ffff:127.0.0.1",
           "::ffff:10.0.0.1",
           "::ffff:169.254.169.254",
           "::ffff:0.0.0.0",
           "::127.0.0.1",
           "::8.8.8.8",         // compatible, obsolete
           "::ffff:0:8.8.8.8",  // translated
           "64:ff9b::127.0.0.1",
           "64:ff9b::10.1.2.3",
           "64:ff9b::169.254.169.254",
           "64:ff9b:1::8.8.8.8",
           "64:ff9b:1::10.0.0.1",
           "64:ff9b:0:0:0:1:8.8.8.8",
           "2002:7f00:1::1",
           "2002:a00:1::1",
           "2002:a9fe:a9fe::1",
           "2002:c0a8:101::",
           "2001:0:808:808:0:0:80ff:fffe",  // Teredo client 127.0.0.1
           "2001:0:a00:1:0:0:f7f7:f7f7",    // Teredo server 10.0.0.1
           "2606:4700::5efe:10.0.0.1",
           "2606:4700::200:5efe:127.0.0.1",
           "2002:808:808:0:0:5efe:192.168.0.1",  // ISATAP inside 6to4
           "",
           "localhost",
           "127.1",
           "2130706433",
           "8.8.8.8.8",
           "1.1.1.1:80",
           "[::1]",
       }) {
    EXPECT_FALSE(is_public_address(std::string_view(address))) << address;
  }
}

TEST(AddressPolicy, socket_addresses_are_read_like_their_text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(0x08080808);
  EXPECT_TRUE(is_public_address(reinterpret_cast<const sockaddr&>(v4)));
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_FALSE(is_public_address(reinterpret_cast<const sockaddr&>(v4)));

  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  ASSERT_EQ(::inet_pton(AF_INET6, "2606:4700:4700::1111", &v6.sin6_addr), 1);
  EXPECT_TRUE(is_public_address(reinterpret_cast<const sockaddr&>(v6)));
  v6.sin6_addr = in6addr_loopback;
  EXPECT_FALSE(is_public_address(reinterpret_cast<const sockaddr&>(v6)));
}

TEST(AddressPolicy, other_families_are_not_public) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  EXPECT_FALSE(is_public_address(reinterpret_cast<const sockaddr&>(local)));
}

}  // namespace
}  // namespace media::fetch

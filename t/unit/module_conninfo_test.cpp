#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "ngx_media_module/lookup/conninfo.hpp"

namespace media::nginx {
namespace {

std::map<std::string, std::string> parameters_of(const std::string& conninfo) {
  const auto target = ConnectTarget::parse(conninfo);
  EXPECT_TRUE(target.has_value()) << (target ? "" : target.error().message);
  std::map<std::string, std::string> parameters;
  if (!target) return parameters;
  const auto keywords = target->keywords();
  const auto values = target->values();
  for (std::size_t i = 0; keywords.at(i) != nullptr; ++i) parameters[keywords[i]] = values.at(i);
  return parameters;
}

std::string error_of(const std::string& conninfo) {
  const auto target = ConnectTarget::parse(conninfo);
  return target ? "no error" : target.error().message;
}

TEST(ConnectTarget, keeps_what_was_given_and_adds_what_is_needed) {
  auto parameters = parameters_of("host=/run/postgresql dbname=media user=nginx");
  EXPECT_EQ(parameters["host"], "/run/postgresql");
  EXPECT_EQ(parameters["dbname"], "media");
  EXPECT_EQ(parameters["user"], "nginx");
  EXPECT_EQ(parameters["gssencmode"], "disable");
  EXPECT_EQ(parameters["fallback_application_name"], "ngx_media");
}

TEST(ConnectTarget, takes_uris) {
  auto parameters = parameters_of("postgresql://nginx@127.0.0.1:5433/media?sslmode=disable");
  EXPECT_EQ(parameters["host"], "127.0.0.1");
  EXPECT_EQ(parameters["port"], "5433");
  EXPECT_EQ(parameters.count("hostaddr"), 0U);
}

TEST(ConnectTarget, resolves_a_host_name_and_keeps_it_for_tls) {
  auto parameters = parameters_of("host=localhost dbname=media");
  EXPECT_EQ(parameters["host"], "localhost");
  EXPECT_TRUE(parameters["hostaddr"] == "127.0.0.1" || parameters["hostaddr"] == "::1");
}

TEST(ConnectTarget, leaves_a_given_address_alone) {
  auto parameters = parameters_of("host=no.such.host.invalid hostaddr=192.0.2.1");
  EXPECT_EQ(parameters["hostaddr"], "192.0.2.1");
}

TEST(ConnectTarget, refuses_what_would_block_or_surprise) {
  EXPECT_NE(error_of("host=no.such.host.invalid").find("no.such.host.invalid"), std::string::npos);
  EXPECT_NE(error_of("service=media").find("service"), std::string::npos);
  EXPECT_NE(error_of("host=a,b").find("host"), std::string::npos);
  EXPECT_NE(error_of("host=/tmp port=1,2").find("port"), std::string::npos);
}

TEST(ConnectTarget, names_an_unknown_option_but_quotes_no_value) {
  EXPECT_NE(error_of("colour=blue").find("colour"), std::string::npos);
  EXPECT_EQ(error_of("password=my secret").find("secret"), std::string::npos);
}

TEST(ConnectTarget, describes_itself_without_the_password) {
  const auto target = ConnectTarget::parse("host=/tmp dbname=media user=nginx password=hidden");
  EXPECT_EQ(target->describe(), "host=/tmp dbname=media user=nginx");
}

}  // namespace
}  // namespace media::nginx

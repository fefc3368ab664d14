#include "indexer/config.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "indexer/config_section.hpp"
#include "indexer/providers/registry.hpp"

namespace media {
namespace {

using config::has_path;
using config::is_http_url;
using config::Problems;
using config::Section;
using config::url_without_trailing_slash;

bool is_unix_socket(std::string_view listen) { return listen.starts_with("unix:"); }

bool is_loopback(std::string_view listen) {
  const std::string_view host = listen.substr(0, listen.rfind(':'));
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

void read_socket_mode(Section& section, unsigned& mode) {
  std::string text = "0660";
  section.read("socket_mode", text);
  const bool octal =
      !text.empty() && text.size() <= 4 && text.find_first_not_of("01234567") == std::string::npos;
  if (octal) {
    mode = static_cast<unsigned>(std::stoul(text, nullptr, 8));
  } else {
    section.problem("socket_mode", "must be octal digits in quotes, like \"0660\"");
  }
}

void read_server(Section section, ServerConfig& server) {
  section.read("listen", server.listen);
  const bool is_tcp = server.listen.rfind(':') != std::string::npos &&
                      server.listen.rfind(':') + 1 < server.listen.size();
  if (is_unix_socket(server.listen) ? server.listen.size() <= 5 : !is_tcp) {
    section.problem("listen", "must be \"unix:/path\" or \"host:port\"");
  }
  read_socket_mode(section, server.socket_mode);
  section.read("public_url", server.public_url);
  server.public_url = url_without_trailing_slash(server.public_url);
  if (!is_http_url(server.public_url)) {
    section.problem("public_url", "must be like \"https://media.example.com\"");
  }
  section.read_number("max_body_bytes", server.max_body_bytes, 1024, 64 << 20);
  section.read_number("webhook_rate", server.webhook_rate, 0, 100000);
  section.read_number("webhook_burst", server.webhook_burst, 1, 1000000);
  section.read_duration("stop_grace_seconds", server.stop_grace, 0, 3600);
  section.finish();
}

void read_database(Section section, DatabaseConfig& database) {
  section.require("conninfo", database.conninfo);
  section.read_number("connections", database.connections, 1, 200);
  section.read_duration("query_timeout_ms", database.query_timeout, 100, 600000);
  section.finish();
}

void read_auth(Section section, AuthConfig& auth) {
  section.require("jwt_key_file", auth.jwt_key_file);
  section.read("audience", auth.audience);
  section.read("issuer", auth.issuer);
  section.finish();
}

void read_links(Section section, LinksConfig& links) {
  for (Section entry : section.tables("keys")) {
    LinkKeyFile key;
    entry.require("id", key.id);
    entry.require("file", key.file);
    entry.finish();
    if (!key.id.empty() && !is_link_key_id(key.id)) {
      entry.problem("id", "must be 1 to 32 of A-Z a-z 0-9 _ -");
    }
    if (std::ranges::count(links.keys, key.id, &LinkKeyFile::id) > 0) {
      entry.problem("id", "is the id of another key, too");
    }
    links.keys.push_back(std::move(key));
  }
  section.finish();
}

void read_quarantine(Section section, QuarantineConfig& quarantine) {
  section.read_duration("max_age_days", quarantine.max_age, 1, 3650);
  section.read_number("max_bytes", quarantine.max_bytes, 1 << 20, std::int64_t{1} << 50);
  section.finish();
}

bool is_clamd_address(std::string_view address) {
  if (address.starts_with("unix:/")) return address.size() > 6;
  const auto colon = address.rfind(':');
  return address.starts_with("tcp:") && colon > 4 && colon + 1 < address.size();
}

void read_scan(Section section, ScanConfig& scan) {
  section.read("clamd", scan.clamd);
  if (!scan.clamd.empty() && !is_clamd_address(scan.clamd)) {
    section.problem("clamd", "must be \"unix:/path\" or \"tcp:host:port\"");
  }
  section.read_duration("timeout_ms", scan.timeout, 100, 3600000);
  section.read_number("max_bytes", scan.max_bytes, 1024, std::int64_t{4} << 30);
  std::string on_error = "retry";
  section.read("on_error", on_error);
  if (on_error != "retry" && on_error != "accept") {
    section.problem("on_error", "must be \"retry\" or \"accept\"");
  }
  scan.accept_on_error = on_error == "accept";
  section.finish();
}

void read_deletion(Section section, DeletionConfig& deletion) {
  section.read_duration("grace_seconds", deletion.grace, 1, 10 * 366 * 86400);
  section.finish();
}

void read_events(Section section, EventsConfig& events) {
  section.read_number("keep_months", events.keep_months, 1, 1200);
  section.finish();
}

void read_spool(Section section, const ServerConfig& server, SpoolConfig& spool) {
  section.read("directory", spool.directory);
  if (!spool.directory.starts_with('/')) section.problem("directory", "must be an absolute path");
  section.read_number("max_bytes", spool.max_bytes, 1 << 20, std::int64_t{1} << 40);
  section.read_number("max_files", spool.max_files, 1, 1000000);
  if (spool.max_bytes < server.max_body_bytes) {
    section.problem("max_bytes", "must not be less than server.max_body_bytes");
  }
  section.finish();
}

void read_backup(Section section, BackupConfig& backup) {
  section.read("to", backup.to);
  if (!backup.to.empty() && !backup.to.starts_with('/') && !backup.to.starts_with("store:")) {
    section.problem("to", "must be an absolute path, or \"store:NAME\"");
  }
  section.read("conninfo", backup.conninfo);
  section.read_number("keep", backup.keep, 0, 100000);
  section.finish();
}

// A part of the concurrency: what nobody may fill alone leaves room for others.
void read_share(Section& section, std::string_view key, std::size_t concurrency,
                std::size_t& share) {
  section.read_number(key, share, 0, 4096);
  if (share > concurrency) section.problem(key, "must not be more than fetch.concurrency");
  if (share == 0) share = (concurrency * 3 + 3) / 4;
}

void read_fetch(Section section, const ServerConfig& server, FetchConfig& fetch) {
  fetch.user_agent = "ngx_media/" + std::string(kVersion);
  section.read_number("concurrency", fetch.concurrency, 1, 4096);
  read_share(section, "concurrency_per_company", fetch.concurrency, fetch.concurrency_per_company);
  read_share(section, "concurrency_per_host", fetch.concurrency, fetch.concurrency_per_host);
  section.read_number("workers", fetch.workers, 1, 64);
  section.read_duration("connect_timeout_ms", fetch.connect_timeout, 100, 600000);
  section.read_duration("stall_timeout_ms", fetch.stall_timeout, 1000, 3600000);
  section.read_duration("total_timeout_ms", fetch.total_timeout, 1000, 86400000);
  section.read_number("max_redirects", fetch.max_redirects, 0, 20);
  section.read_number("max_attempts", fetch.max_attempts, 1, 100);
  section.read_duration("retry_base_ms", fetch.retry_base, 1, 3600000);
  section.read_duration("retry_max_ms", fetch.retry_max, 1, 86400000);
  if (fetch.retry_max < fetch.retry_base) {
    section.problem("retry_max_ms", "must not be less than fetch.retry_base_ms");
  }
  section.read_duration("lease_seconds", fetch.lease, 1, 3600);
  section.read("allow_private_addresses", fetch.allow_private_addresses);
  section.read("allow_plain_http", fetch.allow_plain_http);
  if (!is_unix_socket(server.listen) && !is_loopback(server.listen)) {
    const std::string why = "is for tests: not together with server.listen on a public address";
    if (fetch.allow_private_addresses) section.problem("allow_private_addresses", why);
    if (fetch.allow_plain_http) section.problem("allow_plain_http", why);
  }
  section.read("ca_file", fetch.ca_file);
  section.read("user_agent", fetch.user_agent);
  if (fetch.user_agent.find_first_not_of(' ') == std::string::npos ||
      std::ranges::any_of(fetch.user_agent, [](unsigned char c) { return c < 32 || c > 126; })) {
    section.problem("user_agent", "must be printable ASCII and not empty");
  }
  section.finish();
}

void read_api_url(Section& section, const providers::Registration& provider, bool allow_plain_http,
                  std::string& url) {
  section.read(provider.api_url_name, url);
  url = url_without_trailing_slash(url);
  if (!is_http_url(url)) {
    section.problem(provider.api_url_name, "must be like \"" + provider.defaults.api_url + "\"");
  } else if (url.starts_with("http://") && !allow_plain_http) {
    section.problem(provider.api_url_name, "must be https: a credential goes there");
  } else if (!has_path(url)) {
    url += provider.api_path;
  }
}

void read_provider(Section section, const providers::Registration& provider, bool allow_plain_http,
                   providers::ProviderSettings& settings) {
  if (!provider.defaults.api_url.empty()) {
    read_api_url(section, provider, allow_plain_http, settings.api_url);
  }
  section.read_list("media_hosts", settings.media_hosts);
  if (provider.sends_credential && settings.media_hosts.empty()) {
    section.problem("media_hosts", "must name the hosts that may see the credential");
  }
  section.read_list("redirect_hosts", settings.redirect_hosts);
  if (provider.has_tolerance) {
    section.read_duration("tolerance_seconds", settings.tolerance, 1, 7 * 86400);
  }
  section.finish();
}

void read_log(Section section, std::string& level) {
  section.read("level", level);
  if (level != "debug" && level != "info" && level != "warn" && level != "error") {
    section.problem("level", "must be debug, info, warn or error");
  }
  section.finish();
}

void read_all(const toml::table& table, const Environment& environment, Problems& problems,
              Config& config) {
  Section root(&table, "", problems);
  read_server(root.section("server"), config.server);
  read_database(root.section("database"), config.database);
  read_auth(root.section("auth"), config.auth);
  Section secrets = root.section("secrets");
  secrets.require("key_file", config.secrets.key_file);
  secrets.finish();
  read_links(root.section("links"), config.links);
  config::read_storage(root.section("storage"), root.section("buckets"), environment,
                       config.storage);
  read_quarantine(root.section("quarantine"), config.quarantine);
  read_scan(root.section("scan"), config.scan);
  read_deletion(root.section("deletion"), config.deletion);
  read_events(root.section("events"), config.events);
  read_spool(root.section("spool"), config.server, config.spool);
  read_backup(root.section("backup"), config.backup);
  read_fetch(root.section("fetch"), config.server, config.fetch);
  Section sections = root.section("providers");
  for (const auto& provider : providers::registrations()) {
    read_provider(sections.section(provider.name), provider, config.fetch.allow_plain_http,
                  config.providers.find(provider.name)->second);
  }
  sections.finish();
  read_log(root.section("log"), config.log_level);
  root.finish();
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view path,
                            const Environment& environment) {
  Problems problems(path);
  Config config;
  config.path = path;
  try {
    read_all(toml::parse(text, path), environment, problems, config);
  } catch (const toml::parse_error& error) {
    problems.add(error.source(), std::string(error.description()));
  }
  if (!problems.empty()) return fail(ErrorCode::invalid_argument, problems.text());
  return config;
}

Result<Config> load_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.good() && !file.eof()) {
    return fail(ErrorCode::not_found, "can't read " + path + ": " + std::strerror(errno) +
                                          "; name the file with --config or MEDIA_CONFIG");
  }
  return parse_config(text, path, [](const char* name) { return std::getenv(name); });
}

}  // namespace media

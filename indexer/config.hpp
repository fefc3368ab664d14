#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/signed_link.hpp"
#include "indexer/providers/settings.hpp"

namespace media {

/// [server]: where nginx finds the daemon.
struct ServerConfig {
  std::string listen = "unix:/run/ngx_media/indexer.sock";  ///< or "host:port"
  unsigned socket_mode = 0660;                              ///< permissions of the unix socket
  std::string public_url = "http://localhost";              ///< scheme and host that providers call
  std::size_t max_body_bytes = 4u << 20;                    ///< larger webhooks are answered 413
  unsigned webhook_rate = 200;          ///< signed webhooks a second and account; 0: any
  unsigned webhook_burst = 1000;        ///< as many at once, after a pause
  std::chrono::seconds stop_grace{20};  ///< time that running work gets at a stop
};

/// [database]: the queue and all metadata.
struct DatabaseConfig {
  std::string conninfo;         ///< libpq connection string or URI
  std::size_t connections = 4;  ///< size of the pool
  std::chrono::milliseconds query_timeout{10000};
};

/// [auth]: the tokens that nginx verifies and `media-indexer token` makes.
struct AuthConfig {
  std::string jwt_key_file;            ///< HS256 key, at least 32 bytes of text
  std::string audience = "ngx_media";  ///< `aud` of tokens
  std::string issuer;                  ///< `iss` of tokens; empty: none
};

/// [secrets]: how provider credentials rest in the database.
struct SecretsConfig {
  std::string key_file;  ///< AES-256 key: 64 hexadecimal digits
};

/// One of [links] keys.
struct LinkKeyFile {
  std::string id;    ///< [A-Za-z0-9_-]{1,32}, in every link that the key signs
  std::string file;  ///< at least 32 bytes of text
};

/// [links]: URLs that need no session.
struct LinksConfig {
  std::vector<LinkKeyFile> keys;  ///< the first signs; nginx takes all of them
};

/// [storage.NAME] of type s3: a bucket of an S3-compatible object store.
struct S3StoreConfig {
  std::string name;
  std::string endpoint;  ///< scheme, host and port; empty: AWS, of the region
  std::string region = "us-east-1";
  std::string bucket;
  std::string key_file;       ///< lines: access key, secret key, session token if any
  std::string access_key;     ///< of the environment, where there is no key file
  std::string secret_key;     ///< likewise
  bool is_path_style = true;  ///< bucket in the path, not in the host name
  std::string public_url;     ///< where everybody reads the objects; empty: nowhere
  bool is_public = false;     ///< whether that is meant to be so
  std::uint64_t multipart_threshold = 32u << 20;  ///< larger uploads go in parts
  std::uint64_t part_bytes = 16u << 20;
  std::size_t concurrency = 4;  ///< requests with a body at the same time
  std::string ca_file;          ///< CA bundle; empty: the system's
  bool allow_plain_http = false;
};

/// [storage] and [buckets]: where bytes live.
struct StorageConfig {
  std::string root;  ///< [storage.local]: absolute path, also where uploads are written first
  std::string default_store = "local";
  std::vector<S3StoreConfig> s3;
  std::map<std::string, std::string, std::less<>> by_bucket;  ///< stores of buckets with their own
};

/// [quarantine]: how long suspicious bytes wait for an operator.
struct QuarantineConfig {
  std::chrono::days max_age{30};
  std::uint64_t max_bytes = std::uint64_t{10} << 30;  ///< of all; the oldest go first
};

/// [scan]: a virus scanner that sees bytes before anybody else.
struct ScanConfig {
  std::string clamd;  ///< "unix:/path" or "tcp:host:port"; empty: none
  std::chrono::milliseconds timeout{120000};
  std::uint64_t max_bytes = 100u << 20;  ///< clamd's StreamMaxLength, or less
  bool accept_on_error = false;          ///< what could not be scanned is shown nevertheless
};

/// [deletion]: what happens to files that nothing refers to.
struct DeletionConfig {
  std::chrono::seconds grace{7 * 24 * 3600};  ///< they are kept this long, to be restored
};

/// [events]: the audit trail.
struct EventsConfig {
  int keep_months = 24;  ///< full months before this one
};

/// [spool]: where webhooks wait while the database is away.
struct SpoolConfig {
  std::string directory = "/var/spool/ngx_media";  ///< absolute path, of one daemon only
  std::uint64_t max_bytes = 1u << 30;              ///< more is answered 503
  std::size_t max_files = 100000;
};

/// [backup]: what `media-indexer backup` does when it is not told.
struct BackupConfig {
  std::string to;         ///< an absolute path or "store:NAME"; empty: nowhere
  std::string conninfo;   ///< of a role that reads all; empty: libpq's environment
  std::int64_t keep = 0;  ///< snapshots; 0: all
};

/// [fetch]: downloads from providers.
struct FetchConfig {
  std::size_t concurrency = 16;             ///< downloads at the same time
  std::size_t concurrency_per_company = 0;  ///< of these; 0: three quarters
  std::size_t concurrency_per_host = 0;     ///< of these; 0: three quarters
  std::size_t workers = 4;                  ///< threads that wait for the disk
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds stall_timeout{30000};  ///< longest pause within a transfer
  std::chrono::milliseconds total_timeout{600000};
  int max_redirects = 5;
  int max_attempts = 30;                       ///< of one download, before it is failed
  std::chrono::milliseconds retry_base{1000};  ///< doubles with every attempt
  std::chrono::milliseconds retry_max{14400000};
  std::chrono::seconds lease{60};        ///< a dead daemon's jobs wait this long
  bool allow_private_addresses = false;  ///< tests only: also loopback and LAN
  bool allow_plain_http = false;         ///< tests only: http:// beside https://
  std::string ca_file;                   ///< CA bundle; empty: the system's
  std::string user_agent;                ///< providers refuse requests without one
};

/// indexer.toml, validated.
struct Config {
  std::string path;  ///< the file it came from
  ServerConfig server;
  DatabaseConfig database;
  AuthConfig auth;
  SecretsConfig secrets;
  LinksConfig links;
  StorageConfig storage;
  QuarantineConfig quarantine;
  ScanConfig scan;
  DeletionConfig deletion;
  EventsConfig events;
  SpoolConfig spool;
  BackupConfig backup;
  FetchConfig fetch;
  providers::SettingsByProvider providers = providers::default_settings();
  std::string log_level = "info";  ///< [log] level
};

/// Version of the program, as in the User-Agent and `media-indexer version`.
inline constexpr std::string_view kVersion = MEDIA_VERSION;

/// getenv, or a test's.
using Environment = std::function<const char*(const char* name)>;

/// Parses and validates the text of a configuration file. The environment gives
/// settings of stores that the file leaves out. The error's message has one line a
/// problem: "path:line:column: what is wrong and what to do".
Result<Config> parse_config(std::string_view text, std::string_view path,
                            const Environment& environment = {});

/// The same for a file.
Result<Config> load_config(const std::string& path);

/// The bytes of a key file without trailing white space. Files that everybody
/// may read are refused.
Result<std::string> read_key_file(const std::string& path);

/// The 32 bytes that the 64 hexadecimal digits of [secrets] key_file stand for.
Result<std::string> read_sealing_key(const std::string& path);

/// A key of [links], whose file must hold 32 bytes at least.
Result<LinkKey> read_link_key(const LinkKeyFile& key);

/// All of them, in their order.
Result<std::vector<LinkKey>> read_link_keys(const LinksConfig& links);

}  // namespace media

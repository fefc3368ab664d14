#include <algorithm>
#include <array>
#include <cctype>

#include "indexer/config_section.hpp"

namespace media::config {
namespace {

constexpr std::string_view kLocal = "local";
constexpr std::string_view kS3 = "s3";
constexpr std::array<std::string_view, 4> kBuckets = {"images", "audio", "videos", "documents"};
constexpr std::int64_t kMinPart = 5 << 20;  // S3 takes no smaller ones but the last
constexpr std::int64_t kMaxPart = std::int64_t{5} << 30;

std::string variable(const Environment& environment, const char* name) {
  const char* value = environment ? environment(name) : nullptr;
  return value == nullptr ? std::string() : std::string(value);
}

/// The file's setting; where it has none, the environment's. Says in problems which it was.
class Setting {
 public:
  Setting(Section& section, const char* key, const Environment& environment,
          const char* variable_name)
      : section_(section), key_(key) {
    section.read(key, value);
    if (section.has(key) || variable_name == nullptr) return;
    value = variable(environment, variable_name);
    if (!value.empty()) origin_ = std::string(" (environment variable ") + variable_name + ")";
  }

  void problem(const std::string& what) { section_.problem(key_, what + origin_); }

  std::string value;

 private:
  Section& section_;
  const char* key_;
  std::string origin_;
};

bool is_store_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::isalnum(static_cast<unsigned char>(name[0])) &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

bool is_s3_bucket_name(std::string_view name) {
  return name.size() >= 3 && name.size() <= 63 && name.front() != '-' && name.front() != '.' &&
         name.back() != '-' && name.back() != '.' && name.find("..") == std::string_view::npos &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string_view::npos;
}

bool is_region(std::string_view region) {
  return !region.empty() && region.size() <= 63 &&
         region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
             std::string_view::npos;
}

void read_endpoint(Section& section, const Environment& environment, S3StoreConfig& store) {
  section.read("allow_plain_http", store.allow_plain_http);
  Setting endpoint(section, "endpoint", environment, "S3_ENDPOINT");
  if (endpoint.value.empty()) {
    store.endpoint = "https://s3." + store.region + ".amazonaws.com";
    return;
  }
  store.endpoint = url_without_trailing_slash(endpoint.value);
  if (!is_http_url(store.endpoint) || has_path(store.endpoint)) {
    endpoint.problem(
        "must be scheme, host and port, like \"https://s3.eu-central-1.amazonaws.com\"");
  } else if (store.endpoint.starts_with("http://") && !store.allow_plain_http) {
    endpoint.problem(
        "is not https: media would go there readable by everybody on the way. In a "
        "network of your own, set allow_plain_http = true");
  }
}

void read_credentials(Section& section, const Environment& environment, S3StoreConfig& store) {
  section.read("key_file", store.key_file);
  if (!store.key_file.empty()) return;
  store.access_key = variable(environment, "S3_ACCESS_KEY_ID");
  store.secret_key = variable(environment, "S3_SECRET_ACCESS_KEY");
  if (!store.access_key.empty() && !store.secret_key.empty()) return;
  section.problem("key_file",
                  "is needed: a file with the access key and the secret key, a line each" +
                      std::string(environment ? "; or S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY "
                                                "of the environment, of store s3 only"
                                              : ""));
}

void read_public_url(Section& section, const Environment& environment, S3StoreConfig& store) {
  Setting url(section, "public_url", environment, "S3_PUBLIC_URL");
  store.public_url = url_without_trailing_slash(url.value);
  if (!store.public_url.empty() && !is_http_url(store.public_url)) {
    url.problem("must be like \"https://media.example.com\"");
  }
  std::string visibility = "private";
  section.read("visibility", visibility);
  store.is_public = visibility == "public";
  if (visibility != "private" && visibility != "public") {
    section.problem("visibility", "must be \"private\" or \"public\"");
  }
}

void read_transfers(Section& section, S3StoreConfig& store) {
  section.read_number("multipart_threshold_bytes", store.multipart_threshold, kMinPart, kMaxPart);
  section.read_number("part_bytes", store.part_bytes, kMinPart, kMaxPart);
  section.read_number("concurrency", store.concurrency, 1, 64);
  section.read("ca_file", store.ca_file);
}

/// Only the store that is called s3 is completed by the environment.
S3StoreConfig read_s3(Section section, const std::string& name, const Environment& environment) {
  S3StoreConfig store;
  store.name = name;
  std::string type = name == kS3 ? std::string(kS3) : std::string();
  section.read("type", type);
  if (type != kS3) section.problem("type", "must be \"s3\": there are no other kinds of stores");
  if (!is_store_name(name)) {
    section.problem("type", "is of a store whose name is not 1 to 63 of a-z 0-9 _ -");
  }
  Setting region(section, "region", environment, "S3_REGION");
  if (!region.value.empty()) store.region = region.value;
  if (!is_region(store.region)) region.problem("must be like \"eu-central-1\"");
  Setting bucket(section, "bucket", environment, "S3_BUCKET");
  store.bucket = bucket.value;
  if (!is_s3_bucket_name(store.bucket)) {
    bucket.problem(store.bucket.empty() ? "is needed: the name of the bucket"
                                        : "must be 3 to 63 of a-z 0-9 . -");
  }
  read_endpoint(section, environment, store);
  read_credentials(section, environment, store);
  std::string style = "path";
  section.read("style", style);
  store.is_path_style = style == "path";
  if (style != "path" && style != "virtual") {
    section.problem("style", "must be \"path\" or \"virtual\"");
  }
  read_public_url(section, environment, store);
  read_transfers(section, store);
  section.finish();
  return store;
}

void read_local(Section section, const Environment& environment, std::string& into) {
  Setting root(section, "root", environment, "MEDIA_STORAGE_PATH");
  into = root.value;
  if (into.empty()) section.require("root", into);
  if (!into.empty() && !into.starts_with('/')) root.problem("must be an absolute path");
  section.finish();
}

bool has_store(const StorageConfig& storage, std::string_view name) {
  return name == kLocal || std::ranges::count(storage.s3, name, &S3StoreConfig::name) > 0;
}

std::string known_stores(const StorageConfig& storage) {
  std::string known(kLocal);
  for (const S3StoreConfig& store : storage.s3) known += " " + store.name;
  return known;
}

}  // namespace

void read_storage(Section storage, Section buckets, const Environment& environment,
                  StorageConfig& into) {
  read_local(storage.section(kLocal), environment, into.root);
  Setting chosen(storage, "default", environment, "MEDIA_STORAGE_TYPE");
  if (!chosen.value.empty()) into.default_store = chosen.value;
  for (const std::string_view bucket : kBuckets) {
    std::string name;
    buckets.read(bucket, name);
    if (buckets.has(bucket)) into.by_bucket.emplace(bucket, name);
  }

  std::vector<std::string> names = storage.sections();
  std::erase(names, kLocal);
  const bool is_s3_used =
      into.default_store == kS3 ||
      std::ranges::any_of(into.by_bucket, [](const auto& bucket) { return bucket.second == kS3; });
  if (is_s3_used && std::ranges::count(names, kS3) == 0) names.emplace_back(kS3);
  for (const std::string& name : names) {
    into.s3.push_back(
        read_s3(storage.section(name), name, name == kS3 ? environment : Environment()));
  }

  const std::string no_such_store = "names no store; known here: " + known_stores(into);
  if (!has_store(into, into.default_store)) chosen.problem(no_such_store);
  for (const auto& [bucket, name] : into.by_bucket) {
    if (!has_store(into, name)) buckets.problem(bucket, no_such_store);
  }
  storage.finish();
  buckets.finish();
}

}  // namespace media::config

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "indexer/config.hpp"

namespace media::config {

/// Collects problems instead of stopping at the first one.
class Problems {
 public:
  explicit Problems(std::string_view path) : path_(path) {}

  void add(const toml::source_region& where, const std::string& what);
  void add(const std::string& what) { lines_.push_back(path_ + ": " + what); }

  bool empty() const { return lines_.empty(); }
  std::string text() const;

 private:
  std::string path_;
  std::vector<std::string> lines_;
};

/// One [section]: reads typed settings, then reports what nobody asked for.
class Section {
 public:
  Section(const toml::table* table, std::string name, Problems& problems)
      : table_(table), name_(std::move(name)), problems_(problems) {}

  bool exists() const { return table_ != nullptr; }
  bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }
  /// The names of the sections in it, known or not.
  std::vector<std::string> sections() const;

  void read(std::string_view key, std::string& into);
  void read(std::string_view key, bool& into);
  void require(std::string_view key, std::string& into);

  template <class T>
  void read_number(std::string_view key, T& into, std::int64_t min, std::int64_t max) {
    std::int64_t number = 0;
    if (read_integer(key, number, min, max)) into = static_cast<T>(number);
  }

  template <class Duration>
  void read_duration(std::string_view key, Duration& into, std::int64_t min, std::int64_t max) {
    std::int64_t count = into.count();
    read_number(key, count, min, max);
    into = Duration(count);
  }

  /// An array of strings, or one string with commas.
  void read_list(std::string_view key, std::vector<std::string>& into);
  Section section(std::string_view key);
  /// An array of tables: [{ ... }, { ... }].
  std::vector<Section> tables(std::string_view key);

  void problem(std::string_view key, const std::string& what);
  /// To be called when all known settings have been read.
  void finish();

 private:
  std::string full(std::string_view key) const;
  const toml::node* find(std::string_view key);
  bool read_integer(std::string_view key, std::int64_t& into, std::int64_t min, std::int64_t max);
  void wrong_type(std::string_view key, const toml::node& node, const std::string& wanted);

  const toml::table* table_;
  std::string name_;
  Problems& problems_;
  std::set<std::string> known_;
};

/// "https://host", "http://host:1/path": without query, fragment, user, white space.
bool is_http_url(std::string_view url);
/// Of such a URL.
bool has_path(std::string_view url);
std::string url_without_trailing_slash(std::string url);

/// [storage] with all its sections, and [buckets].
void read_storage(Section storage, Section buckets, const Environment& environment,
                  StorageConfig& into);

}  // namespace media::config

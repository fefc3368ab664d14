#include "indexer/config_section.hpp"

namespace media::config {
namespace {

constexpr std::size_t kMaxReported = 10;

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

}  // namespace

void Problems::add(const toml::source_region& where, const std::string& what) {
  std::ostringstream line;
  line << path_ << ':' << where.begin.line << ':' << where.begin.column << ": " << what;
  lines_.push_back(line.str());
}

std::string Problems::text() const {
  std::string all;
  for (std::size_t i = 0; i < lines_.size() && i < kMaxReported; ++i) {
    if (i > 0) all += '\n';
    all += lines_[i];
  }
  return all;
}

std::vector<std::string> Section::sections() const {
  std::vector<std::string> names;
  if (table_ == nullptr) return names;
  for (const auto& [key, node] : *table_) {
    if (node.is_table()) names.emplace_back(key.str());
  }
  return names;
}

void Section::read(std::string_view key, std::string& into) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto* value = node->as_string()) {
    into = value->get();
  } else {
    wrong_type(key, *node, "a string in quotes");
  }
}

void Section::require(std::string_view key, std::string& into) {
  read(key, into);
  if (!into.empty()) return;
  if (const toml::node* node = find(key)) {
    problems_.add(node->source(), full(key) + " must not be empty");
  } else {
    problems_.add("[" + name_ + "] needs " + std::string(key) + ": add it to that section");
  }
}

void Section::read(std::string_view key, bool& into) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto* value = node->as_boolean()) {
    into = value->get();
  } else {
    wrong_type(key, *node, "true or false, without quotes");
  }
}

bool Section::read_integer(std::string_view key, std::int64_t& into, std::int64_t min,
                           std::int64_t max) {
  const toml::node* node = find(key);
  if (node == nullptr) return false;
  const auto* value = node->as_integer();
  if (value == nullptr) {
    wrong_type(key, *node, "a whole number, without quotes");
    return false;
  }
  if (value->get() < min || value->get() > max) {
    problems_.add(node->source(), full(key) + " is " + std::to_string(value->get()) + ", must be " +
                                      std::to_string(min) + " to " + std::to_string(max));
    return false;
  }
  into = value->get();
  return true;
}

void Section::read_list(std::string_view key, std::vector<std::string>& into) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  std::vector<std::string> items;
  if (const auto* text = node->as_string()) {
    std::istringstream parts(text->get());
    for (std::string part; std::getline(parts, part, ',');) items.push_back(trimmed(part));
    if (text->get().empty()) items.clear();
  } else if (const auto* array = node->as_array();
             array != nullptr && (array->empty() || array->is_homogeneous<std::string>())) {
    for (const auto& item : *array) items.push_back(trimmed(item.as_string()->get()));
  } else {
    wrong_type(key, *node, "an array of strings or one comma-separated string");
    return;
  }
  if (std::ranges::count(items, std::string()) > 0) {
    problems_.add(node->source(), full(key) + " has an empty entry: remove the extra comma");
    return;
  }
  into = std::move(items);
}

Section Section::section(std::string_view key) {
  const toml::node* node = find(key);
  const std::string name = full(key);
  if (node == nullptr) return Section(nullptr, name, problems_);
  if (!node->is_table()) wrong_type(key, *node, "a section [" + name + "]");
  return Section(node->as_table(), name, problems_);
}

std::vector<Section> Section::tables(std::string_view key) {
  std::vector<Section> sections;
  const toml::node* node = find(key);
  if (node == nullptr) return sections;
  const auto* array = node->as_array();
  if (array == nullptr || !(array->empty() || array->is_homogeneous<toml::table>())) {
    wrong_type(key, *node, "an array of tables, [{ ... }, { ... }]");
    return sections;
  }
  for (const auto& item : *array) {
    const std::string name = full(key) + "[" + std::to_string(sections.size()) + "]";
    sections.emplace_back(item.as_table(), name, problems_);
  }
  return sections;
}

void Section::problem(std::string_view key, const std::string& what) {
  if (const toml::node* node = find(key)) {
    problems_.add(node->source(), full(key) + " " + what);
  } else {
    problems_.add(full(key) + " " + what);
  }
}

void Section::finish() {
  if (table_ == nullptr) return;
  for (const auto& [key, node] : *table_) {
    if (known_.contains(std::string(key.str()))) continue;
    std::string what = "unknown setting " + full(key.str()) + "; known here:";
    for (const std::string& name : known_) what += " " + name;
    problems_.add(key.source(), what);
  }
}

std::string Section::full(std::string_view key) const {
  return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

const toml::node* Section::find(std::string_view key) {
  known_.insert(std::string(key));
  return table_ == nullptr ? nullptr : table_->get(key);
}

void Section::wrong_type(std::string_view key, const toml::node& node, const std::string& wanted) {
  problems_.add(node.source(), full(key) + " must be " + wanted);
}

std::string url_without_trailing_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool is_http_url(std::string_view url) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (url.starts_with(scheme) && url.size() > scheme.size() && url[scheme.size()] != '/') {
      return url.find_first_of(" \t\r\n#?@\\") == std::string_view::npos;
    }
  }
  return false;
}

bool has_path(std::string_view url) {
  return url.find('/', url.find("://") + 3) != std::string_view::npos;
}

}  // namespace media::config

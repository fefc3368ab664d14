#include "ngx_media_module/cache/cache_record.hpp"

#include <cstring>
#include <limits>
#include <string_view>

namespace media::nginx {
namespace {

/// Appends fields to a buffer; once one did not fit, all is void.
class Writer {
 public:
  explicit Writer(std::span<std::byte> buffer) : rest_(buffer), all_(buffer) {}

  template <class T>
  void value(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    raw(&value, sizeof value);
  }
  void text(std::string_view text) {
    fits_ = fits_ && text.size() <= std::numeric_limits<std::uint16_t>::max();
    value(static_cast<std::uint16_t>(text.size()));
    raw(text.data(), text.size());
  }
  std::span<const std::byte> written() const {
    return fits_ ? all_.first(all_.size() - rest_.size()) : std::span<std::byte>();
  }

 private:
  void raw(const void* bytes, std::size_t size) {
    fits_ = fits_ && size <= rest_.size();
    if (!fits_ || size == 0) return;
    std::memcpy(rest_.data(), bytes, size);
    rest_ = rest_.subspan(size);
  }

  std::span<std::byte> rest_;
  std::span<std::byte> all_;
  bool fits_ = true;
};

/// Takes fields off; once one was cut short, all is void.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
  T value() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    const auto bytes = raw(sizeof value);
    if (is_whole_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view text() {
    const auto bytes = raw(value<std::uint16_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// Everything was there, and nothing is left.
  bool is_done() const { return is_whole_ && rest_.empty(); }

 private:
  std::span<const std::byte> raw(std::size_t size) {
    is_whole_ = is_whole_ && size <= rest_.size();
    if (!is_whole_) return {};
    const auto bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }

  std::span<const std::byte> rest_;
  bool is_whole_ = true;
};

}  // namespace

std::span<const std::byte> write_record(const MediaRecord& record, std::span<std::byte> buffer) {
  Writer writer(buffer);
  writer.value(static_cast<std::uint8_t>(record.status));
  writer.value(static_cast<std::uint8_t>(record.is_public));
  writer.value(record.size);
  writer.value(static_cast<std::uint8_t>(record.sha256.has_value()));
  writer.value(record.sha256.value_or(ContentHash{}));
  for (const std::string_view text :
       {record.company, record.store, record.storage_key, record.mime_type, record.disposition}) {
    writer.text(text);
  }
  return writer.written();
}

std::optional<MediaRecord> read_record(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  MediaRecord record;
  const auto status = reader.value<std::uint8_t>();
  const auto visibility = reader.value<std::uint8_t>();
  record.size = reader.value<std::int64_t>();
  const auto has_hash = reader.value<std::uint8_t>();
  const auto hash = reader.value<ContentHash>();
  for (std::string_view* const text : {&record.company, &record.store, &record.storage_key,
                                       &record.mime_type, &record.disposition}) {
    *text = reader.text();
  }
  if (!reader.is_done() || status > static_cast<std::uint8_t>(DownloadStatus::failed) ||
      visibility > 1 || has_hash > 1 || record.size < 0 ||
      (has_hash == 0 && hash != ContentHash{})) {
    return std::nullopt;
  }
  record.status = static_cast<DownloadStatus>(status);
  record.is_public = visibility == 1;
  if (has_hash == 1) record.sha256 = hash;
  return record;
}

std::span<const std::byte> write_identity(const Identity& identity, std::span<std::byte> buffer) {
  std::string companies;
  for (const std::string& company : identity.companies) {
    if (!companies.empty()) companies += ',';
    companies += company;
  }
  Writer writer(buffer);
  writer.value(identity.expires_at);
  writer.text(identity.user);
  writer.text(identity.role);
  writer.text(companies);
  return writer.written();
}

std::optional<CachedIdentity> read_identity(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  CachedIdentity identity;
  identity.expires_at = reader.value<std::int64_t>();
  identity.user = reader.text();
  identity.role = reader.text();
  identity.companies = reader.text();
  if (!reader.is_done() || identity.companies.empty()) return std::nullopt;
  return identity;
}

}  // namespace media::nginx

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace media::fetch {

/// How far this daemon's running downloads are, for the API. Not thread-safe.
class ProgressBoard {
 public:
  void set(const std::string& media_id, std::uint64_t received, std::uint64_t total) {
    running_[media_id] = {received, total};
  }
  void remove(const std::string& media_id) { running_.erase(media_id); }

  /// 0 to 1; nothing when it does not run here or its size is unknown.
  std::optional<double> of(const std::string& media_id) const {
    const auto found = running_.find(media_id);
    if (found == running_.end() || found->second.total == 0) return std::nullopt;
    const auto& [received, total] = found->second;
    return received >= total ? 1.0 : static_cast<double>(received) / static_cast<double>(total);
  }

 private:
  struct Bytes {
    std::uint64_t received;
    std::uint64_t total;
  };
  std::unordered_map<std::string, Bytes> running_;
};

}  // namespace media::fetch

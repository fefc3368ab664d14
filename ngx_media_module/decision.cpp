#include "ngx_media_module/decision.hpp"

#include <array>

namespace media::nginx {
namespace {

struct Row {
  std::string_view name;
  int status;
};

// In the order of the enum.
constexpr std::array<Row, 12> kDecisions = {{
    {"undecided", 0},
    {"granted", 200},
    {"pending", 202},
    {"no_token", 401},
    {"bad_token", 401},
    {"bad_method", 405},
    {"bad_id", 404},
    {"absent", 404},
    {"other_company", 404},
    {"failed", 404},
    {"unavailable", 503},
    {"broken", 500},
}};

const Row& row_of(Decision decision) { return kDecisions.at(static_cast<std::size_t>(decision)); }

}  // namespace

std::string_view name_of(Decision decision) { return row_of(decision).name; }

int status_of(Decision decision) { return row_of(decision).status; }

Decision decide(const MediaRecord& record, const std::optional<Uuid>& company) {
  if (!company || record.company != *company) return Decision::other_company;
  switch (record.status) {
    case DownloadStatus::completed:
      return Decision::granted;
    case DownloadStatus::pending:
    case DownloadStatus::downloading:
      return Decision::pending;
    case DownloadStatus::failed:
      break;
  }
  return Decision::failed;
}

}  // namespace media::nginx

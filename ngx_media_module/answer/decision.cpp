#include "ngx_media_module/answer/decision.hpp"

#include <algorithm>
#include <array>

namespace media::nginx {
namespace {

struct Row {
  std::string_view name;
  int status;
};

// In the order of the enum.
constexpr std::array<Row, kDecisions> kDecisions = {{
    {"undecided", 0},
    {"granted", 200},
    {"pending", 202},
    {"no_token", 401},
    {"bad_token", 401},
    {"bad_method", 405},
    {"no_link", 403},
    {"bad_link", 403},
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

bool names_company(std::string_view companies, std::string_view company) {
  while (!companies.empty()) {
    const auto each = companies.substr(0, companies.find(','));
    if (each == company) return true;
    companies.remove_prefix(std::min(companies.size(), each.size() + 1));
  }
  return false;
}

Decision decide(const MediaRecord& record, const Rights& rights) {
  const bool may_see = rights.is_linked || (rights.sees_public && record.is_public) ||
                       names_company(rights.companies, record.company);
  if (!may_see) return Decision::other_company;
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

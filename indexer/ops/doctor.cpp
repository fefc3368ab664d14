#include <cstdio>

#include "indexer/json.hpp"
#include "indexer/log.hpp"
#include "indexer/ops/check.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/diagnosis.hpp"

namespace media::ops {
namespace {

std::string report_json(const Report& report) {
  Json findings = Json::array();
  for (const Finding& finding : report.all()) {
    findings.push(Json::object()
                      .set("severity", name_of(finding.severity))
                      .set("what", finding.what)
                      .set("why", finding.why)
                      .set("remedy", finding.remedy));
  }
  return Json::object().set("worst", name_of(report.worst())).set("findings", findings).dump();
}

}  // namespace

int doctor(const Config& config, const CommandLine& line) {
  log::set_level(log::Level::error);  // the findings say it better
  Report report([&](const Finding& finding) {
    if (!line.as_json) std::printf("%s\n", text_of(finding).c_str());
  });
  check_everything(config, report);
  look_at_host(config, report);
  look_at_site(config, report);
  look_at_backup(config, report);
  if (line.as_json) std::printf("%s\n", report_json(report).c_str());
  return static_cast<int>(report.worst());
}

}  // namespace media::ops

#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "indexer/queue/job_store.hpp"

namespace media::test {

/// The queue's tables in memory: what is claimed, how it ended.
class FakeJobStore : public queue::JobStore {
 public:
  std::deque<queue::Job> waiting;
  std::vector<std::size_t> claims;  ///< how many jobs each claim asked for
  bool suspends = false;            ///< what fails suspends its account
  std::map<std::int64_t, queue::Outcome> ended;
  std::vector<std::int64_t> released;
  std::set<std::int64_t> lost;  ///< leases that somebody else took
  int extensions = 0;
  int failing_calls = 0;  ///< so many next writes answer `unavailable`
  bool is_away = false;   ///< every call answers `unavailable`
  std::chrono::milliseconds claim_time{0};

  std::optional<queue::KnownBlob> known_blob;
  std::deque<Result<queue::Completion>> completions;  ///< empty: stored
  bool is_resuming = false;                           ///< of a suspended account
  std::vector<queue::Download> recorded;
  std::vector<std::pair<queue::Download, Error>> set_aside;  ///< in quarantine, and why
  std::vector<std::pair<std::optional<std::string>, std::optional<std::int64_t>>> sources;

  Result<std::vector<queue::Job>> claim(boost::asio::yield_context yield,
                                        const queue::ClaimRequest& request) override {
    if (is_away) return away();
    claims.push_back(request.limit);
    auto load = request;
    std::vector<queue::Job> jobs;
    for (auto job = waiting.begin(); job != waiting.end() && jobs.size() < request.limit;) {
      const auto of_company = std::ranges::count(load.companies, job->company_id);
      const auto of_host = std::ranges::count(load.hosts, job->host);
      if (static_cast<std::size_t>(of_company) >= load.per_company ||
          static_cast<std::size_t>(of_host) >= load.per_host) {
        ++job;
        continue;
      }
      load.companies.push_back(job->company_id);
      load.hosts.push_back(job->host);
      jobs.push_back(*job);
      job = waiting.erase(job);
    }
    if (claim_time.count() > 0) {
      boost::asio::steady_timer timer(yield.get_executor(), claim_time);
      timer.async_wait(yield);
    }
    return jobs;
  }
  Result<std::vector<std::int64_t>> extend(boost::asio::yield_context,
                                           const std::vector<std::int64_t>& jobs) override {
    if (is_away) return away();
    ++extensions;
    std::vector<std::int64_t> ours;
    for (const auto job : jobs) {
      if (!lost.contains(job)) ours.push_back(job);
    }
    return ours;
  }
  Result<std::optional<std::chrono::milliseconds>> next_delay(boost::asio::yield_context) override {
    if (is_away) return away();
    return std::nullopt;
  }
  Result<queue::Recorded> retry(boost::asio::yield_context, std::int64_t job,
                                const queue::Outcome& outcome) override {
    return end(job, outcome);
  }
  Result<queue::Recorded> fail_job(boost::asio::yield_context, std::int64_t job,
                                   const queue::Outcome& outcome) override {
    return end(job, outcome);
  }
  Result<void> release(boost::asio::yield_context, const std::vector<std::int64_t>& jobs) override {
    if (is_away) return away();
    released.insert(released.end(), jobs.begin(), jobs.end());
    return {};
  }
  Result<void> remember_source(boost::asio::yield_context, std::int64_t,
                               const std::optional<std::string>& url,
                               std::optional<std::int64_t> url_expires_at) override {
    sources.emplace_back(url, url_expires_at);
    return {};
  }
  Result<std::optional<queue::KnownBlob>> find_blob(boost::asio::yield_context, const queue::Job&,
                                                    const Sha256Digest&) override {
    if (is_away) return away();
    return known_blob;
  }
  Result<queue::Completion> complete(boost::asio::yield_context, const queue::Job&,
                                     const queue::Download& download) override {
    recorded.push_back(download);
    if (completions.empty()) {
      return queue::Completion{queue::Completion::Kind::stored, download.storage_key.value_or(""),
                               is_resuming};
    }
    auto completion = completions.front();
    completions.pop_front();
    return completion;
  }
  Result<bool> quarantine(boost::asio::yield_context, std::int64_t job,
                          const queue::Download& download, const Error& why) override {
    if (lost.contains(job)) return false;
    set_aside.emplace_back(download, why);
    return true;
  }

 private:
  static std::unexpected<Error> away() { return fail(ErrorCode::unavailable, "database away"); }

  Result<queue::Recorded> end(std::int64_t job, const queue::Outcome& outcome) {
    if (is_away) return away();
    if (failing_calls > 0) {
      --failing_calls;
      return away();
    }
    ended[job] = outcome;
    return queue::Recorded{suspends};
  }
};

}  // namespace media::test

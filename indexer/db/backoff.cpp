#include "indexer/db/backoff.hpp"

#include <algorithm>
#include <random>

namespace media::db {

std::chrono::milliseconds Backoff::next() {
  static thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::chrono::milliseconds::rep> below(ceiling_.count() / 4,
                                                                      ceiling_.count());
  ceiling_ = std::min(ceiling_ * 2, kLast);
  return std::chrono::milliseconds(below(random));
}

}  // namespace media::db

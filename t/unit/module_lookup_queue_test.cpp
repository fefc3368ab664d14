#include <gtest/gtest.h>

#include "ngx_media_module/lookup/lookup_queue.hpp"

namespace media::nginx {

namespace {

class LookupQueueTest : public testing::Test {
 protected:
  Lookup* add(std::uint64_t deadline = 100) {
    Question question;
    question.key.policy = ++asked_;
    return queue_.add(question, {}, 0, deadline);
  }

  std::uint64_t asked_ = 0;
  LookupWaiter waiter_;
  LookupQueue queue_{3};
};

TEST_F(LookupQueueTest, takes_no_more_than_its_capacity) {
  Lookup* first = add();
  EXPECT_NE(add(), nullptr);
  EXPECT_NE(add(), nullptr);
  EXPECT_EQ(add(), nullptr);
  queue_.release(*first);
  EXPECT_NE(add(), nullptr);
}

TEST_F(LookupQueueTest, sends_in_order) {
  Lookup* first = add();
  Lookup* second = add();
  EXPECT_EQ(&queue_.take_pending(), first);
  EXPECT_EQ(&queue_.take_pending(), second);
  EXPECT_FALSE(queue_.has_pending());
  EXPECT_EQ(queue_.size(), 2U);
}

TEST_F(LookupQueueTest, knows_the_earliest_deadline_of_pending_and_sent) {
  Lookup* first = add(10);
  Lookup* second = add(20);
  queue_.take_pending();
  EXPECT_EQ(&queue_.earliest(), first);
  queue_.release(*first);
  EXPECT_EQ(&queue_.earliest(), second);
  queue_.release(*second);
  EXPECT_TRUE(queue_.empty());
  EXPECT_FALSE(queue_.has_pending());
}

TEST_F(LookupQueueTest, a_lost_lookup_is_sent_again_but_not_forever) {
  Lookup* lookup = add();
  lookup->join(waiter_);
  for (unsigned i = 0; i < kMaxRetries; ++i) {
    queue_.take_pending();
    EXPECT_TRUE(queue_.retry(*lookup));
  }
  queue_.take_pending();
  EXPECT_FALSE(queue_.retry(*lookup));
  lookup->leave(waiter_);
  queue_.release(*lookup);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(LookupQueueTest, a_lookup_that_nobody_waits_for_is_not_sent_again) {
  Lookup& lookup = *add();
  queue_.take_pending();
  EXPECT_FALSE(queue_.retry(lookup));
}

TEST_F(LookupQueueTest, a_slot_is_as_new_when_used_again) {
  Lookup& lookup = *add();
  lookup.join(waiter_);
  queue_.take_pending();
  EXPECT_TRUE(queue_.retry(lookup));
  lookup.leave(waiter_);
  queue_.release(lookup);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(add()->retries, 0U);
}

TEST_F(LookupQueueTest, the_same_question_is_found_until_it_is_answered) {
  Lookup* lookup = add();
  const CacheKey key = lookup->question.key;
  EXPECT_EQ(queue_.find(key), lookup);
  queue_.take_pending();
  EXPECT_EQ(queue_.find(key), lookup);
  queue_.answered(*lookup);
  EXPECT_EQ(queue_.find(key), nullptr);
  queue_.release(*lookup);
}

TEST_F(LookupQueueTest, of_two_with_one_key_the_latest_is_found) {
  Question question;
  question.key.policy = 7;
  Lookup* first = queue_.add(question, {}, 0, 100);
  Lookup* second = queue_.add(question, {}, 0, 100);
  EXPECT_EQ(queue_.find(question.key), second);
  queue_.release(*first);
  EXPECT_EQ(queue_.find(question.key), second);
  queue_.release(*second);
  EXPECT_EQ(queue_.find(question.key), nullptr);
}

TEST_F(LookupQueueTest, waiters_leave_one_by_one) {
  Lookup* lookup = add();
  LookupWaiter other;
  lookup->join(waiter_);
  lookup->join(other);
  lookup->leave(waiter_);
  EXPECT_EQ(waiter_.lookup, nullptr);
  EXPECT_EQ(&lookup->waiters.front(), &other);
  lookup->leave(other);
  EXPECT_TRUE(lookup->waiters.empty());
}

}  // namespace
}  // namespace media::nginx

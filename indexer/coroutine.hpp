#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/thread_pool.hpp>

namespace media {

/// Starts a stackful coroutine on the loop, with a guard page below its stack.
/// An exception that leaves the body is a bug of the body: it is logged under
/// `name` and ends this coroutine only.
///
/// Never wait (use a yield_context) inside a catch block: the C++ runtime keeps
/// caught exceptions by thread, so coroutines would mix theirs up.
void spawn(boost::asio::io_context& loop, std::string_view name,
           std::function<void(boost::asio::yield_context)> body);

/// Runs blocking work on the pool while the calling coroutine waits; other
/// coroutines go on. What the work throws, the caller gets. Declare the loop
/// before the pool: its threads must be joined before the loop is destroyed.
template <class Work>
auto run_blocking(boost::asio::thread_pool& pool, boost::asio::yield_context yield, Work work)
    -> std::invoke_result_t<Work&> {
  using Value = std::invoke_result_t<Work&>;
  std::optional<Value> value;
  std::exception_ptr thrown;
  boost::asio::async_initiate<boost::asio::yield_context, void()>(
      [&](auto handler) {
        auto loop = boost::asio::prefer(boost::asio::get_associated_executor(handler),
                                        boost::asio::execution::outstanding_work.tracked);
        boost::asio::post(pool, [&, loop, handler = std::move(handler)]() mutable {
          try {
            value.emplace(work());
          } catch (...) {
            thrown = std::current_exception();
          }
          boost::asio::post(loop, std::move(handler));
        });
      },
      yield);
  if (thrown) std::rethrow_exception(thrown);
  return std::move(*value);
}

}  // namespace media

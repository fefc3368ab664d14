#include "indexer/coroutine.hpp"

#include <exception>
#include <string>

#include <boost/asio/detached.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#include "indexer/log.hpp"

namespace media {
namespace {

// Address space; only touched pages are memory.
constexpr std::size_t kStackSize = 256u << 10;

}  // namespace

void spawn(boost::asio::io_context& loop, std::string_view name,
           std::function<void(boost::asio::yield_context)> body) {
  boost::asio::spawn(
      loop.get_executor(), std::allocator_arg,
      boost::context::protected_fixedsize_stack(kStackSize),
      [name = std::string(name), body = std::move(body)](boost::asio::yield_context yield) {
        try {
          body(yield);
        } catch (const std::exception& exception) {
          log::error("coroutine_failed", {{"name", name}, {"error", exception.what()}});
        }
      },
      boost::asio::detached);
}

}  // namespace media

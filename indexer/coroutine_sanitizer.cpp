// Debian's libboost_context switches stacks without telling AddressSanitizer.
// Sanitizer builds use Boost's header-only ucontext fibers, which do, and need
// only this definition from the library's fiber.cpp.
#ifdef BOOST_USE_ASAN
#include <boost/context/fiber.hpp>

namespace boost::context::detail {

fiber_activation_record*& fiber_activation_record::current() noexcept {
  thread_local fiber_activation_record thread_record;
  thread_local fiber_activation_record* running = &thread_record;
  return running;
}

}  // namespace boost::context::detail
#endif

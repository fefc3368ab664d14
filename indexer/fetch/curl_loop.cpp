#include "indexer/fetch/curl_loop.hpp"

#include <unistd.h>

#include <chrono>
#include <stdexcept>

#include <boost/asio/post.hpp>

namespace media::fetch {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Resolving must not block the loop: libcurl needs its resolver thread.
void require_asynchronous_resolver() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  const auto* version = curl_version_info(CURLVERSION_NOW);
  if (initialised != CURLE_OK || (version->features & CURL_VERSION_ASYNCHDNS) == 0) {
    throw std::runtime_error("this libcurl cannot resolve names asynchronously");
  }
}

}  // namespace

/// A socket of libcurl's that the loop watches. The descriptor never closes it.
struct CurlLoop::Socket {
  Socket(asio::io_context& loop, curl_socket_t fd) : descriptor(loop, fd) {}
  ~Socket() { release(); }
  void release() {
    if (descriptor.is_open()) descriptor.release();
  }

  asio::posix::stream_descriptor descriptor;
  int wanted = 0;  ///< bits of CURL_POLL_INOUT
  int armed = 0;   ///< of them, those with a wait under way
};

CurlLoop::CurlLoop(asio::io_context& loop, std::size_t max_connections,
                   std::size_t max_connections_per_host, Done done)
    : loop_(loop), timer_(loop), done_(std::move(done)) {
  require_asynchronous_resolver();
  multi_ = curl_multi_init();
  if (multi_ == nullptr) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(max_connections));
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(max_connections_per_host));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(max_connections));
}

CurlLoop::~CurlLoop() { curl_multi_cleanup(multi_); }

bool CurlLoop::add(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &CurlLoop::on_close_socket);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
  return curl_multi_add_handle(multi_, easy) == CURLM_OK;
}

void CurlLoop::remove(CURL* easy) { curl_multi_remove_handle(multi_, easy); }

int CurlLoop::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto* loop = static_cast<CurlLoop*>(self);
  if (what == CURL_POLL_REMOVE) {
    loop->forget(fd);
  } else {
    loop->watch(fd, what);
  }
  return 0;
}

/// Sockets of the connection cache may close without a CURL_POLL_REMOVE.
int CurlLoop::on_close_socket(void* self, curl_socket_t fd) {
  static_cast<CurlLoop*>(self)->forget(fd);
  return ::close(fd);
}

int CurlLoop::on_timer(CURLM*, long timeout_ms, void* self) {
  auto* loop = static_cast<CurlLoop*>(self);
  loop->timer_.cancel();
  if (timeout_ms < 0) return 0;
  const auto act = [weak = loop->weak_from_this()](const error_code& error) {
    if (const auto locked = weak.lock(); locked && !error) locked->act(CURL_SOCKET_TIMEOUT, 0);
  };
  // "At once" is what it mostly wants: no need to ask the kernel for the time.
  if (timeout_ms == 0) {
    asio::post(loop->loop_, [act] { act({}); });
  } else {
    loop->timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    loop->timer_.async_wait(act);
  }
  return 0;
}

void CurlLoop::watch(curl_socket_t fd, int what) {
  SocketPtr& socket = sockets_[fd];
  if (!socket) socket = std::make_shared<Socket>(loop_, fd);
  socket->wanted = what;
  arm(socket, CURL_POLL_IN);
  arm(socket, CURL_POLL_OUT);
}

void CurlLoop::forget(curl_socket_t fd) {
  const auto found = sockets_.find(fd);
  if (found == sockets_.end()) return;
  found->second->wanted = 0;
  found->second->release();
  sockets_.erase(found);
}

void CurlLoop::arm(const SocketPtr& socket, int direction) {
  if ((socket->wanted & direction) == 0 || (socket->armed & direction) != 0) return;
  socket->armed |= direction;
  const auto type = direction == CURL_POLL_IN ? asio::posix::descriptor_base::wait_read
                                              : asio::posix::descriptor_base::wait_write;
  socket->descriptor.async_wait(
      type, [weak = weak_from_this(), socket, direction](const error_code& error) {
        socket->armed &= ~direction;
        const auto self = weak.lock();
        if (!self || error || (socket->wanted & direction) == 0) return;
        const int event = direction == CURL_POLL_IN ? CURL_CSELECT_IN : CURL_CSELECT_OUT;
        self->act(socket->descriptor.native_handle(), event);
        self->arm(socket, direction);
      });
}

void CurlLoop::act(curl_socket_t fd, int event) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, event, &running);
  report_done();
}

void CurlLoop::report_done() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) done_(message->easy_handle, message->data.result);
  }
}

}  // namespace media::fetch

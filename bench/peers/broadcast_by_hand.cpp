// What line_broadcast does for one topic, in the shortest way without the library: what one read
// brings is sent to each subscriber by one call. It has no queues: it ends if a subscriber is slow.
// Linux only.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

class Broadcast {
 public:
  explicit Broadcast(int port)
      : acceptor_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), events_(::epoll_create1(0)) {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_port = htons(static_cast<std::uint16_t>(port));
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(acceptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(acceptor_, reinterpret_cast<sockaddr*>(&here), sizeof(here)) != 0) fail("bind");
    if (::listen(acceptor_, SOMAXCONN) != 0) fail("listen");
    watch(acceptor_);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> ready{};
    for (;;) {
      const int n = ::epoll_wait(events_, ready.data(), static_cast<int>(ready.size()), -1);
      for (int i = 0; i < n; ++i) {
        const int fd = ready[static_cast<std::size_t>(i)].data.fd;
        fd == acceptor_ ? accept_all() : read(fd);
      }
    }
  }

 private:
  void watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(events_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void accept_all() {
    for (int fd; (fd = ::accept4(acceptor_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      inputs_.emplace(fd, std::string());
      watch(fd);
    }
  }

  void read(int fd) {
    std::array<char, 64 * 1024> block;
    const ssize_t n = ::recv(fd, block.data(), block.size(), 0);
    if (n <= 0) return end(fd);
    std::string& input = inputs_[fd];
    input.append(block.data(), static_cast<std::size_t>(n));
    std::size_t first = 0;
    for (std::size_t last; (last = input.find('\n', first)) != std::string::npos;) {
      take(fd, std::string_view(input).substr(first, last + 1 - first));
      first = last + 1;
    }
    input.erase(0, first);
    for (const int subscriber : subscribers_) send(subscriber, publication_);
    publication_.clear();
  }

  void take(int fd, std::string_view line) {
    if (line.starts_with("PUB ")) {
      publication_.append(line.substr(4));
    } else if (line.starts_with("SUB ")) {
      subscribers_.push_back(fd);
    } else {
      send(fd, "PONG\n");
    }
  }

  static void send(int fd, std::string_view bytes) {
    if (bytes.empty()) return;
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n != static_cast<ssize_t>(bytes.size())) fail("send");
  }

  void end(int fd) {
    std::erase(subscribers_, fd);
    inputs_.erase(fd);
    ::close(fd);
  }

  const int acceptor_;
  const int events_;
  std::map<int, std::string> inputs_;
  std::vector<int> subscribers_;
  std::string publication_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: broadcast_by_hand PORT\n", stderr);
    return 2;
  }
  Broadcast(std::atoi(argv[1])).run();
}

// What sni_router and connect_proxy do for a short connection, by few system calls of Linux,
// without Asio and the library. So it shows what the kernel costs.
//
//   forward_by_calls PORT              a GET of http://ADDRESS:PORT/... is sent on in origin form.
//                                      The answer's end is the connection's
//   forward_by_calls PORT SERVER_PORT  all goes to one server, and each end is passed on
//
// It keeps no time, and allows everything. It ends a connection with a message if the head of a
// request comes in pieces, or if a peer does not take at once what was read.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in local(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set(int fd, int option, int value) {
  if (::setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value)) != 0) fail("setsockopt");
}

/// The server of a request, whose bytes become those for the server, in place. Empty if it is none.
std::optional<sockaddr_in> take_target(char* bytes, std::string_view& request) {
  constexpr std::string_view kMethod = "GET ";
  constexpr std::string_view kStart = "GET http://";
  if (!request.starts_with(kStart) || !request.ends_with("\r\n\r\n")) return std::nullopt;
  const std::size_t path = request.find('/', kStart.size());
  const std::size_t colon = request.find(':', kStart.size());
  if (path == std::string_view::npos || colon >= path) return std::nullopt;
  sockaddr_in server = local(static_cast<std::uint16_t>(std::atoi(&bytes[colon + 1])));
  bytes[colon] = 0;
  if (::inet_pton(AF_INET, &bytes[kStart.size()], &server.sin_addr) != 1) return std::nullopt;
  std::copy(kMethod.begin(), kMethod.end(), &bytes[path - kMethod.size()]);
  request.remove_prefix(path - kMethod.size());
  return server;
}

class Forward {
 public:
  Forward(std::uint16_t port, std::optional<sockaddr_in> server)
      : server_(server),
        acceptor_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)),
        events_(::epoll_create1(0)) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    const sockaddr_in here = local(port);
    const int on = 1;
    ::setsockopt(acceptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    set(acceptor_, TCP_DEFER_ACCEPT, 1);  // the first bytes are there with the connection
    if (::bind(acceptor_, reinterpret_cast<const sockaddr*>(&here), sizeof(here)) != 0)
      fail("bind");
    if (::listen(acceptor_, SOMAXCONN) != 0) fail("listen");
    watch(acceptor_, EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> ready{};
    for (;;) {
      const int n = ::epoll_wait(events_, ready.data(), static_cast<int>(ready.size()), -1);
      for (int i = 0; i < n; ++i) {
        const epoll_event& event = ready[static_cast<std::size_t>(i)];
        event.data.fd == acceptor_ ? accept_all() : serve(event.data.fd, event.events);
      }
    }
  }

 private:
  enum class State : std::uint8_t { none, opening, connecting, open, ended };
  struct End {
    State state = State::none;
    bool of_server = false;
    int peer = -1;
  };

  End& at(int fd) {
    if (ends_.size() <= static_cast<std::size_t>(fd))
      ends_.resize(2 * static_cast<std::size_t>(fd) + 64);
    return ends_[static_cast<std::size_t>(fd)];
  }

  // Once for each socket. A close removes it.
  void watch(int fd, std::uint32_t what) const {
    epoll_event event{};
    event.events = what | EPOLLET;
    event.data.fd = fd;
    if (::epoll_ctl(events_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void accept_all() {
    for (int fd; (fd = ::accept4(acceptor_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      at(fd) = {.state = State::opening};
      open(fd);
      const State state = at(fd).state;
      if (state == State::opening || (server_ && state == State::open)) {
        watch(fd, EPOLLIN | EPOLLRDHUP);
      }
    }
    if (errno == EMFILE) fail("accept4");
  }

  // An event may be that of an earlier socket with the same number. Then there is nothing to do.
  void serve(int fd, std::uint32_t events) {
    if (at(fd).state == State::opening) {
      open(fd);
      if ((events & EPOLLRDHUP) == 0) return;
    }
    const End end = at(fd);
    if (end.state == State::connecting) {
      send_opening(fd, end.peer, events);
    } else if (end.state == State::open && (server_ || end.of_server) &&
               at(end.peer).state != State::connecting) {
      forward(fd, end.peer, events);
    }
  }

  // Connects to the server, and sends it what has come from the client, if that is there.
  void open(int client) {
    const ssize_t n = ::recv(client, block_.data(), block_.size() - 1, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return end(client, nullptr);
    block_[static_cast<std::size_t>(n)] = 0;  // for atoi()
    std::string_view bytes(block_.data(), static_cast<std::size_t>(n));
    const auto address = server_ ? server_ : take_target(block_.data(), bytes);
    if (!address) return end(client, "no GET from an address and a port, or not in one piece");
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (server < 0) fail("socket");
    at(server) = {.state = State::open, .of_server = true, .peer = client};
    at(client) = {.state = State::open, .peer = server};
    set(server, TCP_QUICKACK, 0);  // the handshake's last segment has the first bytes
    if (::connect(server, reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0 &&
        errno != EINPROGRESS) {
      return end(server, "no connection to the server");
    }
    // On the same machine there is a connection now. Else it comes later.
    const Sent sent = send(server, bytes);
    if (sent == Sent::none) {
      at(server).state = State::connecting;
      openings_[server] = bytes;
      return watch(server, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
    }
    if (sent == Sent::cut) return end(server, "the server did not take the opening");
    watch(server, EPOLLIN | EPOLLRDHUP);
  }

  void send_opening(int server, int client, std::uint32_t events) {
    const Sent sent = send(server, openings_[server]);
    if (sent == Sent::none) return;
    if (sent == Sent::cut) return end(server, "no connection to the server");
    openings_.erase(server);
    at(server).state = State::open;
    forward(server, client, events);
    if (server_ && at(client).state == State::open) forward(client, server, EPOLLRDHUP);
  }

  void forward(int from, int to, std::uint32_t events) {
    for (;;) {
      const ssize_t n = ::recv(from, block_.data(), block_.size(), 0);
      if (n < 0) return errno == EAGAIN ? void() : end(from, "a connection was reset");
      if (n == 0) return forward_end(from, to);
      const auto size = static_cast<std::size_t>(n);
      if (send(to, {block_.data(), size}) != Sent::all) {
        return end(from, "bytes were not taken at once");
      }
      // A call that finds nothing is saved, unless the end has come, too.
      if (size < block_.size() && (events & EPOLLRDHUP) == 0) return;
    }
  }

  void forward_end(int from, int to) {
    if (!server_ || at(to).state == State::ended) return end(from, nullptr);
    at(from).state = State::ended;
    ::shutdown(to, SHUT_WR);
  }

  enum class Sent : std::uint8_t { all, none, cut };
  static Sent send(int fd, std::string_view bytes) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n == static_cast<ssize_t>(bytes.size())) return Sent::all;
    return n < 0 && errno == EAGAIN ? Sent::none : Sent::cut;
  }

  // Both sockets. A close sends the end, too.
  void end(int fd, const char* why) {
    if (why != nullptr) std::fprintf(stderr, "forward_by_calls: %s\n", why);
    const int peer = std::exchange(at(fd), {}).peer;
    ::close(fd);
    openings_.erase(fd);
    if (peer < 0) return;
    at(peer) = {};
    ::close(peer);
    openings_.erase(peer);
  }

  const std::optional<sockaddr_in> server_;
  const int acceptor_;
  const int events_;
  std::vector<End> ends_;                // by descriptor
  std::map<int, std::string> openings_;  // of servers that are not connected at once
  std::array<char, 64 * 1024> block_{};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fputs("usage: forward_by_calls PORT [SERVER_PORT]\n", stderr);
    return 2;
  }
  const auto port = [argv](int i) { return static_cast<std::uint16_t>(std::atoi(argv[i])); };
  std::optional<sockaddr_in> server;
  if (argc == 3) server = local(port(2));
  Forward(port(1), server).run();
}

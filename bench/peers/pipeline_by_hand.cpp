// What pipeline_client does, in the shortest way without the library: threads share one connection,
// a thread of its own writes all that is there at once, and compares each reply. It has neither
// time limits nor bounds, and ends with its connection. Linux only.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "latencies.hpp"

namespace {

struct Options {
  int port = 0;
  std::size_t threads = 0;
  std::size_t window = 0;
  std::size_t requests = 0;
  std::size_t value_bytes = 0;
};

struct Sender {
  std::size_t number = 0;
  std::size_t requests = 0;
  std::atomic<std::size_t> in_flight{0};
  Latencies latencies;  // of its thread
};

// Who waits for which reply, in the order of the requests.
struct Expected {
  Sender* sender = nullptr;
  std::size_t i = 0;
};

// `$n\r\nTTTT:IIIIIIIIIII...\r\n`
void append_value(std::string& to, std::size_t thread, std::size_t i, std::size_t bytes) {
  char text[24];
  const auto decimal = [&text](std::size_t value) {
    return std::string_view(text, std::to_chars(text, text + sizeof(text), value).ptr);
  };
  to.append("$").append(decimal(bytes)).append("\r\n");
  const std::size_t before = to.size();
  to.append(decimal(thread)).append(":").append(decimal(i));
  to.resize(before + bytes, '.');
  to.append("\r\n");
}

class Connection {
 public:
  explicit Connection(const Options& options)
      : options_(options), socket_(::socket(AF_INET, SOCK_STREAM, 0)), wake_(::eventfd(0, 0)) {
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<std::uint16_t>(options.port));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    is_open_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&server), sizeof(server)) == 0 &&
               ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    ::close(socket_);
    ::close(wake_);
  }

  // On any thread. Wakes the connection's, if it sleeps.
  void send(const std::string& bytes, const std::vector<Expected>& expected) {
    {
      const std::lock_guard lock(mutex_);
      given_.append(bytes);
      newly_expected_.insert(newly_expected_.end(), expected.begin(), expected.end());
    }
    if (sleeps_.exchange(false)) {
      const std::uint64_t one = 1;
      (void)!::write(wake_, &one, sizeof(one));
    }
  }

  // Until all have their replies, or the connection has ended. How many were those to their
  // requests.
  std::size_t run() {
    for (std::size_t replies = 0; is_open_ && replies < options_.requests;) {
      take_given();
      write_some();
      wait();
      read_some();
      replies += match_all();
    }
    return matched_;
  }

 private:
  void take_given() {
    const std::lock_guard lock(mutex_);
    if (written_ == writing_.size()) {
      writing_.clear();
      written_ = 0;
    }
    writing_.append(given_);
    given_.clear();
    expected_.insert(expected_.end(), newly_expected_.begin(), newly_expected_.end());
    newly_expected_.clear();
  }

  void write_some() {
    if (written_ == writing_.size()) return;
    const ssize_t n = ::send(socket_, writing_.data() + written_, writing_.size() - written_,
                             MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) written_ += static_cast<std::size_t>(n);
    if (n < 0 && errno != EAGAIN) is_open_ = false;
  }

  void wait() {
    sleeps_ = true;
    {
      const std::lock_guard lock(mutex_);
      if (!given_.empty()) return;
    }
    const short wanted = written_ < writing_.size() ? POLLIN | POLLOUT : POLLIN;
    pollfd both[] = {{socket_, wanted, 0}, {wake_, POLLIN, 0}};
    ::poll(both, 2, -1);
    std::uint64_t wakes = 0;
    if (both[1].revents != 0) (void)!::read(wake_, &wakes, sizeof(wakes));
    sleeps_ = false;
  }

  void read_some() {
    const std::size_t before = input_.size();
    input_.resize(before + 64 * 1024);
    const ssize_t n = ::recv(socket_, input_.data() + before, 64 * 1024, MSG_DONTWAIT);
    input_.resize(before + (n > 0 ? static_cast<std::size_t>(n) : 0));
    if (n == 0 || (n < 0 && errno != EAGAIN)) is_open_ = false;
  }

  // All replies have the same length. How many there were.
  std::size_t match_all() {
    std::size_t replies = 0;
    std::size_t at = 0;
    for (; !expected_.empty(); ++replies) {
      const Expected& first = expected_.front();
      reply_.clear();
      append_value(reply_, first.sender->number, first.i, options_.value_bytes);
      if (input_.size() - at < reply_.size()) break;
      matched_ += std::string_view(input_).substr(at, reply_.size()) == reply_;
      at += reply_.size();
      const std::size_t half = options_.window / 2;
      if (first.sender->in_flight.fetch_sub(1) == half + 1) first.sender->in_flight.notify_one();
      expected_.pop_front();
    }
    input_.erase(0, at);
    return replies;
  }

  const Options& options_;
  const int socket_;
  const int wake_;
  bool is_open_ = false;
  std::mutex mutex_;
  std::string given_;
  std::vector<Expected> newly_expected_;
  std::atomic<bool> sleeps_{false};
  // Of the connection's thread.
  std::string writing_;
  std::size_t written_ = 0;
  std::deque<Expected> expected_;
  std::string input_;
  std::string reply_;
  std::size_t matched_ = 0;
};

// Fills its window, and again when half of it has its replies.
void send_all(Connection& connection, Sender& sender, const Options& options) {
  std::string bytes;
  std::vector<Expected> expected;
  const std::size_t half = options.window / 2;
  for (std::size_t sent = 0; sent < sender.requests;) {
    std::size_t now = sender.in_flight.load();
    if (now == options.window) {
      for (; now > half; now = sender.in_flight.load()) sender.in_flight.wait(now);
    }
    const std::size_t n = std::min(sender.requests - sent, options.window - now);
    sender.latencies.send(sent - now, sent + n);
    for (std::size_t i = sent; i < sent + n; ++i) {
      bytes.append("*2\r\n$4\r\nECHO\r\n");
      append_value(bytes, sender.number, i, options.value_bytes);
      expected.push_back({&sender, i});
    }
    sender.in_flight.fetch_add(n);
    sent += n;
    connection.send(bytes, expected);
    bytes.clear();
    expected.clear();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("usage: pipeline_by_hand PORT THREADS WINDOW REQUESTS VALUE_BYTES\n", stderr);
    return 2;
  }
  const auto number = [argv](int i) { return std::strtoull(argv[i], nullptr, 10); };
  Options options{std::atoi(argv[1]), number(2), number(3), number(4), number(5)};
  options.requests = options.requests / options.threads * options.threads;
  Connection connection(options);
  std::deque<Sender> senders(options.threads);
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.threads; ++i) {
    senders[i].number = i;
    senders[i].requests = options.requests / options.threads;
    threads.emplace_back([&, i] { send_all(connection, senders[i], options); });
  }
  const std::size_t matched = connection.run();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  std::printf("matched_replies=%zu\nreplies_per_second=%.0f\n", matched,
              static_cast<double>(matched) / taken.count());
  if (matched != options.requests) std::_Exit(1);  // senders that wait for replies never end
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 1; i < options.threads; ++i) senders[0].latencies.take(senders[i].latencies);
  senders[0].latencies.print();
}

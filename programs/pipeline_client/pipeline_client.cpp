// Many threads send requests over one connection, and check that each gets its own reply. It loads
// a Redis server, or tests one that comes and goes. The heart is `RedisClient`.
#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <atomic>
#include <bytes_handoff/bytes_mut.hpp>
#include <charconv>
#include <chrono>
#include <deque>
#include <iostream>
#include <span>
#include <thread>
#include <vector>

#include "pipeline_client/redis_client.hpp"
#include "pipeline_client/window.hpp"

namespace programs {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::BytesMut;

struct Options {
  RedisClientOptions client;
  std::size_t threads = 8;
  std::size_t window = 256;
  std::size_t requests = 1'000'000;
  std::size_t value_bytes = 16;

  void declare(CommandLine& line) {
    line.endpoint("--server", client.server, "the Redis server");
    line.number("--max-frame", client.limits.max_frame, 65'536, std::size_t{1} << 30,
                "bytes of a reply");
    line.number("--max-in-flight", client.max_in_flight, 1, 10'000'000,
                "requests without their replies");
    line.number("--max-unwritten", client.max_unwritten, 4'096, std::size_t{1} << 30,
                "bytes that the server has not taken");
    line.number("--max-waiting", client.max_waiting, 0, 10'000'000,
                "requests that wait for a connection, or for room");
    line.seconds("--request-limit", client.request_limit, std::chrono::milliseconds(10),
                 "how long a request may take");
    line.seconds("--server-limit", client.server_limit, std::chrono::milliseconds(10),
                 "how long the server may send no reply before it is connected anew");
    line.seconds("--retry", client.retry, std::chrono::milliseconds(1),
                 "pause before it connects anew");
    line.number("--threads", threads, 1, 1'000, "threads that send");
    line.number("--window", window, 1, 1'000'000, "requests of a thread without replies");
    line.number("--requests", requests, 1, 1'000'000'000, "of all threads");
    line.number("--value-bytes", value_bytes, 16, 1'000'000, "bytes of each value");
  }
};

constexpr std::size_t kBlock = 16 * 1024;  // of requests

/// The requests of one thread: `ECHO` of its number and theirs. So each reply can be told from all
/// others.
class Sender {
 public:
  Sender(RedisClient& client, const Options& options, std::size_t number, std::size_t requests,
         Sender*& last)
      : client_(client),
        options_(options),
        head_("$" + std::to_string(options.value_bytes) + "\r\n" + std::to_string(number) + ":"),
        rest_(options.value_bytes - std::to_string(number).size() - 1),
        requests_(requests),
        window_(options.window),
        last_answered_(last) {}

  void run(const std::atomic<bool>& is_ending) {
    for (std::size_t first = 0; first < requests_ && !is_ending;) {
      const std::size_t n = window_.wait_for_room(requests_ - first);
      block_.reserve(std::min(kBlock, n * most_of_request()));  // which they share
      for (std::size_t i = first; i < first + n; ++i) {
        requests_now_.push_back(make_request(i));
        done_.emplace_back(
            [this, i](const asio::error_code& error, Bytes& reply) { take(i, error, reply); });
      }
      first += n;
      send_all(is_ending);
    }
  }

  /// On the client's thread, behind replies to this one.
  void end_replies() { window_.remove(std::exchange(answered_, 0)); }

  [[nodiscard]] const Window& window() const { return window_; }
  [[nodiscard]] std::uint64_t matched() const { return matched_; }
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }

 private:
  void send_all(const std::atomic<bool>& is_ending) {
    std::span<Bytes> requests = requests_now_;
    std::span<RedisClient::Done> done = done_;
    while (!requests.empty() && !is_ending) {
      const std::uint64_t changes = client_.room_changes().load();
      const std::size_t n = client_.send(requests, done);
      requests = requests.subspan(n);
      done = done.subspan(n);
      // It has too many: its server is slow, or not there.
      if (!requests.empty()) client_.room_changes().wait(changes);
    }
    requests_now_.clear();
    done_.clear();
  }

  [[nodiscard]] std::size_t most_of_request() const { return options_.value_bytes + 64; }
  [[nodiscard]] Bytes make_request(std::size_t i) {
    block_.reserve(most_of_request());
    block_.extend("*2\r\n$4\r\nECHO\r\n");
    append_value(block_, i);
    return block_.split().freeze();
  }
  // `$n\r\nTTTT:IIIIIIIIIII...\r\n`
  void append_value(BytesMut& to, std::size_t i) const {
    char text[24];
    to.extend(head_);
    const std::size_t end = to.size() + rest_;
    to.extend(std::string_view(text, std::to_chars(text, text + sizeof(text), i).ptr));
    to.resize(end, std::byte{'.'});
    to.extend("\r\n");
  }

  // On the client's thread.
  void take(std::size_t i, const asio::error_code& error, const Bytes& reply) {
    if (!error) {
      expected_.clear();
      append_value(expected_, i);
      ++(reply == expected_ ? matched_ : wrong_);
    }
    // Replies of one thread come together. It is woken when the next thread's begin.
    Sender* const before = std::exchange(last_answered_, this);
    if (before != nullptr && before != this) before->end_replies();
    ++answered_;
  }

  RedisClient& client_;
  const Options& options_;
  const std::string head_;  // of each value
  const std::size_t rest_;  // bytes of a value behind it
  const std::size_t requests_;
  std::vector<Bytes> requests_now_;  // that fill the window
  std::vector<RedisClient::Done> done_;
  BytesMut block_;
  BytesMut expected_;
  Window window_;
  Sender*& last_answered_;    // of all threads
  std::size_t answered_ = 0;  // since `end_replies`
  std::uint64_t matched_ = 0;
  std::uint64_t wrong_ = 0;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options) {
    for (std::size_t i = 0; i < options_.threads; ++i) {
      const std::size_t rest = i < options_.requests % options_.threads ? 1 : 0;
      senders_.emplace_back(client_, options_, i, options_.requests / options_.threads + rest,
                            last_answered_);
    }
  }

  /// The exit status: 1 if a reply was not the one to its request, or a request got none.
  int run() {
    end_on_signal();
    client_.on_burst_over([this] {
      if (Sender* const last = std::exchange(last_answered_, nullptr)) last->end_replies();
    });
    client_.start();
    const auto start = std::chrono::steady_clock::now();
    std::thread threads([this] { send_all(); });
    context_.run();
    threads.join();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    return report(taken.count());
  }

 private:
  void end_on_signal() {
    signals_.async_wait([this](const asio::error_code& error, int /*signal*/) {
      if (error) return;
      signals_.clear();  // the next signal has its default effect
      log_.line("told to end");
      is_ending_ = true;
      client_.wake();
    });
  }

  void send_all() {
    std::vector<std::thread> threads;
    for (Sender& sender : senders_) {
      threads.emplace_back([this, &sender] { sender.run(is_ending_); });
    }
    for (std::thread& thread : threads) thread.join();
    asio::post(context_, [this] {
      signals_.cancel();
      client_.close();
    });
  }

  [[nodiscard]] int report(double seconds) const {
    std::uint64_t matched = 0;
    std::uint64_t wrong = 0;
    bytes_handoff::DurationHistogram latencies;
    for (const Sender& sender : senders_) {
      matched += sender.matched();
      wrong += sender.wrong();
      latencies.merge(sender.window().latencies());
    }
    Statistics all = client_.statistics();
    all.insert(all.end(), {{"matched_replies", matched},
                           {"wrong_replies", wrong},
                           {"replies_per_second",
                            static_cast<std::uint64_t>(static_cast<double>(matched) / seconds)}});
    for (const auto& [name, percentile] : {std::pair{"p50", 50}, {"p95", 95}, {"p99", 99}}) {
      const auto latency = latencies.at_percentile(percentile);
      all.emplace_back(std::string("latency_") + name + "_micros",
                       latency / std::chrono::microseconds(1));
    }
    print(all);
    return wrong == 0 && (matched == options_.requests || is_ending_) ? 0 : 1;
  }

  const Options& options_;
  asio::io_context context_{ASIO_CONCURRENCY_HINT_UNSAFE_IO};  // one thread uses its sockets
  Log log_{"pipeline_client"};
  RedisClient client_{context_, log_, options_.client};
  Sender* last_answered_ = nullptr;
  std::deque<Sender> senders_;
  asio::signal_set signals_{context_, SIGINT, SIGTERM};
  std::atomic<bool> is_ending_{false};
};

int run(int argc, char** argv) {
  Options options;
  CommandLine line("pipeline_client",
                   "Sends requests of many threads to a Redis server, over one connection.");
  options.declare(line);
  if (const auto status = line.read(argc, argv)) return *status;
  if (options.value_bytes + 64 > options.client.max_unwritten) {
    return line.refuse("--max-unwritten: must be 64 more than --value-bytes, or more");
  }
  return Load(options).run();
}

}  // namespace
}  // namespace programs

int main(int argc, char** argv) { return programs::run(argc, argv); }

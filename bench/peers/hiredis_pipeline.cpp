// What stands beside pipeline_client: hiredis, pipelined by hand. Each thread has a connection of
// its own, and a window of requests without replies. The requests are those of pipeline_client, and
// each reply is compared.
#include <hiredis/hiredis.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
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

std::string value_of(std::size_t thread, std::size_t i, std::size_t bytes) {
  std::string value = std::to_string(thread) + ":" + std::to_string(i);
  value.resize(bytes, '.');
  return value;
}

// How many replies were those to their requests.
std::size_t run_thread(const Options& options, std::size_t thread, Latencies& latencies) {
  redisContext* const connection = redisConnect("127.0.0.1", options.port);
  if (connection == nullptr || connection->err != 0) return 0;
  const std::size_t requests = options.requests / options.threads;
  const std::size_t half = options.window / 2;
  std::size_t sent = 0;
  std::size_t matched = 0;
  for (std::size_t received = 0; received < requests; ++received) {
    if (sent < requests && sent - received <= half) {
      latencies.send(received, std::min(requests, received + options.window));
      for (; sent < requests && sent - received < options.window; ++sent) {
        const std::string value = value_of(thread, sent, options.value_bytes);
        const char* words[] = {"ECHO", value.data()};
        const std::size_t sizes[] = {4, value.size()};
        redisAppendCommandArgv(connection, 2, words, sizes);
      }
    }
    void* any = nullptr;
    if (redisGetReply(connection, &any) != REDIS_OK) break;
    auto* const reply = static_cast<redisReply*>(any);
    const std::string value = value_of(thread, received, options.value_bytes);
    matched += reply->len == value.size() && std::memcmp(reply->str, value.data(), reply->len) == 0;
    freeReplyObject(reply);
  }
  redisFree(connection);
  return matched;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("usage: hiredis_pipeline PORT THREADS WINDOW REQUESTS VALUE_BYTES\n", stderr);
    return 2;
  }
  const Options options{std::atoi(argv[1]), std::strtoull(argv[2], nullptr, 10),
                        std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10),
                        std::strtoull(argv[5], nullptr, 10)};
  std::atomic<std::size_t> matched{0};
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  std::vector<Latencies> latencies(options.threads);
  for (std::size_t i = 0; i < options.threads; ++i) {
    threads.emplace_back([&, i] { matched += run_thread(options, i, latencies[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  std::printf("matched_replies=%zu\nreplies_per_second=%.0f\n", matched.load(),
              static_cast<double>(matched.load()) / taken.count());
  for (std::size_t i = 1; i < options.threads; ++i) latencies[0].take(latencies[i]);
  latencies[0].print();
  return matched == options.requests / options.threads * options.threads ? 0 : 1;
}

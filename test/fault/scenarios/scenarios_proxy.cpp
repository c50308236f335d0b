// A buffer in front of a queue: frames, then a tunnel.

#include <memory>

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

[[nodiscard]] HandoffBufferConfig small_buffer() {
  HandoffBufferConfig config;
  config.max_size = 64;
  config.read_reserve = 16;
  config.block_size = 64;
  return config;
}

// Routes every complete frame; what follows the frame "T\n" goes as it comes.
void route(World& w, bool& is_tunnel, bool at_once) {
  while (!is_tunnel) {
    const auto end = w.seen().find('\n');
    if (end == std::string_view::npos) {
      return;
    }
    is_tunnel = w.seen().substr(0, 2) == "T\n";
    Bytes frame = w.split(end + 1);
    if (frame.empty()) {
      return;
    }
    w.write_bytes(std::move(frame), at_once);
  }
  if (!w.seen().empty()) {
    w.write_bytes(w.freeze_all(), at_once);
  }
}

void start_proxy(World& w, const WriteHandoffConfig& config,
                 const HandoffBufferConfig& buffer = small_buffer(), bool at_once = false) {
  w.spawn(config);
  w.open(buffer);
  const auto is_tunnel = std::make_shared<bool>(false);
  w.read_to_end([&w, is_tunnel, at_once] { route(w, *is_tunnel, at_once); });
}

constexpr Scenario kProxyScenarios[] = {
    {"a proxy with room",
     [](World& w) {
       w.feed({"GET /a\nPUT /b\n", "DEL /c\nT\nx", "yz", "tunnel bytes"});
       start_proxy(w, limits(16, 100));
       w.settle();
       w.close_and_wait();
       w.settle();
     }},
    {"a proxy whose writes go at once",
     [](World& w) {
       w.feed({"GET /a\nPUT /b\n", "DEL /c\nT\nx", "yz", "tunnel bytes"});
       start_proxy(w, limits(2, 14), small_buffer(), true);
       w.settle();
       w.close_and_wait();
       w.settle();
     }},
    {"a proxy that gathers",
     [](World& w) {
       w.feed({"GET /a\nP", "UT /b\nT\nx", "yz", "tunnel bytes"});
       auto config = small_buffer();
       config.gather_for = std::chrono::nanoseconds(1);
       start_proxy(w, limits(16, 100), config);
       w.settle();
       w.close_and_wait();
       w.settle();
     }},
    {"a proxy whose frames wait",
     [](World& w) {
       w.feed({"GET /a\nPUT /b\nDEL /c\n", "T\nx"});
       start_proxy(w, limits(1, 8));
       w.settle();
       w.flush();
       w.settle();
     }},
    {"a proxy of drips",
     [](World& w) {
       w.feed({"a", "\n", "b", "\n", "T", "\n", "c", "d"});
       start_proxy(w, limits(2, 4));
       w.settle();
     }},
    {"a proxy that is closed while it forwards",
     [](World& w) {
       w.feed({"GET /a\n", "PUT /b\n", "T\nsome more"});
       start_proxy(w, limits(2, 16));
       w.steps(6);
       w.close();
       w.settle();
     }},
    {"a proxy that is aborted while it forwards",
     [](World& w) {
       w.feed({"GET /a\n", "PUT /b\n", "T\nsome more"});
       start_proxy(w, limits(2, 16));
       w.steps(6);
       w.abort();
       w.settle();
     }},
    {"a proxy whose source falls silent",
     [](World& w) {
       w.feed({"GET /a\nPUT", " /b\nT\n"}, false);
       start_proxy(w, limits(2, 16));
       w.settle();
       w.close();
       w.settle();
     }},
};

}  // namespace

std::span<const Scenario> proxy_scenarios() { return kProxyScenarios; }

}  // namespace bytes_handoff::test

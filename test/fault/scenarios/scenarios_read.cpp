// A buffer alone.

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

[[nodiscard]] HandoffBufferConfig buffers(std::size_t max_size, std::size_t read_reserve,
                                          std::size_t block_size = 64) {
  HandoffBufferConfig config;
  config.max_size = max_size;
  config.read_reserve = read_reserve;
  config.block_size = block_size;
  return config;
}

// Splits every complete line off.
void split_lines(World& w) {
  for (auto end = w.seen().find('\n'); end != std::string_view::npos; end = w.seen().find('\n')) {
    if (w.split(end + 1).empty()) {
      return;
    }
  }
}

constexpr Scenario kReadScenarios[] = {
    {"one read",
     [](World& w) {
       w.open(buffers(100, 10));
       w.feed({"hello"}, false);
       static_cast<void>(w.read([](const net_error_code&, std::size_t) {}));
       w.settle();
     },
     true},
    {"everything is kept",
     [](World& w) {
       w.open(buffers(1000, 4));
       w.feed({"some", " pieces", " of", " text", " of which nothing is split off"});
       w.read_to_end([] {});
       w.settle();
     },
     true},
    {"drips",
     [](World& w) {
       w.open(buffers(64, 1));
       w.feed({"a", "b", "c", "\n", "d", "e", "f", "\n"});
       w.read_to_end([&w] { split_lines(w); });
       w.settle();
     },
     true},
    {"frames in one piece",
     [](World& w) {
       w.open(buffers(256, 32));
       w.feed({"one\ntwo\nthree\nfour\nfi", "ve\n"});
       w.read_to_end([&w] { split_lines(w); });
       w.settle();
     },
     true},
    {"frames of which small ones are copied",
     [](World& w) {
       HandoffBufferConfig config = buffers(256, 16);
       config.prefix_policy = {8};
       w.open(config);
       w.feed({"one\ntwo\nand one that is longer\nfour\n", "last\n"});
       w.read_to_end([&w] { split_lines(w); });
       w.settle();
     },
     true},
    {"a frame that is too long",
     [](World& w) {
       w.open(buffers(8, 8));
       w.feed({"12345678", "9"});
       w.read_to_end([&w] { split_lines(w); });
       w.settle();
       static_cast<void>(w.freeze_all());
       w.read_to_end([] {});
       w.settle();
     },
     true},
    {"a cancelled read, and one behind it",
     [](World& w) {
       w.open(buffers(64, 16));
       static_cast<void>(w.read([](const net_error_code&, std::size_t) {}));
       w.steps(1);
       w.cancel(net::cancellation_type::partial);
       w.feed({"text\n"});
       w.settle();
       w.read_to_end([&w] { split_lines(w); });
       w.settle();
     },
     true},
    {"a second read while one runs",
     [](World& w) {
       w.open(buffers(64, 16));
       w.feed({"text"}, false);
       static_cast<void>(w.read([](const net_error_code&, std::size_t) {}));
       static_cast<void>(w.read([](const net_error_code&, std::size_t) {}));
       w.settle();
     },
     true},
    {"frames that drip in are waited for",
     [](World& w) {
       w.open(buffers(64, 1));
       w.feed({"a", "b", "c", "\n", "d", "e", "f", "\n"});
       w.wait_frames_to_end([&w] { split_lines(w); });
       w.settle();
     },
     true},
    {"frames in one piece are waited for, the last one is cut",
     [](World& w) {
       w.open(buffers(256, 32));
       w.feed({"one\ntwo\nthree\nfour\nfi", "ve\nsi"});
       w.wait_frames_to_end([&w] { split_lines(w); });
       w.settle();
     },
     true},
    {"a frame that is too long is waited for",
     [](World& w) {
       w.open(buffers(8, 8));
       w.feed({"1234", "5678", "9\n"});
       w.wait_frames_to_end([&w] { split_lines(w); });
       w.settle();
       static_cast<void>(w.freeze_all());
       w.wait_frames_to_end([&w] { split_lines(w); });
       w.settle();
     },
     true},
    {"a cancelled wait for a frame, and one behind it",
     [](World& w) {
       w.open(buffers(64, 16));
       w.feed({"te"}, false);
       static_cast<void>(w.wait_frame([](const net_error_code&, std::size_t) {}));
       w.steps(3);
       w.cancel(net::cancellation_type::partial);
       w.feed({"xt\n"});
       w.settle();
       w.wait_frames_to_end([&w] { split_lines(w); });
       w.settle();
     },
     true},
    {"the mode changes",
     [](World& w) {
       w.open(buffers(64, 32));
       w.feed({"head\nta", "il", " and more"});
       w.read_to_end([&w] {
         if (w.seen().substr(0, 5) == "head\n") {
           static_cast<void>(w.split(5));
           w.hand_the_tail_on(buffers(128, 16));
         }
       });
       w.settle();
     },
     true},
    {"the tail is too long",
     [](World& w) {
       w.open(buffers(64, 32));
       w.feed({"0123456789", "abc"});
       w.read_to_end([&w] { w.hand_the_tail_on(buffers(4, 4)); });
       w.settle();
     },
     true},
};

}  // namespace

std::span<const Scenario> read_scenarios() { return kReadScenarios; }

}  // namespace bytes_handoff::test

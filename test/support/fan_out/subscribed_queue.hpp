#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/fan_out.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {

/// A queue in front of a scripted stream, and its subscription.
struct SubscribedQueue {
  SubscribedQueue(net::io_context& context, const FanOut& log, LagPolicy policy = {},
                  const WriteHandoffConfig& config = {}, bool takes_nothing = false)
      : script(std::make_shared<StreamScript>()) {
    if (takes_nothing) {
      script->hold_from = 0;
    }
    out = WriteHandoff(IoStream(context.get_executor(), script), config);
    subscription = log.subscribe(out, std::move(policy));
  }

  /// The held write takes `n` bytes, and what follows from that happens.
  void take(net::io_context& context, std::size_t n) {
    ASSERT_NE(script->held, nullptr) << "no write is under way";
    script->complete({}, n);
    run_ready(context);
  }
  /// The stream takes everything from now on.
  void release(net::io_context& context) {
    script->hold_from = kNever;
    if (script->held != nullptr) {
      take(context, script->sizes.back());
    }
    run_ready(context);
  }

  std::shared_ptr<StreamScript> script;
  WriteHandoff out;
  Subscription subscription;
};

/// Publishes a copy of `from`.
inline bool publish(const FanOut& log, std::string_view from,
                    std::optional<std::uint64_t> key = std::nullopt) {
  Bytes bytes = text(from);
  return log.publish(bytes, key).has_value();
}

}  // namespace bytes_handoff::test

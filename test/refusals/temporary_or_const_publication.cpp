// What is published, and what could not keep what is refused.
#include <array>
#include <bytes_handoff/fan_out.hpp>
#include <span>
#include <utility>
#include <vector>

using bytes_handoff::Bytes;

void compiles(const bytes_handoff::FanOut& log, Bytes bytes, std::vector<Bytes> group,
              std::span<Bytes> span) {
  static_cast<void>(log.publish(bytes));
  static_cast<void>(log.publish(bytes, 7));
  static_cast<void>(log.publish(group));
  static_cast<void>(log.publish(span, 7));
}

#if defined(TEMPORARIES)
void temporaries(const bytes_handoff::FanOut& log, Bytes bytes) {
  static_cast<void>(log.publish(std::move(bytes)));
  static_cast<void>(log.publish(Bytes(), 7));
  static_cast<void>(log.publish(std::vector<Bytes>()));
}
#elif defined(CONSTANTS)
void constants(const bytes_handoff::FanOut& log, const Bytes& bytes, std::span<const Bytes> span) {
  static_cast<void>(log.publish(bytes));
  static_cast<void>(log.publish(span));
}
#endif

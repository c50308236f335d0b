#include "command_line/options.hpp"

namespace stream_harness {

std::uint64_t Options::bytes_per_connection() const noexcept {
  return payload_bytes(payload_shape());
}

std::string_view to_text(Transport value) noexcept {
  switch (value) {
    case Transport::kDuplex:
      return "duplex";
    case Transport::kCached:
      return "cached";
    case Transport::kTcp:
      break;
  }
  return "tcp";
}

std::string_view to_text(Role value) noexcept {
  switch (value) {
    case Role::kIntegrated:
      return "integrated";
    case Role::kTcpService:
      return "tcp-service";
    case Role::kTcpDriver:
      break;
  }
  return "tcp-driver";
}

std::string_view to_text(Implementation value) noexcept {
  switch (value) {
    case Implementation::kHandoff:
      return "handoff";
    case Implementation::kManualVec:
      return "manual_vec";
    case Implementation::kHandoffCoroutine:
      return "handoff_coroutine";
    case Implementation::kAsioQueue:
      return "asio_queue";
    case Implementation::kSplice:
      return "splice";
    case Implementation::kRawCopy:
      break;
  }
  return "raw_copy";
}

std::string_view to_text(Scenario value) noexcept {
  return value == Scenario::kFragmented ? "fragmented" : "coalesced";
}

std::string_view to_text(Completion value) noexcept {
  return value == Completion::kTicket ? "ticket" : "fire_and_forget";
}

}  // namespace stream_harness

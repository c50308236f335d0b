#include "roles/integrated/connection_parts.hpp"

#include <utility>

#include "report/error_log.hpp"

namespace stream_harness {

ConnectionParts::ConnectionParts(std::uint64_t index, Account& account,
                                 std::function<void()> on_end)
    : index_(index), account_(account), on_end_(std::move(on_end)) {}

void ConnectionParts::client_ended(std::string_view error) { part_ended("client: ", error); }

void ConnectionParts::proxy_ended(const ProxyResult& result) {
  forwarded_bytes_ = result.forwarded_bytes;
  part_ended("proxy: ", result.error);
}

void ConnectionParts::sink_ended(const SinkResult& result) {
  last_byte_at_ = result.last_byte_at;
  part_ended("sink: ", result.error);
}

void ConnectionParts::part_ended(std::string_view part, std::string_view error) {
  if (!error.empty() && !failed_) {
    failed_ = true;
    log_error("connection " + std::to_string(index_) + ": " + std::string(part) +
              std::string(error));
  }
  if (--open_parts_ > 0) return;
  enter_into_account();
  // May destroy the connection's last owner.
  if (const auto on_end = std::exchange(on_end_, nullptr)) on_end();
}

void ConnectionParts::enter_into_account() {
  account_.forwarded_bytes += forwarded_bytes_;
  if (failed_) {
    ++account_.failed_connections;
  } else {
    account_.latency.record(last_byte_at_ - began_at_);
  }
  account_.ended_connections.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace stream_harness

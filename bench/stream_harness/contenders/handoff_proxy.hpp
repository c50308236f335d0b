#pragma once

#include <memory>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "contenders/held_pieces.hpp"
#include "contenders/proxy.hpp"
#include "contenders/route_parser.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

/// The library's path: reads what there is into a HandoffBuffer, splits the frames of a read off as
/// owned slices, and gives them to a WriteHandoff in one submission. After the marker the buffered
/// bytes go on as they come. With tickets it waits for each submission to be written before it
/// reads on; without, reading and writing overlap as far as the write budget has room for the block
/// that is read into. A frame that is longer than a block is held in pieces, a block each, until it
/// is complete: it is never moved, and each block goes when it is written. So a sink that never
/// reads costs a connection at most the budget, one frame and one block.
template <class Reader, class Writer>
class HandoffProxy final : public Proxy,
                           public std::enable_shared_from_this<HandoffProxy<Reader, Writer>> {
 public:
  HandoffProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done);

  void start();
  void stop() noexcept override;

 private:
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<HandoffProxy>;

  static void read(Self self);
  static void on_read(Self self, net_error_code error, std::size_t bytes);
  static void route(Self self);
  static void wait_until_written(Self self);
  [[nodiscard]] bool is_written() const;
  static void wait_for_ticket(Self self);
  static void close(Self self);

  [[nodiscard]] bool collect_burst();
  [[nodiscard]] bool find_unit();
  [[nodiscard]] std::size_t collect_held();
  void hold_what_fills_the_block();
  [[nodiscard]] std::size_t least_to_hold() const;
  [[nodiscard]] bool has_budget_for_a_block() const;
  [[nodiscard]] bytes_handoff::expected<void, bytes_handoff::WriteRefusal> submit();
  void finish(std::string error);

  Reader in_;
  bytes_handoff::WriteHandoff out_;
  bytes_handoff::HandoffBuffer buffer_;
  RouteParser parser_;
  std::size_t write_pending_bytes_;
  Completion completion_;
  bool tunnel_ = false;
  bool input_ended_ = false;
  bool too_long_ = false;
  HeldPieces held_;                          // of a frame whose rest is, or will be, in the buffer
  std::size_t unit_bytes_ = 0;               // found at the front of the buffer, not collected yet
  std::vector<bytes_handoff::Bytes> burst_;  // the slices of one submission
  bytes_handoff::WriteTicket ticket_;        // of the last submission
  ProxyDone done_;
};

extern template class HandoffProxy<TcpStream, TcpStream>;
extern template class HandoffProxy<DuplexStream, DuplexStream>;
extern template class HandoffProxy<CachedSource, CountingSink>;

}  // namespace stream_harness

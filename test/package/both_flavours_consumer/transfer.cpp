#include "transfer.hpp"

#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <utility>

#if defined(BYTES_HANDOFF_BOOST_ASIO)
#include <boost/asio/io_context.hpp>
#define TRANSFER transfer_on_boost_asio
using boost::asio::io_context;
#else
#include <asio/io_context.hpp>
#define TRANSFER transfer_on_asio
using asio::io_context;
#endif

bytes_handoff::Bytes TRANSFER(bytes_handoff::Bytes bytes) {
  io_context context(1);
  auto [near, far] = bytes_handoff::make_duplex(context, 1024);
  bytes_handoff::HandoffBuffer buffer;
  {
    bytes_handoff::WriteHandoff out(std::move(near));
    if (!out.try_write(bytes)) return bytes;
    out.close();
  }
  bool ended = false;
  while (!ended) {
    buffer.async_read_available(far,
                                [&](const auto& error, std::size_t n) { ended = error || n == 0; });
    context.restart();
    context.run();
  }
  return buffer.freeze_all();
}

// STREAM is a type that is no stream.
#include <asio/io_context.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <utility>

struct WithoutHasAsyncWriteSomeOrMessage {
  [[nodiscard]] asio::io_context::executor_type get_executor();
};

struct WithoutHasExecutor {
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler);
};

void make(STREAM stream) { const bytes_handoff::WriteHandoff out(std::move(stream)); }

// A read from something that cannot be read from.
#include <asio/any_io_executor.hpp>
#include <bytes_handoff/handoff_buffer.hpp>

struct WriteOnly {
  using executor_type = asio::any_io_executor;
  [[nodiscard]] executor_type get_executor() const;
};

void read(bytes_handoff::HandoffBuffer& buffer, WriteOnly& stream) {
  buffer.async_read_available(stream, [](asio::error_code, std::size_t) {});
}

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <bytes_handoff.hpp>
#include <string_view>

#include "definitions.hpp"

static_assert(std::string_view(kDefinitions).find(" BYTES_HANDOFF_STANDALONE_ASIO") !=
              std::string_view::npos);
static_assert(std::string_view(kDefinitions).find(" ASIO_") == std::string_view::npos);

int main() {
  constexpr std::string_view kText = "vendored";
  std::size_t size = 0;
  asio::io_context context;
  asio::post(context, [&] { size = bytes_handoff::Bytes::copy_of(kText).size(); });
  context.run();
  return size == kText.size() ? 0 : 1;
}

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <bytes_handoff.hpp>
#include <string_view>

int main() {
  constexpr std::string_view kText = "installed";
  std::size_t size = 0;
  boost::asio::io_context context;
  boost::asio::post(context, [&] { size = bytes_handoff::Bytes::copy_of(kText).size(); });
  context.run();
  return size == kText.size() ? 0 : 1;
}

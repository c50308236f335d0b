// Frames with a length in front (4 bytes, big-endian) on a TCP port. The server sends each frame
// back with its header, as it came. A client that announces too much is refused before anything is
// allocated for it.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <exception>
#include <iostream>
#include <memory>
#include <string_view>
#include <vector>

using namespace std::string_view_literals;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::LengthFramer;
using bytes_handoff::WriteHandoff;

awaitable<void> serve(tcp::socket accepted) {
  const auto socket = std::make_shared<tcp::socket>(std::move(accepted));
  WriteHandoff out(socket);
  HandoffBuffer buffer;
  LengthFramer messages({.max_content = 4096, .keep_header = true});
  std::vector<Bytes> answers;
  while (co_await buffer.async_wait_frame(*socket, messages, use_awaitable) != 0) {
    for (Bytes& message : buffer.frames(messages)) answers.push_back(std::move(message));
    co_await out.async_send(answers, use_awaitable);
    answers.clear();
  }
  co_await out.async_close(use_awaitable);  // an exception goes past it: the client sees a reset
}

void report(std::exception_ptr failure) try {
  if (failure) std::rethrow_exception(failure);
} catch (const std::exception& error) {
  std::cout << "a connection failed: " << error.what() << '\n';
}

awaitable<void> accept_all(tcp::acceptor& acceptor) {
  for (;;) {
    asio::error_code error;
    auto socket = co_await acceptor.async_accept(redirect_error(use_awaitable, error));
    if (error) co_return;  // the acceptor was closed
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), report);
  }
}

awaitable<void> ask(tcp::endpoint server, std::string_view first, std::string_view second) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(server, use_awaitable);
  for (const std::string_view piece : {first, second}) {
    co_await asio::async_write(socket, asio::buffer(piece), use_awaitable);
  }
  socket.shutdown(tcp::socket::shutdown_send);
  HandoffBuffer buffer;
  LengthFramer messages;
  while (co_await buffer.async_wait_frame(socket, messages, use_awaitable) != 0) {
    for (Bytes& message : buffer.frames(messages)) {
      std::cout << "answer: " << message.view() << '\n';
    }
  }
}

awaitable<void> clients(tcp::acceptor& acceptor) {
  co_await ask(acceptor.local_endpoint(), "\0\0\0\5hel"sv, "lo\0\0\0\3bye"sv);
  co_await ask(acceptor.local_endpoint(), "\0\0\0\2ok"sv, "\xff\xff\xff\xff"sv);  // 4 GiB
}

int main() {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});  // any port that is free
  asio::co_spawn(context, accept_all(acceptor), report);
  asio::co_spawn(context, clients(acceptor), [&](std::exception_ptr failure) {
    report(failure);
    acceptor.close();
  });
  context.run();
}

// A client with a time limit for each request. The limit is the token's alone: `||` with a timer
// here, `asio::cancel_after` where Asio has it. A request that is late in the line is not lost: its
// slice is still there, and can be sent again.
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <bytes_handoff.hpp>
#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;
using asio::use_awaitable;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;

constexpr std::size_t kBudget = 1'000'000;

// Whether the queue has the request. If not, it is still the caller's.
asio::awaitable<bool> send(WriteHandoff out, Bytes& request, std::chrono::milliseconds limit) {
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  asio::error_code ended;
  co_await (out.async_write(request, redirect_error(use_awaitable, ended)) ||
            timer.async_wait(use_awaitable));
  co_return request.empty();  // the truth, whichever of both came first
}

asio::awaitable<void> serve(tcp::socket& stream);

asio::awaitable<void> client(std::shared_ptr<tcp::socket> socket, tcp::socket& server) {
  WriteHandoff out(socket, {.max_pending_bytes = kBudget});
  // The server does not read yet, and this fills the way.
  Bytes upload = Bytes::from_owner(std::string(kBudget, 'u'));
  std::cout << "upload sent: " << std::boolalpha << co_await send(out, upload, 10s) << '\n';

  Bytes request = Bytes::from_owner(std::string(kBudget / 2 - 1, 'r') + '\n');
  std::cout << "request sent: " << co_await send(out, request, 20ms) << '\n'
            << "still ours: " << request.size() << " bytes\n";

  const auto executor = co_await asio::this_coro::executor;
  asio::co_spawn(executor, serve(server), asio::detached);  // now the server reads
  std::cout << "sent again: " << co_await send(out, request, 10s) << '\n';

  HandoffBuffer answer;
  while (co_await answer.async_read_available(*socket, use_awaitable) != 0) {
  }
  std::cout << "answer: " << answer.peek_view();
  co_await out.async_close(use_awaitable);
}

asio::awaitable<void> serve(tcp::socket& stream) {
  std::string request;
  co_await asio::async_read_until(stream, asio::dynamic_buffer(request), '\n', use_awaitable);
  const std::string answer = std::to_string(request.size()) + " bytes, each once\n";
  co_await asio::async_write(stream, asio::buffer(answer), use_awaitable);
  stream.shutdown(stream.shutdown_send);
}

int main() {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  acceptor.set_option(tcp::socket::receive_buffer_size(4096));
  auto local = std::make_shared<tcp::socket>(context, tcp::v4());
  local->set_option(tcp::socket::send_buffer_size(4096));
  local->connect(acceptor.local_endpoint());
  tcp::socket remote = acceptor.accept();
  asio::co_spawn(context, client(std::move(local), remote), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
}

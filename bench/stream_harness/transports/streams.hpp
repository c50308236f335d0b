#pragma once

#include <asio/basic_socket_acceptor.hpp>
#include <asio/ip/tcp.hpp>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/testing/duplex.hpp"

namespace stream_harness {

namespace net = bytes_handoff::net;
using bytes_handoff::net_error_code;

// Concrete executors: a type-erased one costs an indirect call a step.
using Executor = net::io_context::executor_type;
using TcpStream = net::basic_stream_socket<net::ip::tcp, Executor>;
using TcpAcceptor = net::basic_socket_acceptor<net::ip::tcp, Executor>;
using DuplexStream = bytes_handoff::BasicDuplexStream<Executor>;

}  // namespace stream_harness

"""Ways to break streams of messages and WebSockets; as in shell_mutants.py."""

from shell_mutants import ACKNOWLEDGEMENT, END_WRITE, HOLDER, SHELL, STREAM_END, ends

QUEUE_ENDS = "include/bytes_handoff/core/queue/ends.hpp"
WEBSOCKET = "include/bytes_handoff/websocket.hpp"

WEBSOCKETS = ("asan", "beast_tests_boost_asio", "/websocket_test")

MUTANTS = [
    ("messages are written as bytes", HOLDER,
     "MessageStream<Stream> ? Entries::kMessages : Entries::kBytes", "Entries::kBytes",
     *SHELL, "/writer_messages_test"),
    ("a WebSocket is ended as what it stands on", END_WRITE,
     "} else if constexpr (HasKnownEnd<Stream>) {",
     "} else if constexpr (HasKnownEnd<Stream> && !IsLayered<Stream>) {", *WEBSOCKETS),
    ("a message changes how those behind it are sent", WEBSOCKET,
     "    websocket.binary(was_binary);\n", "", *WEBSOCKETS),
    ("a peer that closed first is a failure of the close", WEBSOCKET,
     "std::move(then)(is_over ? net_error_code() : error);", "std::move(then)(error);", *WEBSOCKETS),
    ("a write behind the peer's close is told that it was aborted", WEBSOCKET,
     "const bool is_closed =\n", "const bool is_closed = false &&\n", *WEBSOCKETS),
    ("the code of a close frame is lost", WEBSOCKET, "kWebSocketClose | code", "kWebSocketClose", *WEBSOCKETS),
    ("a WebSocket that is reset sends a close frame", WEBSOCKET,
     "  template <class Handler>\n  static void async_end_write(Stream& stream, Handler&& handler) {\n"
     "    detail::close_websocket(detail::as_websocket(stream),\n",
     "  static void reset(Stream& stream) {\n"
     "    detail::as_websocket(stream).async_close(boost::beast::websocket::close_code::normal,\n"
     "                                             [](net_error_code) {});\n  }\n"
     "  template <class Handler>\n  static void async_end_write(Stream& stream, Handler&& handler) {\n"
     "    detail::close_websocket(detail::as_websocket(stream),\n",
     *ends("abort_after_written/websocket", "asan", "boost_asio")),
    ("a WebSocket is closed with another code", WEBSOCKET,
     "                            boost::beast::websocket::close_code::normal,\n",
     "                            boost::beast::websocket::close_code::going_away,\n",
     *ends("close/websocket", "asan", "boost_asio")),
    ("a closing handshake may be silent", QUEUE_ENDS,
     "  if (state_ == State::kClosing) {\n    longest = config_.close_timeout;",
     "  if (state_ == State::kClosing && writer_ != Writer::kShuttingDown) {\n"
     "    longest = config_.close_timeout;",
     *ends("peer_stays/websocket", "asan", "boost_asio")),
    ("what is acknowledged while one operation writes on is no progress", ACKNOWLEDGEMENT,
     "(last_.acknowledged > before.acknowledged || last_", "(last_",
     *SHELL, "/writer_progress_test"),
]

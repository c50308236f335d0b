#pragma once

#include <bytes_handoff/bytes.hpp>

// Each sends the bytes through a write queue, a stream and a read buffer of one flavour of Asio,
// and returns what has arrived.
bytes_handoff::Bytes transfer_on_asio(bytes_handoff::Bytes bytes);
bytes_handoff::Bytes transfer_on_boost_asio(bytes_handoff::Bytes bytes);

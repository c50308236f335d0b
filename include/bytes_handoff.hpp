#pragma once

#include "bytes_handoff/backpressure.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/duplex.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/shutdown_write.hpp"
#include "bytes_handoff/statistics.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "bytes_handoff/write_ticket.hpp"

#pragma once

#include <string>

#include "bytes_handoff/expected.hpp"
#include "command_line/options.hpp"
#include "report/report.hpp"

namespace stream_harness {

/// Runs clients and sinks alone: sinks accept at `sink_addr`, and waves of clients connect to
/// `service_addr`, with connections numbered on over the waves. A wave begins when the clients of
/// the one before have sent all, and the one before that is over: two may run at a time, or one
/// where the descriptors do not suffice for two.
///
/// Waves also end when all clients have ended and nothing has been open at the sinks, or come to
/// them, for the idle timeout; what has not come then has failed. A wave in which every connection
/// failed is the last. A connection to the sinks that does not tell what it is holds nothing up; it
/// is named on standard error. SIGINT and SIGTERM let no further connection start (see EndStages).
///
/// The error is one of the environment (the address, no service, descriptors, threads, memory);
/// connections that fail are part of the result.
[[nodiscard]] bytes_handoff::expected<RunResult, std::string> run_driver(const Options& options);

}  // namespace stream_harness

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "driver_run.hpp"
#include "error_log.hpp"
#include "freed_memory.hpp"
#include "integrated_run.hpp"
#include "options.hpp"
#include "report.hpp"
#include "service_run.hpp"

namespace {

bool write_to_stdout(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

int exit_early(const stream_harness::EarlyExit& exit) {
  if (!exit.to_standard_output) {
    std::fwrite(exit.text.data(), 1, exit.text.size(), stderr);
  } else if (!write_to_stdout(exit.text)) {
    return EXIT_FAILURE;
  }
  return exit.exit_status;
}

bytes_handoff::expected<stream_harness::RunResult, std::string> run(
    const stream_harness::Options& options) {
  switch (options.role) {
    case stream_harness::Role::kTcpService:
      return stream_harness::run_service(options);
    case stream_harness::Role::kTcpDriver:
      return stream_harness::run_driver(options);
    case stream_harness::Role::kIntegrated:
      break;
  }
  return stream_harness::run_integrated(options);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = stream_harness::parse_command_line(argc, argv);
  if (!options) return exit_early(options.error());

  stream_harness::keep_freed_memory();
  const auto result = run(*options);
  if (!result) {
    stream_harness::log_error(result.error());
    return EXIT_FAILURE;
  }
  if (!write_to_stdout(stream_harness::format_report(*options, *result))) {
    stream_harness::log_error("cannot write the report to standard output");
    return EXIT_FAILURE;
  }
  return result->failed_connections == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

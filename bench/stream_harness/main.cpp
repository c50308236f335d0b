#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

#include "command_line/parse_command_line.hpp"
#include "report/error_log.hpp"
#include "report/report.hpp"
#include "roles/driver/driver_run.hpp"
#include "roles/integrated/integrated_run.hpp"
#include "roles/process/keep_freed_memory.hpp"
#include "roles/service/service_run.hpp"

namespace {

// For a reader of standard error that is slow; one that never reads holds up nothing else.
constexpr std::chrono::seconds kLongestFlush{1};

// Whether it was written; a line on standard error says where not.
bool write_to_stdout(std::string_view what, std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return true;
  }
  const std::string reason = std::generic_category().message(errno);
  stream_harness::log_error("cannot write " + std::string(what) + " to standard output: " + reason);
  return false;
}

int exit_early(const stream_harness::EarlyExit& exit) {
  if (!exit.to_standard_output) {
    stream_harness::log_line(exit.text);
  } else if (!write_to_stdout("the help", exit.text)) {
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

int run_command_line(int argc, char** argv) {
  const auto options = stream_harness::parse_command_line(argc, argv);
  if (!options) return exit_early(options.error());
  if (options->check_only) return EXIT_SUCCESS;

  stream_harness::keep_freed_memory();
  const auto result = run(*options);
  if (!result) {
    stream_harness::log_error(result.error());
    return EXIT_FAILURE;
  }
  if (!write_to_stdout("the report", stream_harness::format_report(*options, *result))) {
    return EXIT_FAILURE;
  }
  return result->failed_connections == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  const int status = run_command_line(argc, argv);
  stream_harness::flush_errors(kLongestFlush);
  return status;
}

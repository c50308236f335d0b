#include "roles/process/exception_text.hpp"

#include <exception>
#include <new>

namespace stream_harness {

std::string exception_text() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return "not enough memory";
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an unknown exception";
  }
}

std::string thread_error(std::size_t threads, const std::system_error& error) {
  return "cannot start " + std::to_string(threads) + " threads (--worker-threads): " + error.what();
}

}  // namespace stream_harness

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

}  // namespace stream_harness

#pragma once

#include "ends/connection.hpp"
#include "ends/end_table.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {

/// Runs one end on one kind of stream, in one form. Fails the test if an expectation does not hold.
/// What may vary is drawn from `random`.
void run_cell(const EndRow& end, const StreamRow& stream, Form form, Random& random);

}  // namespace bytes_handoff::test

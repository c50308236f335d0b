// The matrix ends x streams: a test for each cell, named by both. Every run has each row and each
// column at least once, and a sample of the other cells by a seed. All cells are run where
// BYTES_HANDOFF_TEST_COUNT is set, that often, and those that --gtest_filter names.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "ends/cell.hpp"
#include "ends/end_table.hpp"
#include "support/asio.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

constexpr std::size_t kSampleOneIn = 6;

class EndOnStream : public testing::Test {
 public:
  EndOnStream(const EndRow& end, const StreamRow& stream, bool in_all_forms)
      : end_(end), stream_(stream), in_all_forms_(in_all_forms) {}

  void TestBody() override {
    SCOPED_TRACE(seed_note());
    // So that a cell does the same alone and among others.
    Random random(seed() + static_cast<std::uint64_t>(end_.end) * kStreams.size() +
                  static_cast<std::uint64_t>(stream_.kind));
    for (std::uint64_t left = count_or(1); left != 0 && !HasFailure(); --left) {
      run(random);
    }
  }

 private:
  void run(Random& random) {
    std::vector<Form> forms{Form::kOwned, Form::kSharedAndRead};
    if (family_row(stream_.family).is_read) {
      forms.push_back(Form::kSharedAndToldRead);
    }
    if (end_.end == End::kPeerHalfCloses && stream_.family == Family::kOwn) {
      forms.erase(forms.begin());  // what nobody reads makes the system reset what is closed
    }
    if (!in_all_forms_) {
      forms = {forms[random.between(0, forms.size() - 1)]};
    }
    for (const Form form : forms) {
      SCOPED_TRACE(form == Form::kOwned           ? "owned"
                   : form == Form::kSharedAndRead ? "shared, with a plain read"
                                                  : "shared, with a read told of the queue");
      run_cell(end_, stream_, form, random);
    }
  }

  const EndRow& end_;
  const StreamRow& stream_;
  const bool in_all_forms_;
};

[[nodiscard]] std::vector<const StreamRow*> streams_of_this_flavour() {
  std::vector<const StreamRow*> streams;
  for (const StreamRow& stream : kStreams) {
#if !defined(BYTES_HANDOFF_BOOST_ASIO)
    if (stream.needs_boost) {
      continue;
    }
#endif
    streams.push_back(&stream);
  }
  return streams;
}

void register_cells(bool are_all_wanted) {
  const auto streams = streams_of_this_flavour();
  const std::size_t diagonal = std::max(kEndRows.size(), streams.size());
  Random random;
  const std::size_t shift = random.between(0, diagonal - 1);
  const auto is_chosen = [&](std::size_t row, std::size_t column) {
    for (std::size_t i = 0; i != diagonal; ++i) {
      if (i % kEndRows.size() == row && (i + shift) % streams.size() == column) {
        return true;
      }
    }
    return kEndRows[row].end != End::kPeerReadsSlowly && random.one_in(kSampleOneIn);
  };
  for (std::size_t row = 0; row != kEndRows.size(); ++row) {
    for (std::size_t column = 0; column != streams.size(); ++column) {
      const EndRow& end = kEndRows[row];
      const StreamRow& stream = *streams[column];
      const bool is_wanted = is_chosen(row, column) || are_all_wanted;
      if (!is_wanted || !makes_sense(end, family_row(stream.family))) {
        continue;
      }
      const bool in_all_forms = are_all_wanted || end.end != End::kPeerReadsSlowly;
      const std::string name = std::string(end.name) + "/" + std::string(stream.name);
      testing::RegisterTest("Ends", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [&end, &stream, in_all_forms]() -> testing::Test* {
                              return new EndOnStream(end, stream, in_all_forms);
                            });
    }
  }
}

}  // namespace
}  // namespace bytes_handoff::test

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a pipe that nobody reads
  testing::InitGoogleTest(&argc, argv);
  if (argc == 2 && argv[1] == std::string_view("--print-tables")) {
    std::cout << bytes_handoff::test::end_tables();
    return 0;
  }
  const bool is_chosen_by_hand = testing::GTEST_FLAG(filter) != "*" ||
                                 testing::GTEST_FLAG(list_tests) ||
                                 std::getenv("BYTES_HANDOFF_TEST_COUNT") != nullptr;
  if (!is_chosen_by_hand) {
    std::cout << bytes_handoff::test::seed_note() << "\n";
  }
  bytes_handoff::test::register_cells(is_chosen_by_hand);
  return RUN_ALL_TESTS();
}

// Every order of the steps of small programs with a permit, a burst, or both, beside writes that
// wait, one who cancels and one who ends the queue.
#include <gtest/gtest.h>

#include "interleavings/explore_states.hpp"

namespace bytes_handoff::test {
namespace {

/// A permit beside two writes that wait, one of which is cancelled, and a closer.
ProgramShape shape_with_permit(PermitUse use, std::size_t bytes_a_write = 1) {
  ProgramShape shape = shape_of(2, bytes_a_write);
  shape.writes = 1;
  shape.permit = use;
  shape.permit_bytes = 2;
  shape.cancels = true;
  return shape;
}

TEST(PermitAndBurstInterleavings, WithAPermitThatIsCommitted) {
  ProgramShape shape = shape_with_permit(PermitUse::kCommits);
  explore_states(shape, 1'000);
}

TEST(PermitAndBurstInterleavings, WithAPermitOfWhichACommitGivesSomeBack) {
  ProgramShape shape = shape_with_permit(PermitUse::kCommitsOneByte, 2);
  shape.permit_items = 2;
  shape.permit_tries = true;
  explore_states(shape, 1'000);
}

TEST(PermitAndBurstInterleavings, WithAPermitThatIsDroppedOrWhoseWaitIsCancelled) {
  ProgramShape shape = shape_with_permit(PermitUse::kDrops, 2);
  shape.cancels_permit = true;
  explore_states(shape, 1'000);
}

TEST(PermitAndBurstInterleavings, WithAPermitAndAnAborter) {
  ProgramShape shape = shape_with_permit(PermitUse::kCommits);
  shape.cancels = false;
  shape.cancels_permit = true;
  shape.closes = false;
  shape.aborts = true;
  explore_states(shape, 1'000);
}

TEST(PermitAndBurstInterleavings, WithAPermitAndACloserWhoLetsTheLineIn) {
  ProgramShape shape = shape_with_permit(PermitUse::kCommitsOneByte, 2);
  shape.permit_items = 2;
  shape.admits = true;
  shape.aborts_after_written = true;
  explore_states(shape, 1'000);
}

TEST(PermitAndBurstInterleavings, WithAPermitAndAStreamThatMayFail) {
  ProgramShape shape = shape_with_permit(PermitUse::kCommits);
  shape.cancels = false;
  shape.stream_varies = true;
  shape.stream_fails = true;
  explore_states(shape, 1'000);
}

TEST(PermitAndBurstInterleavings, InStepsOfOneItemWithAPermit) {
  for (const PermitUse use : {PermitUse::kDrops, PermitUse::kCommitsOneByte}) {
    ProgramShape shape = shape_with_permit(use);
    shape.config.max_items = 3;
    shape.max_step_items = 1;
    shape.permit_items = 3;
    shape.permit_bytes = 3;
    shape.cancels = false;
    shape.cancels_permit = use == PermitUse::kDrops;
    shape.producers = shape.cancels_permit ? 2 : 3;
    explore_states(shape, 1'000);
  }
}

/// A burst of three slices beside a write, a closer, and one who cancels the burst.
ProgramShape shape_with_burst(std::size_t bytes_a_slice) {
  ProgramShape shape = shape_of(2);
  shape.writes = 1;
  shape.burst_slices = 3;
  shape.bytes_a_burst_slice = bytes_a_slice;
  shape.cancels_burst = true;
  return shape;
}

TEST(PermitAndBurstInterleavings, WithABurst) {
  for (const std::size_t bytes : {1U, 2U}) {
    ProgramShape shape = shape_with_burst(bytes);
    explore_states(shape, 1'000);
  }
}

TEST(PermitAndBurstInterleavings, WithABurstThatIsCutAndAStreamThatTakesSomeOrAll) {
  ProgramShape shape = shape_with_burst(4);
  shape.producers = 1;
  shape.burst_slices = 2;
  shape.burst_is_cut = true;
  shape.stream_varies = true;
  explore_states(shape, 1'000);
}

TEST(PermitAndBurstInterleavings, WithABurstAndAnAborterAndOneWhoTakesWhatIsLeft) {
  ProgramShape shape = shape_with_burst(2);
  shape.producers = 1;
  shape.closes = false;
  shape.aborts = true;
  shape.takers = 2;
  explore_states(shape, 1'000);
}

TEST(PermitAndBurstInterleavings, WithABurstAndAStreamThatMayFail) {
  ProgramShape shape = shape_with_burst(4);
  shape.producers = 1;
  shape.burst_is_cut = true;
  shape.stream_varies = true;
  shape.stream_fails = true;
  shape.cancels_burst = false;
  explore_states(shape, 500);
}

TEST(PermitAndBurstInterleavings, WithABurstBesideAPermit) {
  for (const PermitUse use : {PermitUse::kCommits, PermitUse::kDrops}) {
    ProgramShape shape = shape_with_burst(2);
    shape.producers = 1;
    shape.permit = use;
    shape.permit_bytes = 2;
    explore_states(shape, 1'000);
  }
}

TEST(PermitAndBurstInterleavings, WithABurstThatIsCutBesideAPermit) {
  for (const PermitUse use : {PermitUse::kCommits, PermitUse::kDrops}) {
    ProgramShape shape = shape_with_burst(5);
    shape.producers = 1;
    shape.burst_slices = 2;
    shape.burst_is_cut = true;
    shape.permit = use;
    shape.cancels_permit = use == PermitUse::kCommits;
    shape.cancels_burst = !shape.cancels_permit;
    explore_states(shape, 1'000);
  }
}

TEST(PermitAndBurstInterleavings, WithABurstBesideAPermitAndACloserWhoLetsTheLineIn) {
  for (const bool is_cut : {false, true}) {
    ProgramShape shape = shape_with_burst(is_cut ? 4 : 2);
    shape.producers = 1;
    shape.burst_slices = is_cut ? 2 : 3;
    shape.burst_is_cut = is_cut;
    shape.permit = PermitUse::kCommits;
    shape.admits = true;
    explore_states(shape, 1'000);
  }
}

TEST(PermitAndBurstInterleavings, InStepsOfOneItemWithABurst) {
  for (const bool admits : {false, true}) {
    ProgramShape shape = shape_with_burst(1);
    shape.config.max_items = 3;
    shape.max_step_items = 1;
    shape.producers = admits ? 1 : 2;
    shape.burst_slices = admits ? 5 : 4;
    shape.admits = admits;
    explore_states(shape, 1'000);
  }
}

TEST(PermitAndBurstInterleavings, InStepsOfOneItemWithABurstThatIsCutBesideAPermit) {
  ProgramShape shape = shape_with_burst(4);
  shape.config.max_items = 3;
  shape.max_step_items = 1;
  shape.producers = 1;
  shape.burst_slices = 2;
  shape.burst_is_cut = true;
  shape.permit = PermitUse::kCommitsOneByte;
  shape.permit_bytes = 3;
  shape.permit_items = 2;
  explore_states(shape, 1'000);
}

}  // namespace
}  // namespace bytes_handoff::test

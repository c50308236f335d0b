// Flush, close, abort, deadlines, handles.

#include <chrono>

#include "fault/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

// A queue with something of everything in it.
void fill(World& w) {
  w.spawn(limits(3, 20));
  w.try_write(6);
  w.try_write_ticket(7);
  w.try_write(7);
  w.write(5);
  w.write_ticket(20);
  w.wait_for_tickets();
  w.flush();
}

constexpr Scenario kEndScenarios[] = {
    {"flush",
     [](World& w) {
       w.spawn();
       w.flush();
       w.try_write(5);
       w.flush();
       w.try_write(6);
       w.flush();
       w.cancel();
       w.settle();
     }},
    {"flush and close",
     [](World& w) {
       w.spawn();
       w.try_write(12);
       w.flush();
       w.close();
       w.flush();
       w.wait_closed();
       w.settle();
     }},
    {"close of an idle queue",
     [](World& w) {
       w.spawn();
       w.wait_closed();
       w.close();
       w.close();
       w.try_write(1);
       w.write(1);
       w.settle();
       w.wait_closed();
       w.settle();
     }},
    {"close with everything under way",
     [](World& w) {
       fill(w);
       w.close();
       w.try_write(1);
       w.write_ticket(1);
       w.settle();
     }},
    {"close in the middle of a write",
     [](World& w) {
       fill(w);
       w.steps(3);
       w.close();
       w.wait_closed();
       w.settle();
     }},
    {"the wait for the end is cancelled",
     [](World& w) {
       w.spawn();
       w.wait_closed();
       w.cancel(net::cancellation_type::partial);
       w.try_write(3);
       w.close_within(hours(1));
       w.cancel();
       w.settle();
     }},
    {"close with a deadline that has passed",
     [](World& w) {
       fill(w);
       w.close_within(nanoseconds(0));
       w.settle();
     }},
    {"close with a deadline that never comes",
     [](World& w) {
       fill(w);
       w.steps(2);
       w.close_within(hours(10));
       w.close_within(std::chrono::steady_clock::duration::max());
       w.settle();
     }},
    {"a deadline comes while the queue closes",
     [](World& w) {
       fill(w);
       w.close();
       w.steps(2);
       w.close_within(nanoseconds(1));
       w.settle();
     }},
    {"abort with everything under way",
     [](World& w) {
       fill(w);
       w.abort();
       w.try_write(1);
       w.write(1);
       w.flush();
       w.settle();
     }},
    {"abort in the middle of a write",
     [](World& w) {
       fill(w);
       w.steps(3);
       w.abort();
       w.take_unwritten();
       w.settle();
       w.take_unwritten();
     }},
    {"abort in the middle of the shutdown",
     [](World& w) {
       w.spawn();
       w.try_write(4);
       w.close_within(hours(1));
       w.steps(3);
       w.abort();
       w.settle();
     }},
    {"unwritten bytes are taken after an error of any kind",
     [](World& w) {
       w.spawn(limits(10, 100));
       w.try_write_ticket(10);
       w.try_write_all({5, 0, 5});
       w.take_unwritten();
       w.steps(4);
       w.take_unwritten();
       w.wait_closed();
       w.abort();
       w.settle();
       w.take_unwritten();
       w.take_unwritten();
     }},
    {"the last handle goes",
     [](World& w) {
       fill(w);
       w.copy_handle();
       w.drop_handles();
       w.settle();
     }},
    {"the last handle goes in the middle of a write",
     [](World& w) {
       fill(w);
       w.steps(2);
       w.drop_handles();
       w.drop_tickets();
       w.settle();
     }},
    {"a stall is watched for",
     [](World& w) {
       WriteHandoffConfig config = limits(3, 20);
       config.stall_timeout = hours(1);
       w.spawn(config);
       w.try_write_ticket(10);
       w.write(15);
       w.wait_for_tickets();
       w.settle();
       w.try_write(5);
       w.settle();
     }},
    {"a stream stalls",
     [](World& w) {
       WriteHandoffConfig config = limits(3, 20);
       config.stall_timeout = nanoseconds(1);
       w.spawn(config);
       w.try_write_ticket(20);
       w.write(15);
       w.wait_for_tickets();
       w.settle();
     }},
    {"never written to",
     [](World& w) {
       w.spawn();
       w.flush();
       w.settle();
     }},
};

}  // namespace

std::span<const Scenario> end_scenarios() { return kEndScenarios; }

}  // namespace bytes_handoff::test

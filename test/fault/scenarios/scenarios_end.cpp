// Flush, close, abort, deadlines, handles.

#include <chrono>

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

// A queue with something of everything in it.
void fill(World& w, nanoseconds close_timeout = hours(1), nanoseconds close_limit = hours(1)) {
  WriteHandoffConfig config = limits(3, 20);
  config.close_timeout = close_timeout;
  config.close_limit = close_limit;
  w.spawn(config);
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
       w.close_and_wait();
       w.cancel();
       w.settle();
     }},
    {"close that may not wait",
     [](World& w) {
       fill(w, nanoseconds(0));
       w.close_and_wait();
       w.settle();
     }},
    {"close whose time never ends",
     [](World& w) {
       fill(w, nanoseconds::max(), nanoseconds::max());
       w.steps(2);
       w.close_and_wait();
       w.close_and_wait();
       w.settle();
     }},
    {"the time of a close ends while everything is under way",
     [](World& w) {
       fill(w, hours(1), nanoseconds(1));
       w.close();
       w.steps(2);
       w.close_and_wait();
       w.settle();
     }},
    {"close lets in who waits",
     [](World& w) {
       fill(w);
       w.steps(1);
       w.close(Waiters::admit);
       w.try_write(1);
       w.write(1);
       w.cancel();
       w.wait_closed();
       w.settle();
     }},
    {"abort when all is written",
     [](World& w) {
       fill(w);
       w.wait_closed();
       w.abort_after_written();
       w.try_write(1);
       w.settle();
       w.take_unwritten();
       w.settle();
     }},
    {"abort when all is written while the queue closes",
     [](World& w) {
       fill(w);
       w.close(Waiters::admit);
       w.steps(2);
       w.abort_after_written();
       w.settle();
     }},
    {"what is not written is waited for",
     [](World& w) {
       fill(w);
       w.take_unwritten();
       w.take_unwritten();
       w.cancel();
       w.steps(4);
       w.abort();
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
       w.close_and_wait();
       w.steps(3);
       w.abort();
       w.settle();
     }},
    {"unwritten bytes are taken after an error of any kind",
     [](World& w) {
       w.spawn(limits(10, 100));
       w.try_write_ticket(10);
       w.try_write_several({5, 0, 5});
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

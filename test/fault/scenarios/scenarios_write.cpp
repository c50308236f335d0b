// Submissions, tickets, waits for room.

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

constexpr Scenario kWriteScenarios[] = {
    {"one detached write",
     [](World& w) {
       w.spawn();
       w.try_write(10);
       w.settle();
     }},
    {"a burst of detached writes",
     [](World& w) {
       w.spawn();
       for (std::size_t size = 1; size <= 8; ++size) {
         w.try_write(size);
       }
       w.settle();
     }},
    {"bursts while the writer is at work",
     [](World& w) {
       w.spawn();
       for (int i = 0; i < 4; ++i) {
         w.try_write(6);
         w.try_write(9);
         w.steps(1);
       }
       w.settle();
     }},
    {"bytes of a budget one at a time",
     [](World& w) {
       w.spawn(limits(3, 3));
       for (int i = 0; i < 6; ++i) {
         w.try_write(1);
         w.steps(1);
       }
       w.settle();
     }},
    {"refused for bytes",
     [](World& w) {
       w.spawn(limits(10, 12));
       w.try_write(8);
       w.try_write(5);
       w.try_write_ticket(5);
       w.try_write(4);
       w.settle();
       w.try_write(12);
       w.settle();
     }},
    {"refused for items",
     [](World& w) {
       w.spawn(limits(2, 100));
       w.try_write(3);
       w.try_write_ticket(3);
       w.try_write(3);
       w.try_write_several({1, 1});
       w.settle();
     }},
    {"can never fit",
     [](World& w) {
       w.spawn(limits(2, 10));
       w.try_write(11);
       w.write_ticket(11);
       w.write_all({1, 1, 1});
       w.write(10);
       w.settle();
     }},
    {"empty writes",
     [](World& w) {
       w.spawn(limits(4, 20));
       w.try_write_ticket(0);
       w.try_write(5);
       w.try_write_ticket(0);
       w.write(0);
       w.write(0);
       w.wait_for_tickets();
       w.settle();
       w.try_write_several({});
       w.settle();
     }},
    {"tickets",
     [](World& w) {
       w.spawn();
       w.try_write_ticket(10);
       w.try_write_ticket(1);
       w.try_write_ticket(20);
       w.wait_for_tickets();
       w.settle();
     }},
    {"tickets, asked late",
     [](World& w) {
       w.spawn();
       w.try_write_ticket(10);
       w.try_write_ticket(5);
       w.settle();
       w.wait_for_tickets();
       w.settle();
     }},
    {"dropped tickets",
     [](World& w) {
       w.spawn();
       w.try_write_ticket(10);
       w.try_write_ticket(5);
       w.wait_for_tickets();
       w.try_write_ticket(3);
       w.steps(1);
       w.drop_tickets();
       w.settle();
     }},
    {"a cancelled wait for a ticket",
     [](World& w) {
       w.spawn();
       w.try_write_ticket(10);
       w.wait_for_tickets();
       w.cancel(net::cancellation_type::partial);
       w.try_write_ticket(4);
       w.wait_for_tickets();
       w.settle();
     }},
    {"groups",
     [](World& w) {
       w.spawn(limits(8, 40));
       w.try_write_several({3, 4, 5});
       w.try_write_several_with_ticket({1, 0, 9});
       w.try_write_several({10, 10});
       w.wait_for_tickets();
       w.settle();
       w.try_write_several_with_ticket({20, 20});
       w.settle();
     }},
    {"waiting for bytes",
     [](World& w) {
       w.spawn(limits(10, 10));
       w.try_write(10);
       w.write(4);
       w.write_ticket(6);
       w.write(10);
       w.wait_for_tickets();
       w.settle();
     }},
    {"waiting for items",
     [](World& w) {
       w.spawn(limits(1, 100));
       w.try_write(5);
       w.write(5);
       w.write_ticket(5);
       w.steps(2);
       w.wait_for_tickets();
       w.settle();
       w.wait_for_tickets();
       w.settle();
     }},
    {"groups that wait",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.write_all({4, 4});
       w.write_all_ticket({2, 2, 2});
       w.write_all({12});
       w.write_all_ticket({1});
       w.steps(3);
       w.wait_for_tickets();
       w.settle();
     }},
    {"groups that wait, larger than what the queue has room for at first",
     [](World& w) {
       w.spawn(limits(64, 100));
       w.try_write(5);
       w.try_write_several(World::Sizes(40, 0));
       w.write_all(World::Sizes(40, 0));
       w.write_all_ticket(World::Sizes(64, 0));
       w.settle();
     }},
    {"a large write is not starved by small ones",
     [](World& w) {
       w.spawn(limits(10, 10));
       w.try_write(3);
       w.write(10);
       for (int i = 0; i < 4; ++i) {
         w.try_write(1);
         w.write(1);
         w.steps(1);
       }
       w.settle();
     }},
    {"a cancelled wait for room",
     [](World& w) {
       w.spawn(limits(10, 10));
       w.try_write(8);
       w.write(2);
       w.write(10);
       w.cancel(net::cancellation_type::terminal);
       w.write_ticket(1);
       w.settle();
     }},
    {"the first in line is cancelled",
     [](World& w) {
       w.spawn(limits(10, 10));
       w.try_write(5);
       w.write(10);
       w.cancel();
       w.write(5);
       w.try_write(1);
       w.settle();
     }},
    {"a line of limited length",
     [](World& w) {
       WriteHandoffConfig config = limits(1, 10);
       config.max_waiters = 1;
       w.spawn(config);
       w.try_write(1);
       w.write(2);
       w.write_ticket(3);
       w.write_all({4});
       w.settle();
     }},
    {"larger than a gather",
     [](World& w) {
       w.spawn(limits(100, 1000));
       w.try_write_several(World::Sizes(70, 1));
       w.write_ticket(40);
       w.wait_for_tickets();
       w.settle();
     }},
};

}  // namespace

std::span<const Scenario> write_scenarios() { return kWriteScenarios; }

}  // namespace bytes_handoff::test

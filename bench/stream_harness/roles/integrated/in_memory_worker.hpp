#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "roles/integrated/wave_worker.hpp"

namespace stream_harness {

/// A worker whose connections need nobody else to be set up. All of a wave are made before the
/// first is started, so that making them is no part of their time.
template <class MadeConnection>
class InMemoryWorker : public WaveWorker {
 public:
  bytes_handoff::expected<void, std::string> run_wave() final {
    std::vector<MadeConnection> wave;
    begin_wave();
    while (const auto connection = share_.next()) wave.push_back(make_connection(*connection));
    for (MadeConnection& connection : wave) start(connection);
    context_.run();
    context_.restart();
    return {};
  }

 protected:
  using WaveWorker::WaveWorker;

 private:
  virtual MadeConnection make_connection(std::uint64_t index) = 0;
  virtual void start(MadeConnection& connection) = 0;
};

}  // namespace stream_harness

// SPDX-License-Identifier: BSD-3-Clause
// The software engine: matching, schedules and reductions on the CPU, over a transport. Runs anywhere; the
// fallback of the others and the reference that they are compared with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/engine.hpp"
#include "engine/soft/collectives.hpp"
#include "engine/soft/messages.hpp"
#include "engine/soft/transport.hpp"

namespace tally::soft {

class SoftEngine final : public Engine {
 public:
  explicit SoftEngine(std::unique_ptr<Transport> transport);
  /// As an engine of another name.
  SoftEngine(std::unique_ptr<Transport> transport, Capabilities capabilities);

  [[nodiscard]] const Capabilities& capabilities() const noexcept override { return capabilities_; }
  Status register_memory(void* base, std::size_t length, std::uint32_t* key) override;
  Status deregister_memory(std::uint32_t key) override;
  Status post_send(const SendDescriptor& send) override;
  Status post_recv(const RecvDescriptor& recv) override;
  Status start_send(const SendDescriptor& send, Completion* completion, bool* complete) override;
  Status start_recv(const RecvDescriptor& recv, Completion* completion, bool* complete) override;
  Status start_collective(const CollectiveDescriptor& collective, Completion* completion,
                          bool* complete) override;
  Status post_probe(const ProbeDescriptor& probe) override;
  Status post_mrecv(const MrecvDescriptor& mrecv) override;
  void cancel(std::uint32_t cookie) override;
  Status post_collective(const CollectiveDescriptor& collective) override;
  std::size_t poll(std::span<Completion> out) override;
  void wait(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool prepare_sleep() override;
  void sleep(std::chrono::microseconds timeout) override { transport_->sleep(timeout); }
  void end_sleep() override { transport_->end_sleep(); }
  void abort_collective(std::uint16_t context, std::uint16_t seq) override;
  void add_counters(tally_counters& counters) const override;
  [[nodiscard]] std::string describe_pending() const override;

 private:
  void take_frames();
  [[nodiscard]] [[gnu::cold]] Status bad_rank(const char* what, std::uint32_t rank) const;

  std::unique_ptr<Transport> transport_;
  std::uint32_t ranks_;
  Capabilities capabilities_;
  Completions completions_;
  Work work_;
  Messages messages_;
  Collectives collectives_;
  std::uint32_t next_key_ = 1;
};

/// Capabilities of the engine, also without one.
[[nodiscard]] Capabilities soft_capabilities();

}  // namespace tally::soft

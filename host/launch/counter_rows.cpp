// SPDX-License-Identifier: BSD-3-Clause
#include "launch/counter_rows.hpp"

#include <cstring>

namespace tally::launch {

const std::array<CounterSection, 5>& counter_sections() {
  static const std::array<CounterSection, 5> list{{
      {"host CPU in place of a device",
       {{"cpu_matches", &tally_counters::cpu_matches},
        {"cpu_matches_unexpected", &tally_counters::cpu_matches_unexpected},
        {"cpu_reduced_bytes", &tally_counters::cpu_reduced_bytes},
        {"cpu_copied_bytes", &tally_counters::cpu_copied_bytes},
        {"cpu_copied_frames", &tally_counters::cpu_copied_frames},
        {"cpu_copied_direct", &tally_counters::cpu_copied_direct},
        {"cpu_copied_unexpected", &tally_counters::cpu_copied_unexpected},
        {"cpu_copied_spilled", &tally_counters::cpu_copied_spilled},
        {"cpu_copied_schedule", &tally_counters::cpu_copied_schedule},
        {"cpu_copied_packing", &tally_counters::cpu_copied_packing},
        {"cpu_copied_unpacking", &tally_counters::cpu_copied_unpacking},
        {"cpu_copied_buffered", &tally_counters::cpu_copied_buffered},
        {"cpu_copied_one_sided", &tally_counters::cpu_copied_one_sided},
        {"cpu_copied_local", &tally_counters::cpu_copied_local}}},
      {"fallbacks",
       {{"fallback_posted_full", &tally_counters::fallback_posted_full},
        {"fallback_send_window", &tally_counters::fallback_send_window},
        {"fallback_ring_full", &tally_counters::fallback_ring_full},
        {"fallback_staging", &tally_counters::fallback_staging, "bytes"},
        {"fallback_segments", &tally_counters::fallback_segments, "bytes"},
        {"fallback_spilled_order", &tally_counters::fallback_spilled_order},
        {"fallback_spilled_unexpected", &tally_counters::fallback_spilled_unexpected},
        {"fallback_spilled_bounce", &tally_counters::fallback_spilled_bounce},
        {"fallback_spilled_conflict", &tally_counters::fallback_spilled_conflict},
        {"fallback_receives_returned", &tally_counters::fallback_receives_returned},
        {"fallback_user_op", &tally_counters::fallback_user_op},
        {"fallback_collective_context", &tally_counters::fallback_collective_context},
        {"fallback_algorithm", &tally_counters::fallback_algorithm},
        {"fallback_composed", &tally_counters::fallback_composed},
        {"fallback_one_sided", &tally_counters::fallback_one_sided},
        {"handovers_to_host", &tally_counters::handovers_to_host},
        {"handovers_to_device", &tally_counters::handovers_to_device}}},
      {"operations",
       {{"sends", &tally_counters::sends},
        {"receives", &tally_counters::receives},
        {"collectives", &tally_counters::collectives},
        {"sent_bytes", &tally_counters::sent_bytes},
        {"received_bytes", &tally_counters::received_bytes},
        {"puts", &tally_counters::puts},
        {"gets", &tally_counters::gets},
        {"atomics", &tally_counters::atomics},
        {"put_bytes", &tally_counters::put_bytes},
        {"got_bytes", &tally_counters::got_bytes},
        {"cpu_pushed_bytes", &tally_counters::cpu_pushed_bytes},
        {"memory_cache_hits", &tally_counters::memory_cache_hits},
        {"memory_cache_misses", &tally_counters::memory_cache_misses},
        {"memory_cache_evictions", &tally_counters::memory_cache_evictions}}},
      {"collectives by kind",
       {{"collective_barrier", &tally_counters::collective_barrier},
        {"collective_barrier_bytes", &tally_counters::collective_barrier_bytes},
        {"collective_bcast", &tally_counters::collective_bcast},
        {"collective_bcast_bytes", &tally_counters::collective_bcast_bytes},
        {"collective_allreduce", &tally_counters::collective_allreduce},
        {"collective_allreduce_bytes", &tally_counters::collective_allreduce_bytes},
        {"collective_reduce", &tally_counters::collective_reduce},
        {"collective_reduce_bytes", &tally_counters::collective_reduce_bytes},
        {"collective_reduce_scatter", &tally_counters::collective_reduce_scatter},
        {"collective_reduce_scatter_bytes", &tally_counters::collective_reduce_scatter_bytes},
        {"collective_scan", &tally_counters::collective_scan},
        {"collective_scan_bytes", &tally_counters::collective_scan_bytes},
        {"collective_exscan", &tally_counters::collective_exscan},
        {"collective_exscan_bytes", &tally_counters::collective_exscan_bytes},
        {"collective_gather", &tally_counters::collective_gather},
        {"collective_gather_bytes", &tally_counters::collective_gather_bytes},
        {"collective_scatter", &tally_counters::collective_scatter},
        {"collective_scatter_bytes", &tally_counters::collective_scatter_bytes},
        {"collective_allgather", &tally_counters::collective_allgather},
        {"collective_allgather_bytes", &tally_counters::collective_allgather_bytes},
        {"collective_alltoall", &tally_counters::collective_alltoall},
        {"collective_alltoall_bytes", &tally_counters::collective_alltoall_bytes}}},
      {"device",
       {{"device_matches_posted", &tally_counters::device_matches_posted},
        {"device_matches_unexpected", &tally_counters::device_matches_unexpected},
        {"device_reduced_bytes", &tally_counters::device_reduced_bytes},
        {"device_read_bytes", &tally_counters::device_read_bytes},
        {"device_written_bytes", &tally_counters::device_written_bytes},
        {"device_tx_packets", &tally_counters::device_tx_packets},
        {"device_rx_packets", &tally_counters::device_rx_packets},
        {"device_retransmits", &tally_counters::device_retransmits},
        {"device_timeouts", &tally_counters::device_timeouts},
        {"device_receiver_not_ready", &tally_counters::device_receiver_not_ready},
        {"device_icrc_errors", &tally_counters::device_icrc_errors}}},
  }};
  return list;
}

std::optional<ToldCounters> told_counters(const job::Segment& segment, std::uint32_t rank) {
  const job::CountersRecord& record = segment.counters(rank);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    ToldCounters told;
    told.answered = record.answered.load(std::memory_order_acquire);
    const std::uint32_t before = record.writing.load(std::memory_order_acquire);
    if (before == 0) return std::nullopt;
    if (before % 2 != 0) continue;
    std::memcpy(&told.value, record.value, sizeof told.value);
    told.time_ns = record.time_ns.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (record.writing.load(std::memory_order_relaxed) != before) continue;
    if (told.value.size != sizeof told.value) return std::nullopt;
    return told;
  }
  return std::nullopt;  // its process died while it wrote
}

}  // namespace tally::launch

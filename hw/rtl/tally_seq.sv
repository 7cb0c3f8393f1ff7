// SPDX-License-Identifier: BSD-3-Clause
// The schedule sequencer: runs collectives as schedules of NumLanes lanes (docs/sequencer.md).
//
// Ordering: collectives run one at a time in the order of their descriptors; the data of one
// (peer, lane) flow is consumed in the order of its arrival; writes leave in execution order.
// Latency: a short packet that meets its waiting instruction leaves again (fused receive and send) about
// 20 cycles after its last beat. Throughput: one beat a cycle, consecutive packets without a bubble.
// Storage: flow staging MaxNodes * NumLanes * FlowSlots * MtuBeats beats, operands NumLanes * 4 packets,
// forwarding NumLanes packets, schedule ScheduleEntries * 256 bits, output FIFOs of 2 packets each.
// rx_ready_o is constant 1: credits bound what arrives, and it waits for nothing.
// Limitations: see docs/sequencer.md.
`default_nettype none
`include "tally_assert.svh"

module tally_seq (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  // This device, and the endpoint's enable: its rising edge mends all broken contexts.
  input  wire logic [15:0]  node_i,
  input  wire logic         ep_enable_i,

  // Descriptors of collectives, with the cycle of their arrival.
  input  wire logic         cmd_valid_i,
  output      logic         cmd_ready_o,
  input  wire logic [511:0] cmd_desc_i,
  input  wire logic [31:0]  cmd_arrival_i,

  // Schedule memory writes, never held back; only while idle.
  input  wire logic         sched_wr_valid_i,
  input  wire logic [15:0]  sched_wr_addr_i,
  input  wire logic [255:0] sched_wr_data_i,

  // Coll and CollCredit packets from tally_net_rx.
  input  wire logic         rx_valid_i,
  output      logic         rx_ready_o,
  input  wire logic [511:0] rx_data_i,
  input  wire logic         rx_last_i,

  // Coll and CollCredit packets to tally_net_tx.
  output      logic         tx_valid_o,
  input  wire logic         tx_ready_i,
  output      logic [511:0] tx_data_o,
  output      logic         tx_last_o,

  // tally_dma_rd client 3: operand src.
  output      logic         rda_cmd_valid_o,
  input  wire logic         rda_cmd_ready_i,
  output      logic [63:0]  rda_cmd_addr_o,
  output      logic [12:0]  rda_cmd_len_o,
  input  wire logic         rda_data_valid_i,
  input  wire logic [511:0] rda_data_i,
  input  wire logic         rda_data_last_i,

  // tally_dma_rd client 4: operand dst of Reduce.
  output      logic         rdb_cmd_valid_o,
  input  wire logic         rdb_cmd_ready_i,
  output      logic [63:0]  rdb_cmd_addr_o,
  output      logic [12:0]  rdb_cmd_len_o,
  input  wire logic         rdb_data_valid_i,
  input  wire logic [511:0] rdb_data_i,
  input  wire logic         rdb_data_last_i,

  // tally_dma_wr client 2.
  output      logic         wr_cmd_valid_o,
  input  wire logic         wr_cmd_ready_i,
  output      logic [63:0]  wr_cmd_addr_o,
  output      logic [12:0]  wr_cmd_len_o,
  output      logic         wr_data_valid_o,
  input  wire logic         wr_data_ready_i,
  output      logic [511:0] wr_data_o,
  input  wire logic         wr_done_i,

  // tally_mr look-up c.
  output      logic [31:0]  mr_key_o,
  output      logic [63:0]  mr_addr_o,
  output      logic [31:0]  mr_len_o,
  input  wire logic         mr_ok_i,

  // Completions; field cycles holds the arrival cycle.
  output      logic         cpl_valid_o,
  input  wire logic         cpl_ready_i,
  output      logic [255:0] cpl_data_o,

  // Host's abort: {context, seq}.
  input  wire logic         abort_valid_i,
  input  wire logic [31:0]  abort_i,

  // Status and counter pulses.
  output      logic         idle_o,
  output      logic         reduced_beat_o,
  output      logic         collective_done_o,
  output      logic         protection_o
);
endmodule

`default_nettype wire

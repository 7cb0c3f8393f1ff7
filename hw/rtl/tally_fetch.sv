// SPDX-License-Identifier: BSD-3-Clause
// Reads the payloads of jobs from host memory ahead of their use.
//
// A job names an address, a length of 0 to 4096 bytes (0: no read) and user bits. It leaves, in order, with its user
// bits at out_* once its first beat has come (at once without payload); its ceil(len/64) beats follow at beat_*.
// Ordering: jobs and their data first in, first out. The DMA reader has no data back-pressure: a job is accepted only
// when the data FIFO has room for all of it. Latency: that of the DMA reader plus 1. Throughput: one beat a cycle.
// Storage: Beats * 512 + Jobs * (UserW + 13) bits.
// Combinational path: cmd_ready_i and the job at in_* to in_ready_o.
`default_nettype none
`include "tally_assert.svh"

module tally_fetch #(
  parameter int unsigned UserW = 8,
  parameter int unsigned Jobs  = 16,
  parameter int unsigned Beats = 128
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  input  wire logic             in_valid_i,
  output      logic             in_ready_o,
  input  wire logic [63:0]      in_addr_i,
  input  wire logic [12:0]      in_len_i,
  input  wire logic [UserW-1:0] in_user_i,

  output      logic             cmd_valid_o,
  input  wire logic             cmd_ready_i,
  output      logic [63:0]      cmd_addr_o,
  output      logic [12:0]      cmd_len_o,
  input  wire logic             data_valid_i,
  input  wire logic [511:0]     data_i,

  output      logic             out_valid_o,
  input  wire logic             out_ready_i,
  output      logic [12:0]      out_len_o,
  output      logic [UserW-1:0] out_user_o,

  output      logic             beat_valid_o,
  input  wire logic             beat_ready_i,
  output      logic [511:0]     beat_data_o,

  output      logic             idle_o
);
endmodule

`default_nettype wire

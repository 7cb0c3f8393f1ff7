// SPDX-License-Identifier: BSD-3-Clause
// Copies unexpected eager messages from their bounce slots to the buffers of the receives that matched them.
`default_nettype none
`include "tally_assert.svh"

module tally_copy #(
  localparam int unsigned MatchedW = 417,
  localparam int unsigned SlotBits = $clog2(tally_pkg::UnexpectedEntries)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [63:0]         bounce_i,

  // jobs from tally_cmd; layout there
  input  wire logic                job_valid_i,
  output      logic                job_ready_o,
  input  wire logic [MatchedW-1:0] job_matched_i,
  input  wire logic [SlotBits-1:0] job_slot_i,

  // from tally_msg_rx: the payload of this bounce slot is in memory (pulse)
  input  wire logic                bounce_done_valid_i,
  input  wire logic [SlotBits-1:0] bounce_done_slot_i,

  // slots that tally_cmd frees (matched rendezvous)
  input  wire logic                free_valid_i,
  output      logic                free_ready_o,
  input  wire logic [SlotBits-1:0] free_slot_i,

  // free port of tally_match (pulse)
  output      logic                slot_free_valid_o,
  output      logic [SlotBits-1:0] slot_free_o,

  // tally_dma_rd client 2
  output      logic                rd_cmd_valid_o,
  input  wire logic                rd_cmd_ready_i,
  output      logic [63:0]         rd_cmd_addr_o,
  output      logic [12:0]         rd_cmd_len_o,
  input  wire logic                rd_data_valid_i,
  input  wire logic [511:0]        rd_data_i,

  // tally_dma_wr client 1
  output      logic                wr_cmd_valid_o,
  input  wire logic                wr_cmd_ready_i,
  output      logic [63:0]         wr_cmd_addr_o,
  output      logic [12:0]         wr_cmd_len_o,
  output      logic                wr_data_valid_o,
  input  wire logic                wr_data_ready_i,
  output      logic [511:0]        wr_data_o,

  // to tally_credit (pulse)
  output      logic                credit_valid_o,
  output      logic [15:0]         credit_peer_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,

  output      logic                truncated_o,
  output      logic                idle_o
);
endmodule

`default_nettype wire

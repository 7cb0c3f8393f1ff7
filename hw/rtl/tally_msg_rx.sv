// SPDX-License-Identifier: BSD-3-Clause
// Arrivals of the message path: Eager, Rts, ReadReq, ReadData, ReadNak and Credit packets.
//
// Header checks (EtherType, destination, payload_len against the number of beats) were done by tally_net_rx.
`default_nettype none
`include "tally_assert.svh"

module tally_msg_rx #(
  localparam int unsigned PostedW  = 160,
  localparam int unsigned UnexpW   = 193,
  localparam int unsigned MatchedW = 417,
  localparam int unsigned ReadW    = 288,
  localparam int unsigned SlotBits = $clog2(tally_pkg::UnexpectedEntries),
  localparam int unsigned JobBits  = $clog2(tally_pkg::RendezvousJobs)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [63:0]         bounce_i,

  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [511:0]        rx_data_i,
  input  wire logic                rx_last_i,

  // arrival port and results of tally_match
  output      logic                arr_valid_o,
  input  wire logic                arr_ready_i,
  output      logic [15:0]         arr_context_o,
  output      logic [15:0]         arr_source_o,
  output      logic [31:0]         arr_tag_o,
  output      logic [UnexpW-1:0]   arr_payload_o,
  input  wire logic                arr_done_i,
  input  wire logic                arr_hit_i,
  input  wire logic                arr_full_i,
  input  wire logic [PostedW-1:0]  arr_posted_payload_i,
  input  wire logic [SlotBits-1:0] arr_slot_i,

  // rendezvous that met a posted receive, to tally_rndv
  output      logic                rndv_valid_o,
  input  wire logic                rndv_ready_i,
  output      logic [MatchedW-1:0] rndv_matched_o,

  // job table of tally_rndv: combinational look-up, and the end of a job
  output      logic [JobBits-1:0]  job_index_o,
  input  wire logic                job_valid_i,
  input  wire logic [15:0]         job_source_i,
  input  wire logic [63:0]         job_addr_i,
  input  wire logic [31:0]         job_want_i,
  output      logic                job_end_valid_o,
  input  wire logic                job_end_ready_i,
  output      logic                job_end_nak_o,

  // ReadReq packets to tally_msg_tx (layout there)
  output      logic                read_valid_o,
  input  wire logic                read_ready_i,
  output      logic [ReadW-1:0]    read_data_o,

  // tally_dma_wr client 0
  output      logic                wr_cmd_valid_o,
  input  wire logic                wr_cmd_ready_i,
  output      logic [63:0]         wr_cmd_addr_o,
  output      logic [12:0]         wr_cmd_len_o,
  output      logic                wr_data_valid_o,
  input  wire logic                wr_data_ready_i,
  output      logic [511:0]        wr_data_o,
  input  wire logic                wr_done_i,

  // to tally_copy: the payload of this bounce slot is in memory (pulse)
  output      logic                bounce_done_valid_o,
  output      logic [SlotBits-1:0] bounce_done_slot_o,

  // to tally_credit: one message of this peer left the device (pulse)
  output      logic                credit_valid_o,
  output      logic [15:0]         credit_peer_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,

  output      logic                match_posted_o,
  output      logic                unexpected_o,
  output      logic                truncated_o,
  output      logic                dropped_o,
  output      logic                idle_o
);
endmodule

`default_nettype wire

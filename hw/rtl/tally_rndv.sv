// SPDX-License-Identifier: BSD-3-Clause
// Rendezvous jobs of the receiver: queue of matched rendezvous, job table, ReadReq packets, completions.
`default_nettype none
`include "tally_assert.svh"

module tally_rndv #(
  localparam int unsigned MatchedW = 417,
  localparam int unsigned JobBits  = $clog2(tally_pkg::RendezvousJobs)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  // matched rendezvous from tally_msg_rx (receive was posted) and tally_cmd (message was unexpected);
  // layout: tally_cmd
  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [MatchedW-1:0] rx_matched_i,
  input  wire logic                cmd_valid_i,
  output      logic                cmd_ready_o,
  input  wire logic [MatchedW-1:0] cmd_matched_i,

  // job look-up of tally_msg_rx (combinational), and the end of the job at job_index_i
  input  wire logic [JobBits-1:0]  job_index_i,
  output      logic                job_valid_o,
  output      logic [15:0]         job_source_o,
  output      logic [63:0]         job_addr_o,
  output      logic [31:0]         job_want_o,
  input  wire logic                job_end_valid_i,
  output      logic                job_end_ready_o,
  input  wire logic                job_end_nak_i,

  // ReadReq header beats to tally_msg_tx
  output      logic                req_valid_o,
  input  wire logic                req_ready_i,
  output      logic [511:0]        req_data_o,

  // to tally_credit (pulse)
  output      logic                credit_valid_o,
  output      logic [15:0]         credit_peer_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,

  output      logic                truncated_o,
  output      logic                rendezvous_o,
  // nothing to do now; jobs that wait for a peer's data do not count: see waiting_o
  output      logic                idle_o,
  output      logic                waiting_o
);
endmodule

`default_nettype wire

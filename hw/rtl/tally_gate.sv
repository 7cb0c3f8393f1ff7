// SPDX-License-Identifier: BSD-3-Clause
// When the device may be used after reset, and when its clock may stop.
//
// up_o rises InitCycles after reset and stays: the transport has cleared the states of its queue
// pairs by then. Its cells and the tables of tally_match take longer: there operations wait.
// still_o: no interface moved (moved_i) for SettleCycles. An operation that waits for a packet
// keeps its unit busy, but nothing changes until an input comes: that is so after a time that is
// longer than the longest way inside, all of the sequencer's scan.
// Latency: 1 cycle. Storage: two counters.
`default_nettype none
`include "tally_assert.svh"

module tally_gate #(
  parameter  int unsigned InitCycles   = 255,
  parameter  int unsigned SettleCycles = 255,
  localparam int unsigned InitBits     = $clog2(InitCycles + 1),
  localparam int unsigned SettleBits   = $clog2(SettleCycles + 1)
) (
  input  wire logic clk_i,
  input  wire logic rst_ni,
  input  wire logic moved_i,
  output      logic up_o,
  output      logic still_o
);
  if (InitCycles < 1 || SettleCycles < 1) begin : gen_bad_cycles
    $error("tally_gate: InitCycles and SettleCycles must be at least 1");
  end

  logic [InitBits-1:0]   init_q;
  logic [SettleBits-1:0] still_q;

  always_ff @(posedge clk_i) begin : p_count
    if (!rst_ni) init_q <= '0;
    else if (!up_o) init_q <= init_q + 1'b1;
    if (!rst_ni || moved_i) still_q <= '0;
    else if (!still_o) still_q <= still_q + 1'b1;
  end

  assign up_o    = init_q == InitBits'(InitCycles);
  assign still_o = still_q == SettleBits'(SettleCycles);

  `TALLY_ASSERT(InitBound_A, init_q <= InitBits'(InitCycles))
  `TALLY_ASSERT(StillBound_A, still_q <= SettleBits'(SettleCycles))
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Deadlines of many timers on one clock.
//
// One timer a cycle is looked at; one that is past its deadline is offered at late_* until it is
// taken, and no other is looked for meanwhile. It may have been set anew since: who takes it looks
// at its deadline again (armed_o and deadline_o of index_i, combinational).
// Ordering: none. Latency: at most Timers + 2 cycles after the deadline. Throughput: one in Timers
// cycles. Storage: Timers * 33 bits.
// Limitations: deadlines are less than 2^31 cycles ahead.
`default_nettype none
`include "tally_assert.svh"

module tally_read_timer #(
  parameter int unsigned Timers = 64,
  localparam int unsigned IndexW = $clog2(Timers)
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,

  input  wire logic [31:0]       cycle_i,

  // arms or stops timer index_i (pulse)
  input  wire logic              set_i,
  input  wire logic              arm_i,
  input  wire logic [IndexW-1:0] index_i,
  input  wire logic [31:0]       deadline_i,
  output      logic              armed_o,
  output      logic [31:0]       deadline_o,

  output      logic              late_valid_o,
  input  wire logic              late_ready_i,
  output      logic [IndexW-1:0] late_index_o,

  output      logic              any_o
);
  if (Timers < 2 || (Timers & (Timers - 1)) != 0) begin : gen_bad_timers
    $error("tally_read_timer: Timers must be a power of two");
  end

  logic [31:0]       deadline_mem [Timers];
  logic [Timers-1:0] armed_q;
  logic [IndexW-1:0] scan_q, at_q, late_index_q;
  logic [31:0]       at_deadline_q, age;
  logic              at_armed_q, late_q, unused_age;

  assign age          = cycle_i - at_deadline_q;
  assign unused_age   = ^age[30:0];
  assign armed_o      = armed_q[index_i];
  assign deadline_o   = deadline_mem[index_i];
  assign late_valid_o = late_q;
  assign late_index_o = late_index_q;
  assign any_o        = armed_q != '0;

  always_ff @(posedge clk_i) begin : p_mem
    if (set_i) deadline_mem[index_i] <= deadline_i;
    if (!late_q) begin
      at_q          <= scan_q;
      at_deadline_q <= deadline_mem[scan_q];
      late_index_q  <= at_q;
    end
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      armed_q    <= '0;
      scan_q     <= '0;
      at_armed_q <= 1'b0;
      late_q     <= 1'b0;
    end else begin
      if (set_i) armed_q[index_i] <= arm_i;
      if (!late_q) begin
        scan_q     <= scan_q + 1'b1;
        at_armed_q <= armed_q[scan_q];
        late_q     <= at_armed_q && !age[31];
      end else if (late_ready_i) begin
        late_q     <= 1'b0;
        at_armed_q <= 1'b0;
      end
    end
  end

  `TALLY_ASSERT_STABLE(LateStable_A, late_valid_o, late_ready_i, late_index_o)
endmodule

`default_nettype wire

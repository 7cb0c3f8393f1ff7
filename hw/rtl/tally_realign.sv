// SPDX-License-Identifier: BSD-3-Clause
// Packs the beats of reads that begin at any byte: each bus beat is rotated by the offset and joined
// with the rotated one before it.
//
// Ordering: first in, first out. Latency: 1 cycle. Throughput: one beat a cycle; a read that lead and
// flush hold for (tally_span) takes one cycle more, behind its last beat.
// Storage: one beat of carry, one of output.
// head_* tell of the read whose beats come, from its first beat to the cycle of head_pop_o.
// Limitations: there is no ready at the output.
`default_nettype none
`include "tally_assert.svh"

module tally_realign (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  input  wire logic         head_valid_i,
  input  wire logic [5:0]   head_off_i,
  input  wire logic [6:0]   head_last_i,   // index of its last bus beat
  input  wire logic         head_lead_i,
  input  wire logic         head_flush_i,
  output      logic         head_pop_o,

  input  wire logic         in_valid_i,
  output      logic         in_ready_o,
  input  wire logic [511:0] in_data_i,
  output      logic         in_last_o,     // what comes is the read's last bus beat

  output      logic         out_valid_o,
  output      logic [511:0] out_data_o,
  output      logic         out_last_o
);
  logic [6:0]   cnt_q;
  logic         flush_q, take, emit;
  logic [511:0] rot, low_mask, joined, carry_q;
  assign in_ready_o = head_valid_i && !flush_q;
  assign take       = in_valid_i && in_ready_o;
  assign in_last_o  = cnt_q == head_last_i;
  assign emit       = flush_q || (take && !(head_lead_i && cnt_q == '0));
  assign head_pop_o = flush_q || (take && in_last_o && !head_flush_i);

  always_comb begin : p_join
    rot      = '0;
    low_mask = '0;
    joined   = '0;
    // Wide logic only in cycles that move data.
    if (take) begin
      rot = (in_data_i >> {head_off_i, 3'd0})
          | (in_data_i << (10'd512 - {1'b0, head_off_i, 3'd0}));
    end
    if (emit) begin
      low_mask = head_lead_i ? ({512{1'b1}} >> {head_off_i, 3'd0}) : '0;
      joined   = (carry_q & low_mask) | (rot & ~low_mask);
    end
  end

  logic         valid_q, last_q;
  logic [511:0] data_q;
  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      cnt_q   <= '0;
      flush_q <= 1'b0;
      valid_q <= 1'b0;
    end else begin
      if (take) cnt_q <= in_last_o ? '0 : cnt_q + 7'd1;
      flush_q <= take && in_last_o && head_flush_i;
      valid_q <= emit;
    end
  end

  always_ff @(posedge clk_i) begin : p_payload
    if (take) carry_q <= rot;
    if (emit) begin
      data_q <= joined;
      last_q <= head_pop_o;
    end
  end

  assign out_valid_o = valid_q;
  assign out_data_o  = data_q;
  assign out_last_o  = last_q;

  `TALLY_ASSERT(CountBound_A, head_valid_i |-> cnt_q <= head_last_i)
  `TALLY_ASSERT(FlushOfHead_A, flush_q |-> head_valid_i)
endmodule

`default_nettype wire

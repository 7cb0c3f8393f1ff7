// SPDX-License-Identifier: BSD-3-Clause
// Free unexpected entries: a stack of returned ones, and a counter of those that were never used.
//
// Ordering: the entry returned last is given first; entries never used come when the stack is
// empty.
// Latency: index_o is right two cycles after the last take or put. Throughput: a put a cycle, a
// take each three cycles. Storage: Entries * IndexBits bits. No initialisation.
// Limitations: never a take and a put in one cycle; take only when avail_o is high.
`default_nettype none
`include "tally_assert.svh"

module tally_match_free #(
  parameter int unsigned Entries = 4096,
  localparam int unsigned IndexBits = Entries > 1 ? $clog2(Entries) : 1,
  localparam int unsigned LevelBits = $clog2(Entries + 1)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  output      logic                 avail_o,
  output      logic [IndexBits-1:0] index_o,
  input  wire logic                 take_i,

  input  wire logic                 put_i,
  input  wire logic [IndexBits-1:0] put_index_i
);
  if (Entries < 1) begin : gen_bad_entries
    $error("tally_match_free: Entries must be at least 1");
  end

  logic [IndexBits-1:0] stack_mem [1 << IndexBits];
  logic [IndexBits-1:0] top_q, below;
  logic [LevelBits-1:0] level_q, fresh_q;
  logic                 stacked;
  assign stacked = level_q != '0;
  assign below   = IndexBits'(level_q - 1'b1);
  assign avail_o = stacked || fresh_q != LevelBits'(Entries);
  assign index_o = stacked ? top_q : IndexBits'(fresh_q);

  always_ff @(posedge clk_i) begin : p_stack
    if (put_i) stack_mem[IndexBits'(level_q)] <= put_index_i;
    top_q <= stack_mem[below];
  end

  always_ff @(posedge clk_i) begin : p_level
    if (!rst_ni) begin
      level_q <= '0;
      fresh_q <= '0;
    end else if (put_i) begin
      level_q <= level_q + 1'b1;
    end else if (take_i && stacked) begin
      level_q <= level_q - 1'b1;
    end else if (take_i) begin
      fresh_q <= fresh_q + 1'b1;
    end
  end

  `TALLY_ASSERT(OneAtATime_A, !(take_i && put_i))
  `TALLY_ASSERT(NoUnderflow_A, take_i |-> avail_o)
  `TALLY_ASSERT(NoOverflow_A, put_i |-> level_q < fresh_q)
  `TALLY_ASSERT(Bound_A, fresh_q <= LevelBits'(Entries))
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// First-word-fall-through FIFO.
//
// Ordering: first in, first out. Latency: 1 cycle from write to read. Throughput: 1 word a cycle at
// any Depth above 1 (Depth 1: one word each two cycles). Storage: Width * Depth bits.
// A full FIFO is not ready, also in a cycle in which it is read: ready depends on registers alone.
`default_nettype none
`include "tally_assert.svh"

module tally_fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 2,
  localparam int unsigned LevelBits = $clog2(Depth + 1)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  input  wire logic                 in_valid_i,
  output      logic                 in_ready_o,
  input  wire logic [Width-1:0]     in_data_i,

  output      logic                 out_valid_o,
  input  wire logic                 out_ready_i,
  output      logic [Width-1:0]     out_data_o,

  output      logic [LevelBits-1:0] level_o
);
  if (Depth < 1) begin : gen_bad_depth
    $error("tally_fifo: Depth must be at least 1");
  end

  localparam int unsigned IndexBits = Depth > 1 ? $clog2(Depth) : 1;
  localparam logic [IndexBits-1:0] LastIndex = IndexBits'(Depth - 1);

  logic [Width-1:0]     mem [Depth];
  logic [IndexBits-1:0] rd_q, wr_q;
  logic [LevelBits-1:0] level_q;
  logic                 push, pop;

  assign in_ready_o  = level_q != LevelBits'(Depth);
  assign out_valid_o = level_q != '0;
  assign out_data_o  = mem[rd_q];
  assign level_o     = level_q;
  assign push        = in_valid_i && in_ready_o;
  assign pop         = out_valid_o && out_ready_i;

  always_ff @(posedge clk_i) begin : p_mem
    if (push) mem[wr_q] <= in_data_i;
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      rd_q    <= '0;
      wr_q    <= '0;
      level_q <= '0;
    end else begin
      if (push) wr_q <= (wr_q == LastIndex) ? '0 : wr_q + 1'b1;
      if (pop) rd_q <= (rd_q == LastIndex) ? '0 : rd_q + 1'b1;
      level_q <= level_q + LevelBits'(push) - LevelBits'(pop);
    end
  end

  `TALLY_ASSERT(NoOverflow_A, level_q <= LevelBits'(Depth))
  `TALLY_ASSERT(NoUnderflow_A, pop |-> level_q != '0)
endmodule

`default_nettype wire

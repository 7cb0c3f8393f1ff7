// SPDX-License-Identifier: BSD-3-Clause
// Matching state of the endpoints: spill mode, hold, spill count S, post count P, unexpected
// entries in use.
//
// Outputs are those of ep_i, one cycle after it (registered when read_i). Updates (of ep_i as well)
// are seen by the next read. clear_valid_i sets all of clear_ep_i to 0; never together with an
// update.
// Storage: 4 * (66 + LevelBits) bits, registers.
`default_nettype none
`include "tally_assert.svh"

module tally_match_endpoint #(
  parameter int unsigned Unexpected = 4096,
  localparam int unsigned LevelBits = $clog2(Unexpected + 1)
) (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,

  input  wire logic [63:0] quota_i,

  input  wire logic        read_i,
  input  wire logic [1:0]  ep_i,
  output      logic        spilling_o,
  output      logic        hold_o,       // a receive found no place: none after it is appended
  output      logic        quota_full_o,
  output      logic [31:0] spills_o,
  output      logic [31:0] posts_o,

  input  wire logic        post_i,       // P rises
  input  wire logic        spill_i,      // S rises, spill mode on
  input  wire logic        conflict_i,   // hold and spill mode on
  input  wire logic        spill_on_i,   // hold ends, spill mode on
  input  wire logic        spill_off_i,
  input  wire logic        take_i,       // an entry is used
  input  wire logic        free_i,       // an entry is free again

  input  wire logic        clear_valid_i,
  input  wire logic [1:0]  clear_ep_i
);
  logic [3:0]             spilling_q, hold_q;
  logic [4*32-1:0]        spills_q, posts_q;
  logic [4*LevelBits-1:0] level_q;

  for (genvar e = 0; e < 4; e++) begin : gen_ep
    logic this_ep;
    assign this_ep = ep_i == 2'(e);
    always_ff @(posedge clk_i) begin : p_state
      if (!rst_ni || (clear_valid_i && clear_ep_i == 2'(e))) begin
        spilling_q[e]                     <= 1'b0;
        hold_q[e]                         <= 1'b0;
        spills_q[e*32 +: 32]              <= '0;
        posts_q[e*32 +: 32]               <= '0;
        level_q[e*LevelBits +: LevelBits] <= '0;
      end else if (this_ep) begin
        if (spill_i || spill_on_i || conflict_i) spilling_q[e] <= 1'b1;
        if (conflict_i) hold_q[e] <= 1'b1;
        if (spill_on_i) hold_q[e] <= 1'b0;
        if (spill_off_i) spilling_q[e] <= 1'b0;
        if (spill_i) spills_q[e*32 +: 32] <= spills_q[e*32 +: 32] + 1'b1;
        if (post_i) posts_q[e*32 +: 32] <= posts_q[e*32 +: 32] + 1'b1;
        if (take_i) level_q[e*LevelBits +: LevelBits] <= level_q[e*LevelBits +: LevelBits] + 1'b1;
        if (free_i) level_q[e*LevelBits +: LevelBits] <= level_q[e*LevelBits +: LevelBits] - 1'b1;
      end
    end
    `TALLY_ASSERT(Bound_A, level_q[e*LevelBits +: LevelBits] <= LevelBits'(Unexpected))
    `TALLY_ASSERT(NoUnderflow_A, (free_i && this_ep) |-> level_q[e*LevelBits +: LevelBits] != '0)
  end

  logic        mode_q, hold_out_q, full_q;
  logic [31:0] spills_out_q, posts_out_q;
  always_ff @(posedge clk_i) begin : p_read
    if (read_i) begin
      mode_q       <= spilling_q[ep_i];
      hold_out_q   <= hold_q[ep_i];
      full_q       <= 16'(level_q[ep_i*LevelBits +: LevelBits]) >= quota_i[ep_i*16 +: 16];
      spills_out_q <= spills_q[ep_i*32 +: 32];
      posts_out_q  <= posts_q[ep_i*32 +: 32];
    end
  end
  assign spilling_o   = mode_q;
  assign hold_o       = hold_out_q;
  assign quota_full_o = full_q;
  assign spills_o     = spills_out_q;
  assign posts_o      = posts_out_q;

  `TALLY_ASSERT(ClearAlone_A, clear_valid_i
                |-> {post_i, spill_i, conflict_i, spill_on_i, spill_off_i, take_i, free_i} == '0)
endmodule

`default_nettype wire

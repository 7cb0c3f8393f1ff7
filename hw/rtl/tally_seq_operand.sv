// SPDX-License-Identifier: BSD-3-Clause
// Operand buffers of the lanes and their read clients.
//
// src operands: 4 slots of one packet a lane, filled through client rda in the order of its
// commands.
// dst operands of Reduce: one buffer of one packet for all lanes, client rdb; a lane owns it from
// the command until the job has read it.
// Ordering: commands of rda round-robin among the lanes. Latency: a request is on the client's port
// one cycle later; filled_o comes one cycle after the last beat. Throughput: a beat a cycle in and
// out.
// Storage: (NumLanes * 4 + 1) * MtuBeats * 512 bits, 16 commands in flight.
// Limitations: Reduce runs with one packet of dst in flight.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_operand #(
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [Lanes-1:0]    rd_valid_i,
  output      logic [Lanes-1:0]    rd_ready_o,
  input  wire logic [Lanes*64-1:0] rd_addr_i,
  input  wire logic [Lanes*13-1:0] rd_len_i,
  input  wire logic [Lanes*2-1:0]  rd_slot_i,
  output      logic [Lanes-1:0]    filled_o,

  input  wire logic [Lanes-1:0]    rdb_valid_i,
  input  wire logic [Lanes*64-1:0] rdb_addr_i,
  input  wire logic [Lanes*13-1:0] rdb_len_i,
  output      logic [Lanes-1:0]    rdb_full_o,
  // The job of the owner was granted; its beats were read.
  input  wire logic                rdb_take_i,
  input  wire logic                rdb_release_i,
  // Ends the ownership of a job that will not run.
  input  wire logic                clear_i,

  // Beats for the job at work: data one cycle later.
  input  wire logic                a_rd_i,
  input  wire logic [LaneW-1:0]    a_lane_i,
  input  wire logic [1:0]          a_slot_i,
  input  wire logic                b_rd_i,
  input  wire logic [BeatW-1:0]    beat_i,
  output      logic [511:0]        a_data_o,
  output      logic [511:0]        b_data_o,

  output      logic                rda_cmd_valid_o,
  input  wire logic                rda_cmd_ready_i,
  output      logic [63:0]         rda_cmd_addr_o,
  output      logic [12:0]         rda_cmd_len_o,
  input  wire logic                rda_data_valid_i,
  input  wire logic [511:0]        rda_data_i,
  input  wire logic                rda_data_last_i,

  output      logic                rdb_cmd_valid_o,
  input  wire logic                rdb_cmd_ready_i,
  output      logic [63:0]         rdb_cmd_addr_o,
  output      logic [12:0]         rdb_cmd_len_o,
  input  wire logic                rdb_data_valid_i,
  input  wire logic [511:0]        rdb_data_i,
  input  wire logic                rdb_data_last_i,

  output      logic                idle_o
);
  logic [511:0] a_mem [Lanes * 4 * tally_pkg::MtuBeats];
  logic [511:0] b_mem [tally_pkg::MtuBeats];

  // --- src ---------------------------------------------------------------------------------------
  logic             any, order_ready, order_valid, order_pop;
  logic [LaneW-1:0] pick, last_q, in_lane;
  logic [1:0]       in_slot;
  logic [BeatW-1:0] in_beat_q;
  logic             cmd_valid_q;
  logic [63:0]      cmd_addr_q;
  logic [12:0]      cmd_len_q;
  logic [4:0]       order_level;

  always_comb begin : p_pick
    any = 1'b0;
    pick = '0;
    for (int unsigned i = 1; i <= Lanes; i++) begin
      if (!any && rd_valid_i[LaneW'(32'(last_q) + i)]) begin
        any = 1'b1;
        pick = LaneW'(32'(last_q) + i);
      end
    end
    if (!order_ready || (cmd_valid_q && !rda_cmd_ready_i)) any = 1'b0;
    rd_ready_o = '0;
    rd_ready_o[pick] = any;
  end

  // Lane and slot of each command, until its last beat has come. 16 slots bound it.
  tally_fifo #(.Width(LaneW + 2), .Depth(Lanes * 4)) u_order (
    .clk_i, .rst_ni,
    .in_valid_i(any), .in_ready_o(order_ready), .in_data_i({pick, rd_slot_i[pick*2 +: 2]}),
    .out_valid_o(order_valid), .out_ready_i(order_pop), .out_data_o({in_lane, in_slot}),
    .level_o(order_level)
  );
  assign order_pop = rda_data_valid_i && rda_data_last_i;

  always_ff @(posedge clk_i) begin : p_a
    if (!rst_ni) begin
      cmd_valid_q <= 1'b0;
      last_q      <= '0;
      in_beat_q   <= '0;
      filled_o    <= '0;
    end else begin
      if (any) begin
        cmd_valid_q <= 1'b1;
        last_q      <= pick;
      end else if (rda_cmd_ready_i) begin
        cmd_valid_q <= 1'b0;
      end
      if (rda_data_valid_i) in_beat_q <= rda_data_last_i ? '0 : in_beat_q + 1'b1;
      filled_o <= '0;
      if (order_pop) filled_o[in_lane] <= 1'b1;
    end
    if (any) begin
      cmd_addr_q <= rd_addr_i[pick*64 +: 64];
      cmd_len_q  <= rd_len_i[pick*13 +: 13];
    end
  end
  assign rda_cmd_valid_o = cmd_valid_q;
  assign rda_cmd_addr_o = cmd_addr_q;
  assign rda_cmd_len_o = cmd_len_q;

  logic [511:0] a_data_q;
  always_ff @(posedge clk_i) begin : p_a_mem
    if (rda_data_valid_i) a_mem[{in_lane, in_slot, in_beat_q}] <= rda_data_i;
    if (a_rd_i) a_data_q <= a_mem[{a_lane_i, a_slot_i, beat_i}];
  end
  assign a_data_o = a_data_q;

  // --- dst of Reduce -----------------------------------------------------------------------------
  logic             b_busy_q, b_full_q, b_cmd_q, b_flight_q, b_any;
  logic [LaneW-1:0] b_pick, b_owner_q;
  logic [63:0]      b_addr_q;
  logic [12:0]      b_len_q;
  logic [BeatW-1:0] b_beat_q;

  always_comb begin : p_b_pick
    b_any = 1'b0;
    b_pick = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      if (!b_any && rdb_valid_i[i]) begin
        b_any = 1'b1;
        b_pick = LaneW'(i);
      end
    end
    if (b_busy_q || b_flight_q) b_any = 1'b0;
    rdb_full_o = '0;
    rdb_full_o[b_owner_q] = b_full_q;
  end

  always_ff @(posedge clk_i) begin : p_b
    if (!rst_ni) begin
      b_busy_q   <= 1'b0;
      b_full_q   <= 1'b0;
      b_cmd_q    <= 1'b0;
      b_flight_q <= 1'b0;
      b_beat_q   <= '0;
    end else begin
      if (b_any) b_busy_q <= 1'b1;
      else if (rdb_release_i || clear_i) b_busy_q <= 1'b0;
      if (b_any) b_cmd_q <= 1'b1;
      else if (rdb_cmd_ready_i) b_cmd_q <= 1'b0;
      if (b_any) b_flight_q <= 1'b1;
      else if (rdb_data_valid_i && rdb_data_last_i) b_flight_q <= 1'b0;
      if (rdb_take_i || clear_i) b_full_q <= 1'b0;
      else if (rdb_data_valid_i && rdb_data_last_i) b_full_q <= 1'b1;
      if (rdb_data_valid_i) b_beat_q <= rdb_data_last_i ? '0 : b_beat_q + 1'b1;
    end
    if (b_any) begin
      b_owner_q <= b_pick;
      b_addr_q  <= rdb_addr_i[b_pick*64 +: 64];
      b_len_q   <= rdb_len_i[b_pick*13 +: 13];
    end
  end
  assign rdb_cmd_valid_o = b_cmd_q;
  assign rdb_cmd_addr_o = b_addr_q;
  assign rdb_cmd_len_o = b_len_q;

  logic [511:0] b_data_q;
  always_ff @(posedge clk_i) begin : p_b_mem
    if (rdb_data_valid_i) b_mem[b_beat_q] <= rdb_data_i;
    if (b_rd_i) b_data_q <= b_mem[beat_i];
  end
  assign b_data_o = b_data_q;

  assign idle_o = !cmd_valid_q && order_level == '0 && !b_flight_q && filled_o == '0;

  `TALLY_ASSERT(AnswersCommand_A, rda_data_valid_i |-> order_valid)
  `TALLY_ASSERT(AnswersCommandB_A, rdb_data_valid_i |-> b_flight_q)
  `TALLY_ASSERT_STABLE(RdaStable_A, rda_cmd_valid_o, rda_cmd_ready_i,
                       {rda_cmd_addr_o, rda_cmd_len_o})
  `TALLY_ASSERT_STABLE(RdbStable_A, rdb_cmd_valid_o, rdb_cmd_ready_i,
                       {rdb_cmd_addr_o, rdb_cmd_len_o})
endmodule

`default_nettype wire

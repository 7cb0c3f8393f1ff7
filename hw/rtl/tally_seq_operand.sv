// SPDX-License-Identifier: BSD-3-Clause
// Operand reads of the lanes: commands to the read master, data into the lanes' operand slots.
//
// Ordering: commands in the order they were given, filled_o in the same. Latency: 1 cycle to the
// command. Throughput: one command and one beat a cycle. Storage: 4 slots of Mtu a lane, in two
// memories (even and odd slots) so that a job may read a pair; InFlight reads under way.
// Limitations: none.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_operand #(
  localparam int unsigned LcW = $clog2(tally_pkg::CollectiveSlots * tally_pkg::NumLanes),
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats)
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  input  wire logic             rd_valid_i,
  output      logic             rd_room_o,
  input  wire logic [LcW-1:0]   rd_lane_i,
  input  wire logic [1:0]       rd_slot_i,
  input  wire logic [63:0]      rd_addr_i,
  input  wire logic [12:0]      rd_len_i,
  output      logic             filled_o,
  output      logic [LcW-1:0]   filled_lane_o,
  output      logic [1:0]       filled_slot_o,

  // Beats for the job at work: slot a and the other one of its pair, data one cycle later.
  input  wire logic             a_rd_i,
  input  wire logic [LcW-1:0]   a_lane_i,
  input  wire logic [1:0]       a_slot_i,
  input  wire logic [BeatW-1:0] beat_i,
  output      logic [511:0]     a_data_o,
  output      logic [511:0]     b_data_o,

  output      logic             cmd_valid_o,
  input  wire logic             cmd_ready_i,
  output      logic [63:0]      cmd_addr_o,
  output      logic [12:0]      cmd_len_o,
  input  wire logic             data_valid_i,
  input  wire logic [511:0]     data_i,
  input  wire logic             data_last_i,

  output      logic             idle_o
);
  localparam int unsigned Commands = 4;
  localparam int unsigned InFlight = 32;

  logic                          cmd_room, order_room, order_valid;
  logic [$clog2(Commands+1)-1:0] cmd_level;
  logic [$clog2(InFlight+1)-1:0] order_level;
  logic [LcW-1:0]                in_lane;
  logic [1:0]                    in_slot;
  logic [BeatW-1:0]              beat_q;

  assign rd_room_o = cmd_room && order_room;
  tally_fifo #(.Width(77), .Depth(Commands)) u_cmd (
    .clk_i, .rst_ni,
    .in_valid_i(rd_valid_i), .in_ready_o(cmd_room), .in_data_i({rd_len_i, rd_addr_i}),
    .out_valid_o(cmd_valid_o), .out_ready_i(cmd_ready_i), .out_data_o({cmd_len_o, cmd_addr_o}),
    .level_o(cmd_level)
  );
  tally_fifo #(.Width(LcW + 2), .Depth(InFlight)) u_order (
    .clk_i, .rst_ni,
    .in_valid_i(rd_valid_i), .in_ready_o(order_room), .in_data_i({rd_lane_i, rd_slot_i}),
    .out_valid_o(order_valid), .out_ready_i(data_valid_i && data_last_i),
    .out_data_o({in_lane, in_slot}), .level_o(order_level)
  );

  logic [511:0] even_mem [2 << (LcW + BeatW)];
  logic [511:0] odd_mem [2 << (LcW + BeatW)];
  logic [511:0] even_q, odd_q;
  logic         a_odd_q;

  always_ff @(posedge clk_i) begin : p_mem
    if (data_valid_i && !in_slot[0]) even_mem[{in_lane, in_slot[1], beat_q}] <= data_i;
    if (data_valid_i && in_slot[0]) odd_mem[{in_lane, in_slot[1], beat_q}] <= data_i;
    if (a_rd_i) begin
      even_q  <= even_mem[{a_lane_i, a_slot_i[1], beat_i}];
      odd_q   <= odd_mem[{a_lane_i, a_slot_i[1], beat_i}];
      a_odd_q <= a_slot_i[0];
    end
  end
  assign a_data_o = a_odd_q ? odd_q : even_q;
  assign b_data_o = a_odd_q ? even_q : odd_q;

  logic           filled_q;
  logic [LcW-1:0] filled_lane_q;
  logic [1:0]     filled_slot_q;
  always_ff @(posedge clk_i) begin : p_fill
    if (!rst_ni) begin
      beat_q   <= '0;
      filled_q <= 1'b0;
    end else begin
      if (data_valid_i) beat_q <= data_last_i ? '0 : beat_q + 1'b1;
      filled_q <= data_valid_i && data_last_i;
    end
    filled_lane_q <= in_lane;
    filled_slot_q <= in_slot;
  end
  assign filled_o = filled_q;
  assign filled_lane_o = filled_lane_q;
  assign filled_slot_o = filled_slot_q;
  assign idle_o = order_level == '0 && cmd_level == '0 && !filled_q;

  `TALLY_ASSERT(AnswersCommand_A, data_valid_i |-> order_valid)
  `TALLY_ASSERT(Room_A, rd_valid_i |-> rd_room_o)
  `TALLY_ASSERT_STABLE(CmdStable_A, cmd_valid_o, cmd_ready_i, {cmd_addr_o, cmd_len_o})
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Operand reads of the lanes: from host memory by the read master, or from the operand window, into
// the lanes' operand slots.
//
// Ordering: reads of either kind in the order they were given, filled_o in the same; between the
// kinds there is no order. Latency: 1 cycle to the command. Throughput: one command and one beat a
// cycle; what comes from host memory goes first. Storage: 4 slots of Mtu a lane, in two memories
// (even and odd slots) so that a job may read a pair; InFlight reads of each kind under way;
// tally_seq_window.
// Limitations: a read that begins in the window lies in it.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_operand #(
  localparam int unsigned LcW = $clog2(tally_pkg::CollectiveSlots * tally_pkg::NumLanes),
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats),
  localparam int unsigned WinAddrW = $clog2(tally_pkg::OperandSlots * tally_pkg::OperandSlotBytes),
  localparam int unsigned WinLineW = WinAddrW - 6
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,
  input  wire logic             ep_enable_i,

  // Stores of the host to the operand window.
  input  wire logic             win_valid_i,
  input  wire logic             win_open_i,
  input  wire logic [WinLineW-1:0] win_line_i,
  input  wire logic [511:0]     win_data_i,
  input  wire logic [63:0]      win_strb_i,

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

  logic                          cmd_room, order_room, order_valid, window, win_room, from_room;
  logic                          from_valid, win_valid, win_last, win_take;
  logic [$clog2(Commands+1)-1:0] cmd_level;
  logic [$clog2(InFlight+1)-1:0] order_level, from_level;
  logic [LcW-1:0]                in_lane, from_lane;
  logic [1:0]                    in_slot, from_slot;
  logic [BeatW-1:0]              in_beat_q, from_beat_q;
  logic [511:0]                  win_data;

  // Room for either kind, so that it does not depend on the read.
  assign rd_room_o = cmd_room && order_room && win_room && from_room;
  assign window = rd_addr_i[63:WinAddrW] == tally_pkg::OperandBase[63:WinAddrW];
  tally_fifo #(.Width(77), .Depth(Commands)) u_cmd (
    .clk_i, .rst_ni,
    .in_valid_i(rd_valid_i && !window), .in_ready_o(cmd_room), .in_data_i({rd_len_i, rd_addr_i}),
    .out_valid_o(cmd_valid_o), .out_ready_i(cmd_ready_i), .out_data_o({cmd_len_o, cmd_addr_o}),
    .level_o(cmd_level)
  );
  tally_fifo #(.Width(LcW + 2), .Depth(InFlight)) u_order (
    .clk_i, .rst_ni,
    .in_valid_i(rd_valid_i && !window), .in_ready_o(order_room), .in_data_i({rd_lane_i, rd_slot_i}),
    .out_valid_o(order_valid), .out_ready_i(data_valid_i && data_last_i),
    .out_data_o({in_lane, in_slot}), .level_o(order_level)
  );

  tally_seq_window #(.Commands(InFlight)) u_window (
    .clk_i, .rst_ni, .ep_enable_i,
    .wr_valid_i(win_valid_i), .wr_open_i(win_open_i), .wr_line_i(win_line_i),
    .wr_data_i(win_data_i), .wr_strb_i(win_strb_i),
    .cmd_valid_i(rd_valid_i && window), .cmd_ready_o(win_room),
    .cmd_addr_i(rd_addr_i[WinAddrW-1:0]), .cmd_len_i(rd_len_i),
    .out_valid_o(win_valid), .out_ready_i(win_take), .out_data_o(win_data), .out_last_o(win_last)
  );
  tally_fifo #(.Width(LcW + 2), .Depth(InFlight)) u_from (
    .clk_i, .rst_ni,
    .in_valid_i(rd_valid_i && window), .in_ready_o(from_room), .in_data_i({rd_lane_i, rd_slot_i}),
    .out_valid_o(from_valid), .out_ready_i(win_take && win_last),
    .out_data_o({from_lane, from_slot}), .level_o(from_level)
  );

  // One beat a cycle goes into the slots.
  logic             put_valid, put_last;
  logic [LcW-1:0]   put_lane;
  logic [1:0]       put_slot;
  logic [BeatW-1:0] put_beat;
  logic [511:0]     put_data;
  assign win_take  = win_valid && !data_valid_i;
  assign put_valid = data_valid_i || win_valid;
  assign put_last  = data_valid_i ? data_last_i : win_last;
  assign put_lane  = data_valid_i ? in_lane : from_lane;
  assign put_slot  = data_valid_i ? in_slot : from_slot;
  assign put_beat  = data_valid_i ? in_beat_q : from_beat_q;
  assign put_data  = data_valid_i ? data_i : win_data;

  logic [511:0] even_mem [2 << (LcW + BeatW)];
  logic [511:0] odd_mem [2 << (LcW + BeatW)];
  logic [511:0] even_q, odd_q;
  logic         a_odd_q;

  always_ff @(posedge clk_i) begin : p_mem
    if (put_valid && !put_slot[0]) even_mem[{put_lane, put_slot[1], put_beat}] <= put_data;
    if (put_valid && put_slot[0]) odd_mem[{put_lane, put_slot[1], put_beat}] <= put_data;
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
      in_beat_q   <= '0;
      from_beat_q <= '0;
      filled_q    <= 1'b0;
    end else begin
      if (data_valid_i) in_beat_q <= data_last_i ? '0 : in_beat_q + 1'b1;
      if (win_take) from_beat_q <= win_last ? '0 : from_beat_q + 1'b1;
      filled_q <= put_valid && put_last;
    end
    filled_lane_q <= put_lane;
    filled_slot_q <= put_slot;
  end
  assign filled_o = filled_q;
  assign filled_lane_o = filled_lane_q;
  assign filled_slot_o = filled_slot_q;
  assign idle_o = order_level == '0 && cmd_level == '0 && from_level == '0 && !filled_q;

  `TALLY_ASSERT(AnswersCommand_A, data_valid_i |-> order_valid)
  `TALLY_ASSERT(AnswersWindow_A, win_valid |-> from_valid)
  `TALLY_ASSERT(Room_A, rd_valid_i |-> rd_room_o)
  `TALLY_ASSERT_STABLE(CmdStable_A, cmd_valid_o, cmd_ready_i, {cmd_addr_o, cmd_len_o})
endmodule

`default_nettype wire

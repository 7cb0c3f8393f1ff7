// SPDX-License-Identifier: BSD-3-Clause
// Packet executor: takes the ready lanes' packets in turn, streams their operands through
// tally_reduce and hands the result to the write client and to the packet builder.
//
// A job is granted only with room for all of its beats in the FIFOs that it fills, hence no lane
// can hold up the pipeline behind the grant. It stands only while tally_reduce lets a slower
// operation leave before a faster one.
// Ordering: jobs in grant order, at the write client and at the network port alike.
// Latency: 3 cycles and that of tally_reduce from a grant to the first beat in the output FIFO.
// Throughput: that of tally_reduce; the next job follows without a bubble. Storage: two FIFOs of
// OutPackets packets, a forwarding buffer of one packet a lane.
// Limitations: jobs that do not reduce take the same way (the reduction passes operand a).
`default_nettype none
`include "tally_assert.svh"

module tally_seq_exec #(
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks),
  localparam int unsigned FlowW = RankW + LaneW,
  localparam int unsigned SlotW = $clog2(tally_pkg::FlowSlots),
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats),
  localparam int unsigned HeadW = RankW + LaneW + 13 + 32 + 1
) (
  input  wire logic                   clk_i,
  input  wire logic                   rst_ni,

  input  wire logic                   run_i,
  input  wire logic [7:0]             dtype_i,
  input  wire logic [7:0]             redop_i,

  // Packets of the lanes.
  input  wire logic [Lanes-1:0]       ready_i,
  output      logic [Lanes-1:0]       grant_o,
  input  wire logic [Lanes-1:0]       pkt_recv_i,
  input  wire logic [Lanes-1:0]       pkt_send_i,
  input  wire logic [Lanes-1:0]       pkt_write_i,
  input  wire logic [Lanes-1:0]       pkt_operand_i,
  input  wire logic [Lanes-1:0]       pkt_fwd_src_i,
  input  wire logic [Lanes-1:0]       pkt_single_i,
  input  wire logic [Lanes-1:0]       pkt_reduce_i,
  input  wire logic [Lanes-1:0]       pkt_local_reduce_i,
  input  wire logic [Lanes-1:0]       pkt_last_i,
  input  wire logic [Lanes*2-1:0]     pkt_slot_i,
  input  wire logic [Lanes*13-1:0]    pkt_len_i,
  input  wire logic [Lanes*64-1:0]    pkt_dst_addr_i,
  input  wire logic [Lanes*32-1:0]    pkt_number_i,
  input  wire logic [Lanes*RankW-1:0] recv_peer_i,
  input  wire logic [Lanes*RankW-1:0] send_peer_i,
  input  wire logic [Lanes*SlotW-1:0] head_slot_i,
  output      logic                   tx_room_o,
  output      logic                   wr_room_o,
  output      logic [Lanes-1:0]       fwd_settled_o,
  output      logic [Lanes-1:0]       operand_release_o,

  // Flow staging.
  output      logic                   pop_o,
  output      logic [FlowW-1:0]       pop_flow_o,
  output      logic                   take_o,
  output      logic [FlowW-1:0]       take_flow_o,
  output      logic                   flow_rd_o,
  output      logic [FlowW-1:0]       flow_rd_flow_o,
  output      logic [SlotW-1:0]       flow_rd_slot_o,
  input  wire logic [511:0]           flow_data_i,
  output      logic                   flow_release_o,

  // Operand buffers.
  output      logic                   a_rd_o,
  output      logic [LaneW-1:0]       a_lane_o,
  output      logic [1:0]             a_slot_o,
  output      logic                   b_rd_o,
  output      logic [BeatW-1:0]       beat_o,
  input  wire logic [511:0]           a_data_i,
  input  wire logic [511:0]           b_data_i,
  output      logic                   rdb_take_o,
  output      logic                   rdb_release_o,

  // Packets to send: header fields {last, number, len, lane, peer} and payload beats.
  output      logic                   head_valid_o,
  input  wire logic                   head_ready_i,
  output      logic [HeadW-1:0]       head_o,
  output      logic                   body_valid_o,
  input  wire logic                   body_ready_i,
  output      logic [511:0]           body_o,

  // Write client.
  output      logic                   wr_cmd_valid_o,
  input  wire logic                   wr_cmd_ready_i,
  output      logic [63:0]            wr_cmd_addr_o,
  output      logic [12:0]            wr_cmd_len_o,
  output      logic                   wr_data_valid_o,
  input  wire logic                   wr_data_ready_i,
  output      logic [511:0]           wr_data_o,
  input  wire logic                   wr_done_i,

  // Writes launched and answered, modulo 256; a launch.
  output      logic [7:0]             wr_launched_o,
  output      logic [7:0]             wr_answered_o,
  output      logic                   wr_launch_o,
  // No job at work and all data of writes handed over.
  output      logic                   quiet_o,
  // All headers were taken by the packet builder.
  output      logic                   heads_out_o,
  output      logic                   idle_o,
  output      logic                   reduced_beat_o
);
  localparam int unsigned OutPackets = 2;
  localparam int unsigned FifoBeats = OutPackets * tally_pkg::MtuBeats;
  localparam int unsigned LevelW = $clog2(FifoBeats + 1);
  localparam logic [LevelW-1:0] RoomLevel = LevelW'(FifoBeats - tally_pkg::MtuBeats);
  // Of the launched writes at most this many are unanswered, so that modulo 256 their order is
  // clear.
  localparam logic [7:0] MaxWrites = 8'd100;

  // --- grant -------------------------------------------------------------------------------------
  logic             any, free, j_end, go;
  logic [LaneW-1:0] pick, last_q;

  // The job at work: one beat of it is read a cycle.
  logic             j_valid_q, j_recv_q, j_send_q, j_write_q, j_operand_q, j_fwd_src_q, j_single_q;
  logic             j_reduce_q, j_local_q, j_data_q;
  logic [LaneW-1:0] j_lane_q;
  logic [1:0]       j_slot_q;
  logic [RankW-1:0] j_peer_q;
  logic [SlotW-1:0] j_head_q;
  logic [BeatW-1:0] j_beat_q, j_last_q;
  logic [12:0]      g_len;
  logic [6:0]       g_beats;
  logic             g_send, g_write, g_recv;

  assign j_end = j_beat_q == j_last_q;
  assign free = run_i && (!j_valid_q || (j_end && go));

  always_comb begin : p_pick
    any = 1'b0;
    pick = '0;
    for (int unsigned i = 1; i <= Lanes; i++) begin
      if (!any && ready_i[LaneW'(32'(last_q) + i)]) begin
        any = 1'b1;
        pick = LaneW'(32'(last_q) + i);
      end
    end
    if (!free) any = 1'b0;
    grant_o = '0;
    grant_o[pick] = any;
  end

  assign g_len = pkt_len_i[pick*13 +: 13];
  assign g_beats = 7'((g_len + 13'd63) >> 6);
  assign g_recv = any && pkt_recv_i[pick];
  assign g_send = any && pkt_send_i[pick];
  assign g_write = any && pkt_write_i[pick];
  assign pop_o = g_recv;
  assign pop_flow_o = {recv_peer_i[pick*RankW +: RankW], pick};
  assign take_o = g_send;
  assign take_flow_o = {send_peer_i[pick*RankW +: RankW], pick};
  assign rdb_take_o = any && pkt_local_reduce_i[pick];
  assign wr_launch_o = g_write;

  always_ff @(posedge clk_i) begin : p_job
    if (!rst_ni) begin
      j_valid_q <= 1'b0;
      last_q    <= '0;
    end else begin
      if (any) begin
        j_valid_q <= 1'b1;
        last_q    <= pick;
      end else if (j_end && go) begin
        j_valid_q <= 1'b0;
      end
    end
    if (any) begin
      j_recv_q    <= pkt_recv_i[pick];
      j_send_q    <= pkt_send_i[pick];
      j_write_q   <= pkt_write_i[pick];
      j_operand_q <= pkt_operand_i[pick];
      j_fwd_src_q <= pkt_fwd_src_i[pick];
      j_single_q  <= pkt_single_i[pick];
      j_reduce_q  <= pkt_reduce_i[pick];
      j_local_q   <= pkt_local_reduce_i[pick];
      j_data_q    <= g_len != '0;
      j_lane_q    <= pick;
      j_slot_q    <= pkt_slot_i[pick*2 +: 2];
      j_peer_q    <= recv_peer_i[pick*RankW +: RankW];
      j_head_q    <= head_slot_i[pick*SlotW +: SlotW];
      j_beat_q    <= '0;
      j_last_q    <= g_len == '0 ? '0 : BeatW'(g_beats - 1'b1);
    end else if (!j_end && go) begin
      j_beat_q <= j_beat_q + 1'b1;
    end
  end

  // --- read --------------------------------------------------------------------------------------
  // While tally_reduce does not take a beat, nothing is read and the operands hold.
  logic j_go, j_done, j_from_mem;
  assign j_go = j_valid_q && go;
  assign j_done = j_go && j_end;
  assign j_from_mem = j_operand_q && !j_fwd_src_q;
  assign flow_rd_o = j_go && j_recv_q && j_data_q;
  assign flow_rd_flow_o = {j_peer_q, j_lane_q};
  assign flow_rd_slot_o = j_head_q;
  assign flow_release_o = j_done && j_recv_q;
  assign a_rd_o = j_go && j_from_mem;
  assign a_lane_o = j_lane_q;
  assign a_slot_o = j_slot_q;
  assign b_rd_o = j_go && j_local_q;
  assign beat_o = j_beat_q;
  assign rdb_release_o = j_done && j_local_q;
  always_comb begin : p_release
    operand_release_o = '0;
    operand_release_o[j_lane_q] = j_done && j_from_mem;
  end

  logic [511:0] fwd_mem [Lanes * tally_pkg::MtuBeats];
  logic [511:0] fwd_data_q;
  logic         out_valid, out_write, out_send, out_last, out_reduce;
  logic [LaneW-1:0] out_lane;
  logic [BeatW-1:0] out_beat;
  logic         out_single;
  logic [511:0] out_data;

  always_ff @(posedge clk_i) begin : p_fwd
    if (out_valid && out_write && out_single) fwd_mem[{out_lane, out_beat}] <= out_data;
    if (j_go && j_fwd_src_q) fwd_data_q <= fwd_mem[{j_lane_q, j_beat_q}];
  end

  // --- operands to the reduction -----------------------------------------------------------------
  localparam int unsigned UserW = LaneW + BeatW + 5;
  logic             e_valid_q, e_operand_q, e_fwd_q, e_reduce_q, e_local_q;
  logic [UserW-1:0] e_user_q;
  logic [511:0]     e_a, e_b, e_src;
  logic [7:0]       e_redop;
  logic             red_ready;

  always_ff @(posedge clk_i) begin : p_stage
    if (!rst_ni) e_valid_q <= 1'b0;
    else if (go) e_valid_q <= j_valid_q && j_data_q;
    if (j_go) begin
      e_operand_q <= j_operand_q;
      e_fwd_q     <= j_fwd_src_q;
      e_reduce_q  <= j_reduce_q;
      e_local_q   <= j_local_q;
      e_user_q    <= {j_write_q, j_send_q, j_end, j_single_q, j_reduce_q, j_lane_q, j_beat_q};
    end
  end

  // a op b: dst op src for Reduce, else src op received; without an operand, or a reduction, a is
  // moved.
  always_comb begin : p_operands
    e_src = e_fwd_q ? fwd_data_q : a_data_i;
    e_a = e_src;
    if (e_local_q) e_a = b_data_i;
    else if (!e_operand_q) e_a = flow_data_i;
    e_b = e_local_q ? e_src : flow_data_i;
    e_redop = e_reduce_q ? redop_i : tally_pkg::RedopNone;
  end

  assign go = !e_valid_q || red_ready;
  tally_reduce #(.UserW(UserW)) u_reduce (
    .clk_i, .rst_ni,
    .in_valid_i(e_valid_q), .in_ready_o(red_ready), .in_a_i(e_a), .in_b_i(e_b),
    .in_dtype_i(dtype_i), .in_redop_i(e_redop), .in_user_i(e_user_q),
    .out_valid_o(out_valid), .out_data_o(out_data),
    .out_user_o({out_write, out_send, out_last, out_single, out_reduce, out_lane, out_beat})
  );
  assign reduced_beat_o = out_valid && out_reduce;

  // --- rooms and counts --------------------------------------------------------------------------
  // Beats promised to each FIFO: granted and not yet taken out.
  logic [LevelW-1:0] tx_held_q, wr_held_q, body_level, data_level;
  logic [4:0]        flight_q;    // beats between job and output
  logic [7:0]        launched_q, answered_q, unanswered;
  logic              head_room, cmd_room, body_in_ready, data_in_ready;
  logic              body_pop, data_pop, cmd_valid, cmd_pop;
  logic [$clog2(OutPackets+1)-1:0] head_level, cmd_level;

  assign body_pop = body_valid_o && body_ready_i;
  assign data_pop = wr_data_valid_o && wr_data_ready_i;
  assign unanswered = launched_q - answered_q;
  assign tx_room_o = head_room && tx_held_q <= RoomLevel;
  assign wr_room_o = cmd_room && wr_held_q <= RoomLevel && unanswered < MaxWrites;
  assign wr_launched_o = launched_q;
  assign wr_answered_o = answered_q;

  always_ff @(posedge clk_i) begin : p_counts
    if (!rst_ni) begin
      tx_held_q  <= '0;
      wr_held_q  <= '0;
      flight_q   <= '0;
      launched_q <= '0;
      answered_q <= '0;
    end else begin
      tx_held_q  <= tx_held_q + (g_send ? LevelW'(g_beats) : '0) - LevelW'(body_pop);
      wr_held_q  <= wr_held_q + (g_write ? LevelW'(g_beats) : '0) - LevelW'(data_pop);
      flight_q   <= flight_q + 5'(j_go && j_data_q) - 5'(out_valid);
      launched_q <= launched_q + 8'(g_write);
      answered_q <= answered_q + 8'(wr_done_i);
    end
  end

  // Single-packet writes of each lane on their way to its forwarding buffer.
  for (genvar l = 0; l < Lanes; l++) begin : gen_settle
    logic [3:0] going_q;
    logic       up, down;
    assign up = grant_o[l] && pkt_write_i[l] && pkt_single_i[l];
    assign down = out_valid && out_write && out_single && out_last && out_lane == LaneW'(l);
    always_ff @(posedge clk_i) begin : p_going
      if (!rst_ni) going_q <= '0;
      else         going_q <= going_q + 4'(up) - 4'(down);
    end
    assign fwd_settled_o[l] = going_q == '0;
    `TALLY_ASSERT(GoingBound_A, (up && !down) |-> going_q != '1)
  end

  // --- outputs -----------------------------------------------------------------------------------
  tally_fifo #(.Width(HeadW), .Depth(OutPackets)) u_head (
    .clk_i, .rst_ni,
    .in_valid_i(g_send), .in_ready_o(head_room),
    .in_data_i({pkt_last_i[pick], pkt_number_i[pick*32 +: 32], g_len, pick,
                send_peer_i[pick*RankW +: RankW]}),
    .out_valid_o(head_valid_o), .out_ready_i(head_ready_i), .out_data_o(head_o),
    .level_o(head_level)
  );
  tally_fifo #(.Width(512), .Depth(FifoBeats)) u_body (
    .clk_i, .rst_ni,
    .in_valid_i(out_valid && out_send), .in_ready_o(body_in_ready), .in_data_i(out_data),
    .out_valid_o(body_valid_o), .out_ready_i(body_ready_i), .out_data_o(body_o),
    .level_o(body_level)
  );
  tally_fifo #(.Width(77), .Depth(OutPackets)) u_cmd (
    .clk_i, .rst_ni,
    .in_valid_i(g_write), .in_ready_o(cmd_room), .in_data_i({g_len, pkt_dst_addr_i[pick*64 +: 64]}),
    .out_valid_o(cmd_valid), .out_ready_i(cmd_pop), .out_data_o({wr_cmd_len_o, wr_cmd_addr_o}),
    .level_o(cmd_level)
  );
  logic data_valid;
  tally_fifo #(.Width(512), .Depth(FifoBeats)) u_data (
    .clk_i, .rst_ni,
    .in_valid_i(out_valid && out_write), .in_ready_o(data_in_ready), .in_data_i(out_data),
    .out_valid_o(data_valid), .out_ready_i(data_pop), .out_data_o(wr_data_o), .level_o(data_level)
  );

  // Beats that commands were granted for and that are still here; a command is shown once its first
  // beat is here, for it holds up the other clients until its last is taken.
  logic [LevelW:0] owed_q;
  logic            shown_q;
  assign wr_cmd_valid_o = cmd_valid && (shown_q || (LevelW+1)'(data_level) > owed_q);
  assign cmd_pop = wr_cmd_valid_o && wr_cmd_ready_i;
  assign wr_data_valid_o = data_valid && owed_q != '0;

  always_ff @(posedge clk_i) begin : p_owed
    if (!rst_ni) begin
      owed_q  <= '0;
      shown_q <= 1'b0;
    end else begin
      owed_q  <= owed_q + (cmd_pop ? (LevelW+1)'((wr_cmd_len_o + 13'd63) >> 6) : '0) -
                 (LevelW+1)'(data_pop);
      shown_q <= wr_cmd_valid_o && !wr_cmd_ready_i;
    end
  end

  assign quiet_o = !j_valid_q && flight_q == '0 && wr_held_q == '0;
  assign heads_out_o = head_level == '0;
  assign idle_o = quiet_o && unanswered == '0 && tx_held_q == '0 && head_level == '0;

  logic unused_levels;
  assign unused_levels = ^{body_level, cmd_level};

  `TALLY_ASSERT(BodyRoom_A, (out_valid && out_send) |-> body_in_ready)
  `TALLY_ASSERT(DataRoom_A, (out_valid && out_write) |-> data_in_ready)
  `TALLY_ASSERT(HeadRoom_A, g_send |-> head_room)
  `TALLY_ASSERT(CmdRoom_A, g_write |-> cmd_room)
  `TALLY_ASSERT(DoneBound_A, wr_done_i |-> unanswered != '0)
  `TALLY_ASSERT_STABLE(CmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, {wr_cmd_addr_o, wr_cmd_len_o})
  `TALLY_ASSERT_STABLE(DataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Packet executor: streams the operands of jobs through tally_reduce and hands the result to the
// write client and to the packet builder.
//
// A job comes only with room for all of its beats in the FIFOs that it fills, hence the pipeline
// behind it never stops for an output and no lane can hold it up; it stops for an operation of
// tally_reduce that takes more than a cycle a beat.
// Ordering: jobs in their order, at the write client and at the network port alike.
// Latency: 2 cycles from a job to tally_reduce, 1 from there to the FIFOs. Throughput: one beat a
// cycle; the next job follows without a bubble. Storage: Jobs jobs, two FIFOs of OutPackets packets,
// a forwarding buffer of one packet a lane.
// Limitations: jobs that do not reduce take the same way (the reduction passes operand a).
`default_nettype none
`include "tally_assert.svh"

module tally_seq_exec #(
  localparam int unsigned Slots = tally_pkg::CollectiveSlots,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned LcW = SlotW + $clog2(tally_pkg::NumLanes),
  localparam int unsigned Lcs = 1 << LcW,
  localparam int unsigned FlowW = $clog2(tally_pkg::CollectiveContexts * tally_pkg::MaxRanks *
                                         tally_pkg::NumLanes),
  localparam int unsigned PlaceW = $clog2(tally_pkg::FlowSlots),
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats),
  localparam int unsigned HeadW = 130
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,

  input  wire logic              start_i,
  input  wire logic [SlotW-1:0]  start_slot_i,
  input  wire logic [127:0]      inline_data_i,

  // Jobs; the rooms are for one more of any size.
  input  wire logic              job_valid_i,
  output      logic              job_room_o,
  output      logic              tx_room_o,
  output      logic              wr_room_o,
  input  wire logic [LcW-1:0]    job_lane_i,
  input  wire logic              job_recv_i,
  input  wire logic              job_short_i,
  input  wire logic [FlowW-1:0]  job_flow_i,
  input  wire logic              job_bank_i,
  input  wire logic [PlaceW-1:0] job_place_i,
  input  wire logic              job_mem_i,
  input  wire logic              job_pair_i,
  input  wire logic [1:0]        job_slot_i,
  input  wire logic              job_src_fwd_i,
  input  wire logic              job_dst_fwd_i,
  input  wire logic              job_inline_i,
  input  wire logic [3:0]        job_inline_at_i,
  input  wire logic              job_reduce_i,
  input  wire logic              job_local_i,
  input  wire logic              job_write_i,
  input  wire logic              job_send_i,
  input  wire logic              job_single_i,
  input  wire logic [63:0]       job_addr_i,
  input  wire logic [12:0]       job_len_i,
  input  wire logic [15:0]       job_op_i,
  input  wire logic [HeadW-1:0]  job_head_i,
  output      logic [Lcs-1:0]    fwd_settled_o,
  output      logic              settled_o,      // what a lane wrote can be forwarded (pulse)
  output      logic [LcW-1:0]    settled_lane_o,

  // Beats of a job were all read.
  output      logic              release_o,
  output      logic [LcW-1:0]    release_lane_o,
  output      logic [3:0]        release_slots_o,
  output      logic              release_long_o,
  output      logic              release_bank_o,
  output      logic              release_short_o,
  output      logic [FlowW-1:0]  release_flow_o,

  // Arrivals and operands: data one cycle after the read, held until the next one.
  output      logic              flow_rd_o,
  output      logic              flow_short_o,
  output      logic [FlowW-1:0]  flow_o,
  output      logic              flow_bank_o,
  output      logic [PlaceW-1:0] flow_place_o,
  input  wire logic [511:0]      flow_data_i,
  output      logic              a_rd_o,
  output      logic [LcW-1:0]    lane_o,
  output      logic [1:0]        a_slot_o,
  output      logic [BeatW-1:0]  beat_o,
  input  wire logic [511:0]      a_data_i,
  input  wire logic [511:0]      b_data_i,

  // Packets to send: headers and payload beats. head_begun_o: the beats of the first header's packet
  // are on their way through tally_reduce, and follow within its latency.
  output      logic              head_begun_o,
  output      logic              head_valid_o,
  input  wire logic              head_ready_i,
  output      logic [HeadW-1:0]  head_o,
  output      logic              body_valid_o,
  input  wire logic              body_ready_i,
  output      logic [511:0]      body_o,

  // Write client.
  output      logic              wr_cmd_valid_o,
  input  wire logic              wr_cmd_ready_i,
  output      logic [63:0]       wr_cmd_addr_o,
  output      logic [12:0]       wr_cmd_len_o,
  output      logic              wr_data_valid_o,
  input  wire logic              wr_data_ready_i,
  output      logic [511:0]      wr_data_o,
  input  wire logic              wr_done_i,

  // Writes launched and answered, modulo 256.
  output      logic [7:0]        wr_launched_o,
  output      logic [7:0]        wr_answered_o,
  // Pulses, each with its slot: a job has left the pipeline; a job without data has; a write was
  // handed over.
  output      logic              done_o,
  output      logic [SlotW-1:0]  done_slot_o,
  output      logic              empty_o,
  output      logic [SlotW-1:0]  empty_slot_o,
  output      logic              handed_o,
  output      logic [SlotW-1:0]  handed_slot_o,

  output      logic              idle_o,
  output      logic              reduced_beat_o
);
  localparam int unsigned Jobs = 4;
  localparam int unsigned OutPackets = 2;
  localparam int unsigned Heads = 4;
  localparam int unsigned FifoBeats = OutPackets * tally_pkg::MtuBeats;
  localparam int unsigned LevelW = $clog2(FifoBeats + 1);
  localparam logic [LevelW-1:0] RoomLevel = LevelW'(FifoBeats - tally_pkg::MtuBeats);
  // Of the launched writes at most this many are unanswered, so that modulo 256 their order is
  // clear.
  localparam logic [7:0] MaxWrites = 8'd100;
  localparam int unsigned JobW = LcW + FlowW + PlaceW + 6 + BeatW + 16 + 14;

  // --- the job at work: one beat of it is read a cycle -------------------------------------------
  logic              j_valid, j_pop, j_recv, j_short, j_bank, j_mem, j_pair, j_src_fwd, j_dst_fwd;
  logic              j_inline, j_reduce, j_local, j_write, j_send, j_single, j_data, j_end, j_slow;
  logic              stall;
  logic [LcW-1:0]    j_lane;
  logic [FlowW-1:0]  j_flow;
  logic [PlaceW-1:0] j_place;
  logic [1:0]        j_slot;
  logic [3:0]        j_inline_at;
  logic [BeatW-1:0]  j_last, beat_q;
  logic [15:0]       j_op;
  logic [6:0]        beats;
  logic              go;
  logic [$clog2(Jobs+1)-1:0] job_level;

  // A signal of its own: yosys 0.23 does not cut the sum to BeatW bits inside the concatenation.
  logic [BeatW-1:0] last_beat;
  assign beats = 7'((job_len_i + 13'd63) >> 6);
  assign last_beat = job_len_i == '0 ? '0 : BeatW'(beats - 7'd1);
  tally_fifo #(.Width(JobW), .Depth(Jobs)) u_jobs (
    .clk_i, .rst_ni,
    .in_valid_i(job_valid_i), .in_ready_o(job_room_o),
    .in_data_i({job_lane_i, job_flow_i, job_place_i, job_slot_i, job_inline_at_i,
                last_beat, job_op_i,
                job_recv_i, job_short_i, job_bank_i, job_mem_i, job_pair_i, job_src_fwd_i,
                job_dst_fwd_i, job_inline_i, job_reduce_i, job_local_i, job_write_i, job_send_i,
                job_single_i, job_len_i != '0}),
    .out_valid_o(j_valid), .out_ready_i(j_pop),
    .out_data_o({j_lane, j_flow, j_place, j_slot, j_inline_at, j_last, j_op, j_recv, j_short, j_bank,
                 j_mem, j_pair, j_src_fwd, j_dst_fwd, j_inline, j_reduce, j_local, j_write, j_send,
                 j_single, j_data}),
    .level_o(job_level)
  );
  assign go = j_valid && !stall;
  assign j_end = beat_q == j_last;
  assign j_pop = go && j_end;
  // A complex product makes a beat in two cycles; all else a beat each cycle once it has begun.
  assign j_slow = j_reduce && j_op[15:8] == tally_pkg::RedopProd &&
                  (j_op[7:0] == tally_pkg::DtypeC64 || j_op[7:0] == tally_pkg::DtypeC128);
  always_ff @(posedge clk_i) begin : p_beat
    if (!rst_ni) beat_q <= '0;
    else if (go) beat_q <= j_end ? '0 : beat_q + 1'b1;
  end

  assign flow_rd_o = go && j_recv && j_data;
  assign flow_short_o = j_short;
  assign flow_o = j_flow;
  assign flow_bank_o = j_bank;
  assign flow_place_o = j_place;
  assign a_rd_o = go && j_mem;
  assign lane_o = j_lane;
  assign a_slot_o = j_slot;
  assign beat_o = beat_q;

  assign release_o = j_pop;
  assign release_lane_o = j_lane;
  assign release_long_o = j_recv && !j_short;
  assign release_bank_o = j_bank;
  assign release_short_o = j_pop && j_recv && j_short;
  assign release_flow_o = j_flow;
  always_comb begin : p_release
    release_slots_o = '0;
    if (j_mem) release_slots_o[j_slot] = 1'b1;
    if (j_pair) release_slots_o[j_slot ^ 2'd1] = 1'b1;
  end
  assign empty_o = j_pop && !j_data;
  assign empty_slot_o = j_lane[LcW-1 -: SlotW];

  // --- what the lanes keep on chip -----------------------------------------------------------------
  logic [511:0]     fwd_mem [Lcs * tally_pkg::MtuBeats];
  logic [127:0]     inline_mem [Slots];
  logic [511:0]     fwd_q;
  logic [127:0]     inline_q;
  logic             out_valid, out_write, out_send, out_last, out_reduce, out_single, out_slow;
  logic [LcW-1:0]   out_lane;
  logic [BeatW-1:0] out_beat;
  logic [511:0]     out_data;

  always_ff @(posedge clk_i) begin : p_keep
    if (out_valid && out_write && out_single) fwd_mem[{out_lane, out_beat}] <= out_data;
    if (go && (j_src_fwd || j_dst_fwd)) fwd_q <= fwd_mem[{j_lane, beat_q}];
    if (start_i) inline_mem[start_slot_i] <= inline_data_i;
    if (go && j_inline) begin
      inline_q <= inline_mem[j_lane[LcW-1 -: SlotW]] >> {j_inline_at, 3'b000};
    end
  end

  // --- operands to the reduction -----------------------------------------------------------------
  localparam int unsigned UserW = LcW + BeatW + 6;
  logic             e_valid_q, e_mem_q, e_src_fwd_q, e_dst_fwd_q, e_inline_q, e_local_q;
  logic [UserW-1:0] e_user_q;
  logic [15:0]      e_op_q;
  logic [511:0]     e_a, e_b, e_src;
  logic             red_ready;

  assign stall = e_valid_q && !red_ready;
  always_ff @(posedge clk_i) begin : p_stage
    if (!rst_ni) e_valid_q <= 1'b0;
    else if (!stall) e_valid_q <= j_valid && j_data;
    if (go) begin
      e_mem_q     <= j_mem;
      e_src_fwd_q <= j_src_fwd;
      e_dst_fwd_q <= j_dst_fwd;
      e_inline_q  <= j_inline;
      e_local_q   <= j_local;
      e_op_q      <= j_reduce ? j_op : {tally_pkg::RedopNone, j_op[7:0]};
      e_user_q    <= {j_slow, j_write, j_send, j_end, j_single, j_reduce, j_lane, beat_q};
    end
  end

  // a op b: dst op src for Reduce (in its pair dst comes first), else src op received; without an
  // operand, or a reduction, a is moved.
  always_comb begin : p_operands
    if (e_inline_q) e_src = 512'(inline_q);
    else if (e_src_fwd_q) e_src = fwd_q;
    else e_src = (e_local_q && !e_dst_fwd_q) ? b_data_i : a_data_i;
    if (e_local_q) begin
      e_a = e_dst_fwd_q ? fwd_q : a_data_i;
      e_b = e_src;
    end else begin
      e_a = (e_mem_q || e_inline_q || e_src_fwd_q) ? e_src : flow_data_i;
      e_b = flow_data_i;
    end
  end

  tally_reduce #(.UserW(UserW)) u_reduce (
    .clk_i, .rst_ni,
    .in_valid_i(e_valid_q), .in_ready_o(red_ready), .in_a_i(e_a), .in_b_i(e_b),
    .in_dtype_i(e_op_q[7:0]), .in_redop_i(e_op_q[15:8]), .in_user_i(e_user_q),
    .out_valid_o(out_valid), .out_data_o(out_data),
    .out_user_o({out_slow, out_write, out_send, out_last, out_single, out_reduce, out_lane, out_beat})
  );
  assign reduced_beat_o = out_valid && out_reduce;
  assign done_o = out_valid && out_last;
  assign done_slot_o = out_lane[LcW-1 -: SlotW];

  // Single-packet writes of each lane on their way to its forwarding buffer. A packet can be read
  // again, beat behind beat, once its first beat is there: the others follow without a gap; of a
  // slow one the last must be there.
  assign settled_o = out_valid && out_write && out_single &&
                     (out_slow ? out_last : out_beat == '0);
  assign settled_lane_o = out_lane;
  for (genvar l = 0; l < Lcs; l++) begin : gen_settle
    logic [2:0] going_q;
    logic       up, down;
    assign up = job_valid_i && job_write_i && job_single_i && job_lane_i == LcW'(l);
    assign down = settled_o && out_lane == LcW'(l);
    always_ff @(posedge clk_i) begin : p_going
      if (!rst_ni) going_q <= '0;
      else if (up || down) going_q <= going_q + 3'(up) - 3'(down);
    end
    assign fwd_settled_o[l] = going_q == '0;
    `TALLY_ASSERT(GoingBound_A, (up && !down) |-> going_q != '1)
  end

  // --- rooms and counts --------------------------------------------------------------------------
  // Beats promised to each FIFO: of jobs that came, and not yet taken out.
  logic [LevelW-1:0] tx_held_q, wr_held_q, body_level, data_level;
  logic [7:0]        launched_q, answered_q, unanswered;
  logic              head_room, cmd_room, body_in_ready, data_in_ready;
  logic              body_pop, data_pop, cmd_valid, cmd_pop, go_send, go_write;
  logic [$clog2(Heads+1)-1:0] head_level, cmd_level;
  logic [SlotW-1:0]  cmd_slot;

  assign go_send = job_valid_i && job_send_i;
  assign go_write = job_valid_i && job_write_i;
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
      launched_q <= '0;
      answered_q <= '0;
    end else begin
      tx_held_q  <= tx_held_q + (go_send ? LevelW'(beats) : '0) - LevelW'(body_pop);
      wr_held_q  <= wr_held_q + (go_write ? LevelW'(beats) : '0) - LevelW'(data_pop);
      launched_q <= launched_q + 8'(go_write);
      answered_q <= answered_q + 8'(wr_done_i);
    end
  end

  // --- outputs -----------------------------------------------------------------------------------
  // Packets whose first beat was read and whose header has not left. A slow one is begun with its
  // last beat, so that no frame has gaps.
  logic [$clog2(Heads+1)-1:0] begun_q;
  logic                       j_begins;
  assign j_begins = go && j_send && (j_slow ? j_end : beat_q == '0);
  always_ff @(posedge clk_i) begin : p_begun
    if (!rst_ni) begun_q <= '0;
    else begun_q <= begun_q + ($clog2(Heads+1))'(j_begins) -
                    ($clog2(Heads+1))'(head_valid_o && head_ready_i);
  end
  assign head_begun_o = begun_q != '0;
  tally_fifo #(.Width(HeadW), .Depth(Heads)) u_head (
    .clk_i, .rst_ni,
    .in_valid_i(go_send), .in_ready_o(head_room), .in_data_i(job_head_i),
    .out_valid_o(head_valid_o), .out_ready_i(head_ready_i), .out_data_o(head_o),
    .level_o(head_level)
  );
  tally_fifo #(.Width(512), .Depth(FifoBeats)) u_body (
    .clk_i, .rst_ni,
    .in_valid_i(out_valid && out_send), .in_ready_o(body_in_ready), .in_data_i(out_data),
    .out_valid_o(body_valid_o), .out_ready_i(body_ready_i), .out_data_o(body_o),
    .level_o(body_level)
  );
  tally_fifo #(.Width(SlotW + 77), .Depth(Heads)) u_cmd (
    .clk_i, .rst_ni,
    .in_valid_i(go_write), .in_ready_o(cmd_room),
    .in_data_i({job_lane_i[LcW-1 -: SlotW], job_len_i, job_addr_i}),
    .out_valid_o(cmd_valid), .out_ready_i(cmd_pop),
    .out_data_o({cmd_slot, wr_cmd_len_o, wr_cmd_addr_o}), .level_o(cmd_level)
  );
  logic data_valid;
  tally_fifo #(.Width(512), .Depth(FifoBeats)) u_data (
    .clk_i, .rst_ni,
    .in_valid_i(out_valid && out_write), .in_ready_o(data_in_ready), .in_data_i(out_data),
    .out_valid_o(data_valid), .out_ready_i(data_pop), .out_data_o(wr_data_o), .level_o(data_level)
  );

  // A command is shown once its first beat is here, for it holds up the other clients until its
  // last is taken; then its beats follow.
  logic [6:0]       owed_q;
  logic [SlotW-1:0] owed_slot_q;
  assign wr_cmd_valid_o = cmd_valid && data_valid && owed_q == '0;
  assign cmd_pop = wr_cmd_valid_o && wr_cmd_ready_i;
  assign wr_data_valid_o = data_valid && owed_q != '0;
  assign handed_o = data_pop && owed_q == 7'd1;
  assign handed_slot_o = owed_slot_q;

  always_ff @(posedge clk_i) begin : p_owed
    if (!rst_ni) owed_q <= '0;
    else if (cmd_pop) owed_q <= 7'((wr_cmd_len_o + 13'd63) >> 6);
    else if (data_pop) owed_q <= owed_q - 1'b1;
    if (cmd_pop) owed_slot_q <= cmd_slot;
  end

  assign idle_o = !j_valid && !e_valid_q && wr_held_q == '0 && tx_held_q == '0 && !head_valid_o &&
                  unanswered == '0 && fwd_settled_o == '1;

  logic unused;
  assign unused = ^{head_level, cmd_level, body_level, data_level, body_in_ready, data_in_ready,
                    job_level};

  `TALLY_ASSERT(JobRoom_A, job_valid_i |-> job_room_o)
  `TALLY_ASSERT(SendRoom_A, go_send |-> tx_room_o)
  `TALLY_ASSERT(WriteRoom_A, go_write |-> wr_room_o)
  `TALLY_ASSERT(BegunBound_A, begun_q <= head_level)
  `TALLY_ASSERT(BodyRoom_A, (out_valid && out_send) |-> body_in_ready)
  `TALLY_ASSERT(DataRoom_A, (out_valid && out_write) |-> data_in_ready)
  `TALLY_ASSERT_STABLE(CmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, {wr_cmd_addr_o, wr_cmd_len_o})
  `TALLY_ASSERT_STABLE(DataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
endmodule

`default_nettype wire

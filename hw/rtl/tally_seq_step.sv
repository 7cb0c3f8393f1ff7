// SPDX-License-Identifier: BSD-3-Clause
// Steps the lanes of all collectives: fetches instructions, asks for operands, grants credits, and
// hands out packets (jobs) that cannot block any more.
//
// One machine serves Slots * Lanes lanes. What a lane knows stands in a memory; an event that may
// let a lane go on pokes it, and a poked lane is visited: 0 read, 1 look up its flows and find out
// what it could do, 2 decide (tally_seq_lane) and write back. A visit does all that can be done now;
// what it waits for pokes the lane again. A poke that comes during a visit leads to another one, so
// none is lost, though visit 1 sees the state of the cycle before the decision.
// Ordering: packets of a lane in its program's order; lanes in turn.
// Latency: 3 cycles from a poke to the job. Throughput: one visit a cycle, each lane every third
// cycle. Storage: one context and one next instruction a lane.
// Limitations: see docs/sequencer.md.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_step #(
  localparam int unsigned Slots = tally_pkg::CollectiveSlots,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned LcW = SlotW + LaneW,
  localparam int unsigned Lcs = 1 << LcW,
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks),
  localparam int unsigned CtxW = $clog2(tally_pkg::CollectiveContexts),
  localparam int unsigned FlowW = CtxW + RankW + LaneW,
  localparam int unsigned PlaceW = $clog2(tally_pkg::FlowSlots),
  localparam int unsigned AddrW = $clog2(tally_pkg::ScheduleEntries),
  localparam int unsigned ResW = 203,
  localparam int unsigned HeadW = 130,
  localparam int unsigned CreditW = 101
) (
  input  wire logic                   clk_i,
  input  wire logic                   rst_ni,

  // Bytes of a full packet.
  input  wire logic [12:0]            max_payload_i,

  // Collectives: start with a description, slots that run.
  input  wire logic                   start_i,
  input  wire logic [SlotW-1:0]       start_slot_i,
  input  wire logic [CtxW-1:0]        context_i,
  input  wire logic [15:0]            seq_i,
  input  wire logic [15:0]            signature_i,
  input  wire logic [31:0]            count_i,
  input  wire logic [7:0]             dtype_i,
  input  wire logic [7:0]             redop_i,
  input  wire logic [31:0]            total_bytes_i,
  input  wire logic [31:0]            pass_bytes_i,
  input  wire logic [Lanes*16-1:0]    lane_len_i,
  input  wire logic [Lanes*AddrW-1:0] lane_pc_i,
  input  wire logic [Slots-1:0]       run_i,
  output      logic [Slots-1:0]       lanes_done_o,

  // Preparation of instructions.
  output      logic                   req_valid_o,
  input  wire logic                   req_ready_i,
  output      logic [LcW-1:0]         req_lane_o,
  output      logic [AddrW-1:0]       req_addr_o,
  output      logic [31:0]            req_base_o,
  input  wire logic                   res_valid_i,
  input  wire logic [LcW-1:0]         res_lane_i,
  input  wire logic [ResW-1:0]        res_i,

  // Flows and banks of tally_seq_rx.
  output      logic [FlowW-1:0]       q_send_flow_o,
  input  wire logic [9:0]             q_given_i,
  input  wire logic [9:0]             q_used_i,
  output      logic [FlowW-1:0]       q_recv_flow_o,
  input  wire logic [1:0]             q_stored_i,
  input  wire logic [1:0]             q_taken_i,
  input  wire logic [89:0]            q_info_i,
  output      logic                   used_valid_o,
  output      logic [FlowW-1:0]       used_flow_o,
  output      logic [9:0]             used_o,
  output      logic                   taken_valid_o,
  output      logic [FlowW-1:0]       taken_flow_o,
  output      logic [1:0]             taken_o,
  output      logic                   bank_set_o,
  output      logic [LcW-1:0]         bank_lane_o,
  output      logic                   bank_o,
  output      logic [RankW-1:0]       bank_peer_o,
  output      logic [LcW-1:0]         q_lane_o,
  output      logic                   q_bank_o,
  output      logic [PlaceW-1:0]      q_place_o,
  input  wire logic [12:0]            q_place_len_i,
  input  wire logic [7:0]             q_bank_arrived_i,
  output      logic                   bank_taken_o,
  input  wire logic                   rx_poke_i,
  input  wire logic [SlotW-1:0]       rx_poke_slot_i,

  // Operands: a read into a slot; it is filled.
  output      logic                   rd_valid_o,
  input  wire logic                   rd_room_i,       // one more is taken, counted since last cycle
  output      logic [LcW-1:0]         rd_lane_o,
  output      logic [1:0]             rd_slot_o,
  output      logic [63:0]            rd_addr_o,
  output      logic [12:0]            rd_len_o,
  input  wire logic                   filled_i,
  input  wire logic [LcW-1:0]         filled_lane_i,
  input  wire logic [1:0]             filled_slot_i,

  // Jobs. *_room_i: one more is taken, whatever it is.
  output      logic                   job_valid_o,
  input  wire logic                   job_room_i,
  input  wire logic                   tx_room_i,
  input  wire logic                   wr_room_i,
  input  wire logic                   room_poke_i,     // one of these has changed
  output      logic [LcW-1:0]         job_lane_o,
  output      logic                   job_recv_o,
  output      logic                   job_short_o,     // what is received is short
  output      logic [FlowW-1:0]       job_flow_o,
  output      logic                   job_bank_o,
  output      logic [PlaceW-1:0]      job_place_o,
  output      logic                   job_mem_o,       // operand from slot job_slot_o
  output      logic                   job_pair_o,      // and the other one from the slot behind it
  output      logic [1:0]             job_slot_o,
  output      logic                   job_src_fwd_o,
  output      logic                   job_dst_fwd_o,
  output      logic                   job_inline_o,
  output      logic [3:0]             job_inline_at_o,
  output      logic                   job_reduce_o,
  output      logic                   job_local_o,
  output      logic                   job_write_o,
  output      logic                   job_send_o,
  output      logic                   job_single_o,
  output      logic [63:0]            job_addr_o,
  output      logic [12:0]            job_len_o,
  output      logic [15:0]            job_op_o,        // {redop, dtype}
  output      logic [HeadW-1:0]       job_head_o,      // see tally_seq_tx
  input  wire logic [Lcs-1:0]         fwd_settled_i,
  // What a job wrote can be forwarded.
  input  wire logic                   settled_i,
  input  wire logic [LcW-1:0]         settled_lane_i,
  // Beats of a job were all read: its operand slots (bits) and its place are free.
  input  wire logic                   release_i,
  input  wire logic [LcW-1:0]         release_lane_i,
  input  wire logic [3:0]             release_slots_i,
  input  wire logic                   release_long_i,
  input  wire logic                   release_bank_i,

  // Writes launched and answered, modulo 256.
  input  wire logic [7:0]             wr_launched_i,
  input  wire logic [7:0]             wr_answered_i,
  input  wire logic                   wr_done_i,

  // Credits and requests to send.
  output      logic                   credit_valid_o,
  input  wire logic                   credit_room_i,
  input  wire logic                   return_room_i,   // a short packet may be taken
  output      logic [CreditW-1:0]     credit_o,        // see tally_seq_tx
  output      logic                   credit_reserve_o, // a short packet will return its place

  // A lane cannot go on (pulse).
  output      logic                   fail_o,
  output      logic                   fail_fault_o,
  output      logic [SlotW-1:0]       fail_slot_o,
  output      logic [15:0]            fail_source_o,
  output      logic [31:0]            fail_detail_o,

  output      logic                   timing_o,        // the clock of late credits runs
  output      logic                   idle_o
);
  localparam logic [3:0] Places = 4'(tally_pkg::FlowSlots);
`include "tally_seq_lane.svh"

  // --- contexts ----------------------------------------------------------------------------------
  logic [LaneBits-1:0] lane_mem [Lcs];
  logic [NextBits-1:0] next_mem [Lcs];
  logic [31:0]         progress_mem [Lcs];   // {pass, steps}: instructions completed
  logic [AddrW+15:0]   program_mem [Lcs];    // {first entry, instructions}
  // {redop, dtype, count, signature, seq, context, pass bytes, total bytes} of each slot
  localparam int unsigned SlotBits = 80 + CtxW + 64;
  logic [SlotBits-1:0] slot_mem [Slots];

  logic [Lcs-1:0]   poke_q, poke_d, fresh_q, full_q, done_q, room_wait_q, hazard_wait_q, tick_wait_q;
  logic [Lcs-1:0]   read_q;             // the present instruction has no more to read
  logic [Lcs*4-1:0] slot_full_q, slot_res_q;
  logic [Lcs*4-1:0] released0_q, released1_q;

  function automatic logic [Lcs-1:0] lane_bit(input logic valid, input logic [LcW-1:0] lane);
    for (int unsigned i = 0; i < Lcs; i++) lane_bit[i] = valid && lane == LcW'(i);
  endfunction
  function automatic logic [Lcs-1:0] slot_bits(input logic valid, input logic [SlotW-1:0] slot);
    for (int unsigned i = 0; i < Lcs; i++) slot_bits[i] = valid && slot == SlotW'(i >> LaneW);
  endfunction

  // --- visit 0: choose -----------------------------------------------------------------------------
  logic           v1_q, v2_q, pick;
  logic [LcW-1:0] turn_q, at, l1_q, l2_q;
  logic [Lcs-1:0] wanted, above, first, picked;

  // Of the poked lanes that are not being visited the first one above the last, else the lowest.
  always_comb begin : p_pick
    wanted = poke_q & ~lane_bit(v1_q, l1_q) & ~lane_bit(v2_q, l2_q);
    above = '0;
    for (int unsigned i = 0; i < Lcs; i++) above[i] = wanted[i] && LcW'(i) > turn_q;
    first = above != '0 ? above : wanted;
    picked = first & (~first + 1'b1);
    pick = wanted != '0;
    at = '0;
    for (int unsigned i = 0; i < Lcs; i++) begin
      if (picked[i]) at = at | LcW'(i);
    end
  end

  // --- visit 1: look up, and what could be done ----------------------------------------------------
  logic [LaneBits-1:0] lane1_q, lane2_q;
  logic [NextBits-1:0] next1_q, next2_q;
  logic [SlotBits-1:0] slot1_q, slot2_q;
  logic [31:0]         progress1, progress2_q, own_progress1, total1, pass1;
  logic [AddrW+15:0]   program1, program2_q;
  lane_t               c1, c1_fresh;
  next_t               n1;
  logic [TermBits-1:0] terms2_q;
  terms_t              t1, t2;
  logic [CtxW-1:0]     ctx1;
  logic                full1_q, full2_q, fresh1_q, fresh2_q;
  logic [3:0]          slot_full, slot_res;

  assign c1 = lane1_q;
  assign n1 = next1_q;
  assign ctx1 = slot1_q[64 +: CtxW];
  assign {pass1, total1} = slot1_q[63:0];
  assign program1 = program_mem[l1_q];
  assign q_send_flow_o = {ctx1, c1.send_peer, c1.send_lane};
  assign q_recv_flow_o = {ctx1, c1.recv_peer, l1_q[LaneW-1:0]};
  assign q_lane_o = l1_q;
  assign q_bank_o = c1.bank;
  assign q_place_o = c1.bank ? c1.taken1[PlaceW-1:0] : c1.taken0[PlaceW-1:0];
  assign progress1 = progress_mem[{l1_q[LcW-1:LaneW], c1.dep_lane}];
  assign own_progress1 = progress_mem[l1_q];
  assign slot_full = slot_full_q[l1_q*4 +: 4];
  assign slot_res = slot_res_q[l1_q*4 +: 4];

  // Bytes of 0 to 7 full packets; the size of a packet changes only while nothing is under way.
  logic [127:0] multiples_q;
  for (genvar k = 0; k < 8; k++) begin : gen_multiples
    always_ff @(posedge clk_i) multiples_q[k*16 +: 16] <= 16'(k) * 16'(max_payload_i);
  end

  // Packets that `bytes` take, at most 8.
  function automatic logic [3:0] packets(input logic [31:0] bytes, input logic [127:0] multiples);
    packets = '0;
    for (int unsigned k = 0; k < 8; k++) begin
      if (bytes[31:16] != '0 || bytes[15:0] > multiples[k*16 +: 16]) packets = 4'(k) + 4'd1;
    end
  endfunction
  // How many to grant: `room` places, as many as are wanted, but not one by one. What is granted for
  // the next receive is not waited for yet: one packet with all of it is enough.
  function automatic logic [3:0] credits(input logic [3:0] room, input logic [3:0] wanted_count,
                                         input logic [3:0] least);
    credits = '0;
    if (wanted_count <= room) credits = wanted_count;
    else if (room >= least) credits = room;
  endfunction

  // A lane of a collective that has just started begins with nothing but what outlasts collectives.
  always_comb begin : p_fresh
    c1_fresh = '0;
    c1_fresh.pc = program1[16 +: AddrW];
    c1_fresh.left = program1[15:0];
    c1_fresh.granted0 = released0_q[l1_q*4 +: 4];
    c1_fresh.granted1 = released1_q[l1_q*4 +: 4];
  end

  logic       has_bytes, operand_ok, wr_quiet, ahead_may;
  logic [3:0] rel_p, rel_n, grant_p, grant_n;
  logic [7:0] hazard_left;
  assign has_bytes = c1.bytes != '0;
  assign wr_quiet = wr_launched_i == wr_answered_i;
  assign hazard_left = c1.hazard_at - wr_answered_i;
  assign rel_p = c1.bank ? released1_q[l1_q*4 +: 4] : released0_q[l1_q*4 +: 4];
  assign rel_n = c1.n_bank ? released1_q[l1_q*4 +: 4] : released0_q[l1_q*4 +: 4];
  assign grant_p = credits(Places - ((c1.bank ? c1.granted1 : c1.granted0) - rel_p),
                           packets(c1.ungranted, multiples_q), 4'd4);
  assign grant_n = credits(Places - ((c1.n_bank ? c1.granted1 : c1.granted0) - rel_n),
                           packets(c1.n_ungranted, multiples_q), Places);
  // Reads for the next instruction before it is present: of what nobody writes, or of what was
  // not written since and cannot be ordered behind anything yet to come. What can be used again is
  // not read.
  assign ahead_may = !n1.dirty || (!n1.dep && !c1.recv && !c1.write && wr_quiet);

  always_comb begin : p_terms
    t1.dep_ok = !c1.dep || progress1[31:16] > c1.p_pass ||
                (progress1[31:16] == c1.p_pass && progress1[15:0] >= c1.dep_step) ||
                c1.dep_step == '0;
    t1.src_hit = c1.fwd_ok && n1.src == c1.fwd_addr && n1.bytes == 32'(c1.fwd_len) && !n1.dep;
    t1.dst_hit = c1.fwd_ok && n1.dst == c1.fwd_addr && n1.bytes == 32'(c1.fwd_len) && !n1.dep;
    t1.last_hit = c1.last_ok && n1.src == c1.last_addr && n1.bytes == 32'(c1.last_len) &&
                  !(n1.dirty && n1.dep);
    t1.more_passes = total1 - c1.base > pass1 && program1[15:0] != '0;

    // The packet and where its operands come from.
    t1.nothing = !c1.recv && !c1.send && !has_bytes;
    t1.last = c1.bytes <= 32'(max_payload_i);
    t1.len = t1.last ? c1.bytes[12:0] : max_payload_i;
    t1.write = c1.write && has_bytes;
    t1.use_pair = c1.local_op && !c1.dst_fwd && !c1.src_inline;
    t1.use_slot = c1.read && has_bytes && !(c1.src_fwd || (c1.src_inline &&
                                                           (!c1.local_op || c1.dst_fwd)));
    t1.slot_a = c1.src_reuse ? c1.op_rd - 2'd1 : c1.op_rd;
    operand_ok = 1'b1;
    if (t1.use_slot && !c1.src_reuse) begin
      operand_ok = slot_full[c1.op_rd] && (!t1.use_pair || slot_full[c1.op_rd ^ 2'd1]);
    end
    // A slot is used again when its earlier use is over.
    if (t1.use_slot && c1.src_reuse) operand_ok = !slot_res[t1.slot_a];
    if ((c1.src_fwd || c1.dst_fwd) && !fwd_settled_i[l1_q]) operand_ok = 1'b0;
    t1.job = c1.valid && c1.going && !t1.nothing && operand_ok;
    t1.hazard_over = hazard_left == '0 || hazard_left[7];

    // Reads. The present instruction reads what nobody writes before its dependency holds, but not
    // before the lane that it waits for has asked for its own operands.
    t1.rd_any = c1.rd_left != '0;
    t1.rd_dst = c1.local_op && !c1.rd_second && !c1.dst_fwd;
    t1.rd_now = c1.valid && t1.rd_any &&
                (c1.going ? !c1.hazard
                          : !c1.dirty && !c1.local_op &&
                            read_q[{l1_q[LcW-1:LaneW], c1.dep_lane}]);
    t1.n_ahead = full1_q && c1.n_known && c1.na_left != '0 && ahead_may && c1.valid && c1.going &&
                 !t1.rd_any && !c1.src_reuse && (c1.na_any || !t1.last_hit);
    t1.n_waits = c1.valid && c1.going && full1_q && c1.n_known && c1.na_left != '0 && !ahead_may &&
                 !n1.dep && !c1.recv && !c1.write;
    t1.rd_free = !slot_res[c1.op_wr];
    t1.rd_addr = t1.rd_any ? (t1.rd_dst ? c1.rd2_addr : c1.rd_addr) : c1.na_addr;
    t1.rd_len = t1.rd_any
                ? (c1.rd_left > 32'(max_payload_i) ? max_payload_i : c1.rd_left[12:0])
                : (c1.na_left > 32'(max_payload_i) ? max_payload_i : c1.na_left[12:0]);

    // Credits of a flow are spent in order: those for the next receive wait for all of the present
    // one if both are of one peer.
    t1.grant_next = !(c1.valid && grant_p != '0) && c1.n_known && full1_q && grant_n != '0 &&
                    !(c1.valid && c1.ungranted != '0 && c1.recv_peer == n1.recv_peer);
    t1.grant_any = t1.grant_next || (c1.valid && grant_p != '0);
    t1.grant = t1.grant_next ? grant_n : grant_p;
    if (fresh1_q) begin
      t1.rd_now = 1'b0;
      t1.n_ahead = 1'b0;
      t1.grant_any = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_visit
    if (!rst_ni) begin
      v1_q   <= 1'b0;
      v2_q   <= 1'b0;
      turn_q <= '0;
    end else begin
      // A visit that began before its slot starts anew has the context of the collective before.
      v1_q <= pick && !(start_i && at[LcW-1:LaneW] == start_slot_i);
      v2_q <= v1_q && !(start_i && l1_q[LcW-1:LaneW] == start_slot_i);
      // Lane 0 of a collective that starts is next: its lanes begin in their order.
      if (start_i)   turn_q <= {start_slot_i, LaneW'(0)} - 1'b1;
      else if (pick) turn_q <= at;
    end
    if (pick) begin
      l1_q     <= at;
      lane1_q  <= lane_mem[at];
      next1_q  <= next_mem[at];
      slot1_q  <= slot_mem[at[LcW-1:LaneW]];
      full1_q  <= full_q[at];
      fresh1_q <= fresh_q[at];
    end
    if (v1_q) begin
      l2_q        <= l1_q;
      lane2_q     <= fresh1_q ? c1_fresh : lane1_q;
      next2_q     <= next1_q;
      slot2_q     <= slot1_q;
      full2_q     <= full1_q;
      fresh2_q    <= fresh1_q;
      terms2_q    <= t1;
      program2_q  <= program1;
      progress2_q <= own_progress1;
    end
  end

  // --- visit 2: decide -----------------------------------------------------------------------------
  lane_t            c2, c;
  next_t            n;
  logic [SlotW-1:0] slot2;
  logic [CtxW-1:0]  ctx2;
  logic [31:0]      total2, pass2, new_progress;
  logic [79:0]      desc2;
  logic             act, again, wait_room, wait_hazard, wait_tick, load, finish, ask, bank_set;
  logic             set_done, rd_go, job_go, fail, wr_done_q;
  logic [3:0]       set_res, clear_slot_full;
  logic [1:0]       tick_now_q;

  assign slot2 = l2_q[LcW-1:LaneW];
  assign {desc2, ctx2, pass2, total2} = slot2_q;
  assign c2 = lane2_q;
  assign n = next2_q;
  assign t2 = terms2_q;
  assign act = v2_q && run_i[slot2];

  tally_seq_lane u_lane (
    .clk_i, .rst_ni, .max_payload_i, .multiples_i(multiples_q),
    .act_i(act), .lane_at_i(l2_q[LaneW-1:0]), .fresh_i(fresh2_q), .full_i(full2_q), .lane_i(lane2_q),
    .next_i(next2_q), .terms_i(terms2_q), .context_i(ctx2), .desc_i(desc2), .pass_bytes_i(pass2),
    .program_i(program2_q), .progress_i(progress2_q), .tick_now_i(tick_now_q),
    .q_given_i, .q_used_i, .q_stored_i, .q_taken_i, .q_info_i, .q_place_len_i, .q_bank_arrived_i,
    .wr_launched_i, .wr_answered_i,
    .req_free_i(!req_valid_o || req_ready_i), .rd_room_i, .job_room_i, .tx_room_i, .wr_room_i,
    .credit_room_i, .return_room_i,
    .lane_o(c), .again_o(again), .wait_room_o(wait_room), .wait_hazard_o(wait_hazard),
    .wait_tick_o(wait_tick), .done_o(set_done), .finish_o(finish), .progress_o(new_progress),
    .load_o(load), .ask_o(ask), .bank_set_o(bank_set), .rd_go_o(rd_go), .set_res_o(set_res),
    .clear_full_o(clear_slot_full),
    .used_valid_o, .used_flow_o, .used_o, .taken_valid_o, .taken_flow_o, .taken_o, .bank_taken_o,
    .job_valid_o(job_go), .job_place_o, .job_head_o, .credit_valid_o, .credit_o, .credit_reserve_o,
    .fail_o(fail), .fail_fault_o, .fail_source_o, .fail_detail_o
  );

  always_ff @(posedge clk_i) begin : p_write_back
    if (act) lane_mem[l2_q] <= c;
    if (finish || (act && fresh2_q)) progress_mem[l2_q] <= new_progress;
    if (res_valid_i) next_mem[res_lane_i] <= res_i;
    if (start_i) begin
      slot_mem[start_slot_i] <= {redop_i, dtype_i, count_i, signature_i, seq_i, context_i,
                                 pass_bytes_i, total_bytes_i};
    end
  end
  for (genvar l = 0; l < Lanes; l++) begin : gen_program
    always_ff @(posedge clk_i) begin : p_program
      if (start_i) begin
        program_mem[{start_slot_i, LaneW'(l)}] <= {lane_pc_i[l*AddrW +: AddrW],
                                                   lane_len_i[l*16 +: 16]};
      end
    end
  end

  // --- pokes and flags -----------------------------------------------------------------------------
  logic tick;
  // A credit for a flow of a lane may be waited for by any lane of its slot.
  assign poke_d = (poke_q & ~picked) |
                  (room_poke_i ? room_wait_q : '0) | (wr_done_i ? hazard_wait_q : '0) |
                  (tick ? tick_wait_q : '0) |
                  slot_bits(rx_poke_i, rx_poke_slot_i) |
                  lane_bit(filled_i, filled_lane_i) | lane_bit(res_valid_i, res_lane_i) |
                  lane_bit(release_i, release_lane_i) | lane_bit(settled_i, settled_lane_i) |
                  slot_bits(start_i, start_slot_i) |
                  // An answer of the cycle in which visit 1 looked was not seen there.
                  lane_bit(act && (again || (wait_hazard && (wr_done_i || wr_done_q))), l2_q) |
                  slot_bits(act && (finish || (c.rd_left == '0 && !read_q[l2_q])), slot2);

  always_ff @(posedge clk_i) begin : p_flags
    if (!rst_ni) begin
      poke_q        <= '0;
      wr_done_q     <= 1'b0;
      fresh_q       <= '0;
      full_q        <= '0;
      done_q        <= '0;
      read_q        <= '0;
      room_wait_q   <= '0;
      hazard_wait_q <= '0;
      tick_wait_q   <= '0;
      slot_full_q   <= '0;
      slot_res_q    <= '0;
      released0_q   <= '0;
      released1_q   <= '0;
    end else begin
      poke_q    <= poke_d;
      wr_done_q <= wr_done_i;
      if (room_poke_i) room_wait_q <= '0;
      if (wr_done_i) hazard_wait_q <= '0;
      if (act) begin
        if (wait_room) room_wait_q[l2_q] <= 1'b1;
        if (wait_hazard) hazard_wait_q[l2_q] <= 1'b1;
        tick_wait_q[l2_q] <= wait_tick;
        fresh_q[l2_q] <= 1'b0;
        read_q[l2_q] <= c.rd_left == '0;
        if (load) full_q[l2_q] <= 1'b0;
        if (set_done) done_q[l2_q] <= 1'b1;
        for (int unsigned i = 0; i < 4; i++) begin
          if (set_res[i]) slot_res_q[l2_q*4 + i] <= 1'b1;
          if (clear_slot_full[i]) slot_full_q[l2_q*4 + i] <= 1'b0;
        end
      end
      if (res_valid_i) full_q[res_lane_i] <= 1'b1;
      if (filled_i) slot_full_q[{filled_lane_i, filled_slot_i}] <= 1'b1;
      if (release_i) begin
        for (int unsigned i = 0; i < 4; i++) begin
          if (release_slots_i[i]) slot_res_q[release_lane_i*4 + i] <= 1'b0;
        end
        if (release_long_i && !release_bank_i) begin
          released0_q[release_lane_i*4 +: 4] <= released0_q[release_lane_i*4 +: 4] + 1'b1;
        end
        if (release_long_i && release_bank_i) begin
          released1_q[release_lane_i*4 +: 4] <= released1_q[release_lane_i*4 +: 4] + 1'b1;
        end
      end
      for (int unsigned i = 0; i < Lcs; i++) begin
        if (start_i && SlotW'(i >> LaneW) == start_slot_i) begin
          fresh_q[i] <= 1'b1;
          full_q[i]  <= 1'b0;
          done_q[i]  <= 1'b0;
          read_q[i]  <= 1'b0;
          tick_wait_q[i] <= 1'b0;
          slot_full_q[i*4 +: 4] <= '0;
          slot_res_q[i*4 +: 4]  <= '0;
        end
        if (!run_i[i >> LaneW]) tick_wait_q[i] <= 1'b0;
      end
    end
  end
  for (genvar s = 0; s < Slots; s++) begin : gen_done
    assign lanes_done_o[s] = &done_q[s*Lanes +: Lanes];
  end

  // The clock of credits that do not come: a tick each 4096 cycles while a lane waits so. In a ring
  // lanes wait for ten microseconds as a matter of course.
  logic [11:0] tick_count_q;
  assign tick = tick_wait_q != '0 && tick_count_q == '1;
  always_ff @(posedge clk_i) begin : p_tick
    if (!rst_ni) begin
      tick_count_q <= '0;
      tick_now_q   <= '0;
    end else begin
      tick_count_q <= tick_wait_q == '0 ? '0 : tick_count_q + 1'b1;
      tick_now_q   <= tick_now_q + 2'(tick);
    end
  end

  // --- outputs -------------------------------------------------------------------------------------
  logic                req_valid_q;
  always_ff @(posedge clk_i) begin : p_req
    if (!rst_ni) req_valid_q <= 1'b0;
    else         req_valid_q <= ask || (req_valid_q && !req_ready_i);
    if (ask) begin
      req_lane_o <= l2_q;
      req_addr_o <= c2.pc;
      req_base_o <= c2.base;
    end
  end
  assign req_valid_o = req_valid_q;

  assign bank_set_o = bank_set;
  assign bank_lane_o = l2_q;
  assign bank_o = !c2.last_bank;
  assign bank_peer_o = n.recv_peer;

  assign rd_valid_o = rd_go;
  assign rd_lane_o = l2_q;
  assign rd_slot_o = c2.op_wr;
  assign rd_addr_o = t2.rd_addr;
  assign rd_len_o = t2.rd_len;

  assign job_valid_o = job_go;
  assign job_lane_o = l2_q;
  assign job_recv_o = c2.recv;
  assign job_short_o = c2.is_short;
  assign job_flow_o = {ctx2, c2.recv_peer, l2_q[LaneW-1:0]};
  assign job_bank_o = c2.bank;
  assign job_mem_o = t2.use_slot;
  assign job_pair_o = t2.use_pair;
  assign job_slot_o = t2.slot_a;
  assign job_src_fwd_o = c2.src_fwd;
  assign job_dst_fwd_o = c2.dst_fwd;
  assign job_inline_o = c2.src_inline;
  assign job_inline_at_o = c2.inline_at;
  assign job_reduce_o = c2.reduce;
  assign job_local_o = c2.local_op;
  assign job_write_o = t2.write;
  assign job_send_o = c2.send;
  assign job_single_o = c2.single;
  assign job_addr_o = c2.dst;
  assign job_len_o = t2.len;
  assign job_op_o = desc2[79:64];

  assign fail_o = fail;
  assign fail_slot_o = slot2;
  assign timing_o = tick_wait_q != '0;
  logic unused;
  assign unused = ^{c1, n1, c2, n, c, t2, total2};
  assign idle_o = poke_q == '0 && !v1_q && !v2_q && !req_valid_q && tick_wait_q == '0;

  `TALLY_ASSERT(SlotFree_A, rd_go |-> !slot_res_q[{l2_q, c2.op_wr}])
  `TALLY_ASSERT(FillReserved_A, filled_i |-> slot_res_q[{filled_lane_i, filled_slot_i}])
  `TALLY_ASSERT(OneResult_A, res_valid_i |-> !full_q[res_lane_i])
endmodule

`default_nettype wire

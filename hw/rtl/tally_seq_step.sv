// SPDX-License-Identifier: BSD-3-Clause
// Steps the lanes of all collectives: fetches instructions, asks for operands, grants credits, and
// hands out packets (jobs) that cannot block any more.
//
// One machine serves Slots * Lanes lanes. What a lane knows stands in a memory; an event that may
// let a lane go on pokes it, and a poked lane is visited: 0 read, 1 look up its flows, 2 decide and
// write back. A visit does all that can be done now; what it waits for pokes the lane again. A poke
// that comes during a visit leads to another one, so none is lost.
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
  input  wire logic [LcW-1:0]         rx_poke_lane_i,

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

  // --- contexts ----------------------------------------------------------------------------------
  typedef struct packed {
    // Program: next entry to fetch, instructions left in the pass, its first byte and number.
    logic [AddrW-1:0] pc;
    logic [15:0]      left;
    logic [31:0]      base;
    logic [15:0]      pass;
    logic             asked;
    // Next instruction: looked at; its bank, bytes not granted, operand reads that go ahead.
    logic             n_known;
    logic             n_bank;
    logic [31:0]      n_ungranted;
    logic [63:0]      na_addr;
    logic [31:0]      na_left;
    logic             na_any;
    // Present instruction.
    logic             valid;
    logic             going;
    logic             recv;
    logic             send;
    logic             read;
    logic             write;
    logic             reduce;
    logic             local_op;
    logic             dep;
    logic [LaneW-1:0] dep_lane;
    logic [15:0]      dep_step;
    logic [15:0]      p_pass;
    logic [RankW-1:0] send_peer;
    logic [LaneW-1:0] send_lane;
    logic [RankW-1:0] recv_peer;
    logic [63:0]      rd_addr;
    logic [31:0]      rd_left;
    logic [63:0]      rd2_addr;     // of dst, for Reduce
    logic             rd_second;    // the next read of a pair is src
    logic [63:0]      dst;
    logic [31:0]      bytes;        // left
    logic [22:0]      number;
    logic             dirty;
    logic             single;
    logic             is_short;
    logic             bank;
    logic             src_fwd;
    logic             dst_fwd;
    logic             src_inline;
    logic             src_reuse;
    logic [3:0]       inline_at;
    logic             hazard;
    logic [7:0]       hazard_at;
    logic [31:0]      ungranted;
    // Lane.
    logic [1:0]       op_wr;        // next operand slot to fill
    logic [1:0]       op_rd;        // next operand slot to use
    logic             last_bank;
    logic [3:0]       taken0;       // packets taken of each bank, modulo 16
    logic [3:0]       taken1;
    logic [3:0]       granted0;     // credits granted for each bank, modulo 16
    logic [3:0]       granted1;
    logic             fwd_ok;
    logic [63:0]      fwd_addr;
    logic [12:0]      fwd_len;
    logic             last_ok;      // the last single operand read
    logic             last_dirty;
    logic [63:0]      last_addr;
    logic [12:0]      last_len;
    logic [1:0]       tick;         // 0 not short of credits, 1 so since tick_at, 2 peer was asked
    logic [1:0]       tick_at;
  } lane_t;
  localparam int unsigned LaneBits = 774;

  typedef struct packed {
    logic             from_inline;
    logic [3:0]       inline_at;
    logic             dirty;
    logic             is_short;
    logic [31:0]      bytes;
    logic [63:0]      dst;
    logic [63:0]      src;
    logic [RankW-1:0] recv_peer;
    logic [LaneW-1:0] send_lane;
    logic [RankW-1:0] send_peer;
    logic [15:0]      dep_step;
    logic [LaneW-1:0] dep_lane;
    logic             dep;
    logic             local_op;
    logic             reduce;
    logic             write;
    logic             read;
    logic             send;
    logic             recv;
    logic             fault;
  } next_t;

  logic [LaneBits-1:0] lane_mem [Lcs];
  logic [ResW-1:0]     next_mem [Lcs];
  logic [31:0]         progress_mem [Lcs];   // {pass, steps}: instructions completed
  logic [AddrW+15:0]   program_mem [Lcs];    // {first entry, instructions}
  // {redop, dtype, count, signature, seq, context, pass bytes, total bytes} of each slot
  localparam int unsigned SlotBits = 80 + CtxW + 64;
  logic [SlotBits-1:0] slot_mem [Slots];

  logic [Lcs-1:0]   poke_q, poke_d, fresh_q, full_q, done_q, room_wait_q, hazard_wait_q, tick_wait_q;
  logic [Lcs-1:0]   read_q;             // the present instruction has no more to read
  logic [Lcs*4-1:0] slot_full_q, slot_res_q;
  logic [Lcs*4-1:0] released0_q, released1_q;

  // --- visit 0: choose -----------------------------------------------------------------------------
  logic           v1_q, v2_q, pick;
  logic [LcW-1:0] turn_q, at, l1_q, l2_q;
  logic [Lcs-1:0] wanted;

  always_comb begin : p_pick
    wanted = poke_q;
    if (v1_q) wanted[l1_q] = 1'b0;
    if (v2_q) wanted[l2_q] = 1'b0;
    pick = 1'b0;
    at = '0;
    for (int unsigned i = 0; i < Lcs; i++) begin
      if (!pick && wanted[i] && LcW'(i) > turn_q) begin
        pick = 1'b1;
        at = LcW'(i);
      end
    end
    for (int unsigned i = 0; i < Lcs; i++) begin
      if (!pick && wanted[i]) begin
        pick = 1'b1;
        at = LcW'(i);
      end
    end
  end

  // --- visit 1: look up ----------------------------------------------------------------------------
  logic [LaneBits-1:0] lane1_q, lane2_q;
  logic [ResW-1:0]     next1_q, next2_q;
  logic [SlotBits-1:0] slot1_q, slot2_q;
  logic [31:0]         progress1;
  lane_t               c1;
  next_t               n1;
  logic [CtxW-1:0]     ctx1;
  logic                dep_ok2_q, dep_read2_q, src_hit2_q, dst_hit2_q, last_hit2_q, full1_q, full2_q, fresh1_q;
  logic                fresh2_q;
  logic [31:0]         own_progress1, own_progress2_q;

  assign c1 = lane1_q;
  assign n1 = next1_q;
  assign ctx1 = slot1_q[64 +: CtxW];
  assign q_send_flow_o = {ctx1, c1.send_peer, c1.send_lane};
  assign q_recv_flow_o = {ctx1, c1.recv_peer, l1_q[LaneW-1:0]};
  assign q_bank_o = c1.bank;
  assign q_place_o = c1.bank ? c1.taken1[PlaceW-1:0] : c1.taken0[PlaceW-1:0];
  assign progress1 = progress_mem[{l1_q[LcW-1:LaneW], c1.dep_lane}];
  assign own_progress1 = progress_mem[l1_q];

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
      lane2_q     <= lane1_q;
      next2_q     <= next1_q;
      slot2_q     <= slot1_q;
      full2_q     <= full1_q;
      fresh2_q    <= fresh1_q;
      dep_ok2_q   <= !c1.dep || progress1[31:16] > c1.p_pass ||
                     (progress1[31:16] == c1.p_pass && progress1[15:0] >= c1.dep_step) ||
                     c1.dep_step == '0;
      dep_read2_q <= read_q[{l1_q[LcW-1:LaneW], c1.dep_lane}];
      src_hit2_q  <= c1.fwd_ok && n1.src == c1.fwd_addr && n1.bytes == 32'(c1.fwd_len) && !n1.dep;
      dst_hit2_q  <= c1.fwd_ok && n1.dst == c1.fwd_addr && n1.bytes == 32'(c1.fwd_len) && !n1.dep;
      last_hit2_q <= c1.last_ok && n1.src == c1.last_addr && n1.bytes == 32'(c1.last_len) &&
                     !(n1.dirty && n1.dep);
      own_progress2_q <= own_progress1;
    end
  end
  assign q_lane_o = l1_q;

  // --- visit 2: decide -----------------------------------------------------------------------------
  lane_t            c2, c;
  next_t            n;
  logic [SlotW-1:0] slot2;
  logic [CtxW-1:0]  ctx2;
  logic [31:0]      total2, pass2, new_progress;
  logic [79:0]      desc2;
  logic [AddrW+15:0] program2;
  logic             act, again, wait_room, wait_hazard, wait_tick, load, finish, ask, bank_set;
  logic             rd_go, rd_now, rd_ahead, job_go, want_job, clear_full, set_done, recv_ok, send_ok;
  logic             operand_ok, credit_go, credit_short_go, mismatch, fault, progress_go;
  logic             short_bad, len_bad, nothing, has_bytes, use_slot, use_pair;
  logic [12:0]      len, rd_len;
  logic [3:0]       arrived, taken, room_p, room_n, grant_p, grant_n, rel_p, rel_n, grant;
  logic [3:0]       slot_full, slot_res, set_res, clear_slot_full;
  logic [1:0]       slot_a;
  logic [7:0]       hazard_left;
  logic [63:0]      rd_addr;
  logic [79:0]      info_desc;
  logic [15:0]      info_age;
  logic [1:0]       short_waiting, short_out;
  logic [7:0]       diff;
  logic             grant_next, ask_peer;
  logic [1:0]       tick_now_q;
  logic             ahead_may, n_bank, na_any;
  logic [31:0]      n_ungranted, na_left;
  logic [63:0]      na_addr;

  assign slot2 = l2_q[LcW-1:LaneW];
  assign {desc2, ctx2, pass2, total2} = slot2_q;
  assign program2 = program_mem[l2_q];
  assign n = next2_q;
  assign act = v2_q && run_i[slot2];
  assign slot_full = slot_full_q[l2_q*4 +: 4];
  assign slot_res = slot_res_q[l2_q*4 +: 4];

  // A lane of a collective that has just started begins with nothing but what outlasts collectives.
  always_comb begin : p_fresh
    c2 = lane2_q;
    if (fresh2_q) begin
      c2 = '0;
      c2.pc = program2[16 +: AddrW];
      c2.left = program2[15:0];
      c2.taken0 = q_bank_arrived_i[3:0];
      c2.taken1 = q_bank_arrived_i[7:4];
      c2.granted0 = released0_q[l2_q*4 +: 4];
      c2.granted1 = released1_q[l2_q*4 +: 4];
    end
  end

  // Packets that `bytes` take, at most 8.
  function automatic logic [3:0] packets(input logic [31:0] bytes, input logic [12:0] full);
    packets = '0;
    for (int unsigned k = 0; k < 8; k++) begin
      if (bytes > 32'(k) * 32'(full)) packets = 4'(k) + 4'd1;
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
  // What remains of `bytes` after n packets.
  function automatic logic [31:0] less(input logic [31:0] bytes, input logic [3:0] count,
                                       input logic [12:0] full);
    logic [31:0] gone;
    gone = 32'(count) * 32'(full);
    less = bytes > gone ? bytes - gone : '0;
  endfunction

  // Terms of the present instruction.
  assign has_bytes = c2.bytes != '0;
  assign nothing = !c2.recv && !c2.send && !has_bytes;
  assign len = c2.bytes > 32'(max_payload_i) ? max_payload_i : c2.bytes[12:0];
  assign arrived = c2.bank ? q_bank_arrived_i[7:4] : q_bank_arrived_i[3:0];
  assign taken = c2.bank ? c2.taken1 : c2.taken0;
  assign rel_p = c2.bank ? released1_q[l2_q*4 +: 4] : released0_q[l2_q*4 +: 4];
  assign rel_n = c2.n_bank ? released1_q[l2_q*4 +: 4] : released0_q[l2_q*4 +: 4];
  assign room_p = Places - ((c2.bank ? c2.granted1 : c2.granted0) - rel_p);
  assign room_n = Places - ((c2.n_bank ? c2.granted1 : c2.granted0) - rel_n);
  assign grant_p = credits(room_p, packets(c2.ungranted, max_payload_i), 4'd4);
  assign grant_n = credits(room_n, packets(c2.n_ungranted, max_payload_i), Places);
  assign hazard_left = c2.hazard_at - wr_answered_i;
  assign short_waiting = q_stored_i - q_taken_i;
  assign short_out = q_used_i[1:0] - q_given_i[1:0];
  assign info_desc = q_info_i[89:10];
  assign info_age = info_desc[15:0] - desc2[15:0];
  always_comb begin : p_diff
    diff = '0;
    if (info_age != '0) diff = tally_pkg::MismatchFieldSignature;
    else begin
      if (info_desc[31:16] != desc2[31:16]) diff = diff | tally_pkg::MismatchFieldSignature;
      if (info_desc[63:32] != desc2[63:32]) diff = diff | tally_pkg::MismatchFieldCount;
      if (info_desc[71:64] != desc2[71:64]) diff = diff | tally_pkg::MismatchFieldDtype;
      if (info_desc[79:72] != desc2[79:72]) diff = diff | tally_pkg::MismatchFieldRedop;
    end
  end
  assign short_bad = diff != '0 || 13'(q_info_i[9:0]) != len;
  assign len_bad = q_place_len_i != len;
  assign recv_ok = !c2.recv || (c2.is_short ? short_waiting != '0 : arrived != taken);
  assign send_ok = !c2.send || (c2.is_short ? short_out != 2'(tally_pkg::ShortSlots)
                                            : q_given_i[9:2] != q_used_i[9:2]);
  // Where the operands come from.
  assign use_pair = c2.local_op && !c2.dst_fwd && !c2.src_inline;
  assign use_slot = c2.read && has_bytes && !(c2.src_fwd || (c2.src_inline &&
                                                             (!c2.local_op || c2.dst_fwd)));
  assign slot_a = c2.src_reuse ? c2.op_rd - 2'd1 : c2.op_rd;
  always_comb begin : p_operand
    operand_ok = 1'b1;
    if (use_slot && !c2.src_reuse) begin
      operand_ok = slot_full[c2.op_rd] && (!use_pair || slot_full[c2.op_rd ^ 2'd1]);
    end
    // A slot is used again when its earlier use is over.
    if (use_slot && c2.src_reuse) operand_ok = !slot_res[slot_a];
    if ((c2.src_fwd || c2.dst_fwd) && !fwd_settled_i[l2_q]) operand_ok = 1'b0;
  end
  // A short packet that is there but not ours, or a long one of another length.
  assign mismatch = act && c2.valid && c2.going && c2.recv &&
                    (c2.is_short ? short_waiting != '0 && short_bad : arrived != taken && len_bad);
  assign fault = act && full2_q && n.fault && !c2.valid && !fresh2_q;

  assign want_job = act && !fresh2_q && c2.valid && c2.going && !nothing && operand_ok && recv_ok &&
                    send_ok && !mismatch;
  assign job_go = want_job && job_room_i && (!c2.send || tx_room_i) &&
                  (!(c2.write && has_bytes) || wr_room_i) &&
                  (!(c2.recv && c2.is_short) || return_room_i);
  assign finish = act && !fresh2_q && c2.valid &&
                  ((!c2.going && dep_ok2_q && nothing) ||
                   (job_go && c2.bytes <= 32'(max_payload_i)));
  assign load = act && !fresh2_q && !c2.valid && full2_q && !n.fault;
  assign bank_set = act && !fresh2_q && full2_q && !c2.n_known && !n.fault && n.recv && !n.is_short;
  // What is known of the next instruction; when it is looked at first, what it says itself.
  assign n_bank = c2.n_known ? c2.n_bank : !c2.last_bank;
  assign n_ungranted = c2.n_known ? c2.n_ungranted : (bank_set ? n.bytes : '0);
  assign na_addr = c2.n_known ? c2.na_addr : n.src;
  assign na_left = c2.n_known ? c2.na_left
                              : (n.read && !n.local_op && !n.from_inline ? n.bytes : '0);
  assign na_any = c2.n_known && c2.na_any;
  // Reads for the next instruction before it is present: of what nobody writes, or of what was
  // not written since and cannot be ordered behind anything yet to come. What can be used again is
  // not read.
  assign ahead_may = !n.dirty || (!n.dep && !c2.recv && !c2.write &&
                                  wr_launched_i == wr_answered_i);
  assign rd_ahead = act && !fresh2_q && full2_q && c2.n_known && c2.na_left != '0 && ahead_may &&
                    c2.valid && c2.going && c2.rd_left == '0 && !c2.src_reuse &&
                    (c2.na_any || !last_hit2_q);
  // The present one reads what nobody writes before its dependency holds, but not before the lane
  // that it waits for has asked for its own operands.
  assign rd_now = c2.valid && c2.rd_left != '0 &&
                  (c2.going ? !c2.hazard : !c2.dirty && !c2.local_op && dep_read2_q);
  assign rd_addr = c2.rd_left != '0 ? (c2.local_op && !c2.rd_second && !c2.dst_fwd
                                       ? c2.rd2_addr : c2.rd_addr)
                                    : c2.na_addr;
  assign rd_len = c2.rd_left != '0
                  ? (c2.rd_left > 32'(max_payload_i) ? max_payload_i : c2.rd_left[12:0])
                  : (c2.na_left > 32'(max_payload_i) ? max_payload_i : c2.na_left[12:0]);
  assign rd_go = act && !fresh2_q && rd_room_i && !slot_res[c2.op_wr] &&
                 (rd_now || rd_ahead);
  assign ask = act && !c2.asked && !full2_q && c2.left != '0 &&
               (!req_valid_o || req_ready_i);
  // Credits of a flow are spent in order: those for the next receive wait for all of the present one
  // if both are of one peer.
  assign grant_next = !(c2.valid && grant_p != '0) && c2.n_known && full2_q && grant_n != '0 &&
                      !(c2.valid && c2.ungranted != '0 && c2.recv_peer == n.recv_peer);
  assign grant = grant_next ? grant_n : grant_p;
  assign credit_short_go = job_go && c2.recv && c2.is_short;
  assign ask_peer = c2.valid && c2.going && c2.send && !c2.is_short && !send_ok &&
                    c2.tick == 2'd1 && tick_now_q - c2.tick_at >= 2'd2;
  assign credit_go = act && !fresh2_q && credit_room_i &&
                     ((c2.valid && grant_p != '0) || grant_next || ask_peer);

  always_comb begin : p_decide
    c = c2;
    again = 1'b0;
    wait_room = 1'b0;
    wait_hazard = 1'b0;
    wait_tick = 1'b0;
    clear_full = 1'b0;
    set_done = 1'b0;
    progress_go = 1'b0;
    new_progress = own_progress2_q;
    set_res = '0;
    clear_slot_full = '0;

    // Program: the next entry; behind the last one the next pass.
    if (ask) begin
      c.asked = 1'b1;
      c.pc = c2.pc + 1'b1;
      c.left = c2.left - 1'b1;
    end else if (!c2.asked && !full2_q && c2.left != '0) begin
      again = 1'b1;
    end
    if (!fresh2_q && c2.left == '0 && !c2.asked && !full2_q) begin
      if (total2 - c2.base > pass2 && program2[15:0] != '0) begin
        // Not before the last instruction of the pass is present or done.
        c.base = c2.base + pass2;
        c.pass = c2.pass + 1'b1;
        c.pc = program2[16 +: AddrW];
        c.left = program2[15:0];
        again = 1'b1;
      end else if (!c2.valid) begin
        set_done = 1'b1;
      end
    end

    // The next instruction is looked at: a bank for what it receives, operands to read ahead.
    if (full2_q && !c2.n_known && !fresh2_q && !n.fault) begin
      c.asked = 1'b0;
      c.n_known = 1'b1;
      c.n_bank = n_bank;
      c.n_ungranted = n_ungranted;
      if (bank_set) c.last_bank = !c2.last_bank;
      c.na_addr = na_addr;
      c.na_left = na_left;
      c.na_any = 1'b0;
      again = 1'b1;
    end

    // Present: its dependency.
    if (c2.valid && !c2.going && !fresh2_q) begin
      if (dep_ok2_q && !nothing) begin
        c.going = 1'b1;
        again = 1'b1;
      end
    end
    // Memory that was written here is read when earlier writes are answered.
    if (c.valid && c.going && !c2.going) begin
      c.hazard = c2.rd_left != '0 && (c2.dirty || c2.local_op) && wr_launched_i != wr_answered_i;
      c.hazard_at = wr_launched_i;
    end
    if (c2.hazard && c2.going) begin
      if (hazard_left == '0 || hazard_left[7]) begin
        c.hazard = 1'b0;
        again = 1'b1;
      end
    end
    wait_hazard = c.valid && c.hazard;

    // Reads.
    if (rd_go) begin
      c.op_wr = c2.op_wr + 1'b1;
      set_res[c2.op_wr] = 1'b1;
      again = 1'b1;
      if (c2.rd_left != '0) begin
        if (c2.local_op && !c2.rd_second && !c2.dst_fwd) begin
          c.rd2_addr = c2.rd2_addr + 64'(max_payload_i);
          // With an operand in the descriptor dst is all that is read.
          if (c2.src_inline) c.rd_left = c2.rd_left - 32'(rd_len);
          else c.rd_second = 1'b1;
        end else begin
          c.rd_second = 1'b0;
          c.rd_addr = c2.rd_addr + 64'(max_payload_i);
          c.rd_left = c2.rd_left - 32'(rd_len);
        end
        c.last_ok = c2.single && !c2.local_op;
        c.last_dirty = c2.dirty;
      end else begin
        c.na_any = 1'b1;
        c.na_addr = c2.na_addr + 64'(max_payload_i);
        c.na_left = c2.na_left - 32'(rd_len);
        c.last_ok = n.bytes <= 32'(max_payload_i);
        c.last_dirty = n.dirty;
      end
      c.last_addr = rd_addr;
      c.last_len = rd_len;
    end else if ((rd_now || rd_ahead) && !rd_room_i) begin
      wait_room = 1'b1;
    end else if (c2.valid && c2.going && full2_q && c2.n_known && c2.na_left != '0 && !ahead_may &&
                 !n.dep && !c2.recv && !c2.write) begin
      wait_hazard = 1'b1;
    end

    // The packet.
    if (job_go) begin
      again = 1'b1;
      c.dst = c2.dst + 64'(max_payload_i);
      c.bytes = c2.bytes - 32'(len);
      c.number = c2.number + 1'b1;
      c.tick = '0;
      if (c2.recv && !c2.is_short) begin
        if (c2.bank) c.taken1 = c2.taken1 + 1'b1;
        else         c.taken0 = c2.taken0 + 1'b1;
      end
      if (use_slot) begin
        if (c2.src_reuse) begin
          set_res[slot_a] = 1'b1;
        end else begin
          clear_slot_full[c2.op_rd] = 1'b1;
          if (use_pair) clear_slot_full[c2.op_rd ^ 2'd1] = 1'b1;
          c.op_rd = c2.op_rd + (use_pair ? 2'd2 : 2'd1);
        end
      end
      // What a lane wrote last it may take again in the next instruction, unless anything could
      // have come between: what follows from what is received, or from another lane.
      if (c2.write && has_bytes) begin
        c.fwd_ok = c2.single;
        c.fwd_addr = c2.dst;
        c.fwd_len = len;
      end else if (c2.recv) begin
        c.fwd_ok = 1'b0;
      end
      if (c.last_dirty && (c2.recv || (c2.write && has_bytes))) c.last_ok = 1'b0;
    end else if (want_job) begin
      wait_room = 1'b1;
    end

    if (finish) begin
      c.valid = 1'b0;
      c.going = 1'b0;
      again = 1'b1;
      progress_go = 1'b1;
      new_progress = {c2.p_pass, own_progress2_q[31:16] == c2.p_pass
                                 ? own_progress2_q[15:0] + 16'd1 : 16'd1};
    end

    // The next one becomes present.
    if (load) begin
      clear_full = 1'b1;
      again = 1'b1;
      c.n_known = 1'b0;
      c.valid = 1'b1;
      c.recv = n.recv;
      c.send = n.send;
      c.read = n.read;
      c.write = n.write;
      c.reduce = n.reduce;
      c.local_op = n.local_op;
      c.dep = n.dep;
      c.dep_lane = n.dep_lane;
      c.dep_step = n.dep_step;
      c.p_pass = c2.pass;
      c.send_peer = n.send_peer;
      c.send_lane = n.send_lane;
      c.recv_peer = n.recv_peer;
      c.dst = n.dst;
      c.rd2_addr = n.dst;
      c.rd_second = 1'b0;
      c.bytes = n.recv || n.send || n.read || n.write ? n.bytes : '0;
      c.number = '0;
      c.dirty = n.dirty;
      c.single = n.bytes <= 32'(max_payload_i);
      c.is_short = n.is_short;
      c.asked = 1'b0;
      c.bank = n_bank;
      c.ungranted = n_ungranted;
      c.inline_at = n.inline_at;
      c.src_inline = n.from_inline;
      c.src_fwd = n.read && !n.local_op && src_hit2_q && !n.from_inline && !na_any;
      c.dst_fwd = n.local_op && dst_hit2_q;
      c.src_reuse = n.read && !n.local_op && last_hit2_q && !src_hit2_q && !n.from_inline &&
                    c2.op_wr == c2.op_rd && !na_any;
      c.rd_addr = n.local_op ? n.src : na_addr;
      c.rd_left = n.local_op ? (n.from_inline && dst_hit2_q ? '0 : n.bytes) : na_left;
      if (c.src_fwd || c.src_reuse) c.rd_left = '0;
      // A pair stands in an even slot and the odd one behind it.
      if (n.local_op && !dst_hit2_q && !n.from_inline && c2.op_wr[0]) begin
        c.op_wr = c2.op_wr + 1'b1;
        c.op_rd = c2.op_wr + 1'b1;
      end
      c.hazard = 1'b0;
      c.tick = '0;
      // With a dependency, what lies on chip may be outdated when it is met.
      if (n.dep) c.fwd_ok = 1'b0;
      if (n.dep && c2.last_dirty) c.last_ok = 1'b0;
      if (!n.dep && (n.recv || n.send || c.bytes != '0)) begin
        c.going = 1'b1;
        c.hazard = c.rd_left != '0 && (n.dirty || n.local_op) && wr_launched_i != wr_answered_i;
        c.hazard_at = wr_launched_i;
        wait_hazard = c.hazard;
      end
    end

    // Credits: for the present receive, then for the next one; a peer that gives none is asked.
    if (credit_go) begin
      again = 1'b1;
      if (c2.valid && grant_p != '0) begin
        c.ungranted = less(c2.ungranted, grant_p, max_payload_i);
        if (c2.bank) c.granted1 = c2.granted1 + grant_p;
        else         c.granted0 = c2.granted0 + grant_p;
      end else if (grant_next) begin
        if (load) c.ungranted = less(c2.n_ungranted, grant_n, max_payload_i);
        c.n_ungranted = less(c2.n_ungranted, grant_n, max_payload_i);
        if (c2.n_bank) c.granted1 = c2.granted1 + grant_n;
        else           c.granted0 = c2.granted0 + grant_n;
      end else begin
        c.tick = 2'd2;
      end
    end else if (!fresh2_q && !credit_room_i &&
                 ((c2.valid && grant_p != '0) || grant_next || ask_peer)) begin
      wait_room = 1'b1;
    end
    if (c2.valid && c2.going && c2.send && !c2.is_short && !send_ok && c2.tick == '0) begin
      c.tick = 2'd1;
      c.tick_at = tick_now_q;
    end
    wait_tick = c.valid && c.tick == 2'd1;
    if (fresh2_q) again = 1'b1;
  end

  always_ff @(posedge clk_i) begin : p_write_back
    if (act) lane_mem[l2_q] <= c;
    if (act && (progress_go || fresh2_q)) progress_mem[l2_q] <= fresh2_q ? '0 : new_progress;
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
  logic           tick;
  always_comb begin : p_poke
    poke_d = poke_q;
    if (pick) poke_d[at] = 1'b0;
    if (room_poke_i) poke_d = poke_d | room_wait_q;
    if (wr_done_i) poke_d = poke_d | hazard_wait_q;
    if (tick) poke_d = poke_d | tick_wait_q;
    if (rx_poke_i) poke_d[rx_poke_lane_i] = 1'b1;
    // A credit for a flow of lane l may be waited for by any lane of the slot.
    if (rx_poke_i) poke_d[{rx_poke_lane_i[LcW-1:LaneW], LaneW'(0)} +: Lanes] = {Lanes{1'b1}};
    if (filled_i) poke_d[filled_lane_i] = 1'b1;
    if (res_valid_i) poke_d[res_lane_i] = 1'b1;
    if (release_i) poke_d[release_lane_i] = 1'b1;
    if (settled_i) poke_d[settled_lane_i] = 1'b1;
    if (act && (again || (wait_hazard && wr_done_i))) poke_d[l2_q] = 1'b1;
    if (act && (finish || (c.rd_left == '0 && !read_q[l2_q]))) begin
      poke_d[{slot2, LaneW'(0)} +: Lanes] = {Lanes{1'b1}};
    end
    if (start_i) poke_d[{start_slot_i, LaneW'(0)} +: Lanes] = {Lanes{1'b1}};
  end

  always_ff @(posedge clk_i) begin : p_flags
    if (!rst_ni) begin
      poke_q        <= '0;
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
      poke_q <= poke_d;
      if (room_poke_i) room_wait_q <= '0;
      if (wr_done_i) hazard_wait_q <= '0;
      if (act) begin
        if (wait_room) room_wait_q[l2_q] <= 1'b1;
        if (wait_hazard) hazard_wait_q[l2_q] <= 1'b1;
        tick_wait_q[l2_q] <= wait_tick;
        fresh_q[l2_q] <= 1'b0;
        read_q[l2_q] <= c.rd_left == '0;
        if (clear_full) full_q[l2_q] <= 1'b0;
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

  assign used_valid_o = job_go && c2.send;
  assign used_flow_o = {ctx2, c2.send_peer, c2.send_lane};
  assign used_o = c2.is_short ? {q_used_i[9:2], q_used_i[1:0] + 2'd1}
                              : {q_used_i[9:2] + 8'd1, q_used_i[1:0]};
  assign taken_valid_o = job_go && c2.recv && c2.is_short;
  assign taken_flow_o = {ctx2, c2.recv_peer, l2_q[LaneW-1:0]};
  assign taken_o = q_taken_i + 2'd1;
  assign bank_set_o = bank_set;
  assign bank_lane_o = l2_q;
  assign bank_o = !c2.last_bank;
  assign bank_peer_o = n.recv_peer;
  assign bank_taken_o = job_go && c2.recv && !c2.is_short;

  assign rd_valid_o = rd_go;
  assign rd_lane_o = l2_q;
  assign rd_slot_o = c2.op_wr;
  assign rd_addr_o = rd_addr;
  assign rd_len_o = rd_len;

  assign job_valid_o = job_go;
  assign job_lane_o = l2_q;
  assign job_recv_o = c2.recv;
  assign job_short_o = c2.is_short;
  assign job_flow_o = {ctx2, c2.recv_peer, l2_q[LaneW-1:0]};
  assign job_bank_o = c2.bank;
  assign job_place_o = c2.is_short ? PlaceW'(q_taken_i[0]) : taken[PlaceW-1:0];
  assign job_mem_o = use_slot;
  assign job_pair_o = use_pair;
  assign job_slot_o = slot_a;
  assign job_src_fwd_o = c2.src_fwd;
  assign job_dst_fwd_o = c2.dst_fwd;
  assign job_inline_o = c2.src_inline;
  assign job_inline_at_o = c2.inline_at;
  assign job_reduce_o = c2.reduce;
  assign job_local_o = c2.local_op;
  assign job_write_o = c2.write && has_bytes;
  assign job_send_o = c2.send;
  assign job_single_o = c2.single;
  assign job_addr_o = c2.dst;
  assign job_len_o = len;
  assign job_op_o = desc2[79:64];
  assign job_head_o = {desc2, ctx2, c2.is_short, c2.bytes <= 32'(max_payload_i), c2.number, len,
                       c2.send_lane, c2.send_peer};

  assign credit_valid_o = credit_go;
  assign credit_reserve_o = credit_short_go;
  // {type[2]: 0 credits, 1 short place, 2 request; count[8]; description; context; lane; peer}
  always_comb begin : p_credit
    credit_o = {2'd0, 3'd0, grant, desc2, ctx2, l2_q[LaneW-1:0], c2.recv_peer};
    if (grant_next) credit_o[RankW-1:0] = n.recv_peer;
    if (!(c2.valid && grant_p != '0) && !grant_next) begin
      credit_o = {2'd2, 7'd0, desc2, ctx2, c2.send_lane, c2.send_peer};
    end
  end

  assign fail_o = mismatch || fault;
  assign fail_fault_o = fault;
  assign fail_slot_o = slot2;
  assign fail_source_o = 16'(c2.recv_peer);
  assign fail_detail_o = {c2.is_short && diff != '0 ? diff : tally_pkg::MismatchFieldSignature,
                          c2.is_short ? (info_desc[63:56] != '0 ? 24'hFFFFFF : info_desc[55:32])
                                      : (desc2[63:56] != '0 ? 24'hFFFFFF : desc2[55:32])};
  assign timing_o = tick_wait_q != '0;
  logic unused;
  assign unused = ^{c1, n1};
  assign idle_o = poke_q == '0 && !v1_q && !v2_q && !req_valid_q && tick_wait_q == '0;

  if ($bits(c2) != LaneBits || $bits(n) != ResW) begin : gen_bad_bits
    $error("tally_seq_step: LaneBits or ResW is not the size of its struct");
  end

  `TALLY_ASSERT(SlotFree_A, rd_go |-> !slot_res[c2.op_wr])
  `TALLY_ASSERT(FillReserved_A, filled_i |-> slot_res_q[{filled_lane_i, filled_slot_i}])
  `TALLY_ASSERT(OneResult_A, res_valid_i |-> !full_q[res_lane_i])
endmodule

`default_nettype wire

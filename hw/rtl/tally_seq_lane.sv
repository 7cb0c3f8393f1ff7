// SPDX-License-Identifier: BSD-3-Clause
// Decides what a lane does in a visit (visit 2 of tally_seq_step): combinational, from what the lane
// knows, what visit 1 found out, its flows and the rooms.
//
// In one visit it may ask for an instruction, look at the next one and make it present, issue an
// operand read, grant credits, hand out a packet and end the instruction.
// Ordering: packets of a lane in its program's order. Latency: 0. Throughput: a visit a cycle.
// Storage: none.
// Limitations: see docs/sequencer.md.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_lane #(
  localparam int unsigned LaneW = $clog2(tally_pkg::NumLanes),
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks),
  localparam int unsigned CtxW = $clog2(tally_pkg::CollectiveContexts),
  localparam int unsigned FlowW = CtxW + RankW + LaneW,
  localparam int unsigned PlaceW = $clog2(tally_pkg::FlowSlots),
  localparam int unsigned AddrW = $clog2(tally_pkg::ScheduleEntries),
  localparam int unsigned LaneIoW = 774,
  localparam int unsigned NextIoW = 203,
  localparam int unsigned TermIoW = 116,
  localparam int unsigned HeadW = 130,
  localparam int unsigned CreditW = 101
) (
  input  wire logic               clk_i,      // assertions
  input  wire logic               rst_ni,

  // Bytes of a full packet, and of one to seven.
  input  wire logic [12:0]        max_payload_i,
  input  wire logic [127:0]       multiples_i,

  // The visit: what is known, see tally_seq_lane.svh. fresh_i: of a collective that has just started.
  input  wire logic               act_i,
  input  wire logic [LaneW-1:0]   lane_at_i,   // within its slot
  input  wire logic               fresh_i,
  input  wire logic               full_i,      // there is a next instruction
  input  wire logic [LaneIoW-1:0] lane_i,
  input  wire logic [NextIoW-1:0] next_i,
  input  wire logic [TermIoW-1:0] terms_i,
  input  wire logic [CtxW-1:0]    context_i,
  input  wire logic [79:0]        desc_i,
  input  wire logic [31:0]        pass_bytes_i,
  input  wire logic [AddrW+15:0]  program_i,
  input  wire logic [31:0]        progress_i,
  input  wire logic [1:0]         tick_now_i,

  // Its flows and banks.
  input  wire logic [9:0]         q_given_i,
  input  wire logic [9:0]         q_used_i,
  input  wire logic [1:0]         q_stored_i,
  input  wire logic [1:0]         q_taken_i,
  input  wire logic [89:0]        q_info_i,
  input  wire logic [12:0]        q_place_len_i,
  input  wire logic [7:0]         q_bank_arrived_i,
  input  wire logic [7:0]         wr_launched_i,
  input  wire logic [7:0]         wr_answered_i,

  // Rooms for one more.
  input  wire logic               req_free_i,
  input  wire logic               rd_room_i,
  input  wire logic               job_room_i,
  input  wire logic               tx_room_i,
  input  wire logic               wr_room_i,
  input  wire logic               credit_room_i,
  input  wire logic               return_room_i,

  // What it knows now, and what it waits for.
  output      logic [LaneIoW-1:0] lane_o,
  output      logic               again_o,
  output      logic               wait_room_o,
  output      logic               wait_hazard_o,
  output      logic               wait_tick_o,
  output      logic               done_o,
  output      logic               finish_o,
  output      logic [31:0]        progress_o,
  output      logic               load_o,

  output      logic               ask_o,
  output      logic               bank_set_o,
  output      logic               rd_go_o,
  output      logic [3:0]         set_res_o,
  output      logic [3:0]         clear_full_o,

  output      logic               used_valid_o,
  output      logic [FlowW-1:0]   used_flow_o,
  output      logic [9:0]         used_o,
  output      logic               taken_valid_o,
  output      logic [FlowW-1:0]   taken_flow_o,
  output      logic [1:0]         taken_o,
  output      logic               bank_taken_o,

  output      logic               job_valid_o,
  output      logic [PlaceW-1:0]  job_place_o,
  output      logic [HeadW-1:0]   job_head_o,

  output      logic               credit_valid_o,
  output      logic [CreditW-1:0] credit_o,
  output      logic               credit_reserve_o,

  output      logic               fail_o,
  output      logic               fail_fault_o,
  output      logic [15:0]        fail_source_o,
  output      logic [31:0]        fail_detail_o
);
`include "tally_seq_lane.svh"

  lane_t            c2, c;
  next_t            n;
  terms_t           t;
  logic             again, wait_room, wait_hazard, act, recv_ok, send_ok, mismatch, fault;
  logic             want_job, job_go, finish, load, look, rd_go, ask, ask_peer, credit_go, wr_busy;
  logic             n_bank, na_any;
  logic [31:0]      n_ungranted, na_left, less_p, less_n;
  logic [63:0]      na_addr;
  logic [3:0]       arrived, taken;
  logic [79:0]      info_desc;
  logic [15:0]      info_age;
  logic [1:0]       short_waiting, short_out;
  logic [7:0]       diff;
  logic             short_bad, len_bad;

  assign c2 = lane_i;
  assign n = next_i;
  assign t = terms_i;
  // In its first visit a lane only asks for its first instruction.
  assign act = act_i && !fresh_i;

  // --- the other side ------------------------------------------------------------------------------
  assign arrived = c2.bank ? q_bank_arrived_i[7:4] : q_bank_arrived_i[3:0];
  assign taken = c2.bank ? c2.taken1 : c2.taken0;
  assign short_waiting = q_stored_i - q_taken_i;
  assign short_out = q_used_i[1:0] - q_given_i[1:0];
  assign recv_ok = !c2.recv || (c2.is_short ? short_waiting != '0 : arrived != taken);
  assign send_ok = !c2.send || (c2.is_short ? short_out != 2'(tally_pkg::ShortSlots)
                                            : q_given_i[9:2] != q_used_i[9:2]);
  assign info_desc = q_info_i[89:10];
  assign info_age = info_desc[15:0] - desc_i[15:0];
  always_comb begin : p_diff
    diff = '0;
    if (info_age != '0) diff = tally_pkg::MismatchFieldSignature;
    else begin
      if (info_desc[31:16] != desc_i[31:16]) diff = diff | tally_pkg::MismatchFieldSignature;
      if (info_desc[63:32] != desc_i[63:32]) diff = diff | tally_pkg::MismatchFieldCount;
      if (info_desc[71:64] != desc_i[71:64]) diff = diff | tally_pkg::MismatchFieldDtype;
      if (info_desc[79:72] != desc_i[79:72]) diff = diff | tally_pkg::MismatchFieldRedop;
    end
  end
  // A short packet that is there but not ours, or a long one of another length.
  assign short_bad = info_desc != desc_i || 13'(q_info_i[9:0]) != t.len;
  assign len_bad = q_place_len_i != t.len;
  assign mismatch = act && c2.valid && c2.going && c2.recv &&
                    (c2.is_short ? short_waiting != '0 && short_bad : arrived != taken && len_bad);
  assign fault = act && full_i && n.fault && !c2.valid;

  // --- what happens --------------------------------------------------------------------------------
  assign want_job = act && t.job && recv_ok && send_ok && !mismatch;
  assign job_go = want_job && job_room_i && (!c2.send || tx_room_i) && (!t.write || wr_room_i) &&
                  (!(c2.recv && c2.is_short) || return_room_i);
  assign finish = (act && c2.valid && !c2.going && t.dep_ok && t.nothing) || (job_go && t.last);
  assign load = act && !c2.valid && full_i && !n.fault;
  assign look = act && full_i && !c2.n_known && !n.fault;
  assign bank_set_o = look && n.recv && !n.is_short;
  assign rd_go = act && rd_room_i && t.rd_free && (t.rd_now || t.n_ahead);
  assign ask = act_i && !c2.asked && !full_i && c2.left != '0 && req_free_i;
  assign ask_peer = c2.valid && c2.going && c2.send && !c2.is_short && !send_ok &&
                    c2.tick == 2'd1 && tick_now_i - c2.tick_at >= 2'd2;
  assign credit_go = act && credit_room_i && (t.grant_any || ask_peer);
  assign wr_busy = wr_launched_i != wr_answered_i;

  // What is known of the next instruction; when it is looked at first, what it says itself.
  assign n_bank = c2.n_known ? c2.n_bank : !c2.last_bank;
  assign n_ungranted = c2.n_known ? c2.n_ungranted : (n.recv && !n.is_short ? n.bytes : '0);
  assign na_addr = c2.n_known ? c2.na_addr : n.src;
  assign na_left = c2.n_known ? c2.na_left
                              : (n.read && !n.local_op && !n.from_inline ? n.bytes : '0);
  assign na_any = c2.n_known && c2.na_any;

  // What remains of `bytes` after the packets that are granted.
  function automatic logic [31:0] less(input logic [31:0] bytes, input logic [3:0] count,
                                       input logic [12:0] full, input logic [127:0] multiples);
    logic [15:0] gone;
    gone = count[3] ? 16'(full) << 3 : multiples[count[2:0]*16 +: 16];
    less = bytes > 32'(gone) ? bytes - 32'(gone) : '0;
  endfunction
  assign less_p = less(c2.ungranted, t.grant, max_payload_i, multiples_i);
  assign less_n = less(c2.n_ungranted, t.grant, max_payload_i, multiples_i);

  always_comb begin : p_decide
    c = c2;
    again = 1'b0;
    wait_room = 1'b0;
    wait_hazard = 1'b0;
    done_o = 1'b0;
    set_res_o = '0;
    clear_full_o = '0;

    // Program: the next entry; behind the last one the next pass.
    if (ask) begin
      c.asked = 1'b1;
      c.pc = c2.pc + 1'b1;
      c.left = c2.left - 1'b1;
    end else if (!c2.asked && !full_i && c2.left != '0) begin
      again = 1'b1;
    end
    if (!fresh_i && c2.left == '0 && !c2.asked && !full_i) begin
      if (t.more_passes) begin
        // Not before the last instruction of the pass is present or done.
        c.base = c2.base + pass_bytes_i;
        c.pass = c2.pass + 1'b1;
        c.pc = program_i[16 +: AddrW];
        c.left = program_i[15:0];
        again = 1'b1;
      end else if (!c2.valid) begin
        done_o = 1'b1;
      end
    end

    // The next instruction is looked at: a bank for what it receives, operands to read ahead.
    if (look) begin
      c.asked = 1'b0;
      c.n_known = 1'b1;
      c.n_bank = n_bank;
      c.n_ungranted = n_ungranted;
      if (bank_set_o) c.last_bank = !c2.last_bank;
      c.na_addr = na_addr;
      c.na_left = na_left;
      c.na_any = 1'b0;
      again = 1'b1;
    end

    // Present: its dependency. Memory that was written here is read when earlier writes are answered.
    if (c2.valid && !c2.going && !fresh_i && t.dep_ok && !t.nothing) begin
      c.going = 1'b1;
      c.hazard = t.rd_any && (c2.dirty || c2.local_op) && wr_busy;
      c.hazard_at = wr_launched_i;
      again = 1'b1;
    end
    if (c2.hazard && c2.going && t.hazard_over) begin
      c.hazard = 1'b0;
      again = 1'b1;
    end
    wait_hazard = c.valid && c.hazard;

    // Reads.
    if (rd_go) begin
      c.op_wr = c2.op_wr + 1'b1;
      set_res_o[c2.op_wr] = 1'b1;
      again = 1'b1;
      if (t.rd_any) begin
        if (t.rd_dst) begin
          c.rd2_addr = c2.rd2_addr + 64'(max_payload_i);
          // With an operand in the descriptor dst is all that is read.
          if (c2.src_inline) c.rd_left = c2.rd_left - 32'(t.rd_len);
          else c.rd_second = 1'b1;
        end else begin
          c.rd_second = 1'b0;
          c.rd_addr = c2.rd_addr + 64'(max_payload_i);
          c.rd_left = c2.rd_left - 32'(t.rd_len);
        end
        c.last_ok = c2.single && !c2.local_op;
        c.last_dirty = c2.dirty;
      end else begin
        c.na_any = 1'b1;
        c.na_addr = c2.na_addr + 64'(max_payload_i);
        c.na_left = c2.na_left - 32'(t.rd_len);
        c.last_ok = n.bytes <= 32'(max_payload_i);
        c.last_dirty = n.dirty;
      end
      c.last_addr = t.rd_addr;
      c.last_len = t.rd_len;
    end else if ((t.rd_now || t.n_ahead) && !rd_room_i) begin
      wait_room = !fresh_i;
    end else if (t.n_waits && !fresh_i) begin
      wait_hazard = 1'b1;
    end

    // The packet.
    if (job_go) begin
      again = 1'b1;
      c.dst = c2.dst + 64'(max_payload_i);
      c.bytes = c2.bytes - 32'(t.len);
      c.number = c2.number + 1'b1;
      c.tick = '0;
      if (c2.recv && !c2.is_short) begin
        if (c2.bank) c.taken1 = c2.taken1 + 1'b1;
        else         c.taken0 = c2.taken0 + 1'b1;
      end
      if (t.use_slot) begin
        if (c2.src_reuse) begin
          set_res_o[t.slot_a] = 1'b1;
        end else begin
          clear_full_o[c2.op_rd] = 1'b1;
          if (t.use_pair) clear_full_o[c2.op_rd ^ 2'd1] = 1'b1;
          c.op_rd = c2.op_rd + (t.use_pair ? 2'd2 : 2'd1);
        end
      end
      // What a lane wrote last it may take again in the next instruction, unless anything could
      // have come between: what follows from what is received, or from another lane.
      if (t.write) begin
        c.fwd_ok = c2.single;
        c.fwd_addr = c2.dst;
        c.fwd_len = t.len;
      end else if (c2.recv) begin
        c.fwd_ok = 1'b0;
      end
      if (c.last_dirty && (c2.recv || t.write)) c.last_ok = 1'b0;
    end else if (want_job) begin
      wait_room = 1'b1;
    end

    if (finish) begin
      c.valid = 1'b0;
      c.going = 1'b0;
      again = 1'b1;
    end

    // The next one becomes present.
    if (load) begin
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
      c.src_fwd = n.read && !n.local_op && t.src_hit && !n.from_inline && !na_any;
      c.dst_fwd = n.local_op && t.dst_hit;
      c.src_reuse = n.read && !n.local_op && t.last_hit && !t.src_hit && !n.from_inline &&
                    c2.op_wr == c2.op_rd && !na_any;
      c.rd_addr = n.local_op ? n.src : na_addr;
      c.rd_left = n.local_op ? (n.from_inline && t.dst_hit ? '0 : n.bytes) : na_left;
      if (c.src_fwd || c.src_reuse) c.rd_left = '0;
      // A pair stands in an even slot and the odd one behind it.
      if (n.local_op && !t.dst_hit && !n.from_inline && c2.op_wr[0]) begin
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
        c.hazard = c.rd_left != '0 && (n.dirty || n.local_op) && wr_busy;
        c.hazard_at = wr_launched_i;
        wait_hazard = c.hazard;
      end
    end

    // Credits: for the present receive, then for the next one; a peer that gives none is asked.
    if (credit_go) begin
      again = 1'b1;
      if (t.grant_any && !t.grant_next) begin
        c.ungranted = less_p;
        if (c2.bank) c.granted1 = c2.granted1 + t.grant;
        else         c.granted0 = c2.granted0 + t.grant;
      end else if (t.grant_next) begin
        if (load) c.ungranted = less_n;
        c.n_ungranted = less_n;
        if (c2.n_bank) c.granted1 = c2.granted1 + t.grant;
        else           c.granted0 = c2.granted0 + t.grant;
      end else begin
        c.tick = 2'd2;
      end
    end else if (!fresh_i && !credit_room_i && (t.grant_any || ask_peer)) begin
      wait_room = 1'b1;
    end
    if (c2.valid && c2.going && c2.send && !c2.is_short && !send_ok && c2.tick == '0) begin
      c.tick = 2'd1;
      c.tick_at = tick_now_i;
    end
    // Nothing outlasts collectives but what came and was granted.
    if (fresh_i) begin
      c.taken0 = q_bank_arrived_i[3:0];
      c.taken1 = q_bank_arrived_i[7:4];
      again = 1'b1;
    end
  end

  assign lane_o = c;
  assign again_o = again;
  assign wait_room_o = wait_room;
  assign wait_hazard_o = wait_hazard;
  assign wait_tick_o = c.valid && c.tick == 2'd1;
  assign finish_o = finish;
  assign progress_o = fresh_i ? '0
                    : {c2.p_pass, progress_i[31:16] == c2.p_pass ? progress_i[15:0] + 16'd1 : 16'd1};
  assign load_o = load;
  assign ask_o = ask;
  assign rd_go_o = rd_go;

  // --- outputs -------------------------------------------------------------------------------------
  assign used_valid_o = job_go && c2.send;
  assign used_flow_o = {context_i, c2.send_peer, c2.send_lane};
  assign used_o = c2.is_short ? {q_used_i[9:2], q_used_i[1:0] + 2'd1}
                              : {q_used_i[9:2] + 8'd1, q_used_i[1:0]};
  assign taken_valid_o = job_go && c2.recv && c2.is_short;
  assign taken_flow_o = {context_i, c2.recv_peer, lane_at_i};
  assign taken_o = q_taken_i + 2'd1;
  assign bank_taken_o = job_go && c2.recv && !c2.is_short;

  assign job_valid_o = job_go;
  assign job_place_o = c2.is_short ? PlaceW'(q_taken_i[0]) : taken[PlaceW-1:0];
  assign job_head_o = {desc_i, context_i, c2.is_short, t.last, c2.number, t.len, c2.send_lane,
                       c2.send_peer};

  assign credit_valid_o = credit_go;
  assign credit_reserve_o = taken_valid_o;
  // {type[2]: 0 credits, 1 short place, 2 request; count[8]; description; context; lane; peer}
  always_comb begin : p_credit
    credit_o = {2'd0, 3'd0, t.grant, desc_i, context_i, lane_at_i, c2.recv_peer};
    if (t.grant_next) credit_o[RankW-1:0] = n.recv_peer;
    if (!t.grant_any) begin
      credit_o = {2'd2, 7'd0, desc_i, context_i, c2.send_lane, c2.send_peer};
    end
  end

  assign fail_o = mismatch || fault;
  assign fail_fault_o = fault;
  assign fail_source_o = 16'(c2.recv_peer);
  assign fail_detail_o = {c2.is_short && diff != '0 ? diff : tally_pkg::MismatchFieldSignature,
                          c2.is_short ? (info_desc[63:56] != '0 ? 24'hFFFFFF : info_desc[55:32])
                                      : (desc_i[63:56] != '0 ? 24'hFFFFFF : desc_i[55:32])};

  if (LaneIoW != LaneBits || $bits(c2) != LaneBits || NextIoW != NextBits ||
      $bits(n) != NextBits || TermIoW != TermBits || $bits(t) != TermBits) begin : gen_bad_bits
    $error("tally_seq_lane: a width is not the size of its struct");
  end

  logic unused;
  assign unused = ^t;

  `TALLY_ASSERT(OneEnd_A, !(load && finish))
endmodule

`default_nettype wire

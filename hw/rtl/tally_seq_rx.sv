// SPDX-License-Identifier: BSD-3-Clause
// Arrivals of the sequencer: where their data waits, credits, and the comparison of descriptions.
//
// Two ways in. *Short* packets (all data of an instruction of at most ShortBytes) come unasked; each
// (context, peer, lane) flow has ShortSlots places for them, whether its collective has started here
// or not, so no context ever waits for another one. *Long* packets were granted by tally_seq_step:
// each lane of a slot has two banks of FlowSlots places, one for its present and one for its next
// receive; a packet belongs to the older bank while that one expects any of its sender.
// Counters that one side writes and the other reads stand in separate memories, so nothing is ever
// written by both: *given*, *stored* and *arrived* by arrivals, *used* and *taken* by tally_seq_step.
// Ordering: first in, first out in each flow and bank. Latency: poke_o comes with the last beat of a
// packet, a beat can be read in the next cycle. Throughput: one beat a cycle.
// Storage: short data 4096 flows * ShortSlots * ShortBytes, their descriptions 88 bits each (twice),
// long data 32 lanes * 2 banks * FlowSlots * Mtu, counters 10 bits a flow.
// Ready: low for one walk over the flows after reset and after clear_i (4096 cycles).
// Limitations: a packet that nobody granted, that finds no place, or whose payload_len is not its
// length is discarded.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_rx #(
  localparam int unsigned Slots = tally_pkg::CollectiveSlots,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned LcW = SlotW + LaneW,
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks),
  localparam int unsigned Contexts = tally_pkg::CollectiveContexts,
  localparam int unsigned CtxW = $clog2(Contexts),
  localparam int unsigned FlowW = CtxW + RankW + LaneW,
  localparam int unsigned PlaceW = $clog2(tally_pkg::FlowSlots),
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats),
  localparam int unsigned ShortBeatW = $clog2(tally_pkg::ShortBytes / tally_pkg::BeatBytes)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [12:0]         max_payload_i,

  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [511:0]        rx_data_i,
  input  wire logic                rx_last_i,

  // Collectives under execution: a start with its description; the end.
  input  wire logic                start_i,
  input  wire logic [SlotW-1:0]    start_slot_i,
  input  wire logic [CtxW-1:0]     context_i,
  input  wire logic [15:0]         seq_i,
  input  wire logic [15:0]         signature_i,
  input  wire logic [31:0]         count_i,
  input  wire logic [7:0]          dtype_i,
  input  wire logic [7:0]          redop_i,
  input  wire logic                free_i,
  input  wire logic [SlotW-1:0]    free_slot_i,
  input  wire logic [Contexts-1:0] broken_i,
  input  wire logic                clear_i,
  output      logic                walk_o,            // counters are being cleared

  // Look-up by tally_seq_step: flows asked for in one cycle are answered in the next.
  input  wire logic [FlowW-1:0]    q_send_flow_i,
  output      logic [9:0]          q_given_o,         // {credits given[8], short places returned[2]}
  output      logic [9:0]          q_used_o,          // {credits used[8], short packets sent[2]}
  input  wire logic [FlowW-1:0]    q_recv_flow_i,
  output      logic [1:0]          q_stored_o,        // short packets stored, modulo 4
  output      logic [1:0]          q_taken_o,         // short packets taken, modulo 4
  output      logic [89:0]         q_info_o,          // of the oldest: {redop, dtype, count,
                                                      // signature, seq, len[10]}
  // Counters that tally_seq_step writes, of the flows it looked up last.
  input  wire logic                used_valid_i,
  input  wire logic [FlowW-1:0]    used_flow_i,
  input  wire logic [9:0]          used_i,
  input  wire logic                taken_valid_i,
  input  wire logic [FlowW-1:0]    taken_flow_i,
  input  wire logic [1:0]          taken_i,

  // Long receives: a bank of a lane is opened for the packets of an instruction, from one peer; it
  // closes behind the last one.
  input  wire logic                bank_set_i,
  input  wire logic [LcW-1:0]      bank_lane_i,
  input  wire logic                bank_i,
  input  wire logic [RankW-1:0]    bank_peer_i,
  // Of a lane, in the next cycle: packets that have arrived in both banks, modulo 16, and the bytes
  // of the one in a place.
  input  wire logic [LcW-1:0]      q_lane_i,
  output      logic [7:0]          q_bank_arrived_o,
  input  wire logic                q_place_bank_i,
  input  wire logic [PlaceW-1:0]   q_place_i,
  output      logic [12:0]         q_place_len_o,
  // A packet was taken out of a bank.
  input  wire logic                bank_taken_i,
  input  wire logic [LcW-1:0]      bank_taken_lane_i,
  input  wire logic                bank_taken_bank_i,

  // Something came for a lane.
  output      logic                poke_o,
  output      logic [SlotW-1:0]    poke_slot_o,

  // A description that disagrees (pulse).
  output      logic                fail_o,
  output      logic [SlotW-1:0]    fail_slot_o,
  output      logic [15:0]         fail_source_o,
  output      logic [31:0]         fail_detail_o,

  // Beats for the job at work: data one cycle later.
  input  wire logic                rd_i,
  input  wire logic                rd_short_i,
  input  wire logic [FlowW-1:0]    rd_flow_i,         // short
  input  wire logic [LcW-1:0]      rd_lane_i,         // long
  input  wire logic                rd_bank_i,
  input  wire logic [PlaceW-1:0]   rd_place_i,        // short: bit 0
  input  wire logic [BeatW-1:0]    rd_beat_i,
  output      logic [511:0]        rd_data_o,

  output      logic                idle_o
);
  localparam int unsigned Flows = 1 << FlowW;
  localparam int unsigned Banks = 2 << LcW;
  localparam int unsigned InfoW = 90;

  if ((1 << RankW) != tally_pkg::MaxRanks || (1 << LaneW) != Lanes || (1 << SlotW) != Slots ||
      (1 << PlaceW) != tally_pkg::FlowSlots || tally_pkg::ShortSlots != 2) begin : gen_bad_sizes
    $error("tally_seq_rx: sizes must be powers of two, ShortSlots 2");
  end

  // --- walk --------------------------------------------------------------------------------------
  logic             walk_q;
  logic [FlowW-1:0] walk_flow_q;
  always_ff @(posedge clk_i) begin : p_walk
    if (!rst_ni || clear_i) begin
      walk_q      <= 1'b1;
      walk_flow_q <= '0;
    end else if (walk_q) begin
      walk_flow_q <= walk_flow_q + 1'b1;
      walk_q      <= walk_flow_q != '1;
    end
  end
  assign walk_o = walk_q;
  assign rx_ready_o = !walk_q;

  // --- collectives under execution ---------------------------------------------------------------
  logic [Contexts-1:0]       active_q;
  logic [Contexts*SlotW-1:0] slot_of_q;
  logic [79:0]               desc_mem [Slots];
  logic [CtxW-1:0]           free_ctx;
  logic [Slots*CtxW-1:0]     ctx_of_q;
  assign free_ctx = ctx_of_q[free_slot_i*CtxW +: CtxW];
  always_ff @(posedge clk_i) begin : p_active
    if (!rst_ni) begin
      active_q <= '0;
    end else begin
      // The slot of a refused descriptor names the context it had before: that may run elsewhere.
      if (free_i && slot_of_q[free_ctx*SlotW +: SlotW] == free_slot_i) active_q[free_ctx] <= 1'b0;
      if (start_i) active_q[context_i] <= 1'b1;
    end
    if (start_i) begin
      slot_of_q[context_i*SlotW +: SlotW] <= start_slot_i;
      ctx_of_q[start_slot_i*CtxW +: CtxW] <= context_i;
      desc_mem[start_slot_i] <= {redop_i, dtype_i, count_i, signature_i, seq_i};
    end
  end

  // --- header, first stage: fields and memories ---------------------------------------------------
  tally_pkg::msg_header_t head;
  logic                   first_q, head_take;
  logic [FlowW-1:0]       h_flow;
  logic                   h_valid_q, h_coll_q, h_credit_q, h_request_q, h_short_q, h_bad_q;
  logic                   h_active_q, h_one_q;
  logic                   h_drop_q, h_last_q;
  logic [FlowW-1:0]       h_flow_q;
  logic [SlotW-1:0]       h_slot_q;
  logic [12:0]            h_len_q;
  logic [15:0]            h_seq_q, h_signature_q;
  logic [31:0]            h_count_q;
  logic [7:0]             h_dtype_q, h_redop_q, h_credits_q;
  logic [CtxW-1:0]        h_ctx;

  assign head = rx_data_i;
  assign head_take = rx_valid_i && rx_ready_o && first_q;
  assign h_ctx = head.context_id[CtxW-1:0];
  assign h_flow = {h_ctx, head.src_rank[RankW-1:0], head.lane[LaneW-1:0]};

  always_ff @(posedge clk_i) begin : p_head
    if (!rst_ni) begin
      first_q   <= 1'b1;
      h_valid_q <= 1'b0;
    end else begin
      if (rx_valid_i && rx_ready_o) first_q <= rx_last_i;
      h_valid_q <= head_take;
    end
    if (head_take) begin
      h_flow_q      <= h_flow;
      h_coll_q      <= head.ptype == tally_pkg::PacketTypeColl;
      h_credit_q    <= head.ptype == tally_pkg::PacketTypeCollCredit;
      h_request_q   <= head.ptype == tally_pkg::PacketTypeCollRequest;
      h_short_q     <= head.flags[tally_pkg::WireFlagShortBit];
      h_last_q      <= head.flags[tally_pkg::WireFlagLastBit];
      h_len_q       <= head.payload_len[12:0];
      h_bad_q       <= head.payload_len[15:13] != '0 ||
                       (rx_last_i != (head.payload_len == '0)) ||
                       head.payload_len[12:0] > (head.flags[tally_pkg::WireFlagShortBit]
                                                 ? 13'(tally_pkg::ShortBytes) : max_payload_i) ||
                       (head.payload_len == '0 && !head.flags[tally_pkg::WireFlagShortBit]);
      h_drop_q      <= head.context_id[15:CtxW] != '0 || head.src_rank[15:RankW] != '0 ||
                       head.lane[7:LaneW] != '0 || broken_i[h_ctx];
      h_active_q    <= active_q[h_ctx];
      h_slot_q      <= slot_of_q[h_ctx*SlotW +: SlotW];
      h_one_q       <= rx_last_i;
      h_seq_q       <= head.seq;
      h_signature_q <= head.signature;
      h_count_q     <= head.count;
      h_dtype_q     <= head.dtype;
      h_redop_q     <= head.redop;
      h_credits_q   <= head.length[7:0];
    end
  end

  // --- counters of the flows ---------------------------------------------------------------------
  logic [9:0]       given_mem [Flows];
  logic [9:0]       used_mem [Flows];
  logic [1:0]       stored_mem [Flows];
  logic [1:0]       taken_mem [Flows];
  logic [9:0]       given_q, given_now, given_new, last_given_q, q_given_q, q_used_q;
  logic [1:0]       stored_q, stored_now, last_stored_q, q_stored_q, taken_q, q_taken_q;
  logic [1:0]       scan_stored_q, scan_taken_q;
  logic [FlowW-1:0] last_given_flow_q, last_stored_flow_q, scan_flow;
  logic             last_given_v_q, last_stored_v_q, credit, store;

  always_ff @(posedge clk_i) begin : p_counters
    if (head_take) begin
      given_q  <= given_mem[h_flow];
      stored_q <= stored_mem[h_flow];
      taken_q  <= taken_mem[h_flow];
    end
    q_given_q     <= given_mem[q_send_flow_i];
    q_used_q      <= used_mem[q_send_flow_i];
    q_stored_q    <= stored_mem[q_recv_flow_i];
    q_taken_q     <= taken_mem[q_recv_flow_i];
    scan_stored_q <= stored_mem[scan_flow];
    scan_taken_q  <= taken_mem[scan_flow];
    if (walk_q || credit) given_mem[walk_q ? walk_flow_q : h_flow_q] <= walk_q ? '0 : given_new;
    if (walk_q || store) begin
      stored_mem[walk_q ? walk_flow_q : h_flow_q] <= walk_q ? '0 : stored_now + 2'd1;
    end
    if (walk_q || used_valid_i) used_mem[walk_q ? walk_flow_q : used_flow_i] <= walk_q ? '0 : used_i;
    if (walk_q || taken_valid_i) begin
      taken_mem[walk_q ? walk_flow_q : taken_flow_i] <= walk_q ? '0 : taken_i;
    end
  end
  // What was written while the memory was read.
  always_ff @(posedge clk_i) begin : p_last
    last_given_v_q     <= credit;
    last_given_flow_q  <= h_flow_q;
    last_given_q       <= given_new;
    last_stored_v_q    <= store;
    last_stored_flow_q <= h_flow_q;
    last_stored_q      <= stored_now + 2'd1;
  end
  assign given_now = (last_given_v_q && last_given_flow_q == h_flow_q) ? last_given_q : given_q;
  assign stored_now = (last_stored_v_q && last_stored_flow_q == h_flow_q) ? last_stored_q : stored_q;
  always_comb begin : p_given
    given_new = given_now;
    if (h_short_q) given_new[1:0] = given_now[1:0] + h_credits_q[1:0];
    else           given_new[9:2] = given_now[9:2] + h_credits_q;
  end
  assign credit = h_valid_q && h_credit_q && !h_drop_q;
  assign q_given_o = q_given_q;
  assign q_used_o = q_used_q;
  assign q_stored_o = q_stored_q;
  assign q_taken_o = q_taken_q;

  // --- places of long packets --------------------------------------------------------------------
  logic [Banks*4-1:0]  arrived_q, gone_q;      // packets arrived in a bank, taken out of it, modulo 16
  logic [Banks-1:0]    open_q;
  logic [RankW-1:0]    peer_mem [Banks];
  logic [12:0]         len_mem [Banks << PlaceW];
  logic [(1<<LcW)-1:0] newer_q;                // the bank that was opened last
  logic [LcW-1:0]      h_lane;
  logic [LcW:0]        old_bank, new_bank, c_at;
  logic [RankW-1:0]    h_peer;
  logic                old_ok, new_ok, long_ok, arrive;
  logic [3:0]          c_arrived;

  assign h_lane = {h_slot_q, h_flow_q[LaneW-1:0]};
  assign h_peer = h_flow_q[LaneW +: RankW];
  assign old_bank = {h_lane, !newer_q[h_lane]};
  assign new_bank = {h_lane, newer_q[h_lane]};
  assign old_ok = open_q[old_bank] && peer_mem[old_bank] == h_peer;
  assign new_ok = open_q[new_bank] && peer_mem[new_bank] == h_peer;
  assign c_at = old_ok ? old_bank : new_bank;
  assign c_arrived = arrived_q[c_at*4 +: 4];
  assign long_ok = (old_ok || new_ok) &&
                   (c_arrived - gone_q[c_at*4 +: 4]) != 4'(tally_pkg::FlowSlots);

  always_ff @(posedge clk_i) begin : p_banks
    if (!rst_ni) begin
      arrived_q <= '0;
      gone_q    <= '0;
      open_q    <= '0;
    end else begin
      if (arrive) begin
        arrived_q[cur_at*4 +: 4] <= arrived_q[cur_at*4 +: 4] + 1'b1;
        if (h_last_q) open_q[cur_at] <= 1'b0;
      end
      if (bank_taken_i) begin
        gone_q[{bank_taken_lane_i, bank_taken_bank_i}*4 +: 4] <=
            gone_q[{bank_taken_lane_i, bank_taken_bank_i}*4 +: 4] + 1'b1;
      end
      if (bank_set_i) open_q[{bank_lane_i, bank_i}] <= 1'b1;
      // A collective that starts finds nothing of the last one.
      for (int unsigned b = 0; b < Banks; b++) begin
        if (start_i && SlotW'(b >> (LaneW + 1)) == start_slot_i) begin
          open_q[b]        <= 1'b0;
          gone_q[b*4 +: 4] <= arrived_q[b*4 +: 4];
        end
      end
    end
    if (bank_set_i) begin
      peer_mem[{bank_lane_i, bank_i}] <= bank_peer_i;
      newer_q[bank_lane_i] <= bank_i;
    end
    if (arrive) len_mem[{cur_at, place}] <= h_len_q;
    q_place_len_q <= len_mem[{q_lane_i, q_place_bank_i, q_place_i}];
    q_bank_arrived_q <= arrived_q[q_lane_i*8 +: 8];
  end
  logic [12:0] q_place_len_q;
  logic [7:0]  q_bank_arrived_q;
  assign q_place_len_o = q_place_len_q;
  assign q_bank_arrived_o = q_bank_arrived_q;

  // --- the packet at work ------------------------------------------------------------------------
  // In the cycle after its header a packet has its place; its beats may have begun to come.
  logic               fresh, work_q, good_q, good, stale, place_short_q, last_beat;
  logic               c_short_ok, sees_body, commit;
  logic [BeatW:0]     beat_q;
  logic [6:0]         beats_q, beats;
  logic [PlaceW-1:0]  place_q, place;
  logic               cur_short;
  logic [LcW:0]       cur_at, at_q;

  assign fresh = h_valid_q && h_coll_q;
  assign c_short_ok = h_short_q && (stored_now - taken_q) != 2'd2;
  assign beats = 7'((h_len_q + 13'd63) >> 6);
  // It began before the collective that gets its slot now, or before all was cleared.
  assign stale = clear_i || (start_i && !place_short_q && start_slot_i == at_q[LcW -: SlotW]);
  assign good = fresh ? (!h_bad_q && !h_drop_q && !disagrees &&
                         (h_short_q ? c_short_ok : (h_active_q && same && long_ok)))
                      : (good_q && !stale);
  assign place = fresh ? (h_short_q ? PlaceW'(stored_now[0]) : c_arrived[PlaceW-1:0]) : place_q;
  assign cur_short = fresh ? h_short_q : place_short_q;
  assign cur_at = fresh ? c_at : at_q;
  assign sees_body = rx_valid_i && rx_ready_o && !first_q;
  assign last_beat = (fresh && h_one_q) || (sees_body && rx_last_i && (fresh || work_q));
  // Committed with its last beat, if it had as many as it said.
  assign commit = last_beat && good &&
                  ((fresh && h_one_q) ||
                   7'(fresh ? '0 : beat_q) + 7'd1 == (fresh ? beats : beats_q));
  assign store = commit && cur_short;
  assign arrive = commit && !cur_short;

  always_ff @(posedge clk_i) begin : p_work
    if (!rst_ni) work_q <= 1'b0;
    else if (last_beat) work_q <= 1'b0;
    else if (fresh) work_q <= 1'b1;
    if (fresh || stale) good_q <= good;
    if (fresh) begin
      place_q       <= place;
      place_short_q <= h_short_q;
      at_q          <= c_at;
      beats_q       <= beats;
    end
    if (fresh) beat_q <= (BeatW+1)'(sees_body);
    else if (sees_body && !beat_q[BeatW]) beat_q <= beat_q + 1'b1;
  end

  logic [511:0] short_mem [Flows * 2 << ShortBeatW];
  logic [511:0] long_mem [Banks << (PlaceW + BeatW)];
  logic [BeatW-1:0] cur_beat;
  assign cur_beat = fresh ? '0 : beat_q[BeatW-1:0];
  always_ff @(posedge clk_i) begin : p_data
    if (sees_body && good && cur_short && (fresh || !beat_q[ShortBeatW])) begin
      short_mem[{h_flow_q, place[0], cur_beat[ShortBeatW-1:0]}] <= rx_data_i;
    end
    if (sees_body && good && !cur_short && (fresh || !beat_q[BeatW])) begin
      long_mem[{cur_at, place, cur_beat}] <= rx_data_i;
    end
  end

  logic [511:0] short_rd_q, long_rd_q;
  logic         rd_short_q;
  always_ff @(posedge clk_i) begin : p_rd
    if (rd_i) rd_short_q <= rd_short_i;
    if (rd_i && rd_short_i) begin
      short_rd_q <= short_mem[{rd_flow_i, rd_place_i[0], rd_beat_i[ShortBeatW-1:0]}];
    end
    if (rd_i && !rd_short_i) long_rd_q <= long_mem[{rd_lane_i, rd_bank_i, rd_place_i, rd_beat_i}];
  end
  assign rd_data_o = rd_short_q ? short_rd_q : long_rd_q;

  // --- descriptions ------------------------------------------------------------------------------
  // {redop, dtype, count, signature, seq, len[10]} of each short packet; a copy for the scan.
  logic [InfoW-1:0] info0_mem [Flows];
  logic [InfoW-1:0] info1_mem [Flows];
  logic [InfoW-1:0] scan0_mem [Flows];
  logic [InfoW-1:0] scan1_mem [Flows];
  logic [InfoW-1:0] c_info, q0_q, q1_q, sc0_q, sc1_q;

  assign c_info = {h_redop_q, h_dtype_q, h_count_q, h_signature_q, h_seq_q, h_len_q[9:0]};
  always_ff @(posedge clk_i) begin : p_info
    if (store && !place[0]) begin
      info0_mem[h_flow_q] <= c_info;
      scan0_mem[h_flow_q] <= c_info;
    end
    if (store && place[0]) begin
      info1_mem[h_flow_q] <= c_info;
      scan1_mem[h_flow_q] <= c_info;
    end
    q0_q  <= info0_mem[q_recv_flow_i];
    q1_q  <= info1_mem[q_recv_flow_i];
    sc0_q <= scan0_mem[scan_flow];
    sc1_q <= scan1_mem[scan_flow];
  end
  assign q_info_o = q_taken_q[0] ? q1_q : q0_q;

  // --- comparison --------------------------------------------------------------------------------
  // {redop, dtype, count, signature, seq} of another rank against ours: {fail, fields}.
  function automatic logic [8:0] compare(input logic [79:0] theirs, input logic [79:0] ours);
    logic [15:0] age;
    logic [7:0]  diff;
    age = theirs[15:0] - ours[15:0];
    diff = '0;
    if (theirs[31:16] != ours[31:16]) diff = diff | tally_pkg::MismatchFieldSignature;
    if (theirs[63:32] != ours[63:32]) diff = diff | tally_pkg::MismatchFieldCount;
    if (theirs[71:64] != ours[71:64]) diff = diff | tally_pkg::MismatchFieldDtype;
    if (theirs[79:72] != ours[79:72]) diff = diff | tally_pkg::MismatchFieldRedop;
    // An older one was never asked for: the ranks did not agree about that collective.
    compare = {1'b0, diff};
    if (age == '0) compare[8] = diff != '0;
    else begin
      compare[8] = age[15];
      compare[7:0] = tally_pkg::MismatchFieldSignature;
    end
  endfunction

  logic [79:0] own, scan_own, theirs;
  logic [8:0]  verdict;
  logic        same, disagrees;
  assign own = desc_mem[h_slot_q];
  assign theirs = {h_redop_q, h_dtype_q, h_count_q, h_signature_q, h_seq_q};
  assign verdict = compare(theirs, own);
  assign same = h_seq_q == own[15:0];
  // Credits and requests of an earlier collective mean nothing; a returned place has no description.
  // Long packets come only where this rank gave credits, so those of a later one are wrong as well.
  assign disagrees = h_valid_q && !h_drop_q && h_active_q &&
                     (h_coll_q ? verdict[8] || (!h_short_q && !same)
                               : verdict[8] && same && !(h_credit_q && h_short_q));

  // Requests of ranks that are ahead wait for the scan: one a (context, peer). There is one where
  // the marks differ: arrivals write the one, the scan the other.
  localparam int unsigned PairW = CtxW + RankW;
  logic [79:0]      request_mem [1 << PairW];
  logic             put_mem [1 << PairW];
  logic             seen_mem [1 << PairW];
  logic [79:0]      s_request_q;
  logic             s_put_q, s_seen_q, h_seen_q, keep_request, s_request;
  logic [PairW-1:0] h_pair, scan_pair, s1_pair_q;

  assign h_pair = h_flow_q[FlowW-1:LaneW];
  assign scan_pair = scan_flow[FlowW-1:LaneW];
  assign keep_request = h_valid_q && h_request_q && !h_drop_q && !(h_active_q && same);
  assign s_request = s1_valid_q && s1_at_q[LaneW-1:0] == '0 && s_put_q != s_seen_q;
  always_ff @(posedge clk_i) begin : p_requests
    if (head_take) h_seen_q <= seen_mem[h_flow[FlowW-1:LaneW]];
    s_request_q <= request_mem[scan_pair];
    s_put_q     <= put_mem[scan_pair];
    s_seen_q    <= seen_mem[scan_pair];
    s1_pair_q   <= scan_pair;
    if (keep_request) request_mem[h_pair] <= theirs;
    if (walk_q || keep_request) begin
      put_mem[walk_q ? walk_flow_q[PairW-1:0] : h_pair] <= !walk_q && !h_seen_q;
    end
    if (walk_q || s_over) seen_mem[walk_q ? walk_flow_q[PairW-1:0] : s1_pair_q] <= !walk_q && s_put_q;
  end

  // Short packets that came before their collective started here are looked at once it has: all
  // flows of its context, one a cycle.
  logic                   scan_q, s1_valid_q, s_fail, s_over, want_any;
  logic [SlotW-1:0]       scan_slot_q, want_slot;
  logic [CtxW-1:0]        scan_ctx_q;
  logic [RankW+LaneW-1:0] scan_at_q, s1_at_q;
  logic [Slots-1:0]       scan_want_q;
  logic [8:0]             v0, v1, v2;
  logic [1:0]             scan_count;
  logic                   s_first_bad, s_second_bad, s_request_bad;
  logic [InfoW-1:0]       s_first, s_second;

  always_comb begin : p_want
    want_any = 1'b0;
    want_slot = '0;
    for (int unsigned i = 0; i < Slots; i++) begin
      if (!want_any && scan_want_q[i]) begin
        want_any = 1'b1;
        want_slot = SlotW'(i);
      end
    end
  end
  assign scan_flow = {scan_ctx_q, scan_at_q};

  always_ff @(posedge clk_i) begin : p_scan
    if (!rst_ni) begin
      scan_q      <= 1'b0;
      scan_want_q <= '0;
      s1_valid_q  <= 1'b0;
    end else begin
      scan_q <= scan_q ? scan_at_q != '1 : want_any;
      if (!scan_q && want_any) scan_want_q[want_slot] <= 1'b0;
      if (start_i) scan_want_q[start_slot_i] <= 1'b1;
      if (free_i) scan_want_q[free_slot_i] <= 1'b0;
      s1_valid_q <= scan_q && active_q[scan_ctx_q] &&
                    slot_of_q[scan_ctx_q*SlotW +: SlotW] == scan_slot_q;
    end
    if (!scan_q) begin
      scan_slot_q <= want_slot;
      scan_ctx_q  <= ctx_of_q[want_slot*CtxW +: CtxW];
      scan_at_q   <= '0;
    end else begin
      scan_at_q <= scan_at_q + 1'b1;
    end
    s1_at_q <= scan_at_q;
  end
  assign scan_own = desc_mem[scan_slot_q];
  assign scan_count = scan_stored_q - scan_taken_q;
  assign s_first = scan_taken_q[0] ? sc1_q : sc0_q;
  assign s_second = scan_taken_q[0] ? sc0_q : sc1_q;
  assign v0 = compare(s_first[InfoW-1:10], scan_own);
  assign v1 = compare(s_second[InfoW-1:10], scan_own);
  assign s_first_bad = s1_valid_q && scan_count != 2'd0 && v0[8];
  assign s_second_bad = s1_valid_q && scan_count == 2'd2 && v1[8];
  // Of requests only one of the same collective says anything; that for a later one stays.
  assign s_over = s_request && (v2[8] || s_request_q[15:0] == scan_own[15:0]);
  assign v2 = compare(s_request_q, scan_own);
  assign s_request_bad = s_request && v2[8] && s_request_q[15:0] == scan_own[15:0];
  assign s_fail = s_first_bad || s_second_bad || s_request_bad;

  // --- what is told ------------------------------------------------------------------------------
  logic        fail_q;
  logic [SlotW-1:0] fail_slot_q;
  logic [15:0] fail_source_q;
  logic [31:0] fail_detail_q, count_seen;

  logic [7:0] fields_seen;
  logic [CtxW-1:0] h_now_ctx;
  assign h_now_ctx = h_flow_q[FlowW-1 -: CtxW];
  always_comb begin : p_seen
    count_seen = s_request_q[63:32];
    fields_seen = v2[7:0];
    if (s_second_bad) begin
      count_seen = s_second[42 +: 32];
      fields_seen = v1[7:0];
    end
    if (s_first_bad) begin
      count_seen = s_first[42 +: 32];
      fields_seen = v0[7:0];
    end
    if (disagrees) begin
      count_seen = h_count_q;
      fields_seen = verdict[7:0];
    end
  end
  always_ff @(posedge clk_i) begin : p_tell
    if (!rst_ni) begin
      fail_q <= 1'b0;
    end else begin
      fail_q <= disagrees || s_fail;
    end
    fail_slot_q   <= disagrees ? h_slot_q : scan_slot_q;
    fail_source_q <= disagrees ? 16'(h_peer) : 16'(s1_at_q[LaneW +: RankW]);
    fail_detail_q <= {fields_seen,
                      count_seen[31:24] != '0 ? 24'hFFFFFF : count_seen[23:0]};
  end
  assign fail_o = fail_q;
  assign fail_slot_o = fail_slot_q;
  assign fail_source_o = fail_source_q;
  assign fail_detail_o = fail_detail_q;
  // The collective may have started since the header came.
  assign poke_o = active_q[h_now_ctx] && (commit || credit) && !walk_q;
  assign poke_slot_o = slot_of_q[h_now_ctx*SlotW +: SlotW];

  assign idle_o = !walk_q && first_q && !h_valid_q && !scan_q && !s1_valid_q && !want_any &&
                  !fail_q && !work_q;

  logic unused;
  assign unused = ^{head, s1_at_q[LaneW-1:0], s_first[9:0], s_second[9:0]};

  `TALLY_ASSERT(ShortBound_A, store |-> (stored_now - taken_q) != 2'd2)
  `TALLY_ASSERT(LongBound_A, arrive |-> open_q[cur_at])
endmodule

`default_nettype wire

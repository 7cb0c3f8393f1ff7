// SPDX-License-Identifier: BSD-3-Clause
// Command decoder: takes the descriptors of the endpoints in turn, checks them, and hands each to
// the unit that executes it.
//
// Send goes to tally_msg_tx, Collective to tally_seq, what the match unit answers (and Fetch) to
// tally_post. Nop and every refused descriptor complete here.
// Ordering: descriptors of an endpoint in the order they came. A head that cannot go yet stays
// where it is and is looked at again; it holds up no other endpoint. It waits for: its completion
// ring (cq_ok_i), cells of its Msg queue pair, fewer than MaxEager unfinished eager sends, a
// rendezvous place when it may start one, room in the unit's queue.
// Latency: 3 cycles from descriptor to hand-over, 2 to tally_seq. Throughput: one descriptor a
// cycle from several endpoints, one in 3 cycles from one. Storage: two descriptors, two sends and
// two collectives, tally_post.
// Combinational paths: look-up a; rsv_ok_i to in_ready_o; cq_ok_i to coll_valid_o.
// Limitations: a Collective is passed on unchecked; tally_seq checks it.
//
// Layouts shared by the message path (first name = highest bits):
//   posted  [191:0] = {key[32], arrival[32], cookie[32], room[32], addr[64]}
//   unexp   [192:0] = {rts[1], stamp[32], cookie[32], key[32], length[32], addr[64]}; Eager uses
//     rts (0), length, and addr = {number[54], bounce slot[10]} (tally_msg_rx)
//   matched [450:0] = {ep[2], tag[32], context[16], source[16], posted[192], unexp[193]}
//   stamp is the arrival cycle of the sender's descriptor; it travels Rts -> Fin for the sender's
//     completion.
`default_nettype none
`include "tally_assert.svh"

module tally_cmd #(
  parameter int unsigned MaxEager = tally_pkg::EagerSends,
  localparam int unsigned PostedW  = 192,
  localparam int unsigned UnexpW   = 193,
  localparam int unsigned MatchedW = 451
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [19:0]         ep_ranks_i,
  input  wire logic [127:0]        ep_posted_i,
  input  wire logic [12:0]         eager_max_i,
  input  wire logic [3:0]          cq_ok_i,

  // descriptors from tally_sq, one stream an endpoint
  input  wire logic [3:0]          in_valid_i,
  output      logic [3:0]          in_ready_o,
  input  wire logic [2047:0]       in_desc_i,
  input  wire logic [127:0]        in_arrival_i,

  // look-up a of tally_mr (combinational)
  output      logic [1:0]          mr_ep_o,
  output      logic [31:0]         mr_key_o,
  output      logic [63:0]         mr_addr_o,
  output      logic [31:0]         mr_len_o,
  input  wire logic                mr_ok_i,

  // cells of the queue pair's retransmit buffer: taken when both are high
  output      logic                rsv_valid_o,
  output      logic [7:0]          rsv_qp_o,
  output      logic [4:0]          rsv_cells_o,
  input  wire logic                rsv_ok_i,
  // an eager send of this endpoint was acknowledged or given up (pulses)
  input  wire logic [3:0]          send_done_i,

  // sends to tally_msg_tx
  output      logic                send_valid_o,
  input  wire logic                send_ready_i,
  output      logic [511:0]        send_desc_o,
  output      logic [31:0]         send_arrival_o,
  output      logic [1:0]          send_ep_o,
  output      logic                send_rts_o,

  // post port and post results of tally_match
  output      logic                post_valid_o,
  input  wire logic                post_ready_i,
  output      logic [2:0]          post_op_o,
  output      logic [1:0]          post_ep_o,
  output      logic [15:0]         post_context_o,
  output      logic [15:0]         post_source_o,
  output      logic [31:0]         post_tag_o,
  output      logic                post_any_source_o,
  output      logic                post_any_tag_o,
  output      logic [11:0]         post_handle_o,
  output      logic [31:0]         post_spill_seen_o,
  output      logic [PostedW-1:0]  post_payload_o,
  input  wire logic                post_done_i,
  input  wire logic [2:0]          post_result_i,
  input  wire logic [2:0]          post_reason_i,
  input  wire logic [15:0]         post_source_i,
  input  wire logic [31:0]         post_tag_i,
  input  wire logic [UnexpW-1:0]   post_unexp_payload_i,
  input  wire logic [11:0]         post_slot_i,
  input  wire logic [31:0]         post_spills_i,

  // collectives of endpoint 0 to tally_seq
  output      logic                coll_valid_o,
  input  wire logic                coll_ready_i,
  output      logic [511:0]        coll_desc_o,
  output      logic [31:0]         coll_arrival_o,

  // receives that met an unexpected eager message, to tally_copy
  output      logic                copy_valid_o,
  input  wire logic                copy_ready_i,
  output      logic [MatchedW-1:0] copy_matched_o,

  // receives that met an unexpected rendezvous, and fetches, to tally_rndv
  input  wire logic                rndv_room_i,
  output      logic                rndv_valid_o,
  input  wire logic                rndv_ready_i,
  output      logic                rndv_unexpected_o,  // low for a Fetch
  output      logic [MatchedW-1:0] rndv_matched_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,
  output      logic [1:0]          cpl_ep_o,

  output      logic                match_unexpected_o,
  output      logic                not_posted_o,
  output      logic                cancelled_o,
  output      logic                probe_o,
  output      logic                protection_o,
  output      logic                idle_o
);
  typedef enum logic [1:0] { KindCpl, KindSend, KindPost, KindColl } kind_e;

  localparam int unsigned Endpoints = tally_pkg::NumEndpoints;
  localparam int unsigned EagerW    = $clog2(MaxEager + 1);
  localparam int unsigned CellShift = $clog2(tally_pkg::CellBytes);

  // --- stage 1: one head, the endpoints in turn --------------------------------------------------
  // An endpoint whose head is on its way through the stages is not looked at again.
  logic [Endpoints-1:0] want, busy;
  logic                 pick_valid, s1_valid_q, s2_valid_q;
  logic [1:0]           pick, s1_ep_q, s2_ep_q;
  logic [511:0]         s1_desc_q, s2_desc_q;
  logic [31:0]          s1_arrival_q, s2_arrival_q;

  always_comb begin : p_pick
    busy = '0;
    if (s1_valid_q) busy[s1_ep_q] = 1'b1;
    if (s2_valid_q) busy[s2_ep_q] = 1'b1;
    want       = in_valid_i & cq_ok_i & ~busy;
    pick_valid = 1'b0;
    pick       = '0;
    for (int unsigned k = 1; k <= Endpoints; k++) begin
      if (!pick_valid && want[2'(32'(s1_ep_q) + k)]) begin
        pick_valid = 1'b1;
        pick       = 2'(32'(s1_ep_q) + k);
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_s1
    if (!rst_ni) begin
      s1_valid_q <= 1'b0;
      s1_ep_q    <= '0;
    end else begin
      s1_valid_q <= pick_valid;
      if (pick_valid) s1_ep_q <= pick;
    end
    if (pick_valid) begin
      s1_desc_q    <= in_desc_i[pick*512 +: 512];
      s1_arrival_q <= in_arrival_i[pick*32 +: 32];
    end
  end

  // --- checks: the first that fails is reported --------------------------------------------------
  tally_pkg::recv_desc_t desc;
  tally_pkg::coll_desc_t coll;
  logic                  any_source, any_tag, is_inline, is_sync, is_rts, bad_peer, bad_tag;
  logic                  bad_handle;
  logic [16:0]           entry;
  logic [7:0]            status;
  logic [31:0]           detail;
  logic [4:0]            cells;
  kind_e                 kind;
  logic                  starts, unused_desc;

  assign desc        = s1_desc_q;
  assign coll        = s2_desc_q;
  assign unused_desc = ^{desc, coll};

  assign any_source = desc.flags[tally_pkg::MsgFlagAnySourceBit];
  assign any_tag    = desc.flags[tally_pkg::MsgFlagAnyTagBit];
  assign is_inline  = desc.flags[tally_pkg::MsgFlagInlineBit]
                    && desc.opcode == tally_pkg::OpcodeSend;
  assign is_sync    = desc.flags[tally_pkg::MsgFlagSyncBit]
                    && desc.opcode == tally_pkg::OpcodeSend;
  // What is inline has no memory that could be read: always eager.
  assign is_rts     = (desc.length > 32'(eager_max_i) || is_sync) && !is_inline;
  assign cells      = is_rts ? 5'd1
                    : 5'((desc.length[12:0] + 13'(tally_pkg::MsgHeaderBytes)
                          + 13'(tally_pkg::CellBytes - 1)) >> CellShift);
  assign bad_peer   = desc.peer >= 16'(ep_ranks_i[s1_ep_q*5 +: 5]);
  assign bad_tag    = desc.tag[31];
  assign entry      = 17'(ep_posted_i[s1_ep_q*32 +: 16]) + 17'(desc.handle);
  assign bad_handle = desc.handle >= ep_posted_i[s1_ep_q*32+16 +: 16]
                    || entry >= 17'(tally_pkg::PostedEntries);

  assign mr_ep_o   = s1_ep_q;
  assign mr_key_o  = desc.key;
  assign mr_addr_o = desc.addr;
  assign mr_len_o  = is_inline ? '0 : desc.length;

  always_comb begin : p_check
    status = tally_pkg::StatusOk;
    detail = '0;
    kind   = KindPost;
    starts = 1'b0;
    unique case (desc.opcode)
      tally_pkg::OpcodeNop: kind = KindCpl;
      tally_pkg::OpcodeSend: begin
        kind = KindSend;
        if (bad_peer) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd4;
        end else if (bad_tag) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd8;
        end else if (is_inline && is_sync) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd1;
        end else if (is_inline && desc.length > 32'(tally_pkg::InlineBytes)) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd24;
        end else if (!mr_ok_i) begin
          status = tally_pkg::StatusProtection;
          detail = desc.key;
        end
      end
      tally_pkg::OpcodeRecv: begin
        starts = 1'b1;
        if (bad_peer && !any_source) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd4;
        end else if (bad_handle && !desc.flags[tally_pkg::MsgFlagNoAppendBit]) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd6;
        end else if (bad_tag && !any_tag) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd8;
        end else if (!mr_ok_i) begin
          status = tally_pkg::StatusProtection;
          detail = desc.key;
        end
      end
      tally_pkg::OpcodeCollective: begin
        kind = KindColl;
        if (s1_ep_q != '0) status = tally_pkg::StatusUnsupported;
      end
      tally_pkg::OpcodeCancel: begin
        if (bad_handle) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd6;
        end
      end
      tally_pkg::OpcodeProbe: begin
        if (bad_peer && !any_source) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd4;
        end else if (bad_tag && !any_tag) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd8;
        end
      end
      tally_pkg::OpcodeMrecv: begin
        starts = 1'b1;
        if (desc.handle >= 16'(tally_pkg::UnexpectedEntries)) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd6;
        end else if (!mr_ok_i) begin
          status = tally_pkg::StatusProtection;
          detail = desc.key;
        end
      end
      tally_pkg::OpcodeFetch: begin
        starts = 1'b1;
        if (bad_peer) begin
          status = tally_pkg::StatusBadField;
          detail = 32'd4;
        end else if (!mr_ok_i) begin
          status = tally_pkg::StatusProtection;
          detail = desc.key;
        end
      end
      tally_pkg::OpcodeSpillOn, tally_pkg::OpcodeSpillOff: ;
      default: status = tally_pkg::StatusBadOpcode;
    endcase
    if (status != tally_pkg::StatusOk) kind = KindCpl;
  end

  // --- stage 2: goes, or stays with its endpoint -------------------------------------------------
  kind_e       s2_kind_q;
  logic [7:0]  s2_status_q;
  logic [31:0] s2_detail_q;
  logic [4:0]  s2_cells_q;
  logic [3:0]  s2_peer_q;
  logic [11:0] s2_handle_q;
  logic        s2_rts_q, s2_starts_q;

  always_ff @(posedge clk_i) begin : p_s2
    if (!rst_ni) s2_valid_q <= 1'b0;
    else s2_valid_q <= s1_valid_q;
    if (s1_valid_q) begin
      s2_ep_q      <= s1_ep_q;
      s2_desc_q    <= s1_desc_q;
      s2_arrival_q <= s1_arrival_q;
      s2_kind_q    <= kind;
      s2_status_q  <= status;
      s2_detail_q  <= detail;
      s2_cells_q   <= cells;
      s2_peer_q    <= desc.peer[3:0];
      s2_rts_q     <= is_rts;
      s2_starts_q  <= starts;
      s2_handle_q  <= desc.opcode == tally_pkg::OpcodeMrecv ? desc.handle[11:0] : entry[11:0];
    end
  end

  logic [Endpoints-1:0] eager_room;
  logic                 here, go, go_send, go_post, go_coll, go_cpl;
  logic                 send_room, post_room, coll_room, cpl_room, post_idle;

  assign here        = s2_valid_q && cq_ok_i[s2_ep_q];
  assign rsv_valid_o = here && s2_kind_q == KindSend && send_room
                     && (s2_rts_q || eager_room[s2_ep_q]);
  assign rsv_qp_o    = {2'(tally_pkg::QpKindMsg), s2_ep_q, s2_peer_q};
  assign rsv_cells_o = s2_cells_q;
  assign go_send     = rsv_valid_o && rsv_ok_i;
  assign go_post     = here && s2_kind_q == KindPost && post_room && (rndv_room_i || !s2_starts_q);
  assign go_coll     = here && s2_kind_q == KindColl && coll_room;
  assign go_cpl      = here && s2_kind_q == KindCpl && cpl_room;
  assign go          = go_send || go_post || go_coll || go_cpl;

  always_comb begin : p_ready
    in_ready_o          = '0;
    in_ready_o[s2_ep_q] = go;
  end

  for (genvar e = 0; e < 32'(Endpoints); e++) begin : gen_eager
    logic [EagerW-1:0] count_q;
    logic              up;
    assign up            = go_send && !s2_rts_q && 32'(s2_ep_q) == e;
    assign eager_room[e] = count_q != EagerW'(MaxEager);
    always_ff @(posedge clk_i) begin : p_count
      if (!rst_ni) count_q <= '0;
      else count_q <= count_q + EagerW'(up) - EagerW'(send_done_i[e]);
    end
    `TALLY_ASSERT(CountBound_A, count_q <= EagerW'(MaxEager))
    `TALLY_ASSERT(DoneExpected_A, send_done_i[e] |-> count_q != '0)
  end

  // --- hand-over ---------------------------------------------------------------------------------
  logic [1:0] unused_send_level, unused_coll_level;

  tally_fifo #(.Width(547), .Depth(2)) u_send (
    .clk_i, .rst_ni,
    .in_valid_i(go_send), .in_ready_o(send_room),
    .in_data_i({s2_rts_q, s2_ep_q, s2_arrival_q, s2_desc_q}),
    .out_valid_o(send_valid_o), .out_ready_i(send_ready_i),
    .out_data_o({send_rts_o, send_ep_o, send_arrival_o, send_desc_o}),
    .level_o(unused_send_level)
  );

  // A collective goes past its empty FIFO.
  logic         coll_held;
  logic [543:0] coll_head;
  tally_fifo #(.Width(544), .Depth(2)) u_coll (
    .clk_i, .rst_ni,
    .in_valid_i(go_coll && (coll_held || !coll_ready_i)), .in_ready_o(coll_room),
    .in_data_i({s2_arrival_q, s2_desc_q}),
    .out_valid_o(coll_held), .out_ready_i(coll_ready_i), .out_data_o(coll_head),
    .level_o(unused_coll_level)
  );
  assign coll_valid_o = coll_held || go_coll;
  assign {coll_arrival_o, coll_desc_o} = coll_held ? coll_head : {s2_arrival_q, s2_desc_q};

  logic         post_cpl_valid;
  logic [255:0] post_cpl_data;
  logic [1:0]   post_cpl_ep;
  logic         cpl_fifo_ready;

  tally_post u_post (
    .clk_i, .rst_ni,
    .in_valid_i(go_post), .in_ready_o(post_room), .in_desc_i(s2_desc_q),
    .in_arrival_i(s2_arrival_q), .in_ep_i(s2_ep_q), .in_handle_i(s2_handle_q),
    .post_valid_o, .post_ready_i, .post_op_o, .post_ep_o, .post_context_o, .post_source_o,
    .post_tag_o, .post_any_source_o, .post_any_tag_o, .post_handle_o, .post_spill_seen_o,
    .post_payload_o, .post_done_i, .post_result_i, .post_reason_i, .post_source_i, .post_tag_i,
    .post_unexp_payload_i, .post_slot_i, .post_spills_i,
    .copy_valid_o, .copy_ready_i, .rndv_valid_o, .rndv_ready_i,
    .rndv_unexpected_o, .matched_o(copy_matched_o),
    .cpl_valid_o(post_cpl_valid), .cpl_ready_i(cpl_fifo_ready), .cpl_data_o(post_cpl_data),
    .cpl_ep_o(post_cpl_ep),
    .match_unexpected_o, .not_posted_o, .cancelled_o, .probe_o, .idle_o(post_idle)
  );
  assign rndv_matched_o = copy_matched_o;

  // Completions: those of tally_post first.
  tally_pkg::cqe_t cqe;
  always_comb begin : p_cqe
    cqe        = '0;
    cqe.cookie = coll.opcode == tally_pkg::OpcodeCollective ? coll.cookie : s2_desc_q[28*8 +: 32];
    cqe.opcode = coll.opcode == tally_pkg::OpcodeMrecv || coll.opcode == tally_pkg::OpcodeFetch
               ? tally_pkg::OpcodeRecv : coll.opcode;
    cqe.status     = s2_status_q;
    cqe.context_id = coll.context_id;
    cqe.cycles     = s2_arrival_q;
    cqe.detail     = s2_detail_q;
  end

  logic [2:0] unused_cpl_level;
  tally_fifo #(.Width(258), .Depth(4)) u_cpl (
    .clk_i, .rst_ni,
    .in_valid_i(post_cpl_valid || go_cpl), .in_ready_o(cpl_fifo_ready),
    .in_data_i(post_cpl_valid ? {post_cpl_ep, post_cpl_data} : {s2_ep_q, cqe}),
    .out_valid_o(cpl_valid_o), .out_ready_i(cpl_ready_i), .out_data_o({cpl_ep_o, cpl_data_o}),
    .level_o(unused_cpl_level)
  );
  assign cpl_room = cpl_fifo_ready && !post_cpl_valid;

  assign protection_o = go_cpl && s2_status_q == tally_pkg::StatusProtection;
  assign idle_o       = in_valid_i == '0 && !s1_valid_q && !s2_valid_q && !send_valid_o
                      && !coll_valid_o && !cpl_valid_o && post_idle;

  `TALLY_ASSERT_STABLE(SendStable_A, send_valid_o, send_ready_i,
                       {send_desc_o, send_arrival_o, send_ep_o, send_rts_o})
  `TALLY_ASSERT_STABLE(CollStable_A, coll_valid_o, coll_ready_i, {coll_desc_o, coll_arrival_o})
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, {cpl_data_o, cpl_ep_o})
  `TALLY_ASSERT(HeadStays_A, s2_valid_q |-> in_valid_i[s2_ep_q])
  `TALLY_ASSERT(Distinct_A, s1_valid_q && s2_valid_q |-> s1_ep_q != s2_ep_q)
endmodule

`default_nettype wire

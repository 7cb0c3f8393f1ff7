// SPDX-License-Identifier: BSD-3-Clause
// Receives and the other descriptors that the match unit answers: posts them ahead, takes the
// results in order, starts what follows from them.
//
//   Recv    Post (with NoAppend: Search)   hit: copy or rendezvous; else NotPosted, or appended
//   Probe   Probe (with Claim: Claim)      completion, with the claimed entry in detail
//   Mrecv   Take                           copy or rendezvous; else NotFound
//   Cancel, SpillOn, SpillOff              completion
//   Fetch   no match operation             rendezvous
//
// Ordering: match operations, results and what they start in the order of the descriptors.
// Latency: 2 cycles and the match unit's. Throughput: one descriptor a cycle here; the match unit
// takes one in 4. Storage: Depth * 1100 bits of LUT RAM.
// Limitations: at most Depth descriptors under way. An appended receive makes no completion.
`default_nettype none
`include "tally_assert.svh"

module tally_post #(
  parameter int unsigned Depth = 8,
  localparam int unsigned PostedW  = 192,
  localparam int unsigned UnexpW   = 193,
  localparam int unsigned MatchedW = 451
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  // checked descriptors from tally_cmd; handle: entry of the match unit
  input  wire logic                in_valid_i,
  output      logic                in_ready_o,
  input  wire logic [511:0]        in_desc_i,
  input  wire logic [31:0]         in_arrival_i,
  input  wire logic [1:0]          in_ep_i,
  input  wire logic [11:0]         in_handle_i,

  // post port and results of tally_match
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

  output      logic                copy_valid_o,
  input  wire logic                copy_ready_i,
  output      logic                rndv_valid_o,
  input  wire logic                rndv_ready_i,
  output      logic                rndv_unexpected_o,  // a receive met it; low for a Fetch
  output      logic [MatchedW-1:0] matched_o,          // of both

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,
  output      logic [1:0]          cpl_ep_o,

  output      logic                match_unexpected_o,
  output      logic                not_posted_o,
  output      logic                cancelled_o,
  output      logic                probe_o,
  output      logic                idle_o
);
  // Operations and results of tally_match.
  localparam logic [2:0] OpPost = 3'd0, OpSearch = 3'd1, OpProbe = 3'd2, OpClaim = 3'd3,
                         OpTake = 3'd4, OpCancel = 3'd5, OpSpillOn = 3'd6, OpSpillOff = 3'd7;
  localparam logic [2:0] ResAppended = 3'd0, ResHit = 3'd1, ResMiss = 3'd2, ResReturned = 3'd3,
                         ResBusy = 3'd4;

  localparam int unsigned IssueW  = 3 + 2 + 16 + 16 + 32 + 2 + 12 + 32 + PostedW;
  localparam int unsigned TrackW  = 1 + 3 + 2 + 16 + 16 + 32 + PostedW + UnexpW;
  localparam int unsigned ResultW = 3 + 3 + 16 + 32 + UnexpW + 12 + 32;

  // --- in ----------------------------------------------------------------------------------------
  tally_pkg::recv_desc_t desc;
  logic [2:0]            in_op;
  logic                  is_fetch, push, issue_ready, track_ready;
  logic [PostedW-1:0]    in_posted;
  logic [UnexpW-1:0]     in_unexp;
  logic                  unused_desc;

  assign desc        = in_desc_i;
  assign unused_desc = ^desc;
  assign is_fetch    = desc.opcode == tally_pkg::OpcodeFetch;
  assign in_posted   = {desc.key, in_arrival_i, desc.cookie, desc.length, desc.addr};
  assign in_unexp    = {1'b1, desc.remote_stamp, desc.remote_cookie, desc.remote_key,
                        desc.remote_length, desc.remote_addr};

  always_comb begin : p_op
    unique case (desc.opcode)
      tally_pkg::OpcodeProbe:    in_op = desc.flags[tally_pkg::MsgFlagClaimBit] ? OpClaim : OpProbe;
      tally_pkg::OpcodeMrecv:    in_op = OpTake;
      tally_pkg::OpcodeCancel:   in_op = OpCancel;
      tally_pkg::OpcodeSpillOn:  in_op = OpSpillOn;
      tally_pkg::OpcodeSpillOff: in_op = OpSpillOff;
      default: in_op = desc.flags[tally_pkg::MsgFlagNoAppendBit] ? OpSearch : OpPost;
    endcase
  end

  assign in_ready_o = issue_ready && track_ready;
  assign push       = in_valid_i && in_ready_o;

  logic [$clog2(Depth+1)-1:0] unused_issue_level, unused_track_level, unused_result_level;

  tally_fifo #(.Width(IssueW), .Depth(Depth)) u_issue (
    .clk_i, .rst_ni,
    .in_valid_i(push && !is_fetch), .in_ready_o(issue_ready),
    .in_data_i({in_op, in_ep_i, desc.context_id, desc.peer, desc.tag,
                desc.flags[tally_pkg::MsgFlagAnySourceBit], desc.flags[tally_pkg::MsgFlagAnyTagBit],
                in_handle_i, desc.spill_seen, in_posted}),
    .out_valid_o(post_valid_o), .out_ready_i(post_ready_i),
    .out_data_o({post_op_o, post_ep_o, post_context_o, post_source_o, post_tag_o, post_any_source_o,
                 post_any_tag_o, post_handle_o, post_spill_seen_o, post_payload_o}),
    .level_o(unused_issue_level)
  );

  // --- what waits for its result -----------------------------------------------------------------
  logic               track_valid, fetch, go;
  logic [2:0]         op;
  logic [1:0]         ep;
  logic [15:0]        context_id, source;
  logic [31:0]        tag;
  logic [PostedW-1:0] posted;
  logic [UnexpW-1:0]  remote;

  tally_fifo #(.Width(TrackW), .Depth(Depth)) u_track (
    .clk_i, .rst_ni,
    .in_valid_i(push), .in_ready_o(track_ready),
    .in_data_i({is_fetch, in_op, in_ep_i, desc.context_id, desc.peer, desc.tag, in_posted,
                in_unexp}),
    .out_valid_o(track_valid), .out_ready_i(go),
    .out_data_o({fetch, op, ep, context_id, source, tag, posted, remote}),
    .level_o(unused_track_level)
  );

  logic              res_valid, res_ready, res_room;
  logic [2:0]        res_result, res_reason;
  logic [15:0]       res_source;
  logic [31:0]       res_tag, res_spills;
  logic [UnexpW-1:0] res_unexp;
  logic [11:0]       res_slot;

  tally_fifo #(.Width(ResultW), .Depth(Depth)) u_result (
    .clk_i, .rst_ni,
    .in_valid_i(post_done_i), .in_ready_o(res_room),
    .in_data_i({post_result_i, post_reason_i, post_source_i, post_tag_i, post_unexp_payload_i,
                post_slot_i, post_spills_i}),
    .out_valid_o(res_valid), .out_ready_i(res_ready),
    .out_data_o({res_result, res_reason, res_source, res_tag, res_unexp, res_slot, res_spills}),
    .level_o(unused_result_level)
  );

  // --- what follows ------------------------------------------------------------------------------
  logic is_recv, have, data, silent;

  assign is_recv = op == OpPost || op == OpSearch || op == OpTake;
  assign have    = track_valid && (fetch || res_valid);
  assign data    = fetch || (is_recv && res_result == ResHit);
  assign silent  = !fetch && res_result == ResAppended;

  assign copy_valid_o = have && data && !fetch && !res_unexp[UnexpW-1];
  assign rndv_valid_o = have && data && (fetch || res_unexp[UnexpW-1]);
  assign rndv_unexpected_o = !fetch;
  assign matched_o    = fetch ? {ep, tag, context_id, source, posted, remote}
                              : {ep, res_tag, context_id, res_source, posted, res_unexp};
  assign cpl_valid_o  = have && !data && !silent;
  assign cpl_ep_o     = ep;
  assign go           = have && (silent || (copy_valid_o && copy_ready_i)
                                 || (rndv_valid_o && rndv_ready_i) || (cpl_valid_o && cpl_ready_i));
  assign res_ready    = go && !fetch;

  tally_pkg::cqe_t cqe;
  always_comb begin : p_cqe
    cqe            = '0;
    cqe.cookie     = posted[96 +: 32];
    cqe.context_id = context_id;
    cqe.cycles     = posted[128 +: 32];
    unique case (op)
      OpProbe, OpClaim: begin
        cqe.opcode = tally_pkg::OpcodeProbe;
        if (res_result == ResHit) begin
          cqe.length = res_unexp[64 +: 32];
          cqe.tag    = res_tag;
          cqe.source = res_source;
          cqe.detail = op == OpClaim ? 32'(res_slot) : '0;
        end else begin
          cqe.status = tally_pkg::StatusNotFound;
        end
      end
      OpCancel: begin
        cqe.opcode = tally_pkg::OpcodeCancel;
        cqe.status = res_result == ResHit ? tally_pkg::StatusOk : tally_pkg::StatusNotFound;
      end
      OpSpillOn: cqe.opcode = tally_pkg::OpcodeSpillOn;
      OpSpillOff: begin
        cqe.opcode = tally_pkg::OpcodeSpillOff;
        cqe.status = res_result == ResHit ? tally_pkg::StatusOk : tally_pkg::StatusNotFound;
        cqe.detail = res_result == ResHit ? '0 : res_spills;
      end
      OpTake: begin
        cqe.opcode = tally_pkg::OpcodeRecv;
        cqe.status = tally_pkg::StatusNotFound;
      end
      default: begin
        cqe.opcode = tally_pkg::OpcodeRecv;
        if (res_result == ResBusy) begin
          cqe.status = tally_pkg::StatusBadField;
          cqe.detail = 32'd6;
        end else begin
          cqe.status      = tally_pkg::StatusNotPosted;
          cqe.flags[15:8] = op == OpSearch ? tally_pkg::SpillReasonNoAppend : 8'(res_reason);
          cqe.detail      = res_spills;
        end
      end
    endcase
  end
  assign cpl_data_o = cqe;

  assign match_unexpected_o = go && data && !fetch;
  assign not_posted_o       = go && cpl_valid_o && cqe.status == tally_pkg::StatusNotPosted;
  assign cancelled_o        = go && op == OpCancel && !fetch && res_result == ResHit;
  assign probe_o            = go && (op == OpProbe || op == OpClaim) && !fetch;
  assign idle_o             = !in_valid_i && !track_valid;

  `TALLY_ASSERT_STABLE(PostStable_A, post_valid_o, post_ready_i,
                       {post_op_o, post_ep_o, post_context_o, post_source_o, post_tag_o,
                        post_handle_o, post_spill_seen_o, post_payload_o})
  `TALLY_ASSERT_STABLE(CopyStable_A, copy_valid_o, copy_ready_i, matched_o)
  `TALLY_ASSERT_STABLE(RndvStable_A, rndv_valid_o, rndv_ready_i, {matched_o, rndv_unexpected_o})
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, {cpl_data_o, cpl_ep_o})
  `TALLY_ASSERT(ResultRoom_A, post_done_i |-> res_room)
  `TALLY_ASSERT(ResultExpected_A, post_done_i |-> track_valid)
  `TALLY_ASSERT(ResultKnown_A, post_done_i |-> post_result_i <= ResBusy)
  `TALLY_ASSERT(SearchMisses_A, have && !fetch && res_result == ResReturned |-> op == OpPost)
  `TALLY_ASSERT(SearchIsMiss_A, have && !fetch && res_result == ResMiss |-> op != OpPost)
endmodule

`default_nettype wire

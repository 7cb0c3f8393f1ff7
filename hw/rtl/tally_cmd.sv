// SPDX-License-Identifier: BSD-3-Clause
// Command decoder: takes descriptors in order, checks them, and hands each to the unit that
// executes it.
//
// Send goes to tally_msg_tx, Recv to the post port of tally_match, Collective to tally_seq. Nop and
// every refused descriptor complete here. A receive that met an unexpected message becomes a copy
// job (eager) or a rendezvous job.
// Ordering: descriptors are handed on one at a time in the order they came. Match results have no
// back-pressure: at most one post is outstanding, its result is kept until the job is taken.
// Latency: 3 cycles from descriptor to hand-over. Throughput: one send in 3 cycles, one receive in
// 5 cycles plus the match unit's time. Storage: one descriptor and one match result (about 900
// bits).
// Limitations: a Collective is passed on unchecked; tally_seq checks it.
//
// Layouts shared by the message path (first name = highest bits):
//   posted  [159:0] = {arrival[32], cookie[32], room[32], addr[64]}
//   unexp   [192:0] = {rts[1], stamp[32], cookie[32], key[32], length[32], addr[64]}; Eager uses
//     rts (0) and length
//   matched [416:0] = {tag[32], context[16], source[16], posted[160], unexp[193]}
//   stamp is the arrival cycle of the sender's descriptor; it travels Rts -> ReadReq for the
//     sender's completion.
`default_nettype none
`include "tally_assert.svh"

module tally_cmd #(
  localparam int unsigned PostedW  = 160,
  localparam int unsigned UnexpW   = 193,
  localparam int unsigned MatchedW = 417,
  localparam int unsigned SlotBits = $clog2(tally_pkg::UnexpectedEntries)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [15:0]         nodes_i,

  // descriptors from tally_sq
  input  wire logic                in_valid_i,
  output      logic                in_ready_o,
  input  wire logic [511:0]        in_desc_i,
  input  wire logic [31:0]         in_arrival_i,

  // look-up a of tally_mr (combinational)
  output      logic [31:0]         mr_key_o,
  output      logic [63:0]         mr_addr_o,
  output      logic [31:0]         mr_len_o,
  input  wire logic                mr_ok_i,

  // sends to tally_msg_tx
  output      logic                send_valid_o,
  input  wire logic                send_ready_i,
  output      logic [511:0]        send_desc_o,
  output      logic [31:0]         send_arrival_o,

  // post port and post results of tally_match
  output      logic                post_valid_o,
  input  wire logic                post_ready_i,
  output      logic [15:0]         post_context_o,
  output      logic [15:0]         post_source_o,
  output      logic [31:0]         post_tag_o,
  output      logic                post_any_source_o,
  output      logic                post_any_tag_o,
  output      logic [PostedW-1:0]  post_payload_o,
  input  wire logic                post_done_i,
  input  wire logic                post_hit_i,
  input  wire logic                post_full_i,
  input  wire logic [15:0]         post_source_i,
  input  wire logic [31:0]         post_tag_i,
  input  wire logic [UnexpW-1:0]   post_unexp_payload_i,
  input  wire logic [SlotBits-1:0] post_slot_i,

  // collectives to tally_seq
  output      logic                coll_valid_o,
  input  wire logic                coll_ready_i,
  output      logic [511:0]        coll_desc_o,
  output      logic [31:0]         coll_arrival_o,

  // receives that met an unexpected eager message, to tally_copy
  output      logic                copy_valid_o,
  input  wire logic                copy_ready_i,
  output      logic [MatchedW-1:0] copy_matched_o,
  output      logic [SlotBits-1:0] copy_slot_o,

  // receives that met an unexpected rendezvous, to tally_rndv
  output      logic                rndv_valid_o,
  input  wire logic                rndv_ready_i,
  output      logic [MatchedW-1:0] rndv_matched_o,

  // slot of a matched rendezvous, freed at once (merged into the match unit's free port by
  // tally_copy)
  output      logic                free_valid_o,
  input  wire logic                free_ready_i,
  output      logic [SlotBits-1:0] free_slot_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,

  output      logic                match_unexpected_o,
  output      logic                protection_o,
  output      logic                idle_o
);
  typedef enum logic [3:0] {
    StIdle, StCheck, StSend, StPost, StResult, StColl, StCopy, StRndv, StFree, StCpl
  } state_e;

  state_e                 state_q, state_d;
  logic [511:0]           desc_q;
  logic [31:0]            arrival_q;
  logic [7:0]             status_q, status_d;
  logic [31:0]            detail_q, detail_d;
  logic [15:0]            hit_source_q;
  logic [31:0]            hit_tag_q;
  logic [UnexpW-1:0]      hit_unexp_q;
  logic [SlotBits-1:0]    hit_slot_q;
  tally_pkg::msg_desc_t   desc;
  tally_pkg::cqe_t        cqe;
  logic                   any_source, any_tag, is_inline, refused, unused_desc;

  assign desc        = desc_q;
  assign unused_desc = ^{desc.inline_data, desc.reserved0, desc.flags[7:3]};

  assign any_source = desc.flags[tally_pkg::MsgFlagAnySourceBit];
  assign any_tag    = desc.flags[tally_pkg::MsgFlagAnyTagBit];
  assign is_inline  = desc.flags[tally_pkg::MsgFlagInlineBit]
                    && desc.opcode == tally_pkg::OpcodeSend;
  assign refused    = status_d != tally_pkg::StatusOk;

  assign mr_key_o  = desc.key;
  assign mr_addr_o = desc.addr;
  assign mr_len_o  = desc.length;

  // Checks of the descriptor in StCheck; the first that fails is reported.
  always_comb begin : p_check
    status_d = tally_pkg::StatusOk;
    detail_d = '0;
    unique case (desc.opcode)
      tally_pkg::OpcodeSend, tally_pkg::OpcodeRecv: begin
        if (desc.peer >= nodes_i && !(desc.opcode == tally_pkg::OpcodeRecv && any_source)) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = 32'd4;
        end else if (desc.tag[31] && !(desc.opcode == tally_pkg::OpcodeRecv && any_tag)) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = 32'd8;
        end else if (is_inline && desc.length > 32'(tally_pkg::InlineBytes)) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = 32'd24;
        end else if (!is_inline && !mr_ok_i) begin
          status_d = tally_pkg::StatusProtection;
          detail_d = desc.key;
        end
      end
      tally_pkg::OpcodeNop, tally_pkg::OpcodeCollective: ;
      default: status_d = tally_pkg::StatusBadOpcode;
    endcase
  end

  always_comb begin : p_next
    state_d = state_q;
    unique case (state_q)
      StIdle: if (in_valid_i) state_d = StCheck;
      StCheck: begin
        state_d = StCpl;
        if (!refused) begin
          unique case (desc.opcode)
            tally_pkg::OpcodeSend:       state_d = StSend;
            tally_pkg::OpcodeRecv:       state_d = StPost;
            tally_pkg::OpcodeCollective: state_d = StColl;
            default:                     state_d = StCpl;
          endcase
        end
      end
      StSend: if (send_ready_i) state_d = StIdle;
      StPost: if (post_ready_i) state_d = StResult;
      StResult: begin
        if (post_full_i) begin
          state_d = StCpl;
        end else if (post_done_i) begin
          state_d = StIdle;
          if (post_hit_i) state_d = post_unexp_payload_i[UnexpW-1] ? StRndv : StCopy;
        end
      end
      StColl:  if (coll_ready_i) state_d = StIdle;
      StCopy:  if (copy_ready_i) state_d = StIdle;
      StRndv:  if (rndv_ready_i) state_d = StFree;
      StFree:  if (free_ready_i) state_d = StIdle;
      StCpl:   if (cpl_ready_i) state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      state_q <= state_d;
    end
  end

  always_ff @(posedge clk_i) begin : p_data
    if (state_q == StIdle && in_valid_i) begin
      desc_q    <= in_desc_i;
      arrival_q <= in_arrival_i;
    end
    if (state_q == StCheck) begin
      status_q <= status_d;
      detail_q <= detail_d;
    end
    if (state_q == StResult && post_full_i) begin
      status_q <= tally_pkg::StatusBadField;
      detail_q <= '0;
    end
    if (state_q == StResult && post_done_i) begin
      hit_source_q <= post_source_i;
      hit_tag_q    <= post_tag_i;
      hit_unexp_q  <= post_unexp_payload_i;
      hit_slot_q   <= post_slot_i;
    end
  end

  assign in_ready_o = state_q == StIdle;

  assign send_valid_o   = state_q == StSend;
  assign send_desc_o    = desc_q;
  assign send_arrival_o = arrival_q;

  assign post_valid_o      = state_q == StPost;
  assign post_context_o    = desc.context_id;
  assign post_source_o     = desc.peer;
  assign post_tag_o        = desc.tag;
  assign post_any_source_o = any_source;
  assign post_any_tag_o    = any_tag;
  assign post_payload_o    = {arrival_q, desc.cookie, desc.length, desc.addr};

  assign coll_valid_o   = state_q == StColl;
  assign coll_desc_o    = desc_q;
  assign coll_arrival_o = arrival_q;

  assign copy_valid_o   = state_q == StCopy;
  assign copy_matched_o = {hit_tag_q, desc.context_id, hit_source_q, post_payload_o, hit_unexp_q};
  assign copy_slot_o    = hit_slot_q;
  assign rndv_valid_o   = state_q == StRndv;
  assign rndv_matched_o = copy_matched_o;
  assign free_valid_o   = state_q == StFree;
  assign free_slot_o    = hit_slot_q;

  always_comb begin : p_cqe
    cqe            = '0;
    cqe.cookie     = desc.cookie;
    cqe.opcode     = desc.opcode;
    cqe.status     = status_q;
    cqe.context_id = desc.context_id;
    cqe.cycles     = arrival_q;
    cqe.detail     = detail_q;
  end

  assign cpl_valid_o        = state_q == StCpl;
  assign cpl_data_o         = cqe;
  assign match_unexpected_o = state_q == StResult && post_done_i && post_hit_i;
  assign protection_o       = state_q == StCpl && cpl_ready_i
                            && status_q == tally_pkg::StatusProtection;
  assign idle_o             = state_q == StIdle && !in_valid_i;

  `TALLY_ASSERT_STABLE(SendStable_A, send_valid_o, send_ready_i, {send_desc_o, send_arrival_o})
  `TALLY_ASSERT_STABLE(PostStable_A, post_valid_o, post_ready_i,
                       {post_context_o, post_source_o, post_tag_o, post_payload_o})
  `TALLY_ASSERT_STABLE(CollStable_A, coll_valid_o, coll_ready_i, {coll_desc_o, coll_arrival_o})
  `TALLY_ASSERT_STABLE(CopyStable_A, copy_valid_o, copy_ready_i, {copy_matched_o, copy_slot_o})
  `TALLY_ASSERT_STABLE(RndvStable_A, rndv_valid_o, rndv_ready_i, rndv_matched_o)
  `TALLY_ASSERT_STABLE(FreeStable_A, free_valid_o, free_ready_i, free_slot_o)
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, cpl_data_o)
  `TALLY_ASSERT(ResultExpected_A, (post_done_i || post_full_i) |-> state_q == StResult)
endmodule

`default_nettype wire

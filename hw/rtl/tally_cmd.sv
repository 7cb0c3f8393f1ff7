// SPDX-License-Identifier: BSD-3-Clause
// Command decoder: takes descriptors in order, checks them, and hands each to the unit that executes it.
//
// Send goes to tally_msg_tx, Recv to the post port of tally_match, Collective to tally_seq. Nop and every refused
// descriptor complete here. A receive that met an unexpected message becomes a copy job (eager) or a rendezvous job.
// Ordering: descriptors are handed on one at a time in the order they came. Match results have no back-pressure: at
// most one post is outstanding, its result is kept until the job is taken.
// Latency: 3 cycles from descriptor to hand-over. Throughput: one send in 3 cycles, one receive in 5 cycles plus the
// match unit's time. Storage: one descriptor and one match result (about 900 bits).
// Limitations: a Collective is passed on unchecked; tally_seq checks it.
//
// Layouts shared by the message path (first name = highest bits):
//   posted  [159:0] = {arrival[32], cookie[32], room[32], addr[64]}
//   unexp   [192:0] = {rts[1], stamp[32], cookie[32], key[32], length[32], addr[64]}; Eager uses rts (0) and length
//   matched [416:0] = {tag[32], context[16], source[16], posted[160], unexp[193]}
//   stamp is the arrival cycle of the sender's descriptor; it travels Rts -> ReadReq for the sender's completion.
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

  // slot of a matched rendezvous, freed at once (merged into the match unit's free port by tally_copy)
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
endmodule

`default_nettype wire

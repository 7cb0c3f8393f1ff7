// SPDX-License-Identifier: BSD-3-Clause
// Records and lists of one wildcard class: what is posted and what is unexpected under each key.
//
// A record (one a place of tally_match_table) holds the head and tail of two doubly linked lists,
// oldest first: posted receives of this class, and unexpected messages under their key of this
// class. An end of a list is told by the record, so the links at an end are never read: removal
// from any place is one write to each memory.
// Steps, each one cycle, told by the owner for one operation at a time:
//   0  record of the looked-up place is read;
//   1  heads are out; links of post_node_i (or of the posted head) and of unexp_node_i are read;
//   2  age of the posted node is out; reread_i: record of reread_place_i is read instead;
//   3  commands: at most one of the four; record, links and age are written; empty_o tells that
//      both lists of the record are empty then.
// The next operation's step 0 may be the cycle after step 3: it sees all of it.
// Storage: 8 * Buckets * (2 + 2 * PostBits + 2 * UnexpBits) + 2^PostBits * (2 * PostBits + AgeBits)
// + 2^UnexpBits * 2 * UnexpBits bits, block RAM.
`default_nettype none
`include "tally_assert.svh"

module tally_match_list #(
  parameter int unsigned PlaceW = 14,
  parameter int unsigned PostBits = 12,
  parameter int unsigned UnexpBits = 12,
  parameter int unsigned AgeBits = 56
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  input  wire logic                 step0_i,
  input  wire logic                 step1_i,
  input  wire logic                 step2_i,
  input  wire logic                 step3_i,

  // From the table, steps 0 to 3.
  input  wire logic                 held_i,
  input  wire logic                 fresh_i,
  input  wire logic [PlaceW-1:0]    place_i,

  // Step 1.
  output      logic                 post_valid_o,   // steps 1 and 2
  output      logic [PostBits-1:0]  post_head_o,    // steps 1 and 2
  output      logic                 unexp_valid_o,
  output      logic [UnexpBits-1:0] unexp_head_o,
  input  wire logic                 post_node_valid_i,
  input  wire logic [PostBits-1:0]  post_node_i,
  input  wire logic [UnexpBits-1:0] unexp_node_i,

  // Step 2.
  output      logic [AgeBits-1:0]   age_o,
  input  wire logic                 reread_i,
  input  wire logic [PlaceW-1:0]    reread_place_i,

  // Step 3.
  input  wire logic                 post_append_i,
  input  wire logic                 post_remove_i,
  input  wire logic [PostBits-1:0]  post_index_i,
  input  wire logic [AgeBits-1:0]   post_age_i,
  input  wire logic                 unexp_append_i,
  input  wire logic                 unexp_remove_i,
  input  wire logic [UnexpBits-1:0] unexp_index_i,
  output      logic                 empty_o,        // of a record that the operation holds
  output      logic [PlaceW-1:0]    used_place_o
);
  localparam int unsigned RecordW = 2 + 2 * PostBits + 2 * UnexpBits;

  // Records: {posted valid, head, tail, unexpected valid, head, tail}.
  logic [RecordW-1:0]   record_mem [1 << PlaceW];
  logic [RecordW-1:0]   record_q;
  logic                 reread_q;
  logic [PlaceW-1:0]    reread_place_q;
  logic                 was_post_valid, was_unexp_valid, stale;
  logic [PostBits-1:0]  was_post_head, was_post_tail;
  logic [UnexpBits-1:0] was_unexp_head, was_unexp_tail;

  always_ff @(posedge clk_i) begin : p_reread
    if (step0_i) reread_q <= 1'b0;
    if (step2_i) begin
      reread_q       <= reread_i;
      reread_place_q <= reread_place_i;
    end
  end

  // A fresh place has no record yet; a place that is not held has none at all.
  assign stale = (!held_i || fresh_i) && !(step3_i && reread_q);
  assign {was_post_head, was_post_tail}   = record_q[2*UnexpBits+1 +: 2*PostBits];
  assign {was_unexp_head, was_unexp_tail} = record_q[2*UnexpBits-1:0];
  assign was_post_valid  = record_q[RecordW-1] && !stale;
  assign was_unexp_valid = record_q[2*UnexpBits] && !stale;

  assign post_valid_o  = was_post_valid;
  assign post_head_o   = was_post_head;
  assign unexp_valid_o = was_unexp_valid;
  assign unexp_head_o  = was_unexp_head;

  // Links and ages.
  logic [PostBits-1:0]  post_next_mem [1 << PostBits];
  logic [PostBits-1:0]  post_prev_mem [1 << PostBits];
  logic [AgeBits-1:0]   age_mem [1 << PostBits];
  logic [UnexpBits-1:0] unexp_next_mem [1 << UnexpBits];
  logic [UnexpBits-1:0] unexp_prev_mem [1 << UnexpBits];
  logic [PostBits-1:0]  post_next_q, post_prev_q, post_node;
  logic [UnexpBits-1:0] unexp_next_q, unexp_prev_q;
  logic [AgeBits-1:0]   age_q;
  assign post_node = post_node_valid_i ? post_node_i : was_post_head;
  assign age_o     = age_q;

  // Step 3: the record after the command.
  logic                 post_valid, unexp_valid;
  logic                 post_is_head, post_is_tail, unexp_is_head, unexp_is_tail;
  logic [PostBits-1:0]  post_head, post_tail;
  logic [UnexpBits-1:0] unexp_head, unexp_tail;
  assign post_is_head  = post_index_i == was_post_head;
  assign post_is_tail  = post_index_i == was_post_tail;
  assign unexp_is_head = unexp_index_i == was_unexp_head;
  assign unexp_is_tail = unexp_index_i == was_unexp_tail;

  always_comb begin : p_posted
    post_valid = was_post_valid;
    post_head  = was_post_head;
    post_tail  = was_post_tail;
    if (post_append_i) begin
      post_valid = 1'b1;
      post_tail  = post_index_i;
      if (!was_post_valid) post_head = post_index_i;
    end else if (post_remove_i) begin
      post_valid = !(post_is_head && post_is_tail);
      if (post_is_head) post_head = post_next_q;
      if (post_is_tail) post_tail = post_prev_q;
    end
  end

  always_comb begin : p_unexp
    unexp_valid = was_unexp_valid;
    unexp_head  = was_unexp_head;
    unexp_tail  = was_unexp_tail;
    if (unexp_append_i) begin
      unexp_valid = 1'b1;
      unexp_tail  = unexp_index_i;
      if (!was_unexp_valid) unexp_head = unexp_index_i;
    end else if (unexp_remove_i) begin
      unexp_valid = !(unexp_is_head && unexp_is_tail);
      if (unexp_is_head) unexp_head = unexp_next_q;
      if (unexp_is_tail) unexp_tail = unexp_prev_q;
    end
  end

  // A held record is always written back: so a fresh one that stays empty is valid if it is found
  // again.
  logic              write;
  logic [PlaceW-1:0] used_place;
  assign write        = step3_i && (held_i || reread_q);
  assign used_place   = reread_q ? reread_place_q : place_i;
  assign used_place_o = used_place;
  assign empty_o      = write && !post_valid && !unexp_valid;

  always_ff @(posedge clk_i) begin : p_record
    if (write) begin
      record_mem[used_place] <=
          {post_valid, post_head, post_tail, unexp_valid, unexp_head, unexp_tail};
    end
    if (step0_i || (step2_i && reread_i)) begin
      record_q <= record_mem[step0_i ? place_i : reread_place_i];
    end
  end

  // Removal from the middle joins the neighbours; an append ties the tail to the new node.
  logic                 link_post_next, link_post_prev, link_unexp_next, link_unexp_prev;
  logic [PostBits-1:0]  post_next_at, post_prev_at, post_next_to, post_prev_to;
  logic [UnexpBits-1:0] unexp_next_at, unexp_prev_at, unexp_next_to, unexp_prev_to;
  assign link_post_next  = step3_i
      && ((post_append_i && was_post_valid) || (post_remove_i && !post_is_head));
  assign link_post_prev  = step3_i && (post_append_i || (post_remove_i && !post_is_tail));
  assign post_next_at    = post_append_i ? was_post_tail : post_prev_q;
  assign post_next_to    = post_append_i ? post_index_i : post_next_q;
  assign post_prev_at    = post_append_i ? post_index_i : post_next_q;
  assign post_prev_to    = post_append_i ? was_post_tail : post_prev_q;
  assign link_unexp_next = step3_i
      && ((unexp_append_i && was_unexp_valid) || (unexp_remove_i && !unexp_is_head));
  assign link_unexp_prev = step3_i && (unexp_append_i || (unexp_remove_i && !unexp_is_tail));
  assign unexp_next_at   = unexp_append_i ? was_unexp_tail : unexp_prev_q;
  assign unexp_next_to   = unexp_append_i ? unexp_index_i : unexp_next_q;
  assign unexp_prev_at   = unexp_append_i ? unexp_index_i : unexp_next_q;
  assign unexp_prev_to   = unexp_append_i ? was_unexp_tail : unexp_prev_q;

  always_ff @(posedge clk_i) begin : p_post_links
    if (link_post_next) post_next_mem[post_next_at] <= post_next_to;
    if (link_post_prev) post_prev_mem[post_prev_at] <= post_prev_to;
    if (step3_i && post_append_i) age_mem[post_index_i] <= post_age_i;
    if (step1_i) begin
      post_next_q <= post_next_mem[post_node];
      post_prev_q <= post_prev_mem[post_node];
      age_q       <= age_mem[post_node];
    end
  end

  always_ff @(posedge clk_i) begin : p_unexp_links
    if (link_unexp_next) unexp_next_mem[unexp_next_at] <= unexp_next_to;
    if (link_unexp_prev) unexp_prev_mem[unexp_prev_at] <= unexp_prev_to;
    if (step1_i) begin
      unexp_next_q <= unexp_next_mem[unexp_node_i];
      unexp_prev_q <= unexp_prev_mem[unexp_node_i];
    end
  end

  `TALLY_ASSERT(OneCommand_A, step3_i |->
                $onehot0({post_append_i, post_remove_i, unexp_append_i, unexp_remove_i}))
  `TALLY_ASSERT(CommandHeld_A, (step3_i
                 && {post_append_i, post_remove_i, unexp_append_i, unexp_remove_i} != '0)
                |-> write)
  `TALLY_ASSERT(RemovePosted_A, (step3_i && post_remove_i) |-> was_post_valid)
  `TALLY_ASSERT(RemoveUnexpected_A, (step3_i && unexp_remove_i) |-> was_unexp_valid)
  `TALLY_ASSERT(OneStep_A, $onehot0({step0_i, step1_i, step2_i, step3_i}))
endmodule

`default_nettype wire

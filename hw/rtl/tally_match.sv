// SPDX-License-Identifier: BSD-3-Clause
// Posted-receive and unexpected-message queues: MPI matching by (context, source, tag).
//
// Rule (MPI 4.1, 3.5): an arrival takes the oldest posted receive that accepts it, a receive takes
// the oldest unexpected message that it accepts; context is matched exactly, source and tag may be
// wildcards of the receive.
// Ordering: posts and arrivals are serialized, one operation at a time, alternating when both wait;
// what one stored the other sees. Latency: 3 cycles from handshake to result. Throughput: one
// operation each 2 cycles, whatever the depth of the queues.
// Storage: PostedEntries * (66 + PostedW + slot number) and UnexpectedEntries * (112 + UnexpW +
// slot number) bits and the occupancy bits.
// Structure: keys lie in slots and are compared all at once (cycle 1); each queue keeps the slot
// numbers of its entries oldest first, so the oldest hit is the first position whose slot matches
// (cycle 2). posted_level_o counts queued receives; unexp_level_o counts queued messages, without
// those that were matched and whose slot is not yet free.
// Each operation gives exactly one pulse of done or full. hit is high only with done.
// Ready paths: each ready depends on the other port's valid (arbitration).
// Limitations: a freed slot must be one that a result named with post_hit_o and that was not freed
// since.
`default_nettype none
`include "tally_assert.svh"

module tally_match #(
  parameter int unsigned PostedEntries = tally_pkg::PostedEntries,
  parameter int unsigned UnexpectedEntries = tally_pkg::UnexpectedEntries,
  parameter int unsigned PostedW = 64,
  parameter int unsigned UnexpW = 64,
  localparam int unsigned PostBits = PostedEntries > 1 ? $clog2(PostedEntries) : 1,
  localparam int unsigned SlotBits = UnexpectedEntries > 1 ? $clog2(UnexpectedEntries) : 1,
  localparam int unsigned PostLevelBits = $clog2(PostedEntries + 1),
  localparam int unsigned UnexpLevelBits = $clog2(UnexpectedEntries + 1)
) (
  input  wire logic                      clk_i,
  input  wire logic                      rst_ni,

  input  wire logic                      post_valid_i,
  output      logic                      post_ready_o,
  input  wire logic [15:0]               post_context_i,
  input  wire logic [15:0]               post_source_i,
  input  wire logic [31:0]               post_tag_i,
  input  wire logic                      post_any_source_i,
  input  wire logic                      post_any_tag_i,
  input  wire logic [PostedW-1:0]        post_payload_i,

  input  wire logic                      arr_valid_i,
  output      logic                      arr_ready_o,
  input  wire logic [15:0]               arr_context_i,
  input  wire logic [15:0]               arr_source_i,
  input  wire logic [31:0]               arr_tag_i,
  input  wire logic [UnexpW-1:0]         arr_payload_i,

  output      logic                      post_done_o,
  output      logic                      post_hit_o,
  output      logic                      post_full_o,
  output      logic [15:0]               post_source_o,
  output      logic [31:0]               post_tag_o,
  output      logic [UnexpW-1:0]         post_unexp_payload_o,
  output      logic [SlotBits-1:0]       post_slot_o,

  output      logic                      arr_done_o,
  output      logic                      arr_hit_o,
  output      logic                      arr_full_o,
  output      logic [PostedW-1:0]        arr_posted_payload_o,
  output      logic [SlotBits-1:0]       arr_slot_o,

  input  wire logic                      slot_free_valid_i,
  input  wire logic [SlotBits-1:0]       slot_free_i,

  output      logic [PostLevelBits-1:0]  posted_level_o,
  output      logic [UnexpLevelBits-1:0] unexp_level_o
);
  if (PostedEntries < 1) begin : gen_bad_posted
    $error("tally_match: PostedEntries must be at least 1");
  end
  if (UnexpectedEntries < 1) begin : gen_bad_unexpected
    $error("tally_match: UnexpectedEntries must be at least 1");
  end
  if (PostedW < 1 || UnexpW < 1) begin : gen_bad_payload
    $error("tally_match: PostedW and UnexpW must be at least 1");
  end

  // Operation under way: taken, compare (cycle 1), resolve (cycle 2).
  logic               compare_q, resolve_q, is_post_q, any_source_q, any_tag_q;
  logic [15:0]        context_q, source_q;
  logic [31:0]        tag_q;
  logic [PostedW-1:0] post_payload_q;
  logic [UnexpW-1:0]  arr_payload_q;
  logic               take_post, take_arr;
  // is_post_q also names who was served last.
  assign take_post    = post_valid_i && !compare_q && (!arr_valid_i || !is_post_q);
  assign take_arr     = arr_valid_i && !compare_q && (!post_valid_i || is_post_q);
  assign post_ready_o = take_post;
  assign arr_ready_o  = take_arr;

  always_ff @(posedge clk_i) begin : p_stage
    if (!rst_ni) begin
      compare_q <= 1'b0;
      resolve_q <= 1'b0;
      is_post_q <= 1'b0;
    end else begin
      compare_q <= take_post || take_arr;
      resolve_q <= compare_q;
      if (take_post || take_arr) is_post_q <= take_post;
    end
  end

  // A taken operation overlaps the resolve cycle of the one before: what resolve needs is copied.
  logic               res_post_q, res_any_source_q, res_any_tag_q;
  logic [15:0]        res_context_q, res_source_q;
  logic [31:0]        res_tag_q;
  logic [PostedW-1:0] res_post_payload_q;
  logic [UnexpW-1:0]  res_arr_payload_q;
  always_ff @(posedge clk_i) begin : p_operation
    if (take_post) begin
      context_q      <= post_context_i;
      source_q       <= post_source_i;
      tag_q          <= post_tag_i;
      any_source_q   <= post_any_source_i;
      any_tag_q      <= post_any_tag_i;
      post_payload_q <= post_payload_i;
    end
    if (take_arr) begin
      context_q     <= arr_context_i;
      source_q      <= arr_source_i;
      tag_q         <= arr_tag_i;
      arr_payload_q <= arr_payload_i;
    end
    if (compare_q) begin
      res_post_q         <= is_post_q;
      res_context_q      <= context_q;
      res_source_q       <= source_q;
      res_tag_q          <= tag_q;
      res_any_source_q   <= any_source_q;
      res_any_tag_q      <= any_tag_q;
      res_post_payload_q <= post_payload_q;
      res_arr_payload_q  <= arr_payload_q;
    end
  end

  // Keys by slot.
  logic [31:0]                  posted_who [PostedEntries];
  logic [31:0]                  posted_tag [PostedEntries];
  logic [PostedEntries-1:0]     posted_any_source_q, posted_any_tag_q, posted_busy_q;
  logic [31:0]                  unexp_who [UnexpectedEntries];
  logic [31:0]                  unexp_tag [UnexpectedEntries];
  // Held: a message waits or its slot is not yet free. Queued: it waits.
  logic [UnexpectedEntries-1:0] unexp_held_q, unexp_queued_q;

  // Cycle 1: compare with all keys; look for a free slot.
  logic [PostedEntries-1:0]     posted_match, posted_match_q;
  logic [UnexpectedEntries-1:0] unexp_match, unexp_match_q;
  logic [PostBits-1:0]          posted_free, posted_free_q;
  logic [SlotBits-1:0]          unexp_free, unexp_free_q;
  logic                         posted_room, posted_room_q, unexp_room, unexp_room_q;
  always_comb begin : p_compare_posted
    posted_match = '0;
    posted_free  = '0;
    posted_room  = 1'b0;
    if (compare_q && !is_post_q) begin
      for (int unsigned i = 0; i < PostedEntries; i++) begin
        posted_match[i] = posted_busy_q[i] && posted_who[i][31:16] == context_q
            && (posted_any_source_q[i] || posted_who[i][15:0] == source_q)
            && (posted_any_tag_q[i] || posted_tag[i] == tag_q);
      end
    end
    if (compare_q && is_post_q) begin
      for (int unsigned i = 0; i < PostedEntries; i++) begin
        if (!posted_room && !posted_busy_q[i]) begin
          posted_room = 1'b1;
          posted_free = PostBits'(i);
        end
      end
    end
  end

  always_comb begin : p_compare_unexp
    unexp_match = '0;
    unexp_free  = '0;
    unexp_room  = 1'b0;
    if (compare_q && is_post_q) begin
      for (int unsigned i = 0; i < UnexpectedEntries; i++) begin
        unexp_match[i] = unexp_queued_q[i] && unexp_who[i][31:16] == context_q
            && (any_source_q || unexp_who[i][15:0] == source_q)
            && (any_tag_q || unexp_tag[i] == tag_q);
      end
    end
    if (compare_q && !is_post_q) begin
      for (int unsigned i = 0; i < UnexpectedEntries; i++) begin
        if (!unexp_room && !unexp_held_q[i]) begin
          unexp_room = 1'b1;
          unexp_free = SlotBits'(i);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_compare
    if (compare_q) begin
      posted_match_q <= posted_match;
      posted_free_q  <= posted_free;
      posted_room_q  <= posted_room;
      unexp_match_q  <= unexp_match;
      unexp_free_q   <= unexp_free;
      unexp_room_q   <= unexp_room;
    end
  end

  // Order of the queues: slot numbers, oldest at position 0.
  logic [PostedEntries*PostBits-1:0]     posted_order_q, posted_order_d;
  logic [UnexpectedEntries*SlotBits-1:0] unexp_order_q, unexp_order_d;
  logic [PostLevelBits-1:0]              posted_level_q;
  logic [UnexpLevelBits-1:0]             unexp_level_q;

  // Cycle 2: the oldest hit leaves its queue, or the operation is appended to its own.
  logic                arr_hit, post_hit, post_store, arr_store;
  logic [PostBits-1:0] hit_post;
  logic [SlotBits-1:0] hit_slot;
  assign post_store = resolve_q && res_post_q && !post_hit && posted_room_q;
  assign arr_store  = resolve_q && !res_post_q && !arr_hit && unexp_room_q;

  always_comb begin : p_resolve_posted
    arr_hit        = 1'b0;
    hit_post       = '0;
    posted_order_d = posted_order_q;
    if (resolve_q && !res_post_q) begin
      for (int unsigned p = 0; p < PostedEntries; p++) begin
        if (!arr_hit && PostLevelBits'(p) < posted_level_q
            && posted_match_q[posted_order_q[p*PostBits +: PostBits]]) begin
          arr_hit  = 1'b1;
          hit_post = posted_order_q[p*PostBits +: PostBits];
        end
        // From the hit on, each position takes its successor.
        if (arr_hit && p + 1 < PostedEntries) begin
          posted_order_d[p*PostBits +: PostBits] =
              posted_order_q[((p + 1) % PostedEntries)*PostBits +: PostBits];
        end
      end
    end else if (resolve_q) begin
      for (int unsigned p = 0; p < PostedEntries; p++) begin
        if (PostLevelBits'(p) == posted_level_q) begin
          posted_order_d[p*PostBits +: PostBits] = posted_free_q;
        end
      end
    end
  end

  always_comb begin : p_resolve_unexp
    post_hit      = 1'b0;
    hit_slot      = '0;
    unexp_order_d = unexp_order_q;
    if (resolve_q && res_post_q) begin
      for (int unsigned p = 0; p < UnexpectedEntries; p++) begin
        if (!post_hit && UnexpLevelBits'(p) < unexp_level_q
            && unexp_match_q[unexp_order_q[p*SlotBits +: SlotBits]]) begin
          post_hit = 1'b1;
          hit_slot = unexp_order_q[p*SlotBits +: SlotBits];
        end
        if (post_hit && p + 1 < UnexpectedEntries) begin
          unexp_order_d[p*SlotBits +: SlotBits] =
              unexp_order_q[((p + 1) % UnexpectedEntries)*SlotBits +: SlotBits];
        end
      end
    end else if (resolve_q) begin
      for (int unsigned p = 0; p < UnexpectedEntries; p++) begin
        if (UnexpLevelBits'(p) == unexp_level_q) begin
          unexp_order_d[p*SlotBits +: SlotBits] = unexp_free_q;
        end
      end
    end
  end

  // Queue state.
  always_ff @(posedge clk_i) begin : p_posted
    if (!rst_ni) begin
      posted_busy_q  <= '0;
      posted_level_q <= '0;
    end else begin
      if (post_store) begin
        posted_busy_q[posted_free_q] <= 1'b1;
        posted_level_q               <= posted_level_q + 1'b1;
      end
      if (arr_hit) begin
        posted_busy_q[hit_post] <= 1'b0;
        posted_level_q          <= posted_level_q - 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_unexp
    if (!rst_ni) begin
      unexp_held_q   <= '0;
      unexp_queued_q <= '0;
      unexp_level_q  <= '0;
    end else begin
      if (slot_free_valid_i) unexp_held_q[slot_free_i] <= 1'b0;
      if (arr_store) begin
        unexp_held_q[unexp_free_q]   <= 1'b1;
        unexp_queued_q[unexp_free_q] <= 1'b1;
        unexp_level_q                <= unexp_level_q + 1'b1;
      end
      if (post_hit) begin
        unexp_queued_q[hit_slot] <= 1'b0;
        unexp_level_q            <= unexp_level_q - 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_order
    if (post_store || arr_hit) posted_order_q <= posted_order_d;
    if (arr_store || post_hit) unexp_order_q <= unexp_order_d;
  end

  // Keys and payloads.
  logic [PostedW-1:0]   posted_payload [PostedEntries];
  logic [48+UnexpW-1:0] unexp_payload [UnexpectedEntries];
  always_ff @(posedge clk_i) begin : p_posted_mem
    if (post_store) begin
      posted_who[posted_free_q]          <= {res_context_q, res_source_q};
      posted_tag[posted_free_q]          <= res_tag_q;
      posted_any_source_q[posted_free_q] <= res_any_source_q;
      posted_any_tag_q[posted_free_q]    <= res_any_tag_q;
      posted_payload[posted_free_q]      <= res_post_payload_q;
    end
  end

  always_ff @(posedge clk_i) begin : p_unexp_mem
    if (arr_store) begin
      unexp_who[unexp_free_q]     <= {res_context_q, res_source_q};
      unexp_tag[unexp_free_q]     <= res_tag_q;
      unexp_payload[unexp_free_q] <= {res_source_q, res_tag_q, res_arr_payload_q};
    end
  end

  // Results.
  logic post_done_q, post_hit_q, post_full_q, arr_done_q, arr_hit_q, arr_full_q;
  always_ff @(posedge clk_i) begin : p_result
    if (!rst_ni) begin
      post_done_q <= 1'b0;
      post_hit_q  <= 1'b0;
      post_full_q <= 1'b0;
      arr_done_q  <= 1'b0;
      arr_hit_q   <= 1'b0;
      arr_full_q  <= 1'b0;
    end else begin
      // Full takes the place of done.
      post_done_q <= resolve_q && res_post_q && (post_hit || posted_room_q);
      post_hit_q  <= post_hit;
      post_full_q <= resolve_q && res_post_q && !post_hit && !posted_room_q;
      arr_done_q  <= resolve_q && !res_post_q && (arr_hit || unexp_room_q);
      arr_hit_q   <= arr_hit;
      arr_full_q  <= resolve_q && !res_post_q && !arr_hit && !unexp_room_q;
    end
  end

  logic [48+UnexpW-1:0] unexp_payload_q;
  logic [PostedW-1:0]   posted_payload_q;
  logic [SlotBits-1:0]  post_slot_q, arr_slot_q;
  always_ff @(posedge clk_i) begin : p_result_payload
    if (post_hit) begin
      unexp_payload_q <= unexp_payload[hit_slot];
      post_slot_q     <= hit_slot;
    end
    if (arr_hit) posted_payload_q <= posted_payload[hit_post];
    if (arr_store) arr_slot_q <= unexp_free_q;
  end

  assign post_done_o          = post_done_q;
  assign post_hit_o           = post_hit_q;
  assign post_full_o          = post_full_q;
  assign post_source_o        = unexp_payload_q[UnexpW+32 +: 16];
  assign post_tag_o           = unexp_payload_q[UnexpW +: 32];
  assign post_unexp_payload_o = unexp_payload_q[UnexpW-1:0];
  assign post_slot_o          = post_slot_q;
  assign arr_done_o           = arr_done_q;
  assign arr_hit_o            = arr_hit_q;
  assign arr_full_o           = arr_full_q;
  assign arr_posted_payload_o = posted_payload_q;
  assign arr_slot_o           = arr_slot_q;
  assign posted_level_o       = posted_level_q;
  assign unexp_level_o        = unexp_level_q;

  `TALLY_ASSERT(PostedBound_A, posted_level_q <= PostLevelBits'(PostedEntries))
  `TALLY_ASSERT(UnexpBound_A, unexp_level_q <= UnexpLevelBits'(UnexpectedEntries))
  `TALLY_ASSERT(OneStage_A, !(compare_q && resolve_q))
  `TALLY_ASSERT(OneTaken_A, !(take_post && take_arr))
  `TALLY_ASSERT(QueuedHeld_A, (unexp_queued_q & ~unexp_held_q) == '0)
  `TALLY_ASSERT(FreeHeld_A, slot_free_valid_i |-> unexp_held_q[slot_free_i]
                && !unexp_queued_q[slot_free_i])
  `TALLY_ASSERT(PostFullOrHit_A, !(post_full_o && (post_hit_o || post_done_o)))
endmodule

`default_nettype wire

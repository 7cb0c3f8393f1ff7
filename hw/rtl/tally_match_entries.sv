// SPDX-License-Identifier: BSD-3-Clause
// The entries of tally_match: of posted receives, by handle, and of unexpected messages.
//
// A posted entry is {busy, endpoint, class, place of its key} and the receive's payload; an
// unexpected one is {state, endpoint}, its four places, source, tag and payload. Free unexpected
// entries are handed out here. Lists, ages and keys are elsewhere (tally_match_list,
// tally_match_table).
// Ordering and latency: an operation's steps. Step 5 reads a posted entry's state, step 6 an
// unexpected entry; step 8 writes what the operation changes and reads the payload of the posted
// entry that it takes. While everything is walked no operation is in a step: the walk frees the
// entries of one endpoint, or all.
// Storage: 2^PostBits * (PlaceW + 5 + PostedW) and 2^UnexpBits * (4 * PlaceW + 52 + UnexpW) bits,
// block RAM; the free list (tally_match_free).
`default_nettype none

module tally_match_entries #(
  parameter int unsigned Unexpected = 8,
  parameter int unsigned PostBits = 3,
  parameter int unsigned UnexpBits = 3,
  parameter int unsigned PlaceW = 5,
  parameter int unsigned PostedW = 192,
  parameter int unsigned UnexpW = 193,
  parameter int unsigned WalkBits = 3
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  input  wire logic                 walk_i,
  input  wire logic                 walk_clear_i,
  input  wire logic                 walk_all_i,
  input  wire logic [1:0]           walk_ep_i,
  input  wire logic [WalkBits-1:0]  walk_index_i,
  input  wire logic [WalkBits-1:0]  walk_clear_index_i,

  // the operation in steps 5 to 8; arr_i: an arrival
  input  wire logic                 step5_i,
  input  wire logic                 step6_i,
  input  wire logic                 step8_i,
  input  wire logic                 arr_i,
  input  wire logic [1:0]           ep_i,
  input  wire logic [1:0]           class_i,

  // posted: append and remove in step 8, a bit a class
  input  wire logic [PostBits-1:0]  post_handle_i,
  input  wire logic [3:0]           post_append_i,
  input  wire logic [3:0]           post_remove_i,
  input  wire logic [PostBits-1:0]  post_index_i,
  input  wire logic [4*PlaceW-1:0]  place_i,
  input  wire logic [PostedW-1:0]   post_payload_i,
  output      logic                 post_busy_o,
  output      logic                 post_mine_o,
  output      logic [1:0]           post_class_o,
  output      logic [PlaceW-1:0]    post_place_o,
  output      logic [PostedW-1:0]   post_payload_o,

  // unexpected: store, claim and free in step 8
  input  wire logic [UnexpBits-1:0] unexp_node_i,
  input  wire logic                 unexp_store_i,
  input  wire logic                 unexp_claim_i,
  input  wire logic                 unexp_free_i,
  input  wire logic [UnexpBits-1:0] unexp_index_i,
  input  wire logic [15:0]          source_i,
  input  wire logic [31:0]          tag_i,
  input  wire logic [UnexpW-1:0]    unexp_payload_i,
  output      logic                 unexp_queued_o,
  output      logic                 unexp_claimed_o,
  output      logic [4*PlaceW-1:0]  unexp_place_o,
  output      logic [15:0]          unexp_source_o,
  output      logic [31:0]          unexp_tag_o,
  output      logic [UnexpW-1:0]    unexp_payload_o,
  output      logic                 free_avail_o,
  output      logic [UnexpBits-1:0] free_index_o
);
  // State of an unexpected entry.
  localparam logic [1:0] EntryFree    = 2'd0;
  localparam logic [1:0] EntryQueued  = 2'd1;
  localparam logic [1:0] EntryClaimed = 2'd2;

  // A memory that is smaller than the walk is walked several times: clearing twice is harmless.
  logic [PostBits-1:0]  walk_post, walk_clear_post;
  logic [UnexpBits-1:0] walk_unexp, walk_clear_unexp;
  assign walk_post        = PostBits'(walk_index_i);
  assign walk_clear_post  = PostBits'(walk_clear_index_i);
  assign walk_unexp       = UnexpBits'(walk_index_i);
  assign walk_clear_unexp = UnexpBits'(walk_clear_index_i);

  // --- Posted ------------------------------------------------------------------------------------
  localparam int unsigned PostStateW = 5 + PlaceW;
  // Named styles: yosys 0.23 takes LUT RAM for one port and fails on it above 256 words.
  (* ram_style = "block" *) logic [PostStateW-1:0] post_state_mem [1 << PostBits];
  (* ram_style = "ultra" *) logic [PostedW-1:0] post_payload_mem [1 << PostBits];
  logic [PostStateW-1:0] post_state_q, post_state_new;
  logic [PostedW-1:0]    post_payload_q;
  logic [PostBits-1:0]   post_state_at;
  logic                  post_state_write;
  assign post_busy_o    = post_state_q[PostStateW-1];
  assign post_mine_o    = post_state_q[PlaceW+2 +: 2] == ep_i;
  assign post_class_o   = post_state_q[PlaceW +: 2];
  assign post_place_o   = post_state_q[PlaceW-1:0];
  assign post_payload_o = post_payload_q;

  always_comb begin : p_post_state_write
    post_state_write = step8_i && (post_append_i != '0 || post_remove_i != '0);
    post_state_at    = post_index_i;
    post_state_new   = {1'b0, ep_i, class_i, {PlaceW{1'b0}}};
    for (int unsigned c = 0; c < 4; c++) begin
      if (post_append_i[c]) post_state_new = {1'b1, ep_i, 2'(c), place_i[c*PlaceW +: PlaceW]};
    end
    if (walk_clear_i) begin
      post_state_write = walk_all_i || post_state_q[PlaceW+2 +: 2] == walk_ep_i;
      post_state_at    = walk_clear_post;
      post_state_new   = '0;
    end
  end

  always_ff @(posedge clk_i) begin : p_posted
    if (post_state_write) post_state_mem[post_state_at] <= post_state_new;
    if (step5_i || walk_i) post_state_q <= post_state_mem[walk_i ? walk_post : post_handle_i];
    if (step8_i && post_append_i != '0) post_payload_mem[post_index_i] <= post_payload_i;
    if (step8_i) post_payload_q <= post_payload_mem[post_index_i];
  end

  // --- Unexpected --------------------------------------------------------------------------------
  localparam int unsigned UnexpInfoW = 4 * PlaceW + 48 + UnexpW;
  (* ram_style = "block" *) logic [3:0] unexp_state_mem [1 << UnexpBits];
  logic [UnexpInfoW-1:0] unexp_info_mem [1 << UnexpBits];
  logic [3:0]            unexp_state_q, unexp_state_new;
  logic [UnexpInfoW-1:0] unexp_info_q;
  logic [UnexpBits-1:0]  unexp_state_at;
  logic                  unexp_state_write, free_take, free_put, free_walk;
  assign unexp_queued_o  = unexp_state_q == {EntryQueued, ep_i};
  assign unexp_claimed_o = unexp_state_q == {EntryClaimed, ep_i};
  assign {unexp_place_o, unexp_source_o, unexp_tag_o, unexp_payload_o} = unexp_info_q;

  assign free_take = step8_i && unexp_store_i;
  // In a small memory that is walked several times an entry is freed in the first pass only.
  assign free_walk = walk_clear_i && !walk_all_i && unexp_state_q[3:2] != EntryFree
      && unexp_state_q[1:0] == walk_ep_i && WalkBits'(walk_clear_unexp) == walk_clear_index_i;
  assign free_put  = (step8_i && unexp_free_i) || free_walk;
  always_comb begin : p_unexp_state_write
    unexp_state_write = step8_i && (unexp_store_i || unexp_claim_i || unexp_free_i);
    unexp_state_at    = unexp_index_i;
    unexp_state_new   = {unexp_store_i ? EntryQueued : unexp_claim_i ? EntryClaimed : EntryFree,
                         ep_i};
    if (walk_clear_i) begin
      unexp_state_write = walk_all_i || free_walk;
      unexp_state_at    = walk_clear_unexp;
      unexp_state_new   = '0;
    end
  end

  always_ff @(posedge clk_i) begin : p_unexpected
    if (unexp_state_write) unexp_state_mem[unexp_state_at] <= unexp_state_new;
    if (step6_i || walk_i) unexp_state_q <= unexp_state_mem[walk_i ? walk_unexp : unexp_node_i];
    if (free_take) begin
      unexp_info_mem[unexp_index_i] <= {place_i, source_i, tag_i, unexp_payload_i};
    end
    if (step6_i && !arr_i) unexp_info_q <= unexp_info_mem[unexp_node_i];
  end

  tally_match_free #(.Entries(Unexpected)) u_free (
    .clk_i, .rst_ni, .avail_o(free_avail_o), .index_o(free_index_o), .take_i(free_take),
    .put_i(free_put), .put_index_i(walk_clear_i ? walk_clear_unexp : unexp_index_i)
  );
endmodule

`default_nettype wire

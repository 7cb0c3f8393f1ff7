// SPDX-License-Identifier: BSD-3-Clause
// Posted-receive and unexpected-message queues: MPI matching by (endpoint, context, source, tag).
//
// Rule (MPI 4.1, 3.5): an arrival takes the oldest posted receive that accepts it, a receive takes
// the oldest unexpected message that it accepts; source and tag may be wildcards of the receive.
// docs/matching.md: principle, layouts, races. docs/device.md: operations and results.
// Ordering: operations of both ports are serialized, alternating when both wait; what one stored
// the other sees. Latency: 9 cycles from handshake to result, always. Throughput: one operation
// each 4 cycles, whatever the keys and the depth (an operation is taken 4, or 8 and more cycles
// after the one before).
// Steps: 1 hash; 2 to 4 key tables (tally_match_table); 5 to 8 records and lists
// (tally_match_list); 9 result, and places whose lists are empty are released. An operation's steps
// 5 to 8 lie on steps 1 to 4 of the next: lists are read after the operation before wrote them; a
// place that the next operation found is not released, the next one does that if it can.
// After reset and during a flush no operation is taken for 2 + the largest of Buckets and the
// (rounded up) numbers of entries cycles: everything is walked once. flush_ready_o is given when
// the operations before have ended; operations that are taken after this handshake see it done.
// Ready paths: post_ready_o and arr_ready_o depend on the other port's valid and on flush_valid_i.
// Storage: of the submodules.
// Limitations: ages have 56 bits, so order holds for 2^56 appended receives (36 years of nothing
// else).
`default_nettype none
`include "tally_assert.svh"

module tally_match #(
  parameter int unsigned Posted = tally_pkg::PostedEntries,
  parameter int unsigned Unexpected = tally_pkg::UnexpectedEntries,
  parameter int unsigned PostedW = 192,
  parameter int unsigned UnexpW = 193,
  // Rows of each of the two banks of a key table: 8 places a row pair, twice as many as entries.
  parameter int unsigned Buckets =
      Posted + Unexpected > 8 ? 1 << $clog2((Posted + Unexpected + 3) / 4) : 2
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,

  input  wire logic               post_valid_i,
  output      logic               post_ready_o,
  input  wire logic [2:0]         post_op_i,
  input  wire logic [1:0]         post_ep_i,
  input  wire logic [15:0]        post_context_i,
  input  wire logic [15:0]        post_source_i,
  input  wire logic [31:0]        post_tag_i,
  input  wire logic               post_any_source_i,
  input  wire logic               post_any_tag_i,
  input  wire logic [11:0]        post_handle_i,
  input  wire logic [31:0]        post_spill_seen_i,
  input  wire logic [PostedW-1:0] post_payload_i,

  output      logic               post_done_o,
  output      logic [2:0]         post_result_o,
  output      logic [2:0]         post_reason_o,
  output      logic [15:0]        post_source_o,
  output      logic [31:0]        post_tag_o,
  output      logic [UnexpW-1:0]  post_unexp_payload_o,
  output      logic [11:0]        post_slot_o,
  output      logic [31:0]        post_spills_o,

  input  wire logic               arr_valid_i,
  output      logic               arr_ready_o,
  input  wire logic [1:0]         arr_ep_i,
  input  wire logic [15:0]        arr_context_i,
  input  wire logic [15:0]        arr_source_i,
  input  wire logic [31:0]        arr_tag_i,
  input  wire logic               arr_storable_i,
  input  wire logic [UnexpW-1:0]  arr_payload_i,

  output      logic               arr_done_o,
  output      logic [1:0]         arr_result_o,
  output      logic [2:0]         arr_reason_o,
  output      logic [31:0]        arr_posts_o,
  output      logic [PostedW-1:0] arr_posted_payload_o,

  input  wire logic [63:0]        unexpected_quota_i,

  input  wire logic               flush_valid_i,
  output      logic               flush_ready_o,
  input  wire logic [1:0]         flush_ep_i,

  output      logic               idle_o
);
  if (Posted < 1 || Posted > 4096) begin : gen_bad_posted
    $error("tally_match: Posted must be 1 to 4096");
  end
  if (Unexpected < 1 || Unexpected > 4096) begin : gen_bad_unexpected
    $error("tally_match: Unexpected must be 1 to 4096");
  end
  if (PostedW < 1 || UnexpW < 1) begin : gen_bad_payload
    $error("tally_match: PostedW and UnexpW must be at least 1");
  end

  localparam int unsigned PostBits   = Posted > 1 ? $clog2(Posted) : 1;
  localparam int unsigned UnexpBits  = Unexpected > 1 ? $clog2(Unexpected) : 1;
  localparam int unsigned BucketBits = $clog2(Buckets);
  localparam int unsigned PlaceW     = BucketBits + 3;
  localparam int unsigned AgeBits    = 56;
  localparam int unsigned PayloadW   = PostedW > UnexpW ? PostedW : UnexpW;
  localparam int unsigned EntryBits  = PostBits > UnexpBits ? PostBits : UnexpBits;
  localparam int unsigned WalkBits   = EntryBits > BucketBits ? EntryBits : BucketBits;

  localparam logic [2:0] OpPost     = 3'd0;
  localparam logic [2:0] OpSearch   = 3'd1;
  localparam logic [2:0] OpProbe    = 3'd2;
  localparam logic [2:0] OpClaim    = 3'd3;
  localparam logic [2:0] OpTake     = 3'd4;
  localparam logic [2:0] OpCancel   = 3'd5;
  localparam logic [2:0] OpSpillOn  = 3'd6;
  localparam logic [2:0] OpSpillOff = 3'd7;

  localparam logic [2:0] PostAppended = 3'd0;
  localparam logic [2:0] PostHit      = 3'd1;
  localparam logic [2:0] PostMiss     = 3'd2;
  localparam logic [2:0] PostReturned = 3'd3;
  localparam logic [2:0] PostBusy     = 3'd4;
  localparam logic [1:0] ArrHit       = 2'd0;
  localparam logic [1:0] ArrStored    = 2'd1;
  localparam logic [1:0] ArrSpill     = 2'd2;

  localparam logic [2:0] ReasonNone       = 3'(tally_pkg::SpillReasonNone);
  localparam logic [2:0] ReasonOrder      = 3'(tally_pkg::SpillReasonOrder);
  localparam logic [2:0] ReasonUnexpected = 3'(tally_pkg::SpillReasonUnexpected);
  localparam logic [2:0] ReasonBounce     = 3'(tally_pkg::SpillReasonBounce);
  localparam logic [2:0] ReasonConflict   = 3'(tally_pkg::SpillReasonConflict);

  // --- Walk: after reset and for a flush ---------------------------------------------------------
  logic                walk_q, walk_clear_q, walk_all_q;
  logic [1:0]          walk_ep_q;
  logic [WalkBits-1:0] walk_index_q, walk_clear_index_q;
  logic [9:1]          step_q;   // an operation is in this step
  logic                flush;
  assign flush_ready_o = !walk_q && !walk_clear_q && step_q == '0;
  assign flush         = flush_valid_i && flush_ready_o;
  assign idle_o        = flush_ready_o;

  always_ff @(posedge clk_i) begin : p_walk
    if (!rst_ni) begin
      walk_q       <= 1'b1;
      walk_all_q   <= 1'b1;
      walk_clear_q <= 1'b0;
      walk_index_q <= '0;
    end else begin
      walk_clear_q <= walk_q;
      if (flush) begin
        walk_q       <= 1'b1;
        walk_all_q   <= 1'b0;
        walk_index_q <= '0;
      end else if (walk_q) begin
        walk_index_q <= walk_index_q + 1'b1;
        if (walk_index_q == {WalkBits{1'b1}}) walk_q <= 1'b0;
      end
    end
    if (flush) walk_ep_q <= flush_ep_i;
    walk_clear_index_q <= walk_index_q;
  end

  // A memory that is smaller than the walk is walked several times: clearing twice is harmless.
  logic [BucketBits-1:0] walk_row, walk_clear_row;
  assign walk_row         = BucketBits'(walk_index_q);
  assign walk_clear_row   = BucketBits'(walk_clear_index_q);

  // --- Acceptance --------------------------------------------------------------------------------
  // 4 cycles after the one before, or when its places are released: 5 to 7 would read the key
  // tables before that and name their places after it.
  logic [3:0] gap_q;
  logic       open, take_post, take_arr, last_post_q;
  assign open         = !walk_q && !walk_clear_q && !flush_valid_i
      && (gap_q == 4'd4 || gap_q == 4'd8);
  assign take_post    = open && post_valid_i && (!arr_valid_i || !last_post_q);
  assign take_arr     = open && arr_valid_i && (!post_valid_i || last_post_q);
  assign post_ready_o = take_post;
  assign arr_ready_o  = take_arr;

  always_ff @(posedge clk_i) begin : p_take
    if (!rst_ni) begin
      gap_q       <= 4'd8;
      step_q      <= '0;
      last_post_q <= 1'b0;
    end else begin
      step_q <= {step_q[8:1], take_post || take_arr};
      if (take_post || take_arr) begin
        gap_q       <= 4'd1;
        last_post_q <= take_post;
      end else if (gap_q != 4'd8) begin
        gap_q <= gap_q + 1'b1;
      end
    end
  end

  // The operation: l_ in steps 1 to 4, s_ from 5 on.
  logic                l_arr_q, l_any_source_q, l_any_tag_q, l_storable_q;
  logic [2:0]          l_op_q;
  logic [1:0]          l_ep_q;
  logic [15:0]         l_context_q, l_source_q;
  logic [31:0]         l_tag_q, l_seen_q;
  logic [11:0]         l_handle_q;
  logic [PayloadW-1:0] l_payload_q;
  logic                s_arr_q, s_storable_q;
  logic [2:0]          s_op_q;
  logic [1:0]          s_ep_q, s_class_q;
  logic [15:0]         s_source_q;
  logic [31:0]         s_tag_q, s_seen_q;
  logic [11:0]         s_handle_q;
  logic [PayloadW-1:0] s_payload_q;
  always_ff @(posedge clk_i) begin : p_operation
    if (take_post) begin
      l_arr_q        <= 1'b0;
      l_op_q         <= post_op_i;
      l_ep_q         <= post_ep_i;
      l_context_q    <= post_context_i;
      l_source_q     <= post_source_i;
      l_tag_q        <= post_tag_i;
      l_any_source_q <= post_any_source_i;
      l_any_tag_q    <= post_any_tag_i;
      l_handle_q     <= post_handle_i;
      l_seen_q       <= post_spill_seen_i;
      l_payload_q    <= PayloadW'(post_payload_i);
    end
    if (take_arr) begin
      l_arr_q      <= 1'b1;
      l_ep_q       <= arr_ep_i;
      l_context_q  <= arr_context_i;
      l_source_q   <= arr_source_i;
      l_tag_q      <= arr_tag_i;
      l_storable_q <= arr_storable_i;
      l_payload_q  <= PayloadW'(arr_payload_i);
    end
    if (step_q[4]) begin
      s_arr_q      <= l_arr_q;
      s_op_q       <= l_op_q;
      s_ep_q       <= l_ep_q;
      s_class_q    <= {l_any_tag_q, l_any_source_q};
      s_source_q   <= l_source_q;
      s_tag_q      <= l_tag_q;
      s_handle_q   <= l_handle_q;
      s_seen_q     <= l_seen_q;
      s_storable_q <= l_storable_q;
      s_payload_q  <= l_payload_q;
    end
  end

  // --- Steps 1 to 4: places of the keys ----------------------------------------------------------
  logic [4*BucketBits-1:0] bucket0, bucket1;
  logic [3:0]              find_use;
  logic                    find_alloc;
  assign find_alloc = l_arr_q || l_op_q == OpPost;
  for (genvar c = 0; c < 4; c++) begin : gen_use
    // An arrival has a key in each class; of the rest only these four look for one.
    assign find_use[c] = l_arr_q || (!l_op_q[2] && {l_any_tag_q, l_any_source_q} == 2'(c));
  end

  tally_match_hash #(.BucketBits(BucketBits)) u_hash (
    .clk_i, .valid_i(step_q[1]), .ep_i(l_ep_q), .context_i(l_context_q), .source_i(l_source_q),
    .tag_i(l_tag_q), .bucket0_o(bucket0), .bucket1_o(bucket1)
  );

  // --- Steps 5 to 8: records and lists of each class ---------------------------------------------
  logic [3:0]             held, fresh, post_valid, unexp_valid, reread, empty;
  logic [3:0]             post_append, post_remove;
  logic [4*PlaceW-1:0]    place, used_place, reread_place;
  logic [4*PostBits-1:0]  post_head;
  logic [4*UnexpBits-1:0] unexp_head;
  logic [4*AgeBits-1:0]   age;
  logic [UnexpBits-1:0] node_unexp;
  logic                 is_cancel;
  logic                 append_unexp_q, remove_unexp_q;
  logic [PostBits-1:0]  handle_post, post_index_q;
  logic [UnexpBits-1:0] unexp_index_q;
  logic [AgeBits-1:0]   next_age_q;
  logic [3:0]           post_append_q, post_remove_q, release_q;
  logic [4*PlaceW-1:0]  release_place_q;

  for (genvar c = 0; c < 4; c++) begin : gen_class
    localparam int unsigned KeyW = 18 + ((c & 1) == 0 ? 16 : 0) + ((c & 2) == 0 ? 32 : 0);
    logic [KeyW-1:0] key;
    if (c == 0) begin : gen_exact
      assign key = {l_ep_q, l_context_q, l_source_q, l_tag_q};
    end else if (c == 1) begin : gen_any_source
      assign key = {l_ep_q, l_context_q, l_tag_q};
    end else if (c == 2) begin : gen_any_tag
      assign key = {l_ep_q, l_context_q, l_source_q};
    end else begin : gen_any
      assign key = {l_ep_q, l_context_q};
    end

    logic release_now;
    assign release_now = step_q[9] && release_q[c]
        && !(step_q[5] && held[c]
             && place[c*PlaceW +: PlaceW] == release_place_q[c*PlaceW +: PlaceW]);

    tally_match_table #(.KeyW(KeyW), .Buckets(Buckets)) u_table (
      .clk_i, .rst_ni,
      .find_read_i(step_q[2]), .find_compare_i(step_q[3]), .find_choose_i(step_q[4]),
      .find_use_i(find_use[c]), .find_alloc_i(find_alloc),
      .find_bucket0_i(bucket0[c*BucketBits +: BucketBits]),
      .find_bucket1_i(bucket1[c*BucketBits +: BucketBits]), .find_key_i(key),
      .held_o(held[c]), .fresh_o(fresh[c]), .place_o(place[c*PlaceW +: PlaceW]),
      .release_valid_i(release_now), .release_place_i(release_place_q[c*PlaceW +: PlaceW]),
      .walk_read_i(walk_q), .walk_clear_i(walk_clear_q), .walk_read_row_i(walk_row),
      .walk_clear_row_i(walk_clear_row), .walk_all_i(walk_all_q), .walk_ep_i(walk_ep_q)
    );

    tally_match_list #(
      .PlaceW(PlaceW), .PostBits(PostBits), .UnexpBits(UnexpBits), .AgeBits(AgeBits)
    ) u_list (
      .clk_i, .rst_ni,
      .step0_i(step_q[5]), .step1_i(step_q[6]), .step2_i(step_q[7]), .step3_i(step_q[8]),
      .held_i(held[c]), .fresh_i(fresh[c]), .place_i(place[c*PlaceW +: PlaceW]),
      .post_valid_o(post_valid[c]), .post_head_o(post_head[c*PostBits +: PostBits]),
      .unexp_valid_o(unexp_valid[c]), .unexp_head_o(unexp_head[c*UnexpBits +: UnexpBits]),
      .post_node_valid_i(is_cancel), .post_node_i(handle_post), .unexp_node_i(node_unexp),
      .age_o(age[c*AgeBits +: AgeBits]),
      .reread_i(reread[c]), .reread_place_i(reread_place[c*PlaceW +: PlaceW]),
      .post_append_i(post_append_q[c]), .post_remove_i(post_remove_q[c]),
      .post_index_i(post_index_q), .post_age_i(next_age_q), .unexp_append_i(append_unexp_q),
      .unexp_remove_i(remove_unexp_q), .unexp_index_i(unexp_index_q),
      .empty_o(empty[c]), .used_place_o(used_place[c*PlaceW +: PlaceW])
    );
  end

  // --- Entries: posted ones by handle -----------------------------------------------------------
  logic                  post_busy, post_mine, handle_fits;
  logic [1:0]            post_state_class;
  logic [PlaceW-1:0]     post_state_place;
  logic [4*PlaceW-1:0]   unexp_place;
  logic                  unexp_queued, unexp_claimed, free_avail, claim_q, free_entry_q;
  logic [UnexpBits-1:0]  free_index;
  assign handle_post = PostBits'(s_handle_q);
  assign handle_fits = 13'(s_handle_q) < 13'(Posted);

  tally_match_entries #(
    .Unexpected(Unexpected), .PostBits(PostBits), .UnexpBits(UnexpBits), .PlaceW(PlaceW),
    .PostedW(PostedW), .UnexpW(UnexpW), .WalkBits(WalkBits)
  ) u_entries (
    .clk_i, .rst_ni,
    .walk_i(walk_q), .walk_clear_i(walk_clear_q), .walk_all_i(walk_all_q), .walk_ep_i(walk_ep_q),
    .walk_index_i(walk_index_q), .walk_clear_index_i(walk_clear_index_q),
    .step5_i(step_q[5]), .step6_i(step_q[6]), .step8_i(step_q[8]), .arr_i(s_arr_q),
    .ep_i(s_ep_q), .class_i(s_class_q),
    .post_handle_i(handle_post), .post_append_i(post_append_q), .post_remove_i(post_remove_q),
    .post_index_i(post_index_q), .place_i(place),
    .post_payload_i(s_payload_q[PostedW-1:0]), .post_busy_o(post_busy), .post_mine_o(post_mine),
    .post_class_o(post_state_class), .post_place_o(post_state_place),
    .post_payload_o(arr_posted_payload_o),
    .unexp_node_i(node_unexp), .unexp_store_i(append_unexp_q), .unexp_claim_i(claim_q),
    .unexp_free_i(free_entry_q), .unexp_index_i(unexp_index_q), .source_i(s_source_q),
    .tag_i(s_tag_q), .unexp_payload_i(s_payload_q[UnexpW-1:0]), .unexp_queued_o(unexp_queued),
    .unexp_claimed_o(unexp_claimed), .unexp_place_o(unexp_place),
    .unexp_source_o(post_source_o), .unexp_tag_o(post_tag_o),
    .unexp_payload_o(post_unexp_payload_o), .free_avail_o(free_avail), .free_index_o(free_index)
  );

  // --- Step 6: heads are out ---------------------------------------------------------------------
  logic                 busy_q, cancel_q, found_q, seen_q, hold_q;
  logic [UnexpBits-1:0] class_head, node_unexp_q;
  always_comb begin : p_class_head
    class_head = '0;
    for (int unsigned c = 0; c < 4; c++) begin
      if (s_class_q == 2'(c)) class_head = unexp_head[c*UnexpBits +: UnexpBits];
    end
  end
  assign is_cancel  = !s_arr_q && s_op_q == OpCancel;
  assign node_unexp = (s_op_q == OpTake) ? UnexpBits'(s_handle_q) : class_head;

  logic        spilling, hold, quota_full;
  logic [31:0] spills, posts;
  logic        spill_q, conflict_q, spill_on_q, spill_off_q, count_q;
  tally_match_endpoint #(.Unexpected(Unexpected)) u_endpoint (
    .clk_i, .rst_ni, .quota_i(unexpected_quota_i), .read_i(step_q[5]), .ep_i(s_ep_q),
    .spilling_o(spilling), .hold_o(hold), .quota_full_o(quota_full), .spills_o(spills),
    .posts_o(posts), .post_i(step_q[8] && count_q), .spill_i(step_q[8] && spill_q),
    .conflict_i(step_q[8] && conflict_q),
    .spill_on_i(step_q[8] && spill_on_q), .spill_off_i(step_q[8] && spill_off_q),
    .take_i(step_q[8] && append_unexp_q), .free_i(step_q[8] && free_entry_q),
    .clear_valid_i(flush), .clear_ep_i(flush_ep_i)
  );

  always_ff @(posedge clk_i) begin : p_step6
    if (step_q[6]) begin
      busy_q       <= post_busy || !handle_fits;
      cancel_q     <= is_cancel && post_busy && post_mine && handle_fits;
      // Only the class that is looked for holds a place.
      found_q      <= !s_arr_q && unexp_valid != '0;
      seen_q       <= s_seen_q == spills;
      hold_q       <= hold;
      node_unexp_q <= node_unexp;
    end
  end

  // --- Step 7: decision --------------------------------------------------------------------------
  logic [3:0]          oldest;
  logic [PostBits-1:0] oldest_head;
  logic                posted_hit, remove_found, take_ok;
  tally_match_oldest #(.PostBits(PostBits), .AgeBits(AgeBits)) u_oldest (
    .valid_i(post_valid), .head_i(post_head), .age_i(age), .oldest_o(oldest), .head_o(oldest_head)
  );
  assign posted_hit   = s_arr_q && post_valid != '0;
  assign remove_found = found_q
      && ((s_op_q == OpPost && !busy_q) || s_op_q == OpSearch || s_op_q == OpClaim);
  assign take_ok = unexp_claimed && 13'(s_handle_q) < 13'(Unexpected);

  // A found message leaves its lists under all four keys, a cancelled receive its one.
  for (genvar c = 0; c < 4; c++) begin : gen_reread
    assign reread[c] = !s_arr_q && (remove_found || (cancel_q && post_state_class == 2'(c)));
    assign reread_place[c*PlaceW +: PlaceW] =
        cancel_q ? post_state_place : unexp_place[c*PlaceW +: PlaceW];
  end

  logic [2:0] result, result_q, reason, reason_q;
  logic       append, store, spill, claim, free_entry;
  always_comb begin : p_decide
    result     = PostMiss;
    reason     = ReasonNone;
    append     = 1'b0;
    store      = 1'b0;
    spill      = 1'b0;
    claim      = 1'b0;
    free_entry = 1'b0;
    if (s_arr_q) begin
      if (posted_hit) begin
        result = {1'b0, ArrHit};
      end else begin
        if (spilling) reason = ReasonOrder;
        else if (quota_full || !free_avail) reason = ReasonUnexpected;
        else if (!s_storable_q) reason = ReasonBounce;
        else if (held != 4'hF) reason = ReasonConflict;
        store  = reason == ReasonNone;
        spill  = !store;
        result = {1'b0, store ? ArrStored : ArrSpill};
      end
    end else begin
      unique case (s_op_q)
        OpPost: begin
          if (busy_q) begin
            result = PostBusy;
          end else if (found_q) begin
            result     = PostHit;
            free_entry = 1'b1;
          end else begin
            if (!seen_q || hold_q) reason = ReasonOrder;
            else if (held == '0) reason = ReasonConflict;
            append = reason == ReasonNone;
            result = append ? PostAppended : PostReturned;
          end
        end
        OpSearch: begin
          if (found_q) result = PostHit;
          free_entry = found_q;
        end
        OpProbe: if (found_q) result = PostHit;
        OpClaim: begin
          if (found_q) result = PostHit;
          claim = found_q;
        end
        OpTake: begin
          if (take_ok) result = PostHit;
          free_entry = take_ok;
        end
        OpCancel: if (cancel_q) result = PostHit;
        OpSpillOn: result = PostHit;
        default: if (seen_q) result = PostHit;
      endcase
    end
  end

  for (genvar c = 0; c < 4; c++) begin : gen_post_command
    assign post_append[c] = append && s_class_q == 2'(c);
    assign post_remove[c] = s_arr_q ? oldest[c] : cancel_q && post_state_class == 2'(c);
  end

  always_ff @(posedge clk_i) begin : p_step7
    if (step_q[7]) begin
      result_q       <= result;
      reason_q       <= reason;
      post_append_q  <= post_append;
      post_remove_q  <= post_remove;
      post_index_q   <= s_arr_q ? oldest_head : handle_post;
      append_unexp_q <= store;
      remove_unexp_q <= remove_found;
      unexp_index_q  <= s_arr_q ? free_index : node_unexp_q;
      claim_q        <= claim;
      free_entry_q   <= free_entry;
      spill_q        <= spill;
      conflict_q     <= !s_arr_q && reason == ReasonConflict;
      count_q        <= !s_arr_q && (s_op_q == OpPost || s_op_q == OpSearch);
      spill_on_q     <= !s_arr_q && s_op_q == OpSpillOn;
      spill_off_q    <= !s_arr_q && s_op_q == OpSpillOff && seen_q;
    end
  end

  // --- Step 8: everything is written; step 9: result ---------------------------------------------
  logic        post_done_q, arr_done_q;
  logic [2:0]  out_result_q, out_reason_q;
  logic [31:0] out_spills_q, out_posts_q;
  logic [11:0] out_slot_q;
  always_ff @(posedge clk_i) begin : p_step8
    if (!rst_ni) begin
      post_done_q <= 1'b0;
      arr_done_q  <= 1'b0;
      next_age_q  <= '0;
    end else begin
      post_done_q <= step_q[8] && !s_arr_q;
      arr_done_q  <= step_q[8] && s_arr_q;
      if (step_q[8] && post_append_q != '0) next_age_q <= next_age_q + 1'b1;
    end
    if (step_q[8]) begin
      release_q       <= empty;
      release_place_q <= used_place;
      out_result_q    <= result_q;
      out_reason_q    <= reason_q;
      out_spills_q    <= spills;
      out_posts_q     <= posts;
      out_slot_q      <= 12'(unexp_index_q);
    end
  end

  assign post_done_o          = post_done_q;
  assign post_result_o        = out_result_q;
  assign post_reason_o        = out_reason_q;
  assign post_spills_o        = out_spills_q;
  assign post_slot_o          = out_slot_q;
  assign arr_done_o           = arr_done_q;
  assign arr_result_o         = out_result_q[1:0];
  assign arr_reason_o         = out_reason_q;
  assign arr_posts_o          = out_posts_q;

  `TALLY_ASSERT(OneTaken_A, !(take_post && take_arr))
  `TALLY_ASSERT(OneLookup_A, $onehot0(step_q[4:1]))
  `TALLY_ASSERT(OneUpdate_A, $onehot0(step_q[8:5]))
  `TALLY_ASSERT(WalkAlone_A, (walk_q || walk_clear_q) |-> step_q == '0)
  `TALLY_ASSERT(OneOldest_A, step_q[7] |-> $onehot0(oldest))
  `TALLY_ASSERT(QueuedFound_A, (step_q[7] && found_q) |-> unexp_queued)
endmodule

`default_nettype wire

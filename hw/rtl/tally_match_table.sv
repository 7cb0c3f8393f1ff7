// SPDX-License-Identifier: BSD-3-Clause
// Key table of one wildcard class: finds the place of a key, or gives it a free one.
//
// Two banks of Buckets rows of four ways. A key may lie in any way of its row in bank 0 or in bank
// 1: all eight are read and compared at once. A new key goes to the row with more free ways (bank 0
// when they are equal). No key is ever moved, so a place is the name of its key until it is
// released.
// Place: {row, bank, way}.
// Steps of a look-up, each one cycle, told by the owner (find_*, at most one look-up at a time):
// read, compare, choose. held_o, fresh_o and place_o are valid from the cycle after choose to the
// next choose.
// held: the key has a place; fresh: it was given it just now (its record is not valid).
// Releases and the walk (all rows, one a cycle: read, then clear what belongs to the endpoint) are
// told by the owner when no key is being given a place.
// Storage: 8 * Buckets * (1 + KeyW) bits, block RAM (one write and one registered read port a way).
// Limitation: a place that is released while a look-up is under way is still taken for that
// look-up.
`default_nettype none
`include "tally_assert.svh"

module tally_match_table #(
  parameter int unsigned KeyW = 66,    // its upper 2 bits are the endpoint
  parameter int unsigned Buckets = 2048,
  localparam int unsigned BucketBits = $clog2(Buckets),
  localparam int unsigned PlaceW = BucketBits + 3
) (
  input  wire logic                  clk_i,
  input  wire logic                  rst_ni,

  input  wire logic                  find_read_i,
  input  wire logic                  find_compare_i,
  input  wire logic                  find_choose_i,
  input  wire logic                  find_use_i,    // from compare to choose: look this key up
  input  wire logic                  find_alloc_i,  // from compare to choose: give it a place
  input  wire logic [BucketBits-1:0] find_bucket0_i,
  input  wire logic [BucketBits-1:0] find_bucket1_i,
  input  wire logic [KeyW-1:0]       find_key_i,
  output      logic                  held_o,
  output      logic                  fresh_o,
  output      logic [PlaceW-1:0]     place_o,

  input  wire logic                  release_valid_i,
  input  wire logic [PlaceW-1:0]     release_place_i,

  input  wire logic                  walk_read_i,
  input  wire logic                  walk_clear_i,      // the cycle after walk_read_i
  input  wire logic [BucketBits-1:0] walk_read_row_i,
  input  wire logic [BucketBits-1:0] walk_clear_row_i,
  input  wire logic                  walk_all_i,
  input  wire logic [1:0]            walk_ep_i
);
  if (Buckets < 2 || Buckets != (1 << BucketBits)) begin : gen_bad_buckets
    $error("tally_match_table: Buckets must be a power of two from 2");
  end
  if (KeyW < 3) begin : gen_bad_key
    $error("tally_match_table: KeyW must be at least 3");
  end

  logic [7:0] match, match_q, free, free_q, write, mine;
  logic       give;
  logic [2:0] new_way, hit_way;

  for (genvar w = 0; w < 8; w++) begin : gen_way
    logic [KeyW:0]         mem [Buckets];
    logic [KeyW:0]         word_q, wr_word;
    logic [BucketBits-1:0] bucket, rd_row, wr_row;
    assign bucket = w < 4 ? find_bucket0_i : find_bucket1_i;
    assign rd_row = walk_read_i ? walk_read_row_i : bucket;
    always_comb begin : p_write
      write[w] = give && new_way == 3'(w);
      wr_row   = bucket;
      wr_word  = {1'b1, find_key_i};
      if (walk_clear_i) begin
        write[w] = walk_all_i || mine[w];
        wr_row   = walk_clear_row_i;
        wr_word  = '0;
      end else if (release_valid_i) begin
        write[w] = release_place_i[2:0] == 3'(w);
        wr_row   = release_place_i[PlaceW-1:3];
        wr_word  = '0;
      end
    end
    always_ff @(posedge clk_i) begin : p_mem
      if (write[w]) mem[wr_row] <= wr_word;
      if (find_read_i || walk_read_i) word_q <= mem[rd_row];
    end
    assign match[w] = word_q[KeyW] && word_q[KeyW-1:0] == find_key_i && find_use_i;
    assign free[w]  = !word_q[KeyW];
    assign mine[w]  = word_q[KeyW] && word_q[KeyW-1 -: 2] == walk_ep_i;
  end

  always_ff @(posedge clk_i) begin : p_compare
    if (find_compare_i) begin
      match_q <= match;
      free_q  <= free;
    end
  end

  // First of four (the last if none of the others), and how many there are.
  function automatic logic [1:0] first(input logic [2:0] set);
    first = set[0] ? 2'd0 : set[1] ? 2'd1 : set[2] ? 2'd2 : 2'd3;
  endfunction
  function automatic logic [2:0] count(input logic [3:0] set);
    count = 3'(set[0]) + 3'(set[1]) + 3'(set[2]) + 3'(set[3]);
  endfunction

  logic second;
  assign second  = count(free_q[7:4]) > count(free_q[3:0]);
  assign new_way = second ? {1'b1, first(free_q[6:4])} : {1'b0, first(free_q[2:0])};
  assign hit_way = (match_q[3:0] != '0) ? {1'b0, first(match_q[2:0])} : {1'b1, first(match_q[6:4])};
  assign give    = find_choose_i && find_use_i && find_alloc_i && match_q == '0 && free_q != '0;

  logic              held_q, fresh_q;
  logic [PlaceW-1:0] place_q;
  logic [2:0]        way;
  assign way = (match_q != '0) ? hit_way : new_way;
  always_ff @(posedge clk_i) begin : p_choose
    if (!rst_ni) begin
      held_q <= 1'b0;
    end else if (find_choose_i) begin
      held_q <= match_q != '0 || give;
    end
    if (find_choose_i) begin
      fresh_q <= give;
      place_q <= {way[2] ? find_bucket1_i : find_bucket0_i, way};
    end
  end
  assign held_o  = held_q;
  assign fresh_o = fresh_q;
  assign place_o = place_q;

  `TALLY_ASSERT(OnePlace_A, find_choose_i |-> $onehot0(match_q))
  `TALLY_ASSERT(OneWriter_A, $onehot0({give, release_valid_i, walk_clear_i}))
  `TALLY_ASSERT(OneReader_A, !(find_read_i && walk_read_i))
endmodule

`default_nettype wire

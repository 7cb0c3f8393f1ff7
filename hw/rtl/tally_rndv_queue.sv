// SPDX-License-Identifier: BSD-3-Clause
// Matched rendezvous that wait for a job: one list a peer in a shared memory, taken in turn.
//
// A list from which Limit words have been taken and not given back, or that is not enabled, waits
// and holds up no other. A word that was chosen before its list was disabled still comes out.
// Ordering: first in, first out within a list; lists in turn.
// Latency: 3 cycles. Throughput: a word in each cycle but one in three; a word out each 3 cycles.
// Storage: Depth * (Width + 2 * log2(Depth)) bits, two list memories, Lists counters.
`default_nettype none
`include "tally_assert.svh"

module tally_rndv_queue #(
  parameter int unsigned Width = 452,
  parameter int unsigned Depth = 256,
  parameter int unsigned Lists = 64,
  parameter int unsigned Limit = 6,
  localparam int unsigned ListW = $clog2(Lists),
  localparam int unsigned SlotW = $clog2(Depth),
  localparam int unsigned LevelW = $clog2(Depth + 1)
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  // lists that may be taken from now
  input  wire logic [Lists-1:0] enable_i,

  input  wire logic             in_valid_i,
  output      logic             in_ready_o,
  input  wire logic [ListW-1:0] in_list_i,
  input  wire logic [Width-1:0] in_data_i,

  output      logic             out_valid_o,
  input  wire logic             out_ready_i,
  output      logic [Width-1:0] out_data_o,

  // a word of this list has been dealt with (pulse)
  input  wire logic             put_valid_i,
  input  wire logic [ListW-1:0] put_list_i,

  output      logic [LevelW-1:0] level_o
);
  localparam int unsigned CountW = $clog2(Limit + 1);

  if (Limit < 1 || Depth < 2 || Lists < 2) begin : gen_bad_sizes
    $error("tally_rndv_queue: Limit must be at least 1, Depth and Lists at least 2");
  end

  logic [Width-1:0] data_mem [Depth];
  logic [SlotW-1:0] next_mem [Depth];
  logic [SlotW-1:0] head_mem [Lists];
  logic [SlotW-1:0] tail_mem [Lists];

  typedef enum logic [1:0] { StPick, StTake, StOut } state_e;
  state_e                  state_q;
  logic [Lists-1:0]        filled_q, open;
  logic [Lists*CountW-1:0] count_q;
  logic [ListW-1:0]        list_q, choice;
  logic [Width-1:0]        data_q;
  logic [LevelW-1:0]       fresh_q, level_q;
  logic [SlotW-1:0]        slot, freed, head, tail;
  logic                    any, push, take, freed_valid, is_fresh, unused_freed_room;
  logic [LevelW-1:0]       unused_freed_level;

  for (genvar k = 0; k < Lists; k++) begin : gen_lists
    logic [CountW-1:0] count;
    logic              up, down;
    assign count   = count_q[CountW*k +: CountW];
    assign open[k] = enable_i[k] && filled_q[k] && count != CountW'(Limit);
    assign up      = take && list_q == ListW'(k);
    assign down    = put_valid_i && put_list_i == ListW'(k);
    always_ff @(posedge clk_i) begin : p_count
      if (!rst_ni) count_q[CountW*k +: CountW] <= '0;
      else if (up != down) count_q[CountW*k +: CountW] <= up ? count + 1'b1 : count - 1'b1;
    end
    `TALLY_ASSERT(CountBound_A, !(down && !up && count == '0))
  end

  tally_turn #(.N(Lists)) u_turn (
    .clk_i, .rst_ni, .req_i(open), .take_i(state_q == StPick), .any_o(any), .index_o(choice)
  );

  // Free slots: those never used yet, then those given back.
  assign is_fresh   = fresh_q != LevelW'(Depth);
  assign slot       = is_fresh ? fresh_q[SlotW-1:0] : freed;
  // Not while a word is taken: it may be the last of the list.
  assign in_ready_o = level_q != LevelW'(Depth) && state_q != StTake;
  assign push       = in_valid_i && in_ready_o;
  assign take       = state_q == StTake;
  assign head       = head_mem[list_q];
  assign tail       = tail_mem[in_list_i];
  assign level_o    = level_q;

  tally_fifo #(.Width(SlotW), .Depth(Depth)) u_freed (
    .clk_i, .rst_ni,
    .in_valid_i(take), .in_ready_o(unused_freed_room), .in_data_i(head),
    .out_valid_o(freed_valid), .out_ready_i(push && !is_fresh), .out_data_o(freed),
    .level_o(unused_freed_level)
  );

  // A list's last word is the one that its tail names.
  logic [SlotW-1:0] take_tail;
  logic             take_last;
  assign take_tail = tail_mem[list_q];
  assign take_last = head == take_tail;

  logic             head_we;
  logic [ListW-1:0] head_at;
  logic [SlotW-1:0] head_new;
  assign head_we  = take || (push && !filled_q[in_list_i]);
  assign head_at  = take ? list_q : in_list_i;
  assign head_new = take ? next_mem[head] : slot;

  always_ff @(posedge clk_i) begin : p_mem
    if (push) data_mem[slot] <= in_data_i;
    if (push && filled_q[in_list_i]) next_mem[tail] <= slot;
    if (push) tail_mem[in_list_i] <= slot;
    if (head_we) head_mem[head_at] <= head_new;
    if (take) data_q <= data_mem[head];
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q  <= StPick;
      filled_q <= '0;
      fresh_q  <= '0;
      level_q  <= '0;
    end else begin
      unique case (state_q)
        StPick:  if (any) state_q <= StTake;
        StTake:  state_q <= StOut;
        default: if (out_ready_i) state_q <= StPick;
      endcase
      if (push) filled_q[in_list_i] <= 1'b1;
      if (take && take_last) filled_q[list_q] <= 1'b0;
      if (push && is_fresh) fresh_q <= fresh_q + 1'b1;
      level_q <= level_q + LevelW'(push) - LevelW'(take);
    end
  end
  always_ff @(posedge clk_i) begin : p_list
    if (state_q == StPick) list_q <= choice;
  end
  assign out_valid_o = state_q == StOut;
  assign out_data_o  = data_q;

  `TALLY_ASSERT_STABLE(OutStable_A, out_valid_o, out_ready_i, out_data_o)
  `TALLY_ASSERT(SlotFree_A, push |-> is_fresh || freed_valid)
  `TALLY_ASSERT(NoUnderflow_A, take |-> level_q != '0)
  `TALLY_ASSERT(NoOverflow_A, level_q <= LevelW'(Depth))
endmodule

`default_nettype wire

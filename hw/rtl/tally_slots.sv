// SPDX-License-Identifier: BSD-3-Clause
// Free bounce slots and spill slots of the endpoints.
//
// Bounce slots: each endpoint has those below its quota. A slot that came back is in the endpoint's
// list, one that was never used is not (lazy: nothing has to be filled after reset); the next slot
// of each endpoint waits in a register, so that the answer to a get is combinational.
// Spill slots: a ring; a slot is taken at the tail, the driver frees at the head. spill_room_o
// tells that each message under way (accepted and not resolved) could be spilled, and one more.
// Ordering: returned slots are used again in the order in which they came back, before fresh ones.
// Latency: 3 cycles until an endpoint's next slot is offered (get_wait_o meanwhile). Throughput:
// one get and two puts in 3 cycles, whatever the endpoints. Storage: 40960 bits of block RAM,
// about 500 flip-flops.
// Limitations: while enable_i is low the endpoint has no slots, its indices are 0 and what is put
// back is forgotten; quota, base and size may change only then.
`default_nettype none
`include "tally_assert.svh"

module tally_slots (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,

  input  wire logic [3:0]  enable_i,
  input  wire logic [63:0] bounce_quota_i,
  input  wire logic [15:0] spill_log2_i,
  input  wire logic [63:0] spill_head_i,

  // the endpoint's next bounce slot; get_wait_o: none yet, ask again in the next cycle
  input  wire logic        get_valid_i,
  input  wire logic [1:0]  get_ep_i,
  output      logic        get_ok_o,
  output      logic        get_wait_o,
  output      logic [9:0]  get_slot_o,

  // slots that come back (pulses): from tally_msg_rx and from tally_copy
  input  wire logic        put_valid_i,
  input  wire logic [1:0]  put_ep_i,
  input  wire logic [9:0]  put_slot_i,
  input  wire logic        put2_valid_i,
  input  wire logic [1:0]  put2_ep_i,
  input  wire logic [9:0]  put2_slot_i,

  // the endpoint's next spill slot, its index in the ring
  input  wire logic        spill_get_valid_i,
  input  wire logic [1:0]  spill_get_ep_i,
  output      logic [15:0] spill_slot_o,

  // messages under way (pulses): accepted by tally_qp_rx; resolved by tally_msg_rx, tally_msg_demux
  input  wire logic [3:0]  accept_i,
  input  wire logic [3:0]  resolved_i,
  input  wire logic [3:0]  resolved2_i,
  output      logic [3:0]  spill_room_o,

  output      logic        idle_o
);
  localparam int unsigned Endpoints = tally_pkg::NumEndpoints;
  localparam int unsigned SlotW     = $clog2(tally_pkg::BounceSlots);
  localparam int unsigned UnderW    = 12;

  // --- returned slots ----------------------------------------------------------------------------
  // Both may come in one cycle; that of tally_copy waits.
  logic             wait_valid, wait_ready, wait_pop, wr_valid, rd_valid_d, rd_valid_q;
  logic [1:0]       wait_ep, wr_ep, rd_ep_d, rd_ep_q;
  logic [SlotW-1:0] wait_slot, wr_slot, rd_slot_q;
  logic [2:0]       unused_level;

  tally_fifo #(.Width(2 + SlotW), .Depth(4)) u_wait (
    .clk_i, .rst_ni,
    .in_valid_i(put2_valid_i), .in_ready_o(wait_ready), .in_data_i({put2_ep_i, put2_slot_i}),
    .out_valid_o(wait_valid), .out_ready_i(wait_pop), .out_data_o({wait_ep, wait_slot}),
    .level_o(unused_level)
  );
  assign wait_pop = !put_valid_i;
  assign wr_ep    = put_valid_i ? put_ep_i : wait_ep;
  assign wr_slot  = put_valid_i ? put_slot_i : wait_slot;
  assign wr_valid = (put_valid_i || wait_valid) && enable_i[wr_ep];

  // --- the lists: one memory, a ring of BounceSlots places for each endpoint ---------------------
  logic [SlotW-1:0]           mem [Endpoints * tally_pkg::BounceSlots];
  logic [Endpoints*SlotW-1:0] wr_at, rd_at, head;
  logic [Endpoints-1:0]       listed, fresh, head_valid, need;

  always_ff @(posedge clk_i) begin : p_mem
    if (wr_valid) mem[{wr_ep, wr_at[wr_ep*SlotW +: SlotW]}] <= wr_slot;
    rd_slot_q <= mem[{rd_ep_d, rd_at[rd_ep_d*SlotW +: SlotW]}];
  end

  // One refill from memory in a cycle; the lowest endpoint that needs one.
  always_comb begin : p_refill
    rd_valid_d = 1'b0;
    rd_ep_d    = '0;
    for (int unsigned e = 0; e < Endpoints; e++) begin
      if (!rd_valid_d && need[e] && listed[e]) begin
        rd_valid_d = 1'b1;
        rd_ep_d    = 2'(e);
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_read
    if (!rst_ni) rd_valid_q <= 1'b0;
    else rd_valid_q <= rd_valid_d && enable_i[rd_ep_d];
    rd_ep_q <= rd_ep_d;
  end

  for (genvar e = 0; e < 32'(Endpoints); e++) begin : gen_endpoint
    logic [SlotW-1:0]  wr_at_q, rd_at_q, head_q;
    logic [SlotW:0]    count_q, fresh_q;
    logic              head_valid_q, push, pop, load, take_fresh, taken;
    logic [15:0]       tail_q, used, mask;
    logic [16:0]       free_q;
    logic [UnderW-1:0] under_q;

    assign push       = wr_valid && 32'(wr_ep) == e;
    assign pop        = rd_valid_d && 32'(rd_ep_d) == e;
    assign load       = rd_valid_q && 32'(rd_ep_q) == e;
    assign taken      = get_valid_i && 32'(get_ep_i) == e && head_valid_q;
    assign take_fresh = need[e] && !listed[e] && fresh[e];

    assign need[e]       = enable_i[e] && !head_valid_q && !load;
    assign listed[e]     = count_q != '0;
    assign fresh[e]      = 16'(fresh_q) < bounce_quota_i[e*16 +: 16]
                         && fresh_q != (SlotW+1)'(tally_pkg::BounceSlots);
    assign head_valid[e] = head_valid_q;
    assign wr_at[e*SlotW +: SlotW] = wr_at_q;
    assign rd_at[e*SlotW +: SlotW] = rd_at_q;
    assign head[e*SlotW +: SlotW]  = head_q;

    always_ff @(posedge clk_i) begin : p_state
      if (!rst_ni || !enable_i[e]) begin
        wr_at_q      <= '0;
        rd_at_q      <= '0;
        count_q      <= '0;
        fresh_q      <= '0;
        head_valid_q <= 1'b0;
      end else begin
        wr_at_q <= wr_at_q + SlotW'(push);
        rd_at_q <= rd_at_q + SlotW'(pop);
        count_q <= count_q + (SlotW+1)'(push) - (SlotW+1)'(pop);
        fresh_q <= fresh_q + (SlotW+1)'(take_fresh);
        if (load || take_fresh) head_valid_q <= 1'b1;
        else if (taken) head_valid_q <= 1'b0;
      end
    end

    always_ff @(posedge clk_i) begin : p_head
      if (load) head_q <= rd_slot_q;
      else if (take_fresh) head_q <= fresh_q[SlotW-1:0];
    end

    // --- spill ring ------------------------------------------------------------------------------
    // free_q is a cycle late; a slot just taken is then still covered by its message under way.
    assign mask = 16'((17'd1 << spill_log2_i[e*4 +: 4]) - 17'd1);
    assign used = tail_q - spill_head_i[e*16 +: 16];

    always_ff @(posedge clk_i) begin : p_spill
      if (!rst_ni || !enable_i[e]) begin
        tail_q <= '0;
        free_q <= '0;
      end else begin
        tail_q <= tail_q + 16'(spill_get_valid_i && 32'(spill_get_ep_i) == e);
        free_q <= 17'(mask) + 17'd1 - 17'(used);
      end
    end

    always_ff @(posedge clk_i) begin : p_under
      if (!rst_ni) under_q <= '0;
      else under_q <= under_q + UnderW'(accept_i[e]) - UnderW'(resolved_i[e])
                    - UnderW'(resolved2_i[e]);
    end

    assign spill_room_o[e] = free_q > 17'(under_q);

    `TALLY_ASSERT(CountBound_A, count_q <= (SlotW+1)'(tally_pkg::BounceSlots))
    `TALLY_ASSERT(SlotBack_A, push |-> (SlotW+1)'(wr_slot) < fresh_q)
    `TALLY_ASSERT(UnderBound_A, !(resolved_i[e] || resolved2_i[e])
                  || under_q + UnderW'(accept_i[e])
                     >= UnderW'(resolved_i[e]) + UnderW'(resolved2_i[e]))
    `TALLY_ASSERT(UnderRoom_A, !accept_i[e] || under_q != {UnderW{1'b1}})
    `TALLY_ASSERT(SpillFree_A, !enable_i[e] || !(spill_get_valid_i && 32'(spill_get_ep_i) == e)
                  || used <= mask)
  end

  logic [63:0] tails, masks;
  for (genvar e = 0; e < 32'(Endpoints); e++) begin : gen_tail
    assign tails[e*16 +: 16] = gen_endpoint[e].tail_q;
    assign masks[e*16 +: 16] = gen_endpoint[e].mask;
  end

  assign get_ok_o     = head_valid[get_ep_i];
  assign get_slot_o   = head[get_ep_i*SlotW +: SlotW];
  assign get_wait_o   = !head_valid[get_ep_i] && enable_i[get_ep_i]
                      && (listed[get_ep_i] || fresh[get_ep_i]
                          || (rd_valid_q && rd_ep_q == get_ep_i));
  assign spill_slot_o = tails[spill_get_ep_i*16 +: 16] & masks[spill_get_ep_i*16 +: 16];
  assign idle_o       = !wait_valid && !rd_valid_q && (need & (listed | fresh)) == '0;

  `TALLY_ASSERT(WaitRoom_A, put2_valid_i |-> wait_ready)
endmodule

`default_nettype wire

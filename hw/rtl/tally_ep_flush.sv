// SPDX-License-Identifier: BSD-3-Clause
// Asks the match unit to drop what an endpoint holds when the endpoint is disabled.
//
// Ordering: endpoints in turn, one drop at a time. Latency: 1 cycle to the request. Throughput:
// that of the match unit. Storage: a state bit and two flags an endpoint.
// Limitations: an endpoint that is enabled again while its drop is under way stays off until it is
// over (flushing_o).
`default_nettype none
`include "tally_assert.svh"

module tally_ep_flush (
  input  wire logic                               clk_i,
  input  wire logic                               rst_ni,

  input  wire logic [tally_pkg::NumEndpoints-1:0] enable_i,

  // to tally_match: handshake when the drop is done
  output      logic                               flush_valid_o,
  input  wire logic                               flush_ready_i,
  output      logic [1:0]                         flush_ep_o,

  output      logic [tally_pkg::NumEndpoints-1:0] flushing_o,
  output      logic                               idle_o
);
  localparam int unsigned NumEp = tally_pkg::NumEndpoints;

  logic [NumEp-1:0] was_q, pending_q, ended;
  logic             valid_q, found;
  logic [1:0]       ep_q, pick;

  // The first pending endpoint.
  always_comb begin : p_pick
    found = 1'b0;
    pick  = '0;
    for (int unsigned e = 0; e < NumEp; e++) begin
      if (!found && pending_q[e]) begin
        found = 1'b1;
        pick  = 2'(e);
      end
    end
  end

  always_comb begin : p_ended
    ended = '0;
    if (valid_q && flush_ready_i) ended[ep_q] = 1'b1;
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      was_q     <= '0;
      pending_q <= '0;
      valid_q   <= 1'b0;
      ep_q      <= '0;
    end else begin
      was_q     <= enable_i;
      pending_q <= (pending_q & ~ended) | (was_q & ~enable_i);
      if (valid_q) begin
        if (flush_ready_i) valid_q <= 1'b0;
      end else if (found) begin
        valid_q <= 1'b1;
        ep_q    <= pick;
      end
    end
  end

  assign flush_valid_o = valid_q;
  assign flush_ep_o    = ep_q;
  assign flushing_o    = pending_q | (was_q & ~enable_i);
  assign idle_o        = flushing_o == '0 && !valid_q && was_q == enable_i;

  `TALLY_ASSERT_STABLE(FlushStable_A, flush_valid_o, flush_ready_i, flush_ep_o)
  `TALLY_ASSERT(PendingWhileAsked_A, valid_q |-> pending_q[ep_q])
endmodule

`default_nettype wire

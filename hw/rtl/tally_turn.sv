// SPDX-License-Identifier: BSD-3-Clause
// Chooses one of N requests in turn.
//
// Ordering: after take_i the requests above the chosen one come first, then those from 0 on.
// Latency: combinational. Storage: N bits. The lowest bit of a vector is found by a carry chain.
`default_nettype none
`include "tally_assert.svh"

module tally_turn #(
  parameter int unsigned N = 16,
  localparam int unsigned IndexBits = N > 1 ? $clog2(N) : 1
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  input  wire logic [N-1:0]         req_i,
  input  wire logic                 take_i,
  output      logic                 any_o,
  output      logic [IndexBits-1:0] index_o
);
  // Bits above the one chosen last.
  logic [N-1:0] mask_q, upper, upper_neg, req_neg, first;
  logic         wrap;

  // A vector and its negative share their lowest bit alone, and differ above it.
  assign upper     = req_i & mask_q;
  assign upper_neg = ~upper + N'(1);
  assign req_neg   = ~req_i + N'(1);
  assign wrap      = upper == '0;
  assign first     = wrap ? req_i & req_neg : upper & upper_neg;
  assign any_o     = req_i != '0;

  always_comb begin : p_index
    index_o = '0;
    for (int unsigned k = 0; k < N; k++) begin
      if (first[k]) index_o = index_o | IndexBits'(k);
    end
  end

  always_ff @(posedge clk_i) begin : p_mask
    if (!rst_ni) mask_q <= {N{1'b1}};
    else if (take_i && any_o) mask_q <= wrap ? req_i ^ req_neg : upper ^ upper_neg;
  end

  `TALLY_ASSERT(OneFirst_A, $onehot0(first))
  `TALLY_ASSERT(Asked_A, any_o |-> req_i[index_o])
endmodule

`default_nettype wire

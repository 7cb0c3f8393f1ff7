// SPDX-License-Identifier: BSD-3-Clause
// Round-robin choice among many wishes.
//
// Ordering: after a take, the search goes on above the index taken and wraps. Latency: 2 cycles
// from a wish to the choice; the next choice comes 3 cycles after a take. Storage: 2 N bits.
// Limitations: advice only. The choice may be up to 2 cycles old, so its user checks that the wish
// still stands; it may change from cycle to cycle until it is taken.
`default_nettype none

module tally_qp_pick #(
  parameter int unsigned N = 128,
  localparam int unsigned IndexBits = $clog2(N)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,
  input  wire logic [N-1:0]         want_i,
  output      logic                 valid_o,
  output      logic [IndexBits-1:0] index_o,
  input  wire logic                 take_i
);
  localparam int unsigned Group  = 8;
  localparam int unsigned Groups = N / Group;
  localparam int unsigned GroupBits = $clog2(Groups);

  if (N % Group != 0 || N < 2 * Group) begin : gen_bad_n
    $error("tally_qp_pick: N must be a multiple of 8 and at least 16");
  end

  logic [N-1:0]         above_q;  // indices after the one taken last
  logic [N-1:0]         masked;
  logic [N-1:0]         open_q;   // candidates; the lowest is the choice
  logic                 open_valid_q, valid_q;
  logic [IndexBits-1:0] index_q, index;

  logic [Groups-1:0]    any;
  logic [GroupBits-1:0] group;
  logic [Group-1:0]     bits;
  logic [2:0]           bit_index;

  assign masked = want_i & above_q;

  always_comb begin : p_first
    logic found;
    for (int unsigned g = 0; g < Groups; g++) any[g] = open_q[g*Group +: Group] != '0;
    group = '0;
    found = 1'b0;
    for (int unsigned g = 0; g < Groups; g++) begin
      if (!found && any[g]) begin
        found = 1'b1;
        group = GroupBits'(g);
      end
    end
    bits      = open_q[{group, 3'd0} +: Group];
    bit_index = '0;
    found     = 1'b0;
    for (int unsigned b = 0; b < Group; b++) begin
      if (!found && bits[b]) begin
        found     = 1'b1;
        bit_index = 3'(b);
      end
    end
    index = {group, bit_index};
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      above_q      <= '1;
      open_valid_q <= 1'b0;
      valid_q      <= 1'b0;
    end else begin
      if (take_i) above_q <= ~((N'(2) << index_q) - N'(1));
      open_valid_q <= want_i != '0 && !take_i;
      valid_q      <= open_valid_q && !take_i;
    end
  end

  always_ff @(posedge clk_i) begin : p_choice
    open_q  <= masked != '0 ? masked : want_i;
    index_q <= index;
  end

  assign valid_o = valid_q;
  assign index_o = index_q;
endmodule

`default_nettype wire

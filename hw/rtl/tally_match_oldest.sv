// SPDX-License-Identifier: BSD-3-Clause
// The oldest of the four classes' posted heads: of the valid ones, the one with the least age.
//
// Combinational: six comparisons side by side, then one choice. Ages of valid heads differ.
`default_nettype none

module tally_match_oldest #(
  parameter int unsigned PostBits = 12,
  parameter int unsigned AgeBits = 56
) (
  input  wire logic [3:0]            valid_i,
  input  wire logic [4*PostBits-1:0] head_i,
  input  wire logic [4*AgeBits-1:0]  age_i,
  output      logic [3:0]            oldest_o,  // one-hot, 0 when none is valid
  output      logic [PostBits-1:0]   head_o
);
  logic [3:0] oldest;
  always_comb begin : p_oldest
    oldest = valid_i;
    for (int unsigned c = 0; c < 4; c++) begin
      for (int unsigned d = 0; d < 4; d++) begin
        if (d != c && valid_i[d] && age_i[d*AgeBits +: AgeBits] < age_i[c*AgeBits +: AgeBits]) begin
          oldest[c] = 1'b0;
        end
      end
    end
  end

  always_comb begin : p_head
    head_o = '0;
    for (int unsigned c = 0; c < 4; c++) begin
      if (oldest[c]) head_o = head_o | head_i[c*PostBits +: PostBits];
    end
  end
  assign oldest_o = oldest;
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Integer multiplier modulo 2^W, signed and unsigned alike (docs/reductions.md).
//
// Ordering: in order. Latency: 4 enabled cycles. Throughput: one product a cycle. Storage: 2 * W
// bits of operands, and that of tally_mul.
// Stage s loads its registers in cycles with en_i[s]: 0 operands, 1 to 3 those of tally_mul.
// Area by yosys (synth_xilinx -family xcup), LUT / FF / DSP48E2: 8 bits 55 / 40 / 0,
// 16 bits 0 / 80 / 1, 32 bits 47 / 187 / 2, 64 bits 212 / 510 / 7. Products of few bits go to LUTs.
// Limitations: none.
`default_nettype none

module tally_imul #(
  parameter int unsigned W = 32
) (
  input  wire logic         clk_i,

  input  wire logic [3:0]   en_i,
  input  wire logic [W-1:0] a_i,
  input  wire logic [W-1:0] b_i,
  output      logic [W-1:0] z_o
);
  logic [W-1:0] a_q, b_q;

  always_ff @(posedge clk_i) begin : p_operands
    if (en_i[0]) begin
      a_q <= a_i;
      b_q <= b_i;
    end
  end

  tally_mul #(.W(W), .OutW(W)) u_mul (
    .clk_i,
    .en_i(en_i[3:1]),
    .a_i (a_q),
    .b_i (b_q),
    .z_o
  );
endmodule

`default_nettype wire

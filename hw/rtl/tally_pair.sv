// SPDX-License-Identifier: BSD-3-Clause
// One 128-bit slice of minloc and maxloc: one pair of a 64-bit value and a 32-bit index, or two of
// a 32-bit or 16-bit value and a 32-bit index (docs/reductions.md).
//
// Ordering: in order. Latency: 2 enabled cycles. Throughput: 128 bits a cycle. Storage: 397 bits.
// Stage s loads its registers in cycles with en_i[s]. Stages: 0 comparison; 1 selection.
// Layout: value at byte 0, index behind it at byte 4 (8 of a wide pair), rest padding, which comes
// out as zero.
// Area by yosys (synth_xilinx -family xcup): 735 LUT, 397 FF.
// Limitations: none.
`default_nettype none

module tally_pair (
  input  wire logic         clk_i,

  input  wire logic [1:0]   en_i,
  input  wire logic         wide_i,    // 64-bit value
  input  wire logic         short_i,   // 16-bit value
  input  wire logic         float_i,
  input  wire logic         max_i,
  input  wire logic [127:0] a_i,
  input  wire logic [127:0] b_i,
  output      logic [127:0] z_o
);
  // Functions take at most 64 bits: a simulator keeps wider arguments in memory.

  // Values of the two halves; a wide one takes both. A short one stands at the top of its half.
  function automatic logic [63:0] values(input logic [63:0] low, input logic [31:0] high,
                                         input logic wide, input logic short);
    values = {high, low[31:0]};
    if (short) values = {high[15:0], 16'd0, low[15:0], 16'd0};
    if (wide) values = low;
  endfunction

  // Indices of the two halves; that of a wide pair twice.
  function automatic logic [63:0] indices(input logic [31:0] low, input logic [31:0] middle,
                                          input logic [31:0] high, input logic wide);
    indices = {wide ? middle : high, wide ? middle : low};
  endfunction

  // Maps values to unsigned integers of the same order, one to one.
  function automatic logic [63:0] key(input logic [63:0] x, input logic wide, input logic flt);
    logic [31:0] high, low;
    high = x[63:32] ^ {1'b1, {31{flt && x[63]}}};
    low = x[31:0] ^ (wide ? {32{flt && x[63]}} : {1'b1, {31{flt && x[31]}}});
    key = {high, low};
  endfunction

  // For each half: is the value a NaN? Takes the values without the sign at the top.
  function automatic logic [1:0] is_nan(input logic [62:0] x, input logic wide);
    if (wide) is_nan = {2{x > 63'h7ff0_0000_0000_0000}};
    else is_nan = {x[62:32] > 31'h7f80_0000, x[30:0] > 31'h7f80_0000};
  endfunction

  // {equal of both halves, a below b of both halves}
  function automatic logic [3:0] compare(input logic [63:0] a, input logic [63:0] b,
                                         input logic wide);
    logic [1:0] equal, less;
    equal = {a[63:32] == b[63:32], a[31:0] == b[31:0]};
    less = {a[63:32] < b[63:32], a[31:0] < b[31:0]};
    if (wide) begin
      less = {2{less[1] || (equal[1] && less[0])}};
      equal = {2{equal[1] && equal[0]}};
    end
    compare = {equal, less};
  endfunction

  // For each half: has b the smaller index? Indices are signed.
  function automatic logic [1:0] first_b(input logic [63:0] a, input logic [63:0] b);
    logic [63:0] sign;
    sign = 64'h8000_0000_8000_0000;
    first_b = {(b[63:32] ^ sign[63:32]) < (a[63:32] ^ sign[63:32]),
               (b[31:0] ^ sign[31:0]) < (a[31:0] ^ sign[31:0])};
  endfunction

  // After stage 0.
  logic [63:0] a_value0_q, b_value0_q, a_index0_q, b_index0_q;
  logic [1:0]  below0_q, equal0_q, first_b0_q, a_nan0_q, b_nan0_q;
  logic        wide0_q, short0_q, max0_q;
  // After stage 1.
  logic [127:0] z_q;

  always_ff @(posedge clk_i) begin : p_compare
    logic [63:0] va, vb, ia, ib;
    if (en_i[0]) begin
      va = values(a_i[63:0], a_i[95:64], wide_i, short_i);
      vb = values(b_i[63:0], b_i[95:64], wide_i, short_i);
      ia = indices(a_i[63:32], a_i[95:64], a_i[127:96], wide_i);
      ib = indices(b_i[63:32], b_i[95:64], b_i[127:96], wide_i);
      {equal0_q, below0_q} <= compare(key(va, wide_i, float_i), key(vb, wide_i, float_i), wide_i);
      first_b0_q <= first_b(ia, ib);
      a_nan0_q   <= {2{float_i}} & is_nan(va[62:0], wide_i);
      b_nan0_q   <= {2{float_i}} & is_nan(vb[62:0], wide_i);
      a_value0_q <= va;
      b_value0_q <= vb;
      a_index0_q <= ia;
      b_index0_q <= ib;
      wide0_q    <= wide_i;
      short0_q   <= short_i;
      max0_q     <= max_i;
    end
  end

  // The least (or greatest) value wins; a NaN wins over numbers; the smaller index among equals.
  always_ff @(posedge clk_i) begin : p_select
    logic [1:0]  nan, tie, b_taken;
    logic [63:0] value, index;
    if (en_i[1]) begin
      nan = a_nan0_q | b_nan0_q;
      tie = (a_nan0_q & b_nan0_q) | (~nan & equal0_q);
      b_taken = (nan & b_nan0_q) | (~nan & (below0_q ^ {2{!max0_q}}));
      b_taken = (tie & first_b0_q) | (~tie & b_taken);
      value = {b_taken[1] ? b_value0_q[63:32] : a_value0_q[63:32],
               b_taken[0] ? b_value0_q[31:0] : a_value0_q[31:0]};
      index = {b_taken[1] ? b_index0_q[63:32] : a_index0_q[63:32],
               b_taken[0] ? b_index0_q[31:0] : a_index0_q[31:0]};
      if (nan[1]) value[63:32] = wide0_q ? 32'h7ff8_0000 : 32'h7fc0_0000;
      if (nan[0]) value[31:0] = wide0_q ? 32'h0000_0000 : 32'h7fc0_0000;
      if (wide0_q) z_q <= {32'd0, index[31:0], value};
      else if (short0_q) z_q <= {index[63:32], 16'd0, value[63:48],
                                 index[31:0], 16'd0, value[31:16]};
      else z_q <= {index[63:32], value[63:32], index[31:0], value[31:0]};
    end
  end

  assign z_o = z_q;
endmodule

`default_nettype wire

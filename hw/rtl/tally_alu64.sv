// SPDX-License-Identifier: BSD-3-Clause
// One 64-bit lane of everything but floating-point sums: integer sum, min and max of integers and
// floating point, and a itself (docs/reductions.md). One 64-bit element or two 32-bit ones.
//
// Ordering: in order. Latency: 1 enabled cycle. Throughput: one word a cycle. Storage: 64 bits.
// The adder and the comparator are two 32-bit halves each; wide_i joins them.
// Floating-point numbers order as two's complement once the magnitude of negative ones is inverted,
// which puts -0 below +0. z_o loads in cycles with en_i and holds otherwise.
// Limitations: sum_i with float_i is not a sum of floating-point numbers; see tally_fadd.
`default_nettype none

module tally_alu64 (
  input  wire logic        clk_i,

  input  wire logic        en_i,
  input  wire logic        wide_i,    // 64-bit element
  input  wire logic        float_i,   // f32, f64
  input  wire logic        sum_i,     // at most one of sum_i, min_i and max_i; none: a
  input  wire logic        min_i,
  input  wire logic        max_i,
  input  wire logic [63:0] a_i,
  input  wire logic [63:0] b_i,
  output      logic [63:0] z_o
);
  // Low half in 31:0, high half in 63:32; the carry goes up in a wide element.
  function automatic logic [63:0] add(input logic [63:0] a, input logic [63:0] b, input logic wide);
    logic [32:0] low;
    low = {1'b0, a[31:0]} + {1'b0, b[31:0]};
    add = {a[63:32] + b[63:32] + 32'(wide && low[32]), low[31:0]};
  endfunction

  // Maps elements to unsigned integers of the same order, one to one.
  function automatic logic [63:0] key(input logic [63:0] x, input logic wide, input logic flt);
    logic [31:0] high, low;
    high = x[63:32] ^ {1'b1, {31{flt && x[63]}}};
    low = x[31:0] ^ (wide ? {32{flt && x[63]}} : {1'b1, {31{flt && x[31]}}});
    key = {high, low};
  endfunction

  // For each half: is b below a?
  function automatic logic [1:0] b_below_a(input logic [63:0] a, input logic [63:0] b,
                                           input logic wide, input logic flt);
    logic [63:0] ka, kb;
    logic low, high;
    ka = key(a, wide, flt);
    kb = key(b, wide, flt);
    low = kb[31:0] < ka[31:0];
    high = kb[63:32] < ka[63:32] || (wide && kb[63:32] == ka[63:32] && low);
    b_below_a = {high, wide ? high : low};
  endfunction

  // For each half: does it belong to a NaN? Takes the word without its sign.
  function automatic logic [1:0] is_nan(input logic [62:0] x, input logic wide);
    if (wide) is_nan = {2{x > 63'h7ff0_0000_0000_0000}};
    else is_nan = {x[62:32] > 31'h7f80_0000, x[30:0] > 31'h7f80_0000};
  endfunction

  function automatic logic [63:0] select(input logic [63:0] a, input logic [63:0] b,
                                         input logic wide, input logic flt, input logic max);
    logic [1:0] nan, take_b;
    nan = {2{flt}} & (is_nan(a[62:0], wide) | is_nan(b[62:0], wide));
    take_b = b_below_a(a, b, wide, flt) ^ {2{max}};
    select[63:32] = take_b[1] ? b[63:32] : a[63:32];
    select[31:0] = take_b[0] ? b[31:0] : a[31:0];
    if (nan[1]) select[63:32] = wide ? 32'h7ff8_0000 : 32'h7fc0_0000;
    if (nan[0]) select[31:0] = wide ? 32'h0000_0000 : 32'h7fc0_0000;
  endfunction

  logic [63:0] z_q;

  always_ff @(posedge clk_i) begin : p_result
    if (en_i) begin
      if (sum_i) z_q <= add(a_i, b_i, wide_i);
      else if (min_i || max_i) z_q <= select(a_i, b_i, wide_i, float_i, max_i);
      else z_q <= a_i;
    end
  end

  assign z_o = z_q;
endmodule

`default_nettype wire

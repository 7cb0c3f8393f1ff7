// SPDX-License-Identifier: BSD-3-Clause
// Floating-point adder: IEEE 754 binary formats, round to nearest even, subnormals, canonical NaN
// (docs/reductions.md).
//
// Ordering: in order. Latency: 5 enabled cycles. Throughput: one sum a cycle.
// Storage: about 7 * W bits of registers (W the width of the format).
// Stage s loads its registers in cycles with en_i[s]; the user moves one enable bit along with each
// operand pair. A stage that is not enabled holds, so a unit that is not in use does not toggle,
// and each stage's logic stands within its enable, so a simulator need not evaluate it.
// Stages: 0 order by magnitude; 1 align; 2 add; 3 normalise; 4 round and pack. Longest paths
// (binary64): a 63-bit compare and a 2:1 select in stage 0, shift and sticky in 1 (about ten levels
// of LUTs and LUT muxes), a 57-bit add in 2, zero count and shift by groups of 8 and then by 0 to 7
// in 3, a 63-bit increment in 4. Not yet timed on a part.
// Area by yosys (synth_xilinx -family xcup), LUT / FF: f16 333 / 136, bf16 349 / 130,
// f32 735 / 258, f64 1775 / 508.
// Limitations: no exception flags, no other rounding mode.
`default_nettype none

module tally_fadd #(
  parameter int unsigned ExpW = 8,
  parameter int unsigned ManW = 23,
  localparam int unsigned W = 1 + ExpW + ManW
) (
  input  wire logic         clk_i,

  input  wire logic [4:0]   en_i,
  input  wire logic [W-1:0] a_i,
  input  wire logic [W-1:0] b_i,
  // Operands in place of a_i and b_i, taken in stage 0 with alt_i.
  input  wire logic         alt_i,
  input  wire logic [W-1:0] alt_a_i,
  input  wire logic [W-1:0] alt_b_i,
  output      logic [W-1:0] z_o
);
  // Significand with guard, round and sticky bit below.
  localparam int unsigned ExtW   = ManW + 4;
  localparam int unsigned ShiftW = $clog2(ExtW + 1);
  // One carry bit above. Padded below to whole groups of 8.
  localparam int unsigned SumW   = ExtW + 1;
  localparam int unsigned Groups = (SumW + 7) / 8;
  localparam int unsigned PadW   = 8 * Groups;
  localparam int unsigned GroupW = $clog2(Groups);

  if (ManW < 4 || ExpW < GroupW + 4 || ShiftW > ExpW) begin : gen_bad_format
    $error("tally_fadd: ExpW must span the shifts of ManW, and ManW be at least 4");
  end

  // Written out: yosys 0.23 takes a typed localparam of a bare all-ones literal for 1.
  localparam logic [ExpW-1:0] ExpMax = {ExpW{1'b1}};
  localparam logic [W-2:0]    Inf    = {ExpMax, ManW'(0)};
  localparam logic [W-1:0]    Nan    = {1'b0, ExpMax, 1'b1, (ManW - 1)'(0)};

  // Stage 0. Magnitudes order as unsigned integers; a NaN is above every number.
  function automatic logic b_above_a(input logic [W-2:0] a, input logic [W-2:0] b);
    b_above_a = b > a;
  endfunction

  // Exponent field with the value it stands for: subnormals have that of the least normals.
  function automatic logic [ExpW-1:0] exponent(input logic [ExpW-1:0] x);
    exponent = (x == '0) ? ExpW'(1) : x;
  endfunction

  // Distance of the exponents; what the aligner's width exceeds is cut to all ones.
  function automatic logic [ShiftW-1:0] distance(input logic [W-2:0] a, input logic [W-2:0] b);
    logic [ExpW-1:0] ab, ba, d;
    ab = exponent(a[ManW +: ExpW]) - exponent(b[ManW +: ExpW]);
    ba = exponent(b[ManW +: ExpW]) - exponent(a[ManW +: ExpW]);
    d = b_above_a(a, b) ? ba : ab;
    distance = ((d >> ShiftW) != '0) ? {ShiftW{1'b1}} : d[ShiftW-1:0];
  endfunction

  function automatic logic [ManW:0] significand(input logic [W-2:0] x);
    significand = {x[ManW +: ExpW] != '0, x[ManW-1:0]};
  endfunction

  // Stage 1. Shifts right; the last bit becomes sticky.
  function automatic logic [ExtW-1:0] align(input logic [ManW:0] x, input logic [ShiftW-1:0] n);
    logic [ExtW-1:0] ext, lost;
    ext = {x, 3'b000};
    lost = ~({ExtW{1'b1}} << n);
    align = (ext >> n) | ExtW'((ext & lost) != '0);
  endfunction

  // Stage 2. The larger operand plus or minus the smaller; padded below.
  function automatic logic [PadW-1:0] add(input logic [ManW:0] big, input logic [ExtW-1:0] less,
                                          input logic sub);
    logic [SumW-1:0] sum;
    sum = {1'b0, big, 3'b000} + ({1'b0, less} ^ {SumW{sub}}) + SumW'(sub);
    add = PadW'(sum) << (PadW - SumW);
  endfunction

  // Stage 2. The place from which a one may at most come to the top: the exponent of the top goes
  // down from e + 1 to 1.
  function automatic logic [PadW-1:0] limit(input logic [ExpW-1:0] e);
    limit = {1'b1, (PadW - 1)'(0)} >> e;
  endfunction

  // Stage 3. Groups of zeros above the first one; the last group is not looked at.
  function automatic logic [GroupW-1:0] coarse(input logic [PadW-1:0] x);
    coarse = GroupW'(Groups - 1);
    for (int unsigned g = 0; g < Groups - 1; g++) begin
      if (x[8 * (g + 1) +: 8] != '0) coarse = GroupW'(Groups - 2 - g);
    end
  endfunction

  // Stage 3. Zeros above the first one within that group; 7 if it is zero.
  function automatic logic [2:0] fine(input logic [7:0] x);
    fine = 3'd7;
    for (int unsigned i = 1; i < 8; i++) begin
      if (x[i]) fine = 3'(7 - i);
    end
  endfunction

  function automatic logic [GroupW+2:0] zeros(input logic [PadW-1:0] x);
    logic [GroupW-1:0] c;
    c = coarse(x);
    zeros = {c, fine(8'((x << {c, 3'b000}) >> (PadW - 8)))};
  endfunction

  // Two shifts: the count's upper part is there first.
  function automatic logic [PadW-1:0] normalise(input logic [PadW-1:0] x,
                                                input logic [GroupW+2:0] n);
    logic [PadW-1:0] y;
    y = x << {n[GroupW+2:3], 3'b000};
    normalise = y << n[2:0];
  endfunction

  // Stage 4. Fraction and the bits below it; a carry out of the fraction raises the exponent, up to
  // infinity.
  function automatic logic [W-2:0] round(input logic [ExpW-1:0] e, input logic [PadW-2:0] x);
    logic [ManW-1:0] fraction;
    logic up;
    fraction = x[PadW-2 -: ManW];
    up = x[PadW-2-ManW] && ((x[PadW-3-ManW:0] != '0) || fraction[0]);
    round = {e, fraction} + (W - 1)'(up);
    if (e == ExpMax) round = Inf;
  endfunction

  // After stage 0.
  logic [W-1:0]      big0_q, less0_q;
  logic [ShiftW-1:0] shift0_q;
  // After stage 1.
  logic              nan1_q, inf1_q, sign1_q, sub1_q;
  logic [ExpW-1:0]   exp1_q;
  logic [ManW:0]     big1_q;
  logic [ExtW-1:0]   less1_q;
  // After stage 2.
  logic              nan2_q, inf2_q, sign2_q, sub2_q;
  logic [ExpW-1:0]   exp2_q;
  logic [PadW-1:0]   sum2_q, limit2_q;
  // After stage 3.
  logic              nan3_q, inf3_q, sign3_q;
  logic [ExpW-1:0]   exp3_q;
  logic [PadW-2:0]   frac3_q;
  // After stage 4.
  logic [W-1:0]      z_q;

  always_ff @(posedge clk_i) begin : p_order
    logic [W-1:0] a, b;
    if (en_i[0]) begin
      a = alt_i ? alt_a_i : a_i;
      b = alt_i ? alt_b_i : b_i;
      big0_q   <= b_above_a(a[W-2:0], b[W-2:0]) ? b : a;
      less0_q  <= b_above_a(a[W-2:0], b[W-2:0]) ? a : b;
      shift0_q <= distance(a[W-2:0], b[W-2:0]);
    end
  end

  // The larger magnitude tells about both: NaN if one is, infinite if one is and none is NaN.
  always_ff @(posedge clk_i) begin : p_align
    if (en_i[1]) begin
      nan1_q  <= (big0_q[W-2:0] > Inf) ||
                 (less0_q[W-2:0] == Inf && big0_q[W-1] != less0_q[W-1]);
      inf1_q  <= big0_q[W-2:0] == Inf;
      sign1_q <= big0_q[W-1];
      sub1_q  <= big0_q[W-1] != less0_q[W-1];
      exp1_q  <= exponent(big0_q[ManW +: ExpW]);
      big1_q  <= significand(big0_q[W-2:0]);
      less1_q <= align(significand(less0_q[W-2:0]), shift0_q);
    end
  end

  always_ff @(posedge clk_i) begin : p_add
    if (en_i[2]) begin
      nan2_q   <= nan1_q;
      inf2_q   <= inf1_q;
      sign2_q  <= sign1_q;
      sub2_q   <= sub1_q;
      exp2_q   <= exp1_q;
      sum2_q   <= add(big1_q, less1_q, sub1_q);
      limit2_q <= limit(exp1_q);
    end
  end

  // Exact cancellation is +0; a zero sum of equal signs keeps the sign. The exponent field is 0
  // where no leading one has come up.
  always_ff @(posedge clk_i) begin : p_normalise
    logic [GroupW+2:0] n;
    logic [PadW-1:0]   x;
    if (en_i[3]) begin
      n = zeros(sum2_q | limit2_q);
      x = normalise(sum2_q, n);
      nan3_q  <= nan2_q;
      inf3_q  <= inf2_q;
      sign3_q <= sign2_q && !(sub2_q && sum2_q == '0);
      exp3_q  <= x[PadW-1] ? exp2_q + 1'b1 - ExpW'(n) : '0;
      frac3_q <= x[PadW-2:0];
    end
  end

  always_ff @(posedge clk_i) begin : p_round
    if (en_i[4]) begin
      z_q <= nan3_q ? Nan : {sign3_q, inf3_q ? Inf : round(exp3_q, frac3_q)};
    end
  end

  assign z_o = z_q;
endmodule

`default_nettype wire

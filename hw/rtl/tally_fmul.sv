// SPDX-License-Identifier: BSD-3-Clause
// Floating-point multiplier: IEEE 754 binary formats, round to nearest even, subnormals, canonical
// NaN (docs/reductions.md).
//
// Ordering: in order. Latency: 5 enabled cycles. Throughput: one product a cycle.
// Storage: about 3 * W + 4 * ExpW bits of registers and those of tally_mul (W the width of the
// format).
// Stage s loads its registers in cycles with en_i[s]; a stage that is not enabled holds.
// Stages: 0 normalise; 1 to 3 multiply (tally_mul), exponent and shift at its side; 4 shift, round
// and pack.
// One operand at most is normalised: the product of two subnormals is below half the least
// subnormal in each format, wherever its leading one stands, and rounds to zero.
// Longest paths (binary64): zero count and shift in stage 0, shift, sticky and a 63-bit increment
// in 4. Not yet timed on a part.
// Area by yosys (synth_xilinx -family xcup), LUT / FF / DSP48E2: f16 233 / 149 / 1,
// bf16 159 / 133 / 1, f32 555 / 305 / 2, f64 1719 / 924 / 8.
// Limitations: no exception flags, no other rounding mode. ManW at most 52.
`default_nettype none

module tally_fmul #(
  parameter int unsigned ExpW = 8,
  parameter int unsigned ManW = 23,
  localparam int unsigned W = 1 + ExpW + ManW
) (
  input  wire logic         clk_i,

  input  wire logic [4:0]   en_i,
  input  wire logic [W-1:0] a_i,
  input  wire logic [W-1:0] b_i,
  output      logic [W-1:0] z_o
);
  localparam int unsigned SigW   = ManW + 1;
  localparam int unsigned Groups = (SigW + 7) / 8;
  localparam int unsigned PadW   = 8 * Groups;
  localparam int unsigned GroupW = (Groups < 2) ? 1 : $clog2(Groups);
  localparam int unsigned ZerosW = GroupW + 3;
  // Hidden bit, fraction and round bit; a shift by its width leaves nothing of it.
  localparam int unsigned HeadW  = SigW + 1;
  localparam int unsigned ShiftW = $clog2(HeadW + 1);
  // Exponents of unrounded products, in two's complement.
  localparam int unsigned SumW   = ExpW + 2;

  if (ManW < 4 || ManW > 52 || ShiftW > ExpW || ZerosW > ExpW) begin : gen_bad_format
    $error("tally_fmul: ExpW must span the shifts of ManW, and ManW be 4 to 52");
  end

  localparam logic [ExpW-1:0] ExpMax = {ExpW{1'b1}};
  localparam logic [W-2:0]    Inf    = {ExpMax, ManW'(0)};
  localparam logic [W-1:0]    Nan    = {1'b0, ExpMax, 1'b1, (ManW - 1)'(0)};
  localparam logic [SumW-1:0] Bias   = {3'b000, {(ExpW - 1){1'b1}}};

  // Exponent field with the value it stands for: subnormals have that of the least normals.
  function automatic logic [SumW-1:0] exponent(input logic [ExpW-1:0] x);
    exponent = (x == '0) ? SumW'(1) : SumW'(x);
  endfunction

  function automatic logic [SigW-1:0] significand(input logic [W-2:0] x);
    significand = {x[ManW +: ExpW] != '0, x[ManW-1:0]};
  endfunction

  // Stage 0. Zeros above the first one; anything for zero.
  function automatic logic [ZerosW-1:0] zeros(input logic [SigW-1:0] x);
    logic [PadW-1:0] p;
    logic [GroupW-1:0] c;
    logic [7:0] first;
    logic [2:0] f;
    p = PadW'(x) << (PadW - SigW);
    c = GroupW'(Groups - 1);
    for (int unsigned g = 1; g < Groups; g++) begin
      if (p[8 * g +: 8] != '0) c = GroupW'(Groups - 1 - g);
    end
    first = 8'((p << {c, 3'b000}) >> (PadW - 8));
    f = 3'd7;
    for (int unsigned i = 1; i < 8; i++) begin
      if (first[i]) f = 3'(7 - i);
    end
    zeros = {c, f};
  endfunction

  function automatic logic [SigW-1:0] normalise(input logic [SigW-1:0] x,
                                                input logic [ZerosW-1:0] n);
    logic [SigW-1:0] y;
    y = x << {n[ZerosW-1:3], 3'b000};
    normalise = y << n[2:0];
  endfunction

  // Stage 2. The product's top has the exponent e + 1. Where e is below 1, how far the product has
  // to go down for the top to have 1, the exponent of subnormals: -e, at most the head's width.
  function automatic logic [ShiftW-1:0] distance(input logic [SumW-1:0] e);
    logic [SumW-1:0] d;
    d = '0 - e;
    distance = (d > SumW'(HeadW)) ? ShiftW'(HeadW) : d[ShiftW-1:0];
    if (!e[SumW-1]) distance = '0;
  endfunction

  // Stage 4. p is the product's upper part, low tells of ones below; its top has the exponent
  // e + 1. A normal product has its leading one there or next to it. A subnormal one goes down by
  // n, and gets field 0 where no one is at the top then.
  function automatic logic [W-2:0] round(input logic [HeadW:0] p, input logic low,
                                         input logic normal, input logic [ExpW-1:0] e,
                                         input logic [ShiftW-1:0] n);
    logic [HeadW-1:0] head, kept;
    logic [ExpW-1:0] field;
    logic sticky, up;
    head = (normal && !p[HeadW]) ? p[HeadW-1:0] : p[HeadW:1];
    kept = head >> n;
    sticky = low || (p[0] && !(normal && !p[HeadW])) || ((head & ~({HeadW{1'b1}} << n)) != '0);
    up = kept[0] && (sticky || kept[1]);
    field = normal ? e + ExpW'(p[HeadW]) : ExpW'(kept[HeadW-1]);
    round = {field, kept[ManW:1]} + (W - 1)'(up);
    if (field == ExpMax) round = Inf;
  endfunction

  // After stage 0. The significands are the operands of tally_mul.
  logic              nan0_q, inf0_q, zero0_q, sign0_q;
  logic [SigW-1:0]   x0_q, y0_q;
  logic [SumW-1:0]   exp0_q;
  logic [ZerosW-1:0] zeros0_q;
  // After stage 1.
  logic              nan1_q, inf1_q, sign1_q;
  logic [SumW-1:0]   exp1_q;
  // After stages 2 and 3.
  logic              nan2_q, inf2_q, sign2_q, normal2_q;
  logic              nan3_q, inf3_q, sign3_q, normal3_q;
  logic [ExpW-1:0]   exp2_q, exp3_q;
  logic [ShiftW-1:0] shift2_q, shift3_q;
  logic [2*SigW-1:0] product;
  // After stage 4.
  logic [W-1:0]      z_q;

  always_ff @(posedge clk_i) begin : p_normalise
    logic              b_low, a_nan, b_nan, a_inf, b_inf, a_zero, b_zero;
    logic [SigW-1:0]   x;
    logic [ZerosW-1:0] n;
    if (en_i[0]) begin
      a_nan  = a_i[W-2:0] > Inf;
      b_nan  = b_i[W-2:0] > Inf;
      a_inf  = a_i[W-2:0] == Inf;
      b_inf  = b_i[W-2:0] == Inf;
      a_zero = a_i[W-2:0] == '0;
      b_zero = b_i[W-2:0] == '0;
      b_low  = b_i[ManW +: ExpW] == '0;
      x = significand(b_low ? b_i[W-2:0] : a_i[W-2:0]);
      n = zeros(x);
      nan0_q   <= a_nan || b_nan || (a_inf && b_zero) || (a_zero && b_inf);
      inf0_q   <= a_inf || b_inf;
      zero0_q  <= a_zero || b_zero;
      sign0_q  <= a_i[W-1] ^ b_i[W-1];
      x0_q     <= normalise(x, n);
      y0_q     <= significand(b_low ? a_i[W-2:0] : b_i[W-2:0]);
      exp0_q   <= exponent(a_i[ManW +: ExpW]) + exponent(b_i[ManW +: ExpW]) - Bias;
      zeros0_q <= n;
    end
  end

  tally_mul #(.W(SigW)) u_mul (
    .clk_i,
    .en_i(en_i[3:1]),
    .a_i (x0_q),
    .b_i (y0_q),
    .z_o (product)
  );

  // A zero product takes the way of the subnormal ones, whatever its exponent.
  always_ff @(posedge clk_i) begin : p_exponent
    if (en_i[1]) begin
      nan1_q  <= nan0_q;
      inf1_q  <= inf0_q;
      sign1_q <= sign0_q;
      exp1_q  <= zero0_q ? '0 : exp0_q - SumW'(zeros0_q);
    end
  end

  always_ff @(posedge clk_i) begin : p_shift
    if (en_i[2]) begin
      nan2_q    <= nan1_q;
      inf2_q    <= inf1_q || (!exp1_q[SumW-1] && exp1_q >= SumW'(ExpMax));
      sign2_q   <= sign1_q;
      normal2_q <= !exp1_q[SumW-1] && exp1_q != '0;
      exp2_q    <= exp1_q[ExpW-1:0];
      shift2_q  <= distance(exp1_q);
    end
  end

  always_ff @(posedge clk_i) begin : p_wait
    if (en_i[3]) begin
      nan3_q    <= nan2_q;
      inf3_q    <= inf2_q;
      sign3_q   <= sign2_q;
      normal3_q <= normal2_q;
      exp3_q    <= exp2_q;
      shift3_q  <= shift2_q;
    end
  end

  always_ff @(posedge clk_i) begin : p_round
    if (en_i[4]) begin
      z_q <= nan3_q ? Nan : {sign3_q, inf3_q ? Inf : round(product[2*SigW-1 -: HeadW+1],
                                                           product[SigW-3:0] != '0, normal3_q,
                                                           exp3_q, shift3_q)};
    end
  end

  assign z_o = z_q;
endmodule

`default_nettype wire

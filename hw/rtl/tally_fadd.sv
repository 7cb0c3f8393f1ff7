// SPDX-License-Identifier: BSD-3-Clause
// Floating-point adder: IEEE 754 binary formats, round to nearest even, subnormals, canonical NaN
// (docs/reductions.md).
//
// Ordering: in order. Latency: 6 enabled cycles. Throughput: one sum a cycle.
// Storage: about 9 * W bits of registers (W the width of the format).
// Stage s loads its registers in cycles with en_i[s]; the user moves one enable bit along with each
// operand pair. A stage that is not enabled holds, so a unit that is not in use does not toggle,
// and each stage's logic stands within its enable, so a simulator need not evaluate it.
// Stages: 0 order by magnitude; 1 align; 2 add; 3 normalise by groups of 8; 4 normalise by 0 to 7;
// 5 round and pack. Longest paths (binary64): a 63-bit compare and a 2:1 select in stage 0, shift
// and sticky in 1 (about ten levels of LUTs and LUT muxes), a 57-bit add in 2, a 63-bit increment
// in 5. Not yet timed on a part.
// Limitations: no exception flags, no other rounding mode.
`default_nettype none

module tally_fadd #(
  parameter int unsigned ExpW = 8,
  parameter int unsigned ManW = 23,
  localparam int unsigned W = 1 + ExpW + ManW
) (
  input  wire logic         clk_i,

  input  wire logic [5:0]   en_i,
  input  wire logic [W-1:0] a_i,
  input  wire logic [W-1:0] b_i,
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

  // Stage 3. Groups of zeros above the first one (the last group is not looked at), but no more
  // than the exponent can go down.
  function automatic logic [GroupW-1:0] coarse(input logic [PadW-1:0] x, input logic [ExpW-1:0] e);
    coarse = GroupW'(Groups - 1);
    for (int unsigned g = 0; g < Groups - 1; g++) begin
      if (x[8 * (g + 1) +: 8] != '0) coarse = GroupW'(Groups - 2 - g);
    end
    if ((e >> 3) < ExpW'(coarse)) coarse = e[3 +: GroupW];
  endfunction

  // Stage 4. The same within the first group; 7 if it is zero.
  function automatic logic [2:0] fine(input logic [7:0] x, input logic [ExpW-1:0] room);
    fine = 3'd7;
    for (int unsigned i = 1; i < 8; i++) begin
      if (x[i]) fine = 3'(7 - i);
    end
    if (room < ExpW'(fine)) fine = room[2:0];
  endfunction

  // Stage 4. Exponent field after that shift: 0 where no leading one has come up.
  function automatic logic [ExpW-1:0] field(input logic [7:0] x, input logic [ExpW-1:0] room);
    logic [2:0] n;
    n = fine(x, room);
    field = x[3'd7 - n] ? room + 1'b1 - ExpW'(n) : '0;
  endfunction

  // Stage 5. Fraction and the bits below it; a carry out of the fraction raises the exponent, up to
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
  logic [PadW-1:0]   sum2_q;
  // After stage 3. room: how far the exponent can still go down.
  logic              nan3_q, inf3_q, sign3_q;
  logic [ExpW-1:0]   room3_q;
  logic [PadW-1:0]   sum3_q;
  // After stage 4.
  logic              nan4_q, inf4_q, sign4_q;
  logic [ExpW-1:0]   exp4_q;
  logic [PadW-2:0]   frac4_q;
  // After stage 5.
  logic [W-1:0]      z_q;

  always_ff @(posedge clk_i) begin : p_order
    if (en_i[0]) begin
      big0_q   <= b_above_a(a_i[W-2:0], b_i[W-2:0]) ? b_i : a_i;
      less0_q <= b_above_a(a_i[W-2:0], b_i[W-2:0]) ? a_i : b_i;
      shift0_q <= distance(a_i[W-2:0], b_i[W-2:0]);
    end
  end

  // The larger magnitude tells about both: NaN if one is, infinite if one is and none is NaN.
  always_ff @(posedge clk_i) begin : p_align
    if (en_i[1]) begin
      nan1_q   <= (big0_q[W-2:0] > Inf) ||
                  (less0_q[W-2:0] == Inf && big0_q[W-1] != less0_q[W-1]);
      inf1_q   <= big0_q[W-2:0] == Inf;
      sign1_q  <= big0_q[W-1];
      sub1_q   <= big0_q[W-1] != less0_q[W-1];
      exp1_q   <= exponent(big0_q[ManW +: ExpW]);
      big1_q   <= significand(big0_q[W-2:0]);
      less1_q <= align(significand(less0_q[W-2:0]), shift0_q);
    end
  end

  always_ff @(posedge clk_i) begin : p_add
    if (en_i[2]) begin
      nan2_q  <= nan1_q;
      inf2_q  <= inf1_q;
      sign2_q <= sign1_q;
      sub2_q  <= sub1_q;
      exp2_q  <= exp1_q;
      sum2_q  <= add(big1_q, less1_q, sub1_q);
    end
  end

  // Exact cancellation is +0; a zero sum of equal signs keeps the sign.
  always_ff @(posedge clk_i) begin : p_normalise_coarse
    if (en_i[3]) begin
      nan3_q  <= nan2_q;
      inf3_q  <= inf2_q;
      sign3_q <= sign2_q && !(sub2_q && sum2_q == '0);
      room3_q <= exp2_q - ExpW'({coarse(sum2_q, exp2_q), 3'b000});
      sum3_q  <= sum2_q << {coarse(sum2_q, exp2_q), 3'b000};
    end
  end

  always_ff @(posedge clk_i) begin : p_normalise_fine
    if (en_i[4]) begin
      nan4_q  <= nan3_q;
      inf4_q  <= inf3_q;
      sign4_q <= sign3_q;
      exp4_q  <= field(sum3_q[PadW-1 -: 8], room3_q);
      frac4_q <= (PadW - 1)'(sum3_q << fine(sum3_q[PadW-1 -: 8], room3_q));
    end
  end

  always_ff @(posedge clk_i) begin : p_round
    if (en_i[5]) begin
      z_q <= nan4_q ? Nan : {sign4_q, inf4_q ? Inf : round(exp4_q, frac4_q)};
    end
  end

  assign z_o = z_q;
endmodule

`default_nettype wire

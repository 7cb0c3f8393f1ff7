// SPDX-License-Identifier: BSD-3-Clause
// One 64-bit slice of what needs neither a floating-point adder nor a multiplier: integer sum, min
// and max of integers and floating point, logical and bitwise operations on elements of 8 to 64
// bits (docs/reductions.md).
//
// Ordering: in order. Latency: 2 enabled cycles. Throughput: one word a cycle. Storage: 211 bits.
// Stage s loads its registers in cycles with en_i[s]. Stages: 0 results and, for min and max,
// flags; 1 selection.
// One 64-bit adder does sums and comparisons of all sizes: the top bit of each element is kept out
// of it, so that no carry leaves an element, and is put right behind it (H. S. Warren, Hacker's
// Delight, "Multibyte Add, Subtract").
// Floating-point numbers order as two's complement once the magnitude of negative ones is inverted,
// which puts -0 below +0.
// Area by yosys (synth_xilinx -family xcup): 637 LUT, 211 FF.
// Limitations: the sum of floating-point numbers is that of their bits; see tally_fadd.
`default_nettype none

module tally_alu64 (
  input  wire logic        clk_i,

  input  wire logic [1:0]  en_i,
  input  wire logic [7:0]  redop_i,   // Redop: Sum, Min, Max, L* or B*
  input  wire logic [1:0]  size_i,    // log2 of the bytes of an element
  input  wire logic        float_i,
  input  wire logic        bf16_i,    // of the two formats of 16 bits
  input  wire logic        signed_i,  // integers
  input  wire logic [63:0] a_i,
  input  wire logic [63:0] b_i,
  output      logic [63:0] z_o
);
  // The top bits of the elements.
  function automatic logic [63:0] tops(input logic [1:0] size);
    unique case (size)
      2'd0:    tops = 64'h8080_8080_8080_8080;
      2'd1:    tops = 64'h8000_8000_8000_8000;
      2'd2:    tops = 64'h8000_0000_8000_0000;
      default: tops = 64'h8000_0000_0000_0000;
    endcase
  endfunction

  // The magnitude of infinity in each element. There is no floating point of 8 bits.
  function automatic logic [63:0] infinity(input logic [1:0] size, input logic bf16);
    unique case (size)
      2'd2:    infinity = 64'h7f80_0000_7f80_0000;
      2'd3:    infinity = 64'h7ff0_0000_0000_0000;
      default: infinity = bf16 ? 64'h7f80_7f80_7f80_7f80 : 64'h7c00_7c00_7c00_7c00;
    endcase
  endfunction

  function automatic logic [63:0] canonical(input logic [1:0] size, input logic bf16);
    unique case (size)
      2'd2:    canonical = 64'h7fc0_0000_7fc0_0000;
      2'd3:    canonical = 64'h7ff8_0000_0000_0000;
      default: canonical = bf16 ? 64'h7fc0_7fc0_7fc0_7fc0 : 64'h7e00_7e00_7e00_7e00;
    endcase
  endfunction

  // Flags, one a byte, from the top byte of each element to all of its bytes. x holds nothing
  // elsewhere.
  function automatic logic [7:0] spread(input logic [7:0] x, input logic [1:0] size);
    spread = x;
    if (size != 2'd0) spread = spread | (spread >> 1);
    if (size[1]) spread = spread | (spread >> 2);
    if (size == 2'd3) spread = spread | (spread >> 4);
  endfunction

  // The top bits of the elements, as flags of all their bytes.
  function automatic logic [7:0] flags(input logic [63:0] x, input logic [1:0] size);
    logic [63:0] top;
    logic [7:0] f;
    top = x & tops(size);
    for (int unsigned i = 0; i < 8; i++) f[i] = top[8*i + 7];
    flags = spread(f, size);
  endfunction

  function automatic logic [63:0] bytes(input logic [7:0] x);
    for (int unsigned i = 0; i < 8; i++) bytes[8*i +: 8] = {8{x[i]}};
  endfunction

  // Maps elements to unsigned integers of the same order, one to one.
  function automatic logic [63:0] key(input logic [63:0] x, input logic [1:0] size, input logic flt,
                                      input logic sgn);
    key = x;
    if (flt) key = x ^ (tops(size) | bytes(flags(x, size)));
    else if (sgn) key = x ^ tops(size);
  endfunction

  // a plus b, or a minus b, without the top bits of the elements: those of b do not go in, those of
  // a do in a difference, so that it borrows from nowhere.
  function automatic logic [63:0] add(input logic [63:0] a, input logic [63:0] b,
                                      input logic [63:0] top, input logic sub);
    add = (sub ? a | top : a & ~top) + ((b & ~top) ^ {64{sub}}) + 64'(sub);
  endfunction

  // At the top bits: is a below b? d = a - b as above.
  function automatic logic [63:0] below(input logic [63:0] a, input logic [63:0] b,
                                        input logic [63:0] d);
    below = (~a & b) | (~(a ^ b) & ~d);
  endfunction

  // At the top bits: is the magnitude above infinity?
  function automatic logic [63:0] is_nan(input logic [63:0] x, input logic [63:0] top,
                                         input logic [63:0] inf);
    is_nan = (x & ~top) + (~top - inf);
  endfunction

  // For each element, at its lowest byte: is it other than zero?
  function automatic logic [7:0] truth(input logic [63:0] x, input logic [1:0] size);
    logic [7:0] f;
    for (int unsigned i = 0; i < 8; i++) f[i] = x[8*i +: 8] != '0;
    truth = f;
    if (size != 2'd0) truth = (f | (f >> 1)) & 8'h55;
    if (size[1]) truth = (truth | (truth >> 2)) & 8'h11;
    if (size == 2'd3) truth = (truth | (truth >> 4)) & 8'h01;
  endfunction

  function automatic logic [63:0] logical(input logic [7:0] redop, input logic [7:0] a,
                                          input logic [7:0] b);
    logic [7:0] f;
    unique case (redop)
      tally_pkg::RedopLand: f = a & b;
      tally_pkg::RedopLor:  f = a | b;
      default:              f = a ^ b;
    endcase
    for (int unsigned i = 0; i < 8; i++) logical[8*i +: 8] = {7'd0, f[i]};
  endfunction

  // After stage 0. Sums and the like are in word0_q; for min and max a is, and b in other0_q.
  logic [63:0] word0_q, other0_q;
  logic [7:0]  other_taken0_q, nan0_q;
  logic [1:0]  size0_q;
  logic        bf16_0_q;
  // After stage 1.
  logic [63:0] z_q;

  always_ff @(posedge clk_i) begin : p_results
    logic        extreme;
    logic [63:0] top, inf, ka, kb, sum;
    if (en_i[0]) begin
      top = tops(size_i);
      extreme = redop_i == tally_pkg::RedopMin || redop_i == tally_pkg::RedopMax;
      ka = a_i;
      kb = b_i;
      if (extreme) begin
        ka = key(a_i, size_i, float_i, signed_i);
        kb = key(b_i, size_i, float_i, signed_i);
      end
      sum = add(ka, kb, top, extreme);
      size0_q  <= size_i;
      bf16_0_q <= bf16_i;
      other_taken0_q <= '0;
      nan0_q   <= '0;
      unique case (redop_i)
        tally_pkg::RedopSum:  word0_q <= sum ^ ((a_i ^ b_i) & top);
        tally_pkg::RedopBand: word0_q <= a_i & b_i;
        tally_pkg::RedopBor:  word0_q <= a_i | b_i;
        tally_pkg::RedopBxor: word0_q <= a_i ^ b_i;
        tally_pkg::RedopMin, tally_pkg::RedopMax: begin
          // Equal elements are the same bits: either may be taken.
          word0_q  <= a_i;
          other0_q <= b_i;
          other_taken0_q <= flags(below(ka, kb, sum), size_i) ^
                            {8{redop_i == tally_pkg::RedopMin}};
          if (float_i) begin
            inf = infinity(size_i, bf16_i);
            nan0_q <= flags(is_nan(a_i, top, inf) | is_nan(b_i, top, inf), size_i);
          end
        end
        default: word0_q <= logical(redop_i, truth(a_i, size_i), truth(b_i, size_i));
      endcase
    end
  end

  always_ff @(posedge clk_i) begin : p_select
    logic [63:0] nan, taken;
    if (en_i[1]) begin
      nan = bytes(nan0_q);
      taken = bytes(other_taken0_q);
      z_q <= (nan & canonical(size0_q, bf16_0_q)) |
             (~nan & ((taken & other0_q) | (~taken & word0_q)));
    end
  end

  assign z_o = z_q;
endmodule

`default_nettype wire

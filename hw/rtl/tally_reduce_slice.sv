// SPDX-License-Identifier: BSD-3-Clause
// 128 bits of the reduction: the units of all types and operations (docs/reductions.md), and the
// choice of one of them for the output. tally_reduce has four and drives their enables.
//
// Ordering: that of the enables. Latency: a unit's stages. Throughput: one slice a cycle; complex
// products one in 2 cycles.
// Bit s of an enable loads stage s of that unit. Bits 9:5 of re*_en_i and im*_en_i are the adder of
// a complex product, which takes the products of the multipliers; bits 4:0 those multipliers. b_i
// holds b as it is for the real part, and its parts in each other's place for the imaginary part.
// The real part comes first and stays in its adder until the imaginary part is there.
// Storage: that of the units.
// Limitations: units are not shared by types, but for complex ones.
`default_nettype none

module tally_reduce_slice (
  input  wire logic         clk_i,

  input  wire logic [1:0]   alu_en_i,
  input  wire logic [1:0]   pair_en_i,
  input  wire logic [3:0]   mul_i8_en_i,
  input  wire logic [3:0]   mul_i16_en_i,
  input  wire logic [3:0]   mul_i32_en_i,
  input  wire logic [3:0]   mul_i64_en_i,
  input  wire logic [4:0]   add_f16_en_i,
  input  wire logic [4:0]   add_bf16_en_i,
  input  wire logic [4:0]   add_f32_en_i,
  input  wire logic [4:0]   add_f64_en_i,
  input  wire logic [4:0]   mul_f16_en_i,
  input  wire logic [4:0]   mul_bf16_en_i,
  input  wire logic [4:0]   mul_f32_en_i,
  input  wire logic [4:0]   mul_f64_en_i,
  input  wire logic [9:0]   re32_en_i,
  input  wire logic [9:0]   im32_en_i,
  input  wire logic [9:0]   re64_en_i,
  input  wire logic [9:0]   im64_en_i,

  // Of ALU and pair unit, with their stage 0.
  input  wire logic [7:0]   redop_i,
  input  wire logic [1:0]   size_i,
  input  wire logic         float_i,
  input  wire logic         bf16_i,
  input  wire logic         signed_i,
  input  wire logic         pair_wide_i,
  input  wire logic         pair_short_i,
  input  wire logic         pair_float_i,

  input  wire logic [127:0] a_i,
  input  wire logic [127:0] b_i,

  // Whose result is at the output; numbers as in tally_reduce.
  input  wire logic [3:0]   unit_i,
  output      logic [127:0] z_o
);
  logic [127:0] pair_z;
  logic [4:0]   re32_add_en, im32_add_en, re64_add_en, im64_add_en, mul_f32_en, mul_f64_en;

  assign re32_add_en = add_f32_en_i | re32_en_i[9:5];
  assign im32_add_en = add_f32_en_i | im32_en_i[9:5];
  assign re64_add_en = add_f64_en_i | re64_en_i[9:5];
  assign im64_add_en = add_f64_en_i | im64_en_i[9:5];
  assign mul_f32_en = mul_f32_en_i | re32_en_i[4:0] | im32_en_i[4:0];
  assign mul_f64_en = mul_f64_en_i | re64_en_i[4:0] | im64_en_i[4:0];

  tally_pair u_pair (
    .clk_i,
    .en_i   (pair_en_i),
    .wide_i (pair_wide_i),
    .short_i(pair_short_i),
    .float_i(pair_float_i),
    .max_i  (redop_i == tally_pkg::RedopMaxloc),
    .a_i,
    .b_i,
    .z_o    (pair_z)
  );

  for (genvar i = 0; i < 2; i++) begin : gen_64
    logic [63:0] alu_z, imul_z, fmul_z, fadd_z;

    tally_alu64 u_alu (
      .clk_i,
      .en_i    (alu_en_i),
      .redop_i,
      .size_i,
      .float_i,
      .bf16_i,
      .signed_i,
      .a_i     (a_i[64*i +: 64]),
      .b_i     (b_i[64*i +: 64]),
      .z_o     (alu_z)
    );

    tally_imul #(.W(64)) u_imul (
      .clk_i,
      .en_i(mul_i64_en_i),
      .a_i (a_i[64*i +: 64]),
      .b_i (b_i[64*i +: 64]),
      .z_o (imul_z)
    );

    tally_fmul #(.ExpW(11), .ManW(52)) u_fmul (
      .clk_i,
      .en_i(mul_f64_en),
      .a_i (a_i[64*i +: 64]),
      .b_i (b_i[64*i +: 64]),
      .z_o (fmul_z)
    );
  end

  // Both adders of a complex element take the same products, each in its own cycle: the first one
  // subtracts.
  for (genvar i = 0; i < 2; i++) begin : gen_add_64
    tally_fadd #(.ExpW(11), .ManW(52)) u_fadd (
      .clk_i,
      .en_i   (i == 0 ? re64_add_en : im64_add_en),
      .a_i    (a_i[64*i +: 64]),
      .b_i    (b_i[64*i +: 64]),
      .alt_i  (i == 0 ? re64_en_i[5] : im64_en_i[5]),
      .alt_a_i(gen_64[0].fmul_z),
      .alt_b_i({gen_64[1].fmul_z[63] ^ (i == 0), gen_64[1].fmul_z[62:0]}),
      .z_o    (gen_64[i].fadd_z)
    );
  end

  for (genvar i = 0; i < 4; i++) begin : gen_32
    logic [31:0] imul_z, fmul_z, fadd_z;

    tally_imul #(.W(32)) u_imul (
      .clk_i,
      .en_i(mul_i32_en_i),
      .a_i (a_i[32*i +: 32]),
      .b_i (b_i[32*i +: 32]),
      .z_o (imul_z)
    );

    tally_fmul #(.ExpW(8), .ManW(23)) u_fmul (
      .clk_i,
      .en_i(mul_f32_en),
      .a_i (a_i[32*i +: 32]),
      .b_i (b_i[32*i +: 32]),
      .z_o (fmul_z)
    );
  end

  for (genvar i = 0; i < 4; i++) begin : gen_add_32
    tally_fadd #(.ExpW(8), .ManW(23)) u_fadd (
      .clk_i,
      .en_i   (i % 2 == 0 ? re32_add_en : im32_add_en),
      .a_i    (a_i[32*i +: 32]),
      .b_i    (b_i[32*i +: 32]),
      .alt_i  (i % 2 == 0 ? re32_en_i[5] : im32_en_i[5]),
      .alt_a_i(gen_32[i / 2 * 2].fmul_z),
      .alt_b_i({gen_32[i / 2 * 2 + 1].fmul_z[31] ^ (i % 2 == 0),
                gen_32[i / 2 * 2 + 1].fmul_z[30:0]}),
      .z_o    (gen_32[i].fadd_z)
    );
  end

  for (genvar i = 0; i < 8; i++) begin : gen_16
    logic [15:0] imul_z, f16_add_z, f16_mul_z, bf16_add_z, bf16_mul_z;

    tally_imul #(.W(16)) u_imul (
      .clk_i,
      .en_i(mul_i16_en_i),
      .a_i (a_i[16*i +: 16]),
      .b_i (b_i[16*i +: 16]),
      .z_o (imul_z)
    );

    tally_fadd #(.ExpW(5), .ManW(10)) u_f16_add (
      .clk_i,
      .en_i   (add_f16_en_i),
      .a_i    (a_i[16*i +: 16]),
      .b_i    (b_i[16*i +: 16]),
      .alt_i  (1'b0),
      .alt_a_i('0),
      .alt_b_i('0),
      .z_o    (f16_add_z)
    );

    tally_fmul #(.ExpW(5), .ManW(10)) u_f16_mul (
      .clk_i,
      .en_i(mul_f16_en_i),
      .a_i (a_i[16*i +: 16]),
      .b_i (b_i[16*i +: 16]),
      .z_o (f16_mul_z)
    );

    tally_fadd #(.ExpW(8), .ManW(7)) u_bf16_add (
      .clk_i,
      .en_i   (add_bf16_en_i),
      .a_i    (a_i[16*i +: 16]),
      .b_i    (b_i[16*i +: 16]),
      .alt_i  (1'b0),
      .alt_a_i('0),
      .alt_b_i('0),
      .z_o    (bf16_add_z)
    );

    tally_fmul #(.ExpW(8), .ManW(7)) u_bf16_mul (
      .clk_i,
      .en_i(mul_bf16_en_i),
      .a_i (a_i[16*i +: 16]),
      .b_i (b_i[16*i +: 16]),
      .z_o (bf16_mul_z)
    );
  end

  for (genvar i = 0; i < 16; i++) begin : gen_8
    logic [7:0] imul_z;

    tally_imul #(.W(8)) u_imul (
      .clk_i,
      .en_i(mul_i8_en_i),
      .a_i (a_i[8*i +: 8]),
      .b_i (b_i[8*i +: 8]),
      .z_o (imul_z)
    );
  end

  // Concatenated where they are chosen: a simulator then puts together none but these.
  always_comb begin : p_select
    unique case (unit_i)
      4'd1:    z_o = {gen_64[1].alu_z, gen_64[0].alu_z};
      4'd2:    z_o = pair_z;
      4'd3:    z_o = {gen_8[15].imul_z, gen_8[14].imul_z, gen_8[13].imul_z, gen_8[12].imul_z,
                      gen_8[11].imul_z, gen_8[10].imul_z, gen_8[9].imul_z, gen_8[8].imul_z,
                      gen_8[7].imul_z, gen_8[6].imul_z, gen_8[5].imul_z, gen_8[4].imul_z,
                      gen_8[3].imul_z, gen_8[2].imul_z, gen_8[1].imul_z, gen_8[0].imul_z};
      4'd4:    z_o = {gen_16[7].imul_z, gen_16[6].imul_z, gen_16[5].imul_z, gen_16[4].imul_z,
                      gen_16[3].imul_z, gen_16[2].imul_z, gen_16[1].imul_z, gen_16[0].imul_z};
      4'd5:    z_o = {gen_32[3].imul_z, gen_32[2].imul_z, gen_32[1].imul_z, gen_32[0].imul_z};
      4'd6:    z_o = {gen_64[1].imul_z, gen_64[0].imul_z};
      4'd7:    z_o = {gen_16[7].f16_add_z, gen_16[6].f16_add_z, gen_16[5].f16_add_z,
                      gen_16[4].f16_add_z, gen_16[3].f16_add_z, gen_16[2].f16_add_z,
                      gen_16[1].f16_add_z, gen_16[0].f16_add_z};
      4'd8:    z_o = {gen_16[7].bf16_add_z, gen_16[6].bf16_add_z, gen_16[5].bf16_add_z,
                      gen_16[4].bf16_add_z, gen_16[3].bf16_add_z, gen_16[2].bf16_add_z,
                      gen_16[1].bf16_add_z, gen_16[0].bf16_add_z};
      4'd9:    z_o = {gen_32[3].fadd_z, gen_32[2].fadd_z, gen_32[1].fadd_z, gen_32[0].fadd_z};
      4'd10:   z_o = {gen_64[1].fadd_z, gen_64[0].fadd_z};
      4'd11:   z_o = {gen_16[7].f16_mul_z, gen_16[6].f16_mul_z, gen_16[5].f16_mul_z,
                      gen_16[4].f16_mul_z, gen_16[3].f16_mul_z, gen_16[2].f16_mul_z,
                      gen_16[1].f16_mul_z, gen_16[0].f16_mul_z};
      4'd12:   z_o = {gen_16[7].bf16_mul_z, gen_16[6].bf16_mul_z, gen_16[5].bf16_mul_z,
                      gen_16[4].bf16_mul_z, gen_16[3].bf16_mul_z, gen_16[2].bf16_mul_z,
                      gen_16[1].bf16_mul_z, gen_16[0].bf16_mul_z};
      4'd13:   z_o = {gen_32[3].fmul_z, gen_32[2].fmul_z, gen_32[1].fmul_z, gen_32[0].fmul_z};
      4'd14:   z_o = {gen_64[1].fmul_z, gen_64[0].fmul_z};
      default: z_o = a_i;
    endcase
  end
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Reduction unit: out = a op b, element by element, one 64-byte beat in and out
// (docs/reductions.md).
//
// Classes of operations, with latency in cycles (from the handshake to out_valid_o) and rate:
//   move (None, and pairs of type and operation that do not exist: a)      1   a beat a cycle
//   integer sum, min and max of all types, logical, bitwise; minloc, maxloc 3   a beat a cycle
//   integer product                                                        5   a beat a cycle
//   floating-point sum, also complex; floating-point product               6   a beat a cycle
//   complex product                                                       12   a beat in 2 cycles
// Ordering: in order; in_user_i comes out with its beat. dtype and redop may change with each beat.
// in_ready_o is low while an earlier beat would leave after the new one, or with it, and in the
// cycle after a complex product came in. It depends on in_dtype_i and in_redop_i combinationally.
// The output is always taken: there is no ready, and the pipeline never stops.
// A complex product goes through the multipliers twice, with the halves of b as they are and
// swapped, then each pair of products through an adder.
// Timing: operands go into registers; the output is a 15:1 select of registers.
// Storage: 1024 bits of operands, 16 * UserW bits of distributed RAM, the units' own.
// Area: the units take 97,000 LUT, 53,500 FF and 280 DSP48E2, as yosys counts single ones
// (synth_xilinx -family xcup; see their headers).
// Limitations: units are not shared by types, but for complex ones.
`default_nettype none
`include "tally_assert.svh"

module tally_reduce #(
  parameter int unsigned UserW = 8
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  input  wire logic             in_valid_i,
  output      logic             in_ready_o,
  input  wire logic [511:0]     in_a_i,
  input  wire logic [511:0]     in_b_i,
  input  wire logic [7:0]       in_dtype_i,
  input  wire logic [7:0]       in_redop_i,
  input  wire logic [UserW-1:0] in_user_i,

  output      logic             out_valid_o,
  output      logic [511:0]     out_data_o,
  output      logic [UserW-1:0] out_user_o
);
  if (UserW < 1) begin : gen_bad_user
    $error("tally_reduce: UserW must be at least 1");
  end

  // What a beat goes through. A complex product goes first for its real part, in the next cycle for
  // its imaginary part.
  // The first ones are outputs of tally_reduce_slice.
  localparam int unsigned Move      = 0;
  localparam int unsigned Alu       = 1;
  localparam int unsigned Pair      = 2;
  localparam int unsigned MulI8     = 3;
  localparam int unsigned MulI16    = 4;
  localparam int unsigned MulI32    = 5;
  localparam int unsigned MulI64    = 6;
  localparam int unsigned AddF16    = 7;
  localparam int unsigned AddBf16   = 8;
  localparam int unsigned AddF32    = 9;
  localparam int unsigned AddF64    = 10;
  localparam int unsigned MulF16    = 11;
  localparam int unsigned MulBf16   = 12;
  localparam int unsigned MulF32    = 13;
  localparam int unsigned MulF64    = 14;
  localparam int unsigned Outputs   = 15;
  localparam int unsigned Complex32 = 15;
  localparam int unsigned Complex64 = 16;
  localparam int unsigned Units     = 17;
  localparam int unsigned UnitW     = 5;

  // log2 of the bytes of an element (complex: of a component), and what kind of number it is.
  function automatic logic [1:0] size_of(input logic [7:0] dtype);
    unique case (dtype)
      tally_pkg::DtypeI16, tally_pkg::DtypeU16, tally_pkg::DtypeF16, tally_pkg::DtypeBf16:
        size_of = 2'd1;
      tally_pkg::DtypeI32, tally_pkg::DtypeU32, tally_pkg::DtypeF32, tally_pkg::DtypeC64:
        size_of = 2'd2;
      tally_pkg::DtypeI64, tally_pkg::DtypeU64, tally_pkg::DtypeF64, tally_pkg::DtypeC128:
        size_of = 2'd3;
      default: size_of = 2'd0;
    endcase
  endfunction

  function automatic logic is_signed(input logic [7:0] dtype);
    is_signed = dtype >= tally_pkg::DtypeI8 && dtype <= tally_pkg::DtypeI64;
  endfunction

  function automatic logic is_integer(input logic [7:0] dtype);
    is_integer = dtype >= tally_pkg::DtypeI8 && dtype <= tally_pkg::DtypeU64;
  endfunction

  function automatic logic is_real(input logic [7:0] dtype);
    is_real = dtype >= tally_pkg::DtypeF16 && dtype <= tally_pkg::DtypeF64;
  endfunction

  function automatic logic is_pair(input logic [7:0] dtype);
    is_pair = dtype >= tally_pkg::DtypeF32I32 && dtype <= tally_pkg::DtypeI16I32;
  endfunction

  // The unit of a type's sum, and of its product.
  function automatic logic [UnitW-1:0] adder_of(input logic [7:0] dtype);
    unique case (dtype)
      tally_pkg::DtypeF16:                       adder_of = UnitW'(AddF16);
      tally_pkg::DtypeBf16:                      adder_of = UnitW'(AddBf16);
      tally_pkg::DtypeF32, tally_pkg::DtypeC64:  adder_of = UnitW'(AddF32);
      tally_pkg::DtypeF64, tally_pkg::DtypeC128: adder_of = UnitW'(AddF64);
      default: adder_of = is_integer(dtype) ? UnitW'(Alu) : UnitW'(Move);
    endcase
  endfunction

  function automatic logic [UnitW-1:0] multiplier_of(input logic [7:0] dtype);
    unique case (dtype)
      tally_pkg::DtypeI8, tally_pkg::DtypeU8:   multiplier_of = UnitW'(MulI8);
      tally_pkg::DtypeI16, tally_pkg::DtypeU16: multiplier_of = UnitW'(MulI16);
      tally_pkg::DtypeI32, tally_pkg::DtypeU32: multiplier_of = UnitW'(MulI32);
      tally_pkg::DtypeI64, tally_pkg::DtypeU64: multiplier_of = UnitW'(MulI64);
      tally_pkg::DtypeF16:                      multiplier_of = UnitW'(MulF16);
      tally_pkg::DtypeBf16:                     multiplier_of = UnitW'(MulBf16);
      tally_pkg::DtypeF32:                      multiplier_of = UnitW'(MulF32);
      tally_pkg::DtypeF64:                      multiplier_of = UnitW'(MulF64);
      tally_pkg::DtypeC64:                      multiplier_of = UnitW'(Complex32);
      tally_pkg::DtypeC128:                     multiplier_of = UnitW'(Complex64);
      default:                                  multiplier_of = UnitW'(Move);
    endcase
  endfunction

  // The unit of a pair of type and operation; Move where there is none.
  function automatic logic [UnitW-1:0] unit_of(input logic [7:0] dtype, input logic [7:0] redop);
    unit_of = UnitW'(Move);
    unique case (redop)
      tally_pkg::RedopSum:  unit_of = adder_of(dtype);
      tally_pkg::RedopProd: unit_of = multiplier_of(dtype);
      tally_pkg::RedopMin, tally_pkg::RedopMax:
        if (is_integer(dtype) || is_real(dtype)) unit_of = UnitW'(Alu);
      tally_pkg::RedopLand, tally_pkg::RedopLor, tally_pkg::RedopLxor:
        if (is_integer(dtype)) unit_of = UnitW'(Alu);
      tally_pkg::RedopBand, tally_pkg::RedopBor, tally_pkg::RedopBxor:
        if (is_integer(dtype) || dtype == tally_pkg::DtypeByte) unit_of = UnitW'(Alu);
      tally_pkg::RedopMinloc, tally_pkg::RedopMaxloc:
        if (is_pair(dtype)) unit_of = UnitW'(Pair);
      default: unit_of = UnitW'(Move);
    endcase
  endfunction

  // Cycles from the handshake to the output.
  function automatic logic [3:0] latency_of(input logic [UnitW-1:0] index);
    if (index == UnitW'(Move)) latency_of = 4'd1;
    else if (index <= UnitW'(Pair)) latency_of = 4'd3;
    else if (index <= UnitW'(MulI64)) latency_of = 4'd5;
    else if (index <= UnitW'(MulF64)) latency_of = 4'd6;
    else latency_of = 4'd12;
  endfunction

  // --- flow --------------------------------------------------------------------------------------
  // Bit s of a unit's enables: a beat is before its stage s, its operands in registers. The beat
  // behind the last stage is at the output.
  logic [UnitW-1:0] in_unit;
  logic [3:0]       in_latency;
  logic             accept, again;
  logic [1:0]       alu_en_q, pair_en_q;
  logic [3:0]       mul_i8_en_q, mul_i16_en_q, mul_i32_en_q, mul_i64_en_q;
  logic [4:0]       add_f16_en_q, add_bf16_en_q, add_f32_en_q, add_f64_en_q;
  logic [4:0]       mul_f16_en_q, mul_bf16_en_q, mul_f32_en_q, mul_f64_en_q;
  // Real and imaginary parts of complex products: 4:0 in the multipliers, 9:5 in the adders.
  logic [9:0]       re32_en_q, im32_en_q, re64_en_q, im64_en_q;
  logic [3:0]       remaining_q;   // cycles until the last beat leaves
  logic             busy_q;

  assign in_unit = unit_of(in_dtype_i, in_redop_i);
  assign in_latency = latency_of(in_unit);
  assign again = re32_en_q[0] || re64_en_q[0];
  assign in_ready_o = !again && in_latency > remaining_q;
  assign accept = in_valid_i && in_ready_o;

  always_ff @(posedge clk_i) begin : p_flow
    if (!rst_ni) begin
      remaining_q <= '0;
      busy_q      <= 1'b0;
    end else if (accept || busy_q) begin
      busy_q <= accept || remaining_q != '0;
      if (accept) remaining_q <= in_latency - 1'b1;
      else if (remaining_q != '0) remaining_q <= remaining_q - 1'b1;
    end
  end

  logic [Units-1:0] enter;
  assign enter = Units'(accept) << in_unit;

  always_ff @(posedge clk_i) begin : p_enables
    if (!rst_ni) begin
      alu_en_q      <= '0;
      pair_en_q     <= '0;
      mul_i8_en_q   <= '0;
      mul_i16_en_q  <= '0;
      mul_i32_en_q  <= '0;
      mul_i64_en_q  <= '0;
      add_f16_en_q  <= '0;
      add_bf16_en_q <= '0;
      add_f32_en_q  <= '0;
      add_f64_en_q  <= '0;
      mul_f16_en_q  <= '0;
      mul_bf16_en_q <= '0;
      mul_f32_en_q  <= '0;
      mul_f64_en_q  <= '0;
      re32_en_q     <= '0;
      im32_en_q     <= '0;
      re64_en_q     <= '0;
      im64_en_q     <= '0;
    end else if (accept || busy_q) begin
      alu_en_q      <= {alu_en_q[0], enter[Alu]};
      pair_en_q     <= {pair_en_q[0], enter[Pair]};
      mul_i8_en_q   <= {mul_i8_en_q[2:0], enter[MulI8]};
      mul_i16_en_q  <= {mul_i16_en_q[2:0], enter[MulI16]};
      mul_i32_en_q  <= {mul_i32_en_q[2:0], enter[MulI32]};
      mul_i64_en_q  <= {mul_i64_en_q[2:0], enter[MulI64]};
      add_f16_en_q  <= {add_f16_en_q[3:0], enter[AddF16]};
      add_bf16_en_q <= {add_bf16_en_q[3:0], enter[AddBf16]};
      add_f32_en_q  <= {add_f32_en_q[3:0], enter[AddF32]};
      add_f64_en_q  <= {add_f64_en_q[3:0], enter[AddF64]};
      mul_f16_en_q  <= {mul_f16_en_q[3:0], enter[MulF16]};
      mul_bf16_en_q <= {mul_bf16_en_q[3:0], enter[MulBf16]};
      mul_f32_en_q  <= {mul_f32_en_q[3:0], enter[MulF32]};
      mul_f64_en_q  <= {mul_f64_en_q[3:0], enter[MulF64]};
      re32_en_q     <= {re32_en_q[8:0], enter[Complex32]};
      im32_en_q     <= {im32_en_q[8:0], re32_en_q[0]};
      re64_en_q     <= {re64_en_q[8:0], enter[Complex64]};
      im64_en_q     <= {im64_en_q[8:0], re64_en_q[0]};
    end
  end

  // Units whose result will be at the output in the next cycle: one at most.
  logic [Outputs-1:0] leave;
  logic               out_valid_q;
  logic [3:0]         out_unit_q;

  always_comb begin : p_leave
    leave = '0;
    leave[Move]    = enter[Move];
    leave[Alu]     = alu_en_q[1];
    leave[Pair]    = pair_en_q[1];
    leave[MulI8]   = mul_i8_en_q[3];
    leave[MulI16]  = mul_i16_en_q[3];
    leave[MulI32]  = mul_i32_en_q[3];
    leave[MulI64]  = mul_i64_en_q[3];
    leave[AddF16]  = add_f16_en_q[4];
    leave[AddBf16] = add_bf16_en_q[4];
    leave[AddF32]  = add_f32_en_q[4] || im32_en_q[9];
    leave[AddF64]  = add_f64_en_q[4] || im64_en_q[9];
    leave[MulF16]  = mul_f16_en_q[4];
    leave[MulBf16] = mul_bf16_en_q[4];
    leave[MulF32]  = mul_f32_en_q[4];
    leave[MulF64]  = mul_f64_en_q[4];
  end

  function automatic logic [3:0] encode(input logic [Outputs-1:0] x);
    encode = '0;
    for (int unsigned u = 0; u < Outputs; u++) begin
      if (x[u]) encode = encode | 4'(u);
    end
  endfunction

  always_ff @(posedge clk_i) begin : p_leaving
    if (!rst_ni) out_valid_q <= 1'b0;
    else if (accept || busy_q) out_valid_q <= leave != '0;
    if ((accept || busy_q) && leave != '0) out_unit_q <= encode(leave);
  end

  // Sideband: at most 12 beats are in flight.
  logic [UserW-1:0] user_mem [16];
  logic [3:0]       user_in_q, user_out_q;

  always_ff @(posedge clk_i) begin : p_user
    if (accept) user_mem[user_in_q] <= in_user_i;
  end

  always_ff @(posedge clk_i) begin : p_user_count
    if (!rst_ni) begin
      user_in_q  <= '0;
      user_out_q <= '0;
    end else begin
      if (accept) user_in_q <= user_in_q + 4'd1;
      if (out_valid_q) user_out_q <= user_out_q + 4'd1;
    end
  end

  // --- operands ----------------------------------------------------------------------------------
  logic [511:0] a_q, b_q;
  logic [7:0]   redop_q;
  logic [1:0]   size_q;
  logic         float_q, bf16_q, signed_q;
  logic         pair_wide_q, pair_short_q, pair_float_q;

  // For its imaginary part a complex product takes the parts of b in each other's place.
  always_ff @(posedge clk_i) begin : p_operands
    if (accept) a_q <= in_a_i;
    if (accept && in_unit != UnitW'(Move)) b_q <= in_b_i;
    if (again) begin
      for (int unsigned i = 0; i < 8; i++) begin
        b_q[64*i +: 64] <= re64_en_q[0] ? b_q[64*(i ^ 1) +: 64] :
                                          {b_q[64*i +: 32], b_q[64*i + 32 +: 32]};
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_control
    if (accept && (in_unit == UnitW'(Alu) || in_unit == UnitW'(Pair))) begin
      redop_q  <= in_redop_i;
      size_q   <= size_of(in_dtype_i);
      float_q  <= is_real(in_dtype_i);
      bf16_q   <= in_dtype_i == tally_pkg::DtypeBf16;
      signed_q <= is_signed(in_dtype_i);
      pair_wide_q  <= in_dtype_i == tally_pkg::DtypeF64I32 || in_dtype_i == tally_pkg::DtypeI64I32;
      pair_short_q <= in_dtype_i == tally_pkg::DtypeI16I32;
      pair_float_q <= in_dtype_i == tally_pkg::DtypeF32I32 || in_dtype_i == tally_pkg::DtypeF64I32;
    end
  end

  // --- units -------------------------------------------------------------------------------------
  for (genvar i = 0; i < 4; i++) begin : gen_slice
    tally_reduce_slice u_slice (
      .clk_i,
      .alu_en_i     (alu_en_q),
      .pair_en_i    (pair_en_q),
      .mul_i8_en_i  (mul_i8_en_q),
      .mul_i16_en_i (mul_i16_en_q),
      .mul_i32_en_i (mul_i32_en_q),
      .mul_i64_en_i (mul_i64_en_q),
      .add_f16_en_i (add_f16_en_q),
      .add_bf16_en_i(add_bf16_en_q),
      .add_f32_en_i (add_f32_en_q),
      .add_f64_en_i (add_f64_en_q),
      .mul_f16_en_i (mul_f16_en_q),
      .mul_bf16_en_i(mul_bf16_en_q),
      .mul_f32_en_i (mul_f32_en_q),
      .mul_f64_en_i (mul_f64_en_q),
      .re32_en_i    (re32_en_q),
      .im32_en_i    (im32_en_q),
      .re64_en_i    (re64_en_q),
      .im64_en_i    (im64_en_q),
      .redop_i      (redop_q),
      .size_i       (size_q),
      .float_i      (float_q),
      .bf16_i       (bf16_q),
      .signed_i     (signed_q),
      .pair_wide_i  (pair_wide_q),
      .pair_short_i (pair_short_q),
      .pair_float_i (pair_float_q),
      .a_i          (a_q[128*i +: 128]),
      .b_i          (b_q[128*i +: 128]),
      .unit_i       (out_unit_q),
      .z_o          (out_data_o[128*i +: 128])
    );
  end

  // --- output ------------------------------------------------------------------------------------
  assign out_valid_o = out_valid_q;
  assign out_user_o = user_mem[user_out_q];

  // The operands are left out: a simulator would sample 1024 bits in each cycle, and whoever drives
  // them asserts them.
  `TALLY_ASSERT_STABLE(InStable_A, in_valid_i, in_ready_o,
                       ({in_dtype_i, in_redop_i, in_user_i}))
  `TALLY_ASSERT(OneLeaves_A, $onehot0(leave))
  `TALLY_ASSERT(LastLeaves_A, (busy_q && remaining_q == '0) |-> out_valid_q)
  `TALLY_ASSERT(IdleIsQuiet_A, !busy_q |-> !out_valid_q)
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Reduction lanes: out = a op b, element by element, one 64-byte beat a cycle (docs/reductions.md).
//
// Ordering: in order; the sideband in_user_i comes out with its beat. dtype and redop may change
// with each beat. A pair that is not one of {i32, i64, f32, f64} x {sum, min, max} gives a.
// Latency: 8 cycles while not stalled. Throughput: one beat a cycle.
// Back-pressure: the whole pipeline stands while out_valid_o && !out_ready_i; in_ready_o depends on
// out_ready_i combinationally.
// Storage: 1024 bits of operands, 512 of output, 8 * (512 + UserW) bits of distributed RAM that
// hold results and sideband of the short paths for the time of an addition; the units' own.
// Units: 16 adders for f32, 8 for f64, 8 ALUs for the rest. Each holds while beats are of another
// kind. There are two sets of adders because a split f64 adder would put its muxes into the longest
// paths of both. LUTs of each by yosys (synth_xilinx -family xcup): f32 600, f64 1100, ALU 500.
// Limitations: one stall for all stages: a bubble is not closed up while the output waits.
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
  input  wire logic             out_ready_i,
  output      logic [511:0]     out_data_o,
  output      logic [UserW-1:0] out_user_o
);
  if (UserW < 1) begin : gen_bad_user
    $error("tally_reduce: UserW must be at least 1");
  end

  // A beat is in stage s when valid_q[s]: 0 operands, 1 to 6 behind the adder's stages 0 to 5, 7
  // output.
  localparam int unsigned Last = 7;

  logic            advance;
  logic [Last:0]   valid_q;
  logic [Last-1:0] f32_q, f64_q;   // the beat is a sum of that type
  logic            in_f32, in_f64;
  logic            wide_q, float_q, sum_q, min_q, max_q;
  logic [511:0]    a_q, b_q, data_q;
  logic [UserW-1:0] user_q;

  assign advance     = !valid_q[Last] || out_ready_i;
  assign in_ready_o  = advance;
  assign out_valid_o = valid_q[Last];
  assign out_data_o  = data_q;
  assign out_user_o  = user_q;

  assign in_f32 = in_dtype_i == tally_pkg::DtypeF32 && in_redop_i == tally_pkg::RedopSum;
  assign in_f64 = in_dtype_i == tally_pkg::DtypeF64 && in_redop_i == tally_pkg::RedopSum;

  always_ff @(posedge clk_i) begin : p_valid
    if (!rst_ni) valid_q <= '0;
    else if (advance) valid_q <= {valid_q[Last-1:0], in_valid_i};
  end

  always_ff @(posedge clk_i) begin : p_kind
    if (advance) begin
      f32_q <= {f32_q[Last-2:0], in_f32};
      f64_q <= {f64_q[Last-2:0], in_f64};
    end
  end

  always_ff @(posedge clk_i) begin : p_operands
    if (advance && in_valid_i) begin
      a_q     <= in_a_i;
      b_q     <= in_b_i;
      wide_q  <= in_dtype_i == tally_pkg::DtypeI64 || in_dtype_i == tally_pkg::DtypeF64;
      float_q <= in_dtype_i == tally_pkg::DtypeF32 || in_dtype_i == tally_pkg::DtypeF64;
      // A type that cannot be reduced selects no operation.
      sum_q   <= 1'b0;
      min_q   <= 1'b0;
      max_q   <= 1'b0;
      if (in_dtype_i == tally_pkg::DtypeI32 || in_dtype_i == tally_pkg::DtypeI64 ||
          in_dtype_i == tally_pkg::DtypeF32 || in_dtype_i == tally_pkg::DtypeF64) begin
        sum_q <= in_redop_i == tally_pkg::RedopSum;
        min_q <= in_redop_i == tally_pkg::RedopMin;
        max_q <= in_redop_i == tally_pkg::RedopMax;
      end
    end
  end

  // Units.
  logic [5:0]   f32_en, f64_en;
  logic         alu_en;
  logic [511:0] f32_z, f64_z, alu_z;

  assign f32_en = {6{advance}} & valid_q[5:0] & f32_q[5:0];
  assign f64_en = {6{advance}} & valid_q[5:0] & f64_q[5:0];
  assign alu_en = advance && valid_q[0] && !f32_q[0] && !f64_q[0];

  for (genvar i = 0; i < 16; i++) begin : gen_f32
    tally_fadd #(.ExpW(8), .ManW(23)) u_fadd (
      .clk_i,
      .en_i(f32_en),
      .a_i (a_q[32*i +: 32]),
      .b_i (b_q[32*i +: 32]),
      .z_o (f32_z[32*i +: 32])
    );
  end

  for (genvar i = 0; i < 8; i++) begin : gen_f64
    tally_fadd #(.ExpW(11), .ManW(52)) u_fadd (
      .clk_i,
      .en_i(f64_en),
      .a_i (a_q[64*i +: 64]),
      .b_i (b_q[64*i +: 64]),
      .z_o (f64_z[64*i +: 64])
    );

    tally_alu64 u_alu (
      .clk_i,
      .en_i   (alu_en),
      .wide_i (wide_q),
      .float_i(float_q),
      .sum_i  (sum_q),
      .min_i  (min_q),
      .max_i  (max_q),
      .a_i    (a_q[64*i +: 64]),
      .b_i    (b_q[64*i +: 64]),
      .z_o    (alu_z[64*i +: 64])
    );
  end

  // Delay lines: time_q counts the pipeline's steps. A result is written in stage 1 and read in
  // stage 6, five steps later; the sideband is written on entry and read seven steps later.
  logic [2:0]       time_q, alu_rd, user_rd;
  logic [511:0]     alu_mem [8];
  logic [UserW-1:0] user_mem [8];

  assign alu_rd  = time_q - 3'd5;
  assign user_rd = time_q - 3'd7;

  always_ff @(posedge clk_i) begin : p_time
    if (!rst_ni) time_q <= '0;
    else if (advance) time_q <= time_q + 3'd1;
  end

  always_ff @(posedge clk_i) begin : p_alu_mem
    if (advance && valid_q[1] && !f32_q[1] && !f64_q[1]) alu_mem[time_q] <= alu_z;
  end

  always_ff @(posedge clk_i) begin : p_user_mem
    if (advance && in_valid_i) user_mem[time_q] <= in_user_i;
  end

  always_ff @(posedge clk_i) begin : p_output
    if (advance && valid_q[Last-1]) begin
      if (f32_q[Last-1]) data_q <= f32_z;
      else if (f64_q[Last-1]) data_q <= f64_z;
      else data_q <= alu_mem[alu_rd];
      user_q <= user_mem[user_rd];
    end
  end

  // The operands are left out: a simulator would sample 1024 bits in each cycle, and whoever drives
  // them asserts them.
  `TALLY_ASSERT_STABLE(InStable_A, in_valid_i, in_ready_o,
                       ({in_dtype_i, in_redop_i, in_user_i}))
  `TALLY_ASSERT_STABLE(OutStable_A, out_valid_o, out_ready_i, ({out_data_o, out_user_o}))
  `TALLY_ASSERT(OneUnit_A, $onehot0({f32_en[0], f64_en[0], alu_en}))
endmodule

`default_nettype wire

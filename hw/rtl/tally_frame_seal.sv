// SPDX-License-Identifier: BSD-3-Clause
// Puts the ICRC into outgoing frames and queues them for the network or for loopback.
//
// Takes the beats of a frame with zeros in the place of the ICRC: a frame of n bytes has ceil(n /
// 64) beats, its ICRC begins 2 + 4 * in_tail_i bytes into the beat marked in_crc_i. That beat is
// the last one, unless in_tail_i is 15: then the ICRC lies in two beats and one more follows, all
// zeros, marked in_last_i.
// Ordering: as taken. Latency: 3 cycles. Throughput: one beat a cycle. Storage: 16 beats and 2 in
// the pipeline.
// Ready path: none; in_ready_o depends on registers alone.
// Limitations: a side that does not take its frames holds up the other one.
`default_nettype none
`include "tally_assert.svh"

module tally_frame_seal (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  input  wire logic         in_valid_i,
  output      logic         in_ready_o,
  input  wire logic [511:0] in_data_i,
  input  wire logic         in_first_i,
  input  wire logic         in_crc_i,
  input  wire logic         in_last_i,
  input  wire logic [3:0]   in_tail_i,
  input  wire logic         in_loop_i,

  // 0 network, 1 loopback; data, keep and last are shared
  output      logic [1:0]   out_valid_o,
  input  wire logic [1:0]   out_ready_i,
  output      logic [511:0] out_data_o,
  output      logic [63:0]  out_keep_o,
  output      logic         out_last_o,

  output      logic         idle_o
);
  localparam int unsigned Depth = 16;   // more than the latency, so that a beat a cycle passes
  localparam int unsigned Latency = 2;  // of tally_icrc
  localparam int unsigned LevelBits = $clog2(Depth + 1);
  localparam int unsigned ControlBits = 7;                // {loop, last, crc, tail}
  localparam int unsigned WordBits = 512 + 4 + 3;         // {loop, last, wide, tail, data}

  logic                   push, pop, fifo_ready, crc_valid, residue;
  logic [31:0]            icrc;
  logic [LevelBits-1:0]   taken_q, level;
  logic [Latency*512-1:0] data_q;  // the newest lowest
  logic [Latency*ControlBits-1:0] control_q;
  logic [Latency-1:0]     valid_q;
  logic [511:0]           sealed;
  logic [ControlBits-1:0] control;
  logic [15:0]            rest_q;  // half of an ICRC for the beat after
  logic                   split_q;
  logic [WordBits-1:0]    word;
  logic [3:0]             tail;
  logic                   split, loop, out_valid;

  assign in_ready_o = taken_q != LevelBits'(Depth);
  assign push       = in_valid_i && in_ready_o;

  tally_icrc u_icrc (
    .clk_i, .rst_ni, .in_valid_i(push), .in_first_i, .in_last_i(in_crc_i), .in_data_i, .in_tail_i,
    .out_valid_o(crc_valid), .out_icrc_o(icrc), .out_residue_o(residue)
  );

  always_ff @(posedge clk_i) begin : p_line
    data_q    <= {data_q[(Latency-1)*512-1:0], in_data_i};
    control_q <= {control_q[(Latency-1)*ControlBits-1:0],
                  in_loop_i, in_last_i, in_crc_i, in_tail_i};
  end

  assign control = control_q[(Latency-1)*ControlBits+:ControlBits];
  assign tail    = control[3:0];

  always_comb begin : p_seal
    sealed = data_q[(Latency-1)*512+:512];
    for (int unsigned slot = 0; slot < 15; slot++) begin
      if (control[4] && tail == 4'(slot)) sealed[16+32*slot+:32] = icrc;
    end
    if (control[4] && tail == 4'd15) sealed[511:496] = icrc[15:0];
    if (split_q) sealed[15:0] = rest_q;
  end

  always_ff @(posedge clk_i) begin : p_rest
    if (valid_q[Latency-1] && control[4]) rest_q <= icrc[31:16];
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      valid_q <= '0;
      split_q <= 1'b0;
      taken_q <= '0;
    end else begin
      valid_q <= {valid_q[Latency-2:0], push};
      if (valid_q[Latency-1]) split_q <= control[4] && tail == 4'd15;
      taken_q <= taken_q + LevelBits'(push) - LevelBits'(pop);
    end
  end

  // A frame ends after its ICRC: 6 + 4 * tail bytes into the last beat, or 2 when the ICRC was
  // split.
  tally_fifo #(.Width(WordBits), .Depth(Depth)) u_fifo (
    .clk_i, .rst_ni,
    .in_valid_i(valid_q[Latency-1]), .in_ready_o(fifo_ready),
    .in_data_i({control[6], control[5], split_q, tail, sealed}),
    .out_valid_o(out_valid), .out_ready_i(pop), .out_data_o(word), .level_o(level)
  );

  assign loop        = word[518];
  assign split       = word[516];
  assign out_valid_o = {out_valid && loop, out_valid && !loop};
  assign pop         = (out_valid_o & out_ready_i) != '0;
  assign out_data_o  = word[511:0];
  assign out_last_o  = word[517];

  always_comb begin : p_keep
    out_keep_o = '1;
    for (int unsigned i = 0; i < 64; i++) begin
      if (out_last_o) out_keep_o[i] = split ? i < 2 : i < 6 + 4 * 32'(word[515:512]);
    end
  end

  assign idle_o = taken_q == '0;

  logic unused;
  assign unused = ^{residue, crc_valid, level};

  `TALLY_ASSERT(Room_A, valid_q[Latency-1] |-> fifo_ready)
  `TALLY_ASSERT(Taken_A, taken_q <= LevelBits'(Depth))
  `TALLY_ASSERT(IcrcThere_A, (valid_q[Latency-1] && control[4]) |-> crc_valid)
  `TALLY_ASSERT_STABLE(NetStable_A, out_valid_o[0], out_ready_i[0],
                       {out_data_o, out_keep_o, out_last_o})
  `TALLY_ASSERT_STABLE(LoopStable_A, out_valid_o[1], out_ready_i[1],
                       {out_data_o, out_keep_o, out_last_o})
endmodule

`default_nettype wire

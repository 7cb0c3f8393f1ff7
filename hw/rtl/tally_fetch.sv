// SPDX-License-Identifier: BSD-3-Clause
// Reads the payloads of jobs from host memory ahead of their use.
//
// A job names an address, a length of 0 to 4096 bytes (0: no read) and user bits. It leaves, in
// order, with its user bits at out_* once its first beat has come (at once without payload); its
// ceil(len/64) beats follow at beat_*. out_ready_i ends the job; give it with or after its last
// beat.
// Ordering: jobs and their data first in, first out. The DMA reader has no data back-pressure: a
// job is accepted only when the data FIFO has room for all of it. Latency: that of the DMA reader
// plus 1. Throughput: one beat a cycle.
// Storage: Beats * 512 + Jobs * (UserW + 13) bits.
// Combinational path: cmd_ready_i and the job at in_* to in_ready_o.
`default_nettype none
`include "tally_assert.svh"

module tally_fetch #(
  parameter int unsigned UserW = 8,
  parameter int unsigned Jobs  = 16,
  parameter int unsigned Beats = 128
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  input  wire logic             in_valid_i,
  output      logic             in_ready_o,
  input  wire logic [63:0]      in_addr_i,
  input  wire logic [12:0]      in_len_i,
  input  wire logic [UserW-1:0] in_user_i,

  output      logic             cmd_valid_o,
  input  wire logic             cmd_ready_i,
  output      logic [63:0]      cmd_addr_o,
  output      logic [12:0]      cmd_len_o,
  input  wire logic             data_valid_i,
  input  wire logic [511:0]     data_i,

  output      logic             out_valid_o,
  input  wire logic             out_ready_i,
  output      logic [12:0]      out_len_o,
  output      logic [UserW-1:0] out_user_o,

  output      logic             beat_valid_o,
  input  wire logic             beat_ready_i,
  output      logic [511:0]     beat_data_o,

  output      logic             idle_o
);
  if (Beats < tally_pkg::MtuBeats) begin : gen_bad_beats
    $error("tally_fetch: Beats must hold one packet");
  end

  localparam int unsigned FreeBits = $clog2(Beats + 1);

  logic [12:0]         need;
  logic [FreeBits-1:0] free_q;
  logic                room, job_ready, job_valid, push, beat_pop, beat_room, beat_valid;

  assign need        = (in_len_i + 13'd63) >> 6;
  assign room        = 13'(free_q) >= need;
  assign cmd_valid_o = in_valid_i && in_len_i != '0 && job_ready && room;
  assign cmd_addr_o  = in_addr_i;
  assign cmd_len_o   = in_len_i;
  assign in_ready_o  = job_ready && room && (in_len_i == '0 || cmd_ready_i);
  assign push        = in_valid_i && in_ready_o;

  logic [$clog2(Jobs+1)-1:0]  unused_job_level;
  logic [$clog2(Beats+1)-1:0] unused_beat_level;

  tally_fifo #(.Width(13 + UserW), .Depth(Jobs)) u_jobs (
    .clk_i, .rst_ni,
    .in_valid_i(push), .in_ready_o(job_ready), .in_data_i({in_user_i, in_len_i}),
    .out_valid_o(job_valid), .out_ready_i(out_ready_i),
    .out_data_o({out_user_o, out_len_o}),
    .level_o(unused_job_level)
  );

  tally_fifo #(.Width(512), .Depth(Beats)) u_beats (
    .clk_i, .rst_ni,
    .in_valid_i(data_valid_i), .in_ready_o(beat_room), .in_data_i(data_i),
    .out_valid_o(beat_valid), .out_ready_i(beat_ready_i), .out_data_o(beat_data_o),
    .level_o(unused_beat_level)
  );

  assign beat_valid_o = beat_valid;
  assign out_valid_o  = job_valid && (out_len_o == '0 || beat_valid);
  assign beat_pop     = beat_valid && beat_ready_i;
  assign idle_o       = !job_valid && !in_valid_i;

  always_ff @(posedge clk_i) begin : p_free
    if (!rst_ni) begin
      free_q <= FreeBits'(Beats);
    end else begin
      free_q <= free_q - (push ? FreeBits'(need) : '0) + FreeBits'(beat_pop);
    end
  end

  `TALLY_ASSERT(Room_A, data_valid_i |-> beat_room)
  `TALLY_ASSERT(FreeBound_A, free_q <= FreeBits'(Beats))
  `TALLY_ASSERT(LenBound_A, in_valid_i |-> in_len_i <= 13'(tally_pkg::Mtu))
  `TALLY_ASSERT_STABLE(CmdStable_A, cmd_valid_o, cmd_ready_i, {cmd_addr_o, cmd_len_o})
endmodule

`default_nettype wire

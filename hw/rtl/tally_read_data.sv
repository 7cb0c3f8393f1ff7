// SPDX-License-Identifier: BSD-3-Clause
// What tally_read_req hands to tally_rndv: data, and ends of jobs behind their last data.
//
// A packet's beats are passed on or discarded, as the requester says in the order of the packets.
// Ordering: beats and ends in the order of packet_i and end_i; descriptions of data (dat_*) run
// ahead of their beats. Latency: 1 cycle. Throughput: one beat a cycle.
// Storage: 4 * 49 and 4 * 19 bits. Ready path: beat_ready_i to rbeat_ready_o.
// Limitations: packet_i and end_i only with room for it (dat_room_o, move_room_o), never both.
`default_nettype none
`include "tally_assert.svh"

module tally_read_data #(
  localparam int unsigned JobW = $clog2(tally_pkg::RendezvousJobs)
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  output      logic             dat_room_o,
  output      logic             move_room_o,
  // a packet with beats; take_i: what is in it is data of packet_job_i (pulses)
  input  wire logic             packet_i,
  input  wire logic             take_i,
  input  wire logic [JobW-1:0]  packet_job_i,
  input  wire logic [31:0]      offset_i,
  input  wire logic [12:0]      bytes_i,
  // a job has ended (pulse)
  input  wire logic             end_i,
  input  wire logic [JobW-1:0]  ended_job_i,
  input  wire logic [7:0]       status_i,

  // beats of the packets
  input  wire logic             rbeat_valid_i,
  output      logic             rbeat_ready_o,
  input  wire logic [511:0]     rbeat_data_i,

  // tally_rndv
  output      logic             dat_valid_o,
  input  wire logic             dat_ready_i,
  output      logic [JobW-1:0]  dat_job_o,
  output      logic [31:0]      dat_offset_o,
  output      logic [12:0]      dat_bytes_o,
  output      logic             beat_valid_o,
  input  wire logic             beat_ready_i,
  output      logic [511:0]     beat_data_o,
  output      logic             end_valid_o,
  input  wire logic             end_ready_i,
  output      logic [JobW-1:0]  end_job_o,
  output      logic [7:0]       end_status_o,

  output      logic             idle_o
);
  localparam int unsigned DatW  = JobW + 32 + 13;
  localparam int unsigned MoveW = 2 + JobW + 13;
  localparam logic [1:0] MoveData = 2'd0;
  localparam logic [1:0] MoveDrop = 2'd1;
  localparam logic [1:0] MoveEnd  = 2'd2;
  logic             move_valid, move_pop;
  logic [MoveW-1:0] move_in, move;
  logic [2:0]       unused_dat_level, unused_move_level;

  tally_fifo #(.Width(DatW), .Depth(4)) u_dat (
    .clk_i, .rst_ni,
    .in_valid_i(take_i), .in_ready_o(dat_room_o), .in_data_i({packet_job_i, offset_i, bytes_i}),
    .out_valid_o(dat_valid_o), .out_ready_i(dat_ready_i),
    .out_data_o({dat_job_o, dat_offset_o, dat_bytes_o}), .level_o(unused_dat_level)
  );

  // All beats of a packet are taken, also of one that is discarded.
  always_comb begin : p_move
    move_in = {take_i ? MoveData : MoveDrop, packet_job_i, bytes_i};
    if (end_i) move_in = {MoveEnd, ended_job_i, 5'd0, status_i};
  end
  tally_fifo #(.Width(MoveW), .Depth(4)) u_move (
    .clk_i, .rst_ni,
    .in_valid_i(packet_i || end_i), .in_ready_o(move_room_o), .in_data_i(move_in),
    .out_valid_o(move_valid), .out_ready_i(move_pop), .out_data_o(move),
    .level_o(unused_move_level)
  );

  logic [6:0] beat_q, beats;
  logic       to_data, to_drop, to_end, beat_go;
  assign beats         = 7'((move[12:0] + 13'd63) >> 6);
  assign to_data       = move_valid && move[MoveW-1 -: 2] == MoveData;
  assign to_drop       = move_valid && move[MoveW-1 -: 2] == MoveDrop;
  assign to_end        = move_valid && move[MoveW-1 -: 2] == MoveEnd;
  assign beat_valid_o  = to_data && rbeat_valid_i;
  assign rbeat_ready_o = to_drop || (to_data && beat_ready_i);
  assign beat_data_o   = rbeat_data_i;
  assign beat_go       = rbeat_valid_i && rbeat_ready_o;
  assign end_valid_o   = to_end;
  assign end_job_o     = move[13 +: JobW];
  assign end_status_o  = move[7:0];
  assign move_pop      = to_end ? end_ready_i : beat_go && beat_q + 7'd1 == beats;
  assign idle_o        = !move_valid && !dat_valid_o;
  always_ff @(posedge clk_i) begin : p_beat
    if (!rst_ni) beat_q <= '0;
    else if (move_pop) beat_q <= '0;
    else if (beat_go) beat_q <= beat_q + 7'd1;
  end

  `TALLY_ASSERT_STABLE(DatStable_A, dat_valid_o, dat_ready_i,
                       {dat_job_o, dat_offset_o, dat_bytes_o})
  `TALLY_ASSERT_STABLE(BeatStable_A, beat_valid_o, beat_ready_i, beat_data_o)
  `TALLY_ASSERT_STABLE(EndStable_A, end_valid_o, end_ready_i, {end_job_o, end_status_o})
  `TALLY_ASSERT(DatRoom_A, take_i |-> dat_room_o)
  `TALLY_ASSERT(MoveRoom_A, (packet_i || end_i) |-> move_room_o)
  `TALLY_ASSERT(OneMove_A, !(packet_i && end_i))
endmodule

`default_nettype wire

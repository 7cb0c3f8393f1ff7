// SPDX-License-Identifier: BSD-3-Clause
// Part of tally_frame_rx: keeps received packets until their frame has proved right.
//
// Beats are stored as they come; the verdict on a frame follows with its last beat or later, in
// frame order. A good packet leaves as its info, then its beats; the beats of a bad one are thrown
// away, one a cycle. The user admits a frame (admit_i) only when room_o is high, then writes at
// most MaxBeats beats and gives the verdict, which tells how many it were.
// The first beats are read ahead of their verdict, past the ring when nothing waits there.
// Ordering: as admitted. Latency: 1 cycle from the verdict to pkt_valid_o, 1 from a beat written to
// beat_valid_o. Throughput: one beat a cycle and one cycle more a packet. Storage: RingBeats * 512
// bits (block RAM, one write and one registered read port), Packets * 222 bits, 8 beats.
// Ready paths: none; beat_valid_o follows the handshake of its packet.
// Limitations: room_o counts a whole packet for each frame whose size is not known yet.
`default_nettype none
`include "tally_assert.svh"

module tally_frame_store #(
  parameter  int unsigned RingBeats = 512,  // a power of two, at least 2 * MaxBeats
  parameter  int unsigned Packets   = 64,
  localparam int unsigned MaxBeats  = tally_pkg::MtuBeats,
  localparam int unsigned InfoBits  = 214,
  localparam int unsigned CountBits = 7
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  output      logic                 room_o,
  input  wire logic                 admit_i,
  input  wire logic                 wr_valid_i,
  input  wire logic [511:0]         wr_data_i,
  input  wire logic                 ver_valid_i,
  input  wire logic                 ver_good_i,
  input  wire logic [CountBits-1:0] ver_beats_i,
  input  wire logic [InfoBits-1:0]  ver_info_i,

  output      logic                 pkt_valid_o,
  input  wire logic                 pkt_ready_i,
  output      logic [InfoBits-1:0]  pkt_info_o,
  output      logic                 beat_valid_o,
  input  wire logic                 beat_ready_i,
  output      logic [511:0]         beat_data_o,

  output      logic                 idle_o
);
  if (RingBeats < 2 * MaxBeats || (RingBeats & (RingBeats - 1)) != 0) begin : gen_bad_ring
    $error("tally_frame_store: RingBeats must be a power of two, at least 128");
  end
  if (Packets < 2) begin : gen_bad_packets
    $error("tally_frame_store: Packets must be at least 2");
  end

  localparam int unsigned AddrBits  = $clog2(RingBeats);
  localparam int unsigned UsedBits  = AddrBits + 1;
  localparam int unsigned SlotBits  = $clog2(Packets + 1);
  localparam int unsigned EntryBits = 1 + CountBits + InfoBits;
  localparam int unsigned OutBeats  = 8;
  localparam int unsigned OutBits   = $clog2(OutBeats + 1);

  logic [511:0]          ring [RingBeats];
  logic [511:0]          read_q;
  logic [UsedBits-1:0]   wr_q, rd_q;  // beats written and read ever
  logic [UsedBits-1:0]   used_q;      // beats stored or set aside
  logic                  freed_q;     // one of these left the ring in the last cycle
  logic [SlotBits-1:0]   slots_q;     // frames admitted and not yet read or given up
  logic                  slot_drop, push, entry_ready, entry_valid, entry_pop, entry_good;
  logic [EntryBits-1:0]  entry;
  logic [CountBits-1:0]  entry_beats, left_q;
  logic                  drop_q;      // the beats that are left are thrown away
  logic                  empty, room, read, read_valid_q, past;
  logic [OutBits-1:0]    held_q;
  logic                  out_ready, out_valid, out_pop;
  logic [SlotBits-1:0]   level;
  logic [OutBits-1:0]    out_level;

  // ---- Verdicts -----------------------------------------------------------------------------
  assign push      = ver_valid_i && (ver_good_i || ver_beats_i != '0);
  assign slot_drop = ver_valid_i && !push;

  tally_fifo #(.Width(EntryBits), .Depth(Packets)) u_entries (
    .clk_i, .rst_ni,
    .in_valid_i(push), .in_ready_o(entry_ready), .in_data_i({ver_good_i, ver_beats_i, ver_info_i}),
    .out_valid_o(entry_valid), .out_ready_i(entry_pop), .out_data_o(entry), .level_o(level)
  );
  assign entry_good  = entry[EntryBits-1];
  assign entry_beats = entry[InfoBits+:CountBits];

  // ---- Reading ahead ------------------------------------------------------------------------
  assign empty = wr_q == rd_q;
  assign room  = held_q != OutBits'(OutBeats);
  assign read  = !empty && room;
  assign past  = wr_valid_i && empty && room && !read_valid_q;

  always_ff @(posedge clk_i) begin : p_ring
    if (wr_valid_i) ring[wr_q[AddrBits-1:0]] <= wr_data_i;
    if (read) read_q <= ring[rd_q[AddrBits-1:0]];
  end

  tally_fifo #(.Width(512), .Depth(OutBeats)) u_beats (
    .clk_i, .rst_ni,
    .in_valid_i(read_valid_q || past), .in_ready_o(out_ready),
    .in_data_i(read_valid_q ? read_q : wr_data_i),
    .out_valid_o(out_valid), .out_ready_i(out_pop), .out_data_o(beat_data_o), .level_o(out_level)
  );

  // ---- Packets ------------------------------------------------------------------------------
  assign pkt_valid_o  = entry_valid && entry_good && left_q == '0;
  assign entry_pop    = entry_valid && left_q == '0 && (pkt_ready_i || !entry_good);
  assign pkt_info_o   = entry[InfoBits-1:0];
  assign beat_valid_o = out_valid && left_q != '0 && !drop_q;
  assign out_pop      = out_valid && left_q != '0 && (beat_ready_i || drop_q);

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      wr_q         <= '0;
      rd_q         <= '0;
      used_q       <= '0;
      slots_q      <= '0;
      freed_q      <= 1'b0;
      left_q       <= '0;
      drop_q       <= 1'b0;
      held_q       <= '0;
      read_valid_q <= 1'b0;
    end else begin
      if (wr_valid_i) wr_q <= wr_q + 1'b1;
      if (read || past) rd_q <= rd_q + 1'b1;
      used_q <= used_q + (admit_i ? UsedBits'(MaxBeats) : '0) -
                (ver_valid_i ? UsedBits'(MaxBeats) - UsedBits'(ver_beats_i) : '0) -
                UsedBits'(freed_q);
      freed_q <= read || past;
      slots_q <= slots_q + SlotBits'(admit_i) - SlotBits'(slot_drop) - SlotBits'(entry_pop);
      if (entry_pop) begin
        left_q <= entry_beats;
        drop_q <= !entry_good;
      end else if (out_pop) begin
        left_q <= left_q - 1'b1;
      end
      read_valid_q <= read;
      held_q <= held_q + OutBits'(read || past) - OutBits'(out_pop);
    end
  end

  assign room_o = used_q <= UsedBits'(RingBeats - MaxBeats) && slots_q < SlotBits'(Packets);
  assign idle_o = slots_q == '0 && left_q == '0;

  logic unused;
  assign unused = ^{level, out_level};

  `TALLY_ASSERT(Used_A, used_q <= UsedBits'(RingBeats))
  `TALLY_ASSERT(AdmitRoom_A, admit_i |-> room_o)
  `TALLY_ASSERT(Entries_A, push |-> entry_ready)
  `TALLY_ASSERT(OutRoom_A, read_valid_q || past |-> out_ready)
  `TALLY_ASSERT(Ring_A, wr_q - rd_q <= UsedBits'(RingBeats))
  `TALLY_ASSERT(Slots_A, slots_q <= SlotBits'(Packets))
  `TALLY_ASSERT(Beats_A, ver_valid_i |-> ver_beats_i <= CountBits'(MaxBeats))
  `TALLY_ASSERT_STABLE(PktStable_A, pkt_valid_o, pkt_ready_i, pkt_info_o)
  `TALLY_ASSERT_STABLE(BeatStable_A, beat_valid_o, beat_ready_i, beat_data_o)
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Part of tally_frame_rx: keeps received packets until their frame has proved right.
//
// Beats are stored as they come; the verdict on a frame follows later, in frame order. A good
// packet leaves as its info, then its beats; the beats of a bad one are given back unseen. The user
// admits a frame (admit_i) only when room_o is high, then writes at most MaxBeats beats, tells with
// fix_valid_i how many it were, and gives the verdict.
// Ordering: as admitted. Latency: 2 cycles from the verdict to pkt_valid_o. Throughput: one beat a
// cycle and one cycle more a packet. Storage: RingBeats * 512 bits (block RAM, one write and one
// registered read port), Packets * 222 bits, 8 beats. Ready paths: none; beat_valid_o follows the
// handshake of its packet.
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
  input  wire logic                 fix_valid_i,
  input  wire logic [CountBits-1:0] fix_beats_i,
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
  logic [AddrBits-1:0]   wr_q, rd_q;
  logic [UsedBits-1:0]   used_q;    // beats stored or set aside
  logic [CountBits-1:0]  freed_q;   // beats of these that the last cycle gave back
  logic [SlotBits-1:0]   slots_q;   // frames admitted and not yet read or given up
  logic                  slot_drop, push, entry_ready, entry_valid, entry_pop, entry_good;
  logic [EntryBits-1:0]  entry;
  logic [CountBits-1:0]  entry_beats, left_q, out_left_q;
  logic                  read, read_valid_q, skip, head_ready, head_push, head_valid, head_pop;
  logic [OutBits-1:0]    held_q;
  logic                  out_ready, out_valid, out_pop;
  logic [SlotBits-1:0]   level;
  logic [OutBits-1:0]    out_level;
  logic [CountBits+InfoBits-1:0] head;
  logic [1:0]            head_level;

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

  // ---- Reading ------------------------------------------------------------------------------
  assign entry_pop = entry_valid && left_q == '0 && (!entry_good || head_ready);
  assign skip      = entry_pop && !entry_good;
  assign head_push = entry_pop && entry_good;
  assign read      = left_q != '0 && held_q != OutBits'(OutBeats);

  tally_fifo #(.Width(CountBits + InfoBits), .Depth(2)) u_heads (
    .clk_i, .rst_ni,
    .in_valid_i(head_push), .in_ready_o(head_ready), .in_data_i(entry[CountBits+InfoBits-1:0]),
    .out_valid_o(head_valid), .out_ready_i(head_pop), .out_data_o(head), .level_o(head_level)
  );

  always_ff @(posedge clk_i) begin : p_ring
    if (wr_valid_i) ring[wr_q] <= wr_data_i;
    if (read) read_q <= ring[rd_q];
  end

  tally_fifo #(.Width(512), .Depth(OutBeats)) u_beats (
    .clk_i, .rst_ni,
    .in_valid_i(read_valid_q), .in_ready_o(out_ready), .in_data_i(read_q),
    .out_valid_o(out_valid), .out_ready_i(out_pop), .out_data_o(beat_data_o), .level_o(out_level)
  );

  assign pkt_valid_o  = head_valid && out_left_q == '0;
  assign head_pop     = pkt_valid_o && pkt_ready_i;
  assign pkt_info_o   = head[InfoBits-1:0];
  assign beat_valid_o = out_valid && out_left_q != '0;
  assign out_pop      = beat_valid_o && beat_ready_i;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      wr_q         <= '0;
      rd_q         <= '0;
      used_q       <= '0;
      slots_q      <= '0;
      freed_q      <= '0;
      left_q       <= '0;
      held_q       <= '0;
      out_left_q   <= '0;
      read_valid_q <= 1'b0;
    end else begin
      if (wr_valid_i) wr_q <= wr_q + 1'b1;
      if (skip) rd_q <= rd_q + AddrBits'(entry_beats);
      else if (read) rd_q <= rd_q + 1'b1;
      used_q <= used_q + (admit_i ? UsedBits'(MaxBeats) : '0) -
                (fix_valid_i ? UsedBits'(MaxBeats) - UsedBits'(fix_beats_i) : '0) -
                UsedBits'(freed_q);
      freed_q <= skip ? entry_beats : CountBits'(read);
      slots_q <= slots_q + SlotBits'(admit_i) - SlotBits'(slot_drop) - SlotBits'(entry_pop);
      if (head_push) left_q <= entry_beats;
      else if (read) left_q <= left_q - 1'b1;
      read_valid_q <= read;
      held_q <= held_q + OutBits'(read) - OutBits'(out_pop);
      if (head_pop) out_left_q <= head[InfoBits+:CountBits];
      else if (out_pop) out_left_q <= out_left_q - 1'b1;
    end
  end

  assign room_o = used_q <= UsedBits'(RingBeats - MaxBeats) && slots_q < SlotBits'(Packets);
  assign idle_o = slots_q == '0 && left_q == '0 && !head_valid && out_left_q == '0;

  logic unused;
  assign unused = ^{level, out_level, head_level};

  `TALLY_ASSERT(Used_A, used_q <= UsedBits'(RingBeats))
  `TALLY_ASSERT(AdmitRoom_A, admit_i |-> room_o)
  `TALLY_ASSERT(Entries_A, push |-> entry_ready)
  `TALLY_ASSERT(OutRoom_A, read_valid_q |-> out_ready)
  `TALLY_ASSERT(Slots_A, slots_q <= SlotBits'(Packets))
  `TALLY_ASSERT(Beats_A, fix_valid_i |-> fix_beats_i <= CountBits'(MaxBeats))
  `TALLY_ASSERT_STABLE(PktStable_A, pkt_valid_o, pkt_ready_i, pkt_info_o)
  `TALLY_ASSERT_STABLE(BeatStable_A, beat_valid_o, beat_ready_i, beat_data_o)
endmodule

`default_nettype wire

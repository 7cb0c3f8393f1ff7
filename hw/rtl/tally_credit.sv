// SPDX-License-Identifier: BSD-3-Clause
// Message credits that go back to senders: one counter a peer, returned as Credit packets.
//
// Credits of a peer add up while the network port is busy and leave in one packet. Ordering: peers
// in turn.
// Latency: 2 cycles. Throughput: one packet in 2 cycles. Storage: MaxNodes * 8 bits.
// Limitations: a counter holds 255; the credit rule bounds it by UnexpectedEntries. Peers are below
// MaxNodes.
`default_nettype none
`include "tally_assert.svh"

module tally_credit (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  // a message of this peer left the device (pulses): from tally_msg_rx, tally_rndv, tally_copy
  input  wire logic         rx_valid_i,
  input  wire logic [15:0]  rx_peer_i,
  input  wire logic         rndv_valid_i,
  input  wire logic [15:0]  rndv_peer_i,
  input  wire logic         copy_valid_i,
  input  wire logic [15:0]  copy_peer_i,

  // Credit header beats to tally_msg_tx
  output      logic         out_valid_o,
  input  wire logic         out_ready_i,
  output      logic [511:0] out_data_o,

  output      logic         idle_o
);
  localparam int unsigned Peers    = tally_pkg::MaxNodes;
  localparam int unsigned PeerBits = $clog2(Peers);
  localparam int unsigned CountW   = 8;

  logic [Peers*CountW-1:0] count_q, count_d;
  logic                    out_valid_q, take, found;
  logic [PeerBits-1:0]     out_peer_q, pick;
  logic [CountW-1:0]       out_count_q, pick_count;
  logic                    busy;

  assign busy = count_q != '0;
  assign take = !out_valid_q && busy;

  // The next peer with credits after the one served last.
  always_comb begin : p_pick
    pick       = '0;
    pick_count = '0;
    found      = 1'b0;
    if (take) begin
      for (int unsigned k = 1; k <= Peers; k++) begin
        if (!found && count_q[(32'(out_peer_q) + k) % Peers * CountW +: CountW] != '0) begin
          found      = 1'b1;
          pick       = PeerBits'((32'(out_peer_q) + k) % Peers);
          pick_count = count_q[(32'(out_peer_q) + k) % Peers * CountW +: CountW];
        end
      end
    end
  end

  always_comb begin : p_count
    count_d = count_q;
    for (int unsigned p = 0; p < Peers; p++) begin
      if (take && 32'(pick) == p) count_d[p*CountW +: CountW] = '0;
      count_d[p*CountW +: CountW] = count_d[p*CountW +: CountW]
                                  + CountW'(rx_valid_i && 32'(rx_peer_i) == p)
                                  + CountW'(rndv_valid_i && 32'(rndv_peer_i) == p)
                                  + CountW'(copy_valid_i && 32'(copy_peer_i) == p);
    end
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      count_q     <= '0;
      out_valid_q <= 1'b0;
      out_peer_q  <= '0;
      out_count_q <= '0;
    end else begin
      if (take || rx_valid_i || rndv_valid_i || copy_valid_i) count_q <= count_d;
      if (take) begin
        out_valid_q <= 1'b1;
        out_peer_q  <= pick;
        out_count_q <= pick_count;
      end else if (out_ready_i) begin
        out_valid_q <= 1'b0;
      end
    end
  end

  tally_pkg::wire_header_t header;
  always_comb begin : p_header
    header          = '0;
    header.ptype    = tally_pkg::PacketTypeCredit;
    header.dst_node = 16'(out_peer_q);
    header.length   = 32'(out_count_q);
  end

  assign out_valid_o = out_valid_q;
  assign out_data_o  = header;
  assign idle_o      = !out_valid_q && !busy && !rx_valid_i && !rndv_valid_i && !copy_valid_i;

  `TALLY_ASSERT_STABLE(OutStable_A, out_valid_o, out_ready_i, out_data_o)
  `TALLY_ASSERT(RxPeer_A, rx_valid_i |-> 32'(rx_peer_i) < Peers)
  `TALLY_ASSERT(RndvPeer_A, rndv_valid_i |-> 32'(rndv_peer_i) < Peers)
  `TALLY_ASSERT(CopyPeer_A, copy_valid_i |-> 32'(copy_peer_i) < Peers)
  `TALLY_ASSERT(Picked_A, take |-> found && pick_count != '0)
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Message credits that go back to senders: one counter a peer, returned as Credit packets.
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
endmodule

`default_nettype wire

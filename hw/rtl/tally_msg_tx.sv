// SPDX-License-Identifier: BSD-3-Clause
// Packets of the message path: sends, answers to rendezvous reads, and the one-beat packets of tally_rndv (ReadReq) and
// tally_credit (Credit), merged packet by packet onto one stream.
//
// The wire header's dst_mac, src_mac, ethertype and src_node are 0 here; tally_net_tx fills them.
`default_nettype none
`include "tally_assert.svh"

module tally_msg_tx #(
  localparam int unsigned ReadW = 288
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  // sends from tally_cmd, regions already checked
  input  wire logic             send_valid_i,
  output      logic             send_ready_o,
  input  wire logic [511:0]     send_desc_i,
  input  wire logic [31:0]      send_arrival_i,

  // ReadReq packets from tally_msg_rx: {total[32], stamp[32], job[32], context[16], requester[16], cookie[32], key[32],
  // length[32], addr[64]}
  input  wire logic             read_valid_i,
  output      logic             read_ready_o,
  input  wire logic [ReadW-1:0] read_data_i,

  // ReadReq packets to send, from tally_rndv: header beats
  input  wire logic             req_valid_i,
  output      logic             req_ready_o,
  input  wire logic [511:0]     req_data_i,

  // Credit packets to send, from tally_credit: header beats
  input  wire logic             credit_valid_i,
  output      logic             credit_ready_o,
  input  wire logic [511:0]     credit_data_i,

  // look-up b of tally_mr (combinational)
  output      logic [31:0]      mr_key_o,
  output      logic [63:0]      mr_addr_o,
  output      logic [31:0]      mr_len_o,
  input  wire logic             mr_ok_i,

  // tally_dma_rd client 1
  output      logic             rd_cmd_valid_o,
  input  wire logic             rd_cmd_ready_i,
  output      logic [63:0]      rd_cmd_addr_o,
  output      logic [12:0]      rd_cmd_len_o,
  input  wire logic             rd_data_valid_i,
  input  wire logic [511:0]     rd_data_i,
  input  wire logic             rd_data_last_i,

  output      logic             tx_valid_o,
  input  wire logic             tx_ready_i,
  output      logic [511:0]     tx_data_o,
  output      logic             tx_last_o,

  output      logic             cpl_valid_o,
  input  wire logic             cpl_ready_i,
  output      logic [255:0]     cpl_data_o,

  output      logic             protection_o,
  output      logic             idle_o
);
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Reliable transport of the device: messages and READs over RoCEv2 queue pairs (docs/wire.md).
//
// Wiring of tally_frame_tx, tally_frame_rx, tally_qp_tx, tally_qp_rx, tally_read_req and
// tally_read_rsp; frames to this device itself go through a FIFO from sender to receiver. Receiving
// never waits for sending: the FIFO empties into tally_frame_rx whatever the senders do. Ordering:
// see the units. Latency: 13 cycles from a header shown by client 2 to the frame's first beat (for
// the others from the last beat); 6 cycles from a frame's last beat to the last one of a 2-beat
// message.
// Storage: that of the units, LoopDepth * 577 bits. Counter outputs are pulses, one for each event;
// events of several units in one cycle give pulses in successive cycles.
`default_nettype none
`include "tally_assert.svh"

module tally_transport #(
  parameter int unsigned Cells   = tally_pkg::RetransmitCells,
  parameter int unsigned Packets = tally_pkg::TxPackets,
  parameter int unsigned RnrTick = 10 * tally_pkg::ClockMhz
) (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,

  input  wire logic          enable_i,
  input  wire logic [47:0]   mac_i,
  input  wire logic [31:0]   ip_i,
  input  wire logic [12:0]   pmtu_i,
  input  wire logic [31:0]   ack_policy_i,
  input  wire logic [31:0]   retry_timer_i,
  input  wire logic [15:0]   retry_limits_i,
  input  wire logic [4:0]    rnr_code_i,
  input  wire logic [12:0]   tx_window_i,
  input  wire logic          coll_write_i,  // long data of collectives leaves as RDMA WRITE
  input  wire logic [15:0]   ep_rank_i,
  input  wire logic [31:0]   cycle_i,

  // tally_cq: endpoints whose completions have room
  input  wire logic [3:0]    cq_ok_i,

  input  wire logic          conn_valid_i,
  input  wire logic          conn_up_i,
  input  wire logic [7:0]    conn_qp_i,
  input  wire logic [47:0]   conn_mac_i,
  input  wire logic [31:0]   conn_ip_i,
  input  wire logic [23:0]   conn_qpn_i,
  input  wire logic [23:0]   conn_tx_psn_i,
  input  wire logic [23:0]   conn_rx_psn_i,

  // messages to send: 0 tally_msg_tx, 1 tally_rndv Fin, 2 tally_seq, whose beats, once begun, wait
  // for nothing that is still to be received
  input  wire logic          rsv_valid_i,
  input  wire logic [7:0]    rsv_qp_i,
  input  wire logic [4:0]    rsv_cells_i,
  output      logic          rsv_ok_o,
  input  wire logic [2:0]    tx_valid_i,
  output      logic [2:0]    tx_ready_o,
  input  wire logic [1535:0] tx_data_i,
  input  wire logic [2:0]    tx_last_i,
  input  wire logic [5:0]    tx_ep_i,
  input  wire logic [257:0]  tx_cpl_i,

  // messages received
  output      logic          rx_valid_o,
  input  wire logic          rx_ready_i,
  output      logic [511:0]  rx_data_o,
  output      logic          rx_last_o,
  output      logic [1:0]    rx_ep_o,
  output      logic [7:0]    rx_qp_o,
  output      logic [12:0]   rx_bytes_o,
  output      logic [3:0]    accept_o,
  input  wire logic [7:0]    ready_i,

  // READ jobs of tally_rndv, their data and ends
  input  wire logic          job_valid_i,
  output      logic          job_ready_o,
  input  wire logic [3:0]    job_id_i,
  input  wire logic [7:0]    job_qp_i,
  input  wire logic [63:0]   job_addr_i,
  input  wire logic [31:0]   job_key_i,
  input  wire logic [31:0]   job_len_i,
  output      logic          dat_valid_o,
  input  wire logic          dat_ready_i,
  output      logic [3:0]    dat_job_o,
  output      logic [31:0]   dat_offset_o,
  output      logic [12:0]   dat_bytes_o,
  output      logic          beat_valid_o,
  input  wire logic          beat_ready_i,
  output      logic [511:0]  beat_data_o,
  output      logic          end_valid_o,
  input  wire logic          end_ready_i,
  output      logic [3:0]    end_job_o,
  output      logic [7:0]    end_status_o,

  // look-up d of tally_mr, tally_dma_rd client 5
  output      logic [1:0]    mr_ep_o,
  output      logic [31:0]   mr_key_o,
  output      logic [63:0]   mr_addr_o,
  output      logic [31:0]   mr_len_o,
  input  wire logic          mr_ok_i,
  output      logic          rd_cmd_valid_o,
  input  wire logic          rd_cmd_ready_i,
  output      logic [63:0]   rd_cmd_addr_o,
  output      logic [12:0]   rd_cmd_len_o,
  input  wire logic          rd_data_valid_i,
  input  wire logic [511:0]  rd_data_i,

  output      logic          cpl_valid_o,
  input  wire logic          cpl_ready_i,
  output      logic [255:0]  cpl_data_o,
  output      logic [1:0]    cpl_ep_o,

  // Ethernet
  output      logic          net_tx_valid_o,
  input  wire logic          net_tx_ready_i,
  output      logic [511:0]  net_tx_data_o,
  output      logic [63:0]   net_tx_keep_o,
  output      logic          net_tx_last_o,
  input  wire logic          net_rx_valid_i,
  output      logic          net_rx_ready_o,
  input  wire logic [511:0]  net_rx_data_i,
  input  wire logic [63:0]   net_rx_keep_i,
  input  wire logic          net_rx_last_i,

  output      logic          tx_frame_o,
  output      logic          tx_beat_o,
  output      logic          rx_frame_o,
  output      logic          rx_beat_o,
  output      logic          dropped_o,
  output      logic          retransmit_o,
  output      logic          read_retry_o,
  output      logic          timeout_o,
  output      logic          nak_sent_o,
  output      logic          nak_received_o,
  output      logic          rnr_sent_o,
  output      logic          rnr_received_o,
  output      logic          ack_sent_o,
  output      logic          icrc_error_o,
  output      logic          duplicate_o,
  output      logic          qp_error_o,
  output      logic          protection_o,   // a READ was refused
  output      logic          idle_o
);
  localparam int unsigned InfoW     = 214;
  localparam int unsigned LoopDepth = 16;
  localparam int unsigned Counters  = 6;

  // --- packets to send: 0 SEND, 1 acknowledgements, 2 READ requests, 3 READ responses ---
  logic [3:0]         req_valid, req_ready;
  logic [4*InfoW-1:0] req_info;
  logic [1:0]         body_valid, body_ready;
  logic [1023:0]      body_data;

  logic               loop_in_valid, loop_in_ready, loop_in_last, loop_valid, loop_ready, loop_last;
  logic [511:0]       loop_in_data, loop_data;
  logic [63:0]        loop_in_keep, loop_keep;
  logic [4:0]         loop_level;

  // --- packets received ---
  logic               pkt_valid, pkt_ready, pkt_beat_valid, pkt_beat_ready;
  logic [InfoW-1:0]   pkt_info;
  logic [511:0]       pkt_beat_data;
  logic               ack_valid;
  logic [7:0]         ack_qp, ack_syndrome;
  logic [23:0]        ack_psn;
  logic               rreq_valid, rreq_ready, rresp_valid, rresp_ready, rbeat_valid, rbeat_ready;
  logic [InfoW-1:0]   rreq_info, rresp_info;
  logic [511:0]       rbeat_data;

  logic [1:0]         cpl_valid, cpl_ready;
  logic [511:0]       cpl_data;
  logic [3:0]         cpl_ep;

  logic [5:0]         idle;
  logic               rx_dropped, frame_dropped, tx_timeout, read_timeout, qp_nak_sent,
                      read_nak_sent, qp_nak_received;
  logic               read_nak_received, qp_duplicate, req_duplicate, rsp_duplicate, send_error,
                      read_error;
  logic               discarded;

  tally_frame_tx u_frame_tx (
    .clk_i, .rst_ni, .enable_i, .mac_i, .ip_i,
    .conn_valid_i, .conn_up_i, .conn_qp_i, .conn_mac_i, .conn_ip_i, .conn_qpn_i,
    .req_valid_i(req_valid), .req_ready_o(req_ready), .req_info_i(req_info),
    .beat_valid_i(body_valid), .beat_ready_o(body_ready), .beat_data_i(body_data),
    .net_valid_o(net_tx_valid_o), .net_ready_i(net_tx_ready_i), .net_data_o(net_tx_data_o),
    .net_keep_o(net_tx_keep_o), .net_last_o(net_tx_last_o),
    .loop_valid_o(loop_in_valid), .loop_ready_i(loop_in_ready), .loop_data_o(loop_in_data),
    .loop_keep_o(loop_in_keep), .loop_last_o(loop_in_last),
    .packet_o(tx_frame_o), .beat_o(tx_beat_o), .discarded_o(discarded), .idle_o(idle[0])
  );

  tally_fifo #(.Width(577), .Depth(LoopDepth)) u_loop (
    .clk_i, .rst_ni,
    .in_valid_i(loop_in_valid), .in_ready_o(loop_in_ready),
    .in_data_i({loop_in_last, loop_in_keep, loop_in_data}),
    .out_valid_o(loop_valid), .out_ready_i(loop_ready),
    .out_data_o({loop_last, loop_keep, loop_data}),
    .level_o(loop_level)
  );

  tally_frame_rx u_frame_rx (
    .clk_i, .rst_ni, .enable_i, .mac_i, .ip_i, .conn_valid_i, .conn_up_i, .conn_qp_i,
    .in_valid_i({loop_valid, net_rx_valid_i}), .in_ready_o({loop_ready, net_rx_ready_o}),
    .in_data_i({loop_data, net_rx_data_i}), .in_keep_i({loop_keep, net_rx_keep_i}),
    .in_last_i({loop_last, net_rx_last_i}),
    .pkt_valid_o(pkt_valid), .pkt_ready_i(pkt_ready), .pkt_info_o(pkt_info),
    .beat_valid_o(pkt_beat_valid), .beat_ready_i(pkt_beat_ready), .beat_data_o(pkt_beat_data),
    .packet_o(rx_frame_o), .beat_o(rx_beat_o), .dropped_o(frame_dropped), .icrc_error_o,
    .idle_o(idle[1])
  );

  tally_qp_tx #(.Cells(Cells), .Packets(Packets), .RnrTick(RnrTick)) u_qp_tx (
    .clk_i, .rst_ni, .retry_timer_i, .retry_limits_i, .tx_window_i, .coll_write_i, .cq_ok_i,
    .conn_valid_i, .conn_up_i, .conn_qp_i, .conn_tx_psn_i,
    .rsv_valid_i, .rsv_qp_i, .rsv_cells_i, .rsv_ok_o,
    .tx_valid_i, .tx_ready_o, .tx_data_i, .tx_last_i, .tx_ep_i, .tx_cpl_i,
    .ack_valid_i(ack_valid), .ack_qp_i(ack_qp), .ack_psn_i(ack_psn), .ack_syndrome_i(ack_syndrome),
    .req_valid_o(req_valid[0]), .req_ready_i(req_ready[0]), .req_info_o(req_info[0 +: InfoW]),
    .beat_valid_o(body_valid[0]), .beat_ready_i(body_ready[0]), .beat_data_o(body_data[511:0]),
    .cpl_valid_o(cpl_valid[0]), .cpl_ready_i(cpl_ready[0]), .cpl_data_o(cpl_data[255:0]),
    .cpl_ep_o(cpl_ep[1:0]),
    .retransmit_o, .timeout_o(tx_timeout), .nak_received_o(qp_nak_received), .rnr_received_o,
    .qp_error_o(send_error), .idle_o(idle[2])
  );

  tally_qp_rx u_qp_rx (
    .clk_i, .rst_ni, .ack_policy_i, .rnr_code_i, .ready_i, .ep_rank_i,
    .conn_valid_i, .conn_up_i, .conn_qp_i, .conn_rx_psn_i,
    .pkt_valid_i(pkt_valid), .pkt_ready_o(pkt_ready), .pkt_info_i(pkt_info),
    .beat_valid_i(pkt_beat_valid), .beat_ready_o(pkt_beat_ready), .beat_data_i(pkt_beat_data),
    .rx_valid_o, .rx_ready_i, .rx_data_o, .rx_last_o, .rx_ep_o, .rx_qp_o, .rx_bytes_o, .accept_o,
    .ack_valid_o(ack_valid), .ack_qp_o(ack_qp), .ack_psn_o(ack_psn), .ack_syndrome_o(ack_syndrome),
    .rreq_valid_o(rreq_valid), .rreq_ready_i(rreq_ready), .rreq_info_o(rreq_info),
    .rresp_valid_o(rresp_valid), .rresp_ready_i(rresp_ready), .rresp_info_o(rresp_info),
    .rbeat_valid_o(rbeat_valid), .rbeat_ready_i(rbeat_ready), .rbeat_data_o(rbeat_data),
    .req_valid_o(req_valid[1]), .req_ready_i(req_ready[1]), .req_info_o(req_info[InfoW +: InfoW]),
    .nak_sent_o(qp_nak_sent), .rnr_sent_o, .ack_sent_o, .duplicate_o(qp_duplicate),
    .dropped_o(rx_dropped),
    .idle_o(idle[3])
  );

  tally_read_req u_read_req (
    .clk_i, .rst_ni, .pmtu_i, .retry_timer_i, .retry_limits_i, .cycle_i,
    .conn_valid_i, .conn_up_i, .conn_qp_i, .conn_tx_psn_i,
    .job_valid_i, .job_ready_o, .job_id_i, .job_qp_i, .job_addr_i, .job_key_i, .job_len_i,
    .dat_valid_o, .dat_ready_i, .dat_job_o, .dat_offset_o, .dat_bytes_o,
    .beat_valid_o, .beat_ready_i, .beat_data_o, .end_valid_o, .end_ready_i, .end_job_o,
    .end_status_o,
    .req_valid_o(req_valid[2]), .req_ready_i(req_ready[2]), .req_info_o(req_info[2*InfoW +: InfoW]),
    .rresp_valid_i(rresp_valid), .rresp_ready_o(rresp_ready), .rresp_info_i(rresp_info),
    .rbeat_valid_i(rbeat_valid), .rbeat_ready_o(rbeat_ready), .rbeat_data_i(rbeat_data),
    .cpl_valid_o(cpl_valid[1]), .cpl_ready_i(cpl_ready[1]), .cpl_data_o(cpl_data[511:256]),
    .cpl_ep_o(cpl_ep[3:2]),
    .read_retry_o, .timeout_o(read_timeout), .nak_received_o(read_nak_received),
    .duplicate_o(req_duplicate),
    .qp_error_o(read_error), .idle_o(idle[4])
  );

  tally_read_rsp u_read_rsp (
    .clk_i, .rst_ni, .pmtu_i, .conn_valid_i, .conn_up_i, .conn_qp_i, .conn_rx_psn_i,
    .rreq_valid_i(rreq_valid), .rreq_ready_o(rreq_ready), .rreq_info_i(rreq_info),
    .mr_ep_o, .mr_key_o, .mr_addr_o, .mr_len_o, .mr_ok_i,
    .cmd_valid_o(rd_cmd_valid_o), .cmd_ready_i(rd_cmd_ready_i), .cmd_addr_o(rd_cmd_addr_o),
    .cmd_len_o(rd_cmd_len_o),
    .data_valid_i(rd_data_valid_i), .data_i(rd_data_i),
    .rsp_valid_o(req_valid[3]), .rsp_ready_i(req_ready[3]), .rsp_info_o(req_info[3*InfoW +: InfoW]),
    .rsp_beat_valid_o(body_valid[1]), .rsp_beat_ready_i(body_ready[1]),
    .rsp_beat_data_o(body_data[1023:512]),
    .nak_sent_o(read_nak_sent), .duplicate_o(rsp_duplicate), .protection_o, .idle_o(idle[5])
  );

  // --- completions ---
  // 0 SEND, 1 READ queue pairs that gave up (rare, so first); held once offered.
  logic cpl_sel, cpl_hold_q, cpl_sel_q;
  assign cpl_sel     = cpl_hold_q ? cpl_sel_q : cpl_valid[1];
  assign cpl_valid_o = cpl_sel ? cpl_valid[1] : cpl_valid[0];
  assign cpl_data_o  = cpl_sel ? cpl_data[511:256] : cpl_data[255:0];
  assign cpl_ep_o    = cpl_sel ? cpl_ep[3:2] : cpl_ep[1:0];
  assign cpl_ready   = {cpl_sel && cpl_ready_i, !cpl_sel && cpl_ready_i};

  always_ff @(posedge clk_i) begin : p_cpl
    if (!rst_ni) begin
      cpl_hold_q <= 1'b0;
      cpl_sel_q  <= 1'b0;
    end else begin
      cpl_hold_q <= cpl_valid_o && !cpl_ready_i;
      cpl_sel_q  <= cpl_sel;
    end
  end

  // --- counters that several units raise ---
  logic [Counters*3-1:0] events;
  logic [Counters-1:0]   pulse;
  assign events = {{1'b0, read_error, send_error},
                   {rsp_duplicate, req_duplicate, qp_duplicate},
                   {1'b0, read_nak_received, qp_nak_received},
                   {1'b0, read_nak_sent, qp_nak_sent},
                   {1'b0, read_timeout, tx_timeout},
                   {discarded, frame_dropped, rx_dropped}};

  for (genvar c = 0; c < Counters; c++) begin : gen_counter
    logic [3:0] owed_q;
    always_ff @(posedge clk_i) begin : p_owed
      if (!rst_ni) owed_q <= '0;
      else owed_q <= owed_q + 4'(events[c*3]) + 4'(events[c*3+1]) + 4'(events[c*3+2]) -
                     4'(owed_q != '0);
    end
    assign pulse[c] = owed_q != '0;
    `TALLY_ASSERT(Bound_A, owed_q < 4'd12)
  end

  assign {qp_error_o, duplicate_o, nak_received_o, nak_sent_o, timeout_o, dropped_o} = pulse;
  assign idle_o = idle == '1 && loop_level == '0 && cpl_valid == '0 && pulse == '0 &&
                  !net_rx_valid_i;

  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, {cpl_data_o, cpl_ep_o})
endmodule

`default_nettype wire

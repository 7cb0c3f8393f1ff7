// SPDX-License-Identifier: BSD-3-Clause
// Top of the offload engine: four endpoints between a host bus and an Ethernet port.
//
// Interfaces: AXI4-Lite slave (registers, doorbells), AXI4 slave (descriptor and operand stores, one
// beat of 512 bit each, in order with the other slave), AXI4 master (DMA, 512 bit), AXI4-Stream
// in and out (Ethernet frames without check sequence, 512 bit). cycle_i is a free-running count of
// clock cycles that the shell supplies, so that the shell may stop the clock while idle_o is high
// and no input is pending; idle_o means that no state changes until an input comes (operations may
// still wait for packets; a running timer keeps it low).
// Wiring, counters and admission only; each unit's header tells its ordering, latency and storage.
`default_nettype none
`include "tally_assert.svh"

module tally_nic #(
  parameter int unsigned PostedEntries     = tally_pkg::PostedEntries,
  parameter int unsigned UnexpectedEntries = tally_pkg::UnexpectedEntries
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic [31:0]  cycle_i,
  output      logic         idle_o,

  // AXI4-Lite slave
  input  wire logic         s_axil_aw_valid_i,
  output      logic         s_axil_aw_ready_o,
  input  wire logic [15:0]  s_axil_aw_addr_i,
  input  wire logic         s_axil_w_valid_i,
  output      logic         s_axil_w_ready_o,
  input  wire logic [31:0]  s_axil_w_data_i,
  output      logic         s_axil_b_valid_o,
  input  wire logic         s_axil_b_ready_i,
  output      logic [1:0]   s_axil_b_resp_o,
  input  wire logic         s_axil_ar_valid_i,
  output      logic         s_axil_ar_ready_o,
  input  wire logic [15:0]  s_axil_ar_addr_i,
  output      logic         s_axil_r_valid_o,
  input  wire logic         s_axil_r_ready_i,
  output      logic [31:0]  s_axil_r_data_o,
  output      logic [1:0]   s_axil_r_resp_o,

  // AXI4 slave: descriptor and operand windows
  input  wire logic         s_axi_aw_valid_i,
  output      logic         s_axi_aw_ready_o,
  input  wire logic [17:0]  s_axi_aw_addr_i,
  input  wire logic         s_axi_w_valid_i,
  output      logic         s_axi_w_ready_o,
  input  wire logic [511:0] s_axi_w_data_i,
  input  wire logic [63:0]  s_axi_w_strb_i,
  output      logic         s_axi_b_valid_o,
  input  wire logic         s_axi_b_ready_i,
  output      logic [1:0]   s_axi_b_resp_o,

  // AXI4 master
  output      logic         m_axi_ar_valid_o,
  input  wire logic         m_axi_ar_ready_i,
  output      logic [63:0]  m_axi_ar_addr_o,
  output      logic [7:0]   m_axi_ar_len_o,
  output      logic [2:0]   m_axi_ar_size_o,
  output      logic [1:0]   m_axi_ar_burst_o,
  input  wire logic         m_axi_r_valid_i,
  output      logic         m_axi_r_ready_o,
  input  wire logic [511:0] m_axi_r_data_i,
  input  wire logic [1:0]   m_axi_r_resp_i,
  input  wire logic         m_axi_r_last_i,
  output      logic         m_axi_aw_valid_o,
  input  wire logic         m_axi_aw_ready_i,
  output      logic [63:0]  m_axi_aw_addr_o,
  output      logic [7:0]   m_axi_aw_len_o,
  output      logic [2:0]   m_axi_aw_size_o,
  output      logic [1:0]   m_axi_aw_burst_o,
  output      logic         m_axi_w_valid_o,
  input  wire logic         m_axi_w_ready_i,
  output      logic [511:0] m_axi_w_data_o,
  output      logic [63:0]  m_axi_w_strb_o,
  output      logic         m_axi_w_last_o,
  input  wire logic         m_axi_b_valid_i,
  output      logic         m_axi_b_ready_o,
  input  wire logic [1:0]   m_axi_b_resp_i,

  // AXI4-Stream to the network
  output      logic         m_axis_tvalid_o,
  input  wire logic         m_axis_tready_i,
  output      logic [511:0] m_axis_tdata_o,
  output      logic [63:0]  m_axis_tkeep_o,
  output      logic         m_axis_tlast_o,

  // AXI4-Stream from the network
  input  wire logic         s_axis_tvalid_i,
  output      logic         s_axis_tready_o,
  input  wire logic [511:0] s_axis_tdata_i,
  input  wire logic [63:0]  s_axis_tkeep_i,
  input  wire logic         s_axis_tlast_i
);
  localparam int unsigned NumEp    = tally_pkg::NumEndpoints;
  localparam int unsigned NumRd = 8;
  localparam int unsigned NumWr    = 5;
  localparam int unsigned NumCpl   = 6;
  localparam int unsigned NumCnt   = 34;
  localparam int unsigned PostedW  = 192;
  localparam int unsigned UnexpW   = 193;
  localparam int unsigned MatchedW = 451;

  // --- registers ------------------------------------------------------------------------------
  logic                 control, coll_write, win_valid, win_open;
  logic [9:0]           win_line;
  logic [47:0]          mac;
  logic [31:0]          ip, ack_policy, retry_timer;
  logic [12:0]          pmtu, eager_max, tx_window, max_payload;
  logic [15:0]          retry_limits;
  logic [4:0]           rnr_code;
  logic [NumEp*32-1:0]  ep_posted;
  logic [NumEp*16-1:0]  ep_unexpected, ep_bounce, cq_head, sq_head, spill_head;
  logic [NumEp*64-1:0]  sq_base, cq_base, bounce_base, spill_base;
  logic [NumEp*4-1:0]   sq_log2, cq_log2, spill_log2, rank;
  logic [NumEp*5-1:0]   ranks;
  logic [NumEp-1:0]     ep_enable, enable, flushing, sq_tail_valid, desc_valid;
  logic [15:0]          sq_tail;
  logic [511:0]         desc;
  logic                 coll_abort_valid;
  logic [31:0]          coll_abort;
  logic                 mr_wr_valid;
  logic [1:0]           mr_wr_ep;
  logic [31:0]          mr_wr_key;
  logic [63:0]          mr_wr_base, mr_wr_len;
  logic                 sched_wr_valid;
  logic [15:0]          sched_wr_addr;
  logic [255:0]         sched_wr_data;
  logic                 conn_valid, conn_up;
  logic [7:0]           conn_qp;
  logic [47:0]          conn_mac;
  logic [31:0]          conn_ip;
  logic [23:0]          conn_qpn, conn_tx_psn, conn_rx_psn;
  logic                 quiet;
  logic [NumCnt*32-1:0] counters;

  // Registers answer when the device is up.
  logic up, moved, still;
  tally_gate u_gate (.clk_i, .rst_ni, .moved_i(moved), .up_o(up), .still_o(still));

  tally_axil_regs u_regs (
    .clk_i, .rst_ni, .up_i(up),
    .s_axil_aw_valid_i, .s_axil_aw_ready_o, .s_axil_aw_addr_i, .s_axil_w_valid_i,
    .s_axil_w_ready_o, .s_axil_w_data_i, .s_axil_b_valid_o, .s_axil_b_ready_i, .s_axil_b_resp_o,
    .s_axil_ar_valid_i, .s_axil_ar_ready_o, .s_axil_ar_addr_i, .s_axil_r_valid_o,
    .s_axil_r_ready_i, .s_axil_r_data_o, .s_axil_r_resp_o,
    .s_axi_aw_valid_i, .s_axi_aw_ready_o, .s_axi_aw_addr_i, .s_axi_w_valid_i, .s_axi_w_ready_o,
    .s_axi_w_data_i, .s_axi_w_strb_i, .s_axi_b_valid_o, .s_axi_b_ready_i, .s_axi_b_resp_o,
    .win_valid_o(win_valid), .win_open_o(win_open), .win_line_o(win_line),
    .control_o(control), .coll_write_o(coll_write), .mac_o(mac), .ip_o(ip), .pmtu_o(pmtu),
    .eager_max_o(eager_max), .ep_posted_o(ep_posted), .ep_unexpected_o(ep_unexpected),
    .ep_bounce_o(ep_bounce),
    .ack_policy_o(ack_policy), .retry_timer_o(retry_timer), .retry_limits_o(retry_limits),
    .rnr_code_o(rnr_code), .tx_window_o(tx_window),
    .sq_base_o(sq_base), .sq_log2_o(sq_log2), .cq_base_o(cq_base), .cq_log2_o(cq_log2),
    .bounce_o(bounce_base), .ep_enable_o(ep_enable), .cq_head_o(cq_head),
    .spill_base_o(spill_base), .spill_log2_o(spill_log2), .spill_head_o(spill_head),
    .rank_o(rank), .ranks_o(ranks),
    .sq_tail_valid_o(sq_tail_valid), .sq_tail_o(sq_tail),
    .desc_valid_o(desc_valid), .desc_o(desc),
    .coll_abort_valid_o(coll_abort_valid), .coll_abort_o(coll_abort),
    .mr_wr_valid_o(mr_wr_valid), .mr_wr_ep_o(mr_wr_ep), .mr_wr_key_o(mr_wr_key),
    .mr_wr_base_o(mr_wr_base), .mr_wr_len_o(mr_wr_len),
    .sched_wr_valid_o(sched_wr_valid), .sched_wr_addr_o(sched_wr_addr),
    .sched_wr_data_o(sched_wr_data),
    .conn_valid_o(conn_valid), .conn_up_o(conn_up), .conn_qp_o(conn_qp), .conn_mac_o(conn_mac),
    .conn_ip_o(conn_ip), .conn_qpn_o(conn_qpn), .conn_tx_psn_o(conn_tx_psn),
    .conn_rx_psn_o(conn_rx_psn),
    .status_i({31'd0, quiet}), .ep_status_i(flushing), .counters_i(counters)
  );

  // An RDMA WRITE has no MsgHeader. Below 1024 a packet of ShortBytes, which is a SEND, decides.
  assign max_payload = pmtu - (coll_write && pmtu[12:10] != '0 ? 13'd0 : 13'd64);

  // --- endpoints that end: their receives and messages are dropped ------------------------------
  logic             flush_valid, flush_ready, flush_idle;
  logic [1:0]       flush_ep;

  tally_ep_flush u_flush (
    .clk_i, .rst_ni, .enable_i(ep_enable),
    .flush_valid_o(flush_valid), .flush_ready_i(flush_ready), .flush_ep_o(flush_ep),
    .flushing_o(flushing), .idle_o(flush_idle)
  );
  assign enable = control ? ep_enable & ~flushing : '0;

  // --- memory regions -------------------------------------------------------------------------
  logic [1:0]  mra_ep, mrb_ep, mrd_ep, mre_ep;
  logic [31:0] mra_key, mrb_key, mrc_key, mrd_key, mre_key;
  logic [31:0] mra_len, mrb_len, mrc_len, mrd_len, mre_len;
  logic [63:0] mra_addr, mrb_addr, mrc_addr, mrd_addr, mre_addr;
  logic        mra_ok, mrb_ok, mrc_ok, mrd_ok, mre_ok;

  tally_mr u_mr (
    .clk_i, .rst_ni,
    .wr_valid_i(mr_wr_valid), .wr_ep_i(mr_wr_ep), .wr_key_i(mr_wr_key),
    .wr_base_i(mr_wr_base), .wr_len_i(mr_wr_len),
    .a_ep_i(mra_ep), .a_key_i(mra_key), .a_addr_i(mra_addr), .a_len_i(mra_len), .a_ok_o(mra_ok),
    .b_ep_i(mrb_ep), .b_key_i(mrb_key), .b_addr_i(mrb_addr), .b_len_i(mrb_len), .b_ok_o(mrb_ok),
    .c_ep_i(2'd0), .c_key_i(mrc_key), .c_addr_i(mrc_addr), .c_len_i(mrc_len), .c_ok_o(mrc_ok),
    .d_ep_i(mrd_ep), .d_key_i(mrd_key), .d_addr_i(mrd_addr), .d_len_i(mrd_len), .d_ok_o(mrd_ok),
    .e_ep_i(mre_ep), .e_key_i(mre_key), .e_addr_i(mre_addr), .e_len_i(mre_len), .e_ok_o(mre_ok)
  );

  // --- DMA ------------------------------------------------------------------------------------
  // Read clients: 0 to 3 submission rings, 4 sends, 5 READ responses, 6 copy, 7 and 8 sequencer.
  // Write clients: 0 arrivals, 1 rendezvous, 2 copy, 3 sequencer, 4 completions.
  logic [NumRd-1:0]     rd_cmd_valid, rd_cmd_ready, rd_data_valid;
  logic [NumRd*64-1:0]  rd_cmd_addr;
  logic [NumRd*13-1:0]  rd_cmd_len;
  logic [511:0]         rd_data;
  logic                 rd_last, rd_idle, rd_error;
  logic [NumWr-1:0]     wr_cmd_valid, wr_cmd_ready, wr_data_valid, wr_data_ready, wr_done;
  logic [NumWr*64-1:0]  wr_cmd_addr;
  logic [NumWr*13-1:0]  wr_cmd_len;
  logic [NumWr*512-1:0] wr_data;
  logic                 wr_idle, wr_error;

  tally_dma_rd #(.NumClients(NumRd)) u_dma_rd (
    .clk_i, .rst_ni,
    .cmd_valid_i(rd_cmd_valid), .cmd_ready_o(rd_cmd_ready),
    .cmd_addr_i(rd_cmd_addr), .cmd_len_i(rd_cmd_len),
    .data_valid_o(rd_data_valid), .data_o(rd_data), .data_last_o(rd_last),
    .axi_ar_valid_o(m_axi_ar_valid_o), .axi_ar_ready_i(m_axi_ar_ready_i),
    .axi_ar_addr_o(m_axi_ar_addr_o), .axi_ar_len_o(m_axi_ar_len_o),
    .axi_r_valid_i(m_axi_r_valid_i), .axi_r_ready_o(m_axi_r_ready_o),
    .axi_r_data_i(m_axi_r_data_i), .axi_r_resp_i(m_axi_r_resp_i), .axi_r_last_i(m_axi_r_last_i),
    .idle_o(rd_idle), .error_o(rd_error)
  );

  tally_dma_wr #(.NumClients(NumWr)) u_dma_wr (
    .clk_i, .rst_ni,
    .cmd_valid_i(wr_cmd_valid), .cmd_ready_o(wr_cmd_ready),
    .cmd_addr_i(wr_cmd_addr), .cmd_len_i(wr_cmd_len),
    .data_valid_i(wr_data_valid), .data_ready_o(wr_data_ready), .data_i(wr_data),
    .done_o(wr_done),
    .axi_aw_valid_o(m_axi_aw_valid_o), .axi_aw_ready_i(m_axi_aw_ready_i),
    .axi_aw_addr_o(m_axi_aw_addr_o), .axi_aw_len_o(m_axi_aw_len_o),
    .axi_w_valid_o(m_axi_w_valid_o), .axi_w_ready_i(m_axi_w_ready_i),
    .axi_w_data_o(m_axi_w_data_o), .axi_w_strb_o(m_axi_w_strb_o), .axi_w_last_o(m_axi_w_last_o),
    .axi_b_valid_i(m_axi_b_valid_i), .axi_b_ready_o(m_axi_b_ready_o),
    .axi_b_resp_i(m_axi_b_resp_i), .idle_o(wr_idle), .error_o(wr_error)
  );

  assign m_axi_ar_size_o  = 3'd6;   // 64 bytes
  assign m_axi_ar_burst_o = 2'b01;  // INCR
  assign m_axi_aw_size_o  = 3'd6;
  assign m_axi_aw_burst_o = 2'b01;

  // --- submission -----------------------------------------------------------------------------
  logic [NumEp-1:0]     sq_valid, sq_ready, sq_idle;
  logic [NumEp*512-1:0] sq_desc;
  logic [NumEp*32-1:0]  sq_arrival;

  for (genvar e = 0; e < NumEp; e++) begin : gen_sq
    tally_sq u_sq (
      .clk_i, .rst_ni, .cycle_i,
      .enable_i(enable[e]), .base_i(sq_base[e*64 +: 64]), .log2_i(sq_log2[e*4 +: 4]),
      .tail_valid_i(sq_tail_valid[e]), .tail_i(sq_tail),
      .desc_valid_i(desc_valid[e]), .desc_i(desc),
      .rd_cmd_valid_o(rd_cmd_valid[e]), .rd_cmd_ready_i(rd_cmd_ready[e]),
      .rd_cmd_addr_o(rd_cmd_addr[e*64 +: 64]), .rd_cmd_len_o(rd_cmd_len[e*13 +: 13]),
      .rd_data_valid_i(rd_data_valid[e]), .rd_data_i(rd_data),
      .out_valid_o(sq_valid[e]), .out_ready_i(sq_ready[e]), .out_desc_o(sq_desc[e*512 +: 512]),
      .out_arrival_o(sq_arrival[e*32 +: 32]),
      .head_o(sq_head[e*16 +: 16]), .idle_o(sq_idle[e])
    );
  end

  // --- command decode -------------------------------------------------------------------------
  logic                  send_valid, send_ready, send_rts, coll_valid, coll_ready;
  logic [511:0]          send_desc, coll_desc;
  logic [31:0]           send_arrival, coll_arrival;
  logic [1:0]            send_ep;
  logic                  rsv_valid, rsv_ok;
  logic [7:0]            rsv_qp;
  logic [4:0]            rsv_cells;
  logic [NumEp-1:0]      send_done, cq_ok;
  logic                  post_valid, post_ready, post_done;
  logic [2:0]            post_op, post_result, post_reason;
  logic [1:0]            post_ep;
  logic [15:0]           post_context, post_source, post_hit_source;
  logic [31:0]           post_tag, post_hit_tag, post_spill_seen, post_spills;
  logic                  post_any_source, post_any_tag;
  logic [11:0]           post_handle, post_slot;
  logic [PostedW-1:0]    post_payload;
  logic [UnexpW-1:0]     post_unexp_payload;
  logic                  copy_valid, copy_ready, crndv_valid, crndv_ready, crndv_unexpected;
  logic                  rndv_room;
  logic [MatchedW-1:0]   copy_matched, crndv_matched;
  logic                  cmd_idle, cnt_match_unexpected, cnt_not_posted, cnt_cancelled, cnt_probe;
  logic                  cmd_protection;
  logic [NumCpl-1:0]     cpl_valid, cpl_ready;
  logic [NumCpl*256-1:0] cpl_data;
  logic [NumCpl*2-1:0]   cpl_ep;

  tally_cmd u_cmd (
    .clk_i, .rst_ni,
    .ep_ranks_i(ranks), .ep_posted_i(ep_posted), .eager_max_i(eager_max), .cq_ok_i(cq_ok),
    .in_valid_i(sq_valid), .in_ready_o(sq_ready), .in_desc_i(sq_desc), .in_arrival_i(sq_arrival),
    .mr_ep_o(mra_ep), .mr_key_o(mra_key), .mr_addr_o(mra_addr), .mr_len_o(mra_len),
    .mr_ok_i(mra_ok),
    .rsv_valid_o(rsv_valid), .rsv_qp_o(rsv_qp), .rsv_cells_o(rsv_cells), .rsv_ok_i(rsv_ok),
    .send_done_i(send_done),
    .send_valid_o(send_valid), .send_ready_i(send_ready), .send_desc_o(send_desc),
    .send_arrival_o(send_arrival), .send_ep_o(send_ep), .send_rts_o(send_rts),
    .post_valid_o(post_valid), .post_ready_i(post_ready), .post_op_o(post_op),
    .post_ep_o(post_ep), .post_context_o(post_context), .post_source_o(post_source),
    .post_tag_o(post_tag), .post_any_source_o(post_any_source), .post_any_tag_o(post_any_tag),
    .post_handle_o(post_handle), .post_spill_seen_o(post_spill_seen),
    .post_payload_o(post_payload),
    .post_done_i(post_done), .post_result_i(post_result), .post_reason_i(post_reason),
    .post_source_i(post_hit_source), .post_tag_i(post_hit_tag),
    .post_unexp_payload_i(post_unexp_payload), .post_slot_i(post_slot),
    .post_spills_i(post_spills),
    .coll_valid_o(coll_valid), .coll_ready_i(coll_ready), .coll_desc_o(coll_desc),
    .coll_arrival_o(coll_arrival),
    .copy_valid_o(copy_valid), .copy_ready_i(copy_ready), .copy_matched_o(copy_matched),
    .rndv_room_i(rndv_room), .rndv_valid_o(crndv_valid), .rndv_ready_i(crndv_ready),
    .rndv_matched_o(crndv_matched), .rndv_unexpected_o(crndv_unexpected),
    .cpl_valid_o(cpl_valid[0]), .cpl_ready_i(cpl_ready[0]), .cpl_data_o(cpl_data[0 +: 256]),
    .cpl_ep_o(cpl_ep[0 +: 2]),
    .match_unexpected_o(cnt_match_unexpected), .not_posted_o(cnt_not_posted),
    .cancelled_o(cnt_cancelled), .probe_o(cnt_probe), .protection_o(cmd_protection),
    .idle_o(cmd_idle)
  );

  // --- message path ---------------------------------------------------------------------------
  logic [2:0]          tx_valid, tx_ready, tx_last;
  logic [1535:0]       tx_data;
  logic [5:0]          tx_ep;
  logic [257:0]        tx_cpl;
  logic                rx_valid, rx_ready, rx_last, seq_rx_valid, seq_rx_ready, seq_rx_last;
  logic [511:0]        rx_data, seq_rx_data;
  logic [1:0]          rx_ep;
  logic [7:0]          rx_qp;
  logic [12:0]         rx_bytes;
  logic [NumEp-1:0]    accepted, spill_room;
  logic                msg_tx_idle, receive_idle, match_idle;
  logic                demux_dropped, cnt_match_posted, cnt_unexpected, cnt_rendezvous;
  logic [3:0]          cnt_spill;
  logic [2:0]          truncated;
  logic [1:0]          rx_protection;

  tally_msg_tx u_msg_tx (
    .clk_i, .rst_ni, .ep_rank_i(rank),
    .send_valid_i(send_valid), .send_ready_o(send_ready), .send_desc_i(send_desc),
    .send_arrival_i(send_arrival), .send_ep_i(send_ep), .send_rts_i(send_rts),
    .rd_cmd_valid_o(rd_cmd_valid[4]), .rd_cmd_ready_i(rd_cmd_ready[4]),
    .rd_cmd_addr_o(rd_cmd_addr[4*64 +: 64]), .rd_cmd_len_o(rd_cmd_len[4*13 +: 13]),
    .rd_data_valid_i(rd_data_valid[4]), .rd_data_i(rd_data),
    .tx_valid_o(tx_valid[0]), .tx_ready_i(tx_ready[0]), .tx_data_o(tx_data[0 +: 512]),
    .tx_last_o(tx_last[0]), .tx_ep_o(tx_ep[0 +: 2]), .tx_cpl_o(tx_cpl),
    .idle_o(msg_tx_idle)
  );

  logic         job_valid, job_ready, dat_valid, dat_ready, dat_beat_valid, dat_beat_ready;
  logic         end_valid, end_ready;
  logic [3:0]   job_id, dat_job, end_job;
  logic [7:0]   job_qp, end_status;
  logic [63:0]  job_addr;
  logic [31:0]  job_key, job_len, dat_offset;
  logic [12:0]  dat_bytes;
  logic [511:0] dat_beat_data;

  tally_receive #(
    .PostedEntries(PostedEntries), .UnexpectedEntries(UnexpectedEntries)
  ) u_receive (
    .clk_i, .rst_ni,
    .enable_i(enable), .rank_i(rank), .bounce_i(bounce_base), .bounce_quota_i(ep_bounce),
    .unexpected_quota_i(ep_unexpected), .spill_base_i(spill_base), .spill_log2_i(spill_log2),
    .spill_head_i(spill_head), .cq_ok_i(cq_ok),
    .flush_valid_i(flush_valid), .flush_ready_o(flush_ready), .flush_ep_i(flush_ep),
    .post_valid_i(post_valid), .post_ready_o(post_ready), .post_op_i(post_op),
    .post_ep_i(post_ep), .post_context_i(post_context), .post_source_i(post_source),
    .post_tag_i(post_tag), .post_any_source_i(post_any_source), .post_any_tag_i(post_any_tag),
    .post_handle_i(post_handle), .post_spill_seen_i(post_spill_seen),
    .post_payload_i(post_payload),
    .post_done_o(post_done), .post_result_o(post_result), .post_reason_o(post_reason),
    .post_source_o(post_hit_source), .post_tag_o(post_hit_tag), .post_slot_o(post_slot),
    .post_unexp_payload_o(post_unexp_payload), .post_spills_o(post_spills),
    .copy_valid_i(copy_valid), .copy_ready_o(copy_ready), .copy_matched_i(copy_matched),
    .rndv_valid_i(crndv_valid), .rndv_ready_o(crndv_ready), .rndv_matched_i(crndv_matched),
    .rndv_unexpected_i(crndv_unexpected), .rndv_room_o(rndv_room),
    .rx_valid_i(rx_valid), .rx_ready_o(rx_ready), .rx_data_i(rx_data), .rx_last_i(rx_last),
    .rx_ep_i(rx_ep), .rx_qp_i(rx_qp), .rx_bytes_i(rx_bytes), .accept_i(accepted),
    .spill_room_o(spill_room),
    .job_valid_o(job_valid), .job_ready_i(job_ready), .job_id_o(job_id), .job_qp_o(job_qp),
    .job_addr_o(job_addr), .job_key_o(job_key), .job_len_o(job_len),
    .dat_valid_i(dat_valid), .dat_ready_o(dat_ready), .dat_job_i(dat_job),
    .dat_offset_i(dat_offset), .dat_bytes_i(dat_bytes), .end_status_i(end_status),
    .beat_valid_i(dat_beat_valid), .beat_ready_o(dat_beat_ready), .beat_data_i(dat_beat_data),
    .end_valid_i(end_valid), .end_ready_o(end_ready), .end_job_i(end_job),
    .fin_valid_o(tx_valid[1]), .fin_ready_i(tx_ready[1]), .fin_data_o(tx_data[512 +: 512]),
    .fin_last_o(tx_last[1]), .fin_ep_o(tx_ep[2 +: 2]),
    .seq_valid_o(seq_rx_valid), .seq_ready_i(seq_rx_ready), .seq_data_o(seq_rx_data),
    .seq_last_o(seq_rx_last),
    .mrb_ep_o(mrb_ep), .mrb_key_o(mrb_key), .mrb_addr_o(mrb_addr), .mrb_len_o(mrb_len),
    .mrb_ok_i(mrb_ok), .mre_ok_i(mre_ok),
    .mre_ep_o(mre_ep), .mre_key_o(mre_key), .mre_addr_o(mre_addr), .mre_len_o(mre_len),
    .rd_cmd_valid_o(rd_cmd_valid[6]), .rd_cmd_ready_i(rd_cmd_ready[6]),
    .rd_cmd_addr_o(rd_cmd_addr[6*64 +: 64]), .rd_cmd_len_o(rd_cmd_len[6*13 +: 13]),
    .rd_data_valid_i(rd_data_valid[6]), .rd_data_i(rd_data),
    .wr_cmd_valid_o(wr_cmd_valid[2:0]), .wr_cmd_ready_i(wr_cmd_ready[2:0]),
    .wr_cmd_addr_o(wr_cmd_addr[0 +: 3*64]), .wr_cmd_len_o(wr_cmd_len[0 +: 3*13]),
    .wr_data_valid_o(wr_data_valid[2:0]), .wr_data_ready_i(wr_data_ready[2:0]),
    .wr_data_o(wr_data[0 +: 3*512]), .wr_done_i(wr_done[0]),
    .cpl_valid_o(cpl_valid[3:1]), .cpl_ready_i(cpl_ready[3:1]),
    .cpl_data_o(cpl_data[256 +: 3*256]), .cpl_ep_o(cpl_ep[2 +: 3*2]),
    .dropped_o(demux_dropped), .match_posted_o(cnt_match_posted), .unexpected_o(cnt_unexpected),
    .rendezvous_o(cnt_rendezvous), .spill_o(cnt_spill), .truncated_o(truncated),
    .protection_o(rx_protection), .match_idle_o(match_idle), .idle_o(receive_idle)
  );

  // --- transport ------------------------------------------------------------------------------
  logic [7:0] ready_kinds;
  logic       transport_idle;
  logic       cnt_tx_frame, cnt_tx_beat, cnt_rx_frame, cnt_rx_beat, cnt_frame_dropped,
              cnt_retransmit, cnt_read_retry, cnt_timeout, cnt_nak_sent, cnt_nak_received,
              cnt_rnr_sent, cnt_rnr_received, cnt_ack_sent, cnt_icrc_error, cnt_duplicate,
              cnt_qp_error, read_protection;

  // An endpoint takes another message of kind Msg when it could be spilled, matched to a rendezvous
  // and completed; of kind Coll when it could be completed.
  assign ready_kinds = {cq_ok & enable, spill_room & cq_ok & enable & {NumEp{rndv_room}}};

  tally_transport u_transport (
    .clk_i, .rst_ni, .cycle_i, .enable_i(control), .mac_i(mac), .ip_i(ip), .pmtu_i(pmtu),
    .ack_policy_i(ack_policy), .retry_timer_i(retry_timer), .retry_limits_i(retry_limits),
    .rnr_code_i(rnr_code), .tx_window_i(tx_window), .coll_write_i(coll_write), .ep_rank_i(rank),
    .cq_ok_i(cq_ok),
    .conn_valid_i(conn_valid), .conn_up_i(conn_up), .conn_qp_i(conn_qp), .conn_mac_i(conn_mac),
    .conn_ip_i(conn_ip), .conn_qpn_i(conn_qpn), .conn_tx_psn_i(conn_tx_psn),
    .conn_rx_psn_i(conn_rx_psn),
    .tx_valid_i(tx_valid), .tx_ready_o(tx_ready), .tx_data_i(tx_data), .tx_last_i(tx_last),
    .tx_ep_i(tx_ep), .tx_cpl_i(tx_cpl),
    .rsv_valid_i(rsv_valid), .rsv_qp_i(rsv_qp), .rsv_cells_i(rsv_cells), .rsv_ok_o(rsv_ok),
    .rx_valid_o(rx_valid), .rx_ready_i(rx_ready), .rx_data_o(rx_data), .rx_last_o(rx_last),
    .rx_ep_o(rx_ep), .rx_qp_o(rx_qp), .rx_bytes_o(rx_bytes), .accept_o(accepted),
    .ready_i(ready_kinds),
    .job_valid_i(job_valid), .job_ready_o(job_ready), .job_id_i(job_id), .job_qp_i(job_qp),
    .job_addr_i(job_addr), .job_key_i(job_key), .job_len_i(job_len),
    .dat_valid_o(dat_valid), .dat_ready_i(dat_ready), .dat_job_o(dat_job),
    .dat_offset_o(dat_offset), .dat_bytes_o(dat_bytes),
    .beat_valid_o(dat_beat_valid), .beat_ready_i(dat_beat_ready), .beat_data_o(dat_beat_data),
    .end_valid_o(end_valid), .end_ready_i(end_ready), .end_job_o(end_job),
    .end_status_o(end_status),
    .mr_ep_o(mrd_ep), .mr_key_o(mrd_key), .mr_addr_o(mrd_addr), .mr_len_o(mrd_len),
    .mr_ok_i(mrd_ok),
    .rd_cmd_valid_o(rd_cmd_valid[5]), .rd_cmd_ready_i(rd_cmd_ready[5]),
    .rd_cmd_addr_o(rd_cmd_addr[5*64 +: 64]), .rd_cmd_len_o(rd_cmd_len[5*13 +: 13]),
    .rd_data_valid_i(rd_data_valid[5]), .rd_data_i(rd_data),
    .cpl_valid_o(cpl_valid[5]), .cpl_ready_i(cpl_ready[5]), .cpl_data_o(cpl_data[5*256 +: 256]),
    .cpl_ep_o(cpl_ep[10 +: 2]),
    .net_tx_valid_o(m_axis_tvalid_o), .net_tx_ready_i(m_axis_tready_i),
    .net_tx_data_o(m_axis_tdata_o), .net_tx_keep_o(m_axis_tkeep_o), .net_tx_last_o(m_axis_tlast_o),
    .net_rx_valid_i(s_axis_tvalid_i), .net_rx_ready_o(s_axis_tready_o),
    .net_rx_data_i(s_axis_tdata_i), .net_rx_keep_i(s_axis_tkeep_i), .net_rx_last_i(s_axis_tlast_i),
    .tx_frame_o(cnt_tx_frame), .tx_beat_o(cnt_tx_beat), .rx_frame_o(cnt_rx_frame),
    .rx_beat_o(cnt_rx_beat), .dropped_o(cnt_frame_dropped), .retransmit_o(cnt_retransmit),
    .read_retry_o(cnt_read_retry), .timeout_o(cnt_timeout), .nak_sent_o(cnt_nak_sent),
    .nak_received_o(cnt_nak_received), .rnr_sent_o(cnt_rnr_sent), .duplicate_o(cnt_duplicate),
    .rnr_received_o(cnt_rnr_received), .ack_sent_o(cnt_ack_sent), .icrc_error_o(cnt_icrc_error),
    .qp_error_o(cnt_qp_error), .protection_o(read_protection), .idle_o(transport_idle)
  );

  // An eager send ends with the transport's completion; that of an Rts is marked as rendezvous.
  tally_pkg::cqe_t tx_cqe;
  assign tx_cqe = cpl_data[5*256 +: 256];
  always_comb begin : p_send_done
    send_done = '0;
    if (cpl_valid[5] && cpl_ready[5] && tx_cqe.opcode == tally_pkg::OpcodeSend
        && !tx_cqe.flags[tally_pkg::CqeFlagRendezvousBit]) begin
      send_done[cpl_ep[10 +: 2]] = 1'b1;
    end
  end

  // --- collectives ----------------------------------------------------------------------------
  logic seq_idle, seq_working, seq_reduced_beat, seq_done, seq_protection;

  assign tx_ep[4 +: 2]  = 2'd0;
  assign cpl_ep[8 +: 2] = 2'd0;

  tally_seq u_seq (
    .clk_i, .rst_ni, .rank_i(rank[3:0]), .ep_enable_i(enable[0]), .max_payload_i(max_payload),
    .cmd_valid_i(coll_valid), .cmd_ready_o(coll_ready), .cmd_desc_i(coll_desc),
    .cmd_arrival_i(coll_arrival),
    .sched_wr_valid_i(sched_wr_valid), .sched_wr_addr_i(sched_wr_addr),
    .sched_wr_data_i(sched_wr_data),
    .win_valid_i(win_valid), .win_open_i(win_open), .win_line_i(win_line),
    .win_data_i(s_axi_w_data_i), .win_strb_i(s_axi_w_strb_i), .rx_valid_i(seq_rx_valid),
    .rx_ready_o(seq_rx_ready), .rx_data_i(seq_rx_data), .rx_last_i(seq_rx_last),
    .tx_valid_o(tx_valid[2]), .tx_ready_i(tx_ready[2]), .tx_data_o(tx_data[1024 +: 512]),
    .tx_last_o(tx_last[2]),
    .rd_cmd_valid_o(rd_cmd_valid[7]), .rd_cmd_ready_i(rd_cmd_ready[7]),
    .rd_cmd_addr_o(rd_cmd_addr[7*64 +: 64]), .rd_cmd_len_o(rd_cmd_len[7*13 +: 13]),
    .rd_data_valid_i(rd_data_valid[7]), .rd_data_i(rd_data), .rd_data_last_i(rd_last),
    .wr_cmd_valid_o(wr_cmd_valid[3]), .wr_cmd_ready_i(wr_cmd_ready[3]),
    .wr_cmd_addr_o(wr_cmd_addr[3*64 +: 64]), .wr_cmd_len_o(wr_cmd_len[3*13 +: 13]),
    .wr_data_valid_o(wr_data_valid[3]), .wr_data_ready_i(wr_data_ready[3]),
    .wr_data_o(wr_data[3*512 +: 512]), .wr_done_i(wr_done[3]),
    .mr_key_o(mrc_key), .mr_addr_o(mrc_addr), .mr_len_o(mrc_len), .mr_ok_i(mrc_ok),
    .cpl_valid_o(cpl_valid[4]), .cpl_ready_i(cpl_ready[4]), .cpl_data_o(cpl_data[4*256 +: 256]),
    .abort_valid_i(coll_abort_valid), .abort_i(coll_abort),
    .idle_o(seq_idle), .working_o(seq_working),
    .reduced_beat_o(seq_reduced_beat), .collective_done_o(seq_done),
    .protection_o(seq_protection)
  );

  // --- completions ----------------------------------------------------------------------------
  logic cq_idle, cnt_cq_full;

  tally_cq #(.NumClients(NumCpl)) u_cq (
    .clk_i, .rst_ni, .cycle_i,
    .enable_i(enable), .base_i(cq_base), .log2_i(cq_log2), .head_i(cq_head), .sq_head_i(sq_head),
    .cpl_valid_i(cpl_valid), .cpl_ready_o(cpl_ready), .cpl_data_i(cpl_data), .cpl_ep_i(cpl_ep),
    .cq_ok_o(cq_ok),
    .wr_cmd_valid_o(wr_cmd_valid[4]), .wr_cmd_ready_i(wr_cmd_ready[4]),
    .wr_cmd_addr_o(wr_cmd_addr[4*64 +: 64]), .wr_cmd_len_o(wr_cmd_len[4*13 +: 13]),
    .wr_data_valid_o(wr_data_valid[4]), .wr_data_ready_i(wr_data_ready[4]),
    .wr_data_o(wr_data[4*512 +: 512]), .full_o(cnt_cq_full), .idle_o(cq_idle)
  );

  // --- counters and idle ----------------------------------------------------------------------
  // Increments of the counters, three bits each, in register order (last register first).
  logic [NumCnt*3-1:0] increments;
  assign increments = {
    3'(cnt_cq_full),                                                       // CntCqFull
    3'(cnt_qp_error),                                                      // CntQpErrors
    3'(cnt_duplicate),                                                     // CntDuplicates
    3'(cnt_icrc_error),                                                    // CntIcrcErrors
    3'(cnt_ack_sent),                                                      // CntAcksSent
    3'(cnt_rnr_received),                                                  // CntRnrReceived
    3'(cnt_rnr_sent),                                                      // CntRnrSent
    3'(cnt_nak_received),                                                  // CntNakReceived
    3'(cnt_nak_sent),                                                      // CntNakSent
    3'(cnt_timeout),                                                       // CntTimeouts
    3'(cnt_read_retry),                                                    // CntReadRetries
    3'(cnt_retransmit),                                                    // CntRetransmits
    3'(cnt_probe),                                                         // CntProbes
    3'(cnt_cancelled),                                                     // CntCancelled
    3'(cnt_not_posted),                                                    // CntNotPosted
    3'(cnt_spill[3]),                                                      // CntSpillConflict
    3'(cnt_spill[2]),                                                      // CntSpillBounce
    3'(cnt_spill[1]),                                                      // CntSpillUnexpected
    3'(cnt_spill[0]),                                                      // CntSpillOrder
    3'(cnt_frame_dropped) + 3'(demux_dropped),                             // CntRxDropped
    3'(cnt_rendezvous),                                                    // CntRendezvous
    3'(m_axi_w_valid_o && m_axi_w_ready_i),                                // CntDmaWriteBeats
    3'(m_axi_r_valid_i && m_axi_r_ready_o),                                // CntDmaReadBeats
    3'(truncated[0]) + 3'(truncated[1]) + 3'(truncated[2]),                // CntTruncated
    3'(cmd_protection) + 3'(rx_protection[0]) + 3'(rx_protection[1]) + 3'(read_protection) +
      3'(seq_protection) + 3'(rd_error) + 3'(wr_error),                    // CntProtection
    3'(seq_done),                                                          // CntCollectives
    3'(seq_reduced_beat),                                                  // CntReducedBeats
    3'(cnt_unexpected),                                                    // CntUnexpected
    3'(cnt_match_unexpected),                                              // CntMatchUnexpected
    3'(cnt_match_posted),                                                  // CntMatchPosted
    3'(cnt_rx_beat),                                                       // CntRxBeats
    3'(cnt_tx_beat),                                                       // CntTxBeats
    3'(cnt_rx_frame),                                                      // CntRxPackets
    3'(cnt_tx_frame)                                                       // CntTxPackets
  };

  always_ff @(posedge clk_i) begin : p_counters
    if (!rst_ni) begin
      counters <= '0;
    end else if (increments != '0) begin
      for (int unsigned k = 0; k < NumCnt; k++) begin
        counters[k*32 +: 32] <= counters[k*32 +: 32] + 32'(increments[k*3 +: 3]);
      end
    end
  end

  assign quiet   = rd_idle && wr_idle && sq_idle == '1 && cmd_idle && match_idle && msg_tx_idle &&
                   receive_idle && seq_idle && cq_idle && transport_idle && flush_idle;

  // The clock may stop while nothing is under way, and also when all that is under way waits for an
  // input: no interface moved for some time, no bus access is open and no timer of the transport
  // runs.
  logic bus_open;
  assign moved = (m_axi_ar_valid_o && m_axi_ar_ready_i) || (m_axi_r_valid_i && m_axi_r_ready_o) ||
                 (m_axi_aw_valid_o && m_axi_aw_ready_i) || (m_axi_w_valid_o && m_axi_w_ready_i) ||
                 (m_axi_b_valid_i && m_axi_b_ready_o) || (m_axis_tvalid_o && m_axis_tready_i) ||
                 (s_axis_tvalid_i && s_axis_tready_o) || s_axil_b_valid_o || s_axil_r_valid_o ||
                 s_axil_aw_valid_i || s_axil_ar_valid_i || s_axi_aw_valid_i || s_axi_b_valid_o ||
                 // These work for long without an interface; what they end with is still to travel.
                 !match_idle || !transport_idle || !flush_idle || seq_working;
  assign bus_open = !rd_idle || !wr_idle || m_axis_tvalid_o;

  assign idle_o = up && !bus_open && !s_axil_b_valid_o && !s_axil_r_valid_o && !s_axi_b_valid_o &&
                  desc_valid == '0 && sq_tail_valid == '0 && !conn_valid && transport_idle &&
                  match_idle && !seq_working && flush_idle && (quiet || still);

  tally_pkg_check u_check ();

  // Two of the write acknowledgements, and the fields of a completion that are not looked at.
  logic unused;
  assign unused = ^{wr_done, tx_cqe, rd_last};
endmodule

`default_nettype wire

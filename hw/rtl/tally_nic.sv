// SPDX-License-Identifier: BSD-3-Clause
// Top of the offload engine: one endpoint between a host bus and a network.
//
// Interfaces: AXI4-Lite slave (registers, doorbells), AXI4 master (DMA, 512 bit), AXI4-Stream in and out (packets,
// 512 bit; the first beat is tally_pkg::wire_header_t). cycle_i is a free-running count of clock cycles that the shell
// supplies, so that the shell may stop the clock while idle_o is high and no input is pending; idle_o means that no
// state changes until an input comes (operations may still wait for packets).
// Wiring, counters and the loopback queue only; each unit's header tells its ordering, latency and storage.
`default_nettype none
`include "tally_assert.svh"

module tally_nic (
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
  localparam int unsigned NumRd    = 5;
  localparam int unsigned NumWr    = 4;
  localparam int unsigned NumCpl   = 6;
  localparam int unsigned NumCnt   = 15;
  localparam int unsigned PostedW  = 160;
  localparam int unsigned UnexpW   = 193;
  localparam int unsigned MatchedW = 417;
  localparam int unsigned ReadW    = 288;
  localparam int unsigned SlotBits = $clog2(tally_pkg::UnexpectedEntries);
  localparam int unsigned JobBits  = $clog2(tally_pkg::RendezvousJobs);
  // Two whole packets, so that a self message streams.
  localparam int unsigned LoopBeats = 2 * (tally_pkg::MtuBeats + 1);

  // --- registers ------------------------------------------------------------------------------
  logic                 control;
  logic [15:0]          node, nodes;
  logic [63:0]          sq_base, cq_base, bounce;
  logic [3:0]           sq_log2, cq_log2;
  logic                 ep_enable;
  logic [15:0]          cq_head, sq_head;
  logic                 sq_tail_valid, desc_valid, coll_abort_valid;
  logic [15:0]          sq_tail;
  logic [511:0]         desc;
  logic [31:0]          coll_abort;
  logic                 mr_wr_valid;
  logic [31:0]          mr_wr_key;
  logic [63:0]          mr_wr_base, mr_wr_len;
  logic                 sched_wr_valid;
  logic [15:0]          sched_wr_addr;
  logic [255:0]         sched_wr_data;
  logic                 enable, quiet, waiting;
  logic [NumCnt*32-1:0] counters;

  tally_axil_regs u_regs (
    .clk_i, .rst_ni,
    .s_axil_aw_valid_i, .s_axil_aw_ready_o, .s_axil_aw_addr_i,
    .s_axil_w_valid_i, .s_axil_w_ready_o, .s_axil_w_data_i,
    .s_axil_b_valid_o, .s_axil_b_ready_i, .s_axil_b_resp_o,
    .s_axil_ar_valid_i, .s_axil_ar_ready_o, .s_axil_ar_addr_i,
    .s_axil_r_valid_o, .s_axil_r_ready_i, .s_axil_r_data_o, .s_axil_r_resp_o,
    .control_o(control), .node_o(node), .nodes_o(nodes),
    .sq_base_o(sq_base), .sq_log2_o(sq_log2), .cq_base_o(cq_base), .cq_log2_o(cq_log2),
    .bounce_o(bounce), .ep_enable_o(ep_enable), .cq_head_o(cq_head),
    .sq_tail_valid_o(sq_tail_valid), .sq_tail_o(sq_tail),
    .desc_valid_o(desc_valid), .desc_o(desc),
    .coll_abort_valid_o(coll_abort_valid), .coll_abort_o(coll_abort),
    .mr_wr_valid_o(mr_wr_valid), .mr_wr_key_o(mr_wr_key),
    .mr_wr_base_o(mr_wr_base), .mr_wr_len_o(mr_wr_len),
    .sched_wr_valid_o(sched_wr_valid), .sched_wr_addr_o(sched_wr_addr),
    .sched_wr_data_o(sched_wr_data),
    .status_i({31'd0, quiet && !waiting}), .counters_i(counters)
  );

  assign enable = control && ep_enable;

  // --- memory regions -------------------------------------------------------------------------
  logic [31:0] mra_key, mrb_key, mrc_key, mra_len, mrb_len, mrc_len;
  logic [63:0] mra_addr, mrb_addr, mrc_addr;
  logic        mra_ok, mrb_ok, mrc_ok;

  tally_mr u_mr (
    .clk_i, .rst_ni,
    .wr_valid_i(mr_wr_valid), .wr_key_i(mr_wr_key), .wr_base_i(mr_wr_base), .wr_len_i(mr_wr_len),
    .a_key_i(mra_key), .a_addr_i(mra_addr), .a_len_i(mra_len), .a_ok_o(mra_ok),
    .b_key_i(mrb_key), .b_addr_i(mrb_addr), .b_len_i(mrb_len), .b_ok_o(mrb_ok),
    .c_key_i(mrc_key), .c_addr_i(mrc_addr), .c_len_i(mrc_len), .c_ok_o(mrc_ok)
  );

  // --- DMA ------------------------------------------------------------------------------------
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
    .axi_r_data_i(m_axi_r_data_i), .axi_r_resp_i(m_axi_r_resp_i),
    .axi_r_last_i(m_axi_r_last_i),
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
    .axi_b_resp_i(m_axi_b_resp_i),
    .idle_o(wr_idle), .error_o(wr_error)
  );

  assign m_axi_ar_size_o  = 3'd6;   // 64 bytes
  assign m_axi_ar_burst_o = 2'b01;  // INCR
  assign m_axi_aw_size_o  = 3'd6;
  assign m_axi_aw_burst_o = 2'b01;

  // --- submission -----------------------------------------------------------------------------
  logic         sq_valid, sq_ready, sq_idle;
  logic [511:0] sq_desc;
  logic [31:0]  sq_arrival;

  tally_sq u_sq (
    .clk_i, .rst_ni, .cycle_i,
    .enable_i(enable), .base_i(sq_base), .log2_i(sq_log2),
    .tail_valid_i(sq_tail_valid), .tail_i(sq_tail), .desc_valid_i(desc_valid), .desc_i(desc),
    .rd_cmd_valid_o(rd_cmd_valid[0]), .rd_cmd_ready_i(rd_cmd_ready[0]),
    .rd_cmd_addr_o(rd_cmd_addr[0 +: 64]), .rd_cmd_len_o(rd_cmd_len[0 +: 13]),
    .rd_data_valid_i(rd_data_valid[0]), .rd_data_i(rd_data),
    .out_valid_o(sq_valid), .out_ready_i(sq_ready), .out_desc_o(sq_desc),
    .out_arrival_o(sq_arrival),
    .head_o(sq_head), .idle_o(sq_idle)
  );

  // --- command decode -------------------------------------------------------------------------
  logic                send_valid, send_ready, coll_valid, coll_ready;
  logic [511:0]        send_desc, coll_desc;
  logic [31:0]         send_arrival, coll_arrival;
  logic                post_valid, post_ready, post_done, post_hit, post_full;
  logic [15:0]         post_context, post_source, post_hit_source;
  logic [31:0]         post_tag, post_hit_tag;
  logic                post_any_source, post_any_tag;
  logic [PostedW-1:0]  post_payload;
  logic [UnexpW-1:0]   post_unexp_payload;
  logic [SlotBits-1:0] post_slot;
  logic                copy_valid, copy_ready, crndv_valid, crndv_ready, free_valid, free_ready;
  logic [MatchedW-1:0] copy_matched, crndv_matched;
  logic [SlotBits-1:0] copy_slot, free_slot;
  logic                cmd_idle, cnt_match_unexpected, cmd_protection;

  logic [NumCpl-1:0]     cpl_valid, cpl_ready;
  logic [NumCpl*256-1:0] cpl_data;

  tally_cmd u_cmd (
    .clk_i, .rst_ni, .nodes_i(nodes),
    .in_valid_i(sq_valid), .in_ready_o(sq_ready), .in_desc_i(sq_desc), .in_arrival_i(sq_arrival),
    .mr_key_o(mra_key), .mr_addr_o(mra_addr), .mr_len_o(mra_len), .mr_ok_i(mra_ok),
    .send_valid_o(send_valid), .send_ready_i(send_ready), .send_desc_o(send_desc),
    .send_arrival_o(send_arrival),
    .post_valid_o(post_valid), .post_ready_i(post_ready), .post_context_o(post_context),
    .post_source_o(post_source), .post_tag_o(post_tag), .post_any_source_o(post_any_source),
    .post_any_tag_o(post_any_tag), .post_payload_o(post_payload),
    .post_done_i(post_done), .post_hit_i(post_hit), .post_full_i(post_full),
    .post_source_i(post_hit_source), .post_tag_i(post_hit_tag),
    .post_unexp_payload_i(post_unexp_payload), .post_slot_i(post_slot),
    .coll_valid_o(coll_valid), .coll_ready_i(coll_ready), .coll_desc_o(coll_desc),
    .coll_arrival_o(coll_arrival),
    .copy_valid_o(copy_valid), .copy_ready_i(copy_ready), .copy_matched_o(copy_matched),
    .copy_slot_o(copy_slot),
    .rndv_valid_o(crndv_valid), .rndv_ready_i(crndv_ready), .rndv_matched_o(crndv_matched),
    .free_valid_o(free_valid), .free_ready_i(free_ready), .free_slot_o(free_slot),
    .cpl_valid_o(cpl_valid[0]), .cpl_ready_i(cpl_ready[0]), .cpl_data_o(cpl_data[0 +: 256]),
    .match_unexpected_o(cnt_match_unexpected), .protection_o(cmd_protection), .idle_o(cmd_idle)
  );

  // --- match unit -----------------------------------------------------------------------------
  logic                arr_valid, arr_ready, arr_done, arr_hit, arr_full;
  logic [15:0]         arr_context, arr_source;
  logic [31:0]         arr_tag;
  logic [UnexpW-1:0]   arr_payload;
  logic [PostedW-1:0]  arr_posted_payload;
  logic [SlotBits-1:0] arr_slot, slot_free;
  logic                slot_free_valid;
  logic [$clog2(tally_pkg::PostedEntries+1)-1:0]     posted_level;
  logic [$clog2(tally_pkg::UnexpectedEntries+1)-1:0] unexp_level;

  tally_match #(.PostedW(PostedW), .UnexpW(UnexpW)) u_match (
    .clk_i, .rst_ni,
    .post_valid_i(post_valid), .post_ready_o(post_ready), .post_context_i(post_context),
    .post_source_i(post_source), .post_tag_i(post_tag), .post_any_source_i(post_any_source),
    .post_any_tag_i(post_any_tag), .post_payload_i(post_payload),
    .post_done_o(post_done), .post_hit_o(post_hit), .post_full_o(post_full),
    .post_source_o(post_hit_source), .post_tag_o(post_hit_tag),
    .post_unexp_payload_o(post_unexp_payload), .post_slot_o(post_slot),
    .arr_valid_i(arr_valid), .arr_ready_o(arr_ready), .arr_context_i(arr_context),
    .arr_source_i(arr_source), .arr_tag_i(arr_tag), .arr_payload_i(arr_payload),
    .arr_done_o(arr_done), .arr_hit_o(arr_hit), .arr_full_o(arr_full),
    .arr_posted_payload_o(arr_posted_payload), .arr_slot_o(arr_slot),
    .slot_free_valid_i(slot_free_valid), .slot_free_i(slot_free),
    .posted_level_o(posted_level), .unexp_level_o(unexp_level)
  );

  // --- message path ---------------------------------------------------------------------------
  logic                rx_valid, rx_ready, seq_rx_valid, seq_rx_ready;
  logic [511:0]        rx_data;
  logic                rx_last;
  logic                read_valid, read_ready;
  logic [ReadW-1:0]    read_data;
  logic                req_valid, req_ready, credit_valid, credit_ready;
  logic [511:0]        req_data, credit_data;
  logic                rrndv_valid, rrndv_ready;
  logic [MatchedW-1:0] rrndv_matched;
  logic [JobBits-1:0]  job_index;
  logic                job_valid, job_end_valid, job_end_ready, job_end_nak;
  logic [15:0]         job_source;
  logic [63:0]         job_addr;
  logic [31:0]         job_want;
  logic                bounce_done_valid;
  logic [SlotBits-1:0] bounce_done_slot;
  logic                rxc_valid, rndvc_valid, copyc_valid;
  logic [15:0]         rxc_peer, rndvc_peer, copyc_peer;
  logic [1:0]          tx_valid, tx_ready, tx_last;
  logic [1023:0]       tx_data;
  logic                msg_tx_idle, msg_rx_idle, rndv_idle, rndv_waiting, copy_idle, credit_idle;
  logic                tx_protection, cnt_match_posted, cnt_unexpected, rx_truncated, rx_dropped;
  logic                rndv_truncated, cnt_rendezvous, copy_truncated;

  tally_msg_tx u_msg_tx (
    .clk_i, .rst_ni,
    .send_valid_i(send_valid), .send_ready_o(send_ready), .send_desc_i(send_desc),
    .send_arrival_i(send_arrival),
    .read_valid_i(read_valid), .read_ready_o(read_ready), .read_data_i(read_data),
    .req_valid_i(req_valid), .req_ready_o(req_ready), .req_data_i(req_data),
    .credit_valid_i(credit_valid), .credit_ready_o(credit_ready), .credit_data_i(credit_data),
    .mr_key_o(mrb_key), .mr_addr_o(mrb_addr), .mr_len_o(mrb_len), .mr_ok_i(mrb_ok),
    .rd_cmd_valid_o(rd_cmd_valid[1]), .rd_cmd_ready_i(rd_cmd_ready[1]),
    .rd_cmd_addr_o(rd_cmd_addr[64 +: 64]), .rd_cmd_len_o(rd_cmd_len[13 +: 13]),
    .rd_data_valid_i(rd_data_valid[1]), .rd_data_i(rd_data), .rd_data_last_i(rd_last),
    .tx_valid_o(tx_valid[0]), .tx_ready_i(tx_ready[0]), .tx_data_o(tx_data[0 +: 512]),
    .tx_last_o(tx_last[0]),
    .cpl_valid_o(cpl_valid[1]), .cpl_ready_i(cpl_ready[1]), .cpl_data_o(cpl_data[256 +: 256]),
    .protection_o(tx_protection), .idle_o(msg_tx_idle)
  );

  tally_msg_rx u_msg_rx (
    .clk_i, .rst_ni, .bounce_i(bounce),
    .rx_valid_i(rx_valid), .rx_ready_o(rx_ready), .rx_data_i(rx_data), .rx_last_i(rx_last),
    .arr_valid_o(arr_valid), .arr_ready_i(arr_ready), .arr_context_o(arr_context),
    .arr_source_o(arr_source), .arr_tag_o(arr_tag), .arr_payload_o(arr_payload),
    .arr_done_i(arr_done), .arr_hit_i(arr_hit), .arr_full_i(arr_full),
    .arr_posted_payload_i(arr_posted_payload), .arr_slot_i(arr_slot),
    .rndv_valid_o(rrndv_valid), .rndv_ready_i(rrndv_ready), .rndv_matched_o(rrndv_matched),
    .job_index_o(job_index), .job_valid_i(job_valid), .job_source_i(job_source),
    .job_addr_i(job_addr), .job_want_i(job_want),
    .job_end_valid_o(job_end_valid), .job_end_ready_i(job_end_ready), .job_end_nak_o(job_end_nak),
    .read_valid_o(read_valid), .read_ready_i(read_ready), .read_data_o(read_data),
    .wr_cmd_valid_o(wr_cmd_valid[0]), .wr_cmd_ready_i(wr_cmd_ready[0]),
    .wr_cmd_addr_o(wr_cmd_addr[0 +: 64]), .wr_cmd_len_o(wr_cmd_len[0 +: 13]),
    .wr_data_valid_o(wr_data_valid[0]), .wr_data_ready_i(wr_data_ready[0]),
    .wr_data_o(wr_data[0 +: 512]), .wr_done_i(wr_done[0]),
    .bounce_done_valid_o(bounce_done_valid), .bounce_done_slot_o(bounce_done_slot),
    .credit_valid_o(rxc_valid), .credit_peer_o(rxc_peer),
    .cpl_valid_o(cpl_valid[2]), .cpl_ready_i(cpl_ready[2]), .cpl_data_o(cpl_data[512 +: 256]),
    .match_posted_o(cnt_match_posted), .unexpected_o(cnt_unexpected), .truncated_o(rx_truncated),
    .dropped_o(rx_dropped), .idle_o(msg_rx_idle)
  );

  tally_rndv u_rndv (
    .clk_i, .rst_ni,
    .rx_valid_i(rrndv_valid), .rx_ready_o(rrndv_ready), .rx_matched_i(rrndv_matched),
    .cmd_valid_i(crndv_valid), .cmd_ready_o(crndv_ready), .cmd_matched_i(crndv_matched),
    .job_index_i(job_index), .job_valid_o(job_valid), .job_source_o(job_source),
    .job_addr_o(job_addr), .job_want_o(job_want),
    .job_end_valid_i(job_end_valid), .job_end_ready_o(job_end_ready), .job_end_nak_i(job_end_nak),
    .req_valid_o(req_valid), .req_ready_i(req_ready), .req_data_o(req_data),
    .credit_valid_o(rndvc_valid), .credit_peer_o(rndvc_peer),
    .cpl_valid_o(cpl_valid[3]), .cpl_ready_i(cpl_ready[3]), .cpl_data_o(cpl_data[768 +: 256]),
    .truncated_o(rndv_truncated), .rendezvous_o(cnt_rendezvous), .idle_o(rndv_idle),
    .waiting_o(rndv_waiting)
  );

  tally_copy u_copy (
    .clk_i, .rst_ni, .bounce_i(bounce),
    .job_valid_i(copy_valid), .job_ready_o(copy_ready), .job_matched_i(copy_matched),
    .job_slot_i(copy_slot),
    .bounce_done_valid_i(bounce_done_valid), .bounce_done_slot_i(bounce_done_slot),
    .free_valid_i(free_valid), .free_ready_o(free_ready), .free_slot_i(free_slot),
    .slot_free_valid_o(slot_free_valid), .slot_free_o(slot_free),
    .rd_cmd_valid_o(rd_cmd_valid[2]), .rd_cmd_ready_i(rd_cmd_ready[2]),
    .rd_cmd_addr_o(rd_cmd_addr[128 +: 64]), .rd_cmd_len_o(rd_cmd_len[26 +: 13]),
    .rd_data_valid_i(rd_data_valid[2]), .rd_data_i(rd_data),
    .wr_cmd_valid_o(wr_cmd_valid[1]), .wr_cmd_ready_i(wr_cmd_ready[1]),
    .wr_cmd_addr_o(wr_cmd_addr[64 +: 64]), .wr_cmd_len_o(wr_cmd_len[13 +: 13]),
    .wr_data_valid_o(wr_data_valid[1]), .wr_data_ready_i(wr_data_ready[1]),
    .wr_data_o(wr_data[512 +: 512]),
    .credit_valid_o(copyc_valid), .credit_peer_o(copyc_peer),
    .cpl_valid_o(cpl_valid[4]), .cpl_ready_i(cpl_ready[4]), .cpl_data_o(cpl_data[1024 +: 256]),
    .truncated_o(copy_truncated), .idle_o(copy_idle)
  );

  tally_credit u_credit (
    .clk_i, .rst_ni,
    .rx_valid_i(rxc_valid), .rx_peer_i(rxc_peer),
    .rndv_valid_i(rndvc_valid), .rndv_peer_i(rndvc_peer),
    .copy_valid_i(copyc_valid), .copy_peer_i(copyc_peer),
    .out_valid_o(credit_valid), .out_ready_i(credit_ready), .out_data_o(credit_data),
    .idle_o(credit_idle)
  );

  // --- collectives ----------------------------------------------------------------------------
  logic seq_idle, seq_reduced_beat, seq_done, seq_protection;

  tally_seq u_seq (
    .clk_i, .rst_ni, .node_i(node), .ep_enable_i(enable),
    .cmd_valid_i(coll_valid), .cmd_ready_o(coll_ready), .cmd_desc_i(coll_desc),
    .cmd_arrival_i(coll_arrival),
    .sched_wr_valid_i(sched_wr_valid), .sched_wr_addr_i(sched_wr_addr),
    .sched_wr_data_i(sched_wr_data),
    .rx_valid_i(seq_rx_valid), .rx_ready_o(seq_rx_ready), .rx_data_i(rx_data),
    .rx_last_i(rx_last),
    .tx_valid_o(tx_valid[1]), .tx_ready_i(tx_ready[1]), .tx_data_o(tx_data[512 +: 512]),
    .tx_last_o(tx_last[1]),
    .rda_cmd_valid_o(rd_cmd_valid[3]), .rda_cmd_ready_i(rd_cmd_ready[3]),
    .rda_cmd_addr_o(rd_cmd_addr[192 +: 64]), .rda_cmd_len_o(rd_cmd_len[39 +: 13]),
    .rda_data_valid_i(rd_data_valid[3]), .rda_data_i(rd_data), .rda_data_last_i(rd_last),
    .rdb_cmd_valid_o(rd_cmd_valid[4]), .rdb_cmd_ready_i(rd_cmd_ready[4]),
    .rdb_cmd_addr_o(rd_cmd_addr[256 +: 64]), .rdb_cmd_len_o(rd_cmd_len[52 +: 13]),
    .rdb_data_valid_i(rd_data_valid[4]), .rdb_data_i(rd_data), .rdb_data_last_i(rd_last),
    .wr_cmd_valid_o(wr_cmd_valid[2]), .wr_cmd_ready_i(wr_cmd_ready[2]),
    .wr_cmd_addr_o(wr_cmd_addr[128 +: 64]), .wr_cmd_len_o(wr_cmd_len[26 +: 13]),
    .wr_data_valid_o(wr_data_valid[2]), .wr_data_ready_i(wr_data_ready[2]),
    .wr_data_o(wr_data[1024 +: 512]), .wr_done_i(wr_done[2]),
    .mr_key_o(mrc_key), .mr_addr_o(mrc_addr), .mr_len_o(mrc_len), .mr_ok_i(mrc_ok),
    .cpl_valid_o(cpl_valid[5]), .cpl_ready_i(cpl_ready[5]), .cpl_data_o(cpl_data[1280 +: 256]),
    .abort_valid_i(coll_abort_valid), .abort_i(coll_abort),
    .idle_o(seq_idle),
    .reduced_beat_o(seq_reduced_beat), .collective_done_o(seq_done),
    .protection_o(seq_protection)
  );

  // --- completions ----------------------------------------------------------------------------
  logic cq_idle;

  tally_cq #(.NumClients(NumCpl)) u_cq (
    .clk_i, .rst_ni, .cycle_i,
    .enable_i(enable), .base_i(cq_base), .log2_i(cq_log2), .head_i(cq_head), .sq_head_i(sq_head),
    .cpl_valid_i(cpl_valid), .cpl_ready_o(cpl_ready), .cpl_data_i(cpl_data),
    .wr_cmd_valid_o(wr_cmd_valid[3]), .wr_cmd_ready_i(wr_cmd_ready[3]),
    .wr_cmd_addr_o(wr_cmd_addr[192 +: 64]), .wr_cmd_len_o(wr_cmd_len[39 +: 13]),
    .wr_data_valid_o(wr_data_valid[3]), .wr_data_ready_i(wr_data_ready[3]),
    .wr_data_o(wr_data[1536 +: 512]), .idle_o(cq_idle)
  );

  // --- network --------------------------------------------------------------------------------
  logic         loop_in_valid, loop_in_ready, loop_in_last, loop_valid, loop_ready, loop_last;
  logic [511:0] loop_in_data, loop_data;
  logic [1:0]   nrx_ready, nrx_out_valid;
  logic [$clog2(LoopBeats+1)-1:0] loop_level;
  logic         cnt_tx_packet, cnt_tx_beat, cnt_rx_packet, cnt_rx_beat, nrx_dropped;
  logic         ntx_idle, nrx_idle;

  tally_net_tx #(.NumClients(2)) u_net_tx (
    .clk_i, .rst_ni, .node_i(node),
    .in_valid_i(tx_valid), .in_ready_o(tx_ready), .in_data_i(tx_data), .in_last_i(tx_last),
    .net_valid_o(m_axis_tvalid_o), .net_ready_i(m_axis_tready_i), .net_data_o(m_axis_tdata_o),
    .net_keep_o(m_axis_tkeep_o), .net_last_o(m_axis_tlast_o),
    .loop_valid_o(loop_in_valid), .loop_ready_i(loop_in_ready), .loop_data_o(loop_in_data),
    .loop_last_o(loop_in_last),
    .packet_o(cnt_tx_packet), .beat_o(cnt_tx_beat), .idle_o(ntx_idle)
  );

  tally_fifo #(.Width(513), .Depth(LoopBeats)) u_loop (
    .clk_i, .rst_ni,
    .in_valid_i(loop_in_valid), .in_ready_o(loop_in_ready),
    .in_data_i({loop_in_last, loop_in_data}),
    .out_valid_o(loop_valid), .out_ready_i(loop_ready), .out_data_o({loop_last, loop_data}),
    .level_o(loop_level)
  );

  tally_net_rx u_net_rx (
    .clk_i, .rst_ni, .node_i(node), .nodes_i(nodes),
    .in_valid_i({loop_valid, s_axis_tvalid_i && enable}), .in_ready_o(nrx_ready),
    .in_data_i({loop_data, s_axis_tdata_i}), .in_last_i({loop_last, s_axis_tlast_i}),
    .out_valid_o(nrx_out_valid), .out_ready_i({seq_rx_ready, rx_ready}), .out_data_o(rx_data),
    .out_last_o(rx_last),
    .packet_o(cnt_rx_packet), .beat_o(cnt_rx_beat), .dropped_o(nrx_dropped), .idle_o(nrx_idle)
  );

  assign s_axis_tready_o = nrx_ready[0] && enable;
  assign loop_ready      = nrx_ready[1];
  assign rx_valid        = nrx_out_valid[0];
  assign seq_rx_valid    = nrx_out_valid[1];

  // --- counters and idle ----------------------------------------------------------------------
  // Increments of the counters, three bits each, in register order.
  logic [NumCnt*3-1:0] increments;
  assign increments = {
    3'(nrx_dropped) + 3'(rx_dropped),                                      // CntRxDropped
    3'(cnt_rendezvous),                                                    // CntRendezvous
    3'(m_axi_w_valid_o && m_axi_w_ready_i),                                // CntDmaWriteBeats
    3'(m_axi_r_valid_i && m_axi_r_ready_o),                                // CntDmaReadBeats
    3'(rx_truncated) + 3'(rndv_truncated) + 3'(copy_truncated),            // CntTruncated
    3'(cmd_protection) + 3'(tx_protection) + 3'(seq_protection) + 3'(rd_error) + 3'(wr_error),
    3'(seq_done),                                                          // CntCollectives
    3'(seq_reduced_beat),                                                  // CntReducedBeats
    3'(cnt_unexpected),                                                    // CntUnexpected
    3'(cnt_match_unexpected),                                              // CntMatchUnexpected
    3'(cnt_match_posted),                                                  // CntMatchPosted
    3'(cnt_rx_beat),                                                       // CntRxBeats
    3'(cnt_tx_beat),                                                       // CntTxBeats
    3'(cnt_rx_packet),                                                     // CntRxPackets
    3'(cnt_tx_packet)                                                      // CntTxPackets
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

  assign quiet   = rd_idle && wr_idle && sq_idle && cmd_idle && msg_tx_idle && msg_rx_idle &&
                   rndv_idle && copy_idle && credit_idle && seq_idle && cq_idle && ntx_idle &&
                   nrx_idle && !loop_valid;
  assign waiting = rndv_waiting;

  // Clock gating. An operation that waits for a packet keeps its unit busy, but nothing changes until
  // an input comes: that is so when no interface moved for SettleCycles (the longest way inside, a packet
  // through the loopback queue and all of the sequencer's scan, is shorter) and no bus access is open.
  localparam int unsigned SettleCycles = 255;
  logic [7:0] still_q;
  logic       moved, bus_open;
  assign moved = (m_axi_ar_valid_o && m_axi_ar_ready_i) || (m_axi_r_valid_i && m_axi_r_ready_o) ||
                 (m_axi_aw_valid_o && m_axi_aw_ready_i) || (m_axi_w_valid_o && m_axi_w_ready_i) ||
                 (m_axi_b_valid_i && m_axi_b_ready_o) || (m_axis_tvalid_o && m_axis_tready_i) ||
                 (s_axis_tvalid_i && s_axis_tready_o) || s_axil_b_valid_o || s_axil_r_valid_o ||
                 s_axil_aw_valid_i || s_axil_ar_valid_i;
  assign bus_open = !rd_idle || !wr_idle || m_axis_tvalid_o;

  always_ff @(posedge clk_i) begin : p_still
    if (!rst_ni || moved) still_q <= '0;
    else if (still_q != 8'(SettleCycles)) still_q <= still_q + 8'd1;
  end

  assign idle_o = !bus_open && !s_axil_b_valid_o && !s_axil_r_valid_o && !desc_valid &&
                  !sq_tail_valid && (quiet || still_q == 8'(SettleCycles));

  tally_pkg_check u_check ();

  // Packets carry their length in the header; levels and two of the write acknowledgements serve tests.
  logic unused;
  assign unused = ^{s_axis_tkeep_i, posted_level, unexp_level, loop_level, wr_done};
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Test bench top: the message path of one device (command decoder, match unit, DMA masters, completion ring)
// with its network stream, memory bus and descriptor stream open to the test.
`default_nettype none
`include "tally_assert.svh"

module tally_message_bench (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic [31:0]  cycle_i,
  input  wire logic [15:0]  nodes_i,
  input  wire logic [63:0]  bounce_i,
  input  wire logic [63:0]  cq_base_i,
  input  wire logic [3:0]   cq_log2_i,
  input  wire logic [15:0]  cq_head_i,

  input  wire logic         mr_wr_valid_i,
  input  wire logic [31:0]  mr_wr_key_i,
  input  wire logic [63:0]  mr_wr_base_i,
  input  wire logic [63:0]  mr_wr_len_i,

  input  wire logic         desc_valid_i,
  output      logic         desc_ready_o,
  input  wire logic [511:0] desc_i,

  output      logic         coll_valid_o,
  input  wire logic         coll_ready_i,
  output      logic [511:0] coll_desc_o,

  output      logic         tx_valid_o,
  input  wire logic         tx_ready_i,
  output      logic [511:0] tx_data_o,
  output      logic         tx_last_o,
  input  wire logic         rx_valid_i,
  output      logic         rx_ready_o,
  input  wire logic [511:0] rx_data_i,
  input  wire logic         rx_last_i,

  output      logic         ar_valid_o,
  input  wire logic         ar_ready_i,
  output      logic [63:0]  ar_addr_o,
  output      logic [7:0]   ar_len_o,
  input  wire logic         r_valid_i,
  output      logic         r_ready_o,
  input  wire logic [511:0] r_data_i,
  input  wire logic         r_last_i,
  output      logic         aw_valid_o,
  input  wire logic         aw_ready_i,
  output      logic [63:0]  aw_addr_o,
  output      logic [7:0]   aw_len_o,
  output      logic         w_valid_o,
  input  wire logic         w_ready_i,
  output      logic [511:0] w_data_o,
  output      logic [63:0]  w_strb_o,
  output      logic         w_last_o,
  input  wire logic         b_valid_i,
  output      logic         b_ready_o,

  // pulses: match_posted, match_unexpected, unexpected, truncated (3), protection (2), rendezvous, dropped
  output      logic         match_posted_o,
  output      logic         match_unexpected_o,
  output      logic         unexpected_o,
  output      logic [2:0]   truncated_o,
  output      logic [1:0]   protection_o,
  output      logic         rendezvous_o,
  output      logic         dropped_o,
  output      logic         unanswered_o,  // rendezvous that wait for a peer
  output      logic         idle_o
);
  localparam int unsigned PostedW  = 160;
  localparam int unsigned UnexpW   = 193;
  localparam int unsigned MatchedW = 417;
  localparam int unsigned SlotBits = $clog2(tally_pkg::UnexpectedEntries);
  localparam int unsigned JobBits  = $clog2(tally_pkg::RendezvousJobs);

  // --- memory bus -----------------------------------------------------------------------------
  logic [4:0]      rd_cmd_valid, rd_cmd_ready, rd_data_valid;
  logic [5*64-1:0] rd_cmd_addr;
  logic [5*13-1:0] rd_cmd_len;
  logic [511:0]    rd_data;
  logic            rd_last, rd_idle, rd_error;
  assign rd_cmd_valid[0]         = 1'b0;
  assign rd_cmd_addr[0 +: 64]    = '0;
  assign rd_cmd_len[0 +: 13]     = '0;
  assign rd_cmd_valid[4:3]       = '0;
  assign rd_cmd_addr[192 +: 128] = '0;
  assign rd_cmd_len[39 +: 26]    = '0;

  tally_dma_rd #(.NumClients(5)) u_rd (
    .clk_i, .rst_ni,
    .cmd_valid_i(rd_cmd_valid), .cmd_ready_o(rd_cmd_ready), .cmd_addr_i(rd_cmd_addr), .cmd_len_i(rd_cmd_len),
    .data_valid_o(rd_data_valid), .data_o(rd_data), .data_last_o(rd_last),
    .axi_ar_valid_o(ar_valid_o), .axi_ar_ready_i(ar_ready_i), .axi_ar_addr_o(ar_addr_o),
    .axi_ar_len_o(ar_len_o), .axi_r_valid_i(r_valid_i), .axi_r_ready_o(r_ready_o),
    .axi_r_data_i(r_data_i), .axi_r_resp_i(2'd0), .axi_r_last_i(r_last_i),
    .idle_o(rd_idle), .error_o(rd_error)
  );

  logic [3:0]       wr_cmd_valid, wr_cmd_ready, wr_data_valid, wr_data_ready, wr_done;
  logic [4*64-1:0]  wr_cmd_addr;
  logic [4*13-1:0]  wr_cmd_len;
  logic [4*512-1:0] wr_data;
  logic             wr_idle, wr_error;
  assign wr_cmd_valid[2]        = 1'b0;
  assign wr_cmd_addr[128 +: 64] = '0;
  assign wr_cmd_len[26 +: 13]   = '0;
  assign wr_data_valid[2]       = 1'b0;
  assign wr_data[1024 +: 512]   = '0;

  tally_dma_wr #(.NumClients(4)) u_wr (
    .clk_i, .rst_ni,
    .cmd_valid_i(wr_cmd_valid), .cmd_ready_o(wr_cmd_ready), .cmd_addr_i(wr_cmd_addr), .cmd_len_i(wr_cmd_len),
    .data_valid_i(wr_data_valid), .data_ready_o(wr_data_ready), .data_i(wr_data), .done_o(wr_done),
    .axi_aw_valid_o(aw_valid_o), .axi_aw_ready_i(aw_ready_i), .axi_aw_addr_o(aw_addr_o),
    .axi_aw_len_o(aw_len_o), .axi_w_valid_o(w_valid_o), .axi_w_ready_i(w_ready_i),
    .axi_w_data_o(w_data_o), .axi_w_strb_o(w_strb_o), .axi_w_last_o(w_last_o),
    .axi_b_valid_i(b_valid_i), .axi_b_ready_o(b_ready_o), .axi_b_resp_i(2'd0),
    .idle_o(wr_idle), .error_o(wr_error)
  );

  // --- regions --------------------------------------------------------------------------------
  logic [31:0] mra_key, mra_len, mrb_key, mrb_len;
  logic [63:0] mra_addr, mrb_addr;
  logic        mra_ok, mrb_ok, unused_c_ok;
  tally_mr u_mr (
    .clk_i, .rst_ni,
    .wr_valid_i(mr_wr_valid_i), .wr_key_i(mr_wr_key_i), .wr_base_i(mr_wr_base_i), .wr_len_i(mr_wr_len_i),
    .a_key_i(mra_key), .a_addr_i(mra_addr), .a_len_i(mra_len), .a_ok_o(mra_ok),
    .b_key_i(mrb_key), .b_addr_i(mrb_addr), .b_len_i(mrb_len), .b_ok_o(mrb_ok),
    .c_key_i('0), .c_addr_i('0), .c_len_i('0), .c_ok_o(unused_c_ok)
  );

  // --- commands and matching ------------------------------------------------------------------
  logic                send_valid, send_ready, post_valid, post_ready, post_any_source, post_any_tag;
  logic                post_done, post_hit, post_full, cmd_idle;
  logic [511:0]        send_desc;
  logic [31:0]         send_arrival, post_tag, hit_tag, unused_coll_arrival;
  logic [15:0]         post_context, post_source, hit_source;
  logic [PostedW-1:0]  post_payload, posted_payload;
  logic [UnexpW-1:0]   unexp_payload, arr_payload;
  logic [SlotBits-1:0] post_slot, arr_slot, copy_slot, free_slot, slot_free, bounce_slot;
  logic                copy_valid, copy_ready, crndv_valid, crndv_ready, free_valid, free_ready;
  logic [MatchedW-1:0] copy_matched, crndv_matched, rrndv_matched;
  logic [4:0]          cpl_valid, cpl_ready;
  logic [5*256-1:0]    cpl_data;
  logic                arr_valid, arr_ready, arr_done, arr_hit, arr_full, slot_free_valid, bounce_done;
  logic [15:0]         arr_context, arr_source;
  logic [31:0]         arr_tag;
  logic [6:0]          unused_posted_level, unused_unexp_level;

  tally_cmd u_cmd (
    .clk_i, .rst_ni, .nodes_i,
    .in_valid_i(desc_valid_i), .in_ready_o(desc_ready_o), .in_desc_i(desc_i), .in_arrival_i(cycle_i),
    .mr_key_o(mra_key), .mr_addr_o(mra_addr), .mr_len_o(mra_len), .mr_ok_i(mra_ok),
    .send_valid_o(send_valid), .send_ready_i(send_ready), .send_desc_o(send_desc),
    .send_arrival_o(send_arrival),
    .post_valid_o(post_valid), .post_ready_i(post_ready), .post_context_o(post_context),
    .post_source_o(post_source), .post_tag_o(post_tag), .post_any_source_o(post_any_source),
    .post_any_tag_o(post_any_tag), .post_payload_o(post_payload),
    .post_done_i(post_done), .post_hit_i(post_hit), .post_full_i(post_full),
    .post_source_i(hit_source), .post_tag_i(hit_tag), .post_unexp_payload_i(unexp_payload),
    .post_slot_i(post_slot),
    .coll_valid_o, .coll_ready_i, .coll_desc_o, .coll_arrival_o(unused_coll_arrival),
    .copy_valid_o(copy_valid), .copy_ready_i(copy_ready), .copy_matched_o(copy_matched),
    .copy_slot_o(copy_slot),
    .rndv_valid_o(crndv_valid), .rndv_ready_i(crndv_ready), .rndv_matched_o(crndv_matched),
    .free_valid_o(free_valid), .free_ready_i(free_ready), .free_slot_o(free_slot),
    .cpl_valid_o(cpl_valid[0]), .cpl_ready_i(cpl_ready[0]), .cpl_data_o(cpl_data[0 +: 256]),
    .match_unexpected_o, .protection_o(protection_o[0]), .idle_o(cmd_idle)
  );

  tally_match #(.PostedW(PostedW), .UnexpW(UnexpW)) u_match (
    .clk_i, .rst_ni,
    .post_valid_i(post_valid), .post_ready_o(post_ready), .post_context_i(post_context),
    .post_source_i(post_source), .post_tag_i(post_tag), .post_any_source_i(post_any_source),
    .post_any_tag_i(post_any_tag), .post_payload_i(post_payload),
    .arr_valid_i(arr_valid), .arr_ready_o(arr_ready), .arr_context_i(arr_context),
    .arr_source_i(arr_source), .arr_tag_i(arr_tag), .arr_payload_i(arr_payload),
    .post_done_o(post_done), .post_hit_o(post_hit), .post_full_o(post_full),
    .post_source_o(hit_source), .post_tag_o(hit_tag), .post_unexp_payload_o(unexp_payload),
    .post_slot_o(post_slot),
    .arr_done_o(arr_done), .arr_hit_o(arr_hit), .arr_full_o(arr_full),
    .arr_posted_payload_o(posted_payload), .arr_slot_o(arr_slot),
    .slot_free_valid_i(slot_free_valid), .slot_free_i(slot_free),
    .posted_level_o(unused_posted_level), .unexp_level_o(unused_unexp_level)
  );

  // --- the path -------------------------------------------------------------------------------
  logic               read_valid, read_ready, req_valid, req_ready, credit_valid, credit_ready;
  logic [287:0]       read_data;
  logic [511:0]       req_data, credit_data;
  logic               tx_idle, rx_idle, rndv_idle, copy_idle, credit_idle, cq_idle;
  logic               rrndv_valid, rrndv_ready, job_valid, job_end_valid, job_end_ready, job_end_nak;
  logic [JobBits-1:0] job_index;
  logic [15:0]        job_source, rxc_peer, rndvc_peer, copyc_peer;
  logic [63:0]        job_addr;
  logic [31:0]        job_want;
  logic               rxc_valid, rndvc_valid, copyc_valid;

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
    .tx_valid_o, .tx_ready_i, .tx_data_o, .tx_last_o,
    .cpl_valid_o(cpl_valid[1]), .cpl_ready_i(cpl_ready[1]), .cpl_data_o(cpl_data[256 +: 256]),
    .protection_o(protection_o[1]), .idle_o(tx_idle)
  );

  tally_msg_rx u_msg_rx (
    .clk_i, .rst_ni, .bounce_i,
    .rx_valid_i, .rx_ready_o, .rx_data_i, .rx_last_i,
    .arr_valid_o(arr_valid), .arr_ready_i(arr_ready), .arr_context_o(arr_context),
    .arr_source_o(arr_source), .arr_tag_o(arr_tag), .arr_payload_o(arr_payload),
    .arr_done_i(arr_done), .arr_hit_i(arr_hit), .arr_full_i(arr_full),
    .arr_posted_payload_i(posted_payload), .arr_slot_i(arr_slot),
    .rndv_valid_o(rrndv_valid), .rndv_ready_i(rrndv_ready), .rndv_matched_o(rrndv_matched),
    .job_index_o(job_index), .job_valid_i(job_valid), .job_source_i(job_source),
    .job_addr_i(job_addr), .job_want_i(job_want),
    .job_end_valid_o(job_end_valid), .job_end_ready_i(job_end_ready), .job_end_nak_o(job_end_nak),
    .read_valid_o(read_valid), .read_ready_i(read_ready), .read_data_o(read_data),
    .wr_cmd_valid_o(wr_cmd_valid[0]), .wr_cmd_ready_i(wr_cmd_ready[0]),
    .wr_cmd_addr_o(wr_cmd_addr[0 +: 64]), .wr_cmd_len_o(wr_cmd_len[0 +: 13]),
    .wr_data_valid_o(wr_data_valid[0]), .wr_data_ready_i(wr_data_ready[0]),
    .wr_data_o(wr_data[0 +: 512]), .wr_done_i(wr_done[0]),
    .bounce_done_valid_o(bounce_done), .bounce_done_slot_o(bounce_slot),
    .credit_valid_o(rxc_valid), .credit_peer_o(rxc_peer),
    .cpl_valid_o(cpl_valid[2]), .cpl_ready_i(cpl_ready[2]), .cpl_data_o(cpl_data[512 +: 256]),
    .match_posted_o, .unexpected_o, .truncated_o(truncated_o[0]), .dropped_o, .idle_o(rx_idle)
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
    .truncated_o(truncated_o[1]), .rendezvous_o, .idle_o(rndv_idle), .waiting_o(unanswered_o)
  );

  tally_copy u_copy (
    .clk_i, .rst_ni, .bounce_i,
    .job_valid_i(copy_valid), .job_ready_o(copy_ready), .job_matched_i(copy_matched),
    .job_slot_i(copy_slot),
    .bounce_done_valid_i(bounce_done), .bounce_done_slot_i(bounce_slot),
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
    .truncated_o(truncated_o[2]), .idle_o(copy_idle)
  );

  tally_credit u_credit (
    .clk_i, .rst_ni,
    .rx_valid_i(rxc_valid), .rx_peer_i(rxc_peer),
    .rndv_valid_i(rndvc_valid), .rndv_peer_i(rndvc_peer),
    .copy_valid_i(copyc_valid), .copy_peer_i(copyc_peer),
    .out_valid_o(credit_valid), .out_ready_i(credit_ready), .out_data_o(credit_data),
    .idle_o(credit_idle)
  );

  tally_cq #(.NumClients(5)) u_cq (
    .clk_i, .rst_ni, .cycle_i,
    .enable_i(1'b1), .base_i(cq_base_i), .log2_i(cq_log2_i), .head_i(cq_head_i), .sq_head_i(16'd0),
    .cpl_valid_i(cpl_valid), .cpl_ready_o(cpl_ready), .cpl_data_i(cpl_data),
    .wr_cmd_valid_o(wr_cmd_valid[3]), .wr_cmd_ready_i(wr_cmd_ready[3]),
    .wr_cmd_addr_o(wr_cmd_addr[192 +: 64]), .wr_cmd_len_o(wr_cmd_len[39 +: 13]),
    .wr_data_valid_o(wr_data_valid[3]), .wr_data_ready_i(wr_data_ready[3]),
    .wr_data_o(wr_data[1536 +: 512]), .idle_o(cq_idle)
  );

  assign idle_o = cmd_idle && tx_idle && rx_idle && rndv_idle && copy_idle && credit_idle && cq_idle
                && rd_idle && wr_idle;

  logic unused_ok;
  assign unused_ok = ^{rd_data_valid[4:3], rd_data_valid[0], rd_cmd_ready[4:3], rd_cmd_ready[0],
                       wr_cmd_ready[2], wr_data_ready[2], wr_done[3:1]};

  `TALLY_ASSERT(NoBusError_A, !rd_error && !wr_error)
endmodule

`default_nettype wire

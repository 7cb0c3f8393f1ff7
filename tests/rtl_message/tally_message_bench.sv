// SPDX-License-Identifier: BSD-3-Clause
// Test bench top: the message path of one device and its match unit. Open to the test: descriptor
// streams, transport, rendezvous unit, DMA clients, completions. What the match unit answers is
// shown.
`default_nettype none
`include "tally_assert.svh"

module tally_message_bench #(
  parameter int unsigned Posted     = 64,
  parameter int unsigned Unexpected = 64
) (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,

  input  wire logic [3:0]    enable_i,
  input  wire logic [15:0]   ep_rank_i,
  input  wire logic [19:0]   ep_ranks_i,
  input  wire logic [127:0]  ep_posted_i,
  input  wire logic [12:0]   eager_max_i,
  input  wire logic [3:0]    cq_ok_i,
  input  wire logic [63:0]   unexpected_quota_i,
  input  wire logic [63:0]   bounce_quota_i,
  input  wire logic [255:0]  bounce_i,
  input  wire logic [255:0]  spill_base_i,
  input  wire logic [15:0]   spill_log2_i,
  input  wire logic [63:0]   spill_head_i,

  input  wire logic          mr_wr_valid_i,
  input  wire logic [1:0]    mr_wr_ep_i,
  input  wire logic [31:0]   mr_wr_key_i,
  input  wire logic [63:0]   mr_wr_base_i,
  input  wire logic [63:0]   mr_wr_len_i,

  input  wire logic [3:0]    in_valid_i,
  output      logic [3:0]    in_ready_o,
  input  wire logic [2047:0] in_desc_i,
  input  wire logic [127:0]  in_arrival_i,

  // transport; rsv_room_i: queue pairs {ep, peer} with cells left
  input  wire logic [63:0]   rsv_room_i,
  output      logic          rsv_taken_o,
  output      logic [7:0]    rsv_qp_o,
  output      logic [4:0]    rsv_cells_o,
  input  wire logic [3:0]    send_done_i,
  output      logic          tx_valid_o,
  input  wire logic          tx_ready_i,
  output      logic [511:0]  tx_data_o,
  output      logic          tx_last_o,
  output      logic [1:0]    tx_ep_o,
  output      logic [257:0]  tx_cpl_o,
  input  wire logic          rx_valid_i,
  output      logic          rx_ready_o,
  input  wire logic [511:0]  rx_data_i,
  input  wire logic          rx_last_i,
  input  wire logic [1:0]    rx_ep_i,
  input  wire logic [7:0]    rx_qp_i,
  input  wire logic [12:0]   rx_bytes_i,
  input  wire logic [3:0]    accept_i,
  output      logic [3:0]    spill_room_o,
  output      logic [3:0]    resolved_o,
  output      logic [3:0]    resolved2_o,

  // sequencer
  output      logic          coll_valid_o,
  input  wire logic          coll_ready_i,
  output      logic [511:0]  coll_desc_o,
  output      logic          seq_valid_o,
  input  wire logic          seq_ready_i,
  output      logic [511:0]  seq_data_o,

  // rendezvous unit: 0 tally_cmd, 1 tally_msg_rx
  input  wire logic          rndv_room_i,
  output      logic [1:0]    rndv_valid_o,
  input  wire logic [1:0]    rndv_ready_i,
  output      logic          rndv_unexpected_o,  // of 0
  output      logic [901:0]  rndv_matched_o,

  // DMA clients: 0 tally_msg_tx or tally_msg_rx, 1 tally_copy
  output      logic [1:0]    rd_cmd_valid_o,
  input  wire logic [1:0]    rd_cmd_ready_i,
  output      logic [127:0]  rd_cmd_addr_o,
  output      logic [25:0]   rd_cmd_len_o,
  input  wire logic [1:0]    rd_data_valid_i,
  input  wire logic [511:0]  rd_data_i,
  output      logic [1:0]    wr_cmd_valid_o,
  input  wire logic [1:0]    wr_cmd_ready_i,
  output      logic [127:0]  wr_cmd_addr_o,
  output      logic [25:0]   wr_cmd_len_o,
  output      logic [1:0]    wr_data_valid_o,
  input  wire logic [1:0]    wr_data_ready_i,
  output      logic [1023:0] wr_data_o,
  input  wire logic [1:0]    wr_done_i,

  // completions: 0 tally_cmd, 1 tally_msg_rx, 2 tally_copy
  output      logic [2:0]    cpl_valid_o,
  input  wire logic [2:0]    cpl_ready_i,
  output      logic [767:0]  cpl_data_o,
  output      logic [5:0]    cpl_ep_o,

  // the match unit's answers, in the order in which it served
  output      logic          post_done_o,
  output      logic [2:0]    post_result_o,
  output      logic [2:0]    post_reason_o,
  output      logic [11:0]   post_slot_o,
  output      logic          arr_done_o,
  output      logic [1:0]    arr_result_o,
  output      logic [2:0]    arr_reason_o,
  output      logic          arr_taken_o,
  output      logic          arr_storable_o,

  // pulses: match_posted, match_unexpected, unexpected, truncated (2), protection (2), not_posted,
  // cancelled, probe, dropped, spill (4)
  output      logic [14:0]   events_o,
  output      logic          idle_o
);
  // --- region table: look-ups a and b ------------------------------------------------------------
  logic [255:0] region_valid_q;
  logic [20:0]  region_tag  [256];
  logic [63:0]  region_base [256];
  logic [63:0]  region_len  [256];
  logic [3:0]   mr_ep;
  logic [63:0]  mr_key, mr_len;
  logic [127:0] mr_addr;
  logic [1:0]   mr_ok;
  logic [7:0]   wr_entry;

  assign wr_entry = {mr_wr_ep_i, mr_wr_key_i[5:0]};
  always_ff @(posedge clk_i) begin : p_region
    if (!rst_ni) region_valid_q <= '0;
    else if (mr_wr_valid_i) region_valid_q[wr_entry] <= mr_wr_key_i[31];
    if (mr_wr_valid_i) begin
      region_tag[wr_entry]  <= mr_wr_key_i[30:10];
      region_base[wr_entry] <= mr_wr_base_i;
      region_len[wr_entry]  <= mr_wr_len_i;
    end
  end
  for (genvar p = 0; p < 2; p++) begin : gen_lookup
    logic [7:0]  entry;
    logic [30:0] key;
    logic [31:0] len;
    logic [63:0] addr;
    assign key      = mr_key[p*32 +: 31];
    assign len      = mr_len[p*32 +: 32];
    assign addr     = mr_addr[p*64 +: 64];
    assign entry    = {mr_ep[p*2 +: 2], key[5:0]};
    assign mr_ok[p] = len == '0
                    || (region_valid_q[entry] && key[9:8] == mr_ep[p*2 +: 2] && key[7:6] == '0
                        && key[30:10] == region_tag[entry] && addr >= region_base[entry]
                        && 65'(addr) + 65'(len)
                           <= 65'(region_base[entry]) + 65'(region_len[entry]));
  end

  // --- the path ----------------------------------------------------------------------------------
  logic         rsv_valid, rsv_ok, send_valid, send_ready, send_rts;
  logic [511:0] send_desc;
  logic [31:0]  send_arrival, unused_coll_arrival;
  logic [1:0]   send_ep;
  logic         post_valid, post_ready, post_any_source, post_any_tag;
  logic [2:0]   post_op;
  logic [1:0]   post_ep;
  logic [15:0]  post_context, post_source, res_source;
  logic [31:0]  post_tag, post_spill_seen, res_tag, res_spills;
  logic [11:0]  post_handle;
  logic [191:0] post_payload, arr_posted;
  logic [192:0] res_unexp, arr_payload;
  logic         copy_valid, copy_ready, arr_valid, arr_ready, match_idle;
  logic [450:0] copy_matched;
  logic [1:0]   arr_ep, demux_valid, demux_ready, demux_ep;
  logic [15:0]  arr_context, arr_source;
  logic [31:0]  arr_tag, arr_posts;
  logic [511:0] demux_data;
  logic         demux_last, unused_flush_ready;
  logic         get_valid, get_ok, get_wait, put_valid, put2_valid, spill_get;
  logic [1:0]   get_ep, put_ep, put2_ep, spill_get_ep;
  logic [9:0]   get_slot, put_slot, put2_slot;
  logic [15:0]  spill_slot;
  logic [53:0]  written;
  logic [5:0]   idle;

  assign rsv_ok      = rsv_room_i[rsv_qp_o[5:0]];
  assign rsv_taken_o = rsv_valid && rsv_ok;

  tally_cmd u_cmd (
    .clk_i, .rst_ni, .ep_ranks_i, .ep_posted_i, .eager_max_i, .cq_ok_i,
    .in_valid_i, .in_ready_o, .in_desc_i, .in_arrival_i,
    .mr_ep_o(mr_ep[1:0]), .mr_key_o(mr_key[31:0]), .mr_addr_o(mr_addr[63:0]),
    .mr_len_o(mr_len[31:0]),
    .mr_ok_i(mr_ok[0]),
    .rsv_valid_o(rsv_valid), .rsv_qp_o, .rsv_cells_o, .rsv_ok_i(rsv_ok), .send_done_i,
    .send_valid_o(send_valid), .send_ready_i(send_ready), .send_desc_o(send_desc),
    .send_arrival_o(send_arrival), .send_ep_o(send_ep), .send_rts_o(send_rts),
    .post_valid_o(post_valid), .post_ready_i(post_ready), .post_op_o(post_op),
    .post_ep_o(post_ep), .post_context_o(post_context), .post_source_o(post_source),
    .post_tag_o(post_tag), .post_any_source_o(post_any_source), .post_any_tag_o(post_any_tag),
    .post_handle_o(post_handle), .post_spill_seen_o(post_spill_seen),
    .post_payload_o(post_payload),
    .post_done_i(post_done_o), .post_result_i(post_result_o), .post_reason_i(post_reason_o),
    .post_source_i(res_source), .post_tag_i(res_tag), .post_unexp_payload_i(res_unexp),
    .post_slot_i(post_slot_o), .post_spills_i(res_spills),
    .coll_valid_o, .coll_ready_i, .coll_desc_o, .coll_arrival_o(unused_coll_arrival),
    .copy_valid_o(copy_valid), .copy_ready_i(copy_ready), .copy_matched_o(copy_matched),
    .rndv_room_i, .rndv_valid_o(rndv_valid_o[0]), .rndv_ready_i(rndv_ready_i[0]),
    .rndv_unexpected_o, .rndv_matched_o(rndv_matched_o[450:0]),
    .cpl_valid_o(cpl_valid_o[0]), .cpl_ready_i(cpl_ready_i[0]), .cpl_data_o(cpl_data_o[255:0]),
    .cpl_ep_o(cpl_ep_o[1:0]),
    .match_unexpected_o(events_o[1]), .not_posted_o(events_o[7]), .cancelled_o(events_o[8]),
    .probe_o(events_o[9]), .protection_o(events_o[5]), .idle_o(idle[0])
  );

  tally_match #(.Posted(Posted), .Unexpected(Unexpected)) u_match (
    .clk_i, .rst_ni,
    .post_valid_i(post_valid), .post_ready_o(post_ready), .post_op_i(post_op),
    .post_ep_i(post_ep), .post_context_i(post_context), .post_source_i(post_source),
    .post_tag_i(post_tag), .post_any_source_i(post_any_source), .post_any_tag_i(post_any_tag),
    .post_handle_i(post_handle), .post_spill_seen_i(post_spill_seen),
    .post_payload_i(post_payload),
    .post_done_o, .post_result_o, .post_reason_o, .post_source_o(res_source),
    .post_tag_o(res_tag), .post_unexp_payload_o(res_unexp), .post_slot_o,
    .post_spills_o(res_spills),
    .arr_valid_i(arr_valid), .arr_ready_o(arr_ready), .arr_ep_i(arr_ep),
    .arr_context_i(arr_context), .arr_source_i(arr_source), .arr_tag_i(arr_tag),
    .arr_storable_i(arr_storable_o), .arr_payload_i(arr_payload),
    .arr_done_o, .arr_result_o, .arr_reason_o, .arr_posts_o(arr_posts),
    .arr_posted_payload_o(arr_posted),
    .unexpected_quota_i,
    .flush_valid_i(1'b0), .flush_ready_o(unused_flush_ready), .flush_ep_i(2'd0),
    .idle_o(match_idle)
  );
  assign arr_taken_o = arr_valid && arr_ready;

  tally_msg_tx u_tx (
    .clk_i, .rst_ni, .ep_rank_i,
    .send_valid_i(send_valid), .send_ready_o(send_ready), .send_desc_i(send_desc),
    .send_arrival_i(send_arrival), .send_ep_i(send_ep), .send_rts_i(send_rts),
    .rd_cmd_valid_o(rd_cmd_valid_o[0]), .rd_cmd_ready_i(rd_cmd_ready_i[0]),
    .rd_cmd_addr_o(rd_cmd_addr_o[63:0]), .rd_cmd_len_o(rd_cmd_len_o[12:0]),
    .rd_data_valid_i(rd_data_valid_i[0]), .rd_data_i,
    .tx_valid_o, .tx_ready_i, .tx_data_o, .tx_last_o, .tx_ep_o, .tx_cpl_o, .idle_o(idle[1])
  );

  tally_msg_demux u_demux (
    .clk_i, .rst_ni, .ep_rank_i, .ep_enable_i(enable_i),
    .rx_valid_i, .rx_ready_o, .rx_data_i, .rx_last_i, .rx_ep_i, .rx_qp_i, .rx_bytes_i,
    .out_valid_o(demux_valid), .out_ready_i(demux_ready), .out_data_o(demux_data),
    .out_last_o(demux_last), .out_ep_o(demux_ep),
    .resolved_o(resolved2_o), .dropped_o(events_o[10]), .idle_o(idle[2])
  );
  assign seq_valid_o    = demux_valid[1];
  assign demux_ready[1] = seq_ready_i;
  assign seq_data_o     = demux_data;

  tally_slots u_slots (
    .clk_i, .rst_ni, .enable_i, .bounce_quota_i, .spill_log2_i, .spill_head_i,
    .get_valid_i(get_valid), .get_ep_i(get_ep), .get_ok_o(get_ok), .get_wait_o(get_wait),
    .get_slot_o(get_slot),
    .put_valid_i(put_valid), .put_ep_i(put_ep), .put_slot_i(put_slot),
    .put2_valid_i(put2_valid), .put2_ep_i(put2_ep), .put2_slot_i(put2_slot),
    .spill_get_valid_i(spill_get), .spill_get_ep_i(spill_get_ep), .spill_slot_o(spill_slot),
    .accept_i, .resolved_i(resolved_o), .resolved2_i(resolved2_o), .spill_room_o,
    .idle_o(idle[3])
  );

  tally_msg_rx u_rx (
    .clk_i, .rst_ni, .bounce_i, .spill_base_i,
    .rx_valid_i(demux_valid[0]), .rx_ready_o(demux_ready[0]), .rx_data_i(demux_data),
    .rx_last_i(demux_last), .rx_ep_i(demux_ep),
    .get_valid_o(get_valid), .get_ep_o(get_ep), .get_ok_i(get_ok), .get_wait_i(get_wait),
    .get_slot_i(get_slot),
    .put_valid_o(put_valid), .put_ep_o(put_ep), .put_slot_o(put_slot),
    .spill_get_valid_o(spill_get), .spill_get_ep_o(spill_get_ep), .spill_slot_i(spill_slot),
    .arr_valid_o(arr_valid), .arr_ready_i(arr_ready), .arr_ep_o(arr_ep),
    .arr_context_o(arr_context), .arr_source_o(arr_source), .arr_tag_o(arr_tag),
    .arr_storable_o, .arr_payload_o(arr_payload),
    .arr_done_i(arr_done_o), .arr_result_i(arr_result_o), .arr_reason_i(arr_reason_o),
    .arr_posts_i(arr_posts), .arr_posted_payload_i(arr_posted),
    .mr_ep_o(mr_ep[3:2]), .mr_key_o(mr_key[63:32]), .mr_addr_o(mr_addr[127:64]),
    .mr_len_o(mr_len[63:32]),
    .mr_ok_i(mr_ok[1]),
    .rndv_valid_o(rndv_valid_o[1]), .rndv_ready_i(rndv_ready_i[1]),
    .rndv_matched_o(rndv_matched_o[901:451]),
    .wr_cmd_valid_o(wr_cmd_valid_o[0]), .wr_cmd_ready_i(wr_cmd_ready_i[0]),
    .wr_cmd_addr_o(wr_cmd_addr_o[63:0]), .wr_cmd_len_o(wr_cmd_len_o[12:0]),
    .wr_data_valid_o(wr_data_valid_o[0]), .wr_data_ready_i(wr_data_ready_i[0]),
    .wr_data_o(wr_data_o[511:0]), .wr_done_i(wr_done_i[0]), .written_o(written),
    .cpl_valid_o(cpl_valid_o[1]), .cpl_ready_i(cpl_ready_i[1]), .cpl_data_o(cpl_data_o[511:256]),
    .cpl_ep_o(cpl_ep_o[3:2]), .resolved_o,
    .match_posted_o(events_o[0]), .unexpected_o(events_o[2]), .truncated_o(events_o[3]),
    .protection_o(events_o[6]), .spill_o(events_o[14:11]), .idle_o(idle[4])
  );

  tally_copy u_copy (
    .clk_i, .rst_ni, .bounce_i,
    .job_valid_i(copy_valid), .job_ready_o(copy_ready), .job_matched_i(copy_matched),
    .written_i(written),
    .put_valid_o(put2_valid), .put_ep_o(put2_ep), .put_slot_o(put2_slot),
    .rd_cmd_valid_o(rd_cmd_valid_o[1]), .rd_cmd_ready_i(rd_cmd_ready_i[1]),
    .rd_cmd_addr_o(rd_cmd_addr_o[127:64]), .rd_cmd_len_o(rd_cmd_len_o[25:13]),
    .rd_data_valid_i(rd_data_valid_i[1]), .rd_data_i,
    .wr_cmd_valid_o(wr_cmd_valid_o[1]), .wr_cmd_ready_i(wr_cmd_ready_i[1]),
    .wr_cmd_addr_o(wr_cmd_addr_o[127:64]), .wr_cmd_len_o(wr_cmd_len_o[25:13]),
    .wr_data_valid_o(wr_data_valid_o[1]), .wr_data_ready_i(wr_data_ready_i[1]),
    .wr_data_o(wr_data_o[1023:512]),
    .cpl_valid_o(cpl_valid_o[2]), .cpl_ready_i(cpl_ready_i[2]), .cpl_data_o(cpl_data_o[767:512]),
    .cpl_ep_o(cpl_ep_o[5:4]), .truncated_o(events_o[4]), .idle_o(idle[5])
  );

  assign idle_o = idle == '1 && match_idle;

  logic unused;
  assign unused = ^{mr_wr_key_i[9:6], wr_done_i[1]} ^ mr_key[31] ^ mr_key[63];
endmodule

`default_nettype wire

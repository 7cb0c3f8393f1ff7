// SPDX-License-Identifier: BSD-3-Clause
// The receiving half of the message path: what comes from the transport, the match unit, and what
// moves a matched message to its buffer.
//
// Wiring of tally_msg_demux, tally_match, tally_msg_rx, tally_slots, tally_copy and tally_rndv;
// each unit's header tells its ordering, latency and storage. Messages of collectives leave on
// seq_*.
// DMA write and completion clients: 0 tally_msg_rx, 1 tally_rndv, 2 tally_copy.
// Limitations: those of the units.
`default_nettype none

module tally_receive #(
  parameter  int unsigned PostedEntries     = tally_pkg::PostedEntries,
  parameter  int unsigned UnexpectedEntries = tally_pkg::UnexpectedEntries,
  localparam int unsigned NumEp    = tally_pkg::NumEndpoints,
  localparam int unsigned PostedW  = 192,
  localparam int unsigned UnexpW   = 193,
  localparam int unsigned MatchedW = 451
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  // registers of the endpoints
  input  wire logic [NumEp-1:0]    enable_i,
  input  wire logic [NumEp*4-1:0]  rank_i,
  input  wire logic [NumEp*64-1:0] bounce_i,
  input  wire logic [NumEp*16-1:0] bounce_quota_i,
  input  wire logic [NumEp*16-1:0] unexpected_quota_i,
  input  wire logic [NumEp*64-1:0] spill_base_i,
  input  wire logic [NumEp*4-1:0]  spill_log2_i,
  input  wire logic [NumEp*16-1:0] spill_head_i,
  input  wire logic [NumEp-1:0]    cq_ok_i,

  // tally_ep_flush
  input  wire logic                flush_valid_i,
  output      logic                flush_ready_o,
  input  wire logic [1:0]          flush_ep_i,

  // tally_cmd: post port of tally_match
  input  wire logic                post_valid_i,
  output      logic                post_ready_o,
  input  wire logic [2:0]          post_op_i,
  input  wire logic [1:0]          post_ep_i,
  input  wire logic [15:0]         post_context_i,
  input  wire logic [15:0]         post_source_i,
  input  wire logic [31:0]         post_tag_i,
  input  wire logic                post_any_source_i,
  input  wire logic                post_any_tag_i,
  input  wire logic [11:0]         post_handle_i,
  input  wire logic [31:0]         post_spill_seen_i,
  input  wire logic [PostedW-1:0]  post_payload_i,
  output      logic                post_done_o,
  output      logic [2:0]          post_result_o,
  output      logic [2:0]          post_reason_o,
  output      logic [15:0]         post_source_o,
  output      logic [31:0]         post_tag_o,
  output      logic [UnexpW-1:0]   post_unexp_payload_o,
  output      logic [11:0]         post_slot_o,
  output      logic [31:0]         post_spills_o,

  // tally_cmd: receives that met an unexpected message, fetches
  input  wire logic                copy_valid_i,
  output      logic                copy_ready_o,
  input  wire logic [MatchedW-1:0] copy_matched_i,
  input  wire logic                rndv_valid_i,
  output      logic                rndv_ready_o,
  input  wire logic [MatchedW-1:0] rndv_matched_i,
  input  wire logic                rndv_unexpected_i,
  output      logic                rndv_room_o,

  // tally_transport: messages; those accepted; room for another one
  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [511:0]        rx_data_i,
  input  wire logic                rx_last_i,
  input  wire logic [1:0]          rx_ep_i,
  input  wire logic [7:0]          rx_qp_i,
  input  wire logic [12:0]         rx_bytes_i,
  input  wire logic [NumEp-1:0]    accept_i,
  output      logic [NumEp-1:0]    spill_room_o,

  // tally_transport: READ jobs, their data and ends; Fin (client 1)
  output      logic                job_valid_o,
  input  wire logic                job_ready_i,
  output      logic [3:0]          job_id_o,
  output      logic [7:0]          job_qp_o,
  output      logic [63:0]         job_addr_o,
  output      logic [31:0]         job_key_o,
  output      logic [31:0]         job_len_o,
  input  wire logic                dat_valid_i,
  output      logic                dat_ready_o,
  input  wire logic [3:0]          dat_job_i,
  input  wire logic [31:0]         dat_offset_i,
  input  wire logic [12:0]         dat_bytes_i,
  input  wire logic                beat_valid_i,
  output      logic                beat_ready_o,
  input  wire logic [511:0]        beat_data_i,
  input  wire logic                end_valid_i,
  output      logic                end_ready_o,
  input  wire logic [3:0]          end_job_i,
  input  wire logic [7:0]          end_status_i,
  output      logic                fin_valid_o,
  input  wire logic                fin_ready_i,
  output      logic [511:0]        fin_data_o,
  output      logic                fin_last_o,
  output      logic [1:0]          fin_ep_o,

  // messages of collectives to tally_seq
  output      logic                seq_valid_o,
  input  wire logic                seq_ready_i,
  output      logic [511:0]        seq_data_o,
  output      logic                seq_last_o,

  // look-ups b and e of tally_mr
  output      logic [1:0]          mrb_ep_o,
  output      logic [31:0]         mrb_key_o,
  output      logic [63:0]         mrb_addr_o,
  output      logic [31:0]         mrb_len_o,
  input  wire logic                mrb_ok_i,
  output      logic [1:0]          mre_ep_o,
  output      logic [31:0]         mre_key_o,
  output      logic [63:0]         mre_addr_o,
  output      logic [31:0]         mre_len_o,
  input  wire logic                mre_ok_i,

  // tally_dma_rd client 6; tally_dma_wr clients 0 to 2; tally_cq clients 1 to 3
  output      logic                rd_cmd_valid_o,
  input  wire logic                rd_cmd_ready_i,
  output      logic [63:0]         rd_cmd_addr_o,
  output      logic [12:0]         rd_cmd_len_o,
  input  wire logic                rd_data_valid_i,
  input  wire logic [511:0]        rd_data_i,
  output      logic [2:0]          wr_cmd_valid_o,
  input  wire logic [2:0]          wr_cmd_ready_i,
  output      logic [3*64-1:0]     wr_cmd_addr_o,
  output      logic [3*13-1:0]     wr_cmd_len_o,
  output      logic [2:0]          wr_data_valid_o,
  input  wire logic [2:0]          wr_data_ready_i,
  output      logic [3*512-1:0]    wr_data_o,
  input  wire logic                wr_done_i,       // of client 0
  output      logic [2:0]          cpl_valid_o,
  input  wire logic [2:0]          cpl_ready_i,
  output      logic [3*256-1:0]    cpl_data_o,
  output      logic [3*2-1:0]      cpl_ep_o,

  // pulses
  output      logic                dropped_o,
  output      logic                match_posted_o,
  output      logic                unexpected_o,
  output      logic                rendezvous_o,
  output      logic [3:0]          spill_o,
  output      logic [2:0]          truncated_o,     // of each client
  output      logic [1:0]          protection_o,    // of clients 0 and 1

  output      logic                match_idle_o,
  output      logic                idle_o           // of the other units
);
  logic [511:0]        unit_data;
  logic [1:0]          unit_ep, unit_valid;
  logic                unit_last, msg_rx_ready;
  logic [NumEp-1:0]    resolved, resolved_demux;
  logic                arr_valid, arr_ready, arr_done, arr_storable;
  logic [1:0]          arr_ep, arr_result;
  logic [2:0]          arr_reason;
  logic [15:0]         arr_context, arr_source;
  logic [31:0]         arr_tag, arr_posts;
  logic [UnexpW-1:0]   arr_payload;
  logic [PostedW-1:0]  arr_posted_payload;
  logic                get_valid, get_ok, get_wait, put_valid, put2_valid, spill_get_valid;
  logic [1:0]          get_ep, put_ep, put2_ep, spill_get_ep;
  logic [9:0]          get_slot, put_slot, put2_slot;
  logic [15:0]         spill_slot;
  logic [53:0]         written;
  logic                rrndv_valid, rrndv_ready;
  logic [MatchedW-1:0] rrndv_matched;
  logic                demux_idle, rx_idle, slots_idle, copy_idle, rndv_idle;

  tally_msg_demux u_demux (
    .clk_i, .rst_ni, .ep_rank_i(rank_i), .ep_enable_i(enable_i),
    .rx_valid_i, .rx_ready_o, .rx_data_i, .rx_last_i,
    .rx_ep_i, .rx_qp_i, .rx_bytes_i,
    .out_valid_o(unit_valid), .out_ready_i({seq_ready_i, msg_rx_ready}),
    .out_data_o(unit_data), .out_last_o(unit_last), .out_ep_o(unit_ep),
    .resolved_o(resolved_demux), .dropped_o, .idle_o(demux_idle)
  );

  tally_match #(
    .Posted(PostedEntries), .Unexpected(UnexpectedEntries), .PostedW(PostedW), .UnexpW(UnexpW)
  ) u_match (
    .clk_i, .rst_ni,
    .post_valid_i, .post_ready_o, .post_op_i,
    .post_ep_i, .post_context_i, .post_source_i,
    .post_tag_i, .post_any_source_i, .post_any_tag_i,
    .post_handle_i, .post_spill_seen_i,
    .post_payload_i,
    .post_done_o, .post_result_o, .post_reason_o,
    .post_source_o, .post_tag_o,
    .post_unexp_payload_o, .post_slot_o,
    .post_spills_o,
    .arr_valid_i(arr_valid), .arr_ready_o(arr_ready), .arr_ep_i(arr_ep),
    .arr_context_i(arr_context), .arr_source_i(arr_source), .arr_tag_i(arr_tag),
    .arr_storable_i(arr_storable), .arr_payload_i(arr_payload),
    .arr_done_o(arr_done), .arr_result_o(arr_result), .arr_reason_o(arr_reason),
    .arr_posts_o(arr_posts), .arr_posted_payload_o(arr_posted_payload),
    .unexpected_quota_i,
    .flush_valid_i, .flush_ready_o, .flush_ep_i,
    .idle_o(match_idle_o)
  );

  tally_msg_rx u_msg_rx (
    .clk_i, .rst_ni, .bounce_i, .spill_base_i,
    .rx_valid_i(unit_valid[0]), .rx_ready_o(msg_rx_ready), .rx_data_i(unit_data),
    .rx_last_i(unit_last), .rx_ep_i(unit_ep),
    .get_valid_o(get_valid), .get_ep_o(get_ep), .get_ok_i(get_ok), .get_wait_i(get_wait),
    .get_slot_i(get_slot), .put_valid_o(put_valid), .put_ep_o(put_ep), .put_slot_o(put_slot),
    .spill_get_valid_o(spill_get_valid), .spill_get_ep_o(spill_get_ep),
    .spill_slot_i(spill_slot),
    .arr_valid_o(arr_valid), .arr_ready_i(arr_ready), .arr_ep_o(arr_ep),
    .arr_context_o(arr_context), .arr_source_o(arr_source), .arr_tag_o(arr_tag),
    .arr_storable_o(arr_storable), .arr_payload_o(arr_payload),
    .arr_done_i(arr_done), .arr_result_i(arr_result), .arr_reason_i(arr_reason),
    .arr_posts_i(arr_posts), .arr_posted_payload_i(arr_posted_payload),
    .mr_ep_o(mrb_ep_o), .mr_key_o(mrb_key_o), .mr_addr_o(mrb_addr_o), .mr_len_o(mrb_len_o),
    .mr_ok_i(mrb_ok_i),
    .rndv_valid_o(rrndv_valid), .rndv_ready_i(rrndv_ready), .rndv_matched_o(rrndv_matched),
    .wr_cmd_valid_o(wr_cmd_valid_o[0]), .wr_cmd_ready_i(wr_cmd_ready_i[0]),
    .wr_cmd_addr_o(wr_cmd_addr_o[0 +: 64]), .wr_cmd_len_o(wr_cmd_len_o[0 +: 13]),
    .wr_data_valid_o(wr_data_valid_o[0]), .wr_data_ready_i(wr_data_ready_i[0]),
    .wr_data_o(wr_data_o[0 +: 512]), .wr_done_i(wr_done_i),
    .written_o(written),
    .cpl_valid_o(cpl_valid_o[0]), .cpl_ready_i(cpl_ready_i[0]), .cpl_data_o(cpl_data_o[0 +: 256]),
    .cpl_ep_o(cpl_ep_o[0 +: 2]),
    .resolved_o(resolved),
    .match_posted_o, .unexpected_o, .truncated_o(truncated_o[0]),
    .protection_o(protection_o[0]), .spill_o, .idle_o(rx_idle)
  );

  tally_slots u_slots (
    .clk_i, .rst_ni, .enable_i, .bounce_quota_i,
    .spill_log2_i, .spill_head_i,
    .get_valid_i(get_valid), .get_ep_i(get_ep), .get_ok_o(get_ok), .get_wait_o(get_wait),
    .get_slot_o(get_slot),
    .put_valid_i(put_valid), .put_ep_i(put_ep), .put_slot_i(put_slot),
    .put2_valid_i(put2_valid), .put2_ep_i(put2_ep), .put2_slot_i(put2_slot),
    .spill_get_valid_i(spill_get_valid), .spill_get_ep_i(spill_get_ep),
    .spill_slot_o(spill_slot),
    .accept_i, .resolved_i(resolved), .resolved2_i(resolved_demux),
    .spill_room_o, .idle_o(slots_idle)
  );

  tally_copy u_copy (
    .clk_i, .rst_ni, .bounce_i,
    .job_valid_i(copy_valid_i), .job_ready_o(copy_ready_o), .job_matched_i(copy_matched_i),
    .written_i(written),
    .put_valid_o(put2_valid), .put_ep_o(put2_ep), .put_slot_o(put2_slot),
    .rd_cmd_valid_o, .rd_cmd_ready_i,
    .rd_cmd_addr_o, .rd_cmd_len_o,
    .rd_data_valid_i, .rd_data_i,
    .wr_cmd_valid_o(wr_cmd_valid_o[2]), .wr_cmd_ready_i(wr_cmd_ready_i[2]),
    .wr_cmd_addr_o(wr_cmd_addr_o[2*64 +: 64]), .wr_cmd_len_o(wr_cmd_len_o[2*13 +: 13]),
    .wr_data_valid_o(wr_data_valid_o[2]), .wr_data_ready_i(wr_data_ready_i[2]),
    .wr_data_o(wr_data_o[2*512 +: 512]),
    .cpl_valid_o(cpl_valid_o[2]), .cpl_ready_i(cpl_ready_i[2]),
    .cpl_data_o(cpl_data_o[2*256 +: 256]),
    .cpl_ep_o(cpl_ep_o[4 +: 2]),
    .truncated_o(truncated_o[2]), .idle_o(copy_idle)
  );

  tally_rndv u_rndv (
    .clk_i, .rst_ni, .rank_i, .cq_ok_i,
    .rx_valid_i(rrndv_valid), .rx_ready_o(rrndv_ready), .rx_data_i(rrndv_matched),
    .cmd_valid_i(rndv_valid_i), .cmd_ready_o(rndv_ready_o), .cmd_data_i(rndv_matched_i),
    .cmd_unexpected_i(rndv_unexpected_i),
    .room_o(rndv_room_o),
    .job_valid_o, .job_ready_i, .job_id_o, .job_qp_o,
    .job_addr_o, .job_key_o, .job_len_o,
    .dat_valid_i, .dat_ready_o, .dat_job_i,
    .dat_offset_i, .dat_bytes_i,
    .beat_valid_i, .beat_ready_o, .beat_data_i,
    .end_valid_i, .end_ready_o, .end_job_i,
    .end_status_i,
    .mr_ep_o(mre_ep_o), .mr_key_o(mre_key_o), .mr_addr_o(mre_addr_o), .mr_len_o(mre_len_o),
    .mr_ok_i(mre_ok_i),
    .wr_cmd_valid_o(wr_cmd_valid_o[1]), .wr_cmd_ready_i(wr_cmd_ready_i[1]),
    .wr_cmd_addr_o(wr_cmd_addr_o[64 +: 64]), .wr_cmd_len_o(wr_cmd_len_o[13 +: 13]),
    .wr_data_valid_o(wr_data_valid_o[1]), .wr_data_ready_i(wr_data_ready_i[1]),
    .wr_data_o(wr_data_o[512 +: 512]),
    .fin_valid_o, .fin_ready_i, .fin_data_o,
    .fin_last_o, .fin_ep_o,
    .cpl_valid_o(cpl_valid_o[1]), .cpl_ready_i(cpl_ready_i[1]), .cpl_data_o(cpl_data_o[256 +: 256]),
    .cpl_ep_o(cpl_ep_o[2 +: 2]),
    .truncated_o(truncated_o[1]), .rendezvous_o, .protection_o(protection_o[1]),
    .idle_o(rndv_idle)
  );

  assign seq_valid_o = unit_valid[1];
  assign seq_data_o  = unit_data;
  assign seq_last_o  = unit_last;
  assign idle_o      = demux_idle && rx_idle && slots_idle && copy_idle && rndv_idle;
endmodule

`default_nettype wire

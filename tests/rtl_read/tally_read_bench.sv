// SPDX-License-Identifier: BSD-3-Clause
// Rendezvous, READ requester and READ responder of one device, wired as in the device.
`default_nettype none

module tally_read_bench #(
  localparam int unsigned InfoW = 214,
  localparam int unsigned MatchedW = 451
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [12:0]         pmtu_i,
  input  wire logic [31:0]         retry_timer_i,
  input  wire logic [15:0]         retry_limits_i,
  input  wire logic [15:0]         rank_i,
  input  wire logic [3:0]          cq_ok_i,
  input  wire logic                conn_valid_i,
  input  wire logic                conn_up_i,
  input  wire logic [7:0]          conn_qp_i,
  input  wire logic [23:0]         conn_tx_psn_i,
  input  wire logic [23:0]         conn_rx_psn_i,

  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [MatchedW-1:0] rx_data_i,
  input  wire logic                cmd_valid_i,
  output      logic                cmd_ready_o,
  input  wire logic [MatchedW-1:0] cmd_data_i,
  input  wire logic                cmd_unexpected_i,

  input  wire logic                rreq_valid_i,
  output      logic                rreq_ready_o,
  input  wire logic [InfoW-1:0]    rreq_info_i,
  input  wire logic                rresp_valid_i,
  output      logic                rresp_ready_o,
  input  wire logic [InfoW-1:0]    rresp_info_i,
  input  wire logic                rbeat_valid_i,
  output      logic                rbeat_ready_o,
  input  wire logic [511:0]        rbeat_data_i,

  output      logic                req_valid_o,
  input  wire logic                req_ready_i,
  output      logic [InfoW-1:0]    req_info_o,
  output      logic                rsp_valid_o,
  input  wire logic                rsp_ready_i,
  output      logic [InfoW-1:0]    rsp_info_o,
  output      logic                rsp_beat_valid_o,
  input  wire logic                rsp_beat_ready_i,
  output      logic [511:0]        rsp_beat_data_o,

  output      logic [1:0]          d_ep_o,
  output      logic [31:0]         d_key_o,
  output      logic [63:0]         d_addr_o,
  output      logic [31:0]         d_len_o,
  input  wire logic                d_ok_i,
  output      logic [1:0]          e_ep_o,
  output      logic [31:0]         e_key_o,
  output      logic [63:0]         e_addr_o,
  output      logic [31:0]         e_len_o,
  input  wire logic                e_ok_i,

  output      logic                rd_cmd_valid_o,
  input  wire logic                rd_cmd_ready_i,
  output      logic [63:0]         rd_cmd_addr_o,
  output      logic [12:0]         rd_cmd_len_o,
  input  wire logic                rd_data_valid_i,
  input  wire logic [511:0]        rd_data_i,
  output      logic                wr_cmd_valid_o,
  input  wire logic                wr_cmd_ready_i,
  output      logic [63:0]         wr_cmd_addr_o,
  output      logic [12:0]         wr_cmd_len_o,
  output      logic                wr_data_valid_o,
  input  wire logic                wr_data_ready_i,
  output      logic [511:0]        wr_data_o,

  output      logic                fin_valid_o,
  input  wire logic                fin_ready_i,
  output      logic [511:0]        fin_data_o,
  output      logic                fin_last_o,
  output      logic [1:0]          fin_ep_o,
  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,
  output      logic [1:0]          cpl_ep_o,
  output      logic                err_valid_o,
  input  wire logic                err_ready_i,
  output      logic [255:0]        err_data_o,
  output      logic [1:0]          err_ep_o,

  output      logic                room_o,
  output      logic                truncated_o,
  output      logic                rendezvous_o,
  output      logic                protection_o,
  output      logic                remote_protection_o,
  output      logic                read_retry_o,
  output      logic                timeout_o,
  output      logic                nak_sent_o,
  output      logic                nak_received_o,
  output      logic                duplicate_o,
  output      logic                again_o,
  output      logic                qp_error_o,
  // accepted in this cycle: a job by tally_read_req
  output      logic                job_go_o,
  output      logic                idle_o
);
  localparam int unsigned JobW = $clog2(tally_pkg::RendezvousJobs);
  logic [31:0]     cycle_q;
  logic            job_valid, job_ready, dat_valid, dat_ready, beat_valid, beat_ready, end_valid;
  logic            end_ready, rndv_idle, req_idle, rsp_idle;
  logic [JobW-1:0] job_id, dat_job, end_job;
  logic [7:0]      job_qp, end_status;
  logic [63:0]     job_addr;
  logic [31:0]     job_key, job_len, dat_offset;
  logic [12:0]     dat_bytes;
  logic [511:0]    beat_data;

  always_ff @(posedge clk_i) begin : p_cycle
    if (!rst_ni) cycle_q <= 32'hFFFF_F000;
    else cycle_q <= cycle_q + 32'd1;
  end
  assign job_go_o = job_valid && job_ready;
  assign idle_o   = rndv_idle && req_idle && rsp_idle;

  tally_rndv u_rndv (
    .clk_i, .rst_ni, .rank_i, .cq_ok_i, .rx_valid_i, .rx_ready_o, .rx_data_i, .cmd_valid_i, .cmd_ready_o,
    .cmd_data_i, .cmd_unexpected_i,
    .job_valid_o(job_valid), .job_ready_i(job_ready), .job_id_o(job_id), .job_qp_o(job_qp),
    .job_addr_o(job_addr), .job_key_o(job_key), .job_len_o(job_len),
    .dat_valid_i(dat_valid), .dat_ready_o(dat_ready), .dat_job_i(dat_job),
    .dat_offset_i(dat_offset), .dat_bytes_i(dat_bytes),
    .beat_valid_i(beat_valid), .beat_ready_o(beat_ready), .beat_data_i(beat_data),
    .end_valid_i(end_valid), .end_ready_o(end_ready), .end_job_i(end_job),
    .end_status_i(end_status),
    .mr_ep_o(e_ep_o), .mr_key_o(e_key_o), .mr_addr_o(e_addr_o), .mr_len_o(e_len_o),
    .mr_ok_i(e_ok_i),
    .wr_cmd_valid_o, .wr_cmd_ready_i, .wr_cmd_addr_o, .wr_cmd_len_o, .wr_data_valid_o,
    .wr_data_ready_i, .wr_data_o, .fin_valid_o, .fin_ready_i, .fin_data_o, .fin_last_o, .fin_ep_o,
    .cpl_valid_o, .cpl_ready_i, .cpl_data_o, .cpl_ep_o, .room_o, .truncated_o, .rendezvous_o,
    .protection_o, .idle_o(rndv_idle)
  );

  tally_read_req u_req (
    .clk_i, .rst_ni, .pmtu_i, .retry_timer_i, .retry_limits_i, .cycle_i(cycle_q), .conn_valid_i,
    .conn_up_i, .conn_qp_i, .conn_tx_psn_i,
    .job_valid_i(job_valid), .job_ready_o(job_ready), .job_id_i(job_id), .job_qp_i(job_qp),
    .job_addr_i(job_addr), .job_key_i(job_key), .job_len_i(job_len),
    .dat_valid_o(dat_valid), .dat_ready_i(dat_ready), .dat_job_o(dat_job),
    .dat_offset_o(dat_offset), .dat_bytes_o(dat_bytes),
    .beat_valid_o(beat_valid), .beat_ready_i(beat_ready), .beat_data_o(beat_data),
    .end_valid_o(end_valid), .end_ready_i(end_ready), .end_job_o(end_job),
    .end_status_o(end_status),
    .req_valid_o, .req_ready_i, .req_info_o, .rresp_valid_i, .rresp_ready_o, .rresp_info_i,
    .rbeat_valid_i, .rbeat_ready_o, .rbeat_data_i,
    .cpl_valid_o(err_valid_o), .cpl_ready_i(err_ready_i), .cpl_data_o(err_data_o),
    .cpl_ep_o(err_ep_o), .read_retry_o, .timeout_o, .nak_received_o, .duplicate_o(again_o),
    .qp_error_o, .idle_o(req_idle)
  );

  tally_read_rsp u_rsp (
    .clk_i, .rst_ni, .pmtu_i, .conn_valid_i, .conn_up_i, .conn_qp_i, .conn_rx_psn_i,
    .rreq_valid_i, .rreq_ready_o, .rreq_info_i,
    .mr_ep_o(d_ep_o), .mr_key_o(d_key_o), .mr_addr_o(d_addr_o), .mr_len_o(d_len_o),
    .mr_ok_i(d_ok_i),
    .cmd_valid_o(rd_cmd_valid_o), .cmd_ready_i(rd_cmd_ready_i), .cmd_addr_o(rd_cmd_addr_o),
    .cmd_len_o(rd_cmd_len_o), .data_valid_i(rd_data_valid_i), .data_i(rd_data_i),
    .rsp_valid_o, .rsp_ready_i, .rsp_info_o, .rsp_beat_valid_o, .rsp_beat_ready_i,
    .rsp_beat_data_o, .nak_sent_o, .duplicate_o, .protection_o(remote_protection_o),
    .idle_o(rsp_idle)
  );
endmodule

`default_nettype wire

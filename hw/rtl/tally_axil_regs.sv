// SPDX-License-Identifier: BSD-3-Clause
// AXI4-Lite slave: registers, doorbells, descriptor windows, schedule, region and queue-pair
// writes.
//
// Ordering: writes act in order, in the cycle after the handshake, which is the cycle of their
// response.
// Latency: 1 cycle to the response. Throughput: one write and one read a cycle when aw and w come
// together and responses are taken. Storage: a descriptor and a region for each endpoint, so that
// writes to several pages may interleave; 1 instruction and the RW registers. Unknown offsets read
// 0, are ignored on write and answer OKAY. Address bits 1:0 are ignored: accesses are whole words.
// The descriptor windows have a second port, 512 bits wide: a write there is one of up to 16 words
// in one cycle, in order with those of the first port. Words of which a byte strobe is low are not
// written; addresses outside the windows are ignored and answer OKAY. What goes to the operand
// window is told to its owner in the cycle of the handshake (win_*), which takes the data itself.
// Writes are held back by an untaken response, and on the first port by one of the second.
// Ready paths: aw and w ready depend on each other's valid and on b_ready_i of their port, those of
// the first port on the second port's as well; ar ready on s_axil_r_ready_i.
// Limitations: CollAbort acts on endpoint 0's page alone.
`default_nettype none
`include "tally_assert.svh"

module tally_axil_regs #(
  localparam int unsigned Eps = tally_pkg::NumEndpoints,
  localparam int unsigned EpW = $clog2(Eps),
  localparam int unsigned NumCounters = 34
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic                up_i,  // before that no access is taken

  input  wire logic                s_axil_aw_valid_i,
  output      logic                s_axil_aw_ready_o,
  input  wire logic [15:0]         s_axil_aw_addr_i,
  input  wire logic                s_axil_w_valid_i,
  output      logic                s_axil_w_ready_o,
  input  wire logic [31:0]         s_axil_w_data_i,
  output      logic                s_axil_b_valid_o,
  input  wire logic                s_axil_b_ready_i,
  output      logic [1:0]          s_axil_b_resp_o,

  // The windows' port: single beats, 64-byte aligned.
  input  wire logic                s_axi_aw_valid_i,
  output      logic                s_axi_aw_ready_o,
  input  wire logic [17:0]         s_axi_aw_addr_i,
  input  wire logic                s_axi_w_valid_i,
  output      logic                s_axi_w_ready_o,
  input  wire logic [511:0]        s_axi_w_data_i,
  input  wire logic [63:0]         s_axi_w_strb_i,
  output      logic                s_axi_b_valid_o,
  input  wire logic                s_axi_b_ready_i,
  output      logic [1:0]          s_axi_b_resp_o,

  input  wire logic                s_axil_ar_valid_i,
  output      logic                s_axil_ar_ready_o,
  input  wire logic [15:0]         s_axil_ar_addr_i,
  output      logic                s_axil_r_valid_o,
  input  wire logic                s_axil_r_ready_i,
  output      logic [31:0]         s_axil_r_data_o,
  output      logic [1:0]          s_axil_r_resp_o,

  output      logic                win_valid_o,
  output      logic                win_open_o,
  output      logic [9:0]          win_line_o,

  output      logic                control_o,
  output      logic                coll_write_o,
  output      logic [47:0]         mac_o,
  output      logic [31:0]         ip_o,
  output      logic [12:0]         pmtu_o,
  output      logic [12:0]         eager_max_o,
  output      logic [Eps*32-1:0]   ep_posted_o,
  output      logic [Eps*16-1:0]   ep_unexpected_o,
  output      logic [Eps*16-1:0]   ep_bounce_o,
  output      logic [31:0]         ack_policy_o,
  output      logic [31:0]         retry_timer_o,
  output      logic [15:0]         retry_limits_o,
  output      logic [4:0]          rnr_code_o,
  output      logic [12:0]         tx_window_o,

  output      logic [Eps*64-1:0]   sq_base_o,
  output      logic [Eps*4-1:0]    sq_log2_o,
  output      logic [Eps*64-1:0]   cq_base_o,
  output      logic [Eps*4-1:0]    cq_log2_o,
  output      logic [Eps*64-1:0]   bounce_o,
  output      logic [Eps-1:0]      ep_enable_o,
  output      logic [Eps*16-1:0]   cq_head_o,
  output      logic [Eps*64-1:0]   spill_base_o,
  output      logic [Eps*4-1:0]    spill_log2_o,
  output      logic [Eps*16-1:0]   spill_head_o,
  output      logic [Eps*4-1:0]    rank_o,
  output      logic [Eps*5-1:0]    ranks_o,

  output      logic [Eps-1:0]      sq_tail_valid_o,
  output      logic [15:0]         sq_tail_o,
  output      logic [Eps-1:0]      desc_valid_o,
  output      logic [511:0]        desc_o,
  output      logic                coll_abort_valid_o,
  output      logic [31:0]         coll_abort_o,
  output      logic                mr_wr_valid_o,
  output      logic [EpW-1:0]      mr_wr_ep_o,
  output      logic [31:0]         mr_wr_key_o,
  output      logic [63:0]         mr_wr_base_o,
  output      logic [63:0]         mr_wr_len_o,
  output      logic                sched_wr_valid_o,
  output      logic [15:0]         sched_wr_addr_o,
  output      logic [255:0]        sched_wr_data_o,
  output      logic                conn_valid_o,
  output      logic                conn_up_o,
  output      logic [7:0]          conn_qp_o,
  output      logic [47:0]         conn_mac_o,
  output      logic [31:0]         conn_ip_o,
  output      logic [23:0]         conn_qpn_o,
  output      logic [23:0]         conn_tx_psn_o,
  output      logic [23:0]         conn_rx_psn_o,

  input  wire logic [31:0]         status_i,
  input  wire logic [Eps-1:0]      ep_status_i,
  input  wire logic [NumCounters*32-1:0] counters_i
);
  if (Eps < 2 || (1 << EpW) != Eps || Eps > 7) begin : gen_bad_endpoints
    $error("tally_axil_regs: NumEndpoints must be 2 or 4");
  end

  localparam logic [31:0] CapsRanks =
      {16'(tally_pkg::NumLanes), 8'(tally_pkg::NumEndpoints), 8'(tally_pkg::MaxRanks)};
  localparam logic [31:0] CapsMatch =
      {16'(tally_pkg::PostedEntries), 16'(tally_pkg::UnexpectedEntries)};
  localparam logic [31:0] CapsSched = {16'(tally_pkg::Mtu), 16'(tally_pkg::ScheduleEntries)};
  localparam logic [31:0] CapsOperand =
      {16'(tally_pkg::OperandSlots), 16'(tally_pkg::OperandSlotBytes)};
  localparam logic [31:0] CapsTransport =
      {16'(tally_pkg::RetransmitCells), 16'(tally_pkg::BounceSlots)};

  // Write channel.
  logic        b_valid_q, wr, wide_b_valid_q, wide;
  logic [15:0] wr_addr;
  logic [31:0] wr_data;
  assign wide = up_i && s_axi_aw_valid_i && s_axi_w_valid_i &&
                (!wide_b_valid_q || s_axi_b_ready_i);
  assign wr   = up_i && s_axil_aw_valid_i && s_axil_w_valid_i &&
                (!b_valid_q || s_axil_b_ready_i) && !wide;

  assign s_axi_aw_ready_o = wide;
  assign s_axi_w_ready_o  = wide;
  assign s_axi_b_valid_o  = wide_b_valid_q;
  assign s_axi_b_resp_o   = 2'b00;
  assign s_axil_aw_ready_o = wr;
  assign s_axil_w_ready_o  = wr;
  assign s_axil_b_valid_o  = b_valid_q;
  assign s_axil_b_resp_o   = 2'b00;
  assign wr_addr           = {s_axil_aw_addr_i[15:2], 2'b00};
  assign wr_data           = s_axil_w_data_i;

  always_ff @(posedge clk_i) begin : p_b
    if (!rst_ni) b_valid_q <= 1'b0;
    else if (wr) b_valid_q <= 1'b1;
    else if (s_axil_b_ready_i) b_valid_q <= 1'b0;
    if (!rst_ni) wide_b_valid_q <= 1'b0;
    else if (wide) wide_b_valid_q <= 1'b1;
    else if (s_axi_b_ready_i) wide_b_valid_q <= 1'b0;
  end

  // Pages: 0 is the Global block, 1 + e that of endpoint e.
  logic [3:0]     wr_page;
  logic [EpW-1:0] wr_ep;
  logic           wr_in_ep;
  logic [11:0]    wr_offset;
  assign wr_page   = wr_addr[15:12];
  assign wr_ep     = EpW'(wr_page - 4'd1);
  assign wr_in_ep  = wr && wr_page != '0 && wr_page <= 4'(Eps);
  assign wr_offset = wr_addr[11:0];

  logic [3:0]     wide_page;
  logic [EpW-1:0] wide_ep;
  logic           wide_desc;
  assign wide_page = s_axi_aw_addr_i[15:12];
  assign wide_ep   = EpW'(wide_page - 4'd1);
  assign wide_desc = wide && s_axi_aw_addr_i[17:16] == '0 &&
                     wide_page != '0 && wide_page <= 4'(Eps) &&
                     s_axi_aw_addr_i[11:6] == tally_pkg::RegEpDesc0[11:6];

  // The operand window is one block of addresses, and the opening one behind it.
  assign win_valid_o = wide && s_axi_aw_addr_i[17];
  assign win_open_o  = s_axi_aw_addr_i[16];
  assign win_line_o  = s_axi_aw_addr_i[15:6];

  // Registers of the Global block.
  logic [31:0] control_q, mac_lo_q, mac_hi_q, ip_q, pmtu_q, eager_max_q, sched_addr_q;
  logic [31:0] ack_policy_q, retry_timer_q, retry_limits_q, rnr_code_q, tx_window_q;
  logic [31:0] qp_index_q, qp_mac_lo_q, qp_mac_hi_q, qp_ip_q, qp_qpn_q, qp_tx_psn_q, qp_rx_psn_q;
  always_ff @(posedge clk_i) begin : p_rw
    if (!rst_ni) begin
      control_q      <= '0;
      mac_lo_q       <= '0;
      mac_hi_q       <= '0;
      ip_q           <= '0;
      pmtu_q         <= 32'(tally_pkg::Mtu);
      eager_max_q    <= 32'(tally_pkg::MaxPayload);
      sched_addr_q   <= '0;
      ack_policy_q   <= 32'h0800_0010;
      retry_timer_q  <= 32'h0000_1000;
      retry_limits_q <= 32'h0000_0707;
      rnr_code_q     <= 32'd1;
      tx_window_q    <= 32'h0000_0100;
      qp_index_q     <= '0;
      qp_mac_lo_q    <= '0;
      qp_mac_hi_q    <= '0;
      qp_ip_q        <= '0;
      qp_qpn_q       <= '0;
      qp_tx_psn_q    <= '0;
      qp_rx_psn_q    <= '0;
    end else if (wr) begin
      unique case (wr_addr)
        tally_pkg::RegGlobalControl:     control_q      <= wr_data;
        tally_pkg::RegGlobalMacLo:       mac_lo_q       <= wr_data;
        tally_pkg::RegGlobalMacHi:       mac_hi_q       <= wr_data;
        tally_pkg::RegGlobalIp:          ip_q           <= wr_data;
        tally_pkg::RegGlobalPmtu:        pmtu_q         <= wr_data;
        tally_pkg::RegGlobalEagerMax:    eager_max_q    <= wr_data;
        tally_pkg::RegGlobalSchedAddr:   sched_addr_q   <= wr_data;
        tally_pkg::RegGlobalAckPolicy:   ack_policy_q   <= wr_data;
        tally_pkg::RegGlobalRetryTimer:  retry_timer_q  <= wr_data;
        tally_pkg::RegGlobalRetryLimits: retry_limits_q <= wr_data;
        tally_pkg::RegGlobalRnrCode:     rnr_code_q     <= wr_data;
        tally_pkg::RegGlobalTxWindow:    tx_window_q    <= wr_data;
        tally_pkg::RegGlobalQpIndex:     qp_index_q     <= wr_data;
        tally_pkg::RegGlobalQpMacLo:     qp_mac_lo_q    <= wr_data;
        tally_pkg::RegGlobalQpMacHi:     qp_mac_hi_q    <= wr_data;
        tally_pkg::RegGlobalQpIp:        qp_ip_q        <= wr_data;
        tally_pkg::RegGlobalQpQpn:       qp_qpn_q       <= wr_data;
        tally_pkg::RegGlobalQpTxPsn:     qp_tx_psn_q    <= wr_data;
        tally_pkg::RegGlobalQpRxPsn:     qp_rx_psn_q    <= wr_data;
        tally_pkg::RegGlobalSchedData7:  sched_addr_q   <= sched_addr_q + 32'd1;
        default: ;
      endcase
    end
  end

  // The endpoints' shares: three rows of Eps words.
  logic [Eps*32-1:0] ep_posted_q, ep_unexpected_q, ep_bounce_q;
  for (genvar e = 0; e < Eps; e++) begin : gen_share
    localparam logic [15:0] Offset = 16'(4 * e);
    // Endpoint 0 has everything after reset.
    localparam logic [31:0] Posted = e == 0 ? {16'(tally_pkg::PostedEntries), 16'd0} : 32'd0;
    localparam logic [31:0] Unexpected = e == 0 ? 32'(tally_pkg::UnexpectedEntries) : 32'd0;
    localparam logic [31:0] Bounce = e == 0 ? 32'(tally_pkg::BounceSlots) : 32'd0;
    always_ff @(posedge clk_i) begin : p_share
      if (!rst_ni) begin
        ep_posted_q[e*32 +: 32]     <= Posted;
        ep_unexpected_q[e*32 +: 32] <= Unexpected;
        ep_bounce_q[e*32 +: 32]     <= Bounce;
      end else if (wr) begin
        if (wr_addr == tally_pkg::RegGlobalEpPosted0 + Offset) ep_posted_q[e*32 +: 32] <= wr_data;
        if (wr_addr == tally_pkg::RegGlobalEpUnexpected0 + Offset) begin
          ep_unexpected_q[e*32 +: 32] <= wr_data;
        end
        if (wr_addr == tally_pkg::RegGlobalEpBounce0 + Offset) ep_bounce_q[e*32 +: 32] <= wr_data;
      end
    end
    assign ep_unexpected_o[e*16 +: 16] = ep_unexpected_q[e*32 +: 16];
    assign ep_bounce_o[e*16 +: 16]     = ep_bounce_q[e*32 +: 16];
  end
  assign ep_posted_o = ep_posted_q;

  // Write-only payloads: descriptor windows and regions of the endpoints, instruction.
  logic [EpW-1:0] ep_q;      // of the last write to an endpoint's page
  logic [255:0]   sched_data_q;
  logic [15:0]    sched_wr_addr_q, sq_tail_q;
  logic [31:0]    mr_key_q, coll_abort_q;
  logic           conn_up_q, wr_sched, wr_desc;
  assign wr_sched = wr && wr_addr[15:5] == tally_pkg::RegGlobalSchedData0[15:5];
  assign wr_desc  = wr_in_ep && wr_offset[11:6] == tally_pkg::RegEpDesc0[11:6];
  always_ff @(posedge clk_i) begin : p_payload
    if (wide_desc) ep_q <= wide_ep;
    else if (wr_in_ep) ep_q <= wr_ep;
    if (wr_sched) sched_data_q[wr_addr[4:2]*32 +: 32] <= wr_data;
    if (wr && wr_addr == tally_pkg::RegGlobalSchedData7) sched_wr_addr_q <= sched_addr_q[15:0];
    if (wr && wr_addr == tally_pkg::RegGlobalQpControl) conn_up_q <= wr_data[0];
    if (wr_in_ep) begin
      unique case (wr_offset)
        tally_pkg::RegEpSqTail[11:0]:    sq_tail_q    <= wr_data[15:0];
        tally_pkg::RegEpCollAbort[11:0]: coll_abort_q <= wr_data;
        tally_pkg::RegEpMrKey[11:0]:     mr_key_q     <= wr_data;
        default: ;
      endcase
    end
  end

  // A word of each endpoint's window, and of its region, is a row of one small memory.
  logic [511:0] desc;
  logic [127:0] region;
  for (genvar w = 0; w < 16; w++) begin : gen_window
    logic [31:0] word_mem [Eps];
    logic        we;
    assign we = (wr_desc && wr_offset[5:2] == 4'(w)) || (wide_desc && (&s_axi_w_strb_i[w*4 +: 4]));
    always_ff @(posedge clk_i) begin : p_word
      if (we) word_mem[wide ? wide_ep : wr_ep] <= wide ? s_axi_w_data_i[w*32 +: 32] : wr_data;
    end
    assign desc[w*32 +: 32] = word_mem[ep_q];
  end
  for (genvar w = 0; w < 4; w++) begin : gen_region
    localparam logic [11:0] Offset = tally_pkg::RegEpMrBaseLo[11:0] + 12'(4 * w);
    logic [31:0] word_mem [Eps];
    always_ff @(posedge clk_i) begin : p_word
      if (wr_in_ep && wr_offset == Offset) word_mem[wr_ep] <= wr_data;
    end
    assign region[w*32 +: 32] = word_mem[ep_q];
  end

  logic [Eps-1:0] sq_tail_valid_q, desc_valid_q;
  logic           coll_abort_valid_q, mr_wr_valid_q, sched_wr_valid_q, conn_valid_q;
  always_ff @(posedge clk_i) begin : p_pulse
    if (!rst_ni) begin
      sq_tail_valid_q    <= '0;
      desc_valid_q       <= '0;
      coll_abort_valid_q <= 1'b0;
      mr_wr_valid_q      <= 1'b0;
      sched_wr_valid_q   <= 1'b0;
      conn_valid_q       <= 1'b0;
    end else begin
      sq_tail_valid_q    <= '0;
      desc_valid_q       <= '0;
      sq_tail_valid_q[wr_ep] <= wr_in_ep && wr_offset == tally_pkg::RegEpSqTail[11:0];
      if (wide_desc) desc_valid_q[wide_ep] <= &s_axi_w_strb_i[63:60];
      else desc_valid_q[wr_ep] <= wr_in_ep && wr_offset == tally_pkg::RegEpDesc15[11:0];
      coll_abort_valid_q <= wr && wr_addr == tally_pkg::RegEpCollAbort;
      mr_wr_valid_q      <= wr_in_ep && wr_offset == tally_pkg::RegEpMrKey[11:0];
      sched_wr_valid_q   <= wr && wr_addr == tally_pkg::RegGlobalSchedData7;
      conn_valid_q       <= wr && wr_addr == tally_pkg::RegGlobalQpControl;
    end
  end

  assign control_o          = control_q[0];
  assign coll_write_o       = control_q[1];
  assign mac_o              = {mac_hi_q[15:0], mac_lo_q};
  assign ip_o               = ip_q;
  assign pmtu_o             = pmtu_q[12:0];
  assign eager_max_o        = eager_max_q[12:0];
  assign ack_policy_o       = ack_policy_q;
  assign retry_timer_o      = retry_timer_q;
  assign retry_limits_o     = retry_limits_q[15:0];
  assign rnr_code_o         = rnr_code_q[4:0];
  assign tx_window_o        = tx_window_q[12:0];
  assign sq_tail_valid_o    = sq_tail_valid_q;
  assign sq_tail_o          = sq_tail_q;
  assign desc_valid_o       = desc_valid_q;
  assign desc_o             = desc;
  assign coll_abort_valid_o = coll_abort_valid_q;
  assign coll_abort_o       = coll_abort_q;
  assign mr_wr_valid_o      = mr_wr_valid_q;
  assign mr_wr_ep_o         = ep_q;
  assign mr_wr_key_o        = mr_key_q;
  assign mr_wr_base_o       = region[63:0];
  assign mr_wr_len_o        = region[127:64];
  assign sched_wr_valid_o   = sched_wr_valid_q;
  assign sched_wr_addr_o    = sched_wr_addr_q;
  assign sched_wr_data_o    = sched_data_q;
  assign conn_valid_o       = conn_valid_q;
  assign conn_up_o          = conn_up_q;
  assign conn_qp_o          = qp_index_q[7:0];
  assign conn_mac_o         = {qp_mac_hi_q[15:0], qp_mac_lo_q};
  assign conn_ip_o          = qp_ip_q;
  assign conn_qpn_o         = qp_qpn_q[23:0];
  assign conn_tx_psn_o      = qp_tx_psn_q[23:0];
  assign conn_rx_psn_o      = qp_rx_psn_q[23:0];

  // Read channel.
  logic        r_valid_q, rd;
  logic [15:0] rd_addr;
  logic [31:0] rd_data, rd_share;
  logic [31:0] r_data_q, r_share_q, r_counter_q;   // one of them, and of r_page_q, is not 0
  logic [5:0]  rd_counter;
  logic        rd_in_counters;
  logic [Eps*32-1:0] page_data, r_page_q;
  assign rd                = s_axil_ar_valid_i && s_axil_ar_ready_o;
  assign s_axil_ar_ready_o = up_i && (!r_valid_q || s_axil_r_ready_i);
  assign s_axil_r_valid_o  = r_valid_q;
  assign s_axil_r_resp_o   = 2'b00;
  assign rd_addr           = {s_axil_ar_addr_i[15:2], 2'b00};
  assign rd_counter        = rd_addr[7:2];
  // The counters are consecutive registers from the start of a 256-byte row.
  assign rd_in_counters    = rd_addr[15:8] == tally_pkg::RegGlobalCntTxPackets[15:8]
                             && rd_counter < 6'(NumCounters);

  for (genvar e = 0; e < Eps; e++) begin : gen_page
    tally_axil_page u_page (
      .clk_i, .rst_ni,
      .wr_i        (wr && wr_page == 4'(e + 1)),
      .wr_addr_i   (wr_offset),
      .wr_data_i   (wr_data),
      .rd_addr_i   (rd_addr[11:0]),
      .rd_data_o   (page_data[e*32 +: 32]),
      .status_i    (ep_status_i[e]),
      .sq_base_o   (sq_base_o[e*64 +: 64]),
      .sq_log2_o   (sq_log2_o[e*4 +: 4]),
      .cq_base_o   (cq_base_o[e*64 +: 64]),
      .cq_log2_o   (cq_log2_o[e*4 +: 4]),
      .cq_head_o   (cq_head_o[e*16 +: 16]),
      .bounce_o    (bounce_o[e*64 +: 64]),
      .enable_o    (ep_enable_o[e]),
      .spill_base_o(spill_base_o[e*64 +: 64]),
      .spill_log2_o(spill_log2_o[e*4 +: 4]),
      .spill_head_o(spill_head_o[e*16 +: 16]),
      .rank_o      (rank_o[e*4 +: 4]),
      .ranks_o     (ranks_o[e*5 +: 5])
    );
  end

  always_comb begin : p_read_share
    rd_share = '0;
    for (int unsigned e = 0; e < Eps; e++) begin
      if (rd_addr == tally_pkg::RegGlobalEpPosted0 + 16'(4 * e)) rd_share = ep_posted_q[e*32 +: 32];
      if (rd_addr == tally_pkg::RegGlobalEpUnexpected0 + 16'(4 * e)) begin
        rd_share = ep_unexpected_q[e*32 +: 32];
      end
      if (rd_addr == tally_pkg::RegGlobalEpBounce0 + 16'(4 * e)) rd_share = ep_bounce_q[e*32 +: 32];
    end
  end

  always_comb begin : p_read
    rd_data = '0;
    unique case (rd_addr)
      tally_pkg::RegGlobalId:            rd_data = tally_pkg::DeviceId;
      tally_pkg::RegGlobalVersion:       rd_data = tally_pkg::DeviceVersion;
      tally_pkg::RegGlobalCapsRanks:     rd_data = CapsRanks;
      tally_pkg::RegGlobalCapsMatch:     rd_data = CapsMatch;
      tally_pkg::RegGlobalCapsSched:     rd_data = CapsSched;
      tally_pkg::RegGlobalCapsTransport: rd_data = CapsTransport;
      tally_pkg::RegGlobalCapsOperand:   rd_data = CapsOperand;
      tally_pkg::RegGlobalStatus:        rd_data = status_i;
      tally_pkg::RegGlobalControl:       rd_data = control_q;
      tally_pkg::RegGlobalMacLo:         rd_data = mac_lo_q;
      tally_pkg::RegGlobalMacHi:         rd_data = mac_hi_q;
      tally_pkg::RegGlobalIp:            rd_data = ip_q;
      tally_pkg::RegGlobalPmtu:          rd_data = pmtu_q;
      tally_pkg::RegGlobalEagerMax:      rd_data = eager_max_q;
      tally_pkg::RegGlobalSchedAddr:     rd_data = sched_addr_q;
      tally_pkg::RegGlobalAckPolicy:     rd_data = ack_policy_q;
      tally_pkg::RegGlobalRetryTimer:    rd_data = retry_timer_q;
      tally_pkg::RegGlobalRetryLimits:   rd_data = retry_limits_q;
      tally_pkg::RegGlobalRnrCode:       rd_data = rnr_code_q;
      tally_pkg::RegGlobalTxWindow:      rd_data = tx_window_q;
      tally_pkg::RegGlobalQpIndex:       rd_data = qp_index_q;
      tally_pkg::RegGlobalQpMacLo:       rd_data = qp_mac_lo_q;
      tally_pkg::RegGlobalQpMacHi:       rd_data = qp_mac_hi_q;
      tally_pkg::RegGlobalQpIp:          rd_data = qp_ip_q;
      tally_pkg::RegGlobalQpQpn:         rd_data = qp_qpn_q;
      tally_pkg::RegGlobalQpTxPsn:       rd_data = qp_tx_psn_q;
      tally_pkg::RegGlobalQpRxPsn:       rd_data = qp_rx_psn_q;
      default:                           rd_data = '0;
    endcase
  end

  always_ff @(posedge clk_i) begin : p_r
    if (!rst_ni) r_valid_q <= 1'b0;
    else if (rd) r_valid_q <= 1'b1;
    else if (s_axil_r_ready_i) r_valid_q <= 1'b0;
  end

  // The multiplexers of the parts before the register, the choice of the part behind it.
  always_ff @(posedge clk_i) begin : p_r_payload
    if (rd) begin
      r_data_q    <= rd_data;
      r_share_q   <= rd_share;
      r_counter_q <= rd_in_counters ? counters_i[rd_counter*32 +: 32] : '0;
      for (int unsigned e = 0; e < Eps; e++) begin
        r_page_q[e*32 +: 32] <= rd_addr[15:12] == 4'(e + 1) ? page_data[e*32 +: 32] : '0;
      end
    end
  end

  always_comb begin : p_r_data
    s_axil_r_data_o = r_data_q | r_share_q | r_counter_q;
    for (int unsigned e = 0; e < Eps; e++) begin
      s_axil_r_data_o = s_axil_r_data_o | r_page_q[e*32 +: 32];
    end
  end

  logic unused_addr_bits;
  assign unused_addr_bits = ^{s_axil_aw_addr_i[1:0], s_axil_ar_addr_i[1:0], s_axi_aw_addr_i[5:0]};

  `TALLY_ASSERT_STABLE(RStable_A, s_axil_r_valid_o, s_axil_r_ready_i, s_axil_r_data_o)
  `TALLY_ASSERT(BStable_A, (s_axil_b_valid_o && !s_axil_b_ready_i) |=> s_axil_b_valid_o)
  `TALLY_ASSERT(WideBStable_A, (s_axi_b_valid_o && !s_axi_b_ready_i) |=> s_axi_b_valid_o)
  if (tally_pkg::OperandWindow != 32'h2_0000 || tally_pkg::OperandOpening != 32'h1_0000 ||
      tally_pkg::OperandSlots * tally_pkg::OperandSlotBytes != 32'h1_0000) begin : gen_bad_window
    $error("tally_axil_regs: the operand window is not where it is decoded");
  end

  `TALLY_ASSERT(OneWrite_A, !(wr && wide))
  `TALLY_ASSERT(DescPulse_A, desc_valid_o != '0 |-> $past(wr_desc || wide_desc))
  `TALLY_ASSERT(OneDoorbell_A, $onehot0({desc_valid_o, sq_tail_valid_o}))
endmodule

`default_nettype wire

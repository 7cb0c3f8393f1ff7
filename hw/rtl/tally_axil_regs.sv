// SPDX-License-Identifier: BSD-3-Clause
// AXI4-Lite slave: registers, doorbells, descriptor window, schedule and region writes.
//
// Ordering: writes act in order, in the cycle after the handshake, which is the cycle of their
// response.
// Latency: 1 cycle to the response. Throughput: one write and one read a cycle when aw and w come
// together and responses are taken. Storage: 1 descriptor, 1 instruction, 1 region and the RW
// registers. Unknown offsets read 0, are ignored on write and answer OKAY. Address bits 1:0 are
// ignored: accesses are whole words. Writes are never held back but by an untaken response.
// Ready paths: aw and w ready depend on each other's valid and on s_axil_b_ready_i; ar ready on
// s_axil_r_ready_i.
`default_nettype none
`include "tally_assert.svh"

module tally_axil_regs (
  input  wire logic            clk_i,
  input  wire logic            rst_ni,

  input  wire logic            s_axil_aw_valid_i,
  output      logic            s_axil_aw_ready_o,
  input  wire logic [15:0]     s_axil_aw_addr_i,
  input  wire logic            s_axil_w_valid_i,
  output      logic            s_axil_w_ready_o,
  input  wire logic [31:0]     s_axil_w_data_i,
  output      logic            s_axil_b_valid_o,
  input  wire logic            s_axil_b_ready_i,
  output      logic [1:0]      s_axil_b_resp_o,
  input  wire logic            s_axil_ar_valid_i,
  output      logic            s_axil_ar_ready_o,
  input  wire logic [15:0]     s_axil_ar_addr_i,
  output      logic            s_axil_r_valid_o,
  input  wire logic            s_axil_r_ready_i,
  output      logic [31:0]     s_axil_r_data_o,
  output      logic [1:0]      s_axil_r_resp_o,

  output      logic            control_o,
  output      logic [15:0]     node_o,
  output      logic [15:0]     nodes_o,
  output      logic [63:0]     sq_base_o,
  output      logic [3:0]      sq_log2_o,
  output      logic [63:0]     cq_base_o,
  output      logic [3:0]      cq_log2_o,
  output      logic [63:0]     bounce_o,
  output      logic            ep_enable_o,
  output      logic [15:0]     cq_head_o,

  output      logic            sq_tail_valid_o,
  output      logic [15:0]     sq_tail_o,
  output      logic            desc_valid_o,
  output      logic [511:0]    desc_o,
  output      logic            coll_abort_valid_o,
  output      logic [31:0]     coll_abort_o,
  output      logic            mr_wr_valid_o,
  output      logic [31:0]     mr_wr_key_o,
  output      logic [63:0]     mr_wr_base_o,
  output      logic [63:0]     mr_wr_len_o,
  output      logic            sched_wr_valid_o,
  output      logic [15:0]     sched_wr_addr_o,
  output      logic [255:0]    sched_wr_data_o,

  input  wire logic [31:0]     status_i,
  input  wire logic [15*32-1:0] counters_i
);
  localparam int unsigned NumCounters = 15;
  localparam logic [31:0] CapsNodes =
      {16'(tally_pkg::NumLanes), 8'd1, 8'(tally_pkg::MaxNodes)};
  localparam logic [31:0] CapsMatch =
      {16'(tally_pkg::PostedEntries), 16'(tally_pkg::UnexpectedEntries)};
  localparam logic [31:0] CapsSched = {16'(tally_pkg::Mtu), 16'(tally_pkg::ScheduleEntries)};

  // Write channel.
  logic        b_valid_q, wr;
  logic [15:0] wr_addr;
  logic [31:0] wr_data;
  assign wr = s_axil_aw_valid_i && s_axil_w_valid_i && (!b_valid_q || s_axil_b_ready_i);
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
  end

  // Registers.
  logic [31:0] control_q, node_q, nodes_q, sched_addr_q, sq_log2_q, cq_log2_q, enable_q, cq_head_q;
  logic [63:0] sq_base_q, cq_base_q, bounce_q;
  always_ff @(posedge clk_i) begin : p_rw
    if (!rst_ni) begin
      control_q    <= '0;
      node_q       <= '0;
      nodes_q      <= '0;
      sched_addr_q <= '0;
      sq_base_q    <= '0;
      sq_log2_q    <= '0;
      cq_base_q    <= '0;
      cq_log2_q    <= '0;
      bounce_q     <= '0;
      enable_q     <= '0;
      cq_head_q    <= '0;
    end else if (wr) begin
      unique case (wr_addr)
        tally_pkg::RegGlobalControl:    control_q         <= wr_data;
        tally_pkg::RegGlobalNode:       node_q            <= wr_data;
        tally_pkg::RegGlobalNodes:      nodes_q           <= wr_data;
        tally_pkg::RegGlobalSchedAddr:  sched_addr_q      <= wr_data;
        tally_pkg::RegGlobalSchedData7: sched_addr_q      <= sched_addr_q + 32'd1;
        tally_pkg::RegEpSqBaseLo:       sq_base_q[31:0]   <= wr_data;
        tally_pkg::RegEpSqBaseHi:       sq_base_q[63:32]  <= wr_data;
        tally_pkg::RegEpSqLog2:         sq_log2_q         <= wr_data;
        tally_pkg::RegEpCqBaseLo:       cq_base_q[31:0]   <= wr_data;
        tally_pkg::RegEpCqBaseHi:       cq_base_q[63:32]  <= wr_data;
        tally_pkg::RegEpCqLog2:         cq_log2_q         <= wr_data;
        tally_pkg::RegEpBounceLo:       bounce_q[31:0]    <= wr_data;
        tally_pkg::RegEpBounceHi:       bounce_q[63:32]   <= wr_data;
        tally_pkg::RegEpEnable:         enable_q          <= wr_data;
        tally_pkg::RegEpCqHead:         cq_head_q         <= wr_data;
        default: ;
      endcase
    end
  end

  // Write-only payloads: descriptor window, instruction, region.
  logic [511:0] desc_q;
  logic [255:0] sched_data_q;
  logic [15:0]  sched_wr_addr_q, sq_tail_q;
  logic [63:0]  mr_base_q, mr_len_q;
  logic [31:0]  mr_key_q, coll_abort_q;
  logic         wr_desc, wr_sched;
  assign wr_desc  = wr && wr_addr[15:6] == tally_pkg::RegEpDesc0[15:6];
  assign wr_sched = wr && wr_addr[15:5] == tally_pkg::RegGlobalSchedData0[15:5];
  always_ff @(posedge clk_i) begin : p_payload
    if (wr_desc) desc_q[wr_addr[5:2]*32 +: 32] <= wr_data;
    if (wr_sched) sched_data_q[wr_addr[4:2]*32 +: 32] <= wr_data;
    if (wr) begin
      unique case (wr_addr)
        tally_pkg::RegGlobalSchedData7: sched_wr_addr_q  <= sched_addr_q[15:0];
        tally_pkg::RegEpSqTail:         sq_tail_q        <= wr_data[15:0];
        tally_pkg::RegEpCollAbort:      coll_abort_q     <= wr_data;
        tally_pkg::RegEpMrBaseLo:       mr_base_q[31:0]  <= wr_data;
        tally_pkg::RegEpMrBaseHi:       mr_base_q[63:32] <= wr_data;
        tally_pkg::RegEpMrLenLo:        mr_len_q[31:0]   <= wr_data;
        tally_pkg::RegEpMrLenHi:        mr_len_q[63:32]  <= wr_data;
        tally_pkg::RegEpMrKey:          mr_key_q         <= wr_data;
        default: ;
      endcase
    end
  end

  logic sq_tail_valid_q, desc_valid_q, coll_abort_valid_q, mr_wr_valid_q, sched_wr_valid_q;
  always_ff @(posedge clk_i) begin : p_pulse
    if (!rst_ni) begin
      sq_tail_valid_q    <= 1'b0;
      desc_valid_q       <= 1'b0;
      coll_abort_valid_q <= 1'b0;
      mr_wr_valid_q      <= 1'b0;
      sched_wr_valid_q   <= 1'b0;
    end else begin
      sq_tail_valid_q    <= wr && wr_addr == tally_pkg::RegEpSqTail;
      desc_valid_q       <= wr && wr_addr == tally_pkg::RegEpDesc15;
      coll_abort_valid_q <= wr && wr_addr == tally_pkg::RegEpCollAbort;
      mr_wr_valid_q      <= wr && wr_addr == tally_pkg::RegEpMrKey;
      sched_wr_valid_q   <= wr && wr_addr == tally_pkg::RegGlobalSchedData7;
    end
  end

  assign control_o          = control_q[0];
  assign node_o             = node_q[15:0];
  assign nodes_o            = nodes_q[15:0];
  assign sq_base_o          = sq_base_q;
  assign sq_log2_o          = sq_log2_q[3:0];
  assign cq_base_o          = cq_base_q;
  assign cq_log2_o          = cq_log2_q[3:0];
  assign bounce_o           = bounce_q;
  assign ep_enable_o        = enable_q[0];
  assign cq_head_o          = cq_head_q[15:0];
  assign sq_tail_valid_o    = sq_tail_valid_q;
  assign sq_tail_o          = sq_tail_q;
  assign desc_valid_o       = desc_valid_q;
  assign desc_o             = desc_q;
  assign coll_abort_valid_o = coll_abort_valid_q;
  assign coll_abort_o       = coll_abort_q;
  assign mr_wr_valid_o      = mr_wr_valid_q;
  assign mr_wr_key_o        = mr_key_q;
  assign mr_wr_base_o       = mr_base_q;
  assign mr_wr_len_o        = mr_len_q;
  assign sched_wr_valid_o   = sched_wr_valid_q;
  assign sched_wr_addr_o    = sched_wr_addr_q;
  assign sched_wr_data_o    = sched_data_q;

  // Read channel.
  logic        r_valid_q, rd;
  logic [15:0] rd_addr;
  logic [31:0] rd_data, r_data_q;
  logic [3:0]  rd_counter;
  logic        rd_in_counters;
  assign rd                = s_axil_ar_valid_i && s_axil_ar_ready_o;
  assign s_axil_ar_ready_o = !r_valid_q || s_axil_r_ready_i;
  assign s_axil_r_valid_o  = r_valid_q;
  assign s_axil_r_data_o   = r_data_q;
  assign s_axil_r_resp_o   = 2'b00;
  assign rd_addr           = {s_axil_ar_addr_i[15:2], 2'b00};
  assign rd_counter        = rd_addr[5:2];
  // The counters are consecutive registers of one 64-byte row.
  assign rd_in_counters    = rd_addr[15:6] == tally_pkg::RegGlobalCntTxPackets[15:6]
                             && rd_counter < 4'(NumCounters);

  always_comb begin : p_read
    rd_data = '0;
    if (rd_in_counters) begin
      rd_data = counters_i[rd_counter*32 +: 32];
    end else begin
      unique case (rd_addr)
        tally_pkg::RegGlobalId:        rd_data = tally_pkg::DeviceId;
        tally_pkg::RegGlobalVersion:   rd_data = tally_pkg::DeviceVersion;
        tally_pkg::RegGlobalCapsNodes: rd_data = CapsNodes;
        tally_pkg::RegGlobalCapsMatch: rd_data = CapsMatch;
        tally_pkg::RegGlobalCapsSched: rd_data = CapsSched;
        tally_pkg::RegGlobalControl:   rd_data = control_q;
        tally_pkg::RegGlobalNode:      rd_data = node_q;
        tally_pkg::RegGlobalNodes:     rd_data = nodes_q;
        tally_pkg::RegGlobalStatus:    rd_data = status_i;
        tally_pkg::RegGlobalSchedAddr: rd_data = sched_addr_q;
        tally_pkg::RegEpSqBaseLo:      rd_data = sq_base_q[31:0];
        tally_pkg::RegEpSqBaseHi:      rd_data = sq_base_q[63:32];
        tally_pkg::RegEpSqLog2:        rd_data = sq_log2_q;
        tally_pkg::RegEpCqBaseLo:      rd_data = cq_base_q[31:0];
        tally_pkg::RegEpCqBaseHi:      rd_data = cq_base_q[63:32];
        tally_pkg::RegEpCqLog2:        rd_data = cq_log2_q;
        tally_pkg::RegEpBounceLo:      rd_data = bounce_q[31:0];
        tally_pkg::RegEpBounceHi:      rd_data = bounce_q[63:32];
        tally_pkg::RegEpEnable:        rd_data = enable_q;
        tally_pkg::RegEpCqHead:        rd_data = cq_head_q;
        default:                       rd_data = '0;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin : p_r
    if (!rst_ni) r_valid_q <= 1'b0;
    else if (rd) r_valid_q <= 1'b1;
    else if (s_axil_r_ready_i) r_valid_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin : p_r_payload
    if (rd) r_data_q <= rd_data;
  end

  logic unused_addr_bits;
  assign unused_addr_bits = ^{s_axil_aw_addr_i[1:0], s_axil_ar_addr_i[1:0]};

  `TALLY_ASSERT_STABLE(RStable_A, s_axil_r_valid_o, s_axil_r_ready_i, s_axil_r_data_o)
  `TALLY_ASSERT(BStable_A, (s_axil_b_valid_o && !s_axil_b_ready_i) |=> s_axil_b_valid_o)
  `TALLY_ASSERT(DescPulse_A, desc_valid_o |-> $past(wr))
endmodule

`default_nettype wire

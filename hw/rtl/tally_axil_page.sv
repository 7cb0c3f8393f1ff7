// SPDX-License-Identifier: BSD-3-Clause
// The registers of one endpoint's doorbell page.
//
// Ordering: a write acts at the end of its cycle. Latency: reads are combinational. Throughput: one
// write and one read a cycle. Storage: the RW registers, 512 bits.
// Limitations: doorbells, the descriptor window and the region registers are tally_axil_regs's;
// they read 0.
`default_nettype none
`include "tally_assert.svh"

module tally_axil_page (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,

  // Offsets within the page, whole words.
  input  wire logic        wr_i,
  input  wire logic [11:0] wr_addr_i,
  input  wire logic [31:0] wr_data_i,
  input  wire logic [11:0] rd_addr_i,
  output      logic [31:0] rd_data_o,

  input  wire logic        status_i,

  output      logic [63:0] sq_base_o,
  output      logic [3:0]  sq_log2_o,
  output      logic [63:0] cq_base_o,
  output      logic [3:0]  cq_log2_o,
  output      logic [15:0] cq_head_o,
  output      logic [63:0] bounce_o,
  output      logic        enable_o,
  output      logic [63:0] spill_base_o,
  output      logic [3:0]  spill_log2_o,
  output      logic [15:0] spill_head_o,
  output      logic [3:0]  rank_o,
  output      logic [4:0]  ranks_o
);
  logic [63:0] sq_base_q, cq_base_q, bounce_q, spill_base_q;
  logic [31:0] sq_log2_q, cq_log2_q, enable_q, cq_head_q, spill_log2_q, spill_head_q, rank_q,
               ranks_q;

  always_ff @(posedge clk_i) begin : p_rw
    if (!rst_ni) begin
      sq_base_q    <= '0;
      sq_log2_q    <= '0;
      cq_base_q    <= '0;
      cq_log2_q    <= '0;
      bounce_q     <= '0;
      enable_q     <= '0;
      cq_head_q    <= '0;
      spill_base_q <= '0;
      spill_log2_q <= '0;
      spill_head_q <= '0;
      rank_q       <= '0;
      ranks_q      <= '0;
    end else if (wr_i) begin
      unique case (wr_addr_i)
        tally_pkg::RegEpSqBaseLo[11:0]:  sq_base_q[31:0]     <= wr_data_i;
        tally_pkg::RegEpSqBaseHi[11:0]:  sq_base_q[63:32]    <= wr_data_i;
        tally_pkg::RegEpSqLog2[11:0]:    sq_log2_q           <= wr_data_i;
        tally_pkg::RegEpCqBaseLo[11:0]:  cq_base_q[31:0]     <= wr_data_i;
        tally_pkg::RegEpCqBaseHi[11:0]:  cq_base_q[63:32]    <= wr_data_i;
        tally_pkg::RegEpCqLog2[11:0]:    cq_log2_q           <= wr_data_i;
        tally_pkg::RegEpBounceLo[11:0]:  bounce_q[31:0]      <= wr_data_i;
        tally_pkg::RegEpBounceHi[11:0]:  bounce_q[63:32]     <= wr_data_i;
        tally_pkg::RegEpEnable[11:0]:    enable_q            <= wr_data_i;
        tally_pkg::RegEpCqHead[11:0]:    cq_head_q           <= wr_data_i;
        tally_pkg::RegEpSpillLo[11:0]:   spill_base_q[31:0]  <= wr_data_i;
        tally_pkg::RegEpSpillHi[11:0]:   spill_base_q[63:32] <= wr_data_i;
        tally_pkg::RegEpSpillLog2[11:0]: spill_log2_q        <= wr_data_i;
        tally_pkg::RegEpSpillHead[11:0]: spill_head_q        <= wr_data_i;
        tally_pkg::RegEpRank[11:0]:      rank_q              <= wr_data_i;
        tally_pkg::RegEpRanks[11:0]:     ranks_q             <= wr_data_i;
        default: ;
      endcase
    end
  end

  always_comb begin : p_read
    rd_data_o = '0;
    unique case (rd_addr_i)
      tally_pkg::RegEpSqBaseLo[11:0]:  rd_data_o = sq_base_q[31:0];
      tally_pkg::RegEpSqBaseHi[11:0]:  rd_data_o = sq_base_q[63:32];
      tally_pkg::RegEpSqLog2[11:0]:    rd_data_o = sq_log2_q;
      tally_pkg::RegEpCqBaseLo[11:0]:  rd_data_o = cq_base_q[31:0];
      tally_pkg::RegEpCqBaseHi[11:0]:  rd_data_o = cq_base_q[63:32];
      tally_pkg::RegEpCqLog2[11:0]:    rd_data_o = cq_log2_q;
      tally_pkg::RegEpBounceLo[11:0]:  rd_data_o = bounce_q[31:0];
      tally_pkg::RegEpBounceHi[11:0]:  rd_data_o = bounce_q[63:32];
      tally_pkg::RegEpEnable[11:0]:    rd_data_o = enable_q;
      tally_pkg::RegEpCqHead[11:0]:    rd_data_o = cq_head_q;
      tally_pkg::RegEpSpillLo[11:0]:   rd_data_o = spill_base_q[31:0];
      tally_pkg::RegEpSpillHi[11:0]:   rd_data_o = spill_base_q[63:32];
      tally_pkg::RegEpSpillLog2[11:0]: rd_data_o = spill_log2_q;
      tally_pkg::RegEpSpillHead[11:0]: rd_data_o = spill_head_q;
      tally_pkg::RegEpRank[11:0]:      rd_data_o = rank_q;
      tally_pkg::RegEpRanks[11:0]:     rd_data_o = ranks_q;
      tally_pkg::RegEpEpStatus[11:0]:  rd_data_o = {31'd0, status_i};
      default:                         rd_data_o = '0;
    endcase
  end

  assign sq_base_o    = sq_base_q;
  assign sq_log2_o    = sq_log2_q[3:0];
  assign cq_base_o    = cq_base_q;
  assign cq_log2_o    = cq_log2_q[3:0];
  assign cq_head_o    = cq_head_q[15:0];
  assign bounce_o     = bounce_q;
  assign enable_o     = enable_q[0];
  assign spill_base_o = spill_base_q;
  assign spill_log2_o = spill_log2_q[3:0];
  assign spill_head_o = spill_head_q[15:0];
  assign rank_o       = rank_q[3:0];
  assign ranks_o      = ranks_q[4:0];

  `TALLY_ASSERT(WordAddress_A, wr_i |-> wr_addr_i[1:0] == 2'd0)
endmodule

`default_nettype wire

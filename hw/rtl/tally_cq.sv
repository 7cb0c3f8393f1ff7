// SPDX-License-Identifier: BSD-3-Clause
// Completion ring writer: merges the completions of all units and writes them to host memory.
//
// Ordering: completions of one unit stay in order; units take turns. A completion is commanded after its
// unit saw its data taken by tally_dma_wr, which writes in grant order: data lands first.
// Latency: 1 cycle to the write command. Throughput: one completion in 3 cycles (command, data, next). Storage: 1 entry.
// Limitations: a full ring (index - head = size) holds completions back; the driver's rules keep that from happening.
`default_nettype none
`include "tally_assert.svh"

module tally_cq #(
  parameter int unsigned NumClients = 4
) (
  input  wire logic                      clk_i,
  input  wire logic                      rst_ni,
  input  wire logic [31:0]               cycle_i,

  input  wire logic                      enable_i,
  input  wire logic [63:0]               base_i,
  input  wire logic [3:0]                log2_i,
  input  wire logic [15:0]               head_i,
  input  wire logic [15:0]               sq_head_i,

  input  wire logic [NumClients-1:0]     cpl_valid_i,
  output      logic [NumClients-1:0]     cpl_ready_o,
  input  wire logic [NumClients*256-1:0] cpl_data_i,

  output      logic                      wr_cmd_valid_o,
  input  wire logic                      wr_cmd_ready_i,
  output      logic [63:0]               wr_cmd_addr_o,
  output      logic [12:0]               wr_cmd_len_o,
  output      logic                      wr_data_valid_o,
  input  wire logic                      wr_data_ready_i,
  output      logic [511:0]              wr_data_o,

  output      logic                      idle_o
);
  localparam int unsigned SelBits = NumClients > 1 ? $clog2(NumClients) : 1;

  logic                cmd_pending_q, data_pending_q;
  logic [255:0]        entry_q;
  logic [63:0]         addr_q;
  logic [15:0]         index_q;
  logic [SelBits-1:0]  turn_q;

  logic                any;
  logic [SelBits-1:0]  sel;
  logic [255:0]        picked;
  logic [15:0]         mask;
  logic                room, take;
  tally_pkg::cqe_t     cqe_in, cqe_out;

  // The first valid client at or after turn_q.
  always_comb begin : p_pick
    any    = 1'b0;
    sel    = '0;
    picked = '0;
    for (int unsigned k = 0; k < 2 * NumClients; k++) begin
      if (!any && cpl_valid_i[k % NumClients] && (k >= 32'(turn_q))) begin
        any    = 1'b1;
        sel    = SelBits'(k % NumClients);
        picked = cpl_data_i[(k % NumClients)*256 +: 256];
      end
    end
  end

  assign mask = (16'd1 << log2_i) - 16'd1;
  assign room = (index_q - head_i) <= mask;
  assign take = any && room && enable_i && !cmd_pending_q && !data_pending_q;

  always_comb begin : p_ready
    cpl_ready_o      = '0;
    cpl_ready_o[sel] = take;
  end

  assign cqe_in = picked;
  always_comb begin : p_entry
    cqe_out           = cqe_in;
    cqe_out.cycles    = cycle_i - cqe_in.cycles;
    cqe_out.sq_head   = sq_head_i;
    cqe_out.phase     = {7'd0, ~index_q[log2_i]};
  end

  assign wr_cmd_valid_o  = cmd_pending_q;
  assign wr_cmd_addr_o   = addr_q;
  assign wr_cmd_len_o    = 13'(tally_pkg::CqeBits / 8);
  assign wr_data_valid_o = data_pending_q;
  assign wr_data_o       = {256'd0, entry_q};
  assign idle_o          = !cmd_pending_q && !data_pending_q && cpl_valid_i == '0;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni || !enable_i) begin
      cmd_pending_q  <= 1'b0;
      data_pending_q <= 1'b0;
      index_q        <= '0;
      turn_q         <= '0;
    end else begin
      if (wr_cmd_valid_o && wr_cmd_ready_i) cmd_pending_q <= 1'b0;
      if (wr_data_valid_o && wr_data_ready_i) data_pending_q <= 1'b0;
      if (take) begin
        cmd_pending_q  <= 1'b1;
        data_pending_q <= 1'b1;
        index_q        <= index_q + 16'd1;
        turn_q         <= (sel == SelBits'(NumClients - 1)) ? '0 : sel + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_entry_q
    if (take) begin
      entry_q <= cqe_out;
      addr_q  <= base_i + 64'({index_q & mask, 5'd0});
    end
  end

  `TALLY_ASSERT_STABLE(CmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, wr_cmd_addr_o)
  `TALLY_ASSERT_STABLE(DataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
  `TALLY_ASSERT(OneReady_A, $onehot0(cpl_ready_o))
endmodule

`default_nettype wire

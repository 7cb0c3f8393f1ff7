// SPDX-License-Identifier: BSD-3-Clause
// Completion rings: collects the completions of all units for each endpoint and writes them to its
// ring.
//
// Ordering: completions of one unit for one endpoint stay in order; units take turns, and so do
// endpoints. A completion is commanded after its unit saw its data taken by tally_dma_wr, which
// writes in grant order: data lands first.
// A completion of an endpoint for which nothing waits goes past the FIFOs.
// Latency: 2 cycles to the write command when nothing waits, else 4 at least. Throughput: one
// completion a cycle in; one in 2 cycles out (command, then data), of one endpoint or of several.
// Storage: FifoDepth completions an endpoint (block RAM), 3 completions on their way out.
// A FIFO takes no more from FifoDepth - 1 on.
// A full ring (index - head = size) holds its own endpoint's completions back and no other's. A
// full FIFO, which cannot be by the rules of cq_ok_o, holds back the units that complete for its
// endpoint.
// A disabled endpoint's completions are discarded, those that wait here as well; what has been
// commanded is still written.
// Ready paths: cpl_ready_o depends on cpl_valid_i and cpl_ep_i (arbitration).
`default_nettype none
`include "tally_assert.svh"

module tally_cq #(
  parameter int unsigned NumClients = 6,
  parameter int unsigned FifoDepth  = 512,
  parameter int unsigned OkLevel    = 320,
  localparam int unsigned Eps  = tally_pkg::NumEndpoints,
  localparam int unsigned EpW  = $clog2(Eps)
) (
  input  wire logic                      clk_i,
  input  wire logic                      rst_ni,
  input  wire logic [31:0]               cycle_i,

  input  wire logic [Eps-1:0]            enable_i,
  input  wire logic [Eps*64-1:0]         base_i,
  input  wire logic [Eps*4-1:0]          log2_i,
  input  wire logic [Eps*16-1:0]         head_i,
  input  wire logic [Eps*16-1:0]         sq_head_i,

  // Field cycles holds the cycle at which the operation came; sq_head and phase are filled in here.
  input  wire logic [NumClients-1:0]     cpl_valid_i,
  output      logic [NumClients-1:0]     cpl_ready_o,
  input  wire logic [NumClients*256-1:0] cpl_data_i,
  input  wire logic [NumClients*EpW-1:0] cpl_ep_i,

  // Fewer than OkLevel completions of the endpoint wait.
  output      logic [Eps-1:0]            cq_ok_o,

  output      logic                      wr_cmd_valid_o,
  input  wire logic                      wr_cmd_ready_i,
  output      logic [63:0]               wr_cmd_addr_o,
  output      logic [12:0]               wr_cmd_len_o,
  output      logic                      wr_data_valid_o,
  input  wire logic                      wr_data_ready_i,
  output      logic [511:0]              wr_data_o,

  // A completion had to wait for room in its ring: one pulse for each.
  output      logic                      full_o,
  output      logic                      idle_o
);
  if (NumClients < 1 || (1 << $clog2(FifoDepth)) != FifoDepth || FifoDepth < 2 ||
      OkLevel > FifoDepth)
  begin : gen_bad_sizes
    $error("tally_cq: FifoDepth must be a power of two from 2, OkLevel at most that");
  end

  localparam int unsigned PtrW = $clog2(FifoDepth);
  localparam int unsigned LevelW = PtrW + 1;
  localparam int unsigned CntW = $clog2(Eps + 1) + 1;

  // --- in: the first client at or after the turn whose endpoint has a place ----------------------
  logic [NumClients-1:0] after_q;   // clients at or after the turn
  logic [NumClients-1:0] able, able_after, grant;
  logic [Eps-1:0]        fifo_full, push, pop, claim;
  logic                  in_valid_q, store, past;
  logic [255:0]          picked, in_data_q;
  logic [EpW-1:0]        picked_ep, in_ep_q;

  always_comb begin : p_pick
    for (int unsigned k = 0; k < NumClients; k++) begin
      able[k] = cpl_valid_i[k] && !fifo_full[cpl_ep_i[k*EpW +: EpW]];
    end
    able_after = able & after_q;
    // The lowest bit that is set.
    grant = able_after != '0 ? able_after & (~able_after + 1'b1) : able & (~able + 1'b1);
    picked    = '0;
    picked_ep = '0;
    for (int unsigned k = 0; k < NumClients; k++) begin
      if (grant[k]) begin
        picked    = picked | cpl_data_i[k*256 +: 256];
        picked_ep = picked_ep | cpl_ep_i[k*EpW +: EpW];
      end
    end
  end
  assign cpl_ready_o = grant;

  always_ff @(posedge clk_i) begin : p_turn
    if (!rst_ni) begin
      after_q    <= '1;
      in_valid_q <= 1'b0;
    end else begin
      // Those above the granted one.
      if (grant != '0) after_q <= ~(grant | (grant - 1'b1));
      in_valid_q <= grant != '0 && enable_i[picked_ep] && !past;
    end
  end
  always_ff @(posedge clk_i) begin : p_in
    in_data_q <= picked;
    in_ep_q   <= picked_ep;
  end
  assign store = in_valid_q && enable_i[in_ep_q];

  // --- the endpoints' FIFOs: one memory, a part for each -----------------------------------------
  logic [255:0]          mem [Eps * FifoDepth];
  logic [Eps*PtrW-1:0]   wr_ptr, rd_ptr;
  logic [Eps*16-1:0]     index;
  logic [Eps-1:0]        waits, room, blocked;   // blocked: a new one that has to wait for room
  logic                  fire;
  logic [EpW-1:0]        out_ep, ep_turn_q;
  logic [255:0]          r_data_q;

  always_ff @(posedge clk_i) begin : p_mem
    if (store) mem[{in_ep_q, wr_ptr[in_ep_q*PtrW +: PtrW]}] <= in_data_q;
  end
  always_ff @(posedge clk_i) begin : p_read
    if (fire) r_data_q <= mem[{out_ep, rd_ptr[out_ep*PtrW +: PtrW]}];
  end

  for (genvar e = 0; e < Eps; e++) begin : gen_ep
    logic [LevelW-1:0] level_q;
    logic [PtrW-1:0]   wr_q, rd_q;
    logic [15:0]       index_q, used, mask;
    logic              room_q, counted_q;

    assign push[e]      = store && in_ep_q == EpW'(e);
    assign pop[e]       = fire && out_ep == EpW'(e);
    // A place in the ring is used.
    assign claim[e]     = pop[e] || (past && picked_ep == EpW'(e));
    // One may be on its way in.
    assign fifo_full[e] = level_q >= LevelW'(FifoDepth - 1);
    assign waits[e]     = level_q != '0;
    assign room[e]      = room_q;
    assign cq_ok_o[e]   = level_q < LevelW'(OkLevel);
    assign mask         = (16'd1 << log2_i[e*4 +: 4]) - 16'd1;
    assign used         = index_q - head_i[e*16 +: 16];
    // room_q is two cycles behind an enable and never says too much.
    assign blocked[e]   = waits[e] && !room_q && !counted_q;

    always_ff @(posedge clk_i) begin : p_fifo
      if (!rst_ni || !enable_i[e]) begin
        level_q   <= '0;
        wr_q      <= '0;
        rd_q      <= '0;
        index_q   <= '0;
        room_q    <= 1'b0;
        counted_q <= 1'b0;
      end else begin
        level_q <= level_q + LevelW'(push[e]) - LevelW'(pop[e]);
        if (push[e]) wr_q <= wr_q + 1'b1;
        if (pop[e]) rd_q <= rd_q + 1'b1;
        if (claim[e]) index_q <= index_q + 16'd1;
        room_q    <= claim[e] ? used < mask : used <= mask;
        counted_q <= !pop[e] && (counted_q || blocked[e]);
      end
    end
    assign wr_ptr[e*PtrW +: PtrW] = wr_q;
    assign rd_ptr[e*PtrW +: PtrW] = rd_q;
    assign index[e*16 +: 16]      = index_q;

    `TALLY_ASSERT(NoOverflow_A, push[e] |-> !level_q[PtrW])
    `TALLY_ASSERT(NoUnderflow_A, pop[e] |-> level_q != '0)
    `TALLY_ASSERT(LevelBound_A, level_q <= LevelW'(FifoDepth))
  end

  // Several may begin to wait in one cycle; the pulses come one after another.
  logic [CntW-1:0] full_count_q, full_new;
  always_comb begin : p_full_new
    full_new = '0;
    for (int unsigned e = 0; e < Eps; e++) full_new = full_new + CntW'(blocked[e]);
  end
  always_ff @(posedge clk_i) begin : p_full
    if (!rst_ni) full_count_q <= '0;
    else full_count_q <= full_count_q + full_new - CntW'(full_count_q != '0);
  end
  assign full_o = full_count_q != '0;

  // --- out: endpoint in turn, read, write command ------------------------------------------------
  logic               r_valid_q, r_move, r_live, r_past_q;
  logic [255:0]       past_data_q;
  logic [EpW-1:0]     r_ep_q;
  logic [15:0]        r_index_q;
  logic               cmd_pending_q, data_pending_q, out_free, can;
  logic [63:0]        addr_q;
  logic [255:0]       entry_q;
  tally_pkg::cqe_t    cqe_in, cqe_out;
  logic [3:0]         r_log2;
  logic [15:0]        r_mask;

  always_comb begin : p_out_pick
    can    = 1'b0;
    out_ep = '0;
    for (int unsigned i = 1; i <= Eps; i++) begin
      if (!can && waits[EpW'(32'(ep_turn_q) + i)] && room[EpW'(32'(ep_turn_q) + i)]) begin
        can    = 1'b1;
        out_ep = EpW'(32'(ep_turn_q) + i);
      end
    end
  end
  // Past the FIFOs: nothing of the endpoint waits there or is on its way in, and no other one goes.
  assign past     = grant != '0 && enable_i[picked_ep] && room[picked_ep] && !waits[picked_ep] &&
                    !in_valid_q && !can && (!r_live || out_free);
  assign out_free = (!cmd_pending_q || wr_cmd_ready_i) && (!data_pending_q || wr_data_ready_i);
  assign r_live   = r_valid_q && enable_i[r_ep_q];
  assign r_move   = r_live && out_free;
  assign fire     = can && enable_i[out_ep] && (!r_live || out_free);

  assign r_log2 = log2_i[r_ep_q*4 +: 4];
  assign r_mask = (16'd1 << r_log2) - 16'd1;
  assign cqe_in = r_past_q ? past_data_q : r_data_q;
  always_comb begin : p_entry
    cqe_out         = cqe_in;
    cqe_out.cycles  = cycle_i - cqe_in.cycles;
    cqe_out.sq_head = sq_head_i[r_ep_q*16 +: 16];
    cqe_out.phase   = {7'd0, ~r_index_q[r_log2]};
  end

  always_ff @(posedge clk_i) begin : p_out
    if (!rst_ni) begin
      ep_turn_q      <= '0;
      r_valid_q      <= 1'b0;
      cmd_pending_q  <= 1'b0;
      data_pending_q <= 1'b0;
    end else begin
      if (fire) ep_turn_q <= out_ep;
      r_valid_q <= fire || past || (r_live && !r_move);
      if (r_move) begin
        cmd_pending_q  <= 1'b1;
        data_pending_q <= 1'b1;
      end else begin
        if (wr_cmd_ready_i) cmd_pending_q <= 1'b0;
        if (wr_data_ready_i) data_pending_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_out_payload
    if (fire || past) begin
      r_ep_q    <= past ? picked_ep : out_ep;
      r_index_q <= past ? index[picked_ep*16 +: 16] : index[out_ep*16 +: 16];
      r_past_q  <= past;
    end
    if (past) past_data_q <= picked;
    if (r_move) begin
      entry_q <= cqe_out;
      addr_q  <= base_i[r_ep_q*64 +: 64] + 64'({r_index_q & r_mask, 5'd0});
    end
  end

  assign wr_cmd_valid_o  = cmd_pending_q;
  assign wr_cmd_addr_o   = addr_q;
  assign wr_cmd_len_o    = 13'(tally_pkg::CqeBits / 8);
  assign wr_data_valid_o = data_pending_q;
  assign wr_data_o       = {256'd0, entry_q};
  assign idle_o          = cpl_valid_i == '0 && !in_valid_q && waits == '0 && !r_valid_q &&
                           !cmd_pending_q &&
                           !data_pending_q && full_count_q == '0;

  `TALLY_ASSERT_STABLE(CmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, wr_cmd_addr_o)
  `TALLY_ASSERT_STABLE(DataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
  `TALLY_ASSERT(OneReady_A, $onehot0(cpl_ready_o))
  `TALLY_ASSERT(FullBound_A, full_count_q <= CntW'(2 * Eps))
endmodule

`default_nettype wire

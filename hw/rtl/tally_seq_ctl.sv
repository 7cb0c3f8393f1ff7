// SPDX-License-Identifier: BSD-3-Clause
// Control of the sequencer: descriptor queue, checks at the start, end and completion, broken
// contexts.
//
// Ordering: collectives in the order of their descriptors, one at a time. Latency: 8 cycles from a
// descriptor to start_o. Throughput: the next collective starts 8 cycles after a completion was
// accepted.
// Storage: CollectiveQueue descriptors.
// Limitations: the abort of a collective that waits in the queue is kept for one collective at a
// time.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_ctl #(
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned AddrW = $clog2(tally_pkg::ScheduleEntries),
  localparam int unsigned Contexts = tally_pkg::CollectiveContexts,
  localparam int unsigned CtxW = $clog2(Contexts)
) (
  input  wire logic                   clk_i,
  input  wire logic                   rst_ni,
  input  wire logic                   ep_enable_i,

  input  wire logic                   cmd_valid_i,
  output      logic                   cmd_ready_o,
  input  wire logic [511:0]           cmd_desc_i,
  input  wire logic [31:0]            cmd_arrival_i,

  // Schedule header.
  output      logic                   hdr_rd_o,
  output      logic [AddrW-1:0]       hdr_addr_o,
  input  wire logic [159:0]           hdr_i,

  output      logic [31:0]            mr_key_o,
  output      logic [63:0]            mr_addr_o,
  output      logic [31:0]            mr_len_o,
  input  wire logic                   mr_ok_i,

  // The collective. start_o comes one cycle before run_o rises.
  output      logic                   start_o,
  output      logic                   run_o,
  output      logic                   rescan_o,
  output      logic [Contexts-1:0]    broken_o,
  output      logic [15:0]            context_o,
  output      logic [15:0]            seq_o,
  output      logic [15:0]            signature_o,
  output      logic [31:0]            count_o,
  output      logic [7:0]             dtype_o,
  output      logic [7:0]             redop_o,
  output      logic [63:0]            input_addr_o,
  output      logic [63:0]            output_addr_o,
  output      logic [63:0]            scratch_addr_o,
  output      logic [31:0]            chunk_bytes_o,
  output      logic [31:0]            total_bytes_o,
  output      logic [31:0]            scratch_bytes_o,
  output      logic                   in_place_o,
  output      logic [Lanes*16-1:0]    lane_len_o,
  output      logic [Lanes*AddrW-1:0] lane_pc_o,

  // Reasons to end.
  input  wire logic                   lanes_done_i,
  input  wire logic                   fault_i,
  input  wire logic                   mismatch_i,
  input  wire logic [15:0]            mismatch_source_i,
  input  wire logic [31:0]            mismatch_detail_i,
  input  wire logic                   abort_valid_i,
  input  wire logic [31:0]            abort_i,
  // Jobs finished and writes handed over; reads answered; headers of packets gone.
  input  wire logic                   exec_quiet_i,
  input  wire logic                   reads_idle_i,
  input  wire logic                   heads_out_i,

  output      logic                   cpl_valid_o,
  input  wire logic                   cpl_ready_i,
  output      logic [255:0]           cpl_data_o,

  output      logic                   idle_o,
  output      logic                   collective_done_o,
  output      logic                   protection_o
);
  // Byte offsets of fields that BadField names.
  localparam logic [31:0] AtDtype = 32'd1;
  localparam logic [31:0] AtContext = 32'd2;
  localparam logic [31:0] AtRedop = 32'd6;
  localparam logic [31:0] AtSchedule = 32'd8;
  localparam int unsigned LenSumW = 18;

  if (Lanes != 4) begin : gen_bad_lanes
    $error("tally_seq_ctl: a schedule header holds four lanes");
  end

  // --- queue -------------------------------------------------------------------------------------
  logic         q_valid, q_pop;
  logic [543:0] q_data;
  logic [$clog2(tally_pkg::CollectiveQueue + 1)-1:0] q_level;
  tally_fifo #(.Width(544), .Depth(tally_pkg::CollectiveQueue)) u_queue (
    .clk_i, .rst_ni,
    .in_valid_i(cmd_valid_i), .in_ready_o(cmd_ready_o), .in_data_i({cmd_arrival_i, cmd_desc_i}),
    .out_valid_o(q_valid), .out_ready_i(q_pop), .out_data_o(q_data), .level_o(q_level)
  );

  // --- descriptor --------------------------------------------------------------------------------
  logic [543:0] desc_q;
  logic [15:0]  schedule;
  logic [31:0]  input_key, output_key, scratch_key, cookie, arrival;
  logic         unused_desc;
  assign dtype_o = desc_q[1*8 +: 8];
  assign context_o = desc_q[2*8 +: 16];
  assign seq_o = desc_q[4*8 +: 16];
  assign redop_o = desc_q[6*8 +: 8];
  assign schedule = desc_q[8*8 +: 16];
  assign signature_o = desc_q[10*8 +: 16];
  assign count_o = desc_q[12*8 +: 32];
  assign input_addr_o = desc_q[16*8 +: 64];
  assign output_addr_o = desc_q[24*8 +: 64];
  assign scratch_addr_o = desc_q[32*8 +: 64];
  assign input_key = desc_q[40*8 +: 32];
  assign output_key = desc_q[44*8 +: 32];
  assign scratch_key = desc_q[48*8 +: 32];
  assign chunk_bytes_o = desc_q[52*8 +: 32];
  assign total_bytes_o = desc_q[56*8 +: 32];
  assign cookie = desc_q[60*8 +: 32];
  assign arrival = desc_q[64*8 +: 32];
  assign unused_desc = ^{desc_q[7:0], desc_q[7*8 +: 8], q_level};

  logic dtype_ok, redop_ok;
  assign dtype_ok = dtype_o == tally_pkg::DtypeNone || dtype_o == tally_pkg::DtypeByte ||
                    dtype_o == tally_pkg::DtypeI32 || dtype_o == tally_pkg::DtypeI64 ||
                    dtype_o == tally_pkg::DtypeF32 || dtype_o == tally_pkg::DtypeF64;
  assign redop_ok = redop_o == tally_pkg::RedopNone || redop_o == tally_pkg::RedopSum ||
                    redop_o == tally_pkg::RedopMin || redop_o == tally_pkg::RedopMax;

  // --- schedule header ---------------------------------------------------------------------------
  logic [7:0]         h_lanes;
  logic [15:0]        h_scratch, scratch_chunks_q;
  logic [63:0]        h_len, len_q;
  logic [LenSumW-1:0] end_of_lanes;
  logic [47:0]        scratch_size_q;
  logic               h_bad, unused_hdr;
  assign h_lanes = hdr_i[7:0];
  assign h_scratch = hdr_i[10*8 +: 16];
  always_comb begin : p_header
    h_len = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      if (8'(l) < h_lanes) h_len[l*16 +: 16] = hdr_i[16 + l*16 +: 16];
    end
    end_of_lanes = LenSumW'(schedule) + LenSumW'(1) + LenSumW'(len_q[15:0]) +
                   LenSumW'(len_q[31:16]) + LenSumW'(len_q[47:32]) + LenSumW'(len_q[63:48]);
    h_bad = h_lanes == '0 || h_lanes > 8'(Lanes);
  end
  assign unused_hdr = ^{hdr_i[15:8], hdr_i[159:96]};
  assign lane_len_o = len_q;
  always_comb begin : p_pc
    logic [AddrW-1:0] pc;
    pc = schedule[AddrW-1:0] + 1'b1;
    for (int unsigned l = 0; l < Lanes; l++) begin
      lane_pc_o[l*AddrW +: AddrW] = pc;
      pc = pc + len_q[l*16 +: AddrW];
    end
  end
  assign scratch_bytes_o = scratch_size_q[31:0];

  // --- state machine -----------------------------------------------------------------------------
  typedef enum logic [3:0] {
    StIdle, StCheck, StHeader, StSum, StInput, StOutput, StScratch, StStart, StRun,
    StDrain, StComplete
  } state_e;
  state_e              state_q, state_d;
  logic [7:0]          status_q, status_d;
  logic [15:0]         source_q, source_d;
  logic [31:0]         detail_q, detail_d;
  logic [Contexts-1:0] broken_q, broken_d;
  logic                aborted_q, aborted_d, held_q, held_d, in_place_q, enable_q;
  logic                rescan_q, rescan_d;
  logic [31:0]         held_abort_q;
  logic                scratch_big, breaks, hold;

  // The abort is for a collective of the queue, if for any.
  assign hold = abort_valid_i && q_valid && (state_q == StIdle || abort_i != {context_o, seq_o});
  assign scratch_big = scratch_size_q[47:32] != '0;
  always_comb begin : p_mr
    mr_key_o = input_key;
    mr_addr_o = input_addr_o;
    mr_len_o = total_bytes_o;
    if (state_q == StOutput) begin
      mr_key_o = output_key;
      mr_addr_o = output_addr_o;
    end
    if (state_q == StScratch) begin
      mr_key_o = scratch_key;
      mr_addr_o = scratch_addr_o;
      mr_len_o = scratch_size_q[31:0];
    end
  end

  always_comb begin : p_next
    state_d = state_q;
    status_d = status_q;
    source_d = source_q;
    detail_d = detail_q;
    broken_d = broken_q;
    q_pop = 1'b0;
    breaks = 1'b0;
    protection_o = 1'b0;
    collective_done_o = 1'b0;
    // An abort names the collective at work, or one that waits (kept until the queue is empty).
    aborted_d = aborted_q ||
                (state_q != StIdle && abort_valid_i && abort_i == {context_o, seq_o}) ||
                (state_q != StIdle && held_q && held_abort_q == {context_o, seq_o});
    held_d = (held_q || hold) && q_valid;
    unique case (state_q)
      StIdle: begin
        aborted_d = 1'b0;
        status_d = tally_pkg::StatusOk;
        source_d = '0;
        detail_d = '0;
        // The headers of the last collective's packets are made of its descriptor.
        if (q_valid && heads_out_i) begin
          q_pop = 1'b1;
          held_d = held_q || hold;
          state_d = StCheck;
        end
      end
      StCheck: begin
        state_d = StHeader;
        if (context_o[15:CtxW] != '0) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = AtContext;
          state_d = StComplete;
        end else if (broken_q[context_o[CtxW-1:0]]) begin
          status_d = tally_pkg::StatusAborted;
          state_d = StComplete;
        end else if (!dtype_ok || !redop_ok || schedule[15:AddrW] != '0) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = !dtype_ok ? AtDtype : (!redop_ok ? AtRedop : AtSchedule);
          state_d = StComplete;
        end
      end
      StHeader: begin
        state_d = StSum;
        if (h_bad) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = AtSchedule;
          state_d = StComplete;
        end
      end
      StSum: begin
        state_d = StInput;
        if (end_of_lanes > LenSumW'(tally_pkg::ScheduleEntries)) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = AtSchedule;
          state_d = StComplete;
        end
      end
      StInput, StOutput, StScratch: begin
        state_d = state_q == StInput ? StOutput : (state_q == StOutput ? StScratch : StStart);
        if (!mr_ok_i || (state_q == StScratch && scratch_big)) begin
          status_d = tally_pkg::StatusProtection;
          detail_d = mr_key_o;
          protection_o = 1'b1;
          breaks = 1'b1;
          state_d = StComplete;
        end
      end
      StStart: state_d = StRun;
      StRun: begin
        if (aborted_q || mismatch_i || fault_i) begin
          state_d = StDrain;
          breaks = 1'b1;
          if (aborted_q) begin
            status_d = tally_pkg::StatusAborted;
          end else if (mismatch_i) begin
            status_d = tally_pkg::StatusMismatch;
            source_d = mismatch_source_i;
            detail_d = mismatch_detail_i;
          end else begin
            status_d = tally_pkg::StatusBadField;
            detail_d = AtSchedule;
          end
        end else if (lanes_done_i && exec_quiet_i) begin
          state_d = StComplete;
        end
      end
      StDrain: if (exec_quiet_i && reads_idle_i) state_d = StComplete;
      StComplete: begin
        if (cpl_ready_i) begin
          collective_done_o = 1'b1;
          state_d = StIdle;
        end
      end
      default: state_d = StIdle;
    endcase
    if (ep_enable_i && !enable_q) broken_d = '0;
    else if (breaks) broken_d[context_o[CtxW-1:0]] = 1'b1;
    rescan_d = state_d == StStart || breaks || (ep_enable_i && !enable_q);
  end

  assign hdr_rd_o = state_q == StCheck;
  assign hdr_addr_o = schedule[AddrW-1:0];
  assign start_o = state_q == StStart;
  assign run_o = state_q == StRun;
  // One cycle after the change, so that the scanner sees the new state with the pulse.
  assign rescan_o = rescan_q;
  assign broken_o = broken_q;
  assign in_place_o = in_place_q;
  assign cpl_valid_o = state_q == StComplete;
  assign cpl_data_o = {32'h0, detail_q, arrival, context_o, source_q, 32'h0, 32'h0, 16'h0, status_q,
                       tally_pkg::OpcodeCollective, cookie};
  assign idle_o = state_q == StIdle && !q_valid;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q   <= StIdle;
      broken_q  <= '0;
      aborted_q <= 1'b0;
      held_q    <= 1'b0;
      enable_q  <= 1'b0;
      rescan_q  <= 1'b0;
    end else begin
      state_q   <= state_d;
      broken_q  <= broken_d;
      aborted_q <= aborted_d;
      held_q    <= held_d;
      enable_q  <= ep_enable_i;
      rescan_q  <= rescan_d;
    end
    status_q <= status_d;
    source_q <= source_d;
    detail_q <= detail_d;
    if (hold) held_abort_q <= abort_i;
    if (q_pop) desc_q <= q_data;
    if (state_q == StHeader) begin
      len_q            <= h_len;
      scratch_chunks_q <= h_scratch;
    end
    if (state_q == StSum) begin
      scratch_size_q <= 48'(scratch_chunks_q) * 48'(chunk_bytes_o);
      in_place_q     <= 65'(input_addr_o) < 65'(output_addr_o) + 65'(total_bytes_o) &&
                        65'(output_addr_o) < 65'(input_addr_o) + 65'(total_bytes_o);
    end
  end

  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, cpl_data_o)
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Control of the sequencer: queue of descriptors, checks at the start, slots, completions, broken
// contexts.
//
// Ordering: collectives of one context run one after the other, as they were posted; those of
// different contexts overtake each other freely, so that none waits for another context's peers.
// Latency: 10 cycles from a descriptor to start_o, when a slot is free. Throughput: a start each 9
// cycles; a completion each 2.
// Storage: CollectiveQueue descriptors, CollectiveSlots results.
// Limitations: the abort of a collective that waits in the queue is kept for one at a time.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_ctl #(
  localparam int unsigned Slots = tally_pkg::CollectiveSlots,
  localparam int unsigned SlotW = $clog2(Slots),
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

  // Schedule header, two cycles after the request.
  output      logic                   hdr_rd_o,
  output      logic [AddrW-1:0]       hdr_addr_o,
  input  wire logic [255:0]           hdr_i,

  output      logic [31:0]            mr_key_o,
  output      logic [63:0]            mr_addr_o,
  output      logic [31:0]            mr_len_o,
  input  wire logic                   mr_ok_i,

  // A collective starts in slot start_slot_o (pulse); what follows is its description.
  output      logic                   start_o,
  output      logic [SlotW-1:0]       start_slot_o,
  output      logic [CtxW-1:0]        context_o,
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
  output      logic [31:0]            pass_bytes_o,    // of the vector in one pass
  output      logic [31:0]            input_bytes_o,
  output      logic [31:0]            output_bytes_o,
  output      logic [31:0]            scratch_bytes_o,
  output      logic                   in_place_o,
  output      logic                   inline_o,
  output      logic [127:0]           inline_data_o,
  output      logic [Lanes*16-1:0]    lane_len_o,
  output      logic [Lanes*AddrW-1:0] lane_pc_o,

  // Slots under execution; lanes of a slot that is not are to forget everything.
  output      logic [Slots-1:0]       run_o,
  output      logic [Contexts-1:0]    broken_o,
  // Collectives end here: the slot is given up in this cycle.
  output      logic                   free_o,
  output      logic [SlotW-1:0]       free_slot_o,
  output      logic                   clear_o,         // pulse: broken contexts are mended

  input  wire logic                   hold_i,          // start nothing
  input  wire logic [Slots-1:0]       lanes_done_i,
  input  wire logic [Slots-1:0]       quiet_i,         // no read, packet or write of it is under way

  // Reasons to fail, pulses: from the lanes (fault: a bad instruction, else mismatch), from arrivals.
  input  wire logic                   step_fail_i,
  input  wire logic                   step_fault_i,
  input  wire logic [SlotW-1:0]       step_slot_i,
  input  wire logic [15:0]            step_source_i,
  input  wire logic [31:0]            step_detail_i,
  input  wire logic                   rx_fail_i,
  input  wire logic [SlotW-1:0]       rx_slot_i,
  input  wire logic [15:0]            rx_source_i,
  input  wire logic [31:0]            rx_detail_i,
  input  wire logic                   abort_valid_i,
  input  wire logic [31:0]            abort_i,

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
  localparam logic [31:0] AtCount = 32'd12;
  localparam logic [31:0] AtChunkBytes = 32'd44;
  localparam int unsigned LenSumW = 18;
  localparam int unsigned Queue = tally_pkg::CollectiveQueue;
  localparam int unsigned QueueW = $clog2(Queue);
  localparam int unsigned WinAddrW = $clog2(tally_pkg::OperandSlots * tally_pkg::OperandSlotBytes);

  if (Lanes != 4) begin : gen_bad_lanes
    $error("tally_seq_ctl: a schedule header holds four lanes");
  end

  // log2 of the element size; 7 for a type that does not exist.
  function automatic logic [2:0] size_log2(input logic [7:0] dtype);
    case (dtype)
      tally_pkg::DtypeNone, tally_pkg::DtypeByte, tally_pkg::DtypeI8,
      tally_pkg::DtypeU8: size_log2 = 3'd0;
      tally_pkg::DtypeI16, tally_pkg::DtypeU16, tally_pkg::DtypeF16,
      tally_pkg::DtypeBf16: size_log2 = 3'd1;
      tally_pkg::DtypeI32, tally_pkg::DtypeU32, tally_pkg::DtypeF32: size_log2 = 3'd2;
      tally_pkg::DtypeI64, tally_pkg::DtypeU64, tally_pkg::DtypeF64, tally_pkg::DtypeC64,
      tally_pkg::DtypeF32I32, tally_pkg::DtypeI32I32,
      tally_pkg::DtypeI16I32: size_log2 = 3'd3;
      tally_pkg::DtypeC128, tally_pkg::DtypeF64I32, tally_pkg::DtypeI64I32: size_log2 = 3'd4;
      default: size_log2 = 3'd7;
    endcase
  endfunction

  // --- queue -------------------------------------------------------------------------------------
  // Entries in the order of their arrival; the oldest whose context is free goes first.
  logic [543:0]            queue_mem [Queue];
  logic [Queue*CtxW-1:0]   order_ctx_q, order_ctx_d;
  logic [Queue*QueueW-1:0] order_at_q, order_at_d;   // place of the descriptor; unused ones behind
  logic [QueueW:0]         level_q, level_d;
  logic [Contexts-1:0]     busy_ctx_q, busy_ctx_d;   // a collective of it has a slot
  logic                    found_q, push, pick, slot_free;
  logic [QueueW-1:0]       found_at_q, found_at_d;
  logic [SlotW-1:0]        slot_pick;
  logic [543:0]            desc_q;

  assign cmd_ready_o = level_q != (QueueW+1)'(Queue);
  assign push = cmd_valid_i && cmd_ready_o;

  // Found in one cycle, taken in the next or later: what comes in between goes behind, and what ends
  // frees only more.
  logic [Queue-1:0] may, oldest;
  always_comb begin : p_find
    for (int unsigned i = 0; i < Queue; i++) begin
      may[i] = (QueueW+1)'(i) < level_q && !busy_ctx_q[order_ctx_q[i*CtxW +: CtxW]];
    end
    oldest = may & (~may + 1'b1);
    found_at_d = '0;
    for (int unsigned i = 0; i < Queue; i++) begin
      if (oldest[i]) found_at_d = found_at_d | QueueW'(i);
    end
  end
  always_ff @(posedge clk_i) begin : p_found
    if (!rst_ni) found_q <= 1'b0;
    else         found_q <= may != '0 && !pick;
    found_at_q <= found_at_d;
  end

  always_comb begin : p_order
    order_ctx_d = order_ctx_q;
    order_at_d = order_at_q;
    level_d = level_q;
    if (pick) begin
      // Those behind move up; the place that became free goes to the end.
      for (int unsigned i = 0; i < Queue - 1; i++) begin
        if (QueueW'(i) >= found_at_q) begin
          order_ctx_d[i*CtxW +: CtxW] = order_ctx_q[(i+1)*CtxW +: CtxW];
          order_at_d[i*QueueW +: QueueW] = order_at_q[(i+1)*QueueW +: QueueW];
        end
      end
      order_at_d[(Queue-1)*QueueW +: QueueW] = order_at_q[found_at_q*QueueW +: QueueW];
      level_d = level_q - 1'b1;
    end
    if (push) begin
      order_ctx_d[level_d[QueueW-1:0]*CtxW +: CtxW] = cmd_desc_i[2*8 +: CtxW];
      level_d = level_d + 1'b1;
    end
  end

  logic [QueueW-1:0] push_at, push_pos;
  assign push_pos = level_q[QueueW-1:0] - QueueW'(pick);
  assign push_at = order_at_d[push_pos*QueueW +: QueueW];
  always_ff @(posedge clk_i) begin : p_queue
    if (push) queue_mem[push_at] <= {cmd_arrival_i, cmd_desc_i};
    if (pick) desc_q <= queue_mem[order_at_q[found_at_q*QueueW +: QueueW]];
    if (!rst_ni) begin
      level_q <= '0;
      for (int unsigned i = 0; i < Queue; i++) order_at_q[i*QueueW +: QueueW] <= QueueW'(i);
    end else begin
      level_q <= level_d;
      order_at_q <= order_at_d;
    end
    order_ctx_q <= order_ctx_d;
  end

  // --- descriptor --------------------------------------------------------------------------------
  tally_pkg::coll_desc_t desc;
  logic [31:0]           arrival;
  logic [47:0]           total, total_q;
  logic [2:0]            esize;
  assign {arrival, desc} = desc_q;
  assign context_o = desc.context_id[CtxW-1:0];
  assign seq_o = desc.seq;
  assign signature_o = desc.signature;
  assign count_o = desc.count;
  assign dtype_o = desc.dtype;
  assign redop_o = desc.redop;
  assign input_addr_o = inline_o ? '0 : desc.input_addr;
  assign output_addr_o = desc.output_addr;
  assign scratch_addr_o = desc.scratch_addr;
  assign chunk_bytes_o = desc.chunk_bytes;
  assign inline_o = desc.flags[tally_pkg::CollFlagInlineBit];
  assign inline_data_o = {desc.input_addr, desc.reserved0, desc.input_key};
  assign esize = size_log2(desc.dtype);
  assign total = 48'(desc.count) << esize;

  // --- schedule header ---------------------------------------------------------------------------
  tally_pkg::schedule_header_t h_q;
  logic [63:0]                 h_len;
  logic [LenSumW-1:0]          end_of_lanes_q;
  logic [47:0]                 pass, pass_q, most_q, scratch_q, input_q, output_q;
  logic                        h_bad, sizes;

  assign sizes = h_q.flags[tally_pkg::HeaderFlagSizesBit];
  assign pass = 48'(h_q.chunks) * 48'(desc.chunk_bytes);
  assign lane_len_o = h_len;
  always_comb begin : p_header
    h_len = {h_q.lane3_len, h_q.lane2_len, h_q.lane1_len, h_q.lane0_len};
    for (int unsigned l = 0; l < Lanes; l++) begin
      if (8'(l) >= h_q.lanes) h_len[l*16 +: 16] = '0;
    end
    h_bad = h_q.lanes == '0 || h_q.lanes > 8'(Lanes);
  end
  always_comb begin : p_pc
    logic [AddrW-1:0] pc;
    pc = desc.schedule[AddrW-1:0] + 1'b1;
    for (int unsigned l = 0; l < Lanes; l++) begin
      lane_pc_o[l*AddrW +: AddrW] = pc;
      pc = pc + h_len[l*16 +: AddrW];
    end
  end
  assign total_bytes_o = total_q[31:0];
  assign pass_bytes_o = pass_q[31:0];
  assign input_bytes_o = input_q[31:0];
  assign output_bytes_o = output_q[31:0];
  assign scratch_bytes_o = scratch_q[31:0];

  // --- start: one descriptor after the other ------------------------------------------------------
  typedef enum logic [3:0] {
    StIdle, StCheck, StRead, StHeader, StSizes, StSum, StInput, StOutput, StScratch, StStart, StFail
  } state_e;
  state_e              state_q, state_d;
  logic [7:0]          status_q, status_d;
  logic [31:0]         detail_q, detail_d;
  logic [Contexts-1:0] broken_q, broken_d;
  logic [SlotW-1:0]    slot_q;
  logic                enable_q, mend, refuse_protection;
  logic                in_place_q;

  assign mend = ep_enable_i && !enable_q;
  assign clear_o = mend;
  assign pick = state_q == StIdle && found_q && slot_free && !hold_i && !mend;

  always_comb begin : p_mr
    mr_key_o = desc.input_key;
    mr_addr_o = desc.input_addr;
    mr_len_o = input_q[31:0];
    if (state_q == StOutput) begin
      mr_key_o = desc.output_key;
      mr_addr_o = desc.output_addr;
      mr_len_o = output_q[31:0];
    end
    if (state_q == StScratch) begin
      mr_key_o = desc.scratch_key;
      mr_addr_o = desc.scratch_addr;
      mr_len_o = scratch_q[31:0];
    end
  end

  // The operand window needs no key; only Input may lie in it.
  logic window, region_ok;
  assign window = mr_addr_o[63:WinAddrW] == tally_pkg::OperandBase[63:WinAddrW];
  assign region_ok = !window || mr_len_o == '0 ? mr_ok_i
                   : state_q == StInput &&
                     33'(mr_addr_o[WinAddrW-1:0]) + 33'(mr_len_o) <= 33'(1 << WinAddrW);

  always_comb begin : p_next
    state_d = state_q;
    status_d = status_q;
    detail_d = detail_q;
    refuse_protection = 1'b0;
    unique case (state_q)
      StIdle: begin
        status_d = tally_pkg::StatusOk;
        detail_d = '0;
        if (pick) state_d = StCheck;
      end
      StCheck: begin
        state_d = StRead;
        if (desc.context_id[15:CtxW] != '0) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = AtContext;
          state_d = StFail;
        end else if (broken_q[context_o]) begin
          status_d = tally_pkg::StatusAborted;
          state_d = StFail;
        end else if (esize == 3'd7 || desc.redop > tally_pkg::RedopMaxloc ||
                     desc.schedule[15:AddrW] != '0 || total[47:32] != '0) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = esize == 3'd7 ? AtDtype : (desc.redop > tally_pkg::RedopMaxloc ? AtRedop
                     : (desc.schedule[15:AddrW] != '0 ? AtSchedule : AtCount));
          state_d = StFail;
        end
      end
      StRead: state_d = StHeader;
      StHeader: state_d = StSizes;
      StSizes: begin
        state_d = StSum;
        if (h_bad) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = AtSchedule;
          state_d = StFail;
        end
      end
      StSum: begin
        state_d = inline_o ? StOutput : StInput;
        if (end_of_lanes_q > LenSumW'(tally_pkg::ScheduleEntries)) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = AtSchedule;
          state_d = StFail;
        end else if (input_q[47:32] != '0 || output_q[47:32] != '0 ||
                     (h_q.chunks != '0 && total_q > most_q) ||
                     (inline_o && input_q > 48'(tally_pkg::CollInlineBytes))) begin
          status_d = tally_pkg::StatusBadField;
          detail_d = AtChunkBytes;
          state_d = StFail;
        end
      end
      StInput, StOutput, StScratch: begin
        state_d = state_q == StInput ? StOutput : (state_q == StOutput ? StScratch : StStart);
        if (!region_ok || (state_q == StScratch && scratch_q[47:32] != '0)) begin
          status_d = tally_pkg::StatusProtection;
          detail_d = mr_key_o;
          refuse_protection = 1'b1;
          state_d = StFail;
        end
      end
      StStart, StFail: state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end

  assign hdr_rd_o = state_q == StCheck;
  assign hdr_addr_o = desc.schedule[AddrW-1:0];
  assign start_o = state_q == StStart;
  assign start_slot_o = slot_q;
  assign in_place_o = in_place_q;
  assign protection_o = refuse_protection;

  always_ff @(posedge clk_i) begin : p_start
    if (!rst_ni) begin
      state_q  <= StIdle;
      enable_q <= 1'b0;
    end else begin
      state_q  <= state_d;
      enable_q <= ep_enable_i;
    end
    status_q <= status_d;
    detail_q <= detail_d;
    if (pick) slot_q <= slot_pick;
    if (state_q == StHeader) h_q <= hdr_i;
    if (state_q == StCheck) total_q <= total;
    if (state_q == StSizes) begin
      end_of_lanes_q <= LenSumW'(desc.schedule) + LenSumW'(1) + LenSumW'(h_len[15:0]) +
                        LenSumW'(h_len[31:16]) + LenSumW'(h_len[47:32]) + LenSumW'(h_len[63:48]);
      pass_q    <= h_q.chunks == '0 ? 48'hFFFF_FFFF : pass;
      // Bytes of 65535 passes, which their number counts; of a long pass one has more than any vector.
      most_q    <= pass[47:32] != '0 ? '1 : {pass[31:0], 16'd0} - pass;
      input_q   <= sizes ? 48'(h_q.input_bytes)
                   : (h_q.input_chunks == '0 ? total_q : (h_q.input_chunks == '1 ? '0
                      : 48'(h_q.input_chunks) * 48'(desc.chunk_bytes)));
      output_q  <= sizes ? 48'(h_q.output_bytes)
                   : (h_q.output_chunks == '0 ? total_q : (h_q.output_chunks == '1 ? '0
                      : 48'(h_q.output_chunks) * 48'(desc.chunk_bytes)));
      scratch_q <= sizes ? 48'(h_q.scratch_bytes)
                         : 48'(h_q.scratch_chunks) * 48'(desc.chunk_bytes);
    end
    if (state_q == StOutput) begin
      in_place_q <= !inline_o &&
                    65'(desc.input_addr) < 65'(desc.output_addr) + 65'(output_q) &&
                    65'(desc.output_addr) < 65'(desc.input_addr) + 65'(input_q);
    end
    if (state_q == StSum) begin
      // A pass longer than the vector is the vector; no buffer counted in chunks is longer either.
      if (pass_q > 48'(32'hFFFF_FFFF)) pass_q <= 48'hFFFF_FFFF;
      if (!sizes && input_q > total_q) input_q <= total_q;
      if (!sizes && output_q > total_q) output_q <= total_q;
    end
  end

  // --- slots -------------------------------------------------------------------------------------
  logic [Slots-1:0]      taken_q, run_q, drain_q, done_q;
  logic [Slots*16-1:0]   s_ctx_q, s_seq_q, s_source_q;
  logic [Slots*32-1:0]   s_cookie_q, s_arrival_q, s_detail_q;
  logic [Slots*8-1:0]    s_status_q;
  logic                  held_q;
  logic [31:0]           held_abort_q;
  logic                  out_valid_q, out_load, any_done;
  logic [SlotW-1:0]      out_slot;
  logic [255:0]          out_q;
  logic [Slots-1:0]      fails, aborts;
  logic                  abort_hit;

  always_comb begin : p_slot_pick
    slot_free = 1'b0;
    slot_pick = '0;
    for (int unsigned i = 0; i < Slots; i++) begin
      if (!slot_free && !taken_q[i]) begin
        slot_free = 1'b1;
        slot_pick = SlotW'(i);
      end
    end
    any_done = 1'b0;
    out_slot = '0;
    for (int unsigned i = 0; i < Slots; i++) begin
      if (!any_done && done_q[i]) begin
        any_done = 1'b1;
        out_slot = SlotW'(i);
      end
    end
  end
  assign out_load = any_done && (!out_valid_q || cpl_ready_i);
  assign free_o = out_load;
  assign free_slot_o = out_slot;

  // An abort names a collective of a slot, or one that waits: it is kept until the queue is empty.
  always_comb begin : p_aborts
    abort_hit = 1'b0;
    for (int unsigned i = 0; i < Slots; i++) begin
      aborts[i] = run_q[i] &&
                  ((abort_valid_i && abort_i == {s_ctx_q[i*16 +: 16], s_seq_q[i*16 +: 16]}) ||
                   (held_q && held_abort_q == {s_ctx_q[i*16 +: 16], s_seq_q[i*16 +: 16]}));
      if (taken_q[i] && abort_i == {s_ctx_q[i*16 +: 16], s_seq_q[i*16 +: 16]} &&
          !(state_q != StIdle && slot_q == SlotW'(i))) abort_hit = 1'b1;
      fails[i] = aborts[i] || (run_q[i] && ((step_fail_i && step_slot_i == SlotW'(i)) ||
                                            (rx_fail_i && rx_slot_i == SlotW'(i))));
    end
  end

  always_comb begin : p_broken
    broken_d = broken_q;
    for (int unsigned i = 0; i < Slots; i++) begin
      if (fails[i]) broken_d[s_ctx_q[i*16 +: CtxW]] = 1'b1;
    end
    if (refuse_protection) broken_d[context_o] = 1'b1;
    if (mend) broken_d = '0;
    busy_ctx_d = busy_ctx_q;
    if (out_load) busy_ctx_d[s_ctx_q[out_slot*16 +: CtxW]] = 1'b0;
    if (pick) busy_ctx_d[order_ctx_q[found_at_q*CtxW +: CtxW]] = 1'b1;
  end

  always_ff @(posedge clk_i) begin : p_slots
    if (!rst_ni) begin
      taken_q     <= '0;
      run_q       <= '0;
      drain_q     <= '0;
      done_q      <= '0;
      broken_q    <= '0;
      busy_ctx_q  <= '0;
      held_q      <= 1'b0;
      out_valid_q <= 1'b0;
    end else begin
      broken_q   <= broken_d;
      busy_ctx_q <= busy_ctx_d;
      held_q     <= (held_q || (abort_valid_i && !abort_hit)) && (level_q != '0 || state_q != StIdle);
      if (pick) taken_q[slot_pick] <= 1'b1;
      if (start_o) run_q[slot_q] <= 1'b1;
      if (state_q == StFail) done_q[slot_q] <= 1'b1;
      for (int unsigned i = 0; i < Slots; i++) begin
        if (fails[i]) begin
          run_q[i]   <= 1'b0;
          drain_q[i] <= 1'b1;
        end else if (run_q[i] && lanes_done_i[i] && quiet_i[i]) begin
          run_q[i]  <= 1'b0;
          done_q[i] <= 1'b1;
        end else if (drain_q[i] && quiet_i[i]) begin
          drain_q[i] <= 1'b0;
          done_q[i]  <= 1'b1;
        end
      end
      if (out_load) begin
        done_q[out_slot]  <= 1'b0;
        taken_q[out_slot] <= 1'b0;
      end
      out_valid_q <= out_load || (out_valid_q && !cpl_ready_i);
    end
    if (abort_valid_i && !abort_hit) held_abort_q <= abort_i;
    if (state_q == StCheck) begin
      s_ctx_q[slot_q*16 +: 16]     <= desc.context_id;
      s_seq_q[slot_q*16 +: 16]     <= desc.seq;
      s_cookie_q[slot_q*32 +: 32]  <= desc.cookie;
      s_arrival_q[slot_q*32 +: 32] <= arrival;
    end
    if (state_q == StStart || state_q == StFail) begin
      s_status_q[slot_q*8 +: 8]    <= status_q;
      s_detail_q[slot_q*32 +: 32]  <= detail_q;
      s_source_q[slot_q*16 +: 16]  <= '0;
    end
    for (int unsigned i = 0; i < Slots; i++) begin
      if (fails[i]) begin
        if (aborts[i]) begin
          s_status_q[i*8 +: 8] <= tally_pkg::StatusAborted;
        end else if (rx_fail_i && rx_slot_i == SlotW'(i)) begin
          s_status_q[i*8 +: 8]   <= tally_pkg::StatusMismatch;
          s_source_q[i*16 +: 16] <= rx_source_i;
          s_detail_q[i*32 +: 32] <= rx_detail_i;
        end else begin
          s_status_q[i*8 +: 8]   <= step_fault_i ? tally_pkg::StatusBadField
                                                 : tally_pkg::StatusMismatch;
          s_source_q[i*16 +: 16] <= step_fault_i ? 16'd0 : step_source_i;
          s_detail_q[i*32 +: 32] <= step_fault_i ? AtSchedule : step_detail_i;
        end
      end
    end
    if (out_load) begin
      out_q <= {32'h0, s_detail_q[out_slot*32 +: 32], s_arrival_q[out_slot*32 +: 32],
                s_ctx_q[out_slot*16 +: 16], s_source_q[out_slot*16 +: 16], 32'h0, 32'h0, 16'h0,
                s_status_q[out_slot*8 +: 8], tally_pkg::OpcodeCollective,
                s_cookie_q[out_slot*32 +: 32]};
    end
  end

  assign run_o = run_q;
  assign broken_o = broken_q;
  assign cpl_valid_o = out_valid_q;
  assign cpl_data_o = out_q;
  assign collective_done_o = out_valid_q && cpl_ready_i;
  assign idle_o = state_q == StIdle && level_q == '0 && taken_q == '0 && !out_valid_q;

  logic unused;
  assign unused = ^{desc, h_q};

  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, cpl_data_o)
  `TALLY_ASSERT(LevelBound_A, level_q <= (QueueW+1)'(Queue))
  `TALLY_ASSERT(StartFree_A, start_o |-> !run_q[slot_q])
endmodule

`default_nettype wire

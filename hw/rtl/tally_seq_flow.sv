// SPDX-License-Identifier: BSD-3-Clause
// Flow staging of the sequencer: arrivals, their slots, credits of both directions, and the head
// scanner.
//
// A flow is {peer, lane}. Packets of a flow lie in a ring of FlowSlots slots; `avail` counts those
// that no job has taken (the first is the head), `occ` those whose slot is still in use. A head is
// looked at once when it becomes head and again at every rescan_i: it is dropped, found good, found
// newer, reported as mismatch, or left (another context).
// Ordering: first in, first out in each flow. Latency: 3 cycles from the last beat of a packet to
// q_ok_o.
// Throughput: one beat a cycle in, one beat a cycle out, one head looked at a cycle.
// Storage: staging MaxRanks*NumLanes*FlowSlots*MtuBeats*512 bits, slot information 109 bits a slot.
// Limitations: a packet that breaks the credit rule, whose payload_len is not its length or above
// max_payload_i is discarded.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_flow #(
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned Flows = tally_pkg::MaxRanks * Lanes,
  localparam int unsigned FlowW = $clog2(Flows),
  localparam int unsigned SlotW = $clog2(tally_pkg::FlowSlots),
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats),
  localparam int unsigned CntW  = $clog2(tally_pkg::FlowSlots + 1)
) (
  input  wire logic                                   clk_i,
  input  wire logic                                   rst_ni,

  // Bytes of a full packet, at most MaxPayload.
  input  wire logic [12:0]                            max_payload_i,

  input  wire logic                                   rx_valid_i,
  input  wire logic [511:0]                           rx_data_i,
  input  wire logic                                   rx_last_i,

  // The running collective; rescan_i whenever one of these or broken_i has changed.
  input  wire logic                                   rescan_i,
  input  wire logic                                   run_i,
  input  wire logic [15:0]                            context_i,
  input  wire logic [15:0]                            seq_i,
  input  wire logic [15:0]                            signature_i,
  input  wire logic [31:0]                            count_i,
  input  wire logic [7:0]                             dtype_i,
  input  wire logic [7:0]                             redop_i,
  input  wire logic [tally_pkg::CollectiveContexts-1:0] broken_i,

  // Receive flow of each lane: its head.
  input  wire logic [Lanes*FlowW-1:0]                 q_flow_i,
  output      logic [Lanes-1:0]                       q_ok_o,
  output      logic [Lanes-1:0]                       q_newer_o,
  output      logic [Lanes*13-1:0]                    q_len_o,
  output      logic [Lanes*24-1:0]                    q_count_o,
  output      logic [Lanes*SlotW-1:0]                 q_slot_o,
  // Send flow of each lane: a credit is there.
  input  wire logic [Lanes*FlowW-1:0]                 s_flow_i,
  output      logic [Lanes-1:0]                       s_ok_o,

  // A head of this collective with other parameters (a pulse).
  output      logic                                   mismatch_o,
  output      logic [15:0]                            mismatch_source_o,
  output      logic [31:0]                            mismatch_detail_o,

  // Jobs: take the head, take a credit, read beats (data one cycle later), give the slot back.
  input  wire logic                                   pop_i,
  input  wire logic [FlowW-1:0]                       pop_flow_i,
  input  wire logic                                   take_i,
  input  wire logic [FlowW-1:0]                       take_flow_i,
  input  wire logic                                   rd_i,
  input  wire logic [FlowW-1:0]                       rd_flow_i,
  input  wire logic [SlotW-1:0]                       rd_slot_i,
  input  wire logic [BeatW-1:0]                       rd_beat_i,
  output      logic [511:0]                           rd_data_o,
  input  wire logic                                   release_i,
  input  wire logic [FlowW-1:0]                       release_flow_i,

  // Credits to return; the count may rise until the handshake.
  output      logic                                   ret_valid_o,
  input  wire logic                                   ret_ready_i,
  output      logic [FlowW-1:0]                       ret_flow_o,
  output      logic [CntW-1:0]                        ret_count_o,

  output      logic                                   idle_o
);
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks);
  localparam int unsigned LaneW = $clog2(Lanes);
  localparam int unsigned CtxW = $clog2(tally_pkg::CollectiveContexts);
  localparam int unsigned InfoW = 109;
  localparam logic [CntW-1:0] Slots = CntW'(tally_pkg::FlowSlots);

  if ((1 << RankW) != tally_pkg::MaxRanks || (1 << LaneW) != Lanes ||
      (1 << SlotW) != tally_pkg::FlowSlots) begin : gen_bad_sizes
    $error("tally_seq_flow: MaxRanks, NumLanes and FlowSlots must be powers of two");
  end

  logic [511:0]     staging_mem [Flows * tally_pkg::FlowSlots * tally_pkg::MtuBeats];
  logic [InfoW-1:0] info_mem [Flows * tally_pkg::FlowSlots];
  // Length and count of each flow's head, written when it was found good or newer.
  logic [36:0]      head_mem [Flows];

  // --- state -------------------------------------------------------------------------------------
  logic [Flows*CntW-1:0]  avail_q, avail_d, occ_q, occ_d, credit_q, credit_d, pend_q, pend_d;
  logic [Flows*SlotW-1:0] head_q, head_d;
  logic [Flows-1:0]       need_q, need_d, ok_q, ok_d, newer_q, newer_d, pend_nz_q, pend_nz_d;

  // --- receive -----------------------------------------------------------------------------------
  logic             first_q, rx_coll_q, rx_bad_q;
  logic [FlowW-1:0] rx_flow, rx_flow_q, c_flow;
  logic [SlotW-1:0] rx_slot, rx_slot_q;
  logic [InfoW-1:0] rx_info, rx_info_q, c_info;
  logic [SlotW-1:0] c_slot;
  logic [BeatW:0]   rx_beat_q;
  logic [12:0]      rx_len;
  logic             rx_src_ok, rx_is_coll, rx_is_credit, rx_full, rx_len_bad, rx_write;
  logic             commit, gain;
  logic [6:0]       rx_beats_q;

  assign rx_flow = {rx_data_i[16*8 +: RankW], rx_data_i[62*8 +: LaneW]};
  assign rx_len = rx_data_i[22*8 +: 13];
  assign rx_src_ok = rx_data_i[16*8+RankW +: 16-RankW] == '0 &&
                     rx_data_i[62*8+LaneW +: 8-LaneW] == '0;
  assign rx_is_coll = rx_data_i[14*8 +: 8] == tally_pkg::PacketTypeColl;
  assign rx_is_credit = rx_data_i[14*8 +: 8] == tally_pkg::PacketTypeCollCredit;
  assign rx_len_bad = rx_data_i[22*8+13 +: 3] != '0 || rx_len > max_payload_i ||
                      (rx_last_i != (rx_len == '0));
  assign rx_full = occ_q[rx_flow*CntW +: CntW] == Slots;
  assign rx_slot = head_q[rx_flow*SlotW +: SlotW] + avail_q[rx_flow*CntW +: SlotW];
  assign rx_info = {rx_len, rx_data_i[60*8 +: 8], rx_data_i[61*8 +: 8], rx_data_i[56*8 +: 32],
                    rx_data_i[54*8 +: 16], rx_data_i[52*8 +: 16], rx_data_i[20*8 +: 16]};

  // The packet is complete and good in this cycle.
  assign commit = rx_valid_i && rx_last_i &&
                  (first_q ? (rx_is_coll && rx_src_ok && !rx_len_bad && !rx_full)
                           : (rx_coll_q && !rx_bad_q && rx_beat_q + 1'b1 == rx_beats_q));
  assign gain = rx_valid_i && first_q && rx_is_credit && rx_src_ok;
  assign c_flow = first_q ? rx_flow : rx_flow_q;
  assign c_slot = first_q ? rx_slot : rx_slot_q;
  assign c_info = first_q ? rx_info : rx_info_q;
  assign rx_write = rx_valid_i && !first_q && rx_coll_q && !rx_bad_q && !rx_beat_q[BeatW];

  always_ff @(posedge clk_i) begin : p_rx
    if (!rst_ni) begin
      first_q <= 1'b1;
    end else if (rx_valid_i) begin
      first_q <= rx_last_i;
    end
    if (rx_valid_i && first_q) begin
      rx_coll_q  <= rx_is_coll;
      rx_bad_q   <= !rx_src_ok || rx_len_bad || rx_full;
      rx_flow_q  <= rx_flow;
      rx_slot_q  <= rx_slot;
      rx_info_q  <= rx_info;
      rx_beat_q  <= '0;
      rx_beats_q <= 7'((rx_len + 13'd63) >> 6);
    end else if (rx_valid_i && !rx_beat_q[BeatW]) begin
      rx_beat_q <= rx_beat_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin : p_mem
    if (rx_write) staging_mem[{rx_flow_q, rx_slot_q, rx_beat_q[BeatW-1:0]}] <= rx_data_i;
    if (commit) info_mem[{c_flow, c_slot}] <= c_info;
  end

  logic [511:0] rd_data_q;
  always_ff @(posedge clk_i) begin : p_read
    if (rd_i) rd_data_q <= staging_mem[{rd_flow_i, rd_slot_i, rd_beat_i}];
  end
  assign rd_data_o = rd_data_q;

  // --- head scanner ------------------------------------------------------------------------------
  logic [FlowW-1:0] scan_flow, s2_flow_q;
  logic             scan, s2_valid_q;
  logic [InfoW-1:0] s2_info_q;

  always_comb begin : p_scan
    scan = 1'b0;
    scan_flow = '0;
    if (need_q != '0) begin
      for (int unsigned i = 0; i < Flows; i++) begin
        if (!scan && need_q[i]) begin
          scan = 1'b1;
          scan_flow = FlowW'(i);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_scan_stage
    if (!rst_ni) s2_valid_q <= 1'b0;
    else         s2_valid_q <= scan && !rescan_i;
    if (scan) begin
      s2_flow_q <= scan_flow;
      s2_info_q <= info_mem[{scan_flow, head_q[scan_flow*SlotW +: SlotW]}];
    end
  end

  logic [15:0] h_context, h_seq, h_signature, h_age;
  logic [31:0] h_count;
  logic [7:0]  h_dtype, h_redop, h_diff;
  logic [12:0] h_len;
  logic [23:0] h_count_sat;
  logic        h_broken, h_ours, h_same, h_older, h_drop, h_ok, h_newer, judge;

  assign {h_len, h_dtype, h_redop, h_count, h_signature, h_seq, h_context} = s2_info_q;
  assign h_count_sat = (h_count[31:24] != '0) ? '1 : h_count[23:0];
  assign h_age = h_seq - seq_i;
  assign judge = s2_valid_q && !rescan_i;
  assign h_broken = h_context[15:CtxW] != '0 || broken_i[h_context[CtxW-1:0]];
  assign h_ours = run_i && !h_broken && h_context == context_i;
  assign h_same = h_ours && h_age == '0;
  assign h_older = h_ours && h_age[15];
  always_comb begin : p_diff
    h_diff = '0;
    if (h_count != count_i) h_diff = h_diff | tally_pkg::MismatchFieldCount;
    if (h_dtype != dtype_i) h_diff = h_diff | tally_pkg::MismatchFieldDtype;
    if (h_redop != redop_i) h_diff = h_diff | tally_pkg::MismatchFieldRedop;
    if (h_signature != signature_i) h_diff = h_diff | tally_pkg::MismatchFieldSignature;
  end
  // A head of an earlier collective was never asked for: the ranks did not agree about that one.
  assign h_drop = judge && h_broken;
  assign h_ok = judge && h_same && h_diff == '0;
  assign h_newer = judge && h_ours && !h_same && !h_older;
  assign mismatch_o = judge && ((h_same && h_diff != '0) || h_older);
  assign mismatch_source_o = 16'(s2_flow_q[FlowW-1:LaneW]);
  assign mismatch_detail_o = {h_older ? tally_pkg::MismatchFieldSignature : h_diff, h_count_sat};

  always_ff @(posedge clk_i) begin : p_head
    if (h_ok || h_newer) head_mem[s2_flow_q] <= {h_count_sat, h_len};
  end

  // --- credits to return -------------------------------------------------------------------------
  logic             ret_valid_q, ret_valid_d;
  logic [FlowW-1:0] ret_flow_q, ret_flow_d;

  always_comb begin : p_ret
    ret_valid_d = ret_valid_q && !ret_ready_i;
    ret_flow_d = ret_flow_q;
    // First of the flows after the last one, else first of all.
    if (!ret_valid_q && pend_nz_q != '0) begin
      for (int unsigned i = 0; i < Flows; i++) begin
        if (!ret_valid_d && pend_nz_q[i] && FlowW'(i) > ret_flow_q) begin
          ret_valid_d = 1'b1;
          ret_flow_d = FlowW'(i);
        end
      end
      for (int unsigned i = 0; i < Flows; i++) begin
        if (!ret_valid_d && pend_nz_q[i]) begin
          ret_valid_d = 1'b1;
          ret_flow_d = FlowW'(i);
        end
      end
    end
  end
  assign ret_valid_o = ret_valid_q;
  assign ret_flow_o = ret_flow_q;
  assign ret_count_o = pend_q[ret_flow_q*CntW +: CntW];

  // --- next state --------------------------------------------------------------------------------
  always_comb begin : p_counts
    avail_d = avail_q;
    occ_d = occ_q;
    head_d = head_q;
    if (commit) begin
      avail_d[c_flow*CntW +: CntW] = avail_d[c_flow*CntW +: CntW] + 1'b1;
      occ_d[c_flow*CntW +: CntW] = occ_d[c_flow*CntW +: CntW] + 1'b1;
    end
    if (pop_i) begin
      avail_d[pop_flow_i*CntW +: CntW] = avail_d[pop_flow_i*CntW +: CntW] - 1'b1;
      head_d[pop_flow_i*SlotW +: SlotW] = head_d[pop_flow_i*SlotW +: SlotW] + 1'b1;
    end
    if (h_drop) begin
      avail_d[s2_flow_q*CntW +: CntW] = avail_d[s2_flow_q*CntW +: CntW] - 1'b1;
      occ_d[s2_flow_q*CntW +: CntW] = occ_d[s2_flow_q*CntW +: CntW] - 1'b1;
      head_d[s2_flow_q*SlotW +: SlotW] = head_d[s2_flow_q*SlotW +: SlotW] + 1'b1;
    end
    if (release_i) begin
      occ_d[release_flow_i*CntW +: CntW] = occ_d[release_flow_i*CntW +: CntW] - 1'b1;
    end
  end

  always_comb begin : p_credits
    credit_d = credit_q;
    pend_d = pend_q;
    pend_nz_d = pend_nz_q;
    if (gain) begin
      credit_d[rx_flow*CntW +: CntW] = credit_d[rx_flow*CntW +: CntW] + rx_data_i[28*8 +: CntW];
    end
    if (take_i) begin
      credit_d[take_flow_i*CntW +: CntW] = credit_d[take_flow_i*CntW +: CntW] - 1'b1;
    end
    if (ret_valid_q && ret_ready_i) begin
      pend_d[ret_flow_q*CntW +: CntW] = '0;
      pend_nz_d[ret_flow_q] = 1'b0;
    end
    if (release_i) begin
      pend_d[release_flow_i*CntW +: CntW] = pend_d[release_flow_i*CntW +: CntW] + 1'b1;
      pend_nz_d[release_flow_i] = 1'b1;
    end
    if (h_drop) begin
      pend_d[s2_flow_q*CntW +: CntW] = pend_d[s2_flow_q*CntW +: CntW] + 1'b1;
      pend_nz_d[s2_flow_q] = 1'b1;
    end
  end

  always_comb begin : p_flags
    need_d = need_q;
    ok_d = ok_q;
    newer_d = newer_q;
    if (scan) need_d[scan_flow] = 1'b0;
    if (h_ok) ok_d[s2_flow_q] = 1'b1;
    if (h_newer) newer_d[s2_flow_q] = 1'b1;
    if (commit && avail_q[c_flow*CntW +: CntW] == '0) need_d[c_flow] = 1'b1;
    if (h_drop) need_d[s2_flow_q] = avail_d[s2_flow_q*CntW +: CntW] != '0;
    if (pop_i) begin
      ok_d[pop_flow_i] = 1'b0;
      need_d[pop_flow_i] = avail_d[pop_flow_i*CntW +: CntW] != '0;
    end
    if (rescan_i) begin
      ok_d = '0;
      newer_d = '0;
      for (int unsigned i = 0; i < Flows; i++) begin
        need_d[i] = avail_d[i*CntW +: CntW] != '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      avail_q     <= '0;
      occ_q       <= '0;
      head_q      <= '0;
      credit_q    <= {Flows{Slots}};
      pend_q      <= '0;
      pend_nz_q   <= '0;
      need_q      <= '0;
      ok_q        <= '0;
      newer_q     <= '0;
      ret_valid_q <= 1'b0;
      ret_flow_q  <= '0;
    end else begin
      avail_q     <= avail_d;
      occ_q       <= occ_d;
      head_q      <= head_d;
      credit_q    <= credit_d;
      pend_q      <= pend_d;
      pend_nz_q   <= pend_nz_d;
      need_q      <= need_d;
      ok_q        <= ok_d;
      newer_q     <= newer_d;
      ret_valid_q <= ret_valid_d;
      ret_flow_q  <= ret_flow_d;
    end
  end

  // --- look-ups of the lanes ---------------------------------------------------------------------
  for (genvar l = 0; l < Lanes; l++) begin : gen_query
    logic [FlowW-1:0] q_flow, s_flow;
    assign q_flow = q_flow_i[l*FlowW +: FlowW];
    assign s_flow = s_flow_i[l*FlowW +: FlowW];
    assign q_ok_o[l] = ok_q[q_flow];
    assign q_newer_o[l] = newer_q[q_flow];
    assign {q_count_o[l*24 +: 24], q_len_o[l*13 +: 13]} = head_mem[q_flow];
    assign q_slot_o[l*SlotW +: SlotW] = head_q[q_flow*SlotW +: SlotW];
    assign s_ok_o[l] = credit_q[s_flow*CntW +: CntW] != '0;
  end

  assign idle_o = first_q && need_q == '0 && !s2_valid_q && pend_nz_q == '0 && !ret_valid_q;

  `TALLY_ASSERT(PopsGoodHead_A, pop_i |-> ok_q[pop_flow_i])
  `TALLY_ASSERT(NoUnderflow_A, pop_i |-> avail_q[pop_flow_i*CntW +: CntW] != '0)
  `TALLY_ASSERT(ReleaseUsed_A, release_i |-> occ_q[release_flow_i*CntW +: CntW] != '0)
  `TALLY_ASSERT(TakesCredit_A, take_i |-> credit_q[take_flow_i*CntW +: CntW] != '0)
  `TALLY_ASSERT(CreditBound_A, gain |-> credit_d[rx_flow*CntW +: CntW] <= Slots)
  `TALLY_ASSERT(NoOverflow_A, commit |-> occ_q[c_flow*CntW +: CntW] != Slots)
endmodule

`default_nettype wire

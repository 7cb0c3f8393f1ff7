// SPDX-License-Identifier: BSD-3-Clause
// Schedule memory and the preparation of instructions: chunk indices become addresses and lengths.
//
// Ordering: one request at a time is taken, results leave in that order. Latency: 6 cycles from
// request to result. Throughput: one instruction a cycle.
// Storage: ScheduleEntries * 256 bits; the description of each slot's collective.
// An instruction whose op, buffer, peer, lane, dependency or extent is not one this collective can
// have gives a fault instead of addresses: no instruction reaches outside the regions that were
// looked up at the start.
// Limitations: entries of a running collective must not be written.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_prep #(
  localparam int unsigned Slots = tally_pkg::CollectiveSlots,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned AddrW = $clog2(tally_pkg::ScheduleEntries),
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks),
  localparam int unsigned ResW = 203
) (
  input  wire logic                   clk_i,
  input  wire logic                   rst_ni,

  // Bytes of a full packet: an instruction of more is not short.
  input  wire logic [12:0]            max_payload_i,

  input  wire logic                   sched_wr_valid_i,
  input  wire logic [15:0]            sched_wr_addr_i,
  input  wire logic [255:0]           sched_wr_data_i,

  // Header read: it goes before a request; entry two cycles later.
  input  wire logic                   hdr_rd_i,
  input  wire logic [AddrW-1:0]       hdr_addr_i,
  output      logic [255:0]           hdr_o,

  // The collective of a slot.
  input  wire logic                   start_i,
  input  wire logic [SlotW-1:0]       start_slot_i,
  input  wire logic [63:0]            input_addr_i,
  input  wire logic [63:0]            output_addr_i,
  input  wire logic [63:0]            scratch_addr_i,
  input  wire logic [31:0]            chunk_bytes_i,
  input  wire logic [31:0]            total_bytes_i,
  input  wire logic [31:0]            input_bytes_i,
  input  wire logic [31:0]            output_bytes_i,
  input  wire logic [31:0]            scratch_bytes_i,
  input  wire logic                   in_place_i,
  input  wire logic                   inline_i,
  input  wire logic [Lanes*16-1:0]    lane_len_i,

  // Instruction wanted: entry and first byte of the pass.
  input  wire logic                   req_valid_i,
  output      logic                   req_ready_o,
  input  wire logic [SlotW+LaneW-1:0] req_lane_i,
  input  wire logic [AddrW-1:0]       req_addr_i,
  input  wire logic [31:0]            req_base_i,

  output      logic                   res_valid_o,
  output      logic [SlotW+LaneW-1:0] res_lane_o,
  output      logic [ResW-1:0]        res_o
);
  localparam int unsigned LcW = SlotW + LaneW;
  localparam int unsigned InfoW = 3*64 + 5*32 + 2 + Lanes*16;

  logic [255:0]      sched_mem [tally_pkg::ScheduleEntries];
  logic [InfoW-1:0]  info_mem [Slots];
  logic [255:0]      entry_q, entry1_q;
  logic              take;
  logic [AddrW-1:0]  addr;

  assign req_ready_o = !hdr_rd_i;
  assign take = req_valid_i && req_ready_o;
  assign addr = hdr_rd_i ? hdr_addr_i : req_addr_i;

  always_ff @(posedge clk_i) begin : p_mem
    if (sched_wr_valid_i && sched_wr_addr_i[15:AddrW] == '0) begin
      sched_mem[sched_wr_addr_i[AddrW-1:0]] <= sched_wr_data_i;
    end
    if (take || hdr_rd_i) entry_q <= sched_mem[addr];
    if (start_i) begin
      info_mem[start_slot_i] <= {lane_len_i, inline_i, in_place_i, scratch_bytes_i, output_bytes_i,
                                 input_bytes_i, total_bytes_i, chunk_bytes_i, scratch_addr_i,
                                 output_addr_i, input_addr_i};
    end
  end
  always_ff @(posedge clk_i) begin : p_entry
    entry1_q <= entry_q;
  end
  assign hdr_o = entry1_q;

  // --- pipeline: 0 read, 1 entry and slot, 2 and 3 products, 4 extent, 5 result -------------------
  logic [4:0]        valid_q;
  logic [5*LcW-1:0]  lane_q;
  logic [31:0]       base0_q, base1_q, base2_q, base3_q, base4_q;

  always_ff @(posedge clk_i) begin : p_valid
    if (!rst_ni) valid_q <= '0;
    else         valid_q <= {valid_q[3:0], take};
    lane_q <= {lane_q[4*LcW-1:0], req_lane_i};
    base0_q <= req_base_i;
    base1_q <= base0_q;
    base2_q <= base1_q;
    base3_q <= base2_q;
    base4_q <= base3_q;
  end

  logic [InfoW-1:0] info1_q, info2_q, info3_q, info4_q;
  tally_pkg::instr_t i1, i4;
  logic [255:0] entry2_q, entry3_q, entry4_q;
  logic [47:0]  begin2_q, len2_q, src2_q, dst2_q, begin3_q, len3_q, src3_q, dst3_q, src4_q, dst4_q;
  logic [31:0]  bytes4_q, bytes_d, left, chunk1, total3;

  assign i1 = entry1_q;
  assign chunk1 = info1_q[192 +: 32];
  assign total3 = info3_q[224 +: 32];
  assign left = total3 - base3_q;
  tally_pkg::instr_t i3;
  assign i3 = entry3_q;
  always_comb begin : p_extent
    bytes_d = left - begin3_q[31:0];
    if (begin3_q >= 48'(left)) bytes_d = '0;
    else if (len3_q < 48'(bytes_d)) bytes_d = len3_q[31:0];
    if (i3.flags[tally_pkg::InstrFlagByBytesBit]) bytes_d = i3.bytes;
  end

  always_ff @(posedge clk_i) begin : p_stages
    if (valid_q[0]) info1_q <= info_mem[lane_q[LaneW +: SlotW]];
    if (valid_q[1]) begin
      begin2_q <= 48'(i1.size_chunk) * 48'(chunk1);
      len2_q   <= 48'(i1.chunks) * 48'(chunk1);
      src2_q   <= 48'(i1.src_chunk) * 48'(chunk1);
      dst2_q   <= 48'(i1.dst_chunk) * 48'(chunk1);
      entry2_q <= entry1_q;
      info2_q  <= info1_q;
    end
    if (valid_q[2]) begin
      begin3_q <= begin2_q;
      len3_q   <= len2_q;
      src3_q   <= src2_q;
      dst3_q   <= dst2_q;
      entry3_q <= entry2_q;
      info3_q  <= info2_q;
    end
    if (valid_q[3]) begin
      src4_q   <= i3.flags[tally_pkg::InstrFlagByBytesBit] ? 48'(i3.src_offset) : src3_q;
      dst4_q   <= i3.flags[tally_pkg::InstrFlagByBytesBit] ? 48'(i3.dst_offset) : dst3_q;
      bytes4_q <= bytes_d;
      entry4_q <= entry3_q;
      info4_q  <= info3_q;
    end
  end

  // --- checks and addresses ----------------------------------------------------------------------
  logic [63:0] src_base, dst_base;
  logic [31:0] src_size, dst_size, src_pass, dst_pass, in_bytes, out_bytes, scr_bytes;
  logic [63:0] in_addr, out_addr, scr_addr;
  logic [15:0] dep_len;
  logic [49:0] src_end, dst_end;
  logic        in_place, has_inline, receives, sends, reads, writes, reduces, local_op, fault;
  logic        has_dep, from_input;

  assign i4 = entry4_q;
  assign in_addr = info4_q[0 +: 64];
  assign out_addr = info4_q[64 +: 64];
  assign scr_addr = info4_q[128 +: 64];
  assign in_bytes = info4_q[256 +: 32];
  assign out_bytes = info4_q[288 +: 32];
  assign scr_bytes = info4_q[320 +: 32];
  assign in_place = info4_q[352];
  assign has_inline = info4_q[353];
  assign has_dep = i4.flags[tally_pkg::InstrFlagHasDepBit];
  assign from_input = i4.src_buf == tally_pkg::BufferInput;

  always_comb begin : p_check
    receives = i4.op == tally_pkg::InstrOpRecv ||
               (i4.op >= tally_pkg::InstrOpRecvReduceCopy &&
                i4.op <= tally_pkg::InstrOpRecvReduceCopySend);
    sends = i4.op == tally_pkg::InstrOpSend || (i4.op >= tally_pkg::InstrOpRecvCopySend &&
                                                i4.op <= tally_pkg::InstrOpRecvReduceCopySend);
    local_op = i4.op == tally_pkg::InstrOpReduce;
    reads = i4.op != tally_pkg::InstrOpNop && i4.op != tally_pkg::InstrOpRecv &&
            i4.op != tally_pkg::InstrOpRecvCopySend;
    writes = i4.op != tally_pkg::InstrOpNop && i4.op != tally_pkg::InstrOpSend &&
             i4.op != tally_pkg::InstrOpRecvReduceSend;
    reduces = local_op || i4.op == tally_pkg::InstrOpRecvReduceCopy ||
              i4.op == tally_pkg::InstrOpRecvReduceSend ||
              i4.op == tally_pkg::InstrOpRecvReduceCopySend;
    unique case (i4.src_buf)
      tally_pkg::BufferOutput:  begin src_base = out_addr; src_size = out_bytes; end
      tally_pkg::BufferScratch: begin src_base = scr_addr; src_size = scr_bytes; end
      default:                  begin src_base = in_addr;  src_size = in_bytes; end
    endcase
    unique case (i4.dst_buf)
      tally_pkg::BufferOutput:  begin dst_base = out_addr; dst_size = out_bytes; end
      tally_pkg::BufferScratch: begin dst_base = scr_addr; dst_size = scr_bytes; end
      default:                  begin dst_base = in_addr;  dst_size = in_bytes; end
    endcase
    // Scratch is used anew in each pass.
    src_pass = i4.src_buf == tally_pkg::BufferScratch ? '0 : base4_q;
    dst_pass = i4.dst_buf == tally_pkg::BufferScratch ? '0 : base4_q;
    src_end = 50'(src4_q) + 50'(bytes4_q) + 50'(src_pass);
    dst_end = 50'(dst4_q) + 50'(bytes4_q) + 50'(dst_pass);
    dep_len = info4_q[354 + i4.dep_lane[LaneW-1:0]*16 +: 16];
    fault = i4.op > tally_pkg::InstrOpRecvReduceCopySend;
    if (sends && (i4.send_peer[15:RankW] != '0 || i4.send_lane[7:LaneW] != '0)) fault = 1'b1;
    if (receives && i4.recv_peer[15:RankW] != '0) fault = 1'b1;
    if (reads && (i4.src_buf > tally_pkg::BufferScratch ||
                  (bytes4_q != '0 && src_end > 50'(src_size)))) fault = 1'b1;
    if (writes && (i4.dst_buf > tally_pkg::BufferScratch ||
                   (bytes4_q != '0 && dst_end > 50'(dst_size)))) fault = 1'b1;
    // Input stays as it is, unless it is also Output: operands of it may be kept.
    if (writes && bytes4_q != '0 && i4.dst_buf == tally_pkg::BufferInput && !in_place) fault = 1'b1;
    if (has_dep && (i4.dep_lane[7:LaneW] != '0 || i4.dep_step > dep_len)) fault = 1'b1;
  end

  // What a lane needs of an instruction; tally_seq_step takes it apart in the same order.
  logic [ResW-1:0] res_q;
  always_ff @(posedge clk_i) begin : p_result
    if (valid_q[4]) begin
      res_q <= {reads && from_input && has_inline, src4_q[3:0],
                !from_input || in_place,
                bytes4_q <= 32'(tally_pkg::ShortBytes) && bytes4_q <= 32'(max_payload_i),
                bytes4_q,
                dst_base + 64'(dst4_q[31:0]) + 64'(dst_pass),
                src_base + 64'(src4_q[31:0]) + 64'(src_pass),
                i4.recv_peer[RankW-1:0], i4.send_lane[LaneW-1:0], i4.send_peer[RankW-1:0],
                i4.dep_step, i4.dep_lane[LaneW-1:0], has_dep,
                local_op, reduces, writes, reads, sends, receives, fault};
    end
  end
  assign res_o = res_q;

  logic [LcW-1:0] res_lane_q;
  logic           res_valid_q;
  always_ff @(posedge clk_i) begin : p_out
    if (!rst_ni) res_valid_q <= 1'b0;
    else         res_valid_q <= valid_q[4];
    res_lane_q <= lane_q[4*LcW +: LcW];
  end
  assign res_valid_o = res_valid_q;
  assign res_lane_o = res_lane_q;

  logic unused;
  assign unused = ^{i1, i3, i4, info4_q[255:192], begin3_q[47:32], src4_q[47:32], dst4_q[47:32],
                    base1_q[31:0]};

  `TALLY_ASSERT(OneReader_A, !(hdr_rd_i && take))
endmodule

`default_nettype wire

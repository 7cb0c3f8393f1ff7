// SPDX-License-Identifier: BSD-3-Clause
// Schedule memory and the preparation of instructions: chunk indices become addresses and lengths.
//
// Ordering: requests are served in the order of their grants, lanes round-robin. Latency: 5 cycles
// from request to result. Throughput: one instruction a cycle. Storage: ScheduleEntries * 160 bits.
// An instruction whose op, buffer, peer, dependency or extent is not one this collective can have
// gives a fault instead of addresses: no instruction reaches outside the regions that were looked
// up at the start.
// Limitations: the schedule may be written only while no collective runs.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_prep #(
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned AddrW = $clog2(tally_pkg::ScheduleEntries),
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks)
) (
  input  wire logic                   clk_i,
  input  wire logic                   rst_ni,

  input  wire logic                   sched_wr_valid_i,
  input  wire logic [15:0]            sched_wr_addr_i,
  input  wire logic [255:0]           sched_wr_data_i,

  // Header read; only while no lane asks. Entry one cycle later.
  input  wire logic                   hdr_rd_i,
  input  wire logic [AddrW-1:0]       hdr_addr_i,
  output      logic [159:0]           entry_o,

  // The collective, constant while lanes ask.
  input  wire logic                   run_i,
  input  wire logic [63:0]            input_addr_i,
  input  wire logic [63:0]            output_addr_i,
  input  wire logic [63:0]            scratch_addr_i,
  input  wire logic [31:0]            chunk_bytes_i,
  input  wire logic [31:0]            total_bytes_i,
  input  wire logic [31:0]            scratch_bytes_i,
  input  wire logic                   in_place_i,
  input  wire logic [Lanes*16-1:0]    lane_len_i,

  input  wire logic [Lanes-1:0]       req_valid_i,
  output      logic [Lanes-1:0]       req_ready_o,
  input  wire logic [Lanes*AddrW-1:0] req_addr_i,

  output      logic [Lanes-1:0]       res_valid_o,
  output      logic                   res_fault_o,
  output      logic [3:0]             res_op_o,
  output      logic                   res_dep_o,
  output      logic [LaneW-1:0]       res_dep_lane_o,
  output      logic [15:0]            res_dep_step_o,
  output      logic [RankW-1:0]       res_send_peer_o,
  output      logic [RankW-1:0]       res_recv_peer_o,
  output      logic [63:0]            res_src_addr_o,
  output      logic [63:0]            res_dst_addr_o,
  output      logic [31:0]            res_bytes_o,
  // src may have been written by this collective.
  output      logic                   res_src_dirty_o
);
  logic [159:0] sched_mem [tally_pkg::ScheduleEntries];
  logic [159:0] entry_q;
  logic [LaneW-1:0] last_q, pick;
  logic             any;
  logic [AddrW-1:0] addr;

  logic unused_wr_data;
  assign unused_wr_data = ^sched_wr_data_i[255:160];

  always_comb begin : p_pick
    any = 1'b0;
    pick = '0;
    for (int unsigned i = 1; i <= Lanes; i++) begin
      if (!any && req_valid_i[LaneW'(32'(last_q) + i)]) begin
        any = 1'b1;
        pick = LaneW'(32'(last_q) + i);
      end
    end
    req_ready_o = '0;
    if (any) req_ready_o[pick] = 1'b1;
    addr = hdr_rd_i ? hdr_addr_i : req_addr_i[pick*AddrW +: AddrW];
  end

  always_ff @(posedge clk_i) begin : p_mem
    if (sched_wr_valid_i && sched_wr_addr_i[15:AddrW] == '0) begin
      sched_mem[sched_wr_addr_i[AddrW-1:0]] <= sched_wr_data_i[159:0];
    end
    if (any || hdr_rd_i) entry_q <= sched_mem[addr];
  end
  assign entry_o = entry_q;

  // --- pipeline: read, two stages of products, extent, result ------------------------------------
  logic [4:0]         valid_q;
  logic [5*LaneW-1:0] lane_q;

  always_ff @(posedge clk_i) begin : p_valid
    if (!rst_ni) begin
      valid_q <= '0;
      last_q  <= '0;
    end else begin
      valid_q <= run_i ? {valid_q[3:0], any} : '0;
      if (any) last_q <= pick;
    end
    lane_q <= {lane_q[4*LaneW-1:0], pick};
  end

  logic [47:0]  begin2_q, len2_q, src2_q, dst2_q, begin3_q, len3_q, src3_q, dst3_q, src4_q, dst4_q;
  logic [151:0] entry2_q, entry3_q, entry4_q;
  logic [31:0]  bytes_d, bytes4_q, left;

  assign left = total_bytes_i - begin3_q[31:0];
  always_comb begin : p_extent
    bytes_d = left;
    if (begin3_q >= 48'(total_bytes_i)) bytes_d = '0;
    else if (len3_q < 48'(left)) bytes_d = len3_q[31:0];
  end

  always_ff @(posedge clk_i) begin : p_stages
    if (valid_q[0]) begin
      begin2_q <= 48'(entry_q[10*8 +: 16]) * 48'(chunk_bytes_i);
      len2_q   <= 48'(entry_q[8*8 +: 16]) * 48'(chunk_bytes_i);
      src2_q   <= 48'(entry_q[4*8 +: 16]) * 48'(chunk_bytes_i);
      dst2_q   <= 48'(entry_q[6*8 +: 16]) * 48'(chunk_bytes_i);
      entry2_q <= {entry_q[159:144], entry_q[135:0]};
    end
    if (valid_q[1]) begin
      begin3_q <= begin2_q;
      len3_q   <= len2_q;
      src3_q   <= src2_q;
      dst3_q   <= dst2_q;
      entry3_q <= entry2_q;
    end
    if (valid_q[2]) begin
      src4_q   <= src3_q;
      dst4_q   <= dst3_q;
      bytes4_q <= bytes_d;
      entry4_q <= entry3_q;
    end
  end

  logic [7:0]  op, flags, src_buf, dst_buf, dep_lane;
  logic [15:0] send_peer, recv_peer, dep_step;
  logic [15:0] dep_len;
  logic [48:0] src_end, dst_end;
  logic [31:0] src_size, dst_size;
  logic [63:0] src_base, dst_base;
  logic        receives, sends, reads, writes, fault;
  logic        unused_entry;

  assign op = entry4_q[0 +: 8];
  assign flags = entry4_q[8 +: 8];
  assign src_buf = entry4_q[16 +: 8];
  assign dst_buf = entry4_q[24 +: 8];
  assign send_peer = entry4_q[96 +: 16];
  assign recv_peer = entry4_q[112 +: 16];
  assign dep_lane = 8'(entry4_q[135:128]);
  assign dep_step = entry4_q[151:136];
  assign unused_entry = ^{entry4_q[95:32], flags[7:1]};

  always_comb begin : p_check
    receives = op == tally_pkg::InstrOpRecv ||
               (op >= tally_pkg::InstrOpRecvReduceCopy &&
                op <= tally_pkg::InstrOpRecvReduceCopySend);
    sends = op == tally_pkg::InstrOpSend ||
            (op >= tally_pkg::InstrOpRecvCopySend && op <= tally_pkg::InstrOpRecvReduceCopySend);
    reads = op != tally_pkg::InstrOpNop && op != tally_pkg::InstrOpRecv &&
            op != tally_pkg::InstrOpRecvCopySend;
    writes = op != tally_pkg::InstrOpNop && op != tally_pkg::InstrOpSend &&
             op != tally_pkg::InstrOpRecvReduceSend;
    unique case (src_buf)
      tally_pkg::BufferOutput:  begin src_base = output_addr_i;  src_size = total_bytes_i; end
      tally_pkg::BufferScratch: begin src_base = scratch_addr_i; src_size = scratch_bytes_i; end
      default:                  begin src_base = input_addr_i;   src_size = total_bytes_i; end
    endcase
    unique case (dst_buf)
      tally_pkg::BufferOutput:  begin dst_base = output_addr_i;  dst_size = total_bytes_i; end
      tally_pkg::BufferScratch: begin dst_base = scratch_addr_i; dst_size = scratch_bytes_i; end
      default:                  begin dst_base = input_addr_i;   dst_size = total_bytes_i; end
    endcase
    src_end = 49'(src4_q) + 49'(bytes4_q);
    dst_end = 49'(dst4_q) + 49'(bytes4_q);
    dep_len = lane_len_i[dep_lane[LaneW-1:0]*16 +: 16];
    fault = op > tally_pkg::InstrOpRecvReduceCopySend;
    if (sends && send_peer[15:RankW] != '0) fault = 1'b1;
    if (receives && recv_peer[15:RankW] != '0) fault = 1'b1;
    if (reads && (src_buf > tally_pkg::BufferScratch ||
                  (bytes4_q != '0 && src_end > 49'(src_size)))) fault = 1'b1;
    if (writes && (dst_buf > tally_pkg::BufferScratch ||
                   (bytes4_q != '0 && dst_end > 49'(dst_size)))) fault = 1'b1;
    // Input stays as it is, unless it is also Output: operands of it may be kept.
    if (writes && bytes4_q != '0 && dst_buf == tally_pkg::BufferInput && !in_place_i) fault = 1'b1;
    if (flags[tally_pkg::InstrFlagHasDepBit] &&
        (dep_lane[7:LaneW] != '0 || dep_step > dep_len)) fault = 1'b1;
  end

  always_ff @(posedge clk_i) begin : p_result
    if (valid_q[3]) begin
      res_fault_o     <= fault;
      res_op_o        <= op[3:0];
      res_dep_o       <= flags[tally_pkg::InstrFlagHasDepBit];
      res_dep_lane_o  <= dep_lane[LaneW-1:0];
      res_dep_step_o  <= dep_step;
      res_send_peer_o <= send_peer[RankW-1:0];
      res_recv_peer_o <= recv_peer[RankW-1:0];
      res_src_addr_o  <= src_base + 64'(src4_q);
      res_dst_addr_o  <= dst_base + 64'(dst4_q);
      res_bytes_o     <= bytes4_q;
      res_src_dirty_o <= src_buf != tally_pkg::BufferInput || in_place_i;
    end
  end

  always_comb begin : p_valid_out
    res_valid_o = '0;
    res_valid_o[lane_q[4*LaneW +: LaneW]] = valid_q[4] && run_i;
  end

  `TALLY_ASSERT(OneReader_A, !(hdr_rd_i && any))
endmodule

`default_nettype wire

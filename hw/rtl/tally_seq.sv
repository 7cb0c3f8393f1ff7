// SPDX-License-Identifier: BSD-3-Clause
// The schedule sequencer: runs collectives as schedules of NumLanes lanes (docs/sequencer.md).
//
// Ordering: collectives run one at a time in the order of their descriptors; the data of one
// (peer, lane) flow is consumed in the order of its arrival; writes leave in execution order.
// Latency: a short packet that meets its waiting instruction leaves again (fused receive and send)
// 15 cycles after its last beat. Throughput: the datapath takes one beat a cycle over consecutive
// packets (receive, fused receive-and-send and send are one packet's worth each); the port tx needs
// 65 cycles for a full packet of 4032 bytes and 2 for a credit.
// Storage: flow staging MaxRanks * NumLanes * FlowSlots * MtuBeats beats, operands NumLanes * 4
// packets, forwarding NumLanes packets, schedule ScheduleEntries * 160 bits, output FIFOs of 2
// packets each.
// rx_ready_o is constant 1: credits bound what arrives, and it waits for nothing.
// Limitations: see docs/sequencer.md.
`default_nettype none
`include "tally_assert.svh"

module tally_seq (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  // Rank and enable of endpoint 0: the enable's rising edge mends all broken contexts.
  input  wire logic [3:0]   rank_i,
  input  wire logic         ep_enable_i,

  // Bytes of a full packet: Pmtu - MsgHeaderBytes; changes only while idle. Packets hold whole
  // beats, at least one, and fit their buffers whatever it is.
  input  wire logic [12:0]  max_payload_i,

  // Descriptors of collectives, with the cycle of their arrival.
  input  wire logic         cmd_valid_i,
  output      logic         cmd_ready_o,
  input  wire logic [511:0] cmd_desc_i,
  input  wire logic [31:0]  cmd_arrival_i,

  // Schedule memory writes, never held back; only while idle.
  input  wire logic         sched_wr_valid_i,
  input  wire logic [15:0]  sched_wr_addr_i,
  input  wire logic [255:0] sched_wr_data_i,

  // Coll and CollCredit packets from tally_msg_demux.
  input  wire logic         rx_valid_i,
  output      logic         rx_ready_o,
  input  wire logic [511:0] rx_data_i,
  input  wire logic         rx_last_i,

  // Coll and CollCredit packets to tally_transport (client 2).
  output      logic         tx_valid_o,
  input  wire logic         tx_ready_i,
  output      logic [511:0] tx_data_o,
  output      logic         tx_last_o,

  // tally_dma_rd client 7: operand src.
  output      logic         rda_cmd_valid_o,
  input  wire logic         rda_cmd_ready_i,
  output      logic [63:0]  rda_cmd_addr_o,
  output      logic [12:0]  rda_cmd_len_o,
  input  wire logic         rda_data_valid_i,
  input  wire logic [511:0] rda_data_i,
  input  wire logic         rda_data_last_i,

  // tally_dma_rd client 8: operand dst of Reduce.
  output      logic         rdb_cmd_valid_o,
  input  wire logic         rdb_cmd_ready_i,
  output      logic [63:0]  rdb_cmd_addr_o,
  output      logic [12:0]  rdb_cmd_len_o,
  input  wire logic         rdb_data_valid_i,
  input  wire logic [511:0] rdb_data_i,
  input  wire logic         rdb_data_last_i,

  // tally_dma_wr client 3.
  output      logic         wr_cmd_valid_o,
  input  wire logic         wr_cmd_ready_i,
  output      logic [63:0]  wr_cmd_addr_o,
  output      logic [12:0]  wr_cmd_len_o,
  output      logic         wr_data_valid_o,
  input  wire logic         wr_data_ready_i,
  output      logic [511:0] wr_data_o,
  input  wire logic         wr_done_i,

  // tally_mr look-up c.
  output      logic [31:0]  mr_key_o,
  output      logic [63:0]  mr_addr_o,
  output      logic [31:0]  mr_len_o,
  input  wire logic         mr_ok_i,

  // Completions; field cycles holds the arrival cycle.
  output      logic         cpl_valid_o,
  input  wire logic         cpl_ready_i,
  output      logic [255:0] cpl_data_o,

  // Host's abort: {context, seq}.
  input  wire logic         abort_valid_i,
  input  wire logic [31:0]  abort_i,

  // Status and counter pulses.
  output      logic         idle_o,
  output      logic         reduced_beat_o,
  output      logic         collective_done_o,
  output      logic         protection_o
);
  localparam int unsigned Lanes = tally_pkg::NumLanes;
  localparam int unsigned LaneW = $clog2(Lanes);
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks);
  localparam int unsigned FlowW = RankW + LaneW;
  localparam int unsigned SlotW = $clog2(tally_pkg::FlowSlots);
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats);
  localparam int unsigned CntW = $clog2(tally_pkg::FlowSlots + 1);
  localparam int unsigned AddrW = $clog2(tally_pkg::ScheduleEntries);
  localparam int unsigned HeadW = RankW + LaneW + 13 + 32 + 1;

  logic [12:0] max_payload_q;
  always_ff @(posedge clk_i) begin : p_max_payload
    if (max_payload_i > 13'(tally_pkg::MaxPayload)) max_payload_q <= 13'(tally_pkg::MaxPayload);
    else if (max_payload_i[12:6] == '0) max_payload_q <= 13'(tally_pkg::BeatBytes);
    else max_payload_q <= {max_payload_i[12:6], 6'd0};
  end

  // --- control -----------------------------------------------------------------------------------
  logic                         start, run, rescan, in_place, hdr_rd;
  logic [tally_pkg::CollectiveContexts-1:0] broken;
  logic [15:0]                  ctx, seq, signature;
  logic [31:0]                  count, chunk_bytes, total_bytes, scratch_bytes;
  logic [7:0]                   dtype, redop;
  logic [63:0]                  input_addr, output_addr, scratch_addr;
  logic [AddrW-1:0]             hdr_addr;
  logic [159:0]                 entry;
  logic [Lanes*16-1:0]          lane_len, steps;
  logic [Lanes*AddrW-1:0]       lane_pc;
  logic [Lanes-1:0]             lane_done, lane_fault, lane_mismatch;
  logic                         mismatch, flow_mismatch, exec_quiet, reads_idle, heads_out;
  logic [15:0]                  mismatch_source, flow_mismatch_source;
  logic [31:0]                  mismatch_detail, flow_mismatch_detail;
  logic                         ctl_idle, flow_idle, exec_idle, tx_idle;

  tally_seq_ctl u_ctl (
    .clk_i, .rst_ni, .ep_enable_i,
    .cmd_valid_i, .cmd_ready_o, .cmd_desc_i, .cmd_arrival_i,
    .hdr_rd_o(hdr_rd), .hdr_addr_o(hdr_addr), .hdr_i(entry),
    .mr_key_o, .mr_addr_o, .mr_len_o, .mr_ok_i,
    .start_o(start), .run_o(run), .rescan_o(rescan), .broken_o(broken),
    .context_o(ctx), .seq_o(seq), .signature_o(signature), .count_o(count), .dtype_o(dtype),
    .redop_o(redop), .input_addr_o(input_addr), .output_addr_o(output_addr),
    .scratch_addr_o(scratch_addr), .chunk_bytes_o(chunk_bytes), .total_bytes_o(total_bytes),
    .scratch_bytes_o(scratch_bytes), .in_place_o(in_place), .lane_len_o(lane_len),
    .lane_pc_o(lane_pc),
    .lanes_done_i(&lane_done), .fault_i(|lane_fault),
    .mismatch_i(mismatch), .mismatch_source_i(mismatch_source), .mismatch_detail_i(mismatch_detail),
    .abort_valid_i, .abort_i,
    .exec_quiet_i(exec_quiet), .reads_idle_i(reads_idle), .heads_out_i(heads_out),
    .cpl_valid_o, .cpl_ready_i, .cpl_data_o,
    .idle_o(ctl_idle), .collective_done_o, .protection_o
  );

  // --- instructions ------------------------------------------------------------------------------
  logic [Lanes-1:0]       req_valid, req_ready, res_valid;
  logic [Lanes*AddrW-1:0] req_addr;
  logic                   res_fault, res_dep, res_dirty;
  logic [3:0]             res_op;
  logic [LaneW-1:0]       res_dep_lane;
  logic [15:0]            res_dep_step;
  logic [RankW-1:0]       res_send_peer, res_recv_peer;
  logic [63:0]            res_src_addr, res_dst_addr;
  logic [31:0]            res_bytes;

  tally_seq_prep u_prep (
    .clk_i, .rst_ni,
    .sched_wr_valid_i, .sched_wr_addr_i, .sched_wr_data_i,
    .hdr_rd_i(hdr_rd), .hdr_addr_i(hdr_addr), .entry_o(entry),
    .run_i(run), .input_addr_i(input_addr), .output_addr_i(output_addr),
    .scratch_addr_i(scratch_addr),
    .chunk_bytes_i(chunk_bytes), .total_bytes_i(total_bytes), .scratch_bytes_i(scratch_bytes),
    .in_place_i(in_place), .lane_len_i(lane_len),
    .req_valid_i(req_valid), .req_ready_o(req_ready), .req_addr_i(req_addr),
    .res_valid_o(res_valid), .res_fault_o(res_fault), .res_op_o(res_op), .res_dep_o(res_dep),
    .res_dep_lane_o(res_dep_lane), .res_dep_step_o(res_dep_step), .res_send_peer_o(res_send_peer),
    .res_recv_peer_o(res_recv_peer), .res_src_addr_o(res_src_addr), .res_dst_addr_o(res_dst_addr),
    .res_bytes_o(res_bytes), .res_src_dirty_o(res_dirty)
  );

  // --- lanes -------------------------------------------------------------------------------------
  logic [Lanes-1:0]       rd_valid, rd_ready, rd_filled, rdb_valid, rdb_full, fwd_settled;
  logic [Lanes*64-1:0]    rd_addr, pkt_dst_addr;
  logic [Lanes*13-1:0]    rd_len, pkt_len, q_len;
  logic [Lanes*2-1:0]     rd_slot, pkt_slot;
  logic [Lanes-1:0]       q_ok, q_newer, s_ok, ready, grant, operand_release;
  logic [Lanes*24-1:0]    q_count;
  logic [Lanes*SlotW-1:0] q_slot;
  logic [Lanes*FlowW-1:0] q_flow, s_flow;
  logic [Lanes*RankW-1:0] recv_peer, send_peer;
  logic [Lanes-1:0]       pkt_recv, pkt_send, pkt_write, pkt_operand, pkt_fwd_src, pkt_single;
  logic [Lanes-1:0]       pkt_reduce, pkt_local_reduce, pkt_last;
  logic [Lanes*32-1:0]    pkt_number;
  logic [7:0]             wr_launched, wr_answered;
  logic                   wr_launch, tx_room, wr_room;

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    tally_seq_lane u_lane (
      .clk_i, .rst_ni, .max_payload_i(max_payload_q),
      .start_i(start), .run_i(run), .pc_i(lane_pc[l*AddrW +: AddrW]), .len_i(lane_len[l*16 +: 16]),
      .done_o(lane_done[l]), .steps_o(steps[l*16 +: 16]), .all_steps_i(steps),
      .req_valid_o(req_valid[l]), .req_ready_i(req_ready[l]),
      .req_addr_o(req_addr[l*AddrW +: AddrW]),
      .res_valid_i(res_valid[l]), .res_fault_i(res_fault), .res_op_i(res_op), .res_dep_i(res_dep),
      .res_dep_lane_i(res_dep_lane), .res_dep_step_i(res_dep_step), .res_send_peer_i(res_send_peer),
      .res_recv_peer_i(res_recv_peer), .res_src_addr_i(res_src_addr), .res_dst_addr_i(res_dst_addr),
      .res_bytes_i(res_bytes), .res_src_dirty_i(res_dirty), .fault_o(lane_fault[l]),
      .rd_valid_o(rd_valid[l]), .rd_ready_i(rd_ready[l]), .rd_addr_o(rd_addr[l*64 +: 64]),
      .rd_len_o(rd_len[l*13 +: 13]), .rd_slot_o(rd_slot[l*2 +: 2]), .rd_filled_i(rd_filled[l]),
      .rdb_valid_o(rdb_valid[l]), .rdb_full_i(rdb_full[l]),
      .wr_launched_i(wr_launched), .wr_done_i(wr_answered), .wr_launch_i(wr_launch),
      .fwd_settled_i(fwd_settled[l]),
      .recv_peer_o(recv_peer[l*RankW +: RankW]), .head_ok_i(q_ok[l]), .head_newer_i(q_newer[l]),
      .head_len_i(q_len[l*13 +: 13]), .send_peer_o(send_peer[l*RankW +: RankW]),
      .send_ok_i(s_ok[l]),
      .tx_room_i(tx_room), .wr_room_i(wr_room), .mismatch_o(lane_mismatch[l]),
      .ready_o(ready[l]), .grant_i(grant[l]),
      .pkt_recv_o(pkt_recv[l]), .pkt_send_o(pkt_send[l]), .pkt_write_o(pkt_write[l]),
      .pkt_operand_o(pkt_operand[l]), .pkt_fwd_src_o(pkt_fwd_src[l]), .pkt_single_o(pkt_single[l]),
      .pkt_reduce_o(pkt_reduce[l]), .pkt_local_reduce_o(pkt_local_reduce[l]),
      .pkt_last_o(pkt_last[l]), .pkt_slot_o(pkt_slot[l*2 +: 2]), .pkt_len_o(pkt_len[l*13 +: 13]),
      .pkt_dst_addr_o(pkt_dst_addr[l*64 +: 64]), .pkt_number_o(pkt_number[l*32 +: 32]),
      .operand_release_i(operand_release[l])
    );
    assign q_flow[l*FlowW +: FlowW] = {recv_peer[l*RankW +: RankW], LaneW'(l)};
    assign s_flow[l*FlowW +: FlowW] = {send_peer[l*RankW +: RankW], LaneW'(l)};
  end

  always_comb begin : p_mismatch
    mismatch = flow_mismatch;
    mismatch_source = flow_mismatch_source;
    mismatch_detail = flow_mismatch_detail;
    for (int unsigned l = 0; l < Lanes; l++) begin
      if (!mismatch && lane_mismatch[l]) begin
        mismatch = 1'b1;
        mismatch_source = 16'(recv_peer[l*RankW +: RankW]);
        mismatch_detail = {tally_pkg::MismatchFieldSignature, q_count[l*24 +: 24]};
      end
    end
  end

  // --- flows -------------------------------------------------------------------------------------
  logic             pop, take, flow_rd, flow_release, ret_valid, ret_ready;
  logic [FlowW-1:0] pop_flow, take_flow, flow_rd_flow, ret_flow;
  logic [SlotW-1:0] flow_rd_slot;
  logic [BeatW-1:0] beat;
  logic [511:0]     flow_data;
  logic [CntW-1:0]  ret_count;

  assign rx_ready_o = 1'b1;
  tally_seq_flow u_flow (
    .clk_i, .rst_ni, .max_payload_i(max_payload_q), .rx_valid_i, .rx_data_i, .rx_last_i,
    .rescan_i(rescan), .run_i(run), .context_i(ctx), .seq_i(seq), .signature_i(signature),
    .count_i(count), .dtype_i(dtype), .redop_i(redop), .broken_i(broken),
    .q_flow_i(q_flow), .q_ok_o(q_ok), .q_newer_o(q_newer), .q_len_o(q_len), .q_count_o(q_count),
    .q_slot_o(q_slot), .s_flow_i(s_flow), .s_ok_o(s_ok),
    .mismatch_o(flow_mismatch), .mismatch_source_o(flow_mismatch_source),
    .mismatch_detail_o(flow_mismatch_detail),
    .pop_i(pop), .pop_flow_i(pop_flow), .take_i(take), .take_flow_i(take_flow),
    .rd_i(flow_rd), .rd_flow_i(flow_rd_flow), .rd_slot_i(flow_rd_slot), .rd_beat_i(beat),
    .rd_data_o(flow_data), .release_i(flow_release), .release_flow_i(flow_rd_flow),
    .ret_valid_o(ret_valid), .ret_ready_i(ret_ready), .ret_flow_o(ret_flow),
    .ret_count_o(ret_count),
    .idle_o(flow_idle)
  );

  // --- operands ----------------------------------------------------------------------------------
  logic             a_rd, b_rd, rdb_take, rdb_release;
  logic [LaneW-1:0] a_lane;
  logic [1:0]       a_slot;
  logic [511:0]     a_data, b_data;

  tally_seq_operand u_operand (
    .clk_i, .rst_ni,
    .rd_valid_i(rd_valid), .rd_ready_o(rd_ready), .rd_addr_i(rd_addr), .rd_len_i(rd_len),
    .rd_slot_i(rd_slot), .filled_o(rd_filled),
    .rdb_valid_i(rdb_valid), .rdb_addr_i(pkt_dst_addr), .rdb_len_i(pkt_len), .rdb_full_o(rdb_full),
    .rdb_take_i(rdb_take), .rdb_release_i(rdb_release), .clear_i(start),
    .a_rd_i(a_rd), .a_lane_i(a_lane), .a_slot_i(a_slot), .b_rd_i(b_rd), .beat_i(beat),
    .a_data_o(a_data), .b_data_o(b_data),
    .rda_cmd_valid_o, .rda_cmd_ready_i, .rda_cmd_addr_o, .rda_cmd_len_o,
    .rda_data_valid_i, .rda_data_i, .rda_data_last_i,
    .rdb_cmd_valid_o, .rdb_cmd_ready_i, .rdb_cmd_addr_o, .rdb_cmd_len_o,
    .rdb_data_valid_i, .rdb_data_i, .rdb_data_last_i,
    .idle_o(reads_idle)
  );

  // --- execution ---------------------------------------------------------------------------------
  logic             head_valid, head_ready, body_valid, body_ready;
  logic [HeadW-1:0] head;
  logic [511:0]     body;

  tally_seq_exec u_exec (
    .clk_i, .rst_ni, .run_i(run), .dtype_i(dtype), .redop_i(redop),
    .ready_i(ready), .grant_o(grant), .pkt_recv_i(pkt_recv), .pkt_send_i(pkt_send),
    .pkt_write_i(pkt_write), .pkt_operand_i(pkt_operand), .pkt_fwd_src_i(pkt_fwd_src),
    .pkt_single_i(pkt_single), .pkt_reduce_i(pkt_reduce), .pkt_local_reduce_i(pkt_local_reduce),
    .pkt_last_i(pkt_last), .pkt_slot_i(pkt_slot), .pkt_len_i(pkt_len),
    .pkt_dst_addr_i(pkt_dst_addr), .pkt_number_i(pkt_number), .recv_peer_i(recv_peer),
    .send_peer_i(send_peer), .head_slot_i(q_slot), .tx_room_o(tx_room), .wr_room_o(wr_room),
    .fwd_settled_o(fwd_settled), .operand_release_o(operand_release),
    .pop_o(pop), .pop_flow_o(pop_flow), .take_o(take), .take_flow_o(take_flow),
    .flow_rd_o(flow_rd), .flow_rd_flow_o(flow_rd_flow), .flow_rd_slot_o(flow_rd_slot),
    .flow_data_i(flow_data), .flow_release_o(flow_release),
    .a_rd_o(a_rd), .a_lane_o(a_lane), .a_slot_o(a_slot), .b_rd_o(b_rd), .beat_o(beat),
    .a_data_i(a_data), .b_data_i(b_data), .rdb_take_o(rdb_take), .rdb_release_o(rdb_release),
    .head_valid_o(head_valid), .head_ready_i(head_ready), .head_o(head),
    .body_valid_o(body_valid), .body_ready_i(body_ready), .body_o(body),
    .wr_cmd_valid_o, .wr_cmd_ready_i, .wr_cmd_addr_o, .wr_cmd_len_o,
    .wr_data_valid_o, .wr_data_ready_i, .wr_data_o, .wr_done_i,
    .wr_launched_o(wr_launched), .wr_answered_o(wr_answered), .wr_launch_o(wr_launch),
    .quiet_o(exec_quiet), .heads_out_o(heads_out), .idle_o(exec_idle), .reduced_beat_o
  );

  tally_seq_tx u_tx (
    .clk_i, .rst_ni, .rank_i,
    .context_i(ctx), .seq_i(seq), .signature_i(signature), .count_i(count), .dtype_i(dtype),
    .redop_i(redop),
    .head_valid_i(head_valid), .head_ready_o(head_ready), .head_i(head),
    .body_valid_i(body_valid), .body_ready_o(body_ready), .body_i(body),
    .ret_valid_i(ret_valid), .ret_ready_o(ret_ready), .ret_flow_i(ret_flow),
    .ret_count_i(ret_count),
    .tx_valid_o, .tx_ready_i, .tx_data_o, .tx_last_o, .idle_o(tx_idle)
  );

  assign idle_o = ctl_idle && flow_idle && exec_idle && tx_idle && reads_idle;

  // The schedule is written between collectives only.
  `TALLY_ASSERT(ScheduleIdle_A, sched_wr_valid_i |-> !run)
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// The schedule sequencer: runs up to CollectiveSlots collectives at once, each as a schedule of
// NumLanes lanes (docs/sequencer.md).
//
// Ordering: collectives of one context run in the order of their descriptors, those of different
// contexts independently; the data of one (context, peer, lane) flow is consumed in the order in
// which it was sent; writes leave in execution order.
// Latency: docs/sequencer.md, "Timing". Throughput: the datapath takes one beat a cycle over
// consecutive packets (receive, fused receive-and-send and send are one packet's worth each).
// Storage: tally_seq_rx (arrivals, about 6 MiB), tally_seq_operand (512 KiB and a window of
// 64 KiB), tally_seq_exec (forwarding, 128 KiB), schedule ScheduleEntries * 256 bits, lanes 32 * 977 bits.
// rx_ready_o is low only while flows are cleared, after reset and after an enable: credits bound what
// arrives, and it waits for nothing.
// Limitations: see docs/sequencer.md.
`default_nettype none
`include "tally_assert.svh"

module tally_seq (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  // Rank and enable of endpoint 0: the enable's rising edge mends all broken contexts.
  input  wire logic [3:0]   rank_i,
  input  wire logic         ep_enable_i,

  // Bytes of a full packet; changes only while idle. Packets hold whole beats, at least one, and fit
  // their buffers whatever it is.
  input  wire logic [12:0]  max_payload_i,

  // Descriptors of collectives, with the cycle of their arrival.
  input  wire logic         cmd_valid_i,
  output      logic         cmd_ready_o,
  input  wire logic [511:0] cmd_desc_i,
  input  wire logic [31:0]  cmd_arrival_i,

  // Schedule memory writes, never held back; not to entries of a collective under way.
  input  wire logic         sched_wr_valid_i,
  input  wire logic [15:0]  sched_wr_addr_i,
  input  wire logic [255:0] sched_wr_data_i,

  // Stores of the host to the operand window (tally_seq_window), never held back.
  input  wire logic         win_valid_i,
  input  wire logic         win_open_i,
  input  wire logic [9:0]   win_line_i,
  input  wire logic [511:0] win_data_i,
  input  wire logic [63:0]  win_strb_i,

  // Coll, CollCredit and CollRequest packets from tally_msg_demux.
  input  wire logic         rx_valid_i,
  output      logic         rx_ready_o,
  input  wire logic [511:0] rx_data_i,
  input  wire logic         rx_last_i,

  // The same to tally_transport (client 2).
  output      logic         tx_valid_o,
  input  wire logic         tx_ready_i,
  output      logic [511:0] tx_data_o,
  output      logic         tx_last_o,

  // tally_dma_rd client 7: operands.
  output      logic         rd_cmd_valid_o,
  input  wire logic         rd_cmd_ready_i,
  output      logic [63:0]  rd_cmd_addr_o,
  output      logic [12:0]  rd_cmd_len_o,
  input  wire logic         rd_data_valid_i,
  input  wire logic [511:0] rd_data_i,
  input  wire logic         rd_data_last_i,

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
  output      logic         working_o,   // something goes on that no interface shows
  output      logic         reduced_beat_o,
  output      logic         collective_done_o,
  output      logic         protection_o
);
  localparam int unsigned Slots = tally_pkg::CollectiveSlots;
  localparam int unsigned SlotW = $clog2(Slots);
  localparam int unsigned Lanes = tally_pkg::NumLanes;
  localparam int unsigned LaneW = $clog2(Lanes);
  localparam int unsigned LcW = SlotW + LaneW;
  localparam int unsigned Lcs = 1 << LcW;
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks);
  localparam int unsigned Contexts = tally_pkg::CollectiveContexts;
  localparam int unsigned CtxW = $clog2(Contexts);
  localparam int unsigned FlowW = CtxW + RankW + LaneW;
  localparam int unsigned PlaceW = $clog2(tally_pkg::FlowSlots);
  localparam int unsigned BeatW = $clog2(tally_pkg::MtuBeats);
  localparam int unsigned AddrW = $clog2(tally_pkg::ScheduleEntries);
  localparam int unsigned ResW = 203;
  localparam int unsigned HeadW = 130;
  localparam int unsigned CreditW = 101;

  logic [12:0] max_payload_q;
  always_ff @(posedge clk_i) begin : p_max_payload
    if (max_payload_i > 13'(tally_pkg::Mtu)) max_payload_q <= 13'(tally_pkg::Mtu);
    else if (max_payload_i[12:6] == '0) max_payload_q <= 13'(tally_pkg::BeatBytes);
    else max_payload_q <= {max_payload_i[12:6], 6'd0};
  end

  // --- control -----------------------------------------------------------------------------------
  logic                   start, free, clear, walk, hdr_rd, in_place, inline_op;
  logic [SlotW-1:0]       start_slot, free_slot;
  logic [Contexts-1:0]    broken;
  logic [CtxW-1:0]        ctx;
  logic [15:0]            seq, signature;
  logic [31:0]            count, chunk_bytes, total_bytes, pass_bytes;
  logic [31:0]            input_bytes, output_bytes, scratch_bytes;
  logic [7:0]             dtype, redop;
  logic [63:0]            input_addr, output_addr, scratch_addr;
  logic [127:0]           inline_data;
  logic [AddrW-1:0]       hdr_addr;
  logic [255:0]           hdr;
  logic [Lanes*16-1:0]    lane_len;
  logic [Lanes*AddrW-1:0] lane_pc;
  logic [Slots-1:0]       run, lanes_done, quiet;
  logic                   step_fail, step_fault, rx_fail;
  logic [SlotW-1:0]       step_fail_slot, rx_fail_slot;
  logic [15:0]            step_source, rx_source;
  logic [31:0]            step_detail, rx_detail;
  logic                   ctl_idle, rx_idle, step_idle, operand_idle, exec_idle, tx_idle;

  tally_seq_ctl u_ctl (
    .clk_i, .rst_ni, .ep_enable_i,
    .cmd_valid_i, .cmd_ready_o, .cmd_desc_i, .cmd_arrival_i,
    .hdr_rd_o(hdr_rd), .hdr_addr_o(hdr_addr), .hdr_i(hdr),
    .mr_key_o, .mr_addr_o, .mr_len_o, .mr_ok_i,
    .start_o(start), .start_slot_o(start_slot), .context_o(ctx), .seq_o(seq),
    .signature_o(signature), .count_o(count), .dtype_o(dtype), .redop_o(redop),
    .input_addr_o(input_addr), .output_addr_o(output_addr), .scratch_addr_o(scratch_addr),
    .chunk_bytes_o(chunk_bytes), .total_bytes_o(total_bytes), .pass_bytes_o(pass_bytes),
    .input_bytes_o(input_bytes), .output_bytes_o(output_bytes), .scratch_bytes_o(scratch_bytes),
    .in_place_o(in_place), .inline_o(inline_op), .inline_data_o(inline_data),
    .lane_len_o(lane_len), .lane_pc_o(lane_pc),
    .run_o(run), .broken_o(broken), .free_o(free), .free_slot_o(free_slot), .clear_o(clear),
    .hold_i(walk), .lanes_done_i(lanes_done), .quiet_i(quiet),
    .step_fail_i(step_fail), .step_fault_i(step_fault), .step_slot_i(step_fail_slot),
    .step_source_i(step_source), .step_detail_i(step_detail),
    .rx_fail_i(rx_fail), .rx_slot_i(rx_fail_slot), .rx_source_i(rx_source),
    .rx_detail_i(rx_detail), .abort_valid_i, .abort_i,
    .cpl_valid_o, .cpl_ready_i, .cpl_data_o,
    .idle_o(ctl_idle), .collective_done_o, .protection_o
  );

  // --- instructions ------------------------------------------------------------------------------
  logic             req_valid, req_ready, res_valid;
  logic [LcW-1:0]   req_lane, res_lane;
  logic [AddrW-1:0] req_addr;
  logic [31:0]      req_base;
  logic [ResW-1:0]  res;

  tally_seq_prep u_prep (
    .clk_i, .rst_ni, .max_payload_i(max_payload_q),
    .sched_wr_valid_i, .sched_wr_addr_i, .sched_wr_data_i,
    .hdr_rd_i(hdr_rd), .hdr_addr_i(hdr_addr), .hdr_o(hdr),
    .start_i(start), .start_slot_i(start_slot), .input_addr_i(input_addr),
    .output_addr_i(output_addr), .scratch_addr_i(scratch_addr), .chunk_bytes_i(chunk_bytes),
    .total_bytes_i(total_bytes), .input_bytes_i(input_bytes), .output_bytes_i(output_bytes),
    .scratch_bytes_i(scratch_bytes), .in_place_i(in_place), .inline_i(inline_op),
    .lane_len_i(lane_len),
    .req_valid_i(req_valid), .req_ready_o(req_ready), .req_lane_i(req_lane),
    .req_addr_i(req_addr), .req_base_i(req_base),
    .res_valid_o(res_valid), .res_lane_o(res_lane), .res_o(res)
  );

  // --- arrivals ----------------------------------------------------------------------------------
  logic [FlowW-1:0]  q_send_flow, q_recv_flow, used_flow, taken_flow, flow;
  logic [9:0]        q_given, q_used, used;
  logic [1:0]        q_stored, q_taken, taken;
  logic [89:0]       q_info;
  logic              used_valid, taken_valid, bank_set, bank, bank_taken, q_bank, rx_poke;
  logic [LcW-1:0]    bank_lane, q_lane, lane;
  logic [SlotW-1:0]  rx_poke_slot;
  logic [RankW-1:0]  bank_peer;
  logic [PlaceW-1:0] q_place, flow_place;
  logic [12:0]       q_place_len;
  logic [7:0]        q_bank_arrived;
  logic              flow_rd, flow_short, flow_bank, job_bank;
  logic [BeatW-1:0]  beat;
  logic [511:0]      flow_data;
  logic [LcW-1:0]    job_lane;

  tally_seq_rx u_rx (
    .clk_i, .rst_ni, .max_payload_i(max_payload_q),
    .rx_valid_i, .rx_ready_o, .rx_data_i, .rx_last_i,
    .start_i(start), .start_slot_i(start_slot), .context_i(ctx), .seq_i(seq),
    .signature_i(signature), .count_i(count), .dtype_i(dtype), .redop_i(redop),
    .free_i(free), .free_slot_i(free_slot), .broken_i(broken), .clear_i(clear), .walk_o(walk),
    .q_send_flow_i(q_send_flow), .q_given_o(q_given), .q_used_o(q_used),
    .q_recv_flow_i(q_recv_flow), .q_stored_o(q_stored), .q_taken_o(q_taken), .q_info_o(q_info),
    .used_valid_i(used_valid), .used_flow_i(used_flow), .used_i(used),
    .taken_valid_i(taken_valid), .taken_flow_i(taken_flow), .taken_i(taken),
    .bank_set_i(bank_set), .bank_lane_i(bank_lane), .bank_i(bank), .bank_peer_i(bank_peer),
    .q_lane_i(q_lane), .q_bank_arrived_o(q_bank_arrived),
    .q_place_bank_i(q_bank), .q_place_i(q_place),
    .q_place_len_o(q_place_len),
    .bank_taken_i(bank_taken), .bank_taken_lane_i(job_lane), .bank_taken_bank_i(job_bank),
    .poke_o(rx_poke), .poke_slot_o(rx_poke_slot),
    .fail_o(rx_fail), .fail_slot_o(rx_fail_slot), .fail_source_o(rx_source),
    .fail_detail_o(rx_detail),
    .rd_i(flow_rd), .rd_short_i(flow_short), .rd_flow_i(flow), .rd_lane_i(lane),
    .rd_bank_i(flow_bank), .rd_place_i(flow_place), .rd_beat_i(beat), .rd_data_o(flow_data),
    .idle_o(rx_idle)
  );

  // --- lanes -------------------------------------------------------------------------------------
  logic               op_valid, op_room, filled, job_valid, job_room, tx_room, wr_room, room_poke;
  logic [LcW-1:0]     op_lane, filled_lane;
  logic [1:0]         op_slot, filled_slot, job_slot;
  logic [63:0]        op_addr, job_addr;
  logic [12:0]        op_len, job_len;
  logic               job_recv, job_short, job_mem, job_pair, job_src_fwd, job_dst_fwd, job_inline;
  logic               job_reduce, job_local, job_write, job_send, job_single;
  logic [FlowW-1:0]   job_flow, release_flow;
  logic [PlaceW-1:0]  job_place;
  logic [3:0]         job_inline_at, release_slots;
  logic [15:0]        job_op;
  logic [HeadW-1:0]   job_head, head;
  logic [Lcs-1:0]     fwd_settled;
  logic               released, release_long, release_bank, release_short;
  logic [LcW-1:0]     release_lane;
  logic [7:0]         wr_launched, wr_answered;
  logic               credit_valid, credit_room, return_room, reserve, job_done, settled;
  logic [LcW-1:0]     settled_lane;
  logic [SlotW-1:0]   done_slot;
  logic [CreditW-1:0] credit;

  tally_seq_step u_step (
    .clk_i, .rst_ni, .max_payload_i(max_payload_q),
    .start_i(start), .start_slot_i(start_slot), .context_i(ctx), .seq_i(seq),
    .signature_i(signature), .count_i(count), .dtype_i(dtype), .redop_i(redop),
    .total_bytes_i(total_bytes), .pass_bytes_i(pass_bytes), .lane_len_i(lane_len),
    .lane_pc_i(lane_pc), .run_i(run), .lanes_done_o(lanes_done),
    .req_valid_o(req_valid), .req_ready_i(req_ready), .req_lane_o(req_lane),
    .req_addr_o(req_addr), .req_base_o(req_base),
    .res_valid_i(res_valid), .res_lane_i(res_lane), .res_i(res),
    .q_send_flow_o(q_send_flow), .q_given_i(q_given), .q_used_i(q_used),
    .q_recv_flow_o(q_recv_flow), .q_stored_i(q_stored), .q_taken_i(q_taken), .q_info_i(q_info),
    .used_valid_o(used_valid), .used_flow_o(used_flow), .used_o(used),
    .taken_valid_o(taken_valid), .taken_flow_o(taken_flow), .taken_o(taken),
    .bank_set_o(bank_set), .bank_lane_o(bank_lane), .bank_o(bank), .bank_peer_o(bank_peer),
    .q_lane_o(q_lane), .q_bank_o(q_bank), .q_place_o(q_place),
    .q_place_len_i(q_place_len), .q_bank_arrived_i(q_bank_arrived), .bank_taken_o(bank_taken),
    .rx_poke_i(rx_poke), .rx_poke_slot_i(rx_poke_slot),
    .rd_valid_o(op_valid), .rd_room_i(op_room), .rd_lane_o(op_lane), .rd_slot_o(op_slot),
    .rd_addr_o(op_addr), .rd_len_o(op_len),
    .filled_i(filled), .filled_lane_i(filled_lane), .filled_slot_i(filled_slot),
    .job_valid_o(job_valid), .job_room_i(job_room), .tx_room_i(tx_room), .wr_room_i(wr_room),
    .room_poke_i(room_poke),
    .job_lane_o(job_lane), .job_recv_o(job_recv), .job_short_o(job_short), .job_flow_o(job_flow),
    .job_bank_o(job_bank), .job_place_o(job_place), .job_mem_o(job_mem), .job_pair_o(job_pair),
    .job_slot_o(job_slot), .job_src_fwd_o(job_src_fwd), .job_dst_fwd_o(job_dst_fwd),
    .job_inline_o(job_inline), .job_inline_at_o(job_inline_at), .job_reduce_o(job_reduce),
    .job_local_o(job_local), .job_write_o(job_write), .job_send_o(job_send),
    .job_single_o(job_single), .job_addr_o(job_addr), .job_len_o(job_len), .job_op_o(job_op),
    .job_head_o(job_head), .fwd_settled_i(fwd_settled),
    .settled_i(settled), .settled_lane_i(settled_lane),
    .release_i(released), .release_lane_i(release_lane), .release_slots_i(release_slots),
    .release_long_i(release_long), .release_bank_i(release_bank),
    .wr_launched_i(wr_launched), .wr_answered_i(wr_answered), .wr_done_i,
    .credit_valid_o(credit_valid), .credit_room_i(credit_room), .return_room_i(return_room),
    .credit_o(credit), .credit_reserve_o(reserve),
    .fail_o(step_fail), .fail_fault_o(step_fault), .fail_slot_o(step_fail_slot),
    .fail_source_o(step_source), .fail_detail_o(step_detail), .timing_o(step_timing),
    .idle_o(step_idle)
  );

  // A lane that found no room is looked at again when there is some.
  logic [5:0] rooms, rooms_q;
  assign rooms = {op_room, job_room, tx_room, wr_room, credit_room, return_room};
  always_ff @(posedge clk_i) begin : p_rooms
    if (!rst_ni) rooms_q <= '0;
    else         rooms_q <= rooms;
  end
  assign room_poke = (rooms & ~rooms_q) != '0;

  // --- operands ----------------------------------------------------------------------------------
  logic         a_rd;
  logic [1:0]   a_slot;
  logic [511:0] a_data, b_data;

  tally_seq_operand u_operand (
    .clk_i, .rst_ni, .ep_enable_i,
    .win_valid_i, .win_open_i, .win_line_i, .win_data_i, .win_strb_i,
    .rd_valid_i(op_valid), .rd_room_o(op_room), .rd_lane_i(op_lane), .rd_slot_i(op_slot),
    .rd_addr_i(op_addr), .rd_len_i(op_len),
    .filled_o(filled), .filled_lane_o(filled_lane), .filled_slot_o(filled_slot),
    .a_rd_i(a_rd), .a_lane_i(lane), .a_slot_i(a_slot), .beat_i(beat),
    .a_data_o(a_data), .b_data_o(b_data),
    .cmd_valid_o(rd_cmd_valid_o), .cmd_ready_i(rd_cmd_ready_i), .cmd_addr_o(rd_cmd_addr_o),
    .cmd_len_o(rd_cmd_len_o), .data_valid_i(rd_data_valid_i), .data_i(rd_data_i),
    .data_last_i(rd_data_last_i), .idle_o(operand_idle)
  );

  // --- execution ---------------------------------------------------------------------------------
  logic             head_begun, head_valid, head_ready, body_valid, body_ready, job_empty, handed;
  logic [511:0]     body;
  logic [SlotW-1:0] empty_slot, handed_slot;

  tally_seq_exec u_exec (
    .clk_i, .rst_ni, .start_i(start), .start_slot_i(start_slot), .inline_data_i(inline_data),
    .job_valid_i(job_valid), .job_room_o(job_room), .tx_room_o(tx_room), .wr_room_o(wr_room),
    .job_lane_i(job_lane), .job_recv_i(job_recv), .job_short_i(job_short), .job_flow_i(job_flow),
    .job_bank_i(job_bank), .job_place_i(job_place), .job_mem_i(job_mem), .job_pair_i(job_pair),
    .job_slot_i(job_slot), .job_src_fwd_i(job_src_fwd), .job_dst_fwd_i(job_dst_fwd),
    .job_inline_i(job_inline), .job_inline_at_i(job_inline_at), .job_reduce_i(job_reduce),
    .job_local_i(job_local), .job_write_i(job_write), .job_send_i(job_send),
    .job_single_i(job_single), .job_addr_i(job_addr), .job_len_i(job_len), .job_op_i(job_op),
    .job_head_i(job_head), .fwd_settled_o(fwd_settled), .settled_o(settled),
    .settled_lane_o(settled_lane),
    .release_o(released), .release_lane_o(release_lane), .release_slots_o(release_slots),
    .release_long_o(release_long), .release_bank_o(release_bank),
    .release_short_o(release_short), .release_flow_o(release_flow),
    .flow_rd_o(flow_rd), .flow_short_o(flow_short), .flow_o(flow), .flow_bank_o(flow_bank),
    .flow_place_o(flow_place), .flow_data_i(flow_data),
    .a_rd_o(a_rd), .lane_o(lane), .a_slot_o(a_slot), .beat_o(beat), .a_data_i(a_data),
    .b_data_i(b_data),
    .head_begun_o(head_begun), .head_valid_o(head_valid), .head_ready_i(head_ready),
    .head_o(head),
    .body_valid_o(body_valid), .body_ready_i(body_ready), .body_o(body),
    .wr_cmd_valid_o, .wr_cmd_ready_i, .wr_cmd_addr_o, .wr_cmd_len_o,
    .wr_data_valid_o, .wr_data_ready_i, .wr_data_o, .wr_done_i,
    .wr_launched_o(wr_launched), .wr_answered_o(wr_answered),
    .done_o(job_done), .done_slot_o(done_slot), .empty_o(job_empty), .empty_slot_o(empty_slot),
    .handed_o(handed), .handed_slot_o(handed_slot), .idle_o(exec_idle), .reduced_beat_o
  );

  tally_seq_open u_open (
    .clk_i, .rst_ni,
    .begin_i({1'b0, job_valid && job_write, job_valid, op_valid}),
    .begin_slot_i({SlotW'(0), job_lane[LcW-1:LaneW], job_lane[LcW-1:LaneW], op_lane[LcW-1:LaneW]}),
    .end_i({job_empty, handed, job_done, filled}),
    .end_slot_i({empty_slot, handed_slot, done_slot,
                   filled_lane[LcW-1:LaneW]}),
    .quiet_o(quiet)
  );

  tally_seq_tx u_tx (
    .clk_i, .rst_ni, .rank_i,
    .head_begun_i(head_begun), .head_valid_i(head_valid), .head_ready_o(head_ready),
    .head_i(head),
    .body_valid_i(body_valid), .body_ready_o(body_ready), .body_i(body),
    .credit_valid_i(credit_valid), .credit_room_o(credit_room), .credit_i(credit),
    .reserve_i(reserve), .return_room_o(return_room), .return_valid_i(release_short),
    .return_flow_i(release_flow),
    .tx_valid_o, .tx_ready_i, .tx_data_o, .tx_last_o, .idle_o(tx_idle)
  );

  logic step_timing;
  assign working_o = walk || step_timing;
  assign idle_o = ctl_idle && rx_idle && step_idle && operand_idle && exec_idle && tx_idle;
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Rendezvous jobs of the receiver.
//
// Matched rendezvous wait in a queue of UnexpectedEntries, which message credits bound, for one of
// RendezvousJobs jobs. A job that starts returns the sender's credit and asks for the payload with
// a ReadReq of min(message, room) bytes; also with 0, so that the sender completes. tally_msg_rx
// looks a job up for each ReadData packet and reports its end after the last data handshake; the
// completion follows. The sender keeps nothing: what its completion needs (cookie, descriptor
// cycle, length) travels Rts -> ReadReq.
// Ordering: jobs start in the order they were matched; they end in any order.
// Latency: 2 cycles from match to ReadReq. Throughput: one start in 2 cycles.
// Storage: 64 * 418 bits of queue, 8 * 257 bits of jobs.
// Limitations: a job whose sender never answers stays (the network is reliable).
`default_nettype none
`include "tally_assert.svh"

module tally_rndv #(
  localparam int unsigned MatchedW = 417,
  localparam int unsigned JobBits  = $clog2(tally_pkg::RendezvousJobs)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  // matched rendezvous from tally_msg_rx (receive was posted) and tally_cmd (message was
  // unexpected); layout: tally_cmd
  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [MatchedW-1:0] rx_matched_i,
  input  wire logic                cmd_valid_i,
  output      logic                cmd_ready_o,
  input  wire logic [MatchedW-1:0] cmd_matched_i,

  // job look-up of tally_msg_rx (combinational), and the end of the job at job_index_i
  input  wire logic [JobBits-1:0]  job_index_i,
  output      logic                job_valid_o,
  output      logic [15:0]         job_source_o,
  output      logic [63:0]         job_addr_o,
  output      logic [31:0]         job_want_o,
  input  wire logic                job_end_valid_i,
  output      logic                job_end_ready_o,
  input  wire logic                job_end_nak_i,

  // ReadReq header beats to tally_msg_tx
  output      logic                req_valid_o,
  input  wire logic                req_ready_i,
  output      logic [511:0]        req_data_o,

  // to tally_credit (pulse)
  output      logic                credit_valid_o,
  output      logic [15:0]         credit_peer_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,

  output      logic                truncated_o,
  output      logic                rendezvous_o,
  // nothing to do now; jobs that wait for a peer's data do not count: see waiting_o
  output      logic                idle_o,
  output      logic                waiting_o
);
  localparam int unsigned Jobs   = tally_pkg::RendezvousJobs;
  localparam int unsigned Depth  = tally_pkg::UnexpectedEntries;
  localparam int unsigned QueueW = 1 + MatchedW;
  // {unexpected[1], tag[32], context[16], source[16], arrival[32], cookie[32], want[32], addr[64],
  // total[32]}
  localparam int unsigned JobW   = 257;

  // Queue of matched rendezvous: {unexpected, matched}.
  logic                       queue_ready, head_valid, start, unused_head;
  logic [QueueW-1:0]          head;
  logic [$clog2(Depth+1)-1:0] unused_level;

  assign rx_ready_o  = queue_ready;
  assign cmd_ready_o = queue_ready && !rx_valid_i;

  tally_fifo #(.Width(QueueW), .Depth(Depth)) u_queue (
    .clk_i, .rst_ni,
    .in_valid_i(rx_valid_i || cmd_valid_i), .in_ready_o(queue_ready),
    .in_data_i(rx_valid_i ? {1'b0, rx_matched_i} : {1'b1, cmd_matched_i}),
    .out_valid_o(head_valid), .out_ready_i(start), .out_data_o(head),
    .level_o(unused_level)
  );

  logic [31:0] head_total, head_room, head_want;
  assign head_total  = head[64 +: 32];
  assign head_room   = head[257 +: 32];
  assign head_want   = head_total > head_room ? head_room : head_total;
  assign unused_head = head[192];

  // Job table.
  logic [JobW-1:0]    job_mem [Jobs];
  logic [Jobs-1:0]    valid_q;
  logic [JobBits-1:0] slot;
  logic               slot_found, req_valid_q, job_end;
  logic [JobW-1:0]    job;

  always_comb begin : p_slot
    slot       = '0;
    slot_found = 1'b0;
    for (int unsigned k = 0; k < Jobs; k++) begin
      if (!slot_found && !valid_q[k]) begin
        slot_found = 1'b1;
        slot       = JobBits'(k);
      end
    end
  end

  assign start   = head_valid && slot_found && !req_valid_q;
  assign job_end = job_end_valid_i && job_end_ready_o;

  always_ff @(posedge clk_i) begin : p_jobs
    if (start) begin
      job_mem[slot] <= {head[417], head[416:385], head[384:369], head[368:353], head[352:321],
                        head[320:289], head_want, head[256:193], head_total};
    end
  end

  always_ff @(posedge clk_i) begin : p_valid
    if (!rst_ni) begin
      valid_q     <= '0;
      req_valid_q <= 1'b0;
    end else begin
      if (start) valid_q[slot] <= 1'b1;
      if (job_end) valid_q[job_index_i] <= 1'b0;
      if (start) req_valid_q <= 1'b1;
      else if (req_ready_i) req_valid_q <= 1'b0;
    end
  end

  // ReadReq: asks only for what the receive has room for.
  tally_pkg::wire_header_t header;
  logic [511:0]            header_q;
  always_comb begin : p_header
    header            = '0;
    header.ptype      = tally_pkg::PacketTypeReadReq;
    header.dst_node   = head[353 +: 16];
    header.context_id = head[369 +: 16];
    header.tag        = head_total;
    header.length     = head_want;
    header.addr       = head[63:0];
    header.key        = head[96 +: 32];
    header.cookie     = head[128 +: 32];
    header.offset     = head[160 +: 32];
    header.count      = 32'(slot);
  end
  always_ff @(posedge clk_i) begin : p_req
    if (start) header_q <= header;
  end
  assign req_valid_o    = req_valid_q;
  assign req_data_o     = header_q;
  assign credit_valid_o = start;
  assign credit_peer_o  = head[353 +: 16];

  // Look-up and completion of the job that tally_msg_rx names.
  logic            truncated;
  logic [2:0]      unused_cpl_level;
  tally_pkg::cqe_t cqe;
  assign job          = job_mem[job_index_i];
  assign job_valid_o  = valid_q[job_index_i];
  assign job_source_o = job[192 +: 16];
  assign job_addr_o   = job[32 +: 64];
  assign job_want_o   = job[96 +: 32];
  assign truncated    = job[31:0] > job[96 +: 32];

  always_comb begin : p_cqe
    cqe        = '0;
    cqe.cookie = job[128 +: 32];
    cqe.opcode = tally_pkg::OpcodeRecv;
    cqe.status = tally_pkg::StatusOk;
    if (job_end_nak_i) cqe.status = tally_pkg::StatusRemoteProtection;
    else if (truncated) cqe.status = tally_pkg::StatusTruncated;
    cqe.flags[tally_pkg::CqeFlagUnexpectedBit] = job[256];
    cqe.flags[tally_pkg::CqeFlagRendezvousBit] = 1'b1;
    cqe.length     = job[31:0];
    cqe.tag        = job[224 +: 32];
    cqe.source     = job[192 +: 16];
    cqe.context_id = job[208 +: 16];
    cqe.cycles     = job[160 +: 32];
  end

  tally_fifo #(.Width(256), .Depth(4)) u_cpl (
    .clk_i, .rst_ni,
    .in_valid_i(job_end_valid_i), .in_ready_o(job_end_ready_o), .in_data_i(cqe),
    .out_valid_o(cpl_valid_o), .out_ready_i(cpl_ready_i), .out_data_o(cpl_data_o),
    .level_o(unused_cpl_level)
  );

  assign truncated_o  = job_end && truncated && !job_end_nak_i;
  assign rendezvous_o = job_end && !job_end_nak_i;
  assign idle_o       = !rx_valid_i && !cmd_valid_i && !req_valid_q && !cpl_valid_o
                      && !(head_valid && slot_found);
  assign waiting_o    = valid_q != '0 || head_valid;

  `TALLY_ASSERT_STABLE(ReqStable_A, req_valid_o, req_ready_i, req_data_o)
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, cpl_data_o)
  `TALLY_ASSERT(QueueRoom_A, (rx_valid_i || cmd_valid_i) |-> queue_ready)
  `TALLY_ASSERT(EndOfJob_A, job_end_valid_i |-> job_valid_o)
  `TALLY_ASSERT(IsRts_A, head_valid |-> unused_head)
endmodule

`default_nettype wire

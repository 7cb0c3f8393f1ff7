// SPDX-License-Identifier: BSD-3-Clause
// Copies unexpected eager messages from their bounce slots to the buffers of the receives that
// matched them.
//
// Ordering: jobs in the order they come; reads run ahead of writes by up to 16 jobs or two packets.
// A job waits until the write of its bounce slot was answered (bounce_done_*): a receive may match
// a message whose payload is still arriving. A message longer than the room is cut: Truncated with
// the whole length. The completion is commanded after the last data handshake; with it the slot is
// freed and the sender's credit raised. A message of no bytes takes the same way without memory
// accesses.
// Latency: two memory accesses. Throughput: one beat a cycle, about 4 cycles more for each message.
// Storage: 64 * 243 bits of jobs, 16 * 256 bits of jobs under way, two packets of data.
// Limitations: none.
`default_nettype none
`include "tally_assert.svh"

module tally_copy #(
  localparam int unsigned MatchedW = 417,
  localparam int unsigned SlotBits = $clog2(tally_pkg::UnexpectedEntries)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [63:0]         bounce_i,

  // jobs from tally_cmd; layout there
  input  wire logic                job_valid_i,
  output      logic                job_ready_o,
  input  wire logic [MatchedW-1:0] job_matched_i,
  input  wire logic [SlotBits-1:0] job_slot_i,

  // from tally_msg_rx: the payload of this bounce slot is in memory (pulse)
  input  wire logic                bounce_done_valid_i,
  input  wire logic [SlotBits-1:0] bounce_done_slot_i,

  // slots that tally_cmd frees (matched rendezvous)
  input  wire logic                free_valid_i,
  output      logic                free_ready_o,
  input  wire logic [SlotBits-1:0] free_slot_i,

  // free port of tally_match (pulse)
  output      logic                slot_free_valid_o,
  output      logic [SlotBits-1:0] slot_free_o,

  // tally_dma_rd client 2
  output      logic                rd_cmd_valid_o,
  input  wire logic                rd_cmd_ready_i,
  output      logic [63:0]         rd_cmd_addr_o,
  output      logic [12:0]         rd_cmd_len_o,
  input  wire logic                rd_data_valid_i,
  input  wire logic [511:0]        rd_data_i,

  // tally_dma_wr client 1
  output      logic                wr_cmd_valid_o,
  input  wire logic                wr_cmd_ready_i,
  output      logic [63:0]         wr_cmd_addr_o,
  output      logic [12:0]         wr_cmd_len_o,
  output      logic                wr_data_valid_o,
  input  wire logic                wr_data_ready_i,
  output      logic [511:0]        wr_data_o,

  // to tally_credit (pulse)
  output      logic                credit_valid_o,
  output      logic [15:0]         credit_peer_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,

  output      logic                truncated_o,
  output      logic                idle_o
);
  localparam int unsigned Slots = tally_pkg::UnexpectedEntries;
  // {slot, tag[32], context[16], source[16], arrival[32], cookie[32], room[32], addr[64], len[13]}
  localparam int unsigned JobW  = SlotBits + 32 + 16 + 16 + 160 + 13;

  logic [JobW-1:0]     job_in, head, done;
  logic                unused_matched;
  logic [$clog2(Slots+1)-1:0] unused_level;
  logic                head_valid, head_go, fetch_ready;
  logic [Slots-1:0]    ready_q;
  logic [SlotBits-1:0] head_slot;
  logic [12:0]         head_len, head_n;
  logic [31:0]         head_room;

  // A copy needs no rendezvous field and 13 bits of length.
  assign unused_matched = ^{job_matched_i[192:77], job_matched_i[63:0]};
  assign job_in = {job_slot_i, job_matched_i[416:193], job_matched_i[64 +: 13]};

  tally_fifo #(.Width(JobW), .Depth(Slots)) u_jobs (
    .clk_i, .rst_ni,
    .in_valid_i(job_valid_i), .in_ready_o(job_ready_o), .in_data_i(job_in),
    .out_valid_o(head_valid), .out_ready_i(head_go && fetch_ready), .out_data_o(head),
    .level_o(unused_level)
  );

  assign head_slot = head[JobW-1 -: SlotBits];
  assign head_len  = head[12:0];
  assign head_room = head[77 +: 32];
  assign head_n    = 32'(head_len) > head_room ? 13'(head_room) : head_len;
  // Also a copy of no bytes waits for the payload: its slot may be used again only after that
  // write.
  assign head_go   = head_valid && (head_len == '0 || ready_q[head_slot]);

  logic         fetch_valid, fetch_pop, fetch_idle, beat_valid, beat_pop;
  logic [12:0]  done_n;

  tally_fetch #(.UserW(JobW), .Jobs(16), .Beats(2 * tally_pkg::MtuBeats)) u_fetch (
    .clk_i, .rst_ni,
    .in_valid_i(head_go), .in_ready_o(fetch_ready),
    .in_addr_i(bounce_i + 64'(head_slot) * 64'(tally_pkg::BounceSlotBytes)),
    .in_len_i(head_n), .in_user_i(head),
    .cmd_valid_o(rd_cmd_valid_o), .cmd_ready_i(rd_cmd_ready_i),
    .cmd_addr_o(rd_cmd_addr_o), .cmd_len_o(rd_cmd_len_o),
    .data_valid_i(rd_data_valid_i), .data_i(rd_data_i),
    .out_valid_o(fetch_valid), .out_ready_i(fetch_pop), .out_len_o(done_n), .out_user_o(done),
    .beat_valid_o(beat_valid), .beat_ready_i(beat_pop), .beat_data_o(wr_data_o),
    .idle_o(fetch_idle)
  );

  typedef enum logic [1:0] { StIdle, StWrite, StCpl } state_e;
  state_e      state_q;
  logic        cmd_pend_q, last_beat;
  logic [6:0]  left_q;
  logic [31:0] done_room;
  logic        truncated;

  assign done_room       = done[77 +: 32];
  assign truncated       = 32'(done[12:0]) > done_room;
  assign wr_cmd_valid_o  = state_q == StWrite && cmd_pend_q;
  assign wr_cmd_addr_o   = done[13 +: 64];
  assign wr_cmd_len_o    = done_n;
  assign wr_data_valid_o = state_q == StWrite && left_q != '0 && beat_valid;
  assign beat_pop        = state_q == StWrite && left_q != '0 && wr_data_ready_i;
  assign last_beat       = wr_data_valid_o && wr_data_ready_i && left_q == 7'd1;
  assign cpl_valid_o     = state_q == StCpl;
  assign fetch_pop       = state_q == StCpl && cpl_ready_i;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q    <= StIdle;
      cmd_pend_q <= 1'b0;
      left_q     <= '0;
    end else begin
      unique case (state_q)
        StIdle: begin
          if (fetch_valid) begin
            state_q    <= done_n == '0 ? StCpl : StWrite;
            cmd_pend_q <= done_n != '0;
            left_q     <= 7'((done_n + 13'd63) >> 6);
          end
        end
        StWrite: begin
          if (wr_cmd_ready_i) cmd_pend_q <= 1'b0;
          if (wr_data_valid_o && wr_data_ready_i) left_q <= left_q - 1'b1;
          if ((last_beat || left_q == '0) && (!cmd_pend_q || wr_cmd_ready_i)) state_q <= StCpl;
        end
        StCpl: if (cpl_ready_i) state_q <= StIdle;
        default: state_q <= StIdle;
      endcase
    end
  end

  // A slot's bit is set when its payload is in memory and cleared when the slot is free.
  always_ff @(posedge clk_i) begin : p_ready
    if (!rst_ni) begin
      ready_q <= '0;
    end else begin
      if (fetch_pop) ready_q[done[JobW-1 -: SlotBits]] <= 1'b0;
      if (bounce_done_valid_i) ready_q[bounce_done_slot_i] <= 1'b1;
    end
  end

  assign slot_free_valid_o = fetch_pop || free_valid_i;
  assign slot_free_o       = fetch_pop ? done[JobW-1 -: SlotBits] : free_slot_i;
  assign free_ready_o      = !fetch_pop;
  assign credit_valid_o    = fetch_pop;
  assign credit_peer_o     = done[173 +: 16];
  assign truncated_o       = fetch_pop && truncated;

  tally_pkg::cqe_t cqe;
  always_comb begin : p_cqe
    cqe            = '0;
    cqe.cookie     = done[109 +: 32];
    cqe.opcode     = tally_pkg::OpcodeRecv;
    cqe.status     = truncated ? tally_pkg::StatusTruncated : tally_pkg::StatusOk;
    cqe.flags[tally_pkg::CqeFlagUnexpectedBit] = 1'b1;
    cqe.length     = 32'(done[12:0]);
    cqe.tag        = done[205 +: 32];
    cqe.source     = done[173 +: 16];
    cqe.context_id = done[189 +: 16];
    cqe.cycles     = done[141 +: 32];
  end
  assign cpl_data_o = cqe;
  assign idle_o     = !head_valid && fetch_idle && !job_valid_i && state_q == StIdle;

  `TALLY_ASSERT_STABLE(WrCmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, {wr_cmd_addr_o, wr_cmd_len_o})
  `TALLY_ASSERT_STABLE(WrDataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, cpl_data_o)
  `TALLY_ASSERT(Eager_A, job_valid_i |-> !job_matched_i[192])
  `TALLY_ASSERT(DoneOnce_A, bounce_done_valid_i |-> !ready_q[bounce_done_slot_i])
endmodule

`default_nettype wire

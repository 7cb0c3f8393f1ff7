// SPDX-License-Identifier: BSD-3-Clause
// Copies unexpected eager messages from their bounce slots to the buffers of the receives that
// matched them.
//
// Ordering: jobs in the order they come; reads run ahead of writes by up to Jobs jobs or two
// messages. A job waits until its payload is in memory (written_i, see tally_msg_rx): a receive may
// match a message that is still arriving. A message longer than the room is cut: Truncated with the
// whole length. The completion is offered after the last data handshake; with it the slot goes back
// to tally_slots. A message of no bytes has no slot and takes the same way without memory accesses.
// The regions were checked by tally_cmd.
// Latency: two memory accesses. Throughput: one beat a cycle, about 4 cycles more for each message.
// Storage: (Queue + 1) * 360 bits of jobs, Jobs * 330 bits of jobs under way, two messages of data.
// Limitations: none.
`default_nettype none
`include "tally_assert.svh"

module tally_copy #(
  parameter int unsigned Queue = 4,
  parameter int unsigned Jobs  = 32,
  localparam int unsigned MatchedW = 451,
  localparam int unsigned SlotW    = 10,
  localparam int unsigned NumberW  = 54
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [255:0]        bounce_i,

  // jobs from tally_cmd; layout there
  input  wire logic                job_valid_i,
  output      logic                job_ready_o,
  input  wire logic [MatchedW-1:0] job_matched_i,

  // from tally_msg_rx: stored payloads with a number below this are in memory
  input  wire logic [NumberW-1:0]  written_i,

  // tally_slots (pulse)
  output      logic                put_valid_o,
  output      logic [1:0]          put_ep_o,
  output      logic [SlotW-1:0]    put_slot_o,

  // tally_dma_rd client 6
  output      logic                rd_cmd_valid_o,
  input  wire logic                rd_cmd_ready_i,
  output      logic [63:0]         rd_cmd_addr_o,
  output      logic [12:0]         rd_cmd_len_o,
  input  wire logic                rd_data_valid_i,
  input  wire logic [511:0]        rd_data_i,

  // tally_dma_wr client 2
  output      logic                wr_cmd_valid_o,
  input  wire logic                wr_cmd_ready_i,
  output      logic [63:0]         wr_cmd_addr_o,
  output      logic [12:0]         wr_cmd_len_o,
  output      logic                wr_data_valid_o,
  input  wire logic                wr_data_ready_i,
  output      logic [511:0]        wr_data_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,
  output      logic [1:0]          cpl_ep_o,

  output      logic                truncated_o,
  output      logic                idle_o
);
  // {ep, tag, context, source, arrival[32], cookie[32], room[32], addr[64]}: matched without keys
  localparam int unsigned DestW = 2 + 32 + 16 + 16 + 160;
  localparam int unsigned UserW = DestW + SlotW + 13;
  localparam int unsigned JobW  = UserW + NumberW;

  logic [DestW-1:0]           in_dest, dest;
  logic [JobW-1:0]            job;
  logic                       job_valid, job_pop, head_valid_q, head_go, fetch_ready, ready_q;
  logic [UserW-1:0]           head_q;
  logic [NumberW-1:0]         number_q;
  logic [SlotW-1:0]           head_slot;
  logic [12:0]                head_len, head_n;
  logic [31:0]                head_room;
  logic [1:0]                 head_ep;
  logic                       unused_matched;
  logic [$clog2(Queue+1)-1:0] unused_level;

  // A copy needs no rendezvous field, no key and 13 bits of length.
  assign unused_matched = ^job_matched_i;
  assign in_dest        = {job_matched_i[450:385], job_matched_i[352:193]};

  tally_fifo #(.Width(JobW), .Depth(Queue)) u_jobs (
    .clk_i, .rst_ni,
    .in_valid_i(job_valid_i), .in_ready_o(job_ready_o),
    .in_data_i({in_dest, job_matched_i[SlotW-1:0], job_matched_i[64 +: 13],
                job_matched_i[SlotW +: NumberW]}),
    .out_valid_o(job_valid), .out_ready_i(job_pop), .out_data_o(job),
    .level_o(unused_level)
  );

  // The head in registers: its number is compared there, and the comparison registered. Also a copy
  // of no bytes waits for the payload: its slot may be used again only after that write.
  assign job_pop   = !head_valid_q || head_go;
  assign head_len  = head_q[12:0];
  assign head_slot = head_q[13 +: SlotW];
  assign head_room = head_q[13+SlotW+64 +: 32];
  assign head_ep   = head_q[UserW-1 -: 2];
  assign head_n    = 32'(head_len) > head_room ? head_room[12:0] : head_len;
  assign head_go   = head_valid_q && ready_q && fetch_ready;

  logic [NumberW-1:0] ahead;
  assign ahead = number_q - written_i;  // negative when the payload is in memory

  always_ff @(posedge clk_i) begin : p_head
    if (!rst_ni) begin
      head_valid_q <= 1'b0;
      ready_q      <= 1'b0;
    end else begin
      if (job_pop) head_valid_q <= job_valid;
      ready_q <= head_valid_q && !head_go && (head_len == '0 || ahead[NumberW-1]);
    end
    if (job_pop) {head_q, number_q} <= job;
  end

  // --- bounce slot to buffer ---------------------------------------------------------------------
  logic             fetch_valid, fetch_pop, fetch_idle, beat_valid, beat_pop;
  logic [12:0]      done_n, done_len;
  logic [SlotW-1:0] done_slot;

  tally_fetch #(.UserW(UserW), .Jobs(Jobs), .Beats(2 * tally_pkg::MtuBeats)) u_fetch (
    .clk_i, .rst_ni,
    .in_valid_i(head_valid_q && ready_q), .in_ready_o(fetch_ready),
    .in_addr_i(bounce_i[head_ep*64 +: 64] + 64'(head_slot) * 64'(tally_pkg::BounceSlotBytes)),
    .in_len_i(head_n), .in_user_i(head_q),
    .cmd_valid_o(rd_cmd_valid_o), .cmd_ready_i(rd_cmd_ready_i),
    .cmd_addr_o(rd_cmd_addr_o), .cmd_len_o(rd_cmd_len_o),
    .data_valid_i(rd_data_valid_i), .data_i(rd_data_i),
    .out_valid_o(fetch_valid), .out_ready_i(fetch_pop), .out_len_o(done_n),
    .out_user_o({dest, done_slot, done_len}),
    .beat_valid_o(beat_valid), .beat_ready_i(beat_pop), .beat_data_o(wr_data_o),
    .idle_o(fetch_idle)
  );

  typedef enum logic [1:0] { StIdle, StWrite, StCpl } state_e;
  state_e      state_q;
  logic        cmd_pend_q, last_beat;
  logic [6:0]  left_q;
  logic [31:0] done_room;
  logic        truncated;

  assign done_room       = dest[64 +: 32];
  assign truncated       = 32'(done_len) > done_room;
  assign wr_cmd_valid_o  = state_q == StWrite && cmd_pend_q;
  assign wr_cmd_addr_o   = dest[63:0];
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

  assign put_valid_o = fetch_pop && done_len != '0;
  assign put_ep_o    = dest[DestW-1 -: 2];
  assign put_slot_o  = done_slot;
  assign truncated_o = fetch_pop && truncated;

  tally_pkg::cqe_t cqe;
  always_comb begin : p_cqe
    cqe            = '0;
    cqe.cookie     = dest[96 +: 32];
    cqe.opcode     = tally_pkg::OpcodeRecv;
    cqe.status     = truncated ? tally_pkg::StatusTruncated : tally_pkg::StatusOk;
    cqe.flags[tally_pkg::CqeFlagUnexpectedBit] = 1'b1;
    cqe.length     = 32'(done_len);
    cqe.tag        = dest[192 +: 32];
    cqe.source     = dest[160 +: 16];
    cqe.context_id = dest[176 +: 16];
    cqe.cycles     = dest[128 +: 32];
  end
  assign cpl_data_o = cqe;
  assign cpl_ep_o   = dest[DestW-1 -: 2];
  assign idle_o     = !job_valid && !head_valid_q && fetch_idle && !job_valid_i
                    && state_q == StIdle;

  `TALLY_ASSERT_STABLE(WrCmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, {wr_cmd_addr_o, wr_cmd_len_o})
  `TALLY_ASSERT_STABLE(WrDataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, {cpl_data_o, cpl_ep_o})
  `TALLY_ASSERT(Eager_A, job_valid_i |-> !job_matched_i[192])
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Answers rendezvous reads: turns each ReadReq into packet jobs of at most Mtu bytes.
//
// Reads wait in a queue of MaxNodes * RendezvousJobs entries (what all peers can ask for at once),
// so the receiver that puts them there never waits. The read at the head yields one packet and goes
// back to the end with its rest: reads take turns packet by packet. Each packet's range is checked
// anew; a refused one yields a job with nak set, and the read ends there.
// Ordering: packets of one read in order of offset. Latency: 2 cycles. Throughput: one packet job
// in 3 cycles.
// Storage: 129 * 320 bits. Limitations: none.
//
// Job user bits: {nak, last, total[32], stamp[32], cookie[32], key[32], job[32], offset[32],
// context[16], node[16]}
`default_nettype none
`include "tally_assert.svh"

module tally_read_tx #(
  localparam int unsigned ReadW = 288,
  localparam int unsigned UserW = 226
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  // ReadReq packets; layout: tally_msg_tx
  input  wire logic             read_valid_i,
  output      logic             read_ready_o,
  input  wire logic [ReadW-1:0] read_data_i,

  // look-up b of tally_mr (combinational)
  output      logic [31:0]      mr_key_o,
  output      logic [63:0]      mr_addr_o,
  output      logic [31:0]      mr_len_o,
  input  wire logic             mr_ok_i,

  // packet jobs
  output      logic             job_valid_o,
  input  wire logic             job_ready_i,
  output      logic [63:0]      job_addr_o,
  output      logic [12:0]      job_len_o,
  output      logic [UserW-1:0] job_user_o,

  output      logic             idle_o
);
  localparam int unsigned Reads = tally_pkg::MaxNodes * tally_pkg::RendezvousJobs;
  // One entry more than can be asked for: the read under way always finds its place again.
  localparam int unsigned Depth     = Reads + 1;
  localparam int unsigned EntryW    = 32 + ReadW;  // {offset, read}
  localparam int unsigned LevelBits = $clog2(Depth + 1);

  typedef enum logic [1:0] { StIdle, StIssue, StBack } state_e;
  state_e               state_q;
  logic [EntryW-1:0]    head, read_q, back;
  logic                 head_valid, in_ready, room, ok_q, last;
  logic [LevelBits-1:0] level;
  logic [31:0]          left, offset;

  assign room         = level < LevelBits'(Reads);
  assign read_ready_o = room && state_q != StBack;

  tally_fifo #(.Width(EntryW), .Depth(Depth)) u_reads (
    .clk_i, .rst_ni,
    .in_valid_i(state_q == StBack || (read_valid_i && room)), .in_ready_o(in_ready),
    .in_data_i(state_q == StBack ? back : {32'd0, read_data_i}),
    .out_valid_o(head_valid), .out_ready_i(state_q == StIdle), .out_data_o(head),
    .level_o(level)
  );

  assign mr_addr_o = head[63:0];
  assign mr_len_o  = head[95:64];
  assign mr_key_o  = head[127:96];

  assign left   = read_q[95:64];
  assign offset = read_q[EntryW-1 -: 32];
  assign last   = left <= 32'(tally_pkg::Mtu);
  assign back   = {offset + 32'(tally_pkg::Mtu), read_q[287:96], left - 32'(tally_pkg::Mtu),
                   read_q[63:0] + 64'(tally_pkg::Mtu)};

  assign job_valid_o = state_q == StIssue;
  assign job_addr_o  = read_q[63:0];
  assign job_len_o   = !ok_q ? '0 : last ? left[12:0] : 13'(tally_pkg::Mtu);
  assign job_user_o  = {!ok_q, last, read_q[287:256], read_q[255:224], read_q[159:128],
                        read_q[127:96], read_q[223:192], offset, read_q[191:176], read_q[175:160]};
  assign idle_o      = state_q == StIdle && !head_valid && !read_valid_i;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StIdle:  if (head_valid) state_q <= StIssue;
        StIssue: if (job_ready_i) state_q <= (ok_q && !last) ? StBack : StIdle;
        StBack:  state_q <= StIdle;
        default: state_q <= StIdle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin : p_data
    if (state_q == StIdle && head_valid) begin
      read_q <= head;
      ok_q   <= mr_ok_i;
    end
  end

  `TALLY_ASSERT_STABLE(JobStable_A, job_valid_o, job_ready_i, {job_addr_o, job_len_o, job_user_o})
  `TALLY_ASSERT(BackRoom_A, state_q == StBack |-> in_ready)
  `TALLY_ASSERT(Bound_A, read_valid_i |-> room)
endmodule

`default_nettype wire

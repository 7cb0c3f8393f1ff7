// SPDX-License-Identifier: BSD-3-Clause
// Submission ring: fetches descriptors from host memory and takes those of the doorbell window.
//
// Ordering: descriptors leave in ring order, whichever way they came. A window write is taken from the
// window when everything before it has been fetched and has arrived; otherwise it only moves the tail and
// the ring entry is fetched, which holds the same bytes (as in the "blue flame" doorbells of RDMA cards).
// Latency: window write to output 1 cycle; ring entry: one DMA read. Throughput: up to FetchMax descriptors a
// read, one read under way. Storage: FifoDepth * 544 bits.
// Limitations: disable only an idle endpoint; out_arrival_o of a fetched descriptor is the cycle of the
// newest doorbell when its fetch was issued.
`default_nettype none
`include "tally_assert.svh"

module tally_sq #(
  parameter int unsigned FifoDepth = 16,
  parameter int unsigned FetchMax  = 8
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic [31:0]  cycle_i,

  input  wire logic         enable_i,
  input  wire logic [63:0]  base_i,
  input  wire logic [3:0]   log2_i,
  input  wire logic         tail_valid_i,
  input  wire logic [15:0]  tail_i,
  input  wire logic         desc_valid_i,
  input  wire logic [511:0] desc_i,

  output      logic         rd_cmd_valid_o,
  input  wire logic         rd_cmd_ready_i,
  output      logic [63:0]  rd_cmd_addr_o,
  output      logic [12:0]  rd_cmd_len_o,
  input  wire logic         rd_data_valid_i,
  input  wire logic [511:0] rd_data_i,

  output      logic         out_valid_o,
  input  wire logic         out_ready_i,
  output      logic [511:0] out_desc_o,
  output      logic [31:0]  out_arrival_o,

  output      logic [15:0]  head_o,
  output      logic         idle_o
);
  if (FifoDepth < FetchMax || FetchMax > 64) begin : gen_bad_depth
    $error("tally_sq: FifoDepth must be at least FetchMax, FetchMax at most 64");
  end

  localparam int unsigned LevelBits = $clog2(FifoDepth + 1);

  logic [15:0]          tail_q, fetch_q, head_q;
  logic [15:0]          inflight_q;   // descriptors commanded and not yet arrived
  logic [31:0]          arrival_q;    // cycle of the newest doorbell
  logic [31:0]          fetch_arrival_q;
  logic                 cmd_valid_q;
  logic [63:0]          cmd_addr_q;
  logic [15:0]          cmd_count_q;

  logic                 run_n;
  logic                 fifo_in_valid, fifo_in_ready;
  logic [543:0]         fifo_in_data, fifo_out_data;
  logic [LevelBits-1:0] fifo_level;
  logic                 window_take;
  logic [15:0]          waiting, room, to_end, mask, count;

  assign run_n = rst_ni && enable_i;

  // Every commanded descriptor has a place in the FIFO, so fetched data needs no ready.
  assign mask    = (16'd1 << log2_i) - 16'd1;
  assign waiting = tail_q - fetch_q;
  assign room    = 16'(FifoDepth) - 16'(fifo_level) - inflight_q;
  assign to_end  = mask + 16'd1 - (fetch_q & mask);

  always_comb begin : p_count
    count = waiting;
    if (count > 16'(FetchMax)) count = 16'(FetchMax);
    if (count > to_end) count = to_end;
    if (count > room) count = room;
  end

  assign window_take = desc_valid_i && waiting == '0 && inflight_q == '0 && !cmd_valid_q &&
                       fifo_in_ready;

  assign fifo_in_valid = rd_data_valid_i || window_take;
  assign fifo_in_data  = window_take ? {cycle_i, desc_i} : {fetch_arrival_q, rd_data_i};

  tally_fifo #(
    .Width(544),
    .Depth(FifoDepth)
  ) u_fifo (
    .clk_i,
    .rst_ni     (run_n),
    .in_valid_i (fifo_in_valid),
    .in_ready_o (fifo_in_ready),
    .in_data_i  (fifo_in_data),
    .out_valid_o(out_valid_o),
    .out_ready_i(out_ready_i),
    .out_data_o (fifo_out_data),
    .level_o    (fifo_level)
  );

  assign out_desc_o     = fifo_out_data[511:0];
  assign out_arrival_o  = fifo_out_data[543:512];
  assign rd_cmd_valid_o = cmd_valid_q;
  assign rd_cmd_addr_o  = cmd_addr_q;
  assign rd_cmd_len_o   = {cmd_count_q[6:0], 6'd0};
  assign head_o         = head_q;
  assign idle_o         = waiting == '0 && inflight_q == '0 && !cmd_valid_q && !out_valid_o &&
                          !desc_valid_i && !tail_valid_i;

  always_ff @(posedge clk_i) begin : p_state
    if (!run_n) begin
      tail_q          <= '0;
      fetch_q         <= '0;
      head_q          <= '0;
      inflight_q      <= '0;
      arrival_q       <= '0;
      fetch_arrival_q <= '0;
      cmd_valid_q     <= 1'b0;
      cmd_addr_q      <= '0;
      cmd_count_q     <= '0;
    end else begin
      if (desc_valid_i) tail_q <= tail_q + 16'd1;
      else if (tail_valid_i) tail_q <= tail_i;
      if (desc_valid_i || tail_valid_i) arrival_q <= cycle_i;

      if (cmd_valid_q) begin
        if (rd_cmd_ready_i) cmd_valid_q <= 1'b0;
      end else if (inflight_q == '0 && count != '0) begin
        cmd_valid_q     <= 1'b1;
        cmd_addr_q      <= base_i + 64'({fetch_q & mask, 6'd0});
        cmd_count_q     <= count;
        fetch_arrival_q <= arrival_q;
      end

      if (window_take) fetch_q <= fetch_q + 16'd1;
      else if (cmd_valid_q && rd_cmd_ready_i) fetch_q <= fetch_q + cmd_count_q;

      inflight_q <= inflight_q + ((cmd_valid_q && rd_cmd_ready_i) ? cmd_count_q : 16'd0) -
                    16'(rd_data_valid_i);
      if (out_valid_o && out_ready_i) head_q <= head_q + 16'd1;
    end
  end

  logic unused;
  assign unused = ^{cmd_count_q[15:7], fifo_in_ready};

  `TALLY_ASSERT(DataHasRoom_A, rd_data_valid_i |-> fifo_in_ready)
  `TALLY_ASSERT(DataExpected_A, rd_data_valid_i |-> inflight_q != '0)
  `TALLY_ASSERT(OneSource_A, !(rd_data_valid_i && window_take))
  `TALLY_ASSERT_STABLE(CmdStable_A, rd_cmd_valid_o, rd_cmd_ready_i, {rd_cmd_addr_o, rd_cmd_len_o})
endmodule

`default_nettype wire

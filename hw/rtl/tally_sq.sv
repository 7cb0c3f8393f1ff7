// SPDX-License-Identifier: BSD-3-Clause
// Submission ring of one endpoint: fetches descriptors from host memory and takes those of the
// doorbell window.
//
// Ordering: descriptors leave in ring order, whichever way they came. A window write is taken from
// the window when everything before it has been fetched and has arrived; otherwise it only moves
// the tail and the ring entry is fetched, which holds the same bytes (as in the "blue flame"
// doorbells of RDMA cards).
// Latency: window write to output 0 cycles when nothing waits; ring entry: doorbell to read command
// 2 cycles, one DMA read.
// Throughput: up to MaxReads reads of FetchMax descriptors under way, so FifoDepth descriptors in
// one DMA latency. Storage: FifoDepth * 544 bits (LUT RAM).
// Reads end at multiples of FetchMax descriptors in the ring, hence at its end as well.
// A falling enable_i drops what is here; data of reads under way is discarded when it comes, and
// nothing is fetched or taken from the window before all of it came.
// Combinational paths: desc_valid_i, desc_i and cycle_i to out_*; out_ready_i to the FIFO.
// Limitations: out_arrival_o of a fetched descriptor is the cycle of the newest doorbell when its
// fetch was issued. out_valid_o falls with enable_i.
`default_nettype none
`include "tally_assert.svh"

module tally_sq #(
  parameter int unsigned FifoDepth = 64,
  parameter int unsigned FetchMax  = 16,
  parameter int unsigned MaxReads  = 4
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
  if (FifoDepth < FetchMax || FetchMax < 2 || FetchMax > 64 || (1 << $clog2(FetchMax)) != FetchMax)
  begin : gen_bad_depth
    $error("tally_sq: FetchMax must be a power of two, 2 to 64, and FifoDepth at least FetchMax");
  end
  if (MaxReads < 1) begin : gen_bad_reads
    $error("tally_sq: MaxReads must be at least 1");
  end

  localparam int unsigned StepW = $clog2(FetchMax);       // index within FetchMax entries
  localparam int unsigned CountW = StepW + 1;             // 0 to FetchMax
  localparam int unsigned FreeW = $clog2(FifoDepth + 1);

  logic              run_n;
  logic [15:0]       tail_q, fetch_q, head_q;
  logic [31:0]       arrival_q;        // cycle of the newest doorbell
  // places of the FIFO that no descriptor holds or will come to
  logic [FreeW-1:0]  free_q;
  logic              stale_q;          // reads of before the last disable are under way

  logic              cmd_valid_q, issue_q;
  logic [63:0]       cmd_addr_q;
  logic [CountW-1:0] cmd_count_q;
  logic [31:0]       cmd_arrival_q;

  logic              cmd_taken, issue, window_take, past, data_take, out_take;
  logic              fifo_in_valid, fifo_in_ready, fifo_out_valid;
  logic [543:0]      fifo_in_data, fifo_out_data;
  logic [FreeW-1:0]  unused_fifo_level;

  assign run_n     = rst_ni && enable_i;
  assign cmd_taken = cmd_valid_q && rd_cmd_ready_i;
  assign out_take  = out_valid_o && out_ready_i;

  // --- how much to fetch -------------------------------------------------------------------------
  logic [15:0]       waiting, mask;
  logic [CountW-1:0] waiting_sat, to_step, count;
  logic              any_waiting;
  logic              free_enough;      // for the largest read

  assign mask    = (16'd1 << log2_i) - 16'd1;
  assign waiting = tail_q - fetch_q;
  assign any_waiting = tail_q != fetch_q;
  assign waiting_sat = waiting[15:StepW] != '0 ? CountW'(FetchMax) : {1'b0, waiting[StepW-1:0]};
  // To the next multiple of FetchMax, or to the end of a smaller ring.
  assign to_step = {1'b0, mask[StepW-1:0]} + 1'b1 - {1'b0, fetch_q[StepW-1:0] & mask[StepW-1:0]};
  assign count   = waiting_sat < to_step ? waiting_sat : to_step;
  assign free_enough = free_q >= FreeW'(FetchMax);

  // --- reads under way, oldest first -------------------------------------------------------------
  logic                           read_valid, read_room, read_done;
  logic [CountW-1:0]              read_count, beat_q;
  logic [31:0]                    read_arrival;
  logic [$clog2(MaxReads+1)-1:0]  unused_read_level;

  tally_fifo #(.Width(CountW + 32), .Depth(MaxReads)) u_reads (
    .clk_i, .rst_ni,
    .in_valid_i (cmd_taken),
    .in_ready_o (read_room),
    .in_data_i  ({cmd_count_q, cmd_arrival_q}),
    .out_valid_o(read_valid),
    .out_ready_i(read_done),
    .out_data_o ({read_count, read_arrival}),
    .level_o    (unused_read_level)
  );
  assign read_done = rd_data_valid_i && beat_q + 1'b1 == read_count;

  // One command at a time waits for its grant: a place among the reads is still there then. What it
  // takes is counted in the cycle after its issue (issue_q), in which there is neither issue nor
  // window_take.
  assign issue       = enable_i && !stale_q && !cmd_valid_q && read_room && any_waiting &&
                       free_enough;
  assign window_take = enable_i && desc_valid_i && !any_waiting && !read_valid && !cmd_valid_q &&
                       free_q != '0;
  assign data_take   = rd_data_valid_i && enable_i && !stale_q;

  // Past the empty FIFO; into it only when it is not taken at once.
  assign past          = window_take && !fifo_out_valid;
  assign fifo_in_valid = data_take || (window_take && !(past && out_ready_i));
  assign fifo_in_data  = window_take ? {cycle_i, desc_i} : {read_arrival, rd_data_i};

  tally_fifo #(.Width(544), .Depth(FifoDepth)) u_fifo (
    .clk_i,
    .rst_ni     (run_n),
    .in_valid_i (fifo_in_valid),
    .in_ready_o (fifo_in_ready),
    .in_data_i  (fifo_in_data),
    .out_valid_o(fifo_out_valid),
    .out_ready_i(out_take && !past),
    .out_data_o (fifo_out_data),
    .level_o    (unused_fifo_level)
  );

  assign out_valid_o    = (fifo_out_valid || past) && enable_i;
  assign out_desc_o     = past ? desc_i : fifo_out_data[511:0];
  assign out_arrival_o  = past ? cycle_i : fifo_out_data[543:512];
  assign rd_cmd_valid_o = cmd_valid_q;
  assign rd_cmd_addr_o  = cmd_addr_q;
  assign rd_cmd_len_o   = 13'({cmd_count_q, 6'd0});
  assign head_o         = head_q;
  assign idle_o         = !any_waiting && !read_valid && !cmd_valid_q && !out_valid_o &&
                          !desc_valid_i && !tail_valid_i;

  always_ff @(posedge clk_i) begin : p_ring
    if (!run_n) begin
      tail_q    <= '0;
      fetch_q   <= '0;
      head_q    <= '0;
      arrival_q <= '0;
      free_q    <= FreeW'(FifoDepth);
    end else begin
      if (desc_valid_i) tail_q <= tail_q + 16'd1;
      else if (tail_valid_i) tail_q <= tail_i;
      if (desc_valid_i || tail_valid_i) arrival_q <= cycle_i;
      if (window_take) fetch_q <= fetch_q + 16'd1;
      else if (issue_q) fetch_q <= fetch_q + 16'(cmd_count_q);
      if (out_take) head_q <= head_q + 16'd1;
      free_q <= free_q + FreeW'(out_take) -
                (issue_q ? FreeW'(cmd_count_q) : FreeW'(window_take));
    end
  end

  // What the DMA master knows of outlives a disable.
  always_ff @(posedge clk_i) begin : p_reads
    if (!rst_ni) begin
      cmd_valid_q <= 1'b0;
      issue_q     <= 1'b0;
      beat_q      <= '0;
      stale_q     <= 1'b0;
    end else begin
      issue_q <= issue;
      if (issue) cmd_valid_q <= 1'b1;
      else if (cmd_taken) cmd_valid_q <= 1'b0;
      if (rd_data_valid_i) beat_q <= read_done ? '0 : beat_q + 1'b1;
      stale_q <= (stale_q || !enable_i) && (read_valid || cmd_valid_q);
    end
  end

  always_ff @(posedge clk_i) begin : p_cmd
    if (issue) begin
      cmd_addr_q    <= base_i + 64'({fetch_q & mask, 6'd0});
      cmd_count_q   <= count;
      cmd_arrival_q <= arrival_q;
    end
  end

  `TALLY_ASSERT(DataHasRoom_A, fifo_in_valid |-> fifo_in_ready)
  `TALLY_ASSERT(DataExpected_A, rd_data_valid_i |-> read_valid)
  `TALLY_ASSERT(CmdHasPlace_A, cmd_taken |-> read_room)
  `TALLY_ASSERT(OneSource_A, !(data_take && window_take))
  `TALLY_ASSERT(FreeBound_A, free_q <= FreeW'(FifoDepth))
  `TALLY_ASSERT_STABLE(CmdStable_A, rd_cmd_valid_o, rd_cmd_ready_i, {rd_cmd_addr_o, rd_cmd_len_o})
endmodule

`default_nettype wire

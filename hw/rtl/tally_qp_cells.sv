// SPDX-License-Identifier: BSD-3-Clause
// Packet store of cells: writes packets, reads them as often as asked, takes their cells back.
//
// Free cells form one linked list. A packet takes its cells from the head of that list in order, so
// that the links of the list are already those of the packet, and freeing a packet is one write:
// the list's last cell is linked to the packet's first.
// Ordering: one packet is written at a time, one is read at a time. A packet may be read while it
// is written (read_open_i): the reader follows the writer, 4 cycles behind at the least.
// Latency: 4 cycles from a read command to its first beat.
// Throughput: one beat a cycle written, one read, packets back to back; a packet freed each cycle.
// A read that is under way when its packet is freed gives undefined data, so the user frees only
// what is not being read (read_busy_o).
// Storage: Cells * 4 * 512 bits, 2 * Cells * log2(Cells) bits of links (block RAM), 8 beats of
// output.
// Limitations: the user keeps at least 3 cells free; the first Cells cycles after reset link the
// list (ready_o low).
`default_nettype none
`include "tally_assert.svh"

module tally_qp_cells #(
  parameter int unsigned Cells = tally_pkg::RetransmitCells,
  localparam int unsigned CellBits = $clog2(Cells)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,
  output      logic                ready_o,

  // A beat of the packet being written, and the cell that it goes to.
  input  wire logic                put_valid_i,
  input  wire logic                put_last_i,
  input  wire logic [511:0]        put_data_i,
  output      logic [CellBits-1:0] put_cell_o,

  input  wire logic                free_valid_i,
  input  wire logic [CellBits-1:0] free_first_i,
  input  wire logic [CellBits-1:0] free_last_i,

  input  wire logic                read_valid_i,
  output      logic                read_ready_o,
  input  wire logic [CellBits-1:0] read_cell_i,
  input  wire logic [6:0]          read_beats_i,  // 1 to 64
  input  wire logic                read_open_i,   // it is the packet being written
  output      logic                read_busy_o,   // cells are still to be read

  output      logic                beat_valid_o,
  input  wire logic                beat_ready_i,
  output      logic [511:0]        beat_data_o
);
  localparam int unsigned CellBeats = tally_pkg::CellBytes / tally_pkg::BeatBytes;
  localparam int unsigned OutDepth  = 8;
  localparam int unsigned Reading   = 2;  // cycles from address to data

  if (CellBeats != 4) begin : gen_bad_cell
    $error("tally_qp_cells: a cell has 4 beats");
  end
  if (Cells < 8 || (Cells & (Cells - 1)) != 0) begin : gen_bad_cells
    $error("tally_qp_cells: Cells must be a power of two and at least 8");
  end

  // --- memories: data, and the links twice, once for each reader ---
  logic [511:0]        data_mem [Cells*CellBeats];
  logic [CellBits-1:0] put_link_mem [Cells];
  logic [CellBits-1:0] get_link_mem [Cells];
  logic [CellBits-1:0] put_link_q, get_link_q;
  logic [511:0]        read_q, read2_q;

  logic                link_we;
  logic [CellBits-1:0] link_addr, link_data;

  logic [CellBits-1:0] head_q, head, tail_q;  // free list
  logic [1:0]          put_beat_q;
  logic                advance;

  // --- linking after reset ---
  logic                init_q;
  logic [CellBits-1:0] init_index_q;

  assign ready_o   = !init_q;
  assign link_we   = init_q || free_valid_i;
  assign link_addr = init_q ? init_index_q : tail_q;
  assign link_data = init_q ? init_index_q + 1'b1 : free_first_i;

  // --- free list and writing ---
  assign advance    = put_valid_i && (put_last_i || put_beat_q == 2'd3);
  assign head       = advance ? put_link_q : head_q;
  assign put_cell_o = head_q;

  // --- reading ---
  logic                busy_q;
  logic [CellBits-1:0] cell_q, cell_next;
  logic [1:0]          beat_q;
  logic [6:0]          left_q;
  logic                issue, start;
  logic [Reading-1:0]  under_way_q;
  logic                out_ready;
  logic [3:0]          out_level;

  // While the packet read is still being written: its beats written and not read.
  logic                open_q, put_ends;
  logic [6:0]          written_q, ahead_q;

  assign put_ends     = put_valid_i && put_last_i;
  assign issue        = busy_q && (!open_q || ahead_q != 7'd0) &&
                        32'(out_level) + 32'(under_way_q[0]) + 32'(under_way_q[1]) < OutDepth;
  assign read_ready_o = !busy_q || (issue && left_q == 7'd1);
  assign start        = read_valid_i && read_ready_o;
  assign read_busy_o  = busy_q;

  always_comb begin : p_cell
    cell_next = cell_q;
    if (start) cell_next = read_cell_i;
    else if (issue && beat_q == 2'd3) cell_next = get_link_q;
  end

  always_ff @(posedge clk_i) begin : p_mem
    if (put_valid_i) data_mem[{head_q, put_beat_q}] <= put_data_i;
    if (link_we) put_link_mem[link_addr] <= link_data;
    if (link_we) get_link_mem[link_addr] <= link_data;
    put_link_q <= put_link_mem[head];
    get_link_q <= get_link_mem[cell_next];
    read_q     <= data_mem[{cell_q, beat_q}];
    read2_q    <= read_q;
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      init_q       <= 1'b1;
      init_index_q <= '0;
      head_q       <= '0;
      tail_q       <= '1;
      put_beat_q   <= '0;
      written_q    <= '0;
      open_q       <= 1'b0;
      busy_q       <= 1'b0;
      under_way_q  <= '0;
    end else begin
      if (init_q) begin
        init_index_q <= init_index_q + 1'b1;
        if (init_index_q == '1) init_q <= 1'b0;
      end
      if (put_valid_i) put_beat_q <= put_last_i ? 2'd0 : put_beat_q + 2'd1;
      if (put_valid_i) written_q <= put_last_i ? 7'd0 : written_q + 7'd1;
      if (start) open_q <= read_open_i && !put_ends;
      else if (put_ends) open_q <= 1'b0;
      head_q <= head;
      if (free_valid_i) tail_q <= free_last_i;
      if (start) busy_q <= 1'b1;
      else if (issue && left_q == 7'd1) busy_q <= 1'b0;
      under_way_q <= {under_way_q[0], issue};
    end
  end

  always_ff @(posedge clk_i) begin : p_read
    cell_q  <= cell_next;
    ahead_q <= start ? written_q + 7'(put_valid_i) : ahead_q + 7'(put_valid_i) - 7'(issue);
    if (start) begin
      beat_q <= 2'd0;
      left_q <= read_beats_i;
    end else if (issue) begin
      beat_q <= beat_q + 2'd1;
      left_q <= left_q - 7'd1;
    end
  end

  tally_fifo #(.Width(512), .Depth(OutDepth)) u_out (
    .clk_i, .rst_ni,
    .in_valid_i (under_way_q[Reading-1]), .in_ready_o (out_ready), .in_data_i (read2_q),
    .out_valid_o(beat_valid_o), .out_ready_i(beat_ready_i), .out_data_o(beat_data_o),
    .level_o    (out_level)
  );

`ifdef SYNTHESIS
  logic unused;
  assign unused = out_ready;
`endif

  `TALLY_ASSERT(OutRoom_A, !under_way_q[Reading-1] || out_ready)
  `TALLY_ASSERT(NoPutInInit_A, !(init_q && (put_valid_i || free_valid_i)))
  `TALLY_ASSERT(FreeLeft_A, !advance || head_q != tail_q)
  `TALLY_ASSERT(Behind_A, open_q |-> busy_q)
  `TALLY_ASSERT(ReadBeats_A, !start || (read_beats_i != 7'd0 && read_beats_i <= 7'd64))
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Who may use how much of the retransmit buffer: cells and packet records, by class of message.
//
// Class 0 (kind Msg) reserves before its message comes: at most tx_window_i cells a queue pair, and
// MsgCells cells and MsgPackets packets in all. Class 1 (Fin) and class 2 (collective data and
// credits) take theirs when a packet enters. So a class, and within Msg a queue pair, waits for
// itself only. low_o: less than a quarter of class 2 is left, so its packets ask to be
// acknowledged. Latency: 0 (answers are combinational); what is given back counts in the next cycle.
// Storage: 2 * 64 * CellBits.
// Limitations: what is released was reserved or taken before with the same number of cells.
`default_nettype none
`include "tally_assert.svh"

module tally_qp_budget #(
  parameter int unsigned Cells   = tally_pkg::RetransmitCells,
  parameter int unsigned Packets = tally_pkg::TxPackets,
  localparam int unsigned QpBits = 6
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  output      logic              ready_o,
  input  wire logic [12:0]       tx_window_i,

  input  wire logic              rsv_valid_i,
  input  wire logic [QpBits-1:0] rsv_qp_i,
  input  wire logic [4:0]        rsv_cells_i,
  output      logic              rsv_ok_o,

  // Class 1, class 2: is there room for so many cells; take them.
  input  wire logic [2*5-1:0]    want_cells_i,
  output      logic [1:0]        room_o,
  output      logic              low_o,
  input  wire logic [1:0]        take_i,

  input  wire logic              free_valid_i,
  input  wire logic [1:0]        free_class_i,
  input  wire logic [QpBits-1:0] free_qp_i,
  input  wire logic [4:0]        free_cells_i
);
  // Half of the cells is kept for kind Coll, an eighth of that half for Fin. Three cells stay free
  // (tally_qp_cells).
  localparam int unsigned CollCells   = Cells / 2;
  localparam int unsigned FinCells    = CollCells / 8;
  localparam int unsigned DataCells   = CollCells - FinCells;
  localparam int unsigned MsgCells    = Cells - CollCells - 4;
  localparam int unsigned MsgPackets  = Packets / 2;
  localparam int unsigned FinPackets  = Packets / 8;
  localparam int unsigned DataPackets = Packets - MsgPackets - FinPackets;
  localparam int unsigned CountBits   = 13;

  if (DataCells < 17 || MsgCells < 17 || FinPackets < 1 || Cells > 4096 ||
      Packets > 4096) begin : gen_bad_size
    $error("tally_qp_budget: each class needs room for its largest packet");
  end

  // Cells ever reserved and ever released by each Msg queue pair: the difference is in use.
  logic [CountBits-1:0] reserved_mem [2**QpBits];
  logic [CountBits-1:0] released_mem [2**QpBits];

  logic                 init_q;
  logic [QpBits-1:0]    init_index_q;
  logic [CountBits-1:0] msg_cells_q, msg_packets_q;
  logic [CountBits-1:0] fin_cells_q, fin_packets_q;
  logic [CountBits-1:0] data_cells_q, data_packets_q;
  logic [CountBits-1:0] reserved, released, used;
  logic                 reserve;
  logic [2:0]           give;

  assign ready_o  = !init_q;
  assign reserved = reserved_mem[rsv_qp_i];
  assign released = released_mem[rsv_qp_i];
  assign used     = reserved - released;
  assign rsv_ok_o = !init_q && used + CountBits'(rsv_cells_i) <= tx_window_i &&
                    msg_cells_q + CountBits'(rsv_cells_i) <= CountBits'(MsgCells) &&
                    msg_packets_q != CountBits'(MsgPackets);
  assign reserve  = rsv_valid_i && rsv_ok_o;

  assign room_o[0] = !init_q &&
                     fin_cells_q + CountBits'(want_cells_i[4:0]) <= CountBits'(FinCells) &&
                     fin_packets_q != CountBits'(FinPackets);
  assign room_o[1] = !init_q &&
                     data_cells_q + CountBits'(want_cells_i[9:5]) <= CountBits'(DataCells) &&
                     data_packets_q != CountBits'(DataPackets);

  localparam logic [CountBits-1:0] LowCells = CountBits'(DataCells - DataCells / 4);
  assign low_o = data_cells_q > LowCells;

  for (genvar c = 0; c < 3; c++) begin : gen_give
    assign give[c] = free_valid_i && free_class_i == 2'(c);
  end

  // One write port each, which also clears the memory after reset.
  logic                 reserved_we, released_we;
  logic [QpBits-1:0]    reserved_addr, released_addr;
  logic [CountBits-1:0] reserved_new, released_new;
  assign reserved_we   = init_q || reserve;
  assign reserved_addr = init_q ? init_index_q : rsv_qp_i;
  assign reserved_new  = init_q ? '0 : reserved + CountBits'(rsv_cells_i);
  assign released_we   = init_q || give[0];
  assign released_addr = init_q ? init_index_q : free_qp_i;
  assign released_new  = init_q ? '0 : released_mem[free_qp_i] + CountBits'(free_cells_i);

  always_ff @(posedge clk_i) begin : p_mem
    if (reserved_we) reserved_mem[reserved_addr] <= reserved_new;
    if (released_we) released_mem[released_addr] <= released_new;
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      init_q         <= 1'b1;
      init_index_q   <= '0;
      msg_cells_q    <= '0;
      msg_packets_q  <= '0;
      fin_cells_q    <= '0;
      fin_packets_q  <= '0;
      data_cells_q   <= '0;
      data_packets_q <= '0;
    end else begin
      init_index_q <= init_index_q + 1'b1;
      if (init_index_q == '1) init_q <= 1'b0;
      msg_cells_q    <= msg_cells_q + (reserve ? CountBits'(rsv_cells_i) : '0) -
                        (give[0] ? CountBits'(free_cells_i) : '0);
      msg_packets_q  <= msg_packets_q + CountBits'(reserve) - CountBits'(give[0]);
      fin_cells_q    <= fin_cells_q + (take_i[0] ? CountBits'(want_cells_i[4:0]) : '0) -
                        (give[1] ? CountBits'(free_cells_i) : '0);
      fin_packets_q  <= fin_packets_q + CountBits'(take_i[0]) - CountBits'(give[1]);
      data_cells_q   <= data_cells_q + (take_i[1] ? CountBits'(want_cells_i[9:5]) : '0) -
                        (give[2] ? CountBits'(free_cells_i) : '0);
      data_packets_q <= data_packets_q + CountBits'(take_i[1]) - CountBits'(give[2]);
    end
  end

  `TALLY_ASSERT(MsgBound_A, msg_cells_q <= CountBits'(MsgCells) &&
                msg_packets_q <= CountBits'(MsgPackets))
  `TALLY_ASSERT(FinBound_A, fin_cells_q <= CountBits'(FinCells) &&
                fin_packets_q <= CountBits'(FinPackets))
  `TALLY_ASSERT(DataBound_A, data_cells_q <= CountBits'(DataCells) &&
                data_packets_q <= CountBits'(DataPackets))
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Memory-region table of all endpoints with five look-up ports.
//
// Ordering: a write is seen by look-ups from the next cycle. Latency: look-ups are combinational;
// the entry holds the first and the last address of its region, so that a look-up is one addition
// and two comparisons. Throughput: one write and five look-ups a cycle. Storage: 150 bits an entry,
// once a port (LUT RAM).
// A look-up succeeds when its entry exists and is valid, is one of its endpoint, the tags agree and
// [addr, addr + len) lies in the region and does not run past the end of the address space. A
// length of 0 succeeds whatever the key.
// Limitations: bit 31 of a look-up's key is not part of the key and is ignored. A write to an entry
// that does not exist, or with the key of another endpoint, is ignored.
`default_nettype none
`include "tally_assert.svh"

module tally_mr #(
  parameter int unsigned MrEntries = tally_pkg::MrEntries,
  localparam int unsigned Eps = tally_pkg::NumEndpoints,
  localparam int unsigned EpW = $clog2(Eps)
) (
  input  wire logic           clk_i,
  input  wire logic           rst_ni,

  input  wire logic           wr_valid_i,
  input  wire logic [EpW-1:0] wr_ep_i,
  input  wire logic [31:0]    wr_key_i,
  input  wire logic [63:0]    wr_base_i,
  input  wire logic [63:0]    wr_len_i,

  // tally_cmd.
  input  wire logic [EpW-1:0] a_ep_i,
  input  wire logic [31:0]    a_key_i,
  input  wire logic [63:0]    a_addr_i,
  input  wire logic [31:0]    a_len_i,
  output      logic           a_ok_o,

  // tally_msg_rx.
  input  wire logic [EpW-1:0] b_ep_i,
  input  wire logic [31:0]    b_key_i,
  input  wire logic [63:0]    b_addr_i,
  input  wire logic [31:0]    b_len_i,
  output      logic           b_ok_o,

  // tally_seq.
  input  wire logic [EpW-1:0] c_ep_i,
  input  wire logic [31:0]    c_key_i,
  input  wire logic [63:0]    c_addr_i,
  input  wire logic [31:0]    c_len_i,
  output      logic           c_ok_o,

  // tally_read_rsp.
  input  wire logic [EpW-1:0] d_ep_i,
  input  wire logic [31:0]    d_key_i,
  input  wire logic [63:0]    d_addr_i,
  input  wire logic [31:0]    d_len_i,
  output      logic           d_ok_o,

  // tally_rndv.
  input  wire logic [EpW-1:0] e_ep_i,
  input  wire logic [31:0]    e_key_i,
  input  wire logic [63:0]    e_addr_i,
  input  wire logic [31:0]    e_len_i,
  output      logic           e_ok_o
);
  if (MrEntries < 1 || MrEntries > 256) begin : gen_bad_entries
    $error("tally_mr: MrEntries must be 1 to 256");
  end
  if ((1 << EpW) != Eps || EpW != 2) begin : gen_bad_endpoints
    $error("tally_mr: NumEndpoints must be 4, as keys have two bits for the endpoint");
  end

  localparam int unsigned Ports = 5;
  localparam int unsigned EntryW = MrEntries > 1 ? $clog2(MrEntries) : 1;
  localparam int unsigned IndexW = EpW + EntryW;
  localparam int unsigned TagW = 21;
  localparam int unsigned MemBits = TagW + 64 + 64;

  // --- write -------------------------------------------------------------------------------------
  logic              wr_store;
  logic [IndexW-1:0] wr_index;
  logic [64:0]       wr_past;
  logic [63:0]       wr_last;

  assign wr_store = wr_valid_i && 9'(wr_key_i[7:0]) < 9'(MrEntries) && wr_key_i[9:8] == wr_ep_i;
  assign wr_index = {wr_ep_i, wr_key_i[EntryW-1:0]};
  // A region that runs past the end of the address space ends there.
  assign wr_past  = {1'b0, wr_base_i} + {1'b0, wr_len_i} - 65'd1;
  assign wr_last  = wr_past[64] ? {64{1'b1}} : wr_past[63:0];

  // An empty region allows nothing: it is stored as invalid.
  logic [(1<<IndexW)-1:0] valid_q;
  always_ff @(posedge clk_i) begin : p_valid
    if (!rst_ni) valid_q <= '0;
    else if (wr_store) valid_q[wr_index] <= wr_key_i[31] && wr_len_i != '0;
  end

  // --- look-ups ----------------------------------------------------------------------------------
  logic [Ports*EpW-1:0] ep;
  logic [Ports*32-1:0]  key, len;
  logic [Ports*64-1:0]  addr;
  logic [Ports-1:0]     ok;
  assign ep   = {e_ep_i, d_ep_i, c_ep_i, b_ep_i, a_ep_i};
  assign key  = {e_key_i, d_key_i, c_key_i, b_key_i, a_key_i};
  assign addr = {e_addr_i, d_addr_i, c_addr_i, b_addr_i, a_addr_i};
  assign len  = {e_len_i, d_len_i, c_len_i, b_len_i, a_len_i};
  assign {e_ok_o, d_ok_o, c_ok_o, b_ok_o, a_ok_o} = ok;

  for (genvar p = 0; p < Ports; p++) begin : gen_port
    logic [MemBits-1:0] mem [1 << IndexW];
    logic [MemBits-1:0] entry;
    logic [31:0]        p_key, p_len;
    logic [63:0]        p_addr, first, last;
    logic [TagW-1:0]    tag;
    logic [64:0]        p_last;
    logic               exists, inside_region, unused_valid_bit;

    always_ff @(posedge clk_i) begin : p_mem
      if (wr_store) mem[wr_index] <= {wr_key_i[30:10], wr_base_i, wr_last};
    end

    assign p_key  = key[p*32 +: 32];
    assign p_len  = len[p*32 +: 32];
    assign p_addr = addr[p*64 +: 64];
    assign entry  = mem[{p_key[9:8], p_key[EntryW-1:0]}];
    assign {tag, first, last} = entry;

    assign exists = 9'(p_key[7:0]) < 9'(MrEntries) && valid_q[{p_key[9:8], p_key[EntryW-1:0]}] &&
                    p_key[9:8] == ep[p*EpW +: EpW] && p_key[30:10] == tag;
    // Of the last byte; bit 64: beyond the address space.
    assign p_last = {1'b0, p_addr} + 65'(p_len) - 65'd1;
    assign inside_region = p_addr >= first && !p_last[64] && p_last[63:0] <= last;
    assign ok[p] = p_len == '0 || (exists && inside_region);
    assign unused_valid_bit = p_key[31];
  end

  `TALLY_ASSERT(WriteStored_A, (wr_store && wr_key_i[31] && wr_len_i != '0) |=> valid_q != '0)
  `TALLY_ASSERT(ForeignKeyIgnored_A, (wr_valid_i && !wr_store) |=> $stable(valid_q))
endmodule

`default_nettype wire

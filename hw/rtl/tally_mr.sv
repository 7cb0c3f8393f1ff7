// SPDX-License-Identifier: BSD-3-Clause
// Memory-region table with three look-up ports.
//
// Ordering: a write is seen by look-ups from the next cycle. Latency: look-ups are combinational.
// Throughput: one write and three look-ups a cycle. Storage: 152 bits an entry.
// A look-up succeeds when its entry exists and is valid, the tags agree and [addr, addr + len) lies
// in the region and does not run past the end of the address space. A length of 0 succeeds whatever
// the key.
// Limitations: bit 31 of a look-up's key is not part of the key and is ignored. A write to an entry
// that does not exist is ignored.
`default_nettype none
`include "tally_assert.svh"

module tally_mr #(
  parameter int unsigned MrEntries = tally_pkg::MrEntries
) (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,

  input  wire logic        wr_valid_i,
  input  wire logic [31:0] wr_key_i,
  input  wire logic [63:0] wr_base_i,
  input  wire logic [63:0] wr_len_i,

  input  wire logic [31:0] a_key_i,
  input  wire logic [63:0] a_addr_i,
  input  wire logic [31:0] a_len_i,
  output      logic        a_ok_o,

  input  wire logic [31:0] b_key_i,
  input  wire logic [63:0] b_addr_i,
  input  wire logic [31:0] b_len_i,
  output      logic        b_ok_o,

  input  wire logic [31:0] c_key_i,
  input  wire logic [63:0] c_addr_i,
  input  wire logic [31:0] c_len_i,
  output      logic        c_ok_o
);
  if (MrEntries < 1 || MrEntries > 256) begin : gen_bad_entries
    $error("tally_mr: MrEntries must be 1 to 256");
  end

  localparam int unsigned IndexBits = MrEntries > 1 ? $clog2(MrEntries) : 1;
  localparam int unsigned EntryBits = 23 + 64 + 64;

  logic [MrEntries-1:0] valid_q;
  logic [EntryBits-1:0] mem [MrEntries];
  logic                 wr_in_table;
  assign wr_in_table = 9'(wr_key_i[7:0]) < 9'(MrEntries);

  always_ff @(posedge clk_i) begin : p_mem
    if (wr_valid_i && wr_in_table) begin
      mem[wr_key_i[IndexBits-1:0]] <= {wr_key_i[30:8], wr_base_i, wr_len_i};
    end
  end

  always_ff @(posedge clk_i) begin : p_valid
    if (!rst_ni) valid_q <= '0;
    else if (wr_valid_i && wr_in_table) valid_q[wr_key_i[IndexBits-1:0]] <= wr_key_i[31];
  end

  // Whether [addr, addr + len) lies in the region of an entry.
  function automatic logic inside_region(input logic [22:0] tag, input logic [63:0] addr,
                                         input logic [31:0] len, input logic [EntryBits-1:0] entry);
    logic [22:0] region_tag;
    logic [63:0] base, size;
    logic [64:0] past, region_past;
    {region_tag, base, size} = entry;
    past          = {1'b0, addr} + 65'(len);
    region_past   = {1'b0, base} + {1'b0, size};
    inside_region = tag == region_tag && addr >= base && past <= region_past
                    && (!past[64] || past[63:0] == '0);
  endfunction

  always_comb begin : p_a
    a_ok_o = 1'b1;
    if (a_len_i != '0) begin
      a_ok_o = 9'(a_key_i[7:0]) < 9'(MrEntries) && valid_q[a_key_i[IndexBits-1:0]]
               && inside_region(a_key_i[30:8], a_addr_i, a_len_i, mem[a_key_i[IndexBits-1:0]]);
    end
  end

  always_comb begin : p_b
    b_ok_o = 1'b1;
    if (b_len_i != '0) begin
      b_ok_o = 9'(b_key_i[7:0]) < 9'(MrEntries) && valid_q[b_key_i[IndexBits-1:0]]
               && inside_region(b_key_i[30:8], b_addr_i, b_len_i, mem[b_key_i[IndexBits-1:0]]);
    end
  end

  always_comb begin : p_c
    c_ok_o = 1'b1;
    if (c_len_i != '0) begin
      c_ok_o = 9'(c_key_i[7:0]) < 9'(MrEntries) && valid_q[c_key_i[IndexBits-1:0]]
               && inside_region(c_key_i[30:8], c_addr_i, c_len_i, mem[c_key_i[IndexBits-1:0]]);
    end
  end

  logic unused_key_bits;
  assign unused_key_bits = a_key_i[31] ^ b_key_i[31] ^ c_key_i[31];

  `TALLY_ASSERT(WriteStored_A, (wr_valid_i && wr_in_table && wr_key_i[31]) |=> valid_q != '0)
endmodule

`default_nettype wire

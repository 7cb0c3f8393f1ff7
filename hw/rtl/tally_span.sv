// SPDX-License-Identifier: BSD-3-Clause
// How a read of bytes lies in the beats of a bus.
//
// Ordering, latency, storage: none, combinational.
// Limitations: a length of 0 has no beats; what else is said of it means nothing.
`default_nettype none

module tally_span (
  input  wire logic [5:0]  off_i,     // of the first byte in its beat
  input  wire logic [12:0] len_i,     // bytes, up to 4096
  output      logic [6:0]  beats_o,   // of the bus
  output      logic        lead_o,    // the first of them fills no beat of packed data
  output      logic        flush_o    // the last of them leaves a beat of packed data
);
  logic [12:0] span;
  logic [6:0]  packed_beats;
  assign span         = len_i + 13'(off_i);
  assign beats_o      = span[12:6] + 7'(span[5:0] != '0);
  assign packed_beats = len_i[12:6] + 7'(len_i[5:0] != '0);
  assign lead_o       = off_i != '0 && beats_o != 7'd1;
  assign flush_o      = lead_o && beats_o == packed_beats;
endmodule

`default_nettype wire

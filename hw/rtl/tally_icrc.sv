// SPDX-License-Identifier: BSD-3-Clause
// Invariant CRC of RoCEv2 frames, 64 bytes a cycle.
//
// Takes whole frames as beats from the Ethernet header on. The Ethernet header does not count; the
// fields that routers may change (TOS, TTL, both checksums, BTH resv8a) count as ones whatever they
// hold. A frame ends 2 + 4 * in_tail_i bytes into its last beat (14 bytes of Ethernet header, then
// a multiple of 4); the bytes after its end must be 0. `out_icrc_o` is the ICRC as a little-endian
// number; `out_residue_o` tells that the frame ends with its own right ICRC.
// Ordering: one result a frame, in order. Latency: 2 cycles from the last beat to out_valid_o; the
// last XOR tree of out_icrc_o (3 LUT levels) stands behind the registers.
// Throughput: one beat a cycle, no gap between frames, beats may pause at any time. Storage: 3
// words of 32 bits.
// Logic: at most 6 levels of LUT6 to a register, from in_data_i (each bit of the register depends
// on about half of the beat) and from registers.
// Limitations: no back-pressure: the user has room for the result.
// Source: InfiniBand Architecture Specification 7.8.1 and annex A17; trees: hw/spec/icrc.py.
`default_nettype none
`include "tally_assert.svh"

module tally_icrc (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  input  wire logic         in_valid_i,
  input  wire logic         in_first_i,
  input  wire logic         in_last_i,
  input  wire logic [511:0] in_data_i,
  input  wire logic [3:0]   in_tail_i,   // of a last beat

  output      logic         out_valid_o,  // pulse
  output      logic [31:0]  out_icrc_o,
  output      logic         out_residue_o
);
`include "tally_icrc_xor.svh"

  // Bytes 15, 22, 24, 25, 40, 41 and 46 of the frame.
  localparam logic [511:0] Ones = (512'hFF << 120) | (512'hFF << 176) | (512'hFFFF << 192) |
                                  (512'hFFFF << 320) | (512'hFF << 368);
  localparam logic [511:0] Counted = {{400{1'b1}}, 112'h0};

  logic [511:0] beat;
  logic         v1_q, first1_q, last1_q, end2_q, residue_q;
  logic [3:0]   tail1_q;
  logic [1:0]   far_q;
  logic [31:0]  sum_q, state_q, near_q;
  logic [31:0]  state_d, near_d, crc;

  assign beat = in_first_i ? (in_data_i | Ones) & Counted : in_data_i;
  // The register after the beat.
  assign state_d = sum_q ^ (first1_q ? Seed : step(state_q));

  always_ff @(posedge clk_i) begin : p_parts
    if (in_valid_i) begin
      sum_q    <= lane_0(beat[63:0]) ^ lane_1(beat[127:64]) ^ lane_2(beat[191:128]) ^
                  lane_3(beat[255:192]) ^ lane_4(beat[319:256]) ^ lane_5(beat[383:320]) ^
                  lane_6(beat[447:384]) ^ lane_7(beat[511:448]);
      first1_q <= in_first_i;
      last1_q  <= in_last_i;
      tail1_q  <= in_tail_i;
    end
    if (v1_q) begin
      state_q   <= state_d;
      near_q    <= near_d;
      far_q     <= tail1_q[3:2];
      residue_q <= state_d == Good[32*tail1_q +: 32];
    end
  end

  // The zero bytes after the end are taken back: 64 - (2 + 4 * tail) = 2 + 4 * (~tail of 4 bits).
  always_comb begin : p_near
    unique case (tail1_q[1:0])
      2'd3:    near_d = unwind_2(state_d);
      2'd2:    near_d = unwind_6(state_d);
      2'd1:    near_d = unwind_10(state_d);
      default: near_d = unwind_14(state_d);
    endcase
  end

  always_comb begin : p_crc
    unique case (far_q)
      2'd3:    crc = near_q;
      2'd2:    crc = unwind_16(near_q);
      2'd1:    crc = unwind_32(near_q);
      default: crc = unwind_48(near_q);
    endcase
  end

  always_ff @(posedge clk_i) begin : p_valid
    if (!rst_ni) begin
      v1_q   <= 1'b0;
      end2_q <= 1'b0;
    end else begin
      v1_q   <= in_valid_i;
      end2_q <= v1_q && last1_q;
    end
  end

  assign out_valid_o   = end2_q;
  assign out_icrc_o    = ~crc;
  assign out_residue_o = residue_q;

  `TALLY_ASSERT(LatencyPart_A, end2_q |-> $past(in_valid_i && in_last_i, 2))
endmodule

`default_nettype wire

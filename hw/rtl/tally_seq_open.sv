// SPDX-License-Identifier: BSD-3-Clause
// Counts what is under way for each slot of the sequencer: operand reads, packets, writes.
//
// Ordering: none. Latency: a slot is quiet in the cycle after its last event. Storage: 9 bits a slot.
// Limitations: at most 511 of all together a slot; the lanes' operand slots and the FIFOs allow less.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_open #(
  localparam int unsigned Slots = tally_pkg::CollectiveSlots,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned Events = 4
) (
  input  wire logic                    clk_i,
  input  wire logic                    rst_ni,

  input  wire logic [Events-1:0]       begin_i,
  input  wire logic [Events*SlotW-1:0] begin_slot_i,
  input  wire logic [Events-1:0]       end_i,
  input  wire logic [Events*SlotW-1:0] end_slot_i,

  output      logic [Slots-1:0]        quiet_o
);
  for (genvar s = 0; s < Slots; s++) begin : gen_slot
    logic [8:0] count_q, count_d;
    always_comb begin : p_count
      count_d = count_q;
      for (int unsigned e = 0; e < Events; e++) begin
        if (begin_i[e] && begin_slot_i[e*SlotW +: SlotW] == SlotW'(s)) count_d = count_d + 9'd1;
        if (end_i[e] && end_slot_i[e*SlotW +: SlotW] == SlotW'(s)) count_d = count_d - 9'd1;
      end
    end
    always_ff @(posedge clk_i) begin : p_state
      if (!rst_ni) count_q <= '0;
      else         count_q <= count_d;
    end
    assign quiet_o[s] = count_q == '0;
    `TALLY_ASSERT(CountBound_A, count_q[8:7] != 2'b11)
  end
endmodule

`default_nettype wire

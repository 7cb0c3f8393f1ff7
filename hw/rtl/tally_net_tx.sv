// SPDX-License-Identifier: BSD-3-Clause
// Network sender: packets of several units onto one stream, addressed; those to this node loop back.
//
// Ordering: packets of one unit stay in order; units take turns packet by packet; beats of two packets never
// mix. Fills dst_mac, src_mac, ethertype and src_node of the first beat. Latency: 2 cycles for the first
// beat of a packet, 1 for the others. Throughput: one beat a cycle, one idle cycle between packets. Storage: one
// beat (the output register, shared by both directions). Ready path: the outputs' ready to in_ready_o.
// Limitations: a packet to this node that finds loop_ready_i low holds up the network as well.
`default_nettype none
`include "tally_assert.svh"

module tally_net_tx #(
  parameter int unsigned NumClients = 2
) (
  input  wire logic                      clk_i,
  input  wire logic                      rst_ni,
  input  wire logic [15:0]               node_i,

  input  wire logic [NumClients-1:0]     in_valid_i,
  output      logic [NumClients-1:0]     in_ready_o,
  input  wire logic [NumClients*512-1:0] in_data_i,
  input  wire logic [NumClients-1:0]     in_last_i,

  output      logic                      net_valid_o,
  input  wire logic                      net_ready_i,
  output      logic [511:0]              net_data_o,
  output      logic [63:0]               net_keep_o,
  output      logic                      net_last_o,

  output      logic                      loop_valid_o,
  input  wire logic                      loop_ready_i,
  output      logic [511:0]              loop_data_o,
  output      logic                      loop_last_o,

  output      logic                      packet_o,  // pulse: a packet's last beat left
  output      logic                      beat_o,    // pulse: a beat left
  output      logic                      idle_o
);
  localparam int unsigned SelBits = NumClients > 1 ? $clog2(NumClients) : 1;

  // Selected unit; busy_q from the first beat to the last.
  logic                    busy_q;
  logic                    first_q;
  logic                    self_q;
  logic [SelBits-1:0]      sel_q, turn_q;
  logic [5:0]              tail_bytes_q;  // payload bytes in the last beat, 0: all

  logic                    any;
  logic [SelBits-1:0]      next_sel;
  logic                    src_valid, src_last, src_take, to_self, out_free;
  logic [511:0]            src_data, out_beat;
  tally_pkg::wire_header_t head_in, head_out;

  // Output register: one beat for either direction.
  logic         out_valid_q, out_self_q, out_last_q;
  logic [511:0] out_data_q;
  logic [63:0]  out_keep_q;

  always_comb begin : p_pick
    any      = 1'b0;
    next_sel = '0;
    for (int unsigned k = 0; k < 2 * NumClients; k++) begin
      if (!any && in_valid_i[k % NumClients] && (k >= 32'(turn_q))) begin
        any      = 1'b1;
        next_sel = SelBits'(k % NumClients);
      end
    end
  end

  always_comb begin : p_source
    src_valid = 1'b0;
    src_last  = 1'b0;
    src_data  = '0;
    for (int unsigned k = 0; k < NumClients; k++) begin
      if (busy_q && sel_q == SelBits'(k)) begin
        src_valid = in_valid_i[k];
        src_last  = in_last_i[k];
        src_data  = in_data_i[k*512 +: 512];
      end
    end
  end

  assign out_free = !out_valid_q || (out_self_q ? loop_ready_i : net_ready_i);
  assign src_take = src_valid && out_free;

  always_comb begin : p_ready
    in_ready_o        = '0;
    in_ready_o[sel_q] = busy_q && out_free;
  end

  assign head_in = src_data;
  assign to_self = head_in.dst_node == node_i;

  always_comb begin : p_head
    head_out           = head_in;
    head_out.dst_mac   = {head_in.dst_node[7:0], head_in.dst_node[15:8], tally_pkg::MacPrefix[7:0],
                          tally_pkg::MacPrefix[15:8], tally_pkg::MacPrefix[23:16],
                          tally_pkg::MacPrefix[31:24]};
    head_out.src_mac   = {node_i[7:0], node_i[15:8], tally_pkg::MacPrefix[7:0],
                          tally_pkg::MacPrefix[15:8], tally_pkg::MacPrefix[23:16],
                          tally_pkg::MacPrefix[31:24]};
    head_out.ethertype = {8'(tally_pkg::EtherType), 8'(tally_pkg::EtherType >> 8)};
    head_out.src_node  = node_i;
  end

  assign out_beat = first_q ? head_out : src_data;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      busy_q      <= 1'b0;
      first_q     <= 1'b0;
      sel_q       <= '0;
      turn_q      <= '0;
      out_valid_q <= 1'b0;
    end else begin
      if (!busy_q) begin
        if (any) begin
          busy_q  <= 1'b1;
          first_q <= 1'b1;
          sel_q   <= next_sel;
          turn_q  <= (next_sel == SelBits'(NumClients - 1)) ? '0 : next_sel + 1'b1;
        end
      end else if (src_take) begin
        first_q <= 1'b0;
        if (src_last) busy_q <= 1'b0;
      end
      if (out_free) out_valid_q <= src_take;
    end
  end

  always_ff @(posedge clk_i) begin : p_beat
    if (src_take) begin
      out_data_q <= out_beat;
      out_last_q <= src_last;
      out_self_q <= first_q ? to_self : self_q;
      out_keep_q <= '1;
      if (src_last && !first_q && tail_bytes_q != '0) begin
        out_keep_q <= (64'd1 << tail_bytes_q) - 64'd1;
      end
      if (first_q) begin
        self_q       <= to_self;
        tail_bytes_q <= head_in.payload_len[5:0];
      end
    end
  end

  assign net_valid_o  = out_valid_q && !out_self_q;
  assign net_data_o   = out_data_q;
  assign net_keep_o   = out_keep_q;
  assign net_last_o   = out_last_q;
  assign loop_valid_o = out_valid_q && out_self_q;
  assign loop_data_o  = out_data_q;
  assign loop_last_o  = out_last_q;
  assign beat_o       = out_valid_q && out_free;
  assign packet_o     = beat_o && out_last_q;
  assign idle_o       = !busy_q && !out_valid_q && !any;

  `TALLY_ASSERT_STABLE(NetStable_A, net_valid_o, net_ready_i, {net_data_o, net_keep_o, net_last_o})
  `TALLY_ASSERT_STABLE(LoopStable_A, loop_valid_o, loop_ready_i, {loop_data_o, loop_last_o})
  `TALLY_ASSERT(OneDirection_A, !(net_valid_o && loop_valid_o))
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Checks the headers of received messages and hands each to its unit.
//
// Eager, Rts and Fin go to tally_msg_rx (output 0), Coll and CollCredit of endpoint 0 to tally_seq
// (output 1). Discarded and counted: wrong magic or version, another destination than the
// endpoint's rank, another source than the queue pair's peer, a type that the queue pair does not
// carry, a length that disagrees with the packet, a lane that does not exist, a collective for
// another endpoint than 0, and everything for an endpoint that is not enabled.
// Each message that the transport accepted is resolved once: by tally_msg_rx what it got, here what
// is discarded or has gone to tally_seq (with its last beat).
// Ordering: as received. Latency: 1 cycle. Throughput: one beat a cycle, no gap between messages.
// Storage: one beat. Ready path: out_ready_i to rx_ready_o.
// Limitations: a unit that does not take its message holds up the other; tally_msg_rx and tally_seq
// never wait for sending.
`default_nettype none
`include "tally_assert.svh"

module tally_msg_demux (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  input  wire logic [15:0]  ep_rank_i,
  input  wire logic [3:0]   ep_enable_i,

  // from tally_qp_rx; ep, qp and bytes (of the packet: header and payload) with the first beat
  input  wire logic         rx_valid_i,
  output      logic         rx_ready_o,
  input  wire logic [511:0] rx_data_i,
  input  wire logic         rx_last_i,
  input  wire logic [1:0]   rx_ep_i,
  input  wire logic [7:0]   rx_qp_i,
  input  wire logic [12:0]  rx_bytes_i,

  // 0 tally_msg_rx, 1 tally_seq
  output      logic [1:0]   out_valid_o,
  input  wire logic [1:0]   out_ready_i,
  output      logic [511:0] out_data_o,
  output      logic         out_last_o,
  output      logic [1:0]   out_ep_o,

  output      logic [3:0]   resolved_o,
  output      logic         dropped_o,  // pulse: a message was discarded
  output      logic         idle_o
);
  typedef enum logic [1:0] { StHead, StBody, StDrain } state_e;

  state_e                 state_q;
  tally_pkg::msg_header_t head;
  logic                   on_msg, on_coll, type_ok, good, to_seq, free, take, last, drop, ends;
  logic                   unit, unit_q, valid_q, last_q;
  logic [1:0]             ep_q, ep;
  logic [511:0]           data_q;

  assign head    = rx_data_i;
  assign on_msg  = rx_qp_i[7:6] == 2'(tally_pkg::QpKindMsg);
  assign on_coll = rx_qp_i[7:6] == 2'(tally_pkg::QpKindColl);
  assign to_seq  = head.ptype == tally_pkg::PacketTypeColl
                 || head.ptype == tally_pkg::PacketTypeCollCredit
                 || head.ptype == tally_pkg::PacketTypeCollRequest;

  always_comb begin : p_type
    type_ok = 1'b0;
    unique case (head.ptype)
      tally_pkg::PacketTypeEager: type_ok = on_msg && head.length == 32'(head.payload_len);
      tally_pkg::PacketTypeRts:   type_ok = on_msg && head.payload_len == '0;
      tally_pkg::PacketTypeFin:   type_ok = on_coll && head.payload_len == '0;
      tally_pkg::PacketTypeColl:
        type_ok = on_coll && rx_ep_i == '0 && head.lane < 8'(tally_pkg::NumLanes);
      tally_pkg::PacketTypeCollCredit, tally_pkg::PacketTypeCollRequest:
        type_ok = on_coll && rx_ep_i == '0 && head.lane < 8'(tally_pkg::NumLanes)
                && head.payload_len == '0;
      default: type_ok = 1'b0;
    endcase
  end

  assign good = type_ok && ep_enable_i[rx_ep_i]
              && head.magic == tally_pkg::DeviceId && head.version == 8'd1
              && head.dst_rank == 16'(ep_rank_i[rx_ep_i*4 +: 4])
              && head.src_rank == 16'(rx_qp_i[3:0])
              && 17'(head.payload_len) + 17'(tally_pkg::MsgHeaderBytes) == 17'(rx_bytes_i);

  assign free = !valid_q || out_ready_i[unit_q];
  assign drop = state_q == StDrain || (state_q == StHead && !good);
  assign take = rx_valid_i && rx_ready_o;
  assign last = take && rx_last_i;
  assign unit = state_q == StHead ? to_seq : unit_q;
  assign ep   = state_q == StHead ? rx_ep_i : ep_q;
  // A header whose check fails needs no place in the output; the path from data to ready is not
  // worth the cycle.
  assign rx_ready_o = state_q == StDrain || free;
  assign ends       = last && (drop || unit);

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q <= StHead;
      valid_q <= 1'b0;
      unit_q  <= 1'b0;
    end else begin
      if (take) begin
        if (rx_last_i) state_q <= StHead;
        else if (state_q == StHead) state_q <= good ? StBody : StDrain;
      end
      if (take && !drop) begin
        valid_q <= 1'b1;
        unit_q  <= unit;
      end else if (free) begin
        valid_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_beat
    if (take) ep_q <= ep;
    if (take && !drop) begin
      data_q <= rx_data_i;
      last_q <= rx_last_i;
    end
  end

  // The endpoint of the beat in the output: a discarded message may follow it.
  logic [1:0] out_ep_q;
  always_ff @(posedge clk_i) begin : p_ep
    if (take && !drop) out_ep_q <= ep;
  end

  always_comb begin : p_out
    out_valid_o         = '0;
    out_valid_o[unit_q] = valid_q;
    resolved_o          = '0;
    resolved_o[ep]      = ends;
  end

  assign out_data_o = data_q;
  assign out_last_o = last_q;
  assign out_ep_o   = out_ep_q;
  assign dropped_o  = last && drop;
  assign idle_o     = state_q == StHead && !valid_q && !rx_valid_i;

  // Fields that the units read, not the header check.
  logic unused;
  assign unused = ^{head, rx_qp_i[5:4]};

  // Beats that the header announces: the transport's streams agree with their byte count.
  logic [6:0] left_q;
  always_ff @(posedge clk_i) begin : p_left
    if (take && state_q == StHead) left_q <= 7'((head.payload_len + 16'd63) >> 6);
    else if (take) left_q <= left_q - 7'd1;
  end
  `TALLY_ASSERT(HeadLast_A, take && state_q == StHead && good
                |-> rx_last_i == (head.payload_len == '0))
  `TALLY_ASSERT(BodyLast_A, take && state_q == StBody |-> rx_last_i == (left_q == 7'd1))
  `TALLY_ASSERT(QpEndpoint_A, rx_valid_i && state_q == StHead |-> rx_qp_i[5:4] == rx_ep_i)
  `TALLY_ASSERT_STABLE(MsgStable_A, out_valid_o[0], out_ready_i[0],
                       {out_data_o, out_last_o, out_ep_o})
  `TALLY_ASSERT_STABLE(SeqStable_A, out_valid_o[1], out_ready_i[1],
                       {out_data_o, out_last_o, out_ep_o})
endmodule

`default_nettype wire

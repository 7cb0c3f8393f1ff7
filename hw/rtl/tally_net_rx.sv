// SPDX-License-Identifier: BSD-3-Clause
// Network receiver: checks headers, merges network and loopback, hands packets to their unit.
//
// Ordering: packets of one input stay in order; the inputs take turns packet by packet. Two outputs: Coll and
// CollCredit go to the sequencer, the rest to the message receiver. A packet that is not of Tally, not for this
// node, from a node outside the job, of an unknown type or with an impossible length is discarded and counted.
// An output packet always has 1 + ceil(payload_len / 64) beats: what a longer packet has more is cut off, a
// shorter one is filled up, and both are counted as dropped_o as well.
// Latency: 2 cycles for the first beat of a packet, 1 for the others. Throughput: one beat a cycle, one idle cycle
// between packets. Storage: one beat. Ready path: out_ready_i to in_ready_o.
// Limitations: a unit that does not take its packet holds up both inputs.
`default_nettype none
`include "tally_assert.svh"

module tally_net_rx (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic [15:0]  node_i,
  input  wire logic [15:0]  nodes_i,

  // 0 network, 1 loopback
  input  wire logic [1:0]    in_valid_i,
  output      logic [1:0]    in_ready_o,
  input  wire logic [1023:0] in_data_i,
  input  wire logic [1:0]    in_last_i,

  // 0 message receiver, 1 sequencer
  output      logic [1:0]   out_valid_o,
  input  wire logic [1:0]   out_ready_i,
  output      logic [511:0] out_data_o,
  output      logic         out_last_o,

  output      logic         packet_o,   // pulse: a packet was taken
  output      logic         beat_o,     // pulse: a beat was taken
  output      logic         dropped_o,  // pulse: a packet was discarded or mended
  output      logic         idle_o
);
  typedef enum logic [1:0] {
    StIdle,
    StForward,  // beats pass to the output
    StFill,     // the input ended early: zero beats complete the packet
    StDrain     // rest of the input is thrown away
  } state_e;

  state_e                  state_q, state_d;
  logic                    sel_q, sel_d, turn_q, turn_d;
  logic                    first_q, first_d;
  logic                    unit_q, unit_d;
  logic [6:0]              left_q, left_d;  // beats still to come out

  logic                    src_valid, src_last, src_take;
  logic [511:0]            src_data;
  tally_pkg::wire_header_t head;
  logic                    known, good, to_seq;
  logic [6:0]              beats;

  logic                    out_valid_q, out_unit_q, out_last_q, out_free;
  logic [511:0]            out_data_q;
  logic                    push, push_unit, push_last;
  logic [511:0]            push_data;
  logic                    drop;

  assign src_valid = in_valid_i[sel_q];
  assign src_last  = in_last_i[sel_q];
  assign src_data  = sel_q ? in_data_i[1023:512] : in_data_i[511:0];
  assign head      = src_data;
  assign beats     = 7'((head.payload_len + 16'd63) >> 6);
  assign to_seq    = head.ptype == tally_pkg::PacketTypeColl ||
                     head.ptype == tally_pkg::PacketTypeCollCredit;

  always_comb begin : p_known
    known = 1'b0;
    unique case (head.ptype)
      tally_pkg::PacketTypeEager, tally_pkg::PacketTypeReadData, tally_pkg::PacketTypeColl:
        known = 1'b1;
      tally_pkg::PacketTypeRts, tally_pkg::PacketTypeReadReq, tally_pkg::PacketTypeCredit,
      tally_pkg::PacketTypeCollCredit, tally_pkg::PacketTypeReadNak:
        known = head.payload_len == '0;
      default: known = 1'b0;
    endcase
  end

  assign good = known && head.ethertype == {8'(tally_pkg::EtherType), 8'(tally_pkg::EtherType >> 8)} &&
                head.dst_node == node_i && head.src_node < nodes_i &&
                head.payload_len <= 16'(tally_pkg::Mtu) &&
                head.lane < 8'(tally_pkg::NumLanes);

  assign out_free = !out_valid_q || out_ready_i[out_unit_q];

  always_comb begin : p_next
    state_d   = state_q;
    sel_d     = sel_q;
    turn_d    = turn_q;
    first_d   = first_q;
    unit_d    = unit_q;
    left_d    = left_q;
    push      = 1'b0;
    push_unit = unit_q;
    push_last = 1'b0;
    push_data = src_data;
    src_take  = 1'b0;
    drop      = 1'b0;
    unique case (state_q)
      StIdle: begin
        if (in_valid_i != '0) begin
          sel_d   = in_valid_i[turn_q] ? turn_q : !turn_q;
          turn_d  = !sel_d;
          first_d = 1'b1;
          state_d = StForward;
        end
      end
      StForward: begin
        src_take = src_valid && out_free;
        if (src_take) begin
          first_d = 1'b0;
          if (first_q) begin
            unit_d    = to_seq;
            push_unit = to_seq;
            left_d    = good ? beats : '0;
            push      = good;
            push_last = beats == '0;
            drop      = !good;
            if (!good) state_d = src_last ? StIdle : StDrain;
            else if (beats == '0) begin
              state_d = src_last ? StIdle : StDrain;
              drop    = !src_last;
            end else if (src_last) begin
              state_d = StFill;
              drop    = 1'b1;
            end
          end else begin
            push      = 1'b1;
            push_last = left_q == 7'd1;
            left_d    = left_q - 7'd1;
            if (left_q == 7'd1) begin
              state_d = src_last ? StIdle : StDrain;
              drop    = !src_last;
            end else if (src_last) begin
              state_d = StFill;
              drop    = 1'b1;
            end
          end
        end
      end
      StFill: begin
        if (out_free) begin
          push      = 1'b1;
          push_data = '0;
          push_last = left_q == 7'd1;
          left_d    = left_q - 7'd1;
          if (left_q == 7'd1) state_d = StIdle;
        end
      end
      StDrain: begin
        src_take = src_valid;
        if (src_valid && src_last) state_d = StIdle;
      end
      default: state_d = StIdle;
    endcase
  end

  always_comb begin : p_ready
    in_ready_o        = '0;
    in_ready_o[sel_q] = (state_q == StForward && out_free) || state_q == StDrain;
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q     <= StIdle;
      sel_q       <= 1'b0;
      turn_q      <= 1'b0;
      first_q     <= 1'b0;
      unit_q      <= 1'b0;
      left_q      <= '0;
      out_valid_q <= 1'b0;
    end else begin
      state_q <= state_d;
      sel_q   <= sel_d;
      turn_q  <= turn_d;
      first_q <= first_d;
      unit_q  <= unit_d;
      left_q  <= left_d;
      if (out_free) out_valid_q <= push;
    end
  end

  always_ff @(posedge clk_i) begin : p_beat
    if (push) begin
      out_data_q <= push_data;
      out_last_q <= push_last;
      out_unit_q <= push_unit;
    end
  end

  always_comb begin : p_out
    out_valid_o             = '0;
    out_valid_o[out_unit_q] = out_valid_q;
  end

  assign out_data_o = out_data_q;
  assign out_last_o = out_last_q;
  assign beat_o     = src_take;
  assign packet_o   = src_take && src_last;
  assign dropped_o  = drop;
  assign idle_o     = state_q == StIdle && !out_valid_q && in_valid_i == '0;

  // Fields that the units read, not the header check.
  logic unused;
  assign unused = ^{head.reserved0, head.redop, head.dtype, head.count, head.signature, head.seq,
                    head.offset, head.cookie, head.key, head.addr, head.length, head.tag,
                    head.context_id, head.flags, head.src_mac, head.dst_mac};

  `TALLY_ASSERT_STABLE(OutStable_A, out_valid_o[0], out_ready_i[0], {out_data_o, out_last_o})
  `TALLY_ASSERT_STABLE(SeqStable_A, out_valid_o[1], out_ready_i[1], {out_data_o, out_last_o})
  `TALLY_ASSERT(LeftBound_A, left_q <= 7'd64)
endmodule

`default_nettype wire

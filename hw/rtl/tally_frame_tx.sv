// SPDX-License-Identifier: BSD-3-Clause
// RoCEv2 frames of the packets of four units (docs/wire.md): headers, padding and ICRC.
//
// Sources: 0 SEND requester, 1 acknowledgements, 2 READ requester, 3 READ responder. A source hands
// over a packet's TxInfo, then (0 and 3) its ceil(bytes / 64) beats. TxInfo, low bits first:
// opcode[8], qp[8], ackreq[1], psn[24], syndrome[8], msn[24], va[64], rkey[32], dmalen[32],
// bytes[13]. Frames to our own MAC address leave on the loopback side, all others on the network
// side.
// Arbitration: packet by packet. Acknowledgements go first, but not twice in a row when another
// source waits; the others take turns. A packet of a queue pair that is not connected, and every
// packet while enable_i is low, is taken with its beats and discarded (discarded_o).
// Ordering: frames of a side leave in the order in which their packets were taken; at most four
// wait inside.
// Latency: 7 cycles from req_ready_o to the first beat. Throughput: one beat a cycle; no idle
// cycle between frames while requests and beats are there. Storage: 256 * 104 bits of routes, 16
// beats (tally_frame_seal).
// Ready paths: req_valid_i to req_ready_o.
// Limitations: a packet whose beats are slow holds up the packets after it, and its frame has
// pauses. A side that does not take its frames holds up the other one. conn_* changes a route for
// packets taken from the next cycle on.
`default_nettype none
`include "tally_assert.svh"

module tally_frame_tx #(
  localparam int unsigned NumSources = 4,
  localparam int unsigned InfoBits   = 214
) (
  input  wire logic                           clk_i,
  input  wire logic                           rst_ni,
  input  wire logic                           enable_i,
  input  wire logic [47:0]                    mac_i,
  input  wire logic [31:0]                    ip_i,

  input  wire logic                           conn_valid_i,
  input  wire logic                           conn_up_i,
  input  wire logic [7:0]                     conn_qp_i,
  input  wire logic [47:0]                    conn_mac_i,
  input  wire logic [31:0]                    conn_ip_i,
  input  wire logic [23:0]                    conn_qpn_i,

  input  wire logic [NumSources-1:0]          req_valid_i,
  output      logic [NumSources-1:0]          req_ready_o,
  input  wire logic [NumSources*InfoBits-1:0] req_info_i,
  // 0 of source 0, 1 of source 3
  input  wire logic [1:0]                     beat_valid_i,
  output      logic [1:0]                     beat_ready_o,
  input  wire logic [1023:0]                  beat_data_i,

  output      logic                           net_valid_o,
  input  wire logic                           net_ready_i,
  output      logic [511:0]                   net_data_o,
  output      logic [63:0]                    net_keep_o,
  output      logic                           net_last_o,
  output      logic                           loop_valid_o,
  input  wire logic                           loop_ready_i,
  output      logic [511:0]                   loop_data_o,
  output      logic [63:0]                    loop_keep_o,
  output      logic                           loop_last_o,

  output      logic                           packet_o,     // pulse: a frame has left
  output      logic                           beat_o,       // pulse: a beat has left
  output      logic                           discarded_o,  // pulse: a packet was discarded
  output      logic                           idle_o
);
  localparam int unsigned RouteBits = 104;  // {qpn, ip, mac}
  localparam logic [7:0] SendOnly = 8'h04, WriteOnly = 8'h0A, ReadRequest = 8'h0C,
                         ReadFirst = 8'h0D, ReadMiddle = 8'h0E,
                         ReadLast = 8'h0F, ReadOnly = 8'h10, Acknowledge = 8'h11;

  // Stages of a packet: A taken, its route is read; then C and H in tally_frame_build.
  logic                 a_valid_q, a_move, take;
  logic [1:0]           grant, turn_q, a_source_q;
  logic                 acked_q, others;
  logic [InfoBits-1:0]  grant_info, a_info_q;
  logic [RouteBits-1:0] routes [tally_pkg::QpContexts];
  logic [RouteBits-1:0] route_q;
  logic [255:0]         up_q;
  logic                 a_up_q;

  logic [7:0]           opcode;
  logic [12:0]          a_bytes;
  logic [10:0]          a_words;
  logic                 aeth, reth;
  logic [15:0]          a_total;
  logic [17:0]          a_sum;
  logic [16:0]          own_sum_q;
  logic                 build_ready, fetch_ready, drop;
  logic [1:0]           out_valid;
  logic                 seal_idle, build_idle;
  logic [511:0]         out_data;
  logic [63:0]          out_keep;
  logic                 out_last;
  logic                 fr_valid, fr_ready, fr_first, fr_crc, fr_last, fr_loop;
  logic [511:0]         fr_data;
  logic [3:0]           fr_tail;

  // ---- Taking -------------------------------------------------------------------------------
  assign others = req_valid_i[0] || req_valid_i[2] || req_valid_i[3];

  // turn_q: the first of 0, 2, 3 to be asked.
  always_comb begin : p_grant
    grant = 2'd1;
    if (!(req_valid_i[1] && !(acked_q && others))) begin
      unique case (turn_q)
        2'd2:    grant = req_valid_i[2] ? 2'd2 : req_valid_i[3] ? 2'd3 : 2'd0;
        2'd3:    grant = req_valid_i[3] ? 2'd3 : req_valid_i[0] ? 2'd0 : 2'd2;
        default: grant = req_valid_i[0] ? 2'd0 : req_valid_i[2] ? 2'd2 : 2'd3;
      endcase
    end
  end

  assign take = (!a_valid_q || a_move) && req_valid_i != '0;

  always_comb begin : p_ready
    req_ready_o        = '0;
    req_ready_o[grant] = take;
    unique case (grant)
      2'd0:    grant_info = req_info_i[0*InfoBits+:InfoBits];
      2'd1:    grant_info = req_info_i[1*InfoBits+:InfoBits];
      2'd2:    grant_info = req_info_i[2*InfoBits+:InfoBits];
      default: grant_info = req_info_i[3*InfoBits+:InfoBits];
    endcase
  end

  always_ff @(posedge clk_i) begin : p_routes
    if (conn_valid_i) routes[conn_qp_i] <= {conn_qpn_i, conn_ip_i, conn_mac_i};
  end

  always_ff @(posedge clk_i) begin : p_take
    if (take) begin
      a_info_q   <= grant_info;
      a_source_q <= grant;
      route_q    <= routes[grant_info[15:8]];
      a_up_q     <= up_q[grant_info[15:8]] && enable_i;
    end
  end

  // ---- Lengths ------------------------------------------------------------------------------
  assign opcode   = a_info_q[7:0];
  // Only two sources have beats.
  assign a_bytes  = a_source_q == 2'd0 || a_source_q == 2'd3 ? a_info_q[213:201] : '0;
  assign a_words  = a_bytes[12:2] + 11'(a_bytes[1:0] != '0);
  assign reth     = opcode == ReadRequest || opcode == WriteOnly;
  assign aeth     = opcode == ReadFirst || opcode == ReadLast || opcode == ReadOnly ||
                    opcode == Acknowledge;
  // IPv4 20, UDP 8, BTH 12, extension, payload, ICRC 4
  assign a_total  = 16'({a_words, 2'b00}) + (reth ? 16'd60 : aeth ? 16'd48 : 16'd44);
  assign a_sum    = 18'(route_q[79:64]) + 18'(route_q[63:48]) + 18'(a_total);

  // Our own address in the IPv4 checksum.
  always_ff @(posedge clk_i) begin : p_own_sum
    own_sum_q <= 17'(ip_i[31:16]) + 17'(ip_i[15:0]);
  end

  // ---- Discarding, fetching and building ----------------------------------------------------
  assign drop   = a_valid_q && !a_up_q && fetch_ready;
  assign a_move = a_valid_q && fetch_ready && (build_ready || !a_up_q);

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      a_valid_q <= 1'b0;
      turn_q    <= 2'd0;
      acked_q   <= 1'b0;
      up_q      <= '0;
    end else begin
      if (take) begin
        a_valid_q <= 1'b1;
        acked_q   <= grant == 2'd1;
        if (grant != 2'd1) turn_q <= grant == 2'd0 ? 2'd2 : grant == 2'd2 ? 2'd3 : 2'd0;
      end else if (a_move) begin
        a_valid_q <= 1'b0;
      end
      if (conn_valid_i) up_q[conn_qp_i] <= conn_up_i;
    end
  end

  tally_frame_build u_build (
    .clk_i, .rst_ni, .mac_i, .ip_i, .own_sum_i(own_sum_q),
    .pkt_valid_i(a_valid_q), .pkt_move_i(a_move), .pkt_up_i(a_up_q),
    .pkt_ready_o(build_ready), .fetch_ready_o(fetch_ready),
    .pkt_info_i(a_info_q[200:0]), .pkt_source_i(a_source_q == 2'd3), .pkt_mac_i(route_q[47:0]),
    .pkt_ip_i(route_q[79:48]), .pkt_qpn_i(route_q[103:80]), .pkt_bytes_i(a_bytes),
    .pkt_words_i(a_words), .pkt_aeth_i(aeth), .pkt_reth_i(reth),
    .pkt_loop_i(route_q[47:0] == mac_i), .pkt_total_i(a_total), .pkt_sum_i(a_sum),
    .beat_valid_i, .beat_ready_o, .beat_data_i,
    .out_valid_o(fr_valid), .out_ready_i(fr_ready), .out_data_o(fr_data), .out_first_o(fr_first),
    .out_crc_o(fr_crc), .out_last_o(fr_last), .out_tail_o(fr_tail), .out_loop_o(fr_loop),
    .idle_o(build_idle)
  );

  tally_frame_seal u_seal (
    .clk_i, .rst_ni, .in_valid_i(fr_valid), .in_ready_o(fr_ready), .in_data_i(fr_data),
    .in_first_i(fr_first), .in_crc_i(fr_crc), .in_last_i(fr_last), .in_tail_i(fr_tail),
    .in_loop_i(fr_loop),
    .out_valid_o(out_valid), .out_ready_i({loop_ready_i, net_ready_i}), .out_data_o(out_data),
    .out_keep_o(out_keep), .out_last_o(out_last), .idle_o(seal_idle)
  );

  assign {loop_valid_o, net_valid_o} = out_valid;
  assign net_data_o  = out_data;
  assign net_keep_o  = out_keep;
  assign net_last_o  = out_last;
  assign loop_data_o = out_data;
  assign loop_keep_o = out_keep;
  assign loop_last_o = out_last;
  assign beat_o      = (net_valid_o && net_ready_i) || (loop_valid_o && loop_ready_i);
  assign packet_o    = beat_o && out_last;
  assign discarded_o = drop;
  assign idle_o      = !a_valid_q && build_idle && seal_idle && req_valid_i == '0;

  `TALLY_ASSERT(Opcode_A, a_valid_q |->
                (opcode == SendOnly || opcode == WriteOnly ||
                 (opcode >= ReadRequest && opcode <= Acknowledge)))
  `TALLY_ASSERT(Bytes_A, a_valid_q |-> a_bytes <= 13'(tally_pkg::Mtu))
  `TALLY_ASSERT(Middle_A, (a_valid_q && (opcode == ReadMiddle || opcode == ReadOnly)) |->
                a_source_q == 2'd3)
  `TALLY_ASSERT(OneGrant_A, $onehot0(req_ready_o))
endmodule

`default_nettype wire

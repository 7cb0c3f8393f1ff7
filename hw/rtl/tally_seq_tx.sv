// SPDX-License-Identifier: BSD-3-Clause
// Packet builder of the sequencer: Coll packets from headers and payload beats, CollCredit and
// CollRequest packets.
//
// Ordering: data packets in the order of their headers; after a data packet a waiting credit goes
// first, else data does; places of short packets before credits. A data packet starts when its first
// payload beat is in tally_reduce: its header leaves while that is computed, and a pause behind it is
// no longer than the reduction's latency.
// Latency: 1 cycle to the header beat. Throughput: one beat a cycle, one empty cycle between packets.
// Storage: one header, Credits credits, Returns places. Limitations: none.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_tx #(
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks),
  localparam int unsigned CtxW = $clog2(tally_pkg::CollectiveContexts),
  localparam int unsigned FlowW = CtxW + RankW + LaneW,
  localparam int unsigned HeadW = 130,
  localparam int unsigned CreditW = 101
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,

  // The sender's rank.
  input  wire logic [3:0]         rank_i,

  // {description: redop, dtype, count, signature, seq; context; short; last; number[23]; len[13];
  // lane; peer}
  // A data packet starts when its beats are on their way (head_begun_i).
  input  wire logic               head_begun_i,
  input  wire logic               head_valid_i,
  output      logic               head_ready_o,
  input  wire logic [HeadW-1:0]   head_i,
  input  wire logic               body_valid_i,
  output      logic               body_ready_o,
  input  wire logic [511:0]       body_i,

  // {type[2]: 0 credits, 2 request; count[7]; description; context; lane; peer}
  input  wire logic               credit_valid_i,
  output      logic               credit_room_o,
  input  wire logic [CreditW-1:0] credit_i,
  // Places of short packets: reserved when the packet's job comes, given back when it was read.
  input  wire logic               reserve_i,
  output      logic               return_room_o,
  input  wire logic               return_valid_i,
  input  wire logic [FlowW-1:0]   return_flow_i,

  output      logic               tx_valid_o,
  input  wire logic               tx_ready_i,
  output      logic [511:0]       tx_data_o,
  output      logic               tx_last_o,

  output      logic               idle_o
);
  localparam int unsigned Credits = 8;
  localparam int unsigned Returns = 16;

  // --- credits and places ------------------------------------------------------------------------
  logic                         c_valid, c_pop, r_valid, r_pop, r_ready;
  logic [CreditW-1:0]           c_data;
  logic [FlowW-1:0]             r_flow;
  logic [$clog2(Credits+1)-1:0] c_level;
  logic [$clog2(Returns+1)-1:0] r_level, reserved_q;

  tally_fifo #(.Width(CreditW), .Depth(Credits)) u_credits (
    .clk_i, .rst_ni,
    .in_valid_i(credit_valid_i), .in_ready_o(credit_room_o), .in_data_i(credit_i),
    .out_valid_o(c_valid), .out_ready_i(c_pop), .out_data_o(c_data), .level_o(c_level)
  );
  tally_fifo #(.Width(FlowW), .Depth(Returns)) u_returns (
    .clk_i, .rst_ni,
    .in_valid_i(return_valid_i), .in_ready_o(r_ready), .in_data_i(return_flow_i),
    .out_valid_o(r_valid), .out_ready_i(r_pop), .out_data_o(r_flow), .level_o(r_level)
  );
  assign return_room_o = reserved_q != ($clog2(Returns+1))'(Returns);
  always_ff @(posedge clk_i) begin : p_reserved
    if (!rst_ni) reserved_q <= '0;
    else reserved_q <= reserved_q + ($clog2(Returns+1))'(reserve_i) - ($clog2(Returns+1))'(r_pop);
  end

  // --- packets -----------------------------------------------------------------------------------
  typedef enum logic [1:0] {StIdle, StHead, StBody} state_e;
  state_e       state_q, state_d;
  logic         data_last_q;     // the last packet was data
  logic [6:0]   beats_q, beats_d;
  tally_pkg::msg_header_t head_d;
  logic [511:0] head_q;

  logic             h_last, h_short;
  logic [22:0]      h_number;
  logic [12:0]      h_len;
  logic [LaneW-1:0] h_lane, c_lane;
  logic [RankW-1:0] h_peer, c_peer;
  logic [CtxW-1:0]  h_ctx, c_ctx;
  logic [79:0]      h_desc, c_desc;
  logic [1:0]       c_type;
  logic [6:0]       c_count;
  logic             data_ok, load, load_data, other;

  assign {h_desc, h_ctx, h_short, h_last, h_number, h_len, h_lane, h_peer} = head_i;
  assign {c_type, c_count, c_desc, c_ctx, c_lane, c_peer} = c_data;
  assign data_ok = head_valid_i && head_begun_i;
  assign other = c_valid || r_valid;

  always_comb begin : p_next
    state_d = state_q;
    beats_d = beats_q;
    load = 1'b0;
    load_data = 1'b0;
    unique case (state_q)
      StIdle: begin
        load_data = data_ok && !(other && data_last_q);
        load = load_data || other;
        if (load) state_d = StHead;
        beats_d = load_data ? 7'((h_len + 13'd63) >> 6) : '0;
      end
      StHead: if (tx_ready_i) state_d = (beats_q == '0) ? StIdle : StBody;
      StBody: begin
        if (body_valid_i && tx_ready_i) begin
          beats_d = beats_q - 1'b1;
          if (beats_q == 7'd1) state_d = StIdle;
        end
      end
      default: state_d = StIdle;
    endcase
  end
  assign head_ready_o = load_data;
  assign r_pop = load && !load_data && r_valid;
  assign c_pop = load && !load_data && !r_valid;

  always_comb begin : p_head
    head_d = '0;
    head_d.magic = tally_pkg::DeviceId;
    head_d.version = 8'd1;
    head_d.src_rank = 16'(rank_i);
    if (load_data) begin
      head_d.ptype = tally_pkg::PacketTypeColl;
      head_d.flags[tally_pkg::WireFlagLastBit] = h_last;
      head_d.flags[tally_pkg::WireFlagShortBit] = h_short;
      head_d.dst_rank = 16'(h_peer);
      head_d.context_id = 16'(h_ctx);
      head_d.payload_len = 16'(h_len);
      head_d.offset = 32'(h_number);
      head_d.lane = 8'(h_lane);
      {head_d.redop, head_d.dtype, head_d.count, head_d.signature, head_d.seq} = h_desc;
    end else if (r_valid) begin
      head_d.ptype = tally_pkg::PacketTypeCollCredit;
      head_d.flags[tally_pkg::WireFlagShortBit] = 1'b1;
      head_d.dst_rank = 16'(r_flow[LaneW +: RankW]);
      head_d.context_id = 16'(r_flow[LaneW+RankW +: CtxW]);
      head_d.length = 32'd1;
      head_d.lane = 8'(r_flow[LaneW-1:0]);
    end else begin
      head_d.ptype = c_type == 2'd2 ? tally_pkg::PacketTypeCollRequest
                                    : tally_pkg::PacketTypeCollCredit;
      head_d.dst_rank = 16'(c_peer);
      head_d.context_id = 16'(c_ctx);
      head_d.length = 32'(c_count);
      head_d.lane = 8'(c_lane);
      {head_d.redop, head_d.dtype, head_d.count, head_d.signature, head_d.seq} = c_desc;
    end
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q     <= StIdle;
      data_last_q <= 1'b0;
    end else begin
      state_q <= state_d;
      if (load) data_last_q <= load_data;
    end
    beats_q <= beats_d;
    if (load) head_q <= head_d;
  end

  assign tx_valid_o = state_q == StHead || (state_q == StBody && body_valid_i);
  assign tx_data_o = state_q == StBody ? body_i : head_q;
  assign tx_last_o = state_q == StHead ? beats_q == '0 : beats_q == 7'd1;
  assign body_ready_o = state_q == StBody && tx_ready_i;
  assign idle_o = state_q == StIdle && !other && !head_valid_i && reserved_q == '0;

  logic unused;
  assign unused = ^{c_level, r_level, r_ready};

  `TALLY_ASSERT(CreditRoom_A, credit_valid_i |-> credit_room_o)
  `TALLY_ASSERT(ReturnRoom_A, return_valid_i |-> r_ready)
  `TALLY_ASSERT(ReserveBound_A, reserve_i |-> return_room_o)
  `TALLY_ASSERT_STABLE(TxStable_A, tx_valid_o, tx_ready_i, {tx_data_o, tx_last_o})
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Packet builder of the sequencer: Coll packets from headers and payload beats, and CollCredit
// packets.
//
// Ordering: data packets in the order of their headers; after a data packet a waiting credit goes
// first, else data does. A data packet starts when its first payload beat is here.
// Latency: 1 cycle to the header beat. Throughput: one beat a cycle, one empty cycle between
// packets.
// Storage: one header. Limitations: none.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_tx #(
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks),
  localparam int unsigned FlowW = RankW + LaneW,
  localparam int unsigned CntW  = $clog2(tally_pkg::FlowSlots + 1),
  localparam int unsigned HeadW = RankW + LaneW + 13 + 32 + 1
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  // The sender's rank.
  input  wire logic [3:0]       rank_i,

  // The collective of the headers.
  input  wire logic [15:0]      context_i,
  input  wire logic [15:0]      seq_i,
  input  wire logic [15:0]      signature_i,
  input  wire logic [31:0]      count_i,
  input  wire logic [7:0]       dtype_i,
  input  wire logic [7:0]       redop_i,

  input  wire logic             head_valid_i,
  output      logic             head_ready_o,
  input  wire logic [HeadW-1:0] head_i,
  input  wire logic             body_valid_i,
  output      logic             body_ready_o,
  input  wire logic [511:0]     body_i,

  input  wire logic             ret_valid_i,
  output      logic             ret_ready_o,
  input  wire logic [FlowW-1:0] ret_flow_i,
  input  wire logic [CntW-1:0]  ret_count_i,

  output      logic             tx_valid_o,
  input  wire logic             tx_ready_i,
  output      logic [511:0]     tx_data_o,
  output      logic             tx_last_o,

  output      logic             idle_o
);
  localparam logic [31:0] MsgMagic = 32'h594C_4154;
  localparam logic [7:0] MsgVersion = 8'd1;

  typedef enum logic [1:0] {StIdle, StHead, StBody} state_e;
  state_e       state_q, state_d;
  logic         data_last_q;     // the last packet was data
  logic [511:0] head_q, head_d;
  logic [6:0]   beats_q, beats_d;

  logic             h_last;
  logic [31:0]      h_number;
  logic [12:0]      h_len;
  logic [LaneW-1:0] h_lane;
  logic [RankW-1:0] h_peer;
  logic             data_ok, load, load_data;

  assign {h_last, h_number, h_len, h_lane, h_peer} = head_i;
  assign data_ok = head_valid_i && (h_len == '0 || body_valid_i);

  always_comb begin : p_next
    state_d = state_q;
    beats_d = beats_q;
    load = 1'b0;
    load_data = 1'b0;
    unique case (state_q)
      StIdle: begin
        load_data = data_ok && !(ret_valid_i && data_last_q);
        load = load_data || ret_valid_i;
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
  assign ret_ready_o = load && !load_data;

  always_comb begin : p_head
    head_d = '0;
    head_d[0*8 +: 32] = MsgMagic;
    head_d[4*8 +: 8] = MsgVersion;
    head_d[16*8 +: 16] = 16'(rank_i);
    if (load_data) begin
      head_d[14*8 +: 8] = tally_pkg::PacketTypeColl;
      head_d[15*8 + tally_pkg::WireFlagLastBit] = h_last;
      head_d[18*8 +: 16] = 16'(h_peer);
      head_d[20*8 +: 16] = context_i;
      head_d[22*8 +: 16] = 16'(h_len);
      head_d[48*8 +: 32] = h_number;
      head_d[52*8 +: 16] = seq_i;
      head_d[54*8 +: 16] = signature_i;
      head_d[56*8 +: 32] = count_i;
      head_d[60*8 +: 8] = dtype_i;
      head_d[61*8 +: 8] = redop_i;
      head_d[62*8 +: 8] = 8'(h_lane);
    end else begin
      head_d[14*8 +: 8] = tally_pkg::PacketTypeCollCredit;
      head_d[18*8 +: 16] = 16'(ret_flow_i[FlowW-1:LaneW]);
      head_d[28*8 +: 32] = 32'(ret_count_i);
      head_d[62*8 +: 8] = 8'(ret_flow_i[LaneW-1:0]);
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
  assign idle_o = state_q == StIdle;

  `TALLY_ASSERT_STABLE(TxStable_A, tx_valid_o, tx_ready_i, {tx_data_o, tx_last_o})
endmodule

`default_nettype wire

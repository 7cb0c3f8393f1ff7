// SPDX-License-Identifier: BSD-3-Clause
// Part of tally_frame_tx: header of a packet and its payload, realigned behind the header, as frame
// beats with zeros in the place of the ICRC.
//
// A packet is offered with pkt_valid_i and leaves the user's stage with pkt_move_i, which the user
// raises only when fetch_ready_o, and pkt_ready_o or not pkt_up_i, allow it. A packet with pkt_up_i
// low only has its beats taken.
// Ordering: packet by packet. Latency: 3 cycles. Throughput: one beat a cycle; the next packet's
// checksum is made and its beats are fetched meanwhile. Storage: 2 headers, one beat and the 58
// bytes of a beat that belong to the next one.
// Ready paths: out_ready_i to beat_ready_o, pkt_ready_o and fetch_ready_o.
`default_nettype none
`include "tally_assert.svh"

module tally_frame_build (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,
  input  wire logic [47:0]   mac_i,
  input  wire logic [31:0]   ip_i,
  input  wire logic [16:0]   own_sum_i,     // ip_i[31:16] + ip_i[15:0]

  input  wire logic          pkt_valid_i,
  input  wire logic          pkt_move_i,
  input  wire logic          pkt_up_i,
  output      logic          pkt_ready_o,
  output      logic          fetch_ready_o,
  input  wire logic [200:0]  pkt_info_i,    // TxInfo without bytes
  input  wire logic          pkt_source_i,  // beat port
  input  wire logic [47:0]   pkt_mac_i,
  input  wire logic [31:0]   pkt_ip_i,
  input  wire logic [23:0]   pkt_qpn_i,
  input  wire logic [12:0]   pkt_bytes_i,
  input  wire logic [10:0]   pkt_words_i,   // payload in words of 4 bytes
  input  wire logic          pkt_aeth_i,
  input  wire logic          pkt_reth_i,
  input  wire logic          pkt_loop_i,
  input  wire logic [15:0]   pkt_total_i,   // IPv4 total length
  input  wire logic [17:0]   pkt_sum_i,     // pkt_ip_i[31:16] + pkt_ip_i[15:0] + pkt_total_i

  input  wire logic [1:0]    beat_valid_i,
  output      logic [1:0]    beat_ready_o,
  input  wire logic [1023:0] beat_data_i,

  output      logic          out_valid_o,
  input  wire logic          out_ready_i,
  output      logic [511:0]  out_data_o,
  output      logic          out_first_o,
  output      logic          out_crc_o,
  output      logic          out_last_o,
  output      logic [3:0]    out_tail_o,
  output      logic          out_loop_o,

  output      logic          idle_o
);
  localparam int unsigned HeadBits = 560;
  // 0x4500 + 0x4000 + 0x4011: version, DF, TTL and protocol
  localparam logic [19:0] FixedSum = 20'h0C511;

  // ---- Stage C: checksum --------------------------------------------------------------------
  logic         c_valid_q, c_move;
  logic [200:0] c_info_q;
  logic [47:0]  c_mac_q;
  logic [31:0]  c_ip_q;
  logic [23:0]  c_qpn_q;
  logic [1:0]   c_pad_q;
  logic         c_aeth_q, c_reth_q, c_loop_q, c_odd_q;
  logic [15:0]  c_total_q;
  logic [19:0]  c_sum_q;
  logic [6:0]   c_in_q, c_out_q;
  logic [3:0]   c_tail_q;
  // Words of 4 bytes after the 14 of Ethernet, so counted that [10:4] are the beats of the frame;
  // the ICRC begins 2 + 4 * ([3:0] - 1) bytes into a beat.
  logic [10:0]  words;

  logic         h_valid_q, h_done;
  logic [16:0]  fold;
  logic [15:0]  checksum;

  assign words = pkt_words_i + (pkt_reth_i ? 11'd34 : pkt_aeth_i ? 11'd31 : 11'd30);

  assign pkt_ready_o = !c_valid_q || c_move;
  assign c_move      = c_valid_q && (!h_valid_q || h_done);

  always_ff @(posedge clk_i) begin : p_c
    if (pkt_move_i && pkt_up_i) begin
      c_info_q  <= pkt_info_i;
      c_mac_q   <= pkt_mac_i;
      c_ip_q    <= pkt_ip_i;
      c_qpn_q   <= pkt_qpn_i;
      c_pad_q   <= 2'd0 - pkt_bytes_i[1:0];
      c_aeth_q  <= pkt_aeth_i;
      c_reth_q  <= pkt_reth_i;
      c_loop_q  <= pkt_loop_i;
      c_total_q <= pkt_total_i;
      c_sum_q   <= 20'(pkt_sum_i) + 20'(own_sum_i) + FixedSum;
      c_in_q    <= 7'((pkt_bytes_i + 13'd63) >> 6);
      c_out_q   <= words[10:4];
      c_tail_q  <= words[3:0] - 4'd1;
      c_odd_q   <= words[3:0] == '0;
    end
  end

  // Sum of 12 halfwords: two folds make it one.
  assign fold     = 17'(c_sum_q[15:0]) + 17'(c_sum_q[19:16]);
  assign checksum = ~(fold[15:0] + 16'(fold[16]));

  // ---- Header -------------------------------------------------------------------------------
  logic [7:0]   opcode, qp, syndrome;
  logic         ackreq;
  logic [23:0]  psn, msn;
  logic [63:0]  va;
  logic [31:0]  rkey, dmalen;
  logic [127:0] extension;   // first byte highest
  logic [15:0]  udp_length;
  logic [559:0] text;        // the header, first byte highest
  logic [HeadBits-1:0] head, h_head_q;

  assign opcode     = c_info_q[7:0];
  assign qp         = c_info_q[15:8];
  assign ackreq     = c_info_q[16];
  assign psn        = c_info_q[40:17];
  assign syndrome   = c_info_q[48:41];
  assign msn        = c_info_q[72:49];
  assign va         = c_info_q[136:73];
  assign rkey       = c_info_q[168:137];
  assign dmalen     = c_info_q[200:169];
  assign udp_length = c_total_q - 16'd20;
  assign extension  = c_reth_q ? {va, rkey, dmalen} : c_aeth_q ? {syndrome, msn, 96'h0} : 128'h0;
  assign text = {c_mac_q, mac_i, 16'h0800,
                 16'h4500, c_total_q, 16'h0, 16'h4000, 16'h4011, checksum, ip_i, c_ip_q,
                 8'hC0, qp, 16'(tally_pkg::UdpPort), udp_length, 16'h0,
                 opcode, 2'b01, c_pad_q, 4'h0, 16'hFFFF, 8'h0, c_qpn_q, ackreq, 7'h0, psn,
                 extension};

  always_comb begin : p_bytes
    for (int unsigned i = 0; i < HeadBits / 8; i++) head[8*i+:8] = text[HeadBits-8-8*i+:8];
  end

  // ---- Fetching: beats of the packet, spare bytes made zero -----------------------------------
  logic         f_valid_q, f_source_q, f_keep_q, f_take, f_end, d_valid_q, d_take, d_free;
  logic [6:0]   f_left_q;
  logic [63:0]  f_mask_q;
  logic [511:0] f_data, d_data_q;

  assign d_free        = !d_valid_q || d_take;
  assign f_take        = f_valid_q && beat_valid_i[f_source_q] && (d_free || !f_keep_q);
  assign f_end         = f_take && f_left_q == 7'd1;
  assign fetch_ready_o = !f_valid_q || f_end;
  assign f_data        = f_source_q ? beat_data_i[1023:512] : beat_data_i[511:0];

  always_comb begin : p_beat_ready
    beat_ready_o             = '0;
    beat_ready_o[f_source_q] = f_valid_q && (d_free || !f_keep_q);
  end

  always_ff @(posedge clk_i) begin : p_fetch
    if (pkt_move_i && pkt_valid_i) begin
      f_source_q <= pkt_source_i;
      f_keep_q   <= pkt_up_i;
      f_left_q   <= 7'((pkt_bytes_i + 13'd63) >> 6);
      for (int unsigned i = 0; i < 64; i++)
        f_mask_q[i] <= pkt_bytes_i[5:0] == '0 || i < 32'(pkt_bytes_i[5:0]);
    end else if (f_take) begin
      f_left_q <= f_left_q - 7'd1;
    end
    if (f_take && f_keep_q) begin
      for (int unsigned i = 0; i < 64; i++) begin
        d_data_q[8*i+:8] <= f_left_q != 7'd1 || f_mask_q[i] ? f_data[8*i+:8] : 8'h0;
      end
    end
  end

  // ---- Stage H: frame beats -------------------------------------------------------------------
  logic [6:0]   h_in_q, h_out_q;   // beats still to come in and to go out
  logic [3:0]   h_tail_q;
  logic         h_first_q, h_aeth_q, h_reth_q, h_loop_q, h_odd_q, h_go, h_free;
  logic [463:0] carry_q;           // 58 bytes of the beat before
  logic [511:0] data, beat;
  logic         h_data;            // this beat takes one of the payload
  logic         x_valid_q;

  assign h_free = !x_valid_q || out_ready_i;
  assign h_data = h_in_q != '0 && !(h_reth_q && h_first_q);
  assign h_go   = h_valid_q && h_free && (!h_data || d_valid_q);
  assign h_done = h_go && h_out_q == 7'd1;
  assign d_take = h_go && h_data;
  assign data   = h_data ? d_data_q : '0;

  // 54 bytes of header or of the beat before, then payload; with AETH 58. With RETH the first beat
  // is header alone, and the others have 6 bytes of header or of the beat before.
  always_comb begin : p_beat
    beat = h_first_q ? h_head_q[511:0] : {48'h0, carry_q};
    if (h_aeth_q) beat[511:464] = data[47:0];
    else if (!h_reth_q) beat[511:432] = data[79:0];
    else if (!h_first_q) beat[511:48] = data[463:0];
  end

  always_ff @(posedge clk_i) begin : p_h
    if (c_move) begin
      h_head_q <= head;
      h_in_q   <= c_in_q;
      h_out_q  <= c_out_q;
      h_tail_q <= c_tail_q;
      h_odd_q  <= c_odd_q;
      h_aeth_q <= c_aeth_q;
      h_reth_q <= c_reth_q;
      h_loop_q <= c_loop_q;
    end else if (h_go) begin
      h_out_q <= h_out_q - 7'd1;
      if (h_data) h_in_q <= h_in_q - 7'd1;
    end
    if (h_go) begin
      if (h_aeth_q) carry_q <= data[511:48];
      else if (!h_reth_q) carry_q <= {32'h0, data[511:80]};
      else carry_q <= {416'h0, h_first_q ? h_head_q[559:512] : data[511:464]};
      out_data_o  <= beat;
      out_first_o <= h_first_q;
      out_last_o  <= h_out_q == 7'd1;
      out_crc_o   <= h_out_q == (h_odd_q ? 7'd2 : 7'd1);
      out_tail_o  <= h_tail_q;
      out_loop_o  <= h_loop_q;
    end
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      c_valid_q <= 1'b0;
      h_valid_q <= 1'b0;
      h_first_q <= 1'b0;
      f_valid_q <= 1'b0;
      d_valid_q <= 1'b0;
      x_valid_q <= 1'b0;
    end else begin
      if (pkt_move_i && pkt_up_i) c_valid_q <= 1'b1;
      else if (c_move) c_valid_q <= 1'b0;
      if (c_move) h_valid_q <= 1'b1;
      else if (h_done) h_valid_q <= 1'b0;
      if (c_move) h_first_q <= 1'b1;
      else if (h_go) h_first_q <= 1'b0;
      if (pkt_move_i) f_valid_q <= pkt_bytes_i != '0;
      else if (f_end) f_valid_q <= 1'b0;
      if (f_take && f_keep_q) d_valid_q <= 1'b1;
      else if (d_take) d_valid_q <= 1'b0;
      if (h_free) x_valid_q <= h_go;
    end
  end

  assign out_valid_o = x_valid_q;
  assign idle_o      = !c_valid_q && !h_valid_q && !f_valid_q && !d_valid_q && !x_valid_q;

  `TALLY_ASSERT(MoveRule_A, pkt_move_i |->
                (pkt_valid_i && fetch_ready_o && (pkt_ready_o || !pkt_up_i)))
  `TALLY_ASSERT(BeatsInFrame_A, h_valid_q |-> (h_in_q <= h_out_q && h_out_q <= 7'd66))
  `TALLY_ASSERT_STABLE(Stable_A, out_valid_o, out_ready_i,
                       {out_data_o, out_first_o, out_crc_o, out_last_o, out_tail_o})
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// Checks and strips RoCEv2 frames (docs/wire.md); a packet leaves only when its whole frame was
// right.
//
// Inputs 0 network and 1 loopback, frame by frame in turn. Output: RxInfo of a packet, then its
// ceil(bytes / 64) beats. RxInfo, low bits first: opcode[8], qp[8], ackreq[1], psn[24],
// syndrome[8], msn[24], va[64], rkey[32], dmalen[32], bytes[13]; fields of a header that the opcode
// does not have are 0.
// A frame that is not for this device, of no connected queue pair, of an unknown opcode, malformed,
// of a length that disagrees with its headers (RDMA WRITE: with dmalen, which is not 0) or of more
// than 66 beats is discarded (dropped_o), and every frame while enable_i is low; a frame that is
// right but for its ICRC is discarded as well (icrc_error_o). Nothing of these is seen outside.
// What an endless frame has after 66 beats is thrown away as it comes and does not hold up the
// other input.
// Ordering: frames of an input stay in order. Latency: 4 cycles from the last beat to pkt_valid_o.
// Throughput: one beat a cycle, no idle cycle between frames; the output takes one cycle more than
// beats a packet.
// Storage: 512 beats (at least 7 packets of 4096 bytes, or 64 packets of up to 7 beats), 8 beats
// read ahead of use and 3 in the pipeline.
// Ready paths: in_valid_i to in_ready_o. Inputs wait only between frames, for room.
// Limitations: an input that pauses inside a frame holds up the other one. Addresses of the sender
// are not looked at.
`default_nettype none
`include "tally_assert.svh"

module tally_frame_rx #(
  parameter  int unsigned RingBeats = 512,
  parameter  int unsigned Packets   = 64,
  localparam int unsigned InfoBits  = 214
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,
  input  wire logic                enable_i,
  input  wire logic [47:0]         mac_i,
  input  wire logic [31:0]         ip_i,

  input  wire logic                conn_valid_i,
  input  wire logic                conn_up_i,
  input  wire logic [7:0]          conn_qp_i,

  input  wire logic [1:0]          in_valid_i,
  output      logic [1:0]          in_ready_o,
  input  wire logic [1023:0]       in_data_i,
  input  wire logic [127:0]        in_keep_i,
  input  wire logic [1:0]          in_last_i,

  output      logic                pkt_valid_o,
  input  wire logic                pkt_ready_i,
  output      logic [InfoBits-1:0] pkt_info_o,
  output      logic                beat_valid_o,
  input  wire logic                beat_ready_i,
  output      logic [511:0]        beat_data_o,

  output      logic                packet_o,      // pulse: a frame was received, good or bad
  output      logic                beat_o,        // pulse: a beat was received
  output      logic                dropped_o,     // pulse: a frame was discarded
  // pulse: a frame was discarded because of its ICRC
  output      logic                icrc_error_o,
  output      logic                idle_o
);
  localparam logic [6:0] LastIndex = 7'd65;  // a beat of this index is one too many

  // ---- Inputs -------------------------------------------------------------------------------
  logic         room, busy_q, sel_q, turn_q, pick, sel, accept, ends, cut;
  logic [1:0]   drain_q;
  logic [6:0]   index_q;
  logic [511:0] in_data;
  logic [63:0]  in_keep;
  logic         in_last;

  logic         i_valid_q, i_first_q, i_last_q, i_cut_q;
  logic [511:0] i_data_q;
  logic [63:0]  i_keep_q;
  logic [16:0]  i_words;
  logic [3:0]   i_tail;
  logic         i_even, i_keep_ok;

  assign pick    = in_valid_i[turn_q] && !drain_q[turn_q] ? turn_q : !turn_q;
  assign sel     = busy_q ? sel_q : pick;
  assign accept  = (busy_q || room) && in_valid_i[sel] && !drain_q[sel];
  assign in_data = sel ? in_data_i[1023:512] : in_data_i[511:0];
  assign in_keep = sel ? in_keep_i[127:64] : in_keep_i[63:0];
  assign in_last = in_last_i[sel];
  assign cut     = index_q == LastIndex && !in_last;
  assign ends    = in_last || cut;

  always_comb begin : p_ready
    in_ready_o = drain_q;
    if (busy_q || room) in_ready_o[sel] = 1'b1;
  end

  always_ff @(posedge clk_i) begin : p_input
    if (accept) begin
      for (int unsigned i = 0; i < 64; i++) i_data_q[8*i+:8] <= in_keep[i] ? in_data[8*i+:8] : 8'h0;
      i_keep_q  <= in_keep;
      i_first_q <= !busy_q;
      i_last_q  <= ends;
      i_cut_q   <= cut;
    end
  end

  always_ff @(posedge clk_i) begin : p_input_state
    if (!rst_ni) begin
      busy_q    <= 1'b0;
      sel_q     <= 1'b0;
      turn_q    <= 1'b0;
      drain_q   <= '0;
      index_q   <= '0;
      i_valid_q <= 1'b0;
    end else begin
      i_valid_q <= accept;
      if (accept) begin
        busy_q  <= !ends;
        sel_q   <= sel;
        index_q <= ends ? '0 : index_q + 7'd1;
        if (ends) turn_q <= !sel;
      end
      for (int unsigned i = 0; i < 2; i++) begin
        if (drain_q[i]) drain_q[i] <= !(in_valid_i[i] && in_last_i[i]);
        else if (accept && cut && 32'(sel) == i) drain_q[i] <= 1'b1;
      end
    end
  end

  // Words of 4 bytes behind the first two bytes, as a bar: bit k, the k-th word is there. i_even:
  // no word is there in part or without the one before it.
  always_comb begin : p_words
    i_words = '0;
    i_even  = i_keep_q[1:0] == 2'b11 && i_keep_q[63:62] == 2'b00;
    for (int unsigned k = 1; k < 16; k++) begin
      i_words[k] = i_keep_q[4*k+1];
      if (i_keep_q[4*k-2+:4] != {4{i_keep_q[4*k+1]}}) i_even = 1'b0;
      if (i_keep_q[4*k+1] && !i_keep_q[4*k-3]) i_even = 1'b0;
    end
  end

  // Their number; of a bar with holes, whose frame is bad, anything.
  always_comb begin : p_tail
    i_tail    = '0;
    i_tail[3] = i_words[8];
    for (int unsigned k = 4; k < 16; k += 8) if (i_words[k] && !i_words[k+4]) i_tail[2] = 1'b1;
    for (int unsigned k = 2; k < 16; k += 4) if (i_words[k] && !i_words[k+2]) i_tail[1] = 1'b1;
    for (int unsigned k = 1; k < 16; k += 2) if (i_words[k] && !i_words[k+1]) i_tail[0] = 1'b1;
  end
  assign i_keep_ok = i_last_q ? i_even : &i_keep_q;

  // ---- Header, from the first beat ------------------------------------------------------------
  logic         head_now;
  logic         constant_ok, mac_ok, ip_ok, known, has_reth, has_aeth, has_data, dma_ok;
  logic [16:0]  room_left;
  logic [7:0]   opcode;
  logic [1:0]   pad;
  logic [23:0]  qpn;
  logic [15:0]  total;

  logic         h1_frame_q, h1_reth_q, h1_aeth_q, h1_data_q, h1_ackreq_q, h1_qpn_q;
  logic [7:0]   h1_opcode_q, h1_qp_q;
  logic [1:0]   h1_pad_q;
  logic [15:0]  h1_total_q, h1_udp_q;
  logic [16:0]  h1_bytes_q;
  logic [23:0]  h1_psn_q;
  logic [79:0]  h1_extension_q;   // first 10 bytes of AETH or RETH, first byte highest
  logic [47:0]  h1_rest_q;        // the other 6 of RETH
  logic [17:0]  h1_sum_a_q, h1_sum_b_q, h1_sum_c_q, h1_sum_d_q;
  logic         h2_up_q, h2_length_q, h2_sum_q;
  logic [19:0]  sum;
  logic [255:0] up_q;
  logic [511:0] text;             // the beat, first byte highest

  always_comb begin : p_text
    for (int unsigned i = 0; i < 64; i++) text[504-8*i+:8] = i_data_q[8*i+:8];
  end

  assign head_now = i_valid_q && i_first_q;
  assign total    = text[383:368];   // byte 16
  assign opcode   = text[175:168];   // byte 42
  assign pad      = text[165:164];   // byte 43
  assign qpn      = text[135:112];   // byte 47
  assign mac_ok   = text[511:464] == mac_i;
  assign ip_ok    = text[271:240] == ip_i;  // byte 30
  // EtherType; version and header length; no fragment; protocol; port; BTH version; P_Key
  assign constant_ok = text[415:400] == 16'h0800 && text[399:392] == 8'h45 &&
                       text[349:336] == '0 && text[327:320] == 8'd17 &&
                       text[223:208] == 16'(tally_pkg::UdpPort) && text[163:160] == '0 &&
                       text[159:144] == 16'hFFFF;

  always_comb begin : p_opcode
    known    = 1'b1;
    has_reth = 1'b0;
    has_aeth = 1'b0;
    has_data = 1'b0;
    unique case (opcode)
      8'h04, 8'h0E: has_data = 1'b1;
      8'h0A: begin
        has_reth = 1'b1;
        has_data = 1'b1;
      end
      8'h0C:        has_reth = 1'b1;
      8'h0D, 8'h0F, 8'h10: begin
        has_aeth = 1'b1;
        has_data = 1'b1;
      end
      8'h11:   has_aeth = 1'b1;
      default: known = 1'b0;
    endcase
  end

  // Payload: what the total length leaves; negative when it leaves nothing.
  assign room_left = 17'(total) - (has_reth ? 17'd60 : has_aeth ? 17'd48 : 17'd44) - 17'(pad);

  // An RDMA WRITE Only carries what its RETH announces.
  assign dma_ok = !(h1_reth_q && h1_data_q) ||
                  (h1_rest_q[31:0] == 32'(h1_bytes_q) && h1_bytes_q != '0);

  always_ff @(posedge clk_i) begin : p_header
    if (head_now) begin
      h1_frame_q     <= constant_ok && mac_ok && ip_ok && known && enable_i;
      h1_reth_q      <= has_reth;
      h1_aeth_q      <= has_aeth;
      h1_data_q      <= has_data;
      h1_opcode_q    <= opcode;
      h1_pad_q       <= pad;
      h1_qpn_q       <= (qpn - 24'(tally_pkg::QpnBase)) < 24'(tally_pkg::QpContexts);
      h1_qp_q        <= 8'(qpn - 24'(tally_pkg::QpnBase));
      h1_ackreq_q    <= text[111];
      h1_psn_q       <= text[103:80];
      h1_extension_q <= text[79:0];
      h1_total_q     <= total;
      h1_udp_q       <= text[207:192];
      h1_bytes_q     <= room_left;
      h1_sum_a_q     <= 18'(text[399:384]) + 18'(text[383:368]) + 18'(text[367:352]);
      h1_sum_b_q     <= 18'(text[351:336]) + 18'(text[335:320]) + 18'(text[319:304]);
      h1_sum_c_q     <= 18'(text[303:288]) + 18'(text[287:272]);
      h1_sum_d_q     <= 18'(text[271:256]) + 18'(text[255:240]);
    end
    if (i_valid_q && p_index_q == '0) h1_rest_q <= text[511:464];
    h2_up_q     <= up_q[h1_qp_q] && h1_qpn_q;
    h2_length_q <= !h1_bytes_q[16] && h1_bytes_q <= 17'(tally_pkg::Mtu) && h1_total_q[1:0] == '0 &&
                   h1_udp_q == h1_total_q - 16'd20 &&
                   (h1_data_q || (h1_bytes_q == '0 && h1_pad_q == '0)) && dma_ok;
    h2_sum_q    <= sum[15:0] == {12'hFFF, ~sum[19:16]};
  end

  // Folded it must be 0xFFFF, so (it is not 0: the version is in it) it is a multiple of that:
  // 0xFFFF * (high + 1) = 0x10000 * high + 0xFFFF - high.
  assign sum = 20'(h1_sum_a_q) + 20'(h1_sum_b_q) + 20'(h1_sum_c_q) + 20'(h1_sum_d_q);

  // ---- Payload: the rest of a beat and the start of the next ----------------------------------
  logic         p_valid_q, p_last_q, p_bad_q, p_leave, p_write;
  logic [6:0]   p_index_q, p_count, p_count_q;
  logic [3:0]   p_tail_q;
  logic [463:0] p_rest_q;         // bytes 6 to 63
  logic [16:0]  p_at;             // of the payload, where that beat's part begins
  logic         e_write_q;
  logic [511:0] e_data_q;

  assign p_leave = p_valid_q && (p_last_q || i_valid_q);
  // With RETH there is none in the first beat.
  assign p_at    = {4'h0, h1_reth_q ? p_index_q - 7'd1 : p_index_q, 6'h0};
  assign p_write = p_leave && h1_frame_q && h1_data_q && h1_bytes_q <= 17'(tally_pkg::Mtu) &&
                   h1_bytes_q > p_at && !(h1_reth_q && p_index_q == '0);
  assign p_count = (p_index_q == '0 ? '0 : p_count_q) + 7'(p_write);

  always_ff @(posedge clk_i) begin : p_payload
    if (i_valid_q) begin
      p_rest_q  <= i_data_q[511:48];
      p_last_q  <= i_last_q;
      p_tail_q  <= i_tail;
      p_index_q <= i_first_q ? '0 : p_index_q + 7'd1;
      p_bad_q   <= (p_bad_q && !i_first_q) || !i_keep_ok || i_cut_q;
    end
    if (p_leave) begin
      p_count_q <= p_count;
      e_data_q  <= h1_aeth_q ? {i_data_q[463:0], p_rest_q[463:416]}
                 : h1_reth_q ? {i_data_q[47:0], p_rest_q}
                             : {i_data_q[431:0], p_rest_q[463:384]};
    end
  end

  // ---- Verdict: with the ICRC's ---------------------------------------------------------------
  logic                v2_q, ok2_q, ok;
  logic [6:0]          beats2_q;
  logic [InfoBits-1:0] info2_q;
  logic                icrc_valid, residue, size_ok, store_idle;
  logic [31:0]         icrc;

  // Frame from the IPv4 header on, in words of 4 bytes.
  assign size_ok = 14'({p_index_q, 4'h0}) + 14'(p_tail_q) == h1_total_q[15:2] + 14'd3;

  always_ff @(posedge clk_i) begin : p_verdict
    ok2_q    <= h1_frame_q && !p_bad_q && size_ok;
    beats2_q <= p_count;
    info2_q  <= {h1_bytes_q[12:0],
                 h1_reth_q ? {h1_rest_q[31:0], h1_extension_q[15:0], h1_rest_q[47:32],
                              h1_extension_q[79:16]} : 128'h0,
                 h1_aeth_q ? {h1_extension_q[71:48], h1_extension_q[79:72]} : 32'h0,
                 h1_psn_q, h1_ackreq_q, h1_qp_q, h1_opcode_q};
  end
  // Right, but perhaps for its ICRC.
  assign ok = ok2_q && h2_up_q && h2_length_q && h2_sum_q;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      p_valid_q <= 1'b0;
      e_write_q <= 1'b0;
      v2_q      <= 1'b0;
      up_q      <= '0;
    end else begin
      if (i_valid_q) p_valid_q <= 1'b1;
      else if (p_leave) p_valid_q <= 1'b0;
      e_write_q <= p_write;
      v2_q      <= p_valid_q && p_last_q;
      if (conn_valid_i) up_q[conn_qp_i] <= conn_up_i;
    end
  end

  tally_icrc u_icrc (
    .clk_i, .rst_ni, .in_valid_i(i_valid_q), .in_first_i(i_first_q), .in_last_i(i_last_q),
    .in_data_i(i_data_q), .in_tail_i(i_tail), .out_valid_o(icrc_valid), .out_icrc_o(icrc),
    .out_residue_o(residue)
  );

  tally_frame_store #(.RingBeats(RingBeats), .Packets(Packets)) u_store (
    .clk_i, .rst_ni, .room_o(room), .admit_i(accept && !busy_q),
    .wr_valid_i(e_write_q), .wr_data_i(e_data_q),
    .ver_valid_i(v2_q), .ver_good_i(ok && residue), .ver_beats_i(beats2_q), .ver_info_i(info2_q),
    .pkt_valid_o, .pkt_ready_i, .pkt_info_o, .beat_valid_o, .beat_ready_i, .beat_data_o,
    .idle_o(store_idle)
  );

  assign packet_o     = v2_q;
  assign beat_o       = accept;
  assign dropped_o    = v2_q && !ok;
  assign icrc_error_o = v2_q && ok && !residue;
  assign idle_o       = !busy_q && drain_q == '0 && store_idle && in_valid_i == '0;

  logic unused;
  // Fields of the header that any value may have.
  assign unused = ^{icrc, icrc_valid, text[463:416], text[239:224], text[191:176], text[167:166],
                    text[143:136], text[110:104]};

  `TALLY_ASSERT(Timing_A, icrc_valid == v2_q)
  `TALLY_ASSERT(Index_A, index_q <= LastIndex)
  `TALLY_ASSERT(Beats_A, v2_q && ok |-> 13'(beats2_q) == (info2_q[213:201] + 13'd63) >> 6)
endmodule

`default_nettype wire

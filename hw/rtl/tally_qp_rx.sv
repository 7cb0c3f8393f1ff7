// SPDX-License-Identifier: BSD-3-Clause
// Every packet received goes through here: SEND responder, distribution to the other units,
// acknowledgements.
//
// SEND Only of kinds Msg and Coll, RDMA WRITE Only of kind Coll: the responder's rules
// (docs/wire.md); what is accepted leaves on rx_* with its beats. An RDMA WRITE carries a long Coll
// message, whose MsgHeader is made again from its RETH and goes before the payload.
// Acknowledgements of these kinds are pulses to tally_qp_tx; READ requests, READ responses and
// acknowledgements of kind Read go to their units; anything else is discarded and counted.
//
// Acknowledgements are state, not a queue: each queue pair has at most one answer pending (ACK, NAK
// or RNR), and its numbers are those of the moment in which it is sent. So a later answer never
// waits for an earlier one, and reception never waits for sending. What is pending changes like
// this:
//   packet accepted          -> ACK; takes the place of a NAK or RNR, which is then obsolete
//   packet expected, refused -> RNR; takes the place of anything: it acknowledges all before it as
//                               well
//   gap, first of its run    -> NAK, but an RNR stays: its packet is the one that is missing
//   duplicate                -> ACK now, but a NAK or RNR stays: both acknowledge what the ACK
//                            would
// A run is a sequence of rising PSNs; it ends when one is not above the last one seen.
// An ACK waits until ack_policy_i packets or cycles; A (request), NAK, RNR and duplicates do not
// wait.
//
// Ordering: packets in order of arrival. Latency: 1 cycle from a packet's info to the first beat of
// its message, 3 to that of a READ response. Throughput: one cycle a packet and one a beat, at
// least 3 cycles (3 and one a beat to the READ units). Ready path: rx_ready_i and rbeat_ready_i to
// beat_ready_o.
// Storage: 128 words of 109 bits (distributed RAM). Limitations: ready_i must show an acceptance 3
// cycles after accept_o.
`default_nettype none
`include "tally_assert.svh"

module tally_qp_rx (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  input  wire logic [31:0]  ack_policy_i,  // 31:16 cycles, 15:0 packets
  input  wire logic [4:0]   rnr_code_i,
  input  wire logic [7:0]   ready_i,       // {kind, ep}: the endpoint takes another message
  input  wire logic [15:0]  ep_rank_i,     // for the headers of RDMA WRITEs

  input  wire logic         conn_valid_i,
  input  wire logic         conn_up_i,
  input  wire logic [7:0]   conn_qp_i,
  input  wire logic [23:0]  conn_rx_psn_i,

  input  wire logic         pkt_valid_i,
  output      logic         pkt_ready_o,
  input  wire logic [213:0] pkt_info_i,
  input  wire logic         beat_valid_i,
  output      logic         beat_ready_o,
  input  wire logic [511:0] beat_data_i,

  output      logic         rx_valid_o,
  input  wire logic         rx_ready_i,
  output      logic [511:0] rx_data_o,
  output      logic         rx_last_o,
  output      logic [1:0]   rx_ep_o,
  output      logic [7:0]   rx_qp_o,
  output      logic [12:0]  rx_bytes_o,    // of the message: its header and payload
  // pulse: a message was accepted for this endpoint and will leave on rx_*
  output      logic [3:0]   accept_o,

  output      logic         ack_valid_o,
  output      logic [7:0]   ack_qp_o,
  output      logic [23:0]  ack_psn_o,
  output      logic [7:0]   ack_syndrome_o,

  output      logic         rreq_valid_o,
  input  wire logic         rreq_ready_i,
  output      logic [213:0] rreq_info_o,
  output      logic         rresp_valid_o,
  input  wire logic         rresp_ready_i,
  output      logic [213:0] rresp_info_o,
  output      logic         rbeat_valid_o,
  input  wire logic         rbeat_ready_i,
  output      logic [511:0] rbeat_data_o,

  output      logic         req_valid_o,
  input  wire logic         req_ready_i,
  output      logic [213:0] req_info_o,

  output      logic         nak_sent_o,
  output      logic         rnr_sent_o,
  output      logic         ack_sent_o,
  output      logic         duplicate_o,
  output      logic         dropped_o,
  output      logic         idle_o
);
  localparam int unsigned Qps      = tally_pkg::QpContexts / 2;
  localparam int unsigned WordBits = 3*24 + 1 + 2 + 2*16;
  localparam logic [7:0] OpSendOnly = 8'h04, OpWriteOnly = 8'h0A, OpReadRequest = 8'h0C,
                         OpReadFirst = 8'h0D, OpAck = 8'h11;

  // A message's first beat leaves while it is decided; one of a single beat is followed by a cycle
  // of rest, so that ready_i is right for the next decision.
  typedef enum logic [2:0] {RxIdle, RxDecide, RxOffer, RxBeats, RxRest} rx_e;
  typedef enum logic [1:0] {ToDrop, ToMessage, ToRequest, ToResponse} to_e;
  typedef enum logic [2:0] {EvNone, EvPacket, EvConn, EvEmit, EvScan} event_e;
  localparam logic [1:0] PendAck = 2'd0, PendNak = 2'd1, PendRnr = 2'd2;

  // --- packet at hand ---
  rx_e          rx_q;
  to_e          to_q, to, way;
  logic [213:0] info_q;
  logic [6:0]   left_q, left, beats;
  logic         moves, beat_take, is_write, header, header_q;
  logic [7:0]   opcode, qp;
  logic         ackreq, last;
  logic [23:0]  psn;
  logic [7:0]   syndrome;
  logic [12:0]  bytes;

  assign opcode   = info_q[7:0];
  assign qp       = info_q[15:8];
  assign ackreq   = info_q[16];
  assign psn      = info_q[40:17];
  assign syndrome = info_q[48:41];
  assign bytes    = info_q[213:201];
  assign beats    = 7'((bytes + 13'd63) >> 6);
  assign is_write = opcode == OpWriteOnly;
  assign left     = rx_q == RxDecide ? beats + 7'(is_write && to == ToMessage) : left_q;
  assign last     = left == 7'd1;

  // --- queue pairs ---
  logic [WordBits-1:0] mem [Qps];
  logic [Qps-1:0]      up_q;
  logic [Qps-1:0]      wait_q;  // an acknowledgement may wait
  logic [Qps-1:0]      now_q;   // one that may not
  event_e              a_event, ev_q;
  logic [6:0]          a_qp, qp_q;
  logic [WordBits-1:0] word_q, word;
  logic                up_b_q, wait_b_q, now_b_q;
  logic                conn_q, conn_up_q, conn_up_b_q;
  logic [6:0]          conn_qp_q;
  logic [23:0]         conn_psn_q, conn_psn_b_q;
  logic [15:0]         cycle_q;

  logic                emit_valid, scan_valid;
  logic [6:0]          emit_qp, scan_qp;
  logic                req_valid_q;
  logic [213:0]        req_q;

  logic                b_up, b_wait, b_now;  // after stage B
  logic                take;

  assign take        = pkt_valid_i && pkt_ready_o;
  assign pkt_ready_o = rx_q == RxIdle;

  always_comb begin : p_choose
    a_event = EvNone;
    a_qp    = pkt_info_i[14:8];
    if (take) begin
      a_event = EvPacket;
    end else if (conn_q) begin
      a_event = EvConn;
      a_qp    = conn_qp_q;
    end else if (emit_valid && !req_valid_q && ev_q != EvEmit) begin
      a_event = EvEmit;
      a_qp    = emit_qp;
    end else if (scan_valid) begin
      a_event = EvScan;
      a_qp    = scan_qp;
    end
  end

  tally_qp_pick #(.N(Qps)) u_emit (
    .clk_i, .rst_ni, .want_i(now_q), .valid_o(emit_valid), .index_o(emit_qp),
    .take_i(a_event == EvEmit)
  );
  tally_qp_pick #(.N(Qps)) u_scan (
    .clk_i, .rst_ni, .want_i(wait_q), .valid_o(scan_valid), .index_o(scan_qp),
    .take_i(a_event == EvScan)
  );

  logic same;
  assign same = ev_q != EvNone && qp_q == a_qp;

  always_ff @(posedge clk_i) begin : p_stage_a
    if (!rst_ni) begin
      ev_q    <= EvNone;
      conn_q  <= 1'b0;
      cycle_q <= '0;
    end else begin
      ev_q    <= a_event;
      cycle_q <= cycle_q + 16'd1;
      if (conn_valid_i && !conn_qp_i[7]) conn_q <= 1'b1;
      else if (a_event == EvConn) conn_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_stage_a_fields
    if (conn_valid_i && !conn_qp_i[7]) begin
      conn_up_q  <= conn_up_i;
      conn_qp_q  <= conn_qp_i[6:0];
      conn_psn_q <= conn_rx_psn_i;
    end
    qp_q         <= a_qp;
    word_q       <= same ? word : mem[a_qp];
    up_b_q       <= same ? b_up : up_q[a_qp];
    wait_b_q     <= same ? b_wait : wait_q[a_qp];
    now_b_q      <= same ? b_now : now_q[a_qp];
    conn_up_b_q  <= conn_up_q;
    conn_psn_b_q <= conn_psn_q;
    if (ev_q != EvNone) mem[qp_q] <= word;
  end

  // --- stage B ---
  logic [23:0] expected, msn, seen, n_expected, n_msn, n_seen;
  logic        gap, n_gap, gap_now;
  logic [1:0]  pend, n_pend;
  logic [15:0] count, stamp, n_count, n_stamp, age;
  logic        is_send, ready, short_send, in_order, refused, repeated, beyond, accepted, anew;
  logic [23:0] psn_ahead;

  assign {expected, msn, seen, gap, pend, count, stamp} = word_q;
  assign word       = {n_expected, n_msn, n_seen, n_gap, n_pend, n_count, n_stamp};
  assign psn_ahead  = psn - expected;
  assign anew       = (seen - psn) < 24'h80_0000;  // not above the last one seen
  assign gap_now    = gap && !anew;
  assign is_send    = ev_q == EvPacket && !qp[7] && up_b_q &&
                      (opcode == OpSendOnly || (is_write && qp[6]));
  // Too short for a message header: taken and acknowledged like any packet, but nobody sees it.
  assign short_send = bytes < 13'(tally_pkg::MsgHeaderBytes) && !is_write;
  assign ready      = ready_i[{qp[6], qp[5:4]}] || short_send;
  assign in_order   = is_send && psn_ahead == '0;
  assign accepted   = in_order && ready;
  assign refused    = in_order && !ready;
  assign repeated   = is_send && psn_ahead[23];
  assign beyond     = is_send && !psn_ahead[23] && psn_ahead != '0;
  assign age        = cycle_q - stamp;

  always_comb begin : p_next
    n_expected = expected;
    n_msn      = msn;
    n_seen     = seen;
    n_gap      = gap;
    n_pend     = pend;
    n_count    = count;
    n_stamp    = stamp;
    b_up       = up_b_q;
    b_wait     = wait_b_q;
    b_now      = now_b_q;
    if (is_send) begin
      n_seen = psn;
      n_gap  = gap_now;
    end
    if (accepted) begin
      n_expected = expected + 24'd1;
      n_msn      = msn + 24'd1;
      n_gap      = 1'b0;
      n_pend     = PendAck;
      n_count    = count == '1 ? count : count + 16'd1;
      b_wait     = 1'b1;
      if (!wait_b_q) n_stamp = cycle_q;
      if (ackreq || n_count >= ack_policy_i[15:0]) b_now = 1'b1;
    end
    if (refused) begin
      n_pend = PendRnr;
      n_gap  = 1'b1;
      b_now  = 1'b1;
    end
    if (repeated) b_now = 1'b1;
    if (beyond) begin
      n_gap = 1'b1;
      if (!gap_now && pend != PendRnr) begin
        n_pend = PendNak;
        b_now  = 1'b1;
      end
    end
    if (ev_q == EvScan && wait_b_q && age >= ack_policy_i[31:16]) b_now = 1'b1;
    if (ev_q == EvEmit && now_b_q) begin
      n_pend  = PendAck;
      n_count = '0;
      b_wait  = 1'b0;
      b_now   = 1'b0;
    end
    if (ev_q == EvConn) begin
      n_expected = conn_psn_b_q;
      n_msn      = '0;
      n_seen     = conn_psn_b_q - 24'd1;
      n_gap      = 1'b0;
      n_pend     = PendAck;
      n_count    = '0;
      b_up       = conn_up_b_q;
      b_wait     = 1'b0;
      b_now      = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_flags
    if (!rst_ni) begin
      up_q        <= '0;
      wait_q      <= '0;
      now_q       <= '0;
      req_valid_q <= 1'b0;
    end else begin
      if (ev_q != EvNone) begin
        up_q[qp_q]   <= b_up;
        wait_q[qp_q] <= b_wait;
        now_q[qp_q]  <= b_now;
      end
      if (ev_q == EvEmit && now_b_q) req_valid_q <= 1'b1;
      else if (req_ready_i) req_valid_q <= 1'b0;
    end
  end

  // ACK: the last one taken; NAK and RNR: the one wanted.
  logic [7:0]  out_syndrome;
  logic [23:0] out_psn;
  assign out_syndrome = pend == PendNak ? 8'h60 : pend == PendRnr ? {3'b001, rnr_code_i} : 8'h1F;
  assign out_psn      = pend == PendAck ? expected - 24'd1 : expected;

  always_ff @(posedge clk_i) begin : p_req
    if (ev_q == EvEmit && now_b_q) begin
      req_q <= {13'd0, 32'd0, 32'd0, 64'd0, msn, out_syndrome, out_psn, 1'b0, 1'b0, qp_q, OpAck};
    end
  end

  assign req_valid_o = req_valid_q;
  assign req_info_o  = req_q;
  assign ack_sent_o  = ev_q == EvEmit && now_b_q && pend == PendAck;
  assign nak_sent_o  = ev_q == EvEmit && now_b_q && pend == PendNak;
  assign rnr_sent_o  = ev_q == EvEmit && now_b_q && pend == PendRnr;
  assign duplicate_o = repeated;

  // --- where the packet goes ---
  logic good_ack;
  assign good_ack = ev_q == EvPacket && opcode == OpAck && !qp[7];

  always_comb begin : p_to
    to = ToDrop;
    if (accepted && !short_send) to = ToMessage;
    if (qp[7:6] == 2'd2 && opcode == OpReadRequest) to = ToRequest;
    if (qp[7:6] == 2'd2 && opcode >= OpReadFirst && opcode <= OpAck) to = ToResponse;
  end

  assign dropped_o = ev_q == EvPacket && to == ToDrop && !good_ack &&
                     (!is_send || (accepted && short_send));

  always_comb begin : p_accept
    accept_o = '0;
    accept_o[qp[5:4]] = accepted && !short_send;
  end

  assign ack_valid_o    = good_ack;
  assign ack_qp_o       = qp;
  assign ack_psn_o      = psn;
  assign ack_syndrome_o = syndrome;

  always_ff @(posedge clk_i) begin : p_rx
    if (!rst_ni) begin
      rx_q <= RxIdle;
    end else begin
      unique case (rx_q)
        RxIdle:   if (pkt_valid_i) rx_q <= RxDecide;
        RxDecide: begin
          rx_q <= beats == 7'd0 ? RxIdle : beat_take && last ? RxRest : RxBeats;
          if (to == ToRequest || to == ToResponse) rx_q <= RxOffer;
        end
        RxOffer:  if (to_q == ToRequest ? rreq_ready_i : rresp_ready_i)
                    rx_q <= left_q == 7'd0 ? RxIdle : RxBeats;
        RxBeats:  if (beat_take && last) rx_q <= RxIdle;
        default:  rx_q <= RxIdle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin : p_rx_fields
    if (take) info_q <= pkt_info_i;
    if (rx_q == RxDecide) to_q <= to;
    if (rx_q == RxDecide || beat_take) left_q <= left - 7'(beat_take);
    header_q <= header && !beat_take;
  end

  // --- header of an RDMA WRITE's message, from its RETH ---
  tally_pkg::msg_header_t head;
  always_comb begin : p_header
    head             = '0;
    head.magic       = tally_pkg::DeviceId;
    head.version     = 8'd1;
    head.ptype       = tally_pkg::PacketTypeColl;
    head.src_rank    = 16'(qp[3:0]);
    head.dst_rank    = 16'(ep_rank_i[qp[5:4]*4 +: 4]);
    head.payload_len = 16'(bytes);
    {head.count, head.signature, head.seq} = info_q[136:73];
    head.offset      = 32'(info_q[168:155]);
    head.flags[tally_pkg::WireFlagLastBit] = info_q[154];
    head.redop       = 8'(info_q[153:150]);
    head.dtype       = 8'(info_q[149:145]);
    head.context_id  = 16'(info_q[144:139]);
    head.lane        = 8'(info_q[138:137]);
  end

  // Beats of messages, and of what is discarded, do not wait for the decision to be stored.
  assign way       = rx_q == RxDecide ? to : to_q;
  assign moves     = rx_q == RxBeats || (rx_q == RxDecide && beats != 7'd0);
  assign header    = is_write && way == ToMessage && (rx_q == RxDecide || header_q);
  assign beat_take = header ? rx_ready_i : beat_valid_i && beat_ready_o;

  always_comb begin : p_beat_ready
    beat_ready_o = 1'b0;
    if (moves && !header) begin
      unique case (way)
        ToMessage:  beat_ready_o = rx_ready_i;
        ToDrop:     beat_ready_o = 1'b1;
        ToResponse: beat_ready_o = rx_q == RxBeats && rbeat_ready_i;
        default:    beat_ready_o = rx_q == RxBeats;
      endcase
    end
  end

  assign rx_valid_o    = moves && way == ToMessage && (beat_valid_i || header);
  assign rx_data_o     = header ? head : beat_data_i;
  assign rx_last_o     = last;
  assign rx_ep_o       = qp[5:4];
  assign rx_qp_o       = qp;
  assign rx_bytes_o    = is_write ? bytes + 13'(tally_pkg::MsgHeaderBytes) : bytes;
  assign rreq_valid_o  = rx_q == RxOffer && to_q == ToRequest;
  assign rreq_info_o   = info_q;
  assign rresp_valid_o = rx_q == RxOffer && to_q == ToResponse;
  assign rresp_info_o  = info_q;
  assign rbeat_valid_o = rx_q == RxBeats && to_q == ToResponse && beat_valid_i;
  assign rbeat_data_o  = beat_data_i;
  assign idle_o        = rx_q == RxIdle && !pkt_valid_i && ev_q == EvNone && !conn_q &&
                         wait_q == '0 && now_q == '0 &&
                         !req_valid_q;

  `TALLY_ASSERT_STABLE(RxStable_A, rx_valid_o, rx_ready_i, {rx_data_o, rx_last_o, rx_qp_o})
  `TALLY_ASSERT_STABLE(ReqStable_A, req_valid_o, req_ready_i, req_info_o)
  `TALLY_ASSERT_STABLE(RreqStable_A, rreq_valid_o, rreq_ready_i, rreq_info_o)
  `TALLY_ASSERT_STABLE(RrespStable_A, rresp_valid_o, rresp_ready_i, rresp_info_o)
  `TALLY_ASSERT_STABLE(RbeatStable_A, rbeat_valid_o, rbeat_ready_i, rbeat_data_o)
  `TALLY_ASSERT(BeatsLeft_A, rx_q == RxBeats |-> left_q != 7'd0)
  `TALLY_ASSERT(DecideNow_A, rx_q == RxDecide |-> ev_q == EvPacket)
endmodule

`default_nettype wire

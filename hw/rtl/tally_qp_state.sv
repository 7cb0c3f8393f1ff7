// SPDX-License-Identifier: BSD-3-Clause
// State of the sending queue pairs: sequence numbers, queue ends, retries and timers of kinds Msg
// and Coll.
//
// All changes go through one two-stage pipeline: stage A chooses an event and reads the queue
// pair's word, stage B computes the new word and writes it. An event is one atomic step; one a
// cycle, back to back on one queue pair as well.
// Priority: acknowledgement (always taken), connect, retired, sent, enqueued, retire pick, send
// pick, timer scan.
//
// Sequence numbers of a queue pair, in this order: una (oldest packet in the buffer) <= ackd (first
// not acknowledged) and una <= snd (next to send) <= end (next to be enqueued); max is the first
// never sent. Packets from una to ackd are retired, those of a queue pair that is not connected or
// has failed are flushed. Going back means snd = una, which waits (rewind) until the packets
// acknowledged are retired, because only the oldest packet's record is known without a walk.
//
// Latency: 2 cycles an event, 2 more until active_o and work_o follow. A timer is seen late by up
// to 128 cycles and one for each cycle in which other events took the pipeline. Storage: 128 words
// (distributed RAM). Source: docs/wire.md; RNR times: InfiniBand specification vol. 1, table 45.
// Limitations: the first 128 cycles after reset clear the words (ready_o low).
`default_nettype none
`include "tally_assert.svh"

module tally_qp_state #(
  parameter int unsigned Packets = tally_pkg::TxPackets,
  parameter int unsigned RnrTick = 10 * tally_pkg::ClockMhz,  // cycles of 10 us
  localparam int unsigned PktBits = $clog2(Packets),
  localparam int unsigned Qps = tally_pkg::QpContexts / 2,
  localparam int unsigned QpBits = $clog2(Qps)
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,
  output      logic               ready_o,

  input  wire logic [31:0]        retry_timer_i,
  input  wire logic [15:0]        retry_limits_i,

  // Connect or disconnect (pulse; not in two cycles in succession).
  input  wire logic               conn_valid_i,
  input  wire logic               conn_up_i,
  input  wire logic [QpBits-1:0]  conn_qp_i,
  input  wire logic [23:0]        conn_psn_i,

  // Acknowledgement received (pulse).
  input  wire logic               ack_valid_i,
  input  wire logic [QpBits-1:0]  ack_qp_i,
  input  wire logic [23:0]        ack_psn_i,
  input  wire logic [7:0]         ack_syndrome_i,

  // A packet is in the buffer, or on its way into it. The link to it from the one before is written
  // through link_*. With enq_go_i it may be sent at once: if nothing of its queue pair is to be
  // sent before, enq_sent_o tells in the cycle after the handshake that it counts as sent, with its
  // number; else it waits for a pick.
  input  wire logic               enq_valid_i,
  output      logic               enq_ready_o,
  input  wire logic [QpBits-1:0]  enq_qp_i,
  input  wire logic [PktBits-1:0] enq_pkt_i,
  input  wire logic               enq_go_i,
  output      logic               enq_sent_o,
  output      logic [23:0]        enq_psn_o,
  output      logic               enq_ackreq_o,
  output      logic               link_valid_o,
  output      logic [PktBits-1:0] link_pkt_o,
  output      logic [PktBits-1:0] link_next_o,

  // Next packet to send: the answer comes in the cycle after the handshake.
  output      logic [Qps-1:0]     active_o,
  input  wire logic               pick_valid_i,
  output      logic               pick_ready_o,
  input  wire logic [QpBits-1:0]  pick_qp_i,
  output      logic               pick_ok_o,
  output      logic [PktBits-1:0] pick_pkt_o,
  output      logic [23:0]        pick_psn_o,
  output      logic               pick_ackreq_o,
  output      logic               pick_again_o,
  // It is on its way; sent_next_i is the packet linked behind it, if one is.
  input  wire logic               sent_valid_i,
  output      logic               sent_ready_o,
  input  wire logic [QpBits-1:0]  sent_qp_i,
  input  wire logic [23:0]        sent_psn_i,
  input  wire logic [PktBits-1:0] sent_next_i,

  // Next packet to retire, same timing.
  output      logic [Qps-1:0]     work_o,
  input  wire logic               rpick_valid_i,
  output      logic               rpick_ready_o,
  input  wire logic [QpBits-1:0]  rpick_qp_i,
  output      logic               rpick_ok_o,     // rpick_pkt_o is acknowledged, or flushed
  // the failure of the queue pair is still to be reported
  output      logic               rpick_error_o,
  output      logic               rpick_flush_o,
  output      logic [7:0]         rpick_status_o,
  output      logic [PktBits-1:0] rpick_pkt_o,
  // Retired (or, with retd_error_i, reported).
  input  wire logic               retd_valid_i,
  output      logic               retd_ready_o,
  input  wire logic [QpBits-1:0]  retd_qp_i,
  input  wire logic               retd_error_i,
  input  wire logic [PktBits-1:0] retd_next_i,

  output      logic               timeout_o,
  output      logic               nak_received_o,
  output      logic               rnr_received_o,
  output      logic               qp_error_o,
  output      logic               idle_o
);
  localparam int unsigned Diff = PktBits + 1;  // distance of two numbers of one queue
  localparam int unsigned WordBits = 7 + 5*24 + 3*PktBits + 2*8 + 2*32;

  typedef enum logic [3:0] {
    EvNone, EvAck, EvConn, EvRetd, EvSent, EvEnq, EvRpick, EvPick, EvScan
  } event_e;

  // Cycles of an RNR timer code: 10 us times these.
  function automatic logic [15:0] rnr_units(input logic [4:0] code);
    unique case (code)
      5'd0: rnr_units = 16'd65535;
      5'd1: rnr_units = 16'd1;
      5'd2: rnr_units = 16'd2;
      5'd3: rnr_units = 16'd3;
      5'd4: rnr_units = 16'd4;
      5'd5: rnr_units = 16'd6;
      5'd6: rnr_units = 16'd8;
      5'd7: rnr_units = 16'd12;
      5'd8: rnr_units = 16'd16;
      5'd9: rnr_units = 16'd24;
      5'd10: rnr_units = 16'd32;
      5'd11: rnr_units = 16'd48;
      5'd12: rnr_units = 16'd64;
      5'd13: rnr_units = 16'd96;
      5'd14: rnr_units = 16'd128;
      5'd15: rnr_units = 16'd192;
      5'd16: rnr_units = 16'd256;
      5'd17: rnr_units = 16'd384;
      5'd18: rnr_units = 16'd512;
      5'd19: rnr_units = 16'd768;
      5'd20: rnr_units = 16'd1024;
      5'd21: rnr_units = 16'd1536;
      5'd22: rnr_units = 16'd2048;
      5'd23: rnr_units = 16'd3072;
      5'd24: rnr_units = 16'd4096;
      5'd25: rnr_units = 16'd6144;
      5'd26: rnr_units = 16'd8192;
      5'd27: rnr_units = 16'd12288;
      5'd28: rnr_units = 16'd16384;
      5'd29: rnr_units = 16'd24576;
      5'd30: rnr_units = 16'd32768;
      default: rnr_units = 16'd49152;
    endcase
  endfunction

  logic [WordBits-1:0] mem [Qps];

  // --- inputs held until stage A takes them ---
  logic              ack_q, conn_q, conn_up_q;
  logic [QpBits-1:0] ack_qp_q, conn_qp_q;
  logic [23:0]       ack_psn_q, conn_psn_q;
  logic [6:0]        ack_syndrome_q;
  logic [31:0]       ack_rnr_q;

  // A connect that waits until the queue pair is flushed; the latest one counts.
  logic [Qps-1:0]    wait_q;
  logic [24:0]       wait_mem [Qps];

  logic              wait_set, wait_clear;

  logic              init_q;
  logic [QpBits-1:0] scan_q;
  logic [31:0]       now_q;

  // --- stage A ---
  event_e              a_event;
  logic [QpBits-1:0]   a_qp;
  logic [WordBits-1:0] a_word;
  logic                run;

  assign ready_o = !init_q;
  assign run     = !init_q;

  // What stage B works on.
  event_e              ev_q;
  logic [QpBits-1:0]   qp_q;
  logic [WordBits-1:0] word_q, word;
  logic [23:0]         psn_q;
  logic [PktBits-1:0]  pkt_q;
  logic [6:0]          syndrome_q;
  logic [31:0]         rnr_q;
  logic                flag_q;    // conn: up; retired: error reported; enqueued: may be sent
  logic                wait_b_q;  // a connect waits for this queue pair
  logic [24:0]         wait_word_q;

  assign retd_ready_o  = run && !ack_q && !conn_q;
  assign sent_ready_o  = retd_ready_o && !retd_valid_i;
  assign enq_ready_o   = sent_ready_o && !sent_valid_i;
  assign rpick_ready_o = enq_ready_o && !enq_valid_i;
  assign pick_ready_o  = rpick_ready_o && !rpick_valid_i;

  always_comb begin : p_choose
    a_event = EvNone;
    a_qp    = scan_q;
    if (run) begin
      if (ack_q) begin
        a_event = EvAck;
        a_qp    = ack_qp_q;
      end else if (conn_q) begin
        a_event = EvConn;
        a_qp    = conn_qp_q;
      end else if (retd_valid_i) begin
        a_event = EvRetd;
        a_qp    = retd_qp_i;
      end else if (sent_valid_i) begin
        a_event = EvSent;
        a_qp    = sent_qp_i;
      end else if (enq_valid_i) begin
        a_event = EvEnq;
        a_qp    = enq_qp_i;
      end else if (rpick_valid_i) begin
        a_event = EvRpick;
        a_qp    = rpick_qp_i;
      end else if (pick_valid_i) begin
        a_event = EvPick;
        a_qp    = pick_qp_i;
      end else begin
        a_event = EvScan;
      end
    end
  end

  assign a_word = (ev_q != EvNone && qp_q == a_qp) ? word : mem[a_qp];

  always_ff @(posedge clk_i) begin : p_inputs
    if (!rst_ni) begin
      ack_q  <= 1'b0;
      conn_q <= 1'b0;
      init_q <= 1'b1;
      scan_q <= '0;
      now_q  <= '0;
      ev_q   <= EvNone;
    end else begin
      now_q <= now_q + 32'd1;
      ack_q <= ack_valid_i && !ack_syndrome_i[7];  // bit 7 is reserved
      if (conn_valid_i) conn_q <= 1'b1;
      else if (a_event == EvConn) conn_q <= 1'b0;
      if (init_q || a_event == EvScan) scan_q <= scan_q + 1'b1;
      if (scan_q == '1) init_q <= 1'b0;
      ev_q <= a_event;
    end
  end

  always_ff @(posedge clk_i) begin : p_fields
    ack_qp_q       <= ack_qp_i;
    ack_psn_q      <= ack_psn_i;
    ack_syndrome_q <= ack_syndrome_i[6:0];
    ack_rnr_q      <= 32'(rnr_units(ack_syndrome_i[4:0])) * RnrTick;
    if (conn_valid_i) begin
      conn_up_q  <= conn_up_i;
      conn_qp_q  <= conn_qp_i;
      conn_psn_q <= conn_psn_i;
    end
    qp_q        <= a_qp;
    word_q      <= a_word;
    syndrome_q  <= ack_syndrome_q;
    rnr_q       <= ack_rnr_q;
    flag_q      <= a_event == EvConn ? conn_up_q : a_event == EvEnq ? enq_go_i : retd_error_i;
    psn_q       <= a_event == EvAck ? ack_psn_q : a_event == EvConn ? conn_psn_q : sent_psn_i;
    pkt_q       <= a_event == EvRetd ? retd_next_i : a_event == EvSent ? sent_next_i : enq_pkt_i;
    wait_b_q    <= (wait_q[a_qp] && !(wait_clear && qp_q == a_qp)) || (wait_set && qp_q == a_qp);
    wait_word_q <= wait_mem[a_qp];
    if (wait_set) wait_mem[qp_q] <= {flag_q, psn_q};
  end

  // --- stage B: old word, with a rewind that has become possible done first ---
  logic               up, failed, rnr_fail, error, rnr_wait, armed, rewind_old;
  logic [23:0]        una, ackd, snd_old, max, last;
  logic [PktBits-1:0] oldest, next_old, newest;
  logic [7:0]         tries, rnr_tries;
  logic [31:0]        deadline, period;
  logic               rewind, rewind_now;
  logic [23:0]        snd;
  logic [PktBits-1:0] next;

  assign {up, failed, rnr_fail, error, rnr_wait, armed, rewind_old, una, ackd, snd_old, max, last,
          oldest, next_old, newest,
          tries, rnr_tries, deadline, period} = word_q;
  assign rewind_now = rewind_old && una == ackd;
  assign rewind     = rewind_old && !rewind_now;
  assign snd        = rewind_now ? una : snd_old;
  assign next       = rewind_now ? oldest : next_old;

  logic               empty, expired, in_window, behind, may_send, can_send, send_now;
  // where snd stands; compared before the rewind is known
  logic               at_una, at_psn, at_max, at_last;
  logic [23:0]        ack_ahead, ack_span;

  assign empty     = una == last;
  assign ack_ahead = psn_q - ackd;
  assign ack_span  = max - ackd;
  assign in_window = ack_ahead < ack_span;
  assign expired   = armed && (now_q - deadline) < 32'h8000_0000;
  assign at_una    = rewind_now || snd_old == una;
  assign at_psn    = rewind_now ? una == psn_q : snd_old == psn_q;
  assign at_max    = rewind_now ? una == max : snd_old == max;
  assign at_last   = rewind_now ? una == last : snd_old == last;
  assign behind    = !rewind_now && Diff'(ackd - una) > Diff'(snd_old - una);
  assign may_send  = up && !failed && !rewind && !rnr_wait && !behind;
  assign can_send  = may_send && !at_last;
  assign send_now  = ev_q == EvEnq && flag_q && may_send && at_last;

  // --- stage B: new word ---
  logic               n_up, n_failed, n_rnr_fail, n_error, n_rnr_wait, n_armed, n_rewind;
  logic [23:0]        n_una, n_ackd, n_snd, n_max, n_last;
  logic [PktBits-1:0] n_oldest, n_next, n_newest;
  logic [7:0]         n_tries, n_rnr_tries;
  logic [31:0]        n_deadline, n_period;
  logic               apply, apply_up, give_up, progress;
  logic [23:0]        apply_psn;

  assign apply_up  = ev_q == EvConn ? flag_q : wait_word_q[24];
  assign apply_psn = ev_q == EvConn ? psn_q : wait_word_q[23:0];

  always_comb begin : p_next
    n_up        = up;
    n_failed    = failed;
    n_rnr_fail  = rnr_fail;
    n_error     = error;
    n_rnr_wait  = rnr_wait;
    n_armed     = armed;
    n_rewind    = rewind;
    n_una       = una;
    n_ackd      = ackd;
    n_snd       = snd;
    n_max       = max;
    n_last      = last;
    n_oldest    = oldest;
    n_next      = next;
    n_newest    = newest;
    n_tries     = tries;
    n_rnr_tries = rnr_tries;
    n_deadline  = deadline;
    n_period    = period;
    wait_set       = 1'b0;
    wait_clear     = 1'b0;
    apply          = 1'b0;
    give_up        = 1'b0;
    progress       = 1'b0;
    link_valid_o   = 1'b0;
    timeout_o      = 1'b0;
    nak_received_o = 1'b0;
    rnr_received_o = 1'b0;
    unique case (ev_q)
      EvAck: if (up && !failed && in_window) begin
        progress = syndrome_q[6:5] == 2'b00 || ack_ahead != '0;
        if (progress && syndrome_q[6:5] != 2'b10) begin
          n_ackd      = syndrome_q[6:5] == 2'b00 ? psn_q + 24'd1 : psn_q;
          n_tries     = '0;
          n_rnr_tries = '0;
          n_rnr_wait  = 1'b0;
          n_period    = retry_timer_i;
          n_deadline  = now_q + retry_timer_i;
          n_armed     = syndrome_q[6:5] != 2'b00 || psn_q + 24'd1 != max;
        end
        unique case (syndrome_q[6:5])
          2'b01: if (!rnr_wait || progress) begin
            // The same refusal again while we wait (a copy made by the network) is no further try.
            rnr_received_o = 1'b1;
            n_rewind       = 1'b1;
            n_rnr_wait     = 1'b1;
            n_armed        = 1'b1;
            n_deadline     = now_q + rnr_q;
            n_rnr_tries    = n_rnr_tries == '1 ? n_rnr_tries : n_rnr_tries + 8'd1;
            if (retry_limits_i[15:8] != 8'd7 &&
                (progress ? retry_limits_i[15:8] == 8'd0 : rnr_tries >= retry_limits_i[15:8])) begin
              give_up    = 1'b1;
              n_rnr_fail = 1'b1;
            end
          end
          2'b11: begin
            nak_received_o = 1'b1;
            n_rewind       = 1'b1;
            if (syndrome_q[4:0] != 5'd0) begin
              give_up    = 1'b1;
              n_rnr_fail = 1'b0;
            end
          end
          default: ;
        endcase
      end
      EvConn: begin
        apply      = empty && !error;
        wait_clear = apply;
        wait_set   = !apply;
        if (!apply) n_failed = 1'b1;
      end
      EvRetd: if (flag_q) begin
        n_error = 1'b0;
      end else begin
        // What stood at the packet moves on with it.
        if (ackd == una) n_ackd = una + 24'd1;
        if (max == una) n_max = una + 24'd1;
        if (at_una) begin
          n_snd  = una + 24'd1;
          n_next = pkt_q;
        end
        n_una    = una + 24'd1;
        n_oldest = pkt_q;
      end
      EvSent: if (up && !failed && at_psn && !at_last) begin
        // Otherwise a rewind came in between: it is sent again.
        n_snd  = psn_q + 24'd1;
        n_next = pkt_q;
        if (at_max) n_max = psn_q + 24'd1;
        if (!armed) begin
          n_armed    = 1'b1;
          n_deadline = now_q + period;
        end
      end
      EvEnq: begin
        if (empty) n_oldest = pkt_q;
        else link_valid_o = 1'b1;
        if (at_last) n_next = pkt_q;
        n_newest = pkt_q;
        n_last   = last + 24'd1;
        if (send_now) begin
          // Never sent before: max was at the end as well.
          n_snd = last + 24'd1;
          n_max = last + 24'd1;
          if (!armed) begin
            n_armed    = 1'b1;
            n_deadline = now_q + period;
          end
        end
      end
      EvScan: begin
        if (wait_b_q) begin
          apply      = empty && !error;
          wait_clear = apply;
        end else if (expired && rnr_wait) begin
          n_rnr_wait = 1'b0;
          n_armed    = 1'b0;
        end else if (expired) begin
          timeout_o = 1'b1;
          if (tries >= retry_limits_i[7:0]) begin
            give_up    = 1'b1;
            n_rnr_fail = 1'b0;
          end else begin
            n_tries    = tries + 8'd1;
            n_period   = period[30] ? period : {period[30:0], 1'b0};
            n_deadline = now_q + n_period;
            n_rewind   = 1'b1;
          end
        end
      end
      default: ;
    endcase
    if (give_up) begin
      n_failed   = 1'b1;
      n_error    = 1'b1;
      n_armed    = 1'b0;
      n_rnr_wait = 1'b0;
      n_rewind   = 1'b0;
    end
    if (wait_set) begin
      n_armed    = 1'b0;
      n_rnr_wait = 1'b0;
      n_rewind   = 1'b0;
    end
    if (apply) begin
      n_up        = apply_up;
      n_failed    = 1'b0;
      n_rnr_fail  = 1'b0;
      n_rnr_wait  = 1'b0;
      n_armed     = 1'b0;
      n_rewind    = 1'b0;
      n_una       = apply_psn;
      n_ackd      = apply_psn;
      n_snd       = apply_psn;
      n_max       = apply_psn;
      n_last      = apply_psn;
      n_tries     = '0;
      n_rnr_tries = '0;
      n_period    = retry_timer_i;
    end
  end

  assign word = {n_up, n_failed, n_rnr_fail, n_error, n_rnr_wait, n_armed, n_rewind, n_una, n_ackd,
                n_snd, n_max, n_last,
                 n_oldest, n_next, n_newest, n_tries, n_rnr_tries, n_deadline, n_period};

  logic                write;
  logic [QpBits-1:0]   write_qp;
  logic [WordBits-1:0] write_word;
  assign write      = init_q || ev_q != EvNone;
  assign write_qp   = init_q ? scan_q : qp_q;
  assign write_word = init_q ? '0 : word;

  always_ff @(posedge clk_i) begin : p_word
    if (write) mem[write_qp] <= write_word;
  end

  // --- stage C: who has something to do ---
  logic               c_valid_q;
  logic [QpBits-1:0]  c_qp_q;
  logic               c_up_q, c_failed_q, c_error_q, c_rnr_wait_q, c_rewind_q;
  logic [23:0]        c_una_q, c_ackd_q, c_snd_q, c_last_q;
  logic               c_active, c_work;
  logic [Qps-1:0]     active_q, work_q;

  assign c_active = c_up_q && !c_failed_q && !c_rnr_wait_q &&
                    (c_rewind_q ? c_una_q == c_ackd_q && c_una_q != c_last_q
                                : c_snd_q != c_last_q &&
                                  Diff'(c_ackd_q - c_una_q) <= Diff'(c_snd_q - c_una_q));
  assign c_work   = c_error_q || c_una_q != c_ackd_q ||
                    ((c_failed_q || !c_up_q) && c_una_q != c_last_q);

  always_ff @(posedge clk_i) begin : p_flags
    if (!rst_ni) begin
      c_valid_q <= 1'b0;
      active_q  <= '0;
      work_q    <= '0;
      wait_q    <= '0;
    end else begin
      c_valid_q <= ev_q != EvNone;
      if (c_valid_q) begin
        active_q[c_qp_q] <= c_active;
        work_q[c_qp_q]   <= c_work;
      end
      if (wait_set) wait_q[qp_q] <= 1'b1;
      else if (wait_clear) wait_q[qp_q] <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_c
    c_qp_q       <= qp_q;
    c_up_q       <= n_up;
    c_failed_q   <= n_failed;
    c_error_q    <= n_error;
    c_rnr_wait_q <= n_rnr_wait;
    c_rewind_q   <= n_rewind;
    c_una_q      <= n_una;
    c_ackd_q     <= n_ackd;
    c_snd_q      <= n_snd;
    c_last_q     <= n_last;
  end

  assign active_o = active_q;
  assign work_o   = work_q;

  assign link_pkt_o  = newest;
  assign link_next_o = pkt_q;

  // One packet of kind Msg in four asks, and one in sixteen of kind Coll, whose window is greater.
  function automatic logic asks(input logic [3:0] psn, input logic coll);
    asks = psn[1:0] == 2'd3 && (psn[3:2] == 2'd3 || !coll);
  endfunction

  assign pick_ok_o     = ev_q == EvPick && can_send;
  assign pick_pkt_o    = next;
  assign pick_psn_o    = snd;
  // Nobody waits for the acknowledgement of a new packet of kind Coll.
  assign pick_ackreq_o = asks(snd[3:0], qp_q[QpBits-1]) ||
                         (Diff'(last - snd) == Diff'(1) && (!qp_q[QpBits-1] || !at_max));
  assign pick_again_o  = !at_max;
  assign enq_sent_o    = send_now;
  assign enq_psn_o     = last;
  assign enq_ackreq_o  = asks(last[3:0], qp_q[QpBits-1]);

  assign rpick_error_o  = ev_q == EvRpick && error;
  assign rpick_ok_o     = ev_q == EvRpick && !error && (una != ackd || ((failed || !up) && !empty));
  assign rpick_flush_o  = una == ackd;
  assign rpick_status_o = rnr_fail ? tally_pkg::StatusRnrExceeded : tally_pkg::StatusRetryExceeded;
  assign rpick_pkt_o    = oldest;
  assign qp_error_o     = give_up;
  // Nothing to send, retire or report, also not in the stages that the flags do not show yet.
  assign idle_o         = !init_q && !ack_q && !conn_q && work_q == '0 && wait_q == '0 &&
                          active_q == '0 &&
                          (ev_q == EvNone || ev_q == EvScan) &&
                          !(c_valid_q && (c_active || c_work));

  `TALLY_ASSERT(Order_A, ev_q != EvNone |-> Diff'(n_snd - n_una) <= Diff'(n_last - n_una))
  `TALLY_ASSERT(Window_A, ev_q != EvNone |-> (n_ackd - n_una) <= (n_last - n_una))
  `TALLY_ASSERT(Length_A, ev_q != EvNone |-> (n_last - n_una) <= 24'(Packets))
  `TALLY_ASSERT(SendNew_A, send_now |-> at_max)
  `TALLY_ASSERT(RetireSome_A, (ev_q == EvRetd && !flag_q) |-> !empty)
  `TALLY_ASSERT(ConnRate_A, !(conn_valid_i && conn_q && a_event != EvConn))
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// READ requester: turns the jobs of tally_rndv into RDMA READ requests (docs/wire.md, "READ:
// requester").
//
// A job is cut in segments of Segment bytes, each a request; at most ReadsPerQp requests are under
// way on a queue pair {endpoint, peer}. Jobs take turns; one whose queue pair is full waits and
// holds up no other. Responses are taken in PSN order: after a gap, a NAK sequence error or a
// timeout the rest of the oldest request and all after it are asked for again. The timer doubles
// with each try and starts anew with each packet taken. A queue pair that gives up, is disconnected
// or connected anew ends its jobs with RetryExceeded; so do later jobs until it is connected.
// Ordering: data and end of a job in order; its data may come from up to ReadsPerQp requests in
// turn.
// Latency: job to request 6 cycles; response to data port 6 cycles. Throughput: a packet each 6
// cycles, one beat a cycle.
// Storage: 64 * 153 bits of queue pairs, 256 * 182 bits of requests; jobs: tally_read_jobs.
// Ready path: beat_ready_i to rbeat_ready_o (tally_read_data).
// Limitations: a packet that does not have the length that its PSN asks for is discarded.
// Source: InfiniBand Architecture Specification vol. 1, 9.7.5.2 and 9.7.6 (requester, READ retry).
`default_nettype none
`include "tally_assert.svh"

module tally_read_req #(
  parameter int unsigned Segment = tally_pkg::ReadSegment,
  localparam int unsigned InfoW = 214,
  localparam int unsigned JobW  = $clog2(tally_pkg::RendezvousJobs)
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  input  wire logic [12:0]      pmtu_i,
  input  wire logic [31:0]      retry_timer_i,
  input  wire logic [15:0]      retry_limits_i,
  input  wire logic [31:0]      cycle_i,

  // a queue pair is connected or disconnected (pulse)
  input  wire logic             conn_valid_i,
  input  wire logic             conn_up_i,
  input  wire logic [7:0]       conn_qp_i,
  input  wire logic [23:0]      conn_tx_psn_i,

  // jobs, data and ends: tally_rndv
  input  wire logic             job_valid_i,
  output      logic             job_ready_o,
  input  wire logic [JobW-1:0]  job_id_i,
  input  wire logic [7:0]       job_qp_i,
  input  wire logic [63:0]      job_addr_i,
  input  wire logic [31:0]      job_key_i,
  input  wire logic [31:0]      job_len_i,
  output      logic             dat_valid_o,
  input  wire logic             dat_ready_i,
  output      logic [JobW-1:0]  dat_job_o,
  output      logic [31:0]      dat_offset_o,
  output      logic [12:0]      dat_bytes_o,
  output      logic             beat_valid_o,
  input  wire logic             beat_ready_i,
  output      logic [511:0]     beat_data_o,
  output      logic             end_valid_o,
  input  wire logic             end_ready_i,
  output      logic [JobW-1:0]  end_job_o,
  output      logic [7:0]       end_status_o,

  // requests to tally_frame_tx: TxInfo
  output      logic             req_valid_o,
  input  wire logic             req_ready_i,
  output      logic [InfoW-1:0] req_info_o,

  // READ responses and acknowledgements from tally_qp_rx: RxInfo, then ceil(bytes / 64) beats
  input  wire logic             rresp_valid_i,
  output      logic             rresp_ready_o,
  input  wire logic [InfoW-1:0] rresp_info_i,
  input  wire logic             rbeat_valid_i,
  output      logic             rbeat_ready_o,
  input  wire logic [511:0]     rbeat_data_i,

  // QpError completions
  output      logic             cpl_valid_o,
  input  wire logic             cpl_ready_i,
  output      logic [255:0]     cpl_data_o,
  output      logic [1:0]       cpl_ep_o,

  output      logic             read_retry_o,
  output      logic             timeout_o,
  output      logic             nak_received_o,
  output      logic             duplicate_o,
  output      logic             qp_error_o,
  output      logic             idle_o
);
  localparam int unsigned Qps   = tally_pkg::NumEndpoints * tally_pkg::MaxRanks;
  localparam int unsigned QpW   = $clog2(Qps);
  localparam int unsigned Reads = tally_pkg::ReadsPerQp;
  localparam int unsigned IdxW  = $clog2(Reads);
  localparam int unsigned CntW  = IdxW + 1;
  localparam int unsigned LenW  = 17;
  localparam int unsigned NumW  = 9;
  // {recovering, tries, interval, last PSN seen, expected PSN, next PSN, head, count, sent}
  localparam int unsigned StW   = 1 + 8 + 32 + 72 + IdxW + 2 * CntW;
  // {first PSN, packets, job, offset in the job, address, key, bytes}
  localparam int unsigned RqW   = 24 + NumW + JobW + 32 + 64 + 32 + LenW;

  if (Reads < 2 || (Reads & (Reads - 1)) != 0) begin : gen_bad_reads
    $error("tally_read_req: ReadsPerQp must be a power of two");
  end
  if (Segment < tally_pkg::Mtu || Segment > 65536 ||
      Segment % tally_pkg::Mtu != 0) begin : gen_bad_segment
    $error("tally_read_req: Segment must be a multiple of Mtu, at most 65536");
  end

  function automatic logic [NumW-1:0] packets(input logic [12:0] pmtu, input logic [LenW-1:0] n);
    logic [LenW:0] up;
    up = (LenW + 1)'(n) + (LenW + 1)'(pmtu) - (LenW + 1)'(1);
    unique case (pmtu)
      13'd256:  packets = NumW'(up >> 8);
      13'd512:  packets = NumW'(up >> 9);
      13'd1024: packets = NumW'(up >> 10);
      13'd2048: packets = NumW'(up >> 11);
      default:  packets = NumW'(up >> 12);
    endcase
  endfunction
  function automatic logic [LenW-1:0] in_bytes(input logic [12:0] pmtu, input logic [NumW-1:0] n);
    unique case (pmtu)
      13'd256:  in_bytes = LenW'(n) << 8;
      13'd512:  in_bytes = LenW'(n) << 9;
      13'd1024: in_bytes = LenW'(n) << 10;
      13'd2048: in_bytes = LenW'(n) << 11;
      default:  in_bytes = LenW'(n) << 12;
    endcase
  endfunction

  typedef enum logic [2:0] { StIdle, StRead, StReq, StCmp, StSize, StExec } state_e;
  typedef enum logic [2:0] { EvConn, EvPacket, EvTimer, EvEnd, EvResend, EvIssue } event_e;
  state_e state_q, state_d;
  event_e event_q, event_d;

  // Connections.
  localparam int unsigned ConnW = 1 + QpW + 24;
  logic             conn_room, conn_valid, is_read, exec_conn;
  logic [ConnW-1:0] conn;
  logic [3:0]       unused_conn_level;
  assign is_read   = {6'd0, conn_qp_i[7:QpW]} == tally_pkg::QpKindRead;
  assign exec_conn = state_q == StExec && event_q == EvConn;

  tally_fifo #(.Width(ConnW), .Depth(8)) u_conn (
    .clk_i, .rst_ni,
    .in_valid_i(conn_valid_i && is_read), .in_ready_o(conn_room),
    .in_data_i({conn_up_i, conn_qp_i[QpW-1:0], conn_tx_psn_i}),
    .out_valid_o(conn_valid), .out_ready_i(exec_conn), .out_data_o(conn),
    .level_o(unused_conn_level)
  );

  // State.
  logic [StW-1:0] st_mem [Qps];
  logic [RqW-1:0] rq_mem [Qps*Reads];
  logic [StW-1:0] st_q, st_d;
  logic [RqW-1:0] rq_q, rq_new;
  logic [31:0]    dl_q;
  logic [Qps-1:0] alive_q, resend_q, error_q;
  logic           alive, armed;
  logic [InfoW-1:0] info_q;
  logic [QpW-1:0]   qp_q, qp_d;
  logic [JobW-1:0]  job_q, job_d;

  // Choices.
  logic            job_go, end_any, issue_any, resend_any, error_any;
  logic [JobW-1:0] end_index, issue_index;
  logic [QpW-1:0]  issue_qp, resend_index, error_index;
  logic            pick_end, pick_issue, pick_resend, pick_packet, pick_timer, error_take;
  tally_turn #(.N(Qps)) u_resend (.clk_i, .rst_ni, .req_i(resend_q), .take_i(pick_resend),
                                  .any_o(resend_any), .index_o(resend_index));
  tally_turn #(.N(Qps)) u_error (.clk_i, .rst_ni, .req_i(error_q), .take_i(error_take),
                                 .any_o(error_any), .index_o(error_index));

  assign job_ready_o = state_q != StExec;
  assign job_go      = job_valid_i && job_ready_o;

  // Timers.
  logic           late, arm_we, arm_d, armed_any, timer_armed, unused_age;
  logic [QpW-1:0] late_qp;
  logic [31:0]    deadline, delay, age;
  tally_read_timer #(.Timers(Qps)) u_timer (
    .clk_i, .rst_ni, .cycle_i, .set_i(arm_we), .arm_i(arm_d), .index_i(qp_q),
    .deadline_i(cycle_i + delay), .armed_o(timer_armed), .deadline_o(deadline),
    .late_valid_o(late), .late_ready_i(pick_timer), .late_index_o(late_qp), .any_o(armed_any)
  );
  assign age        = cycle_i - dl_q;
  assign unused_age = ^age[30:0];

  logic dat_room, move_room, data_idle;
  // Choice of an event: a packet leaves every second turn to the others.
  logic req_valid_q, turn_q, others;
  assign others      = late || (end_any && move_room)
                     || ((resend_any || issue_any) && !req_valid_q);
  assign pick_packet = state_q == StIdle && !conn_valid && rresp_valid_i && dat_room && move_room
                     && !(turn_q && others);
  assign pick_timer  = state_q == StIdle && !conn_valid && !pick_packet && late;
  assign pick_end    = state_q == StIdle && !conn_valid && !pick_packet && !late && end_any
                     && move_room;
  assign pick_resend = state_q == StIdle && !conn_valid && !pick_packet && !late && !pick_end
                     && resend_any && !req_valid_q;
  assign pick_issue  = state_q == StIdle && !conn_valid && !pick_packet && !late && !pick_end
                     && !resend_any && issue_any && !req_valid_q;
  assign rresp_ready_o = pick_packet;

  always_comb begin : p_pick
    state_d = state_q;
    event_d = event_q;
    qp_d    = qp_q;
    job_d   = job_q;
    unique case (state_q)
      StIdle: begin
        state_d = StRead;
        job_d   = pick_end ? end_index : issue_index;
        if (conn_valid) begin
          event_d = EvConn;
          qp_d    = conn[24 +: QpW];
        end else if (pick_packet) begin
          event_d = EvPacket;
          qp_d    = rresp_info_i[8 +: QpW];
        end else if (pick_timer) begin
          event_d = EvTimer;
          qp_d    = late_qp;
        end else if (pick_end) begin
          event_d = EvEnd;
          state_d = StExec;
        end else if (pick_resend) begin
          event_d = EvResend;
          qp_d    = resend_index;
        end else if (pick_issue) begin
          event_d = EvIssue;
          qp_d    = issue_qp;
        end else begin
          state_d = StIdle;
        end
      end
      // An issue has no request to look at.
      StRead:  state_d = event_q == EvIssue ? StCmp : StReq;
      StReq:   state_d = StCmp;
      StCmp:   state_d = StSize;
      StSize:  state_d = StExec;
      default: state_d = StIdle;
    endcase
  end

  // Views.
  logic            s_rec;
  logic [7:0]      s_tries;
  logic [31:0]     s_ival;
  logic [23:0]     s_last, s_exp, s_next, r_first;
  logic [IdxW-1:0] s_head, rq_index;
  logic [CntW-1:0] s_cnt, s_sent;
  logic [NumW-1:0] r_num;
  logic [JobW-1:0] r_job;
  logic [31:0]     r_offset, r_key, j_key, j_left, j_offset;
  logic [63:0]     r_addr, j_addr;
  logic [LenW-1:0] r_len;
  assign {s_rec, s_tries, s_ival, s_last, s_exp, s_next, s_head, s_cnt, s_sent} = st_q;
  assign {r_first, r_num, r_job, r_offset, r_addr, r_key, r_len} = rq_q;
  assign rq_index = event_q == EvResend ? s_head + s_sent[IdxW-1:0] : s_head;

  logic [7:0]  i_opcode, i_syndrome;
  logic [23:0] i_psn;
  logic [12:0] i_bytes;
  logic        unused_info;
  assign i_opcode    = info_q[7:0];
  assign i_psn       = info_q[17 +: 24];
  assign i_syndrome  = info_q[41 +: 8];
  assign i_bytes     = info_q[201 +: 13];
  assign unused_info = ^{info_q[200:49], info_q[16:8]};

  // StCmp: places of PSNs (bit 23 of a difference is its sign), size of a new segment.
  logic [23:0] ahead, done, inside_first, to_next, seen;
  logic        unused_diff;
  assign ahead        = i_psn - s_exp;
  assign done         = s_exp - r_first;
  assign inside_first = i_psn - r_first;
  assign to_next      = i_psn - s_next;
  assign seen         = s_last - i_psn;
  assign unused_diff  = ^{done[23:NumW], to_next[22:0], seen[22:0]};

  logic            equal_q, behind_q, asked_q, again_q, in_head_q, late_now_q;
  logic [NumW-1:0] k_q, num_q;
  logic [LenW-1:0] seg_q, rest_q, skip_q;
  logic            last_q;
  always_ff @(posedge clk_i) begin : p_stages
    if (pick_packet) info_q <= rresp_info_i;
    if (state_q == StRead) begin
      st_q  <= st_mem[qp_q];
      dl_q  <= deadline;
      alive <= alive_q[qp_q];
      armed <= timer_armed;
    end
    if (state_q == StReq) rq_q <= rq_mem[{qp_q, rq_index}];
    if (state_q == StCmp) begin
      equal_q    <= ahead == '0;
      behind_q   <= ahead[23];
      asked_q    <= to_next[23];
      again_q    <= !seen[23];
      in_head_q  <= inside_first < 24'(r_num);
      k_q        <= event_q == EvResend && s_sent != '0 ? '0 : done[NumW-1:0];
      late_now_q <= armed && !age[31];
      seg_q      <= j_left > 32'(Segment) ? LenW'(Segment) : LenW'(j_left);
    end
    if (state_q == StSize) begin
      skip_q <= in_bytes(pmtu_i, k_q);
      rest_q <= r_len - in_bytes(pmtu_i, k_q);
      last_q <= k_q + NumW'(1) == r_num;
      num_q  <= packets(pmtu_i, seg_q);
    end
  end

  // StExec.
  logic            waiting, is_resp, is_ack, size_ok, taken, gap, ask, access, access_later;
  logic            sequence_nak, other_nak, finish, give_up, full, issue, fresh, retry;
  logic [7:0]      limit;
  logic            unused_limit;
  logic [23:0]     psn_out;
  logic [LenW-1:0] len_out;
  logic [31:0]     key_out, doubled;
  logic [63:0]     addr_out;
  assign limit   = retry_limits_i[7:0];
  assign unused_limit = ^retry_limits_i[15:8];
  assign waiting = alive && s_cnt != '0;
  assign is_resp = i_opcode >= 8'h0D && i_opcode <= 8'h10;
  assign is_ack  = i_opcode == 8'h11;
  assign size_ok = LenW'(i_bytes) == (last_q ? rest_q : LenW'(pmtu_i));
  assign fresh   = state_q == StExec && event_q == EvPacket && waiting;
  assign taken   = fresh && is_resp && equal_q && size_ok;
  assign access  = fresh && is_ack && i_syndrome == 8'h62 && in_head_q;
  // A refusal of a later request shows a gap as well.
  assign access_later = is_ack && i_syndrome == 8'h62 && !in_head_q;
  assign gap          = fresh && (is_resp || access_later) && !equal_q && !behind_q && asked_q;
  assign sequence_nak = fresh && is_ack && i_syndrome == 8'h60 && !behind_q && asked_q;
  assign other_nak    = fresh && is_ack && i_syndrome[6:5] == 2'b11 && i_syndrome != 8'h60
                      && i_syndrome != 8'h62 && asked_q && (in_head_q || !behind_q);
  assign ask     = (gap && (!s_rec || again_q)) || sequence_nak;
  assign finish  = access || (taken && last_q);
  assign retry   = state_q == StExec && event_q == EvTimer && waiting && late_now_q;
  assign give_up = (retry && !s_rec && s_tries >= limit) || other_nak;
  assign full    = s_cnt == CntW'(Reads) || s_sent != s_cnt;
  assign issue   = state_q == StExec && event_q == EvIssue && alive && !full;
  assign doubled = s_ival[30] || s_ival[31] ? {1'b0, {31{1'b1}}} : s_ival << 1;

  logic            resend, st_we, rq_we;
  logic [IdxW-1:0] head_d;
  logic [CntW-1:0] cnt_d, sent_d;
  logic [23:0]     exp_d, next_d, last_d;
  logic [7:0]      tries_d;
  logic [31:0]     ival_d, base;
  logic            rec_d;
  assign resend = state_q == StExec && event_q == EvResend && alive && s_sent < s_cnt;
  // Intervals stay below half of the clock's range, which tells early from late.
  assign base   = retry_timer_i[31] ? {1'b0, {31{1'b1}}} : retry_timer_i;

  always_comb begin : p_exec
    st_we   = 1'b0;
    rec_d   = s_rec;
    tries_d = s_tries;
    ival_d  = s_ival;
    last_d  = s_last;
    exp_d   = s_exp;
    next_d  = s_next;
    head_d  = s_head;
    cnt_d   = s_cnt;
    sent_d  = s_sent;
    arm_we  = 1'b0;
    arm_d   = 1'b0;
    delay   = base;
    if (exec_conn) begin
      st_we  = 1'b1;
      rec_d  = 1'b0;
      exp_d  = conn[23:0];
      next_d = conn[23:0];
      head_d = '0;
      cnt_d  = '0;
      sent_d = '0;
      arm_we = 1'b1;
    end else if (taken || access) begin
      st_we   = 1'b1;
      rec_d   = 1'b0;
      tries_d = '0;
      ival_d  = base;
      exp_d   = taken ? s_exp + 24'd1 : r_first + 24'(r_num);
      if (finish) begin
        head_d = s_head + IdxW'(1);
        cnt_d  = s_cnt - CntW'(1);
        sent_d = s_sent == '0 ? '0 : s_sent - CntW'(1);
      end
      arm_we = 1'b1;
      arm_d  = cnt_d != '0;
    end else if (give_up) begin
      st_we  = 1'b1;
      cnt_d  = '0;
      sent_d = '0;
      arm_we = 1'b1;
    end else if (gap || sequence_nak) begin
      st_we  = 1'b1;
      if (gap) begin
        rec_d  = 1'b1;
        last_d = i_psn;
      end
      if (ask) sent_d = '0;
      // The peer lives: an answer to this request that is lost as well is missed sooner.
      if (ask && gap) begin
        arm_we = 1'b1;
        arm_d  = 1'b1;
        delay  = base >> 2;
      end
    end else if (retry) begin
      st_we   = 1'b1;
      rec_d   = 1'b0;
      // The short interval after a gap is no try.
      tries_d = s_rec ? s_tries : s_tries + 8'd1;
      ival_d  = s_rec ? s_ival : doubled;
      sent_d  = '0;
      arm_we  = 1'b1;
      arm_d   = 1'b1;
      delay   = ival_d;
    end else if (resend) begin
      st_we  = 1'b1;
      sent_d = s_sent + CntW'(1);
    end else if (issue) begin
      st_we  = 1'b1;
      next_d = s_next + 24'(num_q);
      cnt_d  = s_cnt + CntW'(1);
      sent_d = s_sent + CntW'(1);
      if (s_cnt == '0) begin
        tries_d = '0;
        ival_d  = base;
        arm_we  = 1'b1;
        arm_d   = 1'b1;
      end
    end
    st_d = {rec_d, tries_d, ival_d, last_d, exp_d, next_d, head_d, cnt_d, sent_d};
  end

  // Requests.
  assign rq_we    = issue;
  assign rq_new   = {s_next, num_q, job_q, j_offset, j_addr, j_key, seg_q};
  assign psn_out  = issue ? s_next : s_sent == '0 ? s_exp : r_first;
  assign len_out  = issue ? seg_q : rest_q;
  assign key_out  = issue ? j_key : r_key;
  assign addr_out = issue ? j_addr : r_addr + 64'(skip_q);
  assign req_valid_o = req_valid_q;
  logic [InfoW-1:0] req_info_q;
  assign req_info_o = req_info_q;

  always_ff @(posedge clk_i) begin : p_mem
    if (st_we) st_mem[qp_q] <= st_d;
    if (rq_we) rq_mem[{qp_q, s_head + s_cnt[IdxW-1:0]}] <= rq_new;
    if (issue || resend) begin
      // TxInfo: {bytes, dmalen, rkey, va, MSN, syndrome, PSN, ackreq, qp, opcode}
      req_info_q <= {13'd0, 32'(len_out), key_out, addr_out, 32'd0, psn_out, 1'b0,
                     tally_pkg::QpKindRead[7-QpW:0], qp_q, 8'h0C};
    end
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q     <= StIdle;
      event_q     <= EvConn;
      alive_q     <= '0;
      resend_q    <= '0;
      turn_q      <= 1'b0;
      req_valid_q <= 1'b0;
    end else begin
      state_q <= state_d;
      event_q <= event_d;
      if (state_q == StIdle && state_d != StIdle) turn_q <= event_d == EvPacket;
      if (exec_conn) alive_q[qp_q] <= conn[ConnW-1];
      if (give_up) alive_q[qp_q] <= 1'b0;
      if (st_we) resend_q[qp_q] <= sent_d != cnt_d;
      if (issue || resend) req_valid_q <= 1'b1;
      else if (req_ready_i) req_valid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin : p_event
    qp_q  <= qp_d;
    job_q <= job_d;
  end

  // Jobs. What a lost queue pair had under way ends; when it gave up, so does what waits for it.
  logic lost, refused, blocked, opened, ended;
  assign lost    = exec_conn || give_up;
  assign refused = state_q == StExec && event_q == EvIssue && !alive;
  assign blocked = state_q == StExec && event_q == EvIssue && alive && full;
  assign opened  = finish || resend || lost;
  assign ended   = state_q == StExec && event_q == EvEnd;
  logic [7:0] job_status;
  logic       jobs_idle;
  tally_read_jobs u_jobs (
    .clk_i, .rst_ni,
    .new_valid_i(job_go), .new_id_i(job_id_i), .new_qp_i(job_qp_i[QpW-1:0]),
    .new_addr_i(job_addr_i), .new_key_i(job_key_i), .new_len_i(job_len_i),
    .ended_any_o(end_any), .ended_take_i(pick_end), .ended_index_o(end_index),
    .issue_any_o(issue_any), .issue_take_i(pick_issue), .issue_index_o(issue_index),
    .issue_qp_o(issue_qp),
    .job_i(job_q), .read_i(state_q == StRead), .key_o(j_key), .addr_o(j_addr), .left_o(j_left),
    .offset_o(j_offset), .status_o(job_status),
    .issue_i(issue), .seg_i(seg_q), .block_i(blocked), .refuse_i(refused), .end_i(ended),
    .finish_i(finish), .denied_i(access), .finish_job_i(r_job),
    .qp_i(qp_q), .opened_i(opened), .lost_i(lost), .give_up_i(give_up), .idle_o(jobs_idle)
  );

  // Data and ends.
  tally_read_data u_data (
    .clk_i, .rst_ni, .dat_room_o(dat_room), .move_room_o(move_room),
    .packet_i(state_q == StExec && event_q == EvPacket && i_bytes != '0), .take_i(taken),
    .packet_job_i(r_job), .offset_i(r_offset + 32'(skip_q)), .bytes_i(i_bytes),
    .end_i(ended), .ended_job_i(job_q), .status_i(job_status),
    .rbeat_valid_i, .rbeat_ready_o, .rbeat_data_i,
    .dat_valid_o, .dat_ready_i, .dat_job_o, .dat_offset_o, .dat_bytes_o,
    .beat_valid_o, .beat_ready_i, .beat_data_o,
    .end_valid_o, .end_ready_i, .end_job_o, .end_status_o, .idle_o(data_idle)
  );

  // QpError.
  logic            cpl_valid_q;
  logic [QpW-1:0]  cpl_qp_q;
  logic [31:0]     cpl_cycle_q;
  tally_pkg::cqe_t cqe;
  assign error_take  = error_any && !cpl_valid_q;
  always_ff @(posedge clk_i) begin : p_error
    if (!rst_ni) begin
      error_q     <= '0;
      cpl_valid_q <= 1'b0;
    end else begin
      if (error_take) error_q[error_index] <= 1'b0;
      if (give_up) error_q[qp_q] <= 1'b1;
      if (error_take) cpl_valid_q <= 1'b1;
      else if (cpl_ready_i) cpl_valid_q <= 1'b0;
    end
    if (error_take) begin
      cpl_qp_q    <= error_index;
      cpl_cycle_q <= cycle_i;
    end
  end
  always_comb begin : p_cqe
    cqe        = '0;
    cqe.opcode = tally_pkg::OpcodeQpError;
    cqe.status = tally_pkg::StatusRetryExceeded;
    cqe.source = 16'(cpl_qp_q[QpW-3:0]);
    cqe.detail = 32'(tally_pkg::QpKindRead);
    cqe.cycles = cpl_cycle_q;
  end
  assign cpl_valid_o = cpl_valid_q;
  assign cpl_data_o  = cqe;
  assign cpl_ep_o    = cpl_qp_q[QpW-1 -: 2];

  assign read_retry_o   = resend;
  assign timeout_o      = retry;
  assign nak_received_o = sequence_nak;
  assign duplicate_o    = fresh && is_resp && behind_q;
  assign qp_error_o     = give_up;
  assign idle_o = state_q == StIdle && !conn_valid && jobs_idle && !armed_any
                && data_idle && !req_valid_q && !rresp_valid_i && !job_valid_i
                && error_q == '0 && !cpl_valid_q;

  `TALLY_ASSERT_STABLE(ReqStable_A, req_valid_o, req_ready_i, req_info_o)
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, {cpl_data_o, cpl_ep_o})
  `TALLY_ASSERT(ConnRoom_A, conn_valid_i |-> conn_room)
  `TALLY_ASSERT(JobBytes_A, job_valid_i |-> job_len_i != '0)
  `TALLY_ASSERT(JobKind_A, job_valid_i |-> {6'd0, job_qp_i[7:QpW]} == tally_pkg::QpKindRead)
  `TALLY_ASSERT(CountBound_A, st_we |-> cnt_d <= CntW'(Reads) && sent_d <= cnt_d)
endmodule

`default_nettype wire

// SPDX-License-Identifier: BSD-3-Clause
// READ responder: answers RDMA READ requests from host memory (docs/wire.md, "READ: responder").
//
// Each queue pair {endpoint, peer} keeps at most ReadsPerQp requests. A request of the expected PSN
// is queued; an earlier one is a repetition and replaces what is queued from its PSN on; a later
// one is answered by a NAK sequence error once, behind the answers that are queued. Queue pairs
// with requests take turns packet by packet: the packet's range is checked in the region table,
// then it is read ahead and sent; a refused one becomes NAK 0x62 and ends its request.
// Ordering: answers and NAKs of a queue pair leave in PSN order. What is read ahead when a
// repetition comes is still sent.
// Latency: 6 cycles from a request to the DMA command. Throughput: one packet each 6 cycles, one
// beat a cycle and one cycle more for each packet.
// Storage: 64 * 177 bits of queue pairs, 256 * 200 bits of requests, Beats * 512 bits of data and
// Beats / 4 jobs (packets of the smallest path MTU).
// Limitations: requests above 2^31 bytes are discarded. A request without a place is discarded; the
// requester's timer brings it again.
// Source: InfiniBand Architecture Specification vol. 1, 9.7.5 (responder, duplicate READ requests).
`default_nettype none
`include "tally_assert.svh"

module tally_read_rsp #(
  parameter int unsigned Beats = 4 * tally_pkg::MtuBeats,
  localparam int unsigned InfoW = 214
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  input  wire logic [12:0]      pmtu_i,

  // a queue pair is connected or disconnected (pulse)
  input  wire logic             conn_valid_i,
  input  wire logic             conn_up_i,
  input  wire logic [7:0]       conn_qp_i,
  input  wire logic [23:0]      conn_rx_psn_i,

  // READ requests from tally_qp_rx: RxInfo
  input  wire logic             rreq_valid_i,
  output      logic             rreq_ready_o,
  input  wire logic [InfoW-1:0] rreq_info_i,

  // look-up d of tally_mr (combinational)
  output      logic [1:0]       mr_ep_o,
  output      logic [31:0]      mr_key_o,
  output      logic [63:0]      mr_addr_o,
  output      logic [31:0]      mr_len_o,
  input  wire logic             mr_ok_i,

  // tally_dma_rd client 5
  output      logic             cmd_valid_o,
  input  wire logic             cmd_ready_i,
  output      logic [63:0]      cmd_addr_o,
  output      logic [12:0]      cmd_len_o,
  input  wire logic             data_valid_i,
  input  wire logic [511:0]     data_i,

  // responses and NAKs to tally_frame_tx: TxInfo, then ceil(bytes / 64) beats
  output      logic             rsp_valid_o,
  input  wire logic             rsp_ready_i,
  output      logic [InfoW-1:0] rsp_info_o,
  output      logic             rsp_beat_valid_o,
  input  wire logic             rsp_beat_ready_i,
  output      logic [511:0]     rsp_beat_data_o,

  output      logic             nak_sent_o,
  output      logic             duplicate_o,
  output      logic             protection_o,
  output      logic             idle_o
);
  localparam int unsigned Qps   = tally_pkg::NumEndpoints * tally_pkg::MaxRanks;
  localparam int unsigned QpW   = $clog2(Qps);
  localparam int unsigned Reads = tally_pkg::ReadsPerQp;
  localparam int unsigned IdxW  = $clog2(Reads);
  localparam int unsigned CntW  = IdxW + 1;
  localparam int unsigned EndW  = Reads * 24;
  // {nak pending, nak sent, last PSN seen, MSN, expected PSN, head, count, PSN behind each request}
  localparam int unsigned StW   = 2 + 72 + IdxW + CntW + EndW;
  // {first PSN, next PSN, MSN, key, address, bytes left}
  localparam int unsigned RqW   = 72 + 32 + 64 + 32;
  // {opcode, qp, PSN, syndrome, MSN}
  localparam int unsigned UserW = 8 + QpW + 24 + 8 + 24;

  if (Reads < 2 || (Reads & (Reads - 1)) != 0) begin : gen_bad_reads
    $error("tally_read_rsp: ReadsPerQp must be a power of two");
  end

  function automatic logic [23:0] packets(input logic [12:0] pmtu, input logic [31:0] bytes);
    logic [31:0] up;
    up = bytes + 32'(pmtu) - 32'd1;
    unique case (pmtu)
      13'd256:  packets = 24'(up >> 8);
      13'd512:  packets = 24'(up >> 9);
      13'd1024: packets = 24'(up >> 10);
      13'd2048: packets = 24'(up >> 11);
      default:  packets = 24'(up >> 12);
    endcase
    if (bytes == '0) packets = 24'd1;
  endfunction

  typedef enum logic [2:0] { StIdle, StRead, StReq, StSize, StCmp, StExec } state_e;
  typedef enum logic [1:0] { EvConn, EvRequest, EvEmit } event_e;
  state_e         state_q, state_d;
  event_e         event_q, event_d;
  logic           turn_q;

  // Connections.
  localparam int unsigned ConnW = 1 + QpW + 24;
  logic             conn_room, conn_valid;
  logic [ConnW-1:0] conn;
  logic [3:0]       unused_conn_level;
  logic             is_read;
  assign is_read = {6'd0, conn_qp_i[7:QpW]} == tally_pkg::QpKindRead;

  tally_fifo #(.Width(ConnW), .Depth(8)) u_conn (
    .clk_i, .rst_ni,
    .in_valid_i(conn_valid_i && is_read), .in_ready_o(conn_room),
    .in_data_i({conn_up_i, conn_qp_i[QpW-1:0], conn_rx_psn_i}),
    .out_valid_o(conn_valid), .out_ready_i(state_q == StExec && event_q == EvConn),
    .out_data_o(conn), .level_o(unused_conn_level)
  );

  // Queue pairs.
  logic [StW-1:0] st_mem [Qps];
  logic [RqW-1:0] rq_mem [Qps*Reads];
  logic [StW-1:0] st_q, st_d;
  logic [RqW-1:0] rq_q, rq_d;
  logic [Qps-1:0] alive_q, active_q;
  logic [QpW-1:0] qp_q, qp_d, active_index;
  logic           active_any, st_we, rq_we, alive, active_d, emit, push_valid_q;
  logic           push_room;
  logic [InfoW-1:0] info_q;
  logic [IdxW-1:0]  rq_slot;

  tally_turn #(.N(Qps)) u_turn (
    .clk_i, .rst_ni, .req_i(active_q), .take_i(state_q == StIdle && emit),
    .any_o(active_any), .index_o(active_index)
  );

  // A flood of requests leaves every second turn to the answers.
  assign rreq_ready_o = state_q == StIdle && !conn_valid
                      && !(turn_q && active_any && push_room);
  assign emit = !conn_valid && !(rreq_valid_i && rreq_ready_o) && active_any && push_room;

  always_comb begin : p_pick
    event_d = event_q;
    qp_d    = qp_q;
    state_d = state_q;
    unique case (state_q)
      StIdle: begin
        if (conn_valid) begin
          event_d = EvConn;
          qp_d    = conn[24 +: QpW];
          state_d = StExec;
        end else if (rreq_valid_i && rreq_ready_o) begin
          event_d = EvRequest;
          qp_d    = rreq_info_i[8 +: QpW];
          state_d = StRead;
        end else if (emit) begin
          event_d = EvEmit;
          qp_d    = active_index;
          state_d = StRead;
        end
      end
      StRead:  state_d = StReq;
      StReq:   state_d = StSize;
      StSize:  state_d = StCmp;
      StCmp:   state_d = StExec;
      default: state_d = StIdle;
    endcase
  end

  // Views.
  logic             s_nakp, s_nakf;
  logic [23:0]      s_last, s_msn, s_exp, r_first, r_psn, r_msn;
  logic [IdxW-1:0]  s_head;
  logic [CntW-1:0]  s_cnt;
  logic [EndW-1:0]  s_ends;
  logic [31:0]      r_key, r_left;
  logic [63:0]      r_addr;
  assign {s_nakp, s_nakf, s_last, s_msn, s_exp, s_head, s_cnt, s_ends} = st_q;
  assign {r_first, r_psn, r_msn, r_key, r_addr, r_left} = rq_q;

  logic [23:0] i_psn;
  logic [63:0] i_addr;
  logic [31:0] i_key, i_len;
  logic        unused_info;
  assign i_psn       = info_q[17 +: 24];
  assign i_addr      = info_q[73 +: 64];
  assign i_key       = info_q[137 +: 32];
  assign i_len       = info_q[169 +: 32];
  assign unused_info = ^{info_q[213:201], info_q[72:41], info_q[16:0]};

  // StSize: packets of the answer; bytes of the next packet.
  logic [23:0]     count_q, end_psn;
  logic [31:0]     bytes_q;
  logic            last_q, mr_ok_q, equal_q, behind_q, again_q, fits_q;
  logic [CntW-1:0] keep, keep_q;
  assign end_psn = i_psn + count_q;

  assign mr_ep_o   = qp_q[QpW-1 -: 2];
  assign mr_key_o  = r_key;
  assign mr_addr_o = r_addr;
  assign mr_len_o  = bytes_q;

  // Requests that end before this PSN stay when it is a repetition.
  logic [Reads-1:0] later;
  for (genvar k = 0; k < Reads; k++) begin : gen_later
    logic [IdxW-1:0] at;
    logic [23:0]     gap;
    logic            unused_gap;
    assign at         = s_head + IdxW'(k);
    assign gap        = i_psn - s_ends[24*at +: 24];
    assign later[k]   = gap[23];
    assign unused_gap = ^gap[22:0];
  end
  always_comb begin : p_keep
    keep = '0;
    for (int unsigned k = 0; k < Reads; k++) begin
      if (CntW'(k) < s_cnt && !later[k]) keep = CntW'(k + 1);
    end
  end

  // Differences of PSNs: bit 23 is the sign.
  logic [23:0] ahead, seen, beyond;
  logic        unused_signs;
  assign ahead  = i_psn - s_exp;
  assign seen   = s_last - i_psn;
  assign beyond = s_exp - end_psn;
  assign unused_signs = ^{seen[22:0], beyond[22:0]};

  always_ff @(posedge clk_i) begin : p_stages
    if (state_q == StIdle && rreq_ready_o) info_q <= rreq_info_i;
    if (state_q == StRead) begin
      st_q  <= st_mem[qp_q];
      alive <= alive_q[qp_q];
    end
    if (state_q == StReq) rq_q <= rq_mem[{qp_q, s_head}];
    if (state_q == StSize) begin
      count_q <= packets(pmtu_i, i_len);
      last_q  <= r_left <= 32'(pmtu_i);
      bytes_q <= r_left <= 32'(pmtu_i) ? r_left : 32'(pmtu_i);
    end
    if (state_q == StCmp) begin
      mr_ok_q  <= mr_ok_i;
      equal_q  <= ahead == '0;
      behind_q <= ahead[23];
      again_q  <= !seen[23];
      fits_q   <= !beyond[23];
      keep_q   <= keep;
    end
  end

  // StExec.
  logic             push, take, repeated, gap_seen, refuse, nak;
  logic [IdxW-1:0]  slot;
  logic [CntW-1:0]  place;
  logic [EndW-1:0]  ends_d;
  logic [UserW-1:0] push_user, push_user_q;
  logic [63:0]      push_addr_q;
  logic [12:0]      push_len, push_len_q;
  logic [7:0]       opcode;

  assign take     = alive && equal_q && !i_len[31] && s_cnt != CntW'(Reads);
  assign repeated = alive && behind_q && !i_len[31] && fits_q && keep_q != CntW'(Reads);
  assign gap_seen = alive && !equal_q && !behind_q;
  assign place    = take ? s_cnt : keep_q;
  assign slot     = s_head + place[IdxW-1:0];
  assign nak      = s_cnt == '0;
  assign refuse   = !nak && !mr_ok_q;

  always_comb begin : p_ends
    ends_d = s_ends;
    ends_d[24*slot +: 24] = end_psn;
  end

  always_comb begin : p_opcode
    if (r_psn == r_first) opcode = last_q ? 8'h10 : 8'h0D;
    else opcode = last_q ? 8'h0F : 8'h0E;
    push_len  = bytes_q[12:0];
    push_user = {opcode, qp_q, r_psn, 8'h00, r_msn};
    if (nak) push_user = {8'h11, qp_q, s_exp, 8'h60, s_msn};
    else if (refuse) push_user = {8'h11, qp_q, r_first, 8'h62, r_msn};
    if (nak || refuse) push_len = '0;
  end

  always_comb begin : p_exec
    st_we       = 1'b0;
    st_d        = st_q;
    rq_we       = 1'b0;
    rq_d        = {r_first, r_psn + 24'd1, r_msn, r_key, r_addr + 64'(pmtu_i),
                   r_left - 32'(pmtu_i)};
    rq_slot     = s_head;
    active_d    = s_cnt != '0 || s_nakp;
    push        = 1'b0;
    nak_sent_o  = 1'b0;
    duplicate_o = 1'b0;
    protection_o = 1'b0;
    if (state_q == StExec) begin
      unique case (event_q)
        EvConn: begin
          st_we    = 1'b1;
          st_d     = {2'b00, 24'd0, 24'd0, conn[23:0], {(IdxW + CntW + EndW){1'b0}}};
          active_d = 1'b0;
        end
        EvRequest: begin
          duplicate_o = alive && behind_q;
          if (take || repeated) begin
            st_we    = 1'b1;
            rq_we    = 1'b1;
            rq_slot  = slot;
            rq_d     = {i_psn, i_psn, s_msn + 24'(take), i_key, i_addr, i_len};
            st_d     = {s_nakp && !take, s_nakf && !take, s_last, s_msn + 24'(take),
                        take ? end_psn : s_exp, s_head, place + CntW'(1), ends_d};
            active_d = 1'b1;
          end else if (gap_seen) begin
            st_we    = 1'b1;
            st_d     = {s_nakp || !s_nakf || again_q, 1'b1, i_psn, s_msn, s_exp, s_head, s_cnt,
                        s_ends};
            active_d = 1'b1;
          end
        end
        default: begin
          // An entry that a new connection has emptied since it was chosen has nothing to say.
          push         = alive && (!nak || s_nakp);
          nak_sent_o   = push && nak;
          protection_o = push && refuse;
          st_we        = 1'b1;
          if (nak) begin
            st_d     = {1'b0, s_nakf, s_last, s_msn, s_exp, s_head, s_cnt, s_ends};
            active_d = 1'b0;
          end else if (refuse || last_q) begin
            st_d     = {s_nakp, s_nakf, s_last, s_msn, s_exp, s_head + IdxW'(1),
                        s_cnt - CntW'(1), s_ends};
            active_d = s_cnt != CntW'(1) || s_nakp;
          end else begin
            rq_we = 1'b1;
          end
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin : p_mem
    if (st_we) st_mem[qp_q] <= st_d;
    if (rq_we) rq_mem[{qp_q, rq_slot}] <= rq_d;
  end

  logic fetch_ready, fetch_idle;
  assign push_room = !push_valid_q || fetch_ready;
  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q      <= StIdle;
      event_q      <= EvConn;
      alive_q      <= '0;
      active_q     <= '0;
      turn_q       <= 1'b0;
      push_valid_q <= 1'b0;
    end else begin
      state_q <= state_d;
      event_q <= event_d;
      if (state_q == StIdle && state_d != StIdle) turn_q <= event_d == EvRequest;
      if (state_q == StExec && event_q == EvConn) alive_q[qp_q] <= conn[ConnW-1];
      if (st_we) active_q[qp_q] <= active_d;
      if (push) push_valid_q <= 1'b1;
      else if (fetch_ready) push_valid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin : p_data
    qp_q <= qp_d;
    if (push) begin
      push_user_q <= push_user;
      push_addr_q <= r_addr;
      push_len_q  <= push_len;
    end
  end

  // Reads ahead; info, then the beats.
  logic             out_valid, out_ready, beat_valid, beat_ready, info_sent_q, beats_last;
  logic [12:0]      out_len;
  logic [UserW-1:0] out_user;
  logic [6:0]       beat_q, beats;

  tally_fetch #(.UserW(UserW), .Jobs(Beats / 4), .Beats(Beats)) u_fetch (
    .clk_i, .rst_ni,
    .in_valid_i(push_valid_q), .in_ready_o(fetch_ready), .in_addr_i(push_addr_q),
    .in_len_i(push_len_q), .in_user_i(push_user_q),
    .cmd_valid_o, .cmd_ready_i, .cmd_addr_o, .cmd_len_o, .data_valid_i, .data_i,
    .out_valid_o(out_valid), .out_ready_i(out_ready), .out_len_o(out_len), .out_user_o(out_user),
    .beat_valid_o(beat_valid), .beat_ready_i(beat_ready), .beat_data_o(rsp_beat_data_o),
    .idle_o(fetch_idle)
  );

  assign beats            = 7'((out_len + 13'd63) >> 6);
  assign beats_last       = rsp_beat_valid_o && rsp_beat_ready_i && beat_q + 7'd1 == beats;
  assign rsp_valid_o      = out_valid && !info_sent_q;
  assign rsp_beat_valid_o = info_sent_q && beat_valid;
  assign beat_ready       = info_sent_q && rsp_beat_ready_i;
  assign out_ready        = out_len == '0 ? rsp_valid_o && rsp_ready_i : beats_last;
  // TxInfo: {bytes, dmalen, rkey, va, MSN, syndrome, PSN, ackreq, qp, opcode}
  assign rsp_info_o = {out_len, 128'd0, out_user[23:0], out_user[31:24], out_user[55:32], 1'b0,
                       tally_pkg::QpKindRead[7-QpW:0], out_user[56 +: QpW], out_user[UserW-1 -: 8]};

  always_ff @(posedge clk_i) begin : p_out
    if (!rst_ni) begin
      info_sent_q <= 1'b0;
      beat_q      <= '0;
    end else begin
      if (out_ready) info_sent_q <= 1'b0;
      else if (rsp_valid_o && rsp_ready_i) info_sent_q <= 1'b1;
      if (beats_last) beat_q <= '0;
      else if (rsp_beat_valid_o && rsp_beat_ready_i) beat_q <= beat_q + 7'd1;
    end
  end

  assign idle_o = state_q == StIdle && !conn_valid && active_q == '0 && !push_valid_q && fetch_idle
                && !rreq_valid_i;

  `TALLY_ASSERT_STABLE(RspStable_A, rsp_valid_o, rsp_ready_i, rsp_info_o)
  `TALLY_ASSERT_STABLE(BeatStable_A, rsp_beat_valid_o, rsp_beat_ready_i, rsp_beat_data_o)
  `TALLY_ASSERT(ConnRoom_A, conn_valid_i |-> conn_room)
  `TALLY_ASSERT(IsRequest_A, rreq_valid_i |-> rreq_info_i[7:0] == 8'h0C)
  `TALLY_ASSERT(CountBound_A, state_q == StSize && alive |-> s_cnt <= CntW'(Reads))
endmodule

`default_nettype wire

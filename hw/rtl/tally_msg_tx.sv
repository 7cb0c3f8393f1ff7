// SPDX-License-Identifier: BSD-3-Clause
// Packets of the message path: sends, answers to rendezvous reads, and the one-beat packets of
// tally_rndv (ReadReq) and tally_credit (Credit), merged packet by packet onto one stream.
//
// Sends of at most Mtu bytes become one Eager packet, larger ones an Rts. Their payload is read
// ahead of its turn. ReadReq is answered by ReadData packets, or ReadNak (see tally_read_tx).
// Sends, rendezvous data and read requests take turns packet by packet; a Credit goes when nothing
// else waits, or after 8 packets.
// The wire header's dst_mac, src_mac, ethertype and src_node are 0 here; tally_net_tx fills them.
// Ordering: sends leave in order; so do the packets of one rendezvous. An eager send completes when
// its last beat is in the output register, a rendezvous with its last ReadData packet; a Credit or
// Rts completes nothing.
// Latency: 2 cycles from data to the stream. Throughput: one beat a cycle, no gap between packets.
// Storage: 12 packets of payload (4 for sends, 8 for rendezvous: 512 cycles, more than a host read
// takes), 16 * 557 bits of sends, 16 * 239 bits of rendezvous packets, and tally_read_tx.
// Combinational paths: rd_cmd_ready_i to send_ready_o; tx_ready_i to req_ready_o and
// credit_ready_o.
// Limitations: the device keeps nothing about a rendezvous send between its Rts and the ReadReq.
`default_nettype none
`include "tally_assert.svh"

module tally_msg_tx #(
  localparam int unsigned ReadW = 288
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,

  // sends from tally_cmd, regions already checked
  input  wire logic             send_valid_i,
  output      logic             send_ready_o,
  input  wire logic [511:0]     send_desc_i,
  input  wire logic [31:0]      send_arrival_i,

  // ReadReq packets from tally_msg_rx: {total[32], stamp[32], job[32], context[16], requester[16],
  // cookie[32], key[32], length[32], addr[64]}
  input  wire logic             read_valid_i,
  output      logic             read_ready_o,
  input  wire logic [ReadW-1:0] read_data_i,

  // ReadReq packets to send, from tally_rndv: header beats
  input  wire logic             req_valid_i,
  output      logic             req_ready_o,
  input  wire logic [511:0]     req_data_i,

  // Credit packets to send, from tally_credit: header beats
  input  wire logic             credit_valid_i,
  output      logic             credit_ready_o,
  input  wire logic [511:0]     credit_data_i,

  // look-up b of tally_mr (combinational)
  output      logic [31:0]      mr_key_o,
  output      logic [63:0]      mr_addr_o,
  output      logic [31:0]      mr_len_o,
  input  wire logic             mr_ok_i,

  // tally_dma_rd client 1
  output      logic             rd_cmd_valid_o,
  input  wire logic             rd_cmd_ready_i,
  output      logic [63:0]      rd_cmd_addr_o,
  output      logic [12:0]      rd_cmd_len_o,
  input  wire logic             rd_data_valid_i,
  input  wire logic [511:0]     rd_data_i,
  input  wire logic             rd_data_last_i,

  output      logic             tx_valid_o,
  input  wire logic             tx_ready_i,
  output      logic [511:0]     tx_data_o,
  output      logic             tx_last_o,

  output      logic             cpl_valid_o,
  input  wire logic             cpl_ready_i,
  output      logic [255:0]     cpl_data_o,

  output      logic             protection_o,
  output      logic             idle_o
);
  localparam int unsigned SendW = 544;  // {arrival[32], desc[512]}
  localparam int unsigned DataW = 226;  // user bits of tally_read_tx

  // --- sends: payload ahead of the packet ---------------------------------------------------
  tally_pkg::msg_desc_t in_desc, send;
  logic                 in_reads;
  logic                 send_cmd_valid, send_cmd_ready, send_valid, send_pop, send_idle;
  logic [63:0]          send_cmd_addr;
  logic [12:0]          send_cmd_len, send_n;
  logic [SendW-1:0]     send_user;
  logic [31:0]          send_arrival;
  logic                 send_beat_valid, send_beat_pop, send_data_valid, unused_in;
  logic [511:0]         send_beat;

  assign in_desc   = send_desc_i;
  assign in_reads  = in_desc.length <= 32'(tally_pkg::Mtu)
                   && !in_desc.flags[tally_pkg::MsgFlagInlineBit];
  assign unused_in = ^{in_desc, send};

  tally_fetch #(.UserW(SendW), .Jobs(16), .Beats(4 * tally_pkg::MtuBeats)) u_send (
    .clk_i, .rst_ni,
    .in_valid_i(send_valid_i), .in_ready_o(send_ready_o), .in_addr_i(in_desc.addr),
    .in_len_i(in_reads ? in_desc.length[12:0] : 13'd0), .in_user_i({send_arrival_i, send_desc_i}),
    .cmd_valid_o(send_cmd_valid), .cmd_ready_i(send_cmd_ready),
    .cmd_addr_o(send_cmd_addr), .cmd_len_o(send_cmd_len),
    .data_valid_i(send_data_valid), .data_i(rd_data_i),
    .out_valid_o(send_valid), .out_ready_i(send_pop), .out_len_o(send_n), .out_user_o(send_user),
    .beat_valid_o(send_beat_valid), .beat_ready_i(send_beat_pop), .beat_data_o(send_beat),
    .idle_o(send_idle)
  );

  assign send         = send_user[511:0];
  assign send_arrival = send_user[543:512];

  // --- rendezvous data ----------------------------------------------------------------------
  logic             job_valid, job_ready, read_idle, fetch_idle;
  logic [63:0]      job_addr, data_cmd_addr;
  logic [12:0]      job_len, data_cmd_len, data_n;
  logic [DataW-1:0] job_user, data_user;
  logic             data_cmd_valid, data_cmd_ready, data_valid, data_pop;
  logic             data_beat_valid, data_beat_pop, data_data_valid;
  logic [511:0]     data_beat;

  tally_read_tx u_read (
    .clk_i, .rst_ni,
    .read_valid_i, .read_ready_o, .read_data_i,
    .mr_key_o, .mr_addr_o, .mr_len_o, .mr_ok_i,
    .job_valid_o(job_valid), .job_ready_i(job_ready), .job_addr_o(job_addr), .job_len_o(job_len),
    .job_user_o(job_user), .idle_o(read_idle)
  );

  tally_fetch #(.UserW(DataW), .Jobs(16), .Beats(8 * tally_pkg::MtuBeats)) u_data (
    .clk_i, .rst_ni,
    .in_valid_i(job_valid), .in_ready_o(job_ready), .in_addr_i(job_addr), .in_len_i(job_len),
    .in_user_i(job_user),
    .cmd_valid_o(data_cmd_valid), .cmd_ready_i(data_cmd_ready),
    .cmd_addr_o(data_cmd_addr), .cmd_len_o(data_cmd_len),
    .data_valid_i(data_data_valid), .data_i(rd_data_i),
    .out_valid_o(data_valid), .out_ready_i(data_pop), .out_len_o(data_n), .out_user_o(data_user),
    .beat_valid_o(data_beat_valid), .beat_ready_i(data_beat_pop), .beat_data_o(data_beat),
    .idle_o(fetch_idle)
  );

  logic        data_nak, data_last;
  logic [31:0] data_total, data_stamp, data_cookie, data_key, data_job, data_offset;
  logic [15:0] data_context, data_node;
  assign {data_nak, data_last, data_total, data_stamp, data_cookie, data_key, data_job, data_offset,
          data_context, data_node} = data_user;

  // --- one DMA read client for both: commands in turn, data back in the order of commands ---
  logic       cmd_sel, cmd_sel_q, cmd_lock_q, owner_ready, owner, unused_owner_valid;
  logic [5:0] unused_owner_level;

  assign cmd_sel = cmd_lock_q ? cmd_sel_q
                 : (send_cmd_valid && data_cmd_valid) ? !cmd_sel_q : data_cmd_valid;
  assign rd_cmd_valid_o = (send_cmd_valid || data_cmd_valid) && owner_ready;
  assign rd_cmd_addr_o  = cmd_sel ? data_cmd_addr : send_cmd_addr;
  assign rd_cmd_len_o   = cmd_sel ? data_cmd_len : send_cmd_len;
  assign send_cmd_ready = !cmd_sel && rd_cmd_ready_i && owner_ready;
  assign data_cmd_ready = cmd_sel && rd_cmd_ready_i && owner_ready;

  tally_fifo #(.Width(1), .Depth(32)) u_owner (
    .clk_i, .rst_ni,
    .in_valid_i(rd_cmd_valid_o && rd_cmd_ready_i), .in_ready_o(owner_ready), .in_data_i(cmd_sel),
    .out_valid_o(unused_owner_valid), .out_ready_i(rd_data_valid_i && rd_data_last_i),
    .out_data_o(owner),
    .level_o(unused_owner_level)
  );
  assign send_data_valid = rd_data_valid_i && !owner;
  assign data_data_valid = rd_data_valid_i && owner;

  always_ff @(posedge clk_i) begin : p_cmd
    if (!rst_ni) begin
      cmd_sel_q  <= 1'b0;
      cmd_lock_q <= 1'b0;
    end else if (rd_cmd_valid_o) begin
      cmd_sel_q  <= cmd_sel;
      cmd_lock_q <= !rd_cmd_ready_i;
    end
  end

  // --- headers and completions --------------------------------------------------------------
  logic                    send_is_rts, send_inline;
  logic [12:0]             send_bytes;
  tally_pkg::wire_header_t send_head, data_head;
  tally_pkg::cqe_t         send_cqe, data_cqe;

  assign send_is_rts = send.length > 32'(tally_pkg::Mtu);
  assign send_inline = send.flags[tally_pkg::MsgFlagInlineBit];
  assign send_bytes  = send_inline ? send.length[12:0] : send_n;

  always_comb begin : p_send
    send_head            = '0;
    send_head.ptype      = tally_pkg::PacketTypeEager;
    send_head.dst_node   = send.peer;
    send_head.context_id = send.context_id;
    send_head.tag        = send.tag;
    send_head.length     = send.length;
    if (send_is_rts) begin
      send_head.ptype  = tally_pkg::PacketTypeRts;
      send_head.addr   = send.addr;
      send_head.key    = send.key;
      send_head.cookie = send.cookie;
      send_head.offset = send_arrival;
    end else begin
      send_head.payload_len = 16'(send_bytes);
    end
    send_cqe            = '0;
    send_cqe.cookie     = send.cookie;
    send_cqe.opcode     = tally_pkg::OpcodeSend;
    send_cqe.length     = send.length;
    send_cqe.context_id = send.context_id;
    send_cqe.cycles     = send_arrival;
  end

  always_comb begin : p_data
    data_head             = '0;
    data_head.ptype       = data_nak ? tally_pkg::PacketTypeReadNak : tally_pkg::PacketTypeReadData;
    data_head.flags       = '0;
    data_head.flags[tally_pkg::WireFlagLastBit] = data_last && !data_nak;
    data_head.dst_node    = data_node;
    data_head.context_id  = data_context;
    data_head.payload_len = 16'(data_n);
    data_head.cookie      = data_job;
    data_head.offset      = data_nak ? '0 : data_offset;
    data_cqe            = '0;
    data_cqe.cookie     = data_cookie;
    data_cqe.opcode     = tally_pkg::OpcodeSend;
    data_cqe.status     = data_nak ? tally_pkg::StatusProtection : tally_pkg::StatusOk;
    data_cqe.flags[tally_pkg::CqeFlagRendezvousBit] = 1'b1;
    data_cqe.length     = data_nak ? '0 : data_total;
    data_cqe.context_id = data_context;
    data_cqe.cycles     = data_stamp;
    data_cqe.detail     = data_nak ? data_key : '0;
  end

  // --- merge --------------------------------------------------------------------------------
  typedef enum logic [1:0] { SrcSend, SrcData, SrcReq, SrcCredit } src_e;
  typedef enum logic [0:0] { StHead, StBody } state_e;
  localparam logic [3:0] CreditPatience = 4'd8;  // packets that may pass a waiting Credit

  state_e       state_q;
  src_e         src_q, src;
  logic [1:0]   turn_q;
  logic [3:0]   passed_q;
  logic [6:0]   left_q, src_beats;
  logic         can_load, any, send_go, data_go, load_head, load_body, body_valid, load_last;
  logic         tx_valid_q, tx_last_q, cpl_room, cpl_push;
  logic [511:0] tx_data_q;
  logic [2:0]   unused_cpl_level;
  src_e         end_src;

  assign can_load = !tx_valid_q || tx_ready_i;
  assign send_go  = send_valid && cpl_room;
  assign data_go  = data_valid && cpl_room;

  // Sends, rendezvous data and read requests take turns; credits fill gaps but do not wait for
  // ever.
  always_comb begin : p_pick
    src = SrcCredit;
    any = send_go || data_go || req_valid_i || credit_valid_i;
    if (!(credit_valid_i && passed_q == CreditPatience)) begin
      unique case (turn_q)
        2'd0: begin
          if (send_go) src = SrcSend;
          else if (data_go) src = SrcData;
          else if (req_valid_i) src = SrcReq;
        end
        2'd1: begin
          if (data_go) src = SrcData;
          else if (req_valid_i) src = SrcReq;
          else if (send_go) src = SrcSend;
        end
        default: begin
          if (req_valid_i) src = SrcReq;
          else if (send_go) src = SrcSend;
          else if (data_go) src = SrcData;
        end
      endcase
    end
  end

  always_comb begin : p_beats
    src_beats = '0;
    if (src == SrcSend) src_beats = send_is_rts ? '0 : 7'((send_bytes + 13'd63) >> 6);
    if (src == SrcData) src_beats = 7'((data_n + 13'd63) >> 6);
  end

  assign body_valid = src_q == SrcData ? data_beat_valid : (send_inline || send_beat_valid);
  assign load_head  = state_q == StHead && any && can_load;
  assign load_body  = state_q == StBody && body_valid && can_load;
  assign load_last  = (load_head && src_beats == '0) || (load_body && left_q == 7'd1);
  assign end_src    = state_q == StHead ? src : src_q;

  assign send_beat_pop = load_body && src_q == SrcSend && !send_inline;
  assign data_beat_pop = load_body && src_q == SrcData;
  assign send_pop      = load_last && end_src == SrcSend;
  assign data_pop      = load_last && end_src == SrcData;
  assign req_ready_o    = load_head && src == SrcReq;
  assign credit_ready_o = load_head && src == SrcCredit;
  assign cpl_push      = (send_pop && !send_is_rts) || (data_pop && (data_last || data_nak));

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q    <= StHead;
      turn_q     <= '0;
      passed_q   <= '0;
      left_q     <= '0;
      tx_valid_q <= 1'b0;
    end else begin
      if (load_head || load_body) tx_valid_q <= 1'b1;
      else if (tx_ready_i) tx_valid_q <= 1'b0;
      if (load_head) begin
        left_q <= src_beats;
        if (src_beats != '0) state_q <= StBody;
        unique case (src)
          SrcSend: turn_q <= 2'd1;
          SrcData: turn_q <= 2'd2;
          SrcReq:  turn_q <= 2'd0;
          default: ;
        endcase
        if (src == SrcCredit || !credit_valid_i) passed_q <= '0;
        else if (passed_q != CreditPatience) passed_q <= passed_q + 1'b1;
      end
      if (load_body) begin
        left_q <= left_q - 1'b1;
        if (left_q == 7'd1) state_q <= StHead;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_tx
    if (load_head) begin
      src_q     <= src;
      tx_last_q <= load_last;
      unique case (src)
        SrcSend: tx_data_q <= send_head;
        SrcData: tx_data_q <= data_head;
        SrcReq:  tx_data_q <= req_data_i;
        default: tx_data_q <= credit_data_i;
      endcase
    end
    if (load_body) begin
      tx_last_q <= load_last;
      if (src_q == SrcData) tx_data_q <= data_beat;
      else if (send_inline) tx_data_q <= {256'd0, send.inline_data};
      else tx_data_q <= send_beat;
    end
  end

  assign tx_valid_o = tx_valid_q;
  assign tx_data_o  = tx_data_q;
  assign tx_last_o  = tx_last_q;

  tally_fifo #(.Width(256), .Depth(4)) u_cpl (
    .clk_i, .rst_ni,
    .in_valid_i(cpl_push), .in_ready_o(cpl_room),
    .in_data_i(end_src == SrcData ? data_cqe : send_cqe),
    .out_valid_o(cpl_valid_o), .out_ready_i(cpl_ready_i), .out_data_o(cpl_data_o),
    .level_o(unused_cpl_level)
  );

  assign protection_o = data_pop && data_nak;
  assign idle_o       = send_idle && read_idle && fetch_idle && !req_valid_i && !credit_valid_i
                      && !tx_valid_q && !cpl_valid_o;

  `TALLY_ASSERT_STABLE(TxStable_A, tx_valid_o, tx_ready_i, {tx_data_o, tx_last_o})
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, cpl_data_o)
  `TALLY_ASSERT_STABLE(RdCmdStable_A, rd_cmd_valid_o, rd_cmd_ready_i, {rd_cmd_addr_o, rd_cmd_len_o})
  `TALLY_ASSERT(CplRoom_A, cpl_push |-> cpl_room)
endmodule

`default_nettype wire

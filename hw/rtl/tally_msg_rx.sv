// SPDX-License-Identifier: BSD-3-Clause
// Arrivals of the message path: Eager, Rts, ReadReq, ReadData, ReadNak and Credit packets.
//
// Header checks (EtherType, destination, payload_len against the number of beats) were done by
// tally_net_rx. Eager and Rts probe the match unit. A matched eager payload goes to the buffer, cut
// at its room; an unmatched one to the bounce slot of its entry. ReadData goes to the job's buffer
// at its offset when it is that job's and fits. Packets that fit nothing are discarded and counted
// (dropped_o), never written.
// Ordering: packet by packet. A completion is offered after the last data handshake of its message.
// Receiving never waits for sending: every output of this module has room by credits or is memory.
// Latency: header, match unit, then data. Throughput: one beat a cycle within a packet; ReadData 65
// cycles a packet of 64 beats; Eager 3 cycles and the match unit's time more. Storage: one header,
// 32 tracked writes (about 900 bits).
// Combinational paths: wr_data_ready_i to rx_ready_o; rx_data_i to wr_data_o and to the job
// look-up.
// Limitations: a ReadData packet with Last ends its job also when bytes before it are missing.
`default_nettype none
`include "tally_assert.svh"

module tally_msg_rx #(
  localparam int unsigned PostedW  = 160,
  localparam int unsigned UnexpW   = 193,
  localparam int unsigned MatchedW = 417,
  localparam int unsigned ReadW    = 288,
  localparam int unsigned SlotBits = $clog2(tally_pkg::UnexpectedEntries),
  localparam int unsigned JobBits  = $clog2(tally_pkg::RendezvousJobs)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [63:0]         bounce_i,

  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [511:0]        rx_data_i,
  input  wire logic                rx_last_i,

  // arrival port and results of tally_match
  output      logic                arr_valid_o,
  input  wire logic                arr_ready_i,
  output      logic [15:0]         arr_context_o,
  output      logic [15:0]         arr_source_o,
  output      logic [31:0]         arr_tag_o,
  output      logic [UnexpW-1:0]   arr_payload_o,
  input  wire logic                arr_done_i,
  input  wire logic                arr_hit_i,
  input  wire logic                arr_full_i,
  input  wire logic [PostedW-1:0]  arr_posted_payload_i,
  input  wire logic [SlotBits-1:0] arr_slot_i,

  // rendezvous that met a posted receive, to tally_rndv
  output      logic                rndv_valid_o,
  input  wire logic                rndv_ready_i,
  output      logic [MatchedW-1:0] rndv_matched_o,

  // job table of tally_rndv: combinational look-up, and the end of a job
  output      logic [JobBits-1:0]  job_index_o,
  input  wire logic                job_valid_i,
  input  wire logic [15:0]         job_source_i,
  input  wire logic [63:0]         job_addr_i,
  input  wire logic [31:0]         job_want_i,
  output      logic                job_end_valid_o,
  input  wire logic                job_end_ready_i,
  output      logic                job_end_nak_o,

  // ReadReq packets to tally_msg_tx (layout there)
  output      logic                read_valid_o,
  input  wire logic                read_ready_i,
  output      logic [ReadW-1:0]    read_data_o,

  // tally_dma_wr client 0
  output      logic                wr_cmd_valid_o,
  input  wire logic                wr_cmd_ready_i,
  output      logic [63:0]         wr_cmd_addr_o,
  output      logic [12:0]         wr_cmd_len_o,
  output      logic                wr_data_valid_o,
  input  wire logic                wr_data_ready_i,
  output      logic [511:0]        wr_data_o,
  input  wire logic                wr_done_i,

  // to tally_copy: the payload of this bounce slot is in memory (pulse)
  output      logic                bounce_done_valid_o,
  output      logic [SlotBits-1:0] bounce_done_slot_o,

  // to tally_credit: one message of this peer left the device (pulse)
  output      logic                credit_valid_o,
  output      logic [15:0]         credit_peer_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,

  output      logic                match_posted_o,
  output      logic                unexpected_o,
  output      logic                truncated_o,
  output      logic                dropped_o,
  output      logic                idle_o
);
  localparam int unsigned Tracked = 32;

  typedef enum logic [3:0] {
    StHead, StMatch, StResult, StRndv, StRead, StWrite, StDrop, StEnd, StCpl
  } state_e;

  state_e state_q, state_d, after_q, after_d;

  // The header is seen on the stream in StHead and kept for the states after it.
  tally_pkg::wire_header_t in, hdr;
  logic [511:0]            hdr_q;
  logic                    hdr_last_q, take, is_rts, is_credit, unused_hdr;
  assign in         = rx_data_i;
  assign hdr        = hdr_q;
  assign take       = state_q == StHead && rx_valid_i;
  assign is_rts     = hdr.ptype == tally_pkg::PacketTypeRts;
  assign is_credit  = hdr.ptype == tally_pkg::PacketTypeCredit;
  assign unused_hdr = ^{hdr, in};

  // ReadData and ReadNak: the job must exist, be this peer's, and contain the bytes.
  logic        job_ok, data_ok, in_is_last;
  logic [32:0] data_end;
  assign job_index_o = state_q == StHead ? in.cookie[JobBits-1:0] : hdr.cookie[JobBits-1:0];
  assign job_ok      = job_valid_i && in.cookie[31:JobBits] == '0 && in.src_node == job_source_i;
  assign data_end    = 33'(in.offset) + 33'(in.payload_len);
  assign data_ok     = job_ok && data_end <= 33'(job_want_i);
  assign in_is_last  = in.flags[tally_pkg::WireFlagLastBit];

  // Match result: where an eager payload goes.
  logic [31:0] room;
  logic [12:0] payload_n, hit_n;
  logic [PostedW-1:0] posted_q;
  logic        cut;
  assign room      = arr_posted_payload_i[64 +: 32];
  assign payload_n = hdr.payload_len[12:0];
  assign hit_n     = 32'(payload_n) > room ? 13'(room) : payload_n;
  assign cut       = 32'(payload_n) > posted_q[64 +: 32];

  // Payload writer: the command and its beats go out side by side; the rest of the packet is
  // dropped.
  logic        start, cmd_pend_q, beat_go, cmd_go, write_end, drop_begin;
  logic [63:0] start_addr, addr_q;
  logic [12:0] start_n, n_q;
  logic [6:0]  left_q;
  logic        bounce_d, bounce_q, track_ready;
  logic [SlotBits-1:0] slot_q;

  assign cmd_go     = wr_cmd_valid_o && wr_cmd_ready_i;
  assign beat_go    = wr_data_valid_o && wr_data_ready_i;
  assign write_end  = (left_q == 7'd1 ? beat_go : left_q == '0) && (!cmd_pend_q || cmd_go);
  // The last beat that is wanted may go before the command was taken: then its "last" must be
  // remembered.
  logic        seen_last_q;
  assign drop_begin = !(seen_last_q || (beat_go && rx_last_i));

  always_comb begin : p_next
    state_d    = state_q;
    after_d    = after_q;
    start      = 1'b0;
    start_addr = '0;
    start_n    = '0;
    bounce_d   = 1'b0;
    unique case (state_q)
      StHead: begin
        after_d = StHead;
        if (rx_valid_i) begin
          state_d = rx_last_i ? StHead : StDrop;
          if (32'(in.src_node) < tally_pkg::MaxNodes) begin
            unique case (in.ptype)
              // All but Eager and ReadData are one beat.
              tally_pkg::PacketTypeEager:                          state_d = StMatch;
              tally_pkg::PacketTypeRts:     if (rx_last_i)           state_d = StMatch;
              tally_pkg::PacketTypeReadReq: if (rx_last_i)           state_d = StRead;
              tally_pkg::PacketTypeCredit:  if (rx_last_i)           state_d = StCpl;
              tally_pkg::PacketTypeReadNak: if (rx_last_i && job_ok) state_d = StEnd;
              tally_pkg::PacketTypeReadData: begin
                if (data_ok) begin
                  after_d    = in_is_last ? StEnd : StHead;
                  start      = in.payload_len != '0;
                  start_addr = job_addr_i + 64'(in.offset);
                  start_n    = in.payload_len[12:0];
                  state_d    = start ? StWrite : after_d;
                end
              end
              default: ;
            endcase
          end
        end
      end
      StMatch: if (arr_ready_i) state_d = StResult;
      StResult: begin
        if (arr_full_i) begin
          after_d = StHead;
          state_d = hdr_last_q ? StHead : StDrop;
        end else if (arr_done_i) begin
          if (is_rts) begin
            state_d = arr_hit_i ? StRndv : StHead;
          end else if (arr_hit_i) begin
            after_d    = StCpl;
            start      = hit_n != '0;
            start_addr = arr_posted_payload_i[63:0];
            start_n    = hit_n;
            state_d    = start ? StWrite : hdr_last_q ? StCpl : StDrop;
          end else begin
            after_d    = StHead;
            start      = payload_n != '0;
            start_addr = bounce_i + 64'(arr_slot_i) * 64'(tally_pkg::BounceSlotBytes);
            start_n    = payload_n;
            bounce_d   = 1'b1;
            state_d    = start ? StWrite : StHead;
          end
        end
      end
      StRndv:  if (rndv_ready_i) state_d = StHead;
      StRead:  if (read_ready_i) state_d = StHead;
      StWrite: if (write_end) state_d = drop_begin ? StDrop : after_q;
      StDrop:  if (rx_valid_i && rx_last_i) state_d = after_q;
      StEnd:   if (job_end_ready_i) state_d = StHead;
      StCpl:   if (cpl_ready_i) state_d = StHead;
      default: state_d = StHead;
    endcase
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q    <= StHead;
      after_q    <= StHead;
      cmd_pend_q <= 1'b0;
      left_q     <= '0;
    end else begin
      state_q <= state_d;
      after_q <= after_d;
      if (start) begin
        cmd_pend_q <= 1'b1;
        left_q     <= 7'((start_n + 13'd63) >> 6);
      end else begin
        if (cmd_go) cmd_pend_q <= 1'b0;
        if (beat_go) left_q <= left_q - 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_data
    if (take) begin
      hdr_q      <= rx_data_i;
      hdr_last_q <= rx_last_i;
    end
    if (start) begin
      addr_q   <= start_addr;
      n_q      <= start_n;
      bounce_q <= bounce_d;
    end
    if (start) seen_last_q <= 1'b0;
    else if (beat_go && rx_last_i) seen_last_q <= 1'b1;
    if (arr_done_i) begin
      posted_q <= arr_posted_payload_i;
      slot_q   <= arr_slot_i;
    end
  end

  assign rx_ready_o = state_q == StHead || state_q == StDrop
                    || (state_q == StWrite && left_q != '0 && wr_data_ready_i);

  assign arr_valid_o   = state_q == StMatch;
  assign arr_context_o = hdr.context_id;
  assign arr_source_o  = hdr.src_node;
  assign arr_tag_o     = hdr.tag;
  assign arr_payload_o = is_rts ? {1'b1, hdr.offset, hdr.cookie, hdr.key, hdr.length, hdr.addr}
                                : {1'b0, 96'd0, 32'(hdr.payload_len), 64'd0};

  assign rndv_valid_o   = state_q == StRndv;
  assign rndv_matched_o = {hdr.tag, hdr.context_id, hdr.src_node, posted_q, arr_payload_o};

  assign read_valid_o = state_q == StRead;
  assign read_data_o  = {hdr.tag, hdr.offset, hdr.count, hdr.context_id, hdr.src_node, hdr.cookie,
                         hdr.key, hdr.length, hdr.addr};

  assign job_end_valid_o = state_q == StEnd;
  assign job_end_nak_o   = hdr.ptype == tally_pkg::PacketTypeReadNak;

  // Writes under way, oldest first: which of them fill a bounce slot.
  logic                track_valid, track_bounce;
  logic [SlotBits-1:0] track_slot;
  logic [$clog2(Tracked+1)-1:0] unused_track_level;
  tally_fifo #(.Width(1 + SlotBits), .Depth(Tracked)) u_track (
    .clk_i, .rst_ni,
    .in_valid_i(cmd_go), .in_ready_o(track_ready), .in_data_i({bounce_q, slot_q}),
    .out_valid_o(track_valid), .out_ready_i(wr_done_i), .out_data_o({track_bounce, track_slot}),
    .level_o(unused_track_level)
  );
  assign bounce_done_valid_o = wr_done_i && track_bounce;
  assign bounce_done_slot_o  = track_slot;

  assign wr_cmd_valid_o  = state_q == StWrite && cmd_pend_q && track_ready;
  assign wr_cmd_addr_o   = addr_q;
  assign wr_cmd_len_o    = n_q;
  assign wr_data_valid_o = state_q == StWrite && left_q != '0 && rx_valid_i;
  assign wr_data_o       = rx_data_i;

  tally_pkg::cqe_t cqe;
  always_comb begin : p_cqe
    cqe            = '0;
    cqe.source     = hdr.src_node;
    if (is_credit) begin
      cqe.opcode = tally_pkg::OpcodeCredit;
      cqe.length = hdr.length;
    end else begin
      cqe.opcode     = tally_pkg::OpcodeRecv;
      cqe.status     = cut ? tally_pkg::StatusTruncated : tally_pkg::StatusOk;
      cqe.length     = 32'(hdr.payload_len);
      cqe.tag        = hdr.tag;
      cqe.context_id = hdr.context_id;
      cqe.cookie     = posted_q[96 +: 32];
      cqe.cycles     = posted_q[128 +: 32];
    end
  end
  assign cpl_valid_o = state_q == StCpl;
  assign cpl_data_o  = cqe;

  assign credit_valid_o = state_q == StCpl && cpl_ready_i && !is_credit;
  assign credit_peer_o  = hdr.src_node;
  assign truncated_o    = credit_valid_o && cut;
  assign match_posted_o = state_q == StResult && arr_done_i && arr_hit_i;
  assign unexpected_o   = state_q == StResult && arr_done_i && !arr_hit_i;
  assign dropped_o      = (state_q == StResult && arr_full_i)
                        || (take && (state_d == StHead || state_d == StDrop)
                            && !(in.ptype == tally_pkg::PacketTypeReadData && data_ok));
  assign idle_o         = state_q == StHead && !rx_valid_i && !track_valid;

  `TALLY_ASSERT_STABLE(ArrStable_A, arr_valid_o, arr_ready_i,
                       {arr_context_o, arr_source_o, arr_tag_o, arr_payload_o})
  `TALLY_ASSERT_STABLE(RndvStable_A, rndv_valid_o, rndv_ready_i, rndv_matched_o)
  `TALLY_ASSERT_STABLE(ReadStable_A, read_valid_o, read_ready_i, read_data_o)
  `TALLY_ASSERT_STABLE(WrCmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, {wr_cmd_addr_o, wr_cmd_len_o})
  `TALLY_ASSERT_STABLE(WrDataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, cpl_data_o)
  `TALLY_ASSERT(ResultExpected_A, (arr_done_i || arr_full_i) |-> state_q == StResult)
  `TALLY_ASSERT(DoneExpected_A, wr_done_i |-> track_valid)
  `TALLY_ASSERT(PayloadFits_A, take |-> in.payload_len <= 16'(tally_pkg::Mtu))
endmodule

`default_nettype wire

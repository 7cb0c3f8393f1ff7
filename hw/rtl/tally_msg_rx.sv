// SPDX-License-Identifier: BSD-3-Clause
// Arrivals of the message path: Eager, Rts and Fin messages that tally_msg_demux has checked.
//
// Eager and Rts go through the match unit. What follows, by its result:
//   Eager  hit     payload to the buffer, cut at its room (Truncated), and a completion; nothing is
//                  written when the region is gone (Protection)
//          stored  payload to the bounce slot
//          spill   header and payload to the endpoint's next spill slot, and a Spill completion
//   Rts    hit     to tally_rndv
//          stored  nothing
//          spill   header to the spill slot, and a Spill completion
// Fin completes the send that it names. A bounce slot is taken before the result is known, for each
// eager message with payload; without one the message is offered as not storable; a slot that was
// not needed goes back.
// The payloads of eager messages are numbered as they come, 54 bits, and unexpected messages keep
// their number; written_o is above the number of a stored payload once it is in memory.
// Ordering: messages enter the match unit, and are disposed of, in the order they came; up to
// Depth are between the two. A completion is offered after the last data handshake of its message.
// Waits for: the match unit, DMA writes, and the queues behind its outputs, which have room by
// admission (docs/device.md); never for sending.
// Latency: 2 cycles to the match unit, 3 from its result to the write. Throughput: one beat a cycle
// in; a message of one payload beat in 5 cycles. Storage: Depth * 760 bits, PayloadBeats * 512
// bits, 32 writes under way.
// Ready paths: none; rx_ready_o depends on registers alone.
`default_nettype none
`include "tally_assert.svh"

module tally_msg_rx #(
  parameter int unsigned Depth        = 8,
  parameter int unsigned PayloadBeats = 128,
  localparam int unsigned PostedW  = 192,
  localparam int unsigned UnexpW   = 193,
  localparam int unsigned MatchedW = 451,
  localparam int unsigned SlotW    = 10,
  localparam int unsigned NumberW  = 54
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [255:0]        bounce_i,
  input  wire logic [255:0]        spill_base_i,

  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [511:0]        rx_data_i,
  input  wire logic                rx_last_i,
  input  wire logic [1:0]          rx_ep_i,

  // tally_slots
  output      logic                get_valid_o,
  output      logic [1:0]          get_ep_o,
  input  wire logic                get_ok_i,
  input  wire logic                get_wait_i,
  input  wire logic [SlotW-1:0]    get_slot_i,
  output      logic                put_valid_o,
  output      logic [1:0]          put_ep_o,
  output      logic [SlotW-1:0]    put_slot_o,
  output      logic                spill_get_valid_o,
  output      logic [1:0]          spill_get_ep_o,
  input  wire logic [15:0]         spill_slot_i,

  // arrival port and results of tally_match
  output      logic                arr_valid_o,
  input  wire logic                arr_ready_i,
  output      logic [1:0]          arr_ep_o,
  output      logic [15:0]         arr_context_o,
  output      logic [15:0]         arr_source_o,
  output      logic [31:0]         arr_tag_o,
  output      logic                arr_storable_o,
  output      logic [UnexpW-1:0]   arr_payload_o,
  input  wire logic                arr_done_i,
  input  wire logic [1:0]          arr_result_i,
  input  wire logic [2:0]          arr_reason_i,
  input  wire logic [31:0]         arr_posts_i,
  input  wire logic [PostedW-1:0]  arr_posted_payload_i,

  // look-up b of tally_mr (combinational)
  output      logic [1:0]          mr_ep_o,
  output      logic [31:0]         mr_key_o,
  output      logic [63:0]         mr_addr_o,
  output      logic [31:0]         mr_len_o,
  input  wire logic                mr_ok_i,

  // rendezvous that met a posted receive, to tally_rndv
  output      logic                rndv_valid_o,
  input  wire logic                rndv_ready_i,
  output      logic [MatchedW-1:0] rndv_matched_o,

  // tally_dma_wr client 0
  output      logic                wr_cmd_valid_o,
  input  wire logic                wr_cmd_ready_i,
  output      logic [63:0]         wr_cmd_addr_o,
  output      logic [12:0]         wr_cmd_len_o,
  output      logic                wr_data_valid_o,
  input  wire logic                wr_data_ready_i,
  output      logic [511:0]        wr_data_o,
  input  wire logic                wr_done_i,

  // stored payloads with a number below this are in memory (tally_copy)
  output      logic [NumberW-1:0]  written_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,
  output      logic [1:0]          cpl_ep_o,

  // a message of this endpoint was disposed of (pulse)
  output      logic [3:0]          resolved_o,

  output      logic                match_posted_o,
  output      logic                unexpected_o,
  output      logic                truncated_o,
  output      logic                protection_o,
  output      logic [3:0]          spill_o,  // by reason: Order, Unexpected, Bounce, Conflict
  output      logic                idle_o
);
  localparam logic [1:0] ResHit = 2'd0, ResStored = 2'd1, ResSpill = 2'd2;
  localparam int unsigned Tracked = 32;
  localparam int unsigned ContextW = 2 + 1 + SlotW + 512;
  localparam int unsigned ResultW  = 2 + 3 + 32 + PostedW;

  // --- intake: header, then its payload ----------------------------------------------------------
  typedef enum logic [1:0] { InHead, InIssue, InBody } in_e;
  in_e                    in_q;
  tally_pkg::msg_header_t ih;
  logic [511:0]           ih_q;
  logic [1:0]             iep_q;
  logic                   ilast_q, i_fin, i_rts, i_pays, i_go, i_slot, arr_valid_q, storable_q;
  logic [NumberW-1:0]     number_q;
  logic                   ctx_ready, pay_ready, pay_push;
  logic [1:0]             arr_ep_q;
  logic [15:0]            arr_context_q, arr_source_q;
  logic [31:0]            arr_tag_q;
  logic [UnexpW-1:0]      arr_payload_q;
  logic                   unused_ih;

  assign ih        = ih_q;
  assign unused_ih = ^ih;
  assign i_fin     = ih.ptype == tally_pkg::PacketTypeFin;
  assign i_rts     = ih.ptype == tally_pkg::PacketTypeRts;
  assign i_pays    = !ilast_q;
  assign i_slot    = i_pays && get_ok_i;
  assign i_go      = in_q == InIssue && ctx_ready
                   && (i_fin || (!arr_valid_q && !(i_pays && get_wait_i)));

  assign rx_ready_o  = in_q == InHead || (in_q == InBody && pay_ready);
  assign pay_push    = in_q == InBody && rx_valid_i && pay_ready;
  assign get_valid_o = i_go && i_pays;
  assign get_ep_o    = iep_q;

  always_ff @(posedge clk_i) begin : p_in
    if (!rst_ni) begin
      in_q        <= InHead;
      arr_valid_q <= 1'b0;
      number_q    <= '0;
    end else begin
      unique case (in_q)
        InHead:  if (rx_valid_i) in_q <= InIssue;
        InIssue: if (i_go) in_q <= ilast_q ? InHead : InBody;
        InBody:  if (pay_push && rx_last_i) in_q <= InHead;
        default: in_q <= InHead;
      endcase
      if (i_go && !i_fin) arr_valid_q <= 1'b1;
      else if (arr_ready_i) arr_valid_q <= 1'b0;
      if (i_go && i_pays) number_q <= number_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin : p_in_data
    if (in_q == InHead && rx_valid_i) begin
      ih_q    <= rx_data_i;
      iep_q   <= rx_ep_i;
      ilast_q <= rx_last_i;
    end
    if (i_go && !i_fin) begin
      arr_ep_q      <= iep_q;
      arr_context_q <= ih.context_id;
      arr_source_q  <= ih.src_rank;
      arr_tag_q     <= ih.tag;
      storable_q    <= !i_pays || get_ok_i;
      arr_payload_q <= i_rts ? {1'b1, ih.offset, ih.cookie, ih.key, ih.length, ih.addr}
                             : {1'b0, 96'd0, 32'(ih.payload_len), number_q, get_slot_i};
    end
  end

  assign arr_valid_o    = arr_valid_q;
  assign arr_ep_o       = arr_ep_q;
  assign arr_context_o  = arr_context_q;
  assign arr_source_o   = arr_source_q;
  assign arr_tag_o      = arr_tag_q;
  assign arr_storable_o = storable_q;
  assign arr_payload_o  = arr_payload_q;

  // --- what waits for its result -----------------------------------------------------------------
  logic                ctx_valid, ctx_slot_valid, res_valid, res_room, pay_valid, pay_pop, take;
  logic [1:0]          ctx_ep, res_result;
  logic [SlotW-1:0]    ctx_slot;
  logic [511:0]        ctx_head, pay_data;
  logic [2:0]          res_reason;
  logic [31:0]         res_posts;
  logic [PostedW-1:0]  res_posted;
  logic [$clog2(Depth+1)-1:0]        unused_ctx_level, unused_res_level;
  logic [$clog2(PayloadBeats+1)-1:0] unused_pay_level;
  tally_pkg::msg_header_t ch;
  logic                c_fin, unused_ch;

  tally_fifo #(.Width(ContextW), .Depth(Depth)) u_context (
    .clk_i, .rst_ni,
    .in_valid_i(i_go), .in_ready_o(ctx_ready), .in_data_i({iep_q, i_slot, get_slot_i, ih_q}),
    .out_valid_o(ctx_valid), .out_ready_i(take),
    .out_data_o({ctx_ep, ctx_slot_valid, ctx_slot, ctx_head}),
    .level_o(unused_ctx_level)
  );
  tally_fifo #(.Width(ResultW), .Depth(Depth)) u_result (
    .clk_i, .rst_ni,
    .in_valid_i(arr_done_i), .in_ready_o(res_room),
    .in_data_i({arr_result_i, arr_reason_i, arr_posts_i, arr_posted_payload_i}),
    .out_valid_o(res_valid), .out_ready_i(take && !c_fin),
    .out_data_o({res_result, res_reason, res_posts, res_posted}),
    .level_o(unused_res_level)
  );
  tally_fifo #(.Width(512), .Depth(PayloadBeats)) u_payload (
    .clk_i, .rst_ni,
    .in_valid_i(pay_push), .in_ready_o(pay_ready), .in_data_i(rx_data_i),
    .out_valid_o(pay_valid), .out_ready_i(pay_pop), .out_data_o(pay_data),
    .level_o(unused_pay_level)
  );
  assign ch        = ctx_head;
  assign c_fin     = ch.ptype == tally_pkg::PacketTypeFin;
  assign unused_ch = ^ch;

  // --- disposal: one message after the other -----------------------------------------------------
  typedef enum logic [2:0] { StIdle, StCheck, StWrite, StDrop, StRndv, StCpl } state_e;
  state_e                 state_q, state_d;
  tally_pkg::msg_header_t h;
  logic [511:0]           h_q;
  logic [1:0]             ep_q, result_q;
  logic                   slot_valid_q, cut_q, fin, rts;
  logic [SlotW-1:0]       slot_q;
  logic [2:0]             reason_q;
  logic [31:0]            posts_q;
  logic [PostedW-1:0]     posted_q;
  logic [12:0]            n_q, fit;     // payload bytes to write when it is a hit
  logic                   unused_h;

  // What StCheck decides.
  logic                   hit, stored, spill, refused, writes, completes;
  logic                   refused_q, completes_q, head_q, cmd_q, bounce_q;
  logic [63:0]            addr_d, addr_q;
  logic [12:0]            len_d, len_q;
  logic [6:0]             pay_beats, pay_q;      // payload beats still to come
  logic [6:0]             write_beats, write_q;  // those of them that are still to be written
  logic [15:0]            spill_q;
  logic [NumberW-1:0]     out_number_q;
  logic                   cmd_go, data_go, write_end, track_ready, ended, cpl_room, cpl_push;

  assign h        = h_q;
  assign unused_h = ^h;
  assign take     = state_q == StIdle && ctx_valid && (c_fin || res_valid);
  assign fit      = 32'(ch.payload_len) > res_posted[64 +: 32] ? res_posted[64 +: 13]
                                                               : ch.payload_len[12:0];

  always_ff @(posedge clk_i) begin : p_take
    if (take) begin
      h_q          <= ctx_head;
      ep_q         <= ctx_ep;
      slot_valid_q <= ctx_slot_valid;
      slot_q       <= ctx_slot;
      result_q     <= res_result;
      reason_q     <= res_reason;
      posts_q      <= res_posts;
      posted_q     <= res_posted;
      n_q          <= fit;
      cut_q        <= 32'(ch.payload_len) > res_posted[64 +: 32];
    end
  end

  assign fin    = h.ptype == tally_pkg::PacketTypeFin;
  assign rts    = h.ptype == tally_pkg::PacketTypeRts;
  assign hit    = !fin && result_q == ResHit;
  assign stored = !fin && result_q == ResStored;
  assign spill  = !fin && result_q == ResSpill;

  assign mr_ep_o   = ep_q;
  assign mr_key_o  = posted_q[160 +: 32];
  assign mr_addr_o = posted_q[0 +: 64];
  assign mr_len_o  = 32'(n_q);

  assign refused   = hit && !rts && !mr_ok_i;
  assign pay_beats = 7'((h.payload_len + 16'd63) >> 6);
  assign completes = fin || spill || (hit && !rts);
  assign writes    = spill || (stored && pay_beats != '0) || (hit && !rts && !refused && n_q != '0);

  always_comb begin : p_target
    addr_d      = posted_q[0 +: 64];
    len_d       = n_q;
    write_beats = 7'((n_q + 13'd63) >> 6);
    if (spill) begin
      addr_d      = spill_base_i[ep_q*64 +: 64]
                  + 64'(spill_slot_i) * 64'(tally_pkg::SpillSlotBytes);
      len_d       = h.payload_len[12:0] + 13'(tally_pkg::MsgHeaderBytes);
      write_beats = pay_beats;
    end else if (stored) begin
      addr_d      = bounce_i[ep_q*64 +: 64] + 64'(slot_q) * 64'(tally_pkg::BounceSlotBytes);
      len_d       = h.payload_len[12:0];
      write_beats = pay_beats;
    end
  end

  assign put_valid_o       = state_q == StCheck && slot_valid_q && !stored;
  assign put_ep_o          = ep_q;
  assign put_slot_o        = slot_q;
  assign spill_get_valid_o = state_q == StCheck && spill;
  assign spill_get_ep_o    = ep_q;

  // Write: the command and its beats go out side by side; what is left of the payload is dropped.
  assign cmd_go    = wr_cmd_valid_o && wr_cmd_ready_i;
  assign data_go   = wr_data_valid_o && wr_data_ready_i;
  assign write_end = (!cmd_q || cmd_go)
                   && (head_q ? data_go && write_q == '0
                              : write_q == '0 || (data_go && write_q == 7'd1));

  always_comb begin : p_next
    state_d = state_q;
    ended   = 1'b0;
    unique case (state_q)
      StIdle:  if (take) state_d = StCheck;
      StCheck: begin
        if (writes) state_d = StWrite;
        else if (hit && rts) state_d = StRndv;
        else if (pay_beats != '0) state_d = StDrop;
        else if (completes) state_d = StCpl;
        else begin
          state_d = StIdle;
          ended   = 1'b1;
        end
      end
      StWrite: begin
        if (write_end) begin
          if (pay_q != write_q) state_d = StDrop;
          else if (completes_q) state_d = StCpl;
          else begin
            state_d = StIdle;
            ended   = 1'b1;
          end
        end
      end
      // Only a hit leaves payload to drop, and a hit completes.
      StDrop: if (pay_valid && pay_q == 7'd1) state_d = StCpl;
      StRndv: begin
        if (rndv_ready_i) begin
          state_d = StIdle;
          ended   = 1'b1;
        end
      end
      StCpl: begin
        if (cpl_room) begin
          state_d = StIdle;
          ended   = 1'b1;
        end
      end
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q      <= StIdle;
      cmd_q        <= 1'b0;
      head_q       <= 1'b0;
      pay_q        <= '0;
      write_q      <= '0;
      out_number_q <= '0;
    end else begin
      state_q <= state_d;
      if (state_q == StCheck) begin
        cmd_q   <= writes;
        head_q  <= spill;
        pay_q   <= fin ? '0 : pay_beats;
        write_q <= writes ? write_beats : '0;
        if (pay_beats != '0) out_number_q <= out_number_q + 1'b1;
      end else begin
        if (cmd_go) cmd_q <= 1'b0;
        if (data_go) head_q <= 1'b0;
        if (data_go && !head_q) write_q <= write_q - 1'b1;
        if (pay_pop) pay_q <= pay_q - 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_decision
    if (state_q == StCheck) begin
      addr_q      <= addr_d;
      len_q       <= len_d;
      bounce_q    <= stored;
      refused_q   <= refused;
      completes_q <= completes;
      spill_q     <= spill_slot_i;
    end
  end

  assign wr_cmd_valid_o  = state_q == StWrite && cmd_q && track_ready;
  assign wr_cmd_addr_o   = addr_q;
  assign wr_cmd_len_o    = len_q;
  assign wr_data_valid_o = state_q == StWrite && (head_q || (write_q != '0 && pay_valid));
  assign wr_data_o       = head_q ? h_q : pay_data;
  assign pay_pop         = pay_valid && ((state_q == StWrite && !head_q && write_q != '0
                                          && wr_data_ready_i) || state_q == StDrop);

  // Writes under way, oldest first: which of them are stored payloads, and what is written then.
  logic               track_valid, track_bounce;
  logic [NumberW-1:0] track_number, written_q;
  logic [$clog2(Tracked+1)-1:0] unused_track_level;
  tally_fifo #(.Width(1 + NumberW), .Depth(Tracked)) u_track (
    .clk_i, .rst_ni,
    .in_valid_i(cmd_go), .in_ready_o(track_ready), .in_data_i({bounce_q, out_number_q}),
    .out_valid_o(track_valid), .out_ready_i(wr_done_i), .out_data_o({track_bounce, track_number}),
    .level_o(unused_track_level)
  );
  always_ff @(posedge clk_i) begin : p_written
    if (!rst_ni) written_q <= '0;
    else if (wr_done_i && track_bounce) written_q <= track_number;
  end
  assign written_o = written_q;

  assign rndv_valid_o   = state_q == StRndv;
  assign rndv_matched_o = {ep_q, h.tag, h.context_id, h.src_rank, posted_q,
                           1'b1, h.offset, h.cookie, h.key, h.length, h.addr};

  // --- completions -------------------------------------------------------------------------------
  tally_pkg::cqe_t cqe;
  always_comb begin : p_cqe
    cqe            = '0;
    cqe.length     = h.length;
    cqe.context_id = h.context_id;
    if (fin) begin
      cqe.cookie = h.cookie;
      cqe.opcode = tally_pkg::OpcodeSend;
      cqe.status = h.status;
      cqe.flags[tally_pkg::CqeFlagRendezvousBit] = 1'b1;
      cqe.cycles = h.offset;
      cqe.detail = h.status == tally_pkg::StatusProtection ? h.key : '0;
    end else if (spill) begin
      cqe.cookie      = 32'(spill_q);
      cqe.opcode      = tally_pkg::OpcodeSpill;
      cqe.flags[15:8] = 8'(reason_q);
      cqe.flags[tally_pkg::CqeFlagRendezvousBit] = rts;
      cqe.tag         = h.tag;
      cqe.source      = h.src_rank;
      cqe.detail      = posts_q;
    end else begin
      cqe.cookie = posted_q[96 +: 32];
      cqe.opcode = tally_pkg::OpcodeRecv;
      cqe.status = refused_q ? tally_pkg::StatusProtection
                 : cut_q ? tally_pkg::StatusTruncated : tally_pkg::StatusOk;
      cqe.tag    = h.tag;
      cqe.source = h.src_rank;
      cqe.cycles = posted_q[128 +: 32];
      cqe.detail = refused_q ? posted_q[160 +: 32] : '0;
    end
  end

  logic [2:0] unused_cpl_level;
  assign cpl_push = state_q == StCpl && cpl_room;
  tally_fifo #(.Width(258), .Depth(4)) u_cpl (
    .clk_i, .rst_ni,
    .in_valid_i(cpl_push), .in_ready_o(cpl_room), .in_data_i({ep_q, cqe}),
    .out_valid_o(cpl_valid_o), .out_ready_i(cpl_ready_i), .out_data_o({cpl_ep_o, cpl_data_o}),
    .level_o(unused_cpl_level)
  );

  always_comb begin : p_resolved
    resolved_o       = '0;
    resolved_o[ep_q] = ended;
    spill_o          = '0;
    if (state_q == StCheck && spill) spill_o[2'(reason_q - 3'd1)] = 1'b1;
  end
  assign match_posted_o = state_q == StCheck && hit;
  assign unexpected_o   = state_q == StCheck && stored;
  assign truncated_o    = cpl_push && hit && !refused_q && cut_q;
  assign protection_o   = cpl_push && hit && refused_q;
  assign idle_o         = in_q == InHead && !rx_valid_i && !ctx_valid && state_q == StIdle
                        && !track_valid && !cpl_valid_o;

  `TALLY_ASSERT_STABLE(ArrStable_A, arr_valid_o, arr_ready_i,
                       {arr_ep_o, arr_context_o, arr_source_o, arr_tag_o, arr_storable_o,
                        arr_payload_o})
  `TALLY_ASSERT_STABLE(RndvStable_A, rndv_valid_o, rndv_ready_i, rndv_matched_o)
  `TALLY_ASSERT_STABLE(WrCmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, {wr_cmd_addr_o, wr_cmd_len_o})
  `TALLY_ASSERT_STABLE(WrDataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, {cpl_data_o, cpl_ep_o})
  `TALLY_ASSERT(ResultRoom_A, arr_done_i |-> res_room)
  `TALLY_ASSERT(DoneExpected_A, wr_done_i |-> track_valid)
  `TALLY_ASSERT(KnownType_A, in_q == InIssue |-> i_fin || i_rts
                || ih.ptype == tally_pkg::PacketTypeEager)
  `TALLY_ASSERT(HasSlot_A, state_q == StCheck && stored && pay_beats != '0 |-> slot_valid_q)
  `TALLY_ASSERT(Reason_A, state_q == StCheck && spill |-> reason_q >= 3'd1 && reason_q <= 3'd4)
endmodule

`default_nettype wire

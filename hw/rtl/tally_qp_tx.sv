// SPDX-License-Identifier: BSD-3-Clause
// SEND requester: messages of three clients go into the retransmit buffer and from there, as often
// as it takes, to tally_frame_tx; acknowledgements take them out again.
//
// Clients: 0 tally_msg_tx (Msg queue pairs; cells reserved before by rsv_*), 1 tally_rndv Fin and 2
// tally_seq (Coll queue pairs). A message enters whole, one client at a time; one that has no room
// is not ready and holds up no other.
// While coll_write_i is high a long Coll message (not Short) of client 2 leaves as RDMA WRITE Only:
// its MsgHeader becomes the RETH (docs/wire.md), which is kept in the packet's record; the payload
// alone goes into the buffer. So a repetition is the same packet.
// Ordering: packets of one queue pair in order of entry, queue pairs in turn packet by packet;
// completions of one queue pair in order. A send is one read of the buffer, the first time and
// later. A packet that is being read is not retired.
// When nothing else is to be sent, a packet is on its way as soon as it is queued: messages of
// client 2 with their header, the reader following the writer; those of the others, whose payload
// may be long in coming, with their last beat.
// Latency: 4 cycles from the header beat of a message of client 2 to req_valid_o, 7 to its first
// beat; for the others as much from their last beat.
// Throughput: a packet of 64 beats each 65 cycles; a message of 2 beats each 5.4 cycles, entered,
// sent and retired (each is five events of tally_qp_state).
// Storage: tally_qp_cells, tally_qp_state; Packets * (402 + 2 * log2(Packets)) bits of records
// (block RAM).
// Limitations: a client's beats, once begun, hold up the other clients until the last one has come,
// and those of client 2 the frame that they are in: they wait for nothing that is still to be
// received.
// Ready for messages RetransmitCells cycles after reset.
`default_nettype none
`include "tally_assert.svh"

module tally_qp_tx #(
  parameter int unsigned Cells   = tally_pkg::RetransmitCells,
  parameter int unsigned Packets = tally_pkg::TxPackets,
  parameter int unsigned RnrTick = 10 * tally_pkg::ClockMhz  // cycles of 10 us
) (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,

  input  wire logic [31:0]   retry_timer_i,
  input  wire logic [15:0]   retry_limits_i,
  input  wire logic [12:0]   tx_window_i,
  input  wire logic          coll_write_i,

  // Endpoints whose completions have room: packets of kind Msg of the others are retired later.
  input  wire logic [3:0]    cq_ok_i,

  input  wire logic          conn_valid_i,
  input  wire logic          conn_up_i,
  input  wire logic [7:0]    conn_qp_i,
  input  wire logic [23:0]   conn_tx_psn_i,

  input  wire logic          rsv_valid_i,
  input  wire logic [7:0]    rsv_qp_i,
  input  wire logic [4:0]    rsv_cells_i,
  output      logic          rsv_ok_o,

  input  wire logic [2:0]    tx_valid_i,
  output      logic [2:0]    tx_ready_o,
  input  wire logic [1535:0] tx_data_i,
  input  wire logic [2:0]    tx_last_i,
  input  wire logic [5:0]    tx_ep_i,
  // client 0, with the header beat: {on_ack, on_error, cqe}
  input  wire logic [257:0]  tx_cpl_i,

  input  wire logic          ack_valid_i,
  input  wire logic [7:0]    ack_qp_i,
  input  wire logic [23:0]   ack_psn_i,
  input  wire logic [7:0]    ack_syndrome_i,

  output      logic          req_valid_o,
  input  wire logic          req_ready_i,
  output      logic [213:0]  req_info_o,
  output      logic          beat_valid_o,
  input  wire logic          beat_ready_i,
  output      logic [511:0]  beat_data_o,

  output      logic          cpl_valid_o,
  input  wire logic          cpl_ready_i,
  output      logic [255:0]  cpl_data_o,
  output      logic [1:0]    cpl_ep_o,

  output      logic          retransmit_o,
  output      logic          timeout_o,
  output      logic          nak_received_o,
  output      logic          rnr_received_o,
  output      logic          qp_error_o,
  output      logic          idle_o
);
  localparam int unsigned CellBits = $clog2(Cells);
  localparam int unsigned PktBits  = $clog2(Packets);
  localparam int unsigned RetBits  = 2*CellBits + 5 + 2 + 258;
  localparam int unsigned SendBits = 1 + 64 + 32 + CellBits + 13;  // {write, va, rkey, cell, bytes}
  localparam logic [7:0]  SendOnly = 8'h04, WriteOnly = 8'h0A;

  // --- buffer, budgets, queue pairs ---
  logic                cells_ready, cells_low, budget_ready, state_ready;
  logic                put_valid, put_last;
  logic [511:0]        put_data;
  logic [CellBits-1:0] put_cell;
  logic                free_valid;
  logic                read_valid, read_ready, read_busy;
  logic [1:0]          take, room;
  logic [9:0]          want_cells;

  logic                enq_valid_q, enq_ready, enq_go, enq_sent, enq_ackreq;
  logic [6:0]          enq_qp_q;
  logic [PktBits-1:0]  enq_pkt_q;
  logic [SendBits-1:0] enq_rec_q;
  logic [23:0]         enq_psn;
  logic                link_valid;
  logic [PktBits-1:0]  link_pkt, link_next;
  logic [127:0]        active, work;
  logic                pick_valid, pick_ready, pick_ok, pick_ackreq, pick_again;
  logic [PktBits-1:0]  pick_pkt;
  logic [23:0]         pick_psn;
  logic                sent_valid, sent_ready;
  logic [PktBits-1:0]  sent_next;
  logic                rpick_valid, rpick_ready, rpick_ok, rpick_error, rpick_flush;
  logic [7:0]          rpick_status;
  logic [PktBits-1:0]  rpick_pkt;
  logic                retd_valid, retd_ready, retd_error;
  logic [PktBits-1:0]  retd_next;
  logic                state_idle;

  // --- records ---
  // What sending needs, what retiring needs, the link to the next packet twice; free numbers.
  logic [SendBits-1:0]  send_mem [Packets];
  logic [RetBits-1:0]   ret_mem [Packets];
  logic [PktBits-1:0]   send_link_mem [Packets];
  logic [PktBits-1:0]   ret_link_mem [Packets];
  logic [PktBits-1:0]   free_mem [Packets];
  logic [SendBits-1:0]  send_rec_q;
  logic [RetBits-1:0]   ret_rec_q;
  logic [PktBits-1:0]   send_link_q, ret_link_q, free_pkt_q;
  logic [PktBits-1:0]   send_addr, ret_addr;

  // --- entry ---
  typedef enum logic [0:0] {EntryIdle, EntryBeats} entry_e;
  entry_e                 entry_q;
  logic [1:0]             sel_q, sel, turn_q;
  logic                   first_q, any, enter, first_beat, last_beat, queue_beat;
  logic [2:0]             eligible;
  logic [14:0]            cells_of;
  logic [511:0]           sel_data;
  logic                   sel_valid, sel_last;
  tally_pkg::msg_header_t head0, head1, head2, head;
  logic [1:0]             sel_ep;
  logic [6:0]             new_qp, qp_q;
  logic [12:0]            new_bytes, bytes_q;
  logic [4:0]             new_cells, cells_q;
  logic [CellBits-1:0]    new_cell, cell_q;
  logic [257:0]           new_cpl, cpl_q;
  logic                   write2, new_write, first_write;
  logic [SendBits-1:0]    new_rec;
  logic                   take_beat;
  logic [PktBits-1:0]     free_rd_q, free_wr_q;
  logic [PktBits:0]       used_q;
  logic                   pkt_init_q;

  assign head0 = tx_data_i[511:0];
  assign head1 = tx_data_i[1023:512];
  assign head2 = tx_data_i[1535:1024];

  // A long Coll message: payload of an RDMA WRITE.
  assign write2 = coll_write_i && head2.ptype == tally_pkg::PacketTypeColl &&
                  !head2.flags[tally_pkg::WireFlagShortBit] && head2.payload_len != '0;

  // ceil((64 + payload) / 256), of an RDMA WRITE ceil(payload / 256)
  assign cells_of[4:0]   = 5'((head0.payload_len + 16'd319) >> 8);
  assign cells_of[9:5]   = 5'((head1.payload_len + 16'd319) >> 8);
  assign cells_of[14:10] = 5'((head2.payload_len + (write2 ? 16'd255 : 16'd319)) >> 8);
  assign want_cells      = cells_of[14:5];
  assign eligible        = tx_valid_i & {room, 1'b1};

  always_comb begin : p_select
    any = 1'b0;
    sel = '0;
    for (int unsigned k = 0; k < 6; k++) begin
      if (!any && eligible[k % 3] && k >= 32'(turn_q)) begin
        any = 1'b1;
        sel = 2'(k % 3);
      end
    end
  end

  // A packet enters only when the event of the one before it goes.
  assign enter = entry_q == EntryIdle && any && (!enq_valid_q || enq_ready) && cells_ready &&
                 budget_ready && state_ready && !pkt_init_q;
  assign take  = {enter && sel == 2'd2, enter && sel == 2'd1};

  always_comb begin : p_source
    unique case (sel_q)
      2'd0: begin
        sel_data  = tx_data_i[511:0];
        new_cells = cells_of[4:0];
      end
      2'd1: begin
        sel_data  = tx_data_i[1023:512];
        new_cells = cells_of[9:5];
      end
      default: begin
        sel_data  = tx_data_i[1535:1024];
        new_cells = cells_of[14:10];
      end
    endcase
    sel_valid = tx_valid_i[sel_q];
    sel_last  = tx_last_i[sel_q];
    sel_ep    = tx_ep_i[sel_q*2 +: 2];
  end

  always_comb begin : p_tx_ready
    tx_ready_o        = '0;
    tx_ready_o[sel_q] = entry_q == EntryBeats;
  end

  assign head      = sel_data;
  assign new_write = sel_q == 2'd2 && write2;
  assign first_write = new_write && first_q;
  assign take_beat = entry_q == EntryBeats && sel_valid;
  assign put_valid = take_beat && !first_write;
  assign put_last  = sel_last;
  assign put_data  = sel_data;
  assign first_beat = take_beat && first_q;
  assign last_beat  = put_valid && sel_last;
  assign queue_beat = sel_q == 2'd2 ? first_beat : last_beat;
  assign new_qp    = first_q ? {sel_q != 2'd0, sel_ep, head.dst_rank[3:0]} : qp_q;
  assign new_bytes = first_q ? head.payload_len[12:0] + (new_write ? 13'd0 : 13'd64) : bytes_q;
  assign new_cell  = first_q ? put_cell : cell_q;
  assign new_cpl   = first_q ? (sel_q == 2'd0 ? tx_cpl_i : 258'd0) : cpl_q;

  // What sending needs. RETH of an RDMA WRITE: the MsgHeader's fields (docs/wire.md).
  assign new_rec = {first_write, head2.count, head2.signature, head2.seq,
                    head2.offset[13:0], head2.flags[tally_pkg::WireFlagLastBit], head2.redop[3:0],
                    head2.dtype[4:0], head2.context_id[5:0], head2.lane[1:0], new_cell, new_bytes};

  always_ff @(posedge clk_i) begin : p_entry
    if (!rst_ni) begin
      entry_q     <= EntryIdle;
      turn_q      <= '0;
      sel_q       <= '0;
      enq_valid_q <= 1'b0;
      free_rd_q   <= '0;
      free_wr_q   <= '0;
      used_q      <= '0;
      pkt_init_q  <= 1'b1;
    end else begin
      if (enq_valid_q && enq_ready) enq_valid_q <= 1'b0;
      unique case (entry_q)
        EntryIdle: if (enter) begin
          entry_q <= EntryBeats;
          sel_q   <= sel;
          turn_q  <= sel == 2'd2 ? 2'd0 : sel + 2'd1;
        end
        default: if (last_beat) entry_q <= EntryIdle;
      endcase
      if (queue_beat) enq_valid_q <= 1'b1;
      if (pkt_init_q && free_wr_q == '1) pkt_init_q <= 1'b0;
      if (pkt_init_q || free_valid) free_wr_q <= free_wr_q + 1'b1;
      if (last_beat) free_rd_q <= free_rd_q + 1'b1;
      used_q <= used_q + (PktBits+1)'(last_beat) - (PktBits+1)'(free_valid);
    end
  end

  always_ff @(posedge clk_i) begin : p_entry_fields
    if (entry_q == EntryIdle) first_q <= 1'b1;
    else if (take_beat) first_q <= 1'b0;
    if (first_beat) begin
      qp_q    <= new_qp;
      bytes_q <= new_bytes;
      cells_q <= new_cells;
      cell_q  <= new_cell;
      cpl_q   <= new_cpl;
    end
    if (queue_beat) begin
      enq_qp_q  <= new_qp;
      enq_pkt_q <= free_pkt_q;
      enq_rec_q <= new_rec;
    end
  end

  // --- retiring: fields of the record ---
  logic [CellBits-1:0] ret_first, ret_last;
  logic [4:0]          ret_cells;
  logic [1:0]          ret_class;
  logic                ret_on_ack, ret_on_error;
  logic [255:0]        ret_cqe;
  logic [PktBits-1:0]  ret_pkt_q;
  assign {ret_first, ret_last, ret_cells, ret_class, ret_on_ack, ret_on_error, ret_cqe} = ret_rec_q;

  // A link that is written while its packet's record is read: the answer includes it.
  logic               send_fwd_q, ret_fwd_q;
  logic [PktBits-1:0] fwd_q;

  always_ff @(posedge clk_i) begin : p_records
    if (first_beat) send_mem[free_pkt_q] <= new_rec;
    if (last_beat) begin
      ret_mem[free_pkt_q] <= {new_cell, put_cell, first_q ? new_cells : cells_q, sel_q, new_cpl};
    end
    if (link_valid) send_link_mem[link_pkt] <= link_next;
    if (link_valid) ret_link_mem[link_pkt] <= link_next;
    if (pkt_init_q || free_valid) free_mem[free_wr_q] <= pkt_init_q ? free_wr_q : ret_pkt_q;
    send_rec_q  <= send_mem[send_addr];
    ret_rec_q   <= ret_mem[ret_addr];
    send_link_q <= send_link_mem[send_addr];
    ret_link_q  <= ret_link_mem[ret_addr];
    free_pkt_q  <= free_mem[last_beat ? free_rd_q + 1'b1 : free_rd_q];
    send_fwd_q  <= link_valid && link_pkt == send_addr;
    ret_fwd_q   <= link_valid && link_pkt == ret_addr;
    fwd_q       <= link_next;
  end

  // --- sending: choose a queue pair, read its packet's record, hand it to the reader ---
  typedef enum logic [1:0] {SendIdle, SendWait, SendInfo} send_e;
  send_e               send_q;
  logic                turn_valid;
  logic [6:0]          turn_qp, send_qp_q;
  logic [PktBits-1:0]  send_pkt_q;
  logic [23:0]         send_psn_q;
  logic                send_ackreq_q, send_done;
  logic                desc_valid_q, desc_ackreq_q, desc_go, desc_open, enq_asks;
  logic [6:0]          next_qp;
  logic [6:0]          desc_qp_q;
  logic [23:0]         desc_psn_q;
  logic [12:0]         desc_bytes_q;
  logic [CellBits-1:0] desc_cell_q;
  logic [PktBits-1:0]  desc_pkt_q, read_pkt_q;
  logic                req_valid_q;
  logic                desc_write_q;
  logic [95:0]         desc_reth_q;   // {va, rkey}
  // {bytes, psn, ackreq, qp} and what a RETH has
  logic [45:0]         req_q;
  logic                req_write_q;
  logic [95:0]         req_reth_q;

  assign pick_valid = send_q == SendIdle && turn_valid;
  assign send_addr  = send_q == SendWait ? pick_pkt : send_pkt_q;
  assign sent_next  = link_valid && link_pkt == send_pkt_q ? link_next
                    : send_fwd_q ? fwd_q : send_link_q;
  assign sent_valid = send_q == SendInfo && (!desc_valid_q || desc_go);
  // The place of the description is free in the next cycle, and no other queue pair asks for it.
  assign enq_go     = send_q == SendIdle && !turn_valid && (!desc_valid_q || desc_go);
  // Asked for an acknowledgement: as a pick, when no message of the queue pair waits to enter.
  assign next_qp    = {1'b0, tx_ep_i[1:0], head0.dst_rank[3:0]};
  // One of kind Coll also asks while cells run short.
  assign enq_asks   = enq_ackreq || (enq_qp_q[6] && cells_low) || (!enq_qp_q[6] &&
                      !(tx_valid_i[0] && (entry_q == EntryIdle || first_q) && next_qp == enq_qp_q));
  assign desc_open  = entry_q == EntryBeats && desc_pkt_q == free_pkt_q;
  assign send_done  = sent_valid && sent_ready;
  assign read_valid = desc_valid_q && (!req_valid_q || req_ready_i);
  assign desc_go    = read_valid && read_ready;

  always_ff @(posedge clk_i) begin : p_send
    if (!rst_ni) begin
      send_q       <= SendIdle;
      desc_valid_q <= 1'b0;
      req_valid_q  <= 1'b0;
    end else begin
      unique case (send_q)
        SendIdle: if (pick_valid && pick_ready) send_q <= SendWait;
        SendWait: send_q <= pick_ok ? SendInfo : SendIdle;
        default:  if (send_done) send_q <= SendIdle;
      endcase
      if (send_done || enq_sent) desc_valid_q <= 1'b1;
      else if (desc_go) desc_valid_q <= 1'b0;
      if (desc_go) req_valid_q <= 1'b1;
      else if (req_ready_i) req_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_send_fields
    if (send_q == SendIdle) send_qp_q <= turn_qp;
    if (send_q == SendWait) begin
      send_pkt_q    <= pick_pkt;
      send_psn_q    <= pick_psn;
      send_ackreq_q <= pick_ackreq;
    end
    if (send_done) begin
      desc_qp_q                   <= send_qp_q;
      desc_psn_q                  <= send_psn_q;
      desc_ackreq_q               <= send_ackreq_q || (send_qp_q[6] && cells_low);
      desc_pkt_q                  <= send_pkt_q;
      {desc_write_q, desc_reth_q, desc_cell_q, desc_bytes_q} <= send_rec_q;
    end
    if (enq_sent) begin
      desc_qp_q     <= enq_qp_q;
      desc_psn_q    <= enq_psn;
      desc_ackreq_q <= enq_asks;
      desc_pkt_q    <= enq_pkt_q;
      {desc_write_q, desc_reth_q, desc_cell_q, desc_bytes_q} <= enq_rec_q;
    end
    if (desc_go) begin
      read_pkt_q  <= desc_pkt_q;
      req_q       <= {desc_bytes_q, desc_psn_q, desc_ackreq_q, 1'b0, desc_qp_q};
      req_write_q <= desc_write_q;
      req_reth_q  <= desc_write_q ? desc_reth_q : '0;
    end
  end

  assign req_valid_o  = req_valid_q;
  assign req_info_o   = {req_q[45:33], req_write_q ? 32'(req_q[45:33]) : 32'd0, req_reth_q[31:0],
                        req_reth_q[95:32], 24'd0, 8'd0, req_q[32:9], req_q[8], req_q[7:0],
                        req_write_q ? WriteOnly : SendOnly};
  assign retransmit_o = send_q == SendWait && pick_ok && pick_again;

  // --- retiring: choose a queue pair, read its oldest record, free it, complete ---
  typedef enum logic [1:0] {RetIdle, RetWait, RetInfo, RetError} ret_e;
  ret_e                ret_q;
  logic                work_valid;
  logic [6:0]          work_qp, ret_qp_q;
  logic                flush_q, locked, complete, ret_done, cpl_room;
  logic [7:0]          status_q;
  logic                cpl_valid_q;
  logic [255:0]        cpl_data_q;
  logic [1:0]          cpl_ep_q;
  tally_pkg::cqe_t     done_cqe, error_cqe;

  // Being read or about to be, or still being written.
  assign locked = (entry_q == EntryBeats && free_pkt_q == rpick_pkt) ||
                  (send_q == SendInfo && send_pkt_q == rpick_pkt) ||
                  (desc_valid_q && desc_pkt_q == rpick_pkt) ||
                  (read_busy && read_pkt_q == rpick_pkt);

  assign rpick_valid = ret_q == RetIdle && work_valid;
  assign ret_addr    = ret_q == RetWait ? rpick_pkt : ret_pkt_q;
  assign retd_next   = link_valid && link_pkt == ret_pkt_q ? link_next
                     : ret_fwd_q ? fwd_q : ret_link_q;
  assign retd_error  = ret_q == RetError;
  assign complete    = retd_error || (flush_q ? ret_on_error : ret_on_ack);
  assign cpl_room    = !cpl_valid_q || cpl_ready_i;
  assign retd_valid  = (ret_q == RetInfo || ret_q == RetError) && (!complete || cpl_room);
  assign ret_done    = retd_valid && retd_ready;
  assign free_valid  = ret_done && !retd_error;

  always_comb begin : p_cqe
    done_cqe = ret_cqe;
    if (flush_q) begin
      done_cqe.status = status_q;
      done_cqe.length = '0;
    end
    error_cqe        = '0;
    error_cqe.opcode = tally_pkg::OpcodeQpError;
    error_cqe.status = status_q;
    error_cqe.source = {12'd0, ret_qp_q[3:0]};
    error_cqe.detail = {31'd0, ret_qp_q[6]};
  end

  always_ff @(posedge clk_i) begin : p_retire
    if (!rst_ni) begin
      ret_q       <= RetIdle;
      cpl_valid_q <= 1'b0;
    end else begin
      unique case (ret_q)
        RetIdle: if (rpick_valid && rpick_ready) ret_q <= RetWait;
        RetWait: begin
          ret_q <= RetIdle;
          if (rpick_error) ret_q <= RetError;
          else if (rpick_ok && !locked) ret_q <= RetInfo;
        end
        default: if (ret_done) ret_q <= RetIdle;
      endcase
      if (ret_done && complete) cpl_valid_q <= 1'b1;
      else if (cpl_ready_i) cpl_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_retire_fields
    if (ret_q == RetIdle) ret_qp_q <= work_qp;
    if (ret_q == RetWait) begin
      ret_pkt_q <= rpick_pkt;
      flush_q   <= rpick_flush;
      status_q  <= rpick_status;
    end
    if (ret_done && complete) begin
      cpl_data_q <= retd_error ? error_cqe : done_cqe;
      cpl_ep_q   <= ret_qp_q[5:4];
    end
  end

  assign cpl_valid_o = cpl_valid_q;
  assign cpl_data_o  = cpl_data_q;
  assign cpl_ep_o    = cpl_ep_q;
  assign idle_o      = state_idle && used_q == '0 && entry_q == EntryIdle && !enq_valid_q &&
                       tx_valid_i == '0 &&
                       send_q == SendIdle && ret_q == RetIdle && !cpl_valid_q && !desc_valid_q &&
                       !req_valid_q &&
                       !read_busy && !beat_valid_o && cells_ready && budget_ready && !pkt_init_q;

  tally_qp_budget #(.Cells(Cells), .Packets(Packets)) u_budget (
    .clk_i, .rst_ni, .ready_o(budget_ready), .tx_window_i,
    .rsv_valid_i, .rsv_qp_i(rsv_qp_i[5:0]), .rsv_cells_i, .rsv_ok_o,
    .want_cells_i(want_cells), .room_o(room), .low_o(cells_low), .take_i(take),
    .free_valid_i(free_valid), .free_class_i(ret_class), .free_qp_i(ret_qp_q[5:0]),
    .free_cells_i(ret_cells)
  );

  tally_qp_cells #(.Cells(Cells)) u_cells (
    .clk_i, .rst_ni, .ready_o(cells_ready),
    .put_valid_i(put_valid), .put_last_i(put_last), .put_data_i(put_data), .put_cell_o(put_cell),
    .free_valid_i(free_valid), .free_first_i(ret_first), .free_last_i(ret_last),
    .read_valid_i(read_valid), .read_ready_o(read_ready), .read_cell_i(desc_cell_q),
    .read_beats_i(7'((desc_bytes_q + 13'd63) >> 6)), .read_open_i(desc_open),
    .read_busy_o(read_busy),
    .beat_valid_o, .beat_ready_i, .beat_data_o
  );

  tally_qp_pick #(.N(128)) u_turn (
    .clk_i, .rst_ni, .want_i(active), .valid_o(turn_valid), .index_o(turn_qp),
    .take_i(pick_valid && pick_ready)
  );
  logic [127:0] may_retire;
  for (genvar q = 0; q < 128; q++) begin : gen_may_retire
    assign may_retire[q] = work[q] && (q >= 64 || cq_ok_i[(q >> 4) & 3]);
  end

  tally_qp_pick #(.N(128)) u_work (
    .clk_i, .rst_ni, .want_i(may_retire), .valid_o(work_valid), .index_o(work_qp),
    .take_i(rpick_valid && rpick_ready)
  );

  tally_qp_state #(.Packets(Packets), .RnrTick(RnrTick)) u_state (
    .clk_i, .rst_ni, .ready_o(state_ready), .retry_timer_i, .retry_limits_i,
    .conn_valid_i(conn_valid_i && !conn_qp_i[7]), .conn_up_i, .conn_qp_i(conn_qp_i[6:0]),
    .conn_psn_i(conn_tx_psn_i),
    .ack_valid_i(ack_valid_i && !ack_qp_i[7]), .ack_qp_i(ack_qp_i[6:0]), .ack_psn_i,
    .ack_syndrome_i,
    .enq_valid_i(enq_valid_q), .enq_ready_o(enq_ready), .enq_qp_i(enq_qp_q), .enq_pkt_i(enq_pkt_q),
    .enq_go_i(enq_go), .enq_sent_o(enq_sent), .enq_psn_o(enq_psn), .enq_ackreq_o(enq_ackreq),
    .link_valid_o(link_valid), .link_pkt_o(link_pkt), .link_next_o(link_next),
    .active_o(active), .pick_valid_i(pick_valid), .pick_ready_o(pick_ready), .pick_qp_i(turn_qp),
    .pick_ok_o(pick_ok),
    .pick_pkt_o(pick_pkt), .pick_psn_o(pick_psn), .pick_ackreq_o(pick_ackreq),
    .pick_again_o(pick_again),
    .sent_valid_i(sent_valid), .sent_ready_o(sent_ready), .sent_qp_i(send_qp_q),
    .sent_psn_i(send_psn_q),
    .sent_next_i(sent_next),
    .work_o(work), .rpick_valid_i(rpick_valid), .rpick_ready_o(rpick_ready), .rpick_qp_i(work_qp),
    .rpick_ok_o(rpick_ok),
    .rpick_error_o(rpick_error), .rpick_flush_o(rpick_flush), .rpick_status_o(rpick_status),
    .rpick_pkt_o(rpick_pkt),
    .retd_valid_i(retd_valid), .retd_ready_o(retd_ready), .retd_qp_i(ret_qp_q),
    .retd_error_i(retd_error),
    .retd_next_i(retd_next),
    .timeout_o, .nak_received_o, .rnr_received_o, .qp_error_o, .idle_o(state_idle)
  );

  logic unused;
  assign unused = ^{rsv_qp_i[7:6], head0, head1, head2, head};

  `TALLY_ASSERT_STABLE(ReqStable_A, req_valid_o, req_ready_i, req_info_o)
  `TALLY_ASSERT_STABLE(BeatStable_A, beat_valid_o, beat_ready_i, beat_data_o)
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, {cpl_data_o, cpl_ep_o})
  `TALLY_ASSERT(OneDescription_A, !(enq_sent && (send_done || (desc_valid_q && !desc_go))))
  `TALLY_ASSERT(PacketBound_A, used_q <= (PktBits+1)'(Packets))
  `TALLY_ASSERT(RsvKind_A, !rsv_valid_i || rsv_qp_i[7:6] == 2'd0)
  `TALLY_ASSERT(PayloadBound_A, !(entry_q == EntryBeats && !first_q) ||
                bytes_q <= 13'(tally_pkg::Mtu))
endmodule

`default_nettype wire

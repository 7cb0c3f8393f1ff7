// SPDX-License-Identifier: BSD-3-Clause
// One lane of the sequencer: program counter, the instruction at work and the next one, operand
// reads ahead of the arrivals, and the packet that may execute.
//
// Ordering: instructions in order; packets of an instruction in order. The next instruction is
// prepared while the present one works and takes over in the cycle after its last packet was
// granted.
// Latency: 2 cycles from an instruction's arrival to its first packet being ready (3 to its first
// read).
// Throughput: within an instruction a packet a cycle, or each 3 cycles where it receives (the next
// head is looked at first); 2 cycles from one instruction to the next. Storage: two instructions.
// Where an operand comes from: host memory, through one of 4 slots of the lane's operand buffer;
// the slot of the last read, when nothing was written over it since (reuse); the last packet that
// the lane wrote (forwarding). See docs/sequencer.md, "Operand forwarding".
// Limitations: none of its own.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_lane #(
  localparam int unsigned Lanes = tally_pkg::NumLanes,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned AddrW = $clog2(tally_pkg::ScheduleEntries),
  localparam int unsigned RankW = $clog2(tally_pkg::MaxRanks)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  // Bytes of a full packet; changes only while no collective runs.
  input  wire logic [12:0]         max_payload_i,

  // start_i loads the program; while run_i is 0 nothing is asked for and everything is forgotten.
  input  wire logic                start_i,
  input  wire logic                run_i,
  input  wire logic [AddrW-1:0]    pc_i,
  input  wire logic [15:0]         len_i,
  output      logic                done_o,
  output      logic [15:0]         steps_o,
  input  wire logic [Lanes*16-1:0] all_steps_i,

  // Instruction preparation.
  output      logic                req_valid_o,
  input  wire logic                req_ready_i,
  output      logic [AddrW-1:0]    req_addr_o,
  input  wire logic                res_valid_i,
  input  wire logic                res_fault_i,
  input  wire logic [3:0]          res_op_i,
  input  wire logic                res_dep_i,
  input  wire logic [LaneW-1:0]    res_dep_lane_i,
  input  wire logic [15:0]         res_dep_step_i,
  input  wire logic [RankW-1:0]    res_send_peer_i,
  input  wire logic [RankW-1:0]    res_recv_peer_i,
  input  wire logic [63:0]         res_src_addr_i,
  input  wire logic [63:0]         res_dst_addr_i,
  input  wire logic [31:0]         res_bytes_i,
  input  wire logic                res_src_dirty_i,
  output      logic                fault_o,

  // Operand reads: src into the slot; the data of one read has come.
  output      logic                rd_valid_o,
  input  wire logic                rd_ready_i,
  output      logic [63:0]         rd_addr_o,
  output      logic [12:0]         rd_len_o,
  output      logic [1:0]          rd_slot_o,
  input  wire logic                rd_filled_i,
  // dst of Reduce, into the one buffer of all lanes.
  output      logic                rdb_valid_o,
  input  wire logic                rdb_full_i,

  // Writes of this collective: launched, answered; another lane launches one; forwarding buffer is
  // settled.
  input  wire logic [7:0]          wr_launched_i,
  input  wire logic [7:0]          wr_done_i,
  input  wire logic                wr_launch_i,
  input  wire logic                fwd_settled_i,

  // Flow heads and credits of the present instruction.
  output      logic [RankW-1:0]    recv_peer_o,
  input  wire logic                head_ok_i,
  input  wire logic                head_newer_i,
  input  wire logic [12:0]         head_len_i,
  output      logic [RankW-1:0]    send_peer_o,
  input  wire logic                send_ok_i,
  input  wire logic                tx_room_i,
  input  wire logic                wr_room_i,
  // The peer's head is not what this instruction expects.
  output      logic                mismatch_o,

  // The packet that may execute; grant_i takes it. operand_release_i: its beats were read.
  output      logic                ready_o,
  input  wire logic                grant_i,
  output      logic                pkt_recv_o,
  output      logic                pkt_send_o,
  output      logic                pkt_write_o,
  output      logic                pkt_operand_o,
  output      logic                pkt_fwd_src_o,
  output      logic                pkt_single_o,
  output      logic                pkt_reduce_o,
  output      logic                pkt_local_reduce_o,
  output      logic                pkt_last_o,
  output      logic [1:0]          pkt_slot_o,
  output      logic [12:0]         pkt_len_o,
  output      logic [63:0]         pkt_dst_addr_o,
  output      logic [31:0]         pkt_number_o,
  input  wire logic                operand_release_i
);
  localparam logic [2:0] Slots = 3'd4;

  logic [31:0] full;  // a full packet
  assign full = 32'(max_payload_i);

  // --- fetch -------------------------------------------------------------------------------------
  logic [AddrW-1:0] pc_q;
  logic [15:0]      left_q, steps_q;
  logic             asked_q;

  logic             nxt_valid_q, nxt_fault_q, nxt_dep_q, nxt_dirty_q;
  logic [3:0]       nxt_op_q;
  logic [LaneW-1:0] nxt_dep_lane_q;
  logic [15:0]      nxt_dep_step_q;
  logic [RankW-1:0] nxt_send_q, nxt_recv_q;
  logic [63:0]      nxt_src_q, nxt_dst_q;
  logic [31:0]      nxt_bytes_q;
  // Reads of the next instruction that go ahead of it: only src that nobody writes, after the last
  // read of the present one.
  logic [63:0]      ahead_addr_q, ahead_addr_d;
  logic [31:0]      ahead_left_q, ahead_left_d;
  logic             ahead_q, ahead_d;    // one was issued
  logic             nxt_clean_read;

  logic load;  // the next instruction becomes the present one

  assign req_valid_o = run_i && left_q != '0 && !asked_q && !nxt_valid_q;
  assign req_addr_o = pc_q;

  // --- the present instruction -------------------------------------------------------------------
  typedef enum logic [1:0] {StEmpty, StWait, StHazard, StRun} state_e;
  state_e           state_q, state_d;
  logic             op_recv_q, op_send_q, op_read_q, op_write_q, op_reduce_q, op_local_q;
  logic             dep_q, dirty_q;
  logic [LaneW-1:0] dep_lane_q;
  logic [15:0]      dep_step_q;
  logic [63:0]      rd_addr_q, dst_q;
  logic [31:0]      rd_left_q, left_bytes_q, number_q;
  logic [7:0]       hazard_q;
  logic             single_q;            // all in one packet
  logic             src_fwd_q, src_reuse_q, src_ahead_q;
  logic             finish, launch;

  // --- operand slots -----------------------------------------------------------------------------
  logic [1:0] wr_slot_q, rd_slot_q;
  logic [2:0] resv_q, filled_q;
  // The last single-packet read and write.
  logic        last_valid_q, last_dirty_q, fwd_valid_q;
  logic [63:0] last_addr_q, fwd_addr_q;
  logic [12:0] last_len_q, fwd_len_q;
  logic [1:0]  last_slot_q, reuse_slot_q;

  logic        dep_ok, nothing, fwd_hit, reuse_hit, rd_take, rd_present, rd_ahead;
  logic [12:0] len;
  logic        has_bytes;
  logic [7:0]  hazard_left;

  assign dep_ok = !dep_q || all_steps_i[dep_lane_q*16 +: 16] >= dep_step_q;
  assign has_bytes = left_bytes_q != '0;
  assign nothing = !op_recv_q && !op_send_q && !has_bytes;
  assign len = left_bytes_q > full ? max_payload_i : left_bytes_q[12:0];
  assign hazard_left = hazard_q - wr_done_i;

  // Only StWait looks at these; rd_addr_q is the address of src then.
  assign fwd_hit = op_read_q && !op_local_q && single_q && has_bytes && fwd_valid_q &&
                   fwd_addr_q == rd_addr_q && fwd_len_q == len;
  assign reuse_hit = op_read_q && !op_local_q && single_q && has_bytes && last_valid_q &&
                     last_addr_q == rd_addr_q && last_len_q == len && resv_q != Slots &&
                     !src_ahead_q;

  always_comb begin : p_next_state
    state_d = state_q;
    finish = 1'b0;
    launch = 1'b0;
    unique case (state_q)
      StEmpty: ;
      StWait: begin
        if (dep_ok) begin
          if (nothing) finish = 1'b1;
          else begin
            launch = 1'b1;
            // Reads of memory that was written here wait for the writes, unless no read is needed.
            state_d = (op_read_q && has_bytes && (dirty_q || op_local_q) && !fwd_hit &&
                       !reuse_hit && wr_launched_i != wr_done_i) ? StHazard : StRun;
          end
        end
      end
      StHazard: if (hazard_left == '0 || hazard_left[7]) state_d = StRun;
      StRun: if (grant_i && pkt_last_o) finish = 1'b1;
      default: state_d = StEmpty;
    endcase
    load = run_i && nxt_valid_q && !nxt_fault_q && (state_q == StEmpty || finish);
    if (load) state_d = StWait;
    else if (finish) state_d = StEmpty;
    if (!run_i) state_d = StEmpty;
  end

  assign fault_o = run_i && nxt_valid_q && nxt_fault_q && state_q == StEmpty;
  assign done_o = left_q == '0 && !asked_q && !nxt_valid_q && state_q == StEmpty;
  assign steps_o = steps_q;

  // --- reads -------------------------------------------------------------------------------------
  assign rd_present = op_read_q && !src_fwd_q && !src_reuse_q && rd_left_q != '0;
  assign nxt_clean_read = !nxt_fault_q && !nxt_dirty_q &&
                          (nxt_op_q == 4'd1 || nxt_op_q == 4'd3 || nxt_op_q == 4'd5 ||
                           nxt_op_q >= 4'd7);
  // An operand that can be reused is not read ahead.
  assign rd_ahead = !rd_present && nxt_valid_q && nxt_clean_read && ahead_left_q != '0 &&
                    (ahead_q || !(last_valid_q && last_addr_q == nxt_src_q &&
                                  32'(last_len_q) == nxt_bytes_q));
  assign rd_valid_o = run_i && state_q == StRun && (rd_present || rd_ahead) && resv_q != Slots;
  assign rd_addr_o = rd_present ? rd_addr_q : ahead_addr_q;
  always_comb begin : p_rd_len
    rd_len_o = rd_present ? rd_left_q[12:0] : ahead_left_q[12:0];
    if ((rd_present ? rd_left_q : ahead_left_q) > full) rd_len_o = max_payload_i;
  end
  assign rd_slot_o = wr_slot_q;
  assign rd_take = rd_valid_o && rd_ready_i;
  always_comb begin : p_ahead
    ahead_d = ahead_q;
    ahead_addr_d = ahead_addr_q;
    ahead_left_d = ahead_left_q;
    if (rd_take && !rd_present) begin
      ahead_d = 1'b1;
      ahead_addr_d = ahead_addr_q + 64'(max_payload_i);
      ahead_left_d = ahead_left_q - 32'(rd_len_o);
    end
    if (res_valid_i) begin
      ahead_d = 1'b0;
      ahead_addr_d = res_src_addr_i;
      ahead_left_d = res_bytes_i;
    end
  end
  assign rdb_valid_o = run_i && state_q == StRun && op_local_q && has_bytes && !rdb_full_i;

  // --- the packet --------------------------------------------------------------------------------
  logic operand_ok;

  assign pkt_recv_o = op_recv_q;
  assign pkt_send_o = op_send_q;
  assign pkt_write_o = op_write_q && has_bytes;
  assign pkt_operand_o = op_read_q && has_bytes;
  assign pkt_fwd_src_o = src_fwd_q;
  assign pkt_single_o = single_q;
  assign pkt_reduce_o = op_reduce_q;
  assign pkt_local_reduce_o = op_local_q;
  assign pkt_last_o = left_bytes_q <= full;
  assign pkt_slot_o = src_reuse_q ? reuse_slot_q : rd_slot_q;
  assign pkt_len_o = len;
  assign pkt_dst_addr_o = dst_q;
  assign pkt_number_o = number_q;

  assign operand_ok = !pkt_operand_o ||
                      (src_fwd_q ? fwd_settled_i : (src_reuse_q || filled_q != '0));
  assign ready_o = run_i && state_q == StRun && operand_ok && (!op_local_q || rdb_full_i) &&
                   (!op_recv_q || (head_ok_i && head_len_i == len)) &&
                   (!op_send_q || (send_ok_i && tx_room_i)) && (!pkt_write_o || wr_room_i);
  assign mismatch_o = run_i && state_q == StRun && op_recv_q &&
                      (head_newer_i || (head_ok_i && head_len_i != len));

  // --- registers ---------------------------------------------------------------------------------
  always_ff @(posedge clk_i) begin : p_control
    if (!rst_ni || start_i) begin
      state_q      <= StEmpty;
      asked_q      <= 1'b0;
      nxt_valid_q  <= 1'b0;
      steps_q      <= '0;
      left_q       <= rst_ni ? len_i : '0;
      wr_slot_q    <= '0;
      rd_slot_q    <= '0;
      resv_q       <= '0;
      filled_q     <= '0;
      last_valid_q <= 1'b0;
      fwd_valid_q  <= 1'b0;
    end else begin
      state_q <= state_d;
      if (!run_i) begin
        asked_q     <= 1'b0;
        nxt_valid_q <= 1'b0;
        left_q      <= '0;
      end else begin
        if (req_valid_o && req_ready_i) begin
          asked_q <= 1'b1;
          left_q  <= left_q - 1'b1;
        end else if (res_valid_i) begin
          asked_q <= 1'b0;
        end
        if (res_valid_i) nxt_valid_q <= 1'b1;
        else if (load)   nxt_valid_q <= 1'b0;
        if (finish) steps_q <= steps_q + 1'b1;
      end
      if (rd_take) wr_slot_q <= wr_slot_q + 1'b1;
      // A reused slot is kept by a reservation of its own until its beats were read.
      resv_q <= resv_q + 3'(rd_take || (launch && !fwd_hit && reuse_hit)) - 3'(operand_release_i);
      if (grant_i && pkt_operand_o && !src_fwd_q && !src_reuse_q) begin
        rd_slot_q <= rd_slot_q + 1'b1;
        filled_q  <= filled_q + 3'(rd_filled_i) - 3'd1;
      end else begin
        filled_q <= filled_q + 3'(rd_filled_i);
      end
      if (rd_take) last_valid_q <= rd_present ? (single_q && !(wr_launch_i && dirty_q))
                                              : nxt_bytes_q <= full;
      else if (wr_launch_i && last_dirty_q) last_valid_q <= 1'b0;
      if (wr_launch_i) fwd_valid_q <= grant_i && pkt_write_o && single_q;
    end
  end

  always_ff @(posedge clk_i) begin : p_payload
    if (start_i) pc_q <= pc_i;
    else if (req_valid_o && req_ready_i) pc_q <= pc_q + 1'b1;
    if (res_valid_i) begin
      nxt_fault_q    <= res_fault_i;
      nxt_dep_q      <= res_dep_i;
      nxt_dirty_q    <= res_src_dirty_i;
      nxt_op_q       <= res_op_i;
      nxt_dep_lane_q <= res_dep_lane_i;
      nxt_dep_step_q <= res_dep_step_i;
      nxt_send_q     <= res_send_peer_i;
      nxt_recv_q     <= res_recv_peer_i;
      nxt_src_q      <= res_src_addr_i;
      nxt_dst_q      <= res_dst_addr_i;
      nxt_bytes_q    <= res_bytes_i;
    end
    ahead_q      <= ahead_d;
    ahead_addr_q <= ahead_addr_d;
    ahead_left_q <= ahead_left_d;
    if (load) begin
      // Nop is 0; Reduce (4) is the one that reduces without receiving.
      op_recv_q    <= nxt_op_q == 4'd2 || nxt_op_q >= 4'd5;
      op_send_q    <= nxt_op_q == 4'd1 || nxt_op_q >= 4'd6;
      op_read_q    <= nxt_op_q == 4'd1 || nxt_op_q == 4'd3 || nxt_op_q == 4'd4 ||
                      nxt_op_q == 4'd5 || nxt_op_q >= 4'd7;
      op_write_q   <= nxt_op_q != 4'd0 && nxt_op_q != 4'd1 && nxt_op_q != 4'd7;
      op_reduce_q  <= nxt_op_q == 4'd4 || nxt_op_q == 4'd5 || nxt_op_q >= 4'd7;
      op_local_q   <= nxt_op_q == 4'd4;
      dep_q        <= nxt_dep_q;
      dirty_q      <= nxt_dirty_q;
      dep_lane_q   <= nxt_dep_lane_q;
      dep_step_q   <= nxt_dep_step_q;
      send_peer_o  <= nxt_send_q;
      recv_peer_o  <= nxt_recv_q;
      rd_addr_q    <= ahead_addr_d;
      dst_q        <= nxt_dst_q;
      rd_left_q    <= ahead_left_d;
      src_ahead_q  <= ahead_d;
      left_bytes_q <= nxt_op_q == 4'd0 ? '0 : nxt_bytes_q;
      single_q     <= nxt_bytes_q <= full;
      number_q     <= '0;
    end else begin
      if (rd_take && rd_present) begin
        rd_addr_q <= rd_addr_q + 64'(max_payload_i);
        rd_left_q <= rd_left_q - 32'(rd_len_o);
      end
      if (grant_i) begin
        dst_q        <= dst_q + 64'(max_payload_i);
        left_bytes_q <= left_bytes_q - 32'(len);
        number_q     <= number_q + 1'b1;
      end
    end
    if (launch) begin
      hazard_q     <= wr_launched_i;
      src_fwd_q    <= fwd_hit;
      src_reuse_q  <= !fwd_hit && reuse_hit;
      reuse_slot_q <= last_slot_q;
    end
    if (rd_take) begin
      last_addr_q  <= rd_addr_o;
      last_len_q   <= rd_len_o;
      last_slot_q  <= wr_slot_q;
      last_dirty_q <= rd_present && dirty_q;
    end
    if (grant_i && pkt_write_o) begin
      fwd_addr_q <= dst_q;
      fwd_len_q  <= len;
    end
  end

  `TALLY_ASSERT(GrantReady_A, grant_i |-> ready_o)
  `TALLY_ASSERT(SlotBound_A, resv_q <= Slots)
  `TALLY_ASSERT(FilledBound_A, filled_q <= resv_q)
  `TALLY_ASSERT(ReleaseReserved_A, operand_release_i |-> resv_q != '0)
endmodule

`default_nettype wire
